/* profile: what one service needs: reads and validates the profile, and decides what holds in this mode. Its only I/O is
 * reading the profile's files and variables.
 *
 * Adds every mistake of the profile to the problems at once, with file and line. The result says which checks exist in this
 * mode, which of them are required, waived by a switch, or left out by the command line.
 */
#ifndef SG_PROFILE_H
#define SG_PROFILE_H

#include "check.h"
#include "mode.h"
#include "problem.h"

/* Where checks are made, as only_at names it: before the service starts; by `check`; beside the running service. */
#define PLACE_RUN "run"
#define PLACE_CHECK "check"
#define PLACE_HEALTH "health"

struct common_conf { /* the keys of every check */
	bool required, retry;
	struct strlist required_in, only_in, only_at, after;
	const char *degraded, *description;
	struct pairlist degraded_env;
	struct duration timeout, attempt_timeout, interval, grace;
};
extern const struct schema common_schema;

struct switch_conf {
	struct strlist env, allowed_in, waives;
	bool negated;
	const char *file, *at, *degraded, *description;
};
extern const struct schema switch_schema;

struct top_conf {
	int64_t startguard, parallel;
	const char *service, *mode, *description;
	struct duration timeout;
	const struct modes_conf *modes;
};
/* All keys but `switches` and the kinds, which are groups of named groups. */
extern const struct schema top_schema;

struct profile_switch {
	const char *name;
	struct switch_conf conf;
	const char *set_by; /* the variable, or FILE#POINTER, that turned it on; NULL: off */
};

struct profile_check {
	const char *id, *name;
	const struct check_kind *kind;
	const void *conf;
	struct common_conf common;
	bool required;   /* in this mode */
	bool skipped;    /* by --only or --skip */
	bool incomplete; /* offline: a variable is not known, the keys are not fully checked */
	const struct profile_switch *waived_by;
	size_t *after; /* indices */
	size_t n_after;
	const struct node *node;
};

struct profile {
	struct arena arena;
	const char *path; /* NULL: none, only -w */
	const char *service;
	enum mode mode;
	struct duration timeout;
	size_t parallel;
	struct profile_check *checks;
	size_t n;
	struct profile_switch *switches;
	size_t n_switches;
	const struct top_conf *top;
	/* The variables that it reads; recorded offline only, for lint. */
	struct variable_uses uses;
};

/* From the command line. Everything may be NULL, unset or empty. */
struct profile_options {
	const char *profile; /* name or file */
	const char *search_path;
	const char *mode;
	const char *mode_source; /* "--mode" or the variable it came from */
	struct duration timeout;
	size_t parallel; /* 0: not given */
	struct strlist waits, only, skip;
	/* PLACE_RUN, PLACE_CHECK or PLACE_HEALTH: a check whose only_at lacks it does not exist. NULL: every check does. */
	const char *place;
	bool offline; /* lint: variables may be missing */
};

/* Adds what is wrong to *problems; the profile can be used when that has neither errors nor policy errors.
 * `problems` must have the profile's arena. Texts live as long as the arena. */
void profile_load(struct profile *out, const struct profile_options *o, struct problems *problems);
/* For `try`: a profile of one check, from KIND and KEY=VALUE words. */
void profile_try(struct profile *out, const struct profile_options *o, const char *kind,
		 char *const *pairs, struct problems *problems);
/* The mode of the command line, else prod: for a run whose profile cannot be read. */
enum mode profile_mode(const struct profile_options *o);
/* The file that a name stands for; NULL: a problem was added. */
const char *profile_find(struct arena *a, const char *name, const char *search_path,
			 struct problems *problems);

#endif
