/* record_sample: the last records of every partition of a topic, one after the other.
 *
 * Reads by offsets, with librdkafka's simple consumer: no group is joined or asked for, nothing is committed, the topic
 * is not created. What is fetched is bounded by the offsets it asks for, by RECORD_SAMPLE_BYTES and by the attempt's
 * deadline. Child only.
 */
#ifndef SG_RECORD_SAMPLE_H
#define SG_RECORD_SAMPLE_H

#include "kafka_client.h"
#include "record_judge.h"

#define RECORD_SAMPLE_BYTES \
	(32 * 1024 * 1024) /* of values; then what is still missing is not fetched */

struct record_sampling {
	const char *topic;
	int64_t per_partition; /* records */
	struct record_tally *tally;
};
struct record_sampled {
	size_t partitions, empty; /* of the topic; those whose log holds no offset */
	size_t unjudged; /* those whose log holds offsets, of which none gave a record to judge */
	size_t bytes;
	int64_t offsets; /* looked at, of all partitions; more than the records there */
	bool whole;      /* in partitions without a record: that was all their offsets */
	bool cut;        /* RECORD_SAMPLE_BYTES was reached */
};

/* A client that is opened with these settings reads in small steps. */
extern const struct kafka_prop_override record_sample_overrides[];

/* 0; or -1 with *out filled. */
int record_sample(struct kafka_client *client, const struct record_sampling *how,
		  struct record_sampled *done, struct diag *out);

#endif
