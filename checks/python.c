/* python: the service's own interpreter can import what the service imports, in the versions it was tested with. What is
 * looked at is not a list of files: modules are imported, in the service's folder and environment. */
#include <signal.h>
#include <sys/wait.h>

#include "pep440.h"
#include "program.h"
#include "python_probe.h"

struct python_conf {
	const char *interpreter, *working_directory, *librdkafka_min_version;
	struct strlist modules, distributions, forbidden;
};

static const char *module_problem(const char *text)
{
	for (const char *s = text;; s++) {
		size_t n = strcspn(s, ".");

		if (!n || strcspn(s, " \t-/\\:;,()[]{}<>=!~'\"+*&|^%@#?$`") < n ||
		    (*s >= '0' && *s <= '9'))
			return "is not the name of a module, as import takes it";
		s += n;
		if (!*s)
			return NULL;
	}
}

static const char *least_version_problem(const char *text)
{
	char demand[60];

	return snprintf(demand, sizeof demand, "x >= %s", text) >= (int)sizeof demand ||
		       strchr(text, ',') || demand_problem(demand)
		   ? "is not a version such as 2.6.1"
		   : NULL;
}

static const struct key python_keys[] = {
    KEY_PATH(struct python_conf, interpreter, .def = "python3",
	     .doc = "The interpreter of the service: a path, or a name that is looked up in PATH.",
	     .example = "\"/opt/venv/bin/python\""),
    KEY_STRLIST(struct python_conf, modules, .check = module_problem,
		.doc =
		    "Modules that are imported, one after the other in one interpreter, as the "
		    "service does "
		    "it: what an import does is done. One that takes long needs attempt_timeout.",
		.example = "[\"confluent_kafka\", \"fastavro\"]"),
    KEY_STRLIST(
	struct python_conf, distributions, .check = demand_problem,
	.doc = "Distributions that must be installed, with versions as pip reads them (PEP 440).",
	.example = "[\"confluent-kafka >= 2.6.1, < 3\"]"),
    KEY_STRLIST(
	struct python_conf, forbidden, .check = demand_problem,
	.doc = "Distributions that must not be installed, all versions or those that are named.",
	.example = "[\"kafka-python < 3.0.0\", \"kafka-python-ng\"]"),
    KEY_STR(
	struct python_conf, librdkafka_min_version, .flags = K_NUMBERS,
	.check = least_version_problem,
	.doc = "Oldest librdkafka that the service's confluent_kafka may bring along. Before 2.6.1 "
	       "SCRAM fails against current brokers, with the words of a wrong password.",
	.example = "\"2.6.1\""),
    KEY_PATH(struct python_conf, working_directory,
	     .doc =
		 "Where the service runs (default: where startguard does). Modules are looked for "
		 "there first, as \"python -m\" does.",
	     .example = "\"/app\""),
    KEY_END,
};
static const struct schema python_schema = {
    .name = "python", .size = sizeof(struct python_conf), .keys = python_keys};

static const char *python_validate(const void *conf, const char **key)
{
	const struct python_conf *c = conf;

	*key = NULL;
	if (!c->modules.n && !c->distributions.n && !c->forbidden.n && !c->librdkafka_min_version)
		return "give at least one of modules, distributions, forbidden, "
		       "librdkafka_min_version";
	return NULL;
}

/* ---- what it says ---------------------------------------------------------------------------------------------------- */
struct probing {
	const struct check_run *run;
	const struct python_conf *conf;
	struct diag *out;
	size_t problems, imported;
	bool old, asked, ended;
	char version[32], executable[256], librdkafka[40];
	char at[200];         /* the module that is being imported; empty: none */
	struct str installed; /* "confluent-kafka 2.6.1, fastavro 1.9.0" */
	struct str others;    /* problems behind the first */
};

/* The first problem is the diagnosis, the others are named behind it: one start shows all that is wrong. */
static void problem(struct probing *p, enum diag_code code, const char *subject, const char *fmt,
		    ...) PRINTF_LIKE(4, 5);
