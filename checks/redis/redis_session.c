#include "redis_session.h"

#include "redis_error.h"

#define REDIRECTS_MAX 5 /* for one command; while slots move two are usual */

/* ---- secrets and the url ------------------------------------------------------------------------------------------ */
static enum result reveal_password(struct secret secret, const char **password, struct diag *out)
{
	if (!secret_is_set(secret))
		return RESULT_PASS;
	*password = secret_reveal(secret, out);
	return *password ? RESULT_PASS : RESULT_FAIL;
}

/* Takes the login of the URL where the profile gives none. An empty password, as in redis://:@cache, is no login for clients. */
static enum result take_url_login(struct redis_session *s, struct diag *out)
{
	const char *user = s->parts.username;

	if (s->login.password)
		return RESULT_PASS;
	s->login.password = s->parts.password;
	if (secret_is_set(s->url.password)) {
		s->login.password = secret_reveal(s->url.password, out);
		if (!s->login.password)
			return RESULT_FAIL;
	}
	if (secret_is_set(s->url.user))
		user = secret_read(s->url.user, out);
	if (s->login.password && !*s->login.password)
		s->login.password = NULL;
	if (!s->login.user && user && *user)
		s->login.user = user;
	return RESULT_PASS;
}

static const char *either(const char *key, const char *parameter)
{
	return key ? key : parameter;
}

/* The parameters of the URL stand in for keys that the profile does not give. */
static void take_url_parts(struct redis_session *s)
{
	const struct redis_url *parts = &s->parts;
	struct tls_conf *tls = &s->tls_conf;

	s->tls = parts->tls;
	if (parts->kind == REDIS_URL_SENTINELS) {
		s->sentinels = parts->hosts;
		s->master_name = parts->master_name;
		s->sentinel_tls |= parts->tls;
	} else if (parts->kind == REDIS_URL_CLUSTER) {
		s->seeds = parts->hosts;
	}
	if (s->conf->database == INT_UNSET && parts->database != INT_UNSET)
		s->database = parts->database;
	tls->ca_file = either(tls->ca_file, parts->ca_file);
	tls->ca_path = either(tls->ca_path, parts->ca_path);
	tls->cert_file = either(tls->cert_file, parts->cert_file);
	tls->key_file = either(tls->key_file, parts->key_file);
	tls->any_certificate = parts->any_certificate && !s->conf->ca_file && !s->conf->ca_path;
	if (tls->any_certificate && parts->tls)
		check_fact(s->run, "certificate", "not verified, as the url says");
	if (parts->passed_over[0])
		check_fact(s->run, "url_parameters_passed_over", "%s", parts->passed_over);
}

/* What of the keys goes with sentinels alone, or not with them. Of a url that stands in the profile, validate says so. */
static const char *sentinel_problem(const struct redis_session *s)
{
	bool keys = s->conf->sentinel_username || secret_is_set(s->conf->sentinel_password) ||
		    s->conf->sentinel_tls;

	if (s->parts.kind == REDIS_URL_SENTINELS && s->conf->role == ROLE_REPLICA)
		return "names sentinels, which name the master, and role is replica";
	return keys && s->parts.kind != REDIS_URL_SENTINELS
		   ? "names no sentinels, for which sentinel_username, sentinel_password and "
		     "sentinel_tls are"
		   : NULL;
}

static enum result read_url(struct redis_session *s, struct diag *out)
{
	const struct url *url = &s->conf->url;
	const char *problem;

	if (!url_is_set(url))
		return RESULT_PASS;
	if (url_reveal(url, &s->url, out))
		return RESULT_FAIL;
	problem = redis_url_read(&s->url, &s->arena, &s->parts);
	if (!problem)
		problem = sentinel_problem(s);
	/* Only a url by reference reaches this: validate refuses such a url in the profile itself. */
	if (problem)
		return check_fail(out,
				  url->ref.kind == SECRET_ENV ? D_ENV_MISMATCH : D_SECRET_MALFORMED,
				  url->ref.text, "the url %s", problem);
	take_url_parts(s);
	return take_url_login(s, out);
}

