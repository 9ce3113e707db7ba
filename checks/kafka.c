/* kafka: checks a cluster's brokers and topics, and the principal's rights. It judges brokers, cluster id and topics by one
 * metadata answer, then requires the needed brokers to be ready at their advertised addresses, then sends all requests about
 * rights and groups at once. It writes nothing but the canary record, joins no group and creates no topic. */
#include <librdkafka/rdkafka.h>

#include "check.h"
#include "findings.h"
#include "kafka_acl.h"
#include "kafka_canary.h"
#include "kafka_client.h"
#include "kafka_consumers.h"
#include "kafka_group.h"
#include "kafka_keys.h"
#include "kafka_producer.h"
#include "kafka_topic.h"
#include "kafka_topic_config.h"
#include "version.h"

/* When a coordinator has not answered after this time, the check looks for a broker that it cannot reach. */
#define COORDINATOR_MS 500

struct library_conf {
	const char *min_version;
	struct strlist features;
};
struct kafka_conf {
	KAFKA_KEY_FIELDS
	const struct library_conf *librdkafka;
	int64_t min_brokers;
	const char *cluster_id;
	bool every_broker;
	struct grouplist topics;
	struct strlist groups;
	struct grouplist consumers;
	bool idempotent;
	const char *transactional_id;
	const struct kafka_canary_conf *canary;
};

/* ---- keys ---------------------------------------------------------------------------------------------- */

static const char *transactional_id_problem(const char *id)
{
	size_t n = strlen(id);

	if (n == 0 || n > 200)
		return "is not a transactional id";
	if (id[n - 1] == '*')
		return "ends with a star: an id is meant, not a pattern";
	return NULL;
}

static const struct key library_keys[] = {
    KEY_STR(struct library_conf, min_version, .flags = K_NUMBERS, .check = version_problem,
	    .doc = "Lowest version of librdkafka this program must be linked with.",
	    .example = "\"2.6.1\""),
    KEY_STRLIST(
	struct library_conf, features,
	.doc = "Features that librdkafka must be built with, in the names of builtin.features.",
	.example = "[\"ssl\", \"sasl_scram\"]"),
    KEY_END,
};
static const struct schema library_schema = {.size = sizeof(struct library_conf),
					     .keys = library_keys};

static const struct key kafka_keys[] = {
    KAFKA_KEYS(struct kafka_conf),
    KEY_GROUP(struct kafka_conf, librdkafka, struct library_conf, .sub = &library_schema,
	      .doc = "What the linked librdkafka must be able to do.",
	      .example = "{ min_version = \"2.6.1\"; }"),
    KEY_INT(struct kafka_conf, min_brokers, .def = "1", .min = "1", .max = "1024",
	    .doc = "How many brokers the cluster must list at least."),
    KEY_STR(struct kafka_conf, cluster_id,
	    .doc = "Id of the cluster it must be: catches the address of another environment.",
	    .example = "\"MkU3OEVBNTcwNTJENDM2Qk\""),
    KEY_BOOL(
	struct kafka_conf, every_broker, .def = "false",
	.doc = "Whether all brokers must be reachable at their advertised addresses, not only the "
	       "leaders of the named topics and the coordinators of the named groups (or, without "
	       "topics, one of them)."),
    KEY_GROUPLIST(struct kafka_conf, topics, .sub = &kafka_topic_schema,
		  .doc = "Topics that must exist, with what is demanded of each.",
		  .example = "( { name = \"orders\"; min_partitions = 3; } )"),
    KEY_STRLIST(
	struct kafka_conf, groups, .check = kafka_group_problem,
	.doc = "Consumer groups this principal must be allowed to read, and whose coordinator must "
	       "be available. They are never joined.",
	.example = "[\"orders\"]"),
    KEY_GROUPLIST(struct kafka_conf, consumers, .sub = &kafka_consumers_schema,
		  .doc =
		      "Consumer groups that must be active: stable, with members that have their "
		      "partitions. They are never joined.",
		  .example = "( { group = \"orders\"; topics = [\"orders\"]; } )"),
    KEY_BOOL(struct kafka_conf, idempotent, .def = "false",
	     .doc = "Whether the principal must be allowed to be an idempotent producer."),
    KEY_STR(struct kafka_conf, transactional_id, .check = transactional_id_problem,
	    .doc =
		"The service's transactional id. It is not used, since that would fence a running "
		"service: the same id with startguard- in front must be allowed to this principal.",
	    .example = "\"orders-1\""),
    KEY_GROUP(struct kafka_conf, canary, struct kafka_canary_conf, .sub = &kafka_canary_schema,
	      .doc = "A record that is written and read back. The only key of this kind that "
		     "writes.",
	      .example = "{ topic = \"startguard-canary\"; max_latency = \"500ms\"; }"),
    KEY_END,
};

