/* kafka: one cluster as a contract. Brokers, cluster and topics are judged from one metadata answer; then every
 * broker that is needed must be ready at the address it advertises; then what the principal may do is asked, all at
 * once. Nothing is written (but the canary, to its own topic), no group is joined, no topic comes into being. */
#include <ctype.h>
#include <librdkafka/rdkafka.h>

#include "check.h"
#include "kafka_acl.h"
#include "kafka_canary.h"
#include "kafka_client.h"
#include "findings.h"
#include "kafka_group.h"
#include "kafka_producer.h"
#include "kafka_topic_config.h"
#include "version.h"
#include "kafka_topic.h"

#define GROUP_PATIENCE_MS \
	500 /* then the brokers are looked at: one of them should be the coordinator */

struct library_conf {
	const char *min_version;
	struct strlist features;
};
struct kafka_conf {
	struct strlist bootstrap_servers;
	struct pairlist properties;
	const char *properties_file;
	const char *client_id;
	const struct library_conf *librdkafka;
	int64_t min_brokers;
	const char *cluster_id;
	bool every_broker;
	struct grouplist topics;
	struct strlist groups;
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
	.doc = "Features that librdkafka must be built with, in its own words (builtin.features).",
	.example = "[\"ssl\", \"sasl_scram\"]"),
    KEY_END,
};
static const struct schema library_schema = {
    .name = "librdkafka", .size = sizeof(struct library_conf), .keys = library_keys};

static const struct key kafka_keys[] = {
    KEY_STRLIST(
	struct kafka_conf, bootstrap_servers, .flags = K_REQUIRED, .check = kafka_address_problem,
	.doc =
	    "host:port of one or more brokers; any one that answers will do. A kafka:// prefix is "
	    "dropped, the port is 9092 unless given.",
	.example = "[\"kafka-1:9092\", \"kafka-2:9092\"]"),
    KEY_PAIRLIST(struct kafka_conf, properties,
		 .doc = "Settings of the service's client in librdkafka's names; secret values by "
			"reference. Settings that would join a group, write or fence are not used.",
		 .example = "[\"security.protocol=SASL_SSL\", \"sasl.mechanism=PLAIN\", "
			    "\"sasl.username=orders\", \"sasl.password=env:KAFKA_PASSWORD\"]"),
    KEY_PATH(struct kafka_conf, properties_file,
	     .doc =
		 "The service's own file of such settings, name=value lines; properties beats it.",
	     .example = "\"/etc/orders/kafka.properties\""),
    KEY_STR(struct kafka_conf, client_id,
	    .doc = "Name under which the brokers see this check; startguard unless given.",
	    .example = "\"orders-startguard\""),
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
static const struct schema kafka_schema = {
    .name = "kafka", .size = sizeof(struct kafka_conf), .keys = kafka_keys};

static const char *kafka_validate(const void *conf, const char **key)
{
	const struct kafka_conf *c = conf;
	const char *problem;

	for (size_t i = 0; i < c->properties.n; i++) {
		problem = kafka_property_problem(c->properties.v[i].name);
		*key = "properties";
		if (problem)
			return problem;
	}
	*key = "groups";
	for (size_t i = 0; i < c->groups.n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(c->groups.v[i], c->groups.v[k]))
				return "names a group twice";
	*key = "topics";
	return kafka_topics_problem(&c->topics);
}

/* ---- the library ------------------------------------------------------------------------------------------- */

static const char *kafka_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "librdkafka %s", rd_kafka_version_str());
	return text;
}

/* From the number: the text of a library that was built out of git may begin with anything. */
static bool library_is_older_than(const char *version)
{
	int v = rd_kafka_version(); /* 0x020601ff is 2.6.1 */
	char text[24];

	snprintf(text, sizeof text, "%d.%d.%d", v >> 24, v >> 16 & 0xff, v >> 8 & 0xff);
	return version_compare(text, version) < 0;
}

