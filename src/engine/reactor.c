#include "reactor.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "idle.h"
#include "oom.h"
#include "orphans.h"
#include "proctree.h"

/* An attempt that runs. */
struct attempt {
	struct child child;
	struct ipc_in in;
	struct check_outcome previous; /* the check's outcome when this attempt began */
	struct instant reap_by;     /* when to give up a killed child; INSTANT_NEVER: not killed */
	enum phase phase;           /* the phase of the last step */
	char abort[FACT_VALUE_MAX]; /* a client library's message before abort(); else empty */
	bool killed, final, passed;
	bool child_stays; /* after the final record: the child waits for another attempt */
};
struct reactor {
	struct run *run;
	const struct signals *signals;
	const struct watcher *watcher;
	const struct child_setup *setup;
	size_t running;
	struct attempt **attempts; /* indexed by check; NULL: no attempt runs */
	struct oom oom;
	struct pollfd *fds; /* for poll: the signalfd, then the pipes of the checks in `polled` */
	size_t *polled;
	struct orphans orphans;
	struct idle idle; /* children that wait for their next attempt */
	pid_t *stuck;     /* children that were given up and that SIGKILL has not ended yet */
	size_t n_stuck;
	int reap_error; /* the errno with which the system refused to reap a child; 0: none */
};

#define ESCAPED_MAX 1024
/* A process dies of SIGKILL as soon as it is scheduled, unless the kernel itself waits for a dead disk or file server. */
#define REAP_MAX DURATION_S(1)
/* An attempt with less than this part of attempt_timeout cannot tell a slow peer from a dead one. */
#define SHORT_ATTEMPT_DIVISOR 10
/* The most reads of one pipe in a turn, more than a pipe holds: a child that never stops writing must not hold up the loop. */
#define DRAIN_MAX 64

/* ---- records ---------------------------------------------------------------------------------------------------------- */
static void take_fact(struct check_outcome *o, const struct ipc_record *rec)
{
	struct fact *f = NULL;

	for (size_t i = 0; i < o->n_facts; i++)
		if (str_eq(o->facts[i].key, rec->key))
			f = &o->facts[i];
	if (!f && o->n_facts < FACTS_MAX)
		f = &o->facts[o->n_facts++];
	if (!f)
		return;
	snprintf(f->key, sizeof f->key, "%s", rec->key);
	snprintf(f->value, sizeof f->value, "%s", rec->text);
}

/* Adds a phase once: a check that talks to several peers reaches it several times. */
static void take_reached(struct check_outcome *o, const char *text)
{
	char cut[sizeof o->reached[0]];

	text_clean(cut, sizeof cut, text); /* cuts between characters, not within one */
	for (size_t i = 0; i < o->n_reached; i++)
		if (str_eq(o->reached[i], cut))
			return;
	if (o->n_reached < REACHED_MAX)
		memcpy(o->reached[o->n_reached++], cut, sizeof cut);
}

/* Only the plain profile has every layer, so the list from such a child is complete and replaces a shorter one. */
static void take_sandbox_note(struct reactor *r, const char *missing, bool is_plain)
{
	struct run *run = r->run;

	r->orphans.unfiltered |= strstr(missing, SANDBOX_FILTER_NAME) != NULL;
	if (!run->sandbox_missing_is_whole)
		snprintf(run->sandbox_missing, sizeof run->sandbox_missing, "%s", missing);
	run->sandbox_missing_is_whole |= is_plain;
}

static void take_record(struct reactor *r, size_t i, const struct ipc_record *rec)
{
	struct attempt *a = r->attempts[i];
	struct check_outcome *o = &r->run->outcomes[i];

	switch (rec->type) {
	case IPC_STEP:
		snprintf(o->step, sizeof o->step, "%s", rec->text);
		a->phase = rec->phase;
		break;
	case IPC_REACHED:
		take_reached(o, rec->text);
		break;
	case IPC_FACT:
		take_fact(o, rec);
		break;
	case IPC_SUMMARY:
		snprintf(o->summary, sizeof o->summary, "%s", rec->text);
		break;
	case IPC_NOTE:
		take_sandbox_note(r, rec->text,
				  !child_may_start_programs(r->run->profile->checks[i].kind));
		break;
	case IPC_ABORT:
		if (!a->abort[0]) /* the first message is the cause of the others */
			snprintf(a->abort, sizeof a->abort, "%s", rec->text);
		break;
	case IPC_FINAL:
		a->final = true;
		a->passed = rec->result == RESULT_PASS;
		a->child_stays = child_stays(rec->result, &rec->diag);
		o->diag = rec->diag; /* D_NONE when it passed */
		break;
	}
}

