#include "config_file.h"

#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <sys/stat.h>

#include "syntax_error.h"

#define STRINGIZE_(x) #x
#define STRINGIZE(x) STRINGIZE_(x)

#define NUMBER_DIGITS_MAX 18
#define HEX_DIGITS_MAX 15

static const char hexadecimal[] = "0123456789abcdefABCDEF";

/* ---- @include ---------------------------------------------------------------------------------------------------- */
struct origin {
	const char *file;
	int line;
};
struct source {
	struct arena *arena;
	struct problems *problems;
	struct str text;
	struct origin *lines; /* the origin of each line of `text` */
	size_t n, cap;
	struct stat stack[CONFIG_FILE_INCLUDE_DEPTH]; /* files being read, for cycles */
	size_t depth;
	size_t files, bytes; /* totals that were read */
	bool full;           /* a limit was exceeded; the problem is added only once */
	bool split;          /* libconfig got large groups in pieces */
	const char *number;  /* what is wrong with a number of the line; NULL: nothing */
	bool joined;         /* two texts stand side by side in the line */
	/* The next byte of the file that is not UTF-8, NULL for none, and the end of the file. */
	const char *foreign, *end;
	const char *foreign_text; /* the first such byte in a text of the line; NULL: none */
	int column;               /* where it stands */
};

static void add_origin(struct source *s, const char *file, int line)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->lines = xrealloc(s->lines, s->cap * sizeof *s->lines);
	}
	s->lines[s->n++] = (struct origin){file, line};
}

/* Where the scanner is: inside a comment or a string, "@include" is only text. */
enum place { IN_CODE, IN_STRING, IN_BLOCK_COMMENT };

/* Returns the file that an @include line names, with *rest behind it; "": it names none; NULL: not an @include line. */
static const char *included_name(struct arena *a, const char *line, const char *end,
				 const char **rest)
{
	static const char directive[] = "@include";
	const char *close;

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if ((size_t)(end - line) < sizeof directive - 1 ||
	    memcmp(line, directive, sizeof directive - 1) != 0)
		return NULL;
	line += sizeof directive - 1;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	close = line < end && *line == '"' ? memchr(line + 1, '"', (size_t)(end - line - 1)) : NULL;
	if (!close)
		return "";
	*rest = close + 1;
	return arena_strndup(a, line + 1, (size_t)(close - line - 1));
}

/* Is there nothing but a ; or a comment between the name of the file and the end of the line? */
static bool is_end_of_include(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r;", *p))
		p++;
	return p == end || *p == '#' ||
	       (end - p >= 2 && (!memcmp(p, "//", 2) || !memcmp(p, "/*", 2)));
}

/* Is it the #include of C, which is a comment here? */
static bool is_include_of_c(const char *line, const char *end)
{
	static const char directive[] = "include";
	const char *p = line + strspn(line, " \t");

	if (p >= end || *p++ != '#')
		return false;
	p += strspn(p, " \t");
	if (!str_starts(p, directive))
		return false;
	p += sizeof directive - 1;
	return (*p == ' ' || *p == '\t') && strchr("\"<", p[strspn(p, " \t")]);
}

static const char *path_in_same_folder(struct arena *a, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (name[0] == '/' || !slash)
		return name;
	return arena_printf(a, "%.*s/%s", (int)(slash - file), file, name);
}

static int add_file(struct source *s, const char *path, const char *from, int from_line);

/* Refuses a comment or string without an end: libconfig accepts such a comment and silently ignores the text after it. */
static int check_closed(struct source *s, enum place place, const char *file, int opened,
			const char *text)
{
	if (place == IN_CODE)
		return 0;
	if (place == IN_BLOCK_COMMENT)
		return problem_error(s->problems, file, opened, "",
				     "the comment that begins here has no end");
	return problem_error(s->problems, file, syntax_error_open_text(text), "",
			     "the text that begins here has no closing quote");
}

