/* report_formats: the report for other tools: JUnit, TAP 14, Prometheus's text format.
 *
 * Such tools evaluate single results, so a blocked run needs one that failed: a degraded check counts as failed where degraded is
 * not allowed, and a run that no check blocked (a wrong profile, a command that cannot be run) has a result of its own.
 */
#include "report.h"

#include <sys/utsname.h>

static const char *code_of(const struct check_outcome *r)
{
	return r->diag.code != D_NONE ? diag_info(r->diag.code)->code : outcome_name(r->outcome);
}

static const char *problem_code(const struct problem *p)
{
	return p->code != D_NONE          ? diag_info(p->code)->code
	       : p->kind == PROBLEM_USAGE ? "usage"
					  : "profile";
}

/* Returns false when the problem is only a warning. */
static bool problem_message(const struct problem *p, char *buf, size_t size)
{
	cleanup_str struct str text;

	str_init(&text, size - 1);
	problem_text(&text, p);
	snprintf(buf, size, "%s", text.s);
	return p->kind != PROBLEM_WARNING;
}

/* Does this check count as failed for a tool that evaluates single results? */
static bool counts_as_failed(const struct run *run, const struct check_outcome *r)
{
	return r->outcome == OUTCOME_FAIL || r->outcome == OUTCOME_PENDING ||
	       (r->outcome != OUTCOME_PASS && r->outcome != OUTCOME_BROKEN &&
		run->verdict == RUN_BLOCKED && run->fail_on_degraded);
}

/* Is the run blocked although no check failed? */
static bool blocked_otherwise(const struct run *run)
{
	for (size_t i = 0; i < run->profile->n; i++)
		if (run->outcomes[i].outcome == OUTCOME_BROKEN ||
		    counts_as_failed(run, &run->outcomes[i]))
			return false;
	return run->verdict == RUN_BLOCKED;
}

/* Counts the results that do not belong to a check. */
static size_t count_own_cases(const struct run *run)
{
	return run->problems ? run->problems->n - run->problems->warnings : blocked_otherwise(run);
}

/* ---- JUnit -------------------------------------------------------------------------------------------------------- */
/* XML cannot represent control characters, U+FFFE and U+FFFF, not even as references. */
static void add_xml(struct str *b, const char *text)
{
	for (; *text; text++) {
		const char *e = *text == '&'    ? "&amp;"
				: *text == '<'  ? "&lt;"
				: *text == '>'  ? "&gt;"
				: *text == '"'  ? "&quot;"
				: *text == '\'' ? "&apos;"
						: NULL;

		if (str_starts(text, "\xef\xbf\xbe") || str_starts(text, "\xef\xbf\xbf")) {
			str_addc(b, '?');
			text += 2;
		} else if (e) {
			str_add(b, e);
		} else {
			str_addc(b, (unsigned char)*text < ' ' ? ' ' : *text);
		}
	}
}

static void add_attribute(struct str *b, const char *name, const char *value)
{
	str_addf(b, " %s=\"", name);
	add_xml(b, value);
	str_addc(b, '"');
}

static void add_property(struct str *b, const char *name, const char *value)
{
	str_add(b, "    <property");
	add_attribute(b, "name", name);
	add_attribute(b, "value", value);
	str_add(b, "/>\n");
}

static void add_case(struct str *b, const struct run *run, size_t i)
{
	const struct profile_check *c = &run->profile->checks[i];
	const struct check_outcome *r = &run->outcomes[i];
	const char *tag = r->outcome == OUTCOME_BROKEN ? "error"
			  : counts_as_failed(run, r)   ? "failure"
						       : "skipped";
	char message[DIAG_SUBJECT_MAX + DIAG_CAUSE_MAX + 64];

	str_add(b, "  <testcase");
	add_attribute(b, "classname", c->kind->name);
	add_attribute(b, "name", c->name);
	str_addf(b, " time=\"%.3f\"", duration_ms(r->elapsed) / 1000);
	if (r->outcome == OUTCOME_PASS) {
		str_add(b, "/>\n");
		return;
	}
	if (r->outcome == OUTCOME_SKIPPED)
		snprintf(message, sizeof message, "left out on request");
	else if (r->outcome == OUTCOME_WAIVED)
		snprintf(message, sizeof message, "waived by switches.%s", c->waived_by->name);
	else
		snprintf(message, sizeof message, "%s: %s%s%s", code_of(r), r->diag.subject,
			 r->diag.subject[0] ? ": " : "", r->diag.cause);
	str_addf(b, ">\n    <%s", tag);
	if (str_eq(tag, "skipped")) { /* old readers do not know attributes of <skipped> */
		str_addc(b, '>');
		add_xml(b, message);
	} else {
		add_attribute(b, "type", code_of(r));
		add_attribute(b, "message", message);
		str_addc(b, '>');
		add_xml(b, text_hint(r));
	}
	str_addf(b, "</%s>\n  </testcase>\n", tag);
}