static void close_pipe(struct attempt *a)
{
	if (a->child.fd >= 0)
		close(steal_fd(&a->child.fd));
}

/* The child ends when it waits for a job and the pipe of jobs is closed. */
static void close_pipes(struct attempt *a)
{
	close_pipe(a);
	cleanup_fd_fn(&a->child.jobs);
	a->child.jobs = -1;
}

/* Reads what the pipe holds. The end of file does not mean that the child is dead: it may have closed the pipe. An open pipe does
 * not mean that it lives: a grandchild may hold the pipe. */
static void read_records(struct reactor *r, size_t i)
{
	struct attempt *a = r->attempts[i];
	struct ipc_record rec;

	for (int n = 0; n < DRAIN_MAX && a->child.fd >= 0; n++) {
		int got = ipc_fill(&a->in, a->child.fd);

		while (!a->final && ipc_next(&a->in, &rec))
			take_record(r, i, &rec);
		if (got == 1)
			continue;
		if (got == 0 || errno != EAGAIN)
			close_pipe(a);
		return;
	}
}

/* ---- attempts ------------------------------------------------------------------------------------------------------------ */
static void count_code(struct check_outcome *o, enum diag_code code)
{
	for (size_t i = 0; i < o->n_history; i++)
		if (o->history[i].code == code) {
			o->history[i].count++;
			return;
		}
	if (o->n_history < HISTORY_MAX) {
		o->history[o->n_history].code = code;
		o->history[o->n_history++].count = 1;
	}
}

/* Stores a finding of the guard itself; its subject is the last step. */
PRINTF_LIKE(3, 4)
static void guard_diag(struct check_outcome *o, enum diag_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vset(&o->diag, code, o->step, fmt, ap);
	va_end(ap);
}

static void add_stuck(struct reactor *r, pid_t pid)
{
	r->stuck = xrealloc(r->stuck, (r->n_stuck + 1) * sizeof *r->stuck);
	r->stuck[r->n_stuck++] = pid;
}

static const char *last_step(const struct check_outcome *o)
{
	return o->step[0] ? o->step : "nothing was reached";
}

static void end_idle(struct reactor *r, struct child *child)
{
	if (!idle_end(child))
		add_stuck(r, child->pid);
}

/* Returns how many there were. */
static size_t end_all_idle(struct reactor *r)
{
	struct child child;
	size_t n = 0;

	idle_kill_all(&r->idle); /* so that they end beside each other */
	for (; idle_take(&r->idle, NULL, &child); n++)
		end_idle(r, &child);
	return n;
}

/* Gives the attempt to a child that waits for one, or starts a child. Idle children count as running ones do: there are never more
 * than `parallel` children, and where the system refuses a process they make room. Returns as child_start does. */
static int find_child(struct reactor *r, size_t i, struct child *out, struct instant now)
{
	const struct plan_check *c = &r->run->plan.checks[i];
	const struct profile_check *check = &r->run->profile->checks[i];
	int error;

	while (idle_take(&r->idle, check, out)) {
		if (idle_is_silent(out) &&
		    !child_give(out, check, c->attempts, now, c->attempt_deadline))
			return 0;
		end_idle(r, out);
	}
	while (r->running + r->idle.n >= r->run->plan.parallel && idle_take(&r->idle, NULL, out))
		end_idle(r, out);
	if (!child_start(out, check, c->attempts, now, c->attempt_deadline, r->setup))
		return 0;
	error = errno;
	if (end_all_idle(r) > 0 &&
	    !child_start(out, check, c->attempts, now, c->attempt_deadline, r->setup))
		return 0;
	errno = error;
	return -1;
}

