/* avro_frame: knows what serialisers put before an Avro datum. Pure.
 *
 * Sources: Confluent's "Wire format", Apicurio Registry's serialisers (DefaultIdHandler), AWS Glue's schema registry library, and the
 * Apache Avro specification ("Single-object encoding").
 */
#ifndef SG_AVRO_FRAME_H
#define SG_AVRO_FRAME_H

#include "avro_decode.h"

/* Before the datum of a Confluent serialiser: a 0 and the big-endian schema id. */
#define AVRO_FRAME_CONFLUENT 5

struct avro_frame {
	size_t len;    /* bytes before the datum; 0: there is no frame */
	char text[80]; /* "a Confluent frame with schema id 7"; "" without a frame */
};
/* Finds the frame behind which the schema decodes all bytes to the last one; no frame first. Returns false when there is none. */
bool avro_frame_find(const struct avro_schema *s, const unsigned char *data, size_t len,
		     struct avro_frame *out);

#endif
