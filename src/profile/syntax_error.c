#include "syntax_error.h"

#include <ctype.h>
#include <libconfig.h>

#include "str.h"

/* From 1.7 on libconfig takes more commas than one between two elements, and behind the last one. */
#define SPARE_COMMAS_ALLOWED (LIBCONFIG_VER_MAJOR > 1 || LIBCONFIG_VER_MINOR >= 7)
#define NAMES_COMPARED_MAX 2000 /* settings of one group; the comparison takes the square of it */
#define SHOWN_MAX 40            /* bytes of a name in a message */

/* T_OTHER: a word or character that stands for nothing. */
enum token_type { T_END, T_NAME, T_INT, T_LONG, T_FLOAT, T_BOOL, T_STRING, T_MARK, T_OTHER };
struct token {
	enum token_type type;
	const char *at;
	size_t n;
	int line;
};

/* Where the scanner is inside a group, list or array. */
enum expected { A_NAME, AN_ASSIGNMENT, A_VALUE, A_SEPARATOR };
struct setting_name {
	struct token token;
	struct setting_name *next;
};
struct level {
	struct token open; /* {, [ or (; T_END: the top of the file */
	enum expected next;
	struct token name, name_before; /* of the setting whose value is expected or was read */
	struct token value;             /* the last that was read; T_END: none yet */
	bool after_comma;
	bool no_separator;          /* the name stands behind the value of the setting before it */
	struct setting_name *names; /* of the settings so far, the latest first */
	size_t n_names;
};
struct scan {
	struct arena *arena;
	const char *text, *p;
	int line;
	struct token token, before; /* the present one, and the one before it */
	struct level levels[SYNTAX_DEPTH_MAX];
	size_t depth;           /* levels[depth] is the innermost */
	struct token open_text; /* the first whose closing quote is likely missing; T_END: none */
	struct token
	    misplaced; /* the first { whose } stands less far to the right than its line begins; T_END: none */
	struct syntax_error *out;
};

/* ---- tokens ------------------------------------------------------------------------------------------------------------ */
static void skip_space_and_comments(struct scan *s)
{
	for (;; s->p++) {
		const char *end = NULL;

		if (*s->p == '#' || (s->p[0] == '/' && s->p[1] == '/'))
			s->p += strcspn(s->p, "\n");
		else if (s->p[0] == '/' && s->p[1] == '*')
			end = strstr(s->p + 2, "*/");
		for (; end && s->p < end + 1; s->p++)
			s->line += *s->p == '\n';
		if (!end && !strchr(" \t\r\f\n", *s->p))
			return;
		if (!*s->p)
			return;
		s->line += *s->p == '\n';
	}
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-_*", c));
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*p) && *p != '*')
		return 0;
	while (is_name_char(p[n]))
		n++;
	return n;
}

static size_t string_length(struct scan *s)
{
	const char *p = s->p + 1;

	for (; *p && *p != '"'; p++) {
		p += *p == '\\' && p[1];
		s->line += *p == '\n';
	}
	return (size_t)(p + (*p == '"') - s->p);
}

static const char decimal[] = "0123456789";

/* L or LL after an integer. */
static size_t suffix_length(const char *p, enum token_type *type)
{
	if (*type != T_INT || *p != 'L')
		return 0;
	*type = T_LONG;
	return p[1] == 'L' ? 2 : 1;
}

/* Returns the length of "e5" or "E-10" at p, or 0. */
static size_t exponent_length(const char *p)
{
	size_t sign = tolower((unsigned char)*p) == 'e' && (p[1] == '-' || p[1] == '+');

	if (tolower((unsigned char)*p) != 'e' || !isdigit((unsigned char)p[1 + sign]))
		return 0;
	return 1 + sign + strspn(p + 1 + sign, decimal);
}

