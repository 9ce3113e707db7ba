/* The small parts everything stands on: last words, files, numbers, addresses, and what -w makes of a URL. */
#include "cm.h"
#include "folder.h"

#include <errno.h>

#include "path_problem.h"
#include "url.h"
#include "util.h"
#include "url_check.h"

/* ---- last words ------------------------------------------------------------------------------------------------------ */
static void repeat(int fd, const char *text)
{
	dprintf(fd, "also: %s\n", text);
}

/* AddressSanitizer ends the program where malloc would give NULL, unless it is set to return NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void ask_for_too_much(void)
{
	free(xmalloc(SIZE_MAX / 2));
}

static void ask_for_too_many(void)
{
	free(xcalloc(SIZE_MAX / 2, 3));
}

static void ask_to_grow_too_much(void)
{
	free(xrealloc(NULL, SIZE_MAX / 2));
}

static void break_an_invariant(void)
{
	invariant(errno == -1);
}

static void dies(void (*how)(void), bool also, const char *words)
{
	char said[1000] = "";
	int p[2], status;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], STDERR_FILENO);
		if (also)
			die_also(repeat, p[1]);
		how();
		_exit(0);
	}
	close(p[1]);
	assert_true(fd_read_full(p[0], said, sizeof said - 1) >= 0);
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	assert_non_null(strstr(said, words));
	assert_non_null(strstr(said, "startguard: internal error: "));
	assert_true((strstr(said, "also: ") != NULL) == also);
}

static void last_words_are_said(UNUSED void **state)
{
	dies(ask_for_too_much, false, "out of memory (");
	dies(ask_for_too_many, true, "out of memory (");
	dies(ask_to_grow_too_much, true, "src/base/util.c:");
	dies(break_an_invariant, true, "broken invariant: errno == -1 (");
}

/* No more than nothing is no reason to die, whatever the C library makes of it. */
static void memory_for_nothing(UNUSED void **state)
{
	void *p = xmalloc(0), *q = xcalloc(0, 0);

	assert_non_null(p);
	assert_non_null(q);
	p = xrealloc(p, 0);
	assert_non_null(p);
	free(p);
	free(q);
}

/* ---- files and descriptors --------------------------------------------------------------------------------------------- */
static void reads(const char *name, size_t max, ssize_t expected)
{
	size_t n = 0;
	char *text = file_read(name, max, &n);

	if (expected < 0) {
		assert_null(text);
		assert_int_equal(errno, -expected);
		return;
	}
	assert_non_null(text);
	assert_int_equal(n, expected);
	assert_int_equal(text[n], '\0');
	for (size_t i = 0; i < n; i++)
		assert_int_equal(text[i], 'x');
	free(text);
}

static void a_file_is_read_whole_or_not_at_all(UNUSED void **state)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 100000};
	static char text[100000];
	char *text_of_proc;

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		file_of("f", text, sizes[i], 0600);
		reads("f", sizes[i], (ssize_t)sizes[i]);
		reads("f", sizes[i] + 1, (ssize_t)sizes[i]);
		reads("f", 1000000, (ssize_t)sizes[i]);
		if (sizes[i] > 0)
			reads("f", sizes[i] - 1, -EFBIG);
	}
	reads("missing", 10, -ENOENT);
	reads(".", 10, -EISDIR);
	text_of_proc = file_read("/proc/self/comm", 4096, NULL); /* has no size before it is read */
	assert_non_null(text_of_proc);
	assert_true(strlen(text_of_proc) > 1);
	free(text_of_proc);
}

