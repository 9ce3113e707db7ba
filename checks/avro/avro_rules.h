/* avro_rules: the rules for the names and defaults of an Avro schema. Pure.
 *
 * Source: Schema.java and NameValidator.java of Apache Avro 1.12 for Java, which Kafka's clients and the registries use. Where it
 * differs from the specification (Unicode letters in names, the default of a union), it decides.
 */
#ifndef SG_AVRO_RULES_H
#define SG_AVRO_RULES_H

#include "avro_schema.h"

/* Is this the name of a field, a symbol, or a part of a full name: letters, digits and _, no digit first? */
bool avro_is_name(const char *name);
/* Are all parts of a full name names? */
bool avro_is_full_name(const char *full);
/* Is the value a default of the type? `names` as in struct avro_schema. A type that is not defined yet takes any object, a record
 * within which the default stands takes none. */
bool avro_default_fits(json_t *names, const json_t *type, const json_t *value);
/* Can a reader use it for a field that the writer lacks? Java parses a default that is no symbol of its enum, and fails to write it. */
bool avro_default_encodes(json_t *names, const json_t *type, const json_t *value);
/* Returns the properties of a named type's definition, as it stands in the file, that Avro does not know ("owner", also a logical type),
 * with those of its fields and of the types in there: Java takes a second definition of a name only with the same ones. Types that
 * have a name are left out. The caller frees it. */
json_t *avro_props(const json_t *definition);

#endif