static const char *kafka_validate(const void *conf, const char **key)
{
	const struct kafka_conf *c = conf;
	const char *problem = kafka_client_conf_problem(&KAFKA_CONF(c), key);

	if (problem)
		return problem;
	*key = "groups";
	for (size_t i = 0; i < c->groups.n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(c->groups.v[i], c->groups.v[k]))
				return "names a group twice";
	*key = "consumers";
	problem = kafka_consumers_problem(&c->consumers);
	if (problem)
		return problem;
	*key = "topics";
	return kafka_topics_problem(&c->topics);
}

static const char *kafka_doubt(const void *conf, const char **key)
{
	const struct kafka_conf *c = conf;

	return kafka_client_conf_doubt(&KAFKA_CONF(c), &c->groups, key);
}

static bool kafka_starts_programs(const void *conf)
{
	const struct kafka_conf *c = conf;

	return kafka_client_conf_starts_programs(&KAFKA_CONF(c));
}

/* ---- library version ------------------------------------------------------------------------------------------- */

static const char *kafka_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "librdkafka %s", rd_kafka_version_str());
	return text;
}

/* Compares the version number, because the version text of a library built from git may begin with anything. */
static bool library_is_older_than(const char *version)
{
	int v = rd_kafka_version(); /* 2.6.1 is 0x020601ff */
	char text[24];

	snprintf(text, sizeof text, "%d.%d.%d", v >> 24, v >> 16 & 0xff, v >> 8 & 0xff);
	return version_compare(text, version) < 0;
}

static enum result check_library(const struct library_conf *want, struct diag *out)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[512];

	if (want->min_version && library_is_older_than(want->min_version)) {
		check_fail(out, D_KAFKA_LIBRARY_OLD, "librdkafka",
			   "this is librdkafka %s, min_version is %s", rd_kafka_version_str(),
			   want->min_version);
		diag_hint(out, "use a startguard that is linked with librdkafka %s or newer",
			  want->min_version);
		return RESULT_FAIL;
	}
	for (size_t i = 0; i < want->features.n; i++) {
		const char *feature = want->features.v[i];

		/* Setting this property changes nothing: it fails when a feature is missing (CONFIGURATION.md). */
		if (rd_kafka_conf_set(conf, "builtin.features", feature, error, sizeof error) !=
		    RD_KAFKA_CONF_OK)
			return check_fail(out, D_KAFKA_FEATURE_MISSING, "librdkafka",
					  "librdkafka %s has no \"%s\": %s", rd_kafka_version_str(),
					  feature, error);
	}
	return RESULT_PASS;
}

static bool demands_rights(const struct kafka_conf *c)
{
	for (size_t i = 0; i < c->topics.n; i++)
		if (GROUP_AT(c->topics, struct kafka_topic_conf, i)->operations.n > 0)
			return true;
	return c->groups.n > 0;
}

