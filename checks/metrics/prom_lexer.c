#include "prom_lexer.h"

static int current(const struct prom_lexer *l)
{
	return l->at < l->len ? (unsigned char)l->page[l->at] : 0;
}

/* Moves to the next byte and returns it; 0 at the end. Zero bytes in comments, help texts and label values are skipped. */
static int next(struct prom_lexer *l)
{
	bool skips =
	    l->state == LEX_LABEL_VALUE || l->state == LEX_META_TEXT || l->state == LEX_COMMENT;

	l->at++;
	while (skips && l->at < l->len && !l->page[l->at])
		l->at++;
	return current(l);
}

static enum prom_token enter(struct prom_lexer *l, enum prom_lexer_state state,
			     enum prom_token token)
{
	l->state = state;
	return token;
}

/* Moves past the current byte, which is a token of its own. */
static enum prom_token take_byte(struct prom_lexer *l, enum prom_lexer_state state,
				 enum prom_token token)
{
	next(l);
	return enter(l, state, token);
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct prom_lexer *l)
{
	while (is_blank(current(l)))
		next(l);
}

/* Takes a name of a metric, in which colons are permitted. The first byte was looked at. */
static enum prom_token take_name(struct prom_lexer *l, enum prom_lexer_state state)
{
	int c;

	do
		c = next(l);
	while (is_letter(c) || is_digit(c) || c == ':');
	return enter(l, state, TOKEN_NAME);
}

static enum prom_token take_label(struct prom_lexer *l)
{
	int c;

	do
		c = next(l);
	while (is_letter(c) || is_digit(c));
	return TOKEN_LABEL;
}

/* Takes a text in quotes, at the opening one. An escape may not hold a line end, the text only if `lines`. */
static enum prom_token take_quoted(struct prom_lexer *l, bool lines, enum prom_lexer_state state,
				   enum prom_token token)
{
	int c = next(l);

	while (c != '"') {
		if (c == '\\') {
			c = next(l);
			if (c == '\n')
				return TOKEN_INVALID;
		}
		if (!c || (c == '\n' && !lines))
			return TOKEN_INVALID;
		c = next(l);
	}
	return take_byte(l, state, token);
}

/* Takes a keyword whose first byte is the current one. */
static bool take_word(struct prom_lexer *l, const char *word)
{
	for (; *word; word++) {
		if (current(l) != *word)
			return false;
		next(l);
	}
	return true;
}

/* ---- the text format --------------------------------------------------------------------------------------------- */
static enum prom_token take_comment(struct prom_lexer *l)
{
	for (int c = current(l);; c = next(l)) {
		if (!c)
			return TOKEN_END;
		if (c == '\n')
			return enter(l, LEX_INIT, TOKEN_COMMENT);
	}
}

static enum prom_token lex_comment(struct prom_lexer *l)
{
	bool help = current(l) == 'H', type = current(l) == 'T';

	if ((help || type) && take_word(l, help ? "HELP" : "TYPE") && is_blank(current(l))) {
		skip_blanks(l);
		return enter(l, LEX_META_NAME, help ? TOKEN_HELP : TOKEN_TYPE);
	}
	return take_comment(l);
}

static enum prom_token lex_line_start(struct prom_lexer *l)
{
	int c = current(l);

	if (!c)
		return take_byte(l, LEX_INIT, TOKEN_END);
	if (c == '\n')
		return take_byte(l, LEX_INIT, TOKEN_LINE_END);
	if (c == '{')
		return take_byte(l, LEX_LABELS, TOKEN_OPEN);
	if (is_letter(c) || c == ':')
		return take_name(l, LEX_VALUE);
	if (c != '#')
		return TOKEN_INVALID;
	if (!is_blank(next(l)))
		return take_comment(l);
	skip_blanks(l);
	l->state = LEX_COMMENT;
	return lex_comment(l);
}

/* Takes the rest of a HELP or TYPE line. Blanks alone are a token of another sort. */
static enum prom_token lex_meta_text(struct prom_lexer *l)
{
	int c = current(l);

