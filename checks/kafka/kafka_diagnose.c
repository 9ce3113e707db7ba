/* Part of kafka_client: finds out why a call failed when librdkafka's error does not tell. */
#include "kafka_broker_state.h"
#include "kafka_token.h"
#include "tls.h"

#define WEIGHT_PERMANENT 3 /* least weight of a failure that waiting cannot help */

/* Returns how well a broker's state explains a failure (0 to 4); the diagnosis names the heaviest. */
static unsigned weight(const struct kafka_broker_state *broker)
{
	if (broker->up || broker->meaning.code == D_NONE)
		return 0;
	return 1 + (broker->meaning.guess ? 0 : 1) +
	       (diag_info(kafka_broker_state_code(broker))->retryable ? 0 : 2);
}

/* Lock held. Returns the broker a request was sent to, found by id or by address, or NULL. */
static const struct kafka_broker_state *find_receiver(const struct kafka_client *c,
						      const struct kafka_request *r)
{
	for (size_t i = 0; i < c->n_brokers; i++)
		if (r->broker >= 0 ? c->brokers[i]->id == r->broker && c->brokers[i]->connection[0]
				   : str_eq(c->brokers[i]->address, r->address))
			return c->brokers[i];
	return NULL;
}

/* Lock held. Returns whether a request of this type has been answered before. librdkafka repeats one whose answer it cannot
 * use ("no coordinator", metadata without brokers); then the diagnosis is that answer, not the repeated request. */
static bool was_answered(const struct kafka_client *c, int16_t api)
{
	return (api == KAFKA_API_FIND_COORDINATOR && c->coordinators_found > 0) ||
	       (api == KAFKA_API_INIT_PRODUCER_ID && c->producer_id_answered) ||
	       (api == KAFKA_API_METADATA && c->metadata_answered &&
		kafka_broker_states_count_listed(c) == 0);
}

/* Lock held. Fills *out and returns true when a request (other than `except`) waits for its answer on a connection. */
static bool diagnose_request(const struct kafka_client *c, int16_t except, const char *reason,
			     struct diag *out)
{
	const struct kafka_request *r = kafka_requests_oldest(&c->requests, except);
	const struct kafka_broker_state *broker = r ? find_receiver(c, r) : NULL;
	char subject[DIAG_SUBJECT_MAX];

	if (!r || was_answered(c, r->api))
		return false;
	snprintf(subject, sizeof subject, "%s", broker ? broker->address : r->address);
	if (broker && broker->id != KAFKA_BOOTSTRAP)
		kafka_broker_subject(broker->id, broker->address, subject, sizeof subject);
	check_fail(out, D_ANSWER_TIMEOUT, subject, "%s: the connection is ready, %s has no answer",
		   reason, kafka_request_name(r->api));
	return true;
}

/* Returns whether the connection waits for a token: librdkafka dials no broker (state CONNECT) before it has one. */
static bool is_without_token(const struct kafka_client *c, const struct kafka_broker_state *broker)
{
	return c->props->token && str_eq(broker->connection, "TRY_CONNECT");
}

static void fail_without_token(const char *reason, struct diag *out)
{
	check_fail(
	    out, D_ANSWER_TIMEOUT, KAFKA_TOKEN_SUBJECT,
	    "%s: librdkafka has no token yet: its request to the token endpoint has no answer, "
	    "or an error that it repeats (HTTP status 429, 500, 502 to 504)",
	    reason);
	kafka_token_hint(out);
}

/* Lock held. Fills *out with what librdkafka logged about the broker `worst`, or, when `worst` is NULL because nothing was
 * logged, with how far the connection got. */
static void diagnose_connection(const struct kafka_client *c,
				const struct kafka_broker_state *worst, const char *reason,
				struct diag *out)
{
	const struct kafka_broker_state *broker = c->n_brokers ? c->brokers[0] : NULL;
	bool none_listed = c->metadata_answered && kafka_broker_states_count_listed(c) == 0;

