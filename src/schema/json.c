#include "json.h"

#include <ctype.h>

#include "str.h"

static bool is_too_deep(const char *text, size_t len)
{
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

static bool is_bounded(const char *text, size_t len, char *err, size_t err_size)
{
	if (len > JSON_TEXT_MAX) {
		snprintf(err, err_size, "larger than %d MiB", JSON_TEXT_MAX >> 20);
		return false;
	}
	/* jansson recurses up to 2048 levels; the lower limit also bounds the recursion of json_same and of printing. */
	if (is_too_deep(text, len)) {
		snprintf(err, err_size, "nested deeper than %d levels", JSON_DEPTH_MAX);
		return false;
	}
	return true;
}

/* Faults of the whole text, of which a parser says only that the first token is wrong. */
static const char *encoding_problem(const char *text, size_t len)
{
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		return "it begins with a byte order mark, which JSON must not have (RFC 8259)";
	if (len >= 2 &&
	    (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2) || !text[0] != !text[1]))
		return "it is in UTF-16, and JSON is in UTF-8 (RFC 8259)";
	return NULL;
}

/* May the parser see the text? If not, err has the reason, which holds nothing of the text. */
static bool is_acceptable(const char *text, size_t len, char *err, size_t err_size)
{
	const char *problem = encoding_problem(text, len);

	if (problem)
		snprintf(err, err_size, "%s", problem);
	return !problem && is_bounded(text, len, err, err_size);
}

/* Returns whether the n digits at `at` are an integer, not a part of a real number, that 64 bits cannot hold. */
static bool is_too_big(const char *text, size_t len, size_t at, size_t n)
{
	static const char most[] = "9223372036854775807";
	const size_t n_most = sizeof most - 1;
	char before = at ? text[at - 1] : ' ', after = at + n < len ? text[at + n] : ' ';

	if (before == '-' && at > 1)
		before = text[at - 2]; /* the sign may belong to an exponent: "1e-5" */
	if (before == '.' || before == '+' || before == 'e' || before == 'E' || after == '.' ||
	    after == 'e' || after == 'E')
		return false;
	return n > n_most || (n == n_most && memcmp(text + at, most, n) > 0);
}

/* RFC 8259 does not bound numbers, but jansson refuses an integer beyond 64 bits. Copies the text and adds ".0" to
 * each such integer, so that it becomes a double; all others stay exact. */
static void widen_integers(struct str *out, const char *text, size_t len)
{
	bool in_string = false;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = 1;
		if (in_string && text[i] == '\\' && i + 1 < len)
			n = 2;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string)
			while (isdigit((unsigned char)text[i]) && i + n < len &&
			       isdigit((unsigned char)text[i + n]))
				n++;
		str_addn(out, text + i, n);
		if (!in_string && isdigit((unsigned char)text[i]) && is_too_big(text, len, i, n))
			str_add(out, ".0");
	}
}

json_t *json_read(const char *text, size_t len, char *err, size_t err_size)
{
	json_error_t e;
	json_t *v;

	if (!is_acceptable(text, len, err, err_size))
		return NULL;
	v = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (!v && json_error_code(&e) == json_error_numeric_overflow) {
		struct str wide;

		str_init(&wide, 2 * len + 8);
		widen_integers(&wide, text, len);
		v = json_loadb(wide.s, wide.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
		str_free(&wide);
	}
	if (!v)
		snprintf(err, err_size, "line %d column %d: %s", e.line, e.column, e.text);
	return v;
}

/* Returns an error text of our own, because those of jansson quote the input. */
static const char *jansson_error_text(enum json_error_code code)
{
	if (code == json_error_invalid_utf8)
		return "not UTF-8";
	if (code == json_error_premature_end_of_input)
		return "the text ends too early";
	if (code == json_error_end_of_input_expected)
		return "something follows the end";
	if (code == json_error_numeric_overflow)
		return "a number no double can hold";
	return "not the syntax of JSON";
}

json_t *json_read_document(const char *text, size_t len, char *err, size_t err_size)
{
	json_error_t e;
	json_t *v;

	if (!is_acceptable(text, len, err, err_size))
		return NULL;
	v = json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
	if (!v)
		snprintf(err, err_size, "%s at byte %d", jansson_error_text(json_error_code(&e)),
			 e.position);
	return v;
}

const char *json_problem(const char *text)
{
	char err[200];
	json_t *v = json_read(text, strlen(text), err, sizeof err);

	if (!v)
		return "is not JSON text (write a text value with its quotes: \"\\\"allow\\\"\")";
	json_decref(v);
	return NULL;
}

/* Returns what a path of another notation is as a pointer ("$.a.b", "a.b"), or an empty text. */
static struct suggestion likely_pointer(const char *text)
{
	struct suggestion s = {""};
	char pointer[80];

	text += text[0] == '$' && text[1] == '.' ? 2 : *text == '.';
	if (!*text || strlen(text) + 2 > sizeof pointer ||
	    text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			      "0123456789_-./")])
		return s;
	snprintf(pointer, sizeof pointer, "/%s", text);
	for (char *p = pointer; *p; p++)
		*p = *p == '.' ? '/' : *p;
	snprintf(s.text, sizeof s.text, "; write \"%s\"", pointer);
	return s;
}