static void start_attempt(struct reactor *r, size_t i, struct instant now)
{
	struct check_outcome *o = &r->run->outcomes[i];
	struct attempt *a = xcalloc(1, sizeof *a);

	a->previous = *o;
	a->reap_by = INSTANT_NEVER;
	o->n_reached = o->n_facts = 0;
	o->step[0] = o->summary[0] = '\0';
	if (find_child(r, i, &a->child, now) < 0) {
		int error = errno;

		guard_diag(o, D_GUARD_NO_PROCESS, "%s: %s, with %zu attempts running",
			   error == EMFILE || error == ENFILE ? "pipe" : "fork", strerror(error),
			   r->running);
		diag_hint_no_process(&o->diag, error);
		count_code(o, D_GUARD_NO_PROCESS);
		free(a);
		plan_no_process(&r->run->plan, i, now, r->running);
		r->watcher->changed(r->watcher->ctx, i, now);
		return;
	}
	r->attempts[i] = a;
	r->running++;
}

/* Stops all process groups first: then no process can leave its group any more, and those that have left are found, since they
 * stay below the child until it dies. The kills come last and in one go: each one wakes a process that competes with this one
 * for a processor, so reading /proc between two kills would make the last of hundreds late. */
static void kill_attempts(struct reactor *r, const size_t *which, size_t n, struct instant now)
{
	pid_t pids[ESCAPED_MAX];
	struct proctree_list escaped = {.v = pids, .max = ESCAPED_MAX};

	for (size_t i = 0; i < n; i++) {
		struct attempt *a = r->attempts[which[i]];

		a->killed = true;
		if (instant_is_never(a->reap_by))
			a->reap_by = instant_after(now, REAP_MAX);
		if (kill(-a->child.pid, SIGSTOP) < 0)
			kill(a->child.pid, SIGSTOP);
	}
	for (size_t i = 0; i < n; i++)
		proctree_stop_escaped(r->attempts[which[i]]->child.pid, &escaped);
	for (size_t i = 0; i < n; i++)
		if (kill(-r->attempts[which[i]]->child.pid, SIGKILL) < 0)
			kill(r->attempts[which[i]]->child.pid, SIGKILL);
	for (size_t i = 0; i < escaped.n; i++)
		kill(escaped.v[i], SIGKILL);
}

/* Returns the profile's name of the limit that ended the attempt: deadlines are nested. */
static const char *limit_hit(const struct run *run, const struct plan_check *c,
			     struct instant deadline)
{
	if (deadline.ns == run->plan.deadline.ns)
		return "timeout of the run";
	return deadline.ns == c->deadline.ns ? "timeout" : "attempt_timeout";
}

/* Returns the time that an attempt was allowed: less than attempt_timeout when the deadline of its check or of the run was nearer.
 * It does not depend on when the attempt was reaped, which a busy machine delays. */
static struct duration time_allowed(const struct plan_check *c)
{
	return instant_since(c->attempt_start, c->attempt_deadline);
}

/* The reactor killed the attempt. At attempt_timeout that is a finding. An attempt that was allowed less shows less than the
 * previous finding, which is kept with the steps that it had reached. An attempt that was killed because the run ended early is
 * not a finding. */
static void judge_killed(struct reactor *r, size_t i, struct instant now)
{
	struct plan_check *c = &r->run->plan.checks[i];
	struct check_outcome *o = &r->run->outcomes[i];
	struct duration ran = instant_since(c->attempt_start, now);
	bool early = !instant_reached(c->attempt_deadline, now);
	bool keep_previous =
	    o->diag.code != D_NONE && (early || time_allowed(c).ns < c->attempt_timeout.ns);
	char time[32];

	if (keep_previous)
		*o = r->attempts[i]->previous;
	o->interrupted = early;
	if (keep_previous || early)
		return;
	guard_diag(o, D_GUARD_DEADLINE, "killed after %s (%s) while: %s",
		   duration_text(ran, time, sizeof time), limit_hit(r->run, c, c->attempt_deadline),
		   last_step(o));
	count_code(o, D_GUARD_DEADLINE);
}

/* Did the attempt time out because it was allowed too little: next to nothing, or less than twice what the previous attempt took?
 * Then the time-out proves nothing about the peer, and the previous finding is kept. A command that the check itself ended at its
 * deadline counts as killed. */
