#include "secret.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "diag.h"
#include "scrub.h"
#include "str.h"

struct secret secret_from_text(const char *text)
{
	if (str_starts(text, "env:"))
		return (struct secret){SECRET_ENV, text + 4};
	if (str_starts(text, "file:"))
		return (struct secret){SECRET_FILE, text + 5};
	return (struct secret){SECRET_LITERAL, text};
}

bool secret_sensitive_name(const char *name)
{
	/* librdkafka's list of sensitive properties lacks some (client.secret in 2.0.2), so this matches parts of names. */
	static const char *const words[] = {"password",    "passwd",  "passphrase", "secret",
					    "token",       "jaas",    "credential", "authorization",
					    "cookie",      "api-key", "apikey",     "api_key",
					    "private.key", "key.pem", "user.info",  "kinit.cmd"};
	/* Names that contain such a word but hold no secret. */
	static const char *const harmless[] = {"token.endpoint.url", "password_file", "token_file",
					       "secret_name"};

	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (strcasestr(name, harmless[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

void secret_register_environment(void)
{
	for (char **e = environ; *e; e++) {
		const char *value = strchr(*e, '=');
		char name[256];

		snprintf(name, sizeof name, "%.*s", value ? (int)(value - *e) : 0, *e);
		if (secret_sensitive_name(name))
			scrub_register(value + 1);
	}
}

/* Returns NULL, with *out filled. */
static const char *fail_unreadable(struct diag *out, struct secret s, const char *why)
{
	char subject[256];

	snprintf(subject, sizeof subject, "secret file %s", s.text);
	diag_set(out, D_SECRET_UNREADABLE, subject, "%s", why);
	return NULL;
}

/* A child reads each file once: a pipe gives its value only once. */
struct file_value {
	const char *path, *value;
	struct file_value *next;
};
static struct file_value *files_read;

static const char *read_file(struct secret s, struct diag *out)
{
	struct file_value *f;
	size_t len;
	char *value;

	for (f = files_read; f; f = f->next)
		if (str_eq(f->path, s.text))
			return f->value;
	value = file_read(s.text, SECRET_VALUE_MAX, &len);
	if (!value)
		return fail_unreadable(out, s,
				       errno == EFBIG ? "larger than 64 KiB: not a secret file"
						      : strerror(errno));
	if (len > 0 && value[len - 1] == '\n')
		value[--len] = '\0';
	if (len > 0 && value[len - 1] == '\r')
		value[--len] = '\0';
	if (strlen(value) != len)
		return fail_unreadable(out, s, "holds a NUL byte: not a text secret");
	f = xmalloc(sizeof *f);
	*f = (struct file_value){.path = s.text, .value = value, .next = files_read};
	files_read = f;
	return value;
}

const char *secret_read(struct secret s, struct diag *out)
{
	const char *value;

	switch (s.kind) {
	case SECRET_NONE:
		return "";
	case SECRET_LITERAL:
		return s.text;
	case SECRET_ENV:
		value = getenv(s.text);
		if (!value)
			diag_set(out, D_ENV_MISSING, s.text,
				 "the secret is to come from variable %s, which is not set",
				 s.text);
		return value;
	case SECRET_FILE:
		return read_file(s, out);
	}
	return NULL;
}

const char *secret_reveal(struct secret s, struct diag *out)
{
	const char *value = secret_read(s, out);

	if (value)
		scrub_register(value);
	return value;
}

void secret_forget(void)
{
	scrub_forget();
	while (files_read) {
		struct file_value *f = files_read;

		files_read = f->next;
		free((void *)f->value);
		free(f);
	}
}
