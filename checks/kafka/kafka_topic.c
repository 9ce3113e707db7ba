#include "kafka_topic.h"

#include <ctype.h>

#include "kafka_topic_demand.h"
#include "findings.h"
#include "kafka_log.h"

/* Kafka's own limit (org.apache.kafka.common.internals.Topic): name and partition become a folder name. */
#define TOPIC_NAME_MAX 249

/* ---- keys ------------------------------------------------------------------------------------------------ */

const char *kafka_topic_name_problem(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > TOPIC_NAME_MAX || str_eq(name, ".") || str_eq(name, ".."))
		return "is not a topic name";
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return "is not a topic name: letters, digits, dot, underscore and dash "
			       "only";
	return NULL;
}

static const char *const operations[] = {"read", "write", "describe", NULL};

static const struct key topic_keys[] = {
    KEY_STR(struct kafka_topic_conf, name, .flags = K_REQUIRED, .check = kafka_topic_name_problem,
	    .doc = "Name of a topic that must exist, with a leader for every partition.",
	    .example = "\"orders\""),
    KEY_INT(struct kafka_topic_conf, partitions, .min = "1", .max = "1000000",
	    .doc = "Exact number of partitions.", .example = "12"),
    KEY_INT(struct kafka_topic_conf, min_partitions, .min = "1", .max = "1000000",
	    .doc = "Lowest number of partitions.", .example = "3"),
    KEY_INT(struct kafka_topic_conf, replication_factor, .min = "1", .max = "1000",
	    .doc = "Exact number of replicas of every partition.", .example = "3"),
    KEY_INT(struct kafka_topic_conf, min_in_sync_replicas, .min = "1", .max = "1000",
	    .doc = "Lowest number of replicas of every partition that are in sync now.",
	    .example = "2"),
    KEY_STRLIST(struct kafka_topic_conf, operations, .choices = operations,
		.doc = "What this principal must be allowed to do with the topic. Nothing is "
		       "written to find out.",
		.example = "[\"read\", \"write\"]"),
    KEY_STRLIST(struct kafka_topic_conf, config, .check = kafka_topic_demand_problem,
		.doc =
		    "Settings the topic must have, name=value or name>=number; needs the right to "
		    "DescribeConfigs.",
		.example = "[\"cleanup.policy=compact\", \"retention.ms>=86400000\"]"),
    KEY_END,
};
const struct schema kafka_topic_schema = {.size = sizeof(struct kafka_topic_conf),
					  .keys = topic_keys};

const char *kafka_topics_problem(const struct grouplist *topics)
{
	for (size_t i = 0; i < topics->n; i++) {
		const struct kafka_topic_conf *t = GROUP_AT(*topics, struct kafka_topic_conf, i);

		for (size_t j = 0; j < i; j++)
			if (str_eq(t->name, GROUP_AT(*topics, struct kafka_topic_conf, j)->name))
				return "names a topic twice";
		if (t->partitions != INT_UNSET && t->min_partitions != INT_UNSET)
			return "has a topic with both partitions and min_partitions: give one";
		if (t->replication_factor != INT_UNSET && t->min_in_sync_replicas != INT_UNSET &&
		    t->min_in_sync_replicas > t->replication_factor)
			return "has a topic whose min_in_sync_replicas is above its "
			       "replication_factor";
	}
	return NULL;
}

struct kafka_topic_conf kafka_topic_without_demands(const char *name)
{
	return (struct kafka_topic_conf){.name = name,
					 .partitions = INT_UNSET,
					 .min_partitions = INT_UNSET,
					 .replication_factor = INT_UNSET,
					 .min_in_sync_replicas = INT_UNSET};
}

/* ---- one topic ------------------------------------------------------------------------------------------------ */

typedef const struct kafka_topic_conf want_t;
typedef const struct rd_kafka_metadata md_t;
typedef const struct rd_kafka_metadata_topic topic_t;
typedef const struct rd_kafka_metadata_partition partition_t;

topic_t *kafka_topic_find(md_t *md, const char *name)
{
	for (int i = 0; i < md->topic_cnt; i++)
		if (str_eq(md->topics[i].topic, name))
			return &md->topics[i];
	return NULL;
}

static bool has_broker(md_t *md, int32_t id)
{
	for (int i = 0; i < md->broker_cnt; i++)
		if (md->brokers[i].id == id)
			return true;
	return false;
}

enum result kafka_topic_fail(struct diag *out, enum diag_code code, const char *name,
			     const char *fmt, ...)
{
	char subject[DIAG_SUBJECT_MAX];
	va_list ap;

	snprintf(subject, sizeof subject, "topic %.*s", (int)(sizeof subject - sizeof "topic "),
		 name);
	va_start(ap, fmt);
	diag_vset(out, code, subject, fmt, ap);
	va_end(ap);
	return RESULT_FAIL;
}

bool kafka_topic_wants(want_t *want, const char *operation)
{
	return strlist_has(&want->operations, operation);
}

