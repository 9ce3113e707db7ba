#include "plan.h"

#define JITTER_PERCENT 25

/* How the pauses between attempts grow: a share of the time waited, within bounds. */
struct pace {
	int share_percent;
	struct duration min, max;
};
static const struct pace ordinary = {5, DURATION_MS(10), DURATION_S(1)};
static const struct pace slower = {25, DURATION_S(1), DURATION_S(5)};

/* xorshift64*: jitter needs no better generator, and a fixed seed makes a test repeatable. */
static uint64_t next_random(struct plan *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return p->random * 2685821657736338717u;
}

/* The pause grows with the time that was waited; a check's own interval is the least. */
static struct duration pause_after(struct plan *p, const struct plan_check *c,
				   const struct pace *pace, struct instant now)
{
	int64_t ns = instant_since(c->first_attempt, now).ns / 100 * pace->share_percent;
	int64_t share =
	    100 - JITTER_PERCENT + (int64_t)(next_random(p) >> 33) % (2 * JITTER_PERCENT + 1);

	ns = ns < pace->min.ns ? pace->min.ns : ns > pace->max.ns ? pace->max.ns : ns;
	ns = ns / 100 * share;
	return (struct duration){ns < c->interval.ns ? c->interval.ns : ns};
}

void plan_init(struct plan *p, struct plan_check *checks, size_t n, struct instant now,
	       struct duration timeout, size_t parallel, bool one_round, uint64_t seed)
{
	*p = (struct plan){.checks = checks,
			   .n = n,
			   .start = now,
			   .deadline = instant_after(now, timeout),
			   .settle_until = INSTANT_NEVER,
			   .wake = now,
			   .one_round = one_round,
			   .parallel = parallel > 0 ? parallel : 1,
			   .random = seed ? seed : 1};
	for (size_t i = 0; i < n; i++) {
		checks[i].state = checks[i].left_out ? PS_PASSED : PS_WAITING;
		checks[i].deadline = p->deadline;
		checks[i].next = INSTANT_NEVER;
		checks[i].attempt_deadline = INSTANT_NEVER;
	}
}

static bool is_settling(const struct plan *p)
{
	return !instant_is_never(p->settle_until);
}

/* A required check that gave up blocks the run, whatever the others still find: they get PLAN_SETTLE to finish. */
static void give_up(struct plan *p, struct plan_check *c, struct instant now)
{
	c->state = PS_GAVE_UP;
	c->ended = now;
	c->next = INSTANT_NEVER;
	if (c->required && !is_settling(p) && !p->one_round)
		p->settle_until = instant_earlier(p->deadline, instant_after(now, PLAN_SETTLE));
}

/* Moves a check from WAITING to READY once every check it comes after has passed, to GAVE_UP once one has given up. */
static void make_ready(struct plan *p, struct plan_check *c, struct instant now)
{
	for (size_t k = 0; k < c->n_after; k++) {
		const struct plan_check *before = &p->checks[c->after[k]];

		if (before->state == PS_GAVE_UP) {
			c->dependency_failed = true;
			c->failed_dependency = c->after[k];
			c->failed_for_good = before->failed_for_good;
			give_up(p, c, now);
			return;
		}
		if (before->state != PS_PASSED)
			return;
	}
	c->state = PS_READY;
	c->eligible = now;
	c->next = now;
	if (duration_is_set(c->timeout))
		c->deadline = instant_earlier(p->deadline, instant_after(now, c->timeout));
}

/* Records why a check that still waits when its time is up was never tried: the first check it comes after that has not passed. */
static void name_failed_dependency(const struct plan *p, struct plan_check *c)
{
	if (c->state != PS_WAITING)
		return;
	for (size_t k = c->n_after; k-- > 0;) {
		if (p->checks[c->after[k]].state == PS_PASSED)
			continue;
		c->dependency_failed = true;
		c->failed_dependency = c->after[k];
	}
}

