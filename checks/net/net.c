#include "net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "loopback.h"
#include "neterr.h"
#include "resolve.h"
#include "tls.h"

/* ---- connecting -------------------------------------------------------------------------------------------------- */
/* Returns 0 with a connected, non-blocking descriptor in *fd_out, else an errno. */
static int connect_address(const struct sockaddr *addr, socklen_t len, struct instant until,
			   int *fd_out)
{
	cleanup_fd int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0, one = 1, ready;
	socklen_t err_len = sizeof err;

	if (fd < 0)
		return errno;
	if (addr->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, addr, len)) {
		if (errno != EINPROGRESS)
			return errno;
		ready = instant_poll(fd, POLLOUT, until);
		if (ready <= 0)
			return ready ? errno : ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len))
			return errno;
		if (err)
			return err;
	}
	*fd_out = steal_fd(&fd);
	return 0;
}

enum result net_connect_unix(const struct check_run *run, const char *path, struct conn *conn,
			     struct diag *out)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	int err;

	*conn = (struct conn){.fd = -1};
	text_clean(conn->peer, sizeof conn->peer, path);
	if (strlen(path) >= sizeof addr.sun_path)
		return check_fail(out, D_CONNECT_UNREACHABLE, conn->peer,
				  "the path of a socket has at most %zu bytes",
				  sizeof addr.sun_path - 1);
	memcpy(addr.sun_path, path, strlen(path));
	check_step(run, PH_CONNECT, "connecting to %s", conn->peer);
	err = connect_address((struct sockaddr *)&addr, sizeof addr, run->deadline, &conn->fd);
	if (!err) {
		check_reached(run, "connect");
		return RESULT_PASS;
	}
	/* The kernel refuses a file of another kind as it refuses a socket on which nobody listens. */
	if (err == ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		check_fail(out, D_CONNECT_REFUSED, conn->peer,
			   "the path is not a socket; nothing can listen there");
		diag_hint(out, "correct the path, or remove the file: its server may make the "
			       "socket when it starts");
		return RESULT_FAIL;
	}
	net_fail_errno(out, err, conn->peer, "connect");
	if (err == ENOENT)
		diag_hint(out, "mount the folder of the socket, or correct the path; its server "
			       "may not be up yet");
	return RESULT_FAIL;
}

enum result net_connect(const struct check_run *run, const char *host, int port, struct conn *conn,
			struct diag *out)
{
	struct addrinfo *list = NULL, *told = NULL;
	char tried[DIAG_CAUSE_MAX] = "";
	size_t n = 0;
	int furthest = 0;

	*conn = (struct conn){.fd = -1, .port = port};
	hostport_text(host, port, conn->peer, sizeof conn->peer);
	if (resolve_host(run, host, port, AF_UNSPEC, &list, out))
		return RESULT_FAIL;
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		n++;
	for (struct addrinfo *a = list; a; a = a->ai_next, n--) {
		char ip[64] = "?";
		size_t len = strlen(tried);
		int err;

		getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
		check_step(run, PH_CONNECT,
			   str_eq(ip, host) ? "connecting to %s" : "connecting to %s (%s)",
			   conn->peer, ip);
		err = connect_address(a->ai_addr, a->ai_addrlen,
				      instant_share(instant_now(), run->deadline, n), &conn->fd);
		if (!err) {
			snprintf(conn->ip, sizeof conn->ip, "%s", ip);
			check_reached(run, "connect");
			return RESULT_PASS;
		}
		if (!furthest || net_errno_weight(err) > net_errno_weight(furthest)) {
			furthest = err;
			told = a;
		}
		snprintf(tried + len, sizeof tried - len, "%s%s: %s", len ? "; " : "", ip,
			 strerror(err));
	}
	net_fail_errno(out, furthest, conn->peer, "connect");
	text_clean(out->cause, sizeof out->cause, tried);
	if (told)
		loopback_hint(out, told->ai_addr);
	return RESULT_FAIL;
}

