/* kafka: settings of topics, findings, librdkafka's messages and files of properties, as tables. */
#include "cm.h"
#include "kafka_topic_demand.h"
#include "kafka_properties_file.h"
#include "findings.h"
#include "kafka_group.h"
#include "kafka_log.h"
#include "kafka_token.h"
#include "kafka_client_prop.h"
#include "kafka_address.h"
#include "kafka_java.h"
#include "key_file.h"
#include "kafka_requests.h"

/* ---- settings -------------------------------------------------------------------------------------------- */

static void test_config_syntax(void **state UNUSED)
{
	static const struct {
		const char *text, *name, *value;
		bool at_least;
	} good[] = {
	    {"cleanup.policy=compact", "cleanup.policy", "compact", false},
	    {"cleanup.policy=compact,delete", "cleanup.policy", "compact,delete", false},
	    {"retention.ms>=86400000", "retention.ms", "86400000", true},
	    {"retention.ms=-1", "retention.ms", "-1", false},
	    {"follower.replication.throttled.replicas=", "follower.replication.throttled.replicas",
	     "", false},
	    {"compression.type=a=b", "compression.type", "a=b", false},
	};
	static const char *const bad[] = {"",
					  "=compact",
					  "cleanup.policy",
					  "a b=c",
					  "retention.ms>1",
					  "retention.ms>=",
					  "retention.ms>=1d",
					  "retention.ms<=5"};
	struct kafka_topic_demand demand;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_null(kafka_topic_demand_problem(good[i].text));
		kafka_topic_demand_parse(&demand, good[i].text);
		assert_string_equal(demand.name, good[i].name);
		assert_string_equal(demand.value, good[i].value);
		assert_int_equal(demand.at_least, good[i].at_least);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(kafka_topic_demand_problem(bad[i]));
}

static void test_config_met(void **state UNUSED)
{
	static const struct {
		const char *demand, *value;
		bool met;
	} table[] = {
	    {"cleanup.policy=compact", "compact", true},
	    {"cleanup.policy=compact", "delete", false},
	    {"cleanup.policy=compact", "compact,delete", false},
	    {"cleanup.policy=compact,delete", "delete,compact", true},
	    {"cleanup.policy=compact,delete", "delete, compact", true},
	    {"cleanup.policy=compact,delete", "compact", false},
	    {"cleanup.policy=compact", "compacted", false},
	    {"cleanup.policy=compact", "", false},
	    {"a=", "", true},
	    {"a=", "x", false},
	    {"retention.ms>=1000", "1000", true},
	    {"retention.ms>=1000", "999", false},
	    {"retention.ms>=1000", "-1", true},
	    {"retention.bytes>=1000", "-1", true},
	    {"segment.ms>=1000", "-1", false},
	    {"retention.ms>=1000", "long", false},
	    {"retention.ms>=1000", "", false},
	};
	struct kafka_topic_demand demand;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_null(kafka_topic_demand_problem(table[i].demand));
		kafka_topic_demand_parse(&demand, table[i].demand);
		assert_int_equal(kafka_topic_demand_met(&demand, table[i].value), table[i].met);
	}
}

/* ---- findings ----------------------------------------------------------------------------------------------- */

static struct diag finding(enum diag_code code, const char *subject)
{
	struct diag d = {.code = D_NONE};

	check_fail(&d, code, subject, "cause of %s", subject);
	return d;
}

static void add(struct findings *f, enum diag_code code, const char *subject, const char *note)
{
	struct diag d = finding(code, subject);

	findings_add(f, &d, note);
}

static void test_findings(void **state UNUSED)
{
	struct findings f = {.n = 0};
	struct diag out = {.code = D_NONE};

	assert_int_equal(findings_result(&f, &out), RESULT_PASS);
	assert_int_equal(out.code, D_NONE);
	add(&f, D_KAFKA_TOPIC_MISSING, "topic a", "");
	assert_int_equal(findings_result(&f, &out), RESULT_FAIL);
	assert_string_equal(out.cause, "cause of topic a");
	/* What waiting cannot help counts, whenever it is found. */
	add(&f, D_KAFKA_TOPIC_DENIED, "topic b", "read");
	add(&f, D_KAFKA_TOPIC_DENIED, "topic c", "write");
	findings_result(&f, &out);
	assert_int_equal(out.code, D_KAFKA_TOPIC_DENIED);
	assert_string_equal(out.subject, "topic b");
	assert_string_equal(out.cause,
			    "cause of topic b; topic a too: kafka-topic-missing; topic c "
			    "too: kafka-topic-denied (write)");
}

