#include "signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

/* Runs in a thread that does not block the signal, so never in the main thread, where it then stays pending for the descriptor. */
static void forward_to_main_thread(int sig)
{
	int saved = errno;
	pid_t pid = getpid();

	syscall(SYS_tgkill, pid, pid, sig);
	errno = saved;
}

static void set_handlers(struct signals *s)
{
	const struct sigaction forward = {.sa_handler = forward_to_main_thread,
					  .sa_flags = SA_RESTART | SA_NOCLDSTOP};

	/* Also for SIGCHLD: if it were ignored, the kernel would reap the children itself. */
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&s->watched, sig) == 1)
			sigaction(sig, &forward, &s->dispositions[sig]);
}

/* Once for each run: 64 calls would be a twentieth of what an attempt costs. */
static void find_changed(struct signals *s)
{
	struct sigaction sa;

	s->changed = s->watched;
	for (int sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL)
			sigaddset(&s->changed, sig);
}

static void restore_handlers(const struct signals *s)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&s->watched, sig) == 1)
			sigaction(sig, &s->dispositions[sig], NULL);
}

int signals_open(struct signals *s, struct err *err)
{
	sigset_t block, watch;

	sigemptyset(&s->watched);
	sigemptyset(&s->changed);
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
	if (getrlimit(RLIMIT_CORE, &s->core) == 0) {
		struct rlimit none = s->core;

		none.rlim_cur =
		    none.rlim_cur > 1 ? 1 : none.rlim_cur; /* see forbid_core in child.c */
		setrlimit(RLIMIT_CORE, &none);
	}
	s->watched = watch;
	set_handlers(s);
	find_changed(s);
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

int signals_close(struct signals *s)
{
	static const int caused[] = {SIGCHLD, SIGPIPE, SIGXFSZ};
	const struct timespec at_once = {0};
	sigset_t ours;
	int sig;

	sigemptyset(&ours);
	for (size_t i = 0; i < ARRAY_LEN(caused); i++)
		if (!sigismember(&s->pending, caused[i]))
			sigaddset(&ours, caused[i]);
	while (sigtimedwait(&ours, NULL, &at_once) > 0) {
	}
	setrlimit(RLIMIT_CORE, &s->core);
	restore_handlers(s);
	sig = s->fd < 0 ? 0 : signals_ending(s);
	close(s->fd);
	if (sigismember(&s->pending, SIGCHLD)) /* the descriptor has given it away */
		kill(getpid(), SIGCHLD);
	sigprocmask(SIG_SETMASK, &s->original, NULL);
	return sig;
}