static void problem(struct probing *p, enum diag_code code, const char *subject, const char *fmt,
		    ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (p->problems++)
		str_addf(&p->others, "; %s: %s", subject, text);
	else
		check_fail(p->out, code, subject, "%s%s%s%s%s", p->executable,
			   *p->version ? " (Python " : "", p->version, *p->version ? "): " : "",
			   text);
}

/* "d3": the fourth demand of the profile; NULL when it is none. */
static const char *demand_of(const struct probing *p, const char *tag)
{
	const struct strlist *list = *tag == 'd' ? &p->conf->distributions : &p->conf->forbidden;
	int64_t i;

	if (!*tag || parse_i64(tag + 1, 0, INT32_MAX, &i) || (size_t)i >= list->n)
		return NULL;
	return list->v[i];
}

static void judge_distribution(struct probing *p, const char *tag, const char *version)
{
	const char *demand = demand_of(p, tag), *is = *version ? version : "one without a version";
	char name[DEMAND_NAME_MAX];
	enum demand_result r;

	if (!demand)
		return;
	demand_name(demand, name);
	r = demand_check(demand, version);
	if (*tag == 'd')
		str_addf(&p->installed, "%s%s %s", p->installed.len ? ", " : "", name, is);
	if (*tag == 'd' && r != DEMAND_MET)
		problem(p, D_PYTHON_VERSION, name, "%s is installed, %s is demanded", is,
			demand_specifiers(demand));
	else if (*tag == 'f' && r == DEMAND_MET)
		problem(p, D_PYTHON_FORBIDDEN, name, "%s is installed, %s is forbidden", is,
			demand);
	else if (*tag == 'f' && r == DEMAND_UNCLEAR)
		problem(p, D_PYTHON_VERSION, name,
			"%s is installed: whether that is forbidden (%s) cannot be told", is,
			demand);
}

static void judge_missing(struct probing *p, const char *tag)
{
	const char *demand = demand_of(p, tag);
	char name[DEMAND_NAME_MAX];

	if (!demand || *tag != 'd')
		return;
	demand_name(demand, name);
	problem(p, D_PYTHON_MODULE_MISSING, name, "no distribution of this name is installed");
}

/* What came is a text and a number, 0x020601ff: the text of a build of its own need not be a version. */
static void judge_librdkafka(struct probing *p, const char *version, const char *number)
{
	const char *least = p->conf->librdkafka_min_version;
	char demand[80], numbered[40];
	int64_t n = 0;

	if (version_pep440_problem(version) && !parse_i64(number, 1, UINT32_MAX, &n)) {
		snprintf(numbered, sizeof numbered, "%d.%d.%d", (int)(n >> 24),
			 (int)(n >> 16 & 0xff), (int)(n >> 8 & 0xff));
		version = numbered;
	}
	text_clean(p->librdkafka, sizeof p->librdkafka, version);
	if (!least)
		return;
	snprintf(demand, sizeof demand, "librdkafka >= %s", least);
	if (version_pep440_problem(version))
		problem(p, D_PYTHON_MODULE_BROKEN, "confluent_kafka",
			"the version of its librdkafka cannot be told: libversion() gives \"%s\"",
			version);
	else if (demand_check(demand, version) != DEMAND_MET)
		problem(p, D_PYTHON_LIBRDKAFKA_OLD, "confluent_kafka",
			"it brings librdkafka %s, librdkafka_min_version is %s", version, least);
}

static void judge_unclear(struct probing *p, const char *tag, const char *why)
{
	const char *demand = demand_of(p, tag);
	char name[DEMAND_NAME_MAX];

	if (!demand)
		return;
	demand_name(demand, name);
	problem(p, D_PYTHON_VERSION, name, "what is installed cannot be told: %s", why);
}

static void hear_of_module(struct probing *p, const char *word, const char *name, const char *why)
{
	p->at[0] = '\0';
	if (str_eq(word, "importing")) {
		text_clean(p->at, sizeof p->at, name);
		check_step(p->run, PH_ASSERT, "importing %s", p->at);
	} else if (str_eq(word, "imported")) {
		p->imported++;
	} else if (str_eq(word, "missing")) {
		problem(p, D_PYTHON_MODULE_MISSING, name, "%s", why);
	} else if (str_eq(word, "broken")) {
		problem(p, D_PYTHON_MODULE_BROKEN, name, "its import fails with %s", why);
	}
}