static void test_many_findings(void **state UNUSED)
{
	struct findings f = {.n = 0};
	struct diag out = {.code = D_NONE};
	char name[DIAG_SUBJECT_MAX];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "topic %0100d", i);
		add(&f, D_KAFKA_TOPIC_DENIED, name, "describe");
	}
	findings_result(&f, &out);
	assert_non_null(strstr(out.cause, "and 94 more"));
}

/* ---- librdkafka's messages ---------------------------------------------------------------------------------------- */

static void test_line(void **state UNUSED)
{
	static const struct {
		const char *text, *address, *message;
		int32_t broker;
	} table[] = {
	    {"[thrd:sasl_ssl://k1:9092/1]: sasl_ssl://k1:9092/1: SASL authentication error: no "
	     "(after 5ms in state AUTH_REQ)",
	     "k1:9092", "SASL authentication error: no", 1},
	    {"[thrd:k1:9092/bootstrap]: k1:9092/bootstrap: Connect to ipv4#1.2.3.4:9092 failed: "
	     "Connection refused (after 0ms in state CONNECT, 3 identical error(s) suppressed)",
	     "k1:9092", "Connect to ipv4#1.2.3.4:9092 failed: Connection refused", KAFKA_BOOTSTRAP},
	    {"[thrd:[::1]:9092/2]: [::1]:9092/2: Disconnected", "[::1]:9092", "Disconnected", 2},
	    {"[thrd:main]: Acquired PID{Id:1,Epoch:0}", "", "Acquired PID{Id:1,Epoch:0}",
	     KAFKA_BOOTSTRAP},
	    {"no thread: at all", "", "no thread: at all", KAFKA_BOOTSTRAP},
	    {"", "", "", KAFKA_BOOTSTRAP},
	};
	struct kafka_line line;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		kafka_line_parse(&line, table[i].text);
		assert_string_equal(line.address, table[i].address);
		assert_string_equal(line.message, table[i].message);
		assert_int_equal(line.broker, table[i].broker);
	}
}

