#include <ctype.h>

#include "key_types.h"

/* ---- the names that there are -------------------------------------------------------------------------------------------- */
const struct key *schema_find(const struct schema *schema, const char *name)
{
	for (const struct key *k = schema->keys; k->name; k++)
		if (str_eq(k->name, name))
			return k;
	return NULL;
}

const char *schema_nearest(const struct schema *schema, const char *name)
{
	const char *names[128];
	size_t n = 0;

	for (const struct key *k = schema->keys; k->name && n + 1 < ARRAY_LEN(names); k++)
		names[n++] = k->name;
	names[n] = NULL;
	return nearest_word(name, names);
}

/* ---- the names that other tools have ------------------------------------------------------------------------------------- */

#define VERIFIED "certificates are always verified; write ca_file = \"...\" for a CA of your own"

/* What the configuration of other tools calls a key. A row holds only where one of the schemas has `key`; the first row that
 * holds is taken, so a row for few schemas stands before one for many. */
static const struct {
	const char *word, *key, *remedy; /* NULL: the key's own name says it */
} synonyms[] = {
    {"db", "database", NULL},
    {"dbname", "database", NULL},
    {"database_name", "database", NULL},
    {"database_url", "dsn", NULL},
    {"db_url", "dsn", NULL},
    {"connection_string", "dsn", NULL},
    {"conninfo", "dsn", NULL},
    {"connection", "dsn", NULL},
    {"url", "bootstrap_servers", NULL},
    {"address", "bootstrap_servers", NULL},
    {"uri", "bootstrap_servers", NULL},
    {"servers", "bootstrap_servers", NULL},
    {"servers", "seeds", NULL},
    {"nodes", "seeds", NULL},
    {"servers", "url", NULL},
    {"address", "url", "write url = \"scheme://host:port\""},
    {"port", "free_port",
     "write url = \"http://host:9090/metrics\", or free_port = \"0.0.0.0:9090\" for the service's "
     "own"},
    {"username", "properties", "write properties = [\"sasl.username=...\"]"},
    {"user", "username", NULL},
    {"user", "properties", "write properties = [\"sasl.username=...\"]"},
    {"password", "properties", "write properties = [\"sasl.password=env:NAME\"]"},
    {"sasl", "properties",
     "write properties = [\"sasl.mechanism=...\", \"sasl.username=...\", "
     "\"sasl.password=env:NAME\"]"},
    {"ca", "ca_file", NULL},
    {"ca", "properties", "write properties = [\"ssl.ca.location=...\"]"},
    {"ca_file", "properties", "write properties = [\"ssl.ca.location=...\"]"},
    {"tls", "properties", "write properties = [\"security.protocol=SSL\"]"},
    {"ssl", "properties", "write properties = [\"security.protocol=SSL\"]"},
    {"group_id", "groups", "write groups = [\"...\"] for the right to use the group"},
    {"group", "groups", "write groups = [\"...\"] for the right to use the group"},
    {"consumer_group", "groups",
     "write groups = [\"...\"] for the right to use the group, or consumers for one that must be "
     "active"},
    {"replicas", "replication_factor", NULL},
    {"ssl", "sslmode", "write sslmode = \"require\", or \"verify-full\""},
    {"tls", "sslmode", "write sslmode = \"require\", or \"verify-full\""},
    {"ssl", "seeds", "write rediss:// in the url, or tls = true with sentinels or seeds"},
    {"ssl", "tls", NULL},
    {"topic", "name", NULL},
    {"subject", "name", NULL},
    {"family", "name", NULL},
    {"metric", "name", NULL},
    {"names", "families", NULL},
    {"metrics", "families", NULL},
    {"series", "families", NULL},
    {"key", "at", NULL},
    {"pointer", "at", NULL},
    {"jsonpath", "at", NULL},
    {"expected", "equals", NULL},
    {"eq", "equals", NULL},
    {"sql", "query", "write query = { sql = \"...\"; }"},
    {"version", "min_version", NULL},
    {"schema", "tables", "write the table with its schema: tables = [\"schema.table\"]"},
    {"alembic", "migration", "write migration = { heads = \"/app/alembic/versions\"; }"},
    {"django", "migration",
     "write migration = { tool = \"django\"; app = \"...\"; heads = \"/app/APP/migrations\"; }"},
    {"flyway", "migration", "write migration = { tool = \"flyway\"; heads = \"/flyway/sql\"; }"},
    {"kind", "tool", NULL},
    {"type", "tool", NULL},
    {"framework", "tool", NULL},
    {"key", "keys", NULL},
    {"acl", "can", NULL},
    {"commands", "can", NULL},
    {"permissions", "can", NULL},
    {"user", "owner", NULL},
    {"uid", "owner", NULL},
    {"group", "owner", "write owner = \"user:group\""},
    {"gid", "owner", "write owner = \"user:group\""},
    {"permissions", "mode_at_most", NULL},
    {"perms", "mode_at_most", NULL},
    {"perm", "mode_at_most", NULL},
    {"chmod", "mode_at_most", NULL},
    {"size", "min_size", NULL},
    {"non_empty", "not_empty", NULL},
    {"regex", "contains", NULL},
    {"matches", "contains", NULL},
    {"name", "any_of", "write required = [\"NAME\"]"},
    {"variables", "any_of", "write required = [\"NAME\", ...]"},
    {"vars", "any_of", "write required = [\"NAME\", ...]"},
    {"variable", "any_of", "write required = [\"NAME\"]"},
    {"pattern", "match", NULL},
    {"regex", "match", NULL},
    {"regexp", "match", NULL},
    {"env", "command",
     "a command has the environment of startguard; write command = [\"env\", \"NAME=value\", "
     "\"...\"]"},
    {"environment", "command",
     "a command has the environment of startguard; write command = [\"env\", \"NAME=value\", "
     "\"...\"]"},
    {"shell", "command", "write command = [\"sh\", \"-c\", \"...\"]"},
    {"script", "command", NULL},
    {"stdout", "stdout_contains", NULL},
    {"output", "stdout_contains", NULL},
    {"expect", "stdout_contains", NULL},
    {"contains", "stdout_contains", NULL},
    {"regex", "stdout_matches", NULL},
    {"matches", "stdout_matches", NULL},
    {"user", "command", "a command runs as the user of startguard"},
    {"auth", "token", "write token = \"env:NAME\", or username and password"},
    {"bearer", "token", NULL},
    {"bearer_token", "token", NULL},
    {"api_key", "token", NULL},
    {"apikey", "token", NULL},
    {"access_token", "token", NULL},
    {"payload", "body", NULL},
    {"data", "body", NULL},
    {"post_data", "body", NULL},
    {"contains", "body_contains", NULL},
    {"body_regex", "body_contains", NULL},
    {"body_matches", "body_contains", NULL},
    {"text", "body_contains", NULL},
    {"regex", "body_contains", NULL},
    {"pattern", "body_contains", NULL},
    {"matches", "body_contains", NULL},
    {"match", "body_contains", NULL},
    {"response", "body_contains", NULL},
    {"expected_body", "body_contains", NULL},
    {"expect", "body_contains",
     "write status = [200], json = ( { at = \"/...\"; equals = ...; } ) or body_contains = "
     "\"...\""},
    {"expect_status", "status", NULL},
    {"expect_status_code", "status", NULL},
    {"expected_code", "status", NULL},
    {"http_status", "status", NULL},
    {"response_code", "status", NULL},
    {"max_time", "attempt_timeout", NULL},
    {"connect_timeout", "attempt_timeout", NULL},
    {"read_timeout", "attempt_timeout", NULL},
    {"max_redirects", "follow", NULL},
    {"follow_redirect", "follow", NULL},
    {"redirects", "follow", NULL},
    {"allow_redirects", "follow", NULL},
    {"contains", "at", "a value of a list is found by its place: at = \"/roles/0\""},
    {"includes", "at", "a value of a list is found by its place: at = \"/roles/0\""},
    {"policy", "decisions", "write decisions = [\"shop/allow\"]"},
    {"rule", "decisions", "write decisions = [\"shop/allow\"]"},
    {"query", "decisions", "write decisions = [\"shop/allow\"]"},
    {"package", "decisions", "write decisions = [\"shop/allow\"]"},
    {"input", "decisions",
     "it belongs to a decision: decisions = ( { path = \"shop/allow\"; input = \"{}\"; } )"},
    {"record", "type", NULL},
    {"record_type", "type", NULL},
    {"domain", "name", NULL},
    {"packages", "distributions", NULL},
    {"requirements", "distributions", "write distributions = [\"NAME >= 1.0\"]"},
    {"imports", "modules", NULL},
    {"packages", "modules", NULL},
    {"name", "description",
     "the name of a check stands before its brace: http: { NAME: { ... }; }"},
    {"kind", "description", "the kind of a check stands around it: http: { NAME: { ... }; }"},
    {"type", "description", "the kind of a check stands around it: http: { NAME: { ... }; }"},
    {"insecure", "ca_file", VERIFIED},
    {"verify", "ca_file", VERIFIED},
    {"skip_verify", "ca_file", VERIFIED},
    {"verify_ssl", "ca_file", VERIFIED},
    {"ssl_verify", "ca_file", VERIFIED},
    {"tls_verify", "ca_file", VERIFIED},
    {"verify_tls", "ca_file", VERIFIED},
    {"verify_certificate", "ca_file", VERIFIED},
    {"insecure_skip_verify", "ca_file", VERIFIED},
    {"skip_tls_verify", "ca_file", VERIFIED},
    {"insecure_skip_tls_verify", "ca_file", VERIFIED},
    {"tls_skip_verify", "ca_file", VERIFIED},
    {"validate_certs", "ca_file", VERIFIED},
    {"check_certificate", "ca_file", VERIFIED},
    {"no_check_certificate", "ca_file", VERIFIED},
    {"allow_insecure", "ca_file", VERIFIED},
    {"optional", "required", "write required = false; degraded = \"...\""},
    {"mandatory", "required", NULL},
    {"host", "address", "write address = \"host:port\""},
    {"host", "url", "write url = \"scheme://host:port\""},
    {"host", "bootstrap_servers", NULL},
    {"host", "names", NULL},
    {"hostname", "address", "write address = \"host:port\""},
    {"hostname", "url", "write url = \"scheme://host:port\""},
    {"port", "address", "write address = \"host:port\""},
    {"port", "url", "write url = \"scheme://host:port\""},
    {"brokers", "bootstrap_servers", NULL},
    {"servers", "bootstrap_servers", NULL},
    {"hosts", "bootstrap_servers", NULL},
    {"uri", "url", NULL},
    {"endpoint", "url", NULL},
    {"db", "url", "write it into the path: url = \"scheme://host:port/DATABASE\""},
    {"database", "url", "write it into the path: url = \"scheme://host:port/DATABASE\""},
    {"dbname", "url", "write it into the path: url = \"scheme://host:port/DATABASE\""},
    {"user", "username", NULL},
    {"pass", "password", NULL},
    {"passwd", "password", NULL},
    {"ca", "ca_file", NULL},
    {"cacert", "ca_file", NULL},
    {"ssl_ca", "ca_file", NULL},
    {"cert", "cert_file", NULL},
    {"key", "key_file", NULL},
    {"depends_on", "after", NULL},
    {"needs", "after", NULL},
    {"requires", "after", NULL},
    {"retries", "timeout", "a check is tried until timeout"},
    {"attempts", "timeout", "a check is tried until timeout"},
    {"max_attempts", "timeout", "a check is tried until timeout"},
    {"failurethreshold", "timeout", "a check is tried until timeout"},
    {"maxretries", "timeout", "a check is tried until timeout"},
    {"tries", "timeout", "a check is tried until timeout"},
    {"timeoutseconds", "attempt_timeout", "write attempt_timeout = \"5s\""},
    {"deadline", "timeout", NULL},
    {"max_wait", "timeout", NULL},
    {"periodseconds", "interval", "write interval = \"5s\""},
    {"retry_interval", "interval", NULL},
    {"backoff", "interval", NULL},
    {"wait", "interval", NULL},
    {"initialdelayseconds", "timeout", "checks begin at once and are tried until timeout"},
    {"initial_delay", "timeout", "checks begin at once and are tried until timeout"},
    {"start_period", "timeout", "checks begin at once and are tried until timeout"},
    {"enabled", "only_in", "write only_in = [\"dev\"], or leave the check out"},
    {"disabled", "only_in", "write only_in = [\"dev\"], or leave the check out"},
    {"when", "only_in", "write only_in = [\"dev\"]"},
    {"if", "only_in", "write only_in = [\"dev\"]"},
    {"env", "only_in", "write only_in = [\"dev\"]"},
    {"profiles", "only_in", "write only_in = [\"dev\"]"},
    {"soft", "required", "write required = false; degraded = \"...\""},
    {"critical", "required", NULL},
    {"condition", "after", NULL},
    {"dependencies", "after", NULL},
    {"comment", "description", NULL},
    {"test", "command", NULL},
    {"args", "command", NULL},
    {"run", "command", NULL},
    {"exec", "command", NULL},
    {"exists", "path", "a file must exist unless absent = true"},
    {"filename", "path", NULL},
    {"file", "path", NULL},
    {"mode", "mode_at_most", NULL},
    {"path", "url", "write it into the URL"},
    {"scheme", "url", "write it into the URL"},
    {"httpheaders", "headers", NULL},
    {"request_headers", "headers", NULL},
    {"request_body", "body", NULL},
    {"expected_status", "status", NULL},
    {"delay", "interval", NULL},
    {"period", "interval", NULL},
    {"sleep", "interval", NULL},
    {"cmd", "command", NULL},
    {"cwd", "working_directory", NULL},
    {"workdir", "working_directory", NULL},
    {"status_code", "status", NULL},
    {"code", "status", NULL},
    {"fallback", "degraded", NULL},
    {"url", "address", "write address = \"host:port\""},
    {"uri", "address", "write address = \"host:port\""},
    {"host", "name", NULL},
    {"hostname", "name", NULL},
    {"exit_code", "status", NULL},
    {"exitcode", "status", NULL},
    {"exit_status", "status", NULL},
    {"value", "equals", NULL},
};

