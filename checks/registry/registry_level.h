/* registry_level: the compatibility level of a subject, and what it promises. Child only. */
#ifndef SG_REGISTRY_LEVEL_H
#define SG_REGISTRY_LEVEL_H

#include "registry_request.h"

/* What a level promises. A level is as strict as another when it promises all that the other does. */
#define LEVEL_BACKWARD 1u /* a new schema reads what the last version writes */
#define LEVEL_FORWARD 2u  /* the last version reads what a new schema writes */
#define LEVEL_ALL 12u     /* and so with all earlier versions; a bit for each direction */

extern const char *const registry_levels[]; /* for key rows (.choices) */

struct registry_level {
	char name[32]; /* as the registry says it; "" when it does not */
	unsigned promises;
};
/* Returns the promises of the level at this place of registry_levels. */
unsigned registry_level_promises(int which);
/* Asks for a subject's level, or the global one where it has none. RESULT_PASS for an answer of any status: one that is not 200 leaves
 * the level unknown. */
enum result registry_level_load(const struct web_request *base, const char *escaped,
				struct web_response *resp, struct registry_level *level,
				struct diag *out);

#endif
