/* kafka_topic: the key `topics` with what a profile demands of each, and whether the cluster's metadata meets it.
 *
 * Works on one metadata answer that is already there: no I/O, no librdkafka handle.
 */
#ifndef SG_KAFKA_TOPIC_H
#define SG_KAFKA_TOPIC_H

#include <librdkafka/rdkafka.h>

#include "check.h"

struct kafka_topic_conf {
	const char *name;
	int64_t partitions, min_partitions, replication_factor, min_in_sync_replicas;
	struct strlist operations, config;
	bool canary; /* not a key: the topic of the key `canary` */
};
extern const struct schema kafka_topic_schema;

/* NULL, or what is wrong with a topic's name. */
const char *kafka_topic_name_problem(const char *name);
/* A topic of which the profile demands nothing but that it exists. */
struct kafka_topic_conf kafka_topic_without_demands(const char *name);
/* For .validate: what is wrong with the list as a whole, or NULL. */
const char *kafka_topics_problem(const struct grouplist *topics);
/* Judges all topics and joins what is wrong (findings.h). */
enum result kafka_topics_judge(const struct grouplist *topics, const struct rd_kafka_metadata *md,
			       struct diag *out);
/* The topic in the answer, or NULL. */
const struct rd_kafka_metadata_topic *kafka_topic_find(const struct rd_kafka_metadata *md,
						       const char *name);
/* check_fail with the subject "topic NAME". */
enum result kafka_topic_fail(struct diag *out, enum diag_code code, const char *name,
			     const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Compares the replicas in sync with `min`, the topic's own min.insync.replicas. */
enum result kafka_topic_judge_own_isr(const struct rd_kafka_metadata_topic *topic, int64_t min,
				      struct diag *out);
/* Is the operation among those the profile names for the topic? */
bool kafka_topic_wants(const struct kafka_topic_conf *topic, const char *operation);
/* Does this broker lead a partition of one of the topics? */
bool kafka_topics_led_by(const struct grouplist *topics, const struct rd_kafka_metadata *md,
			 int32_t broker);

/* Replicas that are missing although everything that was demanded is met. */
struct kafka_lag {
	int replicas, behind; /* of all partitions; behind: those not in sync */
	char missing[64]; /* ids of brokers with replicas that the cluster does not list: "3, 7" */
};
void kafka_topics_lag(const struct grouplist *topics, const struct rd_kafka_metadata *md,
		      struct kafka_lag *lag);

#endif
