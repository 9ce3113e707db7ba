#include "kafka_probe.h"

#include <arpa/inet.h>

#define API_SASL_HANDSHAKE 17
#define API_API_VERSIONS 18
#define ERR_UNSUPPORTED_SASL_MECHANISM 33
#define ERR_ILLEGAL_SASL_STATE 34
#define CORRELATION 0x53475031 /* an arbitrary number that the answer must repeat */
#define ANSWER_MAX 4096 /* bytes; an ApiVersions v0 answer has 6 per request type: under 1 KiB */

struct answer {
	unsigned char bytes[ANSWER_MAX];
	size_t len;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t be16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Writes a request: header v1 (length, API key, API version, correlation id, client id) and body. Returns its length. */
static size_t build_request(unsigned char *buf, size_t size, int api, int version, const char *body)
{
	static const char client[] = "startguard";
	size_t body_len = body ? 2 + strlen(body) : 0, client_len = strlen(client);
	size_t len = 2 + 2 + 4 + 2 + client_len + body_len;
	unsigned char *p = buf;
	uint32_t head[3] = {htonl((uint32_t)len), htonl((uint32_t)api << 16 | (uint32_t)version),
			    htonl(CORRELATION)};

	invariant(4 + len <= size);
	memcpy(p, head, sizeof head);
	p += sizeof head;
	*p++ = 0;
	*p++ = (unsigned char)client_len;
	memcpy(p, client, client_len);
	p += client_len;
	if (body) {
		*p++ = 0;
		*p++ = (unsigned char)strlen(body);
		memcpy(p, body, strlen(body));
	}
	return 4 + len;
}

/* Sends a request and reads one framed answer. Returns 1 for a Kafka answer, 0 for other bytes, -1 for no whole answer. */
static int exchange_request(const struct check_run *run, struct conn *conn, int api, int version,
			    const char *body, struct answer *a, struct diag *ignored)
{
	unsigned char buf[128];
	size_t len = build_request(buf, sizeof buf, api, version, body), want = 8;

	a->len = 0;
	if (net_write(run, conn, buf, len, ignored))
		return -1;
	while (a->len < want) {
		size_t n = 0;

		if (net_read(run, conn, a->bytes + a->len, want - a->len, &n, ignored) || !n)
			/* A Kafka answer that was cut off after its header is not another protocol. */
			return a->len > 0 && a->len < 8 ? 0 : -1;
		a->len += n;
		if (a->len == 8) {
			if (be32(a->bytes + 4) != CORRELATION)
				return 0;
			want = 4 + be32(a->bytes);
			if (want < 10 || want > sizeof a->bytes)
				return 0;
		}
	}
	return 1;
}

/* Reads the mechanisms from a SaslHandshake v1 answer, which holds an error and the list. */
static void read_mechanisms(const struct answer *a, char *out, size_t size)
{
	struct str list;
	size_t at = 14;
	uint32_t n = a->len >= 14 ? be32(a->bytes + 10) : 0;

	str_init(&list, size - 1);
	for (uint32_t i = 0; i < n && i < 32 && at + 2 <= a->len; i++) {
		size_t len = be16(a->bytes + at);

		at += 2;
		if (len > a->len - at)
			break;
		str_addf(&list, "%s%.*s", i ? ", " : "", (int)len, (const char *)a->bytes + at);
		at += len;
	}
	text_clean(out, size, list.s);
	str_free(&list);
}

static void read_handshake(const struct answer *a, struct kafka_probe *probe)
{
	int err = a->len >= 10 ? be16(a->bytes + 8) : -1;

	/* Any other error, such as ERR_ILLEGAL_SASL_STATE, comes from a listener that wants no login. */
	probe->listener = LISTENER_PLAIN;
	if (err == 0 || err == ERR_UNSUPPORTED_SASL_MECHANISM) {
		char list[200];

		read_mechanisms(a, list, sizeof list);
		/* A listener without any mechanism wants no login. */
		probe->listener = *list ? LISTENER_SASL : LISTENER_PLAIN;
		snprintf(probe->text, sizeof probe->text, "%s", list);
	}
}

static void read_foreign(const struct answer *a, struct kafka_probe *probe)
{
	if (tls_is_alert(a->bytes, a->len)) {
		probe->listener = LISTENER_TLS;
		return;
	}
	probe->listener = LISTENER_OTHER;
	text_clean_n(probe->text, sizeof probe->text, (const char *)a->bytes, a->len);
}

static bool is_silence(const struct diag *d)
{
	return d->code != D_NONE && (d->code == D_CONNECT_TIMEOUT || d->code == D_ANSWER_TIMEOUT ||
				     diag_info(d->code)->phase == PH_RESOLVE);
}

/* Finds out whether the listener speaks Kafka. Leaves LISTENER_UNKNOWN when it closed or did not answer. */
static void probe_listener(const struct check_run *run, struct conn *conn,
			   struct kafka_probe *probe)
{
	struct answer a;
	struct diag ignored = {.code = D_NONE};
	int got = exchange_request(run, conn, API_API_VERSIONS, 0, NULL, &a, &ignored);

