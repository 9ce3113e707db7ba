#include "kafka_producer.h"

#define REQUEST_MS 60000 /* librdkafka's default for a request */

/* ---- idempotent ------------------------------------------------------------------------------------------ */

/* A service that asks for idempotence itself has acks, retries and requests in flight that must fit: the library judges
 * them. Of one that does not, they say nothing about idempotence. */
static bool is_own(const struct kafka_client_props *props)
{
	return kafka_client_props_is_true(props, "enable.idempotence") ||
	       kafka_client_props_get(props, "transactional.id");
}

static const struct kafka_prop_override own[] = {
    {"enable.idempotence", "true"}, {"debug", "eos"}, {NULL, NULL}};

int kafka_producer_settings(const struct check_run *run, const struct kafka_client_props *props,
			    struct diag *out)
{
	return is_own(props) ? kafka_try_open(run, props, RD_KAFKA_PRODUCER, own, out) : 0;
}

struct kafka_client *kafka_idempotent_open(const struct kafka_client *first, struct diag *out)
{
	/* What idempotence demands; debug=eos is how the library tells of its success. */
	static const struct kafka_prop_override extra[] = {
	    {"enable.idempotence", "true"},
	    {"acks", "all"},
	    {"retries", "2147483647"},
	    {"max.in.flight.requests.per.connection", "5"},
	    {"debug", "eos"},
	    {NULL, NULL}};

	return kafka_open_beside(first, RD_KAFKA_PRODUCER, is_own(first->props) ? own : extra, out);
}

static bool is_settled(const struct kafka_client *c)
{
	char ignored[8];

	return c->has_producer_id || rd_kafka_fatal_error(c->rk, ignored, sizeof ignored);
}

static int fail_producer_id(struct kafka_client *c, rd_kafka_resp_err_t fatal, const char *words,
			    struct diag *out)
{
	/* Short of a fatal error the library tries again, and tells why in a line of its log only. */
	rd_kafka_resp_err_t err = fatal ? fatal : kafka_error_in(words);

	if (fatal == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		check_fail(out, D_KAFKA_IDEMPOTENCE_DENIED, "producer id", "%s", words);
	else if (err && !kafka_is_silence(err))
		check_fail(out, D_KAFKA_ERROR, "producer id", "%s", words);
	else
		kafka_diagnose_error(
		    c, err, words[0] ? words : "no producer id was given in time (attempt_timeout)",
		    out);
	return -1;
}

int kafka_idempotent_judge(struct kafka_client *c, struct diag *out)
{
	char words[DIAG_CAUSE_MAX] = "";
	rd_kafka_resp_err_t fatal;

	check_step(c->run, PH_ASSERT, "asking for a producer id");
	if (kafka_wait(c, is_settled, kafka_patience(c)) && c->has_producer_id)
		return 0;
	fatal = rd_kafka_fatal_error(c->rk, words, sizeof words);
	if (!fatal) {
		pthread_mutex_lock(&c->lock);
		snprintf(words, sizeof words, "%s", c->producer_id_trouble);
		pthread_mutex_unlock(&c->lock);
	}
	return fail_producer_id(c, fatal, words, out);
}

/* ---- transactional ---------------------------------------------------------------------------------------- */

static void own_id(const char *id, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", KAFKA_TRANSACTION_PREFIX, id);
}

/* Left alone, the library lets a request take as long as a transaction; above 2147 s it counts over the end of an int
 * and gives up at once. More than a transaction is not allowed. */
static void request_patience(const struct kafka_client_props *props, char *buf, size_t size)
{
	const char *text = kafka_client_props_get(props, "transaction.timeout.ms");
	int64_t ms;

	if (!text || parse_i64(text, 1000, REQUEST_MS, &ms) < 0)
		ms = REQUEST_MS;
	snprintf(buf, size, "%d", (int)ms);
}

struct kafka_client *kafka_transactional_open(const struct kafka_client *first, const char *id,
					      struct diag *out)
{
	char name[512], patience[16];
	/* The last three as for idempotence: not where they are the service's own. */
	const struct kafka_prop_override extra[] = {{"socket.timeout.ms", patience},
						    {"transactional.id", name},
						    {is_own(first->props) ? NULL : "acks", "all"},
						    {"retries", "2147483647"},
						    {"max.in.flight.requests.per.connection", "5"},
						    {NULL, NULL}};

	own_id(id, name, sizeof name);
	request_patience(first->props, patience, sizeof patience);
	return kafka_open_beside(first, RD_KAFKA_PRODUCER, extra, out);
}

struct beginning {
	struct kafka_client *client;
	struct instant until;
	rd_kafka_error_t *error;
};

static void begin(void *arg)
{
	struct beginning *b = arg;

	b->error = rd_kafka_init_transactions(b->client->rk, instant_left_ms_now(b->until));
}

static int fail_begin(struct kafka_client *c, const rd_kafka_error_t *error, const char *id,
		      const struct kafka_broker *v, size_t n, struct diag *out)
{
	rd_kafka_resp_err_t err = rd_kafka_error_code(error);
	const char *words = rd_kafka_error_string(error);
	char subject[DIAG_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "transactional id %s%.90s", KAFKA_TRANSACTION_PREFIX, id);
	if (err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
		check_fail(out, D_KAFKA_TRANSACTION_DENIED, subject, "%s", words);
	else if (err == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT)
		check_fail(out, D_KAFKA_TRANSACTION_TIMEOUT, subject, "%s", words);
	else if (kafka_is_answer(err) && !kafka_is_coordinator_trouble(err))
		check_fail(out, D_KAFKA_ERROR, subject, "%s", words);
	else if (!kafka_unanswered(c, words, out) && kafka_broken(c, v, n, out) == 0)
		check_fail(out, D_KAFKA_COORDINATOR, subject, "%s", words);
	return -1;
}

int kafka_transactional_judge(struct kafka_client *c, const char *id, const struct kafka_broker *v,
			      size_t n, struct diag *out)
{
	struct beginning *b = xcalloc(1, sizeof *b);

	check_step(c->run, PH_ASSERT, "beginning to use transactional id %s%s",
		   KAFKA_TRANSACTION_PREFIX, id);
	b->client = c;
	b->until = kafka_patience(c);
	if (kafka_call(c, begin, b, "the question for a transaction", out) < 0)
		return -1;
	return b->error ? fail_begin(c, b->error, id, v, n, out) : 0;
}
