/* kafka_findings: several topics or groups are wrong, one diagnosis comes out.
 *
 * The finding that waiting cannot help is the one that counts; the others are named behind it, so that one start
 * shows all of them. Pure.
 */
#ifndef SG_KAFKA_FINDINGS_H
#define SG_KAFKA_FINDINGS_H

#include "check.h"

struct kafka_findings {
	struct diag worst;
	char worst_note[24];
	size_t n, named;
	char others[320];
};

/* `note` tells findings of one code apart ("read", "write"); may be empty. */
void kafka_findings_add(struct kafka_findings *f, const struct diag *d, const char *note);
/* 0 when nothing was found; or -1 with the worst in *out. */
int kafka_findings_tell(const struct kafka_findings *f, struct diag *out);

#endif
