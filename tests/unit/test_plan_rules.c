/* plan, one rule at a time: which check starts, is killed, waits or gives up, and when. */
#include "cm.h"

#include "plan.h"

#define CHECKS 8
#define MS 1000000LL

struct world {
	struct plan plan;
	struct plan_check checks[CHECKS];
	size_t after[CHECKS][1];
	struct instant now;
};

/* A world of n checks that are required, are retried, and have five seconds for an attempt and sixty in all. */
static void plain(struct world *w, size_t n, size_t parallel, bool one_round)
{
	*w = (struct world){.now = {1000 * MS}};
	for (size_t i = 0; i < n; i++)
		w->checks[i] = (struct plan_check){.required = true,
						   .retry = true,
						   .timeout = DURATION_UNSET,
						   .attempt_timeout = DURATION_S(5),
						   .grace = DURATION_MS(0)};
	plan_init(&w->plan, w->checks, n, w->now, DURATION_S(60), parallel, one_round, 7);
}

static void after(struct world *w, size_t later, size_t earlier)
{
	w->after[later][0] = earlier;
	w->checks[later].after = w->after[later];
	w->checks[later].n_after = 1;
}

/* Takes a step; its actions must be these, in this order: "+0" starts check 0, "-1" kills check 1. */
static void expect_actions(struct world *w, const char *expected)
{
	struct action actions[CHECKS];
	size_t n = plan_step(&w->plan, w->now, actions);
	char text[64] = "";

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof text - len, "%s%c%zu", i ? " " : "",
			 actions[i].kind == ACTION_START ? '+' : '-', actions[i].check);
	}
	assert_string_equal(text, expected);
}

static void expect_times(const struct world *w, size_t i, int64_t first, int64_t started,
			 int64_t deadline)
{
	const struct plan_check *c = &w->checks[i];

	assert_int_equal(c->first_attempt.ns, first * MS);
	assert_int_equal(c->attempt_start.ns, started * MS);
	assert_int_equal(c->attempt_deadline.ns, deadline * MS);
}

static void at(struct world *w, int64_t ms)
{
	w->now.ns = ms * MS;
}

static void begins_with_the_given_values(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 0, true);
	assert_int_equal(w.plan.start.ns, 1000 * MS);
	assert_int_equal(w.plan.deadline.ns, 61000 * MS);
	assert_int_equal(w.plan.wake.ns, 1000 * MS);
	assert_true(instant_is_never(w.plan.settle_until));
	assert_true(w.plan.one_round && !w.plan.over);
	assert_int_equal(w.plan.parallel, 1); /* with 0 the run would never end */
	assert_int_equal(w.plan.in_flight, 0);
	assert_int_equal(w.plan.n, 2);
	assert_int_equal(w.checks[1].state, PS_WAITING);
	assert_int_equal(w.checks[1].attempts, 0);
	assert_int_equal(w.checks[1].deadline.ns, 61000 * MS);
	assert_true(instant_is_never(w.checks[1].next) &&
		    instant_is_never(w.checks[1].attempt_deadline));
	plain(&w, 1, 3, false);
	assert_true(w.plan.parallel == 3 && !w.plan.one_round);
	/* Sets every field, whatever it held before, and nothing behind the n checks. */
	memset(w.checks, 0x55, sizeof w.checks);
	w.checks[0].n_after = w.checks[1].n_after = 0;
	w.checks[0].left_out = w.checks[1].left_out = false;
	plan_init(&w.plan, w.checks, 2, w.now, DURATION_S(60), 1, false, 7);
	assert_true(w.checks[0].state == PS_WAITING && w.checks[1].state == PS_WAITING);
	assert_int_not_equal(w.checks[2].state, PS_WAITING);
	assert_false(instant_is_never(w.checks[2].next));
}

