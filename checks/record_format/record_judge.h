/* record_judge: tallies the records of a topic, and judges whether they are written as expected.
 *
 * Counts records as they come, keeps the first of each kind of finding, and makes one diagnosis of them. Pure: no Kafka.
 */
#ifndef SG_RECORD_JUDGE_H
#define SG_RECORD_JUDGE_H

#include "record_class.h"

/* How many records have a finding, and the first of them. */
struct record_finding {
	size_t n;
	int32_t partition;
	int64_t offset;
	struct record_class record;
};

struct record_tally {
	const struct record_demand *want;
	size_t judged, tombstones, too_large;
	size_t formats[RECORD__COUNT];
	uint32_t seen;                                  /* bit i: a record has range i */
	struct record_finding foreign[RECORD__COUNT];   /* per format: not the expected one */
	struct record_finding faults[RECORD_TOO_LARGE]; /* per enum record_fault, RECORD_GOOD too */
};

/* `value` is NULL for a tombstone. Was the record judged? A tombstone and one that is too large are only counted. */
bool record_tally_add(struct record_tally *t, int32_t partition, int64_t offset, const void *value,
		      size_t len);
/* Passes when every record is as expected, and also when there is none. */
enum result record_judge(const struct record_tally *t, const char *topic, struct diag *out);
/* "bare Avro", "Confluent-framed", "JSON", "of another format" */
const char *record_format_name(enum record_format format);

#endif
