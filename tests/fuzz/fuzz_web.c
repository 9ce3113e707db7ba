/* The kinds on HTTP against a server that says anything, with the real libcurl in between. */
#include "fuzz.h"
#include "profile.h"

static const struct profile_check *checks[12];
static size_t n;

static void add(const char *kind, const char *const *words)
{
	FUZZ_CHECK(n < ARRAY_LEN(checks));
	checks[n++] = fuzz_check(kind, words);
}

/* Two of each on different hosts: a kept connection is used for the same host only. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const http[] = {"url=http://a/x", "follow=2", "max_body=64KiB",
					   "body_contains=ok", NULL};
	static const char *const json[] = {
	    "url=http://b/x", "json=({ at = \"/a/0\"; equals = 1; }, { type = \"object\"; })",
	    "token=env:FUZZ_TOKEN", NULL};
	static const char *const metrics[] = {
	    "url=http://c/metrics",
	    "families=({ name = \"up\"; type = \"gauge\"; labels = "
	    "[\"a=\\\"b\\\"\"]; min = 1; })",
	    "max_age=t=5m", NULL};
	static const char *const open[] = {"url=http://d/metrics", "format=openmetrics",
					   "families=x", NULL};
	static const char *const opa[] = {
	    "url=http://e:8181", "health=bundles,plugins",
	    "decisions=({ path = \"a/b\"; input = "
	    "\"{}\"; equals = true; }, { path = \"c\"; type = \"object\"; at = \"/x\"; })",
	    NULL};
	static const char *const registry[] = {"url=http://f:8081", "mode=READWRITE",
					       "subjects=({ name = \"s\"; must = "
					       "\"exists\"; compatibility = \"BACKWARD\"; })",
					       NULL};

	(void)argc;
	(void)argv;
	setenv("FUZZ_TOKEN", FUZZ_MARKER, 1);
	add("http", http);
	add("http", json);
	add("metrics", metrics);
	add("metrics", open);
	add("opa", opa);
	add("schema_registry", registry);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in);
	struct diag d;

	secret_forget();
	fuzz_pool_reset();
	fuzz_peer_says(in.p, fuzz_left(&in), 0x1e);
	fuzz_attempt(checks[which % n], which % n == 1, &d);
	return 0;
}
