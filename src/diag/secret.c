#include "secret.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "diag.h"
#include "flaw.h"
#include "scrub.h"
#include "str.h"
#include "unescape.h"
#include "path_problem.h"

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

/* ---- variables ------------------------------------------------------------------------------------------------------- */
#define WORD_MAX 32

/* Copies the next word of a name ("db" of "DB_PASS2"), in small letters and without digits at its end. Returns false at the end. */
static bool next_word(const char **p, char word[WORD_MAX])
{
	size_t n = 0;

	while (**p && !isalnum((unsigned char)**p))
		(*p)++;
	for (; isalnum((unsigned char)**p); (*p)++)
		if (n + 1 < WORD_MAX)
			word[n++] = (char)tolower((unsigned char)**p);
	while (n > 1 && isdigit((unsigned char)word[n - 1]))
		n--;
	word[n] = '\0';
	return n > 0;
}

static bool is_in(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (str_eq(word, *list))
			return true;
	return false;
}

bool secret_sensitive_variable(const char *name)
{
	static const char *const anywhere[] = {"pass",  "pwd", "pw",   "passcode", "pat", "dsn",
					       "creds", "jwt", "hmac", "bearer",   "otp", NULL};
	static const char *const last[] = {"key", "keys", "auth", "sas", "signature", NULL};
	/* Before "key": these are not secret. At the end: the variable says where or how. */
	static const char *const before_key[] = {
	    "public", "pub", "routing", "partition", "primary", "foreign", "sort", "cache", NULL};
	static const char *const at_end[] = {"file", "path", "dir",   "name", "length",
					     "id",   "type", "count", "url",  NULL};
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char word[WORD_MAX], before[WORD_MAX] = "";
	bool found = false;

	if (secret_sensitive_name(name) || strcasestr(name, "webhook")) /* its path is the secret */
		return true;
	if (str_eq(name, "PWD") || str_eq(name, "OLDPWD")) /* the shell's working directory */
		return false;
	for (const char *p = name; next_word(&p, word);) {
		bool is_last = !p[strcspn(p, letters)];

		found |= is_in(word, anywhere);
		if (is_last && found)
			return !is_in(word, at_end);
		if (is_last)
			return is_in(word, last) && !is_in(before, before_key);
		memcpy(before, word, sizeof before);
	}
	return false;
}

/* Registers n bytes as they are and, where they are percent-encoded, decoded: a client may print either. */
static void register_part(const char *s, size_t n)
{
	cleanup_free char *text = xstrndup(s, n);
	size_t len = 0;

	scrub_register(text);
	if (!strchr(text, '%'))
		return;
	for (size_t i = 0; text[i];) {
		char meant[UNESCAPE_MEANT];
		size_t used = 1,
		       k = text[i] == '%' ? unescape(text + i, strlen(text + i), meant, &used) : 0;

		if (k == 0)
			meant[0] = text[i];
		memmove(text + len, meant, k ? k : 1);
		len += k ? k : 1;
		i += used;
	}
	text[len] = '\0';
	scrub_register(text);
}

/* Registers the password of a user part that begins at s, or a user without one: often a token ("https://TOKEN@host"). The last @
 * before the path ends the user part; if there is none, the last one of all: a password may hold either as it is. */
static void register_user_part(const char *s)
{
	size_t n = strcspn(s, " \t\n\"'<>"), path = strcspn(s, "/?# \t\n\"'<>");
	const char *at = memrchr(s, '@', path), *colon;

	at = at ? at : memrchr(s, '@', n);
	if (!at)
		return;
	colon = memchr(s, ':', (size_t)(at - s));
	if (colon)
		register_part(colon + 1, (size_t)(at - colon - 1));
	else if (path >= (size_t)(at - s))
		register_part(s, (size_t)(at - s));
}

/* Registers the value at s: to the first sign that may end it, and if no NAME= follows there, so that the sign may belong to the
 * value, to the next one as well. */
static void register_value(const char *s)
{
	static const char ends[] = "&;, \t\n\"'()";
	size_t n = strcspn(s, ends);

	register_part(s, n);
	while (s[n] == '&' || s[n] == ';' || s[n] == ',') {
		size_t more = strcspn(s + n + 1, ends);

		if (more == 0 || memchr(s + n + 1, '=', more))
			return;
		n += 1 + more;
		register_part(s, n);
	}
}

/* Registers the value of NAME=VALUE, at the = of which `s` points, if the name is sensitive: in the query of a URL, a connection
 * string ("host=db password=x", "Server=db;Pwd=x"), a line of JAAS. */
static void register_pair(const char *text, const char *s)
{
	const char *begin = s;
	char name[64];

	while (begin > text && !strchr("&;?, \t\n\"'({", begin[-1]))
		begin--;
	snprintf(name, sizeof name, "%.*s", (int)(s - begin), begin);
	/* "PWD" is the working directory as a variable only; "AccountKey" is one word. */
	if (!secret_sensitive_variable(name) && strcasecmp(name, "PWD") != 0 &&
	    !(s - begin >= 3 && strncasecmp(s - 3, "key", 3) == 0))
		return;
	if (s[1] == '"' || s[1] == '\'')
		register_part(s + 2, strcspn(s + 2, "\"'"));
	else
		register_value(s + 1);
}

