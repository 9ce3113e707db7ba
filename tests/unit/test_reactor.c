/* reactor and child: what an attempt may do to its process, and what is made of it. Kinds of the test's own, in real
 * children in the real sandbox. */
#include "reactor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cm.h"

#if defined __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Without these options AddressSanitizer ends the program where malloc would return NULL, and reports signals. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:handle_segv=0:handle_abort=0";
}

/* With it no signal reaches a child, as if the kernel waited for a dead disk. Replaces the C library's function. */
static bool unkillable;
static pid_t last_target;

int kill(pid_t pid, int sig)
{
	if (pid == getpid() || !unkillable)
		return (int)syscall(SYS_kill, pid, sig);
	last_target = pid;
	return 0;
}

struct world {
	struct profile profile;
	struct profile_check check;
	struct run run;
	struct signals signals;
	struct watcher watcher;
	int changed, ticks;
	int abandon_fd; /* where abandon writes a byte; -1: nowhere */
};

static void on_change(void *ctx, size_t check, UNUSED struct instant now)
{
	struct world *w = ctx;

	assert_int_equal(check, 0);
	w->changed++;
}

static struct instant on_tick(void *ctx, UNUSED struct instant now)
{
	((struct world *)ctx)->ticks++;
	return INSTANT_NEVER;
}

static void on_abandon(void *ctx)
{
	assert_int_equal(write(((struct world *)ctx)->abandon_fd, "a", 1), 1);
}

static void begin(struct world *w, const struct check_kind *kind, struct duration attempt_timeout)
{
	struct err err;

	*w = (struct world){.abandon_fd = -1};
	w->check =
	    (struct profile_check){.id = "kind.x", .name = "x", .kind = kind, .required = true};
	w->check.common.retry = true;
	w->check.common.timeout = DURATION_UNSET;
	w->check.common.attempt_timeout = attempt_timeout;
	w->profile = (struct profile){
	    .service = "s", .timeout = DURATION_S(60), .parallel = 4, .checks = &w->check, .n = 1};
	w->watcher = (struct watcher){
	    .ctx = w, .changed = on_change, .tick = on_tick, .abandon = on_abandon};
	assert_int_equal(signals_open(&w->signals, &err), 0);
}

static const struct check_outcome *go(struct world *w, bool one_round)
{
	struct err err;

	run_init(&w->run, &w->profile, instant_now(), one_round, 7);
	assert_int_equal(reactor_run(&w->run, &w->signals, &w->watcher, &err), 0);
	run_decide(&w->run);
	assert_true(w->ticks > 0);
	/* No child is left, not even a zombie. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return &w->run.outcomes[0];
}

static void end(struct world *w)
{
	run_free(&w->run);
	signals_close(&w->signals);
}

/* ---- what it says ------------------------------------------------------------------------------------------------------ */
static enum result talks(const struct check_run *run, UNUSED struct diag *out)
{
	assert_string_equal(run->id, "kind.x");
	for (int i = 0; i < 2 * REACHED_MAX; i++)
		check_reached(run, "place %d", i % (REACHED_MAX + 3));
	check_fact(run, "same", "%d", 1);
	for (int i = 0; i < FACTS_MAX + 10; i++) {
		char key[16];

		snprintf(key, sizeof key, "f%d", i);
		check_fact(run, key, "%d", i);
	}
	check_fact(run, "same", "%d", 2);
	check_step(run, PH_CONNECT, "the last %s", "step");
	check_summary(run, "all was said");
	return RESULT_PASS;
}

static void what_is_said_is_kept_within_bounds(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = talks};
	struct world w;
	const struct check_outcome *res;

	begin(&w, &kind, DURATION_S(60));
	res = go(&w, false);
	assert_int_equal(res->outcome, OUTCOME_PASS);
	assert_int_equal(w.changed, 1);
	assert_int_equal(res->n_reached, REACHED_MAX);
	assert_string_equal(res->reached[0], "place 0");
	assert_string_equal(res->reached[REACHED_MAX - 1], "place 11");
	assert_int_equal(res->n_facts, FACTS_MAX);
	assert_string_equal(res->facts[0].key, "same");
	assert_string_equal(res->facts[0].value, "2"); /* the last value of a key counts */
	assert_string_equal(res->facts[FACTS_MAX - 1].key, "f30");
	assert_string_equal(res->step, "the last step");
	assert_string_equal(res->summary, "all was said");
	end(&w);
}

