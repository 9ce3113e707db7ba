/* kafka_metadata: requests the metadata of a cluster, and lists the brokers in the answer.
 *
 * The checks kafka and record_sample call it once in each attempt, and judge brokers and topics by the answer. Child only.
 */
#ifndef SG_KAFKA_METADATA_H
#define SG_KAFKA_METADATA_H

#include <librdkafka/rdkafka.h>

#include "check.h"

struct kafka_client;

struct kafka_metadata {
	const struct rd_kafka_metadata *md;
	char *cluster; /* cluster id; NULL from brokers before 0.10.1 */
};
/* Requests metadata of the topic `only`; with NULL, of the topics this handle knows (of all when it knows none). Repeats a lost
 * request. Also fails when the server speaks Kafka but offers no metadata. */
enum result kafka_get_metadata(struct kafka_client *client, rd_kafka_topic_t *only,
			       struct kafka_metadata *metadata, struct diag *out);

/* A broker at the address it advertises. */
struct kafka_broker {
	int32_t id;
	const char *host; /* points into the metadata */
	int port;
	char address[DIAG_SUBJECT_MAX]; /* "kafka-2:9092" */
	char subject[DIAG_SUBJECT_MAX]; /* "broker 2 at kafka-2:9092" */
};
struct kafka_brokers {
	struct kafka_broker *v;
	size_t n;
};
/* Returns an allocated list of all brokers in the metadata, each once; with `topics` (a list of struct kafka_topic_conf), only
 * of those that lead a partition of one of the topics. */
struct kafka_brokers kafka_brokers_of(const struct rd_kafka_metadata *md,
				      const struct grouplist *topics);

#endif
