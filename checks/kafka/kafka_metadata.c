#include "kafka_metadata.h"

#include "kafka_client.h"
#include "kafka_topic.h"

#define CLOSED_MAX 20 /* requests that end with a closed connection, until the attempt does too */
#define ASK_AGAIN_MS 5000 /* time until a request is repeated when the attempt has no deadline */

/* ---- the request --------------------------------------------------------------------------------------------- */

/* Must live on the heap: the thread that makes the call may outlive the caller that waits for it. */
struct metadata_request {
	struct kafka_client *client;
	rd_kafka_topic_t *only;
	struct instant deadline;
	struct kafka_metadata got;
	rd_kafka_resp_err_t err;
};

static void request_metadata(void *arg)
{
	struct metadata_request *q = arg;

	q->err = rd_kafka_metadata(q->client->rk, 0, q->only, &q->got.md,
				   instant_left_ms_now(q->deadline));
	if (!q->err)
		q->got.cluster = rd_kafka_clusterid(q->client->rk, 0);
}

static struct instant half_of_time(struct instant deadline)
{
	struct instant now = instant_now();

	return instant_is_never(deadline) ? instant_after(now, DURATION_MS(ASK_AGAIN_MS))
					  : instant_share(now, deadline, 2);
}

/* Returns whether to repeat the request. librdkafka 2.0 may lose it while the bootstrap connection becomes a learned broker's.
 * It also fails with "transport failure" at the timeout when TLS and a login take so long that no connection is ready. */
static bool is_unanswered(const struct metadata_request *q)
{
	return q->err == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	       (q->err == RD_KAFKA_RESP_ERR__TRANSPORT && instant_left_ms_now(q->deadline) <= 1);
}

static enum result fail_metadata(struct kafka_client *c, rd_kafka_resp_err_t err, struct diag *out)
{
	char reason[256];

	/* A KRaft controller speaks Kafka but offers no metadata. */
	if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) {
		check_fail(out, D_PROTOCOL_MISMATCH, c->brokers[0]->address,
			   "this speaks Kafka but does not offer metadata: likely the listener of "
			   "a controller, not of a broker");
		diag_hint(out, "use the address of a broker's listener");
		return RESULT_FAIL;
	}
	snprintf(reason, sizeof reason, "no metadata: %s", rd_kafka_err2str(err));
	return kafka_diagnose(c, reason, out);
}

/* Returns whether another server may give the answer: one has closed the connection in place of it. Its reason may not be known
 * yet either, and kafka_call looks for it. */
static bool was_closed(const struct metadata_request *q, int closed)
{
	return q->err == RD_KAFKA_RESP_ERR__TRANSPORT && closed < CLOSED_MAX &&
	       instant_left_ms_now(q->client->run->deadline) > 1;
}

enum result kafka_get_metadata(struct kafka_client *client, rd_kafka_topic_t *only,
			       struct kafka_metadata *metadata, struct diag *out)
{
	struct metadata_request *q = xcalloc(1, sizeof *q);
	enum result r;

	*q = (struct metadata_request){
	    .client = client, .only = only, .deadline = half_of_time(client->run->deadline)};
	r = kafka_call(client, request_metadata, q, "the metadata request", out);
	for (int n = 0; r == RESULT_PASS && ((n == 0 && is_unanswered(q)) || was_closed(q, n));
	     n++) {
		q->deadline = client->run->deadline;
		r = kafka_call(client, request_metadata, q, "the metadata request", out);
	}
	if (r != RESULT_PASS)
		return r;
	*metadata = q->got;
	return q->err ? fail_metadata(client, q->err, out) : RESULT_PASS;
}

/* ---- brokers ------------------------------------------------------------------------------------------------- */

static bool has_id(const struct kafka_brokers *brokers, int32_t id)
{
	for (size_t i = 0; i < brokers->n; i++)
		if (brokers->v[i].id == id)
			return true;
	return false;
}

struct kafka_brokers kafka_brokers_of(const struct rd_kafka_metadata *md,
				      const struct grouplist *topics)
{
	struct kafka_brokers found = {.n = 0};

	found.v = xcalloc((size_t)md->broker_cnt + 1, sizeof *found.v);
	for (int i = 0; i < md->broker_cnt; i++) {
		const struct rd_kafka_metadata_broker *from = &md->brokers[i];
		struct kafka_broker *b = &found.v[found.n];

		if ((topics && !kafka_topics_led_by(topics, md, from->id)) ||
		    has_id(&found, from->id))
			continue;
		*b = (struct kafka_broker){.id = from->id, .host = from->host, .port = from->port};
		hostport_text(b->host, b->port, b->address, sizeof b->address);
		kafka_broker_subject(b->id, b->address, b->subject, sizeof b->subject);
		found.n++;
	}
	return found;
}
