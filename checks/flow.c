/* flow: an effect goes through the whole system: a request, the records that come of it, the value that it changes. It has side
 * effects. One attempt does all steps once; the engine repeats the whole sequence. */
#include <sys/random.h>
#include <time.h>

#include "check.h"
#include "flow_record.h"
#include "flow_request.h"
#include "kafka_client_prop.h"

#define STEPS_MAX 32
/* What an attempt may need besides its steps: connecting, finding the ends of the topics, the diagnosis. */
#define MARGIN DURATION_S(5)

struct flow_step {
	const struct flow_request_conf *request;
	const struct flow_record_conf *expect_record;
	const struct flow_poll_conf *poll;
};
struct flow_conf {
	struct grouplist steps;
	double tolerance;
};

static const struct key step_keys[] = {
    KEY_GROUP(struct flow_step, request, struct flow_request_conf, .sub = &flow_request_schema,
	      .doc = "Sends one HTTP request and judges its answer.",
	      .example = "{ url = \"http://rewards:8083/reward/{random}\"; method = \"POST\"; }"),
    KEY_GROUP(struct flow_step, expect_record, struct flow_record_conf, .sub = &flow_record_schema,
	      .doc = "Waits for a record of a Kafka topic, which is followed from before the first "
		     "step on.",
	      .example = "{ bootstrap_servers = \"kafka:9092\"; topic = \"rewards\"; format = "
			 "\"json\"; where = \"id={random}\"; }"),
    KEY_GROUP(struct flow_step, poll, struct flow_poll_conf, .sub = &flow_poll_schema,
	      .doc = "Asks for a value until it is right.",
	      .example =
		  "{ url = \"http://integrator:9010/tau\"; at = \"/tau\"; equals = 0.865; }"),
    KEY_END,
};
static const struct schema step_schema = {.size = sizeof(struct flow_step), .keys = step_keys};

static const struct key flow_keys[] = {
    KEY_GROUPLIST(
	struct flow_conf, steps, .flags = K_REQUIRED, .sub = &step_schema,
	.doc = "What is done, in this order; each group is one of request, expect_record, poll. "
	       "{random}, {now}, {now_ms} and captured names stand for their values in path and "
	       "query of url, in headers, body, where, holds and equals; {{ is a brace.",
	.example = "( { request = { url = \"http://rewards:8083/reward/{random}\"; body = "
		   "\"{\\\"total\\\": 0.37}\"; }; }, { poll = { url = "
		   "\"http://integrator:9010/tau\"; at = \"/tau\"; equals = 0.865; }; } )"),
    KEY_NUM(struct flow_conf, tolerance, .def = "1e-6",
	    .doc = "How far two numbers that are compared may differ, as a part of the expected "
		   "one: a service may keep 0.865 as a float. Two integers are compared exactly."),
    KEY_END,
};

/* ---- validation ------------------------------------------------------------------------------------------------ */

static size_t parts_of(const struct flow_step *s)
{
	return (s->request != NULL) + (s->expect_record != NULL) + (s->poll != NULL);
}

static const struct flow_step *step_at(const struct flow_conf *c, size_t i)
{
	return GROUP_AT(c->steps, struct flow_step, i);
}

static const struct strlist *captures_of(const struct flow_step *s)
{
	static const struct strlist none = {.n = 0};

	return s->request         ? &s->request->capture
	       : s->expect_record ? &s->expect_record->capture
				  : &none;
}

static const char *part_of(const struct flow_step *s)
{
	return s->request ? "request" : s->expect_record ? "expect_record" : "poll";
}

static void own_names(struct flow_names *names)
{
	static const char *const own[] = {"random", "now", "now_ms"};

	*names = (struct flow_names){.n = 0};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		flow_names_set(names, own[i], NULL);
}

/* The walk over all steps. The kind's validate returns pointers, so the texts live here. */
struct validation {
	const struct flow_conf *conf;
	size_t i;                /* the present step */
	struct flow_names names; /* known at this step */
	char key[96], problem[320];
};

