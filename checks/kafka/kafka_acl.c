#include "kafka_acl.h"

#include "findings.h"

#define ACKS_REFUSED "2" /* neither 0, 1 nor -1: INVALID_REQUIRED_ACKS, and nothing is appended */
#define PAYLOAD "startguard"

typedef const struct kafka_topic_conf want_t;

/* ---- one operation on several topics, tried ------------------------------------------------------------- */

struct trial {
	const char *name;
	rd_kafka_topic_t *topic;
	bool came;
	rd_kafka_resp_err_t err;
};
struct trials {
	struct kafka_client *client;
	struct trial *v;
	size_t n;
	struct instant until;
};

static void note(struct trials *t, const rd_kafka_topic_t *topic, rd_kafka_resp_err_t err)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].topic == topic && !t->v[i].came) {
			t->v[i].came = true;
			t->v[i].err = err;
		}
}

static bool all_came(const struct trials *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].came)
			return false;
	return true;
}

/* The old consumer: it needs no group, and fetches from where it is told. */
static void try_reading(void *arg)
{
	struct trials *t = arg;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(t->client->rk);

	for (size_t i = 0; i < t->n; i++) {
		t->v[i].topic = rd_kafka_topic_new(t->client->rk, t->v[i].name, NULL);
		rd_kafka_consume_start_queue(t->v[i].topic, 0, RD_KAFKA_OFFSET_END, queue);
	}
	while (!all_came(t) && !kafka_is_past(t->until)) {
		rd_kafka_message_t *m =
		    rd_kafka_consume_queue(queue, instant_left_ms_now(t->until));

		if (!m)
			continue;
		/* The end of the partition, or a record that has just come: both were read. */
		note(t, m->rkt, m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? 0 : m->err);
		rd_kafka_message_destroy(m);
	}
}

static void send_probe(struct trials *t, struct trial *one)
{
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(t->client->rk);
	char words[128];

	rd_kafka_topic_conf_set(conf, "request.required.acks", ACKS_REFUSED, words, sizeof words);
	one->topic = rd_kafka_topic_new(t->client->rk, one->name, conf);
	if (!one->topic || rd_kafka_produce(one->topic, 0, RD_KAFKA_MSG_F_COPY, (void *)PAYLOAD,
					    strlen(PAYLOAD), PAYLOAD, strlen(PAYLOAD), NULL) < 0)
		*one =
		    (struct trial){.name = one->name, .came = true, .err = rd_kafka_last_error()};
}

static void try_writing(void *arg)
{
	struct trials *t = arg;
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(t->client->rk);

	for (size_t i = 0; i < t->n; i++)
		send_probe(t, &t->v[i]);
	while (!all_came(t) && !kafka_is_past(t->until)) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(queue, instant_left_ms_now(t->until));
		const rd_kafka_message_t *m;

		if (!ev)
			continue;
		while ((m = rd_kafka_event_message_next(ev)))
			note(t, m->rkt, m->err);
		rd_kafka_event_destroy(ev);
	}
}

/* The library goes on after most errors of a fetch and tells nobody but its log. */
static void read_fetch_trouble(struct trials *t)
{
	char words[DIAG_CAUSE_MAX];

	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].came)
			continue;
		kafka_fetch_trouble(t->client, t->v[i].name, words, sizeof words);
		t->v[i].err = kafka_error_in(words);
		t->v[i].came = t->v[i].err != 0;
	}
}

static int run_trials(struct kafka_client *client, void (*fn)(void *), struct trials *t,
		      const char *what, struct diag *out)
{
	if (t->n == 0)
		return 0;
	t->client = client;
	t->until = kafka_patience(client);
	return kafka_call(client, fn, t, what, out);
}

/* ---- judging ------------------------------------------------------------------------------------------------ */

struct judge {
	const struct check_run *run;
	struct findings findings;
	struct str unverified;
};

static void deny(struct judge *j, const char *topic, const char *operation, const char *words)
{
	struct diag d = {.code = D_NONE};
	char subject[DIAG_SUBJECT_MAX];

	kafka_topic_subject(topic, subject, sizeof subject);
	check_fail(&d, D_KAFKA_TOPIC_DENIED, subject, "this principal may not %s topic %.200s: %s",
		   operation, topic, words);
	diag_hint(&d, "grant %c%s on topic %.200s to this principal", *operation - 'a' + 'A',
		  operation + 1, topic);
	findings_add(&j->findings, &d, operation);
}

static void unknown(struct judge *j, const char *topic, const char *operation)
{
	str_addf(&j->unverified, "%s%s %s", j->unverified.len ? ", " : "", operation, topic);
}

/* No answer, or an error: whether it may is not known. That is no pass. */
static void no_answer(struct judge *j, const char *topic, const char *operation, bool came,
		      rd_kafka_resp_err_t err, const char *words)
{
	struct diag d = {.code = D_NONE};
	char subject[DIAG_SUBJECT_MAX];
	enum diag_code code = came ? kafka_topic_meaning(err) : D_NONE;

	if (code == D_KAFKA_TOPIC_DENIED) {
		deny(j, topic, operation, words);
		return;
	}
	kafka_topic_subject(topic, subject, sizeof subject);
	if (!came || kafka_is_silence(err))
		check_fail(&d, D_ANSWER_TIMEOUT, subject,
			   "whether it may %s the topic was not answered: %s", operation,
			   came ? words : "nothing came in time (attempt_timeout)");
	else
		check_fail(&d, code == D_NONE ? D_KAFKA_ERROR : code, subject,
			   "an attempt to %s: %s", operation, words);
	findings_add(&j->findings, &d, operation);
}