enum result redis_session_begin(struct redis_session *s, const struct check_run *run,
				struct diag *out)
{
	const struct redis_conf *c = run->conf;

	*s = (struct redis_session){
	    .run = run,
	    .conf = c,
	    .sentinels = c->sentinels,
	    .seeds = c->seeds,
	    .master_name = c->master_name,
	    .sentinel_tls = c->sentinel_tls,
	    .login.user = c->username,
	    .sentinel_login = {.user = c->sentinel_username, .for_sentinels = true},
	    .tls_conf = TLS_CONF(c),
	    .tls = c->tls,
	    .database = c->database == INT_UNSET ? 0 : c->database,
	    .replicas = -1,
	};
	if (reveal_password(c->password, &s->login.password, out) ||
	    reveal_password(c->sentinel_password, &s->sentinel_login.password, out))
		return RESULT_FAIL;
	return read_url(s, out);
}

/* ---- connecting and logging in ------------------------------------------------------------------------------------ */
/* A TLS server ends a plain connection at the first command, most often without an answer. */
static enum result fail_first_command(const struct resp *resp, struct diag *out)
{
	const struct conn *conn = &resp->conn;

	if ((out->code == D_CONNECT_RESET || out->code == D_CONNECT_CLOSED) && !conn->ssl)
		return net_fail_closed(resp->run, conn->ip, conn->port, out);
	return RESULT_FAIL;
}

/* A plain server is silent in a handshake, or closes it. Sends PING without TLS on a second connection to find out. */
static enum result fail_handshake(const struct check_run *run, const char *host, int port,
				  struct diag *out)
{
	struct diag ignored = {0};
	struct conn plain;
	char buf[256], text[120];
	size_t n = 0;

	if (out->code != D_ANSWER_TIMEOUT && out->code != D_CONNECT_CLOSED &&
	    out->code != D_CONNECT_RESET && out->code != D_TLS_HANDSHAKE)
		return RESULT_FAIL;
	if (net_connect(run, host, port, &plain, &ignored) ||
	    net_write(run, &plain, "PING\r\n", 6, &ignored) ||
	    net_read(run, &plain, buf, sizeof buf, &n, &ignored) || !n ||
	    (buf[0] != '+' && buf[0] != '-'))
		return RESULT_FAIL;
	text_clean_n(text, sizeof text, buf, n);
	check_fail(out, D_TLS_PEER_IS_PLAINTEXT, plain.peer, "a PING without TLS is answered: %s",
		   text);
	diag_hint(out, "use redis:// for this port, or the server's port for TLS");
	return RESULT_FAIL;
}

static enum result start_tls(const struct check_run *run, struct redis_session *s,
			     struct conn *conn, const char *host, int port, struct diag *out)
{
	struct check_run shorter = *run;

	/* The rest of the time is for finding out that the server does not speak TLS. */
	shorter.deadline = instant_share(instant_now(), run->deadline, 3);
	shorter.deadline =
	    instant_after(shorter.deadline, instant_since(instant_now(), shorter.deadline));
	if (!tls_handshake(&shorter, conn, host, &s->tls_conf, out))
		return RESULT_PASS;
	net_fail_tls(run, conn->ip, port, host, out);
	return fail_handshake(run, host, port, out);
}

static enum result connect_to(const struct check_run *run, struct redis_session *s,
			      const char *host, int port, bool tls, struct resp *resp,
			      struct diag *out)
{
	struct conn conn;

	if (s->parts.socket) {
		if (net_connect_unix(run, s->parts.socket, &conn, out))
			return RESULT_FAIL;
	} else if (net_connect(run, host, port, &conn, out) ||
		   (tls && start_tls(run, s, &conn, host, port, out))) {
		return RESULT_FAIL;
	}
	resp_begin(resp, run, &conn);
	return RESULT_PASS;
}

