#include "kafka_query.h"

/* KIP-430 in the library: rd_kafka_AdminOptions_set_include_authorized_operations. */
#define HAS_AUTHORIZED_OPERATIONS (RD_KAFKA_VERSION >= 0x020300ff)

bool kafka_may(struct kafka_operations ops, int operation)
{
	return ops.set >> operation & 1u || ops.set >> RD_KAFKA_ACL_OPERATION_ALL & 1u;
}

bool kafka_query_knows_acl(void)
{
	return HAS_AUTHORIZED_OPERATIONS;
}

const char *kafka_query_config(const struct kafka_topic_answer *topic, const char *name)
{
	for (size_t i = 0; i < topic->n_values; i++)
		if (str_eq(topic->value[i].name, name))
			return topic->value[i].value;
	return NULL;
}

static void set_err(struct kafka_answer *a, rd_kafka_resp_err_t err, const char *words)
{
	a->came = true;
	a->err = err;
	text_clean(a->words, sizeof a->words, words && *words ? words : rd_kafka_err2str(err));
}

static void set_error(struct kafka_answer *a, const rd_kafka_error_t *error)
{
	if (error && rd_kafka_error_code(error))
		set_err(a, rd_kafka_error_code(error), rd_kafka_error_string(error));
	else
		a->came = true;
}

/* ---- questions ------------------------------------------------------------------------------------------- */

static rd_kafka_AdminOptions_t *options(struct kafka_query *a, rd_kafka_admin_op_t op,
					int32_t broker)
{
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->client->rk, op);
	char ignored[128];

	rd_kafka_AdminOptions_set_request_timeout(o, instant_left_ms_now(a->client->run->deadline),
						  ignored, sizeof ignored);
	/* Left to itself the library asks "the controller", which in KRaft is any broker, reachable or not. */
	if (broker >= 0)
		rd_kafka_AdminOptions_set_broker(o, broker, ignored, sizeof ignored);
	return o;
}

static void ask_configs(struct kafka_query *a)
{
	rd_kafka_ConfigResource_t **v = xcalloc(a->n_topics + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < a->n_topics; i++)
		if (a->topic[i].config.asked)
			v[n++] =
			    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, a->topic[i].name);
	if (n == 0)
		return;
	rd_kafka_DescribeConfigs(a->client->rk, v, n,
				 options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, a->broker),
				 a->queue);
	a->waiting++;
}

#if HAS_AUTHORIZED_OPERATIONS
static void want_operations(rd_kafka_AdminOptions_t *o)
{
	rd_kafka_error_t *error = rd_kafka_AdminOptions_set_include_authorized_operations(o, 1);

	if (error)
		rd_kafka_error_destroy(error);
}

static void ask_access(struct kafka_query *a)
{
	const char **v = xcalloc(a->n_topics + 1, sizeof *v);
	rd_kafka_AdminOptions_t *o;
	size_t n = 0;

	for (size_t i = 0; i < a->n_topics; i++)
		if (a->topic[i].access.asked)
			v[n++] = a->topic[i].name;
	if (n == 0)
		return;
	o = options(a, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, a->broker);
	want_operations(o);
	rd_kafka_DescribeTopics(a->client->rk, rd_kafka_TopicCollection_of_topic_names(v, n), o,
				a->queue);
	a->waiting++;
}
#else
static void want_operations(rd_kafka_AdminOptions_t *o UNUSED)
{
}

static void ask_access(struct kafka_query *a UNUSED)
{
}
#endif

static void ask_groups(struct kafka_query *a)
{
	const char **v = xcalloc(a->n_groups + 1, sizeof *v);
	rd_kafka_AdminOptions_t *o;

	for (size_t i = 0; i < a->n_groups; i++)
		v[i] = a->group[i].name;
	if (a->n_groups == 0)
		return;
	/* To each group's own coordinator: no broker is named. */
	o = options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, -1);
	want_operations(o);
	rd_kafka_DescribeConsumerGroups(a->client->rk, v, a->n_groups, o, a->queue);
	a->waiting++;
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

static struct kafka_topic_answer *find_topic(struct kafka_query *a, const char *name)
{
	for (size_t i = 0; i < a->n_topics; i++)
		if (name && str_eq(a->topic[i].name, name))
			return &a->topic[i];
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

static void read_configs(struct kafka_query *a, rd_kafka_event_t *ev)
{
	size_t n = 0;
	const rd_kafka_ConfigResource_t **v =
	    rd_kafka_event_error(ev) ? NULL
				     : rd_kafka_DescribeConfigs_result_resources(
					   rd_kafka_event_DescribeConfigs_result(ev), &n);

	for (size_t i = 0; i < a->n_topics && !v; i++)
		if (a->topic[i].config.asked)
			set_err(&a->topic[i].config, rd_kafka_event_error(ev),
				rd_kafka_event_error_string(ev));
	for (size_t i = 0; i < n && v; i++) {
		struct kafka_topic_answer *t = find_topic(a, rd_kafka_ConfigResource_name(v[i]));
		rd_kafka_resp_err_t err = rd_kafka_ConfigResource_error(v[i]);

		if (!t)
			continue;
		if (err)
			set_err(&t->config, err, rd_kafka_ConfigResource_error_string(v[i]));
		else
			keep_configs(t, v[i]);
		t->config.came = true;
	}
}

#if HAS_AUTHORIZED_OPERATIONS
/* An older broker answers without them: then there is no list at all. */
static struct kafka_operations operations(const rd_kafka_AclOperation_t *v, size_t n)
{
	struct kafka_operations ops = {.known = v != NULL};

