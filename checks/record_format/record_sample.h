/* record_sample: reads the last records of every partition of a topic and adds them to a tally.
 *
 * wire_format calls it. It reads by offsets, with librdkafka's simple consumer: it joins no group, commits nothing and does not
 * create the topic. It stops at the wanted offsets, RECORD_SAMPLE_BYTES and the attempt's deadline. In the same way it follows a
 * topic for flow, from the end of every partition on. Child only.
 */
#ifndef SG_RECORD_SAMPLE_H
#define SG_RECORD_SAMPLE_H

#include "kafka_client.h"
#include "record_judge.h"

/* Bytes of values after which fetching stops. */
#define RECORD_SAMPLE_BYTES (32 * 1024 * 1024)

struct record_sample_conf {
	const char *topic;
	int64_t per_partition; /* records of each partition to judge */
	struct duration since; /* older records are not judged; DURATION_UNSET: all are */
};

struct record_sampled {
	size_t partitions; /* partitions of the topic */
	size_t empty;      /* partitions whose log has no offset */
	size_t unjudged;   /* partitions whose log has offsets but gave no record to judge */
	size_t bytes;      /* bytes of values */
	int64_t offsets;   /* offsets read in all partitions; some may hold no record */
	bool whole;        /* partitions without a record to judge have none further back either */
	bool cut;          /* RECORD_SAMPLE_BYTES was reached */
	size_t old;        /* records older than `since` */
	size_t undated;    /* records and tombstones without a timestamp */
	/* The newest record or tombstone that was read: its age by this machine's clock (0 for a timestamp in the future; unset
	 * when none with a timestamp was read) and its partition. */
	struct duration newest_age;
	int32_t newest_partition;
};

/* The caller must open the client with these properties, which make it read in small steps. */
extern const struct kafka_prop_override record_sample_overrides[];

/* Adds the last records of each partition that are not older than conf->since, at most conf->per_partition, to the tally; a
 * record without a timestamp counts as young. Fills *done. */
enum result record_sample(struct kafka_client *client, const struct record_sample_conf *conf,
			  struct record_tally *tally, struct record_sampled *done,
			  struct diag *out);

/* ---- records that come later ---- */
struct record_follow;

/* Finds the ends of all partitions and begins to fetch there: each record that is written after this call is read. The client is
 * opened with record_sample_overrides; it can follow several topics, each once. Returns NULL with *out filled. */
struct record_follow *record_follow_open(struct kafka_client *client, const char *topic,
					 struct diag *out);
size_t record_follow_partitions(const struct record_follow *f);
/* Waits for the next record of any partition; the caller destroys *found. *found is NULL when none came until then. Fails for an
 * error that waiting cannot help. */
enum result record_follow_next(struct record_follow *f, struct instant until,
			       rd_kafka_message_t **found, struct diag *out);
/* For when no record came: fails when the cluster is the reason, since it reported an error or does not answer before the
 * attempt's deadline. */
enum result record_follow_verify(struct record_follow *f, struct diag *out);

#endif
