/* avro_text: writes a schema as a text that other parsers of Avro read. Child only. */
#ifndef SG_AVRO_TEXT_H
#define SG_AVRO_TEXT_H

#include "avro_schema.h"

/* Returns the schema with each type in the place where it is first named. Docs and properties without a meaning in Avro are not in it. The
 * caller frees it. NULL: it is nested too deeply to be written. */
char *avro_schema_text(const struct avro_schema *s);

#endif
