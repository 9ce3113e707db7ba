#include "launch.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_DEFAULT \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" /* as container engines set it */

/* 0 when it can be run, else errno. */
static int can_run(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return access(file, X_OK) < 0 ? errno : 0;
}

static bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

char *launch_find(const char *name, int *exit_code, struct err *err)
{
	const char *path = getenv("PATH");
	char *found = NULL;
	int why = ENOENT;

	*exit_code = 127;
	if (!*name) {
		err_make(err, ENOENT, "the command is empty");
		return NULL;
	}
	if (strchr(name, '/')) {
		why = can_run(name);
		if (why == 0)
			return xstrdup(name);
	}
	for (const char *p = path ? path : PATH_DEFAULT; !strchr(name, '/') && !found;) {
		size_t n = strcspn(p, ":");
		char *file = NULL;
		int error;

		if (asprintf(&file, "%.*s%s%s", (int)n, p, n ? "/" : "", name) < 0)
			die("out of memory");
		error = can_run(file);
		if (error == 0)
			return file;
		if (!is_missing(
			error)) /* found, but not to be run: worth telling when nothing better comes */
			why = error;
		free(file);
		if (!p[n])
			break;
		p += n + 1;
	}
	*exit_code = is_missing(why) ? 127 : 126;
	if (*exit_code == 127 && !strchr(name, '/'))
		err_make(err, 0, "command \"%s\" not found in PATH", name);
	else
		err_make(err, why, "command \"%s\" cannot be run", name);
	return NULL;
}

int launch_exec(const char *file, char *const *argv, struct err *err)
{
	execvp(file, argv);
	err_make(err, errno, "exec %s", file);
	return is_missing(err->sys_errno) ? 127 : 126;
}
