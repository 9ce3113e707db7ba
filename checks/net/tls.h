/* tls: TLS with OpenSSL on a connection of net.h, and what a failure of TLS means, whoever reports it: OpenSSL, curl or
 * librdkafka.
 *
 * Child only. A function that fails returns RESULT_FAIL with *out filled (tls-*). Nothing is freed at the end: the
 * child's exit does that.
 */
#ifndef SG_TLS_H
#define SG_TLS_H

#include <openssl/ssl.h>

#include "net.h"

struct tls_conf { /* all may be NULL */
	const char *ca_file, *ca_path, *cert_file, *key_file, *server_name;
	bool any_certificate; /* verify nothing: only for data that is not secret */
};

/* For a kind's validate: NULL, or what is wrong with the combination; *key names the key. */
const char *tls_conf_problem(const struct tls_conf *tls, const char **key);
/* The name of the first key that is given; NULL: none. */
const char *tls_key_given(const struct tls_conf *tls);
/* Loads the files that `tls` names, only to diagnose what is wrong with them. */
enum result tls_files(const struct tls_conf *tls, struct diag *out);

/* Starts TLS on a connected conn. SNI and the name in the certificate are server_name, else `host`; the CA is the
 * system's unless one is given. */
enum result tls_handshake(const struct check_run *run, struct conn *conn, const char *host,
			  const struct tls_conf *tls, struct diag *out);
/* For net.c. Reads or writes once, without waiting: how many bytes (of a read 0: the peer ended the stream). -1 with
 * the poll events to wait for in *events, or with *events untouched and *out filled. */
ssize_t tls_try(struct conn *conn, void *buf, size_t size, bool write, short *events,
		struct diag *out);
/* Whether the peer of a fresh connection answers a ClientHello with TLS before `until`. */
bool tls_is_spoken(int fd, struct instant until);
/* Whether these first bytes of a peer are a TLS alert, its answer to plain bytes (RFC 8446 section 5.1). */
bool tls_is_alert(const void *bytes, size_t n);

/* What a handshake reports besides its error. */
struct tls_seen {
	long x509_error;       /* of the first certificate that was not accepted; 0: none */
	char certificate[256]; /* that one, else the last of the chain: the server's own */
	bool asked_for_ours;   /* the peer sent a CertificateRequest */
};
/* Fills *seen during the handshakes of ctx; verifies the peer's certificate. */
void tls_watch(SSL_CTX *ctx, struct tls_seen *seen);

/* The handshake failed with this error text of OpenSSL or curl. */
enum result tls_fail_handshake(struct diag *out, const struct tls_seen *seen,
			       const struct tls_conf *tls, const char *text, const char *subject);
/* X509_V_ERR_*; `certificate` describes the one that was refused ("certificate of CN=kafka, until 2026-..."). */
enum result tls_fail_verify(struct diag *out, long x509_error, const char *subject,
			    const char *certificate);
/* An error text that names a TLS alert or an error of OpenSSL ("... tlsv13 alert certificate required"). */
enum result tls_fail_text(struct diag *out, const char *text, const char *subject);
/* A line about a certificate for causes: subject, names, issuer, dates. */
void tls_certificate_text(X509 *cert, char *buf, size_t size);

/* "OpenSSL 3.0.17", for `startguard version`. */
const char *tls_library(void);

#endif
