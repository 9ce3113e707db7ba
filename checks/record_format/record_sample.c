#include "record_sample.h"

#include "kafka_topic.h"

/* Offsets at the end of a log may hold no record: markers of transactions, aborted records, what compaction took. Then
 * the last record is searched further back, each time this many times as far. */
#define WIDER 4
#define ROUNDS 4

enum pass {
	PASS_JUDGE,
	PASS_SEARCH, /* only to find out where the last record is */
	PASS_RETURN, /* to those before it, which are judged */
};

#define QUEUE_KIB 1024
#define TEXT_OF(number) #number
#define NUMBER_TEXT(macro) TEXT_OF(macro)

/* The library gets a queue that was full filled again ten milliseconds later; before 2.2, when it happens to wake up. */
#define WAKES_UP (RD_KAFKA_VERSION >= 0x020200ff)
#define IDLE_MS 10

const struct kafka_prop_override record_sample_overrides[] = {
    {"enable.partition.eof",
     "true"}, /* the end of a log is told, also when no record stands there */
    {"auto.commit.enable", "false"},   /* the simple consumer's own, beside enable.auto.commit */
    {"auto.offset.reset", "earliest"}, /* what retention took since its offset was asked for */
    {"fetch.wait.max.ms", "10"},       /* at the end of a log the broker would wait for more */
    {"fetch.min.bytes", "1"},
    {"fetch.error.backoff.ms", "50"},
    {"debug", "broker"}, /* why a question is asked again */
    /* What is held at a time: a queue, and one answer of each leader. A larger batch comes all the same, alone (KIP-74).
     * With one limit the library wants the others to fit. */
    {"fetch.message.max.bytes", "262144"},
    {"fetch.max.bytes", "524288"},
    {"message.max.bytes", "524288"},
    {"receive.message.max.bytes", "100000000"},
    {"queued.max.messages.kbytes", NUMBER_TEXT(QUEUE_KIB)},
#if WAKES_UP
    {"fetch.queue.backoff.ms", "10"},
#endif
    {NULL, NULL},
};

struct part {
	int32_t id;
	int64_t low, high;
	int64_t from, to; /* the first offset that was looked at; before which one it ends now */
	int64_t last;     /* the last record that a search found, or -1 */
	size_t values, judged; /* seen; not tombstones, and not too large */
	bool running;
};
struct sample {
	struct kafka_client *client;
	const struct record_sampling *how;
	struct record_sampled *done;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	struct part *v;
	size_t n, n_running;
	enum pass pass;
	size_t searched;    /* bytes of values that a search went over */
	size_t since_woken; /* bytes that came */
	char trouble[200];  /* the last error of a partition that may pass */
	enum diag_code trouble_code;
};

static void topic_subject(const struct sample *s, char *buf, size_t size)
{
	snprintf(buf, size, "topic %.*s", (int)(size - sizeof "topic "), s->how->topic);
}

/* ---- the topic ------------------------------------------------------------------------------------------------ */

/* For a question that no metadata answers: the broker is known by then, it is its answer that is missing. */
static int blame(struct sample *s, const char *words, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	kafka_diagnose(s->client, words, out);
	if (out->code == D_KAFKA_NO_BROKERS) {
		topic_subject(s, subject, sizeof subject);
		check_fail(out, D_ANSWER_TIMEOUT, subject, "%s", words);
	}
	return -1;
}

static const struct rd_kafka_metadata *get_metadata(struct sample *s, struct diag *out)
{
	struct kafka_metadata got;

	s->topic = rd_kafka_topic_new(s->client->rk, s->how->topic, NULL);
	if (!s->topic) {
		check_fail(out, D_KAFKA_PROPERTY, s->how->topic, "%s",
			   rd_kafka_err2str(rd_kafka_last_error()));
		return NULL;
	}
	check_step(s->client->run, PH_PROTOCOL, "asking for metadata of topic %s", s->how->topic);
	return kafka_get_metadata(s->client, s->topic, &got, out) < 0 ? NULL : got.md;
}

static void take_partitions(struct sample *s, const struct rd_kafka_metadata *md)
{
	const struct rd_kafka_metadata_topic *t = &md->topics[0];

	s->n = (size_t)t->partition_cnt;
	s->v = xcalloc(s->n, sizeof *s->v);
	for (size_t i = 0; i < s->n; i++)
		s->v[i].id = t->partitions[i].id;
	s->done->partitions = s->n;
}