/* Returns the length of a number at p, and its type; 0: what stands there is not one. */
static size_t number_length(const char *p, enum token_type *type)
{
	const char *q = p + (*p == '-' || *p == '+');
	size_t whole = strspn(q, decimal);

	*type = T_INT;
	if (q == p && q[0] == '0' && tolower((unsigned char)q[1]) == 'x' &&
	    isxdigit((unsigned char)q[2])) {
		q += 2 + strspn(q + 2, "0123456789abcdefABCDEF");
		return (size_t)(q - p) + suffix_length(q, type);
	}
	q += whole;
	if (*q == '.') {
		q += 1 + strspn(q + 1, decimal);
		*type = T_FLOAT;
	}
	if (whole == 0 && *type == T_INT)
		return 0;
	if (exponent_length(q)) {
		q += exponent_length(q);
		*type = T_FLOAT;
	}
	return (size_t)(q - p) + suffix_length(q, type);
}

/* A word without quotes, up to what surely is not a part of it. Comments are: "http://x" is one word to who wrote it. */
static size_t word_length(const char *p)
{
	size_t n = strcspn(p, " \t\r\n;,(){}[]\"=");

	return n ? n : 1;
}

static bool is_bool(const char *p, size_t n)
{
	return (n == 4 && strncasecmp(p, "true", n) == 0) ||
	       (n == 5 && strncasecmp(p, "false", n) == 0);
}

static struct token read_token(struct scan *s)
{
	struct token t = {.at = s->p, .line = s->line};
	size_t name, number;

	if (!*s->p)
		return t;
	name = name_length(s->p);
	number = number_length(s->p, &t.type);
	if (strchr("=:;,{}[]()", *s->p)) {
		t.type = T_MARK;
		t.n = 1;
	} else if (*s->p == '"') {
		t.type = T_STRING;
		t.n = string_length(s);
	} else if (name) {
		t.type = is_bool(s->p, name) ? T_BOOL : T_NAME;
		t.n = name;
	} else if (number) {
		t.n = number;
	} else {
		t.type = T_OTHER;
		t.n = word_length(s->p);
	}
	return t;
}

/* After a quote that is missing, texts begin where they should end, and a word follows the closing quote at once. */
static bool lacks_quote(const struct scan *s)
{
	return s->token.type == T_STRING && s->line > s->token.line && *s->p &&
	       !strchr(" \t\r\n;,)]}\"#/", *s->p);
}

static void next_token(struct scan *s)
{
	s->before = s->token;
	skip_space_and_comments(s);
	s->token = read_token(s);
	s->p += s->token.n;
	if (s->open_text.type == T_END && lacks_quote(s))
		s->open_text = s->token;
}

static bool is_mark(const struct token *t, char mark)
{
	return t->type == T_MARK && *t->at == mark;
}

static bool is_any_mark(const struct token *t, const char *marks)
{
	return t->type == T_MARK && strchr(marks, *t->at);
}

/* ---- telling ----------------------------------------------------------------------------------------------------------- */
static const char *line_start(const struct scan *s, const char *at)
{
	while (at > s->text && at[-1] != '\n')
		at--;
	return at;
}

static size_t indent_of(const struct scan *s, const char *at)
{
	return strspn(line_start(s, at), " \t");
}

/* Always returns false: there is nothing more to scan. */
static bool fail_with(struct scan *s, const struct token *t, const char *text)
{
	s->out->line = t->line;
	s->out->column = 1 + (int)utf8_length(line_start(s, t->at), t->at);
	s->out->text = text;
	return false;
}
#define fail_at(s, t, ...) fail_with(s, t, arena_printf((s)->arena, __VA_ARGS__))

static void tell_about(struct scan *s, const struct token *t, const char *about)
{
	s->out->about = about;
	s->out->about_line = t->line;
}

static const char *shown(struct scan *s, const struct token *t)
{
	char text[SHOWN_MAX];

	text_clean_n(text, sizeof text, t->at, t->n);
	return arena_strdup(s->arena, text);
}

static const char *kind_of(const struct token *open)
{
	return is_mark(open, '{') ? "group" : is_mark(open, '(') ? "list" : "array";
}

static char closing(const struct token *open)
{
	return is_mark(open, '{') ? '}' : is_mark(open, '(') ? ')' : ']';
}

static void suspect_quote(struct scan *s)
{
	if (s->open_text.type == T_STRING && !s->out->about)
		tell_about(s, &s->open_text,
			   "is the closing quote missing of the text that begins");
}

