#include "avro_types.h"

#include <glob.h>

/* Loads the files that are not done and that the types known by now allow. Returns how many; *out tells of the first of the others. */
static size_t load_round(const struct check_run *run, const glob_t *files, bool *done,
			 json_t *known, struct diag *out)
{
	size_t loaded = 0;

	*out = (struct diag){0};
	for (size_t i = 0; i < files->gl_pathc; i++) {
		struct diag this = {0};
		struct avro_schema *s;

		if (done[i])
			continue;
		s = avro_schema_load_known(run, known, files->gl_pathv[i], &this);
		if (s) {
			json_object_update_missing(known, s->names);
			done[i] = true;
			loaded++;
		} else if (out->code == D_NONE) {
			*out = this;
		}
	}
	return loaded;
}

static void add_open(const struct check_run *run, const char *path, json_t *known)
{
	struct diag ignored = {0};
	struct avro_schema *s = avro_schema_load_open(run, known, path, &ignored);

	if (s)
		json_object_update_missing(known, s->names);
}

/* Makes the types of files that use each other's known, before any of them is read: Java's SchemaParser takes such files. */
static void open_rest(const struct check_run *run, const glob_t *files, const bool *done,
		      const char *user, json_t *known)
{
	for (size_t i = 0; i < files->gl_pathc; i++)
		if (!done[i])
			add_open(run, files->gl_pathv[i], known);
	if (user)
		add_open(run, user, known);
}

enum result avro_types_load(const struct check_run *run, const struct strlist *globs,
			    const char *user, json_t *known, size_t *count, struct diag *out)
{
	cleanup_free bool *done = NULL;
	bool opened = false;
	glob_t files = {0};
	size_t left;

	for (size_t i = 0; i < globs->n; i++) {
		size_t before = files.gl_pathc;

		if (glob(globs->v[i], i ? GLOB_APPEND : 0, NULL, &files) ||
		    files.gl_pathc == before)
			return check_fail(out, D_FILE_MISSING, globs->v[i], "no file matches");
	}
	*count = left = files.gl_pathc;
	done = xcalloc(left + 1, sizeof *done);
	/* Each round reads at least one more file, until all are read or none of the rest can be. */
	while (left) {
		size_t loaded = load_round(run, &files, done, known, out);

		if (!loaded && opened)
			return RESULT_FAIL;
		if (!loaded) {
			open_rest(run, &files, done, user, known);
			opened = true;
		}
		left -= loaded;
	}
	*out = (struct diag){0};
	return RESULT_PASS;
}

struct avro_schema *avro_types_load_schema(const struct check_run *run, const struct strlist *globs,
					   const char *path, struct diag *out)
{
	json_t *known = json_object();
	size_t count;

	if (avro_types_load(run, globs, path, known, &count, out))
		return NULL;
	return avro_schema_load_known(run, known, path, out);
}
