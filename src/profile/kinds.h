/* kinds: the list of check kinds, made from checks/checks.def.
 *
 * A kind whose library was switched off at build time is still known by name, with the reason, so that a profile
 * that names it hears "this build has no kafka: built without librdkafka" and not "unknown kind".
 */
#ifndef SG_KINDS_H
#define SG_KINDS_H

#include "check.h"

/* "kafka, schema_registry, ...": those that can be used. Static text. */
const char *const *kind_names(void); /* NULL-terminated, all of them */

#endif
