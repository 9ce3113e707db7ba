#include "kafka_broker_state.h"

#include "kafka_probe.h"
#include "resolve.h"
#include "kafka_token.h"
#include "tls.h"

#define PROBES_MAX 16 /* per attempt: a probe takes up to 1 s */

/* ---- diagnosing a state ------------------------------------------------------------------------- */

enum diag_code kafka_broker_state_code(const struct kafka_broker_state *broker)
{
	enum diag_code code = broker->meaning.code;

	if (!broker->meaning.guess)
		return code;
	return code == D_TLS_CLIENT_CERT_REQUIRED ? D_TLS_HANDSHAKE : D_CONNECT_CLOSED;
}

/* Returns whether the broker is known from metadata only. Then the bootstrap server that sent the metadata works. */
static bool is_from_metadata(const struct kafka_broker_state *broker)
{
	return broker->id != KAFKA_BOOTSTRAP && !broker->bootstrap;
}

/* Does the advertised address belong to a listener that the client's security.protocol does not fit, as it fits the bootstrap's? */
static bool is_other_listener(const struct kafka_broker_state *broker, enum diag_code code)
{
	return is_from_metadata(broker) &&
	       (code == D_TLS_REQUIRED || code == D_TLS_PEER_IS_PLAINTEXT ||
		code == D_AUTH_REQUIRED || code == D_AUTH_MECHANISM || code == D_PROTOCOL_MISMATCH);
}

static void hint_newer_library(struct diag *out)
{
	diag_hint(
	    out,
	    "link librdkafka 2.6.1 or newer (this is %s): before it SCRAM fails against current "
	    "brokers in the words of a wrong password; with an older broker compare user and "
	    "password",
	    rd_kafka_version_str());
}

void kafka_broker_state_diagnose_as(const struct kafka_broker_state *broker, const char *subject,
				    struct diag *out)
{
	enum diag_code code = kafka_broker_state_code(broker);
	char bytes[5], text[160], host[256];
	int port;

	if (broker->refusal.error && diag_info(code)->phase == PH_TLS) {
		if (hostport_split(broker->address, host, sizeof host, &port))
			snprintf(host, sizeof host, "%s", broker->address);
		tls_fail_verify(out, &broker->refusal, host, subject);
		return;
	}
	if (code == D_CONNECT_REFUSED && broker->was_up) {
		check_fail(out, D_KAFKA_BROKER_LEFT, subject,
			   "it was ready for this client, and now: %s", broker->reason);
	} else if (kafka_foreign_bytes(broker->reason, bytes)) {
		text_clean_n(text, sizeof text, bytes, 4);
		check_fail(out, code, subject, "%s: the answer begins with \"%s\"", broker->reason,
			   text);
	} else {
		check_fail(out, code, subject, "%s", broker->reason);
	}
	if (code == D_KAFKA_LIBRARY_OLD)
		hint_newer_library(out);
	else if (is_other_listener(broker, code))
		diag_hint(out,
			  "correct advertised.listeners of broker %d: the address belongs to a "
			  "listener of another protocol than the one that sent the metadata",
			  broker->id);
	/* The broker's list of mechanisms follows the colon; a listener without login sends an empty list. */
	if (code == D_AUTH_MECHANISM && str_ends(broker->reason, "supported mechanisms:"))
		diag_hint(
		    out, "this listener wants no login: set security.protocol to PLAINTEXT or SSL");
	if (str_eq(broker->address, KAFKA_TOKEN_SUBJECT))
		kafka_token_hint(out);
}

bool kafka_broker_state_is_ready(const struct kafka_client *c,
				 const struct kafka_broker_state *broker)
{
	return broker->up && (c->props->sasl || broker->answered || broker->ready_probed ||
			      (c->n_probes >= PROBES_MAX && !broker->probe_silent));
}