static void one_that_is_left_out_counts_as_passed(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 8, false);
	after(&w, 1, 0);
	w.checks[0].left_out = true;
	plan_init(&w.plan, w.checks, 2, w.now, DURATION_S(60), 8, false, 7);
	expect_actions(&w, "+1");
	assert_int_equal(w.checks[0].attempts, 0);
	plan_result(&w.plan, 1, w.now, true, true);
	expect_actions(&w, "");
	assert_true(w.plan.over);
	w.checks[1].left_out = true;
	plan_init(&w.plan, w.checks, 2, w.now, DURATION_S(60), 8, false, 7);
	expect_actions(&w, "");
	assert_true(w.plan.over);
}

static void an_attempt_has_its_times(UNUSED void **state)
{
	struct world w;

	plain(&w, 1, 8, false);
	expect_actions(&w, "+0");
	assert_int_equal(w.checks[0].state, PS_RUNNING);
	assert_int_equal(w.checks[0].attempts, 1);
	assert_int_equal(w.plan.in_flight, 1);
	assert_true(instant_is_never(w.checks[0].next));
	expect_times(&w, 0, 1000, 1000, 6000);
	assert_int_equal(w.plan.wake.ns, 6000 * MS);
	at(&w, 2000);
	expect_actions(&w, "");
	plan_result(&w.plan, 0, w.now, false, true);
	assert_int_equal(w.checks[0].state, PS_READY);
	assert_int_equal(w.plan.in_flight, 0);
	assert_true(instant_is_never(w.checks[0].attempt_deadline));
	/* 5 % of one second, with a quarter of jitter. */
	assert_in_range((unsigned long)(w.checks[0].next.ns - w.now.ns), 37 * MS, 63 * MS);
	expect_actions(&w, "");
	assert_int_equal(w.plan.wake.ns, w.checks[0].next.ns);
	w.now.ns = w.checks[0].next.ns - 1;
	expect_actions(&w, "");
	w.now.ns++;
	expect_actions(&w, "+0");
	assert_int_equal(w.checks[0].attempts, 2);
	assert_int_equal(w.checks[0].first_attempt.ns, 1000 * MS);
	assert_int_equal(w.checks[0].attempt_start.ns, w.now.ns);
	plan_result(&w.plan, 0, w.now, true, false);
	assert_int_equal(w.checks[0].state, PS_PASSED);
	assert_int_equal(w.checks[0].ended.ns, w.now.ns);
	assert_false(w.checks[0].failed_for_good);
	expect_actions(&w, "");
	assert_true(w.plan.over);
}

/* The pause is a share of the time waited, in bounds, and the jitter fills its whole width. */
static void pauses_grow_and_are_spread(UNUSED void **state)
{
	static const struct {
		int64_t waited, least, most; /* ms */
	} rows[] = {{0, 7, 13},        {100, 7, 13},       {400, 15, 25},
		    {10000, 375, 625}, {20000, 750, 1250}, {50000, 750, 1250}};

	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		int64_t least = INT64_MAX, most = 0;

		for (int i = 0; i < 400; i++) {
			struct world w;
			int64_t pause;

			plain(&w, 1, 1, false);
			w.plan.random = (uint64_t)i * 7919 + 1;
			w.checks[0].attempt_timeout = DURATION_S(60);
			expect_actions(&w, "+0");
			at(&w, 1000 + rows[r].waited);
			plan_result(&w.plan, 0, w.now, false, true);
			pause = w.checks[0].next.ns - w.now.ns;
			least = pause < least ? pause : least;
			most = pause > most ? pause : most;
		}
		assert_true(least >= rows[r].least * MS &&
			    least < (rows[r].least + rows[r].most) * MS / 2);
		assert_true(most <= rows[r].most * MS &&
			    most > (rows[r].least + rows[r].most) * MS / 2);
		/* The jitter reaches both ends: three quarters and five quarters. */
		assert_true(most - least > (rows[r].most - rows[r].least) * MS * 8 / 10);
		if (rows[r].waited == 400)
			assert_true(least == 15 * MS && most == 25 * MS);
	}
}

static void an_interval_is_the_least_pause(UNUSED void **state)
{
	struct world w;

	plain(&w, 1, 1, false);
	w.checks[0].interval = DURATION_S(5);
	expect_actions(&w, "+0");
	at(&w, 1100);
	plan_result(&w.plan, 0, w.now, false, true);
	assert_int_equal(w.checks[0].next.ns - w.now.ns, 5000 * MS);
}

