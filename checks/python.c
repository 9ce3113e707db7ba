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
/* Seconds that a record may take: brokers that are well take milliseconds, and the next attempt comes soon. */
#define DELIVERY_MAX 10
#define DELIVERY_REST 4 /* seconds at the end of an attempt, for the answer */

struct produces {
	const char *client, *topic;
	struct pairlist properties;
};
struct python_conf {
	const char *interpreter, *working_directory, *librdkafka_min_version;
	struct strlist modules, calls, distributions, forbidden, may_lack;
	int swallowed;
	const struct produces *produces;
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

static bool is_library(const char *client)
{
	return str_eq(client, "kafka") || str_eq(client, "confluent_kafka");
}

static const char *client_problem(const char *text)
{
	return is_library(text) || !call_problem(text)
		   ? NULL
		   : "must be confluent_kafka, kafka, or MODULE:EXPRESSION that gives the "
		     "service's "
		     "own producer, such as \"app.kafka:make_producer()\"";
}

static const struct key produces_keys[] = {
    KEY_STR(struct produces, client, .flags = K_REQUIRED, .check = client_problem,
	    .doc = "The service's own producer, MODULE:EXPRESSION, or a function that makes it; or "
		   "confluent_kafka or kafka: a producer of this library with properties.",
	    .example = "\"app.kafka:make_producer\""),
    KEY_STR(struct produces, topic, .flags = K_REQUIRED,
	    .doc = "A topic that is meant for it: each attempt writes one record to it.",
	    .example = "\"startguard.canary\""),
    KEY_PAIRLIST(struct produces, properties,
		 .doc = "Settings for confluent_kafka or kafka, in the library's own names; secret "
			"values by reference.",
		 .example = "[\"bootstrap.servers=kafka:9092\", \"acks=1\"]"),
    KEY_END,
};
static const struct schema produces_schema = {.size = sizeof(struct produces),
					      .keys = produces_keys};

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
    KEY_GROUP(
	struct python_conf, produces, struct produces, .sub = &produces_schema,
	.doc = "A record that the service's own Kafka client must write, and a broker confirm.",
	.example = "{ client = \"app.kafka:make_producer\"; topic = \"startguard.canary\"; }"),
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

/* Does the probe import modules of the service, whose imports can be watched? */
static bool imports_modules(const struct python_conf *c)
{
	return c->modules.n || c->calls.n || c->produces;
}

static const char *produces_problem(const struct produces *p)
{
	if (p->properties.n && !is_library(p->client))
		return "has properties, which only the clients confluent_kafka and kafka take";
	if (!p->properties.n && is_library(p->client))
		return "needs properties with the addresses of brokers, or the service's own "
		       "client";
	return NULL;
}

static const char *python_validate(const void *conf, const char **key)
{
	const struct python_conf *c = conf;

	*key = "may_lack";
	if (c->may_lack.n && (!imports_modules(c) || c->swallowed == SWALLOWED_OFF))
		return "needs modules, calls or produces, and swallowed not off";
	*key = NULL;
	if (!imports_modules(c) && !c->distributions.n && !c->forbidden.n &&
	    !c->librdkafka_min_version)
		return "give at least one of modules, calls, produces, distributions, forbidden, "
		       "librdkafka_min_version";
	*key = "produces";
	return c->produces ? produces_problem(c->produces) : NULL;
}

/* An error of the service's code. */
struct failure {
	char reason[500]; /* empty: none */
	char logged[300]; /* what a log has said meanwhile; may be empty */
	bool final;       /* waiting cannot help: the expression itself is wrong */
};

/* ---- what the probe reports -------------------------------------------------------------------------------------------- */
struct probing {
	const struct check_run *run;
	const struct python_conf *conf;
	struct findings findings;
	size_t imported, called, n_swallowed;
	const char *calling;          /* the expression that is being evaluated; NULL: none */
	struct failure *failed_calls; /* one for each of calls */
	bool producing;               /* the record is under way */
	struct failure undelivered;
	bool unconfirmed;    /* the client may deliver it later */
	char kafka_name[64]; /* of the error of the record; may be empty */
	char delivered[80];  /* where the record is: "partition 0, offset 7" */
	char swallowed[256]; /* the first: "libs.serde at app/main.py:4" */
	char clients[160];   /* of Kafka, when the service's files import two */
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
			    "no distribution of this name is installed%s%s",
			    *text ? "; the module of this name is of the distribution " : "", text);
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
		add_finding(p, D_PYTHON_MODULE_MISSING, name, "%s%s", reason,
			    str_ends(name, ".py") ? "; modules are named without .py" : "");
	} else if (str_eq(event, "broken")) {
		add_finding(p, D_PYTHON_MODULE_BROKEN, name, "its import fails with %s", reason);
	}
}

