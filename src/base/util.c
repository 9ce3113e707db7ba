#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "write_nonblock.h"

#define STDERR_WAIT_MS 1000 /* the process must end although nobody reads stderr */

/* The hook of die_also, set in a child only. */
static struct {
	void (*report)(int fd, const char *text);
	int fd;
} die_hook;

void die_also(void (*report)(int fd, const char *text), int fd)
{
	die_hook.report = report;
	die_hook.fd = fd;
}

void die_at(const char *file, int line, const char *fmt, ...)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	void (*report)(int, const char *) = die_hook.report;
	char text[512];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	n = strlen(text);
	snprintf(text + n, sizeof text - n, " (%s:%d)", file, line);
	die_hook.report = NULL; /* the hook may call die() itself */
	if (report)
		report(die_hook.fd, text);
	/* dprintf allocates memory, which may have run out. */
	if (poll(&p, 1, STDERR_WAIT_MS) != 0) {
		char message[600];
		int len =
		    snprintf(message, sizeof message, "startguard: internal error: %s\n", text);

		if (write_nonblock(STDERR_FILENO, message, (size_t)len) < 0) {
			/* stderr is closed or full, and no other output exists. */
		}
	}
	/* exit() would run stdio and exit handlers, which may be broken and which a child must not run. */
	leave_at_once(70);
}

/* libgcov defines it; only a build with coverage links libgcov. */
extern void __gcov_dump(void) __attribute__((weak));

bool counts_coverage(void)
{
	return __gcov_dump;
}

void leave_at_once(int status)
{
	if (counts_coverage())
		__gcov_dump();
	_exit(status);
}

bool errno_is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die("out of memory (%zu x %zu bytes)", n, size);
	return p;
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (!q)
		die("out of memory (%zu bytes)", size);
	return q;
}

void *xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = memcpy(xmalloc(len + 1), s, len);

	copy[len] = '\0';
	return copy;
}

void cleanup_fd_fn(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}

int fd_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, (char *)buf + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

char *file_read(const char *path, size_t max, size_t *len)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *buf = NULL;
	size_t got = 0, cap = 2048;
	ssize_t n = 0;

	if (fd < 0)
		return NULL;
	/* st_size is 0 for pipes and files of /proc, so the buffer grows while reading. */
	do {
		cap = cap * 2 > max + 1 ? max + 1 : cap * 2;
		buf = xrealloc(buf, cap + 1);
		n = fd_read_full(fd, buf + got, cap - got);
		got += n > 0 ? (size_t)n : 0;
	} while (n > 0 && got == cap && got <= max);
	if (n < 0 || got > max) {
		int error = n < 0 ? errno : EFBIG;

		free(buf);
		errno = error;
		return NULL;
	}
	buf[got] = '\0';
	if (len)
		*len = got;
	return buf;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	/* Backtracking to the last star is enough: it can match any text that an earlier star could. */
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

int parse_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long v;

	if (!*text || (*text != '-' && (*text < '0' || *text > '9')))
		return -1;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || *end || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}
