/* profile_load: shared by the three files that read a profile: profile.c (top level, mode, switches), profile_checks.c (the
 * checks, and their references to each other), profile_rows.c (the key rows that belong to no kind).
 *
 * Private to src/profile. Reading goes on after a mistake, so that all problems are reported at once; nothing is printed.
 */
#ifndef SG_PROFILE_LOAD_H
#define SG_PROFILE_LOAD_H

#include "kinds.h"
#include "profile.h"

/* One profile being read. All memory belongs to the profile's arena. */
struct load {
	struct profile *p;
	const struct profile_options *o;
	struct problems *problems;
	struct fill fill;
	bool elsewhere; /* a check was left out by its only_at */
	bool unknown;   /* a name at the top is not known */
};

#define ERROR_AT(l, node, where, ...) node_problem((l)->problems, node, where, __VA_ARGS__)

/* Reads and validates one check from its group of keys, and adds it if it exists in this mode. */
void load_check(struct load *l, const struct check_kind *kind, const char *name,
		const struct node *node);
/* The checks of the profile, and those of -w. */
void load_kinds(struct load *l, const struct node *root);
void load_waits(struct load *l);
/* Resolves what names other checks in `after`. root: an empty group without a profile. */
void load_after_keys(struct load *l, const struct node *root);
/* For lint: warns of switches that waive a check which the profile does not have. */
void warn_of_unused_waivers(struct load *l, const struct node *root);
/* For lint: warns of times that the run, or the check's own timeout, ends before they are over. */
void warn_of_times(struct load *l);
/* For lint: warns of checks with side effects that exist in mode prod, unless their only_in or only_at says so. */
void warn_of_side_effects(struct load *l);

#endif
