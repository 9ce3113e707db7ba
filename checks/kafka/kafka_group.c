#include "kafka_group.h"

#include "findings.h"

#define GROUP_NAME_MAX 255
#define PROBES_AT_ONCE \
	2 /* with more, a handle now and then misses its coordinator and looks again a second later */
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

static enum result deny(const struct kafka_group_answer *g, const char *operation,
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

/* Rights come first at a broker: any of these is said to who has them. */
static bool is_granted(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	       err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
	       err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
	       err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	       err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

static void judge_commit(struct kafka_client *client, const struct kafka_group_answer *g,
			 rd_kafka_resp_err_t err, struct diag *out)
{
	const char *said = rd_kafka_err2str(err);
	char subject[DIAG_SUBJECT_MAX], words[300];

	subject_of(g, subject, sizeof subject);
	if (is_granted(err))
		return;
	snprintf(words, sizeof words, "whether it may read group %.100s was not answered: %s",
		 g->name, said);
	if (err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		deny(g, "not read", said, out);
	else if (kafka_is_coordinator_trouble(err))
		check_fail(out, D_KAFKA_COORDINATOR, subject, "%s", said);
	else if (kafka_is_silence(err))
		kafka_diagnose_error(client, err, words, out);
	else
		check_fail(out, D_KAFKA_ERROR, subject, "a commit that stores nothing: %s", said);
}

/* One group's commit, in a thread: a handle belongs to one group only, and each needs a connection of its own. */
struct probe {
	const struct kafka_client *first;
	const struct kafka_group_answer *group;
	struct diag *out;
	pthread_t thread;
	bool started;
	rd_kafka_resp_err_t err;
};

static void *probe_read(void *arg)
{
	struct probe *p = arg;
	/* The library tries again on "unknown topic", twice, and where there is no coordinator, on and on. */
	const struct kafka_prop_override extra[] = {{"group.id", p->group->name},
						    {"retry.backoff.ms", "1"},
						    {"debug", "broker"},
						    {NULL, NULL}};
	struct kafka_client *client = kafka_open_beside(p->first, RD_KAFKA_CONSUMER, extra, p->out);
	struct commit *c = xcalloc(1, sizeof *c);

	c->client = client;
	if (!client)
		return NULL;
	if (kafka_call(client, try_commit, c, "a commit that stores nothing", p->out) == 0) {
		p->err = c->err;
	} else {
		p->err = kafka_answered_error(client);
		if (p->out->code != D_ANSWER_TIMEOUT || !p->err)
			return NULL;
		*p->out = (struct diag){.code = D_NONE};
	}
	if (p->err)
		judge_commit(client, p->group, p->err, p->out);
	return NULL;
}

/* d[i] is of group i; those with a code are settled. Some at a time: a handle is two threads and one for each broker. */
static void probe_groups(const struct kafka_client *first, const struct kafka_query *a,
			 struct diag *d)
{
	struct probe probe[PROBES_AT_ONCE];
	size_t next = 0, n;

	do {
		for (n = 0; next < a->n_groups && n < PROBES_AT_ONCE; next++) {
			if (d[next].code != D_NONE || a->group[next].may.known)
				continue;
			probe[n] = (struct probe){
			    .first = first, .group = &a->group[next], .out = &d[next]};
			probe[n].started =
			    pthread_create(&probe[n].thread, NULL, probe_read, &probe[n]) == 0;
			n++;
		}
		for (size_t i = 0; i < n; i++) {
			/* No thread to be had: then by this one. */
			if (probe[i].started)
				pthread_join(probe[i].thread, NULL);
			else
				probe_read(&probe[i]);
			if (probe[i].out->code == D_NONE && probe[i].err == 0)
				check_fact(first->run, "offset_left_in", "%s",
					   probe[i].group->name);
		}
	} while (n > 0);
}

/* ---- judging ---------------------------------------------------------------------------------------------------- */

static enum result judge_answer(const struct kafka_group_answer *g, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	subject_of(g, subject, sizeof subject);
	if (g->group.err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		return deny(g, "neither describe nor read", g->group.words, out);
	if (g->group.came && kafka_is_coordinator_trouble(g->group.err))
		return check_fail(out, D_KAFKA_COORDINATOR, subject, "%s", g->group.words);
	if (g->group.came && (g->group.err > 0 || g->group.err == RD_KAFKA_RESP_ERR_UNKNOWN))
		return check_fail(out, D_KAFKA_ERROR, subject, "%s", g->group.words);
	if (!g->group.came || g->group.err)
		return check_fail(out, D_KAFKA_COORDINATOR, subject,
				  "the coordinator of the group did not answer%s%s",
				  g->group.came ? ": " : " in time (attempt_timeout)",
				  g->group.words);
	if (g->may.known && !kafka_may(g->may, RD_KAFKA_ACL_OPERATION_READ))
		return deny(g, "not read", "not among its authorized operations", out);
	return RESULT_PASS;
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

int kafka_groups_blocked(struct kafka_client *client, const struct kafka_query *a,
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

int kafka_groups_judge(struct kafka_client *client, const struct kafka_query *a,
		       const struct kafka_broker *v, size_t n, struct diag *out)
{
	struct findings f = {.n = 0};
	struct diag *d = xcalloc(a->n_groups + 1, sizeof *d);

	for (size_t i = 0; i < a->n_groups; i++) {
		const struct kafka_group_answer *g = &a->group[i];

		if (judge_answer(g, &d[i]) == RESULT_PASS)
			report(client->run, g);
		else if (d[i].code == D_KAFKA_COORDINATOR)
			blame_broker(client, a->n_groups, g, v, n, &d[i]);
	}
	probe_groups(client, a, d);
	for (size_t i = 0; i < a->n_groups; i++)
		if (d[i].code != D_NONE)
			findings_add(&f, &d[i], "");
	return findings_result(&f, out) == RESULT_PASS ? 0 : -1;
}
