#include "path_problem.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

static void PRINTF_LIKE(2, 3) add(struct path_problem *p, const char *format, ...)
{
	size_t n = strlen(p->text);
	va_list args;

	va_start(args, format);
	vsnprintf(p->text + n, sizeof p->text - n, format, args);
	va_end(args);
}

/* Returns the first folder above `path`, into buf, of which `is_good` does not hold; NULL: it holds of all. */
static const char *first_folder(const char *path, bool (*is_good)(const char *folder),
				char buf[PATH_MAX])
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(buf, PATH_MAX, "%.*s", (int)(slash - path), path);
		if (!is_good(buf))
			return buf;
	}
	return NULL;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool may_enter(const char *path)
{
	return !access(path, X_OK);
}

static bool may_list(const char *path)
{
	return !access(path, R_OK | X_OK);
}

static void add_missing(struct path_problem *p, const char *path)
{
	char target[200], buf[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target);
	const char *folder;
	struct stat st;

	if (n >= 0) {
		add(p, "; it is a link to %.*s", (int)n, target);
		return;
	}
	if (strchr(path, '$')) {
		add(p, "; it is taken as it is written: only ${NAME} is a variable");
		return;
	}
	folder = first_folder(path, is_folder, buf);
	if (folder)
		add(p, lstat(folder, &st) ? "; there is no folder %s" : "; %s is no folder",
		    folder);
}

struct path_owner path_owner(const struct stat *st)
{
	struct path_owner owner;

	snprintf(owner.text, sizeof owner.text, "mode %04o, owner %u:%u, this is user %u",
		 st->st_mode & 07777, st->st_uid, st->st_gid, geteuid());
	return owner;
}

static void add_denied(struct path_problem *p, const char *path)
{
	char buf[PATH_MAX];
	const char *folder = first_folder(path, may_enter, buf);
	struct stat st;

	if (!stat(folder ? folder : path, &st))
		add(p, "; %s%s%s", folder ? folder : "", folder ? " has " : "",
		    path_owner(&st).text);
}

bool dir_has_entry(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry = NULL;

	while (dir && (entry = readdir(dir)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			break;
	if (dir)
		closedir(dir);
	return entry;
}

struct path_problem path_problem(const char *path, int error)
{
	struct path_problem p = {""};

	add(&p, "%s", strerror(error));
	if (errno_is_missing(error))
		add_missing(&p, path);
	else if (error == ELOOP)
		add(&p, "; it is a link that leads back to itself");
	else if (error == EACCES)
		add_denied(&p, path);
	else if (error == EISDIR && may_list(path) && !dir_has_entry(path))
		add(&p, "; it is empty, as a folder is that stands where a mount failed");
	return p;
}
