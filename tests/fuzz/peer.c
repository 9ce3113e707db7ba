/* peer: a socket pair in place of a connection, filled before the check reads. Linked with --wrap=net_connect and
 * --wrap=net_connect_unix: names and addresses never reach the resolver or the network. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "fuzz.h"
#include "net.h"
#include "neterr.h"
#include "profile.h"
#include "ipc.h"

#define PEERS_MAX 16 /* connections of one attempt */

enum result __wrap_net_connect(const struct check_run *run, const char *host, int port,
			       struct conn *conn, struct diag *out);
enum result __wrap_net_connect_unix(const struct check_run *run, const char *path,
				    struct conn *conn, struct diag *out);

static struct {
	struct fuzz_in in;
	int sep;
	int far[PEERS_MAX]; /* our ends */
	size_t n;
} peer;

void fuzz_peer_says(const uint8_t *data, size_t size, int sep)
{
	peer.in = fuzz_open(data, size);
	peer.sep = sep;
	peer.n = 0;
}

void fuzz_peer_done(void)
{
	for (size_t i = 0; i < peer.n; i++)
		close(peer.far[i]);
	peer.n = 0;
}

static enum result connect_to_input(struct conn *conn, struct diag *out)
{
	size_t len, at = 0;
	int pair[2];
	char *says;

	if (peer.n == PEERS_MAX ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
		net_fail_errno(out, ECONNREFUSED, conn->peer, "connect");
		return RESULT_FAIL;
	}
	says = fuzz_until(&peer.in, peer.sep, &len);
	while (at < len) { /* what does not fit into the socket's buffer is not said */
		ssize_t n = send(pair[1], says + at, len - at, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	free(says);
	shutdown(pair[1], SHUT_WR);
	peer.far[peer.n++] = pair[1];
	conn->fd = pair[0];
	return RESULT_PASS;
}

enum result __wrap_net_connect(const struct check_run *run, const char *host, int port,
			       struct conn *conn, struct diag *out)
{
	(void)run;
	*conn = (struct conn){.fd = -1, .ip = "127.0.0.1"};
	snprintf(conn->peer, sizeof conn->peer, "%s:%d", host, port);
	return connect_to_input(conn, out);
}

enum result __wrap_net_connect_unix(const struct check_run *run, const char *path,
				    struct conn *conn, struct diag *out)
{
	(void)run;
	*conn = (struct conn){.fd = -1};
	text_clean(conn->peer, sizeof conn->peer, path);
	return connect_to_input(conn, out);
}

const struct profile_check *fuzz_check(const char *kind, const char *const *words)
{
	struct profile *p = xcalloc(1, sizeof *p);
	struct problems problems = {.arena = &p->arena};
	struct profile_options o = {.timeout = DURATION_UNSET, .mode = "dev"};

	profile_try(p, &o, kind, (char *const *)words, &problems);
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s: %s\n", problems.v[i].where, problems.v[i].text);
	FUZZ_CHECK(problems.errors == 0 && problems.policies == 0 && p->n == 1);
	problems_free(&problems);
	return &p->checks[0];
}

static void judge_records(int fd, bool secret, enum result v)
{
	struct ipc_in in = {.len = 0};
	struct ipc_record rec;
	size_t finals = 0;

	while (ipc_fill(&in, fd) > 0) {
		while (ipc_next(&in, &rec)) {
			FUZZ_CHECK(fuzz_is_clean(rec.text, strlen(rec.text)));
			FUZZ_CHECK(fuzz_is_clean(rec.key, strlen(rec.key)));
			FUZZ_CHECK(!secret || (!strstr(rec.text, FUZZ_MARKER) &&
					       !strstr(rec.diag.cause, FUZZ_MARKER)));
			if (rec.type != IPC_FINAL)
				continue;
			finals++;
			FUZZ_CHECK(rec.result == v);
			if (v != RESULT_PASS)
				fuzz_check_diag(&rec.diag);
		}
		FUZZ_CHECK(!in.broken);
	}
	FUZZ_CHECK(finals == 1);
}

enum result fuzz_attempt(const struct profile_check *check, bool secret, struct diag *out)
{
	struct instant now = instant_now();
	enum result v;
	int p[2];

	FUZZ_CHECK(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	fcntl(p[1], F_SETPIPE_SZ, 1024 * 1024);
	v = child_in_process(check, now, instant_after(now, DURATION_S(5)), p[1], out);
	close(p[1]);
	FUZZ_CHECK(v == RESULT_PASS || out->code != D_NONE);
	/* Only a bug of ours is one. */
	FUZZ_CHECK(v != RESULT_BROKEN);
	judge_records(p[0], secret, v);
	close(p[0]);
	fuzz_peer_done();
	return v;
}
