#include "kafka_client_prop.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>

#include "file_fail.h"
#include "findings.h"
#include "flaw.h"
#include "kafka_address.h"
#include "kafka_java.h"
#include "kafka_properties_file.h"
#include "scrub.h"

#define PAGE_LINES_MAX 1024 /* lines of librdkafka's list of properties: one each */

/* ---- reading --------------------------------------------------------------------------------------------- */

/* Returns one name for the properties that have two in librdkafka. */
static const char *canonical_name(const char *name)
{
	static const char *const alias[][2] = {
	    {"sasl.mechanisms", "sasl.mechanism"},
	    {"metadata.broker.list", "bootstrap.servers"},
	};

	const char *canonical = word_meaning(name, alias, ARRAY_LEN(alias));

	return canonical ? canonical : name;
}

const char *kafka_client_props_get(const struct kafka_client_props *props, const char *name)
{
	for (size_t i = 0; i < props->n; i++)
		if (str_eq(canonical_name(props->v[i].name), name))
			return props->v[i].value;
	return NULL;
}

bool kafka_client_props_is_true(const struct kafka_client_props *props, const char *name)
{
	const char *value = kafka_client_props_get(props, name);

	return value && (strcasecmp(value, "true") == 0 || strcasecmp(value, "t") == 0 ||
			 str_eq(value, "1"));
}

/* Of a JAAS line only the options are secret: its words, such as "security", occur in the names of properties. */
static void register_secret(const struct kafka_client_prop *p)
{
	if (strcasestr(p->name, "jaas"))
		secret_register_jaas(p->value);
	else if (secret_sensitive_name(p->name))
		scrub_register(p->value);
}

/* Adds a property, or replaces an earlier one of the same name. */
static enum result props_put(struct kafka_client_props *props, struct kafka_client_prop one,
			     struct diag *out)
{
	register_secret(&one);
	for (size_t i = 0; i < props->n; i++) {
		if (str_eq(canonical_name(props->v[i].name), canonical_name(one.name))) {
			props->v[i] = one;
			return RESULT_PASS;
		}
	}
	if (props->n == KAFKA_CLIENT_PROPS_MAX)
		return check_fail(out, D_KAFKA_PROPERTY, one.file ? one.file : "properties",
				  "more than %d properties", KAFKA_CLIENT_PROPS_MAX);
	props->v[props->n++] = one;
	return RESULT_PASS;
}

static enum result put_file_props(struct kafka_client_props *props, const char *path,
				  struct kafka_properties_file *f, struct diag *out)
{
	struct kafka_client_prop one = {.file = path};
	int got;

	while ((got = kafka_properties_file_next(f, &one.name, &one.value)) > 0) {
		one.line = f->begin;
		if (props_put(props, one, out) != RESULT_PASS)
			return RESULT_FAIL;
	}
	return got == 0
		   ? RESULT_PASS
		   : check_fail(out, D_KAFKA_PROPERTY, path, "line %d %s", f->line, f->problem);
}

static enum result load_file(struct kafka_client_props *props, const char *path, struct diag *out)
{
	size_t len = 0;
	char *text = file_read(path, KAFKA_PROPS_FILE_MAX, &len);

	if (text) /* never freed: the properties point into it */
		return put_file_props(
		    props, path, &(struct kafka_properties_file){.next = text, .end = text + len},
		    out);
	if (errno != EFBIG)
		return file_fail(out, errno, path, "properties_file");
	check_fail(out, D_FILE_UNREADABLE, path, "properties_file: larger than 64 KiB");
	diag_hint(out, "64 KiB is the limit of a properties_file: name the client's own, and keep "
		       "certificates in files of their own");
	return RESULT_FAIL;
}

static bool has_either(const struct kafka_client_props *props, const char *file, const char *text)
{
	return kafka_client_props_get(props, file) || kafka_client_props_get(props, text);
}