PRINTF_LIKE(3, 4)
static bool problem_at(struct validation *v, const char *key, const char *fmt, ...)
{
	const struct flow_step *s = step_at(v->conf, v->i);
	va_list ap;

	snprintf(v->key, sizeof v->key, "steps[%zu].%s%s%s", v->i + 1, part_of(s), key ? "." : "",
		 key ? key : "");
	va_start(ap, fmt);
	vsnprintf(v->problem, sizeof v->problem, fmt, ap);
	va_end(ap);
	return true;
}

/* Returns the number of the step that captures the name, or 0. */
static size_t captured_by(const struct flow_conf *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->steps.n; i++) {
		const struct strlist *captures = captures_of(step_at(c, i));

		for (size_t k = 0; k < captures->n; k++)
			if (strcspn(captures->v[k], "=") == len &&
			    !strncmp(captures->v[k], name, len))
				return i + 1;
	}
	return 0;
}

static bool has_unknown(struct validation *v, const char *key, const char *text)
{
	size_t len = 0, by;
	const char *name = text ? flow_text_unknown(text, &v->names, &len) : NULL;
	struct str known;

	if (!name)
		return false;
	by = captured_by(v->conf, name, len);
	if (by)
		return problem_at(v, key, "uses {%.*s}, which step %zu captures, and not before",
				  (int)len, name, by);
	str_init(&known, 120);
	for (size_t i = 0; i < v->names.n; i++)
		str_addf(&known, "%s%s", i ? ", " : "", v->names.v[i].name);
	problem_at(v, key,
		   "uses {%.*s}, which is not a name: known here are %s; {{ stands for a brace",
		   (int)len, name, known.s);
	str_free(&known);
	return true;
}

static bool has_unknown_items(struct validation *v, const char *key, const struct strlist *items)
{
	for (size_t i = 0; i < items->n; i++)
		if (has_unknown(v, key, items->v[i]))
			return true;
	return false;
}

static bool has_unknown_headers(struct validation *v, const struct pairlist *headers)
{
	for (size_t i = 0; i < headers->n; i++)
		if (has_unknown(v, "headers", headers->v[i].value))
			return true;
	return false;
}

static bool has_unknown_path(struct validation *v, const struct url *url)
{
	return !secret_is_set(url->ref) && has_unknown(v, "url", url->path);
}

static bool request_is_bad(struct validation *v, const struct flow_request_conf *c)
{
	const char *key = NULL, *problem = flow_request_problem(c, &key);

	if (problem)
		return problem_at(v, key, "%s", problem);
	return has_unknown_path(v, &c->url) || has_unknown_headers(v, &c->headers) ||
	       has_unknown(v, "body", c->body) || has_unknown_items(v, "holds", &c->holds);
}

static bool record_is_bad(struct validation *v, const struct flow_record_conf *c)
{
	const char *key = NULL, *problem = flow_record_problem(c, &key);

	if (problem)
		return problem_at(v, key, "%s", problem);
	return has_unknown_items(v, "where", &c->where) || has_unknown_items(v, "holds", &c->holds);
}

static bool poll_is_bad(struct validation *v, const struct flow_poll_conf *c)
{
	const char *key = NULL, *problem = flow_poll_problem(c, &key);
	struct flow_names first;
	size_t len;

	if (problem)
		return problem_at(v, key, "%s", problem);
	if (has_unknown_path(v, &c->url) || has_unknown_headers(v, &c->headers) ||
	    has_unknown(v, "equals", c->equals.text))
		return true;
	own_names(&first);
	if (c->changed && !secret_is_set(c->url.ref) &&
	    flow_text_unknown(c->url.path, &first, &len))
		return problem_at(
		    v, "changed",
		    "asks before the first step, when nothing of the url is captured");
	return false;
}

