#include "kafka_group_lag.h"

#include "kafka_offsets.h"

typedef rd_kafka_topic_partition_list_t list_t;

struct fetch_call {
	struct kafka_client *client;
	const char *group;
	const list_t *partitions;
	list_t
	    *committed; /* result: the partitions' offsets, negative where nothing is committed */
	rd_kafka_resp_err_t err;
	char reason[200];
};

/* ---- committed offsets --------------------------------------------------------------------------------------- */

static void set_error(struct fetch_call *q, rd_kafka_resp_err_t err, const char *text)
{
	q->err = err;
	text_clean(q->reason, sizeof q->reason, text && *text ? text : rd_kafka_err2str(err));
}

static void read_result(struct fetch_call *q, rd_kafka_event_t *ev)
{
	size_t n;
	const rd_kafka_group_result_t **v = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(ev), &n);
	const rd_kafka_error_t *error = n > 0 ? rd_kafka_group_result_error(v[0]) : NULL;
	const list_t *list = n > 0 ? rd_kafka_group_result_partitions(v[0]) : NULL;

	if (error)
		set_error(q, rd_kafka_error_code(error), rd_kafka_error_string(error));
	else if (!list)
		set_error(q, RD_KAFKA_RESP_ERR_UNKNOWN, "the answer has no group");
	else
		q->committed = rd_kafka_topic_partition_list_copy(list);
}

