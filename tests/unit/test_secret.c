/* The scrubber: whatever a value looks like in a text, and wherever the text was cut, nothing useful of it is left. */
#include "cm.h"

#include "scrub.h"
#include "secret.h"
#include "str.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One value for all tests: registered values stay for the life of a process, as in a child. */
static const char value[] = "pr0be/S3cr+t\"w&rd é%=tail";

static void base64(const char *s, size_t n, char *out, bool urlsafe, bool pad)
{
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)s[i] << 16 |
			     (i + 1 < n ? (unsigned)(unsigned char)s[i + 1] << 8 : 0) |
			     (i + 2 < n ? (unsigned)(unsigned char)s[i + 2] : 0);

		for (unsigned k = 0; k < 4; k++) {
			char c = alphabet[v >> (18 - 6 * k) & 63];

			if (i + k > n) {
				if (pad)
					*out++ = '=';
				continue;
			}
			*out++ = !urlsafe ? c : c == '+' ? '-' : c == '/' ? '_' : c;
		}
	}
	*out = '\0';
}

static void percent(const char *s, char *out, bool all, const char *hex)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (!all &&
		    ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			*out++ = (char)c;
		else
			out += snprintf(out, 4, "%%%c%c", hex[c >> 4], hex[c & 15]);
	}
	*out = '\0';
}

/* Nothing of the text between the marks [ and ] is left but the mask. */
static void is_gone(const char *secret)
{
	char text[4096];

	snprintf(text, sizeof text, "before [%s] behind", secret);
	scrub(text);
	assert_string_equal(text, "before [***] behind");
}

static void every_encoding(UNUSED void **state)
{
	char text[512], twice[1600];

	scrub_register(value);
	is_gone(value);
	for (int all = 0; all < 2; all++) {
		percent(value, text, all, "0123456789ABCDEF");
		is_gone(text);
		percent(value, text, all, "0123456789abcdef");
		is_gone(text);
		percent(text, twice, false, "0123456789ABCDEF");
		is_gone(twice);
	}
	is_gone("pr0be/S3cr+t\\\"w&rd é%=tail");                      /* JSON */
	is_gone("pr0be\\/S3cr+t\\\"w&rd \\u00e9%=tail");              /* JSON, all ASCII */
	is_gone("pr0be\\u002FS3cr\\u002Bt\\u0022w\\u0026rd é%=tail"); /* JSON, safe for HTML */
	is_gone("pr0be/S3cr+t&quot;w&amp;rd é%=tail");                /* HTML */
	is_gone("pr0be/S3cr+t&#34;w&amp;rd é%=tail");
	is_gone("pr0be/S3cr+t\\\"w&rd \\xc3\\xa9%=tail");      /* as Redis quotes */
	is_gone("pr0be%2FS3cr%2Bt%22w%26rd+%C3%A9%25%3Dtail"); /* a form of the web */
	is_gone("pr0be\\\\/S3cr+t\\\\\\\"w&rd é%=tail");       /* JSON in JSON */
}

/* All of it in one spelling: every peer has its own. */
static void every_escape(UNUSED void **state)
{
	static const char *const spellings[] = {
	    "&#%u;",     "&#%06u;", "&#%u",    "&#x%x;",    "&#X%X;",         "&#x%05X;",
	    "\\%03o",    "\\x%02x", "\\x{%x}", "\\u%04x",   "\\u%04X",        "\\u{%x}",
	    "\\u{%06X}", "\\U%08x", "%%%02x",  "&#38;#%u;", "%%26%%23%u%%3B", "\\\\u{%x}"};
	static const char ascii[] = "pr0be/S3cr+t\"w&rd%=tail9";
	char text[1024];

	scrub_register(ascii);
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		size_t n = 0;

		for (const char *c = ascii; *c; c++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			n +=
			    (size_t)snprintf(text + n, sizeof text - n, spellings[i], (unsigned)*c);
#pragma GCC diagnostic pop
		}
		is_gone(text);
	}
	scrub_register("clé-\xf0\x9f\x94\x91-de-la-cave");
	is_gone("cl\\u00e9-\\ud83d\\udd11-de-la-cave"); /* JSON, all ASCII */
	is_gone("cl&#233;-&#128273;-de-la-cave");
	is_gone("cl\\303\\251-\\360\\237\\224\\221-de-la-cave"); /* C */
	is_gone("cl\\u{e9}-\\U0001f511-de-la-cave");
}

