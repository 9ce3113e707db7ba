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
/* Splits the value of one -w at commas into what url_check_parse takes: before another scheme ("http://a,tcp://b:1"), and before an
 * address without one ("a:1,b:2"). A comma within the URL of a kind that takes several hosts stays. */
void url_check_split(struct arena *a, const char *text, struct strlist *out);
/* Makes the check of a URL, of "host:port", which means tcp, or of "env:NAME", a variable that holds either. Returns NULL, or
 * the problem: a text that never quotes the URL, which may hold a password. For a kind that this build lacks the node has no
 * keys. */
const char *url_check_parse(struct url_check *out, struct arena *a, const char *url,
			    const char *(*get_env)(const char *name));
/* Returns the end of a message about the name or scheme of a well-known system that has no kind, "mysql" or "amqp": which kind
 * to use there, and what it shows. Empty for other words. */
/* Does the text begin with the scheme of a form and a colon without slashes, as other tools write it ("tcp:host:1")? Returns the
 * form's example, or NULL. */
const char *url_check_begins(const char *text);
struct suggestion url_check_instead(const char *word);
/* Appends an example of each form: "tcp://host:port, http://host/path, ...". */
void url_check_examples(struct str *out);

#endif