/* What the trial of one operation showed; `passed` is the broker's answer when it would have been allowed. */
static void judge_trial(struct judge *j, const struct trial *t, const char *operation,
			rd_kafka_resp_err_t passed)
{
	if (t->came && t->err == passed)
		return;
	/* A broker that is not Apache's took the number of acks for a good one: say that a record was left. */
	if (t->came && t->err == 0)
		check_fact(j->run, "record_left_in", "%s", t->name);
	else
		no_answer(j, t->name, operation, t->came, t->err, rd_kafka_err2str(t->err));
}

/* The list of operations was asked for, and what came is not that the broker has none to give. */
static bool lacks_list(const struct kafka_topic_answer *a)
{
	return kafka_query_knows_acl() && a->access.asked && !a->may.known &&
	       (!a->access.came ||
		(a->access.err && a->access.err != RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE &&
		 a->access.err != RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION));
}

static void judge_list(struct judge *j, want_t *want, const struct kafka_topic_answer *a)
{
	static const struct {
		const char *name;
		int operation;
	} table[] = {
	    {"describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
	    {"read", RD_KAFKA_ACL_OPERATION_READ},
	    {"write", RD_KAFKA_ACL_OPERATION_WRITE},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (kafka_topic_wants(want, table[i].name) &&
		    !kafka_may(a->may, table[i].operation))
			deny(j, want->name, table[i].name, "not among its authorized operations");
}

/* Those of the topics whose list did not come and that want the operation. */
static struct trials *trials_for(const struct grouplist *topics, const struct kafka_query *a,
				 const char *operation)
{
	struct trials *t = xcalloc(1, sizeof *t);

	t->v = xcalloc(topics->n + 1, sizeof *t->v);
	for (size_t i = 0; i < topics->n; i++) {
		want_t *want = GROUP_AT(*topics, struct kafka_topic_conf, i);

		if (!a->topic[i].may.known && !lacks_list(&a->topic[i]) &&
		    kafka_topic_wants(want, operation))
			t->v[t->n++] = (struct trial){.name = want->name};
	}
	return t;
}

static int probe_reading(struct judge *j, struct kafka_client *client, struct trials *t,
			 struct diag *out)
{
	if (run_trials(client, try_reading, t, "a fetch", out) < 0)
		return -1;
	read_fetch_trouble(t);
	for (size_t i = 0; i < t->n; i++)
		judge_trial(j, &t->v[i], "read", RD_KAFKA_RESP_ERR_NO_ERROR);
	return 0;
}

static int probe_writing(struct judge *j, const struct kafka_client *first, struct trials *t,
			 struct diag *out)
{
	static const struct kafka_prop_override extra[] = {
	    {"retries", "0"},
	    {"compression.type", "none"},
	    {"linger.ms", "0"},
	    {"message.timeout.ms", "0"}, /* the attempt's own end counts */
	    {"delivery.report.only.error", "false"},
	    {NULL, NULL}};
	struct kafka_client *client;

	/* A library that can ask for the list has asked: a broker that gave none is not Apache's, or very old. It may
	 * take the request for a good one, and then there would be a record. */
	if (kafka_query_knows_acl()) {
		for (size_t i = 0; i < t->n; i++)
			unknown(j, t->v[i].name, "write");
		return 0;
	}
	if (t->n == 0)
		return 0;
	client = kafka_open_beside(first, RD_KAFKA_PRODUCER, extra, out);
	if (!client ||
	    run_trials(client, try_writing, t, "a produce request that is refused", out) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++)
		judge_trial(j, &t->v[i], "write", RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
	return 0;
}

int kafka_acl_judge(struct kafka_client *client, const struct grouplist *topics,
		    const struct kafka_query *a, struct diag *out)
{
	struct judge j = {.run = client->run};

	str_init(&j.unverified, 300);
	for (size_t i = 0; i < topics->n; i++) {
		want_t *want = GROUP_AT(*topics, struct kafka_topic_conf, i);
		const struct kafka_answer *access = &a->topic[i].access;

		if (a->topic[i].may.known)
			judge_list(&j, want, &a->topic[i]);
		else if (lacks_list(&a->topic[i]))
			no_answer(&j, want->name, want->operations.v[0], access->came, access->err,
				  access->words);
	}
	/* "describe" needs no trial: the metadata has described the topic. */
	if (probe_reading(&j, client, trials_for(topics, a, "read"), out) < 0 ||
	    probe_writing(&j, client, trials_for(topics, a, "write"), out) < 0)
		return -1;
	if (j.unverified.len)
		check_fact(client->run, "unverified", "%s", j.unverified.s);
	return findings_result(&j.findings, out) == RESULT_PASS ? 0 : -1;
}