static bool was_too_short(const struct attempt *a, const struct plan_check *c,
			  const struct check_outcome *o)
{
	enum diag_code code = o->diag.code;
	struct duration allowed = time_allowed(c);

	if (a->previous.diag.code == D_NONE || allowed.ns >= c->attempt_timeout.ns)
		return false;
	if (code == D_GUARD_DEADLINE)
		return true;
	return diag_is_timeout(code) &&
	       (allowed.ns < c->attempt_timeout.ns / SHORT_ATTEMPT_DIVISOR ||
		allowed.ns / 2 < o->last_attempt.ns);
}

/* Explains a SIGKILL that the reactor did not send: the kernel did if it counted one more out-of-memory kill, else nobody knows. */
static void judge_sigkill(struct reactor *r, struct check_outcome *o, const struct rusage *usage,
			  const char *step)
{
	if (oom_happened(&r->oom)) {
		guard_diag(
		    o, D_GUARD_NO_MEMORY,
		    "killed by the kernel, which was out of memory; it held %ld MiB; while: %s",
		    usage->ru_maxrss / 1024, step);
		return;
	}
	guard_diag(o, D_GUARD_CRASHED,
		   "killed by signal 9 from outside, perhaps for want of memory; it held %ld MiB; "
		   "while: %s",
		   usage->ru_maxrss / 1024, step);
	diag_hint(&o->diag, "find out who sends SIGKILL here, and whether the kernel's log or the "
			    "container engine reports lack of memory; the dependency is not at "
			    "fault");
}

/* Did a client library abort with a message, once it may have read the peer's bytes? They are then the probable cause. An abort
 * without a message may come from the C library, which found corrupted memory of unknown cause. */
static bool library_aborted(const struct attempt *a, const siginfo_t *info)
{
	return a->abort[0] && info->si_code != CLD_EXITED && info->si_status == SIGABRT &&
	       a->phase >= PH_CONNECT;
}

/* Explains a crash. Once the attempt has begun to talk to its peer, the bytes of the peer and the client library are named: they are
 * as likely the cause as startguard's own code. */
static void judge_crash(const struct reactor *r, size_t i, struct check_outcome *o, int sig)
{
	const struct check_kind *kind = r->run->profile->checks[i].kind;
	const struct attempt *a = r->attempts[i];
	bool with_peer = kind->library && a->phase >= PH_CONNECT;

	guard_diag(o, D_GUARD_CRASHED, "signal %d (%s) while: %s%s%s%s%s", sig,
		   sigdescr_np(sig) ? sigdescr_np(sig) : "?", last_step(o), a->abort[0] ? "; " : "",
		   a->abort, with_peer ? "; the bytes of the peer went to " : "",
		   with_peer ? kind->library() : "");
	if (with_peer)
		diag_hint(&o->diag, "look what answers there, and try another version of the "
				    "library: likely it cannot take these bytes; else report it "
				    "with the last step");
}

/* Explains a child that ended without a final record and that the reactor did not kill. Libraries abort, crash or exit when an
 * allocation fails, so the memory that the child held is examined first. */
static void judge_ended(struct reactor *r, size_t i, const siginfo_t *info,
			const struct rusage *usage)
{
	uint64_t memory = child_memory(r->run->profile->checks[i].kind, r->setup->sandbox);
	const struct attempt *a = r->attempts[i];
	struct check_outcome *o = &r->run->outcomes[i];
	const char *step = last_step(o);

	if (a->in.broken)
		guard_diag(o, D_GUARD_BUG,
			   "the check wrote bytes that are not a record; last step: %s", step);
	else if (info->si_code != CLD_EXITED && info->si_status == SIGKILL)
		judge_sigkill(r, o, usage, step);
	else if (memory &&
		 sandbox_limit_reached(r->setup->sandbox, usage->ru_maxrss, memory, false))
		guard_diag(
		    o, D_GUARD_NO_MEMORY,
		    "ended for want of memory; it held %ld MiB, and an attempt may use %llu; "
		    "while: %s",
		    usage->ru_maxrss / 1024, (unsigned long long)memory >> 20, step);
	else if (library_aborted(a, info))
		guard_diag(o, D_LIBRARY_CRASHED, "%s; while: %s", a->abort, step);
	else if (info->si_code != CLD_EXITED)
		judge_crash(r, i, o, info->si_status);
	else
		guard_diag(o, D_GUARD_BUG, "status %d without a result; last step: %s",
			   info->si_status, step);
}

