#include "record_sample.h"

#include <time.h>

#include "kafka_offsets.h"
#include "kafka_topic.h"

/* Offsets at the end of a log may hold no record: transaction markers, aborted records, records that compaction removed, and
 * records older than `since` where producers set timestamps out of order. Then a search reads further back, each round WIDER
 * times as far. */
#define WIDER 4
#define ROUNDS 4

enum pass {
	PASS_JUDGE,  /* judges the records at the last offsets */
	PASS_SEARCH, /* only finds the last record */
	PASS_RETURN, /* judges the last record and those before it */
};

/* The small queue limits the child's memory. librdkafka resumes fetching 10 ms after the queue was full; before 2.2 only when
 * something wakes its threads. */
#define QUEUE_KIB 1024 /* KiB of records */
#define TEXT_OF(number) #number
#define NUMBER_TEXT(macro) TEXT_OF(macro)
#define WAKES_UP (RD_KAFKA_VERSION >= 0x020200ff)
#define IDLE_MS 10 /* ms without a record, after which wake_leaders is called */

const struct kafka_prop_override record_sample_overrides[] = {
    {"enable.partition.eof", "true"},  /* report the end of a log */
    {"auto.commit.enable", "false"},   /* enable.auto.commit of the simple consumer */
    {"auto.offset.reset", "earliest"}, /* when retention has deleted the offset */
    {"fetch.wait.max.ms", "10"},       /* how long a broker waits at the end of a log */
    {"fetch.min.bytes", "1"},
    {"fetch.error.backoff.ms", "50"},
    {"debug", "broker"}, /* needed by kafka_take_offsets_error */
    /* Limit memory to one queue and one answer of each leader; a larger batch still comes, alone (KIP-74). librdkafka
     * checks these limits against each other. */
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
	int64_t low, high; /* first offset, and the one after the last */
	int64_t
	    young; /* first offset with a timestamp that is not older than `since`; high: there is none */
	int64_t from;  /* first offset that was read */
	int64_t to;    /* offset before which reading ends */
	int64_t last;  /* offset of the last record that a search found, or -1 */
	size_t values; /* records that are neither tombstones nor old */
	size_t judged; /* records that are neither tombstones nor too large */
	bool running;  /* librdkafka is fetching the partition */
};
struct sample {
	struct kafka_client *client;
	const char *topic;
	int64_t per_partition; /* number of records to judge */
	int64_t now;           /* ms since 1970 when the check began to read */
	int64_t oldest;        /* ms since 1970: records before it are old; 0: none is */
	int64_t newest;        /* ms since 1970, the latest timestamp of a record; -1: none */
	struct record_tally *tally;
	struct record_sampled *done;
	rd_kafka_topic_t *handle; /* topic handle */
	rd_kafka_queue_t *queue;
	struct part *v;
	size_t n, n_running;
	enum pass pass;
	size_t searched;    /* bytes of values that the search has read */
	size_t since_woken; /* bytes of records that came since wake_leaders */
	char trouble[200];  /* the last retryable error of a partition */
	enum diag_code trouble_code;
};

/* ---- the topic ------------------------------------------------------------------------------------------------ */

static const struct rd_kafka_metadata *get_metadata(struct sample *s, struct diag *out)
{
	struct kafka_metadata got;

	s->handle = rd_kafka_topic_new(s->client->rk, s->topic, NULL);
	if (!s->handle) {
		check_fail(out, D_KAFKA_PROPERTY, s->topic, "%s",
			   rd_kafka_err2str(rd_kafka_last_error()));
		return NULL;
	}
	check_step(s->client->run, PH_PROTOCOL, "asking for metadata of topic %s", s->topic);
	return kafka_get_metadata(s->client, s->handle, &got, out) == RESULT_PASS ? got.md : NULL;
}

