/* mode: finds the mode (dev, staging or prod) for the names that a system uses. An unknown mode is an error, never "as prod". */
#ifndef SG_MODE_H
#define SG_MODE_H

#include "schema.h"

enum mode { MODE_DEV, MODE_STAGING, MODE_PROD, MODE__COUNT };

/* The profile's further names, one list for each mode. The key rows use the members, the code the array. */
struct modes_conf {
	union {
		struct {
			struct strlist dev, staging, prod;
		};
		struct strlist of[MODE__COUNT];
	};
};
extern const struct schema modes_schema;

const char *mode_name(enum mode m);
/* Finds the mode of this name. Returns 0, or -1 when no mode has it. `aliases` may be NULL. Case does not matter. */
int mode_find(const struct modes_conf *aliases, const char *word, enum mode *out);
/* Does one of the names stand for this mode? */
bool mode_in(const struct modes_conf *aliases, enum mode m, const struct strlist *names);
/* Returns the name that stands for two modes, or NULL. */
const char *mode_conflict(const struct modes_conf *aliases);
/* Returns the error text for a word that is not a mode: it lists the modes and names the nearest one. */
const char *mode_problem(const struct modes_conf *aliases, const char *word, struct arena *a);

#endif
