#include "reactor.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "reaper.h"
#include "oom.h"
#include "proctree.h"

struct live { /* an attempt that runs */
	struct child child;
	struct ipc_in in;
	struct check_outcome before; /* what the attempt before it found, and how far it got */
	struct instant killed_until; /* a killed one must be gone; never: not killed */
	bool killed, final, passed;
};
struct reactor {
	struct run *run;
	const struct signals *signals;
	const struct watcher *watcher;
	const struct child_setup *setup;
	int epoll;
	size_t running;
	struct live **live; /* by place in the plan; NULL: none runs */
	struct oom oom;
	struct instant wake;  /* not later than this, for the reactor's own sake */
	bool unwatched;       /* epoll refused a pipe: all are read now and then */
	struct reaper reaper; /* the children that are no attempt */
};

#define EVENT_SIGNAL UINT64_MAX
#define FLED_MAX 1024 /* a list of them; others are killed without */
/* SIGKILL works at once, as soon as there is a processor to die on, unless the kernel itself hangs (a dead disk). */
#define KILLED_MAX DURATION_S(1)
#define UNWATCHED_EACH DURATION_MS(20)
#define HAD_NO_TIME \
	10 /* an attempt with less than a tenth of attempt_timeout cannot tell a slow peer from a dead one */
#define DRAIN_MAX \
	64 /* reads at a time, more than a pipe holds: a child that never stops talking must not hold the loop */

/* ---- records ---------------------------------------------------------------------------------------------------------- */
static struct check_outcome *result_of(struct reactor *r, size_t k)
{
	return &r->run->outcomes[r->run->plan_to_check[k]];
}

static void take_fact(struct check_outcome *res, const struct ipc_record *rec)
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
static void take_reached(struct check_outcome *res, const char *text)
{
	char cut[sizeof res->reached[0]]; /* at a character's end */

	text_clean(cut, sizeof cut, text);
	for (size_t i = 0; i < res->n_reached; i++)
		if (str_eq(res->reached[i], cut))
			return;
	if (res->n_reached < REACHED_MAX)
		memcpy(res->reached[res->n_reached++], cut, sizeof cut);
}

/* `whole`: the sandbox of this check is as high as any of the run. */
static void take_record(struct run *run, struct live *l, struct check_outcome *res,
			const struct ipc_record *rec, bool whole)
{
	switch (rec->type) {
	case IPC_STEP:
		snprintf(res->step, sizeof res->step, "%s", rec->text);
		break;
	case IPC_REACHED:
		take_reached(res, rec->text);
		break;
	case IPC_FACT:
		take_fact(res, rec);
		break;
	case IPC_SUMMARY:
		snprintf(res->summary, sizeof res->summary, "%s", rec->text);
		break;
	case IPC_NOTE:
		/* Kinds that run programs have fewer walls than others, which say all that they do and more. */
		if (!run->sandbox_whole)
			snprintf(run->sandbox_missing, sizeof run->sandbox_missing, "%s",
				 rec->text);
		run->sandbox_whole |= whole;
		break;
	case IPC_FINAL:
		l->final = true;
		l->passed = rec->result == RESULT_PASS;
		if (l->passed)
			res->diag = (struct diag){0};
		else
			res->diag = rec->diag;
		break;
	}
}

/* Told to epoll as well: a child that was forked a moment ago still has the descriptor, and epoll would go on and on to
 * say that the pipe has ended. */
static void close_pipe(struct reactor *r, struct live *l)
{
	if (l->child.fd < 0)
		return;
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, l->child.fd, NULL);
	close(l->child.fd);
	l->child.fd = -1;
}

/* Reads all that is there. At the end of file the pipe is closed; that is never taken as the child's death: a
 * grandchild may hold it, or the child may have closed it. */
static void drain(struct reactor *r, size_t k)
{
	struct live *l = r->live[k];
	bool whole = child_whole_sandbox(&r->run->profile->checks[r->run->plan_to_check[k]]);
	struct ipc_record rec;

	for (int i = 0; i < DRAIN_MAX && l->child.fd >= 0; i++) {
		int got = ipc_fill(&l->in, l->child.fd);

		while (!l->final && ipc_next(&l->in, &rec))
			take_record(r->run, l, result_of(r, k), &rec, whole);
		if (got == 1)
			continue;
		if (got == 0 || errno != EAGAIN)
			close_pipe(r, l);
		return;
	}
}

