/* calls: makes the n-th call of one function of the C library fail, in startguard itself and not in its children.
 *
 * CALLS_FAIL=NAME:N:ERRNO  that call fails with that errno; for write, 0 stands for a write of one byte only.
 * CALLS_COUNT=FILE         writes how often each function was called, as "NAME N" lines, at exit and before exec.
 *
 * Allocations by libconfig are left alone: it does not survive a refusal (it ends the process, by exit or by a signal).
 * Built with -DNO_MEMORY it leaves the allocator alone: a sanitizer has its own.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct counter {
	const char *name;
	int calls, listed;
	struct counter *next;
};
static struct counter *counters;
static pid_t first;

__attribute__((constructor)) static void begin(void)
{
	if (strcmp(program_invocation_short_name, "startguard") == 0)
		first = getpid();
}

/* True when this call is to fail; errno says how. */
static int fails(struct counter *c)
{
	const char *target = getenv("CALLS_FAIL");
	size_t n = strlen(c->name);
	int which, error;

	if (first == 0 || getpid() != first)
		return 0;
	if (!c->listed) {
		c->listed = 1;
		c->next = counters;
		counters = c;
	}
	c->calls++;
	if (!target || strncmp(target, c->name, n) != 0 || target[n] != ':')
		return 0;
	which = (int)strtol(target + n + 1, NULL, 10);
	error = (int)strtol(strrchr(target, ':') + 1, NULL, 10);
	if (c->calls != which)
		return 0;
	errno = error;
	return 1;
}

static void write_counts(void)
{
	const char *path = getenv("CALLS_COUNT");
	char line[128];
	int fd;

	if (!path || first == 0 || getpid() != first)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (struct counter *c = counters; c; c = c->next) {
		int n = snprintf(line, sizeof line, "%s %d\n", c->name, c->calls);

		syscall(SYS_write, fd, line, (size_t)n);
	}
	syscall(SYS_close, fd);
}

__attribute__((destructor)) static void end(void)
{
	write_counts();
}

#define FAULTY(result, name, declared, passed)                       \
	result name declared                                         \
	{                                                            \
		static struct counter counter = {#name, 0, 0, NULL}; \
		static result(*real) declared;                       \
		if (!real)                                           \
			*(void **)&real = dlsym(RTLD_NEXT, #name);   \
		return fails(&counter) ? (result)-1 : real passed;   \
	}

FAULTY(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))
FAULTY(int, close, (int fd), (fd))
FAULTY(int, stat, (const char *restrict path, struct stat *restrict st), (path, st))
FAULTY(int, lstat, (const char *restrict path, struct stat *restrict st), (path, st))
FAULTY(int, fstat, (int fd, struct stat *st), (fd, st))
FAULTY(int, access, (const char *path, int how), (path, how))
FAULTY(int, pipe2, (int fds[2], int flags), (fds, flags))
FAULTY(pid_t, fork, (void), ())
FAULTY(int, setpgid, (pid_t pid, pid_t group), (pid, group))
FAULTY(int, kill, (pid_t pid, int sig), (pid, sig))
FAULTY(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options),
       (type, id, info, options))
FAULTY(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
FAULTY(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
FAULTY(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
FAULTY(int, mkostemp, (char *path, int flags), (path, flags))
FAULTY(int, fchmod, (int fd, mode_t mode), (fd, mode))
FAULTY(int, rename, (const char *from, const char *to), (from, to))
FAULTY(int, unlink, (const char *path), (path))
FAULTY(int, ftruncate, (int fd, off_t size), (fd, size))
FAULTY(ssize_t, getrandom, (void *buf, size_t n, unsigned flags), (buf, n, flags))
FAULTY(int, dup3, (int from, int to, int flags), (from, to, flags))
FAULTY(int, isatty, (int fd), (fd))
FAULTY(int, clock_gettime, (clockid_t clock, struct timespec *ts), (clock, ts))
FAULTY(int, sigpending, (sigset_t * set), (set))
FAULTY(int, sigtimedwait,
       (const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict ts),
       (set, info, ts))

ssize_t write(int fd, const void *buf, size_t n)
{
	static struct counter counter = {"write", 0, 0, NULL};
	static ssize_t (*real)(int, const void *, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (!fails(&counter))
		return real(fd, buf, n);
	return errno == 0 && n > 0 ? real(fd, buf, 1) : -1;
}

int open(const char *path, int flags, ...)
{
	static struct counter counter = {"open", 0, 0, NULL};
	static int (*real)(const char *, int, ...);
	mode_t mode = 0;
	va_list ap;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "open");
	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return fails(&counter) ? -1 : real(path, flags, mode);
}

int fcntl(int fd, int command, ...)
{
	static struct counter counter = {"fcntl", 0, 0, NULL};
	static int (*real)(int, int, ...);
	va_list ap;
	long arg;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fcntl");
	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return fails(&counter) ? -1 : real(fd, command, arg);
}

int prctl(int option, ...)
{
	static struct counter counter = {"prctl", 0, 0, NULL};
	unsigned long a[4];
	va_list ap;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	return fails(&counter) ? -1 : (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

int execve(const char *file, char *const argv[], char *const envp[])
{
	static struct counter counter = {"execve", 0, 0, NULL};

	if (fails(&counter))
		return -1;
	write_counts();
	return (int)syscall(SYS_execve, file, argv, envp);
}

#ifndef NO_MEMORY
static int in_library;

void config_init(void *config)
{
	static void (*real)(void *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "config_init");
	in_library++;
	real(config);
	in_library--;
}

int config_read_string(void *config, const char *text)
{
	static int (*real)(void *, const char *);
	int rc;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "config_read_string");
	in_library++;
	rc = real(config, text);
	in_library--;
	return rc;
}

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	static struct counter counter = {"malloc", 0, 0, NULL};

	return !in_library && fails(&counter) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	static struct counter counter = {"calloc", 0, 0, NULL};

	return !in_library && fails(&counter) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	static struct counter counter = {"realloc", 0, 0, NULL};

	return !in_library && fails(&counter) ? NULL : __libc_realloc(p, n);
}
#endif
