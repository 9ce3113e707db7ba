/* tls_fail: diagnoses failures of TLS that OpenSSL, curl, librdkafka or libpq report, and certificates that were refused.
 *
 * It knows the texts of those libraries and the numbers of X509_V_ERR_*, and does no I/O. tls.h includes it; the kinds whose library
 * does TLS by itself call it too. Child only.
 */
#ifndef SG_TLS_FAIL_H
#define SG_TLS_FAIL_H

#include <openssl/x509_vfy.h>

#include "check.h"

/* Where a refused certificate came from. */
enum tls_origin {
	TLS_ORIGIN_UNKNOWN,
	TLS_ORIGIN_PEER, /* the peer sent it */
	TLS_ORIGIN_OURS, /* it was among the trusted ones */
};
/* The first certificate of a chain that was refused. */
struct tls_refusal {
	long error; /* X509_V_ERR_*; 0: none was refused */
	int depth;  /* 0: the peer's own; above: a CA's */
	int sent;   /* how many certificates the peer sent; 0: not known */
	enum tls_origin origin;
	bool has_names, has_addresses; /* subject alternative names of the certificate */
	char text[256];                /* "certificate of CN=kafka, until 2026-..." */
	char issuer[96];               /* "CN=test CA" */
};
/* Fills all members but sent and origin, which it sets to "not known". */
void tls_refusal_set(struct tls_refusal *r, long error, int depth, X509 *cert);
/* Diagnoses it. `name` is the host name or address that was asked for, NULL if not known. */
enum result tls_fail_verify(struct diag *out, const struct tls_refusal *r, const char *name,
			    const char *subject);
/* Returns the diagnosis of an X509_V_ERR_*; tls-certificate for one without a meaning of its own. */
enum diag_code tls_verify_code(long x509_error);
/* No version of OpenSSL has an X509_V_ERR_* above it. */
#define TLS_VERIFY_ERROR_MAX 200

/* Diagnoses an error text that names a TLS alert or an error of OpenSSL ("... tlsv13 alert certificate required"). */
enum result tls_fail_text(struct diag *out, const char *text, const char *subject);
/* The peer ended the connection in the handshake, without an alert. `detail` is what a library said, or "". */
enum result tls_fail_closed(struct diag *out, const char *detail, const char *subject);
/* Completes a failure of the handshake for which `name`, a host or an address, may be the reason: TLS sends no address to the server
 * (RFC 6066), which may have no certificate for a client that names none; and no certificate has a dot at the end of a name. */
void tls_hint_name(struct diag *out, const char *name);
/* What a peer answers to a client that takes every version, cipher, curve and certificate. */
struct tls_answer {
	bool is_tls; /* it answered the ClientHello with TLS, also with an alert */
	int version; /* that it chose, TLS1_1_VERSION; 0: none, or 1.2 and above are not told apart */
	const char *cipher; /* that it chose, in OpenSSL's name; NULL: none */
	bool asks_for_our_certificate;
	int certificates; /* how many it sent; 0: the handshake did not get so far */
};
/* Is it a handshake that failed for want of something in common, or, with the bare alert handshake_failure, may have? */
bool tls_may_lack_common(const struct diag *d);
/* Completes such a failure by what the peer answers. The alert may as well be about the client's certificate; `gave_ours` says whether
 * this client has given one. */
void tls_tell_common(struct diag *out, const struct tls_answer *answer, bool gave_ours);

/* Completes the refusal of this client's certificate with whose it is and its dates; any other diagnosis stays as it is. `own` and
 * `file` may be NULL. */
void tls_tell_own(struct diag *out, X509 *own);
void tls_tell_own_file(struct diag *out, const char *file);
/* Writes one line about a certificate, for causes: subject, names, issuer, dates. */
void tls_certificate_text(X509 *cert, char *buf, size_t size);

#endif
