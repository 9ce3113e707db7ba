#include "kafka_events.h"

#include <netdb.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "kafka_broker_state.h"
#include "tls.h"

#define DEBUG_LEVEL 7 /* syslog's */

/* ---- broker states ------------------------------------------------------------------------------------------- */

/* Lock held. NULL when the table is full: such a broker is then not watched. */
static struct kafka_broker_state *broker_at(struct kafka_client *c, const char *address)
{
	struct kafka_broker_state *broker = kafka_broker_state_find(c, address);

	if (broker || c->n_brokers == KAFKA_BROKERS_MAX)
		return broker;
	broker = xcalloc(1, sizeof *broker);
	snprintf(broker->address, sizeof broker->address, "%s", address);
	broker->id = KAFKA_BOOTSTRAP;
	c->brokers[c->n_brokers++] = broker;
	return broker;
}

static void set_id(struct kafka_broker_state *broker, int32_t id)
{
	if (id == KAFKA_BOOTSTRAP)
		broker->bootstrap = true;
	else
		broker->id = id;
}

/* A bootstrap server and the broker learned at its address: before librdkafka 2.10 the connection changes from the one to
 * the other; since then both exist for a while and the bootstrap's is closed. Either way the learned broker decides once it
 * is there. */
static void set_up(struct kafka_broker_state *broker, int32_t id, bool up)
{
	if (id == KAFKA_BOOTSTRAP) {
		broker->up_bootstrap = up;
	} else {
		broker->up_broker = up;
		broker->up_bootstrap = false;
	}
	broker->up = !broker->refuted && (broker->up_bootstrap || broker->up_broker);
	broker->was_up = broker->was_up || broker->up;
}

/* A certain reason is not replaced by the vaguer ones that follow from it ("Disconnected"). */
static bool says_more(const struct kafka_broker_state *broker, struct kafka_meaning m)
{
	if (broker->refuted) /* kafka_probe asked the listener itself: no later guess knows more */
		return false;
	if (broker->meaning.code == D_NONE || !diag_info(m.code)->retryable)
		return true;
	return diag_info(broker->meaning.code)->retryable ||
	       (broker->meaning.guess && !broker->guess_probed);
}

/* ---- log lines ----------------------------------------------------------------------------------------------- */

/* Lock held. */
static void note_broker(struct kafka_client *c, const struct kafka_line *line,
			struct kafka_meaning m)
{
	struct kafka_broker_state *broker = broker_at(c, line->address);

	if (!broker || !says_more(broker, m))
		return;
	set_id(broker, line->broker);
	broker->meaning = m;
	snprintf(broker->reason, sizeof broker->reason, "%s", line->message);
}

/* Lock held. Without a token the library does not even connect: no line about a broker says why. */
static void note_no_token(struct kafka_client *c, const char *message, struct kafka_meaning m)
{
	struct kafka_broker_state *login = &c->no_token;

	*login = (struct kafka_broker_state){.id = KAFKA_BOOTSTRAP, .meaning = m};
	snprintf(login->address, sizeof login->address, "sasl.oauthbearer");
	snprintf(login->reason, sizeof login->reason, "%s", message);
}

