#include "unescape.h"

#include "str.h"

#define CODE_POINT_MAX 0x10ffff

/* Parses `min` to `max` digits at s into *out. Returns their number; 0 when they are too few or the value is too large. */
static size_t parse_digits(const char *s, size_t n, unsigned base, size_t min, size_t max,
			   unsigned *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	*out = 0;
	for (i = 0; i < n && i < max && s[i]; i++) {
		const char *digit = strchr(digits, s[i] >= 'A' && s[i] <= 'F' ? s[i] | 0x20 : s[i]);

		if (!digit || (size_t)(digit - digits) >= base)
			break;
		*out = *out * base + (unsigned)(digit - digits);
		if (*out > CODE_POINT_MAX)
			return 0;
	}
	return i >= min ? i : 0;
}

/* Decodes "\u00e4", or "\uD83D\uDE00": JSON writes a character beyond U+FFFF as two escapes. */
static size_t decode_utf16(const char *s, size_t n, char *out, size_t *used)
{
	unsigned c, low;

	if (!parse_digits(s + 2, n - 2, 16, 4, 4, &c))
		return 0;
	*used = 6;
	if (c >= 0xd800 && c < 0xdc00 && n >= 12 && s[6] == '\\' && s[7] == 'u' &&
	    parse_digits(s + 8, n - 8, 16, 4, 4, &low) && low >= 0xdc00 && low < 0xe000) {
		*used = 12;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return utf8_put(c, out);
}

/* Decodes "\u{5a}" and "\x{5a}". */
static size_t decode_braced(const char *s, size_t n, char *out, size_t *used)
{
	unsigned c;
	size_t k = parse_digits(s + 3, n - 3, 16, 1, 8, &c);

	if (!k || 3 + k >= n || s[3 + k] != '}')
		return 0;
	*used = 3 + k + 1;
	return utf8_put(c, out);
}

/* Writes the value of an escape of `length` bytes that stands for one byte, not for a code point. */
static size_t put_byte(unsigned c, size_t length, char *out, size_t *used)
{
	out[0] = (char)c;
	*used = length;
	return 1;
}

/* Decodes the escapes of JSON, C, Redis, Rust and Python. */
static size_t decode_backslash(const char *s, size_t n, char *out, size_t *used)
{
	static const char letters[] = "\"\\/abfnrtv'", meant[] = "\"\\/\a\b\f\n\r\t\v'";
	const char *p = n > 1 && s[1] ? strchr(letters, s[1]) : NULL;
	unsigned c;
	size_t k;

	if (p)
		return put_byte((unsigned char)meant[p - letters], 2, out, used);
	if (n > 3 && (s[1] == 'u' || s[1] == 'x') && s[2] == '{')
		return decode_braced(s, n, out, used);
	if (n > 2 && s[1] == 'u')
		return decode_utf16(s, n, out, used);
	if (n > 2 && s[1] == 'U' && parse_digits(s + 2, n - 2, 16, 8, 8, &c)) {
		*used = 10;
		return utf8_put(c, out);
	}
	if (n > 2 && s[1] == 'x' && parse_digits(s + 2, n - 2, 16, 2, 2, &c))
		return put_byte(c, 4, out, used);
	k = parse_digits(s + 1, n - 1, 8, 1, 3, &c);
	return k ? put_byte(c, 1 + k, out, used) : 0;
}

/* Decodes "&#90;" and "&#x5A;"; browsers accept both without the semicolon. */
static size_t decode_numeric_entity(const char *s, size_t n, char *out, size_t *used)
{
	bool hex = n > 2 && (s[2] == 'x' || s[2] == 'X');
	size_t at = hex ? 3 : 2, k;
	unsigned c;

	k = n > at ? parse_digits(s + at, n - at, hex ? 16 : 10, 1, 10, &c) : 0;
	if (!k)
		return 0;
	*used = at + k + (at + k < n && s[at + k] == ';');
	return utf8_put(c, out);
}

/* Decodes numeric entities and the named entities of ASCII characters. */
static size_t decode_entity(const char *s, size_t n, char *out, size_t *used)
{
	static const struct {
		const char *name;
		char meant;
	} names[] = {{"amp;", '&'},    {"lt;", '<'},      {"gt;", '>'},     {"quot;", '"'},
		     {"apos;", '\''},  {"excl;", '!'},    {"num;", '#'},    {"dollar;", '$'},
		     {"percnt;", '%'}, {"lpar;", '('},    {"rpar;", ')'},   {"ast;", '*'},
		     {"plus;", '+'},   {"comma;", ','},   {"period;", '.'}, {"sol;", '/'},
		     {"colon;", ':'},  {"semi;", ';'},    {"equals;", '='}, {"quest;", '?'},
		     {"commat;", '@'}, {"lsqb;", '['},    {"lbrack;", '['}, {"bsol;", '\\'},
		     {"rsqb;", ']'},   {"rbrack;", ']'},  {"Hat;", '^'},    {"lowbar;", '_'},
		     {"grave;", '`'},  {"lcub;", '{'},    {"lbrace;", '{'}, {"verbar;", '|'},
		     {"vert;", '|'},   {"rcub;", '}'},    {"rbrace;", '}'}, {"tilde;", '~'},
		     {"Tab;", '\t'},   {"NewLine;", '\n'}};

	if (n > 1 && s[1] == '#')
		return decode_numeric_entity(s, n, out, used);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i].name);

		if (len < n && memcmp(s + 1, names[i].name, len) == 0)
			return put_byte((unsigned char)names[i].meant, 1 + len, out, used);
	}
	return 0;
}

size_t unescape(const char *s, size_t n, char out[UNESCAPE_MEANT], size_t *used)
{
	unsigned c;

	if (n > 2 && s[0] == '%' && parse_digits(s + 1, n - 1, 16, 2, 2, &c))
		return put_byte(c, 3, out, used);
	if (n > 1 && s[0] == '\\')
		return decode_backslash(s, n, out, used);
	return n > 1 && s[0] == '&' ? decode_entity(s, n, out, used) : 0;
}