/* The pipe then gets a descriptor below 3, which the child needs for stdin, stdout or stderr. */
static void the_guard_may_have_closed_descriptors(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = talks};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const struct profile_check check = {.id = "kind.x", .name = "x", .kind = &kind};
		struct ipc_in in = {0};
		struct ipc_record record = {0};
		struct sandbox sandbox;
		struct child child;
		sigset_t mask;

		sigprocmask(SIG_SETMASK, NULL, &mask);
		sandbox_prepare(&sandbox, 1u << SANDBOX_PLAIN, &(struct cgroup){0});
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		if (child_start(&child, &check, 1, instant_now(), INSTANT_NEVER,
				&(struct child_setup){
				    .sandbox = &sandbox, .mask = &mask, .changed = &mask}) < 0 ||
		    child.fd != 0)
			_exit(2);
		waitpid(child.pid, NULL, 0);
		while (ipc_fill(&in, child.fd) == 1)
			while (ipc_next(&in, &record)) {
			}
		_exit(record.type == IPC_FINAL && record.result == RESULT_PASS ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- how it ends --------------------------------------------------------------------------------------------------------- */
static enum result says_nothing(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	return RESULT_FAIL;
}

static enum result says_it_is_broken(UNUSED const struct check_run *run, struct diag *out)
{
	check_fail(out, D_AUTH_FAILED, "there", "wrong password");
	return RESULT_BROKEN;
}

static enum result leaves(const struct check_run *run, UNUSED struct diag *out)
{
	check_step(run, PH_CONNECT, "leaving");
	_exit(3);
}

static enum result leaves_at_once(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	_exit(0);
}

static enum result aborts(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	abort();
}

static void say_assertions(void)
{
	fputs("*** x.c:1:read: assert: n >= 0 ***\n", stderr);
	fputs("*** x.c:2:read: assert: second ***\n", stderr);
}

static enum result library_aborts(const struct check_run *run, UNUSED struct diag *out)
{
	check_step(run, PH_CONNECT, "connecting to x:1");
	say_assertions();
	abort();
}

/* The attempt has not talked to a peer yet, so the abort is not blamed on a peer's bytes. */
static enum result library_aborts_alone(const struct check_run *run, UNUSED struct diag *out)
{
	check_step(run, PH_CONFIG, "reading the settings");
	say_assertions();
	abort();
}

static enum result library_is_sent_another_signal(const struct check_run *run,
						  UNUSED struct diag *out)
{
	check_step(run, PH_PROTOCOL, "asking x:1");
	say_assertions();
	raise(SIGBUS);
	return RESULT_PASS;
}

static enum result is_sent_a_nameless_signal(UNUSED const struct check_run *run,
					     UNUSED struct diag *out)
{
	raise(SIGRTMIN + 3);
	return RESULT_PASS;
}

static enum result is_killed(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	raise(SIGKILL);
	return RESULT_PASS;
}

static enum result breaks_an_invariant(const struct check_run *run, UNUSED struct diag *out)
{
	invariant(run == NULL);
	return RESULT_PASS;
}

static enum result asks_for_too_much(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	free(xmalloc(SIZE_MAX / 2));
	return RESULT_PASS;
}

/* In the sandbox only the pipe is open. */
static enum result writes_nonsense(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	static const char nonsense[64] = "this is no record, and longer than the head of one";
	int written = 0;

	for (int fd = 3; fd < 1024; fd++)
		written += write(fd, nonsense, sizeof nonsense) > 0;
	assert_int_equal(written, 1);
	return RESULT_PASS;
}

static void use_memory(void)
{
	volatile char *p = malloc(80 << 20);

	for (size_t i = 0; p && i < 80 << 20; i += 512)
		p[i] = 1;
	free((void *)p); /* the peak of resident memory counts */
}

static enum result wants_memory(UNUSED const struct check_run *run, struct diag *out)
{
	use_memory();
	return check_fail(out, D_HTTP_JSON_INVALID, "", "not JSON");
}

static enum result wants_memory_and_aborts(UNUSED const struct check_run *run,
					   UNUSED struct diag *out)
{
	use_memory();
	abort();
}

static enum result wants_memory_and_its_library_aborts(const struct check_run *run,
						       struct diag *out)
{
	check_step(run, PH_PROTOCOL, "asking x:1");
	use_memory();
	return library_aborts(run, out);
}

static const char *library(void)
{
	return "libx 1.2";
}

/* Refused for good, then stuck. */
static enum result refused_then_stuck(const struct check_run *run, struct diag *out)
{
	if (run->attempt == 1)
		return check_fail(out, D_AUTH_FAILED, "there", "wrong password");
	pause();
	return RESULT_PASS;
}

/* The second attempt has too little time: the first finding stays, with its exit code. */
static void what_is_kept_means_what_it_meant(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = refused_then_stuck};
	const struct check_outcome *res;
	struct world w;

	begin(&w, &kind, DURATION_S(60));
	w.check.common.timeout = DURATION_MS(600);
	w.check.common.grace = DURATION_S(60);
	res = go(&w, false);
	assert_int_equal(res->diag.code, D_AUTH_FAILED);
	assert_int_equal(res->attempts, 2);
	assert_int_equal(w.run.exit_code, 69);
	end(&w);
}

