/* avro_decode: walks the bytes of one Avro datum (Apache Avro 1.11 specification, "Binary Encoding"), and reports the first bytes
 * that do not fit the schema, and the numbers of the datum.
 *
 * A peer wrote the bytes: depth and number of values are bounded, and no byte beyond the end is read. No I/O; child only.
 */
#ifndef SG_AVRO_DECODE_H
#define SG_AVRO_DECODE_H

#include "avro_schema.h"

/* Called for each number of a datum. `field` is the path of field names to it ("position.x"); items of arrays and maps have
 * the name of their field. Called during decoding: the rest of the datum may still be invalid. */
typedef void avro_number_fn(void *arg, const char *field, double value);
/* Returns the number of bytes that the datum takes; -1 with the byte, the field and the reason in `why`. `fn` may be NULL. */
ssize_t avro_decode(const struct avro_schema *s, const unsigned char *data, size_t len,
		    avro_number_fn *fn, void *arg, char *why, size_t size);
/* Returns whether a datum can have a number at this field, a path as in avro_number_fn. */
bool avro_has_number(const struct avro_schema *s, const char *field);

#endif