static void store_partitions(struct sample *s, const struct rd_kafka_metadata *md)
{
	const struct rd_kafka_metadata_topic *t = &md->topics[0];

	s->n = (size_t)t->partition_cnt;
	s->v = xcalloc(s->n, sizeof *s->v);
	for (size_t i = 0; i < s->n; i++)
		s->v[i].id = t->partitions[i].id;
	s->done->partitions = s->n;
}

static enum result find_partitions(struct sample *s, struct diag *out)
{
	struct kafka_topic_conf topic = kafka_topic_without_demands(s->topic);
	struct grouplist topics = {.n = 1, .v = &topic};
	const struct rd_kafka_metadata *md = get_metadata(s, out);
	struct kafka_brokers leaders;

	if (!md || kafka_topics_judge(&topics, md, out) != RESULT_PASS)
		return RESULT_FAIL;
	check_reached(s->client->run, "metadata");
	store_partitions(s, md);
	/* Every partition must be readable, so all leaders must be reachable at their advertised addresses. */
	leaders = kafka_brokers_of(md, &topics);
	return kafka_reach(s->client, &leaders, false, out);
}

/* ---- where the logs begin and end ----------------------------------------------------------------------------- */

/* Adds to a diagnosis about rights why the check needs them. */
static enum result explain_denial(struct diag *out)
{
	if (out->code == D_KAFKA_TOPIC_DENIED)
		diag_hint(out, "a sample is read from the topic: grant this principal Read on it, "
			       "or leave the check to a service that has it");
	return RESULT_FAIL;
}

static enum result fail_partition(const struct sample *s, int32_t partition,
				  rd_kafka_resp_err_t err, const char *text, struct diag *out)
{
	char doing[48];

	snprintf(doing, sizeof doing, "partition %d, reading it", partition);
	kafka_offsets_fail(s->topic, err, doing, text, out);
	return explain_denial(out);
}

static void store_offset(struct part *p, int64_t which, int64_t offset)
{
	if (which == RD_KAFKA_OFFSET_BEGINNING)
		p->low = offset;
	else if (which == RD_KAFKA_OFFSET_END)
		p->high = offset;
	else
		p->young = offset < 0 || offset > p->high ? p->high : offset;
}

static enum result get_offsets(struct sample *s, int64_t which, const char *doing, struct diag *out)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->n);

	for (size_t i = 0; i < s->n; i++)
		rd_kafka_topic_partition_list_add(list, s->topic, s->v[i].id);
	if (kafka_offsets_get(s->client, s->topic, list, which, doing, out) != RESULT_PASS)
		return explain_denial(out);
	for (size_t i = 0; i < s->n; i++)
		store_offset(&s->v[i], which, list->elems[i].offset);
	return RESULT_PASS;
}

static enum result find_offsets(struct sample *s, struct diag *out)
{
	check_step(s->client->run, PH_PROTOCOL, "asking where the logs of topic %s begin and end",
		   s->topic);
	if (get_offsets(s, RD_KAFKA_OFFSET_BEGINNING, "the request for the first offsets", out) !=
		RESULT_PASS ||
	    get_offsets(s, RD_KAFKA_OFFSET_END, "the request for the last offsets", out) !=
		RESULT_PASS)
		return RESULT_FAIL;
	if (s->oldest > 0 &&
	    get_offsets(s, s->oldest, "the request for the first offsets since a time", out) !=
		RESULT_PASS)
		return RESULT_FAIL;
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->v[i];

		/* Retention may have deleted records between the requests. */
		if (p->high < p->low)
			p->high = p->low;
		if (p->young < p->low)
			p->young = p->low;
		p->from = p->to = p->high;
		p->last = -1;
	}
	return RESULT_PASS;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static struct part *find_part(struct sample *s, int32_t id)
{
	/* In almost every answer a partition's id is its index. */
	if (id >= 0 && (size_t)id < s->n && s->v[id].id == id)
		return &s->v[id];
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].id == id)
			return &s->v[i];
	return NULL;
}

/* Stops fetching the partition; otherwise librdkafka would continue with new records. */
static void stop_part(struct sample *s, struct part *p)
{
	if (!p->running)
		return;
	rd_kafka_consume_stop(s->handle, p->id);
	p->running = false;
	s->n_running--;
}

