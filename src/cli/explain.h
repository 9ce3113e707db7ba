/* explain: the reference, from the tables. Pure: fills a text. */
#ifndef SG_EXPLAIN_H
#define SG_EXPLAIN_H

#include "cli.h"

/* `topic`: NULL for all, KIND, KIND.KEY, or "common", "profile", "switches". 0; -1 with err: no such thing. */
int explain(struct str *out, const char *topic, enum print_as as, struct err *err);
/* `code`: NULL for all. */
int explain_codes(struct str *out, const char *code, enum print_as as, struct err *err);
/* The effective profile of this mode and environment. */
void explain_profile(struct str *out, const struct profile *p);
void explain_version(struct str *out, enum print_as as);

#endif
