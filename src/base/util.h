/* util: small helpers for every module: memory, descriptors, files, strings, and the exit after an internal error.
 *
 * fd_read_full and fd_write_all handle EINTR and short counts for all modules. xmalloc, xcalloc and xrealloc end the program
 * (exit 70) when memory runs out, so that no caller handles NULL.
 */
#ifndef SG_UTIL_H
#define SG_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define UNUSED __attribute__((unused))

/* Reports an internal error that no caller can handle: prints one line with file and line, and exits with status 70. */
_Noreturn void die_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define die(...) die_at(__FILE__, __LINE__, __VA_ARGS__)
/* Makes die() call `report` as well, since the stderr of a child is /dev/null. */
void die_also(void (*report)(int fd, const char *text), int fd);
/* Calls _exit. A build with coverage writes its counters first, since gcov writes them only in exit(). */
_Noreturn void leave_at_once(int status);
/* Returns whether this is a build with coverage (gcov). */
bool counts_coverage(void);
/* Release builds check it too: a broken invariant must not lead to a wrong READY. */
#define invariant(cond) ((cond) ? (void)0 : die("broken invariant: %s", #cond))

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n); /* at most n bytes of s */

void cleanup_fd_fn(int *fd);
void cleanup_free_fn(void *p);
#define cleanup_fd __attribute__((cleanup(cleanup_fd_fn)))
#define cleanup_free __attribute__((cleanup(cleanup_free_fn)))
static inline int steal_fd(int *fd)
{
	int out = *fd;

	*fd = -1;
	return out;
}

/* Writes all of buf. Returns 0, or -1 with errno. */
int fd_write_all(int fd, const void *buf, size_t len);
/* Reads `size` bytes, fewer at the end of the file. Returns the count, or -1 with errno. */
ssize_t fd_read_full(int fd, void *buf, size_t size);
/* Reads a whole file of at most `max` bytes. Returns a NUL-terminated block, which the caller frees; NULL with errno, EFBIG for a
 * larger file. `len` may be NULL. */
char *file_read(const char *path, size_t max, size_t *len);

/* Returns whether this errno says that a path does not exist. ENOTDIR does: a folder of the path is a file. */
bool errno_is_missing(int error);

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
static inline bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}
/* Matches "*" with any run of characters and "?" with one. Classes such as [a-z] have no meaning; dots and slashes are ordinary. */
bool glob_match(const char *pattern, const char *text);
/* Parses a decimal number. Returns 0; -1 when it is not in [min, max] or other characters follow it. */
int parse_i64(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
