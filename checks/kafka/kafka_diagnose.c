/* Of kafka_client: why a call failed, when the library has only said that it did. */
#include "kafka_broker_state.h"

#define WEIGHT_PERMANENT 3

/* How much a peer has to say. */
static unsigned weight(const struct kafka_broker_state *peer)
{
	if (peer->up || peer->meaning.code == D_NONE)
		return 0;
	return 1 + (peer->meaning.guess ? 0 : 1) +
	       (diag_info(kafka_broker_state_code(peer))->retryable ? 0 : 2);
}

/* Lock held. The broker it was sent to; by id, or by address. */
static const struct kafka_broker_state *asked_of(const struct kafka_client *c,
						 const struct kafka_request *r)
{
	for (size_t i = 0; i < c->n_peers; i++)
		if (r->broker >= 0 ? c->peers[i]->id == r->broker && c->peers[i]->state[0]
				   : str_eq(c->peers[i]->address, r->address))
			return c->peers[i];
	return NULL;
}

/* Lock held. */
static bool any_listed(const struct kafka_client *c)
{
	for (size_t i = 0; i < c->n_peers; i++)
		if (c->peers[i]->id != KAFKA_BOOTSTRAP)
			return true;
	return false;
}

/* Lock held. Who was answered "no coordinator" asks again and again, both for the coordinator and, at it, for a producer id;
 * and who was told of no broker, for metadata: the answer is what counts, not the question on its way. */
static bool was_answered(const struct kafka_client *c, int16_t api)
{
	return (api == KAFKA_API_FIND_COORDINATOR && c->coordinators_found > 0) ||
	       (api == KAFKA_API_INIT_PRODUCER_ID && c->producer_id_answered) ||
	       (api == KAFKA_API_METADATA && c->metadata_answered && !any_listed(c));
}

/* Lock held. Connected, and one request waits that is none of `but`: that is what was not answered. */
static bool explain_request_but(const struct kafka_client *c, int16_t but, const char *words,
				struct diag *out)
{
	const struct kafka_request *r = kafka_requests_oldest(&c->requests, but);
	const struct kafka_broker_state *peer = r ? asked_of(c, r) : NULL;
	char subject[DIAG_SUBJECT_MAX];

	if (!r || was_answered(c, r->api))
		return false;
	snprintf(subject, sizeof subject, "%s", peer ? peer->address : r->address);
	if (peer && peer->id != KAFKA_BOOTSTRAP)
		snprintf(subject, sizeof subject, "broker %d at %.100s", peer->id, peer->address);
	check_fail(out, D_ANSWER_TIMEOUT, subject, "%s: the connection is ready, %s has no answer",
		   words, kafka_request_name(r->api));
	return true;
}

static bool explain_request(const struct kafka_client *c, const char *words, struct diag *out)
{
	return explain_request_but(c, KAFKA_API_NONE, words, out);
}

/* Nothing was logged: say how far the connection got. */
static void explain_silence(const struct kafka_client *c, const char *words, struct diag *out)
{
	const struct kafka_broker_state *peer = c->n_peers ? c->peers[0] : NULL;

	for (size_t i = 0; i < c->n_peers; i++)
		if (!c->peers[i]->up && c->peers[i]->state[0])
			peer = c->peers[i];
	if (!peer)
		check_fail(out, D_KAFKA_NO_BROKERS, "", "%s", words);
	else if (peer->up)
		check_fail(out, any_listed(c) ? D_ANSWER_TIMEOUT : D_KAFKA_NO_BROKERS,
			   peer->address, "%s; the connection is ready%s", words,
			   any_listed(c) ? "" : ", and no broker was listed");
	else if (str_eq(peer->state, "CONNECT") || str_eq(peer->state, "TRY_CONNECT"))
		check_fail(out, D_CONNECT_TIMEOUT, peer->address, "%s; no connection yet", words);
	else
		check_fail(out, D_ANSWER_TIMEOUT, peer->address,
			   "%s; the connection is in state %s", words, peer->state);
}

bool kafka_unanswered(struct kafka_client *c, const char *words, struct diag *out)
{
	bool found;

	pthread_mutex_lock(&c->lock);
	/* Metadata that is there is asked for again now and then: nobody waits for it. */
	found = explain_request_but(c, c->metadata_answered ? KAFKA_API_METADATA : KAFKA_API_NONE,
				    words, out);
	pthread_mutex_unlock(&c->lock);
	return found;
}

enum result kafka_diagnose(struct kafka_client *c, const char *words, struct diag *out)
{
	const struct kafka_broker_state *worst = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_peers; i++)
		if (weight(c->peers[i]) > (worst ? weight(worst) : 0))
			worst = c->peers[i];
	/* A request that waits is nearer to the cause than a broker that is down besides. */
	if (worst && (weight(worst) >= WEIGHT_PERMANENT || !explain_request(c, words, out)))
		kafka_broker_state_tell(worst, out);
	else if (!worst && !explain_request(c, words, out))
		explain_silence(c, words, out);
	pthread_mutex_unlock(&c->lock);
	return RESULT_FAIL;
}

/* Who closed a connection was reached before: a broker that never was is not the one. */
static bool may_have_closed(const struct diag *d)
{
	return d->code != D_ANSWER_TIMEOUT && d->code != D_KAFKA_ADVERTISED_UNREACHABLE &&
	       d->code != D_KAFKA_ADVERTISED_UNRESOLVABLE;
}

enum result kafka_diagnose_error(struct kafka_client *c, rd_kafka_resp_err_t err, const char *words,
				 struct diag *out)
{
	const char *subject = "";
	size_t reached = 0;

	kafka_diagnose(c, words, out);
	if (err != RD_KAFKA_RESP_ERR__TRANSPORT || may_have_closed(out))
		return RESULT_FAIL;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_peers; i++)
		if (c->peers[i]->was_up && reached++ == 0)
			subject = c->peers[i]->address;
	pthread_mutex_unlock(&c->lock);
	/* Of several it is not known which: the words may tell. */
	return check_fail(out, D_CONNECT_CLOSED, reached == 1 ? subject : "",
			  "%s: the connection was closed in place of an answer", words);
}