/* Replaces the hint where the words of the server, or the profile, tell a better one. */
static void hint_login(struct diag *out, const struct redis_login *login, const char *text)
{
	if (strstr(text, "without any password configured") || strstr(text, "no password is set"))
		diag_hint(out, "the server has no password: drop %s here, or set requirepass there",
			  login->for_sentinels ? "sentinel_password" : "password");
	else if (strcasestr(text, "wrong number of arguments") && login->user)
		diag_hint(
		    out,
		    "servers before Redis 6 have no users: drop the user, or use a newer server");
	else if (login->for_sentinels)
		diag_hint(out, "look at sentinel_username and sentinel_password: sentinels have a "
			       "login of their own");
}

static enum result log_in(struct resp *resp, const struct redis_login *login, struct diag *out)
{
	redisReply *reply;

	if (!login->password)
		return RESULT_PASS;
	resp->with_login = true;
	check_step(resp->run, PH_AUTH, "AUTH at %s", resp->conn.peer);
	reply = login->user ? RESP(resp, out, "AUTH", login->user, login->password)
			    : RESP(resp, out, "AUTH", login->password);
	if (!reply)
		return fail_first_command(resp, out);
	if (!resp_is_error(reply)) {
		check_reached(resp->run, login->for_sentinels ? "sentinel auth" : "auth");
		return RESULT_PASS;
	}
	resp_fail(out, reply, resp, "AUTH");
	hint_login(out, login, reply->str);
	return RESULT_FAIL;
}

static enum result open_server(const struct check_run *run, struct redis_session *s,
			       const char *host, int port, struct resp *resp, struct diag *out)
{
	if (connect_to(run, s, host, port, s->tls, resp, out))
		return RESULT_FAIL;
	return log_in(resp, &s->login, out);
}

/* ---- is it the server? -------------------------------------------------------------------------------------------- */
/* A user who may not PING, and a proxy that does not know it, are no reason to fail: the service need not send it. */
static enum result ping(struct resp *resp, struct diag *out)
{
	enum diag_code code;
	redisReply *reply;

	check_step(resp->run, PH_PROTOCOL, "PING to %s", resp->conn.peer);
	reply = RESP(resp, out, "PING");
	if (!reply)
		return fail_first_command(resp, out);
	if (!resp_is_error(reply)) {
		if ((reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_STRING) ||
		    !str_eq(reply->str, "PONG"))
			return check_fail(out, D_REDIS_NOT_REDIS, resp->conn.peer,
					  "PING was not answered with PONG");
		check_reached(resp->run, "ping");
		return RESULT_PASS;
	}
	code = redis_error_code(reply->str);
	if (code != D_REDIS_COMMAND && (code != D_AUTH_FORBIDDEN || !resp->with_login))
		return resp_fail(out, reply, resp, "PING");
	check_fact(resp->run, "ping", "not permitted: %s", reply->str);
	return RESULT_PASS;
}

const char *redis_role_word(const char *role)
{
	if (str_eq(role, "slave") || str_eq(role, "secondary"))
		return "replica";
	return str_eq(role, "primary") ? "master" : role;
}

bool redis_role_is(const char *role, enum redis_role wanted)
{
	if (wanted == ROLE_ANY || str_eq(role, "active-replica"))
		return true;
	return str_eq(redis_role_word(role), wanted == ROLE_MASTER ? "master" : "replica");
}

static const char *element_text(const redisReply *reply, size_t i)
{
	const redisReply *e = i < reply->elements ? reply->element[i] : NULL;

	return e && (e->type == REDIS_REPLY_STRING || e->type == REDIS_REPLY_STATUS) ? e->str : "";
}

/* Keeps what ROLE says: ["master", offset, [replicas]], ["slave", host, port, state, offset], ["sentinel", [names]]. */
static void keep_role(struct redis_session *s, const redisReply *reply)
{
	s->role[0] = s->link[0] = 0;
	s->replicas = -1;
	if (reply->type != REDIS_REPLY_ARRAY)
		return;
	snprintf(s->role, sizeof s->role, "%s", redis_role_word(element_text(reply, 0)));
	snprintf(s->link, sizeof s->link, "%s", element_text(reply, 3));
	if (reply->elements > 2 && reply->element[2]->type == REDIS_REPLY_ARRAY)
		s->replicas = (int64_t)reply->element[2]->elements;
}

