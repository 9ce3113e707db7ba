/* Cleaning, scrubbing, JSON escapes, globs, distances: what the rest of the program trusts. */
#include <ctype.h>
#include <jansson.h>

#include "fuzz.h"

static void clean(const char *text, size_t len, size_t size)
{
	char *out = xmalloc(size), *again = xmalloc(size);

	text_clean_n(out, size, text, len);
	FUZZ_CHECK(strlen(out) < size);
	FUZZ_CHECK(fuzz_is_clean(out, strlen(out)));
	FUZZ_CHECK(!*out || (*out != ' ' && out[strlen(out) - 1] != ' '));
	FUZZ_CHECK(!strstr(out, "  "));
	text_clean(again, size, out);
	FUZZ_CHECK(str_eq(out, again));
	free(out);
	free(again);
}

static void json(const char *text, size_t len)
{
	size_t size = len + 4;
	char *out = xmalloc(size);
	json_t *v;
	struct str b;

	text_clean_n(out, size, text, len);
	str_init(&b, 6 * size + 2);
	str_add_json_string(&b, out);
	v = json_loadb(b.s, b.len, JSON_DECODE_ANY, NULL);
	FUZZ_CHECK(v && json_is_string(v) && str_eq(json_string_value(v), out));
	FUZZ_CHECK(!strpbrk(b.s, "\r\n\033"));
	json_decref(v);
	str_free(&b);
	free(out);
}

/* The definition itself: exponential, therefore for short texts only. */
static bool matches(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
	if (!*pattern || !*text)
		return *pattern == *text;
	return (*pattern == '?' || *pattern == *text) && matches(pattern + 1, text + 1);
}

static void glob(struct fuzz_in *in)
{
	char *pattern = fuzz_until(in, '\n', NULL), *text = fuzz_rest(in, NULL);
	bool found = glob_match(pattern, text);

	if (strlen(pattern) <= 8 && strlen(text) <= 12)
		FUZZ_CHECK(found == matches(pattern, text));
	FUZZ_CHECK(glob_match("*", text) && glob_match(text, text));
	free(pattern);
	free(text);
}

static void distance(struct fuzz_in *in)
{
	char *a = fuzz_until(in, '\n', NULL), *b = fuzz_rest(in, NULL);
	const char *words[] = {a, b, NULL}, *near = nearest_word(b, words);
	unsigned d = edit_distance(a, b, 5);

	FUZZ_CHECK(d <= 6 && d == edit_distance(b, a, 5));
	FUZZ_CHECK(strlen(a) > 64 || edit_distance(a, a, 5) == 0);
	FUZZ_CHECK(!near || near == a || near == b);
	free(a);
	free(b);
}

static void number(struct fuzz_in *in)
{
	char *text = fuzz_rest(in, NULL), back[24];
	int64_t v = 7;

	if (parse_i64(text, -1000, INT64_MAX, &v) == 0) {
		const char *digits = text + (*text == '-');

		FUZZ_CHECK(v >= -1000);
		snprintf(back, sizeof back, "%lld", (long long)v);
		digits += strspn(digits, "0");
		FUZZ_CHECK(v == 0 ? !*digits : str_eq(digits, back + (v < 0)));
	} else {
		FUZZ_CHECK(v == 7);
	}
	free(text);
}

static void percent(const char *value, char *out)
{
	*out = '\0';
	for (; *value; value++)
		out += sprintf(out, isalnum((unsigned char)*value) ? "%c" : "%%%02X",
			       (unsigned char)*value);
}

/* Character by character in each spelling: nothing of it is left. */
static void spelled(const char *value)
{
	char *text = xmalloc(strlen(value) * 10 + 3), *out;

	for (int spelling = 0; spelling < 4; spelling++) {
		out = text + sprintf(text, "[");
		for (const unsigned char *c = (const unsigned char *)value; *c; c++)
			out += spelling == 0   ? sprintf(out, "\\%03o", *c)
			       : spelling == 1 ? sprintf(out, "\\x%02x", *c)
			       : *c >= 0x80    ? sprintf(out, "%c", *c)
			       : spelling == 2 ? sprintf(out, "&#%u;", *c)
					       : sprintf(out, "\\U%08x", *c);
		sprintf(out, "]");
		scrub(text);
		/* A bracket may go with another value. */
		FUZZ_CHECK(strstr(text, "***") && strlen(text) <= strlen("[***]"));
	}
	free(text);
}

/* Whatever the value and the text, no form of the value is left in it. */
static void secrets(struct fuzz_in *in)
{
	char *one, *two, *text, *escaped;
	size_t len;

	if (fuzz_left(in) > 1500)
		return;
	one = fuzz_until(in, '\n', NULL);
	two = fuzz_until(in, '\n', NULL);
	text = fuzz_rest(in, NULL);
	escaped = xmalloc(strlen(one) * 3 + strlen(text) + 1);
	scrub_register(one);
	scrub_register(two);
	percent(one, escaped);
	strcat(escaped, text);
	len = strlen(text);
	scrub(text);
	FUZZ_CHECK(strlen(text) <= len);
	for (int i = 0; i < 2; i++) {
		const char *secret = i ? two : one;

		/* A mask beside stars may read as a secret made of stars. */
		if (strlen(secret) >= 4 && !strchr(secret, '*'))
			FUZZ_CHECK(!strstr(text, secret));
	}
	/* As an answer of the peer has it: in another form, in the middle of words. */
	scrub(escaped);
	if (strlen(one) >= 4 && !strchr(one, '*'))
		FUZZ_CHECK(!strstr(escaped, one));
	if (strlen(one) >= 4 && !strpbrk(one, "[*\\&%]"))
		spelled(one);
	secret_forget();
	free(one);
	free(two);
	free(text);
	free(escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned what = fuzz_byte(&in);

	if (what == 'g') {
		glob(&in);
	} else if (what == 'd') {
		distance(&in);
	} else if (what == 's') {
		secrets(&in);
	} else if (what == 'n') {
		number(&in);
	} else {
		size_t len;
		char *text = fuzz_rest(&in, &len);

		clean(text, len, 1 + what % 80);
		clean(text, len, len + 4);
		json(text, len);
		free(text);
	}
	return 0;
}