/* Returns the offset before which the pass need not read. PASS_JUDGE reads the last records whatever the broker says of their
 * time: the records' own timestamps decide, and the newest of them is reported. */
static int64_t first_wanted(const struct sample *s, const struct part *p)
{
	return s->pass == PASS_JUDGE ? p->low : p->young;
}

static enum result start_part(struct sample *s, struct part *p, int64_t from, int64_t to,
			      struct diag *out)
{
	if (from < first_wanted(s, p))
		from = first_wanted(s, p);
	p->to = to;
	if (from < p->from)
		p->from = from;
	if (rd_kafka_consume_start_queue(s->handle, p->id, from, s->queue) < 0)
		return fail_partition(s, p->id, rd_kafka_last_error(),
				      rd_kafka_err2str(rd_kafka_last_error()), out);
	p->running = true;
	s->n_running++;
	return RESULT_PASS;
}

static enum result start_round(struct sample *s, int round, struct diag *out)
{
	int64_t distance = s->per_partition;

	for (int i = 0; i < round; i++)
		distance *= WIDER;
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->v[i];

		if (p->values == 0 && p->last < 0 && p->from > first_wanted(s, p) &&
		    start_part(s, p, p->high - distance, p->from, out) != RESULT_PASS)
			return RESULT_FAIL;
	}
	return RESULT_PASS;
}

static enum result start_return_pass(struct sample *s, struct diag *out)
{
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->v[i];

		if (p->last >= 0 && start_part(s, p, p->last + 1 - s->per_partition, p->last + 1,
					       out) != RESULT_PASS)
			return RESULT_FAIL;
	}
	return RESULT_PASS;
}

/* Returns the record's time in ms since 1970, or -1. */
static int64_t time_of(const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(m, &type);

	return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? -1 : ms;
}

static bool is_old(const struct sample *s, const rd_kafka_message_t *m)
{
	int64_t ms = time_of(m);

	return ms >= 0 && ms < s->oldest;
}

static void note_time(struct sample *s, const rd_kafka_message_t *m)
{
	int64_t ms = time_of(m);

	s->done->undated += ms < 0;
	if (ms <= s->newest)
		return;
	s->newest = ms;
	s->done->newest_age = DURATION_MS(ms < s->now ? s->now - ms : 0);
	s->done->newest_partition = m->partition;
}

static void judge_record(struct sample *s, struct part *p, const rd_kafka_message_t *m)
{
	s->done->bytes += m->len;
	if (m->payload && is_old(s, m)) {
		s->done->old++;
		return;
	}
	p->values += m->payload != NULL;
	p->judged += record_tally_add(s->tally, m->partition, m->offset, m->payload, m->len);
}

static bool searched_enough(const struct sample *s)
{
	return s->searched >= RECORD_SAMPLE_BYTES;
}

static void handle_record(struct sample *s, struct part *p, const rd_kafka_message_t *m)
{
	bool wanted = m->offset < p->to, judgeable = m->payload && !is_old(s, m);

	if (wanted && s->pass != PASS_RETURN)
		note_time(s, m);
	if (wanted && s->pass == PASS_SEARCH && judgeable) {
		p->last = m->offset;
		s->searched += m->len;
	} else if (wanted && (s->pass != PASS_RETURN || judgeable)) {
		judge_record(s, p, m); /* the passes before have counted the others */
	}
	if (m->offset + 1 >= p->to || p->values >= (size_t)s->per_partition ||
	    (s->pass == PASS_SEARCH && searched_enough(s)))
		stop_part(s, p);
}

/* Returns whether a batch came that cannot be decoded. */
static bool is_broken_batch(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION || err == RD_KAFKA_RESP_ERR__BAD_MSG;
}

/* Keeps an error of a partition for the diagnosis. Fails for one that waiting cannot help. */
static enum result handle_error(struct sample *s, const struct part *p, const rd_kafka_message_t *m,
				struct diag *out)
{
	enum diag_code code = kafka_topic_meaning(m->err);

