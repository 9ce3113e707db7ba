#include "kafka_properties_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "str.h"

#define NOTHING (-1)      /* the end of a setting */
#define ESCAPED 0x1000000 /* a character that a backslash stood before: it separates nothing ... */
#define UNICODE 0x2000000 /* ... and was given by number: all others are bytes of UTF-8 */

void kafka_properties_file_begin(struct kafka_properties_file *f, char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";

	*f = (struct kafka_properties_file){.at = text, .end = text + len, .line = 1};
	if (len >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
		f->at += strlen(mark);
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(const struct kafka_properties_file *f)
{
	return f->at == f->end || *f->at == '\n' || *f->at == '\r';
}

static void skip_blanks(struct kafka_properties_file *f)
{
	while (f->at < f->end && is_blank(*f->at))
		f->at++;
}

/* \r\n is one end. */
static void skip_line_end(struct kafka_properties_file *f)
{
	if (f->at == f->end)
		return;
	if (f->at[0] == '\r' && f->at + 1 < f->end && f->at[1] == '\n')
		f->at++;
	f->at++;
	f->line++;
}

static int hex(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four digits, of the unit behind "\u". */
static int unit(struct kafka_properties_file *f)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = f->at < f->end ? hex(*f->at) : -1;

		if (digit < 0) {
			f->problem = "has a \\u without four hexadecimal digits";
			return 0;
		}
		value = value * 16 + digit;
		f->at++;
	}
	return value;
}

/* A character beyond the first 65,536 is written as two units. */
static int unicode(struct kafka_properties_file *f)
{
	int high = unit(f), low;

	if (!f->problem && high == 0)
		f->problem = "has a zero character";
	if (f->problem || high < 0xd800 || high > 0xdfff)
		return high;
	low = 0;
	if (f->end - f->at >= 2 && f->at[0] == '\\' && f->at[1] == 'u') {
		f->at += 2;
		low = unit(f);
	}
	if (!f->problem && (high > 0xdbff || low < 0xdc00 || low > 0xdfff))
		f->problem = "has half of a character behind \\u";
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static int escape(struct kafka_properties_file *f)
{
	int c = (unsigned char)*f->at++;

	switch (c) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 'f':
		return '\f';
	case 'u':
		return unicode(f) | UNICODE;
	default:
		return c;
	}
}

/* The next character of the setting, over the ends of lines that are continued. */
static int next_char(struct kafka_properties_file *f)
{
	for (;;) {
		if (is_line_end(f))
			return NOTHING;
		if (*f->at == '\0')
			f->problem = "has a zero byte: text in UTF-8 is expected";
		if (*f->at != '\\')
			return (unsigned char)*f->at++;
		f->at++;
		if (f->at == f->end)
			return NOTHING;
		if (!is_line_end(f))
			return escape(f) | ESCAPED;
		skip_line_end(f);
		skip_blanks(f);
	}
}

/* Never longer than what it was read from: "\uXXXX" is six bytes, and at most three here. */
static char *copy(char *to, int c)
{
	if (c & UNICODE)
		return to + utf8_put((unsigned)c & ~(unsigned)(ESCAPED | UNICODE), to);
	*to++ = (char)(c & 0xff);
	return to;
}

static bool separates(int c)
{
	return is_blank(c) || c == '=' || c == ':';
}

static int read_name(struct kafka_properties_file *f, char **to)
{
	int c;

	while ((c = next_char(f)) != NOTHING && !separates(c) && !f->problem)
		*to = copy(*to, c);
	while (is_blank(c))
		c = next_char(f);
	if (c == '=' || c == ':')
		c = next_char(f);
	while (is_blank(c))
		c = next_char(f);
	return c;
}

/* Returns where it ends. */
static char *read_value(struct kafka_properties_file *f, int c, char *to)
{
	char *last = to;

	for (; c != NOTHING && !f->problem; c = next_char(f)) {
		to = copy(to, c);
		if (!is_blank(c))
			last = to;
	}
	return last;
}

static void skip_empty(struct kafka_properties_file *f)
{
	for (; f->at < f->end; skip_line_end(f)) {
		skip_blanks(f);
		if (f->at < f->end && (*f->at == '#' || *f->at == '!'))
			while (!is_line_end(f))
				f->at++;
		if (!is_line_end(f))
			return;
	}
}

int kafka_properties_file_next(struct kafka_properties_file *f, const char **name,
			       const char **value)
{
	char *to, *last;
	int c;

	skip_empty(f);
	if (f->at == f->end)
		return 0;
	f->begun = f->line;
	*name = to = f->at;
	c = read_name(f, &to);
	if (to == *name && !f->problem)
		f->problem = "has no name before its value";
	if (f->problem)
		return -1;
	/* What is read is ahead of what is written by the separator; without a value that is not so until the line is over. */
	*value = c == NOTHING ? "" : to + 1;
	last = c == NOTHING ? to : read_value(f, c, to + 1);
	skip_line_end(f);
	*to = *last = '\0';
	return f->problem ? -1 : 1;
}
