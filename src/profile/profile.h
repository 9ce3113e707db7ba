/* profile: what one service needs, read, checked and decided for one mode. No I/O but reading the file.
 *
 * Reports every mistake of the profile at once, with file and line. The result is complete: which checks exist in
 * this mode, which are required, waived by a switch or left out by the command line.
 */
#ifndef SG_PROFILE_H
#define SG_PROFILE_H

#include "check.h"
#include "mode.h"
#include "problem.h"

struct common_conf { /* the keys of every check */
	bool required, retry;
	struct strlist required_in, only_in, after;
	const char *degraded, *description;
	struct pairlist degraded_env;
	struct duration timeout, attempt_timeout, grace;
};
extern const struct schema common_schema;

struct switch_conf {
	struct strlist env, allowed_in, waives;
	const char *degraded, *description;
};
extern const struct schema switch_schema;

struct top_conf {
	int64_t startguard, parallel;
	const char *service, *mode, *description;
	struct duration timeout;
	const struct modes_conf *modes;
};
extern const struct schema
    top_schema; /* without `switches` and the kinds, which are groups of named groups */

struct profile_switch {
	const char *name;
	struct switch_conf conf;
	const char *set_by; /* the variable that turned it on; NULL: off */
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
};

struct profile_options {     /* from the command line; all may be NULL, unset or empty */
	const char *profile; /* name or file */
	const char *search_path;
	const char *mode;
	const char *mode_source; /* "--mode" or the variable it came from */
	struct duration timeout;
	size_t parallel; /* 0: not given */
	struct strlist waits, only, skip;
	bool offline; /* lint: nothing of the environment is needed */
};

/* Adds what is wrong to *problems; the profile can be used when that has neither errors nor policy errors.
 * `problems` must have the profile's arena. Texts live as long as the arena. */
void profile_load(struct profile *out, const struct profile_options *o, struct problems *problems);
/* One check from KIND and KEY=VALUE words, as `try` has it. */
void profile_try(struct profile *out, const struct profile_options *o, const char *kind,
		 char *const *words, struct problems *problems);
/* The mode as far as the command line says it: for a run without a profile that could be read. */
enum mode profile_mode(const struct profile_options *o);
/* The file a name stands for, or NULL with a problem added. */
const char *profile_find(struct arena *a, const char *name, const char *search_path,
			 struct problems *problems);

#endif
