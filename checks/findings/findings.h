/* findings: several things of one check are wrong, and one diagnosis is made of them.
 *
 * The finding that waiting cannot help is the one that counts; the others are named behind it, so that one start
 * shows all of them. Pure.
 */
#ifndef SG_FINDINGS_H
#define SG_FINDINGS_H

#include "check.h"

struct findings {
	struct diag worst;
	char worst_note[24];
	size_t n, named;
	char others[320];
};

/* `note` tells findings of one code apart ("read", "write"); may be empty. */
void findings_add(struct findings *f, const struct diag *d, const char *note);
/* 0 when nothing was found; or -1 with the worst in *out. */
int findings_result(const struct findings *f, struct diag *out);

#endif
