/* kafka_metadata: asks a cluster for its metadata, and finds the brokers in it.
 *
 * One request for each attempt; what a check judges about brokers and topics comes from its answer. Child only.
 */
#ifndef SG_KAFKA_METADATA_H
#define SG_KAFKA_METADATA_H

#include <librdkafka/rdkafka.h>

#include "check.h"

struct kafka_client;

struct kafka_metadata {
	const struct rd_kafka_metadata *md;
	char *cluster; /* its id; NULL: brokers before 0.10.1 have none */
};
/* Asks about the topic `only`, or with NULL about the topics this handle knows (all of the cluster when it knows none).
 * Repeats the request when it is lost. Fails also when a server speaks Kafka and offers no metadata. */
enum result kafka_get_metadata(struct kafka_client *client, rd_kafka_topic_t *only,
			       struct kafka_metadata *metadata, struct diag *out);

/* A broker at the address it advertises. */
struct kafka_broker {
	int32_t id;
	const char *host; /* of the metadata */
	int port;
	char address[DIAG_SUBJECT_MAX]; /* "kafka-2:9092" */
	char subject[DIAG_SUBJECT_MAX]; /* "broker 2 at kafka-2:9092" */
};
struct kafka_brokers {
	struct kafka_broker *v;
	size_t n;
};
/* All brokers that the metadata lists, each once; with `topics` (a list of struct kafka_topic_conf) those of them that lead a
 * partition of one of the topics. Allocated. */
struct kafka_brokers kafka_brokers_of(const struct rd_kafka_metadata *md,
				      const struct grouplist *topics);

#endif
