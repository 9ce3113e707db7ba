#include "findings.h"

static void add_other_text(struct findings *f, const struct diag *d, const char *note)
{
	if (f->n_named == ARRAY_LEN(f->named))
		return;
	snprintf(f->named[f->n_named++], sizeof *f->named, "; %.60s too: %s%s%s%s", d->subject,
		 diag_info(d->code)->code, *note ? " (" : "", note, *note ? ")" : "");
}

void findings_add(struct findings *f, const struct diag *d, const char *note)
{
	bool first = f->n++ == 0;
	bool worse =
	    !first && diag_info(f->worst.code)->retryable && !diag_info(d->code)->retryable;

	if (worse)
		add_other_text(f, &f->worst, f->worst_note);
	else if (!first)
		add_other_text(f, d, note);
	if (first || worse) {
		f->worst = *d;
		snprintf(f->worst_note, sizeof f->worst_note, "%s", note);
	}
}

/* Appends the worst finding's cause, then as many other findings as fit into DIAG_CAUSE_MAX. */
static void join_causes(const struct findings *f, struct str *cause)
{
	str_addf(cause, "%s%s", f->prefix, f->worst.cause);
	for (size_t i = 0; i < f->n - 1; i++) {
		char more[32];

		snprintf(more, sizeof more, " and %zu more", f->n - 1 - i);
		if (i == f->n_named ||
		    cause->len + strlen(f->named[i]) + strlen(more) >= DIAG_CAUSE_MAX) {
			str_add(cause, more);
			return;
		}
		str_add(cause, f->named[i]);
	}
}

enum result findings_result(const struct findings *f, struct diag *out)
{
	struct str cause;
	enum result r;

	if (f->n == 0)
		return RESULT_PASS;
	str_init(&cause, 2 * DIAG_CAUSE_MAX);
	join_causes(f, &cause);
	r = check_fail(out, f->worst.code, f->worst.subject, "%s", cause.s);
	if (f->worst.hint[0])
		diag_hint(out, "%s", f->worst.hint);
	str_free(&cause);
	return r;
}