/* Asks the role where ROLE is not permitted. Leaves s->role empty when INFO is not permitted either. */
static enum result ask_role_by_info(struct redis_session *s, struct diag *out)
{
	redisReply *reply = RESP(s->resp, out, "INFO", "replication");
	struct resp_value role;

	if (!reply)
		return RESULT_FAIL;
	if (reply->type == REDIS_REPLY_STRING && resp_info(reply->str, "role", &role))
		snprintf(s->role, sizeof s->role, "%s", redis_role_word(role.text));
	return RESULT_PASS;
}

static enum result ask_role(struct redis_session *s, struct diag *out)
{
	redisReply *reply;

	check_step(s->resp->run, PH_PROTOCOL, "ROLE of %s", s->resp->conn.peer);
	reply = RESP(s->resp, out, "ROLE");
	if (!reply)
		return RESULT_FAIL;
	keep_role(s, reply);
	if (str_eq(s->role, "sentinel"))
		return check_fail(out, D_REDIS_IS_SENTINEL, s->resp->conn.peer,
				  "ROLE is answered with: sentinel");
	return RESULT_PASS;
}

#define CLUSTER_SLOTS 16384

/* Counts the slots in the reply to CLUSTER SLOTS, which clients of a cluster need: [[first, last, node, ...], ...]. */
static int64_t count_slots(const redisReply *reply)
{
	int64_t n = 0;

	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *range = reply->element[i];

		if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 ||
		    range->element[0]->type != REDIS_REPLY_INTEGER ||
		    range->element[1]->type != REDIS_REPLY_INTEGER ||
		    range->element[0]->integer < 0 || range->element[1]->integer >= CLUSTER_SLOTS ||
		    range->element[0]->integer > range->element[1]->integer)
			return 0;
		n += range->element[1]->integer - range->element[0]->integer + 1;
	}
	return n;
}

static enum result check_slots(struct resp *resp, struct diag *out)
{
	redisReply *reply = RESP_FOR(resp, REDIS_REPLY_ARRAY, out, "CLUSTER", "SLOTS");
	int64_t n;

	if (!reply)
		return RESULT_FAIL;
	n = count_slots(reply);
	if (n == CLUSTER_SLOTS)
		return RESULT_PASS;
	return check_fail(out, D_REDIS_CLUSTER_DOWN, resp->conn.peer,
			  "CLUSTER SLOTS tells %lld of %d slots", (long long)n, CLUSTER_SLOTS);
}

static enum result check_cluster_info(struct resp *resp, const char *text, struct diag *out)
{
	struct resp_value state, ok;

	/* Forks that emulate a cluster may leave the slots out. */
	if (!resp_info(text, "cluster_slots_ok", &ok))
		snprintf(ok.text, sizeof ok.text, "%d", CLUSTER_SLOTS);
	if (!resp_info(text, "cluster_state", &state))
		snprintf(state.text, sizeof state.text, "unknown");
	if (str_eq(state.text, "ok") && str_eq(ok.text, "16384"))
		return RESULT_PASS;
	return check_fail(out, D_REDIS_CLUSTER_DOWN, resp->conn.peer,
			  "cluster_state %s, %s of %d slots ok", state.text, ok.text,
			  CLUSTER_SLOTS);
}

static enum result check_cluster(struct redis_session *s, struct diag *out)
{
	struct resp *resp = s->resp;
	redisReply *reply;

	if (!s->conf->cluster && !s->seeds.n)
		return RESULT_PASS;
	check_step(resp->run, PH_ASSERT, "CLUSTER INFO of %s", resp->conn.peer);
	reply = RESP(resp, out, "CLUSTER", "INFO");
	if (!reply)
		return RESULT_FAIL;
	if (reply->type == REDIS_REPLY_STRING)
		return check_cluster_info(resp, reply->str, out);
	resp_fail(out, reply, resp, "CLUSTER INFO");
	if (out->code != D_AUTH_FORBIDDEN && out->code != D_REDIS_COMMAND)
		return RESULT_FAIL;
	return check_slots(resp, out);
}

