/* redis: checks that the server answers, accepts the login, has loaded its data, and has the demanded role, settings and keys. */
#include <unistd.h>

#include "check.h"
#include "redis_error.h"
#include "redis_session.h"
#include "version.h"

static const char *const roles[] = {"master", "replica", "any", NULL};
static const char *const key_types[] = {"string", "list", "set", "zset", "hash", "stream", NULL};

struct wanted_key {
	const char *name;
	int type;
};

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
    KEY_URL(struct redis_conf, url, .schemes = redis_url_schemes,
	    .doc = "redis://host:port/database, rediss:// with TLS, unix:///path of a socket, "
		   "redis+sentinel://host,host/master/database, redis+cluster://host,host; also "
		   "valkey:// and the parameters that platforms add.",
	    .example = "\"redis://cache:6379\""),
    KEY_STRLIST(struct redis_conf, sentinels, .check = address_problem,
		.doc = "Sentinels to ask for the master, instead of url; any of them will do. The "
		       "server they name must say itself that it is a master.",
		.example = "[\"sentinel-0:26379\", \"sentinel-1:26379\"]"),
    KEY_STR(struct redis_conf, master_name, .doc = "Name the sentinels know the master by.",
	    .example = "\"mymaster\""),
    KEY_STR(struct redis_conf, sentinel_username, .doc = "User at the sentinels.",
	    .example = "\"app\""),
    KEY_SECRET(struct redis_conf, sentinel_password,
	       .doc = "Password of the sentinels, by reference: they have a login of their own.",
	       .example = "\"env:SENTINEL_PASSWORD\""),
    KEY_BOOL(struct redis_conf, sentinel_tls, .def = "false",
	     .doc = "Whether the sentinels speak TLS."),
    KEY_STRLIST(struct redis_conf, seeds, .check = address_problem,
		.doc =
		    "Nodes of a cluster, instead of url; any of them will do. The cluster must be "
		    "complete, as with cluster.",
		.example = "[\"node-0:6379\", \"node-1:6379\"]"),
    KEY_BOOL(struct redis_conf, tls, .def = "false",
	     .doc = "Whether the master that sentinels name, and the nodes of seeds, speak TLS. "
		    "With url its scheme says so."),
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
		       "DRYRUN, or queued and discarded (MULTI). Where neither is permitted, "
		       "commands that only read are done.",
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

/* Refuses a URL that cannot be used, and a key that contradicts it: one of the two would be ignored. */
static const char *url_problem(const struct redis_conf *c, const struct redis_url *parts,
			       const struct tls_conf *tls, const char **key)
{
	*key = "url";
	if (parts->password)
		return "has a password in a parameter, where it would be printed: give the url as "
		       "env:NAME";
	*key = "database";
	if (parts->database != INT_UNSET && c->database != INT_UNSET &&
	    parts->database != c->database)
		return "is another one than the url's";
	*key = "password";
	if (secret_is_set(c->password) && secret_is_set(c->url.password))
		return "and a password in the url exclude each other";
	*key = parts->tls ? NULL : tls_key_given(tls);
	return *key ? "is for TLS only: use rediss://" : NULL;
}

static const char *given_url_problem(const struct redis_conf *c, const struct tls_conf *tls,
				     const char **key)
{
	struct arena arena = {0};
	struct redis_url parts;
	const char *problem;

	*key = "url";
	problem = redis_url_read(&c->url, &arena, &parts);
	if (!problem)
		problem = url_problem(c, &parts, tls, key);
	arena_free(&arena);
	return problem;
}

static const char *one_source_problem(const struct redis_conf *c, const char **key)
{
	size_t n = (size_t)url_is_set(&c->url) + (c->sentinels.n > 0) + (c->seeds.n > 0);

	if (!n)
		return "give url, sentinels and master_name, or seeds";
	*key = c->sentinels.n ? "sentinels" : "seeds";
	return n > 1 ? "and another of url, sentinels and seeds exclude each other" : NULL;
}

/* Of a URL by reference it is not known here. */
static bool may_name_sentinels(const struct url *url)
{
	return secret_is_set(url->ref) || (url->text && str_ends(url->scheme, "sentinel"));
}

