/* save: files that are written whole or not at all. */
#ifndef SG_SAVE_H
#define SG_SAVE_H

#include "err.h"

/* Writes beside the target and renames; what is no regular file (a pipe, /dev/stdout) is written directly.
 * `mode` is that of a new file. 0 or -1. */
int save_file(const char *path, const char *text, size_t len, mode_t mode, struct err *err);
/* The same into the file that is there, for one that cannot be replaced because it is mounted: whole, or left empty.
 * Without `create` it must exist. */
int save_in_place(const char *path, const char *text, size_t len, mode_t mode, bool create,
		  struct err *err);

#endif
