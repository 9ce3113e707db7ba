/* kinds: the list of check kinds, made from checks/checks.def.
 *
 * A kind whose library was left out of the build stays known by name, with the reason: a profile that names it gets "this
 * build has no kafka: built without librdkafka" instead of "unknown kind".
 */
#ifndef SG_KINDS_H
#define SG_KINDS_H

#include "check.h"

/* Returns the names of all kinds, also of those that this build lacks: static, NULL-terminated. */
const char *const *kind_names(void);

#endif