	probe->reset = got < 0 && ignored.code == D_CONNECT_RESET;
	probe->silent = got < 0 && is_silence(&ignored);
	if (got == 0)
		read_foreign(&a, probe);
	if (got != 1)
		return;
	/* A listener answers an unknown mechanism with the list of those it offers. */
	got = exchange_request(run, conn, API_SASL_HANDSHAKE, 1, "STARTGUARD-PROBE", &a, &ignored);
	probe->silent = got < 0 && is_silence(&ignored);
	if (got == 1)
		read_handshake(&a, probe);
	else
		probe->listener = LISTENER_PLAIN;
}

static void probe_plain(const struct check_run *run, const char *at, int port,
			struct kafka_probe *probe)
{
	struct conn conn;
	struct diag ignored = {.code = D_NONE};

	if (net_connect(run, at, port, &conn, &ignored)) {
		probe->silent = is_silence(&ignored);
		return;
	}
	probe->connected = true;
	probe_listener(run, &conn, probe);
	cleanup_fd_fn(&conn.fd);
}

/* A failure in the TLS phase, such as a refused certificate, shows that the listener speaks TLS. A failed handshake alone does
 * not. */
static bool is_tls_failure(enum diag_code code)
{
	return diag_info(code)->phase == PH_TLS && code != D_TLS_PEER_IS_PLAINTEXT &&
	       code != D_TLS_HANDSHAKE;
}

static void probe_tls(const struct check_run *run, const char *host, const char *at, int port,
		      const struct tls_conf *tls, struct kafka_probe *probe)
{
	struct conn conn;
	struct tls_conf none = {.ca_file = NULL};
	struct kafka_probe inside = {.listener = LISTENER_UNKNOWN};
	struct diag d = {.code = D_NONE};

	if (net_connect(run, at, port, &conn, &d))
		return;
	if (tls_handshake(run, &conn, host, tls ? tls : &none, &d) == RESULT_PASS) {
		probe->listener = LISTENER_TLS;
		probe_listener(run, &conn, &inside);
		probe->silent = inside.silent;
	} else if (is_tls_failure(d.code)) {
		probe->listener = LISTENER_TLS;
		probe->silent = false;
	} else if (tls && (d.code == D_TLS_HANDSHAKE || d.code == D_CONNECT_RESET)) {
		probe->tls_code = d.code;
		snprintf(probe->text, sizeof probe->text, "%s", d.cause);
	}
	if (inside.listener == LISTENER_SASL) {
		probe->listener = LISTENER_TLS_SASL;
		memcpy(probe->text, inside.text, sizeof probe->text);
	}
	cleanup_fd_fn(&conn.fd);
}

void kafka_probe(const struct check_run *run, const char *address, const char *ip,
		 struct duration patience, const struct tls_conf *tls, struct kafka_probe *probe)
{
	struct check_run shorter = *run;
	char host[256];
	int port;

	*probe = (struct kafka_probe){.listener = LISTENER_UNKNOWN};
	if (hostport_split(address, host, sizeof host, &port) < 0)
		return;
	shorter.deadline = instant_earlier(run->deadline, instant_after(instant_now(), patience));
	probe_plain(&shorter, *ip ? ip : host, port, probe);
	if (instant_reached(run->deadline, instant_now()))
		return;
	if (probe->listener == LISTENER_UNKNOWN || (tls && probe->listener == LISTENER_TLS)) {
		shorter.deadline =
		    instant_earlier(run->deadline, instant_after(instant_now(), patience));
		probe_tls(&shorter, host, *ip ? ip : host, port, tls, probe);
	}
}
