/* write_nonblock: a write that never waits for who reads, to a descriptor that must not be made non-blocking.
 *
 * Its flags belong to the open file, which is shared with the service and with whoever started us. A pipe that polls
 * writable takes PIPE_BUF bytes at once, and a socket can be asked for each write; a terminal has neither: it polls
 * writable when it takes one byte, and then waits for the others. It is written to through a description of our own
 * or, where it cannot be opened again, with a timer that interrupts. Nothing of that is left to the service.
 */
#ifndef SG_WRITE_NONBLOCK_H
#define SG_WRITE_NONBLOCK_H

#include <sys/types.h>

/* At most PIPE_BUF bytes, to a descriptor that polls writable. The count, which may be short; -1 with errno: EAGAIN or
 * EINTR when nothing goes out now. */
ssize_t write_nonblock(int fd, const char *text, size_t len);

#endif
