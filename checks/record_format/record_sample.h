/* record_sample: reads the last records of every partition of a topic and hands each to the tally.
 *
 * Reads by offsets, with librdkafka's simple consumer: joins no group, commits nothing, does not create the topic. Fetches no
 * more than the offsets it asks for, RECORD_SAMPLE_BYTES and the attempt's deadline allow. Child only.
 */
#ifndef SG_RECORD_SAMPLE_H
#define SG_RECORD_SAMPLE_H

#include "kafka_client.h"
#include "record_judge.h"

/* Bytes of values; then nothing more is fetched. */
#define RECORD_SAMPLE_BYTES (32 * 1024 * 1024)

struct record_sampled {
	size_t partitions; /* of the topic */
	size_t empty;      /* those whose log holds no offset */
	size_t unjudged;   /* those whose log holds offsets, of which none gave a record to judge */
	size_t bytes;
	int64_t offsets; /* that were read, of all partitions; some may hold no record */
	bool whole;      /* the partitions without a record were read from their first offset on */
	bool cut;        /* RECORD_SAMPLE_BYTES was reached */
};

/* The client must be opened with these properties: it then reads in small steps. */
extern const struct kafka_prop_override record_sample_overrides[];

/* Hands at most `per_partition` records of each partition to the tally: the last ones. Fills *done. */
enum result record_sample(struct kafka_client *client, const char *topic, int64_t per_partition,
			  struct record_tally *tally, struct record_sampled *done,
			  struct diag *out);

#endif
