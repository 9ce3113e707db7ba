#include "secret.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "diag.h"
#include "str.h"
#include "unescape.h"

#define SCRUB_MIN 4 /* shorter values would eat ordinary words */
#define MASK "***"  /* not longer than SCRUB_MIN, so a scrubbed text never grows */
/* So many bytes of a value in a row are taken out wherever they stand: texts are cut by libraries, by peers and by us, and
 * half a secret is one too. */
#define GRAM 8
/* Libraries and we ourselves cut at 128 bytes or more, and mostly do not say so. A shorter text is whole: its last word, which
 * a password may begin with ("refused"), stays. */
#define CUT_FROM 100
#define DECODINGS_MAX 3 /* percent-encoded JSON in a JSON text; deeper nobody nests */

struct form { /* a value as it may appear: itself, cleaned, in base64 */
	uint32_t at, len;
	bool base64, whole; /* whole: its pieces alone do not find it */
};

/* Process-wide on purpose, and only ever filled in a child: every text that leaves the child passes it,
 * whoever made that text. */
static struct {
	char *text; /* all forms, one behind the other */
	size_t len, cap;
	struct form *forms;
	size_t n;
	uint32_t *grams; /* open hash of places in text, plus one; 0: free */
	size_t n_grams, n_slots;
} known;

static struct {
	const char
	    *v[256]; /* more than a check has texts; the rest is scrubbed as if it were not known */
	size_t n;
} plain;

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

/* ---- what is looked for ------------------------------------------------------------------------------------------- */
static size_t gram_slot(const char *bytes, size_t n_slots)
{
	uint64_t v;

	memcpy(&v, bytes, GRAM);
	return (size_t)(v * 0x9e3779b97f4a7c15u >> 32) & (n_slots - 1);
}

static bool gram_known(const char *bytes)
{
	if (known.n_slots == 0)
		return false;
	for (size_t i = gram_slot(bytes, known.n_slots);; i = (i + 1) & (known.n_slots - 1)) {
		if (!known.grams[i])
			return false;
		if (memcmp(known.text + known.grams[i] - 1, bytes, GRAM) == 0)
			return true;
	}
}

static void gram_put(uint32_t *slots, size_t n_slots, uint32_t place)
{
	size_t i = gram_slot(known.text + place, n_slots);

	while (slots[i])
		i = (i + 1) & (n_slots - 1);
	slots[i] = place + 1;
}

static void grams_grow(size_t more)
{
	size_t n = known.n_slots ? known.n_slots : 256;
	uint32_t *slots;

	while (n < 2 * (known.n_grams + more))
		n *= 2;
	if (n == known.n_slots)
		return;
	slots = xcalloc(n, sizeof *slots);
	for (size_t i = 0; i < known.n_slots; i++)
		if (known.grams[i])
			gram_put(slots, n, known.grams[i] - 1);
	free(known.grams);
	known.grams = slots;
	known.n_slots = n;
}

static bool form_known(const char *bytes, size_t n)
{
	for (size_t i = 0; i < known.n; i++)
		if (known.forms[i].len == n &&
		    memcmp(known.text + known.forms[i].at, bytes, n) == 0)
			return true;
	return false;
}

/* Pieces of these tell nothing, and a password such as "kafka-password" must not take the word out of every message. */
static bool is_ordinary(const char *gram)
{
	static const char *const words[] = {
	    "passwords",     "usernames",   "passphrase",  "certificates",  "authentication",
	    "authorization", "credentials", "connections", "localhost",     "localdomain",
	    "bootstrap",     "registry",    "startguard",  "anonymous",     "mechanisms",
	    "available",     "production",  "development", "administrator", "permission",
	    "configured",    "container",   "undefined",   "handshake"};

	char low[GRAM];

	for (size_t i = 0; i < GRAM; i++)
		low[i] = gram[i] >= 'A' && gram[i] <= 'Z' ? (char)(gram[i] | 0x20) : gram[i];
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memmem(words[i], strlen(words[i]), low, GRAM))
			return true;
	for (size_t i = 0; i < plain.n; i++)
		if (memmem(plain.v[i], strlen(plain.v[i]), gram, GRAM))
			return true;
	return false;
}

void secret_plain(const char *text)
{
	if (text && strlen(text) >= GRAM && plain.n < ARRAY_LEN(plain.v))
		plain.v[plain.n++] = text;
}

