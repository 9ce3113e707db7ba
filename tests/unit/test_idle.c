/* idle, child and reactor: children that make one attempt after the other. Kinds of the test's own, in real children. */
#include "idle.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cm.h"
#include "reactor.h"

enum deed { PASSES, IS_REFUSED, IS_DENIED, CRASHES, HANGS, REFUSED_ONCE };
#define CHECKS_MAX 600

static bool shares_child(UNUSED const void *conf)
{
	return true;
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 3; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Each attempt leaves a descriptor open, and tells the process it runs in. */
static enum result do_deed(const struct check_run *run, struct diag *out)
{
	enum deed deed = *(const enum deed *)run->conf;

	check_fact(run, "pid", "%d", (int)getpid());
	check_fact(run, "open", "%d", count_descriptors());
	check_step(run, PH_CONNECT, "step of %s", run->id);
	assert_true(dup(0) > 2);
	switch (deed) {
	case IS_REFUSED:
		return check_fail(out, D_CONNECT_REFUSED, run->id, "refused");
	case IS_DENIED:
		return check_fail(out, D_AUTH_FAILED, run->id, "denied");
	case CRASHES:
		raise(SIGUSR1);
		break;
	case HANGS:
		poll(NULL, 0, -1);
		break;
	case REFUSED_ONCE:
		if (run->attempt == 1)
			return check_fail(out, D_CONNECT_REFUSED, run->id, "refused");
		break;
	case PASSES:
		break;
	}
	return RESULT_PASS;
}

static const struct check_kind sharing = {
    .name = "kind", .run = do_deed, .may_share_child = shares_child};
static const struct check_kind alone = {.name = "alone", .run = do_deed};

struct world {
	struct profile profile;
	struct profile_check checks[CHECKS_MAX];
	enum deed deeds[CHECKS_MAX];
	char ids[CHECKS_MAX][16];
	struct run run;
	struct signals signals;
};

static void on_change(UNUSED void *ctx, UNUSED size_t check, UNUSED struct instant now)
{
}

static struct instant on_tick(UNUSED void *ctx, UNUSED struct instant now)
{
	return INSTANT_NEVER;
}

static struct world *run_all(const struct check_kind *kind, const enum deed *deeds, size_t n,
			     size_t parallel)
{
	static struct world w;
	struct watcher watcher = {.ctx = &w, .changed = on_change, .tick = on_tick};
	int open_before = count_descriptors();
	struct err err;

	w = (struct world){.profile = {.service = "s",
				       .timeout = DURATION_S(60),
				       .parallel = parallel,
				       .checks = w.checks,
				       .n = n}};
	for (size_t i = 0; i < n; i++) {
		w.deeds[i] = deeds[i];
		snprintf(w.ids[i], sizeof w.ids[i], "kind.%zu", i);
		w.checks[i] = (struct profile_check){
		    .id = w.ids[i], .name = w.ids[i] + 5, .kind = kind, .conf = &w.deeds[i]};
		w.checks[i].common.retry = deeds[i] == REFUSED_ONCE;
		w.checks[i].common.timeout = DURATION_UNSET;
		w.checks[i].common.attempt_timeout =
		    deeds[i] == HANGS ? DURATION_MS(100) : DURATION_S(60);
	}
	assert_int_equal(signals_open(&w.signals, &err), 0);
	run_init(&w.run, &w.profile, instant_now(), false, 7);
	assert_int_equal(reactor_run(&w.run, &w.signals, &watcher, &err), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left, not even a zombie */
	signals_close(&w.signals);
	assert_int_equal(count_descriptors(), open_before);
	return &w;
}

static int fact(const struct world *w, size_t check, const char *key)
{
	const struct check_outcome *o = &w->run.outcomes[check];

	for (size_t i = 0; i < o->n_facts; i++)
		if (str_eq(o->facts[i].key, key))
			return atoi(o->facts[i].value);
	return -1;
}

static bool same_child(const struct world *w, size_t a, size_t b)
{
	return fact(w, a, "pid") == fact(w, b, "pid");
}

/* With one place they run one after the other, in the order of the profile. */
static void each_attempt_has_its_own_result(UNUSED void **state)
{
	static const enum deed deeds[] = {PASSES, IS_REFUSED, PASSES,    CRASHES, PASSES,
					  HANGS,  PASSES,     IS_DENIED, PASSES};
	static const enum diag_code codes[] = {D_NONE, D_CONNECT_REFUSED, D_NONE, D_GUARD_CRASHED,
					       D_NONE, D_GUARD_DEADLINE,  D_NONE, D_AUTH_FAILED,
					       D_NONE};
	struct world *w = run_all(&sharing, deeds, ARRAY_LEN(deeds), 1);

	for (size_t i = 0; i < ARRAY_LEN(deeds); i++) {
		const struct check_outcome *o = &w->run.outcomes[i];
		char step[32];

		snprintf(step, sizeof step, "step of kind.%zu", i);
		assert_int_equal(o->diag.code, codes[i]);
		assert_string_equal(o->step, step);
		assert_int_equal(w->run.plan.checks[i].attempts, 1);
		assert_int_equal(fact(w, i, "open"), 2); /* the two pipes */
	}
	assert_non_null(strstr(w->run.outcomes[3].diag.cause, "step of kind.3"));
	/* A child goes on after a pass and a refusal, and is not used again after anything else. */
	assert_true(same_child(w, 0, 1) && same_child(w, 1, 2) && same_child(w, 2, 3));
	assert_true(same_child(w, 4, 5) && same_child(w, 6, 7));
	assert_false(same_child(w, 3, 4) || same_child(w, 5, 6) || same_child(w, 7, 8));
	run_free(&w->run);
}

static void a_retry_is_another_attempt_of_the_same_child(UNUSED void **state)
{
	static const enum deed deeds[] = {REFUSED_ONCE};
	struct world *w = run_all(&sharing, deeds, 1, 4);
	const struct check_outcome *o = &w->run.outcomes[0];

	assert_int_equal(o->diag.code, D_NONE);
	assert_int_equal(w->run.plan.checks[0].attempts, 2);
	assert_int_equal(o->n_history, 1);
	assert_int_equal(o->history[0].count, 1);
	run_free(&w->run);
}

static void a_kind_that_does_not_allow_it_gets_fresh_children(UNUSED void **state)
{
	static const enum deed deeds[] = {PASSES, PASSES};
	struct world *w = run_all(&alone, deeds, 2, 1);

	assert_int_equal(fact(w, 0, "open"), 1);
	assert_false(same_child(w, 0, 1));
	run_free(&w->run);
}

static void a_child_ends_after_many_attempts(UNUSED void **state)
{
	static const enum deed deeds[CHECKS_MAX]; /* all pass */
	struct world *w = run_all(&sharing, deeds, CHECKS_MAX, 1);

	for (size_t i = 1; i < CHECKS_MAX; i++) {
		assert_int_equal(w->run.outcomes[i].diag.code, D_NONE);
		assert_int_equal(same_child(w, i - 1, i), i % CHILD_ATTEMPTS_MAX != 0);
	}
	run_free(&w->run);
}

static void many_at_once_leave_nothing(UNUSED void **state)
{
	static enum deed deeds[CHECKS_MAX];
	struct world *w;

	for (size_t i = 0; i < CHECKS_MAX; i++)
		deeds[i] = (enum deed)(i % (REFUSED_ONCE + 1));
	w = run_all(&sharing, deeds, CHECKS_MAX, 16);
	for (size_t i = 0; i < CHECKS_MAX; i++)
		assert_int_equal(w->run.plan.checks[i].attempts, deeds[i] == REFUSED_ONCE ? 2 : 1);
	run_free(&w->run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_attempt_has_its_own_result),
	    cmocka_unit_test(a_retry_is_another_attempt_of_the_same_child),
	    cmocka_unit_test(a_kind_that_does_not_allow_it_gets_fresh_children),
	    cmocka_unit_test(a_child_ends_after_many_attempts),
	    cmocka_unit_test(many_at_once_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
