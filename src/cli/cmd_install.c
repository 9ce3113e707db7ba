#include <errno.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "cmd.h"
#include "console.h"
#include "save.h"

#define PROGRAM_MAX (256 * 1024 * 1024) /* bytes */

/* Reads this executable. Where no /proc is mounted, by the path with which the kernel was asked to start it. */
static char *read_self(size_t *len)
{
	/* The kernel passes addresses as numbers. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	const char *path = (const char *)getauxval(AT_EXECFN);
	char *self = file_read("/proc/self/exe", PROGRAM_MAX, len);

	return self || errno != ENOENT || !path ? self : file_read(path, PROGRAM_MAX, len);
}

/* PATH may be a folder, which gets the file "startguard". */
int cmd_install(const struct cli *cli)
{
	const char *path = cli->words[0];
	cleanup_free char *inside = NULL, *self = NULL;
	struct stat st;
	struct err err;
	size_t len;
	char buf[1024];

	if ((stat(path, &st) == 0 && S_ISDIR(st.st_mode)) || str_ends(path, "/")) {
		if (asprintf(&inside, "%s/startguard", path) < 0)
			die("out of memory");
		path = inside;
	}
	self = read_self(&len);
	if (!self)
		err_make(&err, errno, "read this executable");
	else if (save_file(path, self, len, 0755, &err) == 0)
		return 0;
	log_line("install: %s", err_text(&err, buf, sizeof buf));
	return EXIT_OWN;
}
