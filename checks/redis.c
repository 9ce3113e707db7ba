/* redis: checks that the server answers, accepts the login, has loaded its data, and has the demanded role, settings and keys. */
#include <unistd.h>

#include "check.h"
#include "resp.h"
#include "tls_keys.h"
#include "version.h"

enum role { ROLE_MASTER, ROLE_REPLICA, ROLE_ANY };
static const char *const roles[] = {"master", "replica", "any", NULL};
static const char *const key_types[] = {"string", "list", "set", "zset", "hash", "stream", NULL};

struct wanted_key {
	const char *name;
	int type;
};
struct redis_conf {
	struct url url;
	struct strlist sentinels, can;
	const char *master_name, *username, *min_version, *maxmemory_policy, *write_probe;
	struct secret password;
	int64_t database, min_replicas;
	TLS_KEY_FIELDS
	int role;
	bool cluster;
	struct grouplist keys;
};

static const char *const redis_schemes[] = {"redis", "rediss", "unix", NULL};

static const char *address_problem(const char *text)
{
	char host[256];
	int port;

	return hostport_split(text, host, sizeof host, &port) || !port ? "is not host:port" : NULL;
}

static const char *can_problem(const char *text)
{
	return strchr(text, ' ') ? NULL : "needs a command and its key: \"GET session:1\"";
}

static const struct key wanted_key_keys[] = {
    KEY_STR(struct wanted_key, name, .flags = K_REQUIRED, .doc = "The key.",
	    .example = "\"config:version\""),
    KEY_ENUM(struct wanted_key, type, .choices = key_types, .doc = "The type its value must have.",
	     .example = "\"hash\""),
    KEY_END,
};
static const struct schema wanted_key_schema = {.size = sizeof(struct wanted_key),
						.keys = wanted_key_keys};

static const struct key redis_keys[] = {
    KEY_URL(struct redis_conf, url, .schemes = redis_schemes,
	    .doc = "redis://host:port/database, rediss:// with TLS, unix:///path of a socket.",
	    .example = "\"redis://cache:6379\""),
    KEY_STRLIST(struct redis_conf, sentinels, .check = address_problem,
		.doc = "Sentinels to ask for the master, instead of url; any of them will do.",
		.example = "[\"sentinel-0:26379\", \"sentinel-1:26379\"]"),
    KEY_STR(struct redis_conf, master_name, .doc = "Name the sentinels know the master by.",
	    .example = "\"mymaster\""),
    KEY_STR(struct redis_conf, username, .doc = "User (ACL, Redis 6 and newer).",
	    .example = "\"app\""),
    KEY_SECRET(struct redis_conf, password, .doc = "Password, by reference.",
	       .example = "\"env:REDIS_PASSWORD\""),
    KEY_INT(struct redis_conf, database, .min = "0", .max = "65535", .doc = "Database to select.",
	    .example = "1"),
    TLS_KEYS(struct redis_conf),
    KEY_ENUM(struct redis_conf, role, .choices = roles, .def = "any",
	     .doc = "The role the server must have."),
    KEY_STR(struct redis_conf, min_version, .flags = K_NUMBERS, .check = version_problem,
	    .doc = "The server must be of this version or newer.", .example = "\"6.2\""),
    KEY_BOOL(struct redis_conf, cluster, .def = "false",
	     .doc = "Whether a cluster must be complete: state ok, all slots served."),
    KEY_INT(struct redis_conf, min_replicas, .min = "0", .max = "1000",
	    .doc = "How many replicas must be connected.", .example = "1"),
    KEY_STR(struct redis_conf, maxmemory_policy, .doc = "The eviction policy the server must have.",
	    .example = "\"noeviction\""),
    KEY_STRLIST(struct redis_conf, can, .check = can_problem,
		.doc = "Commands with their key that the user must be permitted; asked by ACL "
		       "DRYRUN, never done (Redis 7 and newer).",
		.example = "[\"GET session:1\", \"SET session:1 x\"]"),
    KEY_GROUPLIST(struct redis_conf, keys, .sub = &wanted_key_schema,
		  .doc = "Keys that must exist.",
		  .example = "( { name = \"config:version\"; type = \"string\"; } )"),
    KEY_STR(struct redis_conf, write_probe,
	    .doc = "Prefix of a key that is written, read back and deleted: the only key of this "
		   "kind that writes.",
	    .example = "\"startguard:\""),
    KEY_END,
};