static void derive_settings(struct kafka_client_props *props)
{
	const char *family = kafka_client_props_get(props, "broker.address.family");
	const char *user = kafka_client_props_get(props, "sasl.username");

	if (user)
		flaw_note("sasl.username", user);

	props->protocol = kafka_client_props_get(props, "security.protocol");
	props->mechanism = kafka_client_props_get(props, "sasl.mechanism");
	if (!props->protocol)
		props->protocol = "PLAINTEXT"; /* librdkafka's default */
	props->tls =
	    strcasecmp(props->protocol, "ssl") == 0 || strcasecmp(props->protocol, "sasl_ssl") == 0;
	props->sasl = strncasecmp(props->protocol, "sasl", 4) == 0;
	if (!props->mechanism)
		props->mechanism = "GSSAPI"; /* librdkafka's default */
	props->token = props->sasl && str_eq(props->mechanism, "OAUTHBEARER");
	props->context.scram = props->sasl && str_starts(props->mechanism, "SCRAM-");
	props->context.client_cert =
	    (has_either(props, "ssl.certificate.location", "ssl.certificate.pem") &&
	     has_either(props, "ssl.key.location", "ssl.key.pem")) ||
	    kafka_client_props_get(props, "ssl.keystore.location");
	props->context.library = rd_kafka_version();
	props->family = AF_UNSPEC;
	if (family && str_eq(family, "v4"))
		props->family = AF_INET;
	else if (family && str_eq(family, "v6"))
		props->family = AF_INET6;
}

enum result kafka_client_props_load(const struct kafka_client_conf *conf,
				    struct kafka_client_props *props, struct diag *out)
{
	struct kafka_client_prop id = {.name = "client.id", .value = conf->client_id};

	*props = (struct kafka_client_props){.n = 0};
	if (conf->properties_file && load_file(props, conf->properties_file, out) != RESULT_PASS)
		return RESULT_FAIL;
	for (size_t i = 0; i < conf->properties->n; i++) {
		const struct pair *p = &conf->properties->v[i];
		struct kafka_client_prop one = {.name = p->name, .value = p->value};

		if (!one.value && !(one.value = secret_reveal_property(p->name, p->secret, out)))
			return RESULT_FAIL;
		if (props_put(props, one, out) != RESULT_PASS)
			return RESULT_FAIL;
	}
	if (id.value && props_put(props, id, out) != RESULT_PASS)
		return RESULT_FAIL;
	derive_settings(props);
	return RESULT_PASS;
}

/* ---- setting ------------------------------------------------------------------------------------------- */

/* Returns the nearest name in librdkafka's printed list of properties; rd_kafka_conf_dump leaves out those without a value. */
static const char *nearest_property(const char *name)
{
	const char *names[PAGE_LINES_MAX] = {NULL};
	char *text = NULL, *line, *rest;
	size_t len, n = 0;
	FILE *page = open_memstream(&text, &len);

	if (!page)
		return NULL;
	rd_kafka_conf_properties_show(page);
	fclose(page);
	for (line = strtok_r(text, "\n", &rest); line && n < PAGE_LINES_MAX - 1;
	     line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, " |")] = '\0';
		names[n++] = line;
	}
	return nearest_word(name, names); /* never free the page: `names` points into it */
}

struct place {
	char text[220];
};
/* Returns " (/etc/orders/kafka.properties, line 7)" for a property from a file, else "". */
static struct place place_of(const struct kafka_client_prop *p)
{
	struct place place = {""};

	if (p->file)
		snprintf(place.text, sizeof place.text, " (%.180s, line %d)", p->file, p->line);
	return place;
}

/* Properties of newer librdkafka versions that a check does not need; an older library skips them. */
static const char *const newer_unneeded[] = {
    "client.dns.lookup",
    "enable.metrics.push",
    "fetch.queue.backoff.ms",
    "group.remote.assignor",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "retry.backoff.max.ms",
    NULL,
};
/* Prefixes of properties of newer librdkafka versions that a login needs; with an older library they fail the check. */
static const char *const newer_needed[] = {
    "https.ca.",
    "sasl.oauthbearer.assertion.",
    "sasl.oauthbearer.metadata.authentication.",
    NULL,
};

static bool is_listed(const char *const *names, const char *name)
{
	while (*names && !str_eq(*names, name))
		names++;
	return *names != NULL;
}

static bool begins_as_listed(const char *const *prefixes, const char *name)
{
	while (*prefixes && !str_starts(name, *prefixes))
		prefixes++;
	return *prefixes != NULL;
}

