/* kafka_peer: what is known about each broker of a handle, from librdkafka's log lines and state changes.
 *
 * The inside of kafka_client: nobody else includes this. librdkafka's threads write, under the client's lock;
 * callers of the functions hold that lock.
 */
#ifndef SG_KAFKA_PEER_H
#define SG_KAFKA_PEER_H

#include "kafka_client.h"

/* Has the library report to `c`. 0; or -1 with *out filled. No lock needed: before rd_kafka_new. */
int kafka_peers_watch(struct kafka_client *c, rd_kafka_conf_t *conf, struct diag *out);
/* Its code; of a supposition, what it is worth as long as nobody verified it. */
enum diag_code kafka_peer_code(const struct kafka_peer *peer);
/* Why it does not work, as a diagnosis about `subject`. */
void kafka_peer_explain(const struct kafka_peer *peer, const char *subject, struct diag *out);
/* The same about the peer itself; a broker known by its advertised address only is named by id. */
void kafka_peer_tell(const struct kafka_peer *peer, struct diag *out);
/* It has given a reason for which waiting in this attempt brings nothing. Connecting may still go on with another
 * address of the same name, and is no such reason. */
bool kafka_peer_is_final(const struct kafka_peer *peer);
/* Connected, and it has answered this client, or was asked whether it would. */
bool kafka_peer_is_ready(const struct kafka_client *c, const struct kafka_peer *peer);
/* Every bootstrap server has, or every broker that took their place: the one to name. Else NULL. */
const struct kafka_peer *kafka_peers_all_failed(const struct kafka_client *c);
/* Puts a supposition of librdkafka to the listener itself (kafka_probe): one of those servers once all of them have
 * complained; or this peer. The lock is given up meanwhile. False: there was nothing to ask. */
bool kafka_peers_ask(struct kafka_client *c);
bool kafka_peer_ask(struct kafka_client *c, struct kafka_peer *peer);

#endif