/* Fails because the principal may not describe the topic. Names the rights the service needs, because Read and Write imply
 * Describe, unless a separate rule denies Describe. */
static enum result judge_denied(want_t *want, topic_t *topic, struct diag *out)
{
	bool read = want->canary || kafka_topic_wants(want, "read");
	bool write = want->canary || kafka_topic_wants(want, "write");
	static const char *const may[2][2] = {{"describe", "write"}, {"read", "read or write"}};
	static const char *const grant[2][2] = {{"Describe", "Write"}, {"Read", "Read and Write"}};

	kafka_topic_fail(out, D_KAFKA_TOPIC_DENIED, want->name,
			 "this principal may not %s topic %s: %s", may[read][write], want->name,
			 rd_kafka_err2str(topic->err));
	diag_hint(out,
		  "grant %s on topic %.100s to this principal%s; a missing topic can look the same "
		  "without Describe",
		  grant[read][write], want->name,
		  read || write ? ": Describe comes with it; if it has that, drop the rule that "
				  "denies Describe"
				: "");
	return RESULT_FAIL;
}

/* Judges the error of the topic as a whole. */
static enum result judge_existence(want_t *want, topic_t *topic, struct diag *out)
{
	enum diag_code code;

	if (!topic)
		return kafka_topic_fail(out, D_KAFKA_TOPIC_MISSING, want->name,
					"the cluster's answer does not hold topic %s", want->name);
	code = kafka_topic_meaning(topic->err);
	if (code == D_NONE && topic->err)
		code = D_KAFKA_ERROR;
	if (code == D_KAFKA_TOPIC_DENIED)
		return judge_denied(want, topic, out);
	if (code != D_NONE)
		return kafka_topic_fail(out, code, topic->topic, "%s",
					rd_kafka_err2str(topic->err));
	/* Brokers answer without partitions in the moment a topic is created. */
	if (topic->partition_cnt == 0)
		return kafka_topic_fail(out, D_KAFKA_NO_LEADER, topic->topic,
					"the topic has no partition yet");
	return RESULT_PASS;
}

static enum result judge_partition_count(want_t *want, topic_t *topic, struct diag *out)
{
	bool exact = want->partitions != INT_UNSET;
	int64_t demand = exact ? want->partitions : want->min_partitions;
	int n = topic->partition_cnt;

	if (demand == INT_UNSET || n == demand || (!exact && n > demand))
		return RESULT_PASS;
	return kafka_topic_fail(out, D_KAFKA_PARTITIONS, topic->topic,
				"%d partition%s, the profile demands %s = %d", n, plural((size_t)n),
				exact ? "partitions" : "min_partitions", (int)demand);
}

/* Judges whether every partition has as many replicas as are to be in sync. */
static enum result judge_enough_replicas(want_t *want, topic_t *topic, struct diag *out)
{
	if (want->min_in_sync_replicas == INT_UNSET)
		return RESULT_PASS;
	for (int i = 0; i < topic->partition_cnt; i++) {
		partition_t *p = &topic->partitions[i];

		if (p->replica_cnt >= want->min_in_sync_replicas)
			continue;
		return kafka_topic_fail(out, D_KAFKA_REPLICATION, topic->topic,
					"partition %d has %d replica%s, too few for "
					"min_in_sync_replicas = %d",
					p->id, p->replica_cnt, plural((size_t)p->replica_cnt),
					(int)want->min_in_sync_replicas);
	}
	return RESULT_PASS;
}

static enum result judge_replicas(want_t *want, topic_t *topic, struct diag *out)
{
	if (want->replication_factor == INT_UNSET)
		return judge_enough_replicas(want, topic, out);
	for (int i = 0; i < topic->partition_cnt; i++) {
		partition_t *p = &topic->partitions[i];

		if (p->replica_cnt != want->replication_factor)
			return kafka_topic_fail(
			    out, D_KAFKA_REPLICATION, topic->topic,
			    "partition %d has %d replica%s, the profile demands "
			    "replication_factor = %d",
			    p->id, p->replica_cnt, plural((size_t)p->replica_cnt),
			    (int)want->replication_factor);
	}
	return judge_enough_replicas(want, topic, out);
}

static enum result judge_leaders(topic_t *topic, md_t *md, struct diag *out)
{
	int without = 0;
	partition_t *first = NULL;

	for (int i = topic->partition_cnt; i-- > 0;) {
		if (topic->partitions[i].leader >= 0 && has_broker(md, topic->partitions[i].leader))
			continue;
		first = &topic->partitions[i];
		without++;
	}
	if (!first)
		return RESULT_PASS;
	if (first->leader >= 0)
		return kafka_topic_fail(
		    out, D_KAFKA_NO_LEADER, topic->topic,
		    "partition %d is led by broker %d, which the cluster does not list", first->id,
		    first->leader);
	return kafka_topic_fail(out, D_KAFKA_NO_LEADER, topic->topic,
				"partition %d has no leader (%d of %d partitions without)",
				first->id, without, topic->partition_cnt);
}