static void hear_of_client(struct probing *p, const char *word, const char *a, const char *b)
{
	if (str_eq(word, "asking")) {
		p->asked = true;
		check_step(p->run, PH_ASSERT, "asking confluent_kafka for its librdkafka");
	} else if (str_eq(word, "librdkafka")) {
		judge_librdkafka(p, a, b);
	} else if (str_eq(word, "no librdkafka") && p->conf->librdkafka_min_version) {
		problem(p, D_PYTHON_MODULE_BROKEN, "confluent_kafka",
			"the version of its librdkafka cannot be told: %s", a);
	}
}

static void heard(void *ctx, const char *line)
{
	struct probing *p = ctx;
	char buf[PROGRAM_LINE_MAX], *rest = buf;
	const char *word, *a, *b;

	snprintf(buf, sizeof buf, "%s", line);
	word = strsep(&rest, "\t");
	a = rest ? strsep(&rest, "\t") : "";
	b = rest ? strsep(&rest, "\t") : "";
	if (str_eq(word, "python")) {
		text_clean(p->version, sizeof p->version, a);
		text_clean(p->executable, sizeof p->executable, b);
		check_reached(p->run, "Python %s", p->version);
	} else if (str_eq(word, "too old")) {
		p->old = true;
	} else if (str_eq(word, "distribution")) {
		judge_distribution(p, a, b);
	} else if (str_eq(word, "no distribution")) {
		judge_missing(p, a);
	} else if (str_eq(word, "unclear")) {
		judge_unclear(p, a, b);
	} else if (str_eq(word, "end")) {
		p->ended = true;
	} else if (str_eq(word, "asking") || str_ends(word, "librdkafka")) {
		hear_of_client(p, word, a, b);
	} else {
		hear_of_module(p, word, a, b);
	}
}

/* ---- one attempt ----------------------------------------------------------------------------------------------------- */
/* What the probe is to look at, each with a tag that comes back with the answer: "d0=confluent-kafka". */
static size_t add_wanted(const char **argv, size_t n, char letter, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++) {
		char name[DEMAND_NAME_MAX];
		struct str one;

		demand_name(list->v[i], name);
		str_init(&one, 8192);
		str_addf(&one, "%c%zu=%s", letter, i, letter == 'm' ? list->v[i] : name);
		argv[n++] = one.s; /* the child's memory goes with it */
	}
	return n;
}

static enum program_trouble start(const struct python_conf *c, struct program *program)
{
	const char **argv =
	    xcalloc(c->distributions.n + c->forbidden.n + c->modules.n + 8, sizeof *argv);
	size_t n = 0;
	struct str number;
	int fd = program_words(program);

	if (fd < 0)
		return PROGRAM_NO_PROCESS;
	str_init(&number, 16);
	str_addf(&number, "%d", fd);
	argv[n++] = c->interpreter;
	argv[n++] = "-B"; /* a check writes no files: the service may */
	argv[n++] = "-c";
	argv[n++] = python_probe;
	argv[n++] = number.s;
	n = add_wanted(argv, n, 'd', &c->distributions);
	n = add_wanted(argv, n, 'f', &c->forbidden);
	n = add_wanted(argv, n, 'm', &c->modules);
	if (c->librdkafka_min_version)
		argv[n++] = "m=confluent_kafka";
	return program_start(program, argv, c->working_directory);
}

/* How a process ended, in words. */
static const char *ending(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "ended with status %d", WEXITSTATUS(status));
	return buf;
}

/* Where Python itself could not begin or go on, it says so in a line of this form, and more behind it. */
static const char *reason_of_end(const struct program *program, char *buf, size_t size)
{
	const char *fatal = strstr(program->err_text, "Fatal Python error: ");

	if (!fatal)
		return program_last_words(program, buf, size);
	text_clean_n(buf, size, fatal, strcspn(fatal, "\r\n"));
	return buf;
}

