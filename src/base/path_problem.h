/* path_problem: says why a path cannot be opened, and which part of it is in the way.
 *
 * "No such file or directory" does not tell a mount that is missing from a link that leads nowhere or a key that a ConfigMap lacks.
 * This module looks at the path again, so that what it says is of a moment later. It reads no file.
 */
#ifndef SG_PATH_PROBLEM_H
#define SG_PATH_PROBLEM_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct path_problem {
	char text[PATH_MAX + 200];
};
/* Returns the words for `error`, the errno of a call that was given `path`. */
struct path_problem path_problem(const char *path, int error);

/* "mode 0640, owner 0:0, this is user 65534" */
struct path_owner {
	char text[80];
};
struct path_owner path_owner(const struct stat *st);

/* A directory that cannot be read has none. */
bool dir_has_entry(const char *path);

#endif