/* ---- attempts ------------------------------------------------------------------------------------------------------------ */
static void remember(struct check_outcome *res, enum diag_code code)
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

static void own_diag(struct check_outcome *res, enum diag_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void own_diag(struct check_outcome *res, enum diag_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vset(&res->diag, code, res->step, fmt, ap);
	va_end(ap);
}

static void wait_for(pid_t pid, struct rusage *usage)
{
	while (wait4(pid, NULL, 0, usage) < 0 && errno == EINTR) {
	}
}

static void start_attempt(struct reactor *r, size_t k, struct instant now)
{
	struct plan_check *c = &r->run->plan.checks[k];
	const struct profile_check *check = &r->run->profile->checks[r->run->plan_to_check[k]];
	struct check_outcome *res = result_of(r, k);
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = k};
	struct live *l = xcalloc(1, sizeof *l);

	l->before = *res;
	l->killed_until = INSTANT_NEVER;
	res->n_reached = res->n_facts = 0;
	res->step[0] = res->summary[0] = '\0';
	if (child_start(&l->child, check, c->attempts, now, c->attempt_deadline, r->setup) < 0) {
		int error = errno;

		own_diag(res, D_GUARD_NO_PROCESS, "%s: %s, with %zu attempts running",
			 error == EMFILE || error == ENFILE ? "pipe" : "fork", strerror(error),
			 r->running);
		diag_hint_no_process(&res->diag, error);
		remember(res, D_GUARD_NO_PROCESS);
		free(l);
		plan_no_process(&r->run->plan, k, now, r->running);
		r->watcher->changed(r->watcher->ctx, r->run, r->run->plan_to_check[k], now);
		return;
	}
	reaper_attempt(&r->reaper, l->child.pid);
	r->live[k] = l;
	r->running++;
	/* Refused (no memory, too many watches): then they are read without being called. */
	r->unwatched |= epoll_ctl(r->epoll, EPOLL_CTL_ADD, l->child.fd, &ev) < 0;
}

/* All groups are stopped before the first is killed: then nobody flees any more, and those that fled before can be found, since
 * they are below the child until it dies. Kills come last and in one go. Each wakes a process, which then competes with this
 * one for a processor: with looks at /proc in between, the last of hundreds would be killed late. */
static void kill_attempts(struct reactor *r, const size_t *which, size_t n, struct instant now)
{
	pid_t room[FLED_MAX];
	struct proctree_list fled = {.v = room, .max = FLED_MAX};

	for (size_t i = 0; i < n; i++) {
		struct live *l = r->live[which[i]];

		l->killed = true;
		if (instant_is_never(l->killed_until))
			l->killed_until = instant_after(now, KILLED_MAX);
		if (kill(-l->child.pid, SIGSTOP) < 0)
			kill(l->child.pid, SIGSTOP);
	}
	for (size_t i = 0; i < n; i++)
		proctree_stop_fled(r->live[which[i]]->child.pid, &fled);
	for (size_t i = 0; i < n; i++)
		if (kill(-r->live[which[i]]->child.pid, SIGKILL) < 0)
			kill(r->live[which[i]]->child.pid, SIGKILL);
	for (size_t i = 0; i < fled.n; i++)
		kill(fled.v[i], SIGKILL);
}

/* Which of the nested limits ended the attempt, in the words of the profile. */
static const char *limit_hit(const struct run *run, const struct plan_check *c,
			     struct instant deadline)
{
	if (deadline.ns == run->plan.deadline.ns)
		return "timeout of the run";
	return deadline.ns == c->deadline.ns ? "timeout" : "attempt_timeout";
}

/* Less than attempt_timeout when the time of its check or of the run ended first. What it took until it was reaped is
 * another matter: a busy machine adds to that. */
static struct duration given(const struct plan_check *c)
{
	return instant_since(c->attempt_start, c->attempt_deadline);
}