/* Is the name this word? Case, and _ or - between its parts, do not count: initialDelaySeconds, initial_delay_seconds. */
static bool is_word(const char *name, const char *word)
{
	for (;; name++, word++) {
		name += strspn(name, "_-");
		word += strspn(word, "_-");
		if (tolower((unsigned char)*name) != tolower((unsigned char)*word))
			return false;
		if (!*name)
			return true;
	}
}

static bool has_key(const struct schema *schema, const struct schema *also, const char *key)
{
	return schema_find(schema, key) || (also && schema_find(also, key));
}

/* Settings with dots in their names, which stand as "name=value" in the list `key`. */
static const struct {
	const char *key, *begin;
} settings[] = {
    {"properties", "security_"},    {"properties", "sasl_"},       {"properties", "ssl_"},
    {"properties", "socket_"},      {"properties", "enable_"},     {"properties", "message_"},
    {"properties", "request_"},     {"properties", "session_"},    {"properties", "metadata_"},
    {"properties", "compression_"}, {"config", "retention_"},      {"config", "cleanup_"},
    {"config", "segment_"},         {"config", "delete_"},         {"config", "max_message_"},
    {"config", "compression_"},     {"config", "min_compaction_"},
};

/* Is the name that of a setting, with _ for its dots ("ssl_ca_location")? */
static struct suggestion suggest_setting(const struct schema *schema, const char *name)
{
	struct suggestion s = {""};
	char dotted[80];

