/* folder: an empty directory of its own for a test, and files in it. IN_A_FOLDER(test) stands in the list of tests. */
#ifndef SG_TEST_FOLDER_H
#define SG_TEST_FOLDER_H

#include "cm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder_root[64];

/* Every test begins in an empty directory of its own. */
static inline int enter(void **state)
{
	(void)state;
	snprintf(folder_root, sizeof folder_root, "/tmp/unit-XXXXXX");
	return mkdtemp(folder_root) && chdir(folder_root) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", folder_root, NULL};
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execv("/bin/rm", argv);
		_exit(1);
	}
	return chdir("/") == 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static inline void file_of(const char *name, const void *bytes, size_t n, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void script(const char *name, const char *text)
{
	file_of(name, text, strlen(text), 0755);
}

static inline void folder(const char *name)
{
	assert_int_equal(mkdir(name, 0755), 0);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

#endif