static int check_library(const struct library_conf *want, struct diag *out)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[512];

	if (want->min_version && library_is_older_than(want->min_version)) {
		check_fail(out, D_KAFKA_LIBRARY_OLD, "librdkafka",
			   "this is librdkafka %s, min_version is %s", rd_kafka_version_str(),
			   want->min_version);
		diag_hint(out, "use a startguard that is linked with librdkafka %s or newer",
			  want->min_version);
		return -1;
	}
	for (size_t i = 0; i < want->features.n; i++) {
		const char *feature = want->features.v[i];

		/* Setting this property asks for the features instead of changing them (CONFIGURATION.md). */
		if (rd_kafka_conf_set(conf, "builtin.features", feature, words, sizeof words) ==
		    RD_KAFKA_CONF_OK)
			continue;
		check_fail(out, D_KAFKA_FEATURE_MISSING, "librdkafka",
			   "librdkafka %s has no \"%s\": %s", rd_kafka_version_str(), feature,
			   words);
		return -1;
	}
	return 0;
}

/* ---- metadata ------------------------------------------------------------------------------------------------ */

static int get_metadata(struct kafka_client *client, const struct grouplist *topics,
			struct kafka_metadata *metadata, struct diag *out)
{
	/* The call asks for the topics this handle knows; for all of the cluster when it knows none. */
	for (size_t i = 0; i < topics->n; i++) {
		const char *name = GROUP_AT(*topics, struct kafka_topic_conf, i)->name;

		if (!rd_kafka_topic_new(client->rk, name, NULL)) {
			check_fail(out, D_KAFKA_PROPERTY, name, "%s",
				   rd_kafka_err2str(rd_kafka_last_error()));
			return -1;
		}
	}
	check_step(client->run, PH_PROTOCOL, "asking for metadata");
	return kafka_get_metadata(client, NULL, metadata, out);
}

static int judge_cluster(const struct kafka_conf *c, const struct kafka_metadata *m,
			 struct diag *out)
{
	int n = m->md->broker_cnt;

	if (c->cluster_id && !(m->cluster && str_eq(m->cluster, c->cluster_id))) {
		check_fail(out, D_KAFKA_WRONG_CLUSTER, c->bootstrap_servers.v[0],
			   "the cluster is %s, cluster_id is %s",
			   m->cluster ? m->cluster : "without an id", c->cluster_id);
		return -1;
	}
	if (n == 0) {
		check_fail(out, D_KAFKA_NO_BROKERS, c->bootstrap_servers.v[0],
			   "the answer lists no broker");
		return -1;
	}
	if (n < c->min_brokers) {
		check_fail(out, D_KAFKA_TOO_FEW_BROKERS, "cluster",
			   "the cluster lists %d broker%s, min_brokers is %d", n, plural((size_t)n),
			   (int)c->min_brokers);
		return -1;
	}
	return 0;
}

/* Good enough for the demands, and yet worth a word: a replica that is behind, a broker that is gone. */
static void report_lag(const struct check_run *run, const struct kafka_conf *c,
		       const struct rd_kafka_metadata *md, char *words, size_t size)
{
	struct kafka_lag lag;
	int n = 0;

	words[0] = '\0';
	kafka_topics_lag(&c->topics, md, &lag);
	if (lag.behind > 0) {
		check_fact(run, "replicas_out_of_sync", "%d", lag.behind);
		n = snprintf(words, size, ", %d of %d replicas out of sync", lag.behind,
			     lag.replicas);
	}
	if (lag.missing[0]) {
		check_fact(run, "brokers_missing", "%s", lag.missing);
		snprintf(words + n, size - (size_t)n, ", missing: broker %s", lag.missing);
	}
}