/* The pause after a failure that came `waited` ms after the first attempt, of a peer that names `retry_after` seconds. */
static int64_t slow_pause(uint64_t random, int64_t waited, int retry_after)
{
	struct world w;

	plain(&w, 1, 1, false);
	w.plan.random = random;
	w.checks[0].attempt_timeout = DURATION_S(60);
	expect_actions(&w, "+0");
	at(&w, 1000 + waited);
	plan_result(&w.plan, 0, w.now, false, true);
	plan_slow_down(&w.plan, 0, w.now, DURATION_S(retry_after));
	return w.checks[0].next.ns - w.now.ns;
}

static void a_busy_peer_is_asked_slowly(UNUSED void **state)
{
	static const struct {
		int64_t waited;
		int retry_after;
		int64_t least, most; /* ms */
	} rows[] = {
	    {0, 0, 750, 1250},
	    {12000, 0, 2250, 3750},
	    {40000, 0, 3750, 6250},
	    {0, 10, 10000, 12400},
	    {1000, 1, 1000, 1250},
	    {0, 3000, 30000, 30000}, /* longer than the whole time: half of it */
	    {50000, 10, 5000, 5000},
	    {59000, 86400, 750, 1250},
	    {59900, 86400, 750, 1250},
	};

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		int64_t least = INT64_MAX, most = 0;

		for (int i = 0; i < 400; i++) {
			int64_t pause =
			    slow_pause((uint64_t)i * 7919 + 1, rows[r].waited, rows[r].retry_after);

			least = pause < least ? pause : least;
			most = pause > most ? pause : most;
		}
		if (least < rows[r].least * MS || most > rows[r].most * MS)
			fail_msg("row %zu: %lld to %lld ms", r, (long long)(least / MS),
				 (long long)(most / MS));
		assert_true(least <
			    (rows[r].least + 1) * MS + (rows[r].most - rows[r].least) * MS / 10);
	}
}

/* A check that is decided stays so, and its own interval is the least pause. */
static void slowing_down_only_delays(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 2, false);
	w.checks[1].interval = DURATION_S(20);
	expect_actions(&w, "+0 +1");
	plan_result(&w.plan, 0, w.now, false, false);
	plan_slow_down(&w.plan, 0, w.now, DURATION_S(5));
	assert_int_equal(w.checks[0].state, PS_GAVE_UP);
	assert_true(instant_is_never(w.checks[0].next));
	plan_result(&w.plan, 1, w.now, false, true);
	plan_slow_down(&w.plan, 1, w.now, DURATION_S(5));
	assert_int_equal(w.checks[1].next.ns - w.now.ns, 20000 * MS);
}

/* A seed of 0, which xorshift cannot leave, still gives different pauses. */
static void a_seed_of_nothing_is_one(UNUSED void **state)
{
	struct world w;
	int64_t first;

	plain(&w, 2, 2, false);
	plan_init(&w.plan, w.checks, 2, w.now, DURATION_S(60), 2, false, 0);
	expect_actions(&w, "+0 +1");
	at(&w, 5000);
	plan_result(&w.plan, 0, w.now, false, true);
	first = w.checks[0].next.ns;
	plan_result(&w.plan, 1, w.now, false, true);
	assert_int_not_equal(first, w.checks[1].next.ns);
}

/* In either order: the run is not over while the check that another waits for runs its attempt. */
static void one_that_waits_for_a_later_one(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 2, false);
	after(&w, 0, 1);
	expect_actions(&w, "+1");
	assert_false(w.plan.over);
	at(&w, 2000);
	plan_result(&w.plan, 1, w.now, true, false);
	expect_actions(&w, "+0");
	assert_false(w.plan.over);
	plan_result(&w.plan, 0, w.now, true, false);
	expect_actions(&w, "");
	assert_true(w.plan.over);
}

