#include "run.h"

#define SUMMARY_MAX 2048
#define OTHERS_ROOM 96 /* bytes that stay free for a code and "and 12 more" */

const char *outcome_name(enum outcome o)
{
	static const char *const names[OUTCOME__COUNT] = {
	    [OUTCOME_PENDING] = "pending",   [OUTCOME_PASS] = "pass",
	    [OUTCOME_DEGRADED] = "degraded", [OUTCOME_FAIL] = "fail",
	    [OUTCOME_BROKEN] = "broken",     [OUTCOME_WAIVED] = "waived",
	    [OUTCOME_SKIPPED] = "skipped",
	};

	return names[o];
}

const char *verdict_name(enum verdict s)
{
	return s == RUN_READY ? "ready" : s == RUN_DEGRADED ? "degraded" : "blocked";
}

void run_init(struct run *run, const struct profile *p, struct instant now, bool one_round,
	      uint64_t seed)
{
	struct plan_check *checks = xcalloc(p->n + 1, sizeof *checks);

	*run = (struct run){.profile = p, .started = now, .ended = now};
	run->outcomes = xcalloc(p->n + 1, sizeof *run->outcomes);
	for (size_t i = 0; i < p->n; i++) {
		const struct profile_check *c = &p->checks[i];

		checks[i] = (struct plan_check){.required = c->required,
						.retry = c->common.retry,
						.left_out = c->waived_by || c->skipped,
						.program = c->kind->needs_exec,
						.timeout = c->common.timeout,
						.attempt_timeout = c->common.attempt_timeout,
						.interval = c->common.interval,
						.grace = c->common.grace,
						.after = c->after,
						.n_after = c->n_after};
		if (checks[i].left_out)
			run->outcomes[i].outcome = c->waived_by ? OUTCOME_WAIVED : OUTCOME_SKIPPED;
	}
	plan_init(&run->plan, checks, p->n, now, p->timeout, p->parallel, one_round, seed);
}

