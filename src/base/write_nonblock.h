/* write_nonblock: writes without waiting for the reader, although the descriptor is in blocking mode.
 *
 * O_NONBLOCK is a flag of the open file description, which the service and the parent process share, so it is never set. A pipe
 * that polls writable takes PIPE_BUF bytes at once, and a socket takes MSG_DONTWAIT. A terminal polls writable when it takes one
 * byte, and a write of more then waits: it is written to through a description of our own, opened by /proc/self/fd/N. The
 * service inherits nothing of this. Called by console.c and by die().
 */
#ifndef SG_WRITE_NONBLOCK_H
#define SG_WRITE_NONBLOCK_H

#include <sys/types.h>

/* Writes at most PIPE_BUF bytes to a descriptor that polls writable. Returns the count, which may be short; -1 with errno:
 * EAGAIN or EINTR when nothing can be written now. */
ssize_t write_nonblock(int fd, const char *text, size_t len);

#endif
