#include "kafka_query.h"

/* The first version of librdkafka that can request authorized operations and has DescribeTopics. */
#define LISTS_OPERATIONS 0x020300ff
#define COMPILED_FOR_LISTS (RD_KAFKA_VERSION >= LISTS_OPERATIONS)

bool kafka_operations_include(struct kafka_operations list, int operation)
{
	return list.set >> operation & 1u || list.set >> RD_KAFKA_ACL_OPERATION_ALL & 1u;
}

bool kafka_query_lists_operations(void)
{
	return COMPILED_FOR_LISTS && rd_kafka_version() >= LISTS_OPERATIONS;
}

const char *kafka_query_config(const struct kafka_topic_answer *topic, const char *name)
{
	for (size_t i = 0; i < topic->n_values; i++)
		if (str_eq(topic->value[i].name, name))
			return topic->value[i].value;
	return NULL;
}

void kafka_add_unverified(struct str *unverified, const char *operation, const char *name)
{
	str_addf(unverified, "%s%s %s", unverified->len ? ", " : "", operation, name);
}

static void set_error(struct kafka_answer *a, rd_kafka_resp_err_t err, const char *text)
{
	size_t len;

	a->came = true;
	a->err = err;
	if (!err)
		return;
	text_clean(a->reason, sizeof a->reason, text && *text ? text : rd_kafka_err2str(err));
	len = strlen(a->reason);
	/* "ConsumerGroupDescribe: ": the broker gave no text of its own */
	if (len && a->reason[len - 1] == ':')
		snprintf(a->reason + len, sizeof a->reason - len, " %s", rd_kafka_err2str(err));
}

static void set_answer(struct kafka_answer *a, const rd_kafka_error_t *error)
{
	set_error(a, error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR,
		  error ? rd_kafka_error_string(error) : NULL);
}

/* ---- requests -------------------------------------------------------------------------------------------- */

static rd_kafka_AdminOptions_t *new_options(struct kafka_query *q, rd_kafka_admin_op_t op,
					    int32_t broker)
{
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(q->client->rk, op);
	char ignored[128];

	rd_kafka_AdminOptions_set_request_timeout(o, instant_left_ms_now(q->client->run->deadline),
						  ignored, sizeof ignored);
	/* By default librdkafka sends it to "the controller", which in KRaft is any broker, reachable or not. */
	if (broker >= 0)
		rd_kafka_AdminOptions_set_broker(o, broker, ignored, sizeof ignored);
	return o;
}

static void request_configs(struct kafka_query *q)
{
	rd_kafka_ConfigResource_t **v = xcalloc(q->n_topics + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < q->n_topics; i++)
		if (q->topic[i].config.asked)
			v[n++] =
			    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, q->topic[i].name);
	if (n == 0)
		return;
	rd_kafka_DescribeConfigs(q->client->rk, v, n,
				 new_options(q, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, q->broker),
				 q->queue);
	q->waiting++;
}

#if COMPILED_FOR_LISTS
static void include_operations(rd_kafka_AdminOptions_t *o)
{
	rd_kafka_error_t *error = rd_kafka_AdminOptions_set_include_authorized_operations(o, 1);

	if (error)
		rd_kafka_error_destroy(error);
}

static void request_rights(struct kafka_query *q)
{
	const char **v = xcalloc(q->n_topics + 1, sizeof *v);
	rd_kafka_AdminOptions_t *o;
	size_t n = 0;

	for (size_t i = 0; i < q->n_topics; i++)
		if (q->topic[i].rights.asked)
			v[n++] = q->topic[i].name;
	if (n == 0)
		return;
	o = new_options(q, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, q->broker);
	include_operations(o);
	rd_kafka_DescribeTopics(q->client->rk, rd_kafka_TopicCollection_of_topic_names(v, n), o,
				q->queue);
	q->waiting++;
}
#endif

static void request_groups(struct kafka_query *q)
{
	const char **v = xcalloc(q->n_groups + 1, sizeof *v);
	rd_kafka_AdminOptions_t *o;

	for (size_t i = 0; i < q->n_groups; i++)
		v[i] = q->group[i].name;
	if (q->n_groups == 0)
		return;
	/* Set no broker: the request goes to each group's own coordinator. */
	o = new_options(q, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, -1);
#if COMPILED_FOR_LISTS
	include_operations(o);
#endif
	rd_kafka_DescribeConsumerGroups(q->client->rk, v, q->n_groups, o, q->queue);
	q->waiting++;
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

static struct kafka_topic_answer *find_topic(struct kafka_query *q, const char *name)
{
	for (size_t i = 0; i < q->n_topics; i++)
		if (name && str_eq(q->topic[i].name, name))
			return &q->topic[i];
	return NULL;
}

static void keep_configs(struct kafka_topic_answer *t, const rd_kafka_ConfigResource_t *r)
{
	size_t n;
	const rd_kafka_ConfigEntry_t **v = rd_kafka_ConfigResource_configs(r, &n);

	t->value = xcalloc(n + 1, sizeof *t->value);
	for (size_t i = 0; i < n; i++) {
		const char *value = rd_kafka_ConfigEntry_value(v[i]);

		t->value[t->n_values++] = (struct kafka_config_value){
		    xstrdup(rd_kafka_ConfigEntry_name(v[i])), value ? xstrdup(value) : NULL};
	}
}

static void read_configs(struct kafka_query *q, rd_kafka_event_t *ev)
{
	size_t n;
	const rd_kafka_ConfigResource_t **v = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(ev), &n);

	for (size_t i = 0; i < n; i++) {
		struct kafka_topic_answer *t = find_topic(q, rd_kafka_ConfigResource_name(v[i]));

		if (!t)
			continue;
		set_error(&t->config, rd_kafka_ConfigResource_error(v[i]),
			  rd_kafka_ConfigResource_error_string(v[i]));
		if (!t->config.err)
			keep_configs(t, v[i]);
	}
}