/* Every partition must be readable: all leaders at the addresses they advertise. */
static int reach_leaders(struct sample *s, const struct grouplist *topics,
			 const struct rd_kafka_metadata *md, struct diag *out)
{
	struct kafka_broker *v = xcalloc((size_t)md->broker_cnt + 1, sizeof *v);
	size_t n = 0;

	for (int i = 0; i < md->broker_cnt; i++)
		if (kafka_topics_led_by(topics, md, md->brokers[i].id))
			v[n++] = (struct kafka_broker){md->brokers[i].id, md->brokers[i].host,
						       md->brokers[i].port};
	return kafka_reach(s->client, v, n, false, out);
}

static int find_partitions(struct sample *s, struct diag *out)
{
	const struct kafka_topic_conf topic = {
	    .name = s->how->topic,
	    .partitions = INT_UNSET,
	    .min_partitions = INT_UNSET,
	    .replication_factor = INT_UNSET,
	    .min_in_sync_replicas = INT_UNSET,
	};
	struct grouplist topics = {.n = 1, .v = (void *)&topic};
	const struct rd_kafka_metadata *md = get_metadata(s, out);

	if (!md || kafka_topics_judge(&topics, md, out) < 0)
		return -1;
	check_reached(s->client->run, "metadata");
	take_partitions(s, md);
	return reach_leaders(s, &topics, md, out);
}

/* ---- where the logs begin and end ----------------------------------------------------------------------------- */

struct offsets_call {
	struct kafka_client *client;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t err;
};

/* The protocol's "timestamps" -2 and -1 ask for the first offset and for the one after the last: one request to each
 * leader, where rd_kafka_query_watermark_offsets makes two for each partition. */
static void ask_offsets(void *arg)
{
	struct offsets_call *q = arg;

	q->err = rd_kafka_offsets_for_times(q->client->rk, q->list,
					    instant_left_ms_now(q->client->run->deadline));
}

static int fail_answered(const struct sample *s, rd_kafka_resp_err_t err, const char *doing,
			 const char *words, struct diag *out)
{
	enum diag_code code = kafka_topic_meaning(err);
	char subject[DIAG_SUBJECT_MAX];

	if (err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)
		code = D_KAFKA_FEATURE_MISSING; /* the codec of its batches */
	topic_subject(s, subject, sizeof subject);
	check_fail(out, code == D_NONE ? D_KAFKA_ERROR : code, subject, "%s: %s", doing, words);
	if (code == D_KAFKA_TOPIC_DENIED)
		diag_hint(out, "a sample is read from the topic: grant this principal Read on it, "
			       "or leave the check to a service that has it");
	return -1;
}

static int fail_partition(const struct sample *s, int32_t partition, rd_kafka_resp_err_t err,
			  const char *words, struct diag *out)
{
	char doing[48];

	snprintf(doing, sizeof doing, "partition %d, reading it", partition);
	return fail_answered(s, err, doing, words, out);
}

/* The library leaves in its place what was asked for: of a partition that the answer does not hold, or has no offset of. */
static int fail_no_offset(const struct sample *s, int32_t partition, const char *doing,
			  struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	topic_subject(s, subject, sizeof subject);
	check_fail(out, D_KAFKA_ERROR, subject, "%s: the answer has no offset of partition %d",
		   doing, partition);
	return -1;
}

static int get_offsets(struct sample *s, int64_t which, const char *doing, struct diag *out)
{
	struct offsets_call *q = xcalloc(1, sizeof *q);
	rd_kafka_resp_err_t answered;
	char words[160];

	*q = (struct offsets_call){.client = s->client,
				   .list = rd_kafka_topic_partition_list_new((int)s->n)};
	for (size_t i = 0; i < s->n; i++)
		rd_kafka_topic_partition_list_add(q->list, s->how->topic, s->v[i].id)->offset =
		    which;
	kafka_answered_error(s->client); /* to another question */
	if (kafka_call(s->client, ask_offsets, q, doing, out) < 0) {
		answered = kafka_answered_error(s->client);
		if (out->code == D_ANSWER_TIMEOUT && answered)
			return fail_answered(s, answered, doing, rd_kafka_err2str(answered), out);
		if (out->code != D_KAFKA_NO_BROKERS)
			return -1;
		snprintf(words, sizeof words, "no answer to %s in time (attempt_timeout)", doing);
		return blame(s, words, out);
	}
	answered = kafka_answered_error(s->client);
	if (q->err == RD_KAFKA_RESP_ERR__TIMED_OUT && answered)
		q->err = answered;
	/* One error stands for all partitions; of which, it does not say. */
	if (q->err && (kafka_is_answer(q->err) || kafka_topic_meaning(q->err) != D_NONE))
		return fail_answered(s, q->err, doing, rd_kafka_err2str(q->err), out);
	if (q->err) {
		snprintf(words, sizeof words, "no answer to %s: %s", doing,
			 rd_kafka_err2str(q->err));
		return blame(s, words, out);
	}
	for (size_t i = 0; i < s->n; i++) {
		const rd_kafka_topic_partition_t *p = &q->list->elems[i];

		if (p->err)
			return fail_partition(s, p->partition, p->err, rd_kafka_err2str(p->err),
					      out);
		if (p->offset < 0)
			return fail_no_offset(s, p->partition, doing, out);
		if (which == RD_KAFKA_OFFSET_BEGINNING)
			s->v[i].low = p->offset;
		else
			s->v[i].high = p->offset;
	}
	return 0;
}