static void test_meaning(void **state UNUSED)
{
	static const struct kafka_context old_scram = {.scram = true, .library = 0x020002ff};
	static const struct kafka_context new_scram = {.scram = true, .library = 0x020601ff};
	static const struct kafka_context plain = {.library = 0x020002ff};
	static const struct kafka_context with_cert = {.client_cert = true, .library = 0x020002ff};
	static const struct {
		const char *message;
		const struct kafka_context *context;
		enum diag_code code;
		bool guess;
	} table[] = {
	    {"SASL authentication error: Authentication failed", &plain, D_AUTH_FAILED, false},
	    {"Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert "
	     "number 42",
	     &plain, D_TLS_CLIENT_CERT_REQUIRED, false},
	    {"Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert "
	     "number 42",
	     &with_cert, D_TLS_CLIENT_CERT_REFUSED, false},
	    {"SASL authentication error: Authentication failed", &new_scram, D_AUTH_FAILED, false},
	    {"SASL authentication error: Authentication failed", &old_scram, D_KAFKA_LIBRARY_OLD,
	     false},
	    {"SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's "
	     "supported mechanisms: SCRAM-SHA-512",
	     &plain, D_AUTH_MECHANISM, false},
	    {"Disconnected: verify that security.protocol is correctly configured, broker might "
	     "require SASL authentication",
	     &plain, D_AUTH_REQUIRED, true},
	    {"Invalid response size 1213486160 (0..100000000): increase receive.message.max.bytes",
	     &plain, D_PROTOCOL_MISMATCH, false},
	    {"Invalid response size 352518912", &plain, D_TLS_REQUIRED, false},
	    {"Connect to ipv4#127.0.0.1:1 failed: Connection refused", &plain, D_CONNECT_REFUSED,
	     false},
	    {"Failed to resolve 'k:9092': Name or service not known", &plain, D_DNS_NO_SUCH_NAME,
	     false},
	    {"Disconnected", &plain, D_CONNECT_CLOSED, true},
	    {"something new", &plain, D_NONE, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kafka_meaning m = kafka_log_meaning(table[i].message, table[i].context);

		assert_int_equal(m.code, table[i].code);
		assert_int_equal(m.guess, table[i].guess);
	}
}

static void test_no_token(void **state UNUSED)
{
	static const struct {
		const char *message;
		enum diag_code code;
	} table[] = {
	    {"[thrd:background]: Failed to acquire SASL OAUTHBEARER token: Invalid "
	     "sasl.oauthbearer.config: must not be empty",
	     D_AUTH_FAILED},
	    {"Failed to acquire SASL OAUTHBEARER token: Failed to retrieve OIDC token from "
	     "\"http://t:1\": Couldn't connect to server (-1)",
	     D_CONNECT_REFUSED},
	    {"Failed to retrieve OIDC token from \"http://t:1/\": Failed to connect to t:1 after 0 "
	     "ms: Could not connect to server (-1)",
	     D_CONNECT_REFUSED},
	    {"Failed to retrieve OIDC token from \"http://t/\": Could not resolve: t:80 (-1)",
	     D_DNS_NO_SUCH_NAME},
	    {"Failed to acquire SASL OAUTHBEARER token: Could not resolve host: t",
	     D_DNS_NO_SUCH_NAME},
	    {"Failed to retrieve OIDC token from \"https://t/\": SSL certificate OpenSSL verify "
	     "result: self-signed certificate (18) (-1)",
	     D_TLS_SELF_SIGNED},
	    {"Failed to retrieve OIDC token from \"https://t/\": TLS connect error: "
	     "error:0A00010B:SSL routines::wrong version number (-1)",
	     D_TLS_PEER_IS_PLAINTEXT},
	    {"Failed to retrieve OIDC token from \"http://t/\": Recv failure: Connection reset by "
	     "peer (-1)",
	     D_CONNECT_RESET},
	    {"Failed to retrieve OIDC token from \"http://t/\": Empty reply from server (-1)",
	     D_CONNECT_CLOSED},
	    {"Failed to retrieve OIDC token from \"http://t/\": Operation timed out after 20001 "
	     "milliseconds with 0 bytes received (-1)",
	     D_ANSWER_TIMEOUT},
	    {"Failed to retrieve OIDC token from \"http://t/\": {\"error\":\"invalid_client\"} "
	     "(401)",
	     D_AUTH_FAILED},
	    {"Failed to retrieve OIDC token from \"http://t/\": "
	     "{\"error\":\"unauthorized_client\"} "
	     "(400)",
	     D_AUTH_FAILED},
	    /* What a body says about TLS is not about this connection. */
	    {"Failed to retrieve OIDC token from \"http://t/\": SSL required: connection reset by "
	     "peer (403)",
	     D_AUTH_FAILED},
	    {"Failed to retrieve OIDC token from \"http://t/\": <html>404</html> (404)",
	     D_HTTP_STATUS},
	    {"Failed to retrieve OIDC token from \"http://t/\": no healthy upstream (503)",
	     D_HTTP_STATUS},
	    {"Failed to retrieve OIDC token from \"http://t/\": slow down (429)", D_HTTP_TOO_MANY},
	    {"Failed to retrieve OIDC token from \"http://t/\": <html> a page that is longer than "
	     "the line",
	     D_HTTP_STATUS},
	    {"Failed to retrieve JWT token from \"http://t/\": no (99999999999)", D_HTTP_STATUS},
	    {"Failed to acquire SASL OAUTHBEARER token: Expected JSON response with "
	     "\"access_token\" "
	     "field",
	     D_AUTH_FAILED},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(kafka_token_is_about(table[i].message));
		assert_int_equal(kafka_token_code(table[i].message), table[i].code);
	}
	assert_false(kafka_token_is_about("SASL OAUTHBEARER authentication failed"));
}

static void test_small_things(void **state UNUSED)
{
	assert_non_null(kafka_java_property("ssl.truststore.location", "x.jks"));
	assert_null(kafka_java_property("ssl.ca.location", "x.pem"));
	assert_null(kafka_address_problem("kafka://k:9092"));
	assert_null(kafka_address_problem("k"));
	assert_non_null(kafka_address_problem("https://k:9092"));
	assert_non_null(kafka_address_problem("u:p@k:9092"));
	assert_null(kafka_group_problem("integrator-hub-v1"));
	assert_non_null(kafka_group_problem("integrator-*"));
	assert_non_null(kafka_group_problem(""));
}

static void test_addresses(void **state UNUSED)
{
	static const struct {
		const char *entry, *host; /* host NULL: it has a problem */
		int port;
		const char *protocol;
	} table[] = {
	    {"k:9093", "k", 9093, NULL},
	    {"kafka://k", "k", 9092, NULL},
	    {"PLAINTEXT://broker:29092", "broker", 29092, "PLAINTEXT"},
	    {"ssl://k:1/", "k", 1, "SSL"},
	    {"SASL_PLAINTEXT://k:1", "k", 1, "SASL_PLAINTEXT"},
	    {"SASL_SSL://[::1]:9", "::1", 9, "SASL_SSL"},
	    {"sasl_ssl://k", "k", 9092, "SASL_SSL"},
	    {"kafka+ssl://k:9096", "k", 9096, "SSL"},
	    {"EXTERNAL://k:1", "k", 1, NULL},
	    {"TLS-9093://k:1", "k", 1, NULL},
	    {"http://k:1", NULL, 0, NULL},
	    {"HTTPS://k:1", NULL, 0, NULL},
	    {"tcp://k:1", NULL, 0, NULL},
	    {"TCP://k:1", NULL, 0, NULL},
	    {"redis://k:1", NULL, 0, NULL},
	    {"://k:1", NULL, 0, NULL},
	    {"SSL://", NULL, 0, "SSL"},
	    {"SSL://SSL://k:1", NULL, 0, "SSL"},
	    {"SASL_SSL://u:p@k:1", NULL, 0, "SASL_SSL"},
	};
	char host[256];
	int port;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *protocol = kafka_address_protocol(table[i].entry);

		assert_true(
		    str_eq(protocol ? protocol : "", table[i].protocol ? table[i].protocol : ""));
		assert_int_equal(kafka_address_problem(table[i].entry) == NULL,
				 table[i].host != NULL);
		if (!table[i].host)
			continue;
		kafka_address_split(table[i].entry, host, sizeof host, &port);
		assert_string_equal(host, table[i].host);
		assert_int_equal(port, table[i].port);
	}
}

