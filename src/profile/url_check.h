/* url_check: `-w URL`, a check without a profile. Turns the URL into the node a profile would have had. Pure. */
#ifndef SG_URL_CHECK_H
#define SG_URL_CHECK_H

#include "schema.h"

struct url_check {
	const char *kind, *name; /* name: host and port, or path */
	struct node *node;
};
/* 0; or -1 with a problem text in *why (arena). */
int url_check_parse(struct url_check *out, struct arena *a, const char *url, const char **why);

#endif
