/* Kafka's foreign texts: log lines of librdkafka, in which brokers' own words stand; the service's properties file; a
 * listener that answers the probe with anything. */
#include "fuzz.h"
#include "kafka_log.h"
#include "kafka_probe.h"
#include "kafka_address.h"
#include "kafka_client_prop.h"
#include "kafka_java.h"
#include "key_file.h"
#include "profile.h"

/* ---- log lines ---------------------------------------------------------------------------------------------------- */
static void line(const char *text)
{
	struct kafka_context context = {.scram = true, .library = 0x020000ff};
	struct kafka_line l;
	struct kafka_meaning m;
	char bytes[5];

	kafka_line_parse(&l, text);
	FUZZ_CHECK(fuzz_is_clean(l.address, strlen(l.address)));
	FUZZ_CHECK(fuzz_is_clean(l.message, strlen(l.message)));
	FUZZ_CHECK(strlen(l.message) <= strlen(text) && strlen(l.address) < sizeof l.address);
	FUZZ_CHECK(l.broker >= KAFKA_BOOTSTRAP);
	m = kafka_log_meaning(l.message, &context);
	FUZZ_CHECK(m.code >= D_NONE && m.code < D__COUNT);
	FUZZ_CHECK(!m.guess || m.code != D_NONE);
	FUZZ_CHECK(m.code == D_NONE || diag_info(m.code)->result == RESULT_FAIL);
	FUZZ_CHECK(kafka_new_meaning(l.message) != D_NONE);
	if (kafka_foreign_bytes(l.message, bytes))
		FUZZ_CHECK(bytes[4] == '\0' && strstr(l.message, "Invalid response size"));
}

static void log_line(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *text = fuzz_rest(&in, NULL), address[40];
	int32_t broker;

	line(text);
	kafka_broker_name(text, address, sizeof address, &broker);
	FUZZ_CHECK(fuzz_is_clean(address, strlen(address)) && broker >= KAFKA_BOOTSTRAP);
	kafka_java_property("sasl.jaas.config", text);
	kafka_java_property(text, text);
	kafka_mechanism_hint(text);
	key_file_format(data, size);
	secret_register_jaas(text);
	free(text);
}

/* ---- properties --------------------------------------------------------------------------------------------------- */
static const uint8_t *bytes;
static size_t n_bytes;

char *__wrap_file_read(const char *path, size_t max, size_t *len);
char *__wrap_file_read(const char *path, size_t max, size_t *len)
{
	struct fuzz_in in = fuzz_open(bytes, n_bytes);

	FUZZ_CHECK(str_eq(path, "client.properties") && max == KAFKA_PROPS_FILE_MAX);
	return fuzz_rest(&in, len);
}

static void addresses(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *text = fuzz_rest(&in, NULL), host[256];
	int port;

	if (!kafka_address_problem(text)) {
		kafka_address_split(text, host, sizeof host, &port);
		FUZZ_CHECK(*host && port > 0 && port <= 65535);
		FUZZ_CHECK(strstr(text, host));
	}
	free(text);
}

static void properties(const uint8_t *data, size_t size)
{
	static const struct strlist none = {0, NULL};
	struct fuzz_in in = fuzz_open(data, size);
	bool apply = fuzz_byte(&in) & 1;
	struct pair one = {.name = "client.id", .value = "fuzz"};
	struct pairlist list = {1, &one};
	struct kafka_client_conf conf = {.bootstrap_servers = &none,
					 .properties = &list,
					 .properties_file = "client.properties"};
	struct kafka_client_props *props = xcalloc(1, sizeof *props);
	struct diag d = {.code = D_NONE};
	rd_kafka_conf_t *rk_conf;

	bytes = in.p;
	n_bytes = fuzz_left(&in) < KAFKA_PROPS_FILE_MAX ? fuzz_left(&in) : KAFKA_PROPS_FILE_MAX;
	addresses(bytes, n_bytes);
	if (kafka_client_props_load(&conf, props, &d) != RESULT_PASS) {
		fuzz_check_diag(&d);
	} else {
		FUZZ_CHECK(props->n >= 1 && props->n <= KAFKA_CLIENT_PROPS_MAX && props->mechanism);
		FUZZ_CHECK(str_eq(kafka_client_props_get(props, "client.id"), "fuzz"));
		for (size_t i = 0; i < props->n; i++)
			FUZZ_CHECK(*props->v[i].name && !strpbrk(props->v[i].name, "=\n"));
		if (apply) {
			rk_conf = rd_kafka_conf_new();
			if (kafka_client_props_apply(props, rk_conf, &d) != RESULT_PASS)
				fuzz_check_diag(&d);
			rd_kafka_conf_destroy(rk_conf);
		}
	}
}

/* ---- the probe ---------------------------------------------------------------------------------------------------- */
static struct kafka_probe probe;

/* A kind of our own: the probe as an attempt. */
static enum result run_probe(const struct check_run *run, struct diag *out)
{
	(void)out;
	kafka_probe(run, "peer:9092", "", DURATION_S(1), NULL, &probe);
	return RESULT_PASS;
}

static void listener(const uint8_t *data, size_t size)
{
	static const struct check_kind kind = {.name = "probe", .run = run_probe};
	struct profile_check check = {.id = "probe.x", .name = "x", .kind = &kind};
	struct diag d;

	fuzz_peer_says(data, size, 0x1e);
	fuzz_attempt(&check, false, &d);
	FUZZ_CHECK(probe.listener <= LISTENER_OTHER);
	FUZZ_CHECK(memchr(probe.text, '\0', sizeof probe.text));
	FUZZ_CHECK(fuzz_is_clean(probe.text, strlen(probe.text)));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* reading the system's store takes longer than all the rest */
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	setenv("SSL_CERT_DIR", "/dev/null", 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned what = size > 0 ? data[0] : 0;

	if (what == 'l')
		log_line(data + 1, size - 1);
	else if (what == 'p')
		properties(data + 1, size - 1);
	else if (what == 'a')
		listener(data + 1, size - 1);
	secret_forget();
	fuzz_pool_reset();
	return 0;
}
