/* url_check: `-w URL`, a check without a profile. Turns the URL into the node that a profile would have given.
 *
 * The kinds say which schemes there are and which keys a URL fills (struct check_url in check.h). Pure.
 */
#ifndef SG_URL_CHECK_H
#define SG_URL_CHECK_H

#include "check.h"

struct url_check {
	const struct check_kind *kind;
	const char *name; /* of the check: host and port, or path */
	struct node *node;
};
/* NULL, or what is wrong: a text that never quotes the URL, which may hold a password. For a kind that this build lacks the
 * node has no keys. */
const char *url_check_parse(struct url_check *out, struct arena *a, const char *url);
/* Appends an example of each form: "tcp://host:port, http://host/path, ...". */
void url_check_examples(struct str *out);

#endif