static bool fail_at_end(struct scan *s, const struct level *l)
{
	const struct token *open = s->misplaced.type == T_MARK ? &s->misplaced : &l->open;

	if (l->open.type == T_END)
		return fail_at(s, &s->token, "the file ends before the value of %s",
			       shown(s, &l->name));
	tell_about(
	    s, open,
	    arena_printf(s->arena, "the %s that has no %c begins", kind_of(open), closing(open)));
	return fail_at(s, &s->token, "the file ends, and a %c is missing", closing(open));
}

/* ---- a value without quotes ---------------------------------------------------------------------------------------------- */
/* "30s" and "10MiB", which say nothing that must not be printed. */
static bool is_quantity(const char *p, size_t n)
{
	size_t digits = strspn(p, "0123456789."), letters = 0;

	while (digits + letters < n && isalpha((unsigned char)p[digits + letters]))
		letters++;
	return digits && letters && letters <= 3 && digits + letters == n && n <= 10;
}

/* "1_000", "0b11" and "0o17", as other languages write numbers. */
static bool is_odd_number(const char *p, size_t n)
{
	static const char taken[] = "0123456789_";
	size_t k = n > 2 && *p == '0' && strchr("bBoO", p[1]) ? 2 : 0;

	return n <= 20 && strspn(p + k, taken) >= n - k && isdigit((unsigned char)p[n - 1]) &&
	       (k || memchr(p, '_', n));
}

static const char *quoted_setting(struct scan *s, const struct level *l, const struct token *name)
{
	if (is_mark(&l->open, '[') || is_mark(&l->open, '('))
		return "\"...\"";
	return arena_printf(s->arena, "%s = \"...\"", shown(s, name));
}

/* A number that a letter, a dot or a sign follows at once: for libconfig two tokens, for the author one word. */
static bool is_one_word(const struct token *number, const struct token *t)
{
	return (number->type >= T_INT && number->type <= T_FLOAT) &&
	       t->at == number->at + number->n && t->type != T_MARK;
}

static bool fail_at_number(struct scan *s, const struct level *l, const struct token *name)
{
	struct token word = l->value;

	word.n = word_length(word.at);
	if (!(l->value.type == T_STRING) && is_odd_number(word.at, word.n))
		return fail_at(s, &word, "%s is not a number here; write it in decimal digits",
			       shown(s, &word));
	if (is_quantity(word.at, word.n))
		return fail_at(s, &word, "%s stands without quotes; write \"%s\"", shown(s, &word),
			       shown(s, &word));
	return fail_at(s, &word, "a text stands in quotes: %s", quoted_setting(s, l, name));
}

/* ---- mistakes where a name must stand ------------------------------------------------------------------------------------ */
static bool is_first(const struct scan *s)
{
	return s->before.type == T_END && s->depth == 0;
}

static bool starts_line(const struct scan *s, const struct token *t)
{
	return t->at == line_start(s, t->at) + indent_of(s, t->at);
}

static bool fail_at_closing_mark(struct scan *s, const struct level *l)
{
	if (l->open.type == T_END)
		return fail_at(s, &s->token, "%c closes nothing", *s->token.at);
	tell_about(s, &l->open, arena_printf(s->arena, "the %s begins", kind_of(&l->open)));
	return fail_at(s, &s->token, "%c cannot close a %s; write %c", *s->token.at,
		       kind_of(&l->open), closing(&l->open));
}

/* What begins with one of these is not libconfig's, and tells which other form was meant. */
static const struct {
	const char *begin, *text;
} foreign[] = {
    {"{{", "a template that was not rendered; a variable is written \"${NAME}\""},
    {"{%", "a template that was not rendered; a variable is written \"${NAME}\""},
    {"<%", "a template that was not rendered; a variable is written \"${NAME}\""},
    {"<<<<<<<", "a conflict of a merge that was not resolved"},
    {">>>>>>>", "a conflict of a merge that was not resolved"},
    {"=======", "a conflict of a merge that was not resolved"},
    {"<!--", "a comment begins with # or //"},
    {"<", "this looks like XML; a profile has NAME = VALUE and NAME: { ... }"},
    {"---", "the start of a YAML document; a profile has NAME = VALUE and NAME: { ... }"},
    {"--", "a comment begins with # or //"},
    {"%", "a comment begins with # or //"},
    {"!", "a comment begins with # or //"},
};

