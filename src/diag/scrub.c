#include "scrub.h"

#include <ctype.h>

#include "str.h"
#include "unescape.h"

#define SCRUB_MIN 4 /* bytes; a shorter value would mask pieces of ordinary words */
#define MASK "***"  /* not longer than SCRUB_MIN, so that a scrubbed text never grows */
/* scrub() masks any 8 consecutive bytes of a value: libraries, peers and startguard itself cut texts, and a part of a
 * secret may be enough to guess the rest. */
#define NGRAM 8
/* Libraries and startguard itself cut at 128 bytes or more, mostly without a mark. A shorter text was not cut: scrub()
 * keeps its last word although a password may begin with it ("refused"). */
#define CUT_FROM 100
#define DECODINGS_MAX 3 /* percent-encoded JSON within a JSON text; deeper nesting does not occur */

/* One form in which a value may appear: as it is, cleaned, or in base64. */
struct form {
	uint32_t at, len; /* offset and length in known.text, bytes */
	bool base64;
	bool whole; /* mark_whole searches for it, since its n-grams alone do not find it */
	bool word;  /* it is left where a letter or digit follows it */
};

/* A global, since every module of the child calls scrub() on the texts it sends. The parent leaves it empty. */
static struct {
	char *text; /* all forms, one after another */
	size_t len, cap;
	struct form *forms;
	size_t n;
	bool words;       /* scrub_words */
	uint32_t *ngrams; /* hash table with open addressing: offset in text plus one; 0: free */
	size_t n_ngrams, n_slots;
} known;

/* A check has fewer texts than this; scrub_exempt drops any further text. */
static struct {
	const char *v[256];
	size_t n;
} exempt;

/* ---- registering ------------------------------------------------------------------------------------------------- */
/* Returns the slot of these bytes, or the free slot to insert them at. */
static uint32_t *ngram_slot(uint32_t *slots, size_t n_slots, const char *bytes)
{
	uint64_t v;
	size_t i;

	memcpy(&v, bytes, NGRAM);
	i = (size_t)(v * 0x9e3779b97f4a7c15u >> 32) & (n_slots - 1);
	while (slots[i] && memcmp(known.text + slots[i] - 1, bytes, NGRAM) != 0)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static void ngrams_grow(size_t more)
{
	size_t n = known.n_slots ? known.n_slots : 256;
	uint32_t *slots;

	while (n < 2 * (known.n_ngrams + more))
		n *= 2;
	if (n == known.n_slots)
		return;
	slots = xcalloc(n, sizeof *slots);
	for (size_t i = 0; i < known.n_slots; i++)
		if (known.ngrams[i])
			*ngram_slot(slots, n, known.text + known.ngrams[i] - 1) = known.ngrams[i];
	free(known.ngrams);
	known.ngrams = slots;
	known.n_slots = n;
}

static bool is_known_form(const char *bytes, size_t n)
{
	for (size_t i = 0; i < known.n; i++)
		if (known.forms[i].len == n &&
		    memcmp(known.text + known.forms[i].at, bytes, n) == 0)
			return true;
	return false;
}

/* Returns whether an ordinary word holds this n-gram: a password "kafka-password" must not mask that word in messages. */
static bool is_ordinary(const char *ngram)
{
	static const char *const words[] = {
	    "passwords",     "usernames",   "passphrase",  "certificates",  "authentication",
	    "authorization", "credentials", "connections", "localhost",     "localdomain",
	    "bootstrap",     "registry",    "startguard",  "anonymous",     "mechanisms",
	    "available",     "production",  "development", "administrator", "permission",
	    "configured",    "container",   "undefined",   "handshake"};

	char low[NGRAM];

	for (size_t i = 0; i < NGRAM; i++)
		low[i] = (char)tolower((unsigned char)ngram[i]);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memmem(words[i], strlen(words[i]), low, NGRAM))
			return true;
	for (size_t i = 0; i < exempt.n; i++)
		if (memmem(exempt.v[i], strlen(exempt.v[i]), ngram, NGRAM))
			return true;
	return false;
}