/* Adds the step's captures to the names that later steps know. */
static bool captures_are_bad(struct validation *v, const struct strlist *captures)
{
	char name[FLOW_NAME_MAX], place[FLOW_PLACE_MAX];

	for (size_t i = 0; i < captures->n; i++) {
		flow_capture_parse(captures->v[i], name, place);
		if (flow_names_has(&v->names, name, strlen(name)))
			return problem_at(v, "capture", "names %s, which is taken already", name);
		if (!flow_names_set(&v->names, name, NULL))
			return problem_at(v, "capture", "is one of too many: at most %d",
					  FLOW_NAMES_MAX - 3);
	}
	return false;
}

static bool step_is_bad(struct validation *v)
{
	const struct flow_step *s = step_at(v->conf, v->i);

	if (parts_of(s) != 1) {
		problem_at(v, NULL, "must have exactly one of request, expect_record and poll");
		snprintf(v->key, sizeof v->key, "steps[%zu]", v->i + 1);
		return true;
	}
	if ((s->request && request_is_bad(v, s->request)) ||
	    (s->expect_record && record_is_bad(v, s->expect_record)) ||
	    (s->poll && poll_is_bad(v, s->poll)))
		return true;
	return captures_are_bad(v, captures_of(s));
}

/* A flow of requests alone shows that they are answered, which http does without side effects of its own. */
static bool looks_at_nothing(const struct flow_conf *c)
{
	for (size_t i = 0; i < c->steps.n; i++) {
		const struct flow_step *s = step_at(c, i);

		if (!s->request || s->request->holds.n || s->request->capture.n)
			return false;
	}
	return true;
}

static const char *flow_validate(const void *conf, const char **key)
{
	static struct validation v;

	v = (struct validation){.conf = conf};
	*key = "tolerance";
	if (!(v.conf->tolerance >= 0 && v.conf->tolerance < 1))
		return "must be from 0 to less than 1";
	*key = "steps";
	if (v.conf->steps.n > STEPS_MAX)
		return "has more than 32 steps";
	own_names(&v.names);
	*key = v.key;
	for (v.i = 0; v.i < v.conf->steps.n; v.i++)
		if (step_is_bad(&v))
			return v.problem;
	*key = "steps";
	return looks_at_nothing(v.conf) ? "look at no effect: add expect_record, poll or holds"
					: NULL;
}

static bool flow_starts_programs(const void *conf)
{
	const struct flow_conf *c = conf;

	for (size_t i = 0; i < c->steps.n; i++)
		if (step_at(c, i)->expect_record &&
		    flow_record_starts_programs(step_at(c, i)->expect_record))
			return true;
	return false;
}

static struct duration within_of(const struct flow_step *s)
{
	return s->request         ? s->request->within
	       : s->expect_record ? s->expect_record->within
				  : s->poll->within;
}

static struct duration flow_needed_time(const void *conf)
{
	const struct flow_conf *c = conf;
	struct duration sum = MARGIN;

	for (size_t i = 0; i < c->steps.n; i++)
		if (parts_of(step_at(c, i)))
			sum.ns += within_of(step_at(c, i)).ns;
	return sum;
}

/* ---- one attempt --------------------------------------------------------------------------------------------- */

struct attempt {
	struct flow_run f;
	const struct flow_conf *conf;
	struct flow_record *records[STEPS_MAX]; /* NULL for other steps */
	json_t *before[STEPS_MAX]; /* values before the first step, of polls with changed */
};