/* Judges the error of each partition. Ignores a missing replica, which judge_isr judges. */
static enum result judge_partition_errors(topic_t *topic, struct diag *out)
{
	for (int i = 0; i < topic->partition_cnt; i++) {
		partition_t *p = &topic->partitions[i];
		enum diag_code code = kafka_topic_meaning(p->err);

		if (!p->err || p->err == RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE)
			continue;
		return kafka_topic_fail(out, code == D_NONE ? D_KAFKA_ERROR : code, topic->topic,
					"partition %d: %s", p->id, rd_kafka_err2str(p->err));
	}
	return RESULT_PASS;
}

/* Judges whether every partition has `min` replicas in sync. With `capped` all replicas of a partition suffice, as brokers
 * treat a topic's own minimum. `whose` names the minimum in the diagnosis. */
static enum result judge_isr(topic_t *topic, int64_t min, bool capped, const char *whose,
			     struct diag *out)
{
	partition_t *first = NULL;
	int low = 0;

	for (int i = topic->partition_cnt; i-- > 0;) {
		partition_t *p = &topic->partitions[i];

		if (p->isr_cnt >= min || (capped && p->isr_cnt >= p->replica_cnt))
			continue;
		first = p;
		low++;
	}
	if (!first)
		return RESULT_PASS;
	return kafka_topic_fail(
	    out, D_KAFKA_ISR_LOW, topic->topic,
	    "partition %d has %d of %d replicas in sync, %s %d (%d of %d partitions "
	    "are below)",
	    first->id, first->isr_cnt, first->replica_cnt, whose, (int)min, low,
	    topic->partition_cnt);
}

enum result kafka_topic_judge_own_isr(topic_t *topic, int64_t min, struct diag *out)
{
	return judge_isr(topic, min, true, "the topic's own min.insync.replicas is", out);
}

/* Judges lasting faults first: a wrong number of partitions or replicas stays wrong when the leaders are back. */
static enum result judge_topic(want_t *want, md_t *md, struct diag *out)
{
	topic_t *topic = kafka_topic_find(md, want->name);
	int64_t min_isr = want->min_in_sync_replicas;

	if (judge_existence(want, topic, out) != RESULT_PASS || !topic ||
	    judge_partition_count(want, topic, out) != RESULT_PASS ||
	    judge_replicas(want, topic, out) != RESULT_PASS ||
	    judge_leaders(topic, md, out) != RESULT_PASS ||
	    judge_partition_errors(topic, out) != RESULT_PASS)
		return RESULT_FAIL;
	if (min_isr == INT_UNSET)
		return RESULT_PASS;
	return judge_isr(topic, min_isr, false, "the profile demands min_in_sync_replicas =", out);
}

/* ---- all topics -------------------------------------------------------------------------------------------------- */

enum result kafka_topics_judge(const struct grouplist *topics, md_t *md, struct diag *out)
{
	struct findings f = {.n = 0};

	for (size_t i = 0; i < topics->n; i++) {
		want_t *want = GROUP_AT(*topics, struct kafka_topic_conf, i);
		struct diag d = {.code = D_NONE};

		if (judge_topic(want, md, &d) != RESULT_PASS)
			findings_add(&f, &d, "");
	}
	return findings_result(&f, out);
}

static void add_missing_brokers(md_t *md, partition_t *p, struct str *missing)
{
	char id[16];

	for (int i = 0; i < p->replica_cnt; i++) {
		if (has_broker(md, p->replicas[i]))
			continue;
		snprintf(id, sizeof id, " %d,", p->replicas[i]);
		if (!strstr(missing->s, id))
			str_add(missing, id);
	}
}

void kafka_topics_lag(const struct grouplist *topics, const struct rd_kafka_metadata *md,
		      struct kafka_lag *lag)
{
	struct str missing;

	*lag = (struct kafka_lag){.replicas = 0};
	str_init(&missing, sizeof lag->missing);
	for (size_t i = 0; i < topics->n; i++) {
		topic_t *t =
		    kafka_topic_find(md, GROUP_AT(*topics, struct kafka_topic_conf, i)->name);

		for (int p = 0; t && p < t->partition_cnt; p++) {
			lag->replicas += t->partitions[p].replica_cnt;
			lag->behind += t->partitions[p].replica_cnt - t->partitions[p].isr_cnt;
			add_missing_brokers(md, &t->partitions[p], &missing);
		}
	}
	/* Strip " 3, 7," to "3, 7". */
	if (missing.len > 2)
		snprintf(lag->missing, sizeof lag->missing, "%.*s", (int)missing.len - 2,
			 missing.s + 1);
	str_free(&missing);
}

bool kafka_topics_led_by(const struct grouplist *topics, const struct rd_kafka_metadata *md,
			 int32_t broker)
{
	for (size_t i = 0; i < topics->n; i++) {
		topic_t *t =
		    kafka_topic_find(md, GROUP_AT(*topics, struct kafka_topic_conf, i)->name);

		for (int p = 0; t && p < t->partition_cnt; p++)
			if (t->partitions[p].leader == broker)
				return true;
	}
	return false;
}
