#include "kafka_client_prop.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>

#include "kafka_properties_file.h"

/* ---- addresses ------------------------------------------------------------------------------------------ */

static const char *without_scheme(const char *entry)
{
	return str_starts(entry, "kafka://") ? entry + strlen("kafka://") : entry;
}

/* host and port of an entry; -1 when it is none. A missing port is Kafka's own, as librdkafka has it. */
static int address_split(const char *entry, char *host, size_t size, int *port)
{
	char text[512];
	size_t len;

	entry = without_scheme(entry);
	len = strlen(entry);
	if (len > 0 && entry[len - 1] == '/')
		len--;
	if (len == 0 || len + sizeof ":65535" > sizeof text)
		return -1;
	snprintf(text, sizeof text, "%.*s", (int)len, entry);
	if (!strchr(text, ':') || text[len - 1] == ']')
		snprintf(text + len, sizeof text - len, ":%d", KAFKA_PORT);
	if (text[0] == '/' || hostport_split(text, host, size, port) < 0 || !*host || *port == 0)
		return -1;
	return 0;
}

const char *kafka_address_problem(const char *entry)
{
	char host[256];
	int port;

	if (strstr(without_scheme(entry), "://"))
		return "has a scheme that is none of Kafka's: write host:port";
	if (strchr(without_scheme(entry), '@'))
		return "has a user part: give sasl.username and sasl.password in properties";
	return address_split(entry, host, sizeof host, &port) < 0 ? "is not host:port" : NULL;
}

void kafka_address_split(const char *entry, char *host, size_t size, int *port)
{
	invariant(address_split(entry, host, size, port) == 0);
}

/* ---- reading --------------------------------------------------------------------------------------------- */

/* librdkafka knows some properties by two names. */
static const char *canonical(const char *name)
{
	static const char *const alias[][2] = {
	    {"sasl.mechanisms", "sasl.mechanism"},
	    {"metadata.broker.list", "bootstrap.servers"},
	};

	for (size_t i = 0; i < ARRAY_LEN(alias); i++)
		if (str_eq(alias[i][0], name))
			return alias[i][1];
	return name;
}

const char *kafka_client_props_get(const struct kafka_client_props *props, const char *name)
{
	for (size_t i = 0; i < props->n; i++)
		if (str_eq(canonical(props->v[i].name), name))
			return props->v[i].value;
	return NULL;
}

bool kafka_client_props_is_true(const struct kafka_client_props *props, const char *name)
{
	const char *value = kafka_client_props_get(props, name);

	return value && (strcasecmp(value, "true") == 0 || strcasecmp(value, "t") == 0 ||
			 str_eq(value, "1"));
}

/* A Java login module's options: password="..." */
static void register_quoted(const char *value)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): `one` is freed at the end of each round */
	for (const char *p = strchr(value, '"'), *end; p; p = strchr(end + 1, '"')) {
		cleanup_free char *one = NULL;

		end = strchr(p + 1, '"');
		if (!end)
			return;
		one = strndup(p + 1, (size_t)(end - p - 1));
		if (one)
			scrub_register(one);
	}
}

static void props_put(struct kafka_client_props *props, struct kafka_client_prop one)
{
	if (secret_sensitive_name(one.name))
		scrub_register(one.value);
	if (strstr(one.name, "jaas"))
		register_quoted(one.value);
	for (size_t i = 0; i < props->n; i++) {
		if (str_eq(canonical(props->v[i].name), canonical(one.name))) {
			props->v[i] = one;
			return;
		}
	}
	invariant(props->n < KAFKA_CLIENT_PROPS_MAX);
	props->v[props->n++] = one;
}

static int take_file(struct kafka_client_props *props, const char *path,
		     struct kafka_properties_file *f, struct diag *out)
{
	struct kafka_client_prop one = {.file = path};
	int got;

	while ((got = kafka_properties_file_next(f, &one.name, &one.value)) > 0) {
		one.line = f->begun;
		if (props->n == KAFKA_CLIENT_PROPS_MAX) {
			check_fail(out, D_KAFKA_PROPERTY, path, "line %d: more than %d properties",
				   one.line, KAFKA_CLIENT_PROPS_MAX);
			return -1;
		}
		props_put(props, one);
	}
	if (got < 0)
		check_fail(out, D_KAFKA_PROPERTY, path, "line %d %s", f->begun, f->problem);
	return got;
}

