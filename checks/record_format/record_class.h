/* wire_class: in which format a record of a topic is written.
 *
 * Bytes in, format out; knows no Kafka, keeps no state, does no I/O. A record is described by its kind, its length and
 * its header: what it holds is never repeated, but for numbers that a range asks for. Foreign bytes: bounded by
 * WIRE_RECORD_MAX here, in depth and items by avro_schema and json. Child only, except the two functions about ranges.
 */
#ifndef SG_WIRE_CLASS_H
#define SG_WIRE_CLASS_H

#include "avro_schema.h"
#include "check.h"

#define WIRE_RECORD_MAX \
	(1024 * 1024) /* what brokers accept by default; larger ones are counted, not judged */
#define WIRE_RANGES_MAX 32
#define WIRE_FIELD_MAX 128
#define WIRE_TEXT_MAX 320

enum wire_format {
	WIRE_AVRO_BARE, /* one datum of the schema, all bytes used */
	WIRE_AVRO_CONFLUENT, /* 0, a schema id in 4 bytes, and (with a schema) one datum, all bytes used */
	WIRE_JSON,           /* one object or list, nothing else */
	WIRE_OTHER,
	WIRE__COUNT
};

struct wire_range {
	char field[WIRE_FIELD_MAX];
	double min, max;
};
/* "field min max": what is wrong with it, or NULL. Pure. */
const char *wire_range_problem(const char *text);
void wire_range_parse(struct wire_range *range, const char *text);

struct wire_want {
	enum wire_format format;
	const struct avro_schema *schema; /* may be NULL: then nothing is bare Avro */
	struct wire_range ranges[WIRE_RANGES_MAX];
	size_t n_ranges;
};

enum wire_fault {
	WIRE_GOOD,
	WIRE_UNDECODED,  /* not with the schema; Confluent: what follows the frame */
	WIRE_BYTES_LEFT, /* it decodes, and bytes are left over */
	WIRE_RANGE,      /* a number outside of its range, or none */
	WIRE_TOO_LARGE   /* not judged */
};
struct wire_record {
	enum wire_format format;
	enum wire_fault fault;
	uint32_t seen;            /* bit i: ranges[i] found a number (or null) to look at */
	char text[WIRE_TEXT_MAX]; /* what it is: "a JSON object of 97 bytes" */
	char why[WIRE_TEXT_MAX];  /* what is wrong with it; empty when nothing is */
};
/* A record that fits two formats is of the expected one; but a text that begins as a JSON object or list and is one to
 * its end is JSON, also when it happens to decode as Avro. */
void wire_classify(const struct wire_want *want, const void *value, size_t len,
		   struct wire_record *out);

#endif
