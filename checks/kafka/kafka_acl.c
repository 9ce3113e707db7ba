#include "kafka_acl.h"

#include "findings.h"

typedef const struct kafka_topic_conf want_t;

static const struct {
	const char *name;
	int operation;
} operations[] = {
    {"describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
    {"read", RD_KAFKA_ACL_OPERATION_READ},
    {"write", RD_KAFKA_ACL_OPERATION_WRITE},
};

static enum result fail_denied(const char *topic, const char *operation, const char *reason,
			       struct diag *out)
{
	kafka_topic_fail(out, D_KAFKA_TOPIC_DENIED, topic,
			 "this principal may not %s topic %.200s: %s", operation, topic, reason);
	diag_hint(out, "grant %c%s on topic %.200s to this principal", *operation - 'a' + 'A',
		  operation + 1, topic);
	return RESULT_FAIL;
}

static void judge_operations(want_t *want, struct kafka_operations list, struct findings *f)
{
	struct diag d;

	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		if (!kafka_topic_wants(want, operations[i].name) ||
		    kafka_operations_include(list, operations[i].operation))
			continue;
		d = (struct diag){.code = D_NONE};
		fail_denied(want->name, operations[i].name, "not among its authorized operations",
			    &d);
		findings_add(f, &d, operations[i].name);
	}
}

/* Skips "describe", the first operation: the metadata answer has proved that the principal has it. */
static void add_unverified(want_t *want, struct str *unverified)
{
	for (size_t i = 1; i < ARRAY_LEN(operations); i++)
		if (kafka_topic_wants(want, operations[i].name))
			kafka_add_unverified(unverified, operations[i].name, want->name);
}

/* Fails because the request for the list of operations got an error or no answer. */
static enum result fail_without_list(want_t *want, const struct kafka_answer *answer,
				     struct diag *out)
{
	enum diag_code code = kafka_topic_meaning(answer->err);
	const char *operation = want->operations.v[0];

	if (code == D_KAFKA_TOPIC_DENIED)
		return fail_denied(want->name, operation, answer->reason, out);
	if (!answer->came || kafka_is_silence(answer->err))
		return kafka_topic_fail(
		    out, D_ANSWER_TIMEOUT, want->name,
		    "whether it may %s the topic was not answered: %s", operation,
		    answer->came ? answer->reason : "nothing came in time (attempt_timeout)");
	return kafka_topic_fail(out, code == D_NONE ? D_KAFKA_ERROR : code, want->name,
				"the request whether it may %s the topic: %s", operation,
				answer->reason);
}

enum result kafka_acl_judge(const struct grouplist *topics, const struct kafka_query *query,
			    struct str *unverified, struct diag *out)
{
	struct findings f = {.n = 0};

	for (size_t i = 0; i < topics->n; i++) {
		want_t *want = GROUP_AT(*topics, struct kafka_topic_conf, i);
		const struct kafka_topic_answer *topic = &query->topic[i];
		struct diag d = {.code = D_NONE};

		if (!topic->rights.asked)
			continue;
		if (topic->operations.known) {
			judge_operations(want, topic->operations, &f);
		} else if (topic->rights.came &&
			   (!topic->rights.err || kafka_is_unsupported(topic->rights.err))) {
			/* Brokers before 2.3 send no list of operations. */
			add_unverified(want, unverified);
		} else {
			fail_without_list(want, &topic->rights, &d);
			findings_add(&f, &d, want->operations.v[0]);
		}
	}
	return findings_result(&f, out);
}
