/* redis: what error replies mean and whether waiting can help, redirections, and URLs of platforms, as tables. */
#include "cm.h"
#include "redis_error.h"
#include "redis_url.h"

#define FINAL false
#define RETRIED true

/* Every first word of an error in the sources of Redis 7.0 (server, sentinel, cluster, modules) and Valkey 8, with the text that
 * follows it there. Words that this kind cannot meet are redis-error, which is retried. */
static const struct {
	const char *text;
	enum diag_code code;
	bool retried;
} replies[] = {
    {"ASK 3999 127.0.0.1:6381", D_REDIS_CLUSTER_DOWN, RETRIED},
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL", D_REDIS_BUSY, RETRIED},
    {"BUSYGROUP Consumer Group name already exists", D_REDIS_ERROR, RETRIED},
    {"BUSYKEY Target key name already exists.", D_REDIS_ERROR, RETRIED},
    {"CLUSTERDOWN Hash slot not served", D_REDIS_CLUSTER_DOWN, RETRIED},
    {"CROSSSLOT Keys in request don't hash to the same slot", D_REDIS_COMMAND, FINAL},
    {"DENIED Redis is running in protected mode because", D_REDIS_PROTECTED_MODE, FINAL},
    {"EXECABORT Transaction discarded because of previous errors.", D_REDIS_ERROR, RETRIED},
    {"IDONTKNOW I have not enough information to reply.", D_REDIS_SENTINEL_NO_MASTER, RETRIED},
    {"INPROG Failover already in progress", D_REDIS_ERROR, RETRIED},
    {"INVALIDOBJ Corrupted HLL object detected", D_REDIS_ERROR, RETRIED},
    {"IOERR error or timeout connecting to the client", D_REDIS_ERROR, RETRIED},
    {"LOADING Redis is loading the dataset in memory", D_REDIS_LOADING, RETRIED},
    {"LOADING Dragonfly is loading the dataset in memory", D_REDIS_LOADING, RETRIED},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
     D_REDIS_MASTER_DOWN, RETRIED},
    {"MISCONF Redis is configured to save RDB snapshots, but", D_REDIS_MISCONF, RETRIED},
    {"MOVED 3999 127.0.0.1:6381", D_REDIS_CLUSTER_DOWN, RETRIED},
    {"NOAUTH Authentication required.", D_AUTH_REQUIRED, FINAL},
    {"NOGOODSLAVE No suitable replica to promote", D_REDIS_ERROR, RETRIED},
    {"NOGROUP No such key 'k' or consumer group 'g'", D_REDIS_ERROR, RETRIED},
    {"NOMASTERLINK Can't SYNC while not connected with my master", D_REDIS_MASTER_DOWN, RETRIED},
    {"NOPERM this user has no permissions to run the 'get' command", D_AUTH_FORBIDDEN, FINAL},
    {"NOPERM User app has no permissions to access the 'k' key", D_AUTH_FORBIDDEN, FINAL},
    {"NOPROTO unsupported protocol version", D_REDIS_COMMAND, FINAL},
    {"NOQUORUM 1 usable Sentinels. Not enough available Sentinels", D_REDIS_ERROR, RETRIED},
    {"NOREPLICAS Not enough good replicas to write.", D_REDIS_REPLICAS, RETRIED},
    {"NOSCRIPT No matching script. Please use EVAL.", D_REDIS_ERROR, RETRIED},
    {"NOTBUSY No scripts in execution right now.", D_REDIS_ERROR, RETRIED},
    {"OOM command not allowed when used memory > 'maxmemory'.", D_REDIS_OUT_OF_MEMORY, RETRIED},
    {"READONLY You can't write against a read only replica.", D_REDIS_READONLY, RETRIED},
    {"REDIRECT 127.0.0.1:6380", D_REDIS_ERROR, RETRIED},
    {"TRYAGAIN Multiple keys request during rehashing of slot", D_REDIS_CLUSTER_DOWN, RETRIED},
    {"UNBLOCKED client unblocked via CLIENT UNBLOCK", D_REDIS_ERROR, RETRIED},
    {"UNKILLABLE Sorry the script already executed write commands", D_REDIS_BUSY, RETRIED},
    {"WRONGPASS invalid username-password pair or user is disabled.", D_AUTH_FAILED, FINAL},
    {"WRONGTYPE Operation against a key holding the wrong kind of value", D_REDIS_ERROR, RETRIED},
    /* ERR: the words decide. */
    {"ERR max number of clients reached", D_REDIS_MAX_CLIENTS, RETRIED},
    {"ERR max number of clients + cluster connections reached", D_REDIS_MAX_CLIENTS, RETRIED},
    {"ERR max concurrent connections exceeded", D_REDIS_MAX_CLIENTS, RETRIED},
    {"ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.", D_REDIS_ERROR, RETRIED},
    {"ERR No such master with that name", D_REDIS_SENTINEL_NO_MASTER, RETRIED},
    {"ERR This instance has cluster support disabled", D_REDIS_NO_CLUSTER, FINAL},
    {"ERR Cluster is disabled. Use --cluster_mode=yes to enable.", D_REDIS_NO_CLUSTER, FINAL},
    {"ERR Cluster mode is not enabled", D_REDIS_NO_CLUSTER, FINAL},
    {"ERR invalid password", D_AUTH_FAILED, FINAL},
    {"ERR wrong number of arguments for 'auth' command", D_AUTH_FAILED, FINAL},
    {"ERR Client sent AUTH, but no password is set", D_AUTH_FAILED, FINAL},
    {"ERR AUTH <password> called without any password configured for the default user.",
     D_AUTH_FAILED, FINAL},
    {"ERR operation not permitted", D_AUTH_REQUIRED, FINAL},
    {"ERR DB index is out of range", D_REDIS_DATABASE, FINAL},
    {"ERR invalid DB index", D_REDIS_DATABASE, FINAL},
    {"ERR SELECT is not allowed in cluster mode", D_REDIS_DATABASE, FINAL},
    {"ERR Only 0th database is supported! Selected DB: 1.", D_REDIS_DATABASE, FINAL},
    {"ERR unknown command 'ROLE', with args beginning with: ", D_REDIS_COMMAND, FINAL},
    {"ERR unknown subcommand 'DRYRUN'. Try ACL HELP.", D_REDIS_COMMAND, FINAL},
    {"ERR Unknown subcommand or wrong number of arguments for 'DRYRUN'", D_REDIS_COMMAND, FINAL},
    {"ERR Command 'x' not found", D_REDIS_COMMAND, FINAL},
    {"ERR syntax error", D_REDIS_COMMAND, FINAL},
    {"ERR wrong number of arguments for 'info' command", D_REDIS_COMMAND, FINAL},
    {"ERR unsupported command", D_REDIS_COMMAND, FINAL},
    {"ERR command not support", D_REDIS_COMMAND, FINAL},
    {"invalid request", D_REDIS_COMMAND, FINAL},
    {"ERR command 'PING' not support for your account", D_AUTH_FORBIDDEN, FINAL},
    {"ERR This command is not allowed", D_AUTH_FORBIDDEN, FINAL},
    {"ERR permission deny", D_AUTH_FORBIDDEN, FINAL},
    {"ERR illegal address", D_AUTH_FORBIDDEN, FINAL},
    /* Proxies whose server behind is away. */
    {"ERR Connection refused", D_REDIS_ERROR, RETRIED},
    {"ERR Connection timed out", D_REDIS_ERROR, RETRIED},
    {"no upstream host", D_REDIS_ERROR, RETRIED},
    {"upstream failure", D_REDIS_ERROR, RETRIED},
    /* Not at the beginning, and not as a word of its own. */
    {"ERR LOADING is what I say, BUSY, OOM", D_REDIS_ERROR, RETRIED},
    {"LOADINGS", D_REDIS_ERROR, RETRIED},
    {"", D_REDIS_ERROR, RETRIED},
};