static void register_secret_parts(const char *value)
{
	const char *first = value + strcspn(value, ":/@= \t\n\"'");

	/* "user:password@tcp(host)/db", as Go's MySQL driver has it. */
	if (*first == ':' && first > value && !str_starts(first, "://"))
		register_user_part(value);
	for (const char *p = value; (p = strstr(p, "://")) != NULL; p += 3)
		register_user_part(p + 3);
	for (const char *p = strchr(value, '='); p; p = strchr(p + 1, '='))
		register_pair(value, p);
}

/* ---- JAAS ---- */
/* Options of login modules that hold no secret; what is not here is one. */
static bool jaas_option_is_harmless(const char *name, size_t len)
{
	static const char *const names[] = {
	    "username",
	    "user",
	    "serviceName",
	    "principal",
	    "keyTab",
	    "clientId",
	    "scope",
	    "oauth.client.id",
	    "oauth.scope",
	    "oauth.token.endpoint.uri",
	    "awsRoleArn",
	    "awsProfileName",
	    "awsStsRegion",
	    "ticketCache",
	    "awsRoleSessionName",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
			return true;
	return false;
}

/* Registers n bytes as they stand there, and without the backslashes that Java drops. */
static void register_jaas_value(const char *s, size_t n)
{
	cleanup_free char *text = xstrndup(s, n);
	size_t len = 0;

	if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
		return;
	register_part(s, n);
	for (size_t i = 0; text[i]; i++) {
		i += text[i] == '\\' && text[i + 1];
		text[len++] = text[i];
	}
	text[len] = '\0';
	register_part(text, len);
}

/* Returns the length of a value that begins with the quote `sign`, up to the next one; a backslash escapes. */
static size_t quoted_length(const char *s, char sign)
{
	size_t n = 0;

	while (s[n] && s[n] != sign)
		n += s[n] == '\\' && s[n + 1] ? 2 : 1;
	return n;
}

/* Registers the value of the option whose "=" is at `equals`; returns where to go on. */
static const char *register_jaas_option(const char *line, const char *equals)
{
	const char *name, *end = equals, *value;
	size_t n;

	while (end > line && isspace((unsigned char)end[-1]))
		end--;
	for (name = end; name > line && !strchr(" \t;{\"'", name[-1]); name--)
		;
	value = equals + 1 +
		strspn(equals + 1, " \t\\"); /* \" is what Java's files may have for a quote */
	n = *value == '"' || *value == '\'' ? quoted_length(value + 1, *value) + 1
					    : strcspn(value, " \t;");
	if (!jaas_option_is_harmless(name, (size_t)(end - name)) && n > 0)
		register_jaas_value(value + (*value == '"' || *value == '\''),
				    n - (*value == '"' || *value == '\''));
	return value + n;
}

static bool is_jaas_line(const char *line)
{
	static const char *const flags[] = {" required", " requisite", " sufficient", " optional"};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcasestr(line, flags[i]))
			return true;
	return false;
}

void secret_register_jaas(const char *line)
{
	if (!is_jaas_line(line))
		scrub_register(line);
	for (const char *p = line; (p = strchr(p, '=')) != NULL;)
		p = register_jaas_option(line, p);
}

/* Registers of a DSN that is a URL its user part alone: host and database are words of paths and messages. Returns false when the
 * value is something else. */
static bool register_dsn(const char *name, const char *value)
{
	const char *user = strstr(value, "://"), *at = strrchr(value, '@');

	if (!strcasestr(name, "dsn") || !user || !at || at < user)
		return false;
	register_part(user + 3, (size_t)(at - user - 3));
	return true;
}

void secret_register_variable(const char *name, const char *value)
{
	if (strcasestr(name, "jaas"))
		secret_register_jaas(value);
	else if (secret_sensitive_variable(name) && !register_dsn(name, value))
		scrub_register(value);
	register_secret_parts(value);
}

void secret_register_environment(void)
{
	scrub_words(true);
	for (char **e = environ; *e; e++) {
		const char *value = strchr(*e, '=');
		cleanup_free char *name = value ? xstrndup(*e, (size_t)(value - *e)) : NULL;

		if (name)
			secret_register_variable(name, value + 1);
	}
	scrub_words(false);
}

/* ---- references ------------------------------------------------------------------------------------------------------ */
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
						      : path_problem(s.text, errno).text);
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

static void note_flaw(struct secret s, const char *value)
{
	char what[256] =
	    "the password"; /* SECRET_LITERAL: of a URL, or outside prod; its text is the value */

	if (s.kind == SECRET_NONE)
		return;
	if (s.kind == SECRET_ENV || s.kind == SECRET_FILE)
		snprintf(what, sizeof what, "%s %.200s", s.kind == SECRET_ENV ? "variable" : "file",
			 s.text);
	flaw_note(what, value);
}

const char *secret_reveal(struct secret s, struct diag *out)
{
	const char *value = secret_read(s, out);

	if (!value)
		return NULL;
	scrub_register(value);
	note_flaw(s, value);
	return value;
}

const char *secret_reveal_property(const char *name, struct secret s, struct diag *out)
{
	const char *value;

	if (!strcasestr(name, "jaas"))
		return secret_reveal(s, out);
	value = secret_read(s, out);
	if (value)
		secret_register_jaas(value);
	return value;
}

void secret_forget(void)
{
	scrub_forget();
	flaw_forget();
	while (files_read) {
		struct file_value *f = files_read;

		files_read = f->next;
		free((void *)f->value);
		free(f);
	}
}
