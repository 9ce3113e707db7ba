/* net: connects to a host and port or to a unix socket; reads and writes the connection, plain or with TLS.
 *
 * Child only. Every call ends at run->deadline. A function that fails returns RESULT_FAIL with *out filled.
 * The module closes no connection and frees no address list: the child's exit does that.
 */
#ifndef SG_NET_H
#define SG_NET_H

#include "check.h"

struct conn {
	int fd;
	void *ssl;      /* SSL *, set by tls_handshake; NULL without TLS */
	char peer[128]; /* the subject for diagnoses: "cache:6379", "/run/redis.sock" */
	char ip[64];    /* the address that answered, "10.0.0.7"; empty for unix sockets */
	int port;       /* 0 for unix sockets */
};

/* Resolves `host` and tries its addresses in the resolver's order, each within its share of the time left, until one
 * connects. */
enum result net_connect(const struct check_run *run, const char *host, int port, struct conn *conn,
			struct diag *out);
enum result net_connect_unix(const struct check_run *run, const char *path, struct conn *conn,
			     struct diag *out);

/* Waits for data, then reads at most `size` bytes; sets *len to 0 when the peer ended the stream. */
enum result net_read(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		     size_t *len, struct diag *out);
/* Writes all of buf. */
enum result net_write(const struct check_run *run, struct conn *conn, const void *buf, size_t len,
		      struct diag *out);

/* A TLS server often closes a plain connection without an answer. The caller has filled *out with the diagnosis of that
 * close; *out becomes tls-required when the peer answers a TLS handshake on a second connection. Takes 2 s at most and
 * sends no data after the handshake. Returns RESULT_FAIL. `ip` is empty for a unix socket, which is not probed. */
enum result net_fail_closed(const struct check_run *run, const char *ip, int port,
			    struct diag *out);
/* A handshake for which the caller has filled *out found nothing in common, or the peer did not say why it failed: asks, on a second
 * connection, what the peer chooses of all that OpenSSL has. Other diagnoses stay as they are. Takes 2 s at most. Returns
 * RESULT_FAIL. `name` is the server's, for SNI. */
enum result net_fail_tls(const struct check_run *run, const char *ip, int port, const char *name,
			 struct diag *out);

#endif