const char *json_pointer_problem(const char *text)
{
	static char why[400];

	if (*text && *text != '/') {
		snprintf(why, sizeof why,
			 "is not a JSON pointer: it must be empty or begin with / (RFC 6901)%s",
			 likely_pointer(text).text);
		return why;
	}
	for (const char *s = text; *s; s++)
		if (*s == '~' && s[1] != '0' && s[1] != '1')
			return "is not a JSON pointer: ~ must be written ~0 and / inside a name ~1 "
			       "(RFC 6901)";
	return NULL;
}

/* Unescapes one reference token, and cuts one that is too long, which then matches no key. Returns where the next begins. */
static const char *pointer_token(const char *s, char *token, size_t size)
{
	size_t n = 0;

	for (; *s && *s != '/'; s++) {
		char c = *s;

		/* json_pointer_problem refuses any other ~ in profiles; here it stands for itself. */
		if (c == '~' && (s[1] == '0' || s[1] == '1'))
			c = *++s == '0' ? '~' : '/';
		if (n + 1 < size)
			token[n++] = c;
	}
	token[n] = 0;
	return s;
}

json_t *json_at(json_t *root, const char *pointer)
{
	char token[1024];

	while (root && *pointer == '/') {
		pointer = pointer_token(pointer + 1, token, sizeof token);
		if (json_is_object(root)) {
			root = json_object_get(root, token);
		} else if (json_is_array(root)) {
			int64_t i;

			/* RFC 6901 section 4 permits no leading zeros. */
			if (parse_i64(token, 0, INT32_MAX, &i) || (token[0] == '0' && token[1]))
				return NULL;
			root = json_array_get(root, (size_t)i);
		} else {
			return NULL;
		}
	}
	return root;
}

static bool same_objects(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *v;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, name, v)
	{
		json_t *w = json_object_get(b, name);

		if (!w || !json_same(v, w))
			return false;
	}
	return true;
}

/* Compares without rounding the integer to a double: 2^53 + 1 differs from 9007199254740992.0. */
static bool int_equals_real(json_int_t i, double r)
{
	/* cppcheck-suppress incorrectLogicOperator ; it reads no hexadecimal fractions */
	return r >= -0x1p63 && r < 0x1p63 && (double)(json_int_t)r == r && (json_int_t)r == i;
}

bool json_same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		if (json_is_integer(a) && json_is_integer(b))
			return json_integer_value(a) == json_integer_value(b);
		if (json_is_integer(a))
			return int_equals_real(json_integer_value(a), json_real_value(b));
		if (json_is_integer(b))
			return int_equals_real(json_integer_value(b), json_real_value(a));
		return json_real_value(a) == json_real_value(b);
	}
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_object(a))
		return same_objects(a, b);
	if (!json_is_array(a))
		return json_equal(a, b);
	if (json_array_size(a) != json_array_size(b))
		return false;
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!json_same(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

struct json_excerpt json_short(const json_t *v)
{
	cleanup_free char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	struct json_excerpt e = {""};

	text_clean(e.text, sizeof e.text, text ? text : "nothing");
	return e;
}

const char *json_type_name(const json_t *v)
{
	static const char *const names[] = {
	    [JSON_OBJECT] = "object",  [JSON_ARRAY] = "array", [JSON_STRING] = "string",
	    [JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
	    [JSON_FALSE] = "boolean",  [JSON_NULL] = "null",
	};

	return v ? names[json_typeof(v)] : "nothing";
}

const char *json_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

const char *json_library(void)
{
	return "jansson " JANSSON_VERSION;
}