/* Refuses keys of sentinels without sentinels, and demands that they cannot meet. */
static const char *sentinel_problem(const struct redis_conf *c, const char **key)
{
	*key = c->master_name ? "master_name" : "sentinels";
	if (!c->sentinels.n != !c->master_name)
		return "sentinels and master_name belong together";
	*key = c->sentinel_username                  ? "sentinel_username"
	       : secret_is_set(c->sentinel_password) ? "sentinel_password"
						     : "sentinel_tls";
	if (!c->sentinels.n && !may_name_sentinels(&c->url) &&
	    (c->sentinel_username || secret_is_set(c->sentinel_password) || c->sentinel_tls))
		return "is for sentinels only";
	*key = "sentinel_username";
	if (c->sentinel_username && !secret_is_set(c->sentinel_password))
		return "needs sentinel_password: no login is tried without one";
	*key = "role";
	return (c->sentinels.n || (c->url.text && str_ends(c->url.scheme, "sentinel"))) &&
		       c->role == ROLE_REPLICA
		   ? "replica cannot be: sentinels name the master; give the url of a replica"
		   : NULL;
}

static const char *redis_validate(const void *conf, const char **key)
{
	const struct redis_conf *c = conf;
	struct tls_conf tls = TLS_CONF(c);
	const char *problem = one_source_problem(c, key);

	if (!problem)
		problem = sentinel_problem(c, key);
	if (problem)
		return problem;
	*key = tls_key_given(&tls);
	if (!url_is_set(&c->url) && !c->tls && !c->sentinel_tls && *key)
		return "is for TLS only: set tls (for the servers), sentinel_tls, or both";
	*key = "tls";
	if (url_is_set(&c->url) && c->tls)
		return "is for sentinels and seeds: use rediss:// in url";
	*key = "username";
	if (c->username && !secret_is_set(c->password))
		return "needs password: no login is tried without one";
	if (url_is_set(&c->url) && !secret_is_set(c->url.ref)) {
		problem = given_url_problem(c, &tls, key);
		if (problem)
			return problem;
	}
	return tls_conf_problem(&tls, key);
}

/* ---- INFO --------------------------------------------------------------------------------------------------------- */
/* The text of INFO: of the sections that are needed, since the whole of it may be larger than any bound (a section that counts errors
 * grows with every first word that scripts invent). */
struct info {
	struct str text;
	bool is_whole;
};

static enum result read_info(struct redis_session *s, const char *section, struct info *info,
			     struct diag *out)
{
	redisReply *reply =
	    section ? RESP(s->resp, out, "INFO", section) : RESP(s->resp, out, "INFO");

	if (!reply)
		return RESULT_FAIL;
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
		return resp_fail(out, reply, s->resp, "INFO");
	str_add(&info->text, reply->str);
	str_addc(&info->text, '\n');
	return RESULT_PASS;
}

/* Finds a value in a section, then in the whole text: some servers know other sections, or none. The text is empty when no value is
 * found. */
static enum result find_info(struct redis_session *s, struct info *info, const char *section,
			     const char *name, struct resp_value *value, struct diag *out)
{
	struct diag this = {0};

	if (resp_info(info->text.s, name, value) || info->is_whole)
		return RESULT_PASS;
	if (!read_info(s, section, info, &this)) {
		if (resp_info(info->text.s, name, value))
			return RESULT_PASS;
	} else if (this.code != D_REDIS_COMMAND && this.code != D_REDIS_ERROR) {
		*out = this;
		return RESULT_FAIL;
	}
	if (read_info(s, NULL, info, out))
		return RESULT_FAIL;
	info->is_whole = true;
	resp_info(info->text.s, name, value);
	return RESULT_PASS;
}

/* ---- role, version and settings ---------------------------------------------------------------------------------- */
static enum result redis_select(struct redis_session *s, struct diag *out)
{
	char number[24];

	snprintf(number, sizeof number, "%lld", (long long)s->database);
	if (s->database && !RESP_FOR(s->resp, REDIS_REPLY_STATUS, out, "SELECT", number))
		return RESULT_FAIL;
	return RESULT_PASS;
}

/* Is INFO refused to this user, or not known? Then ROLE tells what it can. */
static bool is_refused(enum diag_code code)
{
	return code == D_AUTH_FORBIDDEN || code == D_REDIS_COMMAND;
}

/* ROLE's words for a link that works: of Redis, and of Dragonfly. */
static bool link_works(const char *link)
{
	static const char *const words[] = {"",          "connected", "online", "stable_sync",
					    "streaming", NULL};

	for (const char *const *word = words; *word; word++)
		if (str_eq(link, *word))
			return true;
	return false;
}