static void base64_wherever_it_begins(UNUSED void **state)
{
	static const char *const names[] = {"", "a:", "ab:", "abc:", "user:", "user1:"};
	char plain[256], text[512], line[600];

	scrub_register(value);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (int behind = 0; behind < 3; behind++)
			for (int form = 0; form < 4; form++) {
				snprintf(plain, sizeof plain, "%s%s%.*s", names[i], value, behind,
					 "\r\n");
				base64(plain, strlen(plain), text, form & 1, form & 2);
				snprintf(line, sizeof line, "Basic %s, said the peer", text);
				scrub(line);
				assert_string_equal(line, "Basic ***, said the peer");
			}
}

/* Whoever cuts the text, at whatever place: at most three bytes of the value where the cut is to be seen, seven elsewhere. */
static void cut_anywhere(UNUSED void **state)
{
	static const char before[] =
	    "as long as a text is that a library has cut, which is longer than "
	    "what is said in one breath by a person";
	size_t n = strlen(value);
	char text[256], clean[256], wanted[256];

	scrub_register(value);
	for (size_t from = 0; from < n; from++)
		for (size_t k = 1; from + k <= n; k++) {
			snprintf(text, sizeof text, "said [%.*s] and more", (int)k, value + from);
			scrub(text);
			if (k >= 8)
				assert_string_equal(text, "said [***] and more");
		}
	for (size_t k = 4; k <= n; k++) {
		snprintf(text, sizeof text, "%s %.*s", before, (int)k, value);
		snprintf(wanted, sizeof wanted, "%s ***", before);
		scrub(text);
		assert_string_equal(text, wanted);
		snprintf(text, sizeof text, "said %.*s...; status 3", (int)k, value);
		scrub(text);
		assert_string_equal(text, "said ***...; status 3");
		/* As text_clean cuts: by a size. */
		snprintf(text, sizeof text, "said %s", value);
		text_clean(clean, 5 + k + 3 + 1 < sizeof clean ? 5 + k + 4 : sizeof clean, text);
		scrub(clean);
		assert_null(strstr(clean, "pr0b"));
	}
}

/* Half an escape at the cut does not hide what stands before it. */
static void cut_within_an_escape(UNUSED void **state)
{
	char text[128];

	scrub_register("Zx9kQw-17");
	for (size_t k = 0; k < 6; k++) {
		snprintf(text, sizeof text, "said \\u005a\\u0078\\u0039\\u006b\\u0051%.*s...",
			 (int)k, "\\u0077");
		scrub(text);
		assert_null(strstr(text, "\\u005a"));
	}
}

/* A word that a password begins with is no piece of it where nothing was cut. */
static void beginnings_that_are_words(UNUSED void **state)
{
	static const char *const lines[] = {
	    "127.0.0.1: Connection refused",
	    "connection refused, said the peer; refused",
	    "refused",
	    "the port is 54320",
	};
	char text[256];

	scrub_register("refused123");
	scrub_register("54320x5");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(text, sizeof text, "%s", lines[i]);
		scrub(text);
		assert_string_equal(text, lines[i]);
	}
	is_gone("refused123");
	is_gone("refused1");
	snprintf(text, sizeof text, "the password is refused...");
	scrub(text);
	assert_string_equal(text, "the password is ***...");
}

