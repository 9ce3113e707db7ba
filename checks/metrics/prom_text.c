#include "prom_text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>

struct reader {
	char *at;
	struct prom_line line;
	char *why;
	size_t size;
};

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

static void skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t");
}

static bool is_name_char(char c, bool first)
{
	return isalpha((unsigned char)c) || c == '_' || c == ':' ||
	       (!first && isdigit((unsigned char)c));
}

/* Ends the next word with a NUL and moves past it. */
static char *take_word(struct reader *r)
{
	char *word;

	skip_blanks(r);
	word = r->at;
	r->at += strcspn(r->at, " \t");
	if (*r->at)
		*r->at++ = '\0';
	return word;
}

/* Unescapes in place the quoted text whose opening quote is at r->at. Returns NULL when the closing quote is missing. */
static char *take_quoted(struct reader *r)
{
	char *from = ++r->at, *to = from, *begin = from;

	for (; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1]) {
			from++;
			*to++ = (char)(*from == 'n' ? '\n' : *from);
		} else {
			*to++ = *from;
		}
	}
	if (!*from)
		return NULL;
	r->at = from + 1;
	*to = '\0'; /* overwrites the closing quote, or a byte before it after unescaping */
	return begin;
}

/* Reads a name, perhaps quoted, and stores the character after it in *stop. The caller then ends the name with a NUL. */
static char *take_name(struct reader *r, char *stop)
{
	char *name = r->at;

	if (*name == '"')
		name = take_quoted(r);
	else
		while (is_name_char(*r->at, r->at == name))
			r->at++;
	if (!name)
		return NULL;
	*stop = *r->at;
	if (name == r->at || *name == '\0') /* the name is missing or "" */
		return NULL;
	return name;
}

/* Reads {a="b",c="d"} or, since Prometheus 3, {"name",a="b"}. */
static bool take_labels(struct reader *r)
{
	struct prom_line *l = &r->line;

	r->at++;
	for (;;) {
		char *name, *end;
		char stop;

		skip_blanks(r);
		if (*r->at == '}')
			break;
		name = take_name(r, &stop);
		if (!name)
			return bad(r, "a label without name");
		end = r->at;
		skip_blanks(r);
		if (*r->at == '=') {
			r->at++;
			*end = '\0';
			skip_blanks(r);
			if (*r->at != '"' || l->n_labels == PROM_LABELS_MAX)
				return *r->at == '"'
					   ? bad(r, "more than %d labels", PROM_LABELS_MAX)
					   : bad(r, "the value of label %s is not quoted", name);
			l->labels[l->n_labels].name = name;
			l->labels[l->n_labels].value = take_quoted(r);
			if (!l->labels[l->n_labels++].value)
				return bad(r, "the value of label %s does not end", name);
		} else if (!l->name) {
			l->name = name;
		} else {
			return bad(r, "the label %s has no value", name);
		}
		skip_blanks(r);
		if (*r->at == ',')
			r->at++;
		else if (*r->at != '}')
			return bad(r, "the labels do not end");
	}
	r->at++;
	return true;
}

static bool take_value(struct reader *r)
{
	char *word = take_word(r), *end;

	if (!*word)
		return bad(r, "%s has no value", r->line.name);
	r->line.value = strtod(word, &end);
	/* strtod also accepts hexadecimal and "nan(...)", which neither format permits. */
	if (*end || strpbrk(word, "xX(pP"))
		return bad(r, "the value of %s is not a number: %.40s", r->line.name, word);
	word = take_word(r);
	if (*word && *word != '#') {
		(void)strtod(word, &end);
		if (*end)
			return bad(r, "the timestamp of %s is not a number: %.40s", r->line.name,
				   word);
		skip_blanks(r);
	}
	/* OpenMetrics permits an exemplar here, and nothing else may follow. */
	if (*word != '#' && *r->at && *r->at != '#')
		return bad(r, "something stands behind the value of %s: %.40s", r->line.name,
			   r->at);
	return true;
}

static bool take_sample(struct reader *r)
{
	char stop = 0, *end;

	r->line.kind = PROM_SAMPLE;
	if (*r->at != '{') {
		char *begin = r->at;

		r->line.name = take_name(r, &stop);
		if (!r->line.name || (stop != '{' && stop != ' ' && stop != '\t'))
			return bad(r, "neither a comment nor a sample: %.60s", begin);
		end = r->at;
		skip_blanks(r);
		if (*r->at == '{' && !take_labels(r))
			return false;
		*end = '\0'; /* replaces the blank or brace after the name, which was read before */
	} else if (!take_labels(r)) {
		return false;
	}
	if (!r->line.name)
		return bad(r, "a sample without name");
	return take_value(r);
}

/* Sets *known for a comment that the formats define (TYPE, HELP, ...). The text format permits others, which are ignored. */
static bool take_comment(struct reader *r, bool *known)
{
	static const struct {
		const char *keyword;
		enum prom_kind kind;
	} comments[] = {
	    {"TYPE", PROM_TYPE}, {"HELP", PROM_HELP}, {"UNIT", PROM_UNIT}, {"EOF", PROM_EOF}};
	char *keyword;
	size_t i = 0;

	r->at++;
	keyword = take_word(r);
	while (i < ARRAY_LEN(comments) && !str_eq(comments[i].keyword, keyword))
		i++;
	*known = i < ARRAY_LEN(comments);
	if (!*known)
		return true;
	r->line.kind = comments[i].kind;
	if (r->line.kind == PROM_EOF)
		return true;
	skip_blanks(r);
	r->line.name = *r->at == '"' ? take_quoted(r) : take_word(r);
	if (!r->line.name || !*r->line.name)
		return bad(r, "# %s without a name", keyword);
	r->line.type = take_word(r);
	if (r->line.kind == PROM_TYPE && !*r->line.type)
		return bad(r, "# TYPE of %s without a type", r->line.name);
	return true;
}

bool prom_read(char *text, bool openmetrics, void (*see)(const struct prom_line *line, void *arg),
	       void *arg, char *why, size_t size)
{
	struct reader r = {.why = why, .size = size};
	bool ended = false;
	unsigned number = 0;

	for (char *next; text && *text; text = next) {
		bool known = true;

		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		r.at = text;
		number++;
		r.line = (struct prom_line){.number = number};
		skip_blanks(&r);
		if (!*r.at || *r.at == '\r')
			continue;
		if (ended)
			return bad(&r, "something stands behind # EOF");
		if (!(*r.at == '#' ? take_comment(&r, &known) : take_sample(&r)))
			return false;
		ended = known && r.line.kind == PROM_EOF && openmetrics;
		if (known)
			see(&r.line, arg);
	}
	if (openmetrics && !ended) {
		snprintf(why, size, "an OpenMetrics page must end with # EOF: it was cut off");
		return false;
	}
	return true;
}

const char *prom_label_of(const struct prom_line *line, const char *name)
{
	for (size_t i = 0; i < line->n_labels; i++)
		if (str_eq(line->labels[i].name, name))
			return line->labels[i].value;
	return NULL;
}