/* Sets *number to the database that the path names (INT_UNSET for "" and "/"). Returns the problem of the url, or NULL. */
static const char *url_database(const struct url *url, int64_t *number)
{
	*number = INT_UNSET;
	if (secret_is_set(url->user) && !secret_is_set(url->password))
		return "has a user without a password, which is no login; a password alone is "
		       "written redis://:password@host";
	if (strchr(url->path, '?'))
		return "has a query, which is not read; give what it says as keys of their own";
	if (str_eq(url->scheme, "unix") || !url->path[0] || str_eq(url->path, "/"))
		return NULL;
	return parse_i64(url->path + 1, 0, 65535, number)
		   ? "has a path that is not the number of a database, as in redis://host:6379/2"
		   : NULL;
}

/* Refuses a key that contradicts the url: one of the two would be ignored. */
static const char *url_problem(const struct redis_conf *c, const struct tls_conf *tls,
			       const char **key)
{
	int64_t number;
	const char *problem = url_database(&c->url, &number);

	*key = "url";
	if (problem)
		return problem;
	*key = "database";
	if (number != INT_UNSET && c->database != INT_UNSET && number != c->database)
		return "is another one than the url's";
	*key = "password";
	if (secret_is_set(c->password) && secret_is_set(c->url.password))
		return "and a password in the url exclude each other";
	*key = str_eq(c->url.scheme, "rediss") ? NULL : tls_key_given(tls);
	return *key ? "is for TLS only: use rediss://" : NULL;
}

static const char *redis_validate(const void *conf, const char **key)
{
	const struct redis_conf *c = conf;
	struct tls_conf tls = TLS_CONF(c);
	bool url = url_is_set(&c->url);

	if (!url && !c->sentinels.n)
		return "give url, or sentinels and master_name";
	*key = "sentinels";
	if (url && c->sentinels.n)
		return "and url exclude each other";
	*key = tls_key_given(&tls);
	if (c->sentinels.n && *key)
		return "is for TLS only, which is not spoken with sentinels nor with the master "
		       "they name";
	*key = "username";
	if (c->username && !secret_is_set(c->password))
		return "needs password: no login is tried without one";
	*key = c->master_name ? "master_name" : "sentinels";
	if (!c->sentinels.n != !c->master_name)
		return "sentinels and master_name belong together";
	if (url && !secret_is_set(c->url.ref)) {
		const char *problem = url_problem(c, &tls, key);

		if (problem)
			return problem;
	}
	return tls_conf_problem(&tls, key);
}

struct session {
	const struct redis_conf *conf;
	struct resp resp;
	struct url url;
	int64_t database;
	char info[64 * 1024];
};

/* ---- connecting -------------------------------------------------------------------------------------------------- */
static enum result redis_connect(const struct check_run *run, struct session *s, const char *host,
				 int port, bool tls, struct diag *out)
{
	struct tls_conf conf = TLS_CONF(s->conf);
	struct conn conn;

	if (net_connect(run, host, port, &conn, out) ||
	    (tls && tls_handshake(run, &conn, host, &conf, out)))
		return RESULT_FAIL;
	resp_begin(&s->resp, run, &conn);
	return RESULT_PASS;
}

/* Sends SENTINEL get-master-addr-by-name (Sentinel documentation). *host lives until the child exits. */
static enum result query_sentinel(const struct check_run *run, struct session *s,
				  const char *sentinel, const char **host, int *port,
				  struct diag *out)
{
	const char *master = s->conf->master_name;
	char at[256], name[160];
	redisReply *reply;
	int64_t number;
	int at_port;