/* Adds the words for a line of another form, if it is one. */
static bool fail_at_foreign_line(struct scan *s, const struct token *t)
{
	/* Of "{{" the first brace may have been taken for a group's. */
	const char *begin = is_mark(t, '{') && is_mark(&s->before, '{') && s->before.at + 1 == t->at
				? s->before.at
				: t->at;

	if (is_mark(t, ';') && starts_line(s, t) && s->p[strspn(s->p, " \t;")] != '\n') {
		fail_at(s, t, "a ; after nothing; remove it (a comment begins with # or //)");
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		if (t->type != T_END && str_starts(begin, foreign[i].begin)) {
			fail_at(s, t, "%s", foreign[i].text);
			return true;
		}
	return false;
}

/* An invisible character or blank that is not the common one; NULL: it is neither. */
static const char *invisible(const char *p)
{
	if (text_is_odd_blank(p))
		return "a blank that is not the common one, as from a web page; type it anew";
	if ((unsigned char)*p < ' ')
		return *p ? "a control character; remove it" : NULL;
	return text_printable_len(p) == 0 ? "an invisible character, as from a web page; remove it"
					  : NULL;
}

static bool fail_at_name(struct scan *s, const struct level *l)
{
	const struct token *t = &s->token;

	if (is_one_word(&l->value, t))
		return fail_at_number(s, l, &l->name);
	if (strncmp(t->at, "\xEF\xBB\xBF", 3) == 0)
		return fail_at(
		    s, t, "the file begins with a byte order mark; save it as UTF-8 without one");
	if (fail_at_foreign_line(s, t))
		return false;
	if (is_first(s) && is_mark(t, '{') && s->p[0] != '{' && s->p[0] != '%')
		return fail_at(
		    s, t, "this looks like JSON; a profile has NAME = VALUE and NAME: { ... }");
	if (is_mark(t, '[') && l->open.type == T_END)
		return fail_at(s, t, "a section as in INI or TOML; write NAME: { ... }");
	if (t->type == T_STRING && is_mark(&s->before, ',') && l->value.type == T_STRING)
		return fail_at(s, t, "several texts stand in [ ]: %s = [ \"a\", \"b\" ]",
			       shown(s, &l->name));
	if (t->type == T_STRING && !is_mark(&s->before, ']') && l->value.type != T_STRING)
		return fail_at(s, t, "a name stands without quotes, unlike in JSON: NAME = VALUE");
	if (t->type == T_OTHER && *t->at == '-')
		return fail_at(s, t, "a list as in YAML; write NAME = [ \"a\", \"b\" ]");
	if (t->type == T_OTHER && *t->at == '+' && s->before.type == T_STRING)
		return fail_at(s, t, "two texts in a row are one; remove the +");
	if (t->type == T_OTHER && invisible(t->at))
		return fail_at(s, t, "%s", invisible(t->at));
	if (is_any_mark(t, "])}"))
		return fail_at_closing_mark(s, l);
	if (is_any_mark(t, ";,"))
		return fail_at(s, t, "a %c after nothing; remove it", *t->at);
	if (t->type == T_OTHER && *t->at == '@')
		return fail_at(s, t, "@include \"FILE\" must begin its line");
	if (t->type == T_BOOL)
		return fail_at(s, t, "true and false cannot be names");
	return fail_at(s, t, "a name must stand here: a letter, then letters, digits, - and _");
}

/* Behind the text at hand: { */
static bool name_follows_brace(const struct scan *s)
{
	return s->p[strspn(s->p, " \t")] == '{';
}

static bool fail_at_assignment(struct scan *s, const struct level *l)
{
	const struct token *t = &s->token;
	const char *name = shown(s, &l->name);

	if (is_one_word(&l->value, &l->name))
		return fail_at_number(s, l, &l->name_before);
	/* It may be the rest of a secret. */
	if (l->no_separator && l->value.type == T_STRING && !starts_line(s, &l->name))
		return fail_at(s, &l->name,
			       "a word behind the closing quote; a quote within a text is "
			       "written \\\"");
	if (t->type == T_OTHER && invisible(t->at))
		return fail_at(s, t, "%s", invisible(t->at));
	if (t->at == l->name.at + l->name.n && *t->at == '.')
		return fail_at(s, t,
			       "a name holds only letters (a to z), digits, - and _; for a group "
			       "write %s: { ... }, in a name _ for the dot",
			       name);
	if (t->at == l->name.at + l->name.n && (*t->at & 0x80))
		return fail_at(s, t, "a name holds only letters (a to z), digits, - and _");
	if (t->type == T_STRING && name_follows_brace(s))
		return fail_at(s, t,
			       "= or : is missing after %s; a block as in HCL is written %s: { "
			       "NAME: { ... } }",
			       name, name);
	if (is_mark(t, '{'))
		return fail_at(s, t, "= or : is missing after %s; a group is written %s: { ... }",
			       name, name);
	if (str_eq(name, "export"))
		return fail_at(
		    s, &l->name,
		    "a line of a shell; a profile has NAME = VALUE with texts in quotes");
	if (str_eq(name, "include"))
		return fail_at(s, &l->name,
			       "another file is read with @include \"FILE\", on a line of its own");
	if (t->type == T_NAME || t->type == T_END || is_any_mark(t, ";}"))
		return fail_at(s, &l->name, "%s has no value; write %s = VALUE", name, name);
	return fail_at(s, t, "= or : is missing after %s", name);
}

/* ---- mistakes where a value must stand ------------------------------------------------------------------------------------- */
static bool is_one_of(const struct token *t, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == t->n && strncasecmp(t->at, *words, t->n) == 0)
			return true;
	return false;
}

