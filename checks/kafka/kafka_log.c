#include "kafka_log.h"

#include <ctype.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>

#include "tls.h"

/* ---- parsing a line ------------------------------------------------------------------------------ */

void kafka_broker_name(const char *name, char *address, size_t size, int32_t *broker)
{
	const char *scheme = strstr(name, "://"), *slash;
	int64_t id;

	if (scheme)
		name = scheme + 3;
	slash = strrchr(name, '/');
	*broker = KAFKA_BOOTSTRAP;
	if (slash && parse_i64(slash + 1, 0, INT32_MAX, &id) == 0)
		*broker = (int32_t)id;
	text_clean_n(address, size, name, slash ? (size_t)(slash - name) : strlen(name));
}

void kafka_broker_subject(int32_t id, const char *address, char *buf, size_t size)
{
	snprintf(buf, size, "broker %d at %.100s", id, address);
}

/* Returns whether [p, end) looks like "host:port/id": ": " also occurs in log lines that name no broker. */
static bool is_broker_name(const char *p, const char *end)
{
	const char *slash = memrchr(p, '/', (size_t)(end - p));

	if (!slash || slash == p || slash + 1 == end || memchr(p, ' ', (size_t)(end - p)))
		return false;
	for (const char *c = slash + 1; c < end; c++)
		if (!isalnum((unsigned char)*c))
			return false;
	return memrchr(p, ':', (size_t)(slash - p)) != NULL;
}

/* Returns the length of the text without the duration of the state and the count of suppressed lines, which always differ. */
static size_t length_without_counters(const char *text)
{
	const char *cut = NULL;

	for (const char *p = strstr(text, " (after "); p; p = strstr(p + 1, " (after "))
		if (strstr(p, "ms in state "))
			cut = p;
	return cut ? (size_t)(cut - text) : strlen(text);
}

void kafka_line_parse(struct kafka_line *line, const char *text)
{
	const char *p = text, *end;

	*line = (struct kafka_line){.broker = KAFKA_BOOTSTRAP};
	if (str_starts(p, "[thrd:") && (end = strstr(p, "]: ")))
		p = end + 3;
	end = strstr(p, ": ");
	if (end && is_broker_name(p, end)) {
		char name[2 * DIAG_SUBJECT_MAX];

		snprintf(name, sizeof name, "%.*s", (int)(end - p), p);
		kafka_broker_name(name, line->address, sizeof line->address, &line->broker);
		p = end + 2;
	}
	text_clean_n(line->message, sizeof line->message, p, length_without_counters(p));
}

/* ---- texts to codes ------------------------------------------------------------------------------------ */

struct phrase {
	const char *text;
	enum diag_code code;
	bool guess;
};

