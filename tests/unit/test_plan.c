/* plan against random schedules: whatever the checks do, the promises of plan.h hold. */
#include "cm.h"

#include "plan.h"

#define CHECKS 8
#define MS 1000000LL
#define ROUNDING 1000 /* nanoseconds: shares are taken in whole numbers */

static uint64_t seed;
static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

struct world {
	struct plan plan;
	struct plan_check checks[CHECKS];
	size_t after[CHECKS][1];
	struct instant done_at[CHECKS], passes_at[CHECKS], now;
	bool running[CHECKS], killed[CHECKS], final[CHECKS];
	int64_t last_end[CHECKS];
	bool burst; /* the last step started PLAN_BURST attempts */
};

static void begin(struct world *w, size_t n)
{
	*w = (struct world){.now = {1000 * MS}};
	for (size_t i = 0; i < n; i++) {
		struct plan_check *c = &w->checks[i];

		c->required = roll(3) != 0;
		c->retry = roll(8) != 0;
		c->program = roll(4) == 0;
		c->timeout = c->required ? DURATION_UNSET : DURATION_MS(10 + roll(4000));
		c->attempt_timeout = DURATION_MS(10 + roll(1500));
		c->grace = DURATION_MS(roll(4) ? 0 : roll(2000));
		c->interval = DURATION_MS(roll(4) ? 0 : roll(1500));
		if (i && roll(3) == 0) {
			w->after[i][0] = roll((unsigned)i);
			c->after = w->after[i];
			c->n_after = 1;
		}
		w->passes_at[i].ns = w->now.ns + roll(5000) * MS;
		w->final[i] = roll(6) == 0;
	}
	plan_init(&w->plan, w->checks, n, w->now, DURATION_MS(100 + roll(6000)), 1 + roll(6),
		  roll(8) == 0, seed);
}

static void start(struct world *w, size_t i)
{
	const struct plan_check *c = &w->checks[i];
	size_t running = 0;

	assert_false(w->running[i]);
	assert_true(w->now.ns < w->plan.deadline.ns);
	assert_true(w->now.ns < c->deadline.ns);
	assert_true(c->attempt_deadline.ns <= w->plan.deadline.ns &&
		    c->attempt_deadline.ns > w->now.ns);
	for (size_t j = 0; j < c->n_after; j++)
		assert_int_equal(w->checks[c->after[j]].state, PS_PASSED);
	/* Not before 5 % of the time waited, less the jitter, and never within 7.5 ms. */
	if (w->last_end[i]) {
		int64_t waited = w->last_end[i] - c->first_attempt.ns, pause = waited / 20;

		pause = pause < 10 * MS ? 10 * MS : pause > 1000 * MS ? 1000 * MS : pause;
		assert_true(w->now.ns - w->last_end[i] >= pause * 3 / 4 - ROUNDING);
		assert_true(w->now.ns - w->last_end[i] >= c->interval.ns);
	}
	w->running[i] = true;
	w->killed[i] = false;
	w->done_at[i].ns = w->now.ns + (roll(10) ? (1 + roll(300)) * MS : INT64_MAX / 4);
	for (size_t j = 0; j < w->plan.n; j++)
		running += w->running[j];
	assert_true(running <= w->plan.parallel);
}

static size_t alive(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->plan.n; i++)
		n += w->running[i];
	return n;
}

static void carry_out(struct world *w)
{
	struct action actions[CHECKS];
	size_t n = plan_step(&w->plan, w->now, actions), starts = 0;

	assert_true(n <= w->plan.n);
	for (size_t i = 0; i < n; i++)
		starts += actions[i].kind == ACTION_START;
	assert_true(starts <= PLAN_BURST);
	w->burst = starts == PLAN_BURST;
	for (size_t i = 0; i < n; i++) {
		size_t c = actions[i].check;

		if (actions[i].kind == ACTION_START && roll(40) == 0) {
			plan_no_process(&w->plan, c, w->now, alive(w));
		} else if (actions[i].kind == ACTION_START) {
			start(w, c);
		} else {
			assert_true(w->running[c] && !w->killed[c]);
			w->killed[c] = true;
			w->done_at[c] = w->now;
		}
	}
}

static void reap(struct world *w)
{
	for (size_t i = 0; i < w->plan.n; i++) {
		bool passed;

		if (!w->running[i] || w->done_at[i].ns > w->now.ns)
			continue;
		w->running[i] = false;
		w->last_end[i] = w->now.ns;
		passed = !w->killed[i] && !w->final[i] && w->now.ns >= w->passes_at[i].ns;
		plan_result(&w->plan, i, w->now, passed, !w->final[i]);
	}
}

/* Advances the clock to the next event: an attempt ends, or plan->wake. */
static void advance(struct world *w)
{
	int64_t next = w->plan.wake.ns;

	assert_true(next > w->now.ns || w->burst); /* otherwise the caller would spin */
	for (size_t i = 0; i < w->plan.n; i++)
		if (w->running[i] && w->done_at[i].ns < next)
			next = w->done_at[i].ns;
	assert_true(next != INT64_MAX); /* otherwise the caller would sleep for ever */
	w->now.ns = next > w->now.ns ? next : w->now.ns;
}

