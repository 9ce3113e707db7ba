/* secret: references in the parent, values only in the child that uses them.
 *
 * The parent keeps "env:NAME" or "file:/path" and never reads the value. secret_reveal is for children: it
 * registers the value with the scrubber, and every text a child sends to the parent passes scrub() first,
 * which removes the value raw, percent-encoded, base64-encoded (wherever it begins) and escaped as in JSON, C or HTML; and
 * every piece of it of 8 bytes or more, because texts are cut by those who made them.
 */
#ifndef SG_SECRET_H
#define SG_SECRET_H

#include "util.h"

struct diag;

enum secret_kind { SECRET_NONE, SECRET_ENV, SECRET_FILE, SECRET_LITERAL };
struct secret {
	enum secret_kind kind;
	const char
	    *text; /* variable name, path, or (outside prod) the literal itself: never print it */
};

#define SECRET_VARIABLE_MAX \
	(128 * 1024) /* what Linux takes as one entry of an environment (MAX_ARG_STRLEN) */
#define SECRET_VALUE_MAX (64 * 1024) /* a token or key file; larger is surely the wrong file */

static inline bool secret_is_set(struct secret s)
{
	return s.kind != SECRET_NONE;
}
/* Splits a reference; a text that is none becomes SECRET_LITERAL. `text` is kept by pointer. */
struct secret secret_from_text(const char *text);
/* "[secret from env:NAME]", "[secret from file:/x]", "[secret]"; for show, explain, reports. */
const char *secret_text(struct secret s, char *buf, size_t size);
/* Is this a name whose value must be a reference? (property, header, key and variable names) */
bool secret_sensitive_name(const char *name);

/* Replaces what looks like the user part of an address ("user:password@host") in place, wherever it stands: messages
 * quote values, and one that belongs elsewhere may have come from a variable. */
void secret_mask_user_parts(char *text);

/* Child only. The value, owned by the secret module until the process ends; one trailing newline of a
 * file is dropped. NULL with *out filled (secret-unreadable, or env-missing) when it cannot be had. */
const char *secret_reveal(struct secret s, struct diag *out);
/* Child only. The same without the scrubber: for texts that are secret only in part (a URL with a user part);
 * the caller registers that part. */
const char *secret_read(struct secret s, struct diag *out);
/* Child only. Adds a value to the scrubber's list, for secrets that come another way (properties files). */
void secret_register(const char *value);
/* Child only. A text that is no secret: pieces of a secret that stand in it too ("orders" of "orders-password") are left
 * where they are. Kept by pointer; NULL is none. To be told before the secrets. */
void secret_plain(const char *text);
/* Child only. Registers the value of every variable with a name that tells of a secret: for kinds that run programs,
 * whose output may hold them. */
void secret_register_environment(void);
/* Replaces every form of every registered value in text, in place; it never grows. Values of fewer than 4
 * characters are left: they would eat ordinary words. Of a longer one that was cut, at most 3 bytes are left where the cut
 * is to be seen ("...", or the end of a text of 100 bytes or more), at most 7 elsewhere. */
void scrub(char *text);
/* For tests that run many cases in one process: nothing is registered any more. */
void secret_forget(void);

#endif
