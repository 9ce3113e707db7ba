/* The kind redis against a peer that says anything: every reply of an attempt comes from the input. */
#include "fuzz.h"
#include "profile.h"
#include "redis_error.h"
#include "redis_url.h"
#include "resp.h"

static const struct profile_check *checks[5];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const all[] = {"url=redis://peer:6379/1",
					  "role=master",
					  "min_version=6.2",
					  "min_replicas=1",
					  "maxmemory_policy=noeviction",
					  "cluster=true",
					  "can=GET a",
					  "keys=({ name = \"k\"; type = \"hash\"; })",
					  "write_probe=x:",
					  NULL};
	static const char *const few[] = {"url=redis://peer:6379", "password=env:FUZZ_PASSWORD",
					  NULL};
	static const char *const sentinel[] = {"sentinels=s0:26379,s1:26379", "master_name=m",
					       NULL};
	static const char *const seeds[] = {"seeds=n0:6379,n1:6379", "keys=a,b", "can=GET a",
					    "role=any", NULL};
	static const char *const replica[] = {"url=unix:///run/redis.sock", "role=replica", NULL};

	(void)argc;
	(void)argv;
	setenv("FUZZ_PASSWORD", FUZZ_MARKER, 1);
	checks[0] = fuzz_check("redis", all);
	checks[1] = fuzz_check("redis", few);
	checks[2] = fuzz_check("redis", sentinel);
	checks[3] = fuzz_check("redis", replica);
	checks[4] = fuzz_check("redis", seeds);
	return 0;
}

/* The text of INFO by itself: a value lies on the line of its name. */
static void info(const char *text)
{
	struct resp_value value;

	if (resp_info(text, "role", &value))
		FUZZ_CHECK(strstr(text, "role:") && !strpbrk(value.text, "\r\n"));
}

/* The text of an error: a redirection names a port, and is never final. */
static void error_text(const char *text)
{
	struct redis_redirect to;
	enum diag_code code = redis_error_code(text);

	FUZZ_CHECK(code > D_NONE && code < D__COUNT);
	if (!redis_error_redirect(text, &to))
		return;
	FUZZ_CHECK(to.port >= 1 && to.port <= 65535 && strlen(to.host) < sizeof to.host);
	FUZZ_CHECK(code == D_REDIS_CLUSTER_DOWN);
}

static void parameters(const char *text)
{
	struct arena arena = {0};
	struct redis_url parts;
	struct url url;
	char host[300];
	int port;

	if (!url_split(&url, &arena, text) && !redis_url_read(&url, &arena, &parts)) {
		FUZZ_CHECK(parts.database == INT_UNSET ||
			   (parts.database >= 0 && parts.database <= 65535));
		FUZZ_CHECK(strlen(parts.passed_over) < sizeof parts.passed_over);
		FUZZ_CHECK((parts.kind != REDIS_URL_SERVER) == (parts.hosts.n > 0));
		FUZZ_CHECK(parts.kind != REDIS_URL_SENTINELS || *parts.master_name);
		for (size_t i = 0; i < parts.hosts.n; i++)
			FUZZ_CHECK(!hostport_split(parts.hosts.v[i], host, sizeof host, &port) &&
				   port);
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in);
	struct diag d;
	char *text;

	secret_forget();
	fuzz_pool_reset();
	fuzz_peer_says(in.p, fuzz_left(&in), 0x1e);
	fuzz_attempt(checks[which % ARRAY_LEN(checks)], which % ARRAY_LEN(checks) == 1, &d);
	text = fuzz_rest(&in, NULL);
	info(text);
	error_text(text);
	parameters(text);
	free(text);
	return 0;
}
