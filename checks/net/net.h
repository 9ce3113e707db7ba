/* net: connects to a host and port or to a unix socket; reads and writes the connection, plain or with TLS.
 *
 * Child only. Every call ends at run->deadline. A function that fails returns RESULT_FAIL with *out filled.
 * It closes no connection and frees no address list: the child's exit does that.
 */
#ifndef SG_NET_H
#define SG_NET_H

#include "check.h"

struct conn {
	int fd;
	void *ssl;      /* SSL *, NULL without TLS: tls_handshake sets it */
	char peer[128]; /* subject of diagnoses: "cache:6379", "/run/redis.sock" */
	char ip[64];    /* the address that answered, "10.0.0.7"; empty for unix sockets */
	int port;       /* 0 for unix sockets */
};

/* Resolves `host` and tries its addresses in the resolver's order, each within its share of the time left, until one
 * connects. */
enum result net_connect(const struct check_run *run, const char *host, int port, struct conn *conn,
			struct diag *out);
enum result net_connect_unix(const struct check_run *run, const char *path, struct conn *conn,
			     struct diag *out);

/* Reads what has come, at least one byte and at most `size`; *len 0: the peer ended the stream. */
enum result net_read(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		     size_t *len, struct diag *out);
/* Writes all of buf. */
enum result net_write(const struct check_run *run, struct conn *conn, const void *buf, size_t len,
		      struct diag *out);

/* A TLS server often closes a plain connection without an answer. *out holds the diagnosis of that close; when the
 * peer answers a TLS handshake on a second connection, *out becomes tls-required. Takes 2 s at most; accepts any
 * certificate; sends no data after the handshake. Returns RESULT_FAIL. `ip` empty: a unix socket. */
enum result net_fail_closed(const struct check_run *run, const char *ip, int port,
			    struct diag *out);

#endif