static void report_facts(const struct check_run *run, const struct kafka_conf *c,
			 const struct kafka_metadata *m)
{
	int brokers = m->md->broker_cnt;
	char topics[64] = "", cluster[80] = "", lag[160];

	check_fact(run, "brokers", "%d", brokers);
	if (m->cluster) {
		check_fact(run, "cluster_id", "%s", m->cluster);
		snprintf(cluster, sizeof cluster, ", cluster %.60s", m->cluster);
	}
	if (c->topics.n > 0) {
		check_fact(run, "topics", "%zu", c->topics.n);
		snprintf(topics, sizeof topics, ", %zu topic%s", c->topics.n, plural(c->topics.n));
	}
	report_lag(run, c, m->md, lag, sizeof lag);
	check_summary(run, "%d broker%s%s%s%s", brokers, plural((size_t)brokers), cluster, topics,
		      lag);
}

/* ---- brokers that are needed ----------------------------------------------------------------------------- */

static bool is_listed(const struct kafka_broker *v, size_t n, int32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].id == id)
			return true;
	return false;
}

static int check_brokers(struct kafka_client *client, const struct kafka_conf *c,
			 const struct grouplist *topics, const struct rd_kafka_metadata *md,
			 struct diag *out)
{
	bool all = c->every_broker || topics->n == 0;
	struct kafka_broker *v = xcalloc((size_t)md->broker_cnt + 1, sizeof *v);
	size_t n = 0;

	for (int i = 0; i < md->broker_cnt; i++) {
		const struct rd_kafka_metadata_broker *b = &md->brokers[i];

		if ((all || kafka_topics_led_by(topics, md, b->id)) && !is_listed(v, n, b->id))
			v[n++] = (struct kafka_broker){b->id, b->host, b->port};
	}
	return kafka_reach(client, v, n, !c->every_broker && topics->n == 0, out);
}

static struct kafka_broker *all_brokers(const struct rd_kafka_metadata *md)
{
	struct kafka_broker *v = xcalloc((size_t)md->broker_cnt + 1, sizeof *v);

	for (int i = 0; i < md->broker_cnt; i++)
		v[i] = (struct kafka_broker){md->brokers[i].id, md->brokers[i].host,
					     md->brokers[i].port};
	return v;
}

/* ---- what the principal may do ---------------------------------------------------------------------------- */

/* The topics of the profile, and the canary's if it is none of them: it must have leaders and replicas too. */
static struct grouplist needed_topics(const struct kafka_conf *c)
{
	struct kafka_topic_conf *v = xcalloc(c->topics.n + 1, sizeof *v);
	size_t n = 0;
	bool listed = !c->canary;

	for (; n < c->topics.n; n++) {
		v[n] = *GROUP_AT(c->topics, struct kafka_topic_conf, n);
		v[n].canary = c->canary && str_eq(v[n].name, c->canary->topic);
		listed = listed || v[n].canary;
	}
	if (!listed)
		v[n++] = (struct kafka_topic_conf){.name = c->canary->topic,
						   .canary = true,
						   .partitions = INT_UNSET,
						   .min_partitions = INT_UNSET,
						   .replication_factor = INT_UNSET,
						   .min_in_sync_replicas = INT_UNSET};
	return (struct grouplist){n, v};
}

/* The topic's own min.insync.replicas counts for who writes to it, as the canary does, and for who cares about replicas at all. */
static bool wants_config(const struct kafka_topic_conf *t)
{
	return t->canary || t->config.n > 0 || t->min_in_sync_replicas != INT_UNSET ||
	       kafka_topic_wants(t, "write");
}

static struct kafka_query *make_ask(const struct kafka_conf *c, const struct grouplist *topics)
{
	struct kafka_query *a = xcalloc(1, sizeof *a);