static void test_java(void **state UNUSED)
{
	assert_non_null(strstr(kafka_java_login("o.PlainLoginModule required;"), "sasl.username"));
	assert_non_null(
	    strstr(kafka_java_login("o.ScramLoginModule required a=1;"), "sasl.username"));
	assert_non_null(strstr(kafka_java_login("o.OAuthBearerLoginModule required;"), "oidc"));
	assert_non_null(strstr(kafka_java_login("c.Krb5LoginModule required;"), "kerberos"));
	assert_non_null(strstr(kafka_java_login("s.IAMLoginModule required;"), "AWS_MSK_IAM"));
	assert_null(kafka_java_login("com.example.Own required a=\"PlainLoginModule\";"));
	assert_null(kafka_java_login(""));
	assert_null(kafka_mechanism_hint("SCRAM-SHA-256"));
	assert_non_null(strstr(kafka_mechanism_hint("AWS_MSK_IAM"), "mTLS"));
	assert_null(strstr(kafka_mechanism_hint("plain"), "AWS"));
	assert_string_equal(kafka_java_property("ssl.keystore.type", "PKCS12"), "");
	assert_non_null(strstr(kafka_java_property("ssl.keystore.type", "JKS"), "keytool"));
	assert_non_null(strstr(kafka_java_property("ssl.keystore.type", "BCFKS"), "keytool"));
	assert_non_null(
	    strstr(kafka_java_property("ssl.keystore.type", "PEM"), "ssl.key.location"));
	assert_string_equal(kafka_java_property("sasl.login.callback.handler.class", "a.B"), "");
}

