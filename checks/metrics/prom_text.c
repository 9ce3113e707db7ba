#include "prom_text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>

#include "prom_lexer.h"

struct reader {
	struct prom_lexer lex;
	bool openmetrics;
	char *page;
	struct prom_line line;
	size_t cap;               /* of line.labels */
	size_t name_at, name_len; /* of the line's metric; name_len is NO_NAME until one is found */
	size_t counted;           /* line ends before this place are in next_number */
	unsigned next_number;
	char *why;
	size_t size;
};
#define NO_NAME SIZE_MAX

PRINTF_LIKE(2, 3) static bool bad(struct reader *r, const char *fmt, ...)
{
	int n = snprintf(r->why, r->size, "line %u: ", r->line.number);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < r->size)
		vsnprintf(r->why + n, r->size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

/* Returns the next token. Blanks between tokens mean nothing in the text format. */
static enum prom_token take(struct reader *r)
{
	enum prom_token t;

	if (r->openmetrics)
		return prom_lex_openmetrics(&r->lex);
	do
		t = prom_lex_text(&r->lex);
	while (t == TOKEN_SPACE);
	return t;
}

/* The rest of the line at the lexer, for messages. */
struct excerpt {
	char text[48];
};
static struct excerpt rest_of(const struct reader *r)
{
	struct excerpt e;
	size_t n = 0, at = r->lex.start;

	for (; at < r->lex.len && r->page[at] != '\n' && n + 1 < sizeof e.text; at++)
		e.text[n++] = r->page[at] ? r->page[at] : ' ';
	e.text[n] = '\0';
	return e;
}

static bool unexpected(struct reader *r, const char *wanted)
{
	return bad(r, "%s was expected, not \"%s\"", wanted, rest_of(r).text);
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */
/* Returns the length of the character at s, 0 if it is not valid UTF-8 (RFC 3629). */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;

	if (n == 1)
		return 1;
	if (*s < 0xc2 || *s > 0xf4 || n > left)
		return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static bool is_utf8(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_len(s, len);
		if (!n)
			return false;
	}
	return true;
}

/* Undoes \\, \" and \n in place, as Prometheus does; any other backslash stays. Ends the text with a NUL: what follows it in the
 * page must have been read. Returns the new length. */
static size_t unescape(char *text, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len && strchr("\\\"n", text[i + 1]) && text[i + 1])
			text[to++] = text[++i] == 'n' ? '\n' : text[i];
		else
			text[to++] = text[i];
	}
	text[to] = '\0';
	return to;
}

