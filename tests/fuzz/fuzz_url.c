/* URLs of profiles, host:port, and what follows --wait. The user part must never be in a text that is printed. */
#include "fuzz.h"
#include "url_check.h"

static bool no_blank(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

static void url(const char *text)
{
	struct arena a = {0};
	struct url u, again;
	const char *problem = url_split(&u, &a, text);

	if (problem) {
		FUZZ_CHECK(strlen(problem) > 5 && strlen(problem) < 100);
	} else {
		FUZZ_CHECK(*u.scheme && strlen(u.text) <= URL_MAX + 16);
		FUZZ_CHECK(no_blank(u.text) && no_blank(u.host) && no_blank(u.path));
		FUZZ_CHECK(u.port >= 0 && u.port <= 65535);
		FUZZ_CHECK(!*u.path || *u.path == '/');
		FUZZ_CHECK(!strchr(u.path, '#') && !strpbrk(u.host, "/?#@"));
		FUZZ_CHECK(secret_is_set(u.user) || secret_is_set(u.password) ||
			   strchr(text, '@') || strlen(u.text) <= strlen(text) + 1);
		/* The printable text is a URL of the same parts, without a user. */
		FUZZ_CHECK(!url_split(&again, &a, u.text));
		FUZZ_CHECK(str_eq(u.text, again.text) && str_eq(u.scheme, again.scheme));
		FUZZ_CHECK(str_eq(u.host, again.host) && str_eq(u.path, again.path));
		FUZZ_CHECK(u.port == again.port);
		FUZZ_CHECK(!secret_is_set(again.user) && !secret_is_set(again.password));
	}
	arena_free(&a);
}

static void hostport(const char *text)
{
	size_t room = 1 + strlen(text) / 2;
	char *host = xmalloc(room);
	char big[300];
	int port = -1;

	if (hostport_split(text, host, room, &port) == 0)
		FUZZ_CHECK(strlen(host) < room && port >= 0 && port <= 65535);
	if (hostport_split(text, big, sizeof big, &port) == 0) {
		FUZZ_CHECK(*big && (text[0] == '/') == (port == 0));
		FUZZ_CHECK(port == 0 || !strpbrk(big, " \t\r\n/@"));
		FUZZ_CHECK(strstr(text, big) || strstr(text, "%25"));
	}
	free(host);
}

/* Variables hold what they are called. */
static const char *environment(const char *name)
{
	return name;
}

static void wait_for(const char *text)
{
	struct arena a = {0};
	struct url_check w;
	struct strlist urls;
	const char *problem = url_check_parse(&w, &a, text, environment);

	url_check_split(&a, text, &urls);
	FUZZ_CHECK(urls.n >= 1 && urls.n <= strlen(text) + 1);

	if (problem) {
		FUZZ_CHECK(*problem);
	} else {
		const char *sep = strstr(text, "://"), *at = sep ? sep + 3 : text;
		size_t user = strcspn(at, "/?#");

		FUZZ_CHECK(!strchr(w.name, ','));
		FUZZ_CHECK(w.node->type == N_GROUP && (w.node->first || w.kind->unsupported));
		/* The id of the check shows no user part. */
		if (memchr(at, '@', user))
			FUZZ_CHECK(strlen(w.name) < user);
	}
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *text = fuzz_rest(&in, NULL);

	url(text);
	hostport(text);
	wait_for(text);
	free(text);
	return 0;
}