/* A library that cannot list operations fails the check: it cannot tell whether the principal has the demanded rights. */
static enum result check_library_lists_operations(const struct kafka_conf *c, struct diag *out)
{
	if (!demands_rights(c) || kafka_query_lists_operations())
		return RESULT_PASS;
	check_fail(out, D_KAFKA_LIBRARY_OLD, "librdkafka",
		   "this is librdkafka %s, which cannot ask what a principal may do: the keys "
		   "operations and groups need 2.3.0 or newer",
		   rd_kafka_version_str());
	diag_hint(out, "use a startguard that is linked with librdkafka 2.3.0 or newer: released "
		       "files link 2.6.1 or newer");
	return RESULT_FAIL;
}

/* ---- metadata ------------------------------------------------------------------------------------------------ */

static enum result get_metadata(struct kafka_client *client, const struct grouplist *topics,
				struct kafka_metadata *metadata, struct diag *out)
{
	/* rd_kafka_metadata() requests the topics that the handle knows, or all topics when it knows none. */
	for (size_t i = 0; i < topics->n; i++) {
		const char *name = GROUP_AT(*topics, struct kafka_topic_conf, i)->name;

		if (!rd_kafka_topic_new(client->rk, name, NULL))
			return check_fail(out, D_KAFKA_PROPERTY, name, "%s",
					  rd_kafka_err2str(rd_kafka_last_error()));
	}
	check_step(client->run, PH_PROTOCOL, "asking for metadata from %s", client->reachable);
	return kafka_get_metadata(client, NULL, metadata, out);
}

static enum result judge_cluster(const struct kafka_conf *c, const struct kafka_metadata *m,
				 struct diag *out)
{
	int n = m->md->broker_cnt;

	if (c->cluster_id && !(m->cluster && str_eq(m->cluster, c->cluster_id)))
		return check_fail(out, D_KAFKA_WRONG_CLUSTER, c->bootstrap_servers.v[0],
				  "the cluster is %s, cluster_id is %s",
				  m->cluster ? m->cluster : "without an id", c->cluster_id);
	if (n == 0)
		return check_fail(out, D_KAFKA_NO_BROKERS, c->bootstrap_servers.v[0],
				  "the answer lists no broker");
	if (n < c->min_brokers)
		return check_fail(out, D_KAFKA_TOO_FEW_BROKERS, "cluster",
				  "the cluster lists %d broker%s, min_brokers is %d", n,
				  plural((size_t)n), (int)c->min_brokers);
	return RESULT_PASS;
}

/* Reports out-of-sync replicas and missing brokers, which do not fail the check when all demands are met. */
static void report_lag(const struct check_run *run, const struct kafka_conf *c,
		       const struct rd_kafka_metadata *md, char *text, size_t size)
{
	struct kafka_lag lag;
	int n = 0;

	text[0] = '\0';
	kafka_topics_lag(&c->topics, md, &lag);
	if (lag.behind > 0) {
		check_fact(run, "replicas_out_of_sync", "%d", lag.behind);
		n = snprintf(text, size, ", %d of %d replicas out of sync", lag.behind,
			     lag.replicas);
	}
	if (lag.missing[0]) {
		check_fact(run, "brokers_missing", "%s", lag.missing);
		snprintf(text + n, size - (size_t)n, ", missing: broker %s", lag.missing);
	}
}

static void report_facts(const struct check_run *run, const struct kafka_conf *c,
			 const struct kafka_metadata *m)
{
	int brokers = m->md->broker_cnt;
	char topics[64] = "", cluster[80] = "", active[64] = "", lag[160];

	check_fact(run, "brokers", "%d", brokers);
	if (m->cluster) {
		check_fact(run, "cluster_id", "%s", m->cluster);
		snprintf(cluster, sizeof cluster, ", cluster %.60s", m->cluster);
	}
	if (c->topics.n > 0) {
		check_fact(run, "topics", "%zu", c->topics.n);
		snprintf(topics, sizeof topics, ", %zu topic%s", c->topics.n, plural(c->topics.n));
	}
	/* The line is shown only when the check passes. */
	if (c->consumers.n > 0)
		snprintf(active, sizeof active, ", %zu active group%s", c->consumers.n,
			 plural(c->consumers.n));
	report_lag(run, c, m->md, lag, sizeof lag);
	check_summary(run, "%d broker%s%s%s%s%s", brokers, plural((size_t)brokers), cluster, topics,
		      active, lag);
}

