/* findings: joins all faults that one check found into one diagnosis, so that one start shows all of them.
 *
 * The diagnosis is the first finding that waiting cannot help; without one, the first finding. Its cause continues with the
 * others, "; SUBJECT too: CODE (NOTE)", and with " and N more" for those that do not fit. Checks call it; it does no I/O.
 */
#ifndef SG_FINDINGS_H
#define SG_FINDINGS_H

#include "check.h"

#define FINDINGS_NAMED_MAX 24
#define FINDING_NOTE_MAX 200

struct findings {
	/* Text that the cause begins with, whichever finding is worst; may be empty. */
	char prefix[320];
	struct diag worst; /* the finding that becomes the diagnosis */
	char worst_note[FINDING_NOTE_MAX];
	size_t n;       /* number of all findings */
	size_t n_named; /* number of entries in `named` */
	char named[FINDINGS_NAMED_MAX]
		  [FINDING_NOTE_MAX + 100]; /* texts of the findings except the worst */
};

/* Adds *d. `note` adds what subject and code do not say ("read", or d->cause); it may be empty. It must not hold a secret:
 * callers pass a constant text or the text of a diagnosis, which is scrubbed. */
void findings_add(struct findings *f, const struct diag *d, const char *note);
/* Returns RESULT_PASS and leaves *out unchanged when nothing was added; else fills *out and returns what check_fail does. */
enum result findings_result(const struct findings *f, struct diag *out);

#endif
