#include "flow_run.h"

enum result flow_take_captures(struct flow_run *f, struct flow_needs *needs, size_t from,
			       const char *subject, struct diag *out)
{
	const struct flow_need *unmet = flow_needs_unmet(needs, from, needs->n);
	char text[300];

	/* A token that a login answers is a secret, also for the report. */
	flow_needs_hide(needs, from);
	if (unmet) {
		flow_need_text(unmet, text, sizeof text);
		return check_fail(out, D_FLOW_CAPTURE_MISSING, subject, "{%s}: %s", unmet->name,
				  text);
	}
	for (size_t i = from; i < needs->n; i++) {
		struct flow_need *need = &needs->v[i];

		invariant(flow_names_set(&f->names, need->name, need->value));
		need->value = NULL;
	}
	return RESULT_PASS;
}

const char *flow_limit_text(const struct flow_run *f, const struct check_run *step,
			    struct duration within, char *buf, size_t size)
{
	char text[40];

	if (step->deadline.ns == f->run->deadline.ns)
		snprintf(buf, size, "before the attempt's time was up (attempt_timeout)");
	else
		snprintf(buf, size, "within %s", duration_unparse(within, text, sizeof text));
	return buf;
}
