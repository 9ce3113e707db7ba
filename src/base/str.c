#include "str.h"

#include <strings.h>

void str_init(struct str *b, size_t max)
{
	*b = (struct str){.max = max};
	b->cap = max < 255 ? max : 255;
	b->s = xmalloc(b->cap + 1);
	b->s[0] = '\0';
}

void str_free(struct str *b)
{
	free(b->s);
	b->s = NULL;
}

void str_reset(struct str *b)
{
	b->len = 0;
	b->cut = false;
	b->s[0] = '\0';
}

static size_t str_reserve(struct str *b, size_t want)
{
	if (want > b->max - b->len) {
		b->cut = true;
		want = b->max - b->len;
	}
	if (b->cap - b->len < want) {
		size_t cap = b->cap;

		while (cap - b->len < want)
			cap = cap > b->max / 2 ? b->max : cap * 2 + 1;
		b->s = xrealloc(b->s, cap + 1);
		b->cap = cap;
	}
	return want;
}

void str_addn(struct str *b, const char *text, size_t n)
{
	n = str_reserve(b, n);
	memcpy(b->s + b->len, text, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void str_add(struct str *b, const char *text)
{
	str_addn(b, text, strlen(text));
}

void str_addc(struct str *b, char c)
{
	str_addn(b, &c, 1);
}

void str_addf(struct str *b, const char *fmt, ...)
{
	char small[512], *big;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof small, fmt, ap);
	invariant(n >= 0);
	if ((size_t)n < sizeof small) {
		str_addn(b, small, (size_t)n);
	} else {
		big = xmalloc((size_t)n + 1);
		vsnprintf(big, (size_t)n + 1, fmt, again);
		str_addn(b, big, (size_t)n);
		free(big);
	}
	va_end(again);
	va_end(ap);
}

size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc0 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf8 ? 4
				   : 0;

	if (len == 0 || len > n)
		return 0;
	*cp = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3fu);
	}
	if (len > 1 && (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000)))
		return 0;
	return len;
}

const char *utf8_find_wrong(const char *p, const char *end)
{
	uint32_t cp;

	for (size_t n = 0; p < end; p += n) {
		n = *p & 0x80 ? utf8_decode((const unsigned char *)p, (size_t)(end - p), &cp) : 1;
		if (n == 0)
			return p;
	}
	return NULL;
}

size_t utf8_length(const char *from, const char *to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xC0) != 0x80; /* RFC 3629: not a continuation */
	return n;
}

/* Returns true for C0 and C1 controls, line and paragraph separators, bidirectional controls, which can disguise a line
 * (Unicode TR 36), invisible characters (zero width, interlinear, tags), and noncharacters, since XML cannot hold
 * U+FFFE. */
static bool is_unprintable(uint32_t cp)
{
	static const uint32_t ranges[][2] = {
	    {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x034f, 0x034f},
	    {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
	    {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
	    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
	    {0x2800, 0x2800},   {0x3164, 0x3164},   {0xe000, 0xf8ff},   {0xfdd0, 0xfdef},
	    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
	    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
	    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff}};

	for (size_t i = 0; i < ARRAY_LEN(ranges) && cp >= ranges[i][0]; i++)
		if (cp <= ranges[i][1])
			return true;
	return (cp & 0xfffe) == 0xfffe;
}

size_t text_printable_len(const char *s)
{
	uint32_t cp = 0;
	size_t len = utf8_decode((const unsigned char *)s, strnlen(s, 4), &cp);

	return len > 0 && !is_unprintable(cp) ? len : 0;
}

#define MARKS_MAX \
	4 /* on one letter; Vietnamese needs two, Hebrew and Arabic have blocks of their own */

/* Marks that stand above or below the letter before them (the blocks of that name). */
static bool is_combining(uint32_t cp)
{
	return (cp >= 0x0300 && cp <= 0x036f) || (cp >= 0x1ab0 && cp <= 0x1aff) ||
	       (cp >= 0x1dc0 && cp <= 0x1dff) || (cp >= 0x20d0 && cp <= 0x20ff) ||
	       (cp >= 0xfe20 && cp <= 0xfe2f);
}

void text_clean_n(char *dst, size_t size, const char *src, size_t n)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t out = 0, last_fit = 0, marks = 0;
	bool cut = false;

	if (size == 0)
		return;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t len = utf8_decode(s + i, n - i, &cp);
		bool blank = len == 1 && (cp == ' ' || cp == '\n' || cp == '\r' || cp == '\t');
		char one = blank ? ' ' : '?';
		const char *piece = len && !is_unprintable(cp) && !blank ? src + i : &one;
		size_t piece_len = piece == &one ? 1 : len;

		i += len ? len : 1;
		marks = len && is_combining(cp) ? marks + 1 : 0;
		if (marks > MARKS_MAX) /* a pile of them covers the lines around */
			continue;
		if (blank && (out == 0 || dst[out - 1] == ' '))
			continue;
		if (out + piece_len + 1 > size) {
			cut = true;
			break;
		}
		memcpy(dst + out, piece, piece_len);
		out += piece_len;
		if (out + sizeof "..." <= size)
			last_fit = out;
	}
	if (cut && size > sizeof "...") {
		memcpy(dst + last_fit, "...", 3);
		out = last_fit + 3;
	}
	while (out > 0 && dst[out - 1] == ' ')
		out--;
	dst[out] = '\0';
}