	if (is_blank(c)) {
		skip_blanks(l);
		c = current(l);
		if (!c || c == '\n')
			return TOKEN_SPACE;
	}
	while (c && c != '\n')
		c = next(l);
	return enter(l, LEX_INIT, TOKEN_TEXT);
}

static enum prom_token lex_labels(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '"')
		return take_quoted(l, true, LEX_LABELS, TOKEN_QUOTED);
	if (c == ',')
		return take_byte(l, LEX_LABELS, TOKEN_COMMA);
	if (c == '=')
		return take_byte(l, LEX_LABEL_VALUE, TOKEN_EQUAL);
	if (c == '}')
		return take_byte(l, LEX_VALUE, TOKEN_CLOSE);
	return is_letter(c) ? take_label(l) : TOKEN_INVALID;
}

static enum prom_token lex_text_value(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '{')
		return take_byte(l, LEX_LABELS, TOKEN_OPEN);
	if (!c || c == '\n')
		return TOKEN_INVALID;
	while (c && c != '\n' && c != '{' && !is_blank(c))
		c = next(l);
	return enter(l, LEX_TIMESTAMP, TOKEN_VALUE);
}

static enum prom_token lex_text_timestamp(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '\n')
		return take_byte(l, LEX_INIT, TOKEN_LINE_END);
	if (!is_digit(c))
		return TOKEN_INVALID;
	while (is_digit(c))
		c = next(l);
	return TOKEN_TIMESTAMP;
}

static enum prom_token lex_meta_name(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '"')
		return take_quoted(l, true, LEX_META_TEXT, TOKEN_NAME);
	return is_letter(c) || c == ':' ? take_name(l, LEX_META_TEXT) : TOKEN_INVALID;
}

enum prom_token prom_lex_text(struct prom_lexer *l)
{
	if (l->at >= l->len)
		return TOKEN_END;
	l->start = l->at;
	if (l->state != LEX_META_TEXT && is_blank(current(l))) {
		skip_blanks(l);
		return TOKEN_SPACE;
	}
	switch (l->state) {
	case LEX_INIT:
		return lex_line_start(l);
	case LEX_COMMENT:
		return lex_comment(l);
	case LEX_META_NAME:
		return lex_meta_name(l);
	case LEX_META_TEXT:
		return lex_meta_text(l);
	case LEX_LABELS:
		return lex_labels(l);
	case LEX_LABEL_VALUE:
		return current(l) == '"' ? take_quoted(l, true, LEX_LABELS, TOKEN_LABEL_VALUE)
					 : TOKEN_INVALID;
	case LEX_VALUE:
		return lex_text_value(l);
	case LEX_TIMESTAMP:
		return lex_text_timestamp(l);
	case LEX_EXEMPLAR:
	case LEX_EXEMPLAR_VALUE:
	case LEX_EXEMPLAR_TIMESTAMP:
		break; /* OpenMetrics only */
	}
	return TOKEN_INVALID;
}

/* ---- OpenMetrics ------------------------------------------------------------------------------------------------- */
static enum prom_token lex_keyword(struct prom_lexer *l)
{
	static const struct {
		const char *word;
		enum prom_token token;
	} keywords[] = {{"HELP ", TOKEN_HELP}, {"TYPE ", TOKEN_TYPE}, {"UNIT ", TOKEN_UNIT}};

	if (current(l) == 'E') {
		if (!take_word(l, "EOF"))
			return TOKEN_INVALID;
		if (current(l) == '\n')
			next(l);
		return enter(l, LEX_INIT, TOKEN_EOF_WORD);
	}
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (current(l) == *keywords[i].word)
			return take_word(l, keywords[i].word)
				   ? enter(l, LEX_META_NAME, keywords[i].token)
				   : TOKEN_INVALID;
	return TOKEN_INVALID;
}

static enum prom_token lex_openmetrics_start(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '{')
		return take_byte(l, LEX_LABELS, TOKEN_OPEN);
	if (is_letter(c) || c == ':')
		return take_name(l, LEX_VALUE);
	if (c != '#' || next(l) != ' ')
		return TOKEN_INVALID;
	next(l);
	l->state = LEX_COMMENT;
	return lex_keyword(l);
}

