/* record_judge: tallies the records of a topic, and judges whether they are written as expected.
 *
 * Counts records as they come, keeps the first of each kind of finding, and makes one diagnosis of them. Pure: no Kafka.
 */
#ifndef SG_RECORD_JUDGE_H
#define SG_RECORD_JUDGE_H

#include "record_class.h"

/* A record and where it lies. */
struct record_place {
	int32_t partition;
	int64_t offset;
	struct record_class record;
};
/* How many records have a finding, and the first of them. */
struct record_finding {
	size_t n;
	struct record_place first;
};

struct record_tally {
	const struct record_demand *want;
	size_t judged, tombstones, too_large;
	size_t formats[RECORD__COUNT];
	uint32_t seen;                                /* of the ranges: in any record */
	struct record_finding foreign[RECORD__COUNT]; /* per format: not the expected one */
	struct record_finding undecoded, left, range;
};

/* What record_tally_add did with a record. */
enum record_seen {
	RECORD_SEEN_TOMBSTONE, /* counted; it has no value */
	RECORD_SEEN_TOO_LARGE,
	RECORD_SEEN_JUDGED,
};

enum record_seen record_tally_add(struct record_tally *t, int32_t partition, int64_t offset,
				  const void *value, size_t len);
/* Passes when every record is as expected, and also when there is none. */
enum result record_judge(const struct record_tally *t, const char *topic, struct diag *out);
/* "bare Avro", "Confluent-framed", "JSON", "of another format" */
const char *record_format_name(enum record_format format);

#endif
