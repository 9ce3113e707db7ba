/* launch: builds the environment of the service and replaces this process by it. */
#ifndef SG_LAUNCH_H
#define SG_LAUNCH_H

#include "err.h"

/* An environment under construction. It begins as an exact copy of this process's environment, with entries without "=" and names
 * that occur twice. */
struct launch_env {
	char **v; /* NULL-terminated */
	size_t n, cap;
};
void launch_env_init(struct launch_env *env);
/* Sets `name` at the place of its first entry and drops its other ones; NULL removes it. `ctx` is the struct launch_env: this is a
 * callback for report_environment. */
void launch_env_set(void *ctx, const char *name, const char *value);
void launch_env_free(struct launch_env *env);

/* Replaces this process by the command. Returns only on failure: the exit code (126, 127) with err. */
int launch_exec(const char *file, char *const *argv, const struct launch_env *env, struct err *err);

#endif
