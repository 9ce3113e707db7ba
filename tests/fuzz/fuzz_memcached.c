/* The kind memcached against a peer that says anything: every answer of an attempt comes from the input. */
#include "fuzz.h"
#include "profile.h"

static const struct profile_check *checks[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const login[] = {"url=memcached://peer:11211", "username=app",
					    "password=env:FUZZ_PASSWORD", "key=k", NULL};
	static const char *const demands[] = {"url=unix:///run/memcached.sock", "min_version=1.6.9",
					      "key=k", NULL};

	(void)argc;
	(void)argv;
	setenv("FUZZ_PASSWORD", FUZZ_MARKER, 1);
	checks[0] = fuzz_check("memcached", login);
	checks[1] = fuzz_check("memcached", demands);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in) & 1;
	struct diag d;

	secret_forget();
	fuzz_pool_reset();
	fuzz_peer_says(in.p, fuzz_left(&in), -1);
	if (fuzz_attempt(checks[which], which == 0, &d) == RESULT_PASS)
		FUZZ_CHECK(memmem(in.p, fuzz_left(&in), "VERSION ", 8));
	return 0;
}
