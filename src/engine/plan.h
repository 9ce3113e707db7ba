/* plan: decides which attempt starts when, which is killed, and when the run is over. It never acts.
 *
 * Pure: no I/O, no clock (the caller passes `now`), no allocation. Events go in (plan_result, plan_no_process, plan_stop),
 * actions come out of plan_step. The reactor carries them out and calls plan_step again at plan->wake or at the next event.
 *
 * Promises, each held by a unit test:
 * - An attempt starts only at its time, after the checks in `after` have passed, and before its deadline.
 * - Never more than `parallel` attempts run at once. At most PLAN_BURST start in one step; the check that has waited longest past
 *   its time is first.
 * - Every attempt has a deadline and is killed at most once. The run is over at its deadline, once the killed are reaped.
 * - A required check that did not pass is never counted as passed.
 *
 * The pause between two attempts is 5 % of the time already waited, 10 ms to 1 s, with a jitter of 25 % so that a thousand
 * pods do not retry at the same moment. A peer that has too much to do is asked at a slower pace: 25 %, 1 s to 5 s, and not
 * before the time that it names, if that is before the deadline.
 */
#ifndef SG_PLAN_H
#define SG_PLAN_H

#include "instant.h"
#include "util.h"

enum plan_state {
	PS_WAITING, /* waits for the checks it comes after */
	PS_READY,   /* waits for its next attempt */
	PS_RUNNING,
	PS_KILLING, /* to be killed or killed, not yet reaped */
	PS_PASSED,
	PS_GAVE_UP
};

/* The most starts in one step. Starting hundreds takes longer than a deadline or a signal can wait, so the caller reads the clock
 * in between. More starts are due when plan->wake is not after `now`. */
#define PLAN_BURST 4
/* How long the others may take to finish their attempt once a required check has given up. */
#define PLAN_SETTLE DURATION_S(2)
/* How much longer a program's first attempt has: it computes, where a peer that is silent for so long hangs. An image lacks files
 * and modules at once, and the files are found in milliseconds, the modules in seconds. */
#define PLAN_SETTLE_PROGRAM DURATION_S(8)

struct plan_check {
	/* Set by the caller before plan_init. */
	bool required, retry;
	bool left_out; /* waived or skipped: never tried, counts as passed */
	bool program;  /* its attempts start programs */
	struct duration timeout, attempt_timeout, interval, grace; /* timeout: unset = the run's */
	const size_t *after; /* indices of the checks it comes after */
	size_t n_after;
	/* Set by plan; the caller only reads them. */
	enum plan_state state;
	int attempts;
	bool failed_for_good;   /* the last failure cannot pass by waiting */
	bool time_is_up;        /* gave up at its deadline */
	bool dependency_failed; /* never tried, because failed_dependency did not pass */
	size_t failed_dependency;
	struct instant eligible, deadline; /* it may run from `eligible` to `deadline` */
	struct instant first_attempt, attempt_start, attempt_deadline, next, ended;
};

static inline bool plan_undecided(const struct plan_check *c)
{
	return c->state != PS_PASSED && c->state != PS_GAVE_UP;
}

struct plan {
	struct plan_check *checks;
	size_t n;
	struct instant start, deadline; /* of the run */
	bool stopped;                   /* plan_stop was called */
	struct instant settle_until; /* earlier end, after a required check gave up or plan_stop */
	struct instant wake;         /* when plan_step must be called again */
	bool one_round;              /* each check gets a single attempt (commands check and try) */
	bool over;                   /* no attempt runs and none will start */
	size_t parallel, in_flight;
	size_t open; /* the checks before this one are decided: plan_step need not look at them */
	uint64_t random;
};

enum action_kind { ACTION_START, ACTION_KILL };
struct action {
	enum action_kind kind;
	size_t check;
};

void plan_init(struct plan *p, struct plan_check *checks, size_t n, struct instant now,
	       struct duration timeout, size_t parallel, bool one_round, uint64_t seed);
/* Fills `actions`, which has room for p->n, with at most one action per check. Returns how many. */
size_t plan_step(struct plan *p, struct instant now, struct action *actions);
/* Call it when the attempt of check i is over and reaped. `retryable`: waiting may help (ignored when it passed). */
void plan_result(struct plan *p, size_t i, struct instant now, bool passed, bool retryable);
/* Call it after plan_result for a peer that has too much to do: the next attempt comes at the slower pace, and not before
 * `retry_after`, the time that the peer names (0: none). */
void plan_slow_down(struct plan *p, size_t i, struct instant now, struct duration retry_after);
/* Call it when check i did not start because no process could be created. The check is tried again later, with fewer attempts at
 * once if `alive` children existed when the call failed: then also in a single round, and without retries, until its deadline. */
void plan_no_process(struct plan *p, size_t i, struct instant now, size_t alive);
/* Ends the run at `now` (a signal came): plan_step then kills what runs and starts nothing any more. */
void plan_stop(struct plan *p, struct instant now);

#endif
