/* kafka_canary: writes one record and reads it back. No other part of the kafka check writes records.
 *
 * It sends the record to the topic that the profile names for it, with acks=all and the host name as key, reads it back from
 * the offset the broker gave it, without a group, and recognises its random content. The check kafka calls it. Child only.
 */
#ifndef SG_KAFKA_CANARY_H
#define SG_KAFKA_CANARY_H

#include "kafka_client.h"

struct kafka_canary_conf {
	const char *topic;
	struct duration max_latency; /* from sending to having read back; may be unset */
};
extern const struct schema kafka_canary_schema;

/* Opens the handle that sends the record. Returns NULL with *out filled. */
struct kafka_client *kafka_canary_open(const struct kafka_client *first, struct diag *out);
/* Sends and reads the record. `reader` is a consumer handle without group; the caller has judged the topic and its leaders. */
enum result kafka_canary_judge(const struct kafka_canary_conf *conf, struct kafka_client *sender,
			       struct kafka_client *reader, const struct rd_kafka_metadata *md,
			       struct diag *out);

#endif