static enum result reach_brokers(struct kafka_client *client, const struct kafka_conf *c,
				 const struct grouplist *topics, const struct rd_kafka_metadata *md,
				 struct diag *out)
{
	bool all = c->every_broker || topics->n == 0;
	struct kafka_brokers needed = kafka_brokers_of(md, all ? NULL : topics);

	return kafka_reach(client, &needed, all && !c->every_broker, out);
}

/* ---- rights of the principal ---------------------------------------------------------------------------- */

/* Adds the topic unless it is listed, and returns it. */
static struct kafka_topic_conf *add_topic(struct kafka_topic_conf *v, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq(v[i].name, name))
			return &v[i];
	v[*n] = kafka_topic_without_demands(name);
	return &v[(*n)++];
}

/* Returns the profile's topics, plus those of consumers and canary that it does not list: the check judges their leaders too. */
static struct grouplist needed_topics(const struct kafka_conf *c)
{
	struct kafka_topic_conf *v;
	size_t n = 0, max = c->topics.n + 1;

	for (size_t i = 0; i < c->consumers.n; i++)
		max += GROUP_AT(c->consumers, struct kafka_consumers_conf, i)->topics.n;
	v = xcalloc(max, sizeof *v);
	for (; n < c->topics.n; n++)
		v[n] = *GROUP_AT(c->topics, struct kafka_topic_conf, n);
	for (size_t i = 0; i < c->consumers.n; i++) {
		const struct strlist *read =
		    &GROUP_AT(c->consumers, struct kafka_consumers_conf, i)->topics;

		for (size_t k = 0; k < read->n; k++)
			add_topic(v, &n, read->v[k]);
	}
	if (c->canary)
		add_topic(v, &n, c->canary->topic)->canary = true;
	return (struct grouplist){n, v};
}

/* The check reads the topic's own min.insync.replicas when the principal or the canary writes to the topic, or when the profile
 * demands in-sync replicas. */
static bool needs_config(const struct kafka_topic_conf *t)
{
	return t->canary || t->config.n > 0 || t->min_in_sync_replicas != INT_UNSET ||
	       kafka_topic_wants(t, "write");
}

static void add_group(struct kafka_query *q, const char *name, bool must_read)
{
	for (size_t i = 0; i < q->n_groups; i++)
		if (str_eq(q->group[i].name, name))
			return;
	q->group[q->n_groups++] =
	    (struct kafka_group_answer){.name = name, .must_read = must_read, .group.asked = true};
}

static struct kafka_query *make_query(const struct kafka_conf *c, const struct grouplist *topics)
{
	struct kafka_query *q = xcalloc(1, sizeof *q);

	q->topic = xcalloc(topics->n + 1, sizeof *q->topic);
	q->group = xcalloc(c->groups.n + c->consumers.n + 1, sizeof *q->group);
	for (; q->n_topics < topics->n; q->n_topics++) {
		const struct kafka_topic_conf *t =
		    GROUP_AT(*topics, struct kafka_topic_conf, q->n_topics);

		q->topic[q->n_topics] = (struct kafka_topic_answer){
		    .name = t->name,
		    .config.asked = needs_config(t),
		    .rights.asked = t->operations.n > 0 && kafka_query_lists_operations(),
		};
	}
	for (size_t i = 0; i < c->groups.n; i++)
		add_group(q, c->groups.v[i], true);
	for (size_t i = 0; i < c->consumers.n; i++)
		add_group(q, GROUP_AT(c->consumers, struct kafka_consumers_conf, i)->group, false);
	return q;
}

