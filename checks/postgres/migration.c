#include "migration.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>

#include "file_fail.h"

#define FILE_MAX (1024 * 1024)
#define REVISION_MAX 256
#define LITERALS_MAX 100 /* of one expression: more parents than any merge has */

void strlist_add(struct strlist *list, const char *text)
{
	list->v = xrealloc(list->v, (list->n + 1) * sizeof *list->v);
	list->v[list->n++] = text;
}

/* ---- Alembic ------------------------------------------------------------------------------------------------------ */
/* Returns the right side of `name = ...` or `name: type = ...` at the beginning of a line, or NULL. */
static const char *find_assignment(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, n) != 0 || !strchr(" \t:=", p[n]) || !p[n])
			continue;
		p += n + strcspn(p + n, "=\n");
		if (*p == '=')
			return p + 1;
	}
	return NULL;
}

/* Adds the string literals of a Python expression: one, or those of a bracketed tuple or list, which may span lines. */
static void add_literals(struct strlist *list, const char *p)
{
	size_t most = list->n + LITERALS_MAX;
	int depth = 0;

	for (; *p && list->n < most && (depth > 0 || *p != '\n'); p++) {
		if (*p == '(' || *p == '[')
			depth++;
		else if (*p == ')' || *p == ']')
			depth--;
		else if (*p == '#')
			p += strcspn(p, "\n") - 1;
		else if (*p == '"' || *p == '\'') {
			char end[] = {*p, '\n', '\0'};
			size_t n = strcspn(p + 1, end);

			if (n > 0 && n < REVISION_MAX)
				strlist_add(list, xstrndup(p + 1, n));
			p += n;
			if (*p && p[1])
				p++;
		}
	}
}

/* Adds the revision of a file, if it is not __init__.py or a helper module. */
static void add_alembic(const char *text, struct migration_files *files)
{
	const char *revision = find_assignment(text, "revision"), *down;

	if (!revision)
		return;
	add_literals(&files->all, revision);
	down = find_assignment(text, "down_revision");
	if (down)
		add_literals(&files->parents, down);
}

/* ---- Django and Flyway ----------------------------------------------------------------------------------------------- */
/* Adds the migration of a file: 0001_initial of "0001_initial.py". */
static void add_django(const char *name, struct migration_files *files)
{
	if (isdigit((unsigned char)*name))
		strlist_add(&files->all, xstrndup(name, strlen(name) - strlen(".py")));
}

/* Adds the version of a file: 1.2 of "V1_2__add_orders.sql". */
static void add_flyway(const char *name, struct migration_files *files)
{
	const char *end = strstr(name, "__");
	char *version;

	if (*name != 'V' || !end || end == name + 1)
		return;
	version = xstrndup(name + 1, (size_t)(end - name - 1));
	for (char *p = version; *p; p++)
		*p = *p == '_' ? '.' : *p;
	strlist_add(&files->all, version);
}

/* Compares dotted versions numerically. Flyway's versions are often dates, so a part may be large. */
static int compare_numbers(const char *a, const char *b)
{
	while (*a || *b) {
		char *rest_a, *rest_b;
		unsigned long long x = strtoull(a, &rest_a, 10), y = strtoull(b, &rest_b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		if (rest_a == a && rest_b == b)
			return strcmp(a, b);
		a = rest_a + (*rest_a == '.');
		b = rest_b + (*rest_b == '.');
	}
	return 0;
}

/* Compares two migrations in the order of the tool: Django's by their number alone. */
static int compare_migrations(const char *a, const char *b, enum migration_tool tool)
{
	unsigned long long x, y;

	if (tool == TOOL_FLYWAY)
		return compare_numbers(a, b);
	x = strtoull(a, NULL, 10);
	y = strtoull(b, NULL, 10);
	return x < y ? -1 : x > y;
}

/* ---- all tools --------------------------------------------------------------------------------------------------------- */
void migration_add(struct migration_files *files, enum migration_tool tool, const char *name,
		   const char *text)
{
	if (tool == TOOL_ALEMBIC)
		add_alembic(text, files);
	else if (tool == TOOL_DJANGO)
		add_django(name, files);
	else
		add_flyway(name, files);
}

void migration_find_heads(struct migration_files *files)
{
	for (size_t i = 0; i < files->all.n; i++)
		if (!strlist_has(&files->parents, files->all.v[i]))
			strlist_add(&files->heads, files->all.v[i]);
}

/* Adds the migration of one file. Reads the text of Alembic's only: the others' names say all. */
static enum result read_file(const char *folder, const char *name, enum migration_tool tool,
			     struct migration_files *files, struct diag *out)
{
	char path[4096];
	cleanup_free char *text = NULL;

	if (tool != TOOL_FLYWAY && !str_ends(name, ".py"))
		return RESULT_PASS;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (tool == TOOL_ALEMBIC) {
		text = file_read(path, FILE_MAX, NULL);
		if (!text)
			return file_fail(out, errno, path, NULL);
	}
	migration_add(files, tool, name, text);
	return RESULT_PASS;
}

enum result migration_read(const char *folder, enum migration_tool tool,
			   struct migration_files *files, struct diag *out)
{
	DIR *dir = opendir(folder);

	if (!dir)
		return file_fail(out, errno, folder, NULL);
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (read_file(folder, e->d_name, tool, files, out))
			return RESULT_FAIL;
	closedir(dir);
	if (!files->all.n)
		return check_fail(out, D_FILE_CONTENT, folder, "the folder has no migration");
	migration_find_heads(files);
	return RESULT_PASS;
}

static bool is_applied(const char *one, const struct migration_state *state,
		       enum migration_tool tool)
{
	if (tool != TOOL_FLYWAY)
		return strlist_has(&state->applied, one);
	for (size_t i = 0; i < state->applied.n; i++)
		if (compare_numbers(state->applied.v[i], one) == 0)
			return true;
	return state->baseline && compare_numbers(one, state->baseline) <= 0;
}

const char *migration_missing(const struct strlist *wanted, const struct migration_state *state,
			      enum migration_tool tool)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!is_applied(wanted->v[i], state, tool))
			return wanted->v[i];
	return NULL;
}

static bool is_newer(const char *one, const struct migration_files *files, enum migration_tool tool)
{
	if (tool == TOOL_ALEMBIC)
		return !strlist_has(&files->all, one);
	for (size_t i = 0; i < files->all.n; i++)
		if (compare_migrations(one, files->all.v[i], tool) <= 0)
			return false;
	return true;
}

const char *migration_newer(const struct migration_files *files,
			    const struct migration_state *state, enum migration_tool tool)
{
	for (size_t i = 0; i < state->applied.n; i++)
		if (is_newer(state->applied.v[i], files, tool))
			return state->applied.v[i];
	return NULL;
}