/* The order matters: the first phrase that occurs in the line gives the code. */
static const struct phrase log_phrases[] = {
    /* Errors of the login. The broker's own text follows the colon. */
    {"Unsupported SASL mechanism", D_AUTH_MECHANISM, false},
    {"mechanism handshake failed", D_AUTH_MECHANISM, false},
    {"SASL Handshake not supported by broker", D_AUTH_MECHANISM, false},
    {"SASL GSSAPI authentication not supported by broker", D_AUTH_MECHANISM, false},
    {"SASL authentication error", D_AUTH_FAILED, false},
    {"SASL authentication failure", D_AUTH_FAILED, false},
    {"SASL SCRAM authentication failed", D_AUTH_FAILED, false},
    {"SASL OAUTHBEARER authentication failed", D_AUTH_FAILED, false},
    {"Kerberos ticket refresh failed", D_AUTH_FAILED, false},
    {"Failed to initialize SASL authentication", D_AUTH_FAILED, false},
    {"SASL handshake failed (", D_AUTH_FAILED, false},
    {"broker might require SASL authentication", D_AUTH_REQUIRED, true},
    {"credentials and broker logs", D_AUTH_FAILED, true},
    /* Errors of TLS that librdkafka words itself; tls_code knows OpenSSL's. */
    {"connecting to a PLAINTEXT broker listener", D_TLS_PEER_IS_PLAINTEXT, true},
    {"unexpected eof while reading", D_TLS_PEER_IS_PLAINTEXT, true},
    {"SSL connection closed by peer", D_TLS_PEER_IS_PLAINTEXT, true},
    {"client SSL authentication might be required", D_TLS_CLIENT_CERT_REQUIRED, true},
    /* The peer is not Kafka, or the listener is of another type. */
    {"Disconnected while requesting ApiVersion", D_CONNECT_CLOSED, true},
    {"Invalid response size", D_PROTOCOL_MISMATCH, false},
    /* Timeouts, the most specific text first. */
    {"ApiVersionRequest failed: Local: Timed out", D_ANSWER_TIMEOUT, false},
    {"request(s) timed out", D_ANSWER_TIMEOUT, false},
    {"Timed out ", D_ANSWER_TIMEOUT, false},
    {"Connection setup timed out in state CONNECT", D_CONNECT_TIMEOUT, false},
    {"Connection setup timed out in state TRY_CONNECT", D_CONNECT_TIMEOUT, false},
    {"Connection setup timed out", D_ANSWER_TIMEOUT, false},
    /* Errors of name resolution, in the texts of gai_strerror. */
    {"Name or service not known", D_DNS_NO_SUCH_NAME, false},
    {"No address associated with hostname", D_DNS_NO_ADDRESS, false},
    {"Temporary failure in name resolution", D_DNS_SERVER_FAILED, false},
    {"Failed to resolve", D_DNS_SERVER_FAILED, false},
};

static const struct phrase last_phrases[] = {
    {"Disconnected", D_CONNECT_CLOSED, true}, /* librdkafka 2.10 and later log no more */
    {"ApiVersionRequest failed", D_PROTOCOL_MISMATCH, true},
};

static const struct {
	int err;
	enum diag_code code;
} connect_errors[] = {
    {ECONNREFUSED, D_CONNECT_REFUSED},
    {ETIMEDOUT, D_CONNECT_TIMEOUT},
    {EHOSTUNREACH, D_CONNECT_UNREACHABLE},
    {ENETUNREACH, D_CONNECT_UNREACHABLE},
    {EACCES, D_CONNECT_DENIED},
    {EPERM, D_CONNECT_DENIED},
    {ECONNRESET, D_CONNECT_RESET},
    {EPIPE, D_CONNECT_CLOSED},
};

static struct kafka_meaning phrase_meaning(const struct phrase *table, size_t n,
					   const char *message)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(message, table[i].text))
			return (struct kafka_meaning){table[i].code, table[i].guess};
	return (struct kafka_meaning){.code = D_NONE};
}

/* OpenSSL's texts, such as "error:0A000086:SSL routines:...", are the same in every library that uses it. */
static enum diag_code tls_code(const char *message)
{
	struct diag d = {.code = D_NONE};

	if (!strstr(message, "SSL ") && !strstr(message, "SSL_") && !strstr(message, "error:"))
		return D_NONE;
	tls_fail_text(&d, message, "");
	return d.code;
}

static enum diag_code connect_code(const char *message)
{
	for (size_t i = 0; i < ARRAY_LEN(connect_errors); i++)
		if (strstr(message, strerror(connect_errors[i].err)))
			return connect_errors[i].code;
	return D_NONE;
}

bool kafka_foreign_bytes(const char *message, char bytes[5])
{
	static const char before[] = "Invalid response size ";
	const char *p = strstr(message, before);
	long long n;

	if (!p)
		return false;
	n = strtoll(p + strlen(before), NULL, 10);
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)((uint32_t)n >> (24 - 8 * i) & 255);
	bytes[4] = '\0';
	return true;
}

/* Returns whether the bytes begin a TLS record: type 21 (alert) or 22 (handshake), version 3.x (RFC 8446 5.1). */
static bool is_tls_record(const char *message)
{
	char b[5];

	return kafka_foreign_bytes(message, b) && (b[0] == 21 || b[0] == 22) && b[1] == 3;
}

struct kafka_meaning kafka_log_meaning(const char *message, const struct kafka_context *context)
{
	struct kafka_meaning m = phrase_meaning(log_phrases, ARRAY_LEN(log_phrases), message);

