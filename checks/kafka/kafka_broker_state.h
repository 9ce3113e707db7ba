/* kafka_broker_state: what the state of a handle's brokers means, and whether a guess of librdkafka about one is true.
 *
 * The inside of kafka_client: nobody else includes this. Reads the states that kafka_events writes. Callers hold the client's
 * lock, and a function that probes a listener gives it up meanwhile. Child only.
 */
#ifndef SG_KAFKA_BROKER_STATE_H
#define SG_KAFKA_BROKER_STATE_H

#include "kafka_client.h"

/* The code for the broker's log lines; for a guess that no probe confirmed, the code that is certain. */
enum diag_code kafka_broker_state_code(const struct kafka_broker_state *broker);
/* Fills *out with why this broker does not work, named by its address, or by its id where it is known from metadata. */
void kafka_broker_state_diagnose(const struct kafka_broker_state *broker, struct diag *out);
/* The same with another subject. */
void kafka_broker_state_diagnose_as(const struct kafka_broker_state *broker, const char *subject,
				    struct diag *out);
/* The address at which the bootstrap server's metadata sends clients does not work from here, for the reason *why: fails
 * with kafka-advertised-unresolvable or kafka-advertised-unreachable. `others` goes behind the cause. */
enum result kafka_fail_advertised(struct diag *out, int32_t id, const char *address,
				  const struct diag *why, const char *others);
/* NULL: the library has reported nothing about this address yet. */
struct kafka_broker_state *kafka_broker_state_find(const struct kafka_client *c,
						   const char *address);
/* How many brokers are known from metadata. */
size_t kafka_broker_states_count_listed(const struct kafka_client *c);
/* Has it failed for a reason that no waiting in this attempt changes? A failure to connect is not final: the library
 * tries another address of the same name. */
bool kafka_broker_state_is_final(const struct kafka_broker_state *broker);
/* Is it connected, and has it answered this client, or kafka_probe in its place? */
bool kafka_broker_state_is_ready(const struct kafka_client *c,
				 const struct kafka_broker_state *broker);
/* When every bootstrap server has failed for a final reason, or every broker that took their place: the one to name.
 * Else NULL. */
const struct kafka_broker_state *kafka_broker_states_all_failed(const struct kafka_client *c);
/* Probes (kafka_probe) what librdkafka guesses about one of those servers, once all of them have complained; or about this
 * broker, or whether it wants a login although it looks ready. False: there was nothing to probe. */
bool kafka_broker_states_probe(struct kafka_client *c);
bool kafka_broker_state_probe(struct kafka_client *c, struct kafka_broker_state *broker);

#endif
