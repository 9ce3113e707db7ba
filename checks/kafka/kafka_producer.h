/* kafka_producer: judges whether this principal may be an idempotent producer, or a transactional one.
 *
 * The check kafka calls it. It tries each with a separate handle that requests a producer id and never sends a record. For a
 * transaction it uses another id than the service's, which would fence a running service. Child only.
 */
#ifndef SG_KAFKA_PRODUCER_H
#define SG_KAFKA_PRODUCER_H

#include "kafka_client.h"

#define KAFKA_TRANSACTION_PREFIX "startguard-"

/* Fails when the service enables idempotence and its other producer properties do not fit. Needs no server. */
enum result kafka_producer_check_props(const struct check_run *run,
				       const struct kafka_client_props *props, struct diag *out);
/* Open the handles; the caller does so early, so that they connect before use. Return NULL with *out filled. */
struct kafka_client *kafka_idempotent_open(const struct kafka_client *first, struct diag *out);
struct kafka_client *kafka_transactional_open(const struct kafka_client *first, const char *id,
					      struct diag *out);
/* Judge whether the handle gets a producer id. `all` holds all brokers, one of which is the transaction coordinator. */
enum result kafka_idempotent_judge(struct kafka_client *client, struct diag *out);
enum result kafka_transactional_judge(struct kafka_client *client, const char *id,
				      const struct kafka_brokers *all, struct diag *out);

#endif