static void test_key_formats(void **state UNUSED)
{
#define FORMAT(text, format) assert_int_equal(key_file_format(text, sizeof(text) - 1), format)
	FORMAT("", KEY_FORMAT_EMPTY);
	FORMAT(" \n", KEY_FORMAT_EMPTY);
	FORMAT("\xfe\xed\xfe\xed\0\0\0\2", KEY_FORMAT_JKS);
	FORMAT("\xce\xce\xce\xce\0\0\0\2", KEY_FORMAT_JCEKS);
	FORMAT("\0\0\0\1\0\0\0\x14", KEY_FORMAT_BKS);
	FORMAT("\x30\x82\4\0\2\1\3\x30", KEY_FORMAT_PKCS12);
	FORMAT("\x30\x80\2\1\3\x30", KEY_FORMAT_PKCS12);
	FORMAT("\x30\x82\4\0\x30\x82\3\0\x30\x20\x06\x09", KEY_FORMAT_BCFKS);
	FORMAT("\x30\x82\4\0\x30\x82\3\0\xa0\3\2\1\2", KEY_FORMAT_DER);
	FORMAT("\x30\x82\4\0\2\1\0\x30", KEY_FORMAT_DER);
	FORMAT("\x30\x40\x30\x20\x06\x09", KEY_FORMAT_DER);
	FORMAT("\x30", KEY_FORMAT_UNKNOWN);
	FORMAT("\x30\x84", KEY_FORMAT_UNKNOWN);
	FORMAT("\x30\xff\1", KEY_FORMAT_UNKNOWN);
	FORMAT("Bag Attributes\n-----BEGIN CERTIFICATE-----\n", KEY_FORMAT_PEM);
	FORMAT("<html>-----</html>", KEY_FORMAT_HTML);
	FORMAT("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\n", KEY_FORMAT_BASE64);
	FORMAT("not a key", KEY_FORMAT_UNKNOWN);
#undef FORMAT
}