/* Returns the length of the comment, string, name, number or character at p, in code. *place becomes the place after it. */
static size_t token_length(const char *p, const char *end, enum place *place)
{
	const char *q = p + 1;

	if (*p == '#' || (q < end && p[0] == '/' && *q == '/'))
		return (size_t)(end - p);
	if (*p == '"') {
		*place = IN_STRING;
		return 1;
	}
	if (q < end && p[0] == '/' && *q == '*') {
		*place = IN_BLOCK_COMMENT;
		return 2;
	}
	while ((isalnum((unsigned char)*p) || *p == '*') && q < end &&
	       (isalnum((unsigned char)*q) || strchr("_-.*", *q)))
		q++;
	return (size_t)(q - p);
}

/* Returns the length of the next character, escape or end mark inside a string or a block comment. */
static size_t rest_length(const char *p, const char *end, enum place *place)
{
	bool two = p + 1 < end;

	if (*place == IN_STRING && *p == '\\')
		return two ? 2 : 1;
	if (*place == IN_STRING && *p == '"') {
		*place = IN_CODE;
	} else if (*place == IN_BLOCK_COMMENT && two && p[0] == '*' && p[1] == '/') {
		*place = IN_CODE;
		return 2;
	}
	return 1;
}

static bool is_hex(const char *token, size_t n)
{
	return n > 2 && *token == '0' && (token[1] == 'x' || token[1] == 'X');
}

/* Does this number need the suffix L? Without it libconfig takes the lower 32 bits and reports nothing. */
static bool is_long_number(const char *token, size_t n)
{
	static const char most[] = "2147483647";

	if (is_hex(token, n))
		return strspn(token + 2, hexadecimal) >= n - 2 && n > 2 + 7;
	if (n < sizeof most - 1 || strspn(token, "0123456789") < n)
		return false;
	return n > sizeof most - 1 || strncmp(token, most, n) > 0;
}

/* What libconfig takes for another number than the one that was written, or NULL. */
static const char *number_problem(const char *token, size_t n)
{
	bool decimal = strspn(token, "0123456789") >= n;

	if (decimal && n > 1 && *token == '0')
		return "a number begins with 0: write a decimal number without it, a file's mode "
		       "and the like in quotes";
	if (is_hex(token, n) && n > 2 + HEX_DIGITS_MAX)
		return "a hexadecimal number of more than " STRINGIZE(
		    HEX_DIGITS_MAX) " digits is out of range";
	if (decimal && n > NUMBER_DIGITS_MAX)
		return "a number of more than " STRINGIZE(NUMBER_DIGITS_MAX) " digits is out of "
									     "range";
	return NULL;
}

/* Looks at a token of n bytes. In a comment such a byte harms nobody; of a text it would go to peers, and be a ? in every message. */
static void note_foreign(struct source *s, const char *line, const char *p, size_t n, bool in_text)
{
	while (s->foreign && s->foreign < p + n) {
		if (in_text && s->foreign >= p && !s->foreign_text) {
			s->foreign_text = s->foreign;
			s->column = 1 + (int)utf8_length(line, s->foreign);
		}
		s->foreign = utf8_find_wrong(s->foreign + 1, s->end);
	}
}

/* Adds a line; returns the place at its end (code, comment, ...). *opened: a comment or string began in it and goes on. */
static enum place add_line(struct source *s, enum place place, const char *p, const char *end,
			   bool *opened)
{
	bool closed = false; /* a text has ended, and only blanks came since */
	const char *line = p;

	*opened = false;
	while (p < end) {
		bool in_code = place == IN_CODE, in_text = place == IN_STRING;
		size_t n = in_code ? token_length(p, end, &place) : rest_length(p, end, &place);

		note_foreign(s, line, p, n, in_text);
		*opened |= in_code && place != IN_CODE;
		s->joined |= closed && in_code && place == IN_STRING;
		if (in_code ? *p != ' ' && *p != '\t' : *p == '"')
			closed = !in_code && place == IN_CODE;
		str_addn(&s->text, p, n);
		if (in_code && is_long_number(p, n))
			str_addc(&s->text, 'L');
		if (in_code && !s->number)
			s->number = number_problem(p, n);
		p += n;
	}
	*opened &= place != IN_CODE;
	str_addc(&s->text, '\n');
	return place;
}

