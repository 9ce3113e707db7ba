/* kafka_broker_state: what is known about each broker of a handle, from librdkafka's log lines and state changes.
 *
 * The inside of kafka_client: nobody else includes this. librdkafka's threads write, under the client's lock;
 * callers of the functions hold that lock.
 */
#ifndef SG_KAFKA_BROKER_STATE_H
#define SG_KAFKA_BROKER_STATE_H

#include "kafka_client.h"

/* Has the library report to `c`. 0; or -1 with *out filled. No lock needed: before rd_kafka_new. */
int kafka_broker_states_watch(struct kafka_client *c, rd_kafka_conf_t *conf, struct diag *out);
/* Its code; of a supposition, what it is worth as long as nobody verified it. */
enum diag_code kafka_broker_state_code(const struct kafka_broker_state *peer);
/* Why it does not work, as a diagnosis about `subject`. */
void kafka_broker_state_explain(const struct kafka_broker_state *peer, const char *subject,
				struct diag *out);
/* The same about the peer itself; a broker known by its advertised address only is named by id. */
void kafka_broker_state_tell(const struct kafka_broker_state *peer, struct diag *out);
/* It has given a reason for which waiting in this attempt brings nothing. Connecting may still go on with another
 * address of the same name, and is no such reason. */
bool kafka_broker_state_is_final(const struct kafka_broker_state *peer);
/* Connected, and it has answered this client, or was asked whether it would. */
bool kafka_broker_state_is_ready(const struct kafka_client *c,
				 const struct kafka_broker_state *peer);
/* Every bootstrap server has, or every broker that took their place: the one to name. Else NULL. */
const struct kafka_broker_state *kafka_broker_states_all_failed(const struct kafka_client *c);
/* Puts a supposition of librdkafka to the listener itself (kafka_probe): one of those servers once all of them have
 * complained; or this peer. The lock is given up meanwhile. False: there was nothing to ask. */
bool kafka_broker_states_ask(struct kafka_client *c);
bool kafka_broker_state_ask(struct kafka_client *c, struct kafka_broker_state *peer);

#endif
