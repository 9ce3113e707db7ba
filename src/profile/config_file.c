#include "config_file.h"

#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <sys/stat.h>

#include "syntax_error.h"

#define NUMBER_DIGITS_MAX 18

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
	bool huge;           /* the line holds a number that may not fit into 64 bits */
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

/* Returns the file that an @include line names; "": it names none; NULL: not an @include line. */
static const char *included_name(struct arena *a, const char *line, const char *end)
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
	return close ? arena_strndup(a, line + 1, (size_t)(close - line - 1)) : "";
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
	while (isalnum((unsigned char)*p) && q < end &&
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

/* Does this number need the suffix L? Without it libconfig takes the lower 32 bits and reports nothing. */
static bool is_long_number(const char *token, size_t n)
{
	static const char most[] = "2147483647";

	if (n < sizeof most - 1 || strspn(token, "0123456789") < n)
		return false;
	return n > sizeof most - 1 || strncmp(token, most, n) > 0;
}

/* Adds a line; returns the place at its end (code, comment, ...). *opened: a comment or string began in it and goes on. */
static enum place add_line(struct source *s, enum place place, const char *p, const char *end,
			   bool *opened)
{
	*opened = false;
	while (p < end) {
		bool in_code = place == IN_CODE;
		size_t n = in_code ? token_length(p, end, &place) : rest_length(p, end, &place);

		*opened |= in_code && place != IN_CODE;
		str_addn(&s->text, p, n);
		if (in_code && is_long_number(p, n))
			str_addc(&s->text, 'L');
		s->huge |= in_code && n > NUMBER_DIGITS_MAX && strspn(p, "0123456789") == n;
		p += n;
	}
	*opened &= place != IN_CODE;
	str_addc(&s->text, '\n');
	return place;
}

static int check_numbers(struct source *s, const char *file, int line)
{
	if (!s->huge)
		return 0;
	s->huge = false;
	return problem_error(s->problems, file, line, "",
			     "a number of more than %d digits is out of range", NUMBER_DIGITS_MAX);
}

static int add_text(struct source *s, const char *file, const char *text, size_t len)
{
	enum place place = IN_CODE;
	const char *end = text + len;
	int line = 0, bad = 0, opened_at = 0;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		const char *name = place == IN_CODE ? included_name(s->arena, p, stop) : NULL;
		bool opened;

		line++;
		if (name && *name) {
			bad |= add_file(s, path_in_same_folder(s->arena, file, name), file, line);
		} else if (name) {
			bad |= problem_error(s->problems, file, line, "",
					     "@include needs a file name in quotes");
		} else {
			place = add_line(s, place, p, stop, &opened);
			opened_at = opened ? line : opened_at;
			bad |= check_numbers(s, file, line);
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
	if (strlen(text) != len)
		return problem_error(s->problems, kept, 0, "", "is not text: it holds a NUL byte");
	s->bytes += len;
	s->stack[s->depth++] = st;
	rc = add_text(s, kept, text, len);
	s->depth--;
	/* With the added line ends and suffixes the text may exceed the limit that its files kept. */
	return rc < 0 || !s->text.cut ? rc : check_bounds(s, kept, 0, true);
}

/* ---- libconfig's tree to nodes ------------------------------------------------------------------------------------- */
static const struct origin *origin_of(const struct source *s, unsigned line)
{
	static const struct origin nowhere = {NULL, 0};

	return line >= 1 && line <= s->n ? &s->lines[line - 1] : &nowhere;
}

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
			problem_error(s->problems, at->file, at->line, "",
				      "groups nested more than %d deep", CONFIG_FILE_GROUP_DEPTH);
			break;
		}
		for (int i = 0; i < config_setting_length(c); i++)
			node_append(
			    n, make_node(s, config_setting_get_elem(c, (unsigned)i), depth + 1));
	}
	return n;
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
	const struct origin *at;
	const char *file;
	struct str about;

	/* The end of the text counts as one more line. */
	line = found ? (unsigned)e.line : line;
	at = origin_of(s, line > s->n ? (unsigned)s->n : line);
	file = at->file ? at->file : path;
	if (!found) {
		problem_error(s->problems, file, at->line, "", "%s", config_error_text(config));
		return;
	}
	str_init(&about, 1024);
	if (e.about) {
		const struct origin *there = origin_of(s, (unsigned)e.about_line);

		str_addf(&about, " (%s on line %d", e.about, there->line);
		if (there->file && !str_eq(there->file, file))
			str_addf(&about, " of %s", there->file);
		str_addc(&about, ')');
	}
	problem_error(s->problems, file, at->line, "", "syntax error at column %d: %s%s", e.column,
		      e.text, about.s);
	str_free(&about);
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
	if (config_read_string(&config, s.text.s) != CONFIG_TRUE) {
		add_syntax_error(&s, path, &config);
		return NULL;
	}
	root = make_node(&s, config_root_setting(&config), 0);
	root->file = arena_strdup(a, path);
	return root;
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

#define STRINGIZE_(x) #x
#define STRINGIZE(x) STRINGIZE_(x)

const char *config_file_library(void)
{
	return "libconfig " STRINGIZE(LIBCONFIG_VER_MAJOR) "." STRINGIZE(LIBCONFIG_VER_MINOR);
}
