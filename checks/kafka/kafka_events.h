/* kafka_events: records what librdkafka reports about a handle: log lines, state changes, requests, certificates.
 *
 * Private to kafka_client: no other module includes it. The callbacks run on librdkafka's threads; they take the client's lock
 * and write into the client and its broker states. They judge nothing. Child only.
 */
#ifndef SG_KAFKA_EVENTS_H
#define SG_KAFKA_EVENTS_H

#include "kafka_client.h"

/* Sets the callbacks on `conf`, so that a handle created from it reports to `client`. Fails when the client needs TLS and
 * librdkafka is built without it. */
enum result kafka_events_watch(struct kafka_client *client, rd_kafka_conf_t *conf,
			       struct diag *out);

#endif
