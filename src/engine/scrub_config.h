/* scrub_config: which texts of a check's configuration are secret, and which stand there for all to read.
 *
 * Child only, before a peer says its first word: it may know the secrets from the attempt before. A secret that cannot
 * be read is the kind's to complain about.
 */
#ifndef SG_SCRUB_CONFIG_H
#define SG_SCRUB_CONFIG_H

#include "schema.h"

/* Tells the scrubber of both. Keeps the plain texts by pointer. */
void scrub_config(const struct schema *schema, const void *conf);

#endif
