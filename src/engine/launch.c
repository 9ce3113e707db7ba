#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "interpreter.h"

/* ---- environment --------------------------------------------------------------------------------------------------- */
static void append_entry(struct launch_env *env, char *entry)
{
	if (env->n + 1 >= env->cap) {
		env->cap = env->cap ? env->cap * 2 : 64;
		env->v = xrealloc(env->v, env->cap * sizeof *env->v);
	}
	env->v[env->n++] = entry;
	env->v[env->n] = NULL;
}

void launch_env_init(struct launch_env *env)
{
	*env = (struct launch_env){0};
	env->v = xcalloc(1, sizeof *env->v);
	for (char **p = environ; p && *p; p++)
		append_entry(env, xstrdup(*p));
}

static bool sets_name(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

void launch_env_set(void *ctx, const char *name, const char *value)
{
	struct launch_env *env = ctx;
	char *entry = NULL;
	size_t kept = 0;

	if (value && asprintf(&entry, "%s=%s", name, value) < 0)
		die("out of memory");
	for (size_t i = 0; i < env->n; i++) {
		if (!sets_name(env->v[i], name)) {
			env->v[kept++] = env->v[i];
			continue;
		}
		free(env->v[i]);
		/* Replaces the first entry and drops the others: programs that read the last one must not find the old value. */
		if (entry)
			env->v[kept++] = entry;
		entry = NULL;
	}
	env->n = kept;
	env->v[kept] = NULL;
	if (entry)
		append_entry(env, entry);
}

void launch_env_free(struct launch_env *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->v[i]);
	free(env->v);
	*env = (struct launch_env){0};
}

/* ---- exec ------------------------------------------------------------------------------------------------------------ */
/* Is it a text? The shell runs a text without "#!", as with execvp, but not an empty file or a program of another machine. */
static bool is_text(const char *file)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	char head[256];
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);

	return n > 0 && !memchr(head, '\0', (size_t)n);
}

static void exec_shell(const char *file, char *const *argv, char *const *env)
{
	size_t n = 0;
	cleanup_free char **shell = NULL;

	while (argv[n])
		n++;
	shell = xcalloc(n + 3, sizeof *shell);
	shell[0] = (char *)"/bin/sh";
	shell[1] = (char *)file;
	for (size_t i = 1; i < n; i++)
		shell[i + 1] = argv[i];
	execve(shell[0], shell, env);
	errno = ENOEXEC;
}

static size_t env_size(const struct launch_env *env)
{
	size_t n = 0;

	for (size_t i = 0; i < env->n; i++)
		n += strlen(env->v[i]) + 1;
	return n;
}

int launch_exec(const char *file, char *const *argv, const struct launch_env *env, struct err *err)
{
	char why[160];
	int error;

	execve(file, argv, env->v);
	if (errno == ENOEXEC && is_text(file))
		exec_shell(file, argv, env->v);
	error = errno;
	if (error == E2BIG)
		err_make(err, error, "exec %s: its arguments or its environment (%zu bytes)", file,
			 env_size(env));
	else if (*interpreter_obstacle(file, error, why, sizeof why))
		err_make(err, error, "exec %s: %s", file, why);
	else
		err_make(err, error, "exec %s", file);
	return errno_is_missing(error) ? 127 : 126;
}
