/* memcached: checks that the server answers, accepts the login, is new enough and holds a key.
 *
 * Speaks the text protocol (doc/protocol.txt of memcached). A server with an authentication file (-Y,
 * memcached 1.5.15) takes credentials as the value of a `set`. Another server would store them, so they are sent only to a
 * server that demands them. A server with SASL (-S) speaks only the binary protocol.
 */
#include "check.h"
#include "tls.h"
#include "version.h"

#define MEMCACHED_PORT 11211
#define KEY_LENGTH_MAX 250
#define LINE_SIZE 512 /* bytes; the longest answer line holds a key of 250 bytes */

struct memcached_conf {
	struct url url;
	const char *username;
	struct secret password;
	const char *min_version;
	const char *key;
};

static const char *const memcached_schemes[] = {"memcached", "unix", NULL};

static const char *memcached_url_problem(const char *text)
{
	const char *rest = strstr(text, "://") + 3;

	rest += strcspn(rest, "/?");
	if (str_starts(text, "unix://") || !*rest || str_eq(rest, "/"))
		return NULL;
	return "has a path or query, which memcached does not have: memcached://host:port";
}

static const char *word_problem(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return "holds a blank or control character, which the protocol cannot send";
	return strlen(text) > KEY_LENGTH_MAX ? "is longer than 250 bytes" : NULL;
}

static const struct key memcached_keys[] = {
    KEY_URL(struct memcached_conf, url, .flags = K_REQUIRED, .schemes = memcached_schemes,
	    .check = memcached_url_problem,
	    .doc = "memcached://host:port (11211), or unix:///path of a socket.",
	    .example = "\"memcached://cache:11211\""),
    KEY_STR(struct memcached_conf, username, .check = word_problem,
	    .doc =
		"User, for a server with an authentication file (-Y). It is sent only to a server "
		"that asks.",
	    .example = "\"app\""),
    KEY_SECRET(struct memcached_conf, password, .doc = "Password of username, by reference.",
	       .example = "\"env:MEMCACHED_PASSWORD\""),
    KEY_STR(struct memcached_conf, min_version, .flags = K_NUMBERS, .check = version_problem,
	    .doc = "The server must be of this version or newer.", .example = "\"1.6\""),
    KEY_STR(struct memcached_conf, key, .check = word_problem,
	    .doc = "A key that must exist; its value is not read.",
	    .example = "\"config:version\""),
    KEY_END,
};

static const char *memcached_validate(const void *conf, const char **key)
{
	const struct memcached_conf *c = conf;

	*key = "url";
	if (secret_is_set(c->url.user) != secret_is_set(c->url.password))
		return "has half a login: write memcached://user:password@host";
	*key = "username";
	if (c->username && secret_is_set(c->url.user))
		return "and a user part of the url exclude each other";
	if (c->username && !secret_is_set(c->password))
		return "needs password as well";
	*key = "password";
	return secret_is_set(c->password) && !c->username ? "needs username as well" : NULL;
}

struct session {
	const struct check_run *run;
	struct conn conn;
	char line[LINE_SIZE]; /* first line of the last answer, without CR LF */
};

/* Completes *out, the diagnosis of a closed connection: a TLS port closes it, and so does a server with SASL. */
static enum result fail_ended(const struct session *s, struct diag *out)
{
	net_fail_closed(s->run, s->conn.ip, s->conn.port, out);
	if (out->code != D_TLS_REQUIRED)
		diag_hint(out,
			  "look at the server's log; a memcached with SASL (-S) ends connections "
			  "of the text protocol: use an authentication file (-Y)");
	return RESULT_FAIL;
}

static enum result fail_mismatch(const struct session *s, const char *name, const char *answer,
				 size_t n, struct diag *out)
{
	char start[120];

	if (tls_is_alert(answer, n))
		return check_fail(out, D_TLS_REQUIRED, s->conn.peer,
				  "the peer answers with a TLS alert");
	text_clean_n(start, sizeof start, answer, n);
	return check_fail(out, D_PROTOCOL_MISMATCH, s->conn.peer,
			  "the answer to %s is not memcached's; it begins with: %s", name, start);
}

/* Sends a command line and reads the first line of the answer. `name` is the command's name for messages. */
static enum result send_command(struct session *s, const char *name, const char *command,
				struct diag *out)
{
	size_t len = 0, n;
	char *end = NULL;

	if (net_write(s->run, &s->conn, command, strlen(command), out))
		return RESULT_FAIL;
	while (!end && len < sizeof s->line) {
		if (net_read(s->run, &s->conn, s->line + len, sizeof s->line - len, &n, out))
			return out->code == D_CONNECT_RESET && !len ? fail_ended(s, out)
								    : RESULT_FAIL;
		if (!n) {
			check_fail(out, len ? D_ANSWER_TRUNCATED : D_CONNECT_CLOSED, s->conn.peer,
				   "the peer closed the connection in answer to %s", name);
			return len ? RESULT_FAIL : fail_ended(s, out);
		}
		len += n;
		end = memmem(s->line, len, "\r\n", 2);
	}
	if (!end || memchr(s->line, '\0', (size_t)(end - s->line)))
		return fail_mismatch(s, name, s->line, len, out);
	*end = '\0';
	return RESULT_PASS;
}