static void set_failure(struct failure *f, const char *reason, const char *logged)
{
	snprintf(f->reason, sizeof f->reason, "%s", reason);
	snprintf(f->logged, sizeof f->logged, "%s", logged);
}

static void read_about_call(struct probing *p, const char *event, const char *tag,
			    const char *reason, const char *logged)
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
		set_failure(&p->failed_calls[i], reason, logged);
		p->failed_calls[i].final = str_eq(event, "call invalid");
	}
}

static void read_about_record(struct probing *p, const char *event, const char *a, const char *b,
			      const char *c)
{
	p->producing = str_eq(event, "producing");
	if (p->producing)
		check_step(p->run, PH_ASSERT, "producing a record to %s", p->conf->produces->topic);
	else if (str_eq(event, "delivered"))
		text_clean(p->delivered, sizeof p->delivered, a);
	else
		set_failure(&p->undelivered, b, c);
	p->unconfirmed = str_eq(event, "unconfirmed");
	snprintf(p->kafka_name, sizeof p->kafka_name, "%s", *p->undelivered.reason ? a : "");
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
		read_about_call(p, field[0], field[1], field[2], field[3]);
	} else if (p->conf->produces &&
		   (str_eq(field[0], "producing") || str_ends(field[0], "delivered") ||
		    str_eq(field[0], "unconfirmed"))) {
		read_about_record(p, field[0], field[1], field[2], field[3]);
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
/* A text that is freed with the child. */
PRINTF_LIKE(1, 2)
static const char *make_text(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		die("no memory");
	va_end(ap);
	return text;
}

/* Arguments for the probe, "d0=confluent-kafka >= 2.3": the tag comes back with the answer. */
static size_t add_arguments(const char **argv, size_t n, char letter, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		argv[n++] = make_text("%c%zu=%s", letter, i, list->v[i]);
	return n;
}

/* The text behind p=NAME= for the probe. A secret goes as its reference, which the probe reads: arguments are seen by others. */
static enum result property_text(const struct pair *p, struct str *text, struct diag *out)
{
	if (p->value) {
		str_add(text, p->value);
		return RESULT_PASS;
	}
	if (!secret_reveal(p->secret, out)) /* registers it with the scrubber */
		return RESULT_FAIL;
	if (p->secret.kind == SECRET_LITERAL) {
		setenv("STARTGUARD_PROPERTY", p->secret.text, 1);
		str_add(text, "env:STARTGUARD_PROPERTY");
		return RESULT_PASS;
	}
	str_addf(text, "%s:%s", p->secret.kind == SECRET_ENV ? "env" : "file", p->secret.text);
	return RESULT_PASS;
}

static enum result add_produces(const char **argv, size_t *n, const struct check_run *run,
				struct diag *out)
{
	const struct python_conf *c = run->conf;
	const struct produces *p = c->produces;
	int left = instant_left_ms_now(run->deadline) / 1000 - DELIVERY_REST;

	if (!p)
		return RESULT_PASS;
	argv[(*n)++] = make_text("k=%s", p->client);
	argv[(*n)++] = make_text("t=%s", p->topic);
	argv[(*n)++] = make_text("w=%d", left < 1 ? 1 : left > DELIVERY_MAX ? DELIVERY_MAX : left);
	for (size_t i = 0; i < p->properties.n; i++) {
		struct str text; /* freed with the child */

		str_init(&text, SECRET_VALUE_MAX);
		str_addf(&text, "p=%s=", p->properties.v[i].name);
		if (property_text(&p->properties.v[i], &text, out))
			return RESULT_FAIL;
		argv[(*n)++] = text.s;
	}
	return RESULT_PASS;
}

static enum result start(const struct check_run *run, struct program *program, struct diag *out)
{
	const struct python_conf *c = run->conf;
	const char **argv =
	    xcalloc(c->distributions.n + c->forbidden.n + c->modules.n + c->may_lack.n +
			c->calls.n + 12 + (c->produces ? c->produces->properties.n : 0),
		    sizeof *argv);
	size_t n = 0;
	int fd = program_open_channel(program);

	if (fd < 0)
		return program_no_process(c->interpreter, out);
	argv[n++] = c->interpreter;
	argv[n++] = "-B"; /* a check writes no files: the service may */
	argv[n++] = "-c";
	argv[n++] = python_probe;
	argv[n++] = make_text("%d", fd);
	n = add_arguments(argv, n, 'd', &c->distributions);
	n = add_arguments(argv, n, 'f', &c->forbidden);
	n = add_arguments(argv, n, 'm', &c->modules);
	n = add_arguments(argv, n, 'c', &c->calls);
	n = add_arguments(argv, n, 'l', &c->may_lack);
	if (c->swallowed != SWALLOWED_OFF && imports_modules(c))
		argv[n++] = "s=yes";
	if (c->librdkafka_min_version)
		argv[n++] = "m=confluent_kafka";
	if (add_produces(argv, &n, run, out))
		return RESULT_FAIL;
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
	const char *module = p->asked       ? "confluent_kafka"
			     : p->producing ? p->conf->produces->topic
			     : p->calling   ? p->calling
					    : p->importing;
	const char *subject = *module ? module : p->conf->interpreter;
	const char *while_what = p->asked       ? " while it was asked for its librdkafka"
				 : p->producing ? " while a record was produced to it"
				 : p->calling   ? " while it was evaluated"
				 : *module      ? " while it was imported"
						: "";
	struct program_text how = program_ending(status), last = reason_of_end(program);

	program_tell_output(program, p->run);
	if (!ended) {
		kill(program->pid, SIGKILL);
		add_finding(p, D_GUARD_DEADLINE, subject,
			    "the interpreter was still running at the deadline%s; last output: %s",
			    while_what, last.text);
	} else if (!*p->version) {
		const char *home = getenv("PYTHONHOME");

		add_finding(p, D_PYTHON_INTERPRETER_MISSING, subject,
			    "it %s before it ran a line of Python%s%.200s; last output: %s",
			    how.text, home ? ", with PYTHONHOME=" : "", home ? home : "",
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

/* Behind an error of the service's code: what was logged meanwhile, or printed. A client that works in a thread tells the caller
 * of a timeout only. */
static struct program_text cause_behind(const struct failure *f, const struct program *program,
					bool with_output)
{
	struct program_text t = {""};

	if (*f->logged)
		snprintf(t.text, sizeof t.text, "; logged: %s", f->logged);
	else if (with_output)
		snprintf(t.text, sizeof t.text, "; output: %s", program_reason(program).text);
	return t;
}

static void add_failed_calls(struct probing *p, const struct program *program)
{
	bool traceback = strstr(program->err_text, "Traceback (most recent call last):");
	bool any = false;

	for (size_t i = 0; i < p->conf->calls.n; i++) {
		const struct failure *f = &p->failed_calls[i];

		if (!*f->reason)
			continue;
		any = true;
		add_finding(p, f->final ? D_PYTHON_CALL_INVALID : D_PYTHON_CALL_FAILED,
			    p->conf->calls.v[i], "it raises %s%s", f->reason,
			    cause_behind(f, program, traceback).text);
	}
	if (any)
		program_tell_output(program, p->run);
}

/* Errors that have a code of their own, by their names in confluent_kafka and kafka-python. */
static enum diag_code undelivered_code(const struct probing *p)
{
	static const struct {
		const char *name;
		enum diag_code code;
	} names[] = {
	    {"TOPIC_AUTHORIZATION_FAILED", D_KAFKA_TOPIC_DENIED},
	    {"UNKNOWN_TOPIC_OR_PART", D_KAFKA_TOPIC_MISSING},
	    {"UNKNOWN_TOPIC_OR_PARTITION", D_KAFKA_TOPIC_MISSING},
	    {"_UNKNOWN_TOPIC", D_KAFKA_TOPIC_MISSING},
	    {"_AUTHENTICATION", D_AUTH_FAILED},
	    {"SASL_AUTHENTICATION_FAILED", D_AUTH_FAILED},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(p->kafka_name, names[i].name))
			return names[i].code;
	return p->unconfirmed ? D_PYTHON_PRODUCE_UNCONFIRMED : D_PYTHON_PRODUCE_FAILED;
}

static void add_undelivered(struct probing *p, const struct program *program)
{
	const struct failure *f = &p->undelivered;
	char subject[DIAG_SUBJECT_MAX];

	if (!*f->reason)
		return;
	snprintf(subject, sizeof subject, "topic %s", p->conf->produces->topic);
	add_finding(p, undelivered_code(p), subject,
		    "the service's own client does not deliver a record: %s%s%s%s", p->kafka_name,
		    *p->kafka_name ? ": " : "", f->reason,
		    *p->kafka_name ? "" : cause_behind(f, program, program->n_err).text);
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
	if (*p->delivered)
		str_addf(&b, ", record delivered to %s", p->conf->produces->topic);
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
	if (*p->delivered)
		check_fact(p->run, "delivered", "%s", p->delivered);
	if (imports_modules(p->conf) && p->conf->swallowed != SWALLOWED_OFF)
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

	p.failed_calls = xcalloc(c->calls.n + 1, sizeof *p.failed_calls); /* freed with the child */
	str_init(&p.installed, 400);
	check_step(run, PH_CONFIG, "starting %s", c->interpreter);
	program_init(program);
	if (start(run, program, out))
		return RESULT_FAIL;
	ended = program_wait(program, run->deadline, &status, handle_line, &p);
	if (p.too_old)
		return check_fail(out, D_PYTHON_INTERPRETER_MISSING, c->interpreter,
				  "%s is Python %s: 3.8 or newer is needed to look into it",
				  p.executable, p.version);
	add_failed_calls(&p, program);
	add_undelivered(&p, program);
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
