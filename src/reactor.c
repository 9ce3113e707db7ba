#include "reactor.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

struct live { /* an attempt that runs */
	struct child child;
	struct wire_in in;
	struct diag before; /* what the attempt before it found */
	bool killed, final, passed;
};
struct reactor {
	struct run *run;
	const struct signals *signals;
	const struct watcher *watcher;
	const struct child_setup *setup;
	int epoll;
	size_t running;
	bool orphans;       /* an attempt left processes behind, which were killed */
	struct live **live; /* by place in the plan; NULL: none runs */
};

#define EVENT_SIGNAL UINT64_MAX
#define ORPHANS_MAX SPAN_MS(200)
#define HAD_NO_TIME \
	10 /* an attempt with less than a tenth of attempt_timeout cannot tell a slow peer from a dead one */
#define DRAIN_MAX \
	64 /* reads at a time, more than a pipe holds: a child that never stops talking must not hold the loop */

/* ---- signals -------------------------------------------------------------------------------------------------------- */
static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

int signals_open(struct signals *s, struct err *err)
{
	sigset_t block, watch;

	sigemptyset(&watch);
	sigaddset(&watch, SIGCHLD);
	sigprocmask(SIG_SETMASK, NULL, &s->original);
	for (size_t i = 0; i < ARRAY_LEN(ending); i++) {
		struct sigaction sa;

		/* Whoever started us with it ignored or blocked (nohup) does not want it to end us. */
		if (sigaction(ending[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN &&
		    !sigismember(&s->original, ending[i]))
			sigaddset(&watch, ending[i]);
	}
	block = watch;
	sigaddset(&block, SIGPIPE); /* a closed stderr must not end the guard */
	if (sigprocmask(SIG_BLOCK, &block, NULL) < 0)
		return err_make(err, errno, "block signals");
	s->fd = signalfd(-1, &watch, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0)
		return err_make(err, errno, "signalfd");
	/* Inherited as ignored, the kernel would reap our children itself. */
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
	const struct timespec at_once = {0};
	sigset_t ours;

	sigemptyset(&ours);
	if (!sigismember(&s->original, SIGCHLD))
		sigaddset(&ours, SIGCHLD);
	if (!sigismember(&s->original, SIGPIPE))
		sigaddset(&ours, SIGPIPE);
	while (sigtimedwait(&ours, NULL, &at_once) > 0) {
	}
	close(s->fd);
	sigaction(SIGCHLD, &s->original_chld, NULL);
	sigprocmask(SIG_SETMASK, &s->original, NULL);
}

/* ---- records ---------------------------------------------------------------------------------------------------------- */
static struct result *result_of(struct reactor *r, size_t k)
{
	return &r->run->results[r->run->plan_to_check[k]];
}

static void take_fact(struct result *res, const struct wire_record *rec)
{
	struct fact *f = NULL;

	for (size_t i = 0; i < res->n_facts; i++)
		if (str_eq(res->facts[i].key, rec->key))
			f = &res->facts[i];
	if (!f && res->n_facts < FACTS_MAX)
		f = &res->facts[res->n_facts++];
	if (!f)
		return;
	snprintf(f->key, sizeof f->key, "%s", rec->key);
	snprintf(f->value, sizeof f->value, "%s", rec->text);
}

/* A check that talks to several peers reaches the same phase several times. */
static bool was_reached(const struct result *res, const char *text)
{
	for (size_t i = 0; i < res->n_reached; i++)
		if (str_starts(text, res->reached[i]) &&
		    strlen(res->reached[i]) >= strnlen(text, sizeof res->reached[0] - 1))
			return true;
	return false;
}

static void take_record(struct run *run, struct live *l, struct result *res,
			const struct wire_record *rec)
{
	switch (rec->type) {
	case WIRE_STEP:
		snprintf(res->step, sizeof res->step, "%s", rec->text);
		break;
	case WIRE_REACHED:
		if (res->n_reached < REACHED_MAX && !was_reached(res, rec->text))
			snprintf(res->reached[res->n_reached++], sizeof res->reached[0], "%.*s",
				 (int)sizeof res->reached[0] - 1, rec->text);
		break;
	case WIRE_FACT:
		take_fact(res, rec);
		break;
	case WIRE_SUMMARY:
		snprintf(res->summary, sizeof res->summary, "%s", rec->text);
		break;
	case WIRE_NOTE:
		if (!run->fence_missing[0])
			snprintf(run->fence_missing, sizeof run->fence_missing, "%s", rec->text);
		break;
	case WIRE_FINAL:
		l->final = true;
		l->passed = rec->verdict == V_PASS;
		if (l->passed)
			res->diag = (struct diag){0};
		else
			res->diag = rec->diag;
		break;
	}
}

/* Reads all that is there. At the end of file the pipe is closed; that is never taken as the child's death: a
 * grandchild may hold it, or the child may have closed it. */
static void drain(struct reactor *r, size_t k)
{
	struct live *l = r->live[k];
	struct wire_record rec;

	for (int i = 0; i < DRAIN_MAX && l->child.fd >= 0; i++) {
		int got = wire_fill(&l->in, l->child.fd);

		while (!l->final && wire_next(&l->in, &rec))
			take_record(r->run, l, result_of(r, k), &rec);
		if (got == 1)
			continue;
		if (got == 0 || errno != EAGAIN) {
			close(l->child.fd);
			l->child.fd = -1;
		}
		return;
	}
}

/* ---- attempts ------------------------------------------------------------------------------------------------------------ */
static void remember(struct result *res, enum diag_code code)
{
	for (size_t i = 0; i < res->n_history; i++)
		if (res->history[i].code == code) {
			res->history[i].count++;
			return;
		}
	if (res->n_history < HISTORY_MAX) {
		res->history[res->n_history].code = code;
		res->history[res->n_history++].count = 1;
	}
}

static void own_diag(struct result *res, enum diag_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void own_diag(struct result *res, enum diag_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vset(&res->diag, code, res->step, fmt, ap);
	va_end(ap);
}

static void start_attempt(struct reactor *r, size_t k, struct mono now)
{
	struct plan_check *c = &r->run->plan.checks[k];
	const struct profile_check *check = &r->run->profile->checks[r->run->plan_to_check[k]];
	struct result *res = result_of(r, k);
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = k};
	struct live *l = xcalloc(1, sizeof *l);

	l->before = res->diag;
	res->n_reached = res->n_facts = 0;
	res->step[0] = res->summary[0] = '\0';
	if (child_start(&l->child, check, c->attempts, now, c->attempt_deadline, r->setup) < 0) {
		own_diag(res, D_GUARD_NO_PROCESS, "fork: %s, with %zu attempts running",
			 strerror(errno), r->running);
		remember(res, D_GUARD_NO_PROCESS);
		free(l);
		plan_no_process(&r->run->plan, k, now);
		r->watcher->changed(r->watcher->ctx, r->run, r->run->plan_to_check[k], now);
		return;
	}
	r->live[k] = l;
	r->running++;
	/* Refused (no memory): the records are read when the child is reaped, nothing is lost but liveliness. */
	epoll_ctl(r->epoll, EPOLL_CTL_ADD, l->child.fd, &ev);
}

static void kill_attempt(struct reactor *r, size_t k)
{
	struct live *l = r->live[k];

	l->killed = true;
	kill(-l->child.pid, SIGKILL);
	kill(l->child.pid, SIGKILL);
}

/* Which of the nested limits ended the attempt, in the words of the profile. */
static const char *limit_hit(const struct run *run, const struct plan_check *c,
			     struct mono deadline)
{
	if (deadline.ns == run->plan.deadline.ns)
		return "timeout of the run";
	return deadline.ns == c->deadline.ns ? "timeout" : "attempt_timeout";
}

/* Killed: at its own limit that is a finding; when only the rest of the time ran out, what earlier attempts
 * found is the better word; when the run ended early it is none at all. */
static void judge_killed(struct reactor *r, size_t k, struct mono now)
{
	struct plan_check *c = &r->run->plan.checks[k];
	struct result *res = result_of(r, k);
	struct span ran = mono_since(c->attempt_start, now);
	char span[32];

	if (!mono_reached(c->attempt_deadline, now)) {
		res->cut_off = true;
		return;
	}
	if (res->diag.code != D_NONE && ran.ns < c->attempt_timeout.ns)
		return;
	own_diag(res, D_GUARD_DEADLINE, "killed after %s (%s) while: %s",
		 span_text(ran, span, sizeof span), limit_hit(r->run, c, c->attempt_deadline),
		 res->step[0] ? res->step : "nothing was reached");
	remember(res, D_GUARD_DEADLINE);
}

/* Timed out because next to nothing was left of the check's own time: that says nothing about the peer, and what the
 * attempts before it found is the better word. */
static bool had_no_time(const struct live *l, const struct plan_check *c, enum diag_code code)
{
	bool timed_out =
	    code == D_DNS_TIMEOUT || code == D_CONNECT_TIMEOUT || code == D_ANSWER_TIMEOUT;
	struct span given = mono_since(c->attempt_start, c->attempt_deadline);

	return timed_out && l->before.code != D_NONE &&
	       given.ns < c->attempt_timeout.ns / HAD_NO_TIME;
}

/* Ended without a result and not by us. Only memory that is out makes a kernel kill (signal 9), and makes libraries
 * abort, crash or leave while the process held as much as it may. */
static void judge_ended(struct reactor *r, size_t k, const siginfo_t *info,
			const struct rusage *usage)
{
	const struct check_kind *kind = r->run->profile->checks[r->run->plan_to_check[k]].kind;
	struct result *res = result_of(r, k);
	const char *step = res->step[0] ? res->step : "nothing was reached";
	bool killed = info->si_code != CLD_EXITED && info->si_status == SIGKILL;

	if (killed)
		own_diag(res, D_GUARD_NO_MEMORY,
			 "killed by the system, as it does when memory is out; it held %ld MiB; "
			 "while: %s",
			 usage->ru_maxrss / 1024, step);
	else if (child_memory(kind) &&
		 fence_memory_met(r->setup->fence, usage->ru_maxrss, child_memory(kind)))
		own_diag(res, D_GUARD_NO_MEMORY,
			 "ended for want of memory; it held %ld MiB, and an attempt may use %llu; "
			 "while: %s",
			 usage->ru_maxrss / 1024, (unsigned long long)child_memory(kind) >> 20,
			 step);
	else if (info->si_code != CLD_EXITED)
		own_diag(res, D_GUARD_CRASHED, "signal %d (%s) while: %s", info->si_status,
			 sigdescr_np(info->si_status) ? sigdescr_np(info->si_status) : "?", step);
	else
		own_diag(res, D_GUARD_BUG, "status %d without a result; last step: %s",
			 info->si_status, step);
}

static void judge(struct reactor *r, size_t k, const siginfo_t *info, const struct rusage *usage,
		  struct mono now)
{
	struct live *l = r->live[k];
	struct result *res = result_of(r, k);

	if (l->final && !l->passed && had_no_time(l, &r->run->plan.checks[k], res->diag.code)) {
		res->diag = l->before;
		return;
	}
	if (l->final) {
		if (!l->passed)
			remember(res, res->diag.code);
		return;
	}
	if (l->killed) {
		judge_killed(r, k, now);
		return;
	}
	if (l->in.broken)
		own_diag(res, D_GUARD_BUG, "the check wrote what is no record; last step: %s",
			 res->step[0] ? res->step : "nothing was reached");
	else
		judge_ended(r, k, info, usage);
	remember(res, res->diag.code);
}

static void finish_attempt(struct reactor *r, size_t k, const siginfo_t *info, struct mono now)
{
	struct live *l = r->live[k];
	struct plan_check *c = &r->run->plan.checks[k];
	struct result *res = result_of(r, k);
	struct rusage usage = {0};
	bool retryable = true;

	/* The group first: once reaped, its number may be another's. */
	kill(-l->child.pid, SIGKILL);
	drain(r, k);
	wait4(l->child.pid, NULL, 0, &usage);
	r->orphans |= kill(-l->child.pid, 0) == 0;
	judge(r, k, info, &usage, now);
	res->last_attempt = mono_since(c->attempt_start, now);
	if (l->final && !l->passed)
		retryable = diag_info(res->diag.code)->retryable;
	if (l->child.fd >= 0)
		close(l->child.fd);
	plan_result(&r->run->plan, k, now, l->final && l->passed, retryable);
	free(l);
	r->live[k] = NULL;
	r->running--;
	r->watcher->changed(r->watcher->ctx, r->run, r->run->plan_to_check[k], now);
}

/* Peeks before it reaps, so that the group can be killed while its number is still ours. Strangers (orphans handed
 * to PID 1) are reaped in passing. */
static void reap(struct reactor *r)
{
	struct mono now = mono_now();

	for (;;) {
		siginfo_t info = {0};
		size_t k = 0;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		while (k < r->run->plan.n && !(r->live[k] && r->live[k]->child.pid == info.si_pid))
			k++;
		if (k < r->run->plan.n)
			finish_attempt(r, k, &info, now);
		else
			waitpid(info.si_pid, NULL, 0);
	}
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------------- */
static void kill_all(struct reactor *r)
{
	for (size_t k = 0; k < r->run->plan.n; k++)
		if (r->live[k])
			kill_attempt(r, k);
}

static void on_signal(struct reactor *r)
{
	int sig;

	while ((sig = signals_ending(r->signals)) != 0) {
		if (r->run->signal) { /* asked twice: at once */
			kill_all(r);
			r->watcher->abandon(r->watcher->ctx);
			_exit(128 + sig);
		}
		r->run->signal = sig;
		plan_stop(&r->run->plan, mono_now());
	}
	reap(r);
}

/* True when the plan must be asked again at once. */
static bool carry_out(struct reactor *r, struct mono now, struct wish *wishes)
{
	size_t n = plan_step(&r->run->plan, now, wishes);
	bool again = false;

	for (size_t i = 0; i < n; i++) {
		if (wishes[i].kind == WISH_KILL) {
			kill_attempt(r, wishes[i].check);
		} else {
			start_attempt(r, wishes[i].check, now);
			again |= !r->live[wishes[i].check];
		}
	}
	return again;
}

static int turn(struct reactor *r, struct wish *wishes, struct err *err)
{
	struct epoll_event events[64];
	struct mono now = mono_now(), wake;
	int n;

	if (carry_out(r, now, wishes) || r->run->plan.over)
		return 0;
	wake = mono_earlier(r->run->plan.wake, r->watcher->tick(r->watcher->ctx, r->run, now));
	n = epoll_wait(r->epoll, events, ARRAY_LEN(events), mono_left_ms(wake, now));
	if (n < 0 && errno != EINTR)
		return err_make(err, errno, "epoll_wait");
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == EVENT_SIGNAL)
			on_signal(r);
		else if (r->live[events[i].data.u64])
			drain(r, (size_t)events[i].data.u64);
	}
	return 0;
}

static void wait_for_all(struct reactor *r)
{
	kill_all(r);
	while (r->running > 0) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0 && errno != EINTR)
			return;
		reap(r);
	}
}

