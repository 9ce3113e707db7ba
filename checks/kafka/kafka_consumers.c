#include "kafka_consumers.h"

#include "findings.h"
#include "kafka_group.h"
#include "kafka_group_lag.h"
#include "kafka_topic.h"

/* The first version of librdkafka that can describe groups of the new rebalance protocol (KIP-848). To older ones brokers answer
 * that such a group does not exist. */
#define DESCRIBES_NEW_PROTOCOL 0x020a00ff
#define LIST_MS \
	500 /* ListGroups goes to all brokers: the check does not wait longer for one that is silent */
#define NAMED_MAX 5 /* partitions or topics that a cause names */

typedef const struct kafka_consumers_conf want_t;

static const struct key consumers_keys[] = {
    KEY_STR(struct kafka_consumers_conf, group, .flags = K_REQUIRED, .check = kafka_group_problem,
	    .doc = "Id of a consumer group that must be stable: its members have their partitions.",
	    .example = "\"orders\""),
    KEY_INT(struct kafka_consumers_conf, min_members, .def = "1", .min = "1", .max = "100000",
	    .doc = "Lowest number of members."),
    KEY_STRLIST(struct kafka_consumers_conf, topics, .check = kafka_topic_name_problem,
		.doc = "Topics that the members must read: every partition must be assigned to one "
		       "of them.",
		.example = "[\"orders\"]"),
    KEY_INT(struct kafka_consumers_conf, max_lag, .min = "0", .max = "1000000000000",
	    .doc = "How many records the group may be behind, by its committed offsets, in all "
		   "partitions of the topics together (without topics: in all that its members "
		   "read). Where nothing is committed, the whole partition counts.",
	    .example = "1000"),
    KEY_END,
};
const struct schema kafka_consumers_schema = {.size = sizeof(struct kafka_consumers_conf),
					      .keys = consumers_keys};

const char *kafka_consumers_problem(const struct grouplist *consumers)
{
	for (size_t i = 0; i < consumers->n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(GROUP_AT(*consumers, want_t, i)->group,
				   GROUP_AT(*consumers, want_t, k)->group))
				return "names a group twice";
	return NULL;
}

bool kafka_consumers_need_offsets(const struct grouplist *consumers)
{
	for (size_t i = 0; i < consumers->n; i++)
		if (GROUP_AT(*consumers, want_t, i)->max_lag != INT_UNSET)
			return true;
	return false;
}

/* ---- groups that this librdkafka cannot describe ---------------------------------------------------------------- */

struct list_call {
	struct kafka_client *client;
	const char *group;
	struct instant until;
	bool active; /* result: the group is listed, and is neither dead nor empty */
};

static bool is_listed_active(const rd_kafka_ListConsumerGroups_result_t *result, const char *group)
{
	size_t n;
	const rd_kafka_ConsumerGroupListing_t **v =
	    rd_kafka_ListConsumerGroups_result_valid(result, &n);

	for (size_t i = 0; i < n; i++) {
		rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupListing_state(v[i]);

		if (str_eq(rd_kafka_ConsumerGroupListing_group_id(v[i]), group))
			return state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD &&
			       state != RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY;
	}
	return false;
}