/* Diagnoses an answer that is not the expected one. */
static enum result fail_answer(const struct session *s, const char *name, struct diag *out)
{
	static const struct {
		const char *begin;
		enum diag_code code;
	} begins[] = {
	    {"CLIENT_ERROR unauthenticated", D_AUTH_REQUIRED},
	    {"CLIENT_ERROR authentication failure", D_AUTH_FAILED},
	    {"CLIENT_ERROR bad authentication", D_AUTH_FAILED},
	    {"SERVER_ERROR", D_MEMCACHED_ERROR},
	    {"ERROR Too many open connections", D_MEMCACHED_ERROR},
	};

	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (str_starts(s->line, begins[i].begin))
			return check_fail(out, begins[i].code, s->conn.peer, "%s: %s", name,
					  s->line);
	return fail_mismatch(s, name, s->line, strlen(s->line), out);
}

static enum result login(struct session *s, const char *user, struct secret secret,
			 struct diag *out)
{
	const char *password = secret_reveal(secret, out);
	cleanup_str struct str command;

	str_init(&command, SECRET_VALUE_MAX + LINE_SIZE);
	if (!password)
		return RESULT_FAIL;
	check_step(s->run, PH_AUTH, "login at %s", s->conn.peer);
	str_addf(&command, "set login 0 0 %zu\r\n%s %s\r\n", strlen(user) + 1 + strlen(password),
		 user, password);
	if (send_command(s, "the login", command.s, out))
		return RESULT_FAIL;
	if (!str_eq(s->line, "STORED"))
		return fail_answer(s, "the login", out);
	check_reached(s->run, "auth");
	return RESULT_PASS;
}

/* A load balancer that sends a line of the PROXY protocol to a server that expects none gets an ERROR for it, before the answer to
 * the first command. A second command tells that from another server. */
static enum result fail_error(struct session *s, struct diag *out)
{
	struct diag ignored = {0};

	if (send_command(s, "version", "version\r\n", &ignored) || !str_starts(s->line, "VERSION "))
		return fail_mismatch(s, "version", "ERROR", strlen("ERROR"), out);
	check_fail(out, D_PROTOCOL_MISMATCH, s->conn.peer,
		   "an ERROR for a line that was not sent comes before the answer to version");
	diag_hint(out, "a proxy in between likely sends the PROXY protocol to a server that does "
		       "not expect it: switch that off (send-proxy, proxy_protocol)");
	return RESULT_FAIL;
}

/* Reads the server's version. Logs in first when the server asks for it. */
static enum result query_version(struct session *s, const char *user, struct secret password,
				 struct diag *out)
{
	check_step(s->run, PH_PROTOCOL, "version of %s", s->conn.peer);
	if (send_command(s, "version", "version\r\n", out))
		return RESULT_FAIL;
	if (user && str_eq(s->line, "CLIENT_ERROR unauthenticated") &&
	    (login(s, user, password, out) || send_command(s, "version", "version\r\n", out)))
		return RESULT_FAIL;
	if (str_eq(s->line, "ERROR"))
		return fail_error(s, out);
	if (!str_starts(s->line, "VERSION "))
		return fail_answer(s, "version", out);
	check_reached(s->run, "version");
	return RESULT_PASS;
}

static enum result check_key(struct session *s, const char *key, struct diag *out)
{
	char subject[KEY_LENGTH_MAX + 8], command[KEY_LENGTH_MAX + 8];

	check_step(s->run, PH_ASSERT, "get %s at %s", key, s->conn.peer);
	snprintf(command, sizeof command, "get %s\r\n", key);
	if (send_command(s, "get", command, out))
		return RESULT_FAIL;
	snprintf(subject, sizeof subject, "key %s", key);
	if (str_eq(s->line, "END"))
		return check_fail(out, D_MEMCACHED_KEY, subject, "%s does not have it",
				  s->conn.peer);
	return str_starts(s->line, "VALUE ") ? RESULT_PASS : fail_answer(s, "get", out);
}

static enum result connect_to(struct session *s, const struct url *url, struct diag *out)
{
	if (str_eq(url->scheme, "unix"))
		return net_connect_unix(s->run, url->path, &s->conn, out);
	return net_connect(s->run, url->host, url->port ? url->port : MEMCACHED_PORT, &s->conn,
			   out);
}

static enum result memcached_run(const struct check_run *run, struct diag *out)
{
	const struct memcached_conf *c = run->conf;
	const char *user = c->username;
	char version[64];
	struct session s = {.run = run};
	struct url url;

	if (url_reveal(&c->url, &url, out) < 0)
		return RESULT_FAIL;
	if (!user && secret_is_set(url.user))
		user = secret_read(url.user, out);
	if (connect_to(&s, &url, out) ||
	    query_version(&s, user, c->username ? c->password : url.password, out))
		return RESULT_FAIL;
	text_clean(version, sizeof version, s.line + strlen("VERSION "));
	check_fact(run, "version", "%s", version);
	if (c->min_version && version_compare(version, c->min_version) < 0)
		return check_fail(out, D_MEMCACHED_VERSION, s.conn.peer,
				  "version %s, demanded is %s", version, c->min_version);
	if (c->key && check_key(&s, c->key, out))
		return RESULT_FAIL;
	check_summary(run, "memcached %s", version);
	return RESULT_PASS;
}

const struct check_kind check_memcached = {
    .name = "memcached",
    .summary = "memcached answers, lets this client in, is new enough and holds a key",
    .schema = &(const struct schema){.size = sizeof(struct memcached_conf), .keys = memcached_keys},
    .urls = {{.scheme = "memcached",
	      .example = "memcached://host:11211",
	      .key = "url",
	      .as = "memcached"}},
    .validate = memcached_validate,
    .run = memcached_run,
};
