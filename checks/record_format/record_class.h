/* record_class: finds out in which format a record of a topic is written.
 *
 * record_judge calls it. It keeps no state and does no I/O. Its texts name a record's format, length and first bytes, but never
 * content, except numbers that a range names. The bytes are untrusted: RECORD_BYTES_MAX limits their size, avro_schema and json
 * limit depth and number of items. Child only, except the two functions about ranges.
 */
#ifndef SG_RECORD_CLASS_H
#define SG_RECORD_CLASS_H

#include "avro_decode.h"
#include "check.h"

#define RECORD_BYTES_MAX \
	(1024 * 1024) /* bytes, brokers' default limit; a larger record is counted, not judged */
#define RECORD_RANGES_MAX 32
#define RECORD_FIELD_MAX 128
#define RECORD_TEXT_MAX 320

enum record_format {
	RECORD_AVRO_BARE,      /* one datum of the schema, all bytes used */
	RECORD_AVRO_CONFLUENT, /* 0, 4 bytes of schema id, one datum (if there is a schema) */
	RECORD_JSON,           /* one object or list, nothing else */
	RECORD_OTHER,
	RECORD__COUNT
};

/* The names of the formats in profiles, by enum record_format; for key rows (.choices), so NULL-terminated. */
extern const char *const record_format_keys[];
/* Bytes before the datum of a Confluent serialiser: a 0 and the big-endian schema id. */
#define RECORD_FRAME 5

struct record_range {
	char field[RECORD_FIELD_MAX];
	double min, max;
};
/* Returns what is wrong with one item of the key `ranges`, "field min max", or NULL. Pure. */
const char *record_range_problem(const char *text);
void record_range_parse(struct record_range *range, const char *text);

struct record_demand {
	enum record_format format;
	/* NULL: no record counts as bare Avro. With RECORD_JSON it only serves to recognise foreign records. */
	const struct avro_schema *schema;
	struct record_range ranges[RECORD_RANGES_MAX];
	size_t n_ranges;
};

enum record_fault {
	RECORD_GOOD,
	RECORD_UNDECODED,  /* the schema does not decode it (or the datum after the frame) */
	RECORD_BYTES_LEFT, /* the schema decodes it, and bytes are left over */
	RECORD_RANGE,      /* a number is outside of its range, or the value is not a number */
	RECORD_TOO_LARGE   /* not judged */
};
struct record_class {
	enum record_format format;
	enum record_fault fault;
	uint32_t seen;              /* bit i: ranges[i] found a number or null in the record */
	char text[RECORD_TEXT_MAX]; /* describes the record: "a JSON object of 97 bytes" */
	char why[RECORD_TEXT_MAX];  /* what is wrong with the record, or empty */
};
/* Fills *out. A record that fits two formats counts as the expected one, except that a value that is one JSON object or list
 * counts as JSON even when it also decodes as Avro. */
void record_classify(const struct record_demand *want, const void *value, size_t len,
		     struct record_class *out);

#endif
