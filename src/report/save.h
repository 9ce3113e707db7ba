/* save: writes the report files, each whole or not at all. Parent only. */
#ifndef SG_SAVE_H
#define SG_SAVE_H

#include "err.h"

/* Writes a new file in the target's folder and renames it. Writes directly to a pipe or device (/dev/stdout) and to a file that
 * cannot be replaced. `mode`: permissions of a new file. Returns 0, or -1 with err. */
int save_file(const char *path, const char *text, size_t len, mode_t mode, struct err *err);
/* Writes into the existing file, which cannot be replaced (it is mounted, its folder is read-only): whole, or the file is left
 * empty. Without `create` it must exist. Returns 0, or -1 with err. */
int save_in_place(const char *path, const char *text, size_t len, mode_t mode, bool create,
		  struct err *err);
/* Do both paths name one file, so that one output would destroy the other? */
bool save_same(const char *a, const char *b);

#endif