/* Fills role and link from INFO, or from what ROLE has said. */
static enum result read_role(struct redis_session *s, struct info *info, struct resp_value *role,
			     struct resp_value *link, struct diag *out)
{
	struct resp_value told;

	if (!find_info(s, info, "replication", "role", &told, out)) {
		resp_info(info->text.s, "master_link_status", link);
		snprintf(role->text, sizeof role->text, "%s",
			 told.text[0] ? redis_role_word(told.text) : s->role);
		return RESULT_PASS;
	}
	if (!is_refused(out->code) || !s->role[0])
		return RESULT_FAIL;
	*out = (struct diag){0};
	snprintf(role->text, sizeof role->text, "%s", s->role);
	snprintf(link->text, sizeof link->text, "%s", link_works(s->link) ? "up" : s->link);
	return RESULT_PASS;
}

static enum result check_role(struct redis_session *s, struct info *info, struct diag *out)
{
	enum redis_role wanted = s->conf->role;
	const char *peer = s->resp->conn.peer;
	struct resp_value role = {.text = ""}, link = {.text = ""};

	if (read_role(s, info, &role, &link, out))
		return RESULT_FAIL;
	check_fact(s->run, "role", "%s", role.text);
	if (!redis_role_is(role.text, wanted))
		return check_fail(out, D_REDIS_WRONG_ROLE, peer,
				  role.text[0] ? "the server is a %s, demanded is a %s"
					       : "the server tells no role%s, demanded is a %s",
				  role.text, roles[wanted]);
	/* An active replica without its link still takes reads and writes. */
	if ((str_eq(role.text, "replica") || wanted == ROLE_REPLICA) && link.text[0] &&
	    !str_eq(link.text, "up"))
		return check_fail(out, D_REDIS_MASTER_DOWN, peer,
				  "this replica's link to its master is %s", link.text);
	return RESULT_PASS;
}

/* Forks tell the version of Redis that they are compatible with as redis_version. */
static const struct {
	const char *field, *name;
} forks[] = {
    {"valkey_version", "Valkey"}, {"dragonfly_version", "Dragonfly"},
    {"keydb_version", "KeyDB"},   {"kvrocks_version", "Kvrocks"},
    {"garnet_version", "Garnet"}, {"redict_version", "Redict"},
    {"pika_version", "Pika"},
};

/* Writes "Valkey 8.1.0, compatible with Redis 7.2.4", or the version alone for Redis itself. Returns whether it is a fork. */
static bool describe_version(const struct redis_session *s, const struct info *info,
			     const char *version, char *buf, size_t size)
{
	struct resp_value own;

	snprintf(buf, size, "%s", version);
	for (size_t i = 0; i < ARRAY_LEN(forks); i++) {
		const char *number;

		if (!resp_info(info->text.s, forks[i].field, &own))
			continue;
		number = own.text + strcspn(own.text, "0123456789"); /* "df-v1.15.0" */
		snprintf(buf, size, "%s %s, compatible with Redis %s", forks[i].name, number,
			 version);
		check_fact(s->run, "server", "%s %s", forks[i].name, number);
		return true;
	}
	return false;
}

static enum result check_version(struct redis_session *s, struct info *info, struct diag *out)
{
	const char *wanted = s->conf->min_version, *peer = s->resp->conn.peer;
	struct resp_value has;
	char text[200];
	bool is_fork;

	if (find_info(s, info, "server", "redis_version", &has, out))
		return RESULT_FAIL;
	is_fork = describe_version(s, info, has.text, text, sizeof text);
	check_fact(s->run, is_fork ? "redis_version" : "version", "%s", has.text);
	if (!wanted || (has.text[0] && version_compare(has.text, wanted) >= 0))
		return RESULT_PASS;
	if (!has.text[0])
		return check_fail(out, D_REDIS_VERSION, peer,
				  "INFO tells no redis_version, demanded is %s or newer", wanted);
	check_fail(out, D_REDIS_VERSION, peer, "the server is %s, demanded is %s%s or newer", text,
		   is_fork ? "Redis " : "", wanted);
	if (is_fork)
		diag_hint(out, "min_version is a version of Redis: give the one that the service "
			       "needs; a fork numbers its own releases otherwise");
	return RESULT_FAIL;
}

static enum result check_replicas(struct redis_session *s, struct info *info, struct diag *out)
{
	struct resp_value connected;
	int64_t n = 0, wanted = s->conf->min_replicas;