static void list_groups(void *arg)
{
	struct list_call *q = arg;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(q->client->rk);
	rd_kafka_AdminOptions_t *o =
	    rd_kafka_AdminOptions_new(q->client->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
	rd_kafka_event_t *ev;
	char ignored[128];

	rd_kafka_AdminOptions_set_request_timeout(o, instant_left_ms_now(q->until), ignored,
						  sizeof ignored);
	rd_kafka_ListConsumerGroups(q->client->rk, o, queue);
	ev = rd_kafka_queue_poll(queue, instant_left_ms_now(q->until));
	if (ev && !rd_kafka_event_error(ev))
		q->active =
		    is_listed_active(rd_kafka_event_ListConsumerGroups_result(ev), q->group);
}

/* Returns whether brokers list the group as active. */
static bool is_listed(struct kafka_client *client, const char *group)
{
	struct list_call *q = xcalloc(1, sizeof *q);
	struct diag ignored = {.code = D_NONE};

	*q = (struct list_call){.client = client, .group = group};
	q->until = instant_earlier(instant_after(instant_now(), DURATION_MS(LIST_MS)),
				   kafka_answer_deadline(client));
	return kafka_call(client, list_groups, q, "the request for the list of groups", &ignored) ==
		   RESULT_PASS &&
	       q->active;
}

/* Returns whether the group is still unknown when it is described once more. */
static bool is_still_unknown(struct kafka_client *client, const char *group)
{
	struct kafka_query *q = xcalloc(1, sizeof *q);
	struct diag ignored = {.code = D_NONE};

	q->broker = -1;
	q->n_groups = 1;
	q->group = xcalloc(1, sizeof *q->group);
	q->group[0] = (struct kafka_group_answer){.name = group, .group.asked = true};
	return kafka_query_run(client, q, kafka_answer_deadline(client), &ignored) == RESULT_PASS &&
	       q->group[0].group.came && !q->group[0].group.err &&
	       q->group[0].state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
}

/* Returns whether the coordinator does not describe the group although it lists it as active. */
static bool speaks_new_protocol(struct kafka_client *client, const char *group)
{
	return rd_kafka_version() < DESCRIBES_NEW_PROTOCOL && is_listed(client, group) &&
	       is_still_unknown(client, group);
}

static enum result fail_library(const char *subject, struct diag *out)
{
	check_fail(
	    out, D_KAFKA_LIBRARY_OLD, subject,
	    "the brokers list the group, and do not describe it to librdkafka %s: its members "
	    "use the new rebalance protocol (group.protocol=consumer, KIP-848)",
	    rd_kafka_version_str());
	diag_hint(out,
		  "use a startguard that is linked with librdkafka 2.10.0 or newer, as released "
		  "files are");
	return RESULT_FAIL;
}

/* ---- one group -------------------------------------------------------------------------------------------------- */

static enum result fail_inactive(struct kafka_client *client, const struct kafka_group_answer *g,
				 const char *subject, struct diag *out)
{
	bool unknown = g->state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;

	if (unknown && speaks_new_protocol(client, g->name))
		return fail_library(subject, out);
	return check_fail(out, D_KAFKA_GROUP_INACTIVE, subject, "%s (state %s)",
			  unknown ? "the coordinator does not know this group"
				  : "the group has no member",
			  rd_kafka_consumer_group_state_name(g->state));
}

/* librdkafka has no name for the states Assigning and Reconciling of the new protocol. */
static enum result fail_rebalancing(const struct kafka_group_answer *g, const char *subject,
				    struct diag *out)
{
	return check_fail(out, D_KAFKA_GROUP_REBALANCING, subject,
			  "the group is not stable (state %s), with %zu member%s",
			  g->state == RD_KAFKA_CONSUMER_GROUP_STATE_UNKNOWN
			      ? "Assigning or Reconciling"
			      : rd_kafka_consumer_group_state_name(g->state),
			  g->members, plural(g->members));
}

/* Writes the names of the topics that members of the group read. */
static void list_topics(const rd_kafka_topic_partition_list_t *assigned, struct str *list)
{
	size_t n = 0;

	for (int i = 0; i < assigned->cnt; i++) {
		bool known = false;

		for (int k = 0; k < i && !known; k++)
			known = str_eq(assigned->elems[k].topic, assigned->elems[i].topic);
		if (known)
			continue;
		if (n++ < NAMED_MAX)
			str_addf(list, "%s%s", list->len ? ", " : "", assigned->elems[i].topic);
	}
	if (n > NAMED_MAX)
		str_addf(list, " and %zu more", n - NAMED_MAX);
	if (n == 0)
		str_addf(list, "nothing");
}

static enum result fail_topic(const struct kafka_group_answer *g, const char *subject,
			      const char *topic, int missing, int partitions, const char *which,
			      struct diag *out)
{
	struct str others;

	if (missing < partitions)
		return check_fail(out, D_KAFKA_GROUP_TOPIC, subject,
				  "no member has partition %s of topic %s (%d of %d)", which, topic,
				  missing, partitions);
	str_init(&others, 400);
	list_topics(g->assigned, &others);
	check_fail(out, D_KAFKA_GROUP_TOPIC, subject,
		   "no member has any partition of topic %s; the %zu member%s read%s %s", topic,
		   g->members, plural(g->members), g->members == 1 ? "s" : "", others.s);
	str_free(&others);
	return RESULT_FAIL;
}

/* Fails unless every partition of the topic is assigned. */
static enum result judge_topic(const struct kafka_group_answer *g, const char *subject,
			       const struct rd_kafka_metadata_topic *topic, struct diag *out)
{
	struct str which;
	int missing = 0;
	enum result r = RESULT_PASS;

	str_init(&which, 100);
	for (int i = 0; i < topic->partition_cnt; i++) {
		int32_t id = topic->partitions[i].id;

		if (rd_kafka_topic_partition_list_find(g->assigned, topic->topic, id))
			continue;
		if (missing++ < NAMED_MAX)
			str_addf(&which, "%s%d", missing > 1 ? ", " : "", id);
	}
	if (missing > 0)
		r = fail_topic(g, subject, topic->topic, missing, topic->partition_cnt, which.s,
			       out);
	str_free(&which);
	return r;
}

static enum result judge_topics(want_t *want, const struct kafka_group_answer *g,
				const char *subject, const struct rd_kafka_metadata *md,
				struct diag *out)
{
	struct findings f = {.n = 0};

	for (size_t i = 0; i < want->topics.n; i++) {
		const struct rd_kafka_metadata_topic *topic =
		    kafka_topic_find(md, want->topics.v[i]);
		struct diag d = {.code = D_NONE};

		invariant(topic); /* kafka_topics_judge has failed otherwise */
		if (judge_topic(g, subject, topic, &d) != RESULT_PASS)
			findings_add(&f, &d, topic->topic);
	}
	return findings_result(&f, out);
}

/* Returns the partitions whose lag counts, allocated. */
static rd_kafka_topic_partition_list_t *
lag_partitions(want_t *want, const struct kafka_group_answer *g, const struct rd_kafka_metadata *md)
{
	rd_kafka_topic_partition_list_t *list;

	if (want->topics.n == 0)
		return rd_kafka_topic_partition_list_copy(g->assigned);
	list = rd_kafka_topic_partition_list_new(g->assigned->cnt);
	for (size_t i = 0; i < want->topics.n; i++) {
		const struct rd_kafka_metadata_topic *topic =
		    kafka_topic_find(md, want->topics.v[i]);

		for (int k = 0; k < topic->partition_cnt; k++)
			rd_kafka_topic_partition_list_add(list, topic->topic,
							  topic->partitions[k].id);
	}
	return list;
}

static enum result judge_group(struct kafka_client *client, want_t *want,
			       const struct kafka_group_answer *g,
			       const struct rd_kafka_metadata *md, int64_t *lag, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "group %.100s", g->name);
	if (g->state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD || g->members == 0)
		return fail_inactive(client, g, subject, out);
	if (g->state != RD_KAFKA_CONSUMER_GROUP_STATE_STABLE)
		return fail_rebalancing(g, subject, out);
	if (g->members < (size_t)want->min_members)
		return check_fail(out, D_KAFKA_GROUP_MEMBERS, subject,
				  "the group has %zu member%s, min_members is %lld", g->members,
				  plural(g->members), (long long)want->min_members);
	if (judge_topics(want, g, subject, md, out) != RESULT_PASS)
		return RESULT_FAIL;
	return want->max_lag == INT_UNSET
		   ? RESULT_PASS
		   : kafka_group_lag_judge(client, g->name, lag_partitions(want, g, md),
					   want->max_lag, lag, out);
}