static int load_file(struct kafka_client_props *props, const char *path, struct diag *out)
{
	struct kafka_properties_file f;
	size_t len;
	char *text = file_read(path, KAFKA_PROPS_FILE_MAX, &len);
	int err = errno;

	if (text) {
		kafka_properties_file_begin(&f, text, len);
		return take_file(props, path, &f, out); /* the text lives as long as the child */
	}
	check_fail(out, err == ENOENT ? D_FILE_MISSING : D_FILE_UNREADABLE, path,
		   "properties_file: %s", err == EFBIG ? "larger than 64 KiB" : strerror(err));
	if (err == EFBIG)
		diag_hint(out,
			  "64 KiB is the limit of a properties_file: name the client's own, and "
			  "keep certificates in files of their own");
	return -1;
}

static void note_traits(struct kafka_client_props *props)
{
	const char *protocol = kafka_client_props_get(props, "security.protocol");
	const char *family = kafka_client_props_get(props, "broker.address.family");

	props->mechanism = kafka_client_props_get(props, "sasl.mechanism");
	props->tls =
	    protocol && (strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0);
	props->sasl = protocol && strncasecmp(protocol, "sasl", 4) == 0;
	if (!props->mechanism)
		props->mechanism = "GSSAPI"; /* librdkafka's default */
	props->context.scram = props->sasl && str_starts(props->mechanism, "SCRAM-");
	props->context.client_cert = kafka_client_props_get(props, "ssl.certificate.location") ||
				     kafka_client_props_get(props, "ssl.certificate.pem") ||
				     kafka_client_props_get(props, "ssl.keystore.location");
	props->context.library = rd_kafka_version();
	props->family = !family                ? AF_UNSPEC
			: str_eq(family, "v4") ? AF_INET
			: str_eq(family, "v6") ? AF_INET6
					       : AF_UNSPEC;
}

int kafka_client_props_load(const struct kafka_client_conf *access,
			    struct kafka_client_props *props, struct diag *out)
{
	*props = (struct kafka_client_props){.n = 0};
	if (access->properties_file && load_file(props, access->properties_file, out) < 0)
		return -1;
	for (size_t i = 0; i < access->properties->n; i++) {
		const struct pair *p = &access->properties->v[i];
		const char *value = p->value ? p->value : secret_reveal(p->secret, out);

		if (!value)
			return -1;
		if (props->n == KAFKA_CLIENT_PROPS_MAX) {
			check_fail(out, D_KAFKA_PROPERTY, "properties", "more than %d properties",
				   KAFKA_CLIENT_PROPS_MAX);
			return -1;
		}
		props_put(props, (struct kafka_client_prop){.name = p->name, .value = value});
	}
	if (access->client_id)
		props_put(props, (struct kafka_client_prop){.name = "client.id",
							    .value = access->client_id});
	note_traits(props);
	return 0;
}

/* ---- complaints ------------------------------------------------------------------------------------------- */

/* The nearest name librdkafka knows, from its own manual page: conf_dump leaves out what has no value yet. */
static const char *nearest_property(const char *name, char *best, size_t size)
{
	char *text = NULL, *line, *next;
	size_t len = 0;
	unsigned least = strlen(name) < 8 ? 1 : 3;
	FILE *page = open_memstream(&text, &len);

	best[0] = '\0';
	if (!page)
		return NULL;
	rd_kafka_conf_properties_show(page);
	fclose(page);
	for (line = text; line; line = next) {
		size_t n = strcspn(line, " |");
		char word[128];
		unsigned d;

		next = strchr(line, '\n');
		if (next)
			next++;
		if (n == 0 || n >= sizeof word)
			continue;
		snprintf(word, sizeof word, "%.*s", (int)n, line);
		d = edit_distance(name, word, least);
		if (d < least || (d == least && !best[0])) {
			least = d;
			snprintf(best, size, "%s", word);
		}
	}
	free(text);
	return best[0] ? best : NULL;
}

/* " (/etc/orders/kafka.properties, line 7)": of the file's settings. */
static const char *place_of(const struct kafka_client_prop *p, char *buf, size_t size)
{
	buf[0] = '\0';
	if (p->file)
		snprintf(buf, size, " (%.180s, line %d)", p->file, p->line);
	return buf;
}