	if (wanted == INT_UNSET)
		return RESULT_PASS;
	if (!find_info(s, info, "replication", "connected_slaves", &connected, out)) {
		if (!connected.text[0])
			resp_info(info->text.s, "connected_replicas", &connected);
		parse_i64(connected.text, 0, INT32_MAX, &n);
	} else if (is_refused(out->code) && s->replicas >= 0) {
		*out = (struct diag){0};
		n = s->replicas;
	} else {
		return RESULT_FAIL;
	}
	if (n >= wanted)
		return RESULT_PASS;
	return check_fail(out, D_REDIS_REPLICAS, s->resp->conn.peer,
			  "%lld replicas are connected, demanded are %lld", (long long)n,
			  (long long)wanted);
}

static enum result check_policy(struct redis_session *s, struct info *info, struct diag *out)
{
	const char *wanted = s->conf->maxmemory_policy;
	struct resp_value policy;

	if (!wanted)
		return RESULT_PASS;
	if (find_info(s, info, "memory", "maxmemory_policy", &policy, out))
		return RESULT_FAIL;
	if (str_eq(policy.text, wanted))
		return RESULT_PASS;
	return check_fail(out, D_REDIS_POLICY, s->resp->conn.peer,
			  policy.text[0] ? "maxmemory_policy is %s, demanded is %s"
					 : "INFO tells no maxmemory_policy%s, demanded is %s",
			  policy.text, wanted);
}

static enum result check_settings(struct redis_session *s, struct diag *out)
{
	const struct redis_conf *c = s->conf;
	struct info info = {.is_whole = false};

	if (c->role == ROLE_ANY && !c->min_version && c->min_replicas == INT_UNSET &&
	    !c->maxmemory_policy)
		return RESULT_PASS;
	check_step(s->run, PH_ASSERT, "INFO of %s", s->resp->conn.peer);
	str_init(&info.text, (size_t)3 * RESP_REPLY_MAX);
	if (check_role(s, &info, out) || (c->min_version && check_version(s, &info, out)) ||
	    check_replicas(s, &info, out) || check_policy(s, &info, out))
		return RESULT_FAIL;
	return RESULT_PASS;
}

/* ---- permissions and keys ---------------------------------------------------------------------------------------- */
#define CAN_ARGS_MAX 16 /* arguments of one entry of `can` */

/* Queues the command and discards it: the permission is looked at when it is queued (Redis documentation, "Transactions"). */
static enum result check_by_multi(struct redis_session *s, const char *command,
				  const char *const *args, struct diag *out)
{
	struct redis_redirect elsewhere;
	redisReply *reply;

	if (!RESP_FOR(s->resp, REDIS_REPLY_STATUS, out, "MULTI"))
		return RESULT_FAIL;
	reply = resp_command(s->resp, out, args);
	if (!reply || !RESP(s->resp, out, "DISCARD"))
		return RESULT_FAIL;
	/* A node looks at the permission before it looks whether the key is another node's. */
	if (!resp_is_error(reply) || redis_error_redirect(reply->str, &elsewhere))
		return RESULT_PASS;
	return resp_fail(out, reply, s->resp, command);
}

static enum result check_by_dryrun(struct redis_session *s, const char *command,
				   const char *const *args, struct diag *out)
{
	redisReply *reply = resp_command(s->resp, out, args);

	if (!reply)
		return RESULT_FAIL;
	if (reply->type == REDIS_REPLY_STATUS)
		return RESULT_PASS;
	if (reply->type == REDIS_REPLY_STRING) /* "User app has no permissions to ..." */
		return check_fail(out, D_AUTH_FORBIDDEN, s->resp->conn.peer, "%s: %s", command,
				  reply->str);
	return resp_fail(out, reply, s->resp, "ACL DRYRUN");
}

/* Asks whether ACL DRYRUN answers, with a command that every server has. Returns the user's name; NULL with *out filled. */
static const char *find_dryrun_user(struct redis_session *s, struct diag *out)
{
	redisReply *who = RESP(s->resp, out, "ACL", "WHOAMI"), *reply;

	if (!who)
		return NULL;
	if (who->type != REDIS_REPLY_STRING && who->type != REDIS_REPLY_STATUS) {
		resp_fail(out, who, s->resp, "ACL WHOAMI");
		return NULL;
	}
	reply = RESP(s->resp, out, "ACL", "DRYRUN", who->str, "PING");
	if (!reply)
		return NULL;
	if (!resp_is_error(reply))
		return who->str;
	resp_fail(out, reply, s->resp, "ACL DRYRUN");
	return NULL;
}

