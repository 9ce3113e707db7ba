/* findings: joins all that one check found wrong into one diagnosis, so that one start shows all of it.
 *
 * The diagnosis is the first finding that waiting cannot mend; without one, the first finding. Its cause goes on with the
 * others, "; SUBJECT too: CODE (NOTE)", and with " and N more" for those that have no room. Works on memory alone.
 */
#ifndef SG_FINDINGS_H
#define SG_FINDINGS_H

#include "check.h"

#define FINDINGS_NAMED_MAX 24
#define FINDING_NOTE_MAX 200

struct findings {
	/* the cause begins with this text, whichever finding is worst; may be empty */
	char prefix[320];
	struct diag worst;
	char worst_note[FINDING_NOTE_MAX];
	size_t n; /* all of them */
	size_t n_named;
	char named[FINDINGS_NAMED_MAX][FINDING_NOTE_MAX + 100]; /* all but the worst */
};

/* Adds *d. `note` says what subject and code do not say by themselves ("read", or d->cause); it may be empty. It is text of
 * our own or comes from a diagnosis, which is clean of secrets. */
void findings_add(struct findings *f, const struct diag *d, const char *note);
/* RESULT_PASS when nothing was added, with *out as it was. Otherwise what check_fail returns, with *out filled. */
enum result findings_result(const struct findings *f, struct diag *out);

#endif