/* To PID 1 and to a subreaper the killed orphans are handed: the service must not find them, not even dead. Those who
 * fled from their group are left: they may live for ever. */
static void reap_orphans(const struct reactor *r)
{
	struct mono until = mono_after(mono_now(), ORPHANS_MAX);

	while (r->orphans && !mono_reached(until, mono_now())) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		if (pid == 0)
			poll(NULL, 0, 1);
	}
}

int reactor_run(struct run *run, const struct signals *signals, const struct watcher *watcher,
		struct err *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = EVENT_SIGNAL};
	cleanup_free struct live **live = xcalloc(run->plan.n + 1, sizeof *live);
	cleanup_free struct wish *wishes = xcalloc(run->plan.n + 1, sizeof *wishes);
	cleanup_fd int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct fence fence;
	struct child_setup setup = {.fence = &fence, .mask = &signals->original};
	struct reactor r = {.run = run,
			    .signals = signals,
			    .watcher = watcher,
			    .setup = &setup,
			    .epoll = epoll,
			    .live = live};
	int rc = 0;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, signals->fd, &ev) < 0)
		return err_make(err, errno, "epoll");
	fence_prepare(&fence, child_rooms(run->profile));
	while (rc == 0 && !run->plan.over)
		rc = turn(&r, wishes, err);
	wait_for_all(&r); /* nobody, unless the loop failed: no child may outlive it */
	reap_orphans(&r);
	fence_free(&fence);
	run->ended = mono_now();
	return rc;
}