/* ---- all groups ---------------------------------------------------------------------------------------------- */

static const struct kafka_group_answer *find_answer(const struct kafka_query *query,
						    const char *group)
{
	for (size_t i = 0; i < query->n_groups; i++)
		if (str_eq(query->group[i].name, group))
			return &query->group[i];
	invariant(false);
	return NULL;
}

static void add_fact(struct str *fact, const struct kafka_group_answer *g, int64_t lag)
{
	str_addf(fact, "%s%.100s %zu member%s", fact->len ? ", " : "", g->name, g->members,
		 plural(g->members));
	if (lag >= 0)
		str_addf(fact, " lag %lld", (long long)lag);
}

enum result kafka_consumers_judge(struct kafka_client *client, const struct grouplist *consumers,
				  const struct kafka_query *query,
				  const struct rd_kafka_metadata *md, struct diag *out)
{
	struct findings f = {.n = 0};
	struct str fact;

	str_init(&fact, 300);
	for (size_t i = 0; i < consumers->n; i++) {
		want_t *want = GROUP_AT(*consumers, want_t, i);
		const struct kafka_group_answer *g = find_answer(query, want->group);
		struct diag d = {.code = D_NONE};
		int64_t lag = -1;

		if (!g->group.came || g->group.err)
			continue;
		if (judge_group(client, want, g, md, &lag, &d) != RESULT_PASS)
			findings_add(&f, &d, "");
		add_fact(&fact, g, lag);
	}
	if (fact.len)
		check_fact(client->run, "consumers", "%s", fact.s);
	str_free(&fact);
	return findings_result(&f, out);
}
