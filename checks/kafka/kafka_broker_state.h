/* kafka_broker_state: turns the state of a handle's brokers into diagnoses, and tests librdkafka's guesses about them.
 *
 * Private to kafka_client: no other module includes it. It reads the states that kafka_events writes. Callers hold the client's
 * lock; a function that probes a listener releases the lock during the probe. Child only.
 */
#ifndef SG_KAFKA_BROKER_STATE_H
#define SG_KAFKA_BROKER_STATE_H

#include "kafka_client.h"

/* Returns the code of the broker's log lines; for a guess that no probe has confirmed, the general code that is certain. */
enum diag_code kafka_broker_state_code(const struct kafka_broker_state *broker);
/* Fills *out with why this broker does not work; the subject is its address, or its id and address when metadata named it. */
void kafka_broker_state_diagnose(const struct kafka_broker_state *broker, struct diag *out);
/* Does the same with another subject. */
void kafka_broker_state_diagnose_as(const struct kafka_broker_state *broker, const char *subject,
				    struct diag *out);
/* Fails with kafka-advertised-unresolvable or kafka-advertised-unreachable: the address that the metadata advertises does not
 * work from here, for the reason *why. Appends `others` to the cause. */
enum result kafka_fail_advertised(struct diag *out, int32_t id, const char *address,
				  const struct diag *why, const char *others);
/* Returns NULL when librdkafka has reported nothing about this address yet. */
struct kafka_broker_state *kafka_broker_state_find(const struct kafka_client *c,
						   const char *address);
/* Returns how many brokers are known from metadata. */
size_t kafka_broker_states_count_listed(const struct kafka_client *c);
/* Counts the addresses of the brokers that have failed, once for each; releases the lock while it resolves a name. */
void kafka_broker_states_count_addresses(struct kafka_client *c);
/* Returns whether the broker has failed for a reason that waiting in this attempt cannot help, and as often as its name has
 * addresses that were counted: librdkafka tries them in turn. A failure to connect is not final. */
bool kafka_broker_state_is_final(const struct kafka_broker_state *broker);
/* Returns whether the broker is connected and has answered a request of this client or of kafka_probe. */
bool kafka_broker_state_is_ready(const struct kafka_client *c,
				 const struct kafka_broker_state *broker);
/* Returns the broker to diagnose when all bootstrap servers, or all brokers learned since, have finally failed; else NULL. */
const struct kafka_broker_state *kafka_broker_states_all_failed(const struct kafka_client *c);
/* kafka_broker_states_probe tests a guess of librdkafka about one server, once all have failed. kafka_broker_state_probe tests
 * a guess about this broker, or whether it wants a login although it looks ready. Both return false when nothing was probed. */
bool kafka_broker_states_probe(struct kafka_client *c);
bool kafka_broker_state_probe(struct kafka_client *c, struct kafka_broker_state *broker);

#endif