static void fetch_offsets(void *arg)
{
	struct fetch_call *q = arg;
	rd_kafka_t *rk = q->client->rk;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_ListConsumerGroupOffsets_t *ask =
	    rd_kafka_ListConsumerGroupOffsets_new(q->group, q->partitions);
	rd_kafka_AdminOptions_t *o =
	    rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	struct instant until = kafka_answer_deadline(q->client);
	rd_kafka_event_t *ev;
	char ignored[128];

	rd_kafka_AdminOptions_set_request_timeout(o, instant_left_ms_now(until), ignored,
						  sizeof ignored);
	rd_kafka_ListConsumerGroupOffsets(rk, &ask, 1, o, queue);
	ev = rd_kafka_queue_poll(queue, instant_left_ms_now(until));
	if (!ev)
		set_error(q, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
	else if (rd_kafka_event_error(ev))
		set_error(q, rd_kafka_event_error(ev), rd_kafka_event_error_string(ev));
	else
		read_result(q, ev);
}

static enum result fail_fetch(const struct fetch_call *q, const char *subject, struct diag *out)
{
	char reason[300];

	if (q->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		check_fail(out, D_KAFKA_GROUP_DENIED, subject,
			   "this principal may not read the committed offsets: %s", q->reason);
		diag_hint(out, "grant Describe on group %.100s to this principal", q->group);
		return RESULT_FAIL;
	}
	if (kafka_is_coordinator_trouble(q->err))
		return check_fail(out, D_KAFKA_COORDINATOR, subject, "%s", q->reason);
	if (kafka_is_answer(q->err))
		return check_fail(out, D_KAFKA_ERROR, subject,
				  "the request for the committed offsets: %s", q->reason);
	snprintf(reason, sizeof reason, "no answer about the committed offsets of %s: %s", subject,
		 q->reason);
	return kafka_diagnose_error(q->client, q->err, reason, out);
}

/* Fails for a partition with an error, and for one that is not in the answer. */
static enum result judge_answer(const struct fetch_call *q, struct diag *out)
{
	for (int i = 0; i < q->partitions->cnt; i++) {
		const rd_kafka_topic_partition_t *asked = &q->partitions->elems[i];
		const rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(
		    q->committed, asked->topic, asked->partition);
		char doing[80];

		snprintf(doing, sizeof doing, "partition %d, the group's committed offset",
			 asked->partition);
		if (!p)
			return kafka_offsets_fail(asked->topic, RD_KAFKA_RESP_ERR_UNKNOWN, doing,
						  "it is not in the answer", out);
		if (p->err)
			return kafka_offsets_fail(p->topic, p->err, doing, rd_kafka_err2str(p->err),
						  out);
	}
	return RESULT_PASS;
}

/* Returns the committed offsets of the partitions, or NULL with *out filled. */
static list_t *get_committed(struct kafka_client *client, const char *group,
			     const list_t *partitions, const char *subject, struct diag *out)
{
	struct fetch_call *q = xcalloc(1, sizeof *q);

	*q = (struct fetch_call){.client = client, .group = group, .partitions = partitions};
	if (kafka_call(client, fetch_offsets, q, "the request for committed offsets", out) !=
	    RESULT_PASS)
		return NULL;
	if (q->err) {
		fail_fetch(q, subject, out);
		return NULL;
	}
	return judge_answer(q, out) == RESULT_PASS ? q->committed : NULL;
}

/* ---- lag ------------------------------------------------------------------------------------------------------ */

static const char *topics_of(const list_t *list, char *buf, size_t size)
{
	int others = 0;

	for (int i = 1; i < list->cnt; i++)
		others += !str_eq(list->elems[i].topic, list->elems[0].topic);
	snprintf(buf, size, "%.200s%s", list->elems[0].topic, others ? " and others" : "");
	return buf;
}

static enum result get_offsets(struct kafka_client *client, const list_t *of, int64_t which,
			       list_t **to, struct diag *out)
{
	char topics[220];

	*to = rd_kafka_topic_partition_list_copy(of);
	return kafka_offsets_get(client, topics_of(of, topics, sizeof topics), *to, which,
				 which == RD_KAFKA_OFFSET_END ? "the request for the last offsets"
							      : "the request for the first offsets",
				 out);
}

/* Sets every committed offset that is missing to the first one of the log. */
static enum result fill_missing(struct kafka_client *client, list_t *committed, size_t *n_missing,
				struct diag *out)
{
	list_t *missing = rd_kafka_topic_partition_list_new(committed->cnt), *first;

	for (int i = 0; i < committed->cnt; i++)
		if (committed->elems[i].offset < 0)
			rd_kafka_topic_partition_list_add(missing, committed->elems[i].topic,
							  committed->elems[i].partition);
	*n_missing = (size_t)missing->cnt;
	if (missing->cnt == 0)
		return RESULT_PASS;
	if (get_offsets(client, missing, RD_KAFKA_OFFSET_BEGINNING, &first, out) != RESULT_PASS)
		return RESULT_FAIL;
	for (int i = 0; i < first->cnt; i++)
		rd_kafka_topic_partition_list_find(committed, first->elems[i].topic,
						   first->elems[i].partition)
		    ->offset = first->elems[i].offset;
	return RESULT_PASS;
}

struct lag {
	int64_t sum, most;
	const rd_kafka_topic_partition_t *from, *to; /* of the partition with the most */
	size_t uncommitted;                          /* partitions */
};

static void add_lags(struct lag *lag, const list_t *committed, list_t *ends)
{
	for (int i = 0; i < committed->cnt; i++) {
		const rd_kafka_topic_partition_t *from = &committed->elems[i];
		const rd_kafka_topic_partition_t *to =
		    rd_kafka_topic_partition_list_find(ends, from->topic, from->partition);
		int64_t behind = to && to->offset > from->offset ? to->offset - from->offset : 0;

		lag->sum += behind;
		if (behind <= lag->most)
			continue;
		lag->most = behind;
		lag->from = from;
		lag->to = to;
	}
}

static enum result fail_lag(const struct lag *lag, int64_t max, const char *subject,
			    struct diag *out)
{
	char without[80] = "";

	invariant(lag->from && lag->to); /* the sum is above 0 */
	if (lag->uncommitted)
		snprintf(without, sizeof without,
			 "; in %zu partition%s the group has committed nothing", lag->uncommitted,
			 plural(lag->uncommitted));
	return check_fail(out, D_KAFKA_GROUP_LAG, subject,
			  "the group is %lld record%s behind, max_lag is %lld; most in topic "
			  "%.100s partition %d: at offset %lld of %lld%s",
			  (long long)lag->sum, plural((size_t)lag->sum), (long long)max,
			  lag->from->topic, lag->from->partition, (long long)lag->from->offset,
			  (long long)lag->to->offset, without);
}

enum result kafka_group_lag_judge(struct kafka_client *client, const char *group,
				  list_t *partitions, int64_t max, int64_t *sum, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];
	struct lag lag = {.sum = 0};
	list_t *committed, *ends;

	snprintf(subject, sizeof subject, "group %.100s", group);
	if (partitions->cnt == 0) { /* its members read nothing */
		*sum = 0;
		return RESULT_PASS;
	}
	check_step(client->run, PH_PROTOCOL, "asking how far %s has read", subject);
	committed = get_committed(client, group, partitions, subject, out);
	if (!committed || fill_missing(client, committed, &lag.uncommitted, out) != RESULT_PASS ||
	    get_offsets(client, committed, RD_KAFKA_OFFSET_END, &ends, out) != RESULT_PASS)
		return RESULT_FAIL;
	add_lags(&lag, committed, ends);
	*sum = lag.sum;
	return lag.sum > max ? fail_lag(&lag, max, subject, out) : RESULT_PASS;
}