static enum result fail_unknown(const struct kafka_client_prop *p, struct diag *out)
{
	bool newer_library = begins_as_listed(newer_needed, p->name);
	const char *near = newer_library ? NULL : nearest_property(p->name);

	check_fail(out, newer_library ? D_KAFKA_LIBRARY_OLD : D_KAFKA_PROPERTY, p->name,
		   "librdkafka %s has no property \"%.200s\"%s", rd_kafka_version_str(), p->name,
		   place_of(p).text);
	if (newer_library)
		diag_hint(out, "newer versions of librdkafka have it: use a startguard that is "
			       "linked with one");
	else if (near)
		diag_hint(out, "did you mean %s?", near);
	return RESULT_FAIL;
}

/* librdkafka's error quotes the value, which helps with "acks" and would leak a password. */
static enum result fail_invalid(const struct kafka_client_prop *p, const char *error,
				struct diag *out)
{
	enum diag_code code = kafka_new_meaning(error);

	if (secret_sensitive_name(p->name))
		error = "librdkafka does not accept its value";
	check_fail(out, code, p->name, "%.400s%s", error, place_of(p).text);
	if (str_eq(p->name, "ssl.endpoint.identification.algorithm") && !*p->value)
		diag_hint(out, "what Java means by an empty value is none here");
	return RESULT_FAIL;
}

static enum result set_prop(rd_kafka_conf_t *conf, const struct kafka_client_prop *p,
			    struct diag *out)
{
	char error[512] = "";

	switch (rd_kafka_conf_set(conf, p->name, p->value, error, sizeof error)) {
	case RD_KAFKA_CONF_OK:
		return RESULT_PASS;
	case RD_KAFKA_CONF_UNKNOWN:
		return is_listed(newer_unneeded, p->name) ? RESULT_PASS : fail_unknown(p, out);
	case RD_KAFKA_CONF_INVALID:
		break;
	}
	return fail_invalid(p, error, out);
}

enum result kafka_prop_overrides_apply(const struct kafka_prop_override *v, rd_kafka_conf_t *conf,
				       struct diag *out)
{
	for (; v && v->name; v++)
		if (set_prop(conf, &(struct kafka_client_prop){.name = v->name, .value = v->value},
			     out) != RESULT_PASS)
			return RESULT_FAIL;
	return RESULT_PASS;
}

/* Returns librdkafka's equivalent of a Java property that it does not have, else NULL. */
static const char *java_equivalent(const struct kafka_client_prop *p, const rd_kafka_conf_t *conf)
{
	size_t size = 0;
	const char *here = kafka_java_property(p->name, p->value);

	return here && rd_kafka_conf_get(conf, p->name, NULL, &size) != RD_KAFKA_CONF_OK ? here
											 : NULL;
}

/* What a client in Java has and librdkafka does not: names for the cause, and for the hint what to use or leave out. */
struct java_names {
	const struct kafka_client_prop *first;
	struct str names, use, drop;
};

static void add_java_name(struct java_names *j, const struct kafka_client_prop *p, const char *here)
{
	j->first = j->first ? j->first : p;
	str_addf(&j->names, "%s%s", j->names.len ? ", " : "", p->name);
	if (p->file)
		str_addf(&j->names, " (line %d)", p->line);
	if (*here)
		str_addf(&j->use, "%sin place of %s use %s", j->use.len ? "; " : "", p->name, here);
	else
		str_addf(&j->drop, "%s%s", j->drop.len ? ", " : "leave out ", p->name);
}

/* Refuses properties of the Java client. Names all of them at once, with librdkafka's equivalents. */
static enum result refuse_java(const struct kafka_client_props *props, const rd_kafka_conf_t *conf,
			       struct diag *out)
{
	struct java_names j = {.first = NULL};

