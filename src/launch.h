/* launch: the service takes this process over. Looked up before the first check, so that a typing error in the
 * command is told at once. */
#ifndef SG_LAUNCH_H
#define SG_LAUNCH_H

#include "err.h"

/* The file `name` stands for in PATH, as execvp would find it; the caller frees it. NULL with err: *exit_code is 127
 * (not found) or 126 (found, cannot be run). */
char *launch_find(const char *name, int *exit_code, struct err *err);
/* Does not return when it works. Returns the exit code (126, 127) with err when not. */
int launch_exec(const char *file, char *const *argv, struct err *err);

#endif
