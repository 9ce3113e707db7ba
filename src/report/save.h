/* save: files that are written whole or not at all. */
#ifndef SG_SAVE_H
#define SG_SAVE_H

#include "err.h"

/* Writes beside the target and renames; what is no regular file (a pipe, /dev/stdout) is written directly, and a file
 * that cannot be replaced is written in place. `mode` is that of a new file. 0 or -1. */
int save_file(const char *path, const char *text, size_t len, mode_t mode, struct err *err);
/* The same into the file that is there, for one that cannot be replaced (it is mounted, its folder is read-only): whole,
 * or left empty. Without `create` it must exist. */
int save_in_place(const char *path, const char *text, size_t len, mode_t mode, bool create,
		  struct err *err);
/* Would what is written to one of them be lost, or mixed, with what is written to the other? */
bool save_same(const char *a, const char *b);

#endif
