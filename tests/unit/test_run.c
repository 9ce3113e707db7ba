/* run: what the checks did becomes verdict, exit code and verdict line. */
#include "run.h"

#include "cm.h"
#include "kinds.h"

#define CHECKS 3

struct world {
	struct profile profile;
	struct profile_check checks[CHECKS];
	struct profile_switch easy;
	struct run run;
};

static struct check_kind some_kind = {.name = "kind"};

static void init(struct world *w)
{
	run_init(&w->run, &w->profile, (struct instant){1}, false, 7);
	w->run.ended = (struct instant){DURATION_MS(100).ns};
}

/* Checks kind.a, kind.b, kind.c; required as given, none of them tried yet. */
static void begin(struct world *w, const bool *required)
{
	static const char *const ids[CHECKS] = {"kind.a", "kind.b", "kind.c"};

	for (size_t i = 0; i < CHECKS; i++) {
		struct profile_check *c = &w->checks[i];

		c->id = ids[i];
		c->name = ids[i] + 5;
		c->kind = &some_kind;
		c->required = required[i];
		c->common.attempt_timeout = DURATION_S(5);
		c->common.timeout = DURATION_UNSET;
		c->common.retry = true;
		c->common.degraded = required[i] ? NULL : "something is lost";
	}
	w->profile = (struct profile){.service = "s",
				      .mode = MODE_PROD,
				      .timeout = DURATION_S(60),
				      .parallel = 8,
				      .checks = w->checks,
				      .n = CHECKS};
	init(w);
}

static void end_as(struct world *w, size_t i, enum diag_code code)
{
	struct plan_check *c = &w->run.plan.checks[i];

	c->attempts = 1;
	c->state = code == D_NONE ? PS_PASSED : PS_GAVE_UP;
	if (code == D_NONE)
		return;
	diag_set(&w->run.outcomes[i].diag, code, "there", "why");
	c->failed_for_good = !diag_info(code)->retryable;
}

static void expect(struct world *w, enum verdict status, int exit_code, const char *text)
{
	run_decide(&w->run);
	assert_int_equal(w->run.verdict, status);
	assert_int_equal(w->run.exit_code, exit_code);
	if (!strstr(w->run.summary, text))
		fail_msg("\"%s\" lacks \"%s\"", w->run.summary, text);
	assert_true(str_starts(w->run.summary, "startguard: "));
	assert_null(strchr(w->run.summary, '\n'));
	run_free(&w->run);
}

static const bool all_required[CHECKS] = {true, true, true},
		  last_optional[CHECKS] = {true, true, false};

static void test_ready(UNUSED void **state)
{
	struct world w = {0};

	begin(&w, all_required);
	for (size_t i = 0; i < CHECKS; i++)
		end_as(&w, i, D_NONE);
	expect(&w, RUN_READY, 0, "READY: 3 checks passed in 100 ms");
}

/* The heaviest reason gives the exit code: final failures 69, broken 70, time is up 124. */
static void test_who_blocks(UNUSED void **state)
{
	static const struct {
		enum diag_code a, b;
		int exit_code;
		const char *text;
	} cases[] = {
	    {D_CONNECT_REFUSED, D_NONE, EXIT_TIME_UP,
	     "kind.a: connect-refused: there: why; 1 of 3"},
	    {D_CONNECT_REFUSED, D_AUTH_FAILED, EXIT_BLOCKED,
	     "kind.b: auth-failed: there: why; 2 of 3"},
	    {D_GUARD_CRASHED, D_CONNECT_REFUSED, EXIT_OWN, "kind.a: guard-crashed: "},
	    {D_GUARD_CRASHED, D_AUTH_FAILED, EXIT_BLOCKED, "kind.b: auth-failed: "},
	    {D_AUTH_FAILED, D_OPA_UNDEFINED, EXIT_BLOCKED, "kind.a: auth-failed: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w = {0};

		begin(&w, all_required);
		end_as(&w, 0, cases[i].a);
		end_as(&w, 1, cases[i].b);
		end_as(&w, 2, D_NONE);
		expect(&w, RUN_BLOCKED, cases[i].exit_code, cases[i].text);
	}
}

static void test_never_tried_is_never_ready(UNUSED void **state)
{
	struct world w = {0};

	begin(&w, all_required);
	end_as(&w, 0, D_NONE);
	end_as(&w, 1, D_NONE);
	expect(&w, RUN_BLOCKED, EXIT_TIME_UP, "still waiting");
}

/* The run's time ended while it waited for another, or for its turn. */
static void test_never_tried_is_pending(UNUSED void **state)
{
	struct world w = {0};

	begin(&w, last_optional);
	end_as(&w, 0, D_NONE);
	for (size_t k = 1; k < CHECKS; k++) {
		w.run.plan.checks[k].state = PS_GAVE_UP;
		w.run.plan.checks[k].time_is_up = true;
	}
	run_decide(&w.run);
	assert_int_equal(w.run.outcomes[1].outcome, OUTCOME_PENDING);
	assert_int_equal(w.run.outcomes[2].outcome, OUTCOME_DEGRADED);
	run_free(&w.run);
}

/* Its own timeout was over while other checks took all places: the cause says so. */
static void test_whose_time_was_up(UNUSED void **state)
{
	static const char *const text[] = {"not tried: the run ended before its turn",
					   "not tried: its own time was up before its turn, others "
					   "took all places"};

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		struct world w = {0};
		struct plan_check *c;

		begin(&w, last_optional);
		end_as(&w, 0, D_NONE);
		end_as(&w, 1, D_NONE);
		c = &w.run.plan.checks[2];
		c->state = PS_GAVE_UP;
		c->time_is_up = true;
		c->deadline.ns = w.run.plan.deadline.ns - (int64_t)i;
		run_decide(&w.run);
		assert_int_equal(w.run.outcomes[2].outcome, OUTCOME_DEGRADED);
		assert_string_equal(w.run.outcomes[2].diag.cause, text[i]);
		run_free(&w.run);
	}
}