/* An attempt that had too little time for a request must not replace what the one before it found. */
static void test_timeouts(void **state UNUSED)
{
	static const enum diag_code yes[] = {D_ANSWER_TIMEOUT, D_KAFKA_NO_BROKERS,
					     D_KAFKA_COORDINATOR, D_KAFKA_CANARY_FAILED};
	static const enum diag_code no[] = {D_KAFKA_ADVERTISED_UNREACHABLE, D_KAFKA_NO_LEADER,
					    D_KAFKA_CANARY_REFUSED, D_CONNECT_REFUSED};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(diag_is_timeout(yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(diag_is_timeout(no[i]));
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static struct kafka_request request(int16_t api, int32_t broker, const char *address)
{
	struct kafka_request r = {.api = api, .broker = broker};

	snprintf(r.address, sizeof r.address, "%s", address);
	return r;
}

static void send_one(struct kafka_requests *r, int16_t api, int32_t broker, const char *address)
{
	struct kafka_request one = request(api, broker, address);

	kafka_requests_sent(r, &one);
}

static void answer_one(struct kafka_requests *r, int16_t api, int32_t broker, const char *address)
{
	struct kafka_request one = request(api, broker, address);

	kafka_requests_answered(r, &one);
}

static void test_requests(void **state UNUSED)
{
	struct kafka_requests r = {.n = 0};

	send_one(&r, KAFKA_API_VERSIONS, -1, "k:1");
	send_one(&r, KAFKA_API_FETCH, 1, "k:1");
	assert_null(kafka_requests_oldest(&r, KAFKA_API_NONE));
	send_one(&r, 22, 2, "k:2");
	send_one(&r, 3, 1, "k:1");
	assert_int_equal(kafka_requests_oldest(&r, KAFKA_API_NONE)->api, 22);
	assert_int_equal(kafka_requests_oldest(&r, 22)->api, 3);
	answer_one(&r, 22, 1, "k:1"); /* of another broker */
	assert_int_equal(kafka_requests_oldest(&r, KAFKA_API_NONE)->api, 22);
	assert_string_equal(kafka_request_name(22), "InitProducerId");
	answer_one(&r, 22, 2, "k:2");
	assert_int_equal(kafka_requests_oldest(&r, KAFKA_API_NONE)->api, 3);
	kafka_requests_closed(&r, 2, "k:2");
	assert_int_equal(kafka_requests_oldest(&r, KAFKA_API_NONE)->api, 3);
	kafka_requests_closed(&r, 1, "k:1");
	assert_null(kafka_requests_oldest(&r, KAFKA_API_NONE));
	/* Sent to a bootstrap server, answered by the broker that it turned out to be. */
	send_one(&r, 3, -1, "k:1");
	answer_one(&r, 3, 7, "kafka-7:9092");
	assert_null(kafka_requests_oldest(&r, KAFKA_API_NONE));
	/* Of a bootstrap connection the address tells which is gone. */
	send_one(&r, 3, -1, "k:1");
	kafka_requests_closed(&r, -1, "k:2");
	assert_non_null(kafka_requests_oldest(&r, KAFKA_API_NONE));
	kafka_requests_closed(&r, -1, "k:1");
	assert_null(kafka_requests_oldest(&r, KAFKA_API_NONE));
}

static void test_requests_that_do_not_fit(void **state UNUSED)
{
	struct kafka_requests r = {.n = 0};

	for (int i = 0; i < 3 * KAFKA_REQUESTS_MAX; i++)
		send_one(&r, 3, i, "k:1");
	assert_int_equal(r.n, KAFKA_REQUESTS_MAX);
	assert_int_equal(kafka_requests_oldest(&r, KAFKA_API_NONE)->broker, 0);
}

static void test_errors_in_messages(void **state UNUSED)
{
	assert_int_equal(
	    kafka_error_in(
		"Failed to acquire idempotence PID from broker k:1/1: Local: Broker transport "
		"failure: retrying"),
	    RD_KAFKA_RESP_ERR__TRANSPORT);
	assert_int_equal(
	    kafka_error_in("broker unavailable: fetch: Broker: Not leader for partition"),
	    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	assert_int_equal(kafka_error_in("Unknown broker error"), RD_KAFKA_RESP_ERR_UNKNOWN);
	assert_int_equal(kafka_error_in("all is well"), 0);
	assert_int_equal(kafka_error_in(""), 0);
}

/* ---- a file of properties ---------------------------------------------------------------------------- */

/* "1 name=[value]" for each, then what is wrong. The text is copied to memory of its exact size, so that the sanitizer sees
 * an access beyond it. */
static void read_all(const char *text, size_t len, char *buf, size_t size)
{
	const char *name, *value;
	char *copy = malloc(len + 1);
	struct kafka_properties_file f = {.next = copy, .end = copy + len};
	size_t n = 0;
	int got;

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	buf[0] = '\0';
	while ((got = kafka_properties_file_next(&f, &name, &value)) > 0)
		n += (size_t)snprintf(buf + n, size - n, "%d %s=[%s] ", f.begin, name, value);
	if (got < 0)
		snprintf(buf + n, size - n, "%d %s", f.line, f.problem);
	free(copy);
}

static void test_file(void **state UNUSED)
{
	static const struct {
		const char *text, *read;
	} table[] = {
	    {"", ""},
	    {"\n\n  \n", ""},
	    {"acks=all", "1 acks=[all] "},
	    {"a=1\nb=2\r\nc=3\n", "1 a=[1] 2 b=[2] 3 c=[3] "},
	    {"  a = 1  \n", "1 a=[1] "},
	    {"a==1\nb=:2\nc = = 3\n", "1 a=[=1] 2 b=[:2] 3 c=[= 3] "},
	    {"b=\nc =", "1 b=[] 2 c=[] "},
	    {"#a=1\n  # b=2\nc=#3\n", "3 c=[#3] "},
	    {"a=c:\\new\\table\nb=1", "1 a=[c:\\new\\table] 2 b=[1] "},
	    {"a=1\\\nb=2", "1 a=[1\\] 2 b=[2] "},
	    {"sasl.jaas.config=M required \\\n  a=\"1\" \\\n b=2;\nc=3",
	     "1 sasl.jaas.config=[M required     a=\"1\"    b=2;] 4 c=[3] "},
	    {"sasl.jaas.config=M\\", "1 sasl.jaas.config=[M\\] "},
	    {"a=\\u0041\xc3\xa9", "1 a=[\\u0041\xc3\xa9] "},
	    {"a=1\n=2\n", "1 a=[1] 2 has no name before its value"},
	    {"a=1\nb: 2\n", "1 a=[1] 2 is not name=value"},
	    {"!a=1", "1 !a=[1] "},
	};
	static const char wide[] = "a=1\na\0=\0"
				   "1\0";
	char buf[256];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		read_all(table[i].text, strlen(table[i].text), buf, sizeof buf);
		assert_string_equal(buf, table[i].read);
	}
	read_all(wide, sizeof wide - 1, buf, sizeof buf);
	assert_string_equal(buf, "1 a=[1] 2 has a zero byte: a text is expected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_config_syntax),
	    cmocka_unit_test(test_config_met),
	    cmocka_unit_test(test_findings),
	    cmocka_unit_test(test_many_findings),
	    cmocka_unit_test(test_line),
	    cmocka_unit_test(test_meaning),
	    cmocka_unit_test(test_no_token),
	    cmocka_unit_test(test_small_things),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_java),
	    cmocka_unit_test(test_key_formats),
	    cmocka_unit_test(test_timeouts),
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_requests_that_do_not_fit),
	    cmocka_unit_test(test_errors_in_messages),
	    cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("kafka", tests, NULL, NULL);
}