void text_clean(char *dst, size_t size, const char *src)
{
	text_clean_n(dst, size, src, strlen(src));
}

void str_add_json_string(struct str *b, const char *text)
{
	str_addc(b, '"');
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (*s == '"' || *s == '\\')
			str_addf(b, "\\%c", *s);
		else if (*s == '\n')
			str_add(b, "\\n");
		else if (*s < 0x20 || *s == 0x7f)
			str_addf(b, "\\u%04x", *s);
		else
			str_addc(b, (char)*s);
	}
	str_addc(b, '"');
}

size_t utf8_put(unsigned c, char *out)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(first[len] | c);
	return len;
}

void str_add_json_key(struct str *b, const char *key, const char **sep)
{
	str_addf(b, "%s\"%s\": ", *sep, key);
	*sep = ", ";
}

void str_add_json_field(struct str *b, const char *key, const char *value, const char **sep)
{
	str_add_json_key(b, key, sep);
	if (value)
		str_add_json_string(b, value);
	else
		str_add(b, "null");
}

void str_add_roff(struct str *b, const char *text)
{
	if (*text == '.' || *text == '\'') /* either begins a roff request at the start of a line */
		str_add(b, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			str_add(b, "\\e");
		else if (*text == '-')
			str_add(b, "\\-");
		else
			str_addc(b, *text);
	}
}

void str_add_joined(struct str *b, const char *const *texts, const char *sep)
{
	for (size_t i = 0; texts && texts[i]; i++)
		str_addf(b, "%s%s", i ? sep : "", texts[i]);
}

int parse_switch(const char *text)
{
	static const char *const words[][2] = {
	    {"0", "1"}, {"false", "true"}, {"no", "yes"}, {"off", "on"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (int on = 0; on < 2; on++)
			if (strcasecmp(text, words[i][on]) == 0)
				return on;
	return *text ? -1 : 0;
}

#define WORD_MAX 64

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned edit_distance(const char *a, const char *b, unsigned cap)
{
	/* Optimal string alignment (Damerau): two swapped letters, the most common typing error, count as one edit.
	 * d[i][j] is the distance between the first i letters of a and the first j of b. */
	unsigned d[WORD_MAX + 1][WORD_MAX + 1] = {0};
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return cap + 1;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			d[i][j] = smaller(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
					  smaller(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
		}
	return smaller(d[n][m], cap + 1);
}

const char *nearest_word(const char *word, const char *const *words)
{
	unsigned allowed = strlen(word) <= 3 ? 1 : strlen(word) <= 7 ? 2 : 3, best = allowed + 1;
	const char *found = NULL;

	for (; *words; words++) {
		unsigned d = edit_distance(word, *words, allowed);

		/* A word with the same beginning is near as well: "topic" for "topics_list". */
		if (d > allowed && strlen(word) >= 4 &&
		    (str_starts(*words, word) || (strlen(*words) >= 4 && str_starts(word, *words))))
			d = allowed;
		if (d < best) {
			best = d;
			found = *words;
		}
	}
	return found;
}

const char *word_meaning(const char *word, const char *const (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i][0], word))
			return rows[i][1];
	return NULL;
}

struct suggestion did_you_mean(const char *near)
{
	struct suggestion s = {""};

	if (near)
		snprintf(s.text, sizeof s.text, "; did you mean \"%.200s\"?", near);
	return s;
}

size_t env_name_length(const char *text)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *text >= '0' && *text <= '9' ? 0 : strspn(text, allowed);
}

bool text_is_odd_blank(const char *s)
{
	uint32_t cp;

	return utf8_decode((const unsigned char *)s, strnlen(s, 4), &cp) > 0 &&
	       (cp == 0xa0 || cp == 0x3000 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f ||
		cp == 0x205f);
}

const char *text_flaw(const char *value)
{
	size_t n = strlen(value);
	char last = n ? value[n - 1] : '\0';

	if (n == 0)
		return "is empty";
	if (last == '\n' || last == '\r')
		return "ends in a line end";
	if (last == ' ' || last == '\t')
		return "ends in a blank";
	if (value[0] == '\n' || value[0] == '\r')
		return "begins with a line end";
	if (value[0] == ' ' || value[0] == '\t')
		return "begins with a blank";
	if (str_starts(value, "\xef\xbb\xbf"))
		return "begins with a byte order mark";
	if (n >= 2 && last == value[0] && (last == '"' || last == '\''))
		return "stands in quotes";
	return NULL;
}