static int find_offsets(struct sample *s, struct diag *out)
{
	check_step(s->client->run, PH_PROTOCOL, "asking where the logs of topic %s begin and end",
		   s->how->topic);
	if (get_offsets(s, RD_KAFKA_OFFSET_BEGINNING, "the question for the first offsets", out) <
		0 ||
	    get_offsets(s, RD_KAFKA_OFFSET_END, "the question for the last offsets", out) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->v[i];

		/* What retention took meanwhile. */
		if (p->high < p->low)
			p->high = p->low;
		p->from = p->to = p->high;
		p->last = -1;
	}
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static struct part *part_of(struct sample *s, int32_t id)
{
	/* Where it stands in almost every answer. */
	if (id >= 0 && (size_t)id < s->n && s->v[id].id == id)
		return &s->v[id];
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].id == id)
			return &s->v[i];
	return NULL;
}

/* Nothing more of it is wanted: the library would go on fetching what comes in. */
static void stop(struct sample *s, struct part *p)
{
	if (!p->running)
		return;
	rd_kafka_consume_stop(s->topic, p->id);
	p->running = false;
	s->n_running--;
}

static int start(struct sample *s, struct part *p, int64_t from, int64_t to, struct diag *out)
{
	p->to = to;
	if (from < p->from)
		p->from = from > p->low ? from : p->low;
	if (rd_kafka_consume_start_queue(s->topic, p->id, from > p->low ? from : p->low, s->queue) <
	    0)
		return fail_partition(s, p->id, rd_kafka_last_error(),
				      rd_kafka_err2str(rd_kafka_last_error()), out);
	p->running = true;
	s->n_running++;
	return 0;
}

static int start_round(struct sample *s, int round, struct diag *out)
{
	int64_t distance = s->how->per_partition;

	for (int i = 0; i < round; i++)
		distance *= WIDER;
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->v[i];

		if (p->values == 0 && p->last < 0 && p->from > p->low &&
		    start(s, p, p->high - distance, p->from, out) < 0)
			return -1;
	}
	return 0;
}

static int start_return(struct sample *s, struct diag *out)
{
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->v[i];

		if (p->last >= 0 &&
		    start(s, p, p->last + 1 - s->how->per_partition, p->last + 1, out) < 0)
			return -1;
	}
	return 0;
}

static void judge_record(struct sample *s, struct part *p, const rd_kafka_message_t *m)
{
	enum record_seen seen =
	    record_tally_add(s->how->tally, m->partition, m->offset, m->payload, m->len);

	s->done->bytes += m->len;
	p->values += seen != RECORD_SEEN_NOTHING;
	p->judged += seen == RECORD_SEEN_JUDGED;
}

static bool searched_enough(const struct sample *s)
{
	return s->searched >= RECORD_SAMPLE_BYTES;
}

static void take_record(struct sample *s, struct part *p, const rd_kafka_message_t *m)
{
	bool wanted = m->offset < p->to;

	if (wanted && s->pass == PASS_SEARCH && m->payload) {
		p->last = m->offset;
		s->searched += m->len;
	} else if (wanted && (s->pass != PASS_RETURN || m->payload)) {
		judge_record(s, p, m); /* a tombstone: where it is seen for the first time */
	}
	if (m->offset + 1 >= p->to || p->values >= (size_t)s->how->per_partition ||
	    (s->pass == PASS_SEARCH && searched_enough(s)))
		stop(s, p);
}

/* It came, and cannot be unpacked. */
static bool is_broken_batch(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION || err == RD_KAFKA_RESP_ERR__BAD_MSG;
}

