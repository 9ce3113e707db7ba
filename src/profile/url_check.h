/* wait: `-w URL`, a check without a profile. Turns the URL into the node a profile would have had. Pure. */
#ifndef SG_WAIT_H
#define SG_WAIT_H

#include "schema.h"

struct wait_check {
	const char *kind, *name; /* name: host and port, or path */
	struct node *node;
};
/* 0; or -1 with a problem text in *why (arena). */
int wait_parse(struct wait_check *out, struct arena *a, const char *url, const char **why);

#endif
