/* save: writes the report files, each whole or not at all. Parent only. */
#ifndef SG_SAVE_H
#define SG_SAVE_H

#include "err.h"

/* Writes a new file beside the target and renames it. A pipe or device (/dev/stdout) is written directly, and a file that cannot be
 * replaced in place. `mode`: permissions of a new file. 0, or -1 with err. */
int save_file(const char *path, const char *text, size_t len, mode_t mode, struct err *err);
/* Writes into the existing file, which cannot be replaced (it is mounted, its folder is read-only): whole, or the file is left
 * empty. Without `create` it must exist. 0, or -1 with err. */
int save_in_place(const char *path, const char *text, size_t len, mode_t mode, bool create,
		  struct err *err);
/* Do both paths name one file, so that one output would destroy the other? */
bool save_same(const char *a, const char *b);

#endif