/* Names of newer versions of the library, which the service may have. */
enum newer { NOT_NEWER, NEWER_UNNOTICED, NEWER_NEEDED };

static enum newer newer(const char *name)
{
	/* Whether they are set makes no difference to what a check asks. */
	static const char *const unnoticed[] = {
	    "client.dns.lookup",
	    "enable.metrics.push",
	    "fetch.queue.backoff.ms",
	    "group.remote.assignor",
	    "metadata.recovery.rebootstrap.trigger.ms",
	    "metadata.recovery.strategy",
	    "retry.backoff.max.ms",
	};
	/* A login needs them. */
	static const char *const needed[] = {
	    "https.ca.",
	    "sasl.oauthbearer.assertion.",
	    "sasl.oauthbearer.metadata.authentication.",
	};

	for (size_t i = 0; i < ARRAY_LEN(unnoticed); i++)
		if (str_eq(unnoticed[i], name))
			return NEWER_UNNOTICED;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (str_starts(name, needed[i]))
			return NEWER_NEEDED;
	return NOT_NEWER;
}

static void fail_unknown(const struct kafka_client_prop *p, struct diag *out)
{
	const char *java = kafka_java_property(p->name), *near;
	char best[128], place[220];

	check_fail(out, newer(p->name) == NEWER_NEEDED ? D_KAFKA_LIBRARY_OLD : D_KAFKA_PROPERTY,
		   p->name, "librdkafka %s has no property \"%.200s\"%s", rd_kafka_version_str(),
		   p->name, place_of(p, place, sizeof place));
	if (newer(p->name) == NEWER_NEEDED) {
		diag_hint(out, "newer versions of librdkafka have it: use a startguard that is "
			       "linked with one");
		return;
	}
	if (java) {
		diag_hint(out, "%s is a property of the Java client; here use %s", p->name, java);
		return;
	}
	near = nearest_property(p->name, best, sizeof best);
	if (near)
		diag_hint(out, "did you mean %s?", near);
}

/* librdkafka quotes the value in its words: fine for "acks", not for passwords. */
static void fail_invalid(const struct kafka_client_prop *p, const char *words, struct diag *out)
{
	const char *java = kafka_java_property(p->name);
	enum diag_code code = kafka_new_meaning(words);
	char place[220];

	if (secret_sensitive_name(p->name))
		words = "librdkafka does not accept its value";
	check_fail(out, code, p->name, "%.400s%s", words, place_of(p, place, sizeof place));
	if (java)
		diag_hint(out, "%s is a property of the Java client; here use %s", p->name, java);
	else if (str_eq(p->name, "ssl.endpoint.identification.algorithm") && !*p->value)
		diag_hint(out, "what Java means by an empty value is none here");
}

static int put(rd_kafka_conf_t *conf, const struct kafka_client_prop *p, bool optional,
	       struct diag *out)
{
	char words[512] = "";

	switch (rd_kafka_conf_set(conf, p->name, p->value, words, sizeof words)) {
	case RD_KAFKA_CONF_OK:
		return 0;
	case RD_KAFKA_CONF_UNKNOWN:
		if (optional || newer(p->name) == NEWER_UNNOTICED)
			return 0;
		fail_unknown(p, out);
		return -1;
	case RD_KAFKA_CONF_INVALID:
		break;
	}
	fail_invalid(p, words, out);
	return -1;
}

int kafka_conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, bool optional,
		   struct diag *out)
{
	return put(conf, &(struct kafka_client_prop){.name = name, .value = value}, optional, out);
}

/* ---- what is ours ------------------------------------------------------------------------------------------ */

/* Set before the service's own: only how fast the library tries. */
static const char *const defaults[][2] = {
    {"client.id", "startguard"},
    {"reconnect.backoff.ms", "10"}, /* the default backs off to 10 s while the broker is long up */
    {"reconnect.backoff.max.ms", "50"},
    {"linger.ms", "0"},
};

