/* flow_text: fills names in braces, as in {random}, into the texts of a flow. Pure.
 *
 * A brace begins a name only when letters, digits or _ and a closing brace follow, so that JSON needs no escapes; "{{" stands for
 * one "{". Captured values come from a peer: they are bounded, and escaped for the place where they are filled in.
 */
#ifndef SG_FLOW_TEXT_H
#define SG_FLOW_TEXT_H

#include "str.h"

#define FLOW_NAME_MAX 32    /* bytes of a name, with the NUL */
#define FLOW_NAMES_MAX 64   /* names that are known at once */
#define FLOW_VALUE_MAX 4096 /* bytes of a captured value */

struct flow_name {
	char name[FLOW_NAME_MAX];
	char *value; /* NULL in the parent, which only looks whether the name is known */
};
struct flow_names {
	size_t n;
	struct flow_name v[FLOW_NAMES_MAX];
};
enum flow_escape {
	FLOW_PLAIN,
	FLOW_URL, /* percent-encoded, as a part of a path or query (RFC 3986) */
	FLOW_JSON /* escaped, as a part of a JSON string (RFC 8259) */
};

/* Returns what is wrong with a name of `len` bytes, or NULL. */
const char *flow_name_problem(const char *name, size_t len);
bool flow_names_has(const struct flow_names *names, const char *name, size_t len);
/* Adds the name, or replaces its value, which then belongs to `names`. Returns false when there is no room. */
bool flow_names_set(struct flow_names *names, const char *name, char *value);

/* Returns the first name in braces that is not known, with its length; NULL: all are. */
const char *flow_text_unknown(const char *text, const struct flow_names *names, size_t *len);
/* Returns the text with all values filled in, which the caller frees. Unknown names stay as they are. */
char *flow_text_fill(const char *text, const struct flow_names *names, enum flow_escape how);
/* Returns whether a text begins as JSON does, so that values are escaped in it. */
bool flow_text_is_json(const char *text);

#endif
