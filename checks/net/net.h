/* net: resolve and connect with steps; errno and EAI_* become diagnoses here and nowhere else.
 *
 * Child only. A conn is a connected stream, plain or TLS, whose reads and writes end at run->deadline. Every
 * function that fails has filled *out. Nothing is freed at the end: the child's exit does that.
 */
#ifndef SG_NET_H
#define SG_NET_H

#include "check.h"

struct tls_conf { /* all may be NULL */
	const char *ca_file, *ca_path, *cert_file, *key_file, *server_name;
	bool any_certificate; /* only to see who is there: for what may be said to anybody */
};

struct conn {
	int fd;
	void *ssl;      /* SSL *, NULL when plain */
	char peer[128]; /* "cache:6379", "/run/redis.sock": for subjects */
	char ip[64];    /* the address that answered, "10.0.0.7"; empty for unix sockets */
	int port;       /* 0 for unix sockets */
};

/* Resolves `host` with the system's resolver and tries every address until one connects (RFC 8305 in its
 * simple form: in the resolver's order, each within its share of what is left). 0 or -1. */
int net_connect(const struct check_run *run, const char *host, int port, struct conn *conn,
		struct diag *out);
int net_connect_unix(const struct check_run *run, const char *path, struct conn *conn,
		     struct diag *out);
/* TLS on a connected conn: SNI and name check against server_name or host, default trust store unless a CA is
 * given (loaded once). 0 or -1 with a tls-* code. */
int net_tls(const struct check_run *run, struct conn *conn, const char *host,
	    const struct tls_conf *tls, struct diag *out);
/* A peer ended a plain connection without a word: does it want TLS? Asks on a connection of its own, for two seconds at
 * most; true only when it answers a ClientHello with TLS records. Any certificate is good enough. */
bool net_wants_tls(const struct check_run *run, const char *ip, int port);
/* > 0 bytes; 0 end of stream; -1 failed (answer-timeout, connect-reset, tls-...). */
ssize_t net_read(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		 struct diag *out);
int net_write(const struct check_run *run, struct conn *conn, const void *buf, size_t len,
	      struct diag *out);

/* As net_read, but what is not there yet by `until` gives 0 with *idle set: for peers that may stay silent. */
ssize_t net_read_until(const struct check_run *run, struct conn *conn, void *buf, size_t size,
		       struct instant until, bool *idle, struct diag *out);

/* errno of connect/read/write to a diagnosis. `while_doing` is "connect", "read" ... */
enum result net_fail_errno(struct diag *out, int err, const char *subject, const char *while_doing);
/* EAI_* of getaddrinfo to a diagnosis; sys_errno only for EAI_SYSTEM. */
enum result net_fail_eai(struct diag *out, int eai, int sys_errno, const char *host);
/* X509_V_ERR_* to a diagnosis; `certificate` says in words whose certificate it is ("CN=kafka, expired 2026-..."). */
enum result tls_fail_verify(struct diag *out, long x509_error, const char *subject,
			    const char *certificate);
/* What an OpenSSL error text or TLS alert means, for OpenSSL's own queue, librdkafka's log lines and curl's error
 * buffer alike ("... SSL alert number 116"). */
enum result tls_fail_text(struct diag *out, const char *text, const char *subject);
/* Loads what the files name, only to say what is wrong with them. 0 or -1. */
int tls_files(const struct tls_conf *tls, struct diag *out);
/* Rows' validation: NULL, or what is wrong with the combination. */
const char *tls_conf_problem(const struct tls_conf *tls, const char **key);
/* The name of the first key that is given; NULL: none. */
const char *tls_key_given(const struct tls_conf *tls);
/* One line about a certificate for causes: subject, issuer, dates, names. `cert` is an X509 *. */
void tls_certificate_text(void *cert, char *buf, size_t size);

#endif
