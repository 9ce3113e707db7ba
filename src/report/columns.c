#include "columns.h"

#define INDENT 10        /* of what goes on, and of the details of a check */
#define DETAIL_INDENT 19 /* "          cause:   " */

/* ---- width ----------------------------------------------------------------------------------------------------------- */
/* Characters that may take two cells. The ranges include some that take one, and combining marks count as one cell: cutting a line
 * too early does no harm, a wrapped line does. */
static const struct {
	uint32_t from, to;
} wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x232a},   {0x23e9, 0x23f3},   {0x25fd, 0x27bf},
    {0x2b1b, 0x2b55},   {0x2e80, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x16fe0, 0x1b2ff}, {0x1d300, 0x1d376}, {0x1f000, 0x1faff}, {0x20000, 0x3fffd},
};

static size_t cell_width(uint32_t cp)
{
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (cp >= wide[i].from && cp <= wide[i].to)
			return 2;
	return 1;
}

/* Returns the bytes of the character or colour sequence at `s`, and its cells; 0 where the text ends or is not UTF-8. */
static size_t next_character(const unsigned char *s, size_t *cells)
{
	size_t len;
	uint32_t cp;

	*cells = 0;
	if (!s[0])
		return 0;
	if (s[0] == '\033') {
		len = strcspn((const char *)s, "m");
		return len + (s[len] == 'm');
	}
	len = utf8_decode(s, strnlen((const char *)s, 4), &cp);
	if (len == 0)
		return 0;
	*cells = cell_width(cp);
	return len;
}

size_t columns_fit(const char *text, size_t columns)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0, i = 0, cells, len;

	while ((len = next_character(s + i, &cells)) > 0 && used + cells <= columns) {
		used += cells;
		i += len;
	}
	return i;
}

/* ---- lines ----------------------------------------------------------------------------------------------------------- */
/* Returns how far the lines are indented in which `line` goes on. */
static size_t indent_of(const char *line, size_t columns)
{
	size_t blanks = strspn(line, " "), indent = blanks == INDENT ? DETAIL_INDENT : INDENT;

	return 2 * indent <= columns ? indent : 2;
}

/* Returns where to break `line`, of which `fit` bytes fit: behind the last word in there, or behind the first word when that one is
 * too long. A line is not broken in its leading blanks. */
static size_t break_at(const char *line, size_t fit)
{
	size_t begin = strspn(line, " "), at = fit;

	while (at > begin && line[at] != ' ')
		at--;
	return at > begin ? at : begin + strcspn(line + begin, " ");
}

static void wrap_line(struct str *out, const char *line, size_t columns)
{
	size_t indent = indent_of(line, columns), room = columns, fit;

	while ((fit = columns_fit(line, room)) < strlen(line)) {
		size_t at = break_at(line, fit), word = at;

		while (word > 0 && line[word - 1] == ' ')
			word--;
		str_addn(out, line, word);
		line += at + strspn(line + at, " ");
		if (!*line)
			return;
		str_addf(out, "\n%*s", (int)indent, "");
		room = columns - indent;
	}
	str_add(out, line);
}

void columns_wrap(struct str *out, const char *text, size_t columns)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		cleanup_free char *line = xstrndup(text, len);

		if (columns)
			wrap_line(out, line, columns);
		else
			str_add(out, line);
		text += len;
		if (*text) {
			str_addc(out, '\n');
			text++;
		}
	}
}