/* Does MULTI answer? It is ended at once. */
static enum result find_multi(struct redis_session *s, struct diag *out)
{
	if (!RESP_FOR(s->resp, REDIS_REPLY_STATUS, out, "MULTI") || !RESP(s->resp, out, "DISCARD"))
		return RESULT_FAIL;
	return RESULT_PASS;
}

/* Where nothing can be asked, a command that only reads is done. */
static bool only_reads(const char *command)
{
	static const char *const words[] = {
	    "GET",  "EXISTS", "TYPE",      "TTL",   "PTTL",   "STRLEN", "HGET", "HEXISTS", "HLEN",
	    "LLEN", "SCARD",  "SISMEMBER", "ZCARD", "ZSCORE", "XLEN",   "PING", NULL};

	for (const char *const *word = words; *word; word++)
		if (!strcasecmp(command, *word))
			return true;
	return false;
}

static bool is_older_than(struct redis_session *s, const char *version)
{
	struct info info = {.is_whole = false};
	struct diag ignored = {0};
	struct resp_value has = {.text = ""};

	str_init(&info.text, (size_t)2 * RESP_REPLY_MAX);
	return !find_info(s, &info, "server", "redis_version", &has, &ignored) && has.text[0] &&
	       version_compare(has.text, version) < 0;
}

static enum result fail_cannot_ask(struct redis_session *s, const char *command,
				   const struct diag *acl, struct diag *out)
{
	check_fail(out,
		   acl->code == D_REDIS_COMMAND && is_older_than(s, "7") ? D_REDIS_VERSION
									 : acl->code,
		   s->resp->conn.peer,
		   "whether \"%s\" is permitted can be asked neither by ACL DRYRUN (Redis 7 and "
		   "newer) nor by MULTI: %s",
		   command, acl->cause);
	diag_hint(out, "permit acl|whoami and acl|dryrun, or drop it from can and use write_probe");
	return RESULT_FAIL;
}

/* How permissions can be asked of this server by this user. */
struct asking {
	const char *user; /* by ACL DRYRUN, for this user; else NULL */
	bool by_multi;
	struct diag acl; /* why ACL DRYRUN cannot be used */
};

