/* kafka_canary: writes one record and reads it back. Nothing else in the kafka kind writes.
 *
 * The record goes to the topic that the profile names for it, with acks=all and this host's name as key. It is read back from
 * the very offset it got, without a group, and recognised by its random content. Child only.
 */
#ifndef SG_KAFKA_CANARY_H
#define SG_KAFKA_CANARY_H

#include "kafka_client.h"

struct kafka_canary_conf {
	const char *topic;
	struct duration max_latency;
};
extern const struct schema kafka_canary_schema;

/* The handle that sends the record. NULL with *out filled. */
struct kafka_client *kafka_canary_open(const struct kafka_client *first, struct diag *out);
/* `reader` is a consumer's handle without group; the topic and its leaders have been judged. */
enum result kafka_canary_judge(const struct kafka_canary_conf *conf, struct kafka_client *sender,
			       struct kafka_client *reader, const struct rd_kafka_metadata *md,
			       struct diag *out);

#endif
