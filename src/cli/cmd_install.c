#include <errno.h>
#include <sys/stat.h>

#include "cmd.h"
#include "console.h"
#include "save.h"

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
	self = file_read("/proc/self/exe", 256 * 1024 * 1024, &len);
	if (!self)
		err_make(&err, errno, "read this executable");
	else if (save_file(path, self, len, 0755, &err) == 0)
		return 0;
	log_line("install: %s", err_text(&err, buf, sizeof buf));
	return EXIT_OWN;
}
