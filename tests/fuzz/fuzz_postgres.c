/* The kind postgres against a server that sends anything: every message that libpq gets comes from the input. The connections of
 * libpq are made by connect(), which is replaced here; those of the check itself come from the peer. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "profile.h"

#define CONNECTIONS_MAX 16
#define RESULTS_MAX 256

/* libpq allocates as much as a message says that it has, up to 2 GiB; the memory limit of a child refuses that. */
extern const char fuzz_asan_options[];
const char fuzz_asan_options[] =
    "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=256";

static const struct profile_check *checks[3];
static struct fuzz_in says;
static PGconn *connections[CONNECTIONS_MAX];
static PGresult *results[RESULTS_MAX];
static size_t n_connections, n_results;
static int ends[CONNECTIONS_MAX]; /* the server's */
static size_t n_ends;

/* libpq calls this one: a symbol of the program comes before one of the C library. */
int connect(int fd, const struct sockaddr *address, socklen_t length);
int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	size_t len;
	int pair[2];
	char *text;

	(void)address;
	(void)length;
	if (n_ends == CONNECTIONS_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	text = fuzz_until(&says, 0x1e, &len);
	send(pair[1], text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(text);
	shutdown(pair[1], SHUT_WR);
	dup3(pair[0], fd, O_CLOEXEC);
	close(pair[0]);
	ends[n_ends++] = pair[1];
	return 0;
}

PGconn *__real_PQconnectStartParams(const char *const *names, const char *const *values, int db);
PGconn *__wrap_PQconnectStartParams(const char *const *names, const char *const *values, int db);
PGconn *__wrap_PQconnectStartParams(const char *const *names, const char *const *values, int db)
{
	FUZZ_CHECK(n_connections < CONNECTIONS_MAX);
	return connections[n_connections++] = __real_PQconnectStartParams(names, values, db);
}

PGresult *__real_PQgetResult(PGconn *conn);
PGresult *__wrap_PQgetResult(PGconn *conn);
PGresult *__wrap_PQgetResult(PGconn *conn)
{
	PGresult *r = __real_PQgetResult(conn);

	if (r && n_results < RESULTS_MAX)
		results[n_results++] = r;
	return r;
}

/* What the child's exit would free. */
static void free_all(void)
{
	for (size_t i = 0; i < n_results; i++)
		PQclear(results[i]);
	for (size_t i = 0; i < n_connections; i++)
		PQfinish(connections[i]);
	for (size_t i = 0; i < n_ends; i++)
		close(ends[i]);
	n_results = n_connections = n_ends = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const all[] = {"url=postgresql:///app?host=/run&user=u&sslmode=disable",
					  "password=env:FUZZ_PASSWORD",
					  "role=primary",
					  "min_version=14",
					  "extensions=vector >= 0.5",
					  "tables=a",
					  "privileges=[\"SELECT, INSERT on a\"]",
					  "migration={ head = \"b2\"; }",
					  "query={ sql = \"select 1\"; min = 1; }",
					  NULL};
	static const char *const flyway[] = {
	    "url=postgresql:///app?host=/run&user=u&sslmode=disable",
	    "migration={ tool = \"flyway\"; head = \"2.1\"; }",
	    "query={ sql = \"select 1\"; one_of = [\"a\", \"b\"]; }", NULL};
	static const char *const tls[] = {
	    "url=postgresql:///app?hostaddr=127.0.0.1&user=u&sslmode=prefer", NULL};

	(void)argc;
	(void)argv;
	setenv("FUZZ_PASSWORD", FUZZ_MARKER, 1);
	checks[0] = fuzz_check("postgres", all);
	checks[1] = fuzz_check("postgres", flyway);
	checks[2] = fuzz_check("postgres", tls);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in) % ARRAY_LEN(checks);
	struct diag d;

	secret_forget();
	fuzz_pool_reset();
	says = in;
	fuzz_peer_says(in.p, fuzz_left(&in), 0x1e);
	if (fuzz_attempt(checks[which], which == 0, &d) == RESULT_PASS)
		FUZZ_CHECK(memchr(in.p, 'Z', fuzz_left(&in))); /* ReadyForQuery */
	free_all();
	return 0;
}