	str_init(&j.names, DIAG_CAUSE_MAX);
	str_init(&j.use, DIAG_HINT_MAX);
	str_init(&j.drop, DIAG_HINT_MAX);
	for (size_t i = 0; i < props->n; i++) {
		const char *here = java_equivalent(&props->v[i], conf);

		if (here)
			add_java_name(&j, &props->v[i], here);
	}
	if (!j.first)
		return RESULT_PASS;
	check_fail(out, D_KAFKA_PROPERTY, j.first->name,
		   "%.180s has properties of the Java client, which librdkafka does not know: %s",
		   j.first->file ? j.first->file : "properties", j.names.s);
	diag_hint(out, "%s%s%s", j.use.s, j.use.len && j.drop.len ? "; " : "", j.drop.s);
	return RESULT_FAIL;
}

static enum result refuse_mechanism(const struct kafka_client_props *props, struct diag *out)
{
	const char *hint = props->sasl ? kafka_mechanism_hint(props->mechanism) : NULL;

	if (!hint)
		return RESULT_PASS;
	check_fail(out, D_KAFKA_PROPERTY, "sasl.mechanism",
		   "librdkafka has no SASL mechanism \"%.100s\"", props->mechanism);
	diag_hint(out, "%s", hint);
	return RESULT_FAIL;
}

/* ---- startguard's own properties ----------------------------------------------------------------------------------------- */

/* Properties that are set before the service's, which replace them; they only make librdkafka try faster. */
static const struct kafka_prop_override defaults[] = {
    {"client.id", "startguard"},
    /* By default librdkafka may wait 10 s before it tries a broker again. */
    {"reconnect.backoff.ms", "10"},
    {"reconnect.backoff.max.ms", "50"},
    {"linger.ms", "0"},
    {NULL, NULL},
};

/* Properties that are set after the service's and replace them. */
static const struct kafka_prop_override overrides[] = {
    /* Otherwise a metadata request of a producer may create a missing topic. */
    {"allow.auto.create.topics", "false"},
    {"enable.auto.commit", "false"},
    {"enable.metrics.push", "false"},
    {"log.connection.close", "true"},
    {NULL, NULL},
};

/* The service's properties that are never set: they would make a check write, join, fence, use other servers or load code. */
static const char *const never_passed[] = {
    "bootstrap.servers", /* the profile's key bootstrap_servers is used */
    "group.id",          /* a check never joins a group */
    "group.instance.id",
    "group.protocol",
    "transactional.id", /* would fence the running service */
    "enable.idempotence",
    "enable.gapless.guarantee", /* invalid without enable.idempotence */
    "reconnect.backoff.ms",     /* in `defaults`; must not exceed reconnect.backoff.max.ms */
    "reconnect.backoff.max.ms",
    "statistics.interval.ms",
    "debug",
    "log_level",
    "log.queue", /* would take the log from kafka_events */
    "enabled_events",
    "plugin.library.paths", /* loads code; interceptors may write to topics */
    NULL,
};

/* Prefixes of properties in a service's file that are for the schema registry's client, or an interceptor not loaded here. */
static const char *const foreign_prefixes[] = {
    "schema.registry.", "basic.auth.", "bearer.auth.", "confluent.monitoring.interceptor.", NULL,
};

static enum result apply_prop(const struct kafka_client_prop *p, rd_kafka_conf_t *conf,
			      struct diag *out)
{
	/* These make librdkafka simulate brokers, so every check would pass. */
	if (str_starts(p->name, "test.")) {
		check_fail(out, D_KAFKA_PROPERTY, p->name,
			   "replaces the real brokers by simulated ones%s", place_of(p).text);
		diag_hint(out, "drop the property");
		return RESULT_FAIL;
	}
	if (is_listed(never_passed, canonical_name(p->name)) ||
	    (p->file && begins_as_listed(foreign_prefixes, p->name)))
		return RESULT_PASS;
	return set_prop(conf, p, out);
}

static bool can_get_token(const struct kafka_client_props *props)
{
	const char *method = kafka_client_props_get(props, "sasl.oauthbearer.method");

	return (method && strcasecmp(method, "oidc") == 0) ||
	       kafka_client_props_is_true(props, "enable.sasl.oauthbearer.unsecure.jwt");
}

