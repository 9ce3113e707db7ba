#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "resolve.h"
#include "tls.h"

/* Which errno is worth telling when several addresses failed in different ways: the one that got furthest. */
static const struct net_errno {
	int err;
	enum diag_code code;
	int weight;
} net_errnos[] = {
    {ECONNREFUSED, D_CONNECT_REFUSED, 5},
    {ECONNRESET, D_CONNECT_RESET, 6},
    {EPIPE, D_CONNECT_RESET, 6},
    {ECONNABORTED, D_CONNECT_RESET, 6},
    {ETIMEDOUT, D_CONNECT_TIMEOUT, 4},
    {EACCES, D_CONNECT_DENIED, 3},
    {EPERM, D_CONNECT_DENIED, 3},
    {ENETUNREACH, D_CONNECT_UNREACHABLE, 1},
    {EHOSTUNREACH, D_CONNECT_UNREACHABLE, 2},
    {EADDRNOTAVAIL, D_CONNECT_UNREACHABLE, 1},
    {ENETDOWN, D_CONNECT_UNREACHABLE, 1},
    {EHOSTDOWN, D_CONNECT_UNREACHABLE, 2},
    {EAFNOSUPPORT, D_CONNECT_UNREACHABLE, 0},
    {EAGAIN, D_CONNECT_TIMEOUT, 4},
    {ENOENT, D_CONNECT_REFUSED, 5},
    {ENOTDIR, D_CONNECT_REFUSED, 5},
};

static const struct net_errno *net_errno_find(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(net_errnos); i++)
		if (net_errnos[i].err == err)
			return &net_errnos[i];
	return NULL;
}

static int net_errno_weight(int err)
{
	const struct net_errno *e = net_errno_find(err);

	return e ? e->weight : 1;
}

enum result net_fail_errno(struct diag *out, int err, const char *subject, const char *while_doing)
{
	const struct net_errno *e = net_errno_find(err);
	enum result v = check_fail(out, e ? e->code : D_CONNECT_UNREACHABLE, subject, "%s: %s",
				   while_doing, strerror(err));

	out->sys_errno = err;
	return v;
}

/* Waits for readiness: 1, 0 at the deadline, -1 with errno. */
static int net_wait(int fd, short events, struct instant until)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&p, 1, instant_left_ms(until, instant_now()));
	while (n < 0 && errno == EINTR);
	return n;
}

/* 0 with a connected descriptor in *fd; else an errno. */
static int net_connect_one(const struct sockaddr *addr, socklen_t len, struct instant until,
			   int *fd_out)
{
	cleanup_fd int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0, one = 1;
	socklen_t err_len = sizeof err;

	if (fd < 0)
		return errno;
	if (addr->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, addr, len)) {
		if (errno != EINPROGRESS)
			return errno;
		switch (net_wait(fd, POLLOUT, until)) {
		case 0:
			return ETIMEDOUT;
		case 1:
			break;
		default:
			return errno;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len))
			return errno;
		if (err)
			return err;
	}
	*fd_out = steal_fd(&fd);
	return 0;
}

/* The socket file is there but nobody listens, or it is not there: two causes, one code each of connect(2). */
int net_connect_unix(const struct check_run *run, const char *path, struct conn *conn,
		     struct diag *out)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	*conn = (struct conn){.fd = -1};
	text_clean(conn->peer, sizeof conn->peer, path);
	if (strlen(path) >= sizeof addr.sun_path) {
		check_fail(out, D_CONNECT_UNREACHABLE, conn->peer,
			   "the path of a socket has at most %zu bytes", sizeof addr.sun_path - 1);
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path));
	check_step(run, PH_CONNECT, "connecting to %s", conn->peer);
	err = net_connect_one((struct sockaddr *)&addr, sizeof addr, run->deadline, &conn->fd);
	if (err) {
		net_fail_errno(out, err, conn->peer, "connect");
		if (err == ENOENT)
			diag_hint(out, "mount the folder of the socket, or correct the path; its "
				       "server may not be up yet");
		return -1;
	}
	check_reached(run, "connect");
	return 0;
}

int net_connect(const struct check_run *run, const char *host, int port, struct conn *conn,
		struct diag *out)
{
	struct addrinfo *list = NULL;
	char tried[DIAG_CAUSE_MAX] = "";
	size_t n = 0;
	int worst = 0;

