#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "console.h"

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Returns the descriptor when this file is open as stdout or stderr (/dev/stdout, "> file"), else -1. Such a file must not be
 * replaced: its reader would not see the new one. */
static int standard_descriptor(const struct stat *st)
{
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		struct stat open_file;

		if (fstat(fd, &open_file) == 0 && is_same_file(&open_file, st))
			return fd;
	}
	return -1;
}

/* Returns the descriptor of a path that cannot be opened again although it is open as stdout or stderr: a socket, a pipe of
 * another user, or /dev/stdout without /proc. -1: it is not open. */
static int find_open_descriptor(const char *path)
{
	struct stat st;

	if (str_eq(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (str_eq(path, "/dev/stderr"))
		return STDERR_FILENO;
	return stat(path, &st) == 0 ? standard_descriptor(&st) : -1;
}

static int write_to(int fd, const char *path, const char *text, size_t len, struct err *err)
{
	return console_write_whole(fd, text, len) < 0 ? err_make(err, errno, "write %s", path) : 0;
}

/* O_NONBLOCK: opening a pipe that nobody reads must not hang. console_write_whole bounds the wait of the write. */
static int write_directly(const char *path, const char *text, size_t len, struct err *err)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int error = errno, standard = fd < 0 ? find_open_descriptor(path) : fd;

	if (standard < 0)
		return err_make(err, error, "open %s", path);
	return write_to(standard, path, text, len, err);
}

static int save_by_rename(const char *path, const char *text, size_t len, mode_t mode,
			  struct err *err)
{
	cleanup_free char *temporary = NULL;
	int fd, failed;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return err_make(err, ENOMEM, "write %s", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_make(err, errno, "create %s", temporary);
	failed = fd_write_all(fd, text, len) < 0 || fchmod(fd, mode) < 0 ? errno : 0;
	if (close(fd) < 0 && !failed) /* some file systems report a full disk only here */
		failed = errno;
	if (!failed && rename(temporary, path) < 0)
		failed = errno;
	if (failed) {
		unlink(temporary);
		return err_make(err, failed, "write %s", path);
	}
	return 0;
}

/* Does the errno mean that the file cannot be replaced, although it may be writable: it is a mount point, its folder is read-only
 * or another user's, or its name is too long for a temporary file? */
static bool cannot_replace(int error)
{
	static const int errors[] = {EBUSY, EROFS, EACCES, EPERM, EXDEV, ENAMETOOLONG};

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (error == errors[i])
			return true;
	return false;
}

static int replace(const char *path, const char *text, size_t len, mode_t mode, struct err *err)
{
	if (save_by_rename(path, text, len, mode, err) == 0)
		return 0;
	return cannot_replace(err->sys_errno) ? save_in_place(path, text, len, mode, false, err)
					      : -1;
}

/* Does the file keep its data? /dev/null (device 1:3) does not. */
static bool keeps_data(const struct stat *st)
{
	return !S_ISCHR(st->st_mode) || st->st_rdev != makedev(1, 3);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int stat_folder(const char *path, struct stat *st)
{
	cleanup_free char *folder = NULL;

	/* "a/b" lies in "a/.", and "b" in ".". */
	if (asprintf(&folder, "%.*s.", (int)(base_name(path) - path), path) < 0)
		return -1;
	return stat(folder, st);
}

/* Will two paths that do not exist yet, such as "a/b" and "a/./b", be one file? */
static bool will_be_same_file(const char *a, const char *b)
{
	struct stat st_a, st_b;

	return str_eq(base_name(a), base_name(b)) && stat_folder(a, &st_a) == 0 &&
	       stat_folder(b, &st_b) == 0 && is_same_file(&st_a, &st_b);
}

bool save_same(const char *a, const char *b)
{
	struct stat st_a, st_b;
	bool has_a = stat(a, &st_a) == 0, has_b = stat(b, &st_b) == 0;

	if (str_eq(a, b))
		return !has_a || keeps_data(&st_a);
	if (has_a && has_b)
		/* stdout and stderr are often the same terminal or pipe, which is fine. */
		return S_ISREG(st_a.st_mode) && is_same_file(&st_a, &st_b);
	return !has_a && !has_b && will_be_same_file(a, b);
}

int save_file(const char *path, const char *text, size_t len, mode_t mode, struct err *err)
{
	cleanup_free char *target = NULL;
	struct stat st;
	bool is_link;
	int fd;

	if (lstat(path, &st) < 0)
		return find_open_descriptor(path) < 0 ? save_by_rename(path, text, len, mode, err)
						      : write_directly(path, text, len, err);
	is_link = S_ISLNK(st.st_mode);
	if (is_link && stat(path, &st) < 0) /* dangling: create the file it points to */
		return save_in_place(path, text, len, mode, true, err);
	fd = standard_descriptor(&st);
	if (fd >= 0 && S_ISREG(st.st_mode))
		return write_to(fd, path, text, len, err);
	if (!S_ISREG(st.st_mode))
		return write_directly(path, text, len, err);
	/* A symbolic link stays; the file it points to is replaced. One that was put there since lstat, in a folder that others may write
	 * to, is not followed: rename replaces it. */
	target = is_link ? realpath(path, NULL) : NULL;
	return replace(target ? target : path, text, len, mode, err);
}

int save_in_place(const char *path, const char *text, size_t len, mode_t mode, bool create,
		  struct err *err)
{
	struct stat st;
	cleanup_fd int fd =
	    open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (create ? O_CREAT : 0), mode);
	int failed = errno, standard = fd < 0 ? find_open_descriptor(path) : -1;
	bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (regular) /* open as stdout or stderr: append to what it holds */
		standard = standard_descriptor(&st);
	if (standard >= 0)
		return write_to(standard, path, text, len, err);
	if (fd < 0)
		return err_make(err, failed, "open %s", path);
	failed = 0;
	if (console_write_whole(fd, text, len) < 0)
		failed = errno;
	/* On failure the file is emptied: half a message is worse than none. */
	if (regular && ftruncate(fd, failed ? 0 : (off_t)len) < 0 && !failed)
		failed = errno;
	return failed ? err_make(err, failed, "write %s", path) : 0;
}