static void killed_once_at_its_deadline(UNUSED void **state)
{
	struct world w;

	plain(&w, 1, 1, false);
	expect_actions(&w, "+0");
	at(&w, 5999);
	expect_actions(&w, "");
	at(&w, 6000);
	expect_actions(&w, "-0");
	assert_int_equal(w.checks[0].state, PS_KILLING);
	at(&w, 6001);
	expect_actions(&w, "");
	assert_false(w.plan.over); /* the killed child is not reaped yet */
	plan_result(&w.plan, 0, w.now, false, true);
	assert_int_equal(w.checks[0].state, PS_READY);
	expect_actions(&w, "");
	at(&w, 8000);
	expect_actions(&w, "+0");
}

/* The last attempt ends with the run, and time_is_up is set for checks that had no time. */
static void the_run_has_an_end(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 1, false);
	expect_actions(&w, "+0");
	at(&w, 58000);
	plan_result(&w.plan, 0, w.now, false, true);
	expect_actions(&w, "+1");
	expect_times(&w, 1, 58000, 58000, 61000);
	/* with no place free, the end of a pause needs no wake */
	assert_int_equal(w.plan.wake.ns, 61000 * MS);
	at(&w, 61000);
	expect_actions(&w, "-1");
	assert_int_equal(w.checks[0].state, PS_GAVE_UP);
	assert_int_equal(w.checks[0].ended.ns, 61000 * MS);
	assert_true(w.checks[0].time_is_up && !w.checks[0].failed_for_good);
	assert_true(instant_is_never(w.checks[0].next));
	at(&w, 61001);
	plan_result(&w.plan, 1, w.now, false, true);
	assert_int_equal(w.checks[1].state, PS_GAVE_UP);
	assert_true(w.checks[1].time_is_up && !w.checks[1].failed_for_good);
	assert_int_equal(w.checks[1].ended.ns, 61001 * MS);
	expect_actions(&w, "");
	assert_true(w.plan.over);
	assert_int_equal(w.plan.settle_until.ns, 61000 * MS);
}

static void a_final_word_at_the_deadline_counts(UNUSED void **state)
{
	struct world w;

	plain(&w, 1, 1, false);
	expect_actions(&w, "+0");
	at(&w, 61000);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_true(w.checks[0].failed_for_good && !w.checks[0].time_is_up);
	assert_int_equal(w.checks[0].state, PS_GAVE_UP);
	/* Also a failure that grace would have retried. */
	plain(&w, 1, 1, false);
	w.checks[0].grace = DURATION_S(600);
	expect_actions(&w, "+0");
	at(&w, 61000);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_true(w.checks[0].failed_for_good && !w.checks[0].time_is_up);
}

/* The timeout of a check counts from when it may run, and ends before that of the run. */
static void own_timeout(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 8, false);
	w.checks[1].timeout = DURATION_MS(300);
	w.checks[1].required = false;
	after(&w, 1, 0);
	expect_actions(&w, "+0");
	assert_int_equal(w.plan.wake.ns, 6000 * MS);
	at(&w, 4000);
	plan_result(&w.plan, 0, w.now, true, false);
	expect_actions(&w, "+1");
	assert_int_equal(w.checks[1].eligible.ns, 4000 * MS);
	assert_int_equal(w.checks[1].deadline.ns, 4300 * MS);
	expect_times(&w, 1, 4000, 4000, 4300);
	at(&w, 4290);
	plan_result(&w.plan, 1, w.now, false, true);
	expect_actions(&w, "");
	assert_int_equal(w.plan.wake.ns,
			 w.checks[1].next.ns < 4300 * MS ? w.checks[1].next.ns : 4300 * MS);
	at(&w, 4300);
	expect_actions(&w, "");
	assert_true(w.checks[1].state == PS_GAVE_UP && w.checks[1].time_is_up);
	assert_true(w.plan.over);
	/* A timeout longer than the run's changes nothing. */
	plain(&w, 1, 8, false);
	w.checks[0].timeout = DURATION_S(3600);
	expect_actions(&w, "+0");
	assert_int_equal(w.checks[0].deadline.ns, 61000 * MS);
}