/* Returns when the run is over for a check. */
static struct instant end_for(const struct plan *p, const struct plan_check *c)
{
	struct instant end = p->settle_until;

	if (is_settling(p) && !p->stopped && c->program && c->attempts <= 1)
		end = instant_after(end, PLAN_SETTLE_PROGRAM);
	return instant_earlier(p->deadline, end);
}

/* Applies the changes that time alone causes. Returns true when the running attempt must be killed. */
static bool apply_time(struct plan *p, struct plan_check *c, struct instant now)
{
	if (c->state == PS_WAITING)
		make_ready(p, c, now);
	if ((c->state == PS_WAITING || c->state == PS_READY) && instant_reached(c->deadline, now)) {
		c->time_is_up = true;
		name_failed_dependency(p, c);
		give_up(p, c, now);
	}
	if (c->state == PS_RUNNING &&
	    (instant_reached(c->attempt_deadline, now) || instant_reached(end_for(p, c), now))) {
		c->state = PS_KILLING;
		return true;
	}
	return false;
}

static bool may_start(const struct plan *p, const struct plan_check *c, struct instant now)
{
	if (c->state != PS_READY || !instant_reached(c->next, now) || p->in_flight >= p->parallel)
		return false;
	if (instant_reached(instant_earlier(c->deadline, end_for(p, c)), now))
		return false;
	/* While the run settles, each check gets its first attempt, but no second. */
	return !is_settling(p) || c->attempts == 0;
}

/* Returns the check that has waited longest past its time; p->n: none. In the order of the profile, checks that fail quickly would
 * take every place, and later ones would never be tried. */
static size_t next_to_start(const struct plan *p, struct instant now)
{
	size_t first = p->n;

	for (size_t i = p->open; i < p->n; i++)
		if (may_start(p, &p->checks[i], now) &&
		    (first == p->n || p->checks[i].next.ns < p->checks[first].next.ns))
			first = i;
	return first;
}

static void start_attempt(struct plan *p, struct plan_check *c, struct instant now)
{
	if (c->attempts++ == 0)
		c->first_attempt = now;
	c->state = PS_RUNNING;
	c->attempt_start = now;
	c->attempt_deadline = instant_earlier(c->deadline, instant_after(now, c->attempt_timeout));
	c->next = INSTANT_NEVER;
	p->in_flight++;
}

/* Can a check still change its outcome? */
static bool anything_left(const struct plan *p, struct instant now)
{
	for (size_t i = p->open; i < p->n; i++) {
		const struct plan_check *c = &p->checks[i];
		bool ended = instant_reached(end_for(p, c), now);

		if (c->state == PS_RUNNING || c->state == PS_KILLING)
			return true;
		if (c->state == PS_READY && !ended && (!is_settling(p) || c->attempts == 0))
			return true;
		/* The check that a waiting check comes after will decide it, unless the run settles. */
		if (c->state == PS_WAITING && !ended && !is_settling(p))
			return true;
	}
	return false;
}

/* Returns when plan_step is due: not a past time unless a start is due, since the end of a killed attempt wakes the loop. */
static struct instant wake_at(const struct plan *p, struct instant now)
{
	struct instant wake = INSTANT_NEVER;

	for (size_t i = p->open; i < p->n; i++) {
		const struct plan_check *c = &p->checks[i];
		struct instant end = end_for(p, c);

		if (c->state == PS_RUNNING)
			wake = instant_earlier(wake, instant_earlier(c->attempt_deadline, end));
		if ((c->state != PS_READY && c->state != PS_WAITING) || instant_reached(end, now))
			continue;
		wake = instant_earlier(wake, instant_earlier(c->deadline, end));
		/* When no place is free, the end of an attempt wakes the loop. */
		if (c->state == PS_READY && p->in_flight < p->parallel &&
		    (!is_settling(p) || c->attempts == 0))
			wake = instant_earlier(wake, c->next);
	}
	return wake;
}

