/* kafka_requests: keeps the requests of a handle that wait for an answer, so that a diagnosis can name the unanswered one.
 *
 * librdkafka's calls fail with "timed out" whichever request was not answered; its interceptors report requests and answers to
 * kafka_events, which calls this. Pure: no lock, no I/O.
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
#define KAFKA_API_OFFSET_FETCH 9
#define KAFKA_API_FIND_COORDINATOR 10
#define KAFKA_API_DESCRIBE_GROUPS 15
#define KAFKA_API_SASL_HANDSHAKE 17
#define KAFKA_API_VERSIONS 18
#define KAFKA_API_INIT_PRODUCER_ID 22
#define KAFKA_API_SASL_AUTHENTICATE 36
#define KAFKA_API_CONSUMER_GROUP_DESCRIBE 69

#define KAFKA_REQUESTS_MAX 32 /* requests in flight; a check sends few to each broker */

struct kafka_request {
	int16_t api;       /* API key of the Kafka protocol */
	int32_t broker;    /* id; -1: a bootstrap connection, or a coordinator named by its role */
	char address[128]; /* "host:port" */
};
/* Requests in the order in which they were sent; a request that does not fit is not kept. */
struct kafka_requests {
	struct kafka_request v[KAFKA_REQUESTS_MAX];
	size_t n;
};

void kafka_requests_sent(struct kafka_requests *r, const struct kafka_request *request);
/* Removes all requests with this API key that may have gone to this broker, since librdkafka (2.0) does not report which
 * request an answer belongs to, and may report an answer twice. Address and id may have changed since the request was sent,
 * because a bootstrap connection becomes a broker's. */
void kafka_requests_answered(struct kafka_requests *r, const struct kafka_request *request);
/* Removes the requests on a closed connection, found by the broker's id, or by the address when the id is -1. */
void kafka_requests_closed(struct kafka_requests *r, int32_t broker, const char *address);
/* Returns the oldest request that a check waits for, or NULL. Ignores handshakes, fetches and the API key `except`. */
const struct kafka_request *kafka_requests_oldest(const struct kafka_requests *r, int16_t except);
/* Returns the protocol's name of a request, such as "InitProducerId". */
const char *kafka_request_name(int16_t api);

#endif
