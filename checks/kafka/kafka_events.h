/* kafka_events: what librdkafka's threads report about a handle: log lines, state changes, requests, certificates.
 *
 * The inside of kafka_client: nobody else includes this. The callbacks run on librdkafka's threads; they take the client's
 * lock and write what they hear into the client and its broker states. Nothing is judged here. Child only.
 */
#ifndef SG_KAFKA_EVENTS_H
#define SG_KAFKA_EVENTS_H

#include "kafka_client.h"

/* Makes the handle that is created from `conf` report to `client`. Fails when the library is built without TLS and the
 * client needs it. */
enum result kafka_events_watch(struct kafka_client *client, rd_kafka_conf_t *conf,
			       struct diag *out);

#endif