	a->topic = xcalloc(topics->n + 1, sizeof *a->topic);
	a->group = xcalloc(c->groups.n + 1, sizeof *a->group);
	for (; a->n_topics < topics->n; a->n_topics++) {
		const struct kafka_topic_conf *t =
		    GROUP_AT(*topics, struct kafka_topic_conf, a->n_topics);

		a->topic[a->n_topics] = (struct kafka_topic_answer){
		    .name = t->name,
		    .config.asked = wants_config(t),
		    .access.asked = t->operations.n > 0,
		};
	}
	for (; a->n_groups < c->groups.n; a->n_groups++)
		a->group[a->n_groups].name = c->groups.v[a->n_groups];
	return a;
}

/* A coordinator that cannot be reached does not answer: why is looked for while its answer is waited for. */
static int ask(struct kafka_client *client, struct kafka_query *a, const struct kafka_broker *v,
	       size_t n, struct diag *out)
{
	struct instant patience = kafka_patience(client);
	struct instant soon = instant_after(instant_now(), DURATION_MS(GROUP_PATIENCE_MS));
	int got;

	check_step(client->run, PH_PROTOCOL, "asking about topics and groups");
	got = kafka_query_run(client, a, instant_earlier(soon, patience), out);
	if (got != 0)
		return got < 0 ? -1 : 0;
	if (kafka_groups_blocked(client, a, v, n, out) < 0)
		return -1;
	return kafka_query_run(client, a, patience, out) < 0 ? -1 : 0;
}

/* Handles for what needs one of its own. They connect while other questions are asked. */
struct handles {
	struct kafka_client *first, *idempotent, *transactional, *canary;
};

static int open_handles(struct handles *h, const struct kafka_conf *c, struct diag *out)
{
	if (c->idempotent && !(h->idempotent = kafka_idempotent_open(h->first, out)))
		return -1;
	if (c->transactional_id &&
	    !(h->transactional = kafka_transactional_open(h->first, c->transactional_id, out)))
		return -1;
	if (c->canary && !(h->canary = kafka_canary_open(h->first, out)))
		return -1;
	return 0;
}

/* One start shows all that is wrong. After what may pass, time is short: it is tried again anyway. */
static bool goes_on(struct findings *f, int failed, struct diag *d)
{
	enum diag_code code = d->code;

	if (failed < 0)
		findings_add(f, d, "");
	*d = (struct diag){.code = D_NONE};
	return failed >= 0 || !diag_info(code)->retryable;
}

static void judge_producers(const struct handles *h, const struct kafka_conf *c,
			    const struct kafka_broker *v, size_t n, struct findings *f)
{
	struct diag d = {.code = D_NONE};

	if (h->idempotent && !goes_on(f, kafka_idempotent_judge(h->idempotent, &d), &d))
		return;
	if (h->transactional)
		goes_on(f,
			kafka_transactional_judge(h->transactional, c->transactional_id, v, n, &d),
			&d);
}

static int judge_permissions(struct handles *h, const struct kafka_conf *c,
			     const struct grouplist *topics, const struct rd_kafka_metadata *md,
			     struct diag *out)
{
	struct kafka_query *a = make_ask(c, topics);
	struct kafka_broker *v = all_brokers(md);
	size_t n = (size_t)md->broker_cnt;
	struct findings f = {.n = 0};
	struct diag d = {.code = D_NONE};

	a->broker = kafka_ready_broker(h->first, v, n);
	if (open_handles(h, c, out) < 0 || ask(h->first, a, v, n, out) < 0)
		return -1;
	if (goes_on(&f, kafka_acl_judge(h->first, topics, a, &d), &d) &&
	    goes_on(&f, kafka_topic_config_judge(h->first->run, topics, a, md, &d), &d) &&
	    goes_on(&f, kafka_groups_judge(h->first, a, v, n, &d), &d))
		judge_producers(h, c, v, n, &f);
	if (findings_result(&f, out) != RESULT_PASS)
		return -1;
	return h->canary ? kafka_canary_judge(c->canary, h->canary, h->first, md, out) : 0;
}

/* ---- one attempt --------------------------------------------------------------------------------------------- */

