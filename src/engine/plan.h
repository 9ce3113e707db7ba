/* plan: decides, never acts. Which attempt starts when, what is killed, when the run is over.
 *
 * Pure: no I/O, no clock (time comes in), no allocation. Events go in (plan_result, plan_no_process, plan_dead),
 * actions come out of plan_step. The caller carries them out and asks again at plan->wake or at the next event.
 *
 * Promises, each a unit test: no attempt starts before its time, before what it comes `after` has passed, or when
 * its deadline is reached; never more than `parallel` at once, and PLAN_BURST in one step, and whoever has waited longest past
 * its time is first; every attempt has a deadline and is wished dead at most once; the run is over at its deadline once the killed
 * are reaped; a required check that did not pass is never counted as passed.
 *
 * Waiting between attempts: 5 % of the time already waited, 10 ms to 1 s, with a jitter of 25 % so that a fleet
 * of a thousand does not knock in step.
 */
#ifndef SG_PLAN_H
#define SG_PLAN_H

#include "instant.h"
#include "util.h"

enum plan_state {
	PS_WAITING, /* for what it comes after */
	PS_READY,   /* for its next attempt */
	PS_RUNNING,
	PS_KILLING, /* wished dead, not yet reaped */
	PS_PASSED,
	PS_GAVE_UP
};

/* Starts that one step actions at most. To start hundreds takes longer than a deadline or a signal can wait: between a few
 * of them the caller looks at its clock. More wait when plan->wake is not after now. */
#define PLAN_BURST 4
#define PLAN_SETTLE \
	DURATION_S(2) /* once the run is lost the others may finish their attempt this long */

struct plan_check {
	/* Set by the caller before plan_init. */
	bool required, retry;
	struct duration timeout, attempt_timeout, grace; /* timeout: unset = the run's */
	const size_t *after;                             /* indices */
	size_t n_after;
	/* Kept by plan; for reading. */
	enum plan_state state;
	int attempts;
	bool failed_for_good;   /* the last failure cannot pass by waiting */
	bool time_is_up;        /* gave up because its time, not its patience, ran out */
	bool dependency_failed; /* never tried: what it comes after did not pass */
	size_t failed_dependency;
	struct instant eligible, deadline; /* since when it may run; until when in all */
	struct instant first_attempt, attempt_start, attempt_deadline, next, ended;
};

struct plan {
	struct plan_check *checks;
	size_t n;
	struct instant start, deadline; /* of the run */
	struct instant settle_until;    /* never, until a required check gave up */
	struct instant wake;            /* ask again at the latest then */
	bool one_round;                 /* check, try: a single attempt each */
	bool over;                      /* nothing runs any more and nothing will */
	size_t parallel, in_flight;
	uint64_t random;
};

enum action_kind { ACTION_START, ACTION_KILL };
struct action {
	enum action_kind kind;
	size_t check;
};

void plan_init(struct plan *p, struct plan_check *checks, size_t n, struct instant now,
	       struct duration timeout, size_t parallel, bool one_round, uint64_t seed);
/* At most one action per check and call: `actions` has room for p->n. Returns how many. */
size_t plan_step(struct plan *p, struct instant now, struct action *actions);
/* The attempt of check i is over and reaped. `retryable`: waiting may help (meaningless when it passed). */
void plan_result(struct plan *p, size_t i, struct instant now, bool passed, bool retryable);
/* The start that was wished could not be made (no process to be had): tried again later, with fewer at once
 * when others were alive. Starts that were wished with it are not, until they are made. */
void plan_no_process(struct plan *p, size_t i, struct instant now, size_t alive);
/* Everything is to end now (a signal, a fault): running attempts are wished dead, nothing starts any more. */
void plan_stop(struct plan *p, struct instant now);

#endif
