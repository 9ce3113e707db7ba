/* record_class: finds out in which format a record of a topic is written.
 *
 * Bytes in, format out; knows no Kafka, keeps no state, does no I/O. The texts about a record name its kind, length and first
 * bytes, and never its content, except for numbers that a range asks for. Foreign bytes: RECORD_BYTES_MAX bounds their size,
 * avro_schema and json bound depth and number of items. Child only, except the two functions about ranges.
 */
#ifndef SG_RECORD_CLASS_H
#define SG_RECORD_CLASS_H

#include "avro_decode.h"
#include "check.h"

#define RECORD_BYTES_MAX \
	(1024 * 1024) /* what brokers accept by default; larger ones are counted, not judged */
#define RECORD_RANGES_MAX 32
#define RECORD_FIELD_MAX 128
#define RECORD_TEXT_MAX 320

enum record_format {
	RECORD_AVRO_BARE, /* one datum of the schema, all bytes used */
	RECORD_AVRO_CONFLUENT, /* 0, a schema id in 4 bytes, and (with a schema) one datum, all bytes used */
	RECORD_JSON,           /* one object or list, nothing else */
	RECORD_OTHER,
	RECORD__COUNT
};

struct record_range {
	char field[RECORD_FIELD_MAX];
	double min, max;
};
/* For one item of the key `ranges`, "field min max": what is wrong with it, or NULL. Pure. */
const char *record_range_problem(const char *text);
void record_range_parse(struct record_range *range, const char *text);

struct record_demand {
	enum record_format format;
	const struct avro_schema *schema; /* may be NULL: then nothing is bare Avro */
	struct record_range ranges[RECORD_RANGES_MAX];
	size_t n_ranges;
};

enum record_fault {
	RECORD_GOOD,
	RECORD_UNDECODED,  /* not with the schema; Confluent: what follows the frame */
	RECORD_BYTES_LEFT, /* it decodes, and bytes are left over */
	RECORD_RANGE,      /* a number is outside of its range, or the value is not a number */
	RECORD_TOO_LARGE   /* not judged */
};
struct record_class {
	enum record_format format;
	enum record_fault fault;
	uint32_t seen;              /* bit i: ranges[i] found a number (or null) to look at */
	char text[RECORD_TEXT_MAX]; /* what it is: "a JSON object of 97 bytes" */
	char why[RECORD_TEXT_MAX];  /* what is wrong with it; empty when nothing is */
};
/* A record that fits two formats counts as the expected one. But a text that is a JSON object or list from its first byte to
 * its last is JSON, even when it happens to decode as Avro. */
void record_classify(const struct record_demand *want, const void *value, size_t len,
		     struct record_class *out);

#endif