static struct kafka_client_conf access_of(const struct kafka_conf *c)
{
	return (struct kafka_client_conf){
	    .bootstrap_servers = &c->bootstrap_servers,
	    .properties = &c->properties,
	    .properties_file = c->properties_file,
	    .client_id = c->client_id,
	};
}

static bool kafka_starts_programs(const void *conf)
{
	struct kafka_client_conf access = access_of(conf);

	return kafka_client_conf_starts_programs(&access);
}

static bool tries_reading(const struct kafka_conf *c)
{
	for (size_t i = 0; i < c->topics.n && !kafka_query_knows_acl(); i++)
		if (kafka_topic_wants(GROUP_AT(c->topics, struct kafka_topic_conf, i), "read"))
			return true;
	return false;
}

static enum result attempt(const struct check_run *run, struct handles *h, struct diag *out)
{
	/* A consumer without group can ask for everything that is asked here, and fetch. */
	static const struct kafka_prop_override reader[] = {
	    {"enable.partition.eof", "true"}, {"fetch.wait.max.ms", "2"}, {NULL, NULL}};
	/* Where reading is tried, why a fetch fails is told in the log only. */
	static const struct kafka_prop_override trying_reader[] = {{"enable.partition.eof", "true"},
								   {"fetch.wait.max.ms", "2"},
								   {"debug", "topic"},
								   {NULL, NULL}};
	const struct kafka_conf *c = run->conf;
	const struct kafka_client_conf access = access_of(c);
	struct kafka_client_props *props = xcalloc(1, sizeof *props);
	struct kafka_metadata m;
	struct grouplist topics = needed_topics(c);

	check_step(run, PH_CONFIG, "reading the settings of the Kafka client");
	if (c->librdkafka && check_library(c->librdkafka, out) < 0)
		return RESULT_FAIL;
	if (kafka_client_props_load(&access, props, out) < 0)
		return RESULT_FAIL;
	if ((c->idempotent || c->transactional_id) && kafka_producer_settings(run, props, out) < 0)
		return RESULT_FAIL;
	h->first = kafka_open(run, props, RD_KAFKA_CONSUMER, &c->bootstrap_servers,
			      tries_reading(c) ? trying_reader : reader, out);
	if (!h->first || get_metadata(h->first, &topics, &m, out) < 0)
		return RESULT_FAIL;
	if (props->tls)
		check_reached(run, "tls");
	if (props->sasl)
		check_reached(run, "auth");
	check_reached(run, "metadata");
	report_facts(run, c, &m);
	if (judge_cluster(c, &m, out) < 0 || kafka_topics_judge(&topics, m.md, out) < 0 ||
	    check_brokers(h->first, c, &topics, m.md, out) < 0)
		return RESULT_FAIL;
	check_reached(run, "brokers");
	return judge_permissions(h, c, &topics, m.md, out) < 0 ? RESULT_FAIL : RESULT_PASS;
}

static enum result kafka_run(const struct check_run *run, struct diag *out)
{
	struct handles h = {.first = NULL};
	enum result result = attempt(run, &h, out);
	struct kafka_client *const all[] = {h.first, h.canary, h.idempotent, h.transactional};

	if (result != RESULT_PASS)
		kafka_explain_throttling(all, ARRAY_LEN(all), out);
	return result;
}

static const struct check_url kafka_urls[] = {
    {.scheme = "kafka",
     .example = "kafka://host:9092/topic",
     .key = "bootstrap_servers",
     .path_mark = "/",
     .path_key = "topics"},
    {.scheme = NULL},
};

extern const struct check_kind check_kafka;
const struct check_kind check_kafka = {
    .name = "kafka",
    .summary =
	"brokers, cluster id, topics with their leaders and replicas, at the advertised addresses",
    .schema = &kafka_schema,
    .urls = kafka_urls,
    .library = kafka_library,
    .validate = kafka_validate,
    .starts_programs = kafka_starts_programs,
    .memory = KAFKA_MEMORY,
    .run = kafka_run,
};
