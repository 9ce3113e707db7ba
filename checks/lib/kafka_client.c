#include "kafka_client.h"

#include <errno.h>
#include <openssl/x509.h>

#include "kafka_dial.h"
#include "kafka_probe.h"
#include "net.h"

#define PROBES_MAX 3 /* a probe costs up to two seconds */
#define BOOTSTRAPS_MAX 64

/* ---- what librdkafka's threads tell ------------------------------------------------------------------- */

/* Lock held. NULL when the table is full: such a broker is then not watched. */
static struct kafka_peer *peer_at(struct kafka_client *c, const char *address)
{
	struct kafka_peer *peer;

	for (size_t i = 0; i < c->n_peers; i++)
		if (str_eq(c->peers[i]->address, address))
			return c->peers[i];
	if (c->n_peers == KAFKA_PEERS_MAX)
		return NULL;
	peer = xcalloc(1, sizeof *peer);
	snprintf(peer->address, sizeof peer->address, "%s", address);
	peer->id = KAFKA_BOOTSTRAP;
	c->peers[c->n_peers++] = peer;
	return peer;
}

static void peer_name(struct kafka_peer *peer, int32_t id)
{
	if (id == KAFKA_BOOTSTRAP)
		peer->bootstrap = true;
	else
		peer->id = id;
}

/* Bootstrap and learned broker of one address: before 2.10 the connection changes from the one to the other, since
 * then both exist for a while and the bootstrap's is closed. Either way the learned one decides once it is there. */
static void peer_state(struct kafka_peer *peer, int32_t id, bool up)
{
	if (id == KAFKA_BOOTSTRAP) {
		peer->up_bootstrap = up;
	} else {
		peer->up_broker = up;
		peer->up_bootstrap = false;
	}
	peer->up = !peer->settled && (peer->up_bootstrap || peer->up_broker);
}

/* A certain reason is not replaced by the vaguer ones that follow from it ("Disconnected"). */
static bool says_more(const struct kafka_peer *peer, struct kafka_meaning m)
{
	if (peer->meaning.code == D_NONE || !diag_info(m.code)->retryable)
		return true;
	return diag_info(peer->meaning.code)->retryable || (peer->meaning.guess && !peer->asked);
}