/* librdkafka goes round the addresses of a name, so that the broker has failed when each of them has. */
static bool has_tried_all(const struct kafka_broker_state *broker)
{
	return broker->addresses == 1 ||
	       (broker->addresses > 0 && broker->n_failed >= broker->addresses);
}

bool kafka_broker_state_is_final(const struct kafka_broker_state *broker)
{
	enum diag_code code = broker->meaning.code;

	if (code == D_NONE || (!broker->refuted && !has_tried_all(broker)) ||
	    (broker->meaning.guess && !broker->guess_probed))
		return false;
	if (code == D_CONNECT_CLOSED || code == D_CONNECT_RESET || code == D_KAFKA_BROKER_LEFT)
		return true;
	return diag_info(code)->phase != PH_CONNECT && diag_info(code)->phase != PH_RESOLVE;
}

struct kafka_broker_state *kafka_broker_state_find(const struct kafka_client *c,
						   const char *address)
{
	for (size_t i = 0; i < c->n_brokers; i++)
		if (str_eq(c->brokers[i]->address, address))
			return c->brokers[i];
	return NULL;
}

size_t kafka_broker_states_count_listed(const struct kafka_client *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_brokers; i++)
		n += c->brokers[i]->id != KAFKA_BOOTSTRAP;
	return n;
}

/* Since 2.10 librdkafka closes its bootstrap connections once it has learned brokers: then those are decisive, no longer the
 * bootstrap servers. A client has failed when all decisive servers have. */
static bool has_learned_brokers(const struct kafka_client *c)
{
	for (size_t i = 0; i < c->n_brokers; i++)
		if (is_from_metadata(c->brokers[i]))
			return true;
	return false;
}

static bool is_decisive(const struct kafka_broker_state *broker, bool learned)
{
	return learned ? broker->id != KAFKA_BOOTSTRAP : broker->bootstrap;
}

static size_t count_decisive(const struct kafka_client *c, bool learned)
{
	return learned ? kafka_broker_states_count_listed(c) : c->n_bootstrap;
}

const struct kafka_broker_state *kafka_broker_states_all_failed(const struct kafka_client *c)
{
	const struct kafka_broker_state *first = NULL;
	bool learned = has_learned_brokers(c);
	size_t failed = 0;

	if (c->no_token.meaning.code != D_NONE)
		return &c->no_token;
	for (size_t i = 0; i < c->n_brokers; i++) {
		const struct kafka_broker_state *broker = c->brokers[i];

		if (broker->up)
			return NULL;
		if (!is_decisive(broker, learned) || !kafka_broker_state_is_final(broker))
			continue;
		failed++;
		if (!first || diag_info(first->meaning.code)->retryable)
			first = broker;
	}
	return failed >= count_decisive(c, learned) ? first : NULL;
}

enum result kafka_fail_advertised(struct diag *out, int32_t id, const char *address,
				  const struct diag *why, const char *others)
{
	bool name = diag_info(why->code)->phase == PH_RESOLVE;
	char subject[DIAG_SUBJECT_MAX];

	kafka_broker_subject(id, address, subject, sizeof subject);
	return check_fail(
	    out, name ? D_KAFKA_ADVERTISED_UNRESOLVABLE : D_KAFKA_ADVERTISED_UNREACHABLE, subject,
	    "the bootstrap server answers, but broker %d advertises %s: %s%s", id, address,
	    why->cause, others);
}

void kafka_broker_state_diagnose(const struct kafka_broker_state *broker, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];
	struct diag why;

	if (!is_from_metadata(broker)) {
		kafka_broker_state_diagnose_as(broker, broker->address, out);
		return;
	}
	kafka_broker_subject(broker->id, broker->address, subject, sizeof subject);
	kafka_broker_state_diagnose_as(broker, subject, out);
	why = *out;
	if (diag_info(why.code)->phase == PH_RESOLVE || why.code == D_CONNECT_REFUSED ||
	    why.code == D_CONNECT_TIMEOUT || why.code == D_CONNECT_UNREACHABLE)
		kafka_fail_advertised(out, broker->id, broker->address, &why, "");
}