static void every_end_has_its_word(UNUSED void **state)
{
	static const struct {
		enum result (*run)(const struct check_run *, struct diag *);
		enum diag_code code;
		const char *subject, *cause;
		uint64_t memory;
		int exit_code;
	} rows[] = {
	    {says_nothing, D_GUARD_BUG, "kind.x", "the check failed without saying why", 0, 70},
	    /* The code decides the result, not the kind. */
	    {says_it_is_broken, D_AUTH_FAILED, "there", "wrong password", 0, 69},
	    {leaves, D_GUARD_BUG, "leaving", "status 3 without a result; last step: leaving", 0,
	     70},
	    {leaves_at_once, D_GUARD_BUG, "",
	     "status 0 without a result; last step: nothing was reached", 0, 70},
	    {aborts, D_GUARD_CRASHED, "", "signal 6 (Aborted) while: nothing was reached", 0, 70},
	    {library_aborts, D_LIBRARY_CRASHED, "connecting to x:1",
	     "libx 1.2 aborted: x.c:1:read: assert: n >= 0; while: connecting to x:1", 0, 124},
	    {library_aborts_alone, D_GUARD_CRASHED, "reading the settings",
	     "signal 6 (Aborted) while: reading the settings; libx 1.2 aborted: x.c:1:read: ", 0,
	     70},
	    {library_is_sent_another_signal, D_GUARD_CRASHED, "asking x:1",
	     "signal 7 (Bus error) while: asking x:1; libx 1.2 aborted: x.c:1:read: assert: n >= "
	     "0; "
	     "the bytes of the peer went to libx 1.2",
	     0, 70},
	    {is_sent_a_nameless_signal, D_GUARD_CRASHED, "", " (?) while: nothing was reached", 0,
	     70},
	    {is_killed, D_GUARD_CRASHED, "",
	     "killed by signal 9 from outside, perhaps for want of memory", 0, 70},
	    {breaks_an_invariant, D_GUARD_BUG, "internal error", "broken invariant: run == NULL", 0,
	     70},
	    {asks_for_too_much, D_GUARD_NO_MEMORY, "memory", "out of memory (", 0, 70},
	    {writes_nonsense, D_GUARD_BUG, "",
	     "the check wrote bytes that are not a record; last step: nothing", 0, 70},
	    {wants_memory, D_GUARD_NO_MEMORY, "kind.x",
	     "an attempt may use 96 MiB, and that was hardly enough; it then reported: "
	     "http-json-invalid: not JSON",
	     96 << 20, 70},
	    {wants_memory_and_aborts, D_GUARD_NO_MEMORY, "",
	     "an attempt may use 96; while: nothing", 96 << 20, 70},
	    {wants_memory_and_its_library_aborts, D_GUARD_NO_MEMORY, "connecting to x:1",
	     "an attempt may use 96; while: connecting to x:1", 96 << 20, 70},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct check_kind kind = {.name = "kind",
						.run = rows[i].run,
						.memory = rows[i].memory,
						.library = library};
		struct world w;
		const struct check_outcome *res;

		if (rows[i].memory && SANITIZED) /* such a build has no limit */
			continue;
		begin(&w, &kind, DURATION_S(60));
		res = go(&w, true);
		if (res->diag.code != rows[i].code || !strstr(res->diag.cause, rows[i].cause))
			fail_msg("row %zu: %d \"%s\"", i, (int)res->diag.code, res->diag.cause);
		assert_string_equal(res->diag.subject, rows[i].subject);
		assert_int_equal(res->n_history, 1);
		assert_int_equal(w.run.exit_code, rows[i].exit_code);
		end(&w);
	}
}

