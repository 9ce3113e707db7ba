#include "kafka_canary.h"

#include <sys/random.h>
#include <unistd.h>

#include "kafka_topic.h"

#define VALUE_MAX 160

static const struct key canary_keys[] = {
    KEY_STR(struct kafka_canary_conf, topic, .flags = K_REQUIRED, .check = kafka_topic_name_problem,
	    .doc = "Topic made for this, with a short retention: each attempt leaves one record.",
	    .example = "\"startguard-canary\""),
    KEY_DURATION(struct kafka_canary_conf, max_latency, .min = "1ms", .max = "10m",
		 .doc = "Longest time from sending the record to having read it back.",
		 .example = "\"500ms\""),
    KEY_END,
};
const struct schema kafka_canary_schema = {.size = sizeof(struct kafka_canary_conf),
					   .keys = canary_keys};

struct round_trip {
	struct kafka_client *sender, *reader;
	const char *topic;
	int32_t partition;
	char key[128], value[VALUE_MAX];
	struct instant until;
	/* Results, written by the thread: */
	bool acknowledged, read, same;
	rd_kafka_resp_err_t send_err, read_err;
	int64_t offset;
	struct duration latency;
};

struct kafka_client *kafka_canary_open(const struct kafka_client *first, struct diag *out)
{
	/* With retries librdkafka would hide the broker's reason and report only a timeout. */
	static const struct kafka_prop_override extra[] = {
	    {"acks", "all"},
	    {"retries", "0"},
	    {"linger.ms", "0"},
	    {"message.timeout.ms", "0"},             /* no limit but the attempt's deadline */
	    {"delivery.report.only.error", "false"}, /* the check waits for success */
	    {NULL, NULL}};

	return kafka_open_beside(first, extra, out);
}

/* ---- sending and reading back ------------------------------------------------------------------------------------------- */

static void await_acknowledgement(struct round_trip *f)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(f->sender->rk);

	while (!f->acknowledged && !instant_reached(f->until, instant_now())) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(queue, instant_left_ms_now(f->until));
		const rd_kafka_message_t *m = ev ? rd_kafka_event_message_next(ev) : NULL;

		if (m) {
			f->acknowledged = true;
			f->send_err = m->err;
			f->offset = m->offset;
		}
		if (ev)
			rd_kafka_event_destroy(ev);
	}
}

