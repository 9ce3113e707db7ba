/* launch: finds the command of the service, builds its environment and replaces this process by it. launch_find runs before
 * the first check, so that a typing error in the command is reported at once. */
#ifndef SG_LAUNCH_H
#define SG_LAUNCH_H

#include "err.h"

/* The file `name` stands for in PATH, as execvp would find it; the caller frees it. NULL with err: *exit_code is 127
 * (not found) or 126 (found, cannot be run). */
char *launch_find(const char *name, int *exit_code, struct err *err);
/* An environment under construction: this process's own, in its order and byte for byte, also what is no NAME=VALUE
 * and what stands in it twice. Only the names that are set change: in place, once. */
struct launch_env {
	char **v; /* NULL-terminated */
	size_t n, cap;
};
void launch_env_init(struct launch_env *env);
/* For report_environment: ctx is the struct launch_env. */
void launch_env_set(void *ctx, const char *name, const char *value);
void launch_env_free(struct launch_env *env);

/* Does not return when it works. Returns the exit code (126, 127) with err when not. */
int launch_exec(const char *file, char *const *argv, const struct launch_env *env, struct err *err);

#endif