	for (size_t i = 0; i < c->n_brokers; i++)
		if (!c->brokers[i]->up && c->brokers[i]->connection[0])
			broker = c->brokers[i];
	if (worst)
		kafka_broker_state_diagnose(worst, out);
	else if (!broker)
		check_fail(out, D_KAFKA_NO_BROKERS, "", "%s", reason);
	else if (broker->up)
		check_fail(out, none_listed ? D_KAFKA_NO_BROKERS : D_ANSWER_TIMEOUT,
			   broker->address, "%s; the connection is ready%s", reason,
			   none_listed ? ", and no broker was listed" : "");
	else if (is_without_token(c, broker))
		fail_without_token(reason, out);
	else if (str_eq(broker->connection, "CONNECT") || str_eq(broker->connection, "TRY_CONNECT"))
		check_fail(out, D_CONNECT_TIMEOUT, broker->address, "%s; no connection yet",
			   reason);
	else
		check_fail(out, D_ANSWER_TIMEOUT, broker->address,
			   "%s; the connection is in state %s", reason, broker->connection);
}

bool kafka_diagnose_unanswered(struct kafka_client *c, const char *reason, struct diag *out)
{
	bool found;

	pthread_mutex_lock(&c->lock);
	/* Once metadata has come, ignore open metadata requests: librdkafka only refreshes it. */
	found = diagnose_request(c, c->metadata_answered ? KAFKA_API_METADATA : KAFKA_API_NONE,
				 reason, out);
	pthread_mutex_unlock(&c->lock);
	return found;
}

enum result kafka_diagnose(struct kafka_client *c, const char *reason, struct diag *out)
{
	const struct kafka_broker_state *worst = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_brokers; i++)
		if (weight(c->brokers[i]) > (worst ? weight(worst) : 0))
			worst = c->brokers[i];
	/* Unless a broker's failure is permanent, an unanswered request is nearer to the cause. */
	if (worst && weight(worst) >= WEIGHT_PERMANENT)
		kafka_broker_state_diagnose(worst, out);
	else if (!diagnose_request(c, KAFKA_API_NONE, reason, out))
		diagnose_connection(c, worst, reason, out);
	pthread_mutex_unlock(&c->lock);
	return RESULT_FAIL;
}

/* Returns whether the diagnosis already explains the failure, so that a closed connection does not. */
static bool explains_failure(const struct diag *d)
{
	return d->code != D_ANSWER_TIMEOUT && d->code != D_KAFKA_ADVERTISED_UNREACHABLE &&
	       d->code != D_KAFKA_ADVERTISED_UNRESOLVABLE;
}

enum result kafka_diagnose_error(struct kafka_client *c, rd_kafka_resp_err_t err,
				 const char *reason, struct diag *out)
{
	const char *subject = "";
	size_t reached = 0;

	kafka_diagnose(c, reason, out);
	if (err != RD_KAFKA_RESP_ERR__TRANSPORT || explains_failure(out))
		return RESULT_FAIL;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_brokers; i++)
		if (c->brokers[i]->was_up && reached++ == 0)
			subject = c->brokers[i]->address;
	pthread_mutex_unlock(&c->lock);
	/* With several candidates leave the subject empty: `reason` may name the broker. */
	return check_fail(out, D_CONNECT_CLOSED, reached == 1 ? subject : "",
			  "%s: the connection was closed in place of an answer", reason);
}

static void diagnose_throttling(struct kafka_client *const *v, size_t n, struct diag *out)
{
	struct diag was = *out;
	int longest = 0;

	if (was.code != D_ANSWER_TIMEOUT && was.code != D_KAFKA_NO_BROKERS &&
	    was.code != D_KAFKA_COORDINATOR && was.code != D_KAFKA_CANARY_FAILED)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!v[i])
			continue;
		/* librdkafka reports throttling in its main queue, which nobody else polls. */
		rd_kafka_poll(v[i]->rk, 0);
		pthread_mutex_lock(&v[i]->lock);
		if (v[i]->throttled_ms > longest)
			longest = v[i]->throttled_ms;
		pthread_mutex_unlock(&v[i]->lock);
	}
	if (longest > 0)
		check_fail(out, D_KAFKA_THROTTLED, was.subject,
			   "%s; the broker holds this client back for %d ms", was.cause, longest);
}

/* Copies the state of the broker at this address: of the first handle that refused its certificate, else of the last one. Returns
 * false when no handle knows it. */
