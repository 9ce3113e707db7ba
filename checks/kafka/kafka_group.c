#include "kafka_group.h"

#include "findings.h"

#define GROUP_NAME_MAX 255

const char *kafka_group_problem(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > GROUP_NAME_MAX)
		return "is not the id of a group";
	if (name[n - 1] == '*')
		return "ends with a star: an id is meant, not a pattern";
	return NULL;
}

static enum result fail_denied(const struct kafka_group_answer *g, const char *operation,
			       const char *reason, const char *subject, struct diag *out)
{
	check_fail(out, D_KAFKA_GROUP_DENIED, subject, "this principal may %s group %.100s: %s",
		   operation, g->name, reason);
	if (!g->must_read)
		diag_hint(out, "grant Describe on group %.100s to this principal", g->name);
	return RESULT_FAIL;
}

static enum result judge_answer(const struct kafka_group_answer *g, struct diag *out)
{
	const struct kafka_answer *a = &g->group;
	char subject[DIAG_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "group %.100s", g->name);
	if (a->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		return fail_denied(g, "neither describe nor read", a->reason, subject, out);
	if (a->came && kafka_is_coordinator_trouble(a->err))
		return check_fail(out, D_KAFKA_COORDINATOR, subject, "%s", a->reason);
	if (a->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		check_fail(out, D_KAFKA_TOPIC_DENIED, subject, "%s", a->reason);
		diag_hint(out, "grant Describe on every topic that the group reads: brokers demand "
			       "it for groups of the new protocol (KIP-848)");
		return RESULT_FAIL;
	}
	if (a->came && (a->err > 0 || a->err == RD_KAFKA_RESP_ERR_UNKNOWN))
		return check_fail(out, D_KAFKA_ERROR, subject, "%s", a->reason);
	if (!a->came || a->err)
		return check_fail(out, D_KAFKA_COORDINATOR, subject,
				  "the coordinator of the group did not answer%s%s",
				  a->came ? ": " : " in time (attempt_timeout)", a->reason);
	if (g->must_read && g->operations.known &&
	    !kafka_operations_include(g->operations, RD_KAFKA_ACL_OPERATION_READ))
		return fail_denied(g, "not read", "not among its authorized operations", subject,
				   out);
	return RESULT_PASS;
}

/* ---- a coordinator that does not answer --------------------------------------------------------------------- */

/* Returns whether librdkafka has found coordinators, but has no connection to one: not all groups have been described. */
static bool lacks_coordinator(struct kafka_client *client, size_t groups)
{
	bool waits;

	pthread_mutex_lock(&client->lock);
	waits = client->coordinators_found > 0 && client->groups_asked < groups;
	pthread_mutex_unlock(&client->lock);
	return waits;
}

enum result kafka_groups_blocked(struct kafka_client *client, const struct kafka_query *query,
				 const struct kafka_brokers *all, struct diag *out)
{
	return lacks_coordinator(client, query->n_groups) ? kafka_reach_now(client, all, out)
							  : RESULT_PASS;
}

static void name_silent_coordinator(const struct kafka_client *client,
				    const struct kafka_brokers *all, struct diag *out)
{
	struct diag was = *out;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].id == client->group_broker)
			check_fail(out, D_ANSWER_TIMEOUT, all->v[i].subject,
				   "coordinator of %s: %s", was.subject, was.cause);
}

/* Looks for a broker that cannot be used: it may be the coordinator, and explains more than "did not answer". */
static void diagnose_coordinator(struct kafka_client *client, const struct kafka_query *query,
				 const struct kafka_group_answer *g,
				 const struct kafka_brokers *all, struct diag *out)
{
	struct diag broker = {.code = D_NONE};

	if (g->group.err == RD_KAFKA_RESP_ERR__TRANSPORT) {
		kafka_reach_now(client, all, out);
		return;
	}
	if (!lacks_coordinator(client, query->n_groups)) {
		if (!g->group.came && client->groups_asked > 0)
			name_silent_coordinator(client, all, out);
		return;
	}
	if (kafka_reach(client, all, false, &broker) == RESULT_PASS)
		return;
	check_fail(out, broker.code, broker.subject,
		   "%s; the coordinator of group %.100s did not answer", broker.cause, g->name);
	if (broker.hint[0])
		diag_hint(out, "%s", broker.hint);
}

enum result kafka_groups_judge(struct kafka_client *client, const struct kafka_query *query,
			       const struct kafka_brokers *all, struct str *unverified,
			       struct diag *out)
{
	struct findings f = {.n = 0};

	for (size_t i = 0; i < query->n_groups; i++) {
		const struct kafka_group_answer *g = &query->group[i];
		struct diag d = {.code = D_NONE};

		if (judge_answer(g, &d) == RESULT_PASS) {
			check_fact(client->run, "coordinator", "%s", g->coordinator);
			if (g->must_read && !g->operations.known && kafka_query_lists_operations())
				kafka_add_unverified(unverified, "read group", g->name);
			continue;
		}
		if (d.code == D_KAFKA_COORDINATOR)
			diagnose_coordinator(client, query, g, all, &d);
		findings_add(&f, &d, "");
	}
	return findings_result(&f, out);
}
