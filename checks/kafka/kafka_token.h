/* kafka_token: says why librdkafka has no token for a login by OAUTHBEARER, from what it logs about the token endpoint.
 *
 * The broker is not concerned: without a token librdkafka does not even connect to one. What answers is libcurl, an HTTP server
 * or the token itself. Called by kafka_events and kafka_broker_state; keeps no state and does no I/O.
 */
#ifndef SG_KAFKA_TOKEN_H
#define SG_KAFKA_TOKEN_H

#include "kafka_log.h"

/* Subject of the diagnosis. */
#define KAFKA_TOKEN_SUBJECT "sasl.oauthbearer"

/* Returns whether the line is about the token. */
bool kafka_token_is_about(const char *message);
/* Returns whether the line names the endpoint and the status that it answered. */
bool kafka_token_is_detailed(const char *message);
/* Returns the code for such a line. */
enum diag_code kafka_token_code(const char *message);
/* Replaces the hint of a code by one about the token endpoint, where there is one. */
void kafka_token_hint(struct diag *out);

#endif