static void judge_attempt(struct reactor *r, size_t i, const siginfo_t *info,
			  const struct rusage *usage, struct instant now)
{
	struct attempt *a = r->attempts[i];
	struct check_outcome *o = &r->run->outcomes[i];

	if (a->passed)
		return;
	if (a->final && was_too_short(a, &r->run->plan.checks[i], o)) {
		*o = a->previous;
		return;
	}
	if (a->killed && !a->final) {
		judge_killed(r, i, now);
		return;
	}
	if (!a->final)
		judge_ended(r, i, info, usage);
	count_code(o, o->diag.code);
}

/* The child still lives REAP_MAX after SIGKILL: it waits in the kernel, where no signal reaches it. */
static void judge_stuck(struct reactor *r, size_t i)
{
	const struct attempt *a = r->attempts[i];
	struct check_outcome *o = &r->run->outcomes[i];

	if (a->passed)
		return;
	if (!a->final) {
		guard_diag(o, D_GUARD_DEADLINE, "could not be killed while: %s", last_step(o));
		diag_hint(&o->diag, "find out what the kernel waits for there, likely a file "
				    "system (NFS, FUSE) or a disk that does not answer; a longer "
				    "attempt_timeout does not help");
	}
	count_code(o, o->diag.code);
}

static void remove_stuck(struct reactor *r, pid_t pid)
{
	for (size_t i = 0; i < r->n_stuck; i++)
		if (r->stuck[i] == pid) {
			r->stuck[i] = r->stuck[--r->n_stuck];
			return;
		}
}

/* Reaps a dead child, so this does not wait. `usage` may be NULL. */
static void reap(struct reactor *r, pid_t pid, struct rusage *usage)
{
	pid_t got;

	do
		got = wait4(pid, NULL, WNOHANG, usage);
	while (got < 0 && errno == EINTR);
	if (got != pid)
		r->reap_error = errno;
}

/* Records the end of an attempt that has been judged. */
static void end_attempt(struct reactor *r, size_t i, struct instant now)
{
	struct attempt *a = r->attempts[i];
	struct plan_check *c = &r->run->plan.checks[i];
	struct check_outcome *o = &r->run->outcomes[i];
	bool retryable = true, slow = false;

	o->last_attempt = instant_since(c->attempt_start, now);
	/* Even without a final record: the previous finding may have been kept. */
	if (o->diag.code != D_NONE && !a->passed)
		retryable = diag_info(o->diag.code)->retryable;
	slow = o->diag.code != D_NONE && (diag_info(o->diag.code)->slow || o->diag.retry_after_s);
	close_pipes(a);
	plan_result(&r->run->plan, i, now, a->passed, retryable);
	if (slow)
		plan_slow_down(&r->run->plan, i, now, DURATION_S(o->diag.retry_after_s));
	free(a);
	r->attempts[i] = NULL;
	r->running--;
	r->watcher->changed(r->watcher->ctx, i, now);
}

/* May another attempt come soon that the child of check i can make? A child that nobody needs ends by itself sooner than one that
 * has to be killed. */
static bool has_next_job(const struct reactor *r, size_t i)
{
	const struct plan *plan = &r->run->plan;
	const struct profile_check *checks = r->run->profile->checks;

	if (!r->attempts[i]->passed)
		return true;
	for (size_t k = 0; k < plan->n; k++)
		if (k != i && !r->attempts[k] && plan_undecided(&plan->checks[k]) &&
		    child_may_share(&checks[i], &checks[k]))
			return true;
	return false;
}

/* Ends an attempt whose child has sent its final record and waits for another attempt. A child that wrote more than that record
 * is not used again. */
static void keep_child(struct reactor *r, size_t i, struct instant now)
{
	struct attempt *a = r->attempts[i];

	if (!a->final || a->killed || a->child.jobs < 0 || a->child.fd < 0)
		return;
	if (!a->child_stays || a->in.len || a->in.broken || r->idle.n == IDLE_MAX ||
	    a->child.attempts >= CHILD_ATTEMPTS_MAX || !has_next_job(r, i)) {
		cleanup_fd_fn(&a->child.jobs);
		a->child.jobs = -1;
		return;
	}
	idle_add(&r->idle, &r->run->profile->checks[i], &a->child);
	a->child.fd = a->child.jobs = -1;
	judge_attempt(r, i, NULL, NULL, now);
	end_attempt(r, i, now);
}