static enum result refuse_login(const struct kafka_client_props *props, struct diag *out)
{
	if (refuse_mechanism(props, out) != RESULT_PASS)
		return RESULT_FAIL;
	/* librdkafka reports nothing when a login has no way to get a token, so fail here. */
	if (props->sasl && str_eq(props->mechanism, "OAUTHBEARER") && !can_get_token(props))
		return check_fail(out, D_KAFKA_PROPERTY, "sasl.mechanism",
				  "OAUTHBEARER needs sasl.oauthbearer.method=oidc and its "
				  "properties: a program's own token callback cannot be used here");
	return RESULT_PASS;
}

static void collect_fault(struct findings *f, enum result r, const struct diag *d)
{
	if (r != RESULT_PASS)
		findings_add(f, d, d->cause);
}

/* Collects all faults, so that one start shows them. */
static enum result apply_props(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
			       struct diag *out)
{
	struct findings f = {.n = 0};
	struct diag d = {.code = D_NONE};

	collect_fault(&f, refuse_java(props, conf, &d), &d);
	for (size_t i = 0; i < props->n; i++)
		if (!java_equivalent(&props->v[i], conf))
			collect_fault(&f, apply_prop(&props->v[i], conf, &d), &d);
	collect_fault(&f, refuse_login(props, &d), &d);
	return findings_result(&f, out);
}

enum result kafka_client_props_apply(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
				     struct diag *out)
{
	if (kafka_prop_overrides_apply(defaults, conf, out) != RESULT_PASS ||
	    apply_props(props, conf, out) != RESULT_PASS)
		return RESULT_FAIL;
	return kafka_prop_overrides_apply(overrides, conf, out);
}

enum result kafka_client_props_fit(const struct kafka_client_props *props,
				   const struct strlist *servers, struct diag *out)
{
	for (size_t i = 0; i < servers->n; i++) {
		const char *protocol = kafka_address_protocol(servers->v[i]);

		if (!protocol || strcasecmp(protocol, props->protocol) == 0)
			continue;
		check_fail(out, D_KAFKA_PROPERTY, "security.protocol",
			   "the bootstrap server %.200s is named as a listener of %s, and "
			   "security.protocol is %.40s%s",
			   servers->v[i], protocol, props->protocol,
			   kafka_client_props_get(props, "security.protocol") ? "" : " by default");
		diag_hint(out, "set security.protocol=%s, or use the address of the other listener",
			  protocol);
		return RESULT_FAIL;
	}
	return RESULT_PASS;
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

const char *kafka_client_conf_problem(const struct kafka_client_conf *conf, const char **key)
{
	*key = "properties";
	for (size_t i = 0; i < conf->properties->n; i++) {
		const char *name = conf->properties->v[i].name;

		if (str_eq(canonical_name(name), "bootstrap.servers"))
			return "holds bootstrap.servers: give the key bootstrap_servers";
		if (str_starts(name, "test."))
			return "holds a property that replaces the real brokers by simulated ones";
	}
	return NULL;
}

/* How many of the first n properties have this name. */
static size_t count_named(const struct pairlist *properties, size_t n, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += str_eq(canonical_name(properties->v[i].name), canonical_name(name));
	return count;
}

const char *kafka_client_conf_doubt(const struct kafka_client_conf *conf,
				    const struct strlist *groups, const char **key)
{
	const struct pairlist *properties = conf->properties;
	static char why[200];

	*key = "properties";
	for (size_t i = 0; i < properties->n; i++) {
		const struct pair *p = &properties->v[i];

		if (count_named(properties, i, p->name)) {
			snprintf(why, sizeof why, "sets %.80s twice; the last one counts", p->name);
			return why;
		}
		if (str_eq(p->name, "client.id") && conf->client_id)
			return "sets client.id, and so does the key client_id, which counts";
		if (str_eq(p->name, "group.id") && p->value && groups &&
		    !strlist_has(groups, p->value)) {
			snprintf(why, sizeof why,
				 "sets group.id = %.80s, which is not used: the groups that are "
				 "checked stand in groups",
				 p->value);
			return why;
		}
	}
	return NULL;
}

bool kafka_client_conf_starts_programs(const struct kafka_client_conf *conf)
{
	struct kafka_client_props *props = xcalloc(1, sizeof *props);
	struct diag ignored;

	return kafka_client_props_load(conf, props, &ignored) == RESULT_PASS && props->sasl &&
	       str_eq(props->mechanism, "GSSAPI");
}
