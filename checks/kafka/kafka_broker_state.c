#include "kafka_broker_state.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "kafka_probe.h"
#include "tls.h"

#define DEBUG_LEVEL 7 /* syslog's */
#define PROBES_MAX 16 /* of servers that say the same, one after the other */

/* ---- what librdkafka's threads tell ------------------------------------------------------------------- */

/* Lock held. NULL when the table is full: such a broker is then not watched. */
static struct kafka_broker_state *peer_at(struct kafka_client *c, const char *address)
{
	struct kafka_broker_state *peer;

	for (size_t i = 0; i < c->n_peers; i++)
		if (str_eq(c->peers[i]->address, address))
			return c->peers[i];
	if (c->n_peers == KAFKA_BROKERS_MAX)
		return NULL;
	peer = xcalloc(1, sizeof *peer);
	snprintf(peer->address, sizeof peer->address, "%s", address);
	peer->id = KAFKA_BOOTSTRAP;
	c->peers[c->n_peers++] = peer;
	return peer;
}

static void peer_name(struct kafka_broker_state *peer, int32_t id)
{
	if (id == KAFKA_BOOTSTRAP)
		peer->bootstrap = true;
	else
		peer->id = id;
}

/* Bootstrap and learned broker of one address: before 2.10 the connection changes from the one to the other, since
 * then both exist for a while and the bootstrap's is closed. Either way the learned one decides once it is there. */
static void peer_state(struct kafka_broker_state *peer, int32_t id, bool up)
{
	if (id == KAFKA_BOOTSTRAP) {
		peer->up_bootstrap = up;
	} else {
		peer->up_broker = up;
		peer->up_bootstrap = false;
	}
	peer->up = !peer->settled && (peer->up_bootstrap || peer->up_broker);
	peer->was_up = peer->was_up || peer->up;
}

/* A certain reason is not replaced by the vaguer ones that follow from it ("Disconnected"). */
static bool says_more(const struct kafka_broker_state *peer, struct kafka_meaning m)
{
	if (peer->settled) /* the listener was asked itself: no later supposition knows more */
		return false;
	if (peer->meaning.code == D_NONE || !diag_info(m.code)->retryable)
		return true;
	return diag_info(peer->meaning.code)->retryable || (peer->meaning.guess && !peer->asked);
}

/* Lock held. Without a token the library does not even connect: no line about a broker says why. */
static void note_login(struct kafka_client *c, const char *words, struct kafka_meaning m)
{
	snprintf(c->login.address, sizeof c->login.address, "sasl.oauthbearer");
	snprintf(c->login.words, sizeof c->login.words, "%s", words);
	c->login.id = KAFKA_BOOTSTRAP;
	c->login.meaning = m;
}

