/* registry_types: the types that a registered Avro schema has from other subjects, by its references. Child only. */
#ifndef SG_REGISTRY_TYPES_H
#define SG_REGISTRY_TYPES_H

#include "avro_schema.h"
#include "registry_request.h"

struct registry_types {
	json_t *known; /* as avro_schema_parse_known takes it */
	/* A reference is missing, or forbidden to this client: its type is known by name only, and is equal to itself. */
	bool incomplete;
	size_t n;
};
/* Requests the schemas that the references of `entry`, an answer about a version, name, and those of their references. Fills *types. Returns
 * RESULT_FAIL with *out filled when one cannot be had or read, or there are too many of them. */
enum result registry_types_load(const struct web_request *base, const json_t *entry,
				struct registry_types *types, struct diag *out);

#endif