static void on_log(const rd_kafka_t *rk, int level UNUSED, const char *fac UNUSED, const char *buf)
{
	struct kafka_client *c = rk ? rd_kafka_opaque(rk) : NULL;
	struct kafka_line line;
	struct kafka_meaning m;
	struct kafka_peer *peer;

	if (!c)
		return;
	kafka_line_parse(&line, buf);
	m = kafka_log_meaning(line.words, &c->props->context);
	if (m.code == D_NONE || !line.address[0])
		return;
	pthread_mutex_lock(&c->lock);
	peer = peer_at(c, line.address);
	if (peer && says_more(peer, m)) {
		peer_name(peer, line.broker);
		peer->meaning = m;
		snprintf(peer->words, sizeof peer->words, "%s", line.words);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static rd_kafka_resp_err_t on_state(rd_kafka_t *rk UNUSED, int32_t id, const char *secproto UNUSED,
				    const char *host, int port, const char *state, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_peer *peer;
	char address[DIAG_SUBJECT_MAX];

	/* "GroupCoordinator" and the like have no address of their own. */
	if (!host || !*host || port <= 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	snprintf(address, sizeof address, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
	pthread_mutex_lock(&c->lock);
	peer = peer_at(c, address);
	if (peer) {
		peer_name(peer, id);
		/* What was said before stays: the library does not repeat it when the connection ends again. */
		peer_state(peer, id, str_eq(state, "UP") || str_eq(state, "UPDATE"));
		snprintf(peer->state, sizeof peer->state, "%s", state);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf UNUSED, void *opaque,
				  char *errstr UNUSED, size_t errstr_size UNUSED)
{
	return rd_kafka_interceptor_add_on_broker_state_change(rk, "startguard", on_state, opaque);
}

/* librdkafka has one text for every certificate it refuses: the reason is only to be had here. */
static int on_certificate(rd_kafka_t *rk UNUSED, const char *name, int32_t id UNUSED,
			  int *x509_error, int depth UNUSED, const char *der, size_t size,
			  char *errstr, size_t errstr_size, void *opaque)
{
	struct kafka_client *c = opaque;
	const unsigned char *p = (const unsigned char *)der;
	struct kafka_peer *peer;
	char address[DIAG_SUBJECT_MAX];
	int32_t broker;
	X509 *cert;

	if (*x509_error == 0)
		return 1;
	kafka_broker_name(name, address, sizeof address, &broker);
	snprintf(errstr, errstr_size, "%s", X509_verify_cert_error_string(*x509_error));
	cert = d2i_X509(NULL, &p, (long)size);
	pthread_mutex_lock(&c->lock);
	peer = peer_at(c, address);
	if (peer) {
		peer->x509_error = *x509_error;
		if (cert)
			tls_certificate_text(cert, peer->certificate, sizeof peer->certificate);
	}
	pthread_mutex_unlock(&c->lock);
	X509_free(cert);
	return 0;
}

/* ---- from what was told to a diagnosis ------------------------------------------------------------------ */

/* What a supposition is worth as long as nobody verified it. */
static enum diag_code code_seen(struct kafka_meaning m)
{
	if (!m.guess)
		return m.code;
	return m.code == D_TLS_CLIENT_CERT_REQUIRED ? D_TLS_HANDSHAKE : D_CONNECT_CLOSED;
}

static void hint_library(struct diag *out)
{
	diag_hint(
	    out,
	    "link librdkafka 2.6.1 or newer (this is %s): before it SCRAM fails against current "
	    "brokers "
	    "in the words of a wrong password; with an older broker compare user and password",
	    rd_kafka_version_str());
}

/* Lock held or peer copied. */
static void explain_peer(const struct kafka_peer *peer, const char *subject, struct diag *out)
{
	enum diag_code code = code_seen(peer->meaning);
	char bytes[5], text[160];

	if (peer->x509_error && diag_info(code)->phase == PH_TLS) {
		tls_fail_verify(out, peer->x509_error, subject, peer->certificate);
		return;
	}
	if (kafka_foreign_bytes(peer->words, bytes)) {
		text_clean_n(text, sizeof text, bytes, 4);
		check_fail(out, code, subject, "%s: the answer begins with \"%s\"", peer->words,
			   text);
	} else {
		check_fail(out, code, subject, "%s", peer->words);
	}
	if (code == D_KAFKA_LIBRARY_OLD)
		hint_library(out);
	/* The broker's list stands behind the colon; an empty one is a listener without any login. */
	if (code == D_AUTH_MECHANISM && str_ends(peer->words, "supported mechanisms:"))
		diag_hint(
		    out, "this listener wants no login: set security.protocol to PLAINTEXT or SSL");
}

/* Connecting may go on with another address of the same name; everything else is an answer. */
static bool is_final(const struct kafka_peer *peer)
{
	enum diag_code code = peer->meaning.code;

	if (code == D_NONE || (peer->meaning.guess && !peer->asked))
		return false;
	if (code == D_CONNECT_CLOSED || code == D_CONNECT_RESET)
		return true;
	return diag_info(code)->phase != PH_CONNECT && diag_info(code)->phase != PH_RESOLVE;
}

/* Lock held. Every server that was given has failed for a reason: waiting in this attempt brings nothing. */
static const struct kafka_peer *all_failed(const struct kafka_client *c)
{
	const struct kafka_peer *first = NULL;
	size_t failed = 0;

	for (size_t i = 0; i < c->n_peers; i++) {
		const struct kafka_peer *peer = c->peers[i];

		if (peer->up)
			return NULL;
		if (!peer->bootstrap || !is_final(peer))
			continue;
		failed++;
		if (!first || diag_info(first->meaning.code)->retryable)
			first = peer;
	}
	return failed >= c->n_bootstrap ? first : NULL;
}

static unsigned weight(const struct kafka_peer *peer)
{
	if (peer->up || peer->meaning.code == D_NONE)
		return 0;
	return 1 + (peer->meaning.guess ? 0 : 1) +
	       (diag_info(code_seen(peer->meaning))->retryable ? 0 : 2);
}

/* Nothing was logged: say how far the connection got. */
static void explain_silence(const struct kafka_client *c, const char *words, struct diag *out)
{
	const struct kafka_peer *peer = c->n_peers ? c->peers[0] : NULL;

	for (size_t i = 0; i < c->n_peers; i++)
		if (!c->peers[i]->up && c->peers[i]->state[0])
			peer = c->peers[i];
	if (!peer)
		check_fail(out, D_KAFKA_NO_BROKERS, "", "%s", words);
	else if (peer->up)
		check_fail(out, D_KAFKA_NO_BROKERS, peer->address,
			   "%s; the connection itself is ready", words);
	else if (str_eq(peer->state, "CONNECT") || str_eq(peer->state, "TRY_CONNECT"))
		check_fail(out, D_CONNECT_TIMEOUT, peer->address, "%s; no connection yet", words);
	else
		check_fail(out, D_ANSWER_TIMEOUT, peer->address,
			   "%s; the connection is in state %s", words, peer->state);
}

enum verdict kafka_blame(struct kafka_client *c, const char *words, struct diag *out)
{
	const struct kafka_peer *worst = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_peers; i++)
		if (weight(c->peers[i]) > (worst ? weight(worst) : 0))
			worst = c->peers[i];
	if (worst)
		explain_peer(worst, worst->address, out);
	else
		explain_silence(c, words, out);
	pthread_mutex_unlock(&c->lock);
	return V_FAIL;
}

/* ---- suppositions are verified ---------------------------------------------------------------------------- */

/* Lock held. */
static struct kafka_peer *peer_to_ask(struct kafka_client *c)
{
	if (c->n_probes >= PROBES_MAX)
		return NULL;
	for (size_t i = 0; i < c->n_peers; i++) {
		struct kafka_peer *peer = c->peers[i];

		if (!peer->up && !peer->asked && peer->meaning.code != D_NONE &&
		    peer->meaning.guess)
			return peer;
	}
	return NULL;
}

static void verified(struct kafka_peer *, enum diag_code, const char *, ...) PRINTF_LIKE(3, 4);
static void verified(struct kafka_peer *peer, enum diag_code code, const char *fmt, ...)
{
	va_list ap;

	peer->meaning = (struct kafka_meaning){.code = code};
	peer->settled = true;
	peer->up = false;
	va_start(ap, fmt);
	vsnprintf(peer->words, sizeof peer->words, fmt, ap);
	va_end(ap);
}

/* What the listener said, against what this client speaks. */
static void apply_probe(struct kafka_peer *peer, const struct kafka_props *props,
			const struct kafka_probe *probe)
{
	peer->asked = true;
	switch (probe->listener) {
	case LISTENER_UNKNOWN:
		break;
	case LISTENER_TLS:
		if (!props->tls)
			verified(peer, D_TLS_REQUIRED,
				 "this port speaks TLS, and security.protocol is without it");
		break;
	case LISTENER_SASL:
		if (props->tls)
			verified(peer, D_TLS_PEER_IS_PLAINTEXT,
				 "this port speaks Kafka without TLS, with login by %s",
				 probe->words);
		else if (!props->sasl)
			verified(peer, D_AUTH_REQUIRED,
				 "this listener wants a login (it offers %s), and "
				 "security.protocol has none",
				 probe->words);
		break;
	case LISTENER_PLAIN:
		if (props->tls)
			verified(peer, D_TLS_PEER_IS_PLAINTEXT,
				 "this port speaks Kafka without TLS");
		break;
	case LISTENER_OTHER:
		verified(peer, D_PROTOCOL_MISMATCH, "this is not Kafka: it answered \"%s\"",
			 probe->words);
		break;
	}
}

/* Lock held on entry and return, not meanwhile. */
static void ask_peer(struct kafka_client *c, struct kafka_peer *peer)
{
	struct kafka_probe probe;

	c->n_probes++;
	pthread_mutex_unlock(&c->lock);
	kafka_probe(c->run, peer->address, &probe);
	pthread_mutex_lock(&c->lock);
	apply_probe(peer, c->props, &probe);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

struct call {
	struct kafka_client *client;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void *call_thread(void *p)
{
	struct call *call = p;

	call->fn(call->arg);
	pthread_mutex_lock(&call->client->lock);
	call->done = true;
	pthread_cond_broadcast(&call->client->changed);
	pthread_mutex_unlock(&call->client->lock);
	return NULL;
}

/* Lock held. False at the deadline. */
static bool wait_change(struct kafka_client *c)
{
	struct timespec at = {.tv_sec = c->run->deadline.ns / 1000000000,
			      .tv_nsec = c->run->deadline.ns % 1000000000};

	if (mono_is_never(c->run->deadline))
		return pthread_cond_wait(&c->changed, &c->lock) == 0;
	return pthread_cond_timedwait(&c->changed, &c->lock, &at) != ETIMEDOUT;
}

/* Lock held. 0 when the call returned, 1 when every server failed (*out filled), 2 at the deadline. */
static int wait_call(struct kafka_client *c, const struct call *call, struct diag *out)
{
	while (!call->done) {
		const struct kafka_peer *failed = all_failed(c);
		struct kafka_peer *ask = peer_to_ask(c);

		if (failed) {
			explain_peer(failed, failed->address, out);
			return 1;
		}
		if (ask)
			ask_peer(c, ask);
		else if (!wait_change(c) && !call->done)
			return 2;
	}
	return 0;
}

int kafka_call(struct kafka_client *c, void (*fn)(void *arg), void *arg, const char *what,
	       struct diag *out)
{
	struct call *call =
	    xcalloc(1, sizeof *call); /* outlives this function when the thread does */
	pthread_t thread;
	char words[160];
	int err, how;

	*call = (struct call){.client = c, .fn = fn, .arg = arg};
	err = pthread_create(&thread, NULL, call_thread, call);
	if (err) {
		check_fail(out, D_GUARD_NO_PROCESS, "", "no thread for a call of librdkafka: %s",
			   strerror(err));
		return -1;
	}
	pthread_detach(thread);
	pthread_mutex_lock(&c->lock);
	how = wait_call(c, call, out);
	pthread_mutex_unlock(&c->lock);
	if (how == 2) {
		snprintf(words, sizeof words, "no answer to %s in time (attempt_timeout)", what);
		kafka_blame(c, words, out);
	}
	return how == 0 ? 0 : -1;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static size_t keep_reachable(const struct kafka_dial *dial, size_t n, struct str *reachable)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		/* One that has not answered yet may be good: only what failed is left out. */
		if (!dial[i].connected && dial[i].diag.code != D_NONE)
			continue;
		str_addf(reachable, strchr(dial[i].host, ':') ? "%s[%s]:%d" : "%s%s:%d",
			 kept ? "," : "", dial[i].host, dial[i].port);
		kept++;
	}
	return kept;
}

/* Dials the bootstrap servers: a refused port or an unknown name is known at once and by its own code. `reachable`
 * gets those worth giving to the library. 0; or -1 with the first one's code in *out. */
static int gate(struct kafka_client *c, const struct strlist *servers, struct str *reachable,
		struct diag *out)
{
	struct kafka_dial dial[BOOTSTRAPS_MAX] = {{.host = NULL}};
	char host[BOOTSTRAPS_MAX][256];
	size_t n = servers->n < BOOTSTRAPS_MAX ? servers->n : BOOTSTRAPS_MAX;

	for (size_t i = 0; i < n; i++) {
		kafka_address_split(servers->v[i], host[i], sizeof host[i], &dial[i].port);
		dial[i].host = host[i];
	}
	if (kafka_dial(c->run, dial, n, true, c->run->deadline) == 0) {
		*out = dial[0].diag;
		if (n > 1)
			check_fail(out, dial[0].diag.code, dial[0].diag.subject,
				   "%s; nor can the other bootstrap server%s be reached",
				   dial[0].diag.cause, n > 2 ? "s" : "");
		return -1;
	}
	check_reached(c->run, "connect");
	c->n_bootstrap = keep_reachable(dial, n, reachable);
	return 0;
}

static void init_lock(struct kafka_client *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
}

static int configure(struct kafka_client *c, rd_kafka_conf_t *conf,
		     const struct kafka_setting *extra, struct diag *out)
{
	char ignored[256];

	if (kafka_props_apply(c->props, conf, out) < 0)
		return -1;
	for (; extra && extra->name; extra++)
		if (kafka_conf_put(conf, extra->name, extra->value, false, out) < 0)
			return -1;
	/* Not documented, in the library since 1.0: it dials every broker it learns of, at once. Without it the
	 * brokers are still dialled by ourselves, only TLS and login to each are then not seen. */
	c->dials_all = rd_kafka_conf_set(conf, "enable.sparse.connections", "false", ignored,
					 sizeof ignored) == RD_KAFKA_CONF_OK;
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_interceptor_add_on_new(conf, "startguard", on_new, c);
	if (c->props->tls &&
	    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate) != RD_KAFKA_CONF_OK) {
		check_fail(out, D_KAFKA_FEATURE_MISSING, "ssl",
			   "this librdkafka is built without TLS");
		return -1;
	}
	return 0;
}

struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_props *props,
				rd_kafka_type_t type, const struct strlist *servers,
				const struct kafka_setting *extra, struct diag *out)
{
	struct kafka_client *c = xcalloc(1, sizeof *c);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[512] = "";
	struct str reachable;

	c->run = run;
	c->props = props;
	init_lock(c);
	if (configure(c, conf, extra, out) < 0)
		return NULL;
	/* Without servers at first: what is wrong with the settings is to be heard also when none can be reached. */
	c->rk = rd_kafka_new(type, conf, words, sizeof words);
	if (!c->rk) {
		check_fail(out, kafka_new_meaning(words), "librdkafka", "%s", words);
		return NULL;
	}
	str_init(&reachable, BOOTSTRAPS_MAX * 300);
	if (gate(c, servers, &reachable, out) < 0)
		return NULL;
	if (rd_kafka_brokers_add(c->rk, reachable.s) == 0) {
		check_fail(out, D_KAFKA_PROPERTY, "bootstrap_servers",
			   "librdkafka accepts none of %s", reachable.s);
		return NULL;
	}
	return c;
}

/* ---- advertised addresses ------------------------------------------------------------------------------------------ */

static void broker_address(const struct kafka_broker *b, char *buf, size_t size)
{
	snprintf(buf, size, strchr(b->host, ':') ? "[%s]:%d" : "%s:%d", b->host, b->port);
}

static void broker_subject(const struct kafka_broker *b, char *buf, size_t size)
{
	char address[DIAG_SUBJECT_MAX];

	broker_address(b, address, sizeof address);
	snprintf(buf, size, "broker %d at %.100s", b->id, address);
}

/* Lock held. */
static struct kafka_peer *peer_of(struct kafka_client *c, const struct kafka_broker *b)
{
	char address[DIAG_SUBJECT_MAX];

	broker_address(b, address, sizeof address);
	for (size_t i = 0; i < c->n_peers; i++)
		if (str_eq(c->peers[i]->address, address))
			return c->peers[i];
	return NULL;
}

static int fail_advertised(const struct kafka_broker *b, const struct kafka_dial *dial, size_t more,
			   struct diag *out)
{
	bool name = diag_info(dial->diag.code)->phase == PH_RESOLVE;
	char subject[DIAG_SUBJECT_MAX], others[64] = "";

	broker_subject(b, subject, sizeof subject);
	if (more)
		snprintf(others, sizeof others, "; %zu more broker%s cannot be reached either",
			 more, more == 1 ? "" : "s");
	check_fail(out, name ? D_KAFKA_ADVERTISED_UNRESOLVABLE : D_KAFKA_ADVERTISED_UNREACHABLE,
		   subject, "the bootstrap server answers, but broker %d advertises %s:%d: %s%s",
		   b->id, b->host, b->port, dial->diag.cause, others);
	return -1;
}

static int dial_brokers(struct kafka_client *c, const struct kafka_broker *v, size_t n, bool any,
			struct diag *out)
{
	struct kafka_dial *dial = xcalloc(n, sizeof *dial);
	size_t failed = 0, first = 0, connected;

	for (size_t i = 0; i < n; i++)
		dial[i] = (struct kafka_dial){.host = v[i].host, .port = v[i].port};
	connected = kafka_dial(c->run, dial, n, any, c->run->deadline);
	if (connected == n || (any && connected > 0))
		return 0;
	for (size_t i = n; i-- > 0;) {
		if (dial[i].connected)
			continue;
		first = i;
		failed++;
	}
	return fail_advertised(&v[first], &dial[first], failed - 1, out);
}

/* Lock held. -1 with *out filled; 0 when not enough are up yet; 1 when they are. */
static int judge_brokers(struct kafka_client *c, const struct kafka_broker *v, size_t n, bool any,
			 struct diag *out)
{
	size_t up = 0, failed = 0;

	for (size_t i = 0; i < n; i++) {
		const struct kafka_peer *peer = peer_of(c, &v[i]);
		char subject[DIAG_SUBJECT_MAX];

		if (peer && peer->up) {
			up++;
		} else if (peer && is_final(peer)) {
			if (failed++ == 0) {
				broker_subject(&v[i], subject, sizeof subject);
				explain_peer(peer, subject, out);
			}
		}
	}
	if (any)
		return up > 0 ? 1 : failed == n ? -1 : 0;
	return failed > 0 ? -1 : up == n;
}

static int fail_silent_broker(struct kafka_client *c, const struct kafka_broker *v, size_t n,
			      struct diag *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct kafka_peer *peer = peer_of(c, &v[i]);
		char subject[DIAG_SUBJECT_MAX];

		if (peer && peer->up)
			continue;
		broker_subject(&v[i], subject, sizeof subject);
		check_fail(out, D_ANSWER_TIMEOUT, subject,
			   "connects, but is not ready for this client in time (attempt_timeout); "
			   "state %s",
			   peer && peer->state[0] ? peer->state : "not known");
		break;
	}
	return -1;
}

int kafka_reach(struct kafka_client *c, const struct kafka_broker *v, size_t n, bool any,
		struct diag *out)
{
	int settled = 0;

	if (n == 0)
		return 0;
	if (dial_brokers(c, v, n, any, out) < 0)
		return -1;
	if (!c->dials_all)
		return 0;
	check_step(c->run, PH_PROTOCOL, "waiting for %s%zu broker%s at the advertised address",
		   any && n > 1 ? "one of " : "", n, n == 1 ? "" : "s");
	pthread_mutex_lock(&c->lock);
	while ((settled = judge_brokers(c, v, n, any, out)) == 0) {
		struct kafka_peer *ask = peer_to_ask(c);

		if (ask) {
			ask_peer(c, ask);
		} else if (!wait_change(c)) {
			settled = fail_silent_broker(c, v, n, out);
			break;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return settled < 0 ? -1 : 0;
}