/* ---- again and again ------------------------------------------------------------------------------------------------------ */
static enum result changes(const struct check_run *run, struct diag *out)
{
	static const enum diag_code codes[] = {
	    D_CONNECT_REFUSED, D_CONNECT_TIMEOUT, D_CONNECT_RESET,   D_CONNECT_CLOSED,
	    D_DNS_TIMEOUT,     D_ANSWER_TIMEOUT,  D_REDIS_LOADING,   D_HTTP_STATUS,
	    D_CONNECT_REFUSED, D_FILE_MISSING,    D_KAFKA_NO_LEADER, D_DNS_SERVER_FAILED,
	    D_REDIS_BUSY,      D_METRICS_EMPTY,   D_KAFKA_ISR_LOW,   D_CONNECT_REFUSED};

	if ((size_t)run->attempt > ARRAY_LEN(codes))
		return RESULT_PASS;
	return check_fail(out, codes[run->attempt - 1], "there", "%d", run->attempt);
}

static void codes_are_counted_in_the_order_they_came(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = changes};
	struct world w;
	const struct check_outcome *res;

	begin(&w, &kind, DURATION_S(60));
	w.check.common.grace = DURATION_S(60);
	res = go(&w, false);
	assert_int_equal(res->outcome, OUTCOME_PASS);
	assert_int_equal(res->diag.code, D_NONE);
	assert_int_equal(res->attempts, 17);
	assert_int_equal(w.changed, 17);
	/* the thirteenth and later codes are not kept */
	assert_int_equal(res->n_history, HISTORY_MAX);
	assert_int_equal(res->history[0].code, D_CONNECT_REFUSED);
	assert_int_equal(res->history[0].count, 3);
	assert_int_equal(res->history[1].code, D_CONNECT_TIMEOUT);
	assert_int_equal(res->history[HISTORY_MAX - 1].code, D_REDIS_BUSY);
	end(&w);
}

static enum result hangs(UNUSED const struct check_run *run, UNUSED struct diag *out)
{
	while (pause() < 0) {
	}
	return RESULT_PASS;
}

