/* registry_compatible: is the schema file compatible with what is registered, by the subject's level?
 *
 * The registry judges. Where it gives no reason, or cannot judge schemas with references, avro_resolution does, and the diagnosis says
 * that it did. Child only.
 */
#ifndef SG_REGISTRY_COMPATIBLE_H
#define SG_REGISTRY_COMPATIBLE_H

#include "registry_subject.h"

enum result registry_check_compatible(const struct registry_found *found, struct diag *out);

#endif