void scrub_exempt(const char *text)
{
	if (text && strlen(text) >= NGRAM && exempt.n < ARRAY_LEN(exempt.v))
		exempt.v[exempt.n++] = text;
}

static void register_form(const char *bytes, size_t n, bool base64)
{
	size_t at = known.len;

	if (n < SCRUB_MIN || is_known_form(bytes, n))
		return;
	if (known.cap - known.len < n) {
		known.cap = (known.len + n) * 2;
		known.text = xrealloc(known.text, known.cap);
	}
	memcpy(known.text + at, bytes, n);
	known.len += n;
	known.forms = xrealloc(known.forms, (known.n + 1) * sizeof *known.forms);
	known.forms[known.n] = (struct form){.at = (uint32_t)at,
					     .len = (uint32_t)n,
					     .base64 = base64,
					     .whole = base64 || n < NGRAM,
					     .word = known.words && !base64 && n < NGRAM};
	ngrams_grow(n);
	for (size_t i = at; i + NGRAM <= known.len; i++) {
		uint32_t *slot = ngram_slot(known.ngrams, known.n_slots, known.text + i);

		if (!base64 && is_ordinary(known.text + i)) {
			known.forms[known.n].whole = true;
		} else if (!*slot) {
			*slot = (uint32_t)i + 1;
			known.n_ngrams++;
		}
	}
	known.n++;
}

/* Registers those letters of the value's base64 that do not depend on the bytes around the value (most often "user:"
 * before it), for a value that begins `shift` bytes after a multiple of three. */
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

void scrub_words(bool on)
{
	known.words = on;
}

/* A value of the environment that a check names as its secret is one. */
static void make_strict(const char *value, size_t n)
{
	for (size_t i = 0; i < known.n; i++)
		if (known.forms[i].len == n &&
		    memcmp(known.text + known.forms[i].at, value, n) == 0)
			known.forms[i].word = false;
}

void scrub_register(const char *value)
{
	static const char *const alphabets[] = {
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
	size_t n = strlen(value);
	char *other;

	if (n < SCRUB_MIN || n > SCRUB_VALUE_MAX)
		return;
	if (!known.words)
		make_strict(value, n);
	if (is_known_form(value, n))
		return;
	register_form(value, n, false);
	/* Callers scrub before and after text_clean, which changes a value that holds a tab. */
	other = xmalloc(n * 2 + 8);
	text_clean(other, n * 2 + 8, value);
	register_form(other, strlen(other), false);
	/* Form encoding (application/x-www-form-urlencoded) writes a space as +. */
	memcpy(other, value, n + 1);
	for (char *p = other; *p; p++)
		*p = *p == ' ' ? '+' : *p;
	register_form(other, n, false);
	free(other);
	for (unsigned shift = 0; shift < 3; shift++)
		for (size_t i = 0; i < ARRAY_LEN(alphabets); i++)
			register_base64(value, shift, alphabets[i]);
}

/* ---- scrubbing --------------------------------------------------------------------------------------------------- */
/* The text after 0 to DECODINGS_MAX rounds of decoding its escapes, with the origin of each byte in the original text. */
struct decoded {
	char *bytes;
	uint32_t *from,
	    *to; /* offsets of the first byte and after the last one in the original text */
	size_t n;
};

static struct decoded decoded_new(const char *text, size_t n)
{
	struct decoded r = {.bytes = xmalloc(n),
			    .from = xmalloc(n * sizeof *r.from),
			    .to = xmalloc(n * sizeof *r.to),
			    .n = n};

	memcpy(r.bytes, text, n);
	for (size_t i = 0; i < n; i++) {
		r.from[i] = (uint32_t)i;
		r.to[i] = (uint32_t)i + 1;
	}
	return r;
}

static void decoded_free(struct decoded *r)
{
	free(r->bytes);
	free(r->from);
	free(r->to);
}

/* Decodes each escape in place, since an escape is never shorter than its value. Returns false when none was found. */
static bool decode_again(struct decoded *r)
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

static void mark_range(const struct decoded *r, size_t i, size_t n, bool *marks)
{
	memset(marks + r->from[i], true, r->to[i + n - 1] - r->from[i]);
}

static bool is_base64(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("+/-_=", c));
}