static void send_record(struct round_trip *f)
{
	/* Creates the topic handle first: before librdkafka 2.10.1 a record without it may wait 1 s for metadata. */
	rd_kafka_topic_t *topic = rd_kafka_topic_new(f->sender->rk, f->topic, NULL);
	rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

	rd_kafka_header_add(headers, "sent-by", -1, "startguard", -1);
	f->send_err = rd_kafka_producev(
	    f->sender->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(f->partition),
	    RD_KAFKA_V_KEY(f->key, strlen(f->key)), RD_KAFKA_V_VALUE(f->value, strlen(f->value)),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	if (f->send_err)
		f->acknowledged = true;
	else
		await_acknowledgement(f);
}

static void read_back(struct round_trip *f)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(f->reader->rk, f->topic, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(f->reader->rk);

	rd_kafka_consume_start_queue(topic, f->partition, f->offset, queue);
	while (!f->read && !instant_reached(f->until, instant_now())) {
		rd_kafka_message_t *m =
		    rd_kafka_consume_queue(queue, instant_left_ms_now(f->until));

		/* The record comes after this end of the partition, when a follower or the high watermark has caught up. */
		if (!m || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			continue;
		f->read = true;
		f->read_err = m->err;
		f->same = !m->err && m->offset == f->offset && m->len == strlen(f->value) &&
			  memcmp(m->payload, f->value, m->len) == 0;
	}
}

static void send_and_read_back(void *arg)
{
	struct round_trip *f = arg;
	struct instant begun = instant_now();

	send_record(f);
	if (f->acknowledged && !f->send_err)
		read_back(f);
	f->latency = instant_since(begun, instant_now());
}

/* ---- judging ---------------------------------------------------------------------------------------------------- */

/* Returns whether the error concerns the record itself: then the broker would refuse it again. */
static bool is_refusal(rd_kafka_resp_err_t err)
{
	static const rd_kafka_resp_err_t table[] = {
	    RD_KAFKA_RESP_ERR_INVALID_MSG,
	    RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
	    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
	    RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
	    RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
	    RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
	    RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
	    RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
	    RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE,
	    RD_KAFKA_RESP_ERR_INVALID_RECORD,
	    RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
	    RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i] == err)
			return true;
	return false;
}

static enum result fail_on_topic(const struct round_trip *f, rd_kafka_resp_err_t err,
				 const char *doing, const char *right, struct diag *out)
{
	enum diag_code code = kafka_topic_meaning(err);

	if (code == D_NONE)
		code = is_refusal(err) ? D_KAFKA_CANARY_REFUSED : D_KAFKA_CANARY_FAILED;
	kafka_topic_fail(out, code, f->topic, "%s the canary: %s", doing, rd_kafka_err2str(err));
	if (code == D_KAFKA_TOPIC_DENIED)
		diag_hint(
		    out,
		    "grant %s on topic %.200s to this principal: the canary needs Read and Write",
		    right, f->topic);
	return RESULT_FAIL;
}

static enum result judge_latency(const struct kafka_canary_conf *conf, const struct round_trip *f,
				 struct diag *out)
{
	long long took = f->latency.ns / 1000000, held = f->sender->throttled_ms;
	long long most =
	    duration_is_set(conf->max_latency) ? conf->max_latency.ns / 1000000 : INT64_MAX;

	check_fact(f->sender->run, "canary_ms", "%.1f", (double)f->latency.ns / 1e6);
	if (held > 0)
		check_fact(f->sender->run, "throttled_ms", "%lld", held);
	if (held > 0 && took + held > most)
		return kafka_topic_fail(
		    out, D_KAFKA_THROTTLED, f->topic,
		    "the broker holds this client back for %lld ms, max_latency is %lld ms", held,
		    most);
	if (took > most)
		return kafka_topic_fail(out, D_KAFKA_SLOW, f->topic,
					"the record was back after %lld ms, max_latency is %lld ms",
					took, most);
	return RESULT_PASS;
}

static enum result judge_round_trip(const struct kafka_canary_conf *conf,
				    const struct round_trip *f, struct diag *out)
{
	if (!f->acknowledged)
		return kafka_topic_fail(
		    out, D_KAFKA_CANARY_FAILED, f->topic,
		    "the canary was not acknowledged in time (attempt_timeout)");
	if (f->send_err)
		return fail_on_topic(f, f->send_err, "sending", "Write", out);
	if (!f->read)
		return kafka_topic_fail(
		    out, D_KAFKA_CANARY_FAILED, f->topic,
		    "the canary was acknowledged, but could not be read back in "
		    "time (attempt_timeout)");
	if (f->read_err)
		return fail_on_topic(f, f->read_err, "reading back", "Read", out);
	if (!f->same)
		return kafka_topic_fail(out, D_KAFKA_CANARY_FAILED, f->topic,
					"another record than the canary stands at its offset");
	return judge_latency(conf, f, out);
}

static void fill_record(struct round_trip *f, const char *id)
{
	unsigned long long nonce[2] = {0, 0};

	if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
		nonce[0] = (unsigned long long)instant_now().ns;
	if (gethostname(f->key, sizeof f->key - 1) < 0 || !f->key[0])
		snprintf(f->key, sizeof f->key, "startguard");
	snprintf(f->value, sizeof f->value, "startguard %.80s %016llx%016llx", id, nonce[0],
		 nonce[1]);
	f->partition = (int32_t)(nonce[1] & 0x7fffffff);
}

/* Connects to the leader before the latency is measured, because max_latency limits the cluster, not the connecting. */
static enum result reach_leader(const struct round_trip *f, const struct rd_kafka_metadata *md,
				struct diag *out)
{
	int32_t leader = kafka_topic_find(md, f->topic)->partitions[f->partition].leader;
	struct kafka_brokers all = kafka_brokers_of(md, NULL);

	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].id == leader)
			return kafka_reach(f->sender, &(struct kafka_brokers){&all.v[i], 1}, false,
					   out);
	return RESULT_PASS;
}

enum result kafka_canary_judge(const struct kafka_canary_conf *conf, struct kafka_client *sender,
			       struct kafka_client *reader, const struct rd_kafka_metadata *md,
			       struct diag *out)
{
	struct round_trip *f = xcalloc(1, sizeof *f);
	enum result r;

	*f = (struct round_trip){.sender = sender, .reader = reader, .topic = conf->topic};
	fill_record(f, sender->run->id);
	f->partition %= kafka_topic_find(md, conf->topic)->partition_cnt;
	r = reach_leader(f, md, out);
	if (r != RESULT_PASS)
		return r;
	check_step(sender->run, PH_ASSERT, "sending a canary to topic %s", conf->topic);
	f->until = kafka_answer_deadline(sender);
	r = kafka_call(sender, send_and_read_back, f, "a canary", out);
	return r == RESULT_PASS ? judge_round_trip(conf, f, out) : r;
}
