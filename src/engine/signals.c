#include "signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

int signals_open(struct signals *s, struct err *err)
{
	sigset_t block, watch;

	sigemptyset(&watch);
	sigaddset(&watch, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, NULL, &s->original) < 0 || sigpending(&s->pending) < 0)
		return err_make(err, errno, "read the signal mask");
	for (size_t i = 0; i < ARRAY_LEN(ending); i++) {
		struct sigaction sa;

		/* A signal that was ignored or blocked at the start (nohup) must not end the run. */
		if (sigaction(ending[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN &&
		    !sigismember(&s->original, ending[i]))
			sigaddset(&watch, ending[i]);
	}
	block = watch;
	sigaddset(&block, SIGPIPE); /* writing to a closed stderr must not end the guard */
	sigaddset(&block, SIGXFSZ); /* writing past RLIMIT_FSIZE must not either */
	if (sigprocmask(SIG_BLOCK, &block, NULL) < 0)
		return err_make(err, errno, "block signals");
	s->fd = signalfd(-1, &watch, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0)
		return err_make(err, errno, "signalfd");
	/* With SIGCHLD ignored the kernel would reap the children itself. */
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &s->original_chld);
	return 0;
}

int signals_ending(const struct signals *s)
{
	struct signalfd_siginfo info;

	while (read(s->fd, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo != SIGCHLD)
			return (int)info.ssi_signo;
	return 0;
}

void signals_close(struct signals *s)
{
	static const int caused[] = {SIGCHLD, SIGPIPE, SIGXFSZ};
	const struct timespec at_once = {0};
	sigset_t ours;

	sigemptyset(&ours);
	for (size_t i = 0; i < ARRAY_LEN(caused); i++)
		if (!sigismember(&s->pending, caused[i]))
			sigaddset(&ours, caused[i]);
	while (sigtimedwait(&ours, NULL, &at_once) > 0) {
	}
	close(s->fd);
	sigaction(SIGCHLD, &s->original_chld, NULL);
	sigprocmask(SIG_SETMASK, &s->original, NULL);
}