/* Whether an idempotent producer got its id is told nowhere but here (debug=eos); a refusal is logged without. */
static void note_producer_id(struct kafka_client *c, const char *words)
{
	pthread_mutex_lock(&c->lock);
	if (str_starts(words, "Acquired PID{"))
		c->has_producer_id = true;
	else if (str_starts(words, "Failed to acquire"))
		text_clean(c->producer_id_trouble, sizeof c->producer_id_trouble, words);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* An error of a fetch that the library takes as a reason to look for another leader (debug=topic). */
static void note_fetch_trouble(struct kafka_client *c, const char *words)
{
	pthread_mutex_lock(&c->lock);
	if (!strstr(c->fetch_trouble.s, words))
		str_addf(&c->fetch_trouble, "\n%s", words);
	pthread_mutex_unlock(&c->lock);
}

/* The library asks some questions again after an error and tells nobody but its log (debug=broker). */
static void note_request_error(struct kafka_client *c, const struct kafka_line *line)
{
	static const struct {
		int16_t api;
		const char *words;
	} repeated[] = {{KAFKA_API_FIND_COORDINATOR, "FindCoordinatorRequest failed: "},
			{KAFKA_API_OFFSET_COMMIT, "OffsetCommitRequest failed: "},
			{KAFKA_API_LIST_OFFSETS, "ListOffsetsRequest failed: "}};
	int err = kafka_error_in(line->words);

	for (size_t i = 0; i < ARRAY_LEN(repeated) && kafka_is_answer(err); i++) {
		if (!strstr(line->words, repeated[i].words))
			continue;
		pthread_mutex_lock(&c->lock);
		c->repeated.err = err;
		c->repeated.api = repeated[i].api;
		c->repeated.broker = line->broker;
		pthread_mutex_unlock(&c->lock);
	}
}

/* Lock held. It was asked again, and this is its answer; that it is an error once more is logged after this. A connection
 * that ends while it waits is no answer: the library leaves those of what turned out to be no coordinator itself. */
static void forget_request_error(struct kafka_client *c, int16_t api, int32_t broker)
{
	if (c->repeated.api == api &&
	    (c->repeated.broker < 0 || broker < 0 || c->repeated.broker == broker))
		c->repeated.err = 0;
}

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *buf)
{
	struct kafka_client *c = rk ? rd_kafka_opaque(rk) : NULL;
	struct kafka_line line;
	struct kafka_meaning m;
	struct kafka_broker_state *peer;

	if (!c)
		return;
	kafka_line_parse(&line, buf);
	if (str_eq(fac, "GETPID"))
		note_producer_id(c, line.words);
	if (str_eq(fac, "BROKERUA"))
		note_fetch_trouble(c, line.words);
	if (str_eq(fac, "REQERR"))
		note_request_error(c, &line);
	if (level >= DEBUG_LEVEL)
		return;
	m = kafka_log_meaning(line.words, &c->props->context);
	if (m.code == D_NONE || (!line.address[0] && !kafka_log_of_token(line.words)))
		return;
	pthread_mutex_lock(&c->lock);
	if (!line.address[0])
		note_login(c, line.words, m);
	peer = line.address[0] ? peer_at(c, line.address) : NULL;
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
	struct kafka_broker_state *peer;
	char address[DIAG_SUBJECT_MAX];

	/* "GroupCoordinator" and the like have no address of their own. */
	if (!host || !*host || port <= 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	hostport_text(host, port, address, sizeof address);
	pthread_mutex_lock(&c->lock);
	peer = peer_at(c, address);
	if (peer) {
		peer_name(peer, id);
		/* What was said before stays: the library does not repeat it when the connection ends again. */
		peer_state(peer, id, str_eq(state, "UP") || str_eq(state, "UPDATE"));
		snprintf(peer->state, sizeof peer->state, "%s", state);
		if (str_eq(state, "DOWN"))
			kafka_requests_closed(&c->requests, id, address);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A coordinator's connection has the name of its role: where it leads is asked of the socket. */
static void address_of(int fd, char *buf, size_t size)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof to;
	char host[INET6_ADDRSTRLEN], port[8];

	if (getpeername(fd, (struct sockaddr *)&to, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&to, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(buf, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static struct kafka_request request_of(int fd, const char *name, int32_t id, int16_t api)
{
	struct kafka_request request = {.api = api, .broker = id};
	int32_t ignored;

	kafka_broker_name(name ? name : "", request.address, sizeof request.address, &ignored);
	if (!strchr(request.address, ':'))
		address_of(fd, request.address, sizeof request.address);
	return request;
}

/* A group's coordinator is looked up by the library alone; whom it then asks is seen here only. */
static rd_kafka_resp_err_t on_sent(rd_kafka_t *rk UNUSED, int fd, const char *name, int32_t id,
				   int16_t api, int16_t version UNUSED, int32_t correlation UNUSED,
				   size_t size UNUSED, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_request request = request_of(fd, name, id, api);

	pthread_mutex_lock(&c->lock);
	kafka_requests_sent(&c->requests, &request);
	if (api == KAFKA_API_DESCRIBE_GROUPS) {
		c->groups_asked++;
		c->group_broker = id;
	}
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Ready is what the library calls a connection that needs no login, or has it: a listener that wants one answers
 * ApiVersions before it. Any other answer is one to us. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk UNUSED, int fd, const char *name, int32_t id,
				       int16_t api, int16_t version UNUSED,
				       int32_t correlation UNUSED, size_t size UNUSED,
				       int64_t rtt UNUSED, rd_kafka_resp_err_t err, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_request request = request_of(fd, name, id, api);
	struct kafka_broker_state *peer = NULL;

	pthread_mutex_lock(&c->lock);
	kafka_requests_answered(&c->requests, &request);
	if (!err)
		forget_request_error(c, api, id);
	if (!err && name && api != KAFKA_API_SASL_HANDSHAKE && api != KAFKA_API_VERSIONS)
		peer = peer_at(c, request.address);
	if (peer && !peer->answered) {
		peer->answered = true;
		pthread_cond_broadcast(&c->changed);
	}
	if (!err && api == KAFKA_API_FIND_COORDINATOR)
		c->coordinators_found++;
	c->producer_id_answered |= !err && api == KAFKA_API_INIT_PRODUCER_ID;
	c->metadata_answered |= !err && api == KAFKA_API_METADATA;
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_throttle(rd_kafka_t *rk UNUSED, const char *broker UNUSED, int32_t id UNUSED,
			int throttle_ms, void *opaque)
{
	struct kafka_client *c = opaque;

	pthread_mutex_lock(&c->lock);
	if (throttle_ms > c->throttled_ms)
		c->throttled_ms = throttle_ms;
	pthread_mutex_unlock(&c->lock);
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf UNUSED, void *opaque,
				  char *errstr UNUSED, size_t errstr_size UNUSED)
{
	rd_kafka_interceptor_add_on_request_sent(rk, "startguard", on_sent, opaque);
	rd_kafka_interceptor_add_on_response_received(rk, "startguard", on_response, opaque);
	return rd_kafka_interceptor_add_on_broker_state_change(rk, "startguard", on_state, opaque);
}

/* librdkafka has one text for every certificate it refuses: the reason is only to be had here. */
static int on_certificate(rd_kafka_t *rk UNUSED, const char *name, int32_t id UNUSED,
			  int *x509_error, int depth UNUSED, const char *der, size_t size,
			  char *errstr, size_t errstr_size, void *opaque)
{
	struct kafka_client *c = opaque;
	const unsigned char *p = (const unsigned char *)der;
	struct kafka_broker_state *peer;
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

enum diag_code kafka_broker_state_code(const struct kafka_broker_state *peer)
{
	enum diag_code code = peer->meaning.code;

	if (!peer->meaning.guess)
		return code;
	return code == D_TLS_CLIENT_CERT_REQUIRED ? D_TLS_HANDSHAKE : D_CONNECT_CLOSED;
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
void kafka_broker_state_explain(const struct kafka_broker_state *peer, const char *subject,
				struct diag *out)
{
	enum diag_code code = kafka_broker_state_code(peer);
	char bytes[5], text[160];

	if (peer->x509_error && diag_info(code)->phase == PH_TLS) {
		tls_fail_verify(out, peer->x509_error, subject, peer->certificate);
		return;
	}
	if (code == D_CONNECT_REFUSED && peer->was_up) {
		check_fail(out, D_KAFKA_BROKER_LEFT, subject,
			   "it was ready for this client, and now: %s", peer->words);
	} else if (kafka_foreign_bytes(peer->words, bytes)) {
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

bool kafka_broker_state_is_ready(const struct kafka_client *c,
				 const struct kafka_broker_state *peer)
{
	return peer->up && (c->props->sasl || peer->answered || peer->tested ||
			    (c->n_probes >= PROBES_MAX && !peer->silent));
}

/* Connecting may go on with another address of the same name; everything else is an answer. */
bool kafka_broker_state_is_final(const struct kafka_broker_state *peer)
{
	enum diag_code code = peer->meaning.code;

	if (code == D_NONE || (peer->meaning.guess && !peer->asked))
		return false;
	if (code == D_CONNECT_CLOSED || code == D_CONNECT_RESET || code == D_KAFKA_BROKER_LEFT)
		return true;
	return diag_info(code)->phase != PH_CONNECT && diag_info(code)->phase != PH_RESOLVE;
}

/* Known from metadata only: that came from a bootstrap server, which works. */
static bool is_learned(const struct kafka_broker_state *peer)
{
	return peer->id != KAFKA_BOOTSTRAP && !peer->bootstrap;
}

/* Since 2.10 the library gives up its bootstrap connections for the brokers it has learned of: then these decide. */
static bool learned_decide(const struct kafka_client *c)
{
	for (size_t i = 0; i < c->n_peers; i++)
		if (is_learned(c->peers[i]))
			return true;
	return false;
}

static bool decides(const struct kafka_broker_state *peer, bool learned)
{
	return learned ? peer->id != KAFKA_BOOTSTRAP : peer->bootstrap;
}

static size_t how_many_decide(const struct kafka_client *c, bool learned)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_peers; i++)
		n += c->peers[i]->id != KAFKA_BOOTSTRAP;
	return learned ? n : c->n_bootstrap;
}

/* Lock held. Every server that counts has failed for a reason: waiting in this attempt brings nothing. */
const struct kafka_broker_state *kafka_broker_states_all_failed(const struct kafka_client *c)
{
	const struct kafka_broker_state *first = NULL;
	bool learned = learned_decide(c);
	size_t failed = 0;

	if (c->login.meaning.code != D_NONE)
		return &c->login;
	for (size_t i = 0; i < c->n_peers; i++) {
		const struct kafka_broker_state *peer = c->peers[i];

		if (peer->up)
			return NULL;
		if (!decides(peer, learned) || !kafka_broker_state_is_final(peer))
			continue;
		failed++;
		if (!first || diag_info(first->meaning.code)->retryable)
			first = peer;
	}
	return failed >= how_many_decide(c, learned) ? first : NULL;
}

/* Its name or address does not work from here, though the bootstrap server's does. */
static void explain_advertised(const struct kafka_broker_state *peer, const char *subject,
			       struct diag *out)
{
	enum phase phase = diag_info(out->code)->phase;
	struct diag was = *out;

	if (phase == PH_RESOLVE)
		check_fail(out, D_KAFKA_ADVERTISED_UNRESOLVABLE, subject,
			   "the bootstrap server answers, but broker %d advertises %s: %s",
			   peer->id, peer->address, was.cause);
	else if (was.code == D_CONNECT_REFUSED || was.code == D_CONNECT_TIMEOUT ||
		 was.code == D_CONNECT_UNREACHABLE)
		check_fail(out, D_KAFKA_ADVERTISED_UNREACHABLE, subject,
			   "the bootstrap server answers, but broker %d advertises %s: %s",
			   peer->id, peer->address, was.cause);
}

void kafka_broker_state_tell(const struct kafka_broker_state *peer, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	if (!is_learned(peer)) {
		kafka_broker_state_explain(peer, peer->address, out);
		return;
	}
	snprintf(subject, sizeof subject, "broker %d at %.100s", peer->id, peer->address);
	kafka_broker_state_explain(peer, subject, out);
	explain_advertised(peer, subject, out);
}

/* ---- suppositions are verified ---------------------------------------------------------------------------- */

static bool may_probe(const struct kafka_client *c)
{
	return c->n_probes < PROBES_MAX && !instant_reached(c->run->deadline, instant_now());
}

/* That a broker which was ready now refuses is no supposition; but that it is gone, and not one of its addresses, is. */
static bool can_be_asked(const struct kafka_client *c, const struct kafka_broker_state *peer)
{
	bool supposed =
	    peer->meaning.guess || (peer->was_up && peer->meaning.code == D_CONNECT_REFUSED);

	return may_probe(c) && !peer->up && !peer->asked && peer->meaning.code != D_NONE &&
	       supposed;
}

/* Lock held. Asking takes time: not while a server is left that may simply answer. */
static struct kafka_broker_state *peer_to_ask(struct kafka_client *c)
{
	struct kafka_broker_state *found = NULL;
	bool learned = learned_decide(c);
	size_t complained = 0;

	for (size_t i = 0; i < c->n_peers; i++) {
		struct kafka_broker_state *peer = c->peers[i];

		if (!decides(peer, learned) || peer->meaning.code == D_NONE)
			continue;
		complained++;
		if (!found && can_be_asked(c, peer))
			found = peer;
	}
	return complained >= how_many_decide(c, learned) ? found : NULL;
}

static void verified(struct kafka_broker_state *peer, enum diag_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void verified(struct kafka_broker_state *peer, enum diag_code code, const char *fmt, ...)
{
	va_list ap;

	peer->meaning = (struct kafka_meaning){.code = code};
	peer->settled = true;
	peer->up = false;
	va_start(ap, fmt);
	vsnprintf(peer->words, sizeof peer->words, fmt, ap);
	va_end(ap);
}

static void verified_login(struct kafka_broker_state *peer, const char *mechanisms)
{
	verified(peer, D_AUTH_REQUIRED,
		 "this listener wants a login (it offers %s), and security.protocol has none",
		 mechanisms);
}

/* What the listener said, against what this client speaks. */
static void apply_probe(struct kafka_broker_state *peer, const struct kafka_client_props *props,
			const struct kafka_probe *probe)
{
	peer->tested = probe->listener != LISTENER_UNKNOWN && !probe->silent;
	peer->silent = !peer->tested;
	switch (probe->listener) {
	case LISTENER_UNKNOWN:
		/* A connection that the library still has outweighs one that is slow to come. */
		if (peer->was_up && !probe->connected && !(peer->up && probe->silent)) {
			peer->meaning = (struct kafka_meaning){.code = D_KAFKA_BROKER_LEFT};
			snprintf(
			    peer->words, sizeof peer->words,
			    "it was ready for this client, then closed the connection, and now "
			    "takes none");
		} else if (probe->reset && peer->meaning.code == D_CONNECT_CLOSED) {
			peer->meaning = (struct kafka_meaning){.code = D_CONNECT_RESET};
			snprintf(peer->words, sizeof peer->words,
				 "the connection was reset in answer to the first request");
		}
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
			verified_login(peer, probe->words);
		break;
	case LISTENER_TLS_SASL:
		if (!props->tls)
			verified(peer, D_TLS_REQUIRED,
				 "this port speaks TLS, and security.protocol is without it");
		else if (!props->sasl)
			verified_login(peer, probe->words);
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

/* A listener that said nothing within a second mostly says nothing; where it, or the name server, is only slow, what is
 * left of the attempt is better spent there than on failing. */
static struct duration patience_with(const struct kafka_client *c,
				     const struct kafka_broker_state *peer)
{
	struct instant now = instant_now();
	struct duration more = instant_since(now, instant_share(now, c->run->deadline, 3));

	return peer->silent && more.ns > DURATION_S(1).ns ? more : DURATION_S(1);
}

/* Lock held on entry and return, not meanwhile. */
static void ask_peer(struct kafka_client *c, struct kafka_broker_state *peer)
{
	struct kafka_probe probe;
	/* Its certificate was judged by the library, if at all; nothing is sent that is for this server alone. */
	struct tls_conf tls = {.any_certificate = true,
			       .cert_file =
				   kafka_client_props_get(c->props, "ssl.certificate.location"),
			       .key_file = kafka_client_props_get(c->props, "ssl.key.location")};
	struct duration patience = patience_with(c, peer);
	bool supposed = !peer->up;

	c->n_probes++;
	pthread_mutex_unlock(&c->lock);
	kafka_probe(c->run, peer->address, patience, c->props->tls ? &tls : NULL, &probe);
	pthread_mutex_lock(&c->lock);
	peer->asked = peer->asked || supposed;
	apply_probe(peer, c->props, &probe);
}

bool kafka_broker_states_ask(struct kafka_client *c)
{
	struct kafka_broker_state *peer = peer_to_ask(c);

	if (peer)
		ask_peer(c, peer);
	return peer != NULL;
}

bool kafka_broker_state_ask(struct kafka_client *c, struct kafka_broker_state *peer)
{
	/* A supposition; or a readiness that nobody has put to the test. */
	bool can = can_be_asked(c, peer) ||
		   (may_probe(c) && peer->up && !kafka_broker_state_is_ready(c, peer));

	if (can)
		ask_peer(c, peer);
	return can;
}

int kafka_broker_states_watch(struct kafka_client *c, rd_kafka_conf_t *conf, struct diag *out)
{
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_throttle_cb(conf, on_throttle);
	rd_kafka_conf_interceptor_add_on_new(conf, "startguard", on_new, c);
	if (c->props->tls &&
	    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate) != RD_KAFKA_CONF_OK) {
		check_fail(out, D_KAFKA_FEATURE_MISSING, "ssl",
			   "this librdkafka is built without TLS");
		return -1;
	}
	return 0;
}