static bool is_typographic_quote(const char *p)
{
	return strncmp(p, "\xE2\x80\x98", 3) == 0 || strncmp(p, "\xE2\x80\x99", 3) == 0 ||
	       strncmp(p, "\xE2\x80\x9C", 3) == 0 || strncmp(p, "\xE2\x80\x9D", 3) == 0;
}

/* "timeout =" and nothing more on its line; after a colon it is likelier the beginning of a group as in YAML. */
static bool is_left_empty(const struct scan *s, const struct level *l)
{
	const char *p = l->name.at + l->name.n;

	return p[strspn(p, " \t")] == '=' && starts_line(s, &s->before);
}

/* A word or character that is not a value by itself. */
static bool fail_at_word(struct scan *s, const struct level *l)
{
	static const char *const yes_no[] = {"yes", "no", "on", "off", NULL};
	static const char *const nothing[] = {"null", "none", "nil", NULL};
	const struct token *t = &s->token;
	bool in_list = !is_mark(&l->open, '{') && l->open.type != T_END;

	if (is_one_of(t, yes_no))
		return fail_at(s, t, "%s is not a value; write true or false", shown(s, t));
	if (is_one_of(t, nothing))
		return fail_at(s, t, "%s is not a value; leave the setting out", shown(s, t));
	if (*t->at == '\'')
		return fail_at(s, t, "a text stands in double quotes, not in single ones: %s",
			       quoted_setting(s, l, &l->name));
	if (is_typographic_quote(t->at))
		return fail_at(s, t, "a typographic quote; write the plain one: %s",
			       quoted_setting(s, l, &l->name));
	if (*t->at == '`' || str_starts(t->at, "\xC2\xAB"))
		return fail_at(s, t, "a text stands in plain double quotes: %s",
			       quoted_setting(s, l, &l->name));
	if (*t->at == '>')
		return fail_at(s, t, "one = is enough");
	if (str_starts(t->at, "<<"))
		return fail_at(s, t, "a text of several lines stands in quotes too: %s",
			       quoted_setting(s, l, &l->name));
	if (*t->at == '$')
		return fail_at(s, t, "a text stands in quotes, a variable too: \"${NAME}\"");
	if (invisible(t->at))
		return fail_at(s, t, "%s", invisible(t->at));
	if (*t->at == '-' && t->n == 1)
		return fail_at(s, t, "a list as in YAML; write [ \"a\", \"b\" ]");
	next_token(s);
	if (is_any_mark(&s->token, ":=") && in_list)
		return fail_at(s, &s->before,
			       "a group within a list stands in braces: ( { NAME = VALUE } )");
	if (is_any_mark(&s->token, ":=") && is_left_empty(s, l))
		return fail_at(s, &l->name, "%s has no value; write %s = VALUE", shown(s, &l->name),
			       shown(s, &l->name));
	if (is_any_mark(&s->token, ":=") && starts_line(s, &s->before))
		return fail_at(
		    s, &s->before,
		    "%s has no value; a group stands in braces, unlike in YAML: %s: { ... }",
		    shown(s, &l->name), shown(s, &l->name));
	return fail_at(s, &s->before, "a text stands in quotes: %s",
		       quoted_setting(s, l, &l->name));
}