static void no_more_than_parallel(UNUSED void **state)
{
	struct world w;

	plain(&w, 3, 2, false);
	expect_actions(&w, "+0 +1");
	assert_int_equal(w.plan.in_flight, 2);
	at(&w, 1010);
	expect_actions(&w, "");
	plan_result(&w.plan, 1, w.now, true, false);
	assert_int_equal(w.plan.in_flight, 1);
	expect_actions(&w, "+2");
	plan_result(&w.plan, 0, w.now, true, false);
	plan_result(&w.plan, 2, w.now, true, false);
	expect_actions(&w, "");
	assert_true(w.plan.over);
}

/* The other starts come in the next step, at once: the caller looks at its clock and its signals in between. */
static void no_more_than_a_burst(UNUSED void **state)
{
	struct world w;

	plain(&w, 7, 6, false);
	expect_actions(&w, "+0 +1 +2 +3");
	assert_true(w.plan.wake.ns <= w.now.ns);
	at(&w, 1010);
	expect_actions(&w, "+4 +5");
	expect_times(&w, 3, 1000, 1000, 6000);
	expect_times(&w, 4, 1010, 1010, 6010);
	assert_int_equal(w.plan.wake.ns, 6000 * MS); /* no place is free */
	/* One step names all attempts that must be killed. */
	at(&w, 61000);
	expect_actions(&w, "-0 -1 -2 -3 -4 -5");
	assert_true(instant_is_never(w.plan.wake));
	/* A start that is still due when the time is up is never made. */
	plain(&w, 6, 8, false);
	expect_actions(&w, "+0 +1 +2 +3");
	at(&w, 61000);
	expect_actions(&w, "-0 -1 -2 -3");
	assert_int_equal(w.checks[5].attempts, 0);
	assert_true(w.checks[5].time_is_up);
}

/* Whoever waits longest is first. Else those that fail in a moment, and are due again before the others had a place, would keep the
 * places for themselves. */
static void nobody_is_passed_over(UNUSED void **state)
{
	struct world w;

	plain(&w, 4, 2, false);
	expect_actions(&w, "+0 +1");
	at(&w, 1001);
	plan_result(&w.plan, 0, w.now, false, true);
	plan_result(&w.plan, 1, w.now, false, true);
	at(&w, 1500);
	expect_actions(&w, "+2 +3");
	plan_result(&w.plan, 2, w.now, false, true);
	plan_result(&w.plan, 3, w.now, false, true);
	/* of two that wait equally long the first in the profile starts */
	w.checks[0].next = w.checks[1].next;
	at(&w, 2000);
	expect_actions(&w, "+0 +1");
	/* A check that is due does not wait for those that are not. */
	plain(&w, 2, 1, false);
	expect_actions(&w, "+0");
	plan_result(&w.plan, 0, w.now, false, true);
	expect_actions(&w, "+1");
}

/* A check that has only one attempt waits for a child to end, since nothing was asked of its dependency. */
static void a_refused_process_in_one_round(UNUSED void **state)
{
	struct world w;

	plain(&w, 3, 8, true);
	expect_actions(&w, "+0 +1 +2");
	plan_no_process(&w.plan, 2, w.now, 2);
	assert_int_equal(w.checks[2].state, PS_READY);
	assert_int_equal(w.checks[2].attempts, 0);
	at(&w, 1100);
	expect_actions(&w, "");
	plan_result(&w.plan, 0, w.now, true, false);
	expect_actions(&w, "+2");
	plan_result(&w.plan, 1, w.now, true, false);
	/* With none alive no child will end: it is over. */
	plan_no_process(&w.plan, 2, w.now, 0);
	expect_actions(&w, "");
	assert_true(w.plan.over);
}