static void a_descriptor_that_cannot(UNUSED void **state)
{
	int p[2];
	char one;

	assert_int_equal(fd_write_all(-1, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(fd_read_full(-1, &one, 1), -1);
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fd_read_full(p[0], &one, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd_write_all(p[1], "ab", 2), 0);
	assert_int_equal(fd_read_full(p[0], &one, 1), 1);
	assert_int_equal(one, 'a');
	close(p[0]);
	close(p[1]);
}

/* ---- numbers and patterns ------------------------------------------------------------------------------------------------ */
static void whole_numbers(UNUSED void **state)
{
	static const char *const bad[] = {
	    "",    "-",   "+1",  " 1", "1 ",  "1x",
	    "0x1", "1.0", "--1", "9",  "-4",  "99999999999999999999",
	    "a",   ":",   "/",   "-a", "1e0", "-99999999999999999999"};
	int64_t v = 77;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse_i64(bad[i], -3, 8, &v), -1);
	assert_int_equal(v, 77);
	assert_int_equal(parse_i64("-3", -3, 8, &v), 0);
	assert_int_equal(v, -3);
	assert_int_equal(parse_i64("008", -3, 8, &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(parse_i64("9223372036854775807", 0, INT64_MAX, &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(parse_i64("9223372036854775808", 0, INT64_MAX, &v), -1);
}

static void patterns(UNUSED void **state)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} rows[] = {{"", "", true},
		    {"", "a", false},
		    {"*", "", true},
		    {"**", "abc", true},
		    {"a*c", "abbc", true},
		    {"a*c", "abcd", false},
		    {"?", "", false},
		    {"a?c", "abc", true},
		    {"*a*b*", "xaxbx", true},
		    {"*ab", "aab", true},
		    {"*ab", "aba", false},
		    {"a*", "b", false},
		    {"*_JSON", "A_JSON", true},
		    {"*_FORCE_?SON", "X_FORCE_JSON", true},
		    {"avro.*", "kafka.avro.", false},
		    {"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaab", true},
		    {"*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(glob_match(rows[i].pattern, rows[i].text), rows[i].fits);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------------ */
static void addresses(UNUSED void **state)
{
	static const struct {
		const char *text, *host; /* NULL: is none */
		int port;
	} rows[] = {{"h:80", "h", 80},
		    {"[::1]:65535", "::1", 65535},
		    {"[h]:1", "h", 1},
		    {"[fe80::1%lo]:1", "fe80::1%lo", 1},
		    {"[fe80::1%25lo]:1", "fe80::1%lo", 1},
		    {"[fe80::1%25]:1", "fe80::1%25", 1},
		    {"/run/x.sock", "/run/x.sock", 0},
		    {"h:", NULL, 0},
		    {"h", NULL, 0},
		    {":80", NULL, 0},
		    {"", NULL, 0},
		    {"h:0", NULL, 0},
		    {"h:65536", NULL, 0},
		    {"h:123456", NULL, 0},
		    {"h:8x", NULL, 0},
		    {"h:-1", NULL, 0},
		    {"::1:80", NULL, 0},
		    {"[::1:80", NULL, 0},
		    {"[]:80", NULL, 0},
		    {"[:80", NULL, 0},
		    {"[::1]x:80", NULL, 0},
		    {"a b:80", NULL, 0},
		    {"u@h:80", NULL, 0},
		    {"h/p:80", NULL, 0},
		    {"a-host-name-of-32-characters-here:80", NULL, 0},
		    {"/a/path/that/is/longer/than/room", NULL, 0},
		    {"a-host-name-of-31-characters-xx:80", "a-host-name-of-31-characters-xx", 80}};
	char host[32];
	int port;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int done = hostport_split(rows[i].text, host, sizeof host, &port);

		if (done != (rows[i].host ? 0 : -1))
			fail_msg("%s", rows[i].text);
		if (rows[i].host) {
			assert_string_equal(host, rows[i].host);
			assert_int_equal(port, rows[i].port);
		}
	}
}

static void urls_that_are_none(UNUSED void **state)
{
	static const char *const bad[] = {"",
					  "h",
					  "://h",
					  "http://",
					  "http://a b",
					  "http://h:x",
					  "http://h:0",
					  "http://h:99999",
					  "http://[::1",
					  "http://[::1]x",
					  "1http://h",
					  "+http://h",
					  "-http://h",
					  ".http://h",
					  "ht_tp://h",
					  "http://u@",
					  "http://u%zz@h",
					  "http://u%0@h",
					  "http://u%00@h",
					  "http://h/a b",
					  "http://h/\x7f",
					  "http://h/\n",
					  "http://u:%@h",
					  "http:/h"};
	struct arena a = {0};
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!url_split(&u, &a, bad[i]))
			fail_msg("%s is taken for a URL", bad[i]);
	assert_string_equal(url_split(&u, &a, "1http://h"),
			    "has a scheme that does not begin with a letter");
	assert_null(url_split(&u, &a, "H2.c+x-1://h"));
	assert_string_equal(u.scheme, "h2.c+x-1");
	assert_null(url_split(&u, &a, "postgres://u:p@a:1,[::1]:2/db"));
	assert_string_equal(u.host, "a:1,[::1]:2");
	assert_string_equal(u.password.text, "p");
	assert_null(url_split(&u, &a, "postgresql:///db?host=/run"));
	assert_string_equal(u.host, "");
	assert_null(url_split(&u, &a, "redis+sentinel://u:p@a:1,b:2/m"));
	assert_string_equal(u.host, "a:1,b:2");
	assert_non_null(url_split(&u, &a, "http://a:1,b:2"));
	assert_null(url_split(&u, &a, "http://h/?a=b;c=d&e"));
	assert_string_equal(u.path, "/?a=b;c=d&e");
	arena_free(&a);
}

/* ---- -w URL ---------------------------------------------------------------------------------------------------------------- */
static const char *environment(const char *name)
{
	return str_eq(name, "REDIS_URL")  ? "redis://:pw@h:1/0"
	       : str_eq(name, "DATABASE") ? "postgres://u:p@h/db"
	       : str_eq(name, "ADDRESS")  ? "h:1"
	       : str_eq(name, "OPA")      ? "opa+http://u:p@h/v1/data/a"
	       : str_eq(name, "REGISTRY") ? "registry+http://h:1"
	       : str_eq(name, "AT")       ? "redis://u:p@ss@h:1"
	       : str_eq(name, "SLASH")    ? "redis://u:p/ss@h:1"
	       : str_eq(name, "EMPTY")    ? ""
					  : NULL;
}

static void waits(const char *url, const char *expected)
{
	struct arena a = {0};
	struct url_check w;
	const char *problem = url_check_parse(&w, &a, url, environment);
	char text[1000];

	if (!problem) {
		int n = snprintf(text, sizeof text, "%s %s:", w.kind->name, w.name);

		for (const struct node *k = w.node->first; k; k = k->next)
			n +=
			    snprintf(text + n, sizeof text - (size_t)n, " %s=%s", k->name, k->text);
	} else {
		snprintf(text, sizeof text, "%s", problem);
	}
	/* Which schemes there are is another test's question. */
	if (strstr(text, " (known: "))
		*strstr(text, " (known: ") = '\0';
	assert_string_equal(text, expected);
	arena_free(&a);
}

static void splits(const char *text, const char *expected)
{
	struct arena a = {0};
	struct strlist urls;
	char all[300] = "";

	url_check_split(&a, text, &urls);
	for (size_t i = 0; i < urls.n; i++)
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "",
			 urls.v[i]);
	assert_string_equal(all, expected);
	arena_free(&a);
}

static void several_urls_in_one(UNUSED void **state)
{
	splits("a:1", "a:1");
	splits("a:1,b:2,c:3", "a:1 b:2 c:3");
	splits("tcp://a:1,b:2", "tcp://a:1 b:2");
	splits("http://a,tcp://b:1,env:X,c:1", "http://a tcp://b:1 env:X c:1");
	splits("kafka://a:1,b:2/t,u,opa+http://c", "kafka://a:1,b:2/t,u opa+http://c");
	splits("postgres://a,b:1/db", "postgres://a,b:1/db");
	splits("file:///a,b", "file:///a,b");
	splits("http://a/x,y", "http://a/x,y");
	splits(",", " ");
}

static void what_a_url_waits_for(UNUSED void **state)
{
	waits("tcp://h:1", "tcp h:1: address=h:1");
	waits("http://u:p@h:1/x?y#z", "http h:1: url=http://u:p@h:1/x?y#z");
	waits("kafka://a:1,b:2/orders,audit",
	      "kafka a:1: bootstrap_servers=a:1,b:2 topics=orders,audit");
	waits("kafka://a:1/", "kafka a:1: bootstrap_servers=a:1");
	waits("kafka://a:1", "kafka a:1: bootstrap_servers=a:1");
	waits("kafka://u@a:1", "takes no user part");
	waits("tcp://u:p/s@a:1", "takes no user part");
	waits("http://h:1/@a", "http h:1: url=http://h:1/@a");
	waits("rediss://h", "redis h: url=rediss://h");
	waits("registry+https://h/p", "schema_registry h: url=https://h/p");
	waits("metrics+http://h:9/metrics", "metrics h:9: url=http://h:9/metrics");
	waits("opa+http://h:1", "opa h:1: url=http://h:1");
	waits("opa+http://h:1/", "opa h:1: url=http://h:1");
	waits("opa+http://h:1/v1/data/a/b", "opa h:1: url=http://h:1 decisions=a/b");
	waits("opa+https://h/below/v1/data/a", "opa h: url=https://h/below decisions=a");
	waits("opa+http://h:1/v1/data/",
	      "names no decisions: write opa+http://host:8181/v1/data/path/of/decision");
	waits("opa+http://h:1/a/b",
	      "names no decisions: write opa+http://host:8181/v1/data/path/of/decision");
	waits("file:///a,b", "file /a: path=/a,b");
	waits("dns://name", "dns name: name=name");
	waits("h:1", "tcp h:1: address=h:1");
	waits("[::1]:1", "tcp [::1]:1: address=[::1]:1");
	waits("h", "is neither a URL such as tcp://host:port nor host:port; the port is missing");
	waits("/run/x.sock", "is neither a URL such as tcp://host:port nor host:port");
	waits("unix:///run/x.sock", "tcp /run/x.sock: address=/run/x.sock");
	waits("http+unix://%2Frun%2Fx.sock/a?b",
	      "http /run/x.sock: unix_socket=/run/x.sock url=http://localhost/a?b");
	waits("http+unix://run/a", "names no socket: write http+unix://%2Frun%2Fapp.sock/path");
	waits("env:REDIS_URL", "redis h:1: url=env:REDIS_URL");
	waits("env:AT", "redis h:1: url=env:AT");
	waits("env:SLASH", "variable SLASH has a user part that holds / ? or #; write them as "
			   "%2F %3F %23");
	waits("env:DATABASE", "postgres h: url=env:DATABASE");
	waits("env:ADDRESS", "tcp h:1: address=h:1");
	waits("env:REGISTRY", "schema_registry h:1: url=http://h:1");
	waits("env:OPA", "variable OPA holds a user part or query, which a check of this kind "
			 "takes from a profile only");
	waits("env:EMPTY", "variable EMPTY is empty");
	waits("env:NONE", "variable NONE is not set");
	waits("tcp://", "names nothing to wait for");
	waits("htpt://h", "unknown scheme \"htpt\"; did you mean \"http\"?");
	waits("something-else://h", "unknown scheme \"something-else\"");
	waits("://h", "unknown scheme \"\"");
	waits("postgres://a:1,b/db?user=x", "postgres a:1: url=postgres://a:1,b/db?user=x");
}

static void every_scheme_is_named(UNUSED void **state)
{
	struct arena a = {0};
	struct url_check w;
	struct str examples;
	const char *problem = url_check_parse(&w, &a, "something-else://h", environment);

	str_init(&examples, 4096);
	url_check_examples(&examples);
	assert_non_null(problem);
	for (size_t i = 0; check_kind_at(i); i++)
		for (const struct check_url *u = check_kind_at(i)->urls; u->scheme; u++) {
			assert_non_null(strstr(problem, u->scheme));
			assert_non_null(strstr(examples.s, u->example));
			assert_null(url_check_parse(&w, &a, u->example, environment));
			assert_ptr_equal(w.kind, check_kind_at(i));
			for (const struct node *k = w.node->first; k; k = k->next)
				assert_non_null(schema_find(w.kind->schema, k->name));
		}
	str_free(&examples);
	arena_free(&a);
}

static void problem(const char *path, int error, const char *behind)
{
	char expected[300];

	snprintf(expected, sizeof expected, "%s%s", strerror(error), behind);
	assert_string_equal(path_problem(path, error).text, expected);
}

static void what_of_a_path_is_in_the_way(UNUSED void **state)
{
	char mode[100];

	folder("empty");
	folder("full");
	file_of("full/x", "x", 1, 0640);
	assert_int_equal(symlink("..data/key", "key"), 0);
	snprintf(mode, sizeof mode, "; mode 0640, owner %u:%u, this is user %u", geteuid(),
		 getegid(), geteuid());
	problem("gone", ENOENT, "");
	problem("key", ENOENT, "; it is a link to ..data/key");
	problem("$HOME/x", ENOENT, "; it is taken as it is written: only ${NAME} is a variable");
	problem("mnt/config/x", ENOENT, "; there is no folder mnt");
	problem("full/y", ENOENT, "");
	problem("full/x/y", ENOTDIR, "; full/x is no folder");
	problem("key", ELOOP, "; it is a link that leads back to itself");
	problem("empty", EISDIR, "; it is empty, as a folder is that stands where a mount failed");
	problem("full", EISDIR, "");
	problem("gone", EISDIR, "");
	problem("full/x", EACCES, mode);
	problem("gone", EACCES, "");
	problem("full/x", EIO, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(last_words_are_said),
	    cmocka_unit_test(memory_for_nothing),
	    IN_A_FOLDER(a_file_is_read_whole_or_not_at_all),
	    cmocka_unit_test(a_descriptor_that_cannot),
	    cmocka_unit_test(whole_numbers),
	    cmocka_unit_test(patterns),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(urls_that_are_none),
	    cmocka_unit_test(what_a_url_waits_for),
	    cmocka_unit_test(several_urls_in_one),
	    cmocka_unit_test(every_scheme_is_named),
	    IN_A_FOLDER(what_of_a_path_is_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