static void short_values(UNUSED void **state)
{
	char text[] = "the word q7Zk, cTdaaw and q7%5Ak; q7Z stays, x1y too; a q7Zkilo";

	scrub_register("q7Zk");
	scrub_register("x1y");
	scrub(text);
	assert_string_equal(text, "the word ***, *** and ***; q7Z stays, x1y too; a ***ilo");
}

/* A short value of the environment is left where it is a part of a word, until a check names it as its secret. */
static void short_values_of_the_environment(UNUSED void **state)
{
	char text[] = "q7Zk and q7Zkilo", again[] = "q7Zk and q7Zkilo";

	secret_forget();
	clearenv();
	setenv("SHOP_PASS", "q7Zk", 1);
	secret_register_environment();
	scrub(text);
	assert_string_equal(text, "*** and q7Zkilo");
	scrub_register("q7Zk");
	scrub(again);
	assert_string_equal(again, "*** and ***ilo");
}

/* A weak password must not take ordinary words out of messages, and is gone all the same. */
static void weak_values(UNUSED void **state)
{
	char text[] = "Invalid username or password for kafka-password-1; password, kafka-passw...";
	char begins[] = "Connection refused to Connection-4711";

	scrub_register("kafka-password-1");
	scrub(text);
	assert_string_equal(text, "Invalid username or password for ***; password, ***...");
	scrub_register("password");
	scrub(text);
	assert_string_equal(text, "Invalid username or *** for ***; ***, ***...");
	scrub_register("Connection-4711");
	scrub(begins);
	assert_string_equal(begins, "Connection refused to ***");
}

static void many_values(UNUSED void **state)
{
	char name[64], text[256];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "value-%d-%08x", i, (unsigned)i * 2654435761u);
		scrub_register(name);
	}
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "value-%d-%08x", i, (unsigned)i * 2654435761u);
		snprintf(text, sizeof text, "[%s]", name);
		scrub(text);
		assert_string_equal(text, "[***]");
	}
}

static void a_large_value(UNUSED void **state)
{
	char *large = xmalloc(SCRUB_VALUE_MAX + 1), text[1024];
	uint64_t seed = 77;

	for (size_t i = 0; i < SCRUB_VALUE_MAX; i++)
		large[i] = alphabet[cm_random(&seed) & 63];
	large[SCRUB_VALUE_MAX] = '\0';
	scrub_register(large);
	for (size_t i = 0; i + 500 < SCRUB_VALUE_MAX; i += 997) {
		snprintf(text, sizeof text, "[%.500s]", large + i);
		scrub(text);
		assert_string_equal(text, "[***]");
	}
	free(large);
}

static void ordinary_words_stay(UNUSED void **state)
{
	static const char *const lines[] = {
	    "connect: 127.0.0.1: Connection refused",
	    "exit status 3, expected 0; last output: permission denied",
	    "certificate is for *.kafka.svc, not kafka-2.kafka",
	    "HTTP status 500; it begins with: {\"error\": \"50% of \\u00e9 \\\"x\\\" &amp; %zz\"}",
	    "",
	    "é",
	};
	char text[256];

	scrub_register(value);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(text, sizeof text, "%s", lines[i]);
		scrub(text);
		assert_string_equal(text, lines[i]);
	}
}

/* Never longer, always ended, valid UTF-8 if it was. */
static void random_texts(UNUSED void **state)
{
	static const char *const pieces[] = {value,   "pr0be/S3",    "é",          "%",
					     "\\u00", "\\",          "&amp",       "...",
					     "=",     "cHIwYmUvUzN", "t\"w&rd é%", "%2"};
	char text[2048], before[2048], clean[2048];
	uint64_t seed = 4711;

	scrub_register(value);
	for (int round = 0; round < 20000; round++) {
		size_t n = 0;

		for (unsigned k = (unsigned)(cm_random(&seed) % 12); k > 0; k--)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s",
					      pieces[cm_random(&seed) % ARRAY_LEN(pieces)]);
		text[n] = '\0';
		snprintf(before, sizeof before, "%s", text);
		scrub(text);
		assert_true(strlen(text) <= strlen(before));
		assert_null(strstr(text, "S3cr+t\"w"));
		text_clean(clean, sizeof clean, text);
		assert_true(strstr(before, "?") || !strstr(clean, "?"));
	}
}

