#include "write_nonblock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

#define UNOPENED (-2)

/* For each of the descriptors 0 to 2 a non-blocking descriptor of the same terminal; -1 when open failed. Each terminal is opened
 * once, at its first use: after a hangup the same name may open another user's terminal. */
static int descriptions[3] = {UNOPENED, UNOPENED, UNOPENED};

/* Opening /dev/ptmx anew makes another terminal, and /dev/console may do so. */
static bool is_same_terminal(int a, int b)
{
	unsigned x, y;

	return ioctl(a, TIOCGDEV, &x) == 0 && ioctl(b, TIOCGDEV, &y) == 0 && x == y;
}

static int own_description(int fd)
{
	char path[32];
	int *own;

	if (fd < 0 || fd >= (int)ARRAY_LEN(descriptions))
		return -1;
	own = &descriptions[fd];
	if (*own == UNOPENED) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		*own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (*own >= 0 && !is_same_terminal(*own, fd))
			close(steal_fd(own));
	}
	return *own;
}

/* When the terminal cannot be opened anew (another user owns it), the write may block: a terminal polls writable when it takes
 * one byte, and nobody may read the rest. A terminal that was stopped (Ctrl-S) does not poll writable. */
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
	/* EPERM and ENOSYS: a container refuses the call, whatever the descriptor is. */
	return n < 0 && (errno == ENOTSOCK || errno == EPERM || errno == ENOSYS)
		   ? write(fd, text, len)
		   : n;
}
