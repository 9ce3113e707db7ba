/* avro_decode: walks the bytes of one Avro datum (Apache Avro 1.11 specification, "Binary Encoding"), and reports the first bytes
 * that do not fit the schema, and the numbers or all scalars of the datum.
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

/* One scalar of a datum. `text` points into the datum or, for the symbol of an enum, into the schema; it has no NUL at its end. */
struct avro_scalar {
	enum avro_scalar_type {
		AVRO_SCALAR_NULL,
		AVRO_SCALAR_BOOLEAN, /* integer is 0 or 1 */
		AVRO_SCALAR_INTEGER, /* int and long */
		AVRO_SCALAR_REAL,    /* float and double */
		AVRO_SCALAR_TEXT,    /* string and enum */
		AVRO_SCALAR_BYTES    /* bytes and fixed */
	} type;
	int64_t integer;
	double real;
	const char *text;
	size_t len; /* bytes of text */
};
/* Called for each scalar of a datum, as avro_number_fn is for each number. */
typedef void avro_scalar_fn(void *arg, const char *field, const struct avro_scalar *scalar);
/* Decodes as avro_decode does. */
ssize_t avro_decode_scalars(const struct avro_schema *s, const unsigned char *data, size_t len,
			    avro_scalar_fn *fn, void *arg, char *why, size_t size);
/* Returns whether a datum can have a scalar of any type at this field. */
bool avro_has_scalar(const struct avro_schema *s, const char *field);

#endif
