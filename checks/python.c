/* python: the service's own interpreter can import what the service imports, in the versions it was tested with. Modules are
 * really imported, in the service's folder and environment: a list of files would not show what an import needs. */
#include <signal.h>
#include <sys/wait.h>

#include "findings.h"
#include "probe.h"
#include "program.h"
#include "requirement.h"
#include "version.h"

enum swallowed { SWALLOWED_TELL, SWALLOWED_FAIL, SWALLOWED_OFF };
static const char *const swallowed_choices[] = {"tell", "fail", "off", NULL};

#define SWALLOWED_FACTS 8

struct python_conf {
	const char *interpreter, *working_directory, *librdkafka_min_version;
	struct strlist modules, calls, distributions, forbidden, may_lack;
	int swallowed;
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

static const char *call_problem(const char *text)
{
	char module[200];
	size_t n = strcspn(text, ":");

	snprintf(module, sizeof module, "%.*s", (int)(n < sizeof module ? n : 0), text);
	if (module_problem(module) || !text[n] || !text[n + 1 + strspn(text + n + 1, " ")])
		return "must be MODULE:EXPRESSION, such as \"app.codec:load('event')\"";
	return NULL;
}

static const struct key python_keys[] = {
    KEY_PATH(struct python_conf, interpreter, .def = "python3",
	     .doc = "The interpreter of the service: a path, or a name that is looked up in PATH.",
	     .example = "\"/opt/venv/bin/python\""),
    KEY_STRLIST(struct python_conf, modules, .check = module_problem,
		.doc = "Modules that are imported, one after the other in one interpreter, as the "
		       "service does "
		       "it: what an import does is done. What takes longer than 30s in all needs "
		       "attempt_timeout.",
		.example = "[\"confluent_kafka\", \"fastavro\"]"),
    KEY_STRLIST(struct python_conf, calls, .check = call_problem,
		.doc = "Expressions that are evaluated after the imports, each with the names of "
		       "its module, MODULE:EXPRESSION: none may raise an error. Its value does not "
		       "count.",
		.example = "[\"libs.serde:load_schema('reward_event')\"]"),
    KEY_STRLIST(
	struct python_conf, distributions, .check = requirement_problem,
	.doc = "Distributions that must be installed, with versions as pip reads them (PEP 440).",
	.example = "[\"confluent-kafka >= 2.6.1, < 3\"]"),
    KEY_STRLIST(
	struct python_conf, forbidden, .check = requirement_problem,
	.doc = "Distributions that must not be installed, all versions or those that are named.",
	.example = "[\"kafka-python < 3.0.0\", \"kafka-python-ng\"]"),
    KEY_ENUM(struct python_conf, swallowed, .choices = swallowed_choices, .def = "tell",
	     .doc = "Imports that fail in the service's own files, below working_directory, and "
		    "whose code goes on without the module: tell them in the report, fail, or do "
		    "not look."),
    KEY_STRLIST(struct python_conf, may_lack, .check = module_problem,
		.doc =
		    "Modules whose imports may fail so: the service is meant to do without them.",
		.example = "[\"uvloop\", \"opentelemetry.exporter\"]"),
    KEY_STR(
	struct python_conf, librdkafka_min_version, .flags = K_NUMBERS, .check = version_problem,
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

static const char *python_validate(const void *conf, const char **key)
{
	const struct python_conf *c = conf;

	*key = "may_lack";
	if (c->may_lack.n && ((!c->modules.n && !c->calls.n) || c->swallowed == SWALLOWED_OFF))
		return "needs modules or calls, and swallowed not off";
	*key = NULL;
	if (!c->modules.n && !c->calls.n && !c->distributions.n && !c->forbidden.n &&
	    !c->librdkafka_min_version)
		return "give at least one of modules, calls, distributions, forbidden, "
		       "librdkafka_min_version";
	return NULL;
}

/* ---- what the probe reports -------------------------------------------------------------------------------------------- */
struct probing {
	const struct check_run *run;
	const struct python_conf *conf;
	struct findings findings;
	size_t imported, called, n_swallowed;
	const char *calling;      /* the expression that is being evaluated; NULL: none */
	char (*call_errors)[500]; /* of each of calls; empty: none */
	char swallowed[256];      /* the first: "libs.serde at app/main.py:4" */
	char clients[160];        /* of Kafka, when the service's files import two */
	bool too_old, asked, ended;
	char version[32], executable[256], librdkafka[40];
	char importing[200];  /* the module that is being imported; empty: none */
	struct str installed; /* "confluent-kafka 2.6.1, fastavro 1.9.0" */
};

PRINTF_LIKE(4, 5)
static void add_finding(struct probing *p, enum diag_code code, const char *subject,
			const char *fmt, ...)
{
	struct diag d;
	va_list ap;

	va_start(ap, fmt);
	diag_vset(&d, code, subject, fmt, ap);
	va_end(ap);
	findings_add(&p->findings, &d, d.cause);
}

/* The requirement that a tag stands for, and its name: "d3" is the fourth of distributions, "f0" the first of forbidden.
 * NULL: there is none. */
static const char *requirement_of(const struct probing *p, const char *tag,
				  char name[REQUIREMENT_NAME_MAX])
{
	const struct strlist *list = *tag == 'd' ? &p->conf->distributions : &p->conf->forbidden;
	int64_t i;

	if (!*tag || parse_i64(tag + 1, 0, INT32_MAX, &i) || (size_t)i >= list->n)
		return NULL;
	requirement_name(list->v[i], name);
	return list->v[i];
}

static void read_distribution(struct probing *p, const char *tag, const char *version,
			      const char *answer)
{
	const char *found = *version ? version : "one without a version";
	char name[REQUIREMENT_NAME_MAX];
	const char *requirement = requirement_of(p, tag, name);
	bool met = str_eq(answer, "met");

	if (!requirement)
		return;
	if (*tag == 'd')
		str_addf(&p->installed, "%s%s %s", p->installed.len ? ", " : "", name, found);
	if (*tag == 'd' && !met)
		add_finding(p, D_PYTHON_VERSION, name, "%s is installed, %s is demanded", found,
			    requirement_specifiers(requirement));
	else if (*tag == 'f' && met)
		add_finding(p, D_PYTHON_FORBIDDEN, name, "%s is installed, %s is forbidden", found,
			    requirement);
	else if (*tag == 'f' && str_eq(answer, "unclear"))
		add_finding(p, D_PYTHON_VERSION, name,
			    "%s is installed: whether that is forbidden (%s) cannot be determined",
			    found, requirement);
}

/* "2.6.1" and 0x020601ff. The text of a private build may be no version: then the number counts. */
static void read_librdkafka(struct probing *p, const char *text, const char *number)
{
	const char *least = p->conf->librdkafka_min_version;
	int64_t n = 0;

	text_clean(p->librdkafka, sizeof p->librdkafka, text);
	if (version_problem(text)) {
		if (!parse_i64(number, 1, UINT32_MAX, &n))
			snprintf(p->librdkafka, sizeof p->librdkafka, "%d.%d.%d", (int)(n >> 24),
				 (int)(n >> 16 & 0xff), (int)(n >> 8 & 0xff));
		else if (least)
			return add_finding(
			    p, D_PYTHON_MODULE_BROKEN, "confluent_kafka",
			    "the version of its librdkafka cannot be determined: libversion() "
			    "gives \"%s\"",
			    text);
	}
	if (least && version_compare(p->librdkafka, least) < 0)
		add_finding(p, D_PYTHON_LIBRDKAFKA_OLD, "confluent_kafka",
			    "it brings librdkafka %s, librdkafka_min_version is %s", p->librdkafka,
			    least);
}

static void read_about_distribution(struct probing *p, const char *event, const char *tag,
				    const char *text, const char *answer)
{
	char name[REQUIREMENT_NAME_MAX];

	if (str_eq(event, "distribution"))
		read_distribution(p, tag, text, answer);
	else if (!requirement_of(p, tag, name))
		return;
	else if (str_eq(event, "unclear"))
		add_finding(p, D_PYTHON_VERSION, name, "what is installed cannot be determined: %s",
			    text);
	else if (*tag == 'd')
		add_finding(p, D_PYTHON_MODULE_MISSING, name,
			    "no distribution of this name is installed");
}

static void read_about_module(struct probing *p, const char *event, const char *name,
			      const char *reason)
{
	p->importing[0] = '\0';
	if (str_eq(event, "importing")) {
		text_clean(p->importing, sizeof p->importing, name);
		check_step(p->run, PH_ASSERT, "importing %s", p->importing);
	} else if (str_eq(event, "imported")) {
		p->imported++;
	} else if (str_eq(event, "missing")) {
		add_finding(p, D_PYTHON_MODULE_MISSING, name, "%s", reason);
	} else if (str_eq(event, "broken")) {
		add_finding(p, D_PYTHON_MODULE_BROKEN, name, "its import fails with %s", reason);
	}
}

static void read_about_call(struct probing *p, const char *event, const char *tag,
			    const char *reason)
{
	int64_t i;

	p->calling = NULL;
	if (!*tag || parse_i64(tag + 1, 0, INT32_MAX, &i) || (size_t)i >= p->conf->calls.n)
		return;
	if (str_eq(event, "calling")) {
		p->calling = p->conf->calls.v[i];
		check_step(p->run, PH_ASSERT, "evaluating %s", p->calling);
	} else if (str_eq(event, "called")) {
		p->called++;
	} else {
		snprintf(p->call_errors[i], sizeof *p->call_errors, "%s", reason);
	}
}

static void read_swallowed(struct probing *p, const char *place, const char *name,
			   const char *reason)
{
	char key[32];

	if (p->n_swallowed++ == 0)
		snprintf(p->swallowed, sizeof p->swallowed, "%.80s at %.100s", name, place);
	if (p->n_swallowed <= SWALLOWED_FACTS) {
		snprintf(key, sizeof key, "swallowed_%zu", p->n_swallowed);
		check_fact(p->run, key, "%s: %s: %s", place, name, reason);
	}
	if (p->conf->swallowed == SWALLOWED_FAIL)
		add_finding(p, D_PYTHON_IMPORT_SWALLOWED, name,
			    "its import at %s fails and is swallowed: %s", place, reason);
}

static void read_about_client(struct probing *p, const char *event, const char *a, const char *b)
{
	if (str_eq(event, "asking")) {
		p->asked = true;
		check_step(p->run, PH_ASSERT, "asking confluent_kafka for its librdkafka");
	} else if (str_eq(event, "librdkafka")) {
		read_librdkafka(p, a, b);
	} else if (p->conf->librdkafka_min_version) {
		add_finding(p, D_PYTHON_MODULE_BROKEN, "confluent_kafka",
			    "the version of its librdkafka cannot be determined: %s", a);
	}
}

/* Handles one line of the probe; probe.h has the events and their fields. */
static void handle_line(void *ctx, const char *line)
{
	struct probing *p = ctx;
	char buf[PROGRAM_LINE_MAX], *rest = buf;
	const char *field[4];

	snprintf(buf, sizeof buf, "%s", line);
	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		field[i] = rest ? strsep(&rest, "\t") : "";
	if (str_eq(field[0], "python")) {
		text_clean(p->version, sizeof p->version, field[1]);
		text_clean(p->executable, sizeof p->executable, field[2]);
		snprintf(p->findings.prefix, sizeof p->findings.prefix,
			 "%s (Python %s): ", p->executable, p->version);
		check_reached(p->run, "Python %s", p->version);
	} else if (str_eq(field[0], "too old")) {
		p->too_old = true;
	} else if (str_eq(field[0], "end")) {
		p->ended = true;
	} else if (str_starts(field[0], "call")) {
		read_about_call(p, field[0], field[1], field[2]);
	} else if (str_eq(field[0], "swallowed")) {
		read_swallowed(p, field[1], field[2], field[3]);
	} else if (str_eq(field[0], "kafka clients")) {
		text_clean(p->clients, sizeof p->clients, field[1]);
	} else if (str_eq(field[0], "unread")) {
		check_fact(p->run, "source_unread", "%s", field[1]);
	} else if (str_eq(field[0], "unclear") || str_ends(field[0], "distribution")) {
		read_about_distribution(p, field[0], field[1], field[2], field[3]);
	} else if (str_eq(field[0], "asking") || str_ends(field[0], "librdkafka")) {
		read_about_client(p, field[0], field[1], field[2]);
	} else {
		read_about_module(p, field[0], field[1], field[2]);
	}
}

/* ---- one attempt ----------------------------------------------------------------------------------------------------- */
/* Arguments for the probe, "d0=confluent-kafka >= 2.3": the tag comes back with the answer. */
static size_t add_arguments(const char **argv, size_t n, char letter, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct str one;

		str_init(&one, 8192);
		str_addf(&one, "%c%zu=%s", letter, i, list->v[i]);
		argv[n++] = one.s; /* freed with the child */
	}
	return n;
}

static enum result start(const struct python_conf *c, struct program *program, struct diag *out)
{
	const char **argv = xcalloc(c->distributions.n + c->forbidden.n + c->modules.n +
					c->may_lack.n + c->calls.n + 9,
				    sizeof *argv);
	size_t n = 0;
	struct str number;
	int fd = program_open_channel(program);

	if (fd < 0)
		return program_no_process(c->interpreter, out);
	str_init(&number, 16);
	str_addf(&number, "%d", fd);
	argv[n++] = c->interpreter;
	argv[n++] = "-B"; /* a check writes no files: the service may */
	argv[n++] = "-c";
	argv[n++] = python_probe;
	argv[n++] = number.s;
	n = add_arguments(argv, n, 'd', &c->distributions);
	n = add_arguments(argv, n, 'f', &c->forbidden);
	n = add_arguments(argv, n, 'm', &c->modules);
	n = add_arguments(argv, n, 'c', &c->calls);
	n = add_arguments(argv, n, 'l', &c->may_lack);
	if (c->swallowed != SWALLOWED_OFF && (c->modules.n || c->calls.n))
		argv[n++] = "s=yes";
	if (c->librdkafka_min_version)
		argv[n++] = "m=confluent_kafka";
	return program_start(program, argv, c->working_directory, D_PYTHON_INTERPRETER_MISSING,
			     D_PYTHON_INTERPRETER_MISSING, out);
}

/* Why the interpreter ended: Python's line about a fatal error (a traceback follows it), else what it said. */
static struct program_text reason_of_end(const struct program *program)
{
	const char *fatal = strstr(program->err_text, "Fatal Python error: ");
	struct program_text t = program_reason(program);

	if (fatal)
		text_clean_n(t.text, sizeof t.text, fatal, strcspn(fatal, "\r\n"));
	return t;
}

/* For a probe that did not come to its end: the deadline came, or the interpreter ended before. */
static void add_early_end(struct probing *p, const struct program *program, bool ended, int status)
{
	const char *module = p->asked ? "confluent_kafka" : p->calling ? p->calling : p->importing;
	const char *subject = *module ? module : p->conf->interpreter;
	const char *while_what = p->asked     ? " while it was asked for its librdkafka"
				 : p->calling ? " while it was evaluated"
				 : *module    ? " while it was imported"
					      : "";
	struct program_text how = program_ending(status), last = reason_of_end(program);

	program_tell_output(program, p->run);
	if (!ended) {
		kill(program->pid, SIGKILL);
		add_finding(p, D_GUARD_DEADLINE, subject,
			    "the interpreter was still running at the deadline%s; last output: %s",
			    while_what, last.text);
	} else if (!*p->version) {
		add_finding(p, D_PYTHON_INTERPRETER_MISSING, subject,
			    "it %s before it ran a line of Python; last output: %s", how.text,
			    last.text);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == PROBE_CHANNEL_LOST && *module) {
		add_finding(p, D_PYTHON_MODULE_BROKEN, subject,
			    "it closes descriptors that are not its own: what follows it "
			    "cannot be looked at");
	} else {
		add_finding(p, D_PYTHON_MODULE_BROKEN, subject,
			    "the interpreter %s%s; last output: %s", how.text, while_what,
			    last.text);
	}
}

/* With the output when it has a traceback: a thread of the client may have printed the cause of what the call says. */
static void add_failed_calls(struct probing *p, const struct program *program)
{
	bool cause_printed = strstr(program->err_text, "Traceback (most recent call last):");
	bool any = false;

	for (size_t i = 0; i < p->conf->calls.n; i++) {
		if (!*p->call_errors[i])
			continue;
		any = true;
		add_finding(p, D_PYTHON_CALL_FAILED, p->conf->calls.v[i], "it raises %s%s%s",
			    p->call_errors[i], cause_printed ? "; output: " : "",
			    cause_printed ? program_reason(program).text : "");
	}
	if (any)
		program_tell_output(program, p->run);
}

/* Warnings come first: the text is cut at its end. */
static void summarize(const struct probing *p)
{
	struct str b;

	str_init(&b, 1024);
	str_addf(&b, "Python %s", p->version);
	if (p->n_swallowed)
		str_addf(&b, ", %zu swallowed import%s: %s%s", p->n_swallowed,
			 plural(p->n_swallowed), p->swallowed, p->n_swallowed > 1 ? ", ..." : "");
	if (*p->clients)
		str_addf(&b, ", more than one Kafka client: %s", p->clients);
	str_addf(&b, "%s%s%s%s", p->installed.len ? ", " : "", p->installed.s,
		 *p->librdkafka ? ", librdkafka " : "", p->librdkafka);
	check_summary(p->run, "%s", b.s);
	str_free(&b);
}

/* For a probe that came to its end. */
static void report(struct probing *p)
{
	check_fact(p->run, "python", "%s", p->version);
	check_fact(p->run, "executable", "%s", p->executable);
	if (p->installed.len)
		check_fact(p->run, "distributions", "%s", p->installed.s);
	if (*p->librdkafka)
		check_fact(p->run, "librdkafka", "%s", p->librdkafka);
	if (p->conf->modules.n)
		check_fact(p->run, "imported", "%zu", p->imported);
	if (p->conf->calls.n)
		check_fact(p->run, "called", "%zu", p->called);
	if ((p->conf->modules.n || p->conf->calls.n) && p->conf->swallowed != SWALLOWED_OFF)
		check_fact(p->run, "swallowed", "%zu", p->n_swallowed);
	if (*p->clients)
		check_fact(p->run, "kafka_clients", "%s", p->clients);
	if (p->conf->librdkafka_min_version && !*p->librdkafka && !p->findings.n)
		add_finding(
		    p, D_PYTHON_MODULE_BROKEN, "confluent_kafka",
		    "its librdkafka cannot be asked for: the module is gone after its import");
	if (!p->findings.n)
		summarize(p);
}

static enum result python_run(const struct check_run *run, struct diag *out)
{
	const struct python_conf *c = run->conf;
	struct program *program = xcalloc(1, sizeof *program);
	struct probing p = {.run = run, .conf = c};
	int status = 0;
	bool ended;

	p.call_errors = xcalloc(c->calls.n + 1, sizeof *p.call_errors); /* freed with the child */
	str_init(&p.installed, 400);
	check_step(run, PH_CONFIG, "starting %s", c->interpreter);
	program_init(program);
	if (start(c, program, out))
		return RESULT_FAIL;
	ended = program_wait(program, run->deadline, &status, handle_line, &p);
	if (p.too_old)
		return check_fail(out, D_PYTHON_INTERPRETER_MISSING, c->interpreter,
				  "%s is Python %s: 3.8 or newer is needed to look into it",
				  p.executable, p.version);
	add_failed_calls(&p, program);
	if (p.ended)
		report(&p);
	else
		add_early_end(&p, program, ended, status);
	return findings_result(&p.findings, out);
}

const struct check_kind check_python = {
    .name = "python",
    .summary = "the service's interpreter has its modules, in the right versions, and no others",
    .schema = &(const struct schema){.size = sizeof(struct python_conf), .keys = python_keys},
    .validate = python_validate,
    .needs_exec = true,
    .attempt_timeout = DURATION_S(30),
    .run = python_run,
};
