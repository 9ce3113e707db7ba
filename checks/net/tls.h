/* tls: does TLS with OpenSSL on a connection of net.h, and diagnoses failures of TLS that OpenSSL, curl or librdkafka
 * report.
 *
 * Child only. A function that fails returns RESULT_FAIL with *out filled (tls-*). Only the child's exit frees memory.
 */
#ifndef SG_TLS_H
#define SG_TLS_H

#include <openssl/ssl.h>

#include "net.h"
#include "tls_fail.h"

struct tls_conf { /* any member may be NULL */
	const char *ca_file, *ca_path, *cert_file, *key_file, *server_name;
	bool any_certificate; /* the peer is not verified: only for data that is not secret */
	bool any_name;        /* its certificate may be for another name */
};

/* For a kind's validate. Returns NULL when the keys fit together; else what is wrong, with *key set to one of them. */
const char *tls_conf_problem(const struct tls_conf *tls, const char **key);
/* Returns the name of the first key that the profile gives, NULL when it gives none. */
const char *tls_key_given(const struct tls_conf *tls);
/* Loads the files that `tls` names, only to diagnose those that cannot be used. */
enum result tls_files(const struct tls_conf *tls, struct diag *out);
/* Makes ctx trust the CAs that `tls` names and no others; without ca_file and ca_path the system's (system_ca.h). */
enum result tls_trust(SSL_CTX *ctx, const struct tls_conf *tls, struct diag *out);

/* Makes verification demand this host name or address in the peer's certificate. A dot at its end is not part of the name: it is for
 * the resolver alone, and curl and Go drop it too. */
void tls_expect_name(X509_VERIFY_PARAM *param, const char *name);
/* Fails for what is not a host name nor an address: OpenSSL 4 lets tls_expect_name take nothing else. */
enum result tls_check_name(const char *name, struct diag *out);

/* Starts TLS on a connected conn. server_name, or `host` without one, is sent as SNI and must be in the certificate.
 * Without ca_file and ca_path the system's CAs are trusted. */
enum result tls_handshake(const struct check_run *run, struct conn *conn, const char *host,
			  const struct tls_conf *tls, struct diag *out);
/* For net.c. Reads or writes once, without waiting. Returns the count of bytes (a read returns 0 at the end of the
 * stream), or -1: either sets *events to the poll events to wait for, or leaves *events and fills *out. */
ssize_t tls_try(struct conn *conn, void *buf, size_t size, bool write, short *events,
		struct diag *out);
/* Begins TLS on a new connection, sends no data, and closes nothing. `name` is sent as SNI unless it is NULL or an address. */
struct tls_answer tls_ask(int fd, const char *name, struct instant until);
/* Returns whether a peer's first bytes are a TLS alert, a TLS server's answer to plain bytes (RFC 8446 section 5.1). */
bool tls_is_alert(const void *bytes, size_t n);

/* Details of a handshake besides its error. */
struct tls_seen {
	struct tls_refusal refusal; /* the first certificate that was refused */
	bool asked_for_ours;        /* the peer sent a CertificateRequest */
};
/* Fills *seen during the handshakes of ctx; verifies the peer's certificate. */
void tls_watch(SSL_CTX *ctx, struct tls_seen *seen);

/* Diagnoses a handshake with `name` (a host or an address) that failed with this error text of OpenSSL or curl. */
enum result tls_fail_handshake(struct diag *out, const struct tls_seen *seen,
			       const struct tls_conf *tls, const char *name, const char *text,
			       const char *subject);

/* Returns "OpenSSL 3.0.17", for `startguard version`. */
const char *tls_library(void);

#endif