void run_free(struct run *run)
{
	free(run->plan.checks);
	free(run->outcomes);
	free(run->summary);
	*run = (struct run){0};
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */
static enum outcome outcome_of(const struct plan_check *c, const struct check_outcome *r)
{
	if (c->state == PS_PASSED)
		return OUTCOME_PASS;
	if (c->state != PS_GAVE_UP || r->interrupted)
		return OUTCOME_PENDING;
	/* The check was never tried. Whether the run ended shortly before or after its dependency gave up must not matter. */
	if (c->dependency_failed || (c->attempts == 0 && r->diag.code == D_NONE))
		return c->required ? OUTCOME_PENDING : OUTCOME_DEGRADED;
	if (r->diag.code != D_NONE && diag_info(r->diag.code)->result == RESULT_BROKEN)
		return OUTCOME_BROKEN;
	return c->required ? OUTCOME_FAIL : OUTCOME_DEGRADED;
}

static void add_undecided_cause(const struct run *run, const struct plan_check *c,
				struct check_outcome *r)
{
	const char *cause, *name = "";

	if (c->dependency_failed) {
		cause = "not tried: it comes after ";
		name = run->profile->checks[c->failed_dependency].id;
	} else if (c->attempts) {
		cause = "not decided when the run ended; last step: ";
		name = r->step[0] ? r->step : "none";
	} else if (c->time_is_up && c->deadline.ns < run->plan.deadline.ns) {
		cause = "not tried: its own time was up before its turn, others took all places";
	} else {
		cause = "not tried: the run ended before its turn";
	}
	snprintf(r->diag.cause, sizeof r->diag.cause, "%s%s", cause, name);
}

static void settle_outcomes(struct run *run)
{
	for (size_t i = 0; i < run->plan.n; i++) {
		const struct plan_check *c = &run->plan.checks[i];
		struct check_outcome *r = &run->outcomes[i];

		if (c->left_out)
			continue;
		r->outcome = outcome_of(c, r);
		r->attempts = c->attempts;
		if (c->attempts > 0) {
			struct instant end = plan_undecided(c) ? run->ended : c->ended;

			r->elapsed = instant_since(c->first_attempt, end);
		}
		if (r->diag.code == D_NONE && r->outcome != OUTCOME_PASS)
			add_undecided_cause(run, c, r);
	}
}

/* ---- the verdict line ----------------------------------------------------------------------------------------------- */
/* Counts the checks by outcome. */
static void count_outcomes(const struct run *run, size_t n[OUTCOME__COUNT])
{
	memset(n, 0, OUTCOME__COUNT * sizeof *n);
	for (size_t i = 0; i < run->profile->n; i++)
		n[run->outcomes[i].outcome]++;
}

static void add_count(struct str *b, size_t n, const char *what, const char **sep)
{
	if (n == 0)
		return;
	str_addf(b, "%s%zu %s", *sep, n, what);
	*sep = ", ";
}

static void add_check(struct str *b, const struct run *run, size_t i)
{
	const struct check_outcome *r = &run->outcomes[i];

	str_addf(b, "%s: ", run->profile->checks[i].id);
	if (r->diag.code != D_NONE)
		str_addf(b, "%s: ", diag_info(r->diag.code)->code);
	if (r->diag.subject[0])
		str_addf(b, "%s: ", r->diag.subject);
	str_add(b, diag_cause(&r->diag));
}

/* Did the attempt end because the run or the check had less time left than attempt_timeout? More time may help then, even where
 * `retry = false` says that another attempt does not. */
static bool was_cut_short(const struct run *run, size_t i)
{
	const struct plan_check *c = &run->plan.checks[i];

	return diag_is_timeout(run->outcomes[i].diag.code) &&
	       instant_since(c->attempt_start, c->deadline).ns < c->attempt_timeout.ns;
}

/* Is the failure of check i final, by its diagnosis, its profile (retry = false), or that of a check it comes after? */
static bool is_final(const struct run *run, size_t i)
{
	const struct plan_check *checks = run->plan.checks;
	enum outcome o;

	while (checks[i].dependency_failed && !checks[i].failed_for_good)
		i = checks[i].failed_dependency;
	o = run->outcomes[i].outcome;
	return checks[i].failed_for_good ||
	       (!checks[i].retry && !checks[i].time_is_up && !was_cut_short(run, i) &&
		(o == OUTCOME_FAIL || o == OUTCOME_DEGRADED));
}

/* Returns how much one check weighs when the run is blocked: the verdict line and the exit code come from the heaviest. */
static int weight(const struct run *run, size_t i)
{
	const struct profile_check *c = &run->profile->checks[i];
	const struct check_outcome *r = &run->outcomes[i];
	const struct plan_check *p = &run->plan.checks[i];

	if (!c->required || p->left_out || r->outcome == OUTCOME_PASS)
		return 0;
	if (r->outcome == OUTCOME_PENDING && !p->dependency_failed)
		return 1;
	if (r->outcome == OUTCOME_FAIL && is_final(run, i))
		return 5;
	if (r->outcome == OUTCOME_BROKEN)
		return 3;
	if (p->dependency_failed)
		return is_final(run, i) ? 4 : 1;
	return 2;
}

static const int exit_by_weight[] = {
    [0] = 0,        [1] = EXIT_TIME_UP, [2] = EXIT_TIME_UP,
    [3] = EXIT_OWN, [4] = EXIT_BLOCKED, [5] = EXIT_BLOCKED,
};

/* Returns the heaviest required check that blocks, the first of equals; SIZE_MAX when none does. */
static size_t find_blocker(const struct run *run)
{
	size_t found = SIZE_MAX;
	int best = 0;

	for (size_t i = 0; i < run->profile->n; i++)
		if (weight(run, i) > best) {
			best = weight(run, i);
			found = i;
		}
	return found;
}

static void add_losses(struct str *b, const struct run *run)
{
	const struct profile *p = run->profile;
	const char *sep = "";

	for (size_t k = 0; k < p->n_switches; k++) {
		if (!p->switches[k].set_by)
			continue;
		str_addf(b, "%s%s is %s: %s", sep, p->switches[k].set_by,
			 p->switches[k].conf.negated ? "off" : "on", p->switches[k].conf.degraded);
		sep = "; ";
	}
	for (size_t i = 0; i < p->n; i++) {
		if (!outcome_lost(run->outcomes[i].outcome))
			continue;
		str_addf(b, "%s%s: %s", sep, p->checks[i].id,
			 p->checks[i].common.degraded ? p->checks[i].common.degraded : "");
		if (run->outcomes[i].diag.code != D_NONE)
			str_addf(b, " (%s%s)",
				 run->outcomes[i].outcome == OUTCOME_BROKEN ? "broken: " : "",
				 diag_info(run->outcomes[i].diag.code)->code);
		sep = "; ";
	}
	for (size_t i = 0; i < p->n; i++) {
		if (run->outcomes[i].outcome != OUTCOME_SKIPPED)
			continue;
		str_addf(b, "%s%s: skipped on request", sep, p->checks[i].id);
		sep = "; ";
	}
}

/* Names the other required checks that failed, as many as the line has room for. */
static void add_others(struct str *b, const struct run *run, size_t blocker)
{
	size_t named = 0, more = 0;

	for (size_t i = 0; i < run->profile->n; i++) {
		const struct check_outcome *r = &run->outcomes[i];

		if (i == blocker || !run->profile->checks[i].required ||
		    (r->outcome != OUTCOME_FAIL && r->outcome != OUTCOME_BROKEN))
			continue;
		if (b->len + strlen(run->profile->checks[i].id) + OTHERS_ROOM > b->max) {
			more++;
			continue;
		}
		str_addf(b, "%s%s", named++ ? ", " : "; too: ", run->profile->checks[i].id);
		if (r->diag.code != D_NONE)
			str_addf(b, " (%s)", diag_info(r->diag.code)->code);
	}
	if (more > 0)
		str_addf(b, " and %zu more", more);
}

static void write_blocked(struct str *b, const struct run *run, size_t blocker,
			  const size_t n[OUTCOME__COUNT])
{
	const char *sep = n[OUTCOME_FAIL] ? ", " : "; ";

	str_addf(b, "startguard: BLOCKED (%d): ", run->exit_code);
	if (run->signal)
		str_addf(b, "ended by signal %d (%s)", run->signal,
			 sigabbrev_np(run->signal) ? sigabbrev_np(run->signal) : "?");
	else if (blocker != SIZE_MAX)
		add_check(b, run, blocker);
	else {
		str_add(b, "degraded is not allowed here (--fail-on-degraded): ");
		add_losses(b, run);
	}
	if (n[OUTCOME_FAIL] && run->profile->n > 1)
		str_addf(b, "; %zu of %zu checks failed", n[OUTCOME_FAIL], run->profile->n);
	add_count(b, n[OUTCOME_BROKEN], "broken", &sep);
	add_count(b, n[OUTCOME_PENDING], "still waiting", &sep);
	add_count(b, n[OUTCOME_DEGRADED], "degraded", &sep);
	add_others(b, run, blocker);
}

/* Makes the text the verdict line, and frees it. */
static void set_summary(struct run *run, struct str *text)
{
	free(run->summary);
	run->summary = xmalloc(text->len + 4);
	text_clean(run->summary, text->len + 4, text->s);
	str_free(text);
}

static void write_summary(struct run *run, size_t blocker)
{
	size_t n[OUTCOME__COUNT];
	const char *sep = ", "; /* cppcheck-suppress unreadVariable ; add_count() changes it */
	char time[32];
	struct str b;

	str_init(&b, SUMMARY_MAX);
	count_outcomes(run, n);
	duration_text(instant_since(run->started, run->ended), time, sizeof time);
	if (run->verdict == RUN_BLOCKED) {
		write_blocked(&b, run, blocker, n);
	} else if (run->verdict == RUN_READY) {
		str_addf(&b, "startguard: READY: %zu check%s passed in %s", n[OUTCOME_PASS],
			 plural(n[OUTCOME_PASS]), time);
	} else {
		str_add(&b, "startguard: DEGRADED: ");
		add_losses(&b, run);
		str_addf(&b, "; %zu of %zu checks passed", n[OUTCOME_PASS], run->profile->n);
		add_count(&b, n[OUTCOME_DEGRADED], "degraded", &sep);
		add_count(&b, n[OUTCOME_BROKEN], "broken", &sep);
		add_count(&b, n[OUTCOME_WAIVED], "waived", &sep);
		add_count(&b, n[OUTCOME_SKIPPED], "skipped", &sep);
	}
	set_summary(run, &b);
}

/* Did any check not pass, or is a switch set? *may_pass: waiting may help all of them. */
static bool anything_lost(const struct run *run, bool *may_pass)
{
	bool lost = false;

	*may_pass = true;
	for (size_t i = 0; i < run->profile->n; i++) {
		const struct check_outcome *r = &run->outcomes[i];

		if (r->outcome == OUTCOME_PASS)
			continue;
		lost = true;
		if (r->diag.code == D_NONE || !diag_info(r->diag.code)->retryable ||
		    is_final(run, i))
			*may_pass = false;
	}
	for (size_t k = 0; k < run->profile->n_switches; k++)
		if (run->profile->switches[k].set_by) {
			lost = true;
			*may_pass = false;
		}
	return lost;
}

void run_decide(struct run *run)
{
	bool may_pass, lost;
	size_t blocker;

	settle_outcomes(run);
	blocker = find_blocker(run);
	lost = anything_lost(run, &may_pass);
	if (run->signal) {
		run->verdict = RUN_BLOCKED;
		run->exit_code = 128 + run->signal;
	} else if (blocker != SIZE_MAX) {
		run->verdict = RUN_BLOCKED;
		run->exit_code = exit_by_weight[weight(run, blocker)];
	} else if (lost && run->fail_on_degraded) {
		run->verdict = RUN_BLOCKED;
		run->exit_code = may_pass ? EXIT_TIME_UP : EXIT_BLOCKED;
	} else {
		run->verdict = lost ? RUN_DEGRADED : RUN_READY;
		run->exit_code = 0;
	}
	write_summary(run, blocker);
}

void run_override(struct run *run, int exit_code, const char *why)
{
	struct str b;

	str_init(&b, SUMMARY_MAX);
	str_addf(&b, "startguard: BLOCKED (%d): %s", exit_code, why);
	run->verdict = RUN_BLOCKED;
	run->exit_code = exit_code;
	set_summary(run, &b);
}