static void test_degraded(UNUSED void **state)
{
	static const enum diag_code codes[] = {D_CONNECT_REFUSED, D_AUTH_FAILED, D_GUARD_CRASHED};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct world w = {0};

		begin(&w, last_optional);
		end_as(&w, 0, D_NONE);
		end_as(&w, 1, D_NONE);
		end_as(&w, 2, codes[i]);
		expect(&w, RUN_DEGRADED, 0, "DEGRADED: kind.c: something is lost (");
	}
}

static void test_degraded_may_be_refused(UNUSED void **state)
{
	static const struct {
		enum diag_code code;
		int exit_code;
	} cases[] = {{D_CONNECT_REFUSED, EXIT_TIME_UP}, {D_AUTH_FAILED, EXIT_BLOCKED}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w = {0};

		begin(&w, last_optional);
		w.run.fail_on_degraded = true;
		end_as(&w, 0, D_NONE);
		end_as(&w, 1, D_NONE);
		end_as(&w, 2, cases[i].code);
		expect(&w, RUN_BLOCKED, cases[i].exit_code, "--fail-on-degraded");
	}
}

static void test_left_out_and_waived_degrade(UNUSED void **state)
{
	struct world w = {0};

	begin(&w, all_required);
	run_free(&w.run);
	w.checks[1].skipped = true;
	w.easy =
	    (struct profile_switch){.name = "easy", .set_by = "EASY", .conf.degraded = "no names"};
	w.checks[2].waived_by = &w.easy;
	w.profile.switches = &w.easy;
	w.profile.n_switches = 1;
	init(&w);
	assert_true(w.run.plan.checks[1].left_out && w.run.plan.checks[2].left_out);
	end_as(&w, 0, D_NONE);
	expect(&w, RUN_DEGRADED, 0,
	       "EASY is on: no names; kind.b: skipped on request; 1 of 3 checks passed");
}

static void test_signal(UNUSED void **state)
{
	struct world w = {0};

	begin(&w, all_required);
	for (size_t i = 0; i < CHECKS; i++)
		end_as(&w, i, D_NONE);
	w.run.signal = 15;
	expect(&w, RUN_BLOCKED, 143, "BLOCKED (143): ended by signal 15 (TERM)");
}

static void test_interrupted_is_pending_not_failed(UNUSED void **state)
{
	struct world w = {0};

	begin(&w, all_required);
	end_as(&w, 0, D_AUTH_FAILED);
	end_as(&w, 1, D_CONNECT_REFUSED);
	w.run.outcomes[1].interrupted = true;
	end_as(&w, 2, D_NONE);
	run_decide(&w.run);
	assert_int_equal(w.run.outcomes[0].outcome, OUTCOME_FAIL);
	assert_int_equal(w.run.outcomes[1].outcome, OUTCOME_PENDING);
	assert_int_equal(w.run.outcomes[2].outcome, OUTCOME_PASS);
	assert_non_null(strstr(w.run.summary, "1 of 3 checks failed, 1 still waiting"));
	run_free(&w.run);
}

/* Every mixture of three checks and eight endings: a required check that did not pass never counts as passed. */
static void test_no_mixture_is_wrongly_ready(UNUSED void **state)
{
	static const enum diag_code ends[] = {D_NONE, D_CONNECT_REFUSED, D_AUTH_FAILED,
					      D_GUARD_CRASHED, D_GUARD_DEADLINE};

	for (unsigned mix = 0; mix < 8 * 6 * 6 * 6; mix++) {
		const bool required[CHECKS] = {mix & 1, mix & 2, mix & 4};
		unsigned rest = mix >> 3;
		bool must = true, all = true;
		struct world w = {0};

		begin(&w, required);
		for (size_t i = 0; i < CHECKS; i++, rest /= 6) {
			bool passed = rest % 6 == 0;

			if (rest % 6 < ARRAY_LEN(ends)) /* else: never tried */
				end_as(&w, i, ends[rest % 6]);
			must &= passed || !required[i];
			all &= passed;
		}
		run_decide(&w.run);
		assert_int_equal(w.run.verdict, all    ? RUN_READY
						: must ? RUN_DEGRADED
						       : RUN_BLOCKED);
		assert_int_equal(w.run.exit_code == 0, must);
		run_free(&w.run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ready),
	    cmocka_unit_test(test_who_blocks),
	    cmocka_unit_test(test_never_tried_is_never_ready),
	    cmocka_unit_test(test_never_tried_is_pending),
	    cmocka_unit_test(test_whose_time_was_up),
	    cmocka_unit_test(test_degraded),
	    cmocka_unit_test(test_degraded_may_be_refused),
	    cmocka_unit_test(test_left_out_and_waived_degrade),
	    cmocka_unit_test(test_signal),
	    cmocka_unit_test(test_interrupted_is_pending_not_failed),
	    cmocka_unit_test(test_no_mixture_is_wrongly_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
