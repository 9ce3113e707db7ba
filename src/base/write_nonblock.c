#include "write_nonblock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INTERRUPT_NS 2000000 /* far below what a deadline may be late */

/* Of stdout and stderr, opened at their first use as a terminal and close-on-exec: once, because a terminal that was hung
 * up is another's when it is opened after that. */
static struct {
	int fd; /* -1: it cannot be had */
	bool tried;
} own[3] = {{-1, false}, {-1, false}, {-1, false}};

/* /dev/ptmx opens another terminal each time, /dev/console may do so. */
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
	if (!own[fd].tried) {
		own[fd].tried = true;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		own[fd].fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (own[fd].fd >= 0 && !is_same_terminal(own[fd].fd, fd)) {
			close(own[fd].fd);
			own[fd].fd = -1;
		}
	}
	return own[fd].fd;
}

static void interrupt(int sig)
{
	(void)sig; /* that it was caught is all: it ends the write */
}

/* Not ALRM, whose timer may be the service's; none that waits for it, either. */
static int free_signal(void)
{
	int sig = SIGRTMIN;
	sigset_t pending;

	sigpending(&pending);
	while (sig < SIGRTMAX && sigismember(&pending, sig) == 1)
		sig++;
	return sig;
}

/* The timer goes on and on: its first signal may come before the write has begun. */
static ssize_t write_interrupted(int fd, const char *text, size_t len)
{
	struct sigaction sa = {.sa_handler = interrupt}, action_before; /* no SA_RESTART */
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = free_signal()};
	struct itimerspec each = {.it_value.tv_nsec = INTERRUPT_NS,
				  .it_interval.tv_nsec = INTERRUPT_NS};
	sigset_t ours, mask_before;
	timer_t timer;
	ssize_t n;
	int saved;

	/* None to be had (a limit on pending signals): better to write and perhaps to wait than to say nothing. */
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) < 0)
		return write(fd, text, len);
	sigemptyset(&ours);
	sigaddset(&ours, ev.sigev_signo);
	sigaction(ev.sigev_signo, &sa, &action_before);
	sigprocmask(SIG_UNBLOCK, &ours, &mask_before);
	timer_settime(timer, 0, &each, NULL);
	n = write(fd, text, len);
	saved = errno;
	timer_delete(timer); /* what it has sent until now is caught before this returns */
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	sigaction(ev.sigev_signo, &action_before, NULL);
	errno = saved;
	return n;
}

ssize_t write_nonblock(int fd, const char *text, size_t len)
{
	int saved = errno;
	ssize_t n;
	int mine;

	if (isatty(fd)) {
		mine = own_description(fd);
		return mine >= 0 ? write(mine, text, len) : write_interrupted(fd, text, len);
	}
	errno = saved;
	n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 && errno == ENOTSOCK ? write(fd, text, len) : n;
}
