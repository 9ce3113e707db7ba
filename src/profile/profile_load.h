/* profile_load: what the three files that read a profile share: profile.c (top level, mode, switches), profile_checks.c
 * (the checks and what they say about each other), profile_rows.c (the key rows of what is not a kind).
 *
 * Nobody else includes this. Problems are added, never printed, and reading goes on: all mistakes are told at once.
 */
#ifndef SG_PROFILE_LOAD_H
#define SG_PROFILE_LOAD_H

#include "kinds.h"
#include "profile.h"

/* One profile being read. All memory is of the profile's arena. */
struct load {
	struct profile *p;
	const struct profile_options *o;
	struct problems *problems;
	struct fill fill;
	const struct modes_conf *aliases;
	size_t cap;
};

#define ERROR_AT(l, node, where, ...) node_problem((l)->problems, node, where, __VA_ARGS__)

/* NULL, or why this text is no name of a variable. */
const char *env_name_problem(const char *text);

/* One check of this kind from its group of keys: filled, judged, and counted when it exists in this mode. */
void load_check(struct load *l, const struct check_kind *kind, const char *name,
		const struct node *node);
/* Every group of checks that stands in the profile; then those of -w. */
void load_kinds(struct load *l, const struct node *root);
void load_waits(struct load *l);
/* What names other checks: after, and the globs of switches. root: NULL without a profile. */
void load_after(struct load *l, const struct node *root);
void warn_of_idle_waivers(struct load *l, const struct node *root);

#endif
