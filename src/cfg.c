#include "cfg.h"

#include <errno.h>
#include <libconfig.h>

/* ---- @include ---------------------------------------------------------------------------------------------------- */
struct origin {
	const char *file;
	int line;
};
struct source {
	struct arena *arena;
	struct problems *problems;
	struct str text;
	struct origin *lines; /* of each line of text */
	size_t n, cap;
	const char *stack[CFG_INCLUDE_DEPTH]; /* files being read, for cycles */
	size_t depth;
};

static void add_origin(struct source *s, const char *file, int line)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->lines = xrealloc(s->lines, s->cap * sizeof *s->lines);
	}
	s->lines[s->n++] = (struct origin){file, line};
}

/* Where a line begins: inside a comment or a string an "@include" is only text. */
enum place { IN_CODE, IN_STRING, IN_BLOCK_COMMENT };

static enum place place_after(enum place place, const char *line, const char *end)
{
	for (const char *p = line; p < end; p++) {
		bool two = p + 1 < end;

		if (place == IN_STRING) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				place = IN_CODE;
		} else if (place == IN_BLOCK_COMMENT) {
			if (two && p[0] == '*' && p[1] == '/') {
				place = IN_CODE;
				p++;
			}
		} else if (*p == '#' || (two && p[0] == '/' && p[1] == '/')) {
			break;
		} else if (*p == '"') {
			place = IN_STRING;
		} else if (two && p[0] == '/' && p[1] == '*') {
			place = IN_BLOCK_COMMENT;
			p++;
		}
	}
	return place;
}

/* The file named by an @include line; "" when the line is one but names none; NULL when it is none. */
static const char *included_name(struct arena *a, const char *line, const char *end)
{
	static const char word[] = "@include";
	const char *close;

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if ((size_t)(end - line) < sizeof word - 1 || memcmp(line, word, sizeof word - 1) != 0)
		return NULL;
	line += sizeof word - 1;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	close = line < end && *line == '"' ? memchr(line + 1, '"', (size_t)(end - line - 1)) : NULL;
	return close ? arena_strndup(a, line + 1, (size_t)(close - line - 1)) : "";
}

static const char *beside(struct arena *a, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (name[0] == '/' || !slash)
		return name;
	return arena_printf(a, "%.*s/%s", (int)(slash - file), file, name);
}

static int add_file(struct source *s, const char *path, const char *from, int from_line);

static int add_included(struct source *s, const char *file, int line, const char *name)
{
	if (name[0] == '\0') {
		problem_add(s->problems, PROBLEM_ERROR, D_NONE, file, line, "",
			    "@include needs a file name in quotes");
		return -1;
	}
	return add_file(s, beside(s->arena, file, name), file, line);
}

static int add_text(struct source *s, const char *file, const char *text, size_t len)
{
	enum place place = IN_CODE;
	const char *end = text + len;
	int line = 0, bad = 0;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		const char *name = place == IN_CODE ? included_name(s->arena, p, stop) : NULL;

		line++;
		if (name) {
			bad |= add_included(s, file, line, name);
		} else {
			place = place_after(place, p, stop);
			str_addn(&s->text, p, (size_t)(stop - p));
			str_addc(&s->text, '\n');
			add_origin(s, file, line);
		}
		p = nl ? nl + 1 : end;
	}
	return bad;
}

static int add_file(struct source *s, const char *path, const char *from, int from_line)
{
	cleanup_free char *text = NULL;
	const char *kept = arena_strdup(s->arena, path);
	size_t len;
	int rc;

	for (size_t i = 0; i < s->depth; i++)
		if (str_eq(s->stack[i], path)) {
			problem_add(s->problems, PROBLEM_ERROR, D_NONE, from, from_line, "",
				    "%s includes itself", path);
			return -1;
		}
	if (s->depth == CFG_INCLUDE_DEPTH) {
		problem_add(s->problems, PROBLEM_ERROR, D_NONE, from, from_line, "",
			    "more than %d files deep in @include", CFG_INCLUDE_DEPTH);
		return -1;
	}
	text = file_read(path, CFG_TEXT_MAX, &len);
	if (!text) {
		problem_add(s->problems, PROBLEM_ERROR, D_NONE, from ? from : kept, from_line, "",
			    "%s%s: %s", from ? "@include " : "cannot read ", path, strerror(errno));
		return -1;
	}
	if (strlen(text) != len) {
		problem_add(s->problems, PROBLEM_ERROR, D_NONE, kept, 0, "",
			    "is not text: it holds a NUL byte");
		return -1;
	}
	s->stack[s->depth++] = kept;
	rc = add_text(s, kept, text, len);
	s->depth--;
	if (s->text.cut && rc == 0) {
		problem_add(s->problems, PROBLEM_ERROR, D_NONE, kept, 0, "",
			    "more than %d MiB with all it includes", CFG_TEXT_MAX >> 20);
		rc = -1;
	}
	return rc;
}

/* ---- libconfig's tree to nodes ------------------------------------------------------------------------------------- */
static const struct origin *origin_of(const struct source *s, unsigned line)
{
	static const struct origin nowhere = {NULL, 0};

	return line >= 1 && line <= s->n ? &s->lines[line - 1] : &nowhere;
}

static struct node *to_node(struct source *s, const config_setting_t *c, int depth)
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
		if (depth >= CFG_GROUP_DEPTH) {
			problem_add(s->problems, PROBLEM_ERROR, D_NONE, at->file, at->line, "",
				    "groups nested more than %d deep", CFG_GROUP_DEPTH);
			break;
		}
		for (int i = 0; i < config_setting_length(c); i++)
			node_append(n,
				    to_node(s, config_setting_get_elem(c, (unsigned)i), depth + 1));
	}
	return n;
}

static void close_source(struct source *s)
{
	str_free(&s->text);
	free(s->lines);
}

struct node *cfg_read_file(struct arena *a, const char *path, struct problems *problems)
{
	__attribute__((cleanup(close_source))) struct source s = {.arena = a, .problems = problems};
	struct node *root = NULL;
	config_t config;

	str_init(&s.text, CFG_TEXT_MAX);
	if (add_file(&s, path, NULL, 0) < 0)
		return NULL;
	config_init(&config);
	if (config_read_string(&config, s.text.s) == CONFIG_TRUE) {
		root = to_node(&s, config_root_setting(&config), 0);
		root->file = arena_strdup(a, path);
	} else {
		/* The end of the text counts as a line of its own. */
		unsigned line = (unsigned)config_error_line(&config);
		const struct origin *at = origin_of(&s, line > s.n ? (unsigned)s.n : line);

		problem_add(problems, PROBLEM_ERROR, D_NONE, at->file ? at->file : path, at->line,
			    "", "%s", config_error_text(&config));
	}
	config_destroy(&config);
	return root;
}

struct node *cfg_read_value(struct arena *a, const char *name, const char *text, const char **why)
{
	__attribute__((cleanup(close_source))) struct source s = {.arena = a, .problems = NULL};
	struct problems unused = {.arena = a};
	struct node *value = NULL;
	config_t config;

	s.problems = &unused;
	str_init(&s.text, CFG_TEXT_MAX);
	str_addf(&s.text, "value = %s;", text);
	config_init(&config);
	*why = "is not a list or group as it would stand in a profile";
	if (config_read_string(&config, s.text.s) == CONFIG_TRUE) {
		value = to_node(&s, config_setting_get_elem(config_root_setting(&config), 0), 0);
		value->name = arena_strdup(a, name);
	}
	config_destroy(&config);
	problems_free(&unused);
	return value;
}