/* The interpreter did not come to the end of what it was asked. */
static enum result cut_short(struct probing *p, const struct program *program, bool ended,
			     int status)
{
	const char *module = p->asked ? "confluent_kafka" : p->at;
	const char *subject = *module ? module : p->conf->interpreter;
	const char *while_what = p->asked  ? " while it was asked for its librdkafka"
				 : *module ? " while it was imported"
					   : "";
	char how[80], buf[300];
	const char *words = reason_of_end(program, buf, sizeof buf);

	if (!ended) {
		kill(program->pid, SIGKILL);
		problem(p, D_GUARD_DEADLINE, subject,
			"the interpreter was still running at the deadline%s; last words: %s",
			while_what, words);
	} else if (!*p->version) {
		problem(p, D_PYTHON_INTERPRETER_MISSING, subject,
			"it %s before it ran a line of Python; last words: %s",
			ending(status, how, sizeof how), words);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == PROBE_DESCRIPTOR_GONE && *module) {
		problem(p, D_PYTHON_MODULE_BROKEN, subject,
			"its import closes descriptors that are not its own: what follows it "
			"cannot be looked at");
	} else {
		problem(p, D_PYTHON_MODULE_BROKEN, subject, "the interpreter %s%s; last words: %s",
			ending(status, how, sizeof how), while_what, words);
	}
	return RESULT_FAIL;
}

static enum result judge(struct probing *p)
{
	if (p->old)
		return check_fail(p->out, D_PYTHON_INTERPRETER_MISSING, p->conf->interpreter,
				  "%s is Python %s: 3.8 or newer is needed to look into it",
				  p->executable, p->version);
	check_fact(p->run, "python", "%s", p->version);
	check_fact(p->run, "executable", "%s", p->executable);
	if (p->installed.len)
		check_fact(p->run, "distributions", "%s", p->installed.s);
	if (*p->librdkafka)
		check_fact(p->run, "librdkafka", "%s", p->librdkafka);
	if (p->conf->modules.n)
		check_fact(p->run, "imported", "%zu", p->imported);
	if (p->conf->librdkafka_min_version && !*p->librdkafka && !p->problems)
		problem(p, D_PYTHON_MODULE_BROKEN, "confluent_kafka",
			"its librdkafka cannot be asked for: the module is gone after its import");
	if (p->problems)
		return RESULT_FAIL;
	check_summary(p->run, "Python %s%s%s%s%s", p->version, p->installed.len ? ", " : "",
		      p->installed.s, *p->librdkafka ? ", librdkafka " : "", p->librdkafka);
	return RESULT_PASS;
}

/* The first problem keeps its words; what else was found stands behind them, as much as has room. */
static void add_others(struct probing *p)
{
	struct str all;

	if (!p->others.len)
		return;
	str_init(&all, 2 * DIAG_CAUSE_MAX);
	str_addf(&all, "%s; also%s", p->out->cause, p->others.s + 1);
	text_clean(p->out->cause, sizeof p->out->cause, all.s);
	str_free(&all);
}

static enum result python_run(const struct check_run *run, struct diag *out)
{
	const struct python_conf *c = run->conf;
	struct program *program = xcalloc(1, sizeof *program);
	struct probing p = {.run = run, .conf = c, .out = out};
	enum program_trouble trouble;
	enum result v;
	int status = 0;
	bool ended;

	str_init(&p.installed, 400);
	str_init(&p.others, DIAG_CAUSE_MAX);
	check_step(run, PH_CONFIG, "starting %s", c->interpreter);
	program_init(program);
	trouble = start(c, program);
	if (trouble)
		return program_not_started(trouble, c->interpreter, c->working_directory,
					   D_PYTHON_INTERPRETER_MISSING,
					   D_PYTHON_INTERPRETER_MISSING, out);
	ended = program_listen(program, run->deadline, &status, heard, &p);
	v = p.ended || p.old ? judge(&p) : cut_short(&p, program, ended, status);
	add_others(&p);
	return v;
}

extern const struct check_kind check_python;
const struct check_kind check_python = {
    .name = "python",
    .summary = "the service's interpreter has its modules, in the right versions, and no others",
    .schema = &python_schema,
    .validate = python_validate,
    .needs_exec = true,
    .run = python_run,
};