/* ---- probing guesses ---------------------------------------------------------------------------------------- */

static bool may_probe(const struct kafka_client *c)
{
	return c->n_probes < PROBES_MAX && !instant_reached(c->run->deadline, instant_now());
}

/* When a broker that was ready refuses, only one of its addresses need refuse: that it has left is a guess. */
static bool has_unprobed_guess(const struct kafka_client *c,
			       const struct kafka_broker_state *broker)
{
	bool guess =
	    broker->meaning.guess || (broker->was_up && broker->meaning.code == D_CONNECT_REFUSED);

	return may_probe(c) && !broker->up && !broker->guess_probed && has_tried_all(broker) &&
	       broker->meaning.code != D_NONE && guess;
}

/* Lock held. Returns NULL while a decisive server has not failed, because a probe takes time and that server may answer. */
static struct kafka_broker_state *broker_to_probe(struct kafka_client *c)
{
	struct kafka_broker_state *found = NULL;
	bool learned = has_learned_brokers(c);
	size_t failed = 0;

	for (size_t i = 0; i < c->n_brokers; i++) {
		struct kafka_broker_state *broker = c->brokers[i];

		if (!is_decisive(broker, learned) || broker->meaning.code == D_NONE)
			continue;
		failed++;
		if (!found && has_unprobed_guess(c, broker))
			found = broker;
	}
	return failed >= count_decisive(c, learned) ? found : NULL;
}

static void set_failure(struct kafka_broker_state *broker, enum diag_code code, const char *fmt,
			...) PRINTF_LIKE(3, 4);
static void set_failure(struct kafka_broker_state *broker, enum diag_code code, const char *fmt,
			...)
{
	va_list ap;

	broker->meaning = (struct kafka_meaning){.code = code};
	broker->refuted = true;
	broker->up = false;
	va_start(ap, fmt);
	vsnprintf(broker->reason, sizeof broker->reason, fmt, ap);
	va_end(ap);
}

static void judge_unknown_listener(struct kafka_broker_state *broker,
				   const struct kafka_probe *probe)
{
	/* When librdkafka still has a connection, a probe that only timed out proves nothing. */
	if (broker->was_up && !probe->connected && !(broker->up && probe->silent)) {
		broker->meaning = (struct kafka_meaning){.code = D_KAFKA_BROKER_LEFT};
		snprintf(broker->reason, sizeof broker->reason,
			 "it was ready for this client, then closed the connection, and now takes "
			 "none");
	} else if (probe->tls_code != D_NONE && broker->meaning.guess) {
		broker->meaning = (struct kafka_meaning){.code = probe->tls_code};
		snprintf(broker->reason, sizeof broker->reason, "%s", probe->text);
	} else if (probe->reset && broker->meaning.code == D_CONNECT_CLOSED) {
		broker->meaning = (struct kafka_meaning){.code = D_CONNECT_RESET};
		snprintf(broker->reason, sizeof broker->reason,
			 "the connection was reset in answer to the first request");
	}
}

/* Compares the listener's protocol with the client's and records a mismatch. */
static void judge_listener(struct kafka_broker_state *broker,
			   const struct kafka_client_props *props, const struct kafka_probe *probe)
{
	bool tls = probe->listener == LISTENER_TLS || probe->listener == LISTENER_TLS_SASL;
	bool login = probe->listener == LISTENER_SASL || probe->listener == LISTENER_TLS_SASL;

	if (probe->listener == LISTENER_UNKNOWN)
		judge_unknown_listener(broker, probe);
	else if (probe->listener == LISTENER_OTHER)
		set_failure(broker, D_PROTOCOL_MISMATCH, "this is not Kafka: it answered \"%s\"",
			    probe->text);
	else if (tls && !props->tls)
		set_failure(broker, D_TLS_REQUIRED,
			    "this port speaks TLS, and security.protocol is without it");
	else if (!tls && props->tls)
		set_failure(broker, D_TLS_PEER_IS_PLAINTEXT,
			    "this port speaks Kafka without TLS%s%s",
			    login ? ", with login by " : "", login ? probe->text : "");
	else if (login && !props->sasl)
		set_failure(
		    broker, D_AUTH_REQUIRED,
		    "this listener wants a login (it offers %s), and security.protocol has none",
		    probe->text);
}

