/* avro_walk: what a walk over the normal form of a schema (avro_schema.h) meets. Pure. */
#ifndef SG_AVRO_WALK_H
#define SG_AVRO_WALK_H

#include <jansson.h>
#include <stdbool.h>

struct avro_schema;

/* Returns the definition of a type's name, the base of a logical type, else the type itself. */
const json_t *avro_definition(const struct avro_schema *s, const json_t *type);
/* Is this the name of a type without parts: "null", "int", ...? */
bool avro_is_primitive(const char *name);
/* Returns "union", "record", "int", ...: the name of a type that avro_definition returned. */
const char *avro_type(const json_t *type);

#endif