static void test_replies(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		enum diag_code code = redis_error_code(replies[i].text);

		if (code != replies[i].code || diag_info(code)->retryable != replies[i].retried)
			fail_msg("%s: %s, %s", replies[i].text, diag_info(code)->code,
				 diag_info(code)->retryable ? "retried" : "final");
	}
}

static void test_redirects(void **state UNUSED)
{
	static const struct {
		const char *text, *host;
		int port;
		bool is_ask;
	} good[] = {
	    {"MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381, false},
	    {"ASK 3999 node-1.cache:6381", "node-1.cache", 6381, true},
	    {"MOVED 3999 fd00::7:6381", "fd00::7", 6381, false},
	    {"MOVED 3999 :6381", "", 6381, false},
	    {"MOVED 3999 ?:6381", "", 6381, false},
	};
	static const char *const bad[] = {"MOVED",
					  "MOVED 3999",
					  "MOVED 3999 host",
					  "MOVED 3999 host:",
					  "MOVED 3999 host:0",
					  "MOVED 3999 host:65536",
					  "MOVED 3999 h:1x",
					  "ASKING 1 h:1",
					  "ERR MOVED 1 h:1",
					  ""};
	struct redis_redirect to;
	char text[400];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(redis_error_redirect(good[i].text, &to));
		assert_string_equal(to.host, good[i].host);
		assert_int_equal(to.port, good[i].port);
		assert_int_equal(to.is_ask, good[i].is_ask);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(redis_error_redirect(bad[i], &to));
	snprintf(text, sizeof text, "MOVED 1 %0300d:1", 0);
	assert_false(redis_error_redirect(text, &to));
}

struct reading {
	struct arena arena;
	struct redis_url url;
	const char *problem;
};

static struct reading read_text(const char *text)
{
	struct reading r = {.problem = NULL};
	struct url url;

	assert_null(url_split(&url, &r.arena, text));
	assert_true(url_scheme_in(&url, redis_url_schemes));
	r.problem = redis_url_read(&url, &r.arena, &r.url);
	return r;
}

static void test_urls_of_several_hosts(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum redis_url_kind kind;
		const char *hosts, *master;
	} rows[] = {
	    {"redis+sentinel://a:1,b,[::1],[fe80::1%25lo]:2/m%2Fx", REDIS_URL_SENTINELS,
	     "a:1 b:26379 [::1]:26379 [fe80::1%25lo]:2", "m/x"},
	    {"redis-sentinel://u:p@a/0?sentinelServiceName=m", REDIS_URL_SENTINELS, "a:26379", "m"},
	    {"redis://a:1,b:2?sentinel_master=m", REDIS_URL_SENTINELS, "a:1 b:2", "m"},
	    {"redis+cluster://a,b:7000", REDIS_URL_CLUSTER, "a:6379 b:7000", NULL},
	    {"redis-cluster://[::1]:7000", REDIS_URL_CLUSTER, "[::1]:7000", NULL},
	    {"redis://a,b?redis_cluster=1", REDIS_URL_CLUSTER, "a:6379 b:6379", NULL},
	    {"redis://a:1", REDIS_URL_SERVER, "", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reading r = read_text(rows[i].text);
		struct str hosts;

		str_init(&hosts, 1000);
		for (size_t h = 0; h < r.url.hosts.n; h++)
			str_addf(&hosts, "%s%s", h ? " " : "", r.url.hosts.v[h]);
		if (r.problem || r.url.kind != rows[i].kind || !str_eq(hosts.s, rows[i].hosts))
			fail_msg("%s: %s, %s", rows[i].text, r.problem, hosts.s);
		if (rows[i].master)
			assert_string_equal(r.url.master_name, rows[i].master);
		str_free(&hosts);
		arena_free(&r.arena);
	}
}

static void test_urls(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t database;
		bool tls, any_certificate;
		const char *socket, *passed_over;
	} good[] = {
	    {"redis://cache", INT_UNSET, false, false, NULL, ""},
	    {"redis://cache/", INT_UNSET, false, false, NULL, ""},
	    {"redis://cache/0/", 0, false, false, NULL, ""},
	    {"redis://cache?db=1", 1, false, false, NULL, ""},
	    {"redis://cache/1?db=1&", 1, false, false, NULL, ""},
	    {"redis://cache?defaultDatabase=3;ssl=False", 3, false, false, NULL, ""},
	    {"valkey://cache:6379", INT_UNSET, false, false, NULL, ""},
	    {"valkeys://cache:6379", INT_UNSET, true, false, NULL, ""},
	    {"redis+tls://cache", INT_UNSET, true, false, NULL, ""},
	    {"redis://cache?ssl=true", INT_UNSET, true, false, NULL, ""},
	    {"rediss://cache?ssl_cert_reqs=required", INT_UNSET, true, false, NULL, ""},
	    {"rediss://cache?ssl_cert_reqs=CERT_NONE", INT_UNSET, true, true, NULL, ""},
	    {"rediss://cache?skip_verify=true", INT_UNSET, true, true, NULL, ""},
	    {"redis://cache?protocol=3&x", INT_UNSET, false, false, NULL, "protocol,x"},
	    {"unix:///run/r.sock", INT_UNSET, false, false, "/run/r.sock", ""},
	    {"redis+socket:///run/r.sock?virtual_host=2", 2, false, false, "/run/r.sock", ""},
	    {"redis-socket:///run/a%20b", INT_UNSET, false, false, "/run/a b", ""},
	    {"redis+sentinel://a/m/3", 3, false, false, NULL, ""},
	    {"rediss-sentinel://a,b:1/2?sentinelMasterId=m", 2, true, false, NULL, ""},
	    {"rediss+cluster://a,b", INT_UNSET, true, false, NULL, ""},
	};
	static const char *const bad[] = {"redis://cache/x",
					  "redis://cache//1",
					  "redis://cache/1/2",
					  "redis://cache/65536",
					  "redis://cache?db=",
					  "redis://cache?db",
					  "redis://cache?db=-1",
					  "redis://cache/1?db=2",
					  "redis://cache?db=%zz",
					  "rediss://cache?ssl_cert_reqs=",
					  "redis://user@cache",
					  "unix://run/r.sock",
					  "unix:///run/%00",
					  "redis://a:1,b:2/0",
					  "redis+sentinel://a",
					  "redis+sentinel://a/0",
					  "redis-sentinel://a/m/x",
					  "redis-sentinel://a,:1/m",
					  "redis+cluster://a:x,b/0",
					  "redis+cluster://a?master_name=m",
					  "redis+sentinel://a/m?redis_cluster=1",
					  "redis+socket:///run/r?master_name=m",
					  "redis://a?sentinel_master="};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct reading r = read_text(good[i].text);

		if (r.problem)
			fail_msg("%s %s", good[i].text, r.problem);
		assert_int_equal(r.url.database, good[i].database);
		assert_int_equal(r.url.tls, good[i].tls);
		assert_int_equal(r.url.any_certificate, good[i].any_certificate);
		assert_string_equal(r.url.passed_over, good[i].passed_over);
		assert_string_equal(r.url.socket ? r.url.socket : "-",
				    good[i].socket ? good[i].socket : "-");
		arena_free(&r.arena);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct reading r = read_text(bad[i]);

		if (!r.problem)
			fail_msg("%s passes", bad[i]);
		arena_free(&r.arena);
	}
}

static void test_values_in_urls(void **state UNUSED)
{
	struct reading r =
	    read_text("rediss://cache?ssl_ca_certs=/a%2Fb&ssl_ca_path=/c&ssl_certfile=/d"
		      "&ssl_keyfile=/e&user=app&password=p%26w");

	assert_null(r.problem);
	assert_string_equal(r.url.ca_file, "/a/b");
	assert_string_equal(r.url.ca_path, "/c");
	assert_string_equal(r.url.cert_file, "/d");
	assert_string_equal(r.url.key_file, "/e");
	assert_string_equal(r.url.username, "app");
	assert_string_equal(r.url.password, "p&w");
	arena_free(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replies),        cmocka_unit_test(test_redirects),
	    cmocka_unit_test(test_urls),           cmocka_unit_test(test_urls_of_several_hosts),
	    cmocka_unit_test(test_values_in_urls),
	};

	return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
