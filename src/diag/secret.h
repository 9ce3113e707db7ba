/* secret: holds a reference to a secret, and reads the value in the child that uses it.
 *
 * The parent keeps "env:NAME" or "file:/path" and never reads the value. A check's child reads the value with
 * secret_reveal, which also registers it with the scrubber (scrub.h), which masks the value in every text that the child sends.
 */
#ifndef SG_SECRET_H
#define SG_SECRET_H

#include "util.h"

struct diag;

#define SECRET_VALUE_MAX (64 * 1024) /* bytes; a larger token or key file is the wrong file */

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
/* Returns whether a property, header, key or variable of this name holds a secret, so that its value must be a reference. */
bool secret_sensitive_name(const char *name);

/* Child only. Returns the value and registers it with the scrubber; this module owns it until the process ends. Drops
 * one trailing newline of a file. Returns NULL with *out filled (secret-unreadable, env-missing) when it cannot be read. */
const char *secret_reveal(struct secret s, struct diag *out);
/* Child only. Does the same for a property of this name: of a JAAS line it registers the options alone. */
const char *secret_reveal_property(const char *name, struct secret s, struct diag *out);
/* Child only. Returns the value as secret_reveal does, but registers nothing: only a part of some texts is secret (the
 * user part of a URL), and the caller registers that part. */
const char *secret_read(struct secret s, struct diag *out);
/* As secret_sensitive_name, for a variable: PASS, PWD, DSN or PAT as a word, and KEY or AUTH as the last one, are sensitive too. */
bool secret_sensitive_variable(const char *name);
/* Registers with the scrubber the value of a variable that has a sensitive name, and of every other one what is secret in it: the
 * passwords of URLs ("scheme://user:password@"), and values behind a sensitive name ("password=..."). */
void secret_register_variable(const char *name, const char *value);
/* Registers the secret options of a JAAS line ("MODULE required username=\"x\" password=\"y\";"): all values but those of options that
 * only say who logs in, or how. Registers the whole text when it is not such a line. */
void secret_register_jaas(const char *line);
/* Child only. Calls secret_register_variable for every variable. Kinds that run programs call it, since the output of a
 * program may hold these values. */
void secret_register_environment(void);
/* For tests that run many cases in one process: forgets the values of files and all registered values. */
void secret_forget(void);

#endif