PRINTF_LIKE(1, 2) static char *text_of(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	invariant(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	return text;
}

static void make_names(struct flow_run *f)
{
	unsigned long long nonce = 0;
	struct timespec now;
	char date[UTC_TEXT_SIZE];

	if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
		nonce = (unsigned long long)instant_now().ns;
	clock_gettime(CLOCK_REALTIME, &now);
	flow_names_set(&f->names, "random", text_of("%016llx", nonce));
	flow_names_set(&f->names, "now", text_of("%s", utc_text(now, date)));
	flow_names_set(&f->names, "now_ms",
		       text_of("%lld%03ld", (long long)now.tv_sec, now.tv_nsec / 1000000));
	check_fact(f->run, "random", "%s", f->names.v[0].value);
}

/* Says at which step the failure in *out was seen, and keeps its hint. */
static enum result fail_at(const struct attempt *a, size_t i, const char *when, struct diag *out)
{
	const struct flow_step *s = step_at(a->conf, i);
	const char *what = s->request         ? s->request->url.text
			   : s->expect_record ? s->expect_record->topic
					      : s->poll->url.text;
	struct diag seen = *out;

	check_fail(out, seen.code, seen.subject, "step %zu of %zu, %s %.120s%s: %s", i + 1,
		   a->conf->steps.n, part_of(s), what, when, diag_cause(&seen));
	out->sys_errno = seen.sys_errno;
	if (seen.hint[0])
		diag_hint(out, "%s", seen.hint);
	return diag_info(out->code)->result;
}

/* The attempt, with a deadline for one step. */
static struct check_run step_run(const struct attempt *a, struct duration within)
{
	struct check_run run = *a->f.run;

	run.deadline = instant_earlier(run.deadline, instant_after(instant_now(), within));
	return run;
}

static enum result prepare_step(struct attempt *a, size_t i, struct diag *out)
{
	const struct flow_step *s = step_at(a->conf, i);
	struct check_run run;

	if (s->expect_record) {
		a->records[i] = flow_record_open(&a->f, s->expect_record, a->records, i, out);
		return a->records[i] ? RESULT_PASS : RESULT_FAIL;
	}
	if (!s->poll || !s->poll->changed)
		return RESULT_PASS;
	run = step_run(a, s->poll->within);
	return flow_poll_before(&a->f, &run, s->poll, &a->before[i], out);
}

static enum result do_step(struct attempt *a, size_t i, struct diag *out)
{
	const struct flow_step *s = step_at(a->conf, i);
	struct check_run run = step_run(a, within_of(s));

	if (s->request)
		return flow_request(&a->f, &run, s->request, out);
	if (s->expect_record)
		return flow_record_expect(&a->f, &run, a->records[i], out);
	return flow_poll(&a->f, &run, s->poll, a->before[i], out);
}

static enum result do_steps(struct attempt *a, struct diag *out)
{
	char key[24];

	for (size_t i = 0; i < a->conf->steps.n; i++)
		if (prepare_step(a, i, out) != RESULT_PASS)
			return fail_at(a, i, ", before the first step", out);
	for (size_t i = 0; i < a->conf->steps.n; i++) {
		struct instant begun = instant_now();

		if (do_step(a, i, out) != RESULT_PASS)
			return fail_at(a, i, "", out);
		check_reached(a->f.run, "step %zu", i + 1);
		snprintf(key, sizeof key, "step_%zu_ms", i + 1);
		check_fact(a->f.run, key, "%.1f", duration_ms(instant_since(begun, instant_now())));
	}
	return RESULT_PASS;
}

static enum result flow_run_attempt(const struct check_run *run, struct diag *out)
{
	struct attempt *a = xcalloc(1, sizeof *a);
	struct instant begun = instant_now();
	char took[32];

	a->conf = run->conf;
	a->f.run = run;
	a->f.tolerance = a->conf->tolerance;
	make_names(&a->f);
	if (do_steps(a, out) != RESULT_PASS)
		return RESULT_FAIL;
	check_summary(run, "%zu step%s in %s", a->conf->steps.n, plural(a->conf->steps.n),
		      duration_text(instant_since(begun, instant_now()), took, sizeof took));
	return RESULT_PASS;
}

const struct check_kind check_flow = {
    .name = "flow",
    .summary = "a request has its effects in topics and values; it has side effects of its own",
    .schema = &(const struct schema){.size = sizeof(struct flow_conf), .keys = flow_keys},
    .has_side_effects = true,
    .validate = flow_validate,
    .starts_programs = flow_starts_programs,
    .needed_time = flow_needed_time,
    .memory = KAFKA_MEMORY,
    .run = flow_run_attempt,
};