	for (size_t i = 0; i < n; i++)
		ops.set |= 1u << (unsigned)v[i];
	return ops;
}

static void read_access(struct kafka_query *a, rd_kafka_event_t *ev)
{
	size_t n = 0, n_ops = 0;
	const rd_kafka_TopicDescription_t **v =
	    rd_kafka_event_error(ev) ? NULL
				     : rd_kafka_DescribeTopics_result_topics(
					   rd_kafka_event_DescribeTopics_result(ev), &n);

	for (size_t i = 0; i < a->n_topics && !v; i++)
		if (a->topic[i].access.asked)
			set_err(&a->topic[i].access, rd_kafka_event_error(ev),
				rd_kafka_event_error_string(ev));
	for (size_t i = 0; i < n; i++) {
		struct kafka_topic_answer *t = find_topic(a, rd_kafka_TopicDescription_name(v[i]));

		if (!t)
			continue;
		set_error(&t->access, rd_kafka_TopicDescription_error(v[i]));
		if (!t->access.err) {
			const rd_kafka_AclOperation_t *ops =
			    rd_kafka_TopicDescription_authorized_operations(v[i], &n_ops);

			t->may = operations(ops, n_ops);
		}
	}
}

static void read_group_access(struct kafka_group_answer *g,
			      const rd_kafka_ConsumerGroupDescription_t *d)
{
	size_t n = 0;
	const rd_kafka_AclOperation_t *ops =
	    rd_kafka_ConsumerGroupDescription_authorized_operations(d, &n);

	g->may = operations(ops, n);
}
#else
static void read_group_access(struct kafka_group_answer *g UNUSED,
			      const rd_kafka_ConsumerGroupDescription_t *d UNUSED)
{
}
#endif

static void read_group(struct kafka_group_answer *g, const rd_kafka_ConsumerGroupDescription_t *d)
{
	const rd_kafka_Node_t *node = rd_kafka_ConsumerGroupDescription_coordinator(d);

	set_error(&g->group, rd_kafka_ConsumerGroupDescription_error(d));
	if (g->group.err)
		return;
	if (node)
		snprintf(g->coordinator, sizeof g->coordinator, "broker %d at %.90s:%d",
			 rd_kafka_Node_id(node), rd_kafka_Node_host(node),
			 rd_kafka_Node_port(node));
	read_group_access(g, d);
}

static void read_groups(struct kafka_query *a, rd_kafka_event_t *ev)
{
	size_t n = 0;
	const rd_kafka_ConsumerGroupDescription_t **v =
	    rd_kafka_event_error(ev) ? NULL
				     : rd_kafka_DescribeConsumerGroups_result_groups(
					   rd_kafka_event_DescribeConsumerGroups_result(ev), &n);

	for (size_t i = 0; i < a->n_groups; i++) {
		struct kafka_group_answer *g = &a->group[i];

		if (!v)
			set_err(&g->group, rd_kafka_event_error(ev),
				rd_kafka_event_error_string(ev));
		for (size_t k = 0; k < n && v; k++)
			if (str_eq(rd_kafka_ConsumerGroupDescription_group_id(v[k]), g->name))
				read_group(g, v[k]);
	}
}

static void read_answer(struct kafka_query *a, rd_kafka_event_t *ev)
{
	a->waiting--;
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
		read_configs(a, ev);
		break;
	case RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT:
		read_groups(a, ev);
		break;
#if HAS_AUTHORIZED_OPERATIONS
	case RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT:
		read_access(a, ev);
		break;
#endif
	}
}

/* ---- the call --------------------------------------------------------------------------------------------------- */

static void ask_and_wait(void *arg)
{
	struct kafka_query *a = arg;

	if (!a->queue) {
		a->queue = rd_kafka_queue_new(a->client->rk);
		ask_configs(a);
		ask_access(a);
		ask_groups(a);
	}
	while (a->waiting > 0) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(a->queue, instant_left_ms_now(a->until));

		if (!ev)
			return;
		read_answer(a, ev);
		rd_kafka_event_destroy(ev);
	}
}

int kafka_query_run(struct kafka_client *client, struct kafka_query *a, struct instant patience,
		    struct diag *out)
{
	a->client = client;
	a->until = patience;
	for (size_t i = 0; i < a->n_groups; i++)
		a->group[i].group.asked = true;
	if (kafka_call(client, ask_and_wait, a, "the questions about topics and groups", out) < 0)
		return -1;
	return a->waiting == 0;
}
