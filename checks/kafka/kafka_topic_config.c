#include "kafka_topic_config.h"

#include "kafka_topic_demand.h"
#include "findings.h"
#include "kafka_log.h"

static void judge_setting(struct findings *f, const struct kafka_topic_answer *a, const char *text)
{
	struct kafka_topic_demand demand;
	const char *value;
	struct diag d = {.code = D_NONE};

	kafka_topic_demand_parse(&demand, text);
	value = kafka_query_config(a, demand.name);
	if (value && kafka_topic_demand_met(&demand, value))
		return;
	if (value)
		kafka_topic_fail(&d, D_KAFKA_TOPIC_CONFIG, a->name,
				 "%s is %s, the profile demands %s", demand.name, value, text);
	else
		kafka_topic_fail(&d, D_KAFKA_TOPIC_CONFIG, a->name,
				 "the broker knows no %s, the profile demands %s", demand.name,
				 text);
	findings_add(f, &d, demand.name);
}

static bool is_denied(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
	       err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static enum diag_code answer_code(const struct kafka_answer *a)
{
	enum diag_code code = a->came ? kafka_topic_meaning(a->err) : D_ANSWER_TIMEOUT;

	if (is_denied(a->err))
		return D_KAFKA_CONFIG_DENIED;
	if (kafka_is_silence(a->err))
		return D_ANSWER_TIMEOUT;
	return code == D_NONE ? D_KAFKA_ERROR : code;
}

static void add_unknown_topic(struct str *unknown, const char *topic)
{
	str_addf(unknown, "%s%s", unknown->len ? ", " : "", topic);
}

/* Fails when the settings could not be read. Without `config` a denied read is only a fact: the topic's minimum is unknown. */
static void judge_unread(const struct kafka_topic_conf *want, const struct kafka_topic_answer *a,
			 struct str *unknown, struct findings *f)
{
	struct diag d = {.code = D_NONE};

	if (want->config.n == 0 && a->config.came &&
	    (is_denied(a->config.err) || kafka_is_unsupported(a->config.err))) {
		add_unknown_topic(unknown, a->name);
		return;
	}
	kafka_topic_fail(&d, answer_code(&a->config), a->name,
			 "the topic's settings cannot be read: %s",
			 a->config.came ? a->config.reason : "no answer in time (attempt_timeout)");
	findings_add(f, &d, "");
}

enum result kafka_topic_config_judge(const struct check_run *run, const struct grouplist *topics,
				     const struct kafka_query *query,
				     const struct rd_kafka_metadata *md, struct diag *out)
{
	struct findings f = {.n = 0};
	struct str unknown;

	str_init(&unknown, 300);
	for (size_t i = 0; i < topics->n; i++) {
		const struct kafka_topic_conf *want = GROUP_AT(*topics, struct kafka_topic_conf, i);
		const struct kafka_topic_answer *answer = &query->topic[i];
		const char *own = kafka_query_config(answer, "min.insync.replicas");
		struct diag d = {.code = D_NONE};
		int64_t min;

		if (!answer->config.asked)
			continue;
		if (!answer->config.came || answer->config.err) {
			judge_unread(want, answer, &unknown, &f);
			continue;
		}
		for (size_t k = 0; k < want->config.n; k++)
			judge_setting(&f, answer, want->config.v[k]);
		/* A server other than Apache Kafka may lack this setting. */
		if (!own || parse_i64(own, 1, INT32_MAX, &min) < 0)
			add_unknown_topic(&unknown, answer->name);
		else if (kafka_topic_judge_own_isr(kafka_topic_find(md, want->name), min, &d) !=
			 RESULT_PASS)
			findings_add(&f, &d, "");
	}
	if (unknown.len)
		check_fact(run, "min_insync_unknown", "%s", unknown.s);
	return findings_result(&f, out);
}