static void references(UNUSED void **state)
{
	assert_int_equal(secret_from_text("env:A").kind, SECRET_ENV);
	assert_int_equal(secret_from_text("file:/a").kind, SECRET_FILE);
	assert_int_equal(secret_from_text("hunter2").kind, SECRET_LITERAL);
}

static void the_environment(UNUSED void **state)
{
	char text[] = "out: env-s3cret-1 and plain-value-2";

	setenv("SOME_PASSWORD", "env-s3cret-1", 1);
	setenv("SOME_SETTING", "plain-value-2", 1);
	secret_register_environment();
	scrub(text);
	assert_string_equal(text, "out: *** and plain-value-2");
}

/* Puts the secret in the place of each "@@". */
static void fill_in(char *out, size_t size, const char *form, const char *secret)
{
	size_t n = 0;

	for (; *form; form++) {
		bool here = str_starts(form, "@@");

		n += (size_t)snprintf(out + n, size - n, "%.*s", here ? (int)strlen(secret) : 1,
				      here ? secret : form);
		form += here;
	}
}

static const struct {
	const char *name, *form;
} of_services[] = {
    {"DATABASE_URL", "postgres://app:@@@db:5432/app"},
    {"REDIS_URL", "redis://:@@@cache:6379/0"},
    {"MONGODB_URI", "mongodb://app:@@@mongo-1:27017,mongo-2:27017/app?replicaSet=rs0"},
    {"AMQP_URL", "amqp://app:@@@rabbit:5672/vhost"},
    {"RABBITMQ_URL", "amqps://app:@@@rabbit"},
    {"SENTRY_DSN", "https://@@@o1.ingest.sentry.io/2"},
    {"CELERY_BROKER_URL", "redis://default:@@@cache:6379/1"},
    {"CLICKHOUSE_URL", "clickhouse://u:@@@ch:9000/db"},
    {"ELASTICSEARCH_HOSTS", "https://elastic:@@@es-1:9200,https://elastic:@@@es-2:9200"},
    {"HTTP_PROXY", "http://user:@@@proxy:3128"},
    {"HTTPS_PROXY", "http://user:@@@proxy:3128"},
    {"ALL_PROXY", "socks5://user:@@@proxy:1080"},
    {"PIP_INDEX_URL", "https://__token__:@@@pypi.example/simple"},
    {"GOPROXY", "https://user:@@@proxy.example,direct"},
    {"SMTP_URL", "smtp://mail:@@@smtp:587"},
    {"LDAP_URI", "ldaps://cn:@@@ldap"},
    {"NATS_URL", "nats://@@@nats:4222"},
    {"SPRING_DATASOURCE_URL", "jdbc:postgresql://db/app?user=app&password=@@&ssl=true"},
    {"MYSQL_DSN", "app:@@@tcp(db:3306)/app?parseTime=true"},
    {"PG_CONNECTION", "host=db user=app password=@@ dbname=app"},
    {"SQLSERVER_CONNECTION", "Server=tcp:db,1433;User ID=app;Password=@@;Encrypt=True"},
    {"ODBC_CONNECTION", "DSN=db;UID=app;PWD=@@"},
    {"AZURE_STORAGE_CONNECTION_STRING",
     "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=@@;EndpointSuffix=core.windows.net"},
    {"SERVICEBUS_CONNECTION", "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=@@"},
    {"KAFKA_OPTS", "org.apache.kafka.common.security.plain.PlainLoginModule required "
		   "username=\"app\" password=\"@@\";"},
    {"SLACK_WEBHOOK_URL", "https://hooks.slack.example/services/@@"},
    {"MYSQL_PWD", "@@"},
    {"PGPASSWORD", "@@"},
    {"DB_PASS", "@@"},
    {"DB_PASS2", "@@"},
    {"SMTP_PW", "@@"},
    {"REDIS_PASS", "@@"},
    {"RABBITMQ_DEFAULT_PASS", "@@"},
    {"POSTGRES_PASSWORD", "@@"},
    {"SSH_PASSPHRASE", "@@"},
    {"SUDO_PASSCODE", "@@"},
    {"PRIVATE_KEY", "@@"},
    {"SIGNING_KEY", "@@"},
    {"ENCRYPTION_KEY", "@@"},
    {"APP_KEY", "@@"},
    {"STRIPE_API_KEY", "@@"},
    {"AWS_SECRET_ACCESS_KEY", "@@"},
    {"DATADOG_APP_KEY", "@@"},
    {"FERNET_KEY", "@@"},
    {"FERNET_KEYS", "@@"},
    {"SECRET_KEY_BASE", "@@"},
    {"RAILS_MASTER_KEY", "@@"},
    {"GITHUB_PAT", "@@"},
    {"GITLAB_TOKEN", "@@"},
    {"NPM_AUTH", "@@"},
    {"REGISTRY_AUTH", "@@"},
    {"BASIC_AUTH", "@@"},
    {"REGISTRY_CREDS", "@@"},
    {"VAULT_TOKEN", "@@"},
    {"JWT_SECRET", "@@"},
    {"SESSION_JWT", "@@"},
    {"COOKIE_SIGNING_KEY", "@@"},
};

