#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "abort_message.h"
#include "secret.h"
#include "proctree.h"
#include "ipc.h"

/* The check's own deadline comes a little before the kill: a library's message explains more than "killed". */
#define SOFT_PERCENT 10
#define SOFT_MAX DURATION_MS(200)
#define END_MS 100 /* how long a child that ends waits for the processes that it has killed */

/* One attempt to make. It goes through a pipe to a copy of this process, where the pointer means the same. */
struct job {
	const struct profile_check *check;
	int number;
	struct instant now, deadline;
};
/* The child's ends. */
struct child_pipes {
	int records, jobs; /* jobs: -1 where there is none */
};

struct check_sink {
	int fd;
};

/* ---- check.h: the reporting calls of a check ------------------------------------------------------------------------------- */
PRINTF_LIKE(5, 0)
static void send_record(const struct check_run *run, enum ipc_type type, enum phase phase,
			const char *key, const char *fmt, va_list ap)
{
	char text[IPC_TEXT_MAX];
	int saved = errno;

	vsnprintf(text, sizeof text, fmt, ap);
	ipc_put_text(run->sink->fd, type, phase, key, text);
	errno = saved;
}

void check_step(const struct check_run *run, enum phase phase, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_record(run, IPC_STEP, phase, NULL, fmt, ap);
	va_end(ap);
}

void check_reached(const struct check_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_record(run, IPC_REACHED, PH_NONE, NULL, fmt, ap);
	va_end(ap);
}

void check_fact(const struct check_run *run, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_record(run, IPC_FACT, PH_NONE, key, fmt, ap);
	va_end(ap);
}

void check_summary(const struct check_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_record(run, IPC_SUMMARY, PH_NONE, NULL, fmt, ap);
	va_end(ap);
}

/* ---- the sandbox ------------------------------------------------------------------------------------------------------ */
/* Keeps descriptors 0 to 2 and these two; `jobs` may be -1. */
static void close_all_but(int records, int jobs)
{
	int low = jobs < 0 || records < jobs ? records : jobs, high = jobs > low ? jobs : records;

	if (low > 3)
		close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0u, 0);
}

/* The guard may have been started with closed standard descriptors, whose numbers pipes get then. */
static void move_above_stdio(int *fd)
{
	int moved = *fd >= 0 && *fd < 3 ? fcntl(*fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (moved >= 0)
		*fd = moved;
}

/* Keeps descriptors 0 to 2 open: otherwise the next socket would get one of these numbers, and a library's messages to stderr
 * would go into it. Without /dev/null they refer to the root folder, which can be neither read nor written as a file. */
static void null_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		null = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
}

/* When a memory limit is hit, the kernel should kill the child and not the guard. Each 1,000 points count as all memory of the
 * container, so with fewer the guard, which has a share of its own, may come first where that memory is small. */
static void raise_oom_score(void)
{
	cleanup_fd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0) {
		/* If this is refused, the kernel chooses. */
	}
}

/* 1 and not 0: a core that is piped to a program (core_pattern) heeds no other limit, and a file of one byte is not written. */
static void forbid_core(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_CORE, &r) < 0)
		return;
	r.rlim_max = r.rlim_max > 1 ? 1 : r.rlim_max;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_CORE, &r);
}

/* Ignores SIGPIPE and SIGXFSZ, so that the write fails with an errno: client libraries write to sockets that were closed and to
 * files that must not grow. */
static void reset_signals(const struct child_setup *setup)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, ign = {.sa_handler = SIG_IGN};

	for (int s = 1; s < NSIG; s++)
		if (sigismember(setup->changed, s) == 1)
			sigaction(s, &dfl, NULL);
	sigaction(SIGPIPE, &ign, NULL);
	sigaction(SIGXFSZ, &ign, NULL);
	sigprocmask(SIG_SETMASK, setup->mask, NULL);
}

bool child_may_start_programs(const struct check_kind *kind)
{
	return kind->needs_exec || kind->starts_programs;
}

/* Child only: starts_programs may read a file, which may lie on a dead file server. */
static enum sandbox_profile choose_sandbox(const struct profile_check *check)
{
	const struct check_kind *kind = check->kind;

	if (kind->needs_exec || (kind->starts_programs && kind->starts_programs(check->conf)))
		return SANDBOX_PROGRAMS;
	return SANDBOX_PLAIN;
}

unsigned child_sandbox_profiles(const struct profile *profile)
{
	unsigned set = 0;

	for (size_t i = 0; i < profile->n; i++) {
		const struct check_kind *kind = profile->checks[i].kind;

		if (child_may_start_programs(kind))
			set |= 1u << SANDBOX_PROGRAMS;
		if (!kind->needs_exec)
			set |= 1u << SANDBOX_PLAIN;
	}
	return set;
}