/* Takes a blank, at which the lexer is, and a text without blanks. */
static enum prom_token take_text(struct prom_lexer *l, enum prom_lexer_state state,
				 enum prom_token token)
{
	int c = next(l);

	if (!c || c == '\n' || c == ' ')
		return TOKEN_INVALID;
	while (c && c != '\n' && c != ' ')
		c = next(l);
	return enter(l, state, token);
}

static enum prom_token lex_openmetrics_text(struct prom_lexer *l)
{
	int c = current(l);

	if (c != ' ')
		return TOKEN_INVALID;
	while (c && c != '\n')
		c = next(l);
	return c ? take_byte(l, LEX_INIT, TOKEN_TEXT) : TOKEN_INVALID;
}

static enum prom_token lex_openmetrics_timestamp(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '\n')
		return take_byte(l, LEX_INIT, TOKEN_LINE_END);
	if (c != ' ')
		return TOKEN_INVALID;
	if (l->at + 1 >= l->len || l->page[l->at + 1] != '#')
		return take_text(l, LEX_TIMESTAMP, TOKEN_TIMESTAMP);
	next(l);
	c = next(l);
	if (c == ' ')
		return next(l) == '{' ? take_byte(l, LEX_EXEMPLAR, TOKEN_COMMENT) : TOKEN_INVALID;
	while (c && c != '\n' && c != ' ')
		c = next(l);
	return TOKEN_TIMESTAMP;
}

static enum prom_token lex_exemplar(struct prom_lexer *l)
{
	int c = current(l);

	if (c == '"')
		return take_quoted(l, false, LEX_EXEMPLAR, TOKEN_QUOTED);
	if (c == ',')
		return take_byte(l, LEX_EXEMPLAR, TOKEN_COMMA);
	if (c == '=')
		return take_byte(l, LEX_EXEMPLAR_VALUE, TOKEN_EQUAL);
	if (c == '}')
		return take_byte(l, LEX_EXEMPLAR_VALUE, TOKEN_CLOSE);
	return is_letter(c) ? take_label(l) : TOKEN_INVALID;
}

enum prom_token prom_lex_openmetrics(struct prom_lexer *l)
{
	int c = current(l);

	if (l->at >= l->len)
		return TOKEN_END;
	l->start = l->at;
	switch (l->state) {
	case LEX_INIT:
		return lex_openmetrics_start(l);
	case LEX_COMMENT:
		return lex_keyword(l);
	case LEX_META_NAME:
		return lex_meta_name(l);
	case LEX_META_TEXT:
		return lex_openmetrics_text(l);
	case LEX_LABELS:
		return lex_labels(l);
	case LEX_LABEL_VALUE:
		return c == '"' ? take_quoted(l, false, LEX_LABELS, TOKEN_LABEL_VALUE)
				: TOKEN_INVALID;
	case LEX_VALUE:
		if (c == '{')
			return take_byte(l, LEX_LABELS, TOKEN_OPEN);
		return c == ' ' ? take_text(l, LEX_TIMESTAMP, TOKEN_VALUE) : TOKEN_INVALID;
	case LEX_TIMESTAMP:
		return lex_openmetrics_timestamp(l);
	case LEX_EXEMPLAR:
		return lex_exemplar(l);
	case LEX_EXEMPLAR_VALUE:
		if (c == '"')
			return take_quoted(l, false, LEX_EXEMPLAR, TOKEN_LABEL_VALUE);
		return c == ' ' ? take_text(l, LEX_EXEMPLAR_TIMESTAMP, TOKEN_VALUE) : TOKEN_INVALID;
	case LEX_EXEMPLAR_TIMESTAMP:
		if (c == '\n')
			return take_byte(l, LEX_INIT, TOKEN_LINE_END);
		return c == ' ' ? take_text(l, LEX_EXEMPLAR_TIMESTAMP, TOKEN_TIMESTAMP)
				: TOKEN_INVALID;
	}
	return TOKEN_INVALID;
}