/* Asks for the role, and opens the connection again when no answer came: some proxies close it, or keep silent, at a command
 * that they do not know. ROLE is only asked to be sure, and has half of the time. */
static enum result ask_role_if_known(struct redis_session *s, const char *host, int port,
				     struct diag *out)
{
	const struct check_run *run = s->resp->run;
	struct check_run shorter = *run;
	struct diag this = {0};
	enum result result;

	shorter.deadline = instant_share(instant_now(), run->deadline, 2);
	s->resp->run = &shorter;
	result = ask_role(s, &this);
	s->resp->run = run;
	if (result == RESULT_PASS)
		return RESULT_PASS;
	if (this.code != D_CONNECT_CLOSED && this.code != D_CONNECT_RESET &&
	    (this.code != D_ANSWER_TIMEOUT || s->resp->bytes)) {
		*out = this;
		return RESULT_FAIL;
	}
	return open_server(run, s, host, port, s->resp, out);
}

static enum result ask_server(struct redis_session *s, const char *host, int port, struct diag *out)
{
	if (ping(s->resp, out) || ask_role_if_known(s, host, port, out))
		return RESULT_FAIL;
	return check_cluster(s, out);
}

/* ---- one of several ----------------------------------------------------------------------------------------------- */
/* Sends SENTINEL get-master-addr-by-name (Sentinel documentation). */
static enum result query_sentinel(struct redis_session *s, struct resp *resp, const char **host,
				  int *port, struct diag *out)
{
	const char *master = s->master_name;
	char subject[160];
	redisReply *reply;
	int64_t number;

	check_step(resp->run, PH_PROTOCOL, "asking sentinel %s for %s", resp->conn.peer, master);
	reply = RESP(resp, out, "SENTINEL", "get-master-addr-by-name", master);
	if (!reply)
		return fail_first_command(resp, out);
	if (reply->type == REDIS_REPLY_NIL) {
		snprintf(subject, sizeof subject, "master %s", master);
		return check_fail(out, D_REDIS_SENTINEL_NO_MASTER, subject,
				  "sentinel %s does not know this name", resp->conn.peer);
	}
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && *element_text(reply, 0) &&
	    !parse_i64(element_text(reply, 1), 1, 65535, &number)) {
		*host = reply->element[0]->str;
		*port = (int)number;
		return RESULT_PASS;
	}
	resp_fail(out, reply, resp, "SENTINEL");
	if (out->code == D_AUTH_REQUIRED || out->code == D_AUTH_FORBIDDEN)
		diag_hint(out, "give sentinel_password, and sentinel_username for a user of the "
			       "sentinel: it has a login of its own");
	else if (out->code == D_REDIS_COMMAND)
		diag_hint(out, "no sentinel listens here: look at the port (26379 is usual)");
	return RESULT_FAIL;
}

/* A sentinel may not have seen a failover yet: the server itself is asked, as the client guidelines of Sentinel demand. */
static enum result check_named_master(struct redis_session *s, const char *sentinel,
				      struct diag *out)
{
	if (!s->role[0] && ask_role_by_info(s, out))
		return RESULT_FAIL;
	if (!s->role[0] || redis_role_is(s->role, ROLE_MASTER))
		return RESULT_PASS;
	return check_fail(out, D_REDIS_WRONG_ROLE, s->resp->conn.peer,
			  "sentinel %s names it as master %s, but it is a %s", sentinel,
			  s->master_name, s->role);
}

static enum result reach_by_sentinel(const struct check_run *run, struct redis_session *s,
				     const char *sentinel, struct diag *out)
{
	const char *master = "";
	char host[256], address[300];
	struct resp *resp = xcalloc(1, sizeof *resp);
	int port, master_port = 0;

	invariant(!hostport_split(sentinel, host, sizeof host, &port));
	if (connect_to(run, s, host, port, s->sentinel_tls, resp, out) ||
	    log_in(resp, &s->sentinel_login, out) ||
	    query_sentinel(s, resp, &master, &master_port, out))
		return RESULT_FAIL;
	check_reached(run, "sentinel");
	if (open_server(run, s, master, master_port, s->resp, out) ||
	    ask_server(s, master, master_port, out) || check_named_master(s, sentinel, out))
		return RESULT_FAIL;
	check_fact(run, "master", "%s",
		   hostport_text(master, master_port, address, sizeof address));
	return RESULT_PASS;
}