/* After a refused process fewer run at once, and the check that could not be started is tried again. */
static void a_refused_process(UNUSED void **state)
{
	struct world w;

	plain(&w, 4, 8, false);
	expect_actions(&w, "+0 +1 +2 +3");
	plan_no_process(&w.plan, 3, w.now, 3);
	assert_int_equal(w.plan.parallel, 3);
	assert_int_equal(w.plan.in_flight, 3);
	assert_int_equal(w.checks[3].state, PS_READY);
	assert_false(w.checks[3].failed_for_good);
	expect_actions(&w, "");
	at(&w, 1100);
	expect_actions(&w, "");
	plan_result(&w.plan, 0, w.now, true, false);
	expect_actions(&w, "+3");
	plan_no_process(&w.plan, 3, w.now, 2);
	assert_int_equal(w.plan.parallel, 2);
	/* With nothing else running the limit is not lowered: others use it up. */
	plain(&w, 1, 8, false);
	expect_actions(&w, "+0");
	plan_no_process(&w.plan, 0, w.now, 0);
	assert_int_equal(w.plan.parallel, 8);
	plain(&w, 2, 8, false);
	expect_actions(&w, "+0 +1");
	plan_no_process(&w.plan, 1, w.now, 1);
	assert_int_equal(w.plan.parallel, 1);
	/* Nor when other starts of the same step are still to come: a short lack of processes must not leave one at a time for good. */
	plain(&w, 4, 8, false);
	expect_actions(&w, "+0 +1 +2 +3");
	for (size_t i = 0; i < 4; i++)
		plan_no_process(&w.plan, i, w.now, 0);
	assert_int_equal(w.plan.parallel, 8);
	assert_int_equal(w.plan.in_flight, 0);
	/* The second of four was started: as many as are alive in the end. */
	plain(&w, 4, 8, false);
	expect_actions(&w, "+0 +1 +2 +3");
	plan_no_process(&w.plan, 0, w.now, 0);
	plan_no_process(&w.plan, 2, w.now, 1);
	plan_no_process(&w.plan, 3, w.now, 1);
	assert_int_equal(w.plan.parallel, 1);
}

/* In any order of the profile: checks that come after another become ready, or give up, in the same step. */
static void what_comes_after(UNUSED void **state)
{
	struct world w;

	plain(&w, 4, 8, false);
	after(&w, 0, 1);
	after(&w, 1, 2);
	w.checks[2].required = w.checks[1].required = w.checks[0].required = false;
	w.checks[2].retry = false;
	expect_actions(&w, "+2 +3");
	assert_int_equal(w.checks[0].state, PS_WAITING);
	at(&w, 1500);
	plan_result(&w.plan, 2, w.now, false, true);
	assert_true(w.checks[2].state == PS_GAVE_UP && !w.checks[2].failed_for_good &&
		    !w.checks[2].time_is_up);
	expect_actions(&w, "");
	assert_int_equal(w.checks[0].state, PS_GAVE_UP);
	assert_int_equal(w.checks[1].state, PS_GAVE_UP);
	assert_true(w.checks[1].dependency_failed && w.checks[0].dependency_failed);
	assert_int_equal(w.checks[1].failed_dependency, 2);
	assert_int_equal(w.checks[0].failed_dependency, 1);
	assert_true(!w.checks[1].failed_for_good && w.checks[1].attempts == 0);
	assert_int_equal(w.checks[1].ended.ns, 1500 * MS);
	/* failed_for_good is handed on to the checks that come after. */
	plain(&w, 2, 8, false);
	after(&w, 0, 1);
	w.checks[0].required = w.checks[1].required = false;
	expect_actions(&w, "+1");
	plan_result(&w.plan, 1, w.now, false, false);
	expect_actions(&w, "");
	assert_true(w.checks[0].dependency_failed && w.checks[0].failed_for_good);
	assert_true(w.plan.over);
	/* While its dependency runs the run is not over; once that has passed the check starts. */
	plain(&w, 2, 8, false);
	after(&w, 1, 0);
	expect_actions(&w, "+0");
	assert_false(w.plan.over);
	plan_result(&w.plan, 0, w.now, true, false);
	expect_actions(&w, "+1");
	assert_false(w.plan.over);
	/* All of several dependencies must have passed. */
	plain(&w, 3, 8, false);
	w.checks[2].after = (const size_t[]){0, 1};
	w.checks[2].n_after = 2;
	expect_actions(&w, "+0 +1");
	plan_result(&w.plan, 0, w.now, true, false);
	expect_actions(&w, "");
	assert_int_equal(w.checks[2].state, PS_WAITING);
	plan_result(&w.plan, 1, w.now, true, false);
	expect_actions(&w, "+2");
}