	invariant(!hostport_split(sentinel, at, sizeof at, &at_port));
	if (redis_connect(run, s, at, at_port, false, out))
		return RESULT_FAIL;
	check_step(run, PH_PROTOCOL, "asking sentinel %s for %s", sentinel, master);
	reply = RESP(&s->resp, out, "SENTINEL", "get-master-addr-by-name", master);
	if (!reply)
		return RESULT_FAIL;
	if (reply->type == REDIS_REPLY_NIL) {
		snprintf(name, sizeof name, "master %s", master);
		return check_fail(out, D_REDIS_SENTINEL_NO_MASTER, name,
				  "sentinel %s does not know this name", sentinel);
	}
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str ||
	    !reply->element[1]->str || parse_i64(reply->element[1]->str, 1, 65535, &number))
		return resp_fail(out, reply, &s->resp, "SENTINEL");
	*host = reply->element[0]->str;
	*port = (int)number;
	return RESULT_PASS;
}

static enum result connect_by_sentinel(const struct check_run *run, struct session *s,
				       struct diag *out)
{
	const struct redis_conf *c = s->conf;
	struct check_run shorter = *run;
	const char *host = "";
	int port = 0;

	for (size_t i = 0; i < c->sentinels.n; i++) {
		struct diag this = {0};

		/* A silent server must not use up the time of the others. */
		shorter.deadline = instant_share(instant_now(), run->deadline, c->sentinels.n - i);
		if (!query_sentinel(&shorter, s, c->sentinels.v[i], &host, &port, &this)) {
			check_reached(run, "sentinel");
			check_fact(run, "master", "%s:%d", host, port);
			return redis_connect(run, s, host, port, false, out);
		}
		diag_keep_latest(out, &this);
	}
	return RESULT_FAIL;
}

static enum result connect_server(const struct check_run *run, struct session *s, struct diag *out)
{
	const struct redis_conf *c = s->conf;
	struct conn conn;
	const char *problem;
	int64_t number;

	s->database = c->database == INT_UNSET ? 0 : c->database;
	if (c->sentinels.n)
		return connect_by_sentinel(run, s, out);
	if (url_reveal(&c->url, &s->url, out))
		return RESULT_FAIL;
	problem = url_database(&s->url, &number);
	/* Only a url by reference reaches this: validate refuses such a url in the profile itself. */
	if (problem)
		return check_fail(
		    out, c->url.ref.kind == SECRET_ENV ? D_ENV_MISMATCH : D_SECRET_MALFORMED,
		    c->url.ref.text, "the url %s", problem);
	if (c->database == INT_UNSET && number != INT_UNSET)
		s->database = number;
	if (!str_eq(s->url.scheme, "unix"))
		return redis_connect(run, s, s->url.host, s->url.port ? s->url.port : 6379,
				     str_eq(s->url.scheme, "rediss"), out);
	if (net_connect_unix(run, s->url.path, &conn, out))
		return RESULT_FAIL;
	resp_begin(&s->resp, run, &conn);
	return RESULT_PASS;
}

static enum result redis_login(struct session *s, struct diag *out)
{
	const struct redis_conf *c = s->conf;
	const char *user = c->username, *password;
	redisReply *reply;

	if (!secret_is_set(c->password) && !secret_is_set(s->url.password))
		return RESULT_PASS;
	password = secret_reveal(secret_is_set(c->password) ? c->password : s->url.password, out);
	if (!password)
		return RESULT_FAIL;
	if (!secret_is_set(c->password) && !user && secret_is_set(s->url.user)) {
		user = secret_read(s->url.user, out);
		user = user && *user ? user : NULL;
	}
	s->resp.with_login = true;
	check_step(s->resp.run, PH_AUTH, "AUTH at %s", s->resp.conn.peer);
	reply = user ? RESP(&s->resp, out, "AUTH", user, password)
		     : RESP(&s->resp, out, "AUTH", password);
	if (!reply)
		return RESULT_FAIL;
	if (!resp_is_error(reply)) {
		check_reached(s->resp.run, "auth");
		return RESULT_PASS;
	}
	/* The server has no password ("called without any password configured"), so the service's login would fail as well. */
	if (strstr(reply->str, "without any password configured") ||
	    strstr(reply->str, "no password is set")) {
		check_fail(out, D_AUTH_FAILED, s->resp.conn.peer, "AUTH: %s", reply->str);
		diag_hint(
		    out,
		    "the server has no password: drop password here, or set requirepass there");
		return RESULT_FAIL;
	}
	return resp_fail(out, reply, &s->resp, "AUTH");
}