#if COMPILED_FOR_LISTS
/* Makes the set; an older broker answers without a list (v is NULL), then the set is not known. */
static struct kafka_operations make_operations(const rd_kafka_AclOperation_t *v, size_t n)
{
	struct kafka_operations list = {.known = v != NULL};

	for (size_t i = 0; i < n; i++)
		list.set |= 1u << (unsigned)v[i];
	return list;
}

static void read_rights(struct kafka_query *q, rd_kafka_event_t *ev)
{
	size_t n, n_operations = 0;
	const rd_kafka_TopicDescription_t **v =
	    rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(ev), &n);

	for (size_t i = 0; i < n; i++) {
		struct kafka_topic_answer *t = find_topic(q, rd_kafka_TopicDescription_name(v[i]));
		const rd_kafka_AclOperation_t *list =
		    rd_kafka_TopicDescription_authorized_operations(v[i], &n_operations);

		if (!t)
			continue;
		set_answer(&t->rights, rd_kafka_TopicDescription_error(v[i]));
		if (!t->rights.err)
			t->operations = make_operations(list, n_operations);
	}
}
#endif

static void add_assignment(rd_kafka_topic_partition_list_t *to,
			   const rd_kafka_MemberDescription_t *member)
{
	const rd_kafka_MemberAssignment_t *assignment =
	    rd_kafka_MemberDescription_assignment(member);
	const rd_kafka_topic_partition_list_t *list =
	    assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;

	for (int i = 0; list && i < list->cnt; i++)
		rd_kafka_topic_partition_list_add(to, list->elems[i].topic,
						  list->elems[i].partition);
}

static void read_members(struct kafka_group_answer *g, const rd_kafka_ConsumerGroupDescription_t *d)
{
	g->state = rd_kafka_ConsumerGroupDescription_state(d);
	g->members = rd_kafka_ConsumerGroupDescription_member_count(d);
	g->assigned = rd_kafka_topic_partition_list_new((int)g->members);
	for (size_t i = 0; i < g->members; i++)
		add_assignment(g->assigned, rd_kafka_ConsumerGroupDescription_member(d, i));
}

static void read_group(struct kafka_group_answer *g, const rd_kafka_ConsumerGroupDescription_t *d)
{
	const rd_kafka_Node_t *node = rd_kafka_ConsumerGroupDescription_coordinator(d);

	set_answer(&g->group, rd_kafka_ConsumerGroupDescription_error(d));
	if (g->group.err)
		return;
	if (node)
		snprintf(g->coordinator, sizeof g->coordinator, "broker %d at %.90s:%d",
			 rd_kafka_Node_id(node), rd_kafka_Node_host(node),
			 rd_kafka_Node_port(node));
	read_members(g, d);
#if COMPILED_FOR_LISTS
	size_t n = 0;
	const rd_kafka_AclOperation_t *list =
	    rd_kafka_ConsumerGroupDescription_authorized_operations(d, &n);

	g->operations = make_operations(list, n);
#endif
}

static void read_groups(struct kafka_query *q, rd_kafka_event_t *ev)
{
	size_t n;
	const rd_kafka_ConsumerGroupDescription_t **v =
	    rd_kafka_DescribeConsumerGroups_result_groups(
		rd_kafka_event_DescribeConsumerGroups_result(ev), &n);

	for (size_t i = 0; i < q->n_groups; i++)
		for (size_t k = 0; k < n; k++)
			if (str_eq(rd_kafka_ConsumerGroupDescription_group_id(v[k]),
				   q->group[i].name))
				read_group(&q->group[i], v[k]);
}

/* Stores the error of a whole request in the answer of each topic or group of the request. */
static void set_error_for_all(struct kafka_query *q, rd_kafka_event_t *ev)
{
	rd_kafka_event_type_t type = rd_kafka_event_type(ev);
	bool of_groups = type == RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT;

	for (size_t i = 0; i < (of_groups ? q->n_groups : q->n_topics); i++) {
		struct kafka_answer *a = of_groups ? &q->group[i].group
					 : type == RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT
					     ? &q->topic[i].config
					     : &q->topic[i].rights;

		if (a->asked)
			set_error(a, rd_kafka_event_error(ev), rd_kafka_event_error_string(ev));
	}
}

static void read_answer(struct kafka_query *q, rd_kafka_event_t *ev)
{
	q->waiting--;
	if (rd_kafka_event_error(ev)) {
		set_error_for_all(q, ev);
		return;
	}
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
		read_configs(q, ev);
		break;
	case RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT:
		read_groups(q, ev);
		break;
#if COMPILED_FOR_LISTS
	case RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT:
		read_rights(q, ev);
		break;
#endif
	}
}

/* ---- the call --------------------------------------------------------------------------------------------------- */

static void request_and_wait(void *arg)
{
	struct kafka_query *q = arg;

	if (!q->queue) {
		q->queue = rd_kafka_queue_new(q->client->rk);
		request_configs(q);
#if COMPILED_FOR_LISTS
		request_rights(q);
#endif
		request_groups(q);
	}
	while (q->waiting > 0) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(q->queue, instant_left_ms_now(q->until));

		if (!ev)
			return;
		read_answer(q, ev);
		rd_kafka_event_destroy(ev);
	}
}

enum result kafka_query_run(struct kafka_client *client, struct kafka_query *query,
			    struct instant until, struct diag *out)
{
	query->client = client;
	query->until = until;
	return kafka_call(client, request_and_wait, query, "the requests about topics and groups",
			  out);
}
