/* kafka_producer: may this principal be an idempotent producer, or a transactional one?
 *
 * Each is tried for real, by a handle of its own that never sends a record: a producer id is taken, and nothing else. A
 * transaction is tried under another id than the service's, which would be fenced. Child only.
 */
#ifndef SG_KAFKA_PRODUCER_H
#define SG_KAFKA_PRODUCER_H

#include "kafka_client.h"

#define KAFKA_TRANSACTION_PREFIX "startguard-"

/* Do the service's own settings of a producer fit what it asks of idempotence? No server is needed. 0 or -1. */
int kafka_producer_settings(const struct check_run *run, const struct kafka_client_props *props,
			    struct diag *out);
/* Handles are opened first, so that they connect while other questions are asked. NULL with *out filled. */
struct kafka_client *kafka_idempotent_open(const struct kafka_client *first, struct diag *out);
struct kafka_client *kafka_transactional_open(const struct kafka_client *first, const char *id,
					      struct diag *out);
/* 0; or -1 with *out filled. `v` are all brokers: one of them is the transaction's coordinator. */
int kafka_idempotent_judge(struct kafka_client *client, struct diag *out);
int kafka_transactional_judge(struct kafka_client *client, const char *id,
			      const struct kafka_broker *v, size_t n, struct diag *out);

#endif