static bool asks_nothing(const struct kafka_query *q)
{
	for (size_t i = 0; i < q->n_topics; i++)
		if (q->topic[i].config.asked || q->topic[i].rights.asked)
			return false;
	return q->n_groups == 0;
}

/* Runs the query. An unreachable coordinator never answers, so after COORDINATOR_MS looks for an unreachable broker. */
static enum result run_query(struct kafka_client *client, struct kafka_query *q,
			     const struct kafka_brokers *all, struct diag *out)
{
	struct instant deadline = kafka_answer_deadline(client);
	struct instant soon = instant_after(instant_now(), DURATION_MS(COORDINATOR_MS));
	enum result r;

	if (asks_nothing(q))
		return RESULT_PASS;
	check_step(client->run, PH_PROTOCOL, "asking about topics and groups");
	r = kafka_query_run(client, q, instant_earlier(soon, deadline), out);
	if (r != RESULT_PASS || q->waiting == 0)
		return r;
	r = kafka_groups_blocked(client, q, all, out);
	return r == RESULT_PASS ? kafka_query_run(client, q, deadline, out) : r;
}

/* Some requests need a separate handle, which connects while the first handle sends its requests. */
struct handles {
	struct kafka_client *first, *idempotent, *transactional, *canary;
};

static enum result open_handles(struct handles *h, const struct kafka_conf *c, struct diag *out)
{
	if (c->idempotent && !(h->idempotent = kafka_idempotent_open(h->first, out)))
		return RESULT_FAIL;
	if (c->transactional_id &&
	    !(h->transactional = kafka_transactional_open(h->first, c->transactional_id, out)))
		return RESULT_FAIL;
	if (c->canary && !(h->canary = kafka_canary_open(h->first, out)))
		return RESULT_FAIL;
	return RESULT_PASS;
}

/* Adds a failure to the findings, so that one start shows all faults. Returns whether to continue: after a retryable failure
 * the attempt may have little time left, so the next attempt does the rest. */
static bool collect_result(struct findings *f, enum result result, struct diag *d)
{
	bool on = result == RESULT_PASS || !diag_info(d->code)->retryable;

	if (result != RESULT_PASS)
		findings_add(f, d, "");
	*d = (struct diag){.code = D_NONE};
	return on;
}

static void judge_rights(struct handles *h, const struct kafka_conf *c,
			 const struct grouplist *topics, const struct kafka_query *q,
			 const struct kafka_metadata *m, struct findings *f)
{
	struct kafka_brokers all = kafka_brokers_of(m->md, NULL);
	struct diag d = {.code = D_NONE};
	struct str unverified;

	str_init(&unverified, 300);
	if (collect_result(f, kafka_acl_judge(topics, q, &unverified, &d), &d) &&
	    collect_result(f, kafka_topic_config_judge(h->first->run, topics, q, m->md, &d), &d) &&
	    collect_result(f, kafka_groups_judge(h->first, q, &all, &unverified, &d), &d) &&
	    collect_result(f, check_library_lists_operations(c, &d), &d) &&
	    collect_result(f, kafka_consumers_judge(h->first, &c->consumers, q, m->md, &d), &d) &&
	    (!h->idempotent || collect_result(f, kafka_idempotent_judge(h->idempotent, &d), &d)) &&
	    h->transactional)
		collect_result(
		    f, kafka_transactional_judge(h->transactional, c->transactional_id, &all, &d),
		    &d);
	if (unverified.len)
		check_fact(h->first->run, "unverified", "%s", unverified.s);
}

static enum result judge_permissions(struct handles *h, const struct kafka_conf *c,
				     const struct grouplist *topics, const struct kafka_metadata *m,
				     struct diag *out)
{
	struct kafka_query *q = make_query(c, topics);
	struct kafka_brokers all = kafka_brokers_of(m->md, NULL);
	struct findings f = {.n = 0};