static void add_own_case(struct str *b, const char *name, const char *type, const char *message)
{
	str_add(b, "  <testcase classname=\"startguard\"");
	add_attribute(b, "name", name);
	str_add(b, " time=\"0.000\">\n    <error");
	add_attribute(b, "type", type);
	add_attribute(b, "message", message);
	str_add(b, "/>\n  </testcase>\n");
}

static void add_problem_case(struct str *b, const struct problem *p)
{
	char name[512], message[2048];

	if (!problem_message(p, message, sizeof message))
		return;
	snprintf(name, sizeof name, "%s%s%s", p->where, *p->where ? " " : "", problem_code(p));
	add_own_case(b, name, problem_code(p), message);
}

static void add_properties(struct str *b, const struct run *run)
{
	char code[16];

	snprintf(code, sizeof code, "%d", run->exit_code);
	str_add(b, "  <properties>\n");
	add_property(b, "startguard.version", STARTGUARD_VERSION);
	add_property(b, "startguard.mode", mode_name(run->profile->mode));
	add_property(b, "startguard.status", verdict_name(run->verdict));
	add_property(b, "startguard.exit_code", code);
	str_add(b, "  </properties>\n");
}

static void add_suite(struct str *b, const struct run *run, const char *started)
{
	size_t failures = 0, errors = count_own_cases(run), skipped = 0;
	struct utsname host = {.nodename = ""};
	char name[2 * sizeof host.nodename];

	uname(&host);
	text_clean(name, sizeof name, host.nodename);
	for (size_t i = 0; i < run->profile->n; i++) {
		const struct check_outcome *r = &run->outcomes[i];

		errors += r->outcome == OUTCOME_BROKEN;
		failures += counts_as_failed(run, r);
		skipped += r->outcome != OUTCOME_PASS && r->outcome != OUTCOME_BROKEN &&
			   !counts_as_failed(run, r);
	}
	str_add(b, "<testsuite");
	add_attribute(b, "name", run->profile->service);
	add_attribute(b, "hostname", name[0] ? name : "localhost");
	str_addf(b,
		 " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\" "
		 "timestamp=\"%.19s\">\n",
		 run->profile->n + count_own_cases(run), failures, errors, skipped,
		 duration_ms(instant_since(run->started, run->ended)) / 1000, started);
}