	if (m->err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED ||
	    (code != D_NONE && !diag_info(code)->retryable))
		return fail_partition(s, p->id, m->err, rd_kafka_message_errstr(m), out);
	s->trouble_code = code == D_NONE && (kafka_is_answer(m->err) || is_broken_batch(m->err))
			      ? D_KAFKA_ERROR
			      : code;
	snprintf(s->trouble, sizeof s->trouble, "; partition %d: %.150s", p->id,
		 rd_kafka_message_errstr(m));
	return RESULT_PASS;
}

/* Judges a record or an error. Fails for an error that waiting cannot help. */
static enum result handle_message(struct sample *s, const rd_kafka_message_t *m, struct diag *out)
{
	struct part *p = find_part(s, m->partition);

	if (!p || !p->running)
		return RESULT_PASS;
	if (!m->err) {
		handle_record(s, p, m);
		return RESULT_PASS;
	}
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		/* Before p->to it is the end of a replica that lags, and more records will come. */
		if (m->offset >= p->to)
			stop_part(s, p);
		return RESULT_PASS;
	}
	return handle_error(s, p, m, out);
}

static enum result fail_timeout(struct sample *s, struct diag *out)
{
	char reason[400];

	snprintf(reason, sizeof reason,
		 "the last records of %zu of %zu partitions did not come in time "
		 "(attempt_timeout)%s",
		 s->n_running, s->n, s->trouble);
	if (s->trouble_code == D_NONE)
		return kafka_offsets_unanswered(s->client, s->topic, reason, out);
	return kafka_topic_fail(out, s->trouble_code, s->topic, "%s", reason);
}

/* Requests offsets from the leaders of the partitions that are still read, which wakes librdkafka's threads for them. */
static void wake_leaders(struct sample *s)
{
	rd_kafka_topic_partition_list_t *v = rd_kafka_topic_partition_list_new((int)s->n_running);

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].running)
			rd_kafka_topic_partition_list_add(v, s->topic, s->v[i].id)->offset =
			    RD_KAFKA_OFFSET_END;
	rd_kafka_offsets_for_times(s->client->rk, v, instant_left_ms_now(s->client->run->deadline));
	rd_kafka_topic_partition_list_destroy(v);
	s->since_woken = 0;
}

static rd_kafka_message_t *next_message(struct sample *s, struct instant until)
{
	rd_kafka_message_t *m = NULL;
	int left = instant_left_ms_now(until);

	/* After half a queue of records the queue may have been full. */
	if (!WAKES_UP && s->since_woken >= QUEUE_KIB * 1024 / 2) {
		m = rd_kafka_consume_queue(s->queue, left < 0 || left > IDLE_MS ? IDLE_MS : left);
		if (!m)
			wake_leaders(s);
		left = instant_left_ms_now(until);
	}
	if (!m)
		m = rd_kafka_consume_queue(s->queue, left);
	if (m)
		s->since_woken += m->len + m->key_len;
	return m;
}

static enum result read_round(struct sample *s, struct diag *out)
{
	enum result r = RESULT_PASS;

	while (r == RESULT_PASS && s->n_running > 0 && !s->done->cut) {
		rd_kafka_message_t *m = next_message(s, s->client->run->deadline);

		if (m) {
			r = handle_message(s, m, out);
			rd_kafka_message_destroy(m);
			s->done->cut = s->done->bytes >= RECORD_SAMPLE_BYTES;
		} else if (instant_reached(s->client->run->deadline, instant_now())) {
			r = fail_timeout(s, out);
		}
	}
	return r;
}

static void count_parts(const struct sample *s)
{
	s->done->whole = true;
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->v[i];

		s->done->offsets += p->high - p->from;
		s->done->empty += p->low == p->high;
		s->done->unjudged += p->low < p->high && p->judged == 0;
		s->done->whole = s->done->whole && (p->values > 0 || p->from <= p->young);
	}
	s->done->cut = s->done->cut || searched_enough(s);
}