/* Killed: at its own limit that is a finding; when only the rest of the time ran out, what earlier attempts
 * found is the better word, with how far they got; when the run ended early it is none at all. */
static void judge_killed(struct reactor *r, size_t k, struct instant now)
{
	struct plan_check *c = &r->run->plan.checks[k];
	struct check_outcome *res = result_of(r, k);
	struct duration ran = instant_since(c->attempt_start, now);
	bool early = !instant_reached(c->attempt_deadline, now);
	bool kept = res->diag.code != D_NONE && (early || given(c).ns < c->attempt_timeout.ns);
	char span[32];

	if (kept)
		*res = r->live[k]->before;
	res->cut_off = early;
	if (kept || early)
		return;
	own_diag(res, D_GUARD_DEADLINE, "killed after %s (%s) while: %s",
		 duration_text(ran, span, sizeof span), limit_hit(r->run, c, c->attempt_deadline),
		 res->step[0] ? res->step : "nothing was reached");
	remember(res, D_GUARD_DEADLINE);
}

/* Timed out because too little was left of the check's own time, next to nothing or less than twice what the attempt before
 * needed: that says nothing about the peer, and what the attempts before it found is the better word. A command that the
 * check ended itself is judged as one that was killed: it had its time or it had not. */
static bool had_no_time(const struct live *l, const struct plan_check *c,
			const struct check_outcome *res)
{
	enum diag_code code = res->diag.code;
	bool timed_out =
	    code == D_DNS_TIMEOUT || code == D_CONNECT_TIMEOUT || code == D_ANSWER_TIMEOUT;
	struct duration had = given(c);

	if (l->before.diag.code == D_NONE || had.ns >= c->attempt_timeout.ns)
		return false;
	if (code == D_GUARD_DEADLINE)
		return true;
	return timed_out &&
	       (had.ns < c->attempt_timeout.ns / HAD_NO_TIME || had.ns / 2 < res->last_attempt.ns);
}

/* By a kernel that is out of memory, when it says so. Otherwise nobody knows: that is what is said. */
static void judge_kill(struct reactor *r, struct check_outcome *res, const struct rusage *usage,
		       const char *step)
{
	if (oom_happened(&r->oom)) {
		own_diag(
		    res, D_GUARD_NO_MEMORY,
		    "killed by the kernel, which was out of memory; it held %ld MiB; while: %s",
		    usage->ru_maxrss / 1024, step);
		return;
	}
	own_diag(res, D_GUARD_CRASHED,
		 "killed by signal 9 from outside, perhaps for want of memory; it held %ld MiB; "
		 "while: %s",
		 usage->ru_maxrss / 1024, step);
	diag_hint(&res->diag, "look who sends SIGKILL here, and whether the kernel's log or the "
			      "container's engine speaks of memory; it is no fault of the "
			      "dependency");
}

/* Ended without a result and not by us. Libraries abort, crash or leave when memory is out: while the process held as
 * much as it may. */
static void judge_ended(struct reactor *r, size_t k, const siginfo_t *info,
			const struct rusage *usage)
{
	const struct check_kind *kind = r->run->profile->checks[r->run->plan_to_check[k]].kind;
	struct check_outcome *res = result_of(r, k);
	const char *step = res->step[0] ? res->step : "nothing was reached";

	if (info->si_code != CLD_EXITED && info->si_status == SIGKILL)
		judge_kill(r, res, usage, step);
	else if (child_memory(kind) &&
		 sandbox_memory_met(r->setup->sandbox, usage->ru_maxrss, child_memory(kind)))
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
		  struct instant now)
{
	struct live *l = r->live[k];
	struct check_outcome *res = result_of(r, k);

