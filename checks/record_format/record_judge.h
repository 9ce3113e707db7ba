/* wire_judge: what the records of a topic are together, and whether that is what was expected.
 *
 * Counts records as they come, remembers one of each kind of finding, and gives the one diagnosis. Pure: no Kafka.
 */
#ifndef SG_WIRE_JUDGE_H
#define SG_WIRE_JUDGE_H

#include "record_class.h"

/* Where one was found. */
struct wire_place {
	int32_t partition;
	int64_t offset;
	struct wire_record record;
};
/* How often, and the first of them. */
struct wire_finding {
	size_t n;
	struct wire_place first;
};

struct wire_tally {
	const struct wire_want *want;
	size_t judged, tombstones, too_large;
	size_t formats[WIRE__COUNT];
	uint32_t seen;                            /* of the ranges: in any record */
	struct wire_finding foreign[WIRE__COUNT]; /* per format: not the expected one */
	struct wire_finding undecoded, left, range;
};

/* What came of a record. */
enum wire_seen {
	WIRE_SEEN_NOTHING, /* a tombstone */
	WIRE_SEEN_TOO_LARGE,
	WIRE_SEEN_JUDGED,
};

enum wire_seen wire_tally_add(struct wire_tally *t, int32_t partition, int64_t offset,
			      const void *value, size_t len);
/* V_PASS when every record is as expected, and also when there is none. */
enum verdict wire_judge(const struct wire_tally *t, const char *topic, struct diag *out);
/* "bare Avro", "Confluent-framed", "JSON", "of another format" */
const char *wire_format_name(enum wire_format format);

#endif