	q->broker = kafka_ready_broker(h->first, &all);
	if (open_handles(h, c, out) != RESULT_PASS ||
	    run_query(h->first, q, &all, out) != RESULT_PASS)
		return RESULT_FAIL;
	judge_rights(h, c, topics, q, m, &f);
	if (findings_result(&f, out) != RESULT_PASS)
		return RESULT_FAIL;
	return h->canary ? kafka_canary_judge(c->canary, h->canary, h->first, m->md, out)
			 : RESULT_PASS;
}

/* ---- one attempt --------------------------------------------------------------------------------------------- */

/* Opens the first handle, a consumer without group, which can send every request and fetch. Returns NULL with *out filled. */
static struct kafka_client *open_first(const struct check_run *run, const struct kafka_conf *c,
				       struct kafka_client_props *props, struct diag *out)
{
	static const struct kafka_prop_override reader[] = {
	    {"enable.partition.eof", "true"}, {"fetch.wait.max.ms", "2"}, {NULL, NULL}};
	static const struct kafka_prop_override lag_reader[] = {
	    {"enable.partition.eof", "true"},
	    {"fetch.wait.max.ms", "2"},
	    {"debug", "broker"}, /* needed by kafka_offsets */
	    {NULL, NULL}};

	check_step(run, PH_CONFIG, "reading the settings of the Kafka client");
	if (c->librdkafka && check_library(c->librdkafka, out) != RESULT_PASS)
		return NULL;
	if (kafka_client_props_load(&KAFKA_CONF(c), props, out) != RESULT_PASS)
		return NULL;
	if ((c->idempotent || c->transactional_id) &&
	    kafka_producer_check_props(run, props, out) != RESULT_PASS)
		return NULL;
	return kafka_open(run, props, &c->bootstrap_servers,
			  kafka_consumers_need_offsets(&c->consumers) ? lag_reader : reader, out);
}

static enum result run_attempt(const struct check_run *run, struct handles *h, struct diag *out)
{
	const struct kafka_conf *c = run->conf;
	struct kafka_client_props *props = xcalloc(1, sizeof *props);
	struct grouplist topics = needed_topics(c);
	struct kafka_metadata m = {.md = NULL};

	h->first = open_first(run, c, props, out);
	if (!h->first || get_metadata(h->first, &topics, &m, out) != RESULT_PASS)
		return RESULT_FAIL;
	if (props->tls)
		check_reached(run, "tls");
	if (props->sasl)
		check_reached(run, "auth");
	check_reached(run, "metadata");
	invariant(m.md);
	report_facts(run, c, &m);
	if (judge_cluster(c, &m, out) != RESULT_PASS ||
	    kafka_topics_judge(&topics, m.md, out) != RESULT_PASS ||
	    reach_brokers(h->first, c, &topics, m.md, out) != RESULT_PASS)
		return RESULT_FAIL;
	check_reached(run, "brokers");
	return judge_permissions(h, c, &topics, &m, out);
}

static enum result kafka_run(const struct check_run *run, struct diag *out)
{
	struct handles h = {.first = NULL};
	enum result result = run_attempt(run, &h, out);
	struct kafka_client *const all[] = {h.first, h.canary, h.idempotent, h.transactional};

	if (result != RESULT_PASS)
		kafka_diagnose_end(all, ARRAY_LEN(all), out);
	return result;
}

const struct check_kind check_kafka = {
    .name = "kafka",
    .summary =
	"brokers, cluster id, topics with their leaders and replicas, at the advertised addresses",
    .schema = &(const struct schema){.size = sizeof(struct kafka_conf), .keys = kafka_keys},
    .urls = {{.scheme = "kafka",
	      .example = "kafka://host:9092/topic",
	      .key = "bootstrap_servers",
	      .path_mark = "/",
	      .path_key = "topics"}},
    .library = kafka_library,
    .validate = kafka_validate,
    .doubt = kafka_doubt,
    .starts_programs = kafka_starts_programs,
    .memory = KAFKA_MEMORY,
    .run = kafka_run,
};
