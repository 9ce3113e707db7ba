/* tcp: a connection is accepted, optionally speaks TLS, optionally greets as expected. */
#include <unistd.h>

#include "check.h"
#include "net.h"
#include "tls.h"
#include "tls_keys.h"

struct tcp_conf {
	const char *address;
	bool tls;
	TLS_KEY_FIELDS
	const char *expect_banner;
};

static const struct key tcp_keys[] = {
    KEY_HOSTPORT(struct tcp_conf, address, .flags = K_REQUIRED,
		 .doc = "host:port, or the path of a unix socket.", .example = "\"mail:25\""),
    KEY_BOOL(struct tcp_conf, tls, .def = "false",
	     .doc = "Whether a TLS handshake must succeed as well."),
    TLS_KEYS(struct tcp_conf),
    KEY_STR(struct tcp_conf, expect_banner,
	    .doc = "Text that must stand in the first 4 KiB the peer sends by itself.",
	    .example = "\"220 \""),
    KEY_END,
};
static const struct schema tcp_schema = {
    .name = "tcp", .size = sizeof(struct tcp_conf), .keys = tcp_keys};

static const char *tcp_validate(const void *conf, const char **key)
{
	const struct tcp_conf *c = conf;
	struct tls_conf tls = TLS_CONF(c);

	if (!c->tls && tls_key_given(&tls)) {
		*key = tls_key_given(&tls);
		return "is for TLS only: add tls = true";
	}
	return tls_conf_problem(&tls, key);
}

static bool wants_tls(const struct check_run *run, const struct tcp_conf *c,
		      const struct conn *conn)
{
	return !c->tls && net_wants_tls(run, conn->ip, conn->port);
}

static enum result fail_wants_tls(const struct conn *conn, struct diag *out)
{
	return check_fail(out, D_TLS_REQUIRED, conn->peer,
			  "the peer ends a plain connection without a greeting, and answers a TLS "
			  "handshake");
}

/* Of text whose last line has not ended yet more may be on its way; what is no text has no lines. */
static bool is_unfinished(const char *buf, size_t len)
{
	return buf[len - 1] != '\n' && !memchr(buf, '\0', len);
}

#define PAUSE_MS 500 /* a peer that was silent for so long has ended its greeting */

static enum result tcp_banner(const struct check_run *run, const struct tcp_conf *c,
			      struct conn *conn, struct diag *out)
{
	char buf[4096], words[160];
	struct instant last = instant_now();
	bool late = false;
	size_t len = 0;

	check_step(run, PH_PROTOCOL, "waiting for the greeting of %s", conn->peer);
	while (len < sizeof buf) {
		ssize_t n = net_read(run, conn, buf + len, sizeof buf - len, out);

		late = n < 0 && len && out->code == D_ANSWER_TIMEOUT;
		if (late)
			break;
		if (n < 0 && !len && out->code == D_CONNECT_RESET && wants_tls(run, c, conn))
			return fail_wants_tls(conn, out);
		if (n < 0)
			return RESULT_FAIL;
		if (!n)
			break;
		len += (size_t)n;
		last = instant_now();
		if (memmem(buf, len, c->expect_banner, strlen(c->expect_banner))) {
			check_reached(run, "banner");
			check_summary(run, "%s greets as expected", conn->peer);
			return RESULT_PASS;
		}
	}
	if (!len && wants_tls(run, c, conn))
		return fail_wants_tls(conn, out);
	if (!len)
		return check_fail(out, D_CONNECT_CLOSED, conn->peer,
				  "closed before any greeting came");
	text_clean_n(words, sizeof words, buf, len);
	/* Another protocol's greeting is one that was heard to its end: the deadline alone makes none of it. */
	if (late && (is_unfinished(buf, len) ||
		     instant_since(last, instant_now()).ns < DURATION_MS(PAUSE_MS).ns))
		return check_fail(out, D_ANSWER_TIMEOUT, conn->peer,
				  "the greeting began, and had not ended in time; it is: %s",
				  words);
	check_fail(out, D_PROTOCOL_MISMATCH, conn->peer,
		   "the greeting does not hold \"%s\"; it is: %s", c->expect_banner, words);
	diag_hint(out, "look at the port: another service listens there; or correct expect_banner");
	return RESULT_FAIL;
}

static enum result tcp_run(const struct check_run *run, struct diag *out)
{
	const struct tcp_conf *c = run->conf;
	struct tls_conf tls = TLS_CONF(c);
	struct conn conn;
	char host[256];
	int port;

	invariant(!hostport_split(c->address, host, sizeof host, &port));
	if (port ? net_connect(run, host, port, &conn, out)
		 : net_connect_unix(run, host, &conn, out)) {
		/* A reset (a refusal is another error) comes after the peer accepted: whether it is
		 * seen here or a moment later is chance, so without more to ask it must not count. */
		if (out->code != D_CONNECT_RESET || c->tls || c->expect_banner)
			return RESULT_FAIL;
		check_summary(run, "%s (accepts, then resets)", c->address);
		return RESULT_PASS;
	}
	if (c->tls && net_tls(run, &conn, host, &tls, out))
		return RESULT_FAIL;
	if (c->expect_banner)
		return tcp_banner(run, c, &conn, out);
	if (conn.ip[0] && !str_eq(conn.ip, host))
		check_summary(run, "%s (%s)", conn.peer, conn.ip);
	else
		check_summary(run, "%s%s", conn.peer, c->tls ? " TLS" : "");
	return RESULT_PASS;
}

static const struct check_url tcp_urls[] = {
    {.scheme = "tcp", .example = "tcp://host:5432", .key = "address"},
    {.scheme = NULL},
};

extern const struct check_kind check_tcp;
const struct check_kind check_tcp = {
    .name = "tcp",
    .summary = "a port or unix socket accepts connections, with TLS if wanted",
    .schema = &tcp_schema,
    .urls = tcp_urls,
    .validate = tcp_validate,
    .library = tls_library,
    .run = tcp_run,
};
