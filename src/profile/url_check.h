/* url_check: makes a check from `-w URL`, without a profile: turns the URL into the node that a profile would have given.
 *
 * The kinds define the schemes and the keys that a URL fills (struct check_url in check.h). Pure.
 */
#ifndef SG_URL_CHECK_H
#define SG_URL_CHECK_H

#include "check.h"

struct url_check {
	const struct check_kind *kind;
	const char *name; /* the check's name: host and port, or path */
	struct node *node;
};
/* Returns NULL, or the problem: a text that never quotes the URL, which may hold a password. For a kind that this build lacks the
 * node has no keys. */
const char *url_check_parse(struct url_check *out, struct arena *a, const char *url);
/* Appends an example of each form: "tcp://host:port, http://host/path, ...". */
void url_check_examples(struct str *out);

#endif