static void judge(const struct world *w)
{
	for (size_t i = 0; i < w->plan.n; i++) {
		const struct plan_check *c = &w->checks[i];

		assert_false(w->running[i]);
		assert_true(c->state != PS_RUNNING && c->state != PS_KILLING);
		/* Only a run that ended early, after a final failure, leaves some undecided. */
		if (instant_is_never(w->plan.settle_until))
			assert_true(c->state == PS_PASSED || c->state == PS_GAVE_UP);
		if (c->n_after == 0 && c->state == PS_GAVE_UP && !w->plan.one_round && c->required)
			assert_true(c->attempts > 0 || w->plan.parallel < CHECKS);
		if (c->dependency_failed)
			assert_int_equal(c->attempts, 0);
		if (w->plan.one_round)
			assert_true(c->attempts <= 1);
		if (!c->retry)
			assert_true(c->attempts <= 1);
	}
}

static void random_worlds(UNUSED void **state)
{
	for (uint64_t run = 0; run < 20000; run++) {
		struct world w;
		int64_t latest;
		int steps = 0;

		seed = run * 2654435761u + 12345;
		begin(&w, 1 + roll(CHECKS));
		latest = w.plan.deadline.ns;
		carry_out(&w);
		while (!w.plan.over) {
			assert_true(++steps < 20000);
			advance(&w);
			reap(&w);
			carry_out(&w);
		}
		assert_true(w.now.ns <= latest);
		judge(&w);
	}
}

static void one_check(struct world *w, bool required)
{
	*w = (struct world){.now = {1000 * MS}};
	for (size_t i = 0; i < 2; i++) {
		w->checks[i].required = required;
		w->checks[i].retry = true;
		w->checks[i].timeout = DURATION_UNSET;
		w->checks[i].attempt_timeout = DURATION_S(5);
		w->checks[i].grace = DURATION_MS(0);
	}
	plan_init(&w->plan, w->checks, 2, w->now, DURATION_S(60), 8, false, 1);
	assert_int_equal(plan_step(&w->plan, w->now, (struct action[CHECKS]){{0}}), 2);
}

/* A required check that failed for good ends the run; the other's attempt has two seconds to finish. */
static void settles(UNUSED void **state)
{
	struct action actions[CHECKS];
	struct world w;

	one_check(&w, true);
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(plan_step(&w.plan, w.now, actions), 0);
	assert_false(w.plan.over);
	assert_int_equal(w.plan.wake.ns, w.now.ns + 2000 * MS);
	w.now = w.plan.wake;
	assert_int_equal(plan_step(&w.plan, w.now, actions), 1);
	assert_int_equal(actions[0].kind, ACTION_KILL);
	assert_int_equal(actions[0].check, 1);
	/* only the end of the killed attempt is waited for */
	assert_true(instant_is_never(w.plan.wake));
	plan_result(&w.plan, 1, w.now, false, true);
	plan_step(&w.plan, w.now, actions);
	assert_true(w.plan.over);
}

/* A program's first attempt has eight more. */
static void settles_with_a_program(UNUSED void **state)
{
	struct action actions[CHECKS];
	struct world w;

	one_check(&w, true);
	w.checks[1].program = true;
	w.checks[1].attempt_deadline.ns = w.now.ns + 30000 * MS;
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(plan_step(&w.plan, w.now, actions), 0);
	assert_int_equal(w.plan.wake.ns, w.now.ns + 10000 * MS);
	w.now.ns += 2000 * MS;
	assert_int_equal(plan_step(&w.plan, w.now, actions), 0);
	w.now = w.plan.wake;
	assert_int_equal(plan_step(&w.plan, w.now, actions), 1);
	assert_int_equal(actions[0].kind, ACTION_KILL);
	plan_result(&w.plan, 1, w.now, false, true);
	plan_step(&w.plan, w.now, actions);
	assert_true(w.plan.over);
}

/* SIGTERM waits for no program. */
static void stops_a_program(UNUSED void **state)
{
	struct action actions[CHECKS];
	struct world w;

	one_check(&w, true);
	w.checks[1].program = true;
	plan_result(&w.plan, 0, w.now, false, false);
	assert_int_equal(plan_step(&w.plan, w.now, actions), 0);
	plan_stop(&w.plan, w.now);
	assert_int_equal(plan_step(&w.plan, w.now, actions), 1);
	assert_int_equal(actions[0].check, 1);
	plan_result(&w.plan, 1, w.now, false, true);
	plan_step(&w.plan, w.now, actions);
	assert_true(w.plan.over);
}

static void stops(UNUSED void **state)
{
	struct action actions[CHECKS];
	struct world w;

	one_check(&w, true);
	plan_stop(&w.plan, w.now);
	assert_int_equal(plan_step(&w.plan, w.now, actions), 2);
	assert_int_equal(actions[0].kind, ACTION_KILL);
	plan_result(&w.plan, 0, w.now, false, true);
	plan_result(&w.plan, 1, w.now, true, true);
	assert_int_equal(plan_step(&w.plan, w.now, actions), 0);
	assert_true(w.plan.over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_worlds),
	    cmocka_unit_test(settles),
	    cmocka_unit_test(settles_with_a_program),
	    cmocka_unit_test(stops_a_program),
	    cmocka_unit_test(stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
