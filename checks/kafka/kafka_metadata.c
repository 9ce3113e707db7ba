/* Of kafka_client: the question for metadata. */
#include "kafka_client.h"

#define PATIENCE_MS 5000 /* then it is asked for again, where an attempt has no end */

/* Lives on the heap: the thread that makes the call may outlive the one that asked for it. */
struct question {
	struct kafka_client *client;
	rd_kafka_topic_t *only;
	struct instant deadline;
	struct kafka_metadata got;
	rd_kafka_resp_err_t err;
};

static void ask(void *arg)
{
	struct question *q = arg;

	q->err = rd_kafka_metadata(q->client->rk, 0, q->only, &q->got.md,
				   instant_left_ms_now(q->deadline));
	if (!q->err)
		q->got.cluster = rd_kafka_clusterid(q->client->rk, 0);
}

static struct instant half_way(struct instant deadline)
{
	struct instant now = instant_now();

	if (instant_is_never(deadline))
		return instant_after(now, DURATION_MS(PATIENCE_MS));
	return instant_after(now, (struct duration){instant_since(now, deadline).ns / 2});
}

/* librdkafka 2.0 may lose a question while the bootstrap connection becomes that of a broker it learned of. And as long as no
 * connection is ready it says "transport failure" when the time is up: TLS and a login may take more than half of it. */
static bool is_unanswered(const struct question *q)
{
	return q->err == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	       (q->err == RD_KAFKA_RESP_ERR__TRANSPORT && instant_left_ms_now(q->deadline) <= 1);
}

static int blame(struct kafka_client *c, rd_kafka_resp_err_t err, struct diag *out)
{
	char words[256];

	/* A controller of KRaft mode speaks Kafka, and offers no metadata. */
	if (err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) {
		check_fail(out, D_PROTOCOL_MISMATCH, c->peers[0]->address,
			   "this speaks Kafka but does not offer metadata: likely the listener of "
			   "a controller, not of a broker");
		diag_hint(out, "use the address of a broker's listener");
		return -1;
	}
	snprintf(words, sizeof words, "no metadata: %s", rd_kafka_err2str(err));
	kafka_diagnose(c, words, out);
	return -1;
}

int kafka_get_metadata(struct kafka_client *client, rd_kafka_topic_t *only,
		       struct kafka_metadata *metadata, struct diag *out)
{
	struct question *q = xcalloc(1, sizeof *q);

	*q = (struct question){
	    .client = client, .only = only, .deadline = half_way(client->run->deadline)};
	if (kafka_call(client, ask, q, "the question for metadata", out) < 0)
		return -1;
	if (is_unanswered(q)) {
		q->deadline = client->run->deadline;
		if (kafka_call(client, ask, q, "the question for metadata", out) < 0)
			return -1;
	}
	*metadata = q->got;
	return q->err ? blame(client, q->err, out) : 0;
}