/* Ends an attempt whose child is dead, or (info is NULL) could not be reaped in time after SIGKILL. */
static void finish_attempt(struct reactor *r, size_t i, const siginfo_t *info, struct instant now)
{
	struct attempt *a = r->attempts[i];
	struct rusage usage = {0};

	read_records(r, i);
	/* Status 0 after the final record means that no process is left; the plain profile cannot fork. */
	if (info && child_may_start_programs(r->run->profile->checks[i].kind) &&
	    (!a->final || info->si_code != CLD_EXITED || info->si_status != 0))
		r->orphans.expected = true;
	/* Kill the group before the child is reaped: afterwards the pid may be another process's. */
	kill(-a->child.pid, SIGKILL);
	if (info) {
		reap(r, a->child.pid, &usage);
		judge_attempt(r, i, info, &usage, now);
	} else {
		add_stuck(r, a->child.pid);
		judge_stuck(r, i);
	}
	end_attempt(r, i, now);
}

static size_t find_check(const struct reactor *r, pid_t pid)
{
	size_t i = 0;

	while (i < r->run->plan.n && !(r->attempts[i] && r->attempts[i]->child.pid == pid))
		i++;
	return i;
}

/* Finds a dead child before it is reaped (WNOWAIT), so that the group can be killed while the pid is still the child's. Returns its
 * pid; 0: none. */
static pid_t find_dead_child(struct reactor *r, siginfo_t *info)
{
	int rc;

	*info = (siginfo_t){0};
	do
		rc = waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && errno != ECHILD)
		r->reap_error = errno;
	return rc < 0 ? 0 : info->si_pid;
}

/* Reaps every dead child, also orphans that became children of this process. Returns -1 with err when the system refuses it (a
 * container's system call filter): the same child would be found for ever, or no child ever. */
static int reap_children(struct reactor *r, struct err *err)
{
	struct instant now = instant_now();
	siginfo_t info;
	pid_t pid;

	while (!r->reap_error && (pid = find_dead_child(r, &info)) != 0) {
		size_t i = find_check(r, pid);

		if (i < r->run->plan.n) {
			finish_attempt(r, i, &info, now);
		} else {
			remove_stuck(r, pid);
			idle_remove(&r->idle, pid);
			reap(r, pid, NULL);
		}
	}
	return r->reap_error ? err_make(err, r->reap_error, "reap a child") : 0;
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------------- */
static void kill_all(struct reactor *r)
{
	cleanup_free size_t *which = xcalloc(r->run->plan.n + 1, sizeof *which);
	size_t n = 0;

	for (size_t i = 0; i < r->run->plan.n; i++)
		if (r->attempts[i])
			which[n++] = i;
	kill_attempts(r, which, n, instant_now());
}

static void on_signal(struct reactor *r)
{
	/* Signals read in one go count as one request: a closing session sends TERM and HUP. */
	bool asked_before = r->run->signal != 0;
	int sig;

	while ((sig = signals_ending(r->signals)) != 0) {
		if (asked_before) { /* a second request: end at once */
			kill_all(r);
			r->watcher->abandon(r->watcher->ctx);
			leave_at_once(128 + sig);
		}
		if (!r->run->signal)
			r->run->signal = sig;
		plan_stop(&r->run->plan, instant_now());
	}
}

/* Carries out the next step of the plan. Returns true when a start failed, so that plan_step must be called again at once. */
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
		again |= !r->attempts[actions[i].check];
	}
	return again;
}

/* Gives up attempts whose child SIGKILL has not ended in time. */
static void give_up_killed(struct reactor *r, struct instant now)
{
	for (size_t i = 0; i < r->run->plan.n; i++)
		if (r->attempts[i] && instant_reached(r->attempts[i]->reap_by, now))
			finish_attempt(r, i, NULL, now);
}

/* Returns when the next attempt that was killed must be given up. */
static struct instant next_give_up(const struct reactor *r)
{
	struct instant next = INSTANT_NEVER;

	for (size_t i = 0; i < r->run->plan.n; i++)
		if (r->attempts[i])
			next = instant_earlier(next, r->attempts[i]->reap_by);
	return next;
}