static void is_gone_as(const char *name, const char *set, const char *spelt)
{
	char text[600];

	snprintf(text, sizeof text, "it says %s", spelt);
	scrub(text);
	if (!str_eq(text, "it says ***"))
		fail_msg("%s=%s: \"%s\"", name, set, text);
}

/* Names that services use, and how the secret stands in their values. */
static void what_the_environment_of_a_service_holds(UNUSED void **state)
{
	static const char *const secrets[] = {"Tr0ub4dor&3x", "p%40ss%2Fw0rd9", "Zx/9@qW8+7bv=="};

	for (size_t i = 0; i < ARRAY_LEN(of_services); i++)
		for (size_t k = 0; k < ARRAY_LEN(secrets); k++) {
			const char *name = of_services[i].name, *form = of_services[i].form;
			char set[512];

			/* Percent-encoded in a URL only; and not as it is where it holds what ends it: a token with a slash looks
			 * like a host with a path. */
			if ((k == 0 && strchr(form, '&')) || (k == 1 && !strstr(form, "://")) ||
			    (k == 2 && strstr(form, "nats://")))
				continue;
			fill_in(set, sizeof set, form, secrets[k]);
			secret_forget();
			clearenv();
			setenv(name, set, 1);
			secret_register_environment();
			is_gone_as(name, set, secrets[k]);
			if (k == 1 && !secret_sensitive_variable(name))
				is_gone_as(name, set, "p@ss/w0rd9");
		}
}

/* The host and the database of a DSN are names that paths and messages hold as well. */
static void what_a_dsn_names(UNUSED void **state)
{
	char text[] =
	    "/app/shop_orders/db.py: shop_user:Tr0ub4dor at shop_db:5432 failed with Tr0ub4dor";

	secret_forget();
	clearenv();
	setenv("SHOP_DSN", "postgresql://shop_user:Tr0ub4dor@shop_db:5432/shop_orders", 1);
	secret_register_environment();
	scrub(text);
	assert_string_equal(text, "/app/shop_orders/db.py: *** at shop_db:5432 failed with ***");
}

