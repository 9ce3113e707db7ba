/* kafka_producer: may this principal be an idempotent producer, or a transactional one?
 *
 * Tries each for real, with a handle of its own that never sends a record: it takes a producer id, and nothing else. A
 * transaction is tried under another id than the service's, which would be fenced. Child only.
 */
#ifndef SG_KAFKA_PRODUCER_H
#define SG_KAFKA_PRODUCER_H

#include "kafka_client.h"

#define KAFKA_TRANSACTION_PREFIX "startguard-"

/* Do the service's own properties of a producer fit the idempotence it asks for? Needs no server. */
enum result kafka_producer_check_props(const struct check_run *run,
				       const struct kafka_client_props *props, struct diag *out);
/* Open the handles; called early, so that they connect before they are used. NULL with *out filled. */
struct kafka_client *kafka_idempotent_open(const struct kafka_client *first, struct diag *out);
struct kafka_client *kafka_transactional_open(const struct kafka_client *first, const char *id,
					      struct diag *out);
/* `all` are all brokers: one of them is the transaction's coordinator. */
enum result kafka_idempotent_judge(struct kafka_client *client, struct diag *out);
enum result kafka_transactional_judge(struct kafka_client *client, const char *id,
				      const struct kafka_brokers *all, struct diag *out);

#endif
