/* report_json: the report as JSON; its schema is docs/report.schema.json. */
#include <ctype.h>

#include "report.h"

static void add_bool(struct str *b, const char *key, bool value, const char **sep)
{
	str_add_json_key(b, key, sep);
	str_add(b, value ? "true" : "false");
}

static void add_number(struct str *b, const char *key, double value, int decimals, const char **sep)
{
	str_add_json_key(b, key, sep);
	str_addf(b, "%.*f", decimals, value);
}

/* Is the text a JSON number (RFC 8259) without an exponent, short enough that no reader rounds it? */
static bool is_number(const char *s)
{
	size_t digits, n = strlen(s);

	s += *s == '-';
	digits = strspn(s, "0123456789");
	if (n > 15 || digits == 0 || (s[0] == '0' && digits > 1))
		return false;
	s += digits;
	if (*s == '\0')
		return true;
	if (*s != '.')
		return false;
	digits = strspn(++s, "0123456789");
	return digits > 0 && s[digits] == '\0';
}

static void add_facts(struct str *b, const struct check_outcome *r, const char **outer)
{
	const char *sep = "";

	str_add_json_key(b, "facts", outer);
	str_addc(b, '{');
	for (size_t i = 0; i < r->n_facts; i++) {
		const char *v = r->facts[i].value;

		str_add(b, sep);
		str_add_json_string(b, r->facts[i].key);
		str_add(b, ": ");
		if (is_number(v) || str_eq(v, "true") || str_eq(v, "false"))
			str_add(b, v);
		else
			str_add_json_string(b, v);
		sep = ", ";
	}
	str_addc(b, '}');
}

static void add_findings(struct str *b, const struct profile_check *c,
			 const struct check_outcome *r, const char **sep)
{
	const struct diag_info *info = r->diag.code != D_NONE ? diag_info(r->diag.code) : NULL;
	const char *degraded = c->waived_by ? c->waived_by->conf.degraded : c->common.degraded;

	str_add_json_field(b, "code", info ? info->code : NULL, sep);
	if (info) {
		str_add_json_field(b, "phase", phase_name(info->phase), sep);
		add_bool(b, "retryable", info->retryable, sep);
	}
	if (r->diag.subject[0])
		str_add_json_field(b, "subject", r->diag.subject, sep);
	if (r->diag.cause[0] || info)
		str_add_json_field(b, "cause", diag_cause(&r->diag), sep);
	if (info)
		str_add_json_field(b, "hint", text_hint(r), sep);
	if (degraded && r->outcome != OUTCOME_PASS)
		str_add_json_field(b, "degraded", degraded, sep);
	if (c->waived_by)
		str_add_json_field(b, "waived_by", c->waived_by->set_by, sep);
}

static void add_check(struct str *b, const struct run *run, size_t i)
{
	const struct profile_check *c = &run->profile->checks[i];
	const struct check_outcome *r = &run->outcomes[i];
	const char *sep = "";

	str_add(b, "    { ");
	str_add_json_field(b, "id", c->id, &sep);
	str_add_json_field(b, "kind", c->kind->name, &sep);
	str_add_json_field(b, "name", c->name, &sep);
	add_bool(b, "required", c->required, &sep);
	if (c->common.description)
		str_add_json_field(b, "description", c->common.description, &sep);
	str_add_json_field(b, "outcome", outcome_name(r->outcome), &sep);
	add_findings(b, c, r, &sep);
	if (r->outcome == OUTCOME_PASS && r->summary[0])
		str_add_json_field(b, "summary", r->summary, &sep);
	add_number(b, "attempts", r->attempts, 0, &sep);
	add_number(b, "elapsed_ms", duration_ms(r->elapsed), 1, &sep);
	add_number(b, "last_attempt_ms", duration_ms(r->last_attempt), 1, &sep);
	str_add_json_key(b, "reached", &sep);
	str_addc(b, '[');
	for (size_t k = 0; k < r->n_reached; k++) {
		str_add(b, k ? ", " : "");
		str_add_json_string(b, r->reached[k]);
	}
	str_addc(b, ']');
	if (r->step[0] && r->outcome != OUTCOME_PASS)
		str_add_json_field(b, "last_step", r->step, &sep);
	add_facts(b, r, &sep);
	str_add_json_key(b, "history", &sep);
	str_addc(b, '[');
	for (size_t k = 0; k < r->n_history; k++)
		str_addf(b, "%s{\"code\": \"%s\", \"count\": %d}", k ? ", " : "",
			 diag_info(r->history[k].code)->code, r->history[k].count);
	str_add(b, "] }");
}

static void add_switches(struct str *b, const struct profile *p)
{
	const char *sep = "";

	str_add(b, "  \"switches\": [");
	for (size_t i = 0; i < p->n_switches; i++) {
		const char *inner = "";

		if (!p->switches[i].set_by)
			continue;
		str_addf(b, "%s{ ", sep);
		str_add_json_field(b, "name", p->switches[i].name, &inner);
		str_add_json_field(b, "set_by", p->switches[i].set_by, &inner);
		str_add_json_field(b, "degraded", p->switches[i].conf.degraded, &inner);
		str_add(b, " }");
		sep = ", ";
	}
	str_add(b, "],\n");
}

static void add_problems(struct str *b, const struct problems *problems)
{
	const char *sep = "";

	str_add(b, "  \"problems\": [");
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];
		const char *inner = "";

		if (p->kind == PROBLEM_WARNING)
			continue;
		str_addf(b, "%s\n    { ", sep);
		str_add_json_field(b, "code", p->code != D_NONE ? diag_info(p->code)->code : NULL,
				   &inner);
		str_add_json_field(b, "file", p->file, &inner);
		add_number(b, "line", p->line, 0, &inner);
		str_add_json_field(b, "where", p->where, &inner);
		str_add_json_field(b, "text", p->text, &inner);
		str_add(b, " }");
		sep = ",";
	}
	str_add(b, "],\n");
}

void report_json(struct str *b, const struct run *run, const char *started)
{
	const struct profile *p = run->profile;
	const char *sep = "";
	char path[4096];

	text_clean(path, sizeof path, p->path ? p->path : "");
	str_add(b, "{ ");
	str_add_json_field(b, "startguard", STARTGUARD_VERSION, &sep);
	add_number(b, "report", 1, 0, &sep);
	str_add_json_field(b, "service", p->service, &sep);
	str_add_json_field(b, "mode", mode_name(p->mode), &sep);
	str_add_json_field(b, "status", verdict_name(run->verdict), &sep);
	add_number(b, "exit_code", run->exit_code, 0, &sep);
	str_add_json_field(b, "profile", p->path ? path : NULL, &sep);
	str_add(b, ",\n  ");
	sep = "";
	str_add_json_field(b, "started", started, &sep);
	add_number(b, "elapsed_ms", duration_ms(instant_since(run->started, run->ended)), 1, &sep);
	str_add_json_field(b, "summary", run->summary, &sep);
	str_add(b, ",\n");
	add_switches(b, p);
	if (run->problems)
		add_problems(b, run->problems);
	str_add(b, "  \"checks\": [\n");
	for (size_t i = 0; i < p->n; i++) {
		add_check(b, run, i);
		str_add(b, i + 1 < p->n ? ",\n" : "\n");
	}
	str_add(b, "  ] }\n");
}
