/* avro_resolution: decides whether data written with one Avro schema can be read with another (Apache Avro 1.11
 * specification, "Schema Resolution").
 *
 * avro-c resolves schemas too, but does not report where they differ. Depth and steps are bounded. No I/O; child only.
 */
#ifndef SG_AVRO_RESOLUTION_H
#define SG_AVRO_RESOLUTION_H

#include "avro_schema.h"

/* Returns whether a reader with `reader` can read data written with `writer`; if not, `why` names the field. */
bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, char *why,
		   size_t size);

#endif