/* Returns how long a probe may take: 1 s, because a listener silent for 1 s mostly stays silent. A second probe may take a
 * third of the remaining attempt, in case the listener or the name server is only slow. */
static struct duration probe_time(const struct kafka_client *c,
				  const struct kafka_broker_state *broker)
{
	struct instant now = instant_now();
	struct duration third = instant_since(now, instant_share(now, c->run->deadline, 3));

	return broker->probe_silent && third.ns > DURATION_S(1).ns ? third : DURATION_S(1);
}

/* Returns 1 when the name cannot be resolved: librdkafka then has nothing to go round. */
static unsigned count_addresses(const struct check_run *run, const char *address, int family)
{
	struct check_run shorter = *run;
	struct addrinfo *list = NULL;
	struct diag ignored = {0};
	unsigned n = 0;
	char host[256];
	int port;

	shorter.deadline =
	    instant_earlier(run->deadline, instant_after(instant_now(), DURATION_S(1)));
	if (hostport_split(address, host, sizeof host, &port) || resolve_is_literal(host) ||
	    resolve_host(&shorter, host, port, family, &list, &ignored))
		return 1;
	for (const struct addrinfo *a = list; a && n < KAFKA_ADDRESSES_MAX; a = a->ai_next)
		n++;
	freeaddrinfo(list);
	return n;
}

void kafka_broker_states_count_addresses(struct kafka_client *c)
{
	for (size_t i = 0; i < c->n_brokers; i++) {
		struct kafka_broker_state *broker = c->brokers[i];
		unsigned n;

		if (broker->addresses || broker->meaning.code == D_NONE)
			continue;
		pthread_mutex_unlock(&c->lock);
		n = count_addresses(c->run, broker->address, c->props->family);
		pthread_mutex_lock(&c->lock);
		broker->addresses = n;
	}
}

/* Lock held on entry and return, released during the probe. */
static void probe_broker(struct kafka_client *c, struct kafka_broker_state *broker)
{
	struct kafka_probe probe;
	/* librdkafka judges the certificate; the probe accepts any, since it sends nothing secret. */
	struct tls_conf tls = {.any_certificate = true,
			       .cert_file =
				   kafka_client_props_get(c->props, "ssl.certificate.location"),
			       .key_file = kafka_client_props_get(c->props, "ssl.key.location")};
	struct duration time = probe_time(c, broker);
	bool guessed = !broker->up;
	char ip[sizeof broker->tried[0].ip];

	c->n_probes++;
	snprintf(ip, sizeof ip, "%s", broker->tried[0].ip);
	pthread_mutex_unlock(&c->lock);
	kafka_probe(c->run, broker->address, ip, time, c->props->tls ? &tls : NULL, &probe);
	pthread_mutex_lock(&c->lock);
	broker->guess_probed = broker->guess_probed || guessed;
	broker->ready_probed = probe.listener != LISTENER_UNKNOWN && !probe.silent;
	broker->probe_silent = !broker->ready_probed;
	judge_listener(broker, c->props, &probe);
}

bool kafka_broker_states_probe(struct kafka_client *c)
{
	struct kafka_broker_state *broker = broker_to_probe(c);

	if (broker)
		probe_broker(c, broker);
	return broker != NULL;
}

bool kafka_broker_state_probe(struct kafka_client *c, struct kafka_broker_state *broker)
{
	bool wanted = has_unprobed_guess(c, broker) ||
		      (may_probe(c) && broker->up && !kafka_broker_state_is_ready(c, broker));

	if (wanted)
		probe_broker(c, broker);
	return wanted;
}