void report_junit(struct str *b, const struct run *run, const char *started)
{
	str_add(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	add_suite(b, run, started);
	add_properties(b, run);
	for (size_t i = 0; i < run->profile->n; i++)
		add_case(b, run, i);
	for (size_t i = 0; run->problems && i < run->problems->n; i++)
		add_problem_case(b, &run->problems->v[i]);
	if (!run->problems && blocked_otherwise(run))
		add_own_case(b, "run", "blocked", run->summary);
	str_add(b, "  <system-out></system-out>\n  <system-err>");
	add_xml(b, run->summary);
	str_add(b, "</system-err>\n</testsuite>\n");
}

/* ---- TAP 14 ---------------------------------------------------------------------------------------------------------- */
/* A JSON string is a YAML string. */
static void add_yaml(struct str *b, const char *key, const char *value)
{
	if (!*value)
		return;
	str_addf(b, "  %s: ", key);
	str_add_json_string(b, value);
	str_addc(b, '\n');
}

/* Did this check fail without blocking the run? */
static bool may_be_missing(const struct run *run, size_t i)
{
	const struct check_outcome *r = &run->outcomes[i];

	if (r->outcome == OUTCOME_BROKEN)
		return !run->profile->checks[i].required && !run->fail_on_degraded;
	return r->outcome == OUTCOME_DEGRADED && !counts_as_failed(run, r);
}

static void add_point(struct str *b, const struct run *run, size_t i)
{
	const struct check_outcome *r = &run->outcomes[i];
	bool ok = r->outcome == OUTCOME_PASS ||
		  ((r->outcome == OUTCOME_WAIVED || r->outcome == OUTCOME_SKIPPED) &&
		   !counts_as_failed(run, r));

	str_addf(b, "%sok %zu - %s", ok ? "" : "not ", i + 1, run->profile->checks[i].id);
	if (ok && r->outcome != OUTCOME_PASS)
		str_addf(b, " # SKIP %s", outcome_name(r->outcome));
	else if (may_be_missing(run, i)) /* TAP: "not ok", but not a failure */
		str_addf(b, " # TODO %s", outcome_name(r->outcome));
	str_addc(b, '\n');
	if (ok)
		return;
	str_add(b, "  ---\n");
	add_yaml(b, "code", code_of(r));
	add_yaml(b, "subject", r->diag.subject);
	add_yaml(b, "message", r->diag.cause);
	add_yaml(b, "hint", text_hint(r));
	str_add(b, "  ...\n");
}

static void add_own_point(struct str *b, size_t number, const char *code, const char *message)
{
	str_addf(b, "not ok %zu - startguard\n  ---\n", number);
	add_yaml(b, "code", code);
	add_yaml(b, "message", message);
	str_add(b, "  ...\n");
}

void report_tap(struct str *b, const struct run *run)
{
	size_t n = run->profile->n;
	char message[2048];

	str_addf(b, "TAP version 14\n1..%zu\n", n + count_own_cases(run));
	for (size_t i = 0; i < n; i++)
		add_point(b, run, i);
	for (size_t i = 0; run->problems && i < run->problems->n; i++)
		if (problem_message(&run->problems->v[i], message, sizeof message))
			add_own_point(b, ++n, problem_code(&run->problems->v[i]), message);
	if (!run->problems && blocked_otherwise(run))
		add_own_point(b, ++n, "blocked", run->summary);
}

/* ---- Prometheus -------------------------------------------------------------------------------------------------------- */
static void add_label(struct str *b, const char *name, const char *value, const char *sep)
{
	str_addf(b, "%s%s=\"", sep, name);
	for (; *value; value++) {
		if (*value == '\n') {
			str_add(b, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			str_addc(b, '\\');
		str_addc(b, *value);
	}
	str_addc(b, '"');
}

static void add_family(struct str *b, const char *name, const char *help)
{
	str_addf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* Each series names the service: node_exporter reads the files of several services in one folder as one page. */
static void add_series(struct str *b, const char *name, const struct profile *p, const char *label,
		       const char *value)
{
	str_addf(b, "%s{", name);
	add_label(b, "service", p->service, "");
	add_label(b, label, value, ",");
}

static void add_verdict(struct str *b, const struct run *run)
{
	const struct profile *p = run->profile;
	const char *mode = mode_name(p->mode);

	add_family(b, "startguard_status", "Verdict of the start, 1 for the one that was given.");
	for (enum verdict s = RUN_READY; s <= RUN_BLOCKED; s++) {
		add_series(b, "startguard_status", p, "mode", mode);
		add_label(b, "status", verdict_name(s), ",");
		str_addf(b, "} %d\n", run->verdict == s);
	}
	add_family(b, "startguard_exit_code",
		   "What startguard ended with, 0 when it did not block.");
	add_series(b, "startguard_exit_code", p, "mode", mode);
	str_addf(b, "} %d\n", run->exit_code);
	add_family(b, "startguard_run_seconds", "How long the run took.");
	add_series(b, "startguard_run_seconds", p, "mode", mode);
	str_addf(b, "} %.6f\n", duration_ms(instant_since(run->started, run->ended)) / 1000);
}

void report_prometheus(struct str *b, const struct run *run)
{
	const struct profile *p = run->profile;

	add_verdict(b, run);
	if (p->n == 0)
		return;
	add_family(b, "startguard_check_passed", "1 when the check passed.");
	for (size_t i = 0; i < p->n; i++) {
		const struct check_outcome *r = &run->outcomes[i];

		add_series(b, "startguard_check_passed", p, "id", p->checks[i].id);
		add_label(b, "required", p->checks[i].required ? "true" : "false", ",");
		add_label(b, "outcome", outcome_name(r->outcome), ",");
		add_label(b, "code", r->diag.code != D_NONE ? code_of(r) : "", ",");
		str_addf(b, "} %d\n", r->outcome == OUTCOME_PASS);
	}
	add_family(b, "startguard_check_seconds",
		   "From the first attempt of the check to its end.");
	for (size_t i = 0; i < p->n; i++) {
		add_series(b, "startguard_check_seconds", p, "id", p->checks[i].id);
		str_addf(b, "} %.6f\n", duration_ms(run->outcomes[i].elapsed) / 1000);
	}
	add_family(b, "startguard_check_attempts", "How often the check was tried.");
	for (size_t i = 0; i < p->n; i++) {
		add_series(b, "startguard_check_attempts", p, "id", p->checks[i].id);
		str_addf(b, "} %d\n", run->outcomes[i].attempts);
	}
}
