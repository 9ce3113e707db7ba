/* kafka_topic: defines the key `topics`, and judges whether the cluster's metadata meets the demands on each topic.
 *
 * The Kafka modules call it with a metadata answer: it does no I/O and uses no librdkafka handle.
 */
#ifndef SG_KAFKA_TOPIC_H
#define SG_KAFKA_TOPIC_H

#include <librdkafka/rdkafka.h>

#include "check.h"

struct kafka_topic_conf {
	const char *name;
	int64_t partitions, min_partitions, replication_factor, min_in_sync_replicas;
	struct strlist operations, config;
	bool canary; /* not a key: whether the key `canary` names this topic */
};
extern const struct schema kafka_topic_schema;

/* Returns what is wrong with a topic's name, or NULL. */
const char *kafka_topic_name_problem(const char *name);
/* Returns a topic that need only exist. */
struct kafka_topic_conf kafka_topic_without_demands(const char *name);
/* For .validate: returns what is wrong with the list as a whole, or NULL. */
const char *kafka_topics_problem(const struct grouplist *topics);
/* Judges all topics and joins their faults (findings.h). */
enum result kafka_topics_judge(const struct grouplist *topics, const struct rd_kafka_metadata *md,
			       struct diag *out);
/* Returns the topic in the metadata, or NULL. */
const struct rd_kafka_metadata_topic *kafka_topic_find(const struct rd_kafka_metadata *md,
						       const char *name);
/* Calls check_fail with the subject "topic NAME". */
enum result kafka_topic_fail(struct diag *out, enum diag_code code, const char *name,
			     const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Fails when a partition has fewer replicas in sync than `min`, the topic's own min.insync.replicas. */
enum result kafka_topic_judge_own_isr(const struct rd_kafka_metadata_topic *topic, int64_t min,
				      struct diag *out);
/* Returns whether the profile demands the operation on the topic. */
bool kafka_topic_wants(const struct kafka_topic_conf *topic, const char *operation);
/* Returns whether this broker leads a partition of one of the topics. */
bool kafka_topics_led_by(const struct grouplist *topics, const struct rd_kafka_metadata *md,
			 int32_t broker);

/* Missing replicas, which the report names even when all demands are met. */
struct kafka_lag {
	int replicas, behind; /* number in all partitions; of these, not in sync */
	char missing[64];     /* ids of brokers that have replicas but are not listed: "3, 7" */
};
void kafka_topics_lag(const struct grouplist *topics, const struct rd_kafka_metadata *md,
		      struct kafka_lag *lag);

#endif