static void register_form(const char *bytes, size_t n, bool base64)
{
	size_t at = known.len;

	if (n < SCRUB_MIN || form_known(bytes, n))
		return;
	if (known.cap - known.len < n) {
		known.cap = (known.len + n) * 2;
		known.text = xrealloc(known.text, known.cap);
	}
	memcpy(known.text + at, bytes, n);
	known.len += n;
	known.forms = xrealloc(known.forms, (known.n + 1) * sizeof *known.forms);
	known.forms[known.n] = (struct form){
	    .at = (uint32_t)at, .len = (uint32_t)n, .base64 = base64, .whole = base64 || n < GRAM};
	grams_grow(n);
	for (size_t i = 0; i + GRAM <= n; i++) {
		if (!base64 && is_ordinary(known.text + at + i)) {
			known.forms[known.n].whole = true;
		} else if (!gram_known(known.text + at + i)) {
			gram_put(known.grams, known.n_slots, (uint32_t)(at + i));
			known.n_grams++;
		}
	}
	known.n++;
}

/* What of the value's base64 does not depend on what stands before and behind it ("user:" most often), when it begins
 * `shift` bytes behind a multiple of three. */
static void register_base64(const char *value, unsigned shift, const char *alphabet)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t n = strlen(value), bits = 8 * (shift + n), first = (8 * shift + 5) / 6, len = 0;
	char *out = xmalloc(bits / 6 + 1);

	for (size_t k = first; (k + 1) * 6 <= bits; k++) {
		unsigned v = 0;

		for (size_t bit = k * 6; bit < (k + 1) * 6; bit++)
			v = v << 1 | (s[bit / 8 - shift] >> (7 - bit % 8) & 1);
		out[len++] = alphabet[v];
	}
	register_form(out, len, true);
	free(out);
}

void secret_register(const char *value)
{
	static const char *const alphabets[] = {
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
	size_t n = strlen(value);
	char *other;

	if (n < SCRUB_MIN || n > SECRET_VARIABLE_MAX || form_known(value, n))
		return;
	register_form(value, n, false);
	/* Texts are scrubbed before and after they are cleaned: a value with a tab in it looks different then. */
	other = xmalloc(n * 2 + 8);
	text_clean(other, n * 2 + 8, value);
	register_form(other, strlen(other), false);
	/* A form of the web has + for a blank. */
	memcpy(other, value, n + 1);
	for (char *p = other; *p; p++)
		*p = *p == ' ' ? '+' : *p;
	register_form(other, n, false);
	free(other);
	for (unsigned shift = 0; shift < 3; shift++)
		for (size_t i = 0; i < ARRAY_LEN(alphabets); i++)
			register_base64(value, shift, alphabets[i]);
}

void secret_register_environment(void)
{
	for (char **e = environ; *e; e++) {
		char name[256];
		size_t n = strcspn(*e, "=");

		if (!(*e)[n] || n >= sizeof name)
			continue;
		memcpy(name, *e, n);
		name[n] = '\0';
		if (secret_sensitive_name(name))
			secret_register(*e + n + 1);
	}
}

static enum result unreadable(struct diag *out, struct secret s, const char *why)
{
	char subject[256];

	snprintf(subject, sizeof subject, "secret file %s", s.text);
	return diag_set(out, D_SECRET_UNREADABLE, subject, "%s", why);
}

/* Once in a child: a pipe gives its value once only. */
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
		secret_register(value);
	return value;
}

/* ---- taking it out ----------------------------------------------------------------------------------------------- */
/* A text in one of its readings: as it stands, or with escapes resolved. Each byte knows where it comes from. */
struct reading {
	char *bytes;
	uint32_t *from, *to; /* places in the text itself */
	size_t n;
};

static struct reading reading_new(size_t max)
{
	return (struct reading){.bytes = xmalloc(max),
				.from = xmalloc(max * sizeof(uint32_t)),
				.to = xmalloc(max * sizeof(uint32_t))};
}

static void reading_free(struct reading *r)
{
	free(r->bytes);
	free(r->from);
	free(r->to);
}

/* In place: what is resolved is never longer. False when there was nothing to resolve. */
static bool reading_resolve(struct reading *r)
{
	size_t n = 0;
	bool changed = false;

	for (size_t i = 0; i < r->n;) {
		char meant[UNESCAPE_MEANT];
		size_t used = 1, k = unescape(r->bytes + i, r->n - i, meant, &used);
		uint32_t from = r->from[i], to;

		if (k == 0) {
			meant[0] = r->bytes[i];
			k = used = 1;
		} else {
			changed = true;
		}
		to = r->to[i + used - 1];
		for (size_t j = 0; j < k; j++, n++) {
			r->bytes[n] = meant[j];
			r->from[n] = from;
			r->to[n] = to;
		}
		i += used;
	}
	r->n = n;
	return changed;
}

