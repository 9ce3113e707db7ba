/* kafka_requests: which requests of a handle wait for their answer, so that a diagnosis can name the unanswered one.
 *
 * librdkafka's calls end in "timed out" whatever was not answered; its interceptors report what was sent and what came.
 * Pure: no lock, no I/O; kafka_events calls it.
 */
#ifndef SG_KAFKA_REQUESTS_H
#define SG_KAFKA_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KAFKA_API_NONE (-1)
#define KAFKA_API_FETCH 1
#define KAFKA_API_LIST_OFFSETS 2
#define KAFKA_API_METADATA 3
#define KAFKA_API_FIND_COORDINATOR 10
#define KAFKA_API_DESCRIBE_GROUPS 15
#define KAFKA_API_SASL_HANDSHAKE 17
#define KAFKA_API_VERSIONS 18
#define KAFKA_API_INIT_PRODUCER_ID 22
#define KAFKA_API_SASL_AUTHENTICATE 36

#define KAFKA_REQUESTS_MAX 32 /* in flight at a time: a check sends a handful to each broker */

struct kafka_request {
	int16_t api;
	int32_t broker; /* -1: a bootstrap connection, or a coordinator by its role */
	char address[128];
};
/* In the order in which they were sent. A request that is sent when the table is full is not kept. */
struct kafka_requests {
	struct kafka_request v[KAFKA_REQUESTS_MAX];
	size_t n;
};

void kafka_requests_sent(struct kafka_requests *r, const struct kafka_request *request);
/* An answer of this kind came from this broker. librdkafka (2.0) does not say to which request, and may say so twice: no
 * request of the kind counts as waiting any more. Broker and address may differ from those it was sent to, because a
 * bootstrap connection becomes a broker's. */
void kafka_requests_answered(struct kafka_requests *r, const struct kafka_request *request);
/* The connection is gone, and with it the requests that waited on it: found by the broker's id, or without one (-1) by the
 * address. */
void kafka_requests_closed(struct kafka_requests *r, int32_t broker, const char *address);
/* The oldest request that asks for something: not a handshake, not a fetch, which waits for records, and not of the kind
 * `except`. NULL: there is none. */
const struct kafka_request *kafka_requests_oldest(const struct kafka_requests *r, int16_t except);
/* The protocol's name of a request: "InitProducerId". */
const char *kafka_request_name(int16_t api);

#endif
