/* secret: a reference to a secret in the parent, its value only in the child that uses it.
 *
 * The parent keeps "env:NAME" or "file:/path" and never reads the value. A check's child reads the value with
 * secret_reveal, which also registers it with the scrubber (scrub.h), so that no text the child sends can hold it.
 */
#ifndef SG_SECRET_H
#define SG_SECRET_H

#include "util.h"

struct diag;

#define SECRET_VALUE_MAX \
	(64 * 1024) /* bytes of a token or key file; a larger one is the wrong file */

enum secret_kind { SECRET_NONE, SECRET_ENV, SECRET_FILE, SECRET_LITERAL };
struct secret {
	enum secret_kind kind;
	/* The variable's name, the file's path, or (outside prod) the secret itself: never print that. */
	const char *text;
};

static inline bool secret_is_set(struct secret s)
{
	return s.kind != SECRET_NONE;
}
/* Splits a reference. A text without "env:" or "file:" becomes SECRET_LITERAL. Keeps the pointer. */
struct secret secret_from_text(const char *text);
/* Must the value of a property, header, key or variable of this name be a reference? */
bool secret_sensitive_name(const char *name);

/* Child only. The value, registered with the scrubber; this module owns it until the process ends. One trailing newline
 * of a file is dropped. NULL with *out filled (secret-unreadable, or env-missing) when it cannot be read. */
const char *secret_reveal(struct secret s, struct diag *out);
/* Child only. Like secret_reveal, but registers nothing: for texts of which only a part is secret (a URL with a user
 * part). The caller registers that part. */
const char *secret_read(struct secret s, struct diag *out);
/* Child only. Registers the value of every variable that has a sensitive name: for kinds that run programs, whose
 * output may hold them. */
void secret_register_environment(void);
/* For tests that run many cases in one process: drops the files that were read and all that was registered. */
void secret_forget(void);

#endif