static void mark(const struct reading *r, size_t i, size_t n, bool *marks)
{
	memset(marks + r->from[i], true, r->to[i + n - 1] - r->from[i]);
}

static bool is_base64(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

/* With the whole word in base64: its first and last letters hold bits of the value too. */
static void mark_base64(const struct reading *r, size_t i, size_t n, bool *marks)
{
	while (i > 0 && is_base64(r->bytes[i - 1])) {
		i--;
		n++;
	}
	while (i + n < r->n && is_base64(r->bytes[i + n]))
		n++;
	mark(r, i, n, marks);
}

/* Forms too short for grams, and the base64 ones, whole. */
static void mark_whole(const struct reading *r, const struct form *f, bool *marks)
{
	const char *form = known.text + f->at, *p = r->bytes, *end = r->bytes + r->n;

	while ((p = memmem(p, (size_t)(end - p), form, f->len)) != NULL) {
		if (f->base64)
			mark_base64(r, (size_t)(p - r->bytes), f->len, marks);
		else
			mark(r, (size_t)(p - r->bytes), f->len, marks);
		p += f->len;
	}
}

/* Of a text that ended here its last bytes may be the first ones of a form. */
static void mark_beginnings(const struct reading *r, size_t end, bool *marks)
{
	for (size_t i = 0; i < known.n; i++) {
		const struct form *f = &known.forms[i];
		size_t k = f->len < GRAM ? f->len : GRAM;

		while (--k >= SCRUB_MIN)
			if (k <= end && memcmp(r->bytes + end - k, known.text + f->at, k) == 0) {
				mark(r, end - k, k, marks);
				break;
			}
	}
}

/* The text was cut here, perhaps within an escape. */
static void mark_cut(const struct reading *r, size_t end, bool *marks)
{
	mark_beginnings(r, end, marks);
	for (size_t k = 1; k < UNESCAPE_LONG && k < end; k++)
		if (memchr("%\\&", r->bytes[end - k], 3)) {
			mark_beginnings(r, end - k, marks);
			return;
		}
}

static void mark_all(const struct reading *r, bool cut, bool *marks)
{
	for (size_t i = 0; i + GRAM <= r->n; i++)
		if (gram_known(r->bytes + i))
			mark(r, i, GRAM, marks);
	for (size_t i = 0; i < known.n; i++)
		if (known.forms[i].whole)
			mark_whole(r, &known.forms[i], marks);
	for (size_t i = SCRUB_MIN; i < r->n; i++)
		if (i + 3 <= r->n && memcmp(r->bytes + i, "...", 3) == 0)
			mark_cut(r, i, marks);
	if (cut)
		mark_cut(r, r->n, marks);
}

/* Each marked run becomes the mask, widened to whole characters of UTF-8. */
static void put_masks(char *text, size_t n, const bool *marks)
{
	size_t out = 0;

	for (size_t i = 0; i < n;) {
		size_t begin = out;

		if (!marks[i]) {
			text[out++] = text[i++];
			continue;
		}
		if (((unsigned char)text[i] & 0xc0) == 0x80) {
			while (begin > 0 && ((unsigned char)text[begin - 1] & 0xc0) == 0x80)
				begin--;
			begin -= begin > 0 && (unsigned char)text[begin - 1] >= 0xc0;
		}
		while (i < n && (marks[i] || ((unsigned char)text[i] & 0xc0) == 0x80))
			i++;
		memcpy(text + begin, MASK, strlen(MASK));
		out = begin + strlen(MASK);
	}
	text[out] = '\0';
}

void scrub(char *text)
{
	size_t n = strlen(text);
	struct reading r;
	bool *marks;

	if (known.n == 0 || n < SCRUB_MIN)
		return;
	r = reading_new(n);
	marks = xcalloc(n, sizeof *marks);
	for (size_t i = 0; i < n; i++) {
		r.from[i] = (uint32_t)i;
		r.to[i] = (uint32_t)i + 1;
	}
	memcpy(r.bytes, text, n);
	r.n = n;
	mark_all(&r, n >= CUT_FROM, marks);
	for (int i = 0; i < DECODINGS_MAX && reading_resolve(&r); i++)
		mark_all(&r, n >= CUT_FROM, marks);
	put_masks(text, n, marks);
	free(marks);
	reading_free(&r);
}

void secret_forget(void)
{
	free(known.text);
	free(known.forms);
	free(known.grams);
	memset(&known, 0, sizeof known);
	plain.n = 0;
	while (files_read) {
		struct file_value *f = files_read;

		files_read = f->next;
		free((void *)f->value);
		free(f);
	}
}