/* 0, or -1 with *out filled: an error of one partition for which waiting brings nothing. */
static int take_message(struct sample *s, const rd_kafka_message_t *m, struct diag *out)
{
	struct part *p = part_of(s, m->partition);
	enum diag_code code;

	if (!p || !p->running)
		return 0;
	if (!m->err) {
		take_record(s, p, m);
		return 0;
	}
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		/* A replica may be behind what the leader said of the end: that is not all there is. */
		if (m->offset >= p->to)
			stop(s, p);
		return 0;
	}
	code = kafka_topic_meaning(m->err);
	if (m->err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED ||
	    (code != D_NONE && !diag_info(code)->retryable))
		return fail_partition(s, p->id, m->err, rd_kafka_message_errstr(m), out);
	s->trouble_code = code == D_NONE && (kafka_is_answer(m->err) || is_broken_batch(m->err))
			      ? D_KAFKA_ERROR
			      : code;
	snprintf(s->trouble, sizeof s->trouble, "; partition %d: %.150s", p->id,
		 rd_kafka_message_errstr(m));
	return 0;
}

static int fail_late(struct sample *s, struct diag *out)
{
	char words[400], subject[DIAG_SUBJECT_MAX];

	snprintf(words, sizeof words,
		 "the last records of %zu of %zu partitions did not come in time "
		 "(attempt_timeout)%s",
		 s->n_running, s->n, s->trouble);
	if (s->trouble_code == D_NONE)
		return blame(s, words, out);
	topic_subject(s, subject, sizeof subject);
	check_fail(out, s->trouble_code, subject, "%s", words);
	return -1;
}

/* A question to the leaders of what is still read: their threads wake up for it. */
static void wake_leaders(struct sample *s)
{
	rd_kafka_topic_partition_list_t *v = rd_kafka_topic_partition_list_new((int)s->n_running);

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].running)
			rd_kafka_topic_partition_list_add(v, s->how->topic, s->v[i].id)->offset =
			    RD_KAFKA_OFFSET_END;
	rd_kafka_offsets_for_times(s->client->rk, v, instant_left_ms_now(s->client->run->deadline));
	rd_kafka_topic_partition_list_destroy(v);
	s->since_woken = 0;
}

static rd_kafka_message_t *next_message(struct sample *s)
{
	rd_kafka_message_t *m = NULL;
	int left = instant_left_ms_now(s->client->run->deadline);

	/* As much as this may have been a full queue. */
	if (!WAKES_UP && s->since_woken >= QUEUE_KIB * 1024 / 2) {
		m = rd_kafka_consume_queue(s->queue, left < 0 || left > IDLE_MS ? IDLE_MS : left);
		if (!m)
			wake_leaders(s);
		left = instant_left_ms_now(s->client->run->deadline);
	}
	if (!m)
		m = rd_kafka_consume_queue(s->queue, left);
	if (m)
		s->since_woken += m->len + m->key_len;
	return m;
}

static int read_round(struct sample *s, struct diag *out)
{
	while (s->n_running > 0 && !s->done->cut) {
		rd_kafka_message_t *m = next_message(s);
		int failed;

		if (!m) {
			if (instant_reached(s->client->run->deadline, instant_now()))
				return fail_late(s, out);
			continue;
		}
		failed = take_message(s, m, out);
		rd_kafka_message_destroy(m);
		if (failed)
			return -1;
		s->done->cut = s->done->bytes >= RECORD_SAMPLE_BYTES;
	}
	return 0;
}

static void count_parts(const struct sample *s)
{
	s->done->whole = true;
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->v[i];

		s->done->offsets += p->high - p->from;
		s->done->empty += p->low == p->high;
		s->done->unjudged += p->low < p->high && p->judged == 0;
		s->done->whole = s->done->whole && (p->values > 0 || p->from == p->low);
	}
	s->done->cut = s->done->cut || searched_enough(s);
}

static int look_further_back(struct sample *s, struct diag *out)
{
	check_step(s->client->run, PH_PROTOCOL, "searching topic %s for its last records",
		   s->how->topic);
	s->pass = PASS_SEARCH;
	for (int round = 1; round < ROUNDS && !searched_enough(s); round++)
		if (start_round(s, round, out) < 0 || read_round(s, out) < 0)
			return -1;
	s->pass = PASS_RETURN;
	return start_return(s, out) < 0 || read_round(s, out) < 0 ? -1 : 0;
}

int record_sample(struct kafka_client *client, const struct record_sampling *how,
		  struct record_sampled *done, struct diag *out)
{
	struct sample s = {.client = client, .how = how, .done = done};

	*done = (struct record_sampled){.partitions = 0};
	if (find_partitions(&s, out) < 0 || find_offsets(&s, out) < 0)
		return -1;
	s.queue = rd_kafka_queue_new(client->rk);
	check_step(client->run, PH_PROTOCOL, "reading the last records of topic %s", how->topic);
	if (start_round(&s, 0, out) < 0 || read_round(&s, out) < 0)
		return -1;
	if (!done->cut && look_further_back(&s, out) < 0)
		return -1;
	count_parts(&s);
	check_reached(client->run, "records");
	return 0;
}