size_t plan_step(struct plan *p, struct instant now, struct action *actions)
{
	size_t n = 0, starts = 0;
	bool moved = true;

	while (p->open < p->n && !plan_undecided(&p->checks[p->open]))
		p->open++;
	/* A check that gives up decides those that come after it, and these may stand before it in the profile. */
	while (moved) {
		moved = false;
		for (size_t i = p->open; i < p->n; i++) {
			enum plan_state before = p->checks[i].state;

			if (apply_time(p, &p->checks[i], now))
				actions[n++] = (struct action){ACTION_KILL, i};
			moved |= before == PS_WAITING && p->checks[i].state == PS_GAVE_UP;
		}
	}
	for (size_t i; starts < PLAN_BURST && (i = next_to_start(p, now)) < p->n; starts++) {
		start_attempt(p, &p->checks[i], now);
		actions[n++] = (struct action){ACTION_START, i};
	}
	p->over = !anything_left(p, now);
	p->wake = wake_at(p, now);
	return n;
}

void plan_result(struct plan *p, size_t i, struct instant now, bool passed, bool retryable)
{
	struct plan_check *c = &p->checks[i];

	invariant(c->state == PS_RUNNING || c->state == PS_KILLING);
	p->in_flight--;
	c->attempt_deadline = INSTANT_NEVER;
	if (passed) {
		c->state = PS_PASSED;
		c->ended = now;
		return;
	}
	/* During `grace`, a failure that waiting alone cannot mend is retried too: a job may be creating the missing object. */
	c->failed_for_good =
	    !retryable && instant_reached(instant_after(c->eligible, c->grace), now);
	if (instant_reached(c->deadline, now)) {
		c->failed_for_good = !retryable;
		c->time_is_up = retryable;
		give_up(p, c, now);
	} else if (c->failed_for_good || !c->retry || p->one_round) {
		c->failed_for_good = !retryable;
		give_up(p, c, now);
	} else {
		c->state = PS_READY;
		c->next = instant_after(now, pause_after(p, c, &ordinary, now));
	}
}

void plan_slow_down(struct plan *p, size_t i, struct instant now, struct duration retry_after)
{
	struct plan_check *c = &p->checks[i];
	struct duration pause, left = instant_since(now, c->deadline);

	if (c->state != PS_READY)
		return;
	pause = pause_after(p, c, &slower, now);
	/* The jitter makes the pause longer only: a peer that names a time does not want to be asked before it. */
	if (retry_after.ns > pause.ns)
		pause.ns = retry_after.ns + retry_after.ns / 100 *
						(int64_t)((next_random(p) >> 33) % JITTER_PERCENT);
	/* A pause up to the deadline would leave no attempt. Half of the time left does, also to a peer that names too long a time. */
	if (pause.ns >= left.ns)
		pause.ns = left.ns / 2;
	if (c->next.ns < instant_after(now, pause).ns)
		c->next = instant_after(now, pause);
}

void plan_no_process(struct plan *p, size_t i, struct instant now, size_t alive)
{
	struct plan_check *c = &p->checks[i];

	/* The system allows no more than these: stay below that for the rest of the run. With none alive, others use the limit up. */
	if (alive > 0)
		p->parallel = p->in_flight - 1;
	if (alive == 0 || instant_reached(c->deadline, now)) {
		plan_result(p, i, now, false, true);
		return;
	}
	/* Nothing was asked of the dependency, so this was no attempt: also a check that has only one waits for a child to end. */
	p->in_flight--;
	c->attempt_deadline = INSTANT_NEVER;
	c->state = PS_READY;
	c->next = instant_after(now, pause_after(p, c, &ordinary, now));
	c->attempts--;
}

void plan_stop(struct plan *p, struct instant now)
{
	p->settle_until = now;
	p->stopped = true;
}