static enum result look_further_back(struct sample *s, struct diag *out)
{
	enum result r = RESULT_PASS;

	check_step(s->client->run, PH_PROTOCOL, "searching topic %s for its last records",
		   s->topic);
	s->pass = PASS_SEARCH;
	for (int round = 1; r == RESULT_PASS && round < ROUNDS && !searched_enough(s); round++) {
		r = start_round(s, round, out);
		if (r == RESULT_PASS)
			r = read_round(s, out);
	}
	s->pass = PASS_RETURN;
	if (r == RESULT_PASS)
		r = start_return_pass(s, out);
	return r == RESULT_PASS ? read_round(s, out) : r;
}

static int64_t wall_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum result record_sample(struct kafka_client *client, const struct record_sample_conf *conf,
			  struct record_tally *tally, struct record_sampled *done, struct diag *out)
{
	struct sample s = {.client = client,
			   .topic = conf->topic,
			   .per_partition = conf->per_partition,
			   .now = wall_clock_ms(),
			   .newest = -1,
			   .tally = tally,
			   .done = done};

	if (duration_is_set(conf->since))
		s.oldest = s.now - conf->since.ns / 1000000;
	*done = (struct record_sampled){.newest_age = DURATION_UNSET};
	if (find_partitions(&s, out) != RESULT_PASS || find_offsets(&s, out) != RESULT_PASS)
		return RESULT_FAIL;
	s.queue = rd_kafka_queue_new(client->rk);
	check_step(client->run, PH_PROTOCOL, "reading the last records of topic %s", conf->topic);
	if (start_round(&s, 0, out) != RESULT_PASS || read_round(&s, out) != RESULT_PASS)
		return RESULT_FAIL;
	if (!done->cut && look_further_back(&s, out) != RESULT_PASS)
		return RESULT_FAIL;
	count_parts(&s);
	check_reached(client->run, "records");
	return RESULT_PASS;
}

/* ---- records that come later ------------------------------------------------------------------------------------- */

struct record_follow {
	struct sample s;
	struct record_sampled done;
};

struct record_follow *record_follow_open(struct kafka_client *client, const char *topic,
					 struct diag *out)
{
	struct record_follow *f = xcalloc(1, sizeof *f);
	struct sample *s = &f->s;

	*s = (struct sample){.client = client, .topic = topic, .done = &f->done};
	if (find_partitions(s, out) != RESULT_PASS || find_offsets(s, out) != RESULT_PASS)
		return NULL;
	s->queue = rd_kafka_queue_new(client->rk);
	for (size_t i = 0; i < s->n; i++)
		if (start_part(s, &s->v[i], s->v[i].high, INT64_MAX, out) != RESULT_PASS)
			return NULL;
	return f;
}

size_t record_follow_partitions(const struct record_follow *f)
{
	return f->s.n;
}

enum result record_follow_next(struct record_follow *f, struct instant until,
			       rd_kafka_message_t **found, struct diag *out)
{
	struct sample *s = &f->s;
	enum result r = RESULT_PASS;

	*found = NULL;
	while (r == RESULT_PASS && !*found && !instant_reached(until, instant_now())) {
		rd_kafka_message_t *m = next_message(s, until);
		const struct part *p = m ? find_part(s, m->partition) : NULL;

		if (p && !m->err) {
			s->trouble_code = D_NONE;
			s->trouble[0] = '\0';
			*found = m;
		} else if (m) {
			if (p && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
				r = handle_error(s, p, m, out);
			rd_kafka_message_destroy(m);
		}
	}
	return r;
}

enum result record_follow_verify(struct record_follow *f, struct diag *out)
{
	struct sample *s = &f->s;

	if (s->trouble_code != D_NONE)
		return kafka_topic_fail(out, s->trouble_code, s->topic, "no record came%s",
					s->trouble);
	return get_offsets(s, RD_KAFKA_OFFSET_END, "the request for the last offsets", out);
}
