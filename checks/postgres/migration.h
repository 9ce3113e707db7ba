/* migration: lists the migrations in a folder of the image, and compares them with those that a database records.
 *
 * postgres calls it. It only reads files: for Alembic the literals of revision and down_revision in them, for Django and Flyway
 * their names. It never frees what it allocates; the child's exit does. Child only.
 */
#ifndef SG_MIGRATION_H
#define SG_MIGRATION_H

#include "check.h"

enum migration_tool { TOOL_ALEMBIC, TOOL_DJANGO, TOOL_FLYWAY };

/* The migrations in the folder. */
struct migration_files {
	struct strlist all;     /* every revision, name or version */
	struct strlist parents; /* Alembic's down_revisions */
	struct strlist heads;   /* migrations the database must record: Alembic's heads, else all */
};
/* Adds the migration of a file, if it is one. `text`, the content, is needed for Alembic only; both come from the image and may
 * hold anything. Pure. */
void migration_add(struct migration_files *files, enum migration_tool tool, const char *name,
		   const char *text);
/* Fills files->heads, once all files were added. Pure. */
void migration_find_heads(struct migration_files *files);
/* Fills *files. Fails when the folder cannot be read or holds no migration. */
enum result migration_read(const char *folder, enum migration_tool tool,
			   struct migration_files *files, struct diag *out);

/* The migrations that the database records. */
struct migration_state {
	struct strlist applied;
	const char *baseline; /* Flyway's, up to which versions count as applied; may be NULL */
};
/* Returns the first of the wanted migrations that the database does not record, or NULL. */
const char *migration_missing(const struct strlist *wanted, const struct migration_state *state,
			      enum migration_tool tool);
/* Returns a recorded migration that is newer than all in the folder, or NULL. With Alembic the folder need only lack it; with
 * Django and Flyway its number must be larger, because projects squash and delete old migrations. */
const char *migration_newer(const struct migration_files *files,
			    const struct migration_state *state, enum migration_tool tool);

void strlist_add(struct strlist *list, const char *text);

#endif