/* Tells what the line that was added holds and is likely not meant. */
static int check_line(struct source *s, const char *file, int line)
{
	const char *problem = s->number, *foreign = s->foreign_text;

	if (s->joined)
		problem_add(s->problems, PROBLEM_WARNING, D_NONE, file, line, "",
			    "two texts side by side are one; put a comma between them");
	s->number = s->foreign_text = NULL;
	s->joined = false;
	if (foreign)
		return problem_error(
		    s->problems, file, line, "",
		    "column %d: the text holds the byte 0x%02x, which is not UTF-8: "
		    "save the file as UTF-8; a byte that is meant is written \\x%02x",
		    s->column, (unsigned char)*foreign, (unsigned char)*foreign);
	return problem ? problem_error(s->problems, file, line, "", "%s", problem) : 0;
}

/* Adds the file that an @include line names. */
static int add_included(struct source *s, const char *name, bool alone, const char *file, int line)
{
	if (!*name)
		return problem_error(s->problems, file, line, "",
				     "@include needs a file name in quotes");
	if (!alone)
		return problem_error(s->problems, file, line, "",
				     "@include \"FILE\" stands on a line of its own");
	if (strstr(name, "${") || strpbrk(name, "*?"))
		return problem_error(s->problems, file, line, "",
				     "@include %s: takes the name of one file as it is, without "
				     "${} and *",
				     name);
	return add_file(s, path_in_same_folder(s->arena, file, name), file, line);
}

static int add_text(struct source *s, const char *file, const char *text, size_t len)
{
	enum place place = IN_CODE;
	const char *end = text + len, *foreign = utf8_find_wrong(text, end);
	int line = 0, bad = 0, opened_at = 0;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		const char *rest = stop;
		const char *name =
		    place == IN_CODE ? included_name(s->arena, p, stop, &rest) : NULL;
		bool opened;

		line++;
		if (name) {
			bad |= add_included(s, name, is_end_of_include(rest, stop), file, line);
		} else {
			if (place == IN_CODE && is_include_of_c(p, stop))
				problem_add(s->problems, PROBLEM_WARNING, D_NONE, file, line, "",
					    "#include is a comment here; write @include");
			s->foreign = foreign;
			s->end = end;
			place = add_line(s, place, p, stop, &opened);
			foreign = s->foreign;
			opened_at = opened ? line : opened_at;
			bad |= check_line(s, file, line);
			add_origin(s, file, line);
		}
		p = nl ? nl + 1 : end;
	}
	return bad | check_closed(s, place, file, opened_at, text);
}

/* Limits the total that is read: ten files that each include the next one twice are a thousand. */
static int check_bounds(struct source *s, const char *file, int line, bool too_long)
{
	if (s->full)
		return -1;
	if (!too_long && s->files++ < CONFIG_FILES_MAX)
		return 0;
	s->full = true;
	if (too_long)
		return problem_error(s->problems, file, line, "",
				     "more than %d MiB with all it includes",
				     CONFIG_FILE_TEXT_MAX >> 20);
	return problem_error(s->problems, file, line, "", "more than %d files with all it includes",
			     CONFIG_FILES_MAX);
}

/* NULL, or why the text of a file cannot be read by lines at all. */
static const char *foreign_text(const char *text, size_t len)
{
	if (len >= 2 && (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2)))
		return "is UTF-16; save it as UTF-8";
	if (len >= 4 && len % 2 == 0 && !text[0] != !text[1] && !text[0] == !text[2] &&
	    !text[1] == !text[3])
		return "is UTF-16, and lacks its mark too; save it as UTF-8";
	if (strlen(text) != len)
		return "is not text: it holds a NUL byte";
	if (!strchr(text, '\n') && strchr(text, '\r') && text[strcspn(text, "\r") + 1])
		return "has lines that end with a carriage return alone; save it with line feeds";
	return NULL;
}