static void the_limit_that_was_hit_is_named(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = hangs};
	static const struct {
		struct duration run, check, attempt;
		const char *end;
		int exit_code; /* retry is false: an attempt that was too slow is final, time that is up is not */
	} rows[] = {
	    {{60000000000},
	     {60000000000},
	     {50000000},
	     " (attempt_timeout) while: nothing was reached",
	     EXIT_BLOCKED},
	    {{60000000000},
	     {50000000},
	     {60000000000},
	     " (timeout) while: nothing was reached",
	     EXIT_TIME_UP},
	    {{50000000},
	     {60000000000},
	     {60000000000},
	     " (timeout of the run) while: nothing was reached",
	     EXIT_TIME_UP},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		const struct check_outcome *res;

		begin(&w, &kind, rows[i].attempt);
		w.check.common.timeout = rows[i].check;
		w.check.common.retry = false;
		w.profile.timeout = rows[i].run;
		res = go(&w, false);
		assert_int_equal(res->diag.code, D_GUARD_DEADLINE);
		assert_true(str_starts(res->diag.cause, "killed after "));
		if (!str_ends(res->diag.cause, rows[i].end))
			fail_msg("\"%s\" does not end with \"%s\"", res->diag.cause, rows[i].end);
		assert_int_equal(w.run.exit_code, rows[i].exit_code);
		end(&w);
	}
}

/* ---- signals ------------------------------------------------------------------------------------------------------------- */
static struct instant sends_two_at_once(void *ctx, UNUSED struct instant now)
{
	struct world *w = ctx;

	if (w->ticks++ == 0) {
		kill(getpid(), SIGTERM);
		kill(getpid(), SIGHUP);
	}
	return INSTANT_NEVER;
}

static void two_at_once_ask_once(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = hangs};
	struct world w;
	const struct check_outcome *res;

	begin(&w, &kind, DURATION_S(60));
	w.watcher.tick = sends_two_at_once;
	res = go(&w, false);
	assert_true(w.run.signal == SIGTERM || w.run.signal == SIGHUP);
	assert_int_equal(w.run.exit_code, 128 + w.run.signal);
	assert_int_equal(res->outcome, OUTCOME_PENDING);
	assert_int_equal(res->n_history, 0); /* the kill at the end of the run is no finding */
	end(&w);
}

static struct instant sends_one_each_time(void *ctx, UNUSED struct instant now)
{
	struct world *w = ctx;

	kill(getpid(), w->ticks++ == 0 ? SIGTERM : SIGINT);
	return INSTANT_NEVER;
}

/* The second signal comes while the reactor waits for killed children. */
static void the_second_ends_it_at_once(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = hangs};
	int p[2], status;
	char bytes[4];
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct world w;

		begin(&w, &kind, DURATION_S(60));
		w.abandon_fd = p[1];
		w.watcher.tick = sends_one_each_time;
		go(&w, false);
		_exit(0);
	}
	close(p[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
	assert_int_equal(read(p[0], bytes, sizeof bytes), 1); /* abandon was called once */
	close(p[0]);
}

/* ---- a child that SIGKILL does not end ------------------------------------------------------------------------------------- */
#define TEST_MAX 60 /* seconds after which a run that hangs ends the test program */

static void end_unkillable(void)
{
	unkillable = false;
	kill(last_target, SIGKILL); /* its group */
	while (waitpid(-1, NULL, 0) > 0) {
	}
	alarm(0);
}

static struct check_outcome run_unkillable(struct world *w, const struct check_kind *kind)
{
	struct err err;

	unkillable = true;
	alarm(TEST_MAX);
	run_init(&w->run, &w->profile, instant_now(), false, 7);
	w->check.kind = kind;
	assert_int_equal(reactor_run(&w->run, &w->signals, &w->watcher, &err), 0);
	run_decide(&w->run);
	end_unkillable();
	return w->run.outcomes[0];
}

/* Nothing but the kill itself tells the loop when to give the child up: no line is due, no signal comes. */
static void a_run_does_not_wait_for_a_child_that_cannot_be_killed(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = hangs};
	/* The limits of the run, the check, the attempt: each ends the last attempt once. */
	static const struct duration limits[][3] = {
	    {{100000000}, {60000000000}, {60000000000}},
	    {{60000000000}, {100000000}, {60000000000}},
	    {{60000000000}, {60000000000}, {100000000}},
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct check_outcome res;
		struct world w;

		begin(&w, &kind, limits[i][2]);
		w.profile.timeout = limits[i][0];
		w.check.common.timeout = limits[i][1];
		w.check.common.retry = false;
		res = run_unkillable(&w, &kind);
		assert_int_equal(res.diag.code, D_GUARD_DEADLINE);
		assert_string_equal(res.diag.cause,
				    "could not be killed while: nothing was reached");
		assert_non_null(strstr(res.diag.hint, "file system"));
		assert_int_equal(res.n_history, 1);
		assert_true(w.run.orphan_left);
		end(&w);
	}
}