/* Waits until a child writes, a signal comes or `ms` milliseconds are over, and reads what came. */
static int wait_and_read(struct reactor *r, int ms, struct err *err)
{
	struct instant now;
	size_t n = 0;

	r->fds[0] = (struct pollfd){.fd = r->signals->fd, .events = POLLIN};
	for (size_t i = 0; i < r->run->plan.n; i++) {
		if (!r->attempts[i] || r->attempts[i]->child.fd < 0)
			continue;
		r->polled[n++] = i;
		r->fds[n] = (struct pollfd){.fd = r->attempts[i]->child.fd, .events = POLLIN};
	}
	if (poll(r->fds, n + 1, ms) < 0)
		return errno == EINTR ? 0 : err_make(err, errno, "poll");
	now = instant_now();
	if (r->fds[0].revents)
		on_signal(r);
	for (size_t i = 0; i < n; i++)
		if (r->fds[i + 1].revents) {
			read_records(r, r->polled[i]);
			keep_child(r, r->polled[i], now);
		}
	return 0;
}

static int run_turn(struct reactor *r, struct action *actions, struct err *err)
{
	struct instant now = instant_now(), wake;
	bool again;

	give_up_killed(r, now);
	again = carry_out(r, now, actions);
	if (r->run->plan.over)
		return 0;
	/* After a failed start the next turn is due at once, but signals and dead children come first: it may fail again. */
	wake = again ? now : r->run->plan.wake;
	wake = instant_earlier(wake, r->watcher->tick(r->watcher->ctx, now));
	wake = instant_earlier(wake, next_give_up(r)); /* of attempts that carry_out killed, too */
	/* The clock is read again, since starting or killing many children takes time. */
	if (wait_and_read(r, instant_left_ms(wake, instant_now()), err) < 0)
		return -1;
	return reap_children(r, err); /* each turn: SIGCHLD may have been merged with another */
}

/* Ends the attempts that a failed loop has left running. */
static void end_all(struct reactor *r)
{
	struct instant until = instant_after(instant_now(), REAP_MAX);
	struct err err;

	kill_all(r);
	end_all_idle(r);
	while (r->running > 0 && !instant_reached(until, instant_now())) {
		poll(NULL, 0, 1);
		reap_children(r, &err);
	}
}

/* Kills and reaps orphans of attempts: the service must not find them among its children, not even dead ones. */
static void end_orphans(struct reactor *r)
{
	struct instant until = instant_after(instant_now(), REAP_MAX);
	struct err err;

	while ((r->run->orphan_left = orphans_kill(&r->orphans)) &&
	       !instant_reached(until, instant_now())) {
		poll(NULL, 0, 1);
		reap_children(r, &err);
	}
	r->run->orphan_left |= r->n_stuck > 0;
}

int reactor_run(struct run *run, const struct signals *signals, const struct watcher *watcher,
		struct err *err)
{
	cleanup_free struct attempt **attempts = xcalloc(run->plan.n + 1, sizeof *attempts);
	cleanup_free struct action *actions = xcalloc(run->plan.n + 1, sizeof *actions);
	cleanup_free struct pollfd *fds = xcalloc(run->plan.n + 1, sizeof *fds);
	cleanup_free size_t *polled = xcalloc(run->plan.n + 1, sizeof *polled);
	struct cgroup group;
	struct sandbox sandbox;
	struct child_setup setup = {
	    .sandbox = &sandbox, .mask = &signals->original, .changed = &signals->changed};
	struct reactor r = {.run = run,
			    .signals = signals,
			    .watcher = watcher,
			    .setup = &setup,
			    .attempts = attempts,
			    .fds = fds,
			    .polled = polled};
	int rc = 0;

	cgroup_find(&group, "");
	sandbox_prepare(&sandbox, child_sandbox_profiles(run->profile), &group);
	oom_watch(&r.oom, &group);
	orphans_begin(&r.orphans);
	while (rc == 0 && !run->plan.over)
		rc = run_turn(&r, actions, err);
	end_all(&r);
	end_orphans(&r);
	free(r.stuck);
	sandbox_free(&sandbox);
	orphans_end(&r.orphans);
	run->ended = instant_now();
	return rc;
}
