#include "kafka_events.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "kafka_broker_state.h"
#include "kafka_token.h"
#include "tls.h"

#define DEBUG_LEVEL 7 /* syslog's LOG_DEBUG */

/* ---- broker states ------------------------------------------------------------------------------------------- */

/* Lock held. Finds or adds the broker. Returns NULL when the table is full; the broker is then not watched. */
static struct kafka_broker_state *find_or_add_broker(struct kafka_client *c, const char *address)
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

/* Records the state of one of two connections to an address: the bootstrap server's and the learned broker's. Before 2.10
 * librdkafka turns the first into the second; since then both exist for a while and the first is closed. Either way the
 * learned broker's state replaces the bootstrap server's. */
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

/* Notes the address that this thread, a bootstrap server's or a learned broker's, tries now. */
static void note_tried(struct kafka_broker_state *broker, const struct sockaddr *to, int len)
{
	struct kafka_tried *first = &broker->tried[0];

	if (first->ip[0] && !pthread_equal(first->thread, pthread_self()))
		broker->tried[1] = *first;
	first->thread = pthread_self();
	getnameinfo(to, (socklen_t)len, first->ip, sizeof first->ip, NULL, 0, NI_NUMERICHOST);
}

/* Notes that the address which this thread has tried has failed. Only a line of the log says so: librdkafka ends connections of its own
 * accord too, in any state. */
static void note_failed(struct kafka_broker_state *broker)
{
	const struct kafka_tried *tried = broker->tried;

	if (!pthread_equal(tried->thread, pthread_self()))
		tried++;
	if (!tried->ip[0] || !pthread_equal(tried->thread, pthread_self()))
		return;
	for (unsigned i = 0; i < broker->n_failed; i++)
		if (str_eq(broker->failed[i], tried->ip))
			return;
	if (broker->n_failed < KAFKA_ADDRESSES_MAX)
		memcpy(broker->failed[broker->n_failed++], tried->ip, sizeof tried->ip);
}

static bool is_no_connection(enum diag_code code)
{
	return code == D_CONNECT_REFUSED || code == D_CONNECT_TIMEOUT ||
	       code == D_CONNECT_UNREACHABLE || code == D_CONNECT_DENIED;
}

/* Returns whether `m` may replace the present reason: a vaguer one that follows from it ("Disconnected") may not, nor that another
 * address of the name takes no connection. */
static bool is_better_reason(const struct kafka_broker_state *broker, struct kafka_meaning m)
{
	if (broker->meaning.code != D_NONE && !broker->was_up && is_no_connection(m.code) &&
	    !is_no_connection(broker->meaning.code))
		return false;
	if (broker->refuted) /* kafka_probe tested the listener: a later guess is worth less */
		return false;
	if (broker->meaning.code == D_NONE || !diag_info(m.code)->retryable)
		return true;
	return diag_info(broker->meaning.code)->retryable ||
	       (broker->meaning.guess && !broker->guess_probed);
}

/* ---- log lines ----------------------------------------------------------------------------------------------- */

/* Lock held. Stores what a log line about a broker means. */
static void note_broker(struct kafka_client *c, const struct kafka_line *line,
			struct kafka_meaning m)
{
	struct kafka_broker_state *broker = find_or_add_broker(c, line->address);

	if (!broker)
		return;
	note_failed(broker);
	if (!is_better_reason(broker, m))
		return;
	set_id(broker, line->broker);
	broker->meaning = m;
	snprintf(broker->reason, sizeof broker->reason, "%s", line->message);
}

/* Stores why there is no token. librdkafka logs the answer of the token endpoint first, and then once more without its address
 * and status. */