static void one_that_waits_ends_with_the_run(UNUSED void **state)
{
	struct world w;

	plain(&w, 2, 8, false);
	after(&w, 1, 0);
	expect_actions(&w, "+0");
	at(&w, 61000);
	expect_actions(&w, "-0");
	assert_true(w.checks[1].state == PS_GAVE_UP && w.checks[1].time_is_up);
	/* failed_dependency names the check it waited for, also while that runs an attempt. */
	assert_true(w.checks[1].dependency_failed && w.checks[1].failed_dependency == 0);
	assert_false(w.checks[0].dependency_failed);
	/* Of several dependencies it names the first that has not passed. */
	plain(&w, 3, 8, false);
	w.checks[2].after = (const size_t[]){0, 1};
	w.checks[2].n_after = 2;
	expect_actions(&w, "+0 +1");
	plan_result(&w.plan, 0, w.now, true, false);
	at(&w, 61000);
	expect_actions(&w, "-1");
	assert_true(w.checks[2].dependency_failed && w.checks[2].failed_dependency == 1);
}

static void grace_makes_patient(UNUSED void **state)
{
	struct world w;

	plain(&w, 1, 8, false);
	w.checks[0].grace = DURATION_S(2);
	expect_actions(&w, "+0");
	at(&w, 2999);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(w.checks[0].state, PS_READY);
	assert_false(w.checks[0].failed_for_good);
	at(&w, 3500);
	expect_actions(&w, "+0");
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(w.checks[0].state, PS_GAVE_UP);
	assert_true(w.checks[0].failed_for_good);
	/* At the exact end of grace. */
	plain(&w, 1, 8, false);
	w.checks[0].grace = DURATION_S(2);
	expect_actions(&w, "+0");
	at(&w, 3000);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(w.checks[0].state, PS_GAVE_UP);
	/* Grace does not concern a retryable failure. */
	plain(&w, 1, 8, false);
	expect_actions(&w, "+0");
	plan_result(&w.plan, 0, w.now, false, true);
	assert_true(w.checks[0].state == PS_READY && !w.checks[0].failed_for_good);
}

static void without_retry_once_is_enough(UNUSED void **state)
{
	struct world w;

	for (int finally = 0; finally < 2; finally++) {
		for (int round = 0; round < 2; round++) {
			plain(&w, 2, 8, round);
			w.checks[0].retry = round;
			w.checks[0].grace = DURATION_S(9); /* grace does not apply here */
			expect_actions(&w, "+0 +1");
			plan_result(&w.plan, 0, w.now, false, !finally);
			assert_int_equal(w.checks[0].state, PS_GAVE_UP);
			assert_int_equal(w.checks[0].failed_for_good, finally);
			assert_false(w.checks[0].time_is_up);
			/* With one_round each attempt may finish; otherwise the run is lost and the others get PLAN_SETTLE. */
			assert_int_equal(instant_is_never(w.plan.settle_until), round);
		}
	}
}

/* While the run settles, each check gets its first attempt and no second one. */
static void settling_gives_a_first_word(UNUSED void **state)
{
	struct world w;

	plain(&w, 4, 2, false);
	expect_actions(&w, "+0 +1");
	at(&w, 1100);
	plan_result(&w.plan, 1, w.now, false, true);
	expect_actions(&w, "+2");
	at(&w, 1200);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(w.plan.settle_until.ns, 3200 * MS);
	expect_actions(&w, "+3");
	plan_result(&w.plan, 2, w.now, true, false);
	at(&w, 2900);
	expect_actions(&w, ""); /* check 1 had its attempt */
	assert_false(w.plan.over);
	assert_int_equal(w.plan.wake.ns, 3200 * MS);
	plan_result(&w.plan, 3, w.now, true, false);
	expect_actions(&w, "");
	assert_true(w.plan.over); /* no attempt runs or starts any more */
	assert_int_equal(w.checks[1].state, PS_READY);
	/* A check that waits for a free place when the time is up gets none. */
	plain(&w, 3, 2, false);
	expect_actions(&w, "+0 +1");
	plan_result(&w.plan, 0, w.now, false, false);
	w.plan.in_flight = 2; /* as if another ran */
	expect_actions(&w, "");
	at(&w, 3000);
	w.plan.in_flight = 1;
	expect_actions(&w, "-1");
	plan_result(&w.plan, 1, w.now, false, true);
	expect_actions(&w, "");
	assert_true(w.plan.over && w.checks[2].attempts == 0);
	/* A check that waits for another does not keep a settling run from being over. */
	plain(&w, 3, 8, false);
	after(&w, 2, 1);
	expect_actions(&w, "+0 +1");
	plan_result(&w.plan, 1, w.now, false, true);
	plan_result(&w.plan, 0, w.now, false, false);
	expect_actions(&w, "");
	assert_true(w.plan.over);
}

