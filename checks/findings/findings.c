#include "findings.h"

#define OTHERS_MAX 4 /* further findings that are named */

static void name_other(struct findings *f, const struct diag *d, const char *note)
{
	size_t len = strlen(f->others);

	if (f->named++ < OTHERS_MAX)
		snprintf(f->others + len, sizeof f->others - len, "; %.44s too: %s%s%s%s",
			 d->subject, diag_info(d->code)->code, *note ? " (" : "", note,
			 *note ? ")" : "");
}

void findings_add(struct findings *f, const struct diag *d, const char *note)
{
	bool first = f->n++ == 0;
	bool worse =
	    !first && diag_info(f->worst.code)->retryable && !diag_info(d->code)->retryable;

	if (worse)
		name_other(f, &f->worst, f->worst_note);
	else if (!first)
		name_other(f, d, note);
	if (first || worse) {
		f->worst = *d;
		snprintf(f->worst_note, sizeof f->worst_note, "%s", note);
	}
}

int findings_result(const struct findings *f, struct diag *out)
{
	char more[32] = "";

	if (f->n == 0)
		return 0;
	if (f->named > OTHERS_MAX)
		snprintf(more, sizeof more, " and %zu more", f->named - OTHERS_MAX);
	check_fail(out, f->worst.code, f->worst.subject, "%s%s%s", f->worst.cause, f->others, more);
	if (f->worst.hint[0])
		diag_hint(out, "%s", f->worst.hint);
	return -1;
}
