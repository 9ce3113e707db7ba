/* write_nonblock: writes to a descriptor in blocking mode without waiting for the reader.
 *
 * O_NONBLOCK is a flag of the open file description, which the service and the parent process share, so this module never sets it. A
 * pipe that polls writable takes PIPE_BUF bytes at once, and send() to a socket takes MSG_DONTWAIT. A terminal polls writable
 * when it takes one byte, and a longer write blocks; the module therefore opens the terminal anew through /proc/self/fd/N. The
 * service inherits none of these descriptors. Called by console.c and by die().
 */
#ifndef SG_WRITE_NONBLOCK_H
#define SG_WRITE_NONBLOCK_H

#include <sys/types.h>

/* Writes at most PIPE_BUF bytes to a descriptor that polls writable. Returns the count, which may be short; -1 with errno,
 * which is EAGAIN or EINTR when nothing can be written now. */
ssize_t write_nonblock(int fd, const char *text, size_t len);

#endif
