/* scrub_config: registers the secrets and the plain texts of a check's configuration with the scrubber.
 *
 * Child only, before the first byte from a peer, which may know the secrets from an earlier attempt. A secret that cannot be read is
 * ignored here: the kind reports it.
 */
#ifndef SG_SCRUB_CONFIG_H
#define SG_SCRUB_CONFIG_H

#include "schema.h"

/* Reveals every secret of `conf`. The scrubber keeps pointers to the plain texts. */
void scrub_config(const struct schema *schema, const void *conf);

#endif