/* The library reports the id of an idempotent producer only in its log (debug=eos); it always logs a refusal. */
static void note_producer_id(struct kafka_client *c, const char *message)
{
	pthread_mutex_lock(&c->lock);
	if (str_starts(message, "Acquired PID{"))
		c->has_producer_id = true;
	else if (str_starts(message, "Failed to acquire"))
		text_clean(c->producer_id_trouble, sizeof c->producer_id_trouble, message);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* The library repeats ListOffsets after an error, and says so in its log only (debug=broker). */
static void note_offsets_error(struct kafka_client *c, const struct kafka_line *line)
{
	int err = kafka_error_in(line->message);

	if (!kafka_is_answer(err) || !strstr(line->message, "ListOffsetsRequest failed: "))
		return;
	pthread_mutex_lock(&c->lock);
	c->offsets_error = err;
	c->offsets_broker = line->broker;
	pthread_mutex_unlock(&c->lock);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct kafka_client *c = rk ? rd_kafka_opaque(rk) : NULL;
	struct kafka_line line;
	struct kafka_meaning m;

	if (!c)
		return;
	kafka_line_parse(&line, text);
	if (str_eq(facility, "GETPID"))
		note_producer_id(c, line.message);
	if (str_eq(facility, "REQERR"))
		note_offsets_error(c, &line);
	if (level >= DEBUG_LEVEL)
		return;
	m = kafka_log_meaning(line.message, &c->props->context);
	if (m.code == D_NONE || (!line.address[0] && !kafka_log_of_token(line.message)))
		return;
	pthread_mutex_lock(&c->lock);
	if (line.address[0])
		note_broker(c, &line, m);
	else
		note_no_token(c, line.message, m);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* ---- connections and requests -------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t on_state(rd_kafka_t *rk UNUSED, int32_t id, const char *secproto UNUSED,
				    const char *host, int port, const char *state, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_broker_state *broker;
	char address[DIAG_SUBJECT_MAX];

	/* "GroupCoordinator" and the like have no address of their own. */
	if (!host || !*host || port <= 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	hostport_text(host, port, address, sizeof address);
	pthread_mutex_lock(&c->lock);
	broker = broker_at(c, address);
	if (broker) {
		set_id(broker, id);
		/* The reason stays: the library does not repeat it when the connection ends again. */
		set_up(broker, id, str_eq(state, "UP") || str_eq(state, "UPDATE"));
		snprintf(broker->connection, sizeof broker->connection, "%s", state);
		if (str_eq(state, "DOWN"))
			kafka_requests_closed(&c->requests, id, address);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* The library names a coordinator's connection by its role; the socket knows the address. */
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

/* The library looks up a group's coordinator by itself: which broker it then asks is seen here only. */
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

/* Lock held. A listener that wants a login answers ApiVersions before it: only another answer is one to this client. */
static void note_answer(struct kafka_client *c, const struct kafka_request *request)
{
	struct kafka_broker_state *broker =
	    request->api == KAFKA_API_SASL_HANDSHAKE || request->api == KAFKA_API_VERSIONS
		? NULL
		: broker_at(c, request->address);

	if (broker && !broker->answered) {
		broker->answered = true;
		pthread_cond_broadcast(&c->changed);
	}
	/* A good answer to ListOffsets settles the error of the one before; a second error is logged after this. */
	if (request->api == KAFKA_API_LIST_OFFSETS &&
	    (c->offsets_broker < 0 || request->broker < 0 || c->offsets_broker == request->broker))
		c->offsets_error = 0;
	c->coordinators_found += request->api == KAFKA_API_FIND_COORDINATOR;
	c->producer_id_answered |= request->api == KAFKA_API_INIT_PRODUCER_ID;
	c->metadata_answered |= request->api == KAFKA_API_METADATA;
}

/* `err` is the connection's error; an error inside an answer is not known here. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk UNUSED, int fd, const char *name, int32_t id,
				       int16_t api, int16_t version UNUSED,
				       int32_t correlation UNUSED, size_t size UNUSED,
				       int64_t rtt UNUSED, rd_kafka_resp_err_t err, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_request request = request_of(fd, name, id, api);

	pthread_mutex_lock(&c->lock);
	kafka_requests_answered(&c->requests, &request);
	if (!err)
		note_answer(c, &request);
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

/* librdkafka has one text for every certificate it refuses: the reason is given here only. */
static int on_certificate(rd_kafka_t *rk UNUSED, const char *name, int32_t id UNUSED,
			  int *x509_error, int depth UNUSED, const char *der, size_t size,
			  char *errstr, size_t errstr_size, void *opaque)
{
	struct kafka_client *c = opaque;
	const unsigned char *p = (const unsigned char *)der;
	struct kafka_broker_state *broker;
	char address[DIAG_SUBJECT_MAX];
	int32_t ignored;
	X509 *cert;

	if (*x509_error == 0)
		return 1;
	kafka_broker_name(name, address, sizeof address, &ignored);
	snprintf(errstr, errstr_size, "%s", X509_verify_cert_error_string(*x509_error));
	cert = d2i_X509(NULL, &p, (long)size);
	pthread_mutex_lock(&c->lock);
	broker = broker_at(c, address);
	if (broker) {
		broker->x509_error = *x509_error;
		if (cert)
			tls_certificate_text(cert, broker->certificate, sizeof broker->certificate);
	}
	pthread_mutex_unlock(&c->lock);
	X509_free(cert);
	return 0;
}

/* ---- watching ------------------------------------------------------------------------------------------------ */

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf UNUSED, void *opaque,
				  char *errstr UNUSED, size_t errstr_size UNUSED)
{
	rd_kafka_interceptor_add_on_request_sent(rk, "startguard", on_sent, opaque);
	rd_kafka_interceptor_add_on_response_received(rk, "startguard", on_response, opaque);
	return rd_kafka_interceptor_add_on_broker_state_change(rk, "startguard", on_state, opaque);
}

enum result kafka_events_watch(struct kafka_client *client, rd_kafka_conf_t *conf, struct diag *out)
{
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_throttle_cb(conf, on_throttle);
	rd_kafka_conf_interceptor_add_on_new(conf, "startguard", on_new, client);
	if (client->props->tls &&
	    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate) != RD_KAFKA_CONF_OK)
		return check_fail(out, D_KAFKA_FEATURE_MISSING, "ssl",
				  "this librdkafka is built without TLS");
	return RESULT_PASS;
}
