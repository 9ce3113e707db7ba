/* report_formats: the report for other tools: JUnit, TAP 14, Prometheus text format. */
#include "report.h"

static const char *code_of(const struct result *r)
{
	return r->diag.code != D_NONE ? diag_info(r->diag.code)->code : outcome_name(r->outcome);
}

/* ---- JUnit -------------------------------------------------------------------------------------------------------- */
/* Cleaned text holds no control characters: the five of XML are all that is left to escape. */
static void add_xml(struct str *b, const char *text)
{
	for (; *text; text++) {
		const char *e = *text == '&'    ? "&amp;"
				: *text == '<'  ? "&lt;"
				: *text == '>'  ? "&gt;"
				: *text == '"'  ? "&quot;"
				: *text == '\'' ? "&apos;"
						: NULL;

		if (e)
			str_add(b, e);
		else
			str_addc(b, *text);
	}
}

static void add_attribute(struct str *b, const char *name, const char *value)
{
	str_addf(b, " %s=\"", name);
	add_xml(b, value);
	str_addc(b, '"');
}

static void add_case(struct str *b, const struct run *run, size_t i)
{
	const struct profile_check *c = &run->profile->checks[i];
	const struct result *r = &run->results[i];
	const char *tag = r->outcome == O_BROKEN                            ? "error"
			  : r->outcome == O_FAIL || r->outcome == O_PENDING ? "failure"
									    : "skipped";
	char message[DIAG_SUBJECT_MAX + DIAG_CAUSE_MAX + 64];

	str_add(b, "  <testcase");
	add_attribute(b, "classname", c->kind->name);
	add_attribute(b, "name", c->name);
	str_addf(b, " time=\"%.3f\"", span_ms(r->elapsed) / 1000);
	if (r->outcome == O_PASS) {
		str_add(b, "/>\n");
		return;
	}
	snprintf(message, sizeof message, "%s: %s%s%s", code_of(r), r->diag.subject,
		 r->diag.subject[0] ? ": " : "", r->diag.cause);
	str_addf(b, ">\n    <%s", tag);
	if (!str_eq(tag, "skipped"))
		add_attribute(b, "type", code_of(r));
	add_attribute(b, "message", message);
	str_add(b, "/>\n  </testcase>\n");
}

void report_junit(struct str *b, const struct run *run, const char *started)
{
	const struct profile *p = run->profile;
	size_t failures = 0, errors = 0, skipped = 0;

	for (size_t i = 0; i < p->n; i++) {
		enum outcome o = run->results[i].outcome;

		errors += o == O_BROKEN;
		failures += o == O_FAIL || o == O_PENDING;
		skipped += o == O_DEGRADED || o == O_WAIVED || o == O_SKIPPED;
	}
	str_add(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite");
	add_attribute(b, "name", p->service);
	str_addf(b,
		 " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\" "
		 "timestamp=\"%.19s\">\n",
		 p->n, failures, errors, skipped,
		 span_ms(mono_since(run->started, run->ended)) / 1000, started);
	for (size_t i = 0; i < p->n; i++)
		add_case(b, run, i);
	str_add(b, "</testsuite>\n");
}

/* ---- TAP 14 ---------------------------------------------------------------------------------------------------------- */
void report_tap(struct str *b, const struct run *run)
{
	const struct profile *p = run->profile;

	str_addf(b, "TAP version 14\n1..%zu\n", p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct result *r = &run->results[i];
		bool ok = r->outcome == O_PASS || r->outcome == O_WAIVED || r->outcome == O_SKIPPED;

		str_addf(b, "%sok %zu - %s", ok ? "" : "not ", i + 1, p->checks[i].id);
		if (r->outcome == O_WAIVED || r->outcome == O_SKIPPED)
			str_addf(b, " # SKIP %s", outcome_name(r->outcome));
		else if (
		    outcome_lost(
			r->outcome)) /* may be missing: TODO is TAP's word for "not ok, but that is allowed" */
			str_addf(b, " # TODO %s", outcome_name(r->outcome));
		str_addc(b, '\n');
		if (ok)
			continue;
		str_addf(b, "  ---\n  code: %s\n  subject: ", code_of(r));
		str_add_json_string(b, r->diag.subject); /* a JSON string is a YAML string */
		str_add(b, "\n  message: ");
		str_add_json_string(b, r->diag.cause);
		str_add(b, "\n  ...\n");
	}
}

/* ---- Prometheus -------------------------------------------------------------------------------------------------------- */
static void add_label(struct str *b, const char *name, const char *value, const char *sep)
{
	str_addf(b, "%s%s=\"", sep, name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			str_addc(b, '\\');
		str_addc(b, *value);
	}
	str_addc(b, '"');
}

static void add_head(struct str *b, const char *name, const char *help)
{
	str_addf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

void report_prometheus(struct str *b, const struct run *run)
{
	const struct profile *p = run->profile;

	add_head(b, "startguard_status", "Verdict of the start, 1 for the one that was given.");
	for (enum status s = S_READY; s <= S_BLOCKED; s++) {
		str_add(b, "startguard_status{");
		add_label(b, "service", p->service, "");
		add_label(b, "mode", mode_name(p->mode), ",");
		add_label(b, "status", status_name(s), ",");
		str_addf(b, "} %d\n", run->status == s);
	}
	add_head(b, "startguard_run_seconds", "How long the run took.");
	str_addf(b, "startguard_run_seconds %.6f\n",
		 span_ms(mono_since(run->started, run->ended)) / 1000);
	add_head(b, "startguard_check_passed", "1 when the check passed.");
	for (size_t i = 0; i < p->n; i++) {
		const struct result *r = &run->results[i];

		str_add(b, "startguard_check_passed{");
		add_label(b, "id", p->checks[i].id, "");
		add_label(b, "outcome", outcome_name(r->outcome), ",");
		add_label(b, "code", r->diag.code != D_NONE ? code_of(r) : "", ",");
		str_addf(b, "} %d\n", r->outcome == O_PASS);
	}
	add_head(b, "startguard_check_seconds", "From the first attempt of the check to its end.");
	for (size_t i = 0; i < p->n; i++) {
		str_add(b, "startguard_check_seconds{");
		add_label(b, "id", p->checks[i].id, "");
		str_addf(b, "} %.6f\n", span_ms(run->results[i].elapsed) / 1000);
	}
}
