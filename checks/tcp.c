/* tcp: checks that a server accepts a connection and, if the profile demands it, speaks TLS and sends a greeting. */
#include "check.h"
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

static const char *tcp_validate(const void *conf, const char **key)
{
	const struct tcp_conf *c = conf;
	struct tls_conf tls = TLS_CONF(c);

	*key = tls_key_given(&tls);
	return !c->tls && *key ? "is for TLS only: add tls = true" : tls_conf_problem(&tls, key);
}

/* Returns whether the last line lacks its end, so that more may follow. Binary bytes have no lines. */
static bool is_unfinished(const char *buf, size_t len)
{
	return buf[len - 1] != '\n' && !memchr(buf, '\0', len);
}

#define PAUSE DURATION_MS(500) /* a greeting is complete when the peer is silent for so long */

static enum result fail_no_greeting(const struct check_run *run, const struct tcp_conf *c,
				    const struct conn *conn, struct diag *out)
{
	return c->tls ? RESULT_FAIL : net_fail_closed(run, conn->ip, conn->port, out);
}

static enum result check_banner(const struct check_run *run, const struct tcp_conf *c,
				struct conn *conn, struct diag *out)
{
	char buf[4096], start[160];
	struct instant last = instant_now();
	bool late = false;
	size_t len = 0, n;

	check_step(run, PH_PROTOCOL, "waiting for the greeting of %s", conn->peer);
	while (len < sizeof buf) {
		if (net_read(run, conn, buf + len, sizeof buf - len, &n, out)) {
			late = len && out->code == D_ANSWER_TIMEOUT;
			if (late)
				break;
			return !len && out->code == D_CONNECT_RESET
				   ? fail_no_greeting(run, c, conn, out)
				   : RESULT_FAIL;
		}
		if (!n)
			break;
		len += n;
		last = instant_now();
		if (memmem(buf, len, c->expect_banner, strlen(c->expect_banner))) {
			check_reached(run, "banner");
			check_summary(run, "%s greets as expected", conn->peer);
			return RESULT_PASS;
		}
	}
	if (!len) {
		check_fail(out, D_CONNECT_CLOSED, conn->peer, "closed before any greeting came");
		return fail_no_greeting(run, c, conn, out);
	}
	text_clean_n(start, sizeof start, buf, len);
	/* The deadline may have cut the greeting; only a complete greeting shows another protocol. */
	if (late && (is_unfinished(buf, len) || instant_since(last, instant_now()).ns < PAUSE.ns))
		return check_fail(out, D_ANSWER_TIMEOUT, conn->peer,
				  "the greeting began, and had not ended in time; it is: %s",
				  start);
	check_fail(out, D_PROTOCOL_MISMATCH, conn->peer,
		   "the greeting does not hold \"%s\"; it is: %s", c->expect_banner, start);
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
		/* A peer that resets has accepted before (a refusal is another errno). Timing decides whether
		 * connect or a later read reports the reset, so it fails only a check that reads. */
		if (out->code != D_CONNECT_RESET || c->tls || c->expect_banner)
			return RESULT_FAIL;
		check_summary(run, "%s (accepts, then resets)", c->address);
		return RESULT_PASS;
	}
	if (c->tls && tls_handshake(run, &conn, host, &tls, out))
		return net_fail_tls(run, conn.ip, conn.port, host, out);
	if (c->expect_banner)
		return check_banner(run, c, &conn, out);
	if (conn.ip[0] && !str_eq(conn.ip, host))
		check_summary(run, "%s (%s)", conn.peer, conn.ip);
	else
		check_summary(run, "%s%s", conn.peer, c->tls ? " TLS" : "");
	return RESULT_PASS;
}

/* Whether a port accepts connections is all that such an attempt finds out: it parses nothing of the peer. */
static bool tcp_may_share_child(const void *conf)
{
	const struct tcp_conf *c = conf;

	return !c->tls && !c->expect_banner;
}

const struct check_kind check_tcp = {
    .name = "tcp",
    .summary = "a port or unix socket accepts connections, with TLS if wanted",
    .schema = &(const struct schema){.size = sizeof(struct tcp_conf), .keys = tcp_keys},
    .urls = {{.scheme = "tcp", .example = "tcp://host:5432", .key = "address"},
	     {.scheme = "unix", .example = "unix:///run/app.sock", .key = "address"}},
    .validate = tcp_validate,
    .library = tls_library,
    .may_share_child = tcp_may_share_child,
    .run = tcp_run,
};
