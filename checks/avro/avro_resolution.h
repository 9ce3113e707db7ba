/* avro_resolution: whether data written with one Avro schema can be read with another (Apache Avro 1.11 specification, "Schema
 * Resolution").
 *
 * avro-c resolves too, but it does not say where two schemas differ. Bounded in depth and steps. Works on memory alone; child
 * only.
 */
#ifndef SG_AVRO_RESOLUTION_H
#define SG_AVRO_RESOLUTION_H

#include "avro_schema.h"

/* Returns whether a reader with `reader` can read what was written with `writer`; if not, `why` says at which field. */
bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, char *why,
		   size_t size);

#endif
