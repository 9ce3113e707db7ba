#include "write_nonblock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Non-blocking descriptions of the terminals behind descriptors 0 to 2, by descriptor. Each is opened once, at its first use: after
 * a hangup the same name may open another user's terminal. */
static struct {
	int fd; /* -1: it could not be opened */
	bool tried;
} descriptions[3] = {{-1, false}, {-1, false}, {-1, false}};

/* Opening /dev/ptmx anew makes another terminal, and /dev/console may do so. */
static bool is_same_terminal(int a, int b)
{
	unsigned x, y;

	return ioctl(a, TIOCGDEV, &x) == 0 && ioctl(b, TIOCGDEV, &y) == 0 && x == y;
}

static int own_description(int fd)
{
	char path[32];

	if (fd < 0 || fd >= 3)
		return -1;
	if (!descriptions[fd].tried) {
		descriptions[fd].tried = true;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		descriptions[fd].fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (descriptions[fd].fd >= 0 && !is_same_terminal(descriptions[fd].fd, fd)) {
			close(descriptions[fd].fd);
			descriptions[fd].fd = -1;
		}
	}
	return descriptions[fd].fd;
}

/* Without a description of our own the write may wait: a terminal polls writable when it takes one byte. A terminal that was
 * stopped (Ctrl-S) does not poll writable. One that nobody reads and another user owns may hold startguard until it is read. */
ssize_t write_nonblock(int fd, const char *text, size_t len)
{
	int saved = errno;
	ssize_t n;
	int own;

	if (isatty(fd)) {
		own = own_description(fd);
		return write(own >= 0 ? own : fd, text, len);
	}
	errno = saved;
	n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 && errno == ENOTSOCK ? write(fd, text, len) : n;
}