uint64_t child_memory(const struct check_kind *kind, const struct sandbox *sandbox)
{
	if (kind->needs_exec) /* nobody knows how much a program of the image needs */
		return 0;
	return sandbox_memory(sandbox, kind->memory ? kind->memory : SANDBOX_MEMORY);
}

/* For the signal handler only. */
static pid_t guard;

/* Kills the programs that this child started, also those that have left its process group, when the guard has died. SIGKILL as
 * death signal would end this child alone. */
static void on_guard_death(int sig)
{
	if (getppid() == guard) /* it lives: a command has sent the signal to its parent */
		return;
	proctree_kill_below(getpid());
	if (getpgrp() == getpid())
		kill(0, SIGKILL);
	_exit(128 + sig);
}

static void watch_guard(bool needs_exec, pid_t parent)
{
	struct sigaction sa = {.sa_handler = on_guard_death};
	sigset_t term;

	if (!needs_exec)
		return;
	guard = parent;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (sigaction(SIGTERM, &sa, NULL) == 0 && sigprocmask(SIG_UNBLOCK, &term, NULL) == 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* The order matters. The pipe is moved first, so that missing layers can be reported. The OOM score is written before the process
 * stops being dumpable, which gives /proc/self to root. The filter comes last, since it forbids half of these calls. */
static void enter_sandbox(const struct profile_check *check, pid_t parent,
			  struct child_pipes *pipes, const struct child_setup *setup)
{
	char missing[SANDBOX_MISSING_MAX];
	enum sandbox_profile profile = choose_sandbox(check);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* a process that leaves the group stays below this one */
	setpgid(0, 0);
	move_above_stdio(&pipes->records);
	move_above_stdio(&pipes->jobs);
	null_stdio();
	raise_oom_score();
	forbid_core();
	prctl(PR_SET_DUMPABLE, 0);
	reset_signals(setup);
	watch_guard(check->kind->needs_exec, parent);
	if (getppid() != parent) /* the guard died before the death signal was set */
		_exit(EXIT_FAILURE);
	if (child_memory(check->kind, setup->sandbox))
		sandbox_limit_memory(setup->sandbox, child_memory(check->kind, setup->sandbox));
	if (profile == SANDBOX_PLAIN)
		sandbox_limit();
	sandbox_enter(setup->sandbox, profile, missing);
	close_all_but(pipes->records,
		      pipes->jobs); /* after sandbox_enter, which needs the ruleset's descriptor */
	if (missing[0])
		ipc_put_text(pipes->records, IPC_NOTE, PH_NONE, NULL, missing);
}

static struct instant soft_deadline(struct instant now, struct instant deadline)
{
	int64_t margin = instant_since(now, deadline).ns / 100 * SOFT_PERCENT;

	if (instant_is_never(deadline))
		return deadline;
	return (struct instant){deadline.ns - (margin < SOFT_MAX.ns ? margin : SOFT_MAX.ns)};
}

/* Did the attempt reach its memory limit? Libraries then report other errors ("invalid JSON"), which would blame the dependency. */
static bool memory_ran_out(const struct sandbox *sandbox, const struct check_kind *kind)
{
	uint64_t memory = sandbox ? child_memory(kind, sandbox) : 0;
	struct rusage usage;

	return memory && getrusage(RUSAGE_SELF, &usage) == 0 &&
	       sandbox_limit_reached(sandbox, usage.ru_maxrss, memory, true);
}

static enum result fail_no_memory(const struct profile_check *check, const struct sandbox *sandbox,
				  struct diag *diag)
{
	struct diag reported = *diag;

	return diag_set(
	    diag, D_GUARD_NO_MEMORY, reported.subject[0] ? reported.subject : check->id,
	    "an attempt may use %llu MiB, and that was hardly enough; it then reported: %s: %s",
	    (unsigned long long)child_memory(check->kind, sandbox) >> 20,
	    reported.code == D_NONE ? "nothing" : diag_info(reported.code)->code, reported.cause);
}

static enum result run_attempt(const struct job *job, int fd, const struct sandbox *sandbox,
			       struct diag *diag)
{
	const struct profile_check *check = job->check;
	struct check_sink sink = {.fd = fd};
	struct check_run run = {.id = check->id,
				.name = check->name,
				.conf = check->conf,
				.deadline = soft_deadline(job->now, job->deadline),
				.attempt = job->number,
				.sink = &sink};
	enum result v;

	*diag = (struct diag){0};
	if (check->kind->schema)
		schema_register_secrets(check->kind->schema, check->conf);
	if (check->kind->needs_exec)
		secret_register_environment();
	v = check->kind->run(&run, diag);
	if (v == RESULT_FAIL && memory_ran_out(sandbox, check->kind))
		v = fail_no_memory(check, sandbox, diag);
	/* A failure without a code is a bug of the kind. */
	if (v != RESULT_PASS && diag->code == D_NONE)
		v = diag_set(diag, D_GUARD_BUG, check->id, "the check failed without saying why");
	else if (v != RESULT_PASS) /* the code decides, whatever the kind returned with it */
		v = diag_info(diag->code)->result;
	ipc_put_final(fd, v, diag);
	return v;
}

static void die_into_pipe(int fd, const char *text)
{
	bool memory = str_starts(text, "out of memory");
	struct diag diag = {0};

	diag_set(&diag, memory ? D_GUARD_NO_MEMORY : D_GUARD_BUG,
		 memory ? "memory" : "internal error", "%s", text);
	ipc_put_final(fd, RESULT_BROKEN, &diag);
}

bool child_may_share(const struct profile_check *a, const struct profile_check *b)
{
	return a->kind == b->kind && a->kind->may_share_child &&
	       a->kind->may_share_child(a->conf) && a->kind->may_share_child(b->conf);
}

bool child_stays(enum result result, const struct diag *diag)
{
	return result == RESULT_PASS ||
	       (result == RESULT_FAIL && diag_info(diag->code)->phase == PH_CONNECT);
}

/* Waits for the next job. Returns false when the parent wants no more of this child. */
static bool await_job(int fd, struct job *job)
{
	ssize_t n;

	do
		n = read(fd, job, sizeof *job);
	while (n < 0 && errno == EINTR);
	return n == sizeof *job;
}

static void make_attempts(struct job *job, const struct child_pipes *pipes,
			  const struct sandbox *sandbox)
{
	enum result result;
	struct diag diag;

	do {
		result = run_attempt(job, pipes->records, sandbox, &diag);
		if (pipes->jobs < 0 || !child_stays(result, &diag))
			return;
		close_all_but(pipes->records, pipes->jobs);
	} while (await_job(pipes->jobs, job));
}

static _Noreturn void child_main(struct job *job, struct child_pipes pipes, pid_t parent,
				 const struct child_setup *setup)
{
	struct abort_message abort_message;
	const struct check_kind *kind = job->check->kind;
	bool ended;

	enter_sandbox(job->check, parent, &pipes, setup);
	die_also(die_into_pipe, pipes.records);
	if (kind->library)
		abort_message_watch(&abort_message, pipes.records, kind->library);
	make_attempts(job, &pipes, setup->sandbox);
	ended = proctree_end(END_MS);
	/* EXIT_FAILURE makes the reactor look for orphans. */
	leave_at_once(ended ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void close_both(int p[2])
{
	cleanup_fd_fn(&p[0]);
	cleanup_fd_fn(&p[1]);
}

int child_start(struct child *out, const struct profile_check *check, int number,
		struct instant now, struct instant deadline, const struct child_setup *setup)
{
	struct job job = {.check = check, .number = number, .now = now, .deadline = deadline};
	int records[2], jobs[2] = {-1, -1};
	pid_t parent = getpid(), pid;

	if (pipe2(records, O_CLOEXEC) < 0)
		return -1;
	if (child_may_share(check, check) && pipe2(jobs, O_CLOEXEC) < 0) {
		close_both(records);
		return -1;
	}
	fcntl(records[0], F_SETFL, O_NONBLOCK);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(records[0]);
		cleanup_fd_fn(&jobs[1]);
		child_main(&job, (struct child_pipes){.records = records[1], .jobs = jobs[0]},
			   parent, setup);
	}
	/* The errno of fork is kept. */
	cleanup_fd_fn(&records[1]);
	cleanup_fd_fn(&jobs[0]);
	if (pid < 0) {
		cleanup_fd_fn(&records[0]);
		cleanup_fd_fn(&jobs[1]);
		return -1;
	}
	/* The child calls setpgid too: whichever process runs first, a kill must find the group. */
	setpgid(pid, pid);
	*out = (struct child){.pid = pid, .fd = records[0], .attempts = 1, .jobs = jobs[1]};
	return 0;
}

int child_give(struct child *child, const struct profile_check *check, int number,
	       struct instant now, struct instant deadline)
{
	/* Zeroed as a whole: padding goes through the pipe too. */
	struct job job;

	memset(&job, 0, sizeof job);
	job.check = check;
	job.number = number;
	job.now = now;
	job.deadline = deadline;
	child->attempts++;
	return write(child->jobs, &job, sizeof job) == sizeof job ? 0 : -1;
}

enum result child_in_process(const struct profile_check *check, struct instant now,
			     struct instant deadline, int fd, struct diag *out)
{
	struct job job = {.check = check, .number = 1, .now = now, .deadline = deadline};

	return run_attempt(&job, fd, NULL, out);
}