static bool find_failed(struct kafka_client *const *v, size_t n, const char *address,
			struct kafka_broker_state *copy)
{
	bool found = false;

	copy->refusal.error = 0;
	for (size_t i = 0; i < n && !copy->refusal.error; i++) {
		const struct kafka_broker_state *broker;

		if (!v[i])
			continue;
		pthread_mutex_lock(&v[i]->lock);
		broker = kafka_broker_state_find(v[i], address);
		found |= broker != NULL;
		if (broker)
			*copy = *broker;
		pthread_mutex_unlock(&v[i]->lock);
	}
	return found;
}

/* Asks the broker once more for what librdkafka does not tell: its version of TLS, the length of its chain. */
static void diagnose_tls(const struct kafka_client *one, struct kafka_client *const *v, size_t n,
			 struct diag *out)
{
	const struct check_run *run = one->run;
	char host[256], address[DIAG_SUBJECT_MAX], subject[DIAG_SUBJECT_MAX];
	const char *at = strstr(out->subject, " at "); /* kafka_broker_subject */
	struct kafka_broker_state broker;
	struct tls_answer answer;
	struct diag ignored = {0};
	struct conn conn;
	int port;

	snprintf(subject, sizeof subject, "%s", out->subject);
	snprintf(address, sizeof address, "%s", at ? at + strlen(" at ") : out->subject);
	if (diag_info(out->code)->phase != PH_TLS ||
	    hostport_split(address, host, sizeof host, &port) || !port)
		return;
	/* OpenSSL 4 refuses such a name before it connects, and librdkafka then has no reason to tell. */
	if (out->code == D_TLS_HANDSHAKE && str_ends(host, ".") &&
	    strstr(out->cause, "uninitialized"))
		check_fail(out, D_TLS_WRONG_NAME, subject,
			   "OpenSSL compares no certificate with a name that ends in a dot");
	tls_hint_name(out, host);
	if ((!tls_may_lack_common(out) && out->code != D_TLS_UNKNOWN_CA) ||
	    !find_failed(v, n, address, &broker) ||
	    net_connect(run, broker.tried[0].ip[0] ? broker.tried[0].ip : host, port, &conn,
			&ignored))
		return;
	answer = tls_ask(conn.fd, host, run->deadline);
	if (out->code != D_TLS_UNKNOWN_CA) {
		tls_tell_common(out, &answer, one->props->context.client_cert);
	} else if (broker.refusal.error) {
		broker.refusal.sent = answer.certificates;
		tls_fail_verify(out, &broker.refusal, host, subject);
	}
}

/* OpenSSL sends no certificate whose key it has not. */
static void hint_lone_certificate(const struct kafka_client_props *props, struct diag *out)
{
	const char *file = kafka_client_props_get(props, "ssl.certificate.location");

	if (out->code == D_TLS_CLIENT_CERT_REQUIRED &&
	    (file || kafka_client_props_get(props, "ssl.certificate.pem")))
		diag_hint(out,
			  "give ssl.key.location as well: the certificate of %s is not sent "
			  "without its key",
			  file ? file : "ssl.certificate.pem");
}

void kafka_diagnose_end(struct kafka_client *const *v, size_t n, struct diag *out)
{
	size_t first = 0;

	diagnose_throttling(v, n, out);
	while (first < n && !v[first])
		first++;
	if (first == n)
		return;
	diagnose_tls(v[first], v, n, out);
	hint_lone_certificate(v[first]->props, out);
	tls_tell_own_file(out, kafka_client_props_get(v[first]->props, "ssl.certificate.location"));
}

rd_kafka_resp_err_t kafka_take_offsets_error(struct kafka_client *c)
{
	const struct kafka_request *waits;
	int err = 0;

	pthread_mutex_lock(&c->lock);
	waits = kafka_requests_oldest(&c->requests, KAFKA_API_METADATA);
	if (!waits || waits->api == KAFKA_API_LIST_OFFSETS)
		err = c->offsets_error;
	c->offsets_error = 0;
	pthread_mutex_unlock(&c->lock);
	return (rd_kafka_resp_err_t)err;
}