	for (size_t i = 0; i < ARRAY_LEN(settings) && !*s.text; i++) {
		if (!schema_find(schema, settings[i].key) || !str_starts(name, settings[i].begin))
			continue;
		snprintf(dotted, sizeof dotted, "%s", name);
		for (char *p = dotted; *p; p++)
			*p = *p == '_' ? '.' : *p;
		snprintf(s.text, sizeof s.text, "; write %s = [\"%s=%s\"]", settings[i].key, dotted,
			 secret_sensitive_name(name) ? "env:NAME" : "...");
	}
	return s;
}

/* A variable's name where a list of such is meant ("env: { a: { DATABASE_URL = true; }; }"). */
static struct suggestion suggest_variable(const struct schema *schema, const char *name)
{
	const struct key *required = schema_find(schema, "required");
	struct suggestion s = {""};

	if (required && required->type == K_STRLIST && isupper((unsigned char)*name) &&
	    !name[strcspn(name, "abcdefghijklmnopqrstuvwxyz")])
		snprintf(s.text, sizeof s.text, "; write required = [\"%.80s\"]", name);
	return s;
}

static struct suggestion suggest_synonym(const struct schema *schema, const struct schema *also,
					 const char *name)
{
	struct suggestion s = {""};

	for (size_t i = 0; i < ARRAY_LEN(synonyms) && !*s.text; i++) {
		if (!is_word(name, synonyms[i].word) || !has_key(schema, also, synonyms[i].key))
			continue;
		if (!synonyms[i].remedy)
			return did_you_mean(synonyms[i].key);
		snprintf(s.text, sizeof s.text, "; %s", synonyms[i].remedy);
	}
	return s;
}

/* Returns the key that differs from the name by the case of letters only, or NULL. */
static const char *find_other_case(const struct schema *schema, const char *name)
{
	for (const struct key *k = schema->keys; k->name; k++)
		if (strcasecmp(k->name, name) == 0)
			return k->name;
	return NULL;
}

struct suggestion key_suggest(const struct schema *schema, const struct schema *also,
			      const char *name)
{
	const char *near = find_other_case(schema, name);
	struct suggestion s = did_you_mean(near);

	if (!*s.text)
		s = suggest_variable(schema, name);
	if (!*s.text)
		s = suggest_setting(schema, name);
	if (!*s.text)
		s = suggest_synonym(schema, also, name);
	if (*s.text)
		return s;
	near = schema_nearest(schema, name);
	return did_you_mean(near || !also ? near : schema_nearest(also, name));
}
