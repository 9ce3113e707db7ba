/* The files of a folder of migrations, as Alembic, Django and Flyway name and fill them: the first line of each part of the input
 * is a name, the rest its text. The last part is what the database records, a migration a line. */
#include "fuzz.h"
#include "migration.h"

static bool is_short(const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->v[i][0] || strlen(list->v[i]) >= 256)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned first = fuzz_byte(&in);
	enum migration_tool tool = (first & 0x7f) % 3;
	struct migration_files files = {.all = {.n = 0}};
	struct migration_state state = {.baseline = NULL};
	const char *one;

	fuzz_pool_reset();
	while (memchr(in.p, 0x1e, fuzz_left(&in))) {
		char *text = fuzz_until(&in, 0x1e, NULL), *name = strsep(&text, "\n");

		if (strlen(name) < 256 && (tool == TOOL_FLYWAY || str_ends(name, ".py")))
			migration_add(&files, tool, name, text ? text : "");
	}
	migration_find_heads(&files);
	FUZZ_CHECK(tool != TOOL_ALEMBIC || (is_short(&files.all) && is_short(&files.parents)));
	FUZZ_CHECK(files.heads.n <= files.all.n);
	while (fuzz_left(&in))
		strlist_add(&state.applied, fuzz_until(&in, '\n', NULL));
	if (state.applied.n && first & 0x80)
		state.baseline = state.applied.v[0];
	/* What is applied is not missing, and what the folder has is not newer. */
	one = migration_missing(&files.heads, &state, tool);
	FUZZ_CHECK(!one || strlist_has(&files.heads, one));
	FUZZ_CHECK(!one || !strlist_has(&state.applied, one));
	FUZZ_CHECK(!migration_missing(&state.applied, &state, tool));
	one = migration_newer(&files, &state, tool);
	FUZZ_CHECK(!one || (strlist_has(&state.applied, one) && !strlist_has(&files.all, one)));
	state.applied = files.all;
	FUZZ_CHECK(!migration_newer(&files, &state, tool));
	FUZZ_CHECK(!migration_missing(&files.heads, &state, tool));
	return 0;
}
