/* run: the outcome of each check and the verdict of the run. Pure: decides from what the reactor has recorded.
 *
 * Every array (checks of the profile, outcomes, checks of the plan) has the profile's order and length.
 */
#ifndef SG_RUN_H
#define SG_RUN_H

#include "plan.h"
#include "profile.h"
#include "ipc.h"

enum outcome {
	OUTCOME_PENDING,
	OUTCOME_PASS,
	OUTCOME_DEGRADED,
	OUTCOME_FAIL,
	OUTCOME_BROKEN,
	OUTCOME_WAIVED,
	OUTCOME_SKIPPED,
	OUTCOME__COUNT
};
enum verdict { RUN_READY, RUN_DEGRADED, RUN_BLOCKED };

#define EXIT_BLOCKED 69 /* waiting cannot help */
#define EXIT_USAGE 64
#define EXIT_OWN 70
#define EXIT_POLICY 77
#define EXIT_PROFILE 78
#define EXIT_TIME_UP 124
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

#define FACTS_MAX 32
#define REACHED_MAX 12
#define HISTORY_MAX 12

struct fact {
	char key[FACT_KEY_MAX], value[FACT_VALUE_MAX];
};
struct check_outcome {
	enum outcome outcome;
	struct diag diag; /* of the last attempt that had a finding; code D_NONE: none */
	int attempts;
	struct duration elapsed;      /* from the first attempt to the end */
	struct duration last_attempt; /* how long the last attempt took */
	bool interrupted;             /* the last attempt was killed because the run ended early */
	char step[FACT_VALUE_MAX];    /* the last step of the last attempt */
	char summary[FACT_VALUE_MAX];
	size_t n_reached, n_facts, n_history;
	char reached[REACHED_MAX][64];
	struct fact facts[FACTS_MAX];
	struct {
		enum diag_code code;
		int count;
	} history[HISTORY_MAX]; /* how often each code came, in the order of first occurrence */
};

struct run {
	const struct profile *profile;
	struct check_outcome *outcomes; /* one for each check of the profile */
	struct plan plan;
	struct instant started, ended;
	int signal; /* the signal that ended the run; 0: none */
	bool fail_on_degraded;
	bool orphan_left; /* a process of an attempt could not be killed */
	/* The layers that the children's sandbox lacks, with the reasons, as text; empty: none. */
	char sandbox_missing[FACT_VALUE_MAX];
	bool sandbox_missing_is_whole;   /* the list is from a child with every layer */
	const struct problems *problems; /* why the run could not begin; NULL: it could */
	/* Set by run_decide. */
	enum verdict verdict;
	int exit_code;
	char *summary; /* the verdict line */
};

const char *outcome_name(enum outcome o);
const char *verdict_name(enum verdict s);
/* Must the service start without this dependency, since the check is degraded or broken? */
static inline bool outcome_lost(enum outcome o)
{
	return o == OUTCOME_DEGRADED || o == OUTCOME_BROKEN;
}

/* Begins a run of this profile, which must outlive the run. Waived and skipped checks get their outcome at once. */
void run_init(struct run *run, const struct profile *p, struct instant now, bool one_round,
	      uint64_t seed);
void run_free(struct run *run);
/* Fills outcomes, verdict, exit code and the verdict line. */
void run_decide(struct run *run);
/* Replaces the verdict of the checks by "blocked": startguard itself failed, or the service cannot be started. */
void run_override(struct run *run, int exit_code, const char *why);

#endif