/* Reads a number as Go's strconv.ParseFloat does, without '_' and 'p'. The page has a byte behind the number. */
static bool parse_number(char *text, size_t len, double *out)
{
	char after = text[len], *end;
	bool sign = len && (*text == '+' || *text == '-');

	/* strtod accepts more: hexadecimal numbers, "nan(...)", blanks before the number. Go knows no NaN with a sign. */
	if (!len || strchr(" \t\n\v\f\r", *text) || memchr(text, 'x', len) ||
	    memchr(text, 'X', len) || memchr(text, '(', len) ||
	    (sign && (text[1] == 'n' || text[1] == 'N')))
		return false;
	text[len] = '\0';
	errno = 0;
	*out = strtod(text, &end);
	text[len] = after;
	return end == text + len && !(errno == ERANGE && isinf(*out));
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */
static struct prom_label *add_label(struct reader *r)
{
	struct prom_line *l = &r->line;

	if (l->n_labels == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		l->labels = xrealloc(l->labels, r->cap * sizeof *l->labels);
	}
	l->labels[l->n_labels] = (struct prom_label){0};
	return &l->labels[l->n_labels++];
}

/* Takes ="value" after a label's name, with the token after the name. */
static bool take_label_value(struct reader *r, enum prom_token t, struct prom_label *label)
{
	size_t n;

	if (t != TOKEN_EQUAL)
		return unexpected(r, "= after a label's name");
	if (take(r) != TOKEN_LABEL_VALUE)
		return bad(r, "the value of the label %.*s %s", (int)label->name_len, label->name,
			   r->page[r->lex.start] == '"' ? "does not end" : "is not quoted");
	n = r->lex.at - r->lex.start;
	if (!is_utf8(r->page + r->lex.start, n))
		return bad(r, "the value of the label %.*s is not UTF-8", (int)label->name_len,
			   label->name);
	label->value = r->page + r->lex.start + 1;
	label->value_len = n - 2;
	return true;
}

/* Takes the metric's name, a text in quotes between the braces, which the caller has seen. */
static bool set_quoted_name(struct reader *r, size_t from, size_t to, bool exemplar)
{
	if (exemplar)
		return bad(r, "a label of an exemplar has no value");
	if (r->name_len != NO_NAME)
		return bad(r, "a label has no value, or the name stands twice");
	r->name_at = from + 1;
	r->name_len = to - from - 2;
	return true;
}

/* Takes labels up to the closing brace. In the text format commas may be missing. */
static bool take_labels(struct reader *r, bool exemplar)
{
	enum prom_token t = take(r);

	while (t != TOKEN_CLOSE) {
		size_t from = r->lex.start, to = r->lex.at;
		bool quoted = t == TOKEN_QUOTED;
		struct prom_label label = {0};

		if (!quoted && t != TOKEN_LABEL)
			return unexpected(r, "a label's name");
		t = take(r);
		if (quoted && (t == TOKEN_COMMA || t == TOKEN_CLOSE)) {
			if (!set_quoted_name(r, from, to, exemplar))
				return false;
			if (t == TOKEN_COMMA)
				t = take(r);
			continue;
		}
		label.name = r->page + from + quoted;
		label.name_len = to - from - 2 * quoted;
		if (!take_label_value(r, t, &label))
			return false;
		if (!exemplar)
			*add_label(r) = label;
		t = take(r);
		if (t == TOKEN_COMMA)
			t = take(r);
		else if (r->openmetrics && t != TOKEN_CLOSE)
			return unexpected(r, "a comma or }");
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct prom_label *x = *(struct prom_label *const *)a,
				*y = *(struct prom_label *const *)b;
	size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int d = memcmp(x->name, y->name, n);

	if (d)
		return d;
	return (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Judges labels of one name. One of them without a value removes all. */
static bool check_same_name(struct reader *r, struct prom_label **list, size_t n)
{
	const struct prom_label *l = list[0];

	for (size_t i = 0; i < n; i++)
		if (!list[i]->value_len)
			return !str_eq(l->name, "__name__") || bad(r, "a sample without name");
	if (!l->name_len || !is_utf8(l->name, l->name_len))
		return bad(r, "a label's name is %s", l->name_len ? "not UTF-8" : "empty");
	if (str_eq(l->name, "__name__"))
		return bad(r, "%s has the label __name__ beside its name", r->line.name);
	if (n > 1)
		return bad(r, "%s has the label %s twice", r->line.name, l->name);
	return true;
}

/* Judges the names of a sample as Prometheus's storage does. */
static bool check_names(struct reader *r)
{
	struct prom_line *l = &r->line;
	struct prom_label **sorted;
	size_t n;
	bool ok = true;

	if (!r->name_len)
		return bad(r, "a sample without name");
	if (!is_utf8(l->name, r->name_len))
		return bad(r, "the name of a sample is not UTF-8");
	sorted = xmalloc((l->n_labels + 1) * sizeof *sorted);
	for (size_t i = 0; i < l->n_labels; i++)
		sorted[i] = &l->labels[i];
	qsort(sorted, l->n_labels, sizeof(struct prom_label *), by_name);
	for (size_t i = 0; ok && i < l->n_labels; i += n) {
		n = 1;
		while (i + n < l->n_labels && !by_name(&sorted[i], &sorted[i + n]))
			n++;
		ok = check_same_name(r, sorted + i, n);
	}
	free(sorted);
	return ok;
}

static void count_lines(struct reader *r)
{
	for (; r->counted < r->lex.at; r->counted++)
		r->next_number += r->page[r->counted] == '\n';
}

/* Unescapes names and values, and ends them with a NUL. Everything of the line was read. */
static void finish_texts(struct reader *r)
{
	struct prom_line *l = &r->line;

	count_lines(r); /* before line ends are overwritten */
	for (size_t i = 0; i < l->n_labels; i++) {
		struct prom_label *label = &l->labels[i];

		label->name_len = unescape(label->name, label->name_len);
		label->value_len = unescape(label->value, label->value_len);
	}
	r->name_len = unescape(r->page + r->name_at, r->name_len);
	l->name = r->page + r->name_at;
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */
static bool take_number(struct reader *r, enum prom_token t, enum prom_token wanted,
			const char *what, double *out)
{
	size_t from = r->lex.start + r->openmetrics; /* there the blank is a part of the token */

	if (t != wanted)
		return unexpected(r, what);
	if (!parse_number(r->page + from, r->lex.at - from, out))
		return bad(r, "%s is not a number: %s", what, rest_of(r).text + r->openmetrics);
	return true;
}

static bool take_float_timestamp(struct reader *r, const char *what)
{
	double ts;

	if (!take_number(r, TOKEN_TIMESTAMP, TOKEN_TIMESTAMP, what, &ts))
		return false;
	return isfinite(ts) || bad(r, "a timestamp that is not finite");
}

/* Takes an exemplar behind "# {". */
static bool take_exemplar(struct reader *r)
{
	enum prom_token t;
	double value;

	if (!take_labels(r, true) ||
	    !take_number(r, take(r), TOKEN_VALUE, "the value of an exemplar", &value))
		return false;
	t = take(r);
	if (t == TOKEN_LINE_END)
		return true;
	if (t != TOKEN_TIMESTAMP)
		return unexpected(r, "the timestamp of an exemplar or the end of the line");
	if (!take_float_timestamp(r, "the timestamp of an exemplar"))
		return false;
	return take(r) == TOKEN_LINE_END || unexpected(r, "the end of the line");
}

static bool take_openmetrics_end(struct reader *r)
{
	enum prom_token t = take(r);

	if (t == TOKEN_TIMESTAMP) {
		if (!take_float_timestamp(r, "the timestamp"))
			return false;
		t = take(r);
	}
	if (t == TOKEN_COMMENT)
		return take_exemplar(r);
	return t == TOKEN_LINE_END ||
	       unexpected(r, "a timestamp, an exemplar or the end of the line");
}

/* The text format has milliseconds, an integer of 64 bits; digits alone are a timestamp. */
static bool take_text_end(struct reader *r)
{
	enum prom_token t = take(r);
	char digits[24] = "";
	int64_t ms;

	if (t == TOKEN_LINE_END)
		return true;
	if (t != TOKEN_TIMESTAMP)
		return unexpected(r, "a timestamp in whole milliseconds or the end of the line");
	while (r->lex.start + 1 < r->lex.at && r->page[r->lex.start] == '0')
		r->lex.start++;
	snprintf(digits, sizeof digits, "%.*s", (int)(r->lex.at - r->lex.start),
		 r->page + r->lex.start);
	if (parse_i64(digits, 0, INT64_MAX, &ms))
		return bad(r, "the timestamp is too large: %s", digits);
	return take(r) == TOKEN_LINE_END ||
	       bad(r, "something stands behind the value and its timestamp: %s", rest_of(r).text);
}

static bool take_sample(struct reader *r, enum prom_token t)
{
	r->line.kind = PROM_SAMPLE;
	if (t == TOKEN_NAME) {
		r->name_at = r->lex.start;
		r->name_len = r->lex.at - r->lex.start;
		t = take(r);
	}
	if (t == TOKEN_OPEN) {
		if (!take_labels(r, false))
			return false;
		t = take(r);
	}
	if (r->name_len == NO_NAME)
		return bad(r, "a sample without name");
	if (!take_number(r, t, TOKEN_VALUE, "the value", &r->line.value))
		return false;
	if (!(r->openmetrics ? take_openmetrics_end(r) : take_text_end(r)))
		return false;
	finish_texts(r);
	return check_names(r);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */
static bool check_type(struct reader *r, const char *type)
{
	static const char *const text[] = {"counter", "gauge",   "histogram",
					   "summary", "untyped", NULL};
	static const char *const openmetrics[] = {"counter",        "gauge",   "histogram",
						  "gaugehistogram", "summary", "info",
						  "stateset",       "unknown", NULL};
	const char *const *known = r->openmetrics ? openmetrics : text;

	while (*known && !str_eq(*known, type))
		known++;
	return *known || bad(r, "the type of %s is \"%.40s\", which %s does not have", r->line.name,
			     type, r->openmetrics ? "OpenMetrics" : "the text format");
}

/* OpenMetrics: the name of a family ends with _ and its unit. */
static bool check_unit(struct reader *r, const char *unit)
{
	const char *name = r->line.name;
	size_t n = strlen(name), m = strlen(unit);

	return !m || (n > m && str_ends(name, unit) && name[n - m - 1] == '_') ||
	       bad(r, "the unit \"%.40s\" is not the end of the name %s", unit, name);
}

/* Takes a HELP, TYPE or UNIT line after the keyword. */
static bool take_metadata(struct reader *r, enum prom_token keyword)
{
	size_t from, to;
	bool quoted;
	char *text;

	if (take(r) != TOKEN_NAME)
		return unexpected(r, "the name of a family");
	quoted = r->page[r->lex.start] == '"';
	r->name_at = r->lex.start + quoted;
	r->name_len = r->lex.at - r->lex.start - 2 * quoted;
	if (take(r) != TOKEN_TEXT)
		return unexpected(r, "a text behind the name of a family");
	/* The blank before the text is a part of the token; in OpenMetrics so is the line end. */
	to = r->lex.at - r->openmetrics;
	from = r->lex.start < to ? r->lex.start + 1 : to;
	if (!r->openmetrics && take(r) != TOKEN_LINE_END)
		return unexpected(r, "the end of the line");
	text = r->page + from;
	if (keyword == TOKEN_HELP && !is_utf8(text, to - from))
		return bad(r, "the help text is not UTF-8");
	count_lines(r);
	r->page[to] = '\0';
	r->page[r->name_at + r->name_len] = '\0';
	r->line.name = r->page + r->name_at;
	if (strlen(text) != to - from && keyword != TOKEN_HELP)
		return bad(r, "a zero byte in the metadata of %s", r->line.name);
	r->line.kind = keyword == TOKEN_HELP   ? PROM_HELP
		       : keyword == TOKEN_TYPE ? PROM_TYPE
					       : PROM_UNIT;
	r->line.type = text;
	if (keyword == TOKEN_TYPE)
		return check_type(r, text);
	return keyword != TOKEN_UNIT || check_unit(r, text);
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */
static void begin_line(struct reader *r)
{
	struct prom_line *l = &r->line;

	count_lines(r);
	*l = (struct prom_line){.number = r->next_number, .labels = l->labels};
	r->name_len = NO_NAME;
}

/* Reads one line. Returns 1 after one for `see`, 0 at the end of the page, -1 when the page is bad, 2 for any other line. */
static int take_line(struct reader *r)
{
	enum prom_token t;

	begin_line(r);
	t = take(r);
	if (t == TOKEN_HELP || t == TOKEN_TYPE || t == TOKEN_UNIT)
		return take_metadata(r, t) ? 1 : -1;
	if (t == TOKEN_NAME || t == TOKEN_OPEN)
		return take_sample(r, t) ? 1 : -1;
	if (t == TOKEN_END && !r->openmetrics)
		return 0;
	if (t == TOKEN_END) {
		snprintf(r->why, r->size,
			 "an OpenMetrics page must end with # EOF: it was cut off");
		return -1;
	}
	if (t == TOKEN_EOF_WORD && ++r->line.number)
		return take(r) == TOKEN_END ? 0 : (bad(r, "something stands behind # EOF"), -1);
	if (!r->openmetrics && t == TOKEN_LINE_END)
		return 2;
	if (!r->openmetrics && t == TOKEN_COMMENT)
		return take(r) == TOKEN_LINE_END ? 2 : (unexpected(r, "the end of the line"), -1);
	unexpected(r, "a sample or a comment");
	return -1;
}

bool prom_read(char *page, size_t len, bool openmetrics,
	       void (*see)(const struct prom_line *line, void *arg), void *arg, char *why,
	       size_t size)
{
	struct reader r = {.page = page, .openmetrics = openmetrics, .why = why, .size = size};
	int found = 2;

	/* Prometheus adds the last line end of the text format. */
	if (!openmetrics && (!len || page[len - 1] != '\n'))
		page[len++] = '\n';
	r.lex = (struct prom_lexer){.page = page, .len = len};
	r.next_number = 1;
	while (found > 0) {
		found = take_line(&r);
		if (found == 1)
			see(&r.line, arg);
	}
	free(r.line.labels);
	return found == 0;
}

const char *prom_label_of(const struct prom_line *line, const char *name)
{
	for (size_t i = 0; i < line->n_labels; i++)
		if (str_eq(line->labels[i].name, name))
			return line->labels[i].value;
	return NULL;
}
