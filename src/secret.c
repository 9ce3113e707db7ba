#include "secret.h"

#include <errno.h>
#include <strings.h>

#include "diag.h"
#include "str.h"

#define FORMS_MAX \
	64 /* values x encodings; a check that uses more than a dozen secrets is none we know */
#define SCRUB_MIN 4 /* shorter values would eat ordinary words */
#define MASK "***"  /* not longer than SCRUB_MIN, so a scrubbed text never grows */

/* Process-wide on purpose, and only ever filled in a child: every text that leaves the child passes it,
 * whoever made that text. */
static struct {
	char *form[FORMS_MAX];
	size_t n;
} registered;

struct secret secret_from_text(const char *text)
{
	if (str_starts(text, "env:"))
		return (struct secret){SECRET_ENV, text + 4};
	if (str_starts(text, "file:"))
		return (struct secret){SECRET_FILE, text + 5};
	return (struct secret){SECRET_LITERAL, text};
}

const char *secret_text(struct secret s, char *buf, size_t size)
{
	switch (s.kind) {
	case SECRET_NONE:
		snprintf(buf, size, "[no secret]");
		break;
	case SECRET_ENV:
		snprintf(buf, size, "[secret from env:%s]", s.text);
		break;
	case SECRET_FILE:
		snprintf(buf, size, "[secret from file:%s]", s.text);
		break;
	case SECRET_LITERAL:
		snprintf(buf, size, "[secret]");
		break;
	}
	return buf;
}

bool secret_sensitive_name(const char *name)
{
	/* librdkafka's own list of sensitive properties misses some (client.secret in 2.0.2): match by word. */
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

void secret_mask_user_parts(char *text)
{
	for (char *at = strchr(text, '@'); at; at = strchr(at + 1, '@')) {
		char *begin = at;

		while (begin > text && !strchr(" \t\n\"'/,;()[]{}", begin[-1]))
			begin--;
		if (!memchr(begin, ':', (size_t)(at - begin)) ||
		    (size_t)(at - begin) < strlen(MASK))
			continue;
		memcpy(begin, MASK, strlen(MASK));
		memmove(begin + strlen(MASK), at, strlen(at) + 1);
		at = begin + strlen(MASK);
	}
}

static int by_length_down(const void *a, const void *b)
{
	size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static void register_form(char *form)
{
	if (strlen(form) < SCRUB_MIN || registered.n == FORMS_MAX) {
		free(form);
		return;
	}
	for (size_t i = 0; i < registered.n; i++) {
		if (str_eq(registered.form[i], form)) {
			free(form);
			return;
		}
	}
	registered.form[registered.n++] = form;
	/* Longest first: a short secret inside a long one must not leave the rest of the long one readable. */
	qsort(registered.form, registered.n, sizeof registered.form[0], by_length_down);
}

static char *percent_form(const char *value, const char *hex)
{
	char *out = xmalloc(strlen(value) * 3 + 1), *p = out;

	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    strchr("-._~", c)) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	*p = '\0';
	return out;
}

/* RFC 4648 without padding, so that both padded and unpadded text is found. */
static char *base64_form(const char *value, const char *alphabet)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t n = strlen(value);
	char *out = xmalloc((n + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)s[i] << 16 | (i + 1 < n ? (unsigned)s[i + 1] << 8 : 0) |
			     (i + 2 < n ? (unsigned)s[i + 2] : 0);

		*p++ = alphabet[v >> 18 & 63];
		*p++ = alphabet[v >> 12 & 63];
		if (i + 1 < n)
			*p++ = alphabet[v >> 6 & 63];
		if (i + 2 < n)
			*p++ = alphabet[v & 63];
	}
	*p = '\0';
	return out;
}

static char *json_form(const char *value)
{
	struct str b;

	str_init(&b, strlen(value) * 6);
	str_add_json(&b, value);
	return b.s;
}

static char *clean_form(const char *value)
{
	size_t size = strlen(value) * 2 + 8;
	char *out = xmalloc(size);

	text_clean(out, size, value);
	return out;
}

void secret_register(const char *value)
{
	static const char standard[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char urlsafe[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	register_form(xstrdup(value));
	register_form(percent_form(value, "0123456789ABCDEF"));
	register_form(percent_form(value, "0123456789abcdef"));
	register_form(base64_form(value, standard));
	register_form(base64_form(value, urlsafe));
	register_form(json_form(value));
	/* Texts are scrubbed before and after they are cleaned: a value with a tab in it looks different then. */
	register_form(clean_form(value));
}

static enum verdict unreadable(struct diag *out, struct secret s, const char *why)
{
	char subject[256];

	snprintf(subject, sizeof subject, "secret file %s", s.text);
	return diag_set(out, D_SECRET_UNREADABLE, subject, "%s", why);
}

static const char *read_file(struct secret s, struct diag *out)
{
	size_t len;
	char *value = file_read(s.text, SECRET_VALUE_MAX, &len);

	if (!value) {
		unreadable(out, s,
			   errno == EFBIG ? "larger than 64 KiB: not a secret file"
					  : strerror(errno));
		return NULL;
	}
	if (len > 0 && value[len - 1] == '\n')
		value[--len] = '\0';
	if (len > 0 && value[len - 1] == '\r')
		value[--len] = '\0';
	if (strlen(value) != len) {
		unreadable(out, s, "holds a NUL byte: not a text secret");
		return NULL;
	}
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
		secret_register(value);
	return value;
}

void scrub(char *text)
{
	for (size_t i = 0; i < registered.n; i++) {
		const char *form = registered.form[i];
		size_t n = strlen(form);

		for (char *p = strstr(text, form); p; p = strstr(p + strlen(MASK), form)) {
			memcpy(p, MASK, strlen(MASK));
			memmove(p + strlen(MASK), p + n, strlen(p + n) + 1);
		}
	}
}

void secret_forget(void)
{
	while (registered.n > 0)
		free(registered.form[--registered.n]);
}