	if (m.code == D_NONE)
		m.code = tls_code(message);
	if (m.code == D_NONE)
		m.code = connect_code(message);
	if (m.code == D_NONE)
		m = phrase_meaning(last_phrases, ARRAY_LEN(last_phrases), message);
	if (m.code == D_PROTOCOL_MISMATCH && is_tls_record(message))
		m.code = D_TLS_REQUIRED;
	/* A broker that checks the nonce refuses an old library with this text even when the password is right. */
	if (m.code == D_AUTH_FAILED && context->scram && context->library < KAFKA_SCRAM_FIXED)
		m.code = D_KAFKA_LIBRARY_OLD;
	/* Java brokers send the same alert for a missing certificate as for a bad one. */
	if (m.code == D_TLS_CLIENT_CERT_REFUSED && !context->client_cert)
		m.code = D_TLS_CLIENT_CERT_REQUIRED;
	return m;
}

enum diag_code kafka_new_meaning(const char *error)
{
	static const struct phrase phrases[] = {
	    {"key values mismatch", D_TLS_KEY_MISMATCH, false},
	    {"no certificate assigned", D_KAFKA_PROPERTY, false},
	    {"Private key check failed", D_TLS_KEY_MISMATCH, false},
	    {"ssl.ca.location failed", D_TLS_CA_UNREADABLE, false},
	    {"ssl.certificate.location failed", D_TLS_CA_UNREADABLE, false},
	    {"ssl.key.location failed", D_TLS_CA_UNREADABLE, false},
	    {"ssl.keystore.location", D_TLS_CA_UNREADABLE, false},
	    {"ssl.crl.location failed", D_TLS_CA_UNREADABLE, false},
	    {"not supported in this build", D_KAFKA_FEATURE_MISSING, false},
	    {"not available at build time", D_KAFKA_FEATURE_MISSING, false},
	    {"recompile librdkafka", D_KAFKA_FEATURE_MISSING, false},
	    {"No provider for SASL mechanism", D_KAFKA_FEATURE_MISSING, false},
	    {"is missing a GSSAPI module", D_KAFKA_FEATURE_MISSING, false},
	};
	enum diag_code code = phrase_meaning(phrases, ARRAY_LEN(phrases), error).code;

	return code == D_NONE ? D_KAFKA_PROPERTY : code;
}

enum diag_code kafka_topic_meaning(int err)
{
	static const struct {
		int err;
		enum diag_code code;
	} table[] = {
	    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, D_KAFKA_TOPIC_MISSING},
	    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, D_KAFKA_TOPIC_MISSING},
	    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, D_KAFKA_TOPIC_MISSING},
	    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, D_KAFKA_TOPIC_MISSING},
	    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, D_KAFKA_TOPIC_DENIED},
	    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, D_KAFKA_NO_LEADER},
	    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, D_KAFKA_ISR_LOW},
	    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, D_KAFKA_ISR_LOW},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].err == err)
			return table[i].code;
	return D_NONE;
}

int kafka_error_in(const char *message)
{
	const struct rd_kafka_err_desc *v;
	size_t n, longest = 0;
	int err = 0;

	/* Use the longest text that occurs, because one text may begin another. */
	rd_kafka_get_err_descs(&v, &n);
	for (size_t i = 0; i < n; i++) {
		const char *text = v[i].desc;

		if (!v[i].code || !text || strlen(text) <= longest || !strstr(message, text))
			continue;
		longest = strlen(text);
		err = v[i].code;
	}
	return err;
}

bool kafka_is_silence(int err)
{
	return err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
	       err == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE || err == RD_KAFKA_RESP_ERR__TRANSPORT ||
	       err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

bool kafka_is_coordinator_trouble(int err)
{
	return err == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	       err == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       err == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

bool kafka_is_unsupported(int err)
{
	return err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
	       err == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
}

bool kafka_is_answer(int err)
{
	return (err > 0 || err == RD_KAFKA_RESP_ERR_UNKNOWN) && !kafka_is_silence(err);
}
