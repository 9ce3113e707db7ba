/* record_judge: counts the records of a topic by format and fault, and judges whether all are as expected.
 *
 * record_sample adds the records; wire_format then gets one diagnosis, which shows the first record of a fault. No I/O.
 */
#ifndef SG_RECORD_JUDGE_H
#define SG_RECORD_JUDGE_H

#include "record_class.h"

/* The number of records with a finding, and the first of them. */
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
	uint32_t seen;                                /* bit i: ranges[i] found a number or null */
	struct record_finding foreign[RECORD__COUNT]; /* per format that is not the expected one */
	struct record_finding faults[RECORD_TOO_LARGE]; /* per enum record_fault, RECORD_GOOD too */
};

/* Adds a record (value NULL: a tombstone). Returns whether it was judged: tombstones and too large records are only counted. */
bool record_tally_add(struct record_tally *t, int32_t partition, int64_t offset, const void *value,
		      size_t len);
/* Passes when every record is as expected, and when there is no record. */
enum result record_judge(const struct record_tally *t, const char *topic, struct diag *out);
/* Returns "bare Avro", "Confluent-framed", "JSON" or "of no known format". */
const char *record_format_name(enum record_format format);

#endif
