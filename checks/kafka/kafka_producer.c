#include "kafka_producer.h"

#define REQUEST_MS 60000 /* librdkafka's default of socket.timeout.ms */

/* ---- idempotent ------------------------------------------------------------------------------------------ */

/* Returns whether the service itself enables idempotence. Then librdkafka judges whether its acks, retries and requests in
 * flight fit; otherwise those were not chosen for idempotence, and are replaced. */
static bool asks_for_idempotence(const struct kafka_client_props *props)
{
	return kafka_client_props_is_true(props, "enable.idempotence") ||
	       kafka_client_props_get(props, "transactional.id");
}

/* librdkafka logs that it has a producer id only with debug=eos. */
static const struct kafka_prop_override idempotence[] = {
    {"enable.idempotence", "true"}, {"debug", "eos"}, {NULL, NULL}};

enum result kafka_producer_check_props(const struct check_run *run,
				       const struct kafka_client_props *props, struct diag *out)
{
	return asks_for_idempotence(props) ? kafka_try_open(run, props, idempotence, out)
					   : RESULT_PASS;
}

/* Opens a handle with these two properties, and with the properties that idempotence needs. */
static struct kafka_client *open_producer(const struct kafka_client *first,
					  const struct kafka_prop_override *two, struct diag *out)
{
	const struct kafka_prop_override extra[] = {
	    two[0],
	    two[1],
	    {asks_for_idempotence(first->props) ? NULL : "acks", "all"},
	    {"retries", "2147483647"},
	    {"max.in.flight.requests.per.connection", "5"},
	    {NULL, NULL}};

	return kafka_open_beside(first, extra, out);
}

struct kafka_client *kafka_idempotent_open(const struct kafka_client *first, struct diag *out)
{
	return open_producer(first, idempotence, out);
}

static bool has_id_or_fatal_error(const struct kafka_client *c)
{
	char ignored[8];

	return c->has_producer_id || rd_kafka_fatal_error(c->rk, ignored, sizeof ignored);
}

static enum result fail_producer_id(struct kafka_client *c, rd_kafka_resp_err_t fatal,
				    const char *reason, struct diag *out)
{
	/* After an error that is not fatal librdkafka tries again, and reports the reason in its log only. */
	rd_kafka_resp_err_t err = fatal ? fatal : kafka_error_in(reason);

	if (fatal == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		return check_fail(out, D_KAFKA_IDEMPOTENCE_DENIED, "producer id", "%s", reason);
	if (err && !kafka_is_silence(err))
		return check_fail(out, D_KAFKA_ERROR, "producer id", "%s", reason);
	return kafka_diagnose_error(
	    c, err, *reason ? reason : "no producer id was given in time (attempt_timeout)", out);
}

enum result kafka_idempotent_judge(struct kafka_client *c, struct diag *out)
{
	char reason[DIAG_CAUSE_MAX] = "";
	rd_kafka_resp_err_t fatal;

	check_step(c->run, PH_ASSERT, "asking for a producer id");
	if (kafka_wait(c, has_id_or_fatal_error, kafka_answer_deadline(c)) && c->has_producer_id)
		return RESULT_PASS;
	fatal = rd_kafka_fatal_error(c->rk, reason, sizeof reason);
	if (!fatal) {
		pthread_mutex_lock(&c->lock);
		snprintf(reason, sizeof reason, "%s", c->producer_id_trouble);
		pthread_mutex_unlock(&c->lock);
	}
	return fail_producer_id(c, fatal, reason, out);
}

/* ---- transactional ---------------------------------------------------------------------------------------- */

/* Writes socket.timeout.ms for the handle. By default librdkafka lets a request take as long as a transaction; above 2147 s its
 * int overflows and the call fails at once. A request must not take longer than a transaction either. */
static void request_timeout(const struct kafka_client_props *props, char *buf, size_t size)
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
	char name[512], timeout[16];
	const struct kafka_prop_override transaction[] = {{"socket.timeout.ms", timeout},
							  {"transactional.id", name}};

	snprintf(name, sizeof name, "%s%s", KAFKA_TRANSACTION_PREFIX, id);
	request_timeout(first->props, timeout, sizeof timeout);
	return open_producer(first, transaction, out);
}

struct init_call {
	struct kafka_client *client;
	struct instant until;
	rd_kafka_error_t *error;
};

static void init_transactions(void *arg)
{
	struct init_call *b = arg;

	b->error = rd_kafka_init_transactions(b->client->rk, instant_left_ms_now(b->until));
}

static enum result fail_transaction(struct kafka_client *c, const rd_kafka_error_t *error,
				    const char *id, const struct kafka_brokers *all,
				    struct diag *out)
{
	rd_kafka_resp_err_t err = rd_kafka_error_code(error);
	const char *reason = rd_kafka_error_string(error);
	enum diag_code code = D_KAFKA_COORDINATOR;
	char subject[DIAG_SUBJECT_MAX];

	if (err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
		code = D_KAFKA_TRANSACTION_DENIED;
	else if (err == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT)
		code = D_KAFKA_TRANSACTION_TIMEOUT;
	else if (kafka_is_answer(err) && !kafka_is_coordinator_trouble(err))
		code = D_KAFKA_ERROR;
	else if (kafka_diagnose_unanswered(c, reason, out) ||
		 kafka_reach_now(c, all, out) != RESULT_PASS)
		return RESULT_FAIL;
	snprintf(subject, sizeof subject, "transactional id %s%.90s", KAFKA_TRANSACTION_PREFIX, id);
	return check_fail(out, code, subject, "%s", reason);
}

enum result kafka_transactional_judge(struct kafka_client *c, const char *id,
				      const struct kafka_brokers *all, struct diag *out)
{
	struct init_call *b = xcalloc(1, sizeof *b);
	enum result r;

	check_step(c->run, PH_ASSERT, "beginning to use transactional id %s%s",
		   KAFKA_TRANSACTION_PREFIX, id);
	b->client = c;
	b->until = kafka_answer_deadline(c);
	r = kafka_call(c, init_transactions, b, "the request for a transaction", out);
	return r == RESULT_PASS && b->error ? fail_transaction(c, b->error, id, all, out) : r;
}
