/* kafka_requests: which requests of a handle wait for their answer, so that silence can be named.
 *
 * librdkafka's calls end in "timed out" whatever was not answered; its interceptors tell what was sent and what came.
 * Pure: no lock, no I/O; kafka_broker_state feeds it.
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
#define KAFKA_API_OFFSET_COMMIT 8
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
/* In the order they were sent. What comes when it is full is not kept. */
struct kafka_requests {
	struct kafka_request v[KAFKA_REQUESTS_MAX];
	size_t n;
};

void kafka_requests_sent(struct kafka_requests *r, const struct kafka_request *request);
/* One of this kind from this broker came. librdkafka (2.0) tells neither which, nor only once: none of the kind counts as
 * waiting then. Broker and address may be others than when it was sent: a bootstrap connection becomes a broker's. */
void kafka_requests_answered(struct kafka_requests *r, const struct kafka_request *request);
/* The connection is gone, and with it what waited there: the broker's by id; of one without (-1) by address. */
void kafka_requests_closed(struct kafka_requests *r, int32_t broker, const char *address);
/* The oldest that asked for something: no handshake, no fetch, which waits for records; and none of `but`. NULL: none. */
const struct kafka_request *kafka_requests_oldest(const struct kafka_requests *r, int16_t but);
/* The protocol's name of a request: "InitProducerId". */
const char *kafka_request_name(int16_t api);

#endif