static void note_no_token(struct kafka_client *c, const char *message, const char *text)
{
	struct kafka_broker_state *login = &c->no_token;

	pthread_mutex_lock(&c->lock);
	if (kafka_token_is_detailed(message) || !kafka_token_is_detailed(login->reason)) {
		*login = (struct kafka_broker_state){.id = KAFKA_BOOTSTRAP,
						     .meaning.code = kafka_token_code(text)};
		snprintf(login->address, sizeof login->address, "%s", KAFKA_TOKEN_SUBJECT);
		snprintf(login->reason, sizeof login->reason, "%s", message);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* librdkafka reports the id of an idempotent producer only in its log (debug=eos); it logs a refusal in any case. */
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

/* librdkafka repeats ListOffsets after an error, which it reports in its log only (debug=broker). */
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
	if (kafka_token_is_about(line.message)) {
		note_no_token(c, line.message, text);
		return;
	}
	m = kafka_log_meaning(line.message, &c->props->context);
	if (m.code == D_NONE || !line.address[0])
		return;
	pthread_mutex_lock(&c->lock);
	note_broker(c, &line, m);
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

	/* Connections named by a role, such as "GroupCoordinator", come without an address. */
	if (!host || !*host || port <= 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	hostport_text(host, port, address, sizeof address);
	pthread_mutex_lock(&c->lock);
	broker = find_or_add_broker(c, address);
	if (broker) {
		set_id(broker, id);
		/* Keep the reason: librdkafka does not repeat it when the connection ends again. */
		set_up(broker, id, str_eq(state, "UP") || str_eq(state, "UPDATE"));
		snprintf(broker->connection, sizeof broker->connection, "%s", state);
		if (str_eq(state, "DOWN"))
			kafka_requests_closed(&c->requests, id, address);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Connects, as librdkafka would do, and records the address: a probe must meet the same server. */
static int on_connect(int fd, const struct sockaddr *to, int len, const char *name, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_broker_state *broker;

	pthread_mutex_lock(&c->lock);
	broker = kafka_broker_state_find(c, name);
	if (broker)
		note_tried(broker, to, len);
	pthread_mutex_unlock(&c->lock);
	return connect(fd, to, (socklen_t)len) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* Stores the address of the socket's peer, because librdkafka names a coordinator's connection by its role. */
static void peer_address(int fd, char *buf, size_t size)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof to;
	char host[INET6_ADDRSTRLEN], port[8];

	if (getpeername(fd, (struct sockaddr *)&to, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&to, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(buf, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static struct kafka_request make_request(int fd, const char *name, int32_t id, int16_t api)
{
	struct kafka_request request = {.api = api, .broker = id};
	int32_t ignored;

	kafka_broker_name(name ? name : "", request.address, sizeof request.address, &ignored);
	if (!strchr(request.address, ':'))
		peer_address(fd, request.address, sizeof request.address);
	return request;
}

/* Lock held. librdkafka since 2.10 sends ConsumerGroupDescribe first, then DescribeGroups for groups of the classic protocol: a
 * group counts once. */
static void note_group_request(struct kafka_client *c, int16_t api, int32_t broker)
{
	if (api != KAFKA_API_DESCRIBE_GROUPS && api != KAFKA_API_CONSUMER_GROUP_DESCRIBE)
		return;
	c->classic_groups_asked += api == KAFKA_API_DESCRIBE_GROUPS;
	c->new_groups_asked += api == KAFKA_API_CONSUMER_GROUP_DESCRIBE;
	c->groups_asked = c->classic_groups_asked > c->new_groups_asked ? c->classic_groups_asked
									: c->new_groups_asked;
	c->group_broker = broker;
}

/* Records a sent request. Only this callback shows which broker is a group's coordinator: librdkafka looks it up itself. */
static rd_kafka_resp_err_t on_sent(rd_kafka_t *rk UNUSED, int fd, const char *name, int32_t id,
				   int16_t api, int16_t version UNUSED, int32_t correlation UNUSED,
				   size_t size UNUSED, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_request request = make_request(fd, name, id, api);

	pthread_mutex_lock(&c->lock);
	kafka_requests_sent(&c->requests, &request);
	note_group_request(c, api, id);
	pthread_mutex_unlock(&c->lock);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Lock held. Answers to ApiVersions and SaslHandshake do not count as answers to this client: they come before a login. */
static void note_answer(struct kafka_client *c, const struct kafka_request *request)
{
	struct kafka_broker_state *broker =
	    request->api == KAFKA_API_SASL_HANDSHAKE || request->api == KAFKA_API_VERSIONS
		? NULL
		: find_or_add_broker(c, request->address);

	if (broker && !broker->answered) {
		broker->answered = true;
		pthread_cond_broadcast(&c->changed);
	}
	/* An answer to ListOffsets clears the error of the previous one; if it holds an error, librdkafka logs that later. */
	if (request->api == KAFKA_API_LIST_OFFSETS &&
	    (c->offsets_broker < 0 || request->broker < 0 || c->offsets_broker == request->broker))
		c->offsets_error = 0;
	c->coordinators_found += request->api == KAFKA_API_FIND_COORDINATOR;
	c->producer_id_answered |= request->api == KAFKA_API_INIT_PRODUCER_ID;
	c->metadata_answered |= request->api == KAFKA_API_METADATA;
}

/* Records an answer. `err` is an error of the connection; an error inside the answer is not visible here. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk UNUSED, int fd, const char *name, int32_t id,
				       int16_t api, int16_t version UNUSED,
				       int32_t correlation UNUSED, size_t size UNUSED,
				       int64_t rtt UNUSED, rd_kafka_resp_err_t err, void *opaque)
{
	struct kafka_client *c = opaque;
	struct kafka_request request = make_request(fd, name, id, api);

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

/* Records why a certificate is refused: librdkafka's log has one text for every reason. */
static int on_certificate(rd_kafka_t *rk UNUSED, const char *name, int32_t id UNUSED,
			  int *x509_error, int depth, const char *der, size_t size, char *errstr,
			  size_t errstr_size, void *opaque)
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
	broker = find_or_add_broker(c, address);
	if (broker) {
		tls_refusal_set(&broker->refusal, *x509_error, depth, cert);
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
	rd_kafka_conf_set_connect_cb(conf, on_connect);
	rd_kafka_conf_interceptor_add_on_new(conf, "startguard", on_new, client);
	if (client->props->tls &&
	    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate) != RD_KAFKA_CONF_OK)
		return check_fail(out, D_KAFKA_FEATURE_MISSING, "ssl",
				  "this librdkafka is built without TLS");
	return RESULT_PASS;
}