	if (l->final && !l->passed && had_no_time(l, &r->run->plan.checks[k], res)) {
		*res = l->before;
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

/* The child is dead, or cannot be killed: then info is NULL. */
static void finish_attempt(struct reactor *r, size_t k, const siginfo_t *info, struct instant now)
{
	struct live *l = r->live[k];
	struct plan_check *c = &r->run->plan.checks[k];
	struct check_outcome *res = result_of(r, k);
	struct rusage usage = {0};
	bool retryable = true;

	drain(r, k);
	/* One that had no last word may have left processes behind, and the kernel has just handed them to this one. */
	if (info && (!l->final || info->si_code != CLD_EXITED || info->si_status != 0))
		reaper_suspect(&r->reaper, l->child.pid);
	/* The group before the child is reaped: afterwards its number may be another's. */
	kill(-l->child.pid, SIGKILL);
	if (info) {
		wait_for(l->child.pid, &usage);
		judge(r, k, info, &usage, now);
	} else {
		own_diag(res, D_GUARD_DEADLINE, "could not be killed while: %s",
			 res->step[0] ? res->step : "nothing was reached");
	}
	res->last_attempt = instant_since(c->attempt_start, now);
	/* Also where it had no last word: then the one before it may have been kept. */
	if (res->diag.code != D_NONE && !(l->final && l->passed))
		retryable = diag_info(res->diag.code)->retryable;
	close_pipe(r, l);
	plan_result(&r->run->plan, k, now, l->final && l->passed, retryable);
	free(l);
	r->live[k] = NULL;
	r->running--;
	r->watcher->changed(r->watcher->ctx, r->run, r->run->plan_to_check[k], now);
}

static size_t place_of(const struct reactor *r, pid_t pid)
{
	size_t k = 0;

	while (k < r->run->plan.n && !(r->live[k] && r->live[k]->child.pid == pid))
		k++;
	return k;
}

static bool is_attempt(const void *ctx, pid_t pid)
{
	const struct reactor *r = ctx;

	return place_of(r, pid) < r->run->plan.n;
}

/* A dead child that the service is to find stands first with the kernel, and hides the others. */
static void reap_one_by_one(struct reactor *r, struct instant now)
{
	for (size_t k = 0; k < r->run->plan.n; k++) {
		siginfo_t info = {0};

		if (r->live[k] &&
		    waitid(P_PID, (id_t)r->live[k]->child.pid, &info,
			   WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid != 0)
			finish_attempt(r, k, &info, now);
	}
	reaper_reap(&r->reaper, is_attempt, r);
}

/* Peeks before it reaps, so that the group can be killed while its number is still ours. Strangers (orphans handed
 * to PID 1) are reaped in passing. */
static void reap(struct reactor *r)
{
	struct instant now = instant_now();

	for (;;) {
		siginfo_t info = {0};
		size_t k;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == EINTR)
			continue;
		if (info.si_pid == 0)
			return;
		k = place_of(r, info.si_pid);
		if (k < r->run->plan.n) {
			finish_attempt(r, k, &info, now);
		} else if (reaper_is_the_services(&r->reaper, info.si_pid)) {
			reap_one_by_one(r, now);
			return;
		} else {
			wait_for(info.si_pid, NULL);
		}
	}
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------------- */
static void kill_all(struct reactor *r)
{
	cleanup_free size_t *which = xcalloc(r->run->plan.n + 1, sizeof *which);
	size_t n = 0;

	for (size_t k = 0; k < r->run->plan.n; k++)
		if (r->live[k])
			which[n++] = k;
	kill_attempts(r, which, n, instant_now());
}

static void on_signal(struct reactor *r)
{
	/* Two that come together (TERM and HUP of a closing session) ask once. */
	bool asked_before = r->run->signal != 0;
	int sig;

	while ((sig = signals_ending(r->signals)) != 0) {
		if (asked_before) { /* asked twice: at once */
			kill_all(r);
			r->watcher->abandon(r->watcher->ctx);
			leave_at_once(128 + sig);
		}
		if (!r->run->signal)
			r->run->signal = sig;
		plan_stop(&r->run->plan, instant_now());
	}
}

/* True when the plan must be asked again at once. */
static bool carry_out(struct reactor *r, struct instant now, struct action *actions)
{
	size_t n = plan_step(&r->run->plan, now, actions), n_kills = 0;
	cleanup_free size_t *kills = xcalloc(n + 1, sizeof *kills);
	bool again = false;

	for (size_t i = 0; i < n; i++)
		if (actions[i].kind == ACTION_KILL)
			kills[n_kills++] = actions[i].check;
	kill_attempts(r, kills, n_kills, now);
	for (size_t i = 0; i < n; i++) {
		if (actions[i].kind != ACTION_START)
			continue;
		start_attempt(r, actions[i].check, now);
		again |= !r->live[actions[i].check];
	}
	return again;
}

/* What a killed process does not do (be gone) must not hold the run. */
static void give_up_killed(struct reactor *r, struct instant now)
{
	r->wake = r->unwatched ? instant_after(now, UNWATCHED_EACH) : INSTANT_NEVER;
	for (size_t k = 0; k < r->run->plan.n; k++) {
		if (r->live[k] && instant_reached(r->live[k]->killed_until, now))
			finish_attempt(r, k, NULL, now);
		else if (r->live[k])
			r->wake = instant_earlier(r->wake, r->live[k]->killed_until);
	}
}

static int turn(struct reactor *r, struct action *actions, struct err *err)
{
	struct epoll_event events[64];
	struct instant now = instant_now(), wake;
	bool again;
	int n;

	give_up_killed(r, now);
	again = carry_out(r, now, actions);
	if (r->run->plan.over)
		return 0;
	/* At once, but not before signals and the dead are looked at: where no process is to be had it is so each time. */
	wake = again ? now : r->run->plan.wake;
	wake = instant_earlier(wake, r->watcher->tick(r->watcher->ctx, r->run, now));
	wake = instant_earlier(wake, r->wake);
	/* The clock once more: to start or to kill many takes its time. */
	n = epoll_wait(r->epoll, events, ARRAY_LEN(events), instant_left_ms(wake, instant_now()));
	if (n < 0 && errno != EINTR)
		return err_make(err, errno, "epoll_wait");
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == EVENT_SIGNAL)
			on_signal(r);
		else if (r->live[events[i].data.u64])
			drain(r, (size_t)events[i].data.u64);
	}
	for (size_t k = 0; k < r->run->plan.n && r->unwatched; k++)
		if (r->live[k])
			drain(r, k);
	reap(r); /* each turn: a signal may be lost, a dead child must not be */
	return 0;
}

/* Nobody is left, unless the loop failed: no child may outlive it. */
static void end_all(struct reactor *r)
{
	struct instant until = instant_after(instant_now(), KILLED_MAX);

	kill_all(r);
	while (r->running > 0 && !instant_reached(until, instant_now())) {
		poll(NULL, 0, 1);
		reap(r);
	}
}

/* The service must not find those that fled, not even dead. */
static void end_fled(struct reactor *r)
{
	struct instant until = instant_after(instant_now(), KILLED_MAX);

	while ((r->run->left_behind = reaper_kill_fled(&r->reaper, until)) &&
	       !instant_reached(until, instant_now())) {
		poll(NULL, 0, 1);
		reap(r);
	}
}

int reactor_run(struct run *run, const struct signals *signals, const struct watcher *watcher,
		struct err *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = EVENT_SIGNAL};
	cleanup_free struct live **live = xcalloc(run->plan.n + 1, sizeof *live);
	cleanup_free struct action *actions = xcalloc(run->plan.n + 1, sizeof *actions);
	cleanup_fd int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct sandbox sandbox;
	struct child_setup setup = {.sandbox = &sandbox, .mask = &signals->original};
	struct reactor r = {.run = run,
			    .signals = signals,
			    .watcher = watcher,
			    .setup = &setup,
			    .epoll = epoll,
			    .live = live,
			    .wake = INSTANT_NEVER};
	int rc = 0;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, signals->fd, &ev) < 0)
		return err_make(err, errno, "epoll");
	sandbox_prepare(&sandbox, child_sandbox_profiles(run->profile));
	oom_watch(&r.oom);
	reaper_begin(&r.reaper, signals->original_chld.sa_handler != SIG_IGN);
	while (rc == 0 && !run->plan.over)
		rc = turn(&r, actions, err);
	end_all(&r);
	end_fled(&r);
	sandbox_free(&sandbox);
	reaper_free(&r.reaper);
	run->ended = instant_now();
	return rc;
}