static enum result redis_ping(struct session *s, struct diag *out)
{
	redisReply *reply;

	check_step(s->resp.run, PH_PROTOCOL, "PING to %s", s->resp.conn.peer);
	reply = RESP(&s->resp, out, "PING");
	if (!reply)
		return RESULT_FAIL;
	if (resp_is_error(reply))
		return resp_fail(out, reply, &s->resp, "PING");
	if (reply->type != REDIS_REPLY_STATUS || !str_eq(reply->str, "PONG"))
		return check_fail(out, D_REDIS_NOT_REDIS, s->resp.conn.peer,
				  "PING was not answered with PONG");
	check_reached(s->resp.run, "ping");
	return RESULT_PASS;
}

/* ---- role, version and settings ---------------------------------------------------------------------------------- */
static enum result redis_select(struct session *s, struct diag *out)
{
	char number[24];

	snprintf(number, sizeof number, "%lld", (long long)s->database);
	if (s->database && !RESP_FOR(&s->resp, REDIS_REPLY_STATUS, out, "SELECT", number))
		return RESULT_FAIL;
	return RESULT_PASS;
}

static enum result read_info(struct session *s, struct diag *out)
{
	redisReply *reply = RESP_FOR(&s->resp, REDIS_REPLY_STRING, out, "INFO");

	if (!reply)
		return RESULT_FAIL;
	snprintf(s->info, sizeof s->info, "%s", reply->str);
	return RESULT_PASS;
}

static enum result check_role(struct session *s, struct diag *out)
{
	const char *peer = s->resp.conn.peer;
	struct resp_value info = resp_info(s->info, "role", ""),
			  link = resp_info(s->info, "master_link_status", "up");
	const char *role = str_eq(info.text, "slave") ? "replica" : info.text;

	check_fact(s->resp.run, "role", "%s", role);
	if (s->conf->role != ROLE_ANY && !str_eq(role, roles[s->conf->role]))
		return check_fail(out, D_REDIS_WRONG_ROLE, peer,
				  "the server is a %s, demanded is a %s", role,
				  roles[s->conf->role]);
	if (str_eq(role, "replica") && !str_eq(link.text, "up"))
		return check_fail(out, D_REDIS_MASTER_DOWN, peer,
				  "this replica's link to its master is %s", link.text);
	return RESULT_PASS;
}

static enum result check_version(struct session *s, struct diag *out)
{
	struct resp_value has = resp_info(s->info, "redis_version", "0");

	check_fact(s->resp.run, "version", "%s", has.text);
	if (s->conf->min_version && version_compare(has.text, s->conf->min_version) < 0)
		return check_fail(out, D_REDIS_VERSION, s->resp.conn.peer,
				  "the server is %s, demanded is %s or newer", has.text,
				  s->conf->min_version);
	return RESULT_PASS;
}

static enum result check_settings(struct session *s, struct diag *out)
{
	const struct redis_conf *c = s->conf;
	struct resp_value policy = resp_info(s->info, "maxmemory_policy", "unknown");
	int64_t n = 0;

	/* An unset min_replicas is INT_UNSET, which is less than any number. */
	parse_i64(resp_info(s->info, "connected_slaves", "0").text, 0, INT32_MAX, &n);
	if (n < c->min_replicas)
		return check_fail(out, D_REDIS_REPLICAS, s->resp.conn.peer,
				  "%lld replicas are connected, demanded are %lld", (long long)n,
				  (long long)c->min_replicas);
	if (c->maxmemory_policy && !str_eq(policy.text, c->maxmemory_policy))
		return check_fail(out, D_REDIS_POLICY, s->resp.conn.peer,
				  "maxmemory_policy is %s, demanded is %s", policy.text,
				  c->maxmemory_policy);
	return RESULT_PASS;
}