static struct instant sends_one(void *ctx, UNUSED struct instant now)
{
	if (((struct world *)ctx)->ticks++ == 0)
		kill(getpid(), SIGTERM);
	return INSTANT_NEVER;
}

static void a_signal_is_heard_although_a_child_cannot_be_killed(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = hangs};
	struct world w;

	begin(&w, &kind, DURATION_S(60));
	w.watcher.tick = sends_one;
	run_unkillable(&w, &kind);
	assert_int_equal(w.run.exit_code, 128 + SIGTERM);
	end(&w);
}

/* Its last record counts: only the end of the process is late. */
static enum result passes_and_stays(const struct check_run *run, UNUSED struct diag *out)
{
	for (int fd = 3; fd < 1024; fd++) /* in the sandbox only the pipe is open */
		ipc_put_final(fd, RESULT_PASS, out);
	return hangs(run, out);
}

static void what_a_stuck_child_found_counts(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = passes_and_stays};
	struct check_outcome res;
	struct world w;

	begin(&w, &kind, DURATION_MS(100));
	res = run_unkillable(&w, &kind);
	assert_int_equal(res.outcome, OUTCOME_PASS);
	assert_int_equal(res.diag.code, D_NONE);
	end(&w);
}

/* ---- no process is to be had --------------------------------------------------------------------------------------------- */
#define MANY 64

static void asks_to_end(void *ctx, size_t check, UNUSED struct instant now)
{
	struct world *w = ctx;

	assert_int_equal(w->run.outcomes[check].diag.code, D_GUARD_NO_PROCESS);
	if (w->changed++ == 0)
		kill(getpid(), SIGTERM);
}

/* A start is always due and always fails: the signal is noticed all the same, after one burst. */
static void signals_are_heard_between_starts_that_fail(UNUSED void **state)
{
	static const struct check_kind kind = {.name = "kind", .run = talks};
	struct profile_check checks[MANY];
	struct rlimit before, none;
	struct world w;
	int next;

	begin(&w, &kind, DURATION_S(60));
	for (size_t i = 0; i < MANY; i++)
		checks[i] = w.check;
	w.profile.checks = checks;
	w.profile.n = MANY;
	w.watcher.changed = asks_to_end;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	next = dup(w.signals.fd);
	close(next);
	none = (struct rlimit){(rlim_t)next + 1, before.rlim_max}; /* the loop's own, and no pipe */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	go(&w, false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(w.run.signal, SIGTERM);
	assert_in_range(w.changed, 1, PLAN_BURST);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_said_is_kept_within_bounds),
	    cmocka_unit_test(the_guard_may_have_closed_descriptors),
	    cmocka_unit_test(what_is_kept_means_what_it_meant),
	    cmocka_unit_test(every_end_has_its_word),
	    cmocka_unit_test(codes_are_counted_in_the_order_they_came),
	    cmocka_unit_test(the_limit_that_was_hit_is_named),
	    cmocka_unit_test(two_at_once_ask_once),
	    cmocka_unit_test(the_second_ends_it_at_once),
	    cmocka_unit_test(a_run_does_not_wait_for_a_child_that_cannot_be_killed),
	    cmocka_unit_test(a_signal_is_heard_although_a_child_cannot_be_killed),
	    cmocka_unit_test(what_a_stuck_child_found_counts),
	    cmocka_unit_test(signals_are_heard_between_starts_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