static enum result reach_seed(const struct check_run *run, struct redis_session *s,
			      const char *seed, struct diag *out)
{
	char host[256];
	int port;

	invariant(!hostport_split(seed, host, sizeof host, &port));
	if (open_server(run, s, host, port, s->resp, out))
		return RESULT_FAIL;
	return ask_server(s, host, port, out);
}

/* Keeps the failure of a peer that may still come right: as long as there is one, waiting can help. */
static void keep_most_hopeful(struct diag *out, const struct diag *next)
{
	bool has = out->code != D_NONE && diag_info(out->code)->retryable,
	     is = diag_info(next->code)->retryable;

	if (out->code == D_NONE || (is && !has))
		*out = *next;
	else if (is == has)
		diag_keep_latest(out, next);
}

static enum result reach_one_of(struct redis_session *s, const struct strlist *peers,
				enum result (*reach)(const struct check_run *run,
						     struct redis_session *s, const char *peer,
						     struct diag *out),
				struct diag *out)
{
	struct check_run shorter = *s->run;

	for (size_t i = 0; i < peers->n; i++) {
		struct diag this = {0};

		/* A silent server must not use up the time of the others. */
		shorter.deadline = instant_share(instant_now(), s->run->deadline, peers->n - i);
		if (!reach(&shorter, s, peers->v[i], &this)) {
			s->resp->run = s->run;
			return RESULT_PASS;
		}
		keep_most_hopeful(out, &this);
	}
	return RESULT_FAIL;
}

enum result redis_session_reach(struct redis_session *s, struct diag *out)
{
	int port = s->url.port ? s->url.port : 6379;

	s->resp = xcalloc(1, sizeof *s->resp);
	if (s->sentinels.n)
		return reach_one_of(s, &s->sentinels, reach_by_sentinel, out);
	if (s->seeds.n)
		return reach_one_of(s, &s->seeds, reach_seed, out);
	if (open_server(s->run, s, s->url.host, port, s->resp, out))
		return RESULT_FAIL;
	return ask_server(s, s->url.host, port, out);
}

/* ---- redirections ------------------------------------------------------------------------------------------------- */
/* Returns the connection to a node that a redirection names: a present one, or a new one. */
static struct resp *reach_node(struct redis_session *s, const char *host, int port,
			       struct diag *out)
{
	struct redis_node *node;

	for (node = s->nodes; node; node = node->next)
		if (str_eq(node->host, host) && node->port == port)
			return &node->resp;
	node = xcalloc(1, sizeof *node);
	if (open_server(s->run, s, host, port, &node->resp, out)) {
		if (out->code != D_AUTH_FAILED && out->code != D_AUTH_REQUIRED)
			diag_hint(out,
				  "the cluster names this address: look at cluster-announce-ip "
				  "and cluster-announce-hostname of the node");
		return NULL;
	}
	snprintf(node->host, sizeof node->host, "%s", host);
	node->port = port;
	node->next = s->nodes;
	s->nodes = node;
	return &node->resp;
}

redisReply *redis_ask(struct redis_session *s, struct diag *out, const char *const *args)
{
	struct redis_redirect to;
	redisReply *reply;
	int port;

	s->at = s->resp;
	for (int hops = 0;; hops++) {
		reply = resp_command(s->at, out, args);
		if (!reply || !resp_is_error(reply) || !redis_error_redirect(reply->str, &to) ||
		    hops == REDIRECTS_MAX)
			return reply;
		if (!to.host[0] && hostport_split(s->at->conn.peer, to.host, sizeof to.host, &port))
			return reply;
		check_step(s->run, PH_ASSERT, "%s, which %s has sent to %s:%d", args[0],
			   s->at->conn.peer, to.host, to.port);
		s->at = reach_node(s, to.host, to.port, out);
		if (!s->at || (to.is_ask && !RESP(s->at, out, "ASKING")))
			return NULL;
	}
}
