#include "kafka_requests.h"

#include <string.h>

#include "util.h"

void kafka_requests_sent(struct kafka_requests *r, const struct kafka_request *request)
{
	if (r->n < KAFKA_REQUESTS_MAX)
		r->v[r->n++] = *request;
}

static void remove_request(struct kafka_requests *r, size_t i)
{
	memmove(&r->v[i], &r->v[i + 1], (--r->n - i) * sizeof r->v[0]);
}

static bool may_match(const struct kafka_request *sent, const struct kafka_request *answered)
{
	return sent->broker < 0 || answered->broker < 0 || sent->broker == answered->broker;
}

void kafka_requests_answered(struct kafka_requests *r, const struct kafka_request *request)
{
	for (size_t i = r->n; i-- > 0;)
		if (r->v[i].api == request->api && may_match(&r->v[i], request))
			remove_request(r, i);
}

void kafka_requests_closed(struct kafka_requests *r, int32_t broker, const char *address)
{
	for (size_t i = r->n; i-- > 0;)
		if (r->v[i].broker == broker && (broker >= 0 || str_eq(r->v[i].address, address)))
			remove_request(r, i);
}

static bool is_waited_for(int16_t api)
{
	return api != KAFKA_API_FETCH && api != KAFKA_API_SASL_HANDSHAKE &&
	       api != KAFKA_API_VERSIONS && api != KAFKA_API_SASL_AUTHENTICATE;
}

const struct kafka_request *kafka_requests_oldest(const struct kafka_requests *r, int16_t except)
{
	for (size_t i = 0; i < r->n; i++)
		if (is_waited_for(r->v[i].api) && r->v[i].api != except)
			return &r->v[i];
	return NULL;
}

const char *kafka_request_name(int16_t api)
{
	static const struct {
		int16_t api;
		const char *name;
	} table[] = {
	    {0, "Produce"},
	    {KAFKA_API_FETCH, "Fetch"},
	    {KAFKA_API_LIST_OFFSETS, "ListOffsets"},
	    {KAFKA_API_METADATA, "Metadata"},
	    {KAFKA_API_OFFSET_FETCH, "OffsetFetch"},
	    {KAFKA_API_FIND_COORDINATOR, "FindCoordinator"},
	    {KAFKA_API_DESCRIBE_GROUPS, "DescribeGroups"},
	    {KAFKA_API_SASL_HANDSHAKE, "SaslHandshake"},
	    {KAFKA_API_VERSIONS, "ApiVersions"},
	    {KAFKA_API_INIT_PRODUCER_ID, "InitProducerId"},
	    {32, "DescribeConfigs"},
	    {KAFKA_API_SASL_AUTHENTICATE, "SaslAuthenticate"},
	    {KAFKA_API_CONSUMER_GROUP_DESCRIBE, "ConsumerGroupDescribe"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].api == api)
			return table[i].name;
	return "a request";
}
