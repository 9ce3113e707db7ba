/* migration: which migrations a folder of the image has, and whether a database that records some of them is behind or ahead.
 *
 * Reads files only. The tools: Alembic (its files are read as text: literal revision and down_revision), Django (file names),
 * Flyway (file names). Nothing is freed: the child's exit does that.
 */
#ifndef SG_MIGRATION_H
#define SG_MIGRATION_H

#include "check.h"

enum migration_tool { TOOL_ALEMBIC, TOOL_DJANGO, TOOL_FLYWAY };

/* The migrations of the folder. */
struct migration_files {
	struct strlist all;   /* every revision, name or version */
	struct strlist heads; /* those the database must record: Alembic's heads, else all */
};
/* RESULT_PASS with *files filled; a folder that cannot be read, or that holds no migration, is a failure. */
enum result migration_read(const char *folder, enum migration_tool tool,
			   struct migration_files *files, struct diag *out);

/* What the database has recorded. `baseline`: Flyway's, NULL: none; versions up to it count as applied. */
struct migration_state {
	struct strlist applied;
	const char *baseline;
};
/* The first required migration that is missing; NULL: none. */
const char *migration_missing(const struct strlist *wanted, const struct migration_state *state,
			      enum migration_tool tool);
/* A recorded migration that is newer than all of the folder; NULL: none. Names that the folder lacks are not enough for Django and
 * Flyway, where old ones are squashed and deleted: their number must be larger. */
const char *migration_newer(const struct migration_files *files,
			    const struct migration_state *state, enum migration_tool tool);

void strlist_add(struct strlist *list, const char *text);
bool strlist_has(const struct strlist *list, const char *text);

#endif