#define TLS_PROBE_MAX \
	DURATION_S(2) /* a listener that is silent for longer counts as one without TLS */

/* Asks on a connection of its own. `name`: see tls_ask. */
static struct tls_answer ask_tls(const struct check_run *run, const char *ip, int port,
				 const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	struct instant until =
	    instant_earlier(run->deadline, instant_after(instant_now(), TLS_PROBE_MAX));
	struct tls_answer answer = {.is_tls = false};
	cleanup_fd int fd = -1;
	char number[8];

	snprintf(number, sizeof number, "%d", port);
	if (!*ip || getaddrinfo(ip, number, &hints, &list))
		return answer;
	check_step(run, PH_TLS, "asking %s:%s which TLS it speaks", ip, number);
	if (!connect_address(list->ai_addr, list->ai_addrlen, until, &fd))
		answer = tls_ask(fd, name, until);
	return answer;
}

enum result net_fail_closed(const struct check_run *run, const char *ip, int port, struct diag *out)
{
	if (!ask_tls(run, ip, port, NULL).is_tls)
		return RESULT_FAIL;
	return check_fail(
	    out, D_TLS_REQUIRED, out->subject,
	    "the peer ends a plain connection without an answer, and answers a TLS handshake");
}

enum result net_fail_tls(const struct check_run *run, const char *ip, int port, const char *name,
			 struct diag *out)
{
	struct tls_answer answer;

	if (!tls_may_lack_common(out))
		return RESULT_FAIL;
	answer = ask_tls(run, ip, port, name);
	/* Without a certificate of ours tls_fail_handshake has told that already. */
	tls_tell_common(out, &answer, true);
	return RESULT_FAIL;
}

/* ---- reading and writing ----------------------------------------------------------------------------------------- */
static enum result fail_stream(struct diag *out, int err, const struct conn *conn,
			       const char *doing)
{
	if (err == ETIMEDOUT)
		return check_fail(out, D_ANSWER_TIMEOUT, conn->peer,
				  "connected, then nothing came in time");
	return net_fail_errno(out, err, conn->peer, doing);
}

/* Does without TLS what tls_try does with it. */
static ssize_t try_plain(struct conn *conn, void *buf, size_t size, bool write, short *events,
			 struct diag *out)
{
	ssize_t n;

	do
		n = write ? send(conn->fd, buf, size, MSG_NOSIGNAL | MSG_DONTWAIT)
			  : recv(conn->fd, buf, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		*events = write ? POLLOUT : POLLIN;
	else if (n < 0)
		fail_stream(out, errno, conn, write ? "write" : "read");
	return n;
}

/* Reads or writes at least one byte; sets *moved to 0 when the peer ended the stream. */
static enum result move_bytes(const struct check_run *run, struct conn *conn, void *buf,
			      size_t size, bool write, size_t *moved, struct diag *out)
{
	for (;;) {
		short events = 0;
		ssize_t n = conn->ssl ? tls_try(conn, buf, size, write, &events, out)
				      : try_plain(conn, buf, size, write, &events, out);
		int ready;

		if (n >= 0) {
			*moved = (size_t)n;
			return RESULT_PASS;
		}
		if (!events)
			return RESULT_FAIL;
		ready = instant_poll(conn->fd, events, run->deadline);
		if (ready <= 0)
			return fail_stream(out, ready ? errno : ETIMEDOUT, conn, "poll");
	}
}

enum result net_read(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		     size_t *len, struct diag *out)
{
	return move_bytes(run, conn, buf, size, false, len, out);
}

enum result net_write(const struct check_run *run, struct conn *conn, const void *buf, size_t len,
		      struct diag *out)
{
	for (size_t at = 0, n = 0; at < len; at += n)
		if (move_bytes(run, conn, (char *)buf + at, len - at, true, &n, out))
			return RESULT_FAIL;
	return RESULT_PASS;
}
