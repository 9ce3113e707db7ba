/* util: the handful of helpers every module may use. Knows no other module.
 *
 * Descriptors are close-on-exec at birth, EINTR and short counts are handled here and nowhere else,
 * resources die with their scope. Nothing here allocates except through xmalloc and its kin, which
 * end the program (exit 70) when memory is out: no caller handles NULL.
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

/* Own trouble that cannot travel: prints one line with file and line, exits 70 (children: _exit 70). */
_Noreturn void die_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define die(...) die_at(__FILE__, __LINE__, __VA_ARGS__)
/* Where else the last words go: a child's stderr is nobody's. */
void die_also(void (*say)(int fd, const char *text), int fd);
/* _exit; a build with coverage writes its counts before, which it otherwise does in exit(). */
_Noreturn void leave_at_once(int status);
bool counts_coverage(void);
/* Always on, also in releases: a broken invariant must not become a wrong READY. */
#define invariant(cond) ((cond) ? (void)0 : die("broken invariant: %s", #cond))

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

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

/* Write all of buf; 0, or -1 with errno. */
int fd_write_all(int fd, const void *buf, size_t len);
/* Read until `size` bytes or end of file; the count, or -1 with errno. */
ssize_t fd_read_full(int fd, void *buf, size_t size);
/* The whole file as a NUL-terminated block the caller frees; at most `max` bytes: beyond it fails
 * with EFBIG. NULL with errno on failure. *len may be NULL. */
char *file_read(const char *path, size_t max, size_t *len);

/* Is this what the kernel says of a path that leads to nothing? A folder of it may be a file. */
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
/* "*" any run, "?" one character; no classes, nothing special about dots or slashes. */
bool glob_match(const char *pattern, const char *text);
/* A whole decimal number in [min, max] and nothing else; -1 when it is not. */
int parse_i64(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