/* Marks the whole base64 word around the form: the letters before and after the form hold bits of the value as well. */
static void mark_base64(const struct decoded *r, size_t i, size_t n, bool *marks)
{
	while (i > 0 && is_base64(r->bytes[i - 1])) {
		i--;
		n++;
	}
	while (i + n < r->n && is_base64(r->bytes[i + n]))
		n++;
	mark_range(r, i, n, marks);
}

/* Is this the beginning of a longer word? SUPERVISOR_PASS=soma must not take pieces out of "somabrain". */
static bool is_in_word(const struct decoded *r, const struct form *f, size_t at)
{
	return f->word && at + f->len < r->n && isalnum((unsigned char)r->bytes[at + f->len]);
}

/* Marks each occurrence of a form whose n-grams do not find it (form.whole). */
static void mark_whole(const struct decoded *r, const struct form *f, bool *marks)
{
	const char *form = known.text + f->at, *p = r->bytes, *end = r->bytes + r->n;

	while ((p = memmem(p, (size_t)(end - p), form, f->len)) != NULL) {
		size_t at = (size_t)(p - r->bytes);

		if (f->base64)
			mark_base64(r, at, f->len, marks);
		else if (!is_in_word(r, f, at))
			mark_range(r, at, f->len, marks);
		p += f->len;
	}
}

/* Marks the bytes before `end`, where the text was cut, when a form begins with them. */
static void mark_beginnings(const struct decoded *r, size_t end, bool *marks)
{
	for (size_t i = 0; i < known.n; i++) {
		const struct form *f = &known.forms[i];
		size_t k = f->len < NGRAM ? f->len : NGRAM;

		while (--k >= SCRUB_MIN)
			if (k <= end && memcmp(r->bytes + end - k, known.text + f->at, k) == 0) {
				mark_range(r, end - k, k, marks);
				break;
			}
	}
}

/* Marks beginnings of forms before `end`, where the text was cut, perhaps within an escape. */
static void mark_cut(const struct decoded *r, size_t end, bool *marks)
{
	mark_beginnings(r, end, marks);
	for (size_t k = 1; k < UNESCAPE_LONG && k < end; k++)
		if (memchr("%\\&", r->bytes[end - k], 3)) {
			mark_beginnings(r, end - k, marks);
			return;
		}
}

static void mark_all(const struct decoded *r, bool cut, bool *marks)
{
	for (size_t i = 0; i + NGRAM <= r->n; i++)
		if (*ngram_slot(known.ngrams, known.n_slots, r->bytes + i))
			mark_range(r, i, NGRAM, marks);
	for (size_t i = 0; i < known.n; i++)
		if (known.forms[i].whole)
			mark_whole(r, &known.forms[i], marks);
	for (size_t i = SCRUB_MIN; i < r->n; i++)
		if (i + 3 <= r->n && memcmp(r->bytes + i, "...", 3) == 0)
			mark_cut(r, i, marks);
	if (cut)
		mark_cut(r, r->n, marks);
}

/* Replaces each run of marked bytes by the mask, and with it the rest of a UTF-8 character that is partly marked. */
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
	struct decoded r;
	bool *marks;

	if (known.n == 0 || n < SCRUB_MIN)
		return;
	r = decoded_new(text, n);
	marks = xcalloc(n, sizeof *marks);
	mark_all(&r, n >= CUT_FROM, marks);
	for (int i = 0; i < DECODINGS_MAX && decode_again(&r); i++)
		mark_all(&r, n >= CUT_FROM, marks);
	put_masks(text, n, marks);
	free(marks);
	decoded_free(&r);
}

char *scrub_copy(struct arena *a, const char *text)
{
	char *raw = text ? arena_strdup(a, text) : NULL, *clean;

	if (!raw)
		return NULL;
	scrub(raw);
	clean = arena_strdup_clean(a, raw);
	scrub(clean); /* cleaning may have joined the pieces of a secret */
	return clean;
}

void scrub_user_parts(char *text)
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

void scrub_forget(void)
{
	free(known.text);
	free(known.forms);
	free(known.ngrams);
	memset(&known, 0, sizeof known);
	exempt.n = 0;
}