static enum result check_cluster(struct session *s, struct diag *out)
{
	struct resp_value state, ok;
	redisReply *reply;

	if (!s->conf->cluster)
		return RESULT_PASS;
	if (!str_eq(resp_info(s->info, "cluster_enabled", "0").text, "1"))
		return check_fail(out, D_REDIS_CLUSTER_DOWN, s->resp.conn.peer,
				  "the server does not run as part of a cluster");
	reply = RESP_FOR(&s->resp, REDIS_REPLY_STRING, out, "CLUSTER", "INFO");
	if (!reply)
		return RESULT_FAIL;
	state = resp_info(reply->str, "cluster_state", "unknown");
	ok = resp_info(reply->str, "cluster_slots_ok", "0");
	if (str_eq(state.text, "ok") && str_eq(ok.text, "16384"))
		return RESULT_PASS;
	return check_fail(out, D_REDIS_CLUSTER_DOWN, s->resp.conn.peer,
			  "cluster_state %s, %s of 16384 slots ok", state.text, ok.text);
}

/* ---- permissions and keys ---------------------------------------------------------------------------------------- */
#define CAN_ARGS_MAX 16 /* arguments of one entry of `can` */

/* Diagnoses an error reply. "unknown command" means an old server or a renamed command: the version shows which. */
static enum result fail_acl(struct session *s, const redisReply *reply, const char *asked,
			    struct diag *out)
{
	struct diag ignored = {0};
	struct resp_value has;

	resp_fail(out, reply, &s->resp, asked);
	if (out->code != D_REDIS_COMMAND || (!s->info[0] && read_info(s, &ignored)))
		return RESULT_FAIL;
	has = resp_info(s->info, "redis_version", "7");
	if (version_compare(has.text, "7") < 0)
		check_fail(out, D_REDIS_VERSION, s->resp.conn.peer,
			   "can needs ACL DRYRUN, which Redis has since 7.0; the server is %s: %s",
			   has.text, reply->str);
	return RESULT_FAIL;
}

static enum result check_command_allowed(struct session *s, const char *user, const char *command,
					 struct diag *out)
{
	const char *args[CAN_ARGS_MAX + 4] = {"ACL", "DRYRUN", user};
	cleanup_free char *copy = xstrdup(command);
	size_t n = 3;
	redisReply *reply;

	for (char *save, *w = strtok_r(copy, " ", &save); w && n < ARRAY_LEN(args) - 1;
	     w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	reply = resp_command(&s->resp, out, args);
	if (!reply)
		return RESULT_FAIL;
	if (reply->type == REDIS_REPLY_STATUS)
		return RESULT_PASS;
	if (reply->type == REDIS_REPLY_STRING) /* "User app has no permissions to ..." */
		return check_fail(out, D_AUTH_FORBIDDEN, s->resp.conn.peer, "%s: %s", command,
				  reply->str);
	return fail_acl(s, reply, "ACL DRYRUN", out);
}

static enum result check_permissions(struct session *s, struct diag *out)
{
	redisReply *who;

	if (!s->conf->can.n)
		return RESULT_PASS;
	who = RESP(&s->resp, out, "ACL", "WHOAMI");
	if (!who)
		return RESULT_FAIL;
	if (who->type != REDIS_REPLY_STRING)
		return fail_acl(s, who, "ACL WHOAMI", out);
	for (size_t i = 0; i < s->conf->can.n; i++)
		if (check_command_allowed(s, who->str, s->conf->can.v[i], out))
			return RESULT_FAIL;
	return RESULT_PASS;
}

static enum result check_keys(struct session *s, struct diag *out)
{
	for (size_t i = 0; i < s->conf->keys.n; i++) {
		const struct wanted_key *k = GROUP_AT(s->conf->keys, struct wanted_key, i);
		redisReply *reply = RESP_FOR(&s->resp, REDIS_REPLY_STATUS, out, "TYPE", k->name);
		char subject[DIAG_SUBJECT_MAX];

		snprintf(subject, sizeof subject, "key %s", k->name);
		if (!reply)
			return RESULT_FAIL;
		if (str_eq(reply->str, "none"))
			return check_fail(out, D_REDIS_KEY, subject,
					  "the key does not exist in database %lld",
					  (long long)s->database);
		if (k->type != ENUM_UNSET && !str_eq(reply->str, key_types[k->type]))
			return check_fail(out, D_REDIS_KEY, subject, "it is a %s, demanded is a %s",
					  reply->str, key_types[k->type]);
	}
	return RESULT_PASS;
}

static enum result probe_write(struct session *s, struct diag *out)
{
	char key[300], value[64];
	redisReply *get;