static void what_it_holds_beside_secrets(UNUSED void **state)
{
	static const char *const names[] = {
	    "PWD",
	    "OLDPWD",
	    "PATH",
	    "PATIENT",
	    "BYPASS",
	    "COMPASS_X",
	    "PUBLIC_KEY",
	    "ROUTING_KEY",
	    "PARTITION_KEY",
	    "DB_PASS_FILE",
	    "KEYBOARD",
	    "AUTHOR",
	    "MONKEY_COUNT",
	    "AWS_ACCESS_KEY_ID",
	    "JWT_PUBLIC_KEY_PATH",
	    "SSH_AUTH_SOCK",
	    "PASSWORD_FILE",
	    "DATABASE_URL",
	    "HOSTNAME",
	    "",
	};
	static const char *const values[] = {"postgres://db.example:5432/orders?sslmode=require",
					     "a=b;c=d-orders", "http://h.example/a?b=c-orders",
					     "orders"};
	char text[] = "db.example orders c-orders sslmode=require";

	secret_forget();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (size_t k = 0; k < ARRAY_LEN(values); k++)
			secret_register_variable(names[i], values[k]);
	scrub(text);
	assert_string_equal(text, "db.example orders c-orders sslmode=require");
}

/* Plain values of the profile stay in messages, also where a password contains them. */
static void plain_values_stay(UNUSED void **state)
{
	char text[] =
	    "group learner-online may not read topic learner-online.events (learner-online-Xy7kQ2)";
	char half[] = "with -online-Xy7kQ";

	secret_forget();
	scrub_exempt("learner-online");
	scrub_exempt(NULL);
	scrub_register("learner-online-Xy7kQ2");
	scrub(text);
	assert_string_equal(text,
			    "group learner-online may not read topic learner-online.events (***)");
	scrub(half);
	assert_null(strstr(half, "Xy7k"));
}

/* Of a JAAS line the options are secret, not the words of the class, which stand in names of properties. */
static void a_jaas_line(UNUSED void **state)
{
	static const char line[] =
	    "org.apache.kafka.common.security.scram.ScramLoginModule required "
	    "username=\"orders-app\" "
	    "password=\"pass-\\\"wo rd\" extra='single-7' bare=naked-77; debug=true;";
	static const char plain[] = "security.protocol true orders-app required";
	char text[] = "pass-\"wo rd, single-7, naked-77";
	char same[sizeof plain];

	secret_forget();
	secret_register_jaas(line);
	scrub(text);
	assert_string_equal(text, "***, ***, ***");
	memcpy(same, plain, sizeof plain);
	scrub(same);
	assert_string_equal(same, plain);
	secret_forget();
	secret_register_variable("SASL_JAAS_CONFIG", line);
	is_gone("single-7");
	memcpy(same, plain, sizeof plain);
	scrub(same);
	assert_string_equal(same, plain);
	secret_forget();
	secret_register_jaas("not-such-a-line=but-a-password");
	is_gone("not-such-a-line=but-a-password");
	secret_forget();
	secret_register_jaas("M required password=\"no-end-of-it");
	is_gone("no-end-of-it");
	secret_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ordinary_words_stay),
	    cmocka_unit_test(every_encoding),
	    cmocka_unit_test(every_escape),
	    cmocka_unit_test(cut_within_an_escape),
	    cmocka_unit_test(beginnings_that_are_words),
	    cmocka_unit_test(base64_wherever_it_begins),
	    cmocka_unit_test(cut_anywhere),
	    cmocka_unit_test(short_values),
	    cmocka_unit_test(random_texts),
	    cmocka_unit_test(references),
	    cmocka_unit_test(the_environment),
	    cmocka_unit_test(what_the_environment_of_a_service_holds),
	    cmocka_unit_test(what_a_dsn_names),
	    cmocka_unit_test(short_values_of_the_environment),
	    cmocka_unit_test(what_it_holds_beside_secrets),
	    cmocka_unit_test(weak_values),
	    cmocka_unit_test(many_values),
	    cmocka_unit_test(a_large_value),
	    cmocka_unit_test(plain_values_stay),
	    cmocka_unit_test(a_jaas_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
