#include "kafka_offsets.h"

#include "kafka_topic.h"

struct offsets_call {
	struct kafka_client *client;
	const char *topic;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t err;
};

/* rd_kafka_query_watermark_offsets would send two requests for each partition. */
static void request_offsets(void *arg)
{
	struct offsets_call *q = arg;

	q->err = rd_kafka_offsets_for_times(q->client->rk, q->list,
					    instant_left_ms_now(q->client->run->deadline));
}

enum result kafka_offsets_unanswered(struct kafka_client *client, const char *topic,
				     const char *reason, struct diag *out)
{
	kafka_diagnose(client, reason, out);
	if (out->code != D_KAFKA_NO_BROKERS)
		return RESULT_FAIL;
	return kafka_topic_fail(out, D_ANSWER_TIMEOUT, topic, "%s", reason);
}

enum result kafka_offsets_fail(const char *topic, rd_kafka_resp_err_t err, const char *doing,
			       const char *text, struct diag *out)
{
	enum diag_code code = kafka_topic_meaning(err);

	if (err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)
		code = D_KAFKA_FEATURE_MISSING; /* no codec for a batch */
	return kafka_topic_fail(out, code == D_NONE ? D_KAFKA_ERROR : code, topic, "%s: %s", doing,
				text);
}

/* Fails because the call returned `err`, or no answer (0). */
static enum result fail_call(const struct offsets_call *q, rd_kafka_resp_err_t err,
			     const char *doing, struct diag *out)
{
	char reason[160];

	/* librdkafka does not report which partition the error belongs to. */
	if (err && (kafka_is_answer(err) || kafka_topic_meaning(err) != D_NONE))
		return kafka_offsets_fail(q->topic, err, doing, rd_kafka_err2str(err), out);
	snprintf(reason, sizeof reason, "no answer to %s%s%s", doing,
		 err ? ": " : " in time (attempt_timeout)", err ? rd_kafka_err2str(err) : "");
	return kafka_offsets_unanswered(q->client, q->topic, reason, out);
}

/* Returns whether the answer has an offset. A partition that is not in the answer keeps what was asked; the offset -1 for a
 * time says that no record is that young. */
static bool has_offset(const rd_kafka_topic_partition_t *p, int64_t which)
{
	return which < 0
		   ? p->offset >= 0
		   : p->offset != which && (p->offset >= 0 || p->offset == RD_KAFKA_OFFSET_END);
}

static enum result judge_answer(const rd_kafka_topic_partition_list_t *list, int64_t which,
				const char *doing, struct diag *out)
{
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];
		char place[48];

		snprintf(place, sizeof place, "partition %d, reading it", p->partition);
		if (p->err)
			return kafka_offsets_fail(p->topic, p->err, place, rd_kafka_err2str(p->err),
						  out);
		if (!has_offset(p, which))
			return kafka_topic_fail(out, D_KAFKA_ERROR, p->topic,
						"%s: the answer has no offset of partition %d",
						doing, p->partition);
	}
	return RESULT_PASS;
}

enum result kafka_offsets_get(struct kafka_client *client, const char *topic,
			      rd_kafka_topic_partition_list_t *list, int64_t which,
			      const char *doing, struct diag *out)
{
	struct offsets_call *q = xcalloc(1, sizeof *q);
	rd_kafka_resp_err_t hidden;
	enum result r;

	*q = (struct offsets_call){.client = client, .topic = topic, .list = list};
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = which;
	kafka_take_offsets_error(client); /* clear an earlier error */
	r = kafka_call(client, request_offsets, q, doing, out);
	hidden = kafka_take_offsets_error(client);
	if (r != RESULT_PASS) {
		if (out->code == D_ANSWER_TIMEOUT && hidden)
			return fail_call(q, hidden, doing, out);
		return out->code == D_KAFKA_NO_BROKERS ? fail_call(q, 0, doing, out) : r;
	}
	if (q->err == RD_KAFKA_RESP_ERR__TIMED_OUT && hidden)
		q->err = hidden;
	return q->err ? fail_call(q, q->err, doing, out) : judge_answer(list, which, doing, out);
}