/* Of the service's settings these would make a check write, join, fence, or talk to somebody else. */
static const char *const never_passed[] = {
    "bootstrap.servers", /* the key of this name counts */
    "group.id",          /* groups are never joined */
    "group.instance.id",
    "group.protocol",
    "transactional.id", /* would fence the running service */
    "enable.idempotence",
    "enable.gapless.guarantee", /* needs the one before */
    "reconnect.backoff.ms", /* how fast this check tries is ours, and librdkafka wants the two to fit */
    "reconnect.backoff.max.ms",
    "statistics.interval.ms",
    "debug",
    "log_level",
    "log.queue", /* reasons are heard from the log */
    "enabled_events",
    "plugin.library.paths", /* a program's own code; interceptors write to topics of their own */
};

/* What stands beside them in many a service's file and is none of librdkafka's: settings of the schema registry's client,
 * and of an interceptor that is not loaded here. */
static const char *const of_others[] = {
    "schema.registry.",
    "basic.auth.",
    "bearer.auth.",
    "confluent.monitoring.interceptor.",
};

static bool is_never_passed(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(never_passed); i++)
		if (str_eq(never_passed[i], name))
			return true;
	return false;
}

static bool is_of_others(const struct kafka_client_prop *p)
{
	for (size_t i = 0; i < ARRAY_LEN(of_others); i++)
		if (p->file && str_starts(p->name, of_others[i]))
			return true;
	return false;
}

const char *kafka_property_problem(const char *name)
{
	if (str_eq(canonical(name), "bootstrap.servers"))
		return "holds bootstrap.servers: give the key bootstrap_servers";
	if (str_starts(name, "test."))
		return "holds a property that replaces the real brokers by simulated ones";
	return NULL;
}

static int apply_one(const struct kafka_client_prop *p, rd_kafka_conf_t *conf, struct diag *out)
{
	char place[220];

	/* Simulated brokers inside the library: everything would pass, against nothing. */
	if (str_starts(p->name, "test.")) {
		check_fail(out, D_KAFKA_PROPERTY, p->name,
			   "replaces the real brokers by simulated ones%s",
			   place_of(p, place, sizeof place));
		diag_hint(out, "drop the property");
		return -1;
	}
	if (is_never_passed(canonical(p->name)) || is_of_others(p))
		return 0;
	return put(conf, p, false, out);
}

static int apply_defaults(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
			  struct diag *out)
{
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if ((is_never_passed(defaults[i][0]) ||
		     !kafka_client_props_get(props, defaults[i][0])) &&
		    kafka_conf_put(conf, defaults[i][0], defaults[i][1], true, out) < 0)
			return -1;
	return 0;
}

static bool has_token(const struct kafka_client_props *props)
{
	const char *method = kafka_client_props_get(props, "sasl.oauthbearer.method");

	return (method && strcasecmp(method, "oidc") == 0) ||
	       kafka_client_props_is_true(props, "enable.sasl.oauthbearer.unsecure.jwt");
}

int kafka_client_props_apply(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
			     struct diag *out)
{
	if (apply_defaults(props, conf, out) < 0)
		return -1;
	for (size_t i = 0; i < props->n; i++)
		if (apply_one(&props->v[i], conf, out) < 0)
			return -1;
	/* Asked for a topic, a producer's handle would have the broker create it. */
	if (kafka_conf_put(conf, "allow.auto.create.topics", "false", false, out) < 0 ||
	    kafka_conf_put(conf, "enable.auto.commit", "false", false, out) < 0 ||
	    kafka_conf_put(conf, "enable.metrics.push", "false", true, out) < 0 ||
	    kafka_conf_put(conf, "log.connection.close", "true", true, out) < 0)
		return -1;
	/* A login that has no way to get a token fails without a word in librdkafka: say it here. */
	if (props->sasl && str_eq(props->mechanism, "OAUTHBEARER") && !has_token(props)) {
		check_fail(out, D_KAFKA_PROPERTY, "sasl.mechanism",
			   "OAUTHBEARER needs sasl.oauthbearer.method=oidc and its properties: a "
			   "program's own "
			   "token callback cannot be used here");
		return -1;
	}
	return 0;
}

bool kafka_client_conf_starts_programs(const struct kafka_client_conf *access)
{
	struct kafka_client_props *props = xcalloc(1, sizeof *props);
	struct diag ignored;

	return kafka_client_props_load(access, props, &ignored) == 0 && props->sasl &&
	       str_eq(props->mechanism, "GSSAPI");
}
