#include "kafka_group.h"

#include "kafka_findings.h"

#define GROUP_NAME_MAX 255
#define NO_TOPIC \
	"startguard/none" /* a slash: no topic can have this name, so nothing is ever stored for it */

const char *kafka_group_problem(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > GROUP_NAME_MAX)
		return "is not the id of a group";
	if (name[n - 1] == '*')
		return "ends with a star: an id is meant, not a pattern";
	return NULL;
}

static void subject_of(const struct kafka_group_answer *g, char *buf, size_t size)
{
	snprintf(buf, size, "group %.100s", g->name);
}

static bool is_coordinator_trouble(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       err == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       err == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

static enum verdict deny(const struct kafka_group_answer *g, const char *operation,
			 const char *words, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	subject_of(g, subject, sizeof subject);
	return check_fail(out, D_KAFKA_GROUP_DENIED, subject,
			  "this principal may %s group %.100s: %s", operation, g->name, words);
}

/* ---- the harmless commit ------------------------------------------------------------------------------------- */

struct commit {
	struct kafka_client *client;
	rd_kafka_resp_err_t err;
};

static void try_commit(void *arg)
{
	struct commit *c = arg;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, NO_TOPIC, 0)->offset = 0;
	c->err = rd_kafka_commit(c->client->rk, list, 0);
	/* The call's own code is of the request; of the topic it is told in the list. */
	if (!c->err)
		c->err = list->elems[0].err;
}

/* 0: it may read; -1: *out is filled; 1: the answer tells neither. */
static int probe_read(const struct kafka_client *first, const struct kafka_group_answer *g,
		      struct diag *out)
{
	/* The library tries again on "unknown topic", twice. */
	const struct kafka_setting extra[] = {
	    {"group.id", g->name}, {"retry.backoff.ms", "1"}, {NULL, NULL}};
	struct kafka_client *client = kafka_open_beside(first, RD_KAFKA_CONSUMER, extra, out);
	struct commit *c = xcalloc(1, sizeof *c);

	c->client = client;
	if (!client || kafka_call(client, try_commit, c, "a commit that stores nothing", out) < 0)
		return -1;
	if (c->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		deny(g, "not read", rd_kafka_err2str(c->err), out);
		return -1;
	}
	return c->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		       c->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
		       c->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
		   ? 0
		   : 1;
}

/* ---- judging ---------------------------------------------------------------------------------------------------- */

static enum verdict judge_answer(const struct kafka_group_answer *g, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	subject_of(g, subject, sizeof subject);
	if (g->group.err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		return deny(g, "neither describe nor read", g->group.words, out);
	if (g->group.came && is_coordinator_trouble(g->group.err))
		return check_fail(out, D_KAFKA_COORDINATOR, subject, "%s", g->group.words);
	if (!g->group.came || g->group.err)
		return check_fail(out, D_KAFKA_COORDINATOR, subject,
				  "the coordinator of the group did not answer%s%s",
				  g->group.came ? ": " : " in time (attempt_timeout)",
				  g->group.words);
	if (g->may.known && !kafka_may(g->may, RD_KAFKA_ACL_OPERATION_READ))
		return deny(g, "not read", "not among its authorized operations", out);
	return V_PASS;
}

/* Coordinators were looked up, and not all groups were asked about: the way to one is not there. */
static bool waits_for_connection(struct kafka_client *client, size_t groups)
{
	bool waits;

	pthread_mutex_lock(&client->lock);
	waits = client->coordinators_found > 0 && client->groups_asked < groups;
	pthread_mutex_unlock(&client->lock);
	return waits;
}

int kafka_groups_blocked(struct kafka_client *client, const struct kafka_ask *a,
			 const struct kafka_broker *v, size_t n, struct diag *out)
{
	return waits_for_connection(client, a->n_groups) ? kafka_broken(client, v, n, out) : 0;
}

static void fail_silent(struct kafka_client *client, const struct kafka_broker *v, size_t n,
			struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];
	struct diag was = *out;

	for (size_t i = 0; i < n; i++) {
		if (v[i].id != client->group_broker)
			continue;
		snprintf(subject, sizeof subject, "broker %d at %.90s:%d", v[i].id, v[i].host,
			 v[i].port);
		check_fail(out, D_ANSWER_TIMEOUT, subject, "coordinator of %s: %s", was.subject,
			   was.cause);
	}
}

/* Somebody must be the coordinator: a broker that cannot be used is a better answer than silence. */
static void blame_broker(struct kafka_client *client, size_t groups,
			 const struct kafka_group_answer *g, const struct kafka_broker *v, size_t n,
			 struct diag *out)
{
	struct diag broker = {.code = D_NONE};

	if (g->group.err == RD_KAFKA_RESP_ERR__TRANSPORT) {
		kafka_broken(client, v, n, out);
		return;
	}
	if (!waits_for_connection(client, groups)) {
		if (!g->group.came && client->groups_asked > 0)
			fail_silent(client, v, n, out);
		return;
	}
	if (kafka_reach(client, v, n, false, &broker) == 0)
		return;
	check_fail(out, broker.code, broker.subject,
		   "%s; the coordinator of group %.100s did not answer", broker.cause, g->name);
	if (broker.hint[0])
		diag_hint(out, "%s", broker.hint);
}

static void report(const struct check_run *run, const struct kafka_group_answer *g)
{
	check_fact(run, "coordinator", "%s", g->coordinator);
}

int kafka_groups_judge(struct kafka_client *client, const struct kafka_ask *a,
		       const struct kafka_broker *v, size_t n, struct diag *out)
{
	struct kafka_findings f = {.n = 0};

	for (size_t i = 0; i < a->n_groups; i++) {
		const struct kafka_group_answer *g = &a->group[i];
		struct diag d = {.code = D_NONE};
		int unclear = 0;

		if (judge_answer(g, &d) == V_PASS) {
			report(client->run, g);
			unclear = g->may.known ? 0 : probe_read(client, g, &d);
		} else if (d.code == D_KAFKA_COORDINATOR) {
			blame_broker(client, a->n_groups, g, v, n, &d);
		}
		if (unclear > 0)
			check_fact(client->run, "unverified_group", "%s read", g->name);
		if (d.code != D_NONE)
			kafka_findings_add(&f, &d, "");
	}
	return kafka_findings_tell(&f, out);
}