static enum result check_command_allowed(struct redis_session *s, const struct asking *asking,
					 const char *command, struct diag *out)
{
	const char *args[CAN_ARGS_MAX + 4] = {"ACL", "DRYRUN", asking->user};
	cleanup_free char *copy = xstrdup(command);
	size_t n = 3;
	redisReply *reply;

	for (char *save, *w = strtok_r(copy, " ", &save); w && n < ARRAY_LEN(args) - 1;
	     w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	if (asking->user)
		return check_by_dryrun(s, command, args, out);
	if (asking->by_multi)
		return check_by_multi(s, command, args + 3, out);
	if (n == 3 || !only_reads(args[3]))
		return fail_cannot_ask(s, command, &asking->acl, out);
	reply = redis_ask(s, out, args + 3);
	if (!reply)
		return RESULT_FAIL;
	/* WRONGTYPE comes after the permission. */
	return resp_is_error(reply) && !str_starts(reply->str, "WRONGTYPE")
		   ? resp_fail(out, reply, s->at, command)
		   : RESULT_PASS;
}

static enum result check_permissions(struct redis_session *s, struct diag *out)
{
	struct asking asking = {.by_multi = false};
	struct diag multi = {0};

	if (!s->conf->can.n)
		return RESULT_PASS;
	asking.user = find_dryrun_user(s, &asking.acl);
	if (!asking.user && !is_refused(asking.acl.code) &&
	    asking.acl.code != D_PROTOCOL_MISMATCH) {
		*out = asking.acl;
		return RESULT_FAIL;
	}
	if (!asking.user) {
		asking.by_multi = !find_multi(s, &multi);
		if (!asking.by_multi && !is_refused(multi.code)) {
			*out = multi;
			return RESULT_FAIL;
		}
	}
	for (size_t i = 0; i < s->conf->can.n; i++)
		if (check_command_allowed(s, &asking, s->conf->can.v[i], out))
			return RESULT_FAIL;
	return RESULT_PASS;
}

/* Asks the type of a key: "none" when it does not exist, NULL with *out filled. A user who may not ask for it may still be permitted
 * to EXISTS or GET it, which is enough when no type is demanded. */
static const char *ask_type(struct redis_session *s, const struct wanted_key *k, struct diag *out)
{
	redisReply *reply = REDIS_ASK(s, out, "TYPE", k->name);
	struct diag refusal = {0};

	if (reply && reply->type == REDIS_REPLY_STATUS)
		return reply->str;
	if (!reply)
		return NULL;
	resp_fail(&refusal, reply, s->at, "TYPE");
	if (!is_refused(refusal.code) || k->type != ENUM_UNSET) {
		*out = refusal;
		return NULL;
	}
	reply = REDIS_ASK(s, out, "EXISTS", k->name);
	if (!reply)
		return NULL;
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply->integer ? "key" : "none";
	reply = REDIS_ASK(s, out, "GET", k->name);
	if (!reply)
		return NULL;
	if (reply->type == REDIS_REPLY_NIL)
		return "none";
	if (!resp_is_error(reply) || str_starts(reply->str, "WRONGTYPE"))
		return "key";
	*out = refusal;
	return NULL;
}

static enum result check_keys(struct redis_session *s, struct diag *out)
{
	for (size_t i = 0; i < s->conf->keys.n; i++) {
		const struct wanted_key *k = GROUP_AT(s->conf->keys, struct wanted_key, i);
		const char *type = ask_type(s, k, out);
		char subject[DIAG_SUBJECT_MAX];

		snprintf(subject, sizeof subject, "key %s", k->name);
		if (!type)
			return RESULT_FAIL;
		if (str_eq(type, "none"))
			return check_fail(out, D_REDIS_KEY, subject,
					  "the key does not exist in database %lld",
					  (long long)s->database);
		if (k->type != ENUM_UNSET && !str_eq(type, key_types[k->type]))
			return check_fail(out, D_REDIS_KEY, subject, "it is a %s, demanded is a %s",
					  type, key_types[k->type]);
	}
	return RESULT_PASS;
}

static enum result probe_write(struct redis_session *s, struct diag *out)
{
	char key[300], value[64];
	redisReply *reply;

	if (!s->conf->write_probe)
		return RESULT_PASS;
	snprintf(key, sizeof key, "%s%d-%lld", s->conf->write_probe, (int)getpid(),
		 (long long)instant_now().ns);
	snprintf(value, sizeof value, "%lld", (long long)instant_now().ns);
	/* Redis deletes the key after 60 s if DEL is not sent, or not permitted. */
	reply = REDIS_ASK(s, out, "SET", key, value, "EX", "60");
	if (!reply)
		return RESULT_FAIL;
	if (reply->type != REDIS_REPLY_STATUS)
		return resp_fail(out, reply, s->at, "SET");
	reply = REDIS_ASK(s, out, "GET", key);
	if (!reply || !REDIS_ASK(s, out, "DEL", key))
		return RESULT_FAIL;
	if (resp_is_error(reply))
		return resp_fail(out, reply, s->at, "GET");
	if (reply->type != REDIS_REPLY_STRING || !str_eq(reply->str, value))
		return check_fail(out, D_REDIS_KEY, key, "what was written was not read back");
	check_reached(s->run, "write");
	return RESULT_PASS;
}

static enum result redis_run(const struct check_run *run, struct diag *out)
{
	struct redis_session *s = xcalloc(1, sizeof *s);

	if (redis_session_begin(s, run, out) || redis_session_reach(s, out) ||
	    redis_select(s, out) || check_settings(s, out))
		return RESULT_FAIL;
	check_step(run, PH_ASSERT, "asking %s about permissions and keys", s->resp->conn.peer);
	if (check_permissions(s, out) || check_keys(s, out) || probe_write(s, out))
		return RESULT_FAIL;
	check_summary(run, "%s%s", s->resp->conn.peer, s->resp->with_login ? ", logged in" : "");
	return RESULT_PASS;
}

const struct check_kind check_redis = {
    .name = "redis",
    .summary = "Redis is loaded, lets this user in and has the right role, settings and keys",
    .schema = &(const struct schema){.size = sizeof(struct redis_conf), .keys = redis_keys},
    .urls = {{.scheme = "redis",
	      .example = "redis://host",
	      .key = "url",
	      .as = "redis",
	      .also = redis_url_other_schemes},
	     {.scheme = "rediss", .example = "rediss://host", .key = "url", .as = "rediss"},
	     {.scheme = "valkey", .example = "valkey://host", .key = "url", .as = "valkey"},
	     {.scheme = "valkeys", .example = "valkeys://host", .key = "url", .as = "valkeys"}},
    .library = resp_library,
    .validate = redis_validate,
    .run = redis_run,
};