	*conn = (struct conn){.fd = -1};
	hostport_text(host, port, conn->peer, sizeof conn->peer);
	conn->port = port;
	if (net_resolve(run, host, port, AF_UNSPEC, &list, out))
		return -1;
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		n++;
	for (const struct addrinfo *a = list; a; a = a->ai_next, n--) {
		char ip[64] = "?";
		size_t len = strlen(tried);
		int err;

		getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
		check_step(run, PH_CONNECT,
			   str_eq(ip, host) ? "connecting to %s" : "connecting to %s (%s)",
			   conn->peer, ip);
		err = net_connect_one(a->ai_addr, a->ai_addrlen,
				      instant_share(instant_now(), run->deadline, n), &conn->fd);
		if (!err) {
			snprintf(conn->ip, sizeof conn->ip, "%s", ip);
			check_reached(run, "connect");
			return 0;
		}
		if (!worst || net_errno_weight(err) > net_errno_weight(worst))
			worst = err;
		snprintf(tried + len, sizeof tried - len, "%s%s: %s", len ? "; " : "", ip,
			 strerror(err));
	}
	net_fail_errno(out, worst, conn->peer, tried);
	text_clean(out->cause, sizeof out->cause, tried);
	return -1;
}

#define ASK_TLS_MS 2000 /* a listener that said nothing by then says nothing */

bool net_wants_tls(const struct check_run *run, const char *ip, int port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	struct instant until =
	    instant_earlier(run->deadline, instant_after(instant_now(), DURATION_MS(ASK_TLS_MS)));
	cleanup_fd int fd = -1;
	char number[8];

	snprintf(number, sizeof number, "%d", port);
	if (!*ip || getaddrinfo(ip, number, &hints, &list))
		return false;
	check_step(run, PH_TLS, "asking %s:%s whether it wants TLS", ip, number);
	return !net_connect_one(list->ai_addr, list->ai_addrlen, until, &fd) &&
	       tls_is_spoken(fd, until);
}

/* ---- reading and writing ---------------------------------------------------------------------------------------- */
static ssize_t fail_stream(struct diag *out, int err, const struct conn *conn, const char *doing)
{
	if (err == ETIMEDOUT)
		check_fail(out, D_ANSWER_TIMEOUT, conn->peer,
			   "connected, then nothing came in time");
	else
		net_fail_errno(out, err, conn->peer, doing);
	return -1;
}

static ssize_t plain_read(struct conn *conn, void *buf, size_t size, struct instant until,
			  bool *idle, struct diag *out)
{
	for (;;) {
		ssize_t n = recv(conn->fd, buf, size, MSG_DONTWAIT);
		int ready;

		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return fail_stream(out, errno, conn, "read");
		ready = net_wait(conn->fd, POLLIN, until);
		if (ready < 0)
			return fail_stream(out, errno, conn, "poll");
		if (!ready) {
			if (!idle)
				return fail_stream(out, ETIMEDOUT, conn, "read");
			*idle = true;
			return 0;
		}
	}
}

ssize_t net_read_until(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		       struct instant until, bool *idle, struct diag *out)
{
	(void)run;
	*idle = false;
	if (conn->ssl)
		return tls_read(conn, buf, size, until, idle, out);
	return plain_read(conn, buf, size, until, idle, out);
}

ssize_t net_read(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		 struct diag *out)
{
	if (conn->ssl)
		return tls_read(conn, buf, size, run->deadline, NULL, out);
	return plain_read(conn, buf, size, run->deadline, NULL, out);
}

int net_write(const struct check_run *run, struct conn *conn, const void *buf, size_t len,
	      struct diag *out)
{
	const char *p = buf;

	if (conn->ssl)
		return tls_write(conn, buf, len, run->deadline, out);
	while (len) {
		ssize_t n = send(conn->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ready;

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return (int)fail_stream(out, errno, conn, "write");
		ready = net_wait(conn->fd, POLLOUT, run->deadline);
		if (ready <= 0)
			return (int)fail_stream(out, ready ? errno : ETIMEDOUT, conn, "write");
	}
	return 0;
}