static bool fail_at_value(struct scan *s, const struct level *l)
{
	const struct token *t = &s->token;

	if (is_mark(&l->open, '[') && is_mark(t, '{'))
		return fail_at(s, t,
			       "a list of groups stands in ( ), an array [ ] holds simple values: "
			       "( { ... }, { ... } )");
	if (is_mark(&l->open, '[') && is_any_mark(t, "[("))
		return fail_at(s, t, "an array [ ] holds simple values; write a list: ( ... )");
	if (l->after_comma && is_mark(t, closing(&l->open)))
		return fail_at(s, &s->before, "a comma after the last element; remove it");
	if (l->after_comma && is_mark(t, ','))
		return fail_at(s, t, "a comma after a comma; remove it");
	if (is_mark(t, '='))
		return fail_at(s, t, "one = is enough");
	if (t->type == T_MARK && (is_mark(&l->open, '[') || is_mark(&l->open, '(')))
		return is_any_mark(t, "])}")
			   ? fail_at_closing_mark(s, l)
			   : fail_at(s, t, "a value must stand here, not %c", *t->at);
	if (t->type == T_MARK)
		return fail_at(s, t, "%s has no value", shown(s, &l->name));
	return fail_at_word(s, l);
}

/* After an element of a list or array. */
static bool fail_at_separator(struct scan *s, const struct level *l)
{
	const struct token *t = &s->token;

	if (is_any_mark(t, "])}") || is_mark(t, ';')) {
		tell_about(s, &l->open, arena_printf(s->arena, "the %s begins", kind_of(&l->open)));
		return fail_at(s, t, "the %s needs a %c before this %c", kind_of(&l->open),
			       closing(&l->open), *t->at);
	}
	if (is_any_mark(t, ":="))
		return fail_at(s, t,
			       "a group within a list stands in braces: ( { NAME = VALUE } )");
	if (is_one_word(&l->value, t))
		return fail_at_number(s, l, &l->name);
	return fail_at(s, t, "a comma is missing between two elements");
}

/* ---- the grammar ----------------------------------------------------------------------------------------------------------- */
static bool has_values_only(const struct level *l)
{
	return is_mark(&l->open, '[') || is_mark(&l->open, '(');
}

static bool open_level(struct scan *s)
{
	struct level *outer = &s->levels[s->depth];

	if (s->depth + 1 == SYNTAX_DEPTH_MAX)
		return false;
	outer->value = s->token;
	outer->next = A_SEPARATOR;
	s->levels[++s->depth] =
	    (struct level){.open = s->token, .next = is_mark(&s->token, '{') ? A_NAME : A_VALUE};
	return true;
}

static void close_level(struct scan *s)
{
	const struct token *open = &s->levels[s->depth--].open;

	/* Of a file with indented groups, the first } that stands under another line than its { tells where one is missing. */
	if (s->misplaced.type == T_END && open->line < s->token.line && starts_line(s, &s->token) &&
	    indent_of(s, s->token.at) < indent_of(s, open->at))
		s->misplaced = *open;
}

static bool is_same_type(const struct level *l, const struct token *t)
{
	return l->value.type == T_END || l->value.type == t->type;
}