static void settling_begins_once_and_ends_with_the_run(UNUSED void **state)
{
	struct world w;

	plain(&w, 3, 8, false);
	expect_actions(&w, "+0 +1 +2");
	plan_result(&w.plan, 0, w.now, false, false);
	at(&w, 2000);
	plan_result(&w.plan, 1, w.now, false, false);
	assert_int_equal(w.plan.settle_until.ns, 3000 * MS);
	plain(&w, 2, 8, false);
	w.checks[0].attempt_timeout = w.checks[1].attempt_timeout = DURATION_S(60);
	expect_actions(&w, "+0 +1");
	at(&w, 60500);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(w.plan.settle_until.ns, 61000 * MS);
	/* A required check whose own timeout is over loses the run as well: the others get PLAN_SETTLE only. */
	plain(&w, 2, 8, false);
	w.checks[0].timeout = DURATION_MS(300);
	expect_actions(&w, "+0 +1");
	at(&w, 1250);
	plan_result(&w.plan, 0, w.now, false, true);
	plan_result(&w.plan, 1, w.now, false, true);
	at(&w, 1300);
	expect_actions(&w, "");
	assert_true(w.checks[0].state == PS_GAVE_UP && w.checks[0].time_is_up);
	assert_int_equal(w.plan.settle_until.ns, 3300 * MS);
	assert_true(w.plan.over); /* the other check had its attempt */
	/* An optional check that gives up does not make the run settle. */
	plain(&w, 2, 8, false);
	w.checks[0].required = false;
	expect_actions(&w, "+0 +1");
	plan_result(&w.plan, 0, w.now, false, false);
	assert_true(instant_is_never(w.plan.settle_until));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(begins_with_the_given_values),
	    cmocka_unit_test(one_that_is_left_out_counts_as_passed),
	    cmocka_unit_test(an_attempt_has_its_times),
	    cmocka_unit_test(pauses_grow_and_are_spread),
	    cmocka_unit_test(an_interval_is_the_least_pause),
	    cmocka_unit_test(a_busy_peer_is_asked_slowly),
	    cmocka_unit_test(slowing_down_only_delays),
	    cmocka_unit_test(a_seed_of_nothing_is_one),
	    cmocka_unit_test(one_that_waits_for_a_later_one),
	    cmocka_unit_test(killed_once_at_its_deadline),
	    cmocka_unit_test(the_run_has_an_end),
	    cmocka_unit_test(a_final_word_at_the_deadline_counts),
	    cmocka_unit_test(own_timeout),
	    cmocka_unit_test(no_more_than_parallel),
	    cmocka_unit_test(no_more_than_a_burst),
	    cmocka_unit_test(nobody_is_passed_over),
	    cmocka_unit_test(a_refused_process),
	    cmocka_unit_test(a_refused_process_in_one_round),
	    cmocka_unit_test(what_comes_after),
	    cmocka_unit_test(one_that_waits_ends_with_the_run),
	    cmocka_unit_test(grace_makes_patient),
	    cmocka_unit_test(without_retry_once_is_enough),
	    cmocka_unit_test(settling_gives_a_first_word),
	    cmocka_unit_test(settling_begins_once_and_ends_with_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