static int add_file(struct source *s, const char *path, const char *from, int from_line)
{
	cleanup_free char *text = NULL;
	const char *kept, *problem = NULL;
	bool included = from;
	struct stat st = {.st_ino = 0};
	size_t len;
	int rc;

	if (check_bounds(s, from, from_line, false) < 0)
		return -1;
	kept = arena_strdup(s->arena, path);
	(void)stat(path, &st); /* file_read below reports a failure */
	for (size_t i = 0; i < s->depth; i++)
		if (st.st_ino && s->stack[i].st_dev == st.st_dev && s->stack[i].st_ino == st.st_ino)
			return problem_error(s->problems, from, from_line, "", "%s includes itself",
					     path);
	if (s->depth == CONFIG_FILE_INCLUDE_DEPTH)
		return problem_error(s->problems, from, from_line, "",
				     "more than %d files deep in @include",
				     CONFIG_FILE_INCLUDE_DEPTH);
	from = included ? from : kept;
	/* Reading a pipe without a writer would never end. */
	if (st.st_ino && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		problem = "is not a file";
	else
		text = file_read(path, CONFIG_FILE_TEXT_MAX - s->bytes, &len);
	if (!text && !problem && errno == EFBIG)
		return check_bounds(s, from, from_line, true);
	if (!text)
		return problem_error(s->problems, from, from_line, "", "%s%s: %s",
				     included ? "@include " : "cannot read ", path,
				     problem ? problem : strerror(errno));
	if (foreign_text(text, len))
		return problem_error(s->problems, kept, 0, "", "%s", foreign_text(text, len));
	s->bytes += len;
	s->stack[s->depth++] = st;
	rc = add_text(s, kept, text, len);
	s->depth--;
	/* With the added line ends and suffixes the text may exceed the limit that its files kept. */
	return rc < 0 || !s->text.cut ? rc : check_bounds(s, kept, 0, true);
}

/* ---- large groups ---------------------------------------------------------------------------------------------------- */
/* libconfig compares each name with all others of its group: ten thousand checks of a kind take a second. So it gets them in pieces:
 * "tcp: { a ...; }; tcp*-*1: { b ...; };", and make_node puts them together again. */
#define SPLIT_FROM (16 * 1024) /* bytes of text; a smaller one has too few names to matter */
#define SPLIT_NAMES 100        /* of a piece */
#define SPLIT_MARK "*-*"

struct split {
	struct str out;
	const char *group; /* name of the last setting at the top */
	size_t group_n;
	char before; /* first character of the token before, blanks and comments aside */
	char opened; /* the sign that opened the value at the top */
	unsigned depth;
	size_t names, pieces;
};

static bool is_name(const char *token)
{
	return isalpha((unsigned char)*token) || *token == '*';
}

/* Begins a new piece before a name if this one is full. */
static void begin_piece(struct split *sp)
{
	if (++sp->names % SPLIT_NAMES == 0)
		str_addf(&sp->out, "}; %.*s" SPLIT_MARK "%zu: {", (int)sp->group_n, sp->group,
			 ++sp->pieces);
}

static void split_at_token(struct split *sp, const char *token, size_t n)
{
	/* What follows = or : is true or false. */
	if (is_name(token) && sp->before != '=' && sp->before != ':') {
		if (sp->depth == 0) {
			sp->group = token;
			sp->group_n = n;
			sp->names = 0;
		} else if (sp->depth == 1 && sp->opened == '{') {
			begin_piece(sp);
		}
	}
	if (strchr("{[(", *token))
		sp->opened = sp->depth++ ? sp->opened : *token;
	else if (strchr("}])", *token) && sp->depth)
		sp->depth--;
}

/* Fills sp->out with the text in pieces. */
static void split_groups(struct split *sp, const struct str *text)
{
	const char *p = text->s, *end = p + text->len, *stop = p;
	enum place place = IN_CODE;

	str_init(&sp->out, 2 * (size_t)CONFIG_FILE_TEXT_MAX);
	while (p < end) {
		bool in_code = place == IN_CODE;
		size_t n = 1; /* a line end */

		if (p > stop)
			stop = p + strcspn(p, "\n");
		if (!in_code)
			n = rest_length(p, end, &place);
		else if (p < stop)
			n = token_length(p, stop, &place);

		if (in_code && !isspace((unsigned char)*p) && *p != '#' && *p != '/') {
			split_at_token(sp, p, n);
			sp->before = *p;
		}
		str_addn(&sp->out, p, n);
		p += n;
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : (*x)->line - (*y)->line;
}

/* Reports names that stand twice in a group. */
static int check_names(struct source *s, const struct node *group)
{
	size_t n = node_count(group), i = 0;
	const struct node **sorted = xcalloc(n, sizeof *sorted);
	int bad = 0;

	for (const struct node *c = group->first; c; c = c->next)
		sorted[i++] = c;
	qsort(sorted, n, sizeof *sorted, compare_names);
	for (i = 1; i < n; i++)
		if (str_eq(sorted[i - 1]->name, sorted[i]->name))
			bad = problem_error(s->problems, sorted[i]->file, sorted[i]->line, "",
					    "duplicate setting name: %s is set twice in one group "
					    "(the first one stands on line %d)",
					    sorted[i]->name, sorted[i - 1]->line);
	free(sorted);
	return bad;
}

/* libconfig compared the names of each piece only. */
static int check_pieces(struct source *s, const struct node *root)
{
	int bad = 0;

	for (const struct node *c = s->split ? root->first : NULL; c; c = c->next)
		if (c->type == N_GROUP && c->first)
			bad |= check_names(s, c);
	return bad;
}

/* ---- libconfig's tree to nodes ------------------------------------------------------------------------------------- */
static const struct origin *origin_of(const struct source *s, unsigned line)
{
	static const struct origin nowhere = {NULL, 0};

	return line >= 1 && line <= s->n ? &s->lines[line - 1] : &nowhere;
}

static const char too_deep[] =
    "groups nested more than " STRINGIZE(CONFIG_FILE_GROUP_DEPTH) " deep";

static void append_child(struct source *s, struct node *parent, const config_setting_t *c,
			 int depth);

static struct node *make_node(struct source *s, const config_setting_t *c, int depth)
{
	struct node *n = arena_alloc(s->arena, sizeof *n);
	const struct origin *at = origin_of(s, config_setting_source_line(c));
	const char *name = config_setting_name(c);

	n->name = name ? arena_strdup(s->arena, name) : NULL;
	n->file = at->file;
	n->line = at->line;
	switch (config_setting_type(c)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		n->type = N_INT;
		n->i = config_setting_get_int64(c);
		break;
	case CONFIG_TYPE_FLOAT:
		n->type = N_FLOAT;
		n->d = config_setting_get_float(c);
		break;
	case CONFIG_TYPE_BOOL:
		n->type = N_BOOL;
		n->i = config_setting_get_bool(c);
		break;
	case CONFIG_TYPE_STRING:
		n->type = N_STR;
		n->text = arena_strdup(s->arena, config_setting_get_string(c));
		break;
	default:
		n->type = config_setting_is_group(c) ? N_GROUP : N_LIST;
		if (depth >= CONFIG_FILE_GROUP_DEPTH) {
			problem_error(s->problems, at->file, at->line, "", "%s", too_deep);
			break;
		}
		for (int i = 0; i < config_setting_length(c); i++)
			append_child(s, n, config_setting_get_elem(c, (unsigned)i), depth + 1);
	}
	return n;
}

static void append_child(struct source *s, struct node *parent, const config_setting_t *c,
			 int depth)
{
	struct node *child = make_node(s, c, depth);
	const char *mark = s->split && depth == 1 ? strstr(child->name, SPLIT_MARK) : NULL;

	if (!mark) {
		node_append(parent, child);
		return;
	}
	/* A piece: what it holds belongs to the group before it. */
	while (child->first) {
		struct node *one = child->first;

		child->first = one->next;
		one->next = NULL;
		node_append(parent->last, one);
	}
}

static void close_source(struct source *s)
{
	str_free(&s->text);
	free(s->lines);
}

/* libconfig decides that a text is wrong, and on which line; syntax_error finds the words. What it finds behind that line
 * is not what libconfig refused. */
static void add_syntax_error(struct source *s, const char *path, const config_t *config)
{
	unsigned line = (unsigned)config_error_line(config);
	struct syntax_error e;
	bool found = syntax_error_find(s->arena, s->text.s, &e) && (unsigned)e.line <= line;
	const struct origin *at, *there;
	const char *file;
	struct str about;

	/* The end of the text counts as one more line. */
	line = found ? (unsigned)e.line : line;
	at = origin_of(s, line > s->n ? (unsigned)s->n : line);
	file = at->file ? at->file : path;
	if (!found) {
		const char *text = config_error_text(config);

		problem_error(s->problems, file, at->line, "", "%s",
			      str_eq(text, "memory exhausted") ? too_deep : text);
		return;
	}
	str_init(&about, 1024);
	there = origin_of(s, (unsigned)e.about_line);
	if (e.about && there != at && there->line == at->line && there->file &&
	    str_eq(there->file, file)) {
		str_add(&about, " (this file is included twice)");
	} else if (e.about) {
		str_addf(&about, " (%s on line %d", e.about, there->line);
		if (there->file && !str_eq(there->file, file))
			str_addf(&about, " of %s", there->file);
		str_addc(&about, ')');
	}
	problem_error(s->problems, file, at->line, "", "syntax error at column %d: %s%s", e.column,
		      e.text, about.s);
	str_free(&about);
}

/* Lets libconfig read the text. Returns 0, or -1 for a syntax error. */
static int read_text(struct source *s, config_t *config)
{
	struct split sp = {.group = ""};
	int rc;

	/* A name that has the mark itself could not be told from a piece. */
	if (s->text.len < SPLIT_FROM || strstr(s->text.s, SPLIT_MARK))
		return config_read_string(config, s->text.s) == CONFIG_TRUE ? 0 : -1;
	split_groups(&sp, &s->text);
	s->split = sp.pieces > 0;
	rc = config_read_string(config, sp.out.s) == CONFIG_TRUE ? 0 : -1;
	str_free(&sp.out);
	return rc;
}

struct node *config_file_read(struct arena *a, const char *path, struct problems *problems)
{
	__attribute__((cleanup(close_source))) struct source s = {.arena = a, .problems = problems};
	__attribute__((cleanup(config_destroy))) config_t config;
	struct node *root;

	config_init(&config);
	str_init(&s.text, CONFIG_FILE_TEXT_MAX);
	if (add_file(&s, path, NULL, 0) < 0)
		return NULL;
	if (read_text(&s, &config) < 0) {
		add_syntax_error(&s, path, &config);
		return NULL;
	}
	root = make_node(&s, config_root_setting(&config), 0);
	root->file = arena_strdup(a, path);
	return check_pieces(&s, root) < 0 ? NULL : root;
}

struct node *config_file_read_value(struct arena *a, const char *name, const char *text)
{
	struct problems unused = {.arena = a};
	struct source s = {.arena = a, .problems = &unused};
	__attribute__((cleanup(config_destroy))) config_t config;
	struct node *value = NULL;

	config_init(&config);
	if (config_read_string(&config, arena_printf(a, "value = %s;", text)) == CONFIG_TRUE) {
		value = make_node(&s, config_setting_get_elem(config_root_setting(&config), 0), 0);
		value->name = arena_strdup(a, name);
	}
	problems_free(&unused);
	return value;
}

const char *config_file_library(void)
{
	return "libconfig " STRINGIZE(LIBCONFIG_VER_MAJOR) "." STRINGIZE(LIBCONFIG_VER_MINOR);
}