static bool take_value(struct scan *s, struct level *l)
{
	const struct token *t = &s->token;
	bool simple = t->type >= T_INT && t->type <= T_STRING;

	if (has_values_only(l) && is_mark(t, closing(&l->open)) &&
	    (!l->after_comma || SPARE_COMMAS_ALLOWED)) {
		close_level(s);
		return true;
	}
	if (has_values_only(l) && l->after_comma && is_mark(t, ',') && SPARE_COMMAS_ALLOWED)
		return true;
	if (simple && is_mark(&l->open, '[') && !is_same_type(l, t))
		return fail_at(
		    s, t,
		    "an array [ ] holds values of one type; write a list ( ... ), or quote all");
	if (simple) {
		l->value = *t;
		l->next = A_SEPARATOR;
		l->after_comma = false;
		return true;
	}
	if (is_mark(t, '{') || is_mark(t, '(') || is_mark(t, '['))
		return is_mark(&l->open, '[') ? fail_at_value(s, l) : open_level(s);
	return fail_at_value(s, l);
}

static const struct token *find_name(const struct level *l, const struct token *t)
{
	if (l->n_names > NAMES_COMPARED_MAX)
		return NULL;
	for (const struct setting_name *name = l->names; name; name = name->next)
		if (name->token.n == t->n && memcmp(name->token.at, t->at, t->n) == 0)
			return &name->token;
	return NULL;
}

static bool add_name(struct scan *s, struct level *l)
{
	const struct token *first = find_name(l, &s->token);
	struct setting_name *name;

	if (first) {
		tell_about(s, first, "the first one stands");
		return fail_at(s, &s->token, "duplicate setting name: %s is set twice in one group",
			       shown(s, &s->token));
	}
	name = arena_alloc(s->arena, sizeof *name);
	*name = (struct setting_name){s->token, l->names};
	l->names = name;
	l->n_names++;
	return true;
}

static bool take_name(struct scan *s, struct level *l)
{
	if (is_mark(&s->token, '}') && l->open.type == T_MARK) {
		close_level(s);
		return true;
	}
	if (s->token.type != T_NAME)
		return fail_at_name(s, l);
	l->name_before = l->name;
	l->name = s->token;
	l->next = AN_ASSIGNMENT;
	return add_name(s, l);
}

static bool take_separator(struct scan *s, struct level *l)
{
	if (s->token.type == T_STRING && s->before.type == T_STRING)
		return true; /* two strings in a row are one */
	l->after_comma = is_mark(&s->token, ',');
	if (has_values_only(l) && is_mark(&s->token, closing(&l->open))) {
		close_level(s);
		return true;
	}
	if (has_values_only(l) && !l->after_comma)
		return fail_at_separator(s, l);
	l->next = has_values_only(l) ? A_VALUE : A_NAME;
	l->no_separator = !l->after_comma && !is_mark(&s->token, ';');
	if (!l->no_separator)
		return true;
	return take_name(s, l); /* the separator of settings may be left out */
}

static bool take_token(struct scan *s)
{
	struct level *l = &s->levels[s->depth];

	if (s->token.type == T_END && l->next != AN_ASSIGNMENT)
		return fail_at_end(s, l);
	switch (l->next) {
	case A_NAME:
		return take_name(s, l);
	case AN_ASSIGNMENT:
		l->next = A_VALUE;
		return is_any_mark(&s->token, "=:") || fail_at_assignment(s, l);
	case A_VALUE:
		return take_value(s, l);
	case A_SEPARATOR:
		break;
	}
	return take_separator(s, l);
}

bool syntax_error_find(struct arena *a, const char *text, struct syntax_error *out)
{
	struct scan s = {.arena = a, .text = text, .p = text, .line = 1, .out = out};
	bool complete;

	*out = (struct syntax_error){.line = 0};
	do {
		next_token(&s);
		complete = s.token.type == T_END && s.depth == 0 &&
			   (s.levels[0].next == A_NAME || s.levels[0].next == A_SEPARATOR);
	} while (!complete && take_token(&s));
	if (out->text)
		suspect_quote(&s);
	return out->text;
}

int syntax_error_open_text(const char *text)
{
	struct scan s = {.text = text, .p = text, .line = 1};
	int line = 0;

	do {
		next_token(&s);
		line = s.token.type == T_STRING ? s.token.line : line;
	} while (s.token.type != T_END);
	return s.open_text.type == T_STRING ? s.open_text.line : line;
}