	if (!s->conf->write_probe)
		return RESULT_PASS;
	snprintf(key, sizeof key, "%s%d-%lld", s->conf->write_probe, (int)getpid(),
		 (long long)instant_now().ns);
	snprintf(value, sizeof value, "%lld", (long long)instant_now().ns);
	/* Redis deletes the key after 60 s if this process is killed before DEL. */
	if (!RESP_FOR(&s->resp, REDIS_REPLY_STATUS, out, "SET", key, value, "EX", "60"))
		return RESULT_FAIL;
	get = RESP(&s->resp, out, "GET", key);
	if (!get || !RESP(&s->resp, out, "DEL", key))
		return RESULT_FAIL;
	if (get->type != REDIS_REPLY_STRING || !str_eq(get->str, value))
		return check_fail(out, D_REDIS_KEY, key, "what was written was not read back");
	check_reached(s->resp.run, "write");
	return RESULT_PASS;
}

/* A TLS server ends a plain connection at the first command, most often without an answer. */
static enum result fail_first_command(const struct session *s, struct diag *out)
{
	const struct conn *conn = &s->resp.conn;

	if ((out->code == D_CONNECT_RESET || out->code == D_CONNECT_CLOSED) && !conn->ssl)
		return net_fail_closed(s->resp.run, conn->ip, conn->port, out);
	return RESULT_FAIL;
}

static bool needs_info(const struct redis_conf *c)
{
	return c->role != ROLE_ANY || c->min_version || c->cluster ||
	       c->min_replicas != INT_UNSET || c->maxmemory_policy;
}

static enum result redis_run(const struct check_run *run, struct diag *out)
{
	struct session *s = xcalloc(1, sizeof *s);

	s->conf = run->conf;
	/* Read the password before connecting: no wait for the server supplies a missing one. */
	if (secret_is_set(s->conf->password) && !secret_reveal(s->conf->password, out))
		return RESULT_FAIL;
	if (connect_server(run, s, out))
		return RESULT_FAIL;
	if (redis_login(s, out) || redis_ping(s, out))
		return fail_first_command(s, out);
	if (redis_select(s, out))
		return RESULT_FAIL;
	if (needs_info(s->conf)) {
		check_step(run, PH_ASSERT, "INFO of %s", s->resp.conn.peer);
		if (read_info(s, out) || check_role(s, out) || check_version(s, out) ||
		    check_settings(s, out))
			return RESULT_FAIL;
	}
	check_step(run, PH_ASSERT, "asking %s about cluster, permissions and keys",
		   s->resp.conn.peer);
	if (check_cluster(s, out) || check_permissions(s, out) || check_keys(s, out) ||
	    probe_write(s, out))
		return RESULT_FAIL;
	check_summary(run, "%s%s", s->resp.conn.peer, s->resp.with_login ? ", logged in" : "");
	return RESULT_PASS;
}

const struct check_kind check_redis = {
    .name = "redis",
    .summary = "Redis is loaded, lets this user in and has the right role, settings and keys",
    .schema = &(const struct schema){.size = sizeof(struct redis_conf), .keys = redis_keys},
    .urls = {{.scheme = "redis", .example = "redis://host", .key = "url", .as = "redis"},
	     {.scheme = "rediss", .example = "rediss://host", .key = "url", .as = "rediss"}},
    .library = resp_library,
    .validate = redis_validate,
    .run = redis_run,
};
