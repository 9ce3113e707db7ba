#include "tls_fail.h"

#include <arpa/inet.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "resolve.h"
#include "str.h"

/* ---- error texts ------------------------------------------------------------------------------------------------- */
/* The first match counts: alerts of the peer (RFC 8446 section 6) come before phrases that other errors contain too. */
static const struct {
	const char *phrase;
	enum diag_code code;
} phrases[] = {
    {"alert certificate required", D_TLS_CLIENT_CERT_REQUIRED},
    {"alert bad certificate", D_TLS_CLIENT_CERT_REFUSED},
    {"alert unsupported certificate", D_TLS_CLIENT_CERT_REFUSED},
    {"alert certificate revoked", D_TLS_CLIENT_CERT_REFUSED},
    {"alert certificate expired", D_TLS_CLIENT_CERT_REFUSED},
    {"alert certificate unknown", D_TLS_CLIENT_CERT_REFUSED},
    {"alert unknown ca", D_TLS_CLIENT_CERT_REFUSED},
    {"alert access denied", D_TLS_CLIENT_CERT_REFUSED},
    {"unrecognized name",
     D_TLS_WRONG_NAME}, /* an alert: the server has no certificate for the SNI */
    {"no application protocol", D_TLS_PROTOCOL},
    {"inappropriate fallback", D_TLS_PROTOCOL},
    {"unsafe legacy renegotiation", D_TLS_PROTOCOL},
    {"no shared cipher", D_TLS_PROTOCOL},
    {"no suitable signature algorithm", D_TLS_PROTOCOL},
    {"no shared signature algorithms", D_TLS_PROTOCOL},
    {"no shared groups", D_TLS_PROTOCOL},
    {"no suitable key share", D_TLS_PROTOCOL},
    {"unsupported elliptic curve", D_TLS_PROTOCOL},
    {"wrong curve", D_TLS_PROTOCOL},
    {"wrong cipher returned", D_TLS_PROTOCOL},
    {"unknown cipher returned", D_TLS_PROTOCOL},
    {"wrong signature type", D_TLS_PROTOCOL},
    {"alert insufficient security", D_TLS_PROTOCOL},
    {"alert protocol version", D_TLS_PROTOCOL},
    {"unsupported protocol", D_TLS_PROTOCOL},
    {"no protocols available", D_TLS_PROTOCOL},
    {"no ciphers available", D_TLS_PROTOCOL},
    {"legacy sigalg", D_TLS_PROTOCOL},
    {"dh key too small", D_TLS_PROTOCOL},
    {"ee key too small", D_TLS_PROTOCOL},
    {"wrong version number", D_TLS_PEER_IS_PLAINTEXT},
    {"packet length too long", D_TLS_PEER_IS_PLAINTEXT},
    {"http request", D_TLS_PEER_IS_PLAINTEXT},
    {"PLAINTEXT broker listener", D_TLS_PEER_IS_PLAINTEXT},
    {"key values mismatch", D_TLS_KEY_MISMATCH},
    {"certificate has expired", D_TLS_EXPIRED},
    {"certificate is not yet valid", D_TLS_NOT_YET_VALID},
    {"no alternative certificate subject name matches", D_TLS_WRONG_NAME},
    {"does not match target host name", D_TLS_WRONG_NAME},
    {"ostname mismatch", D_TLS_WRONG_NAME},
    {"IP address mismatch", D_TLS_WRONG_NAME},
    /* In "self-signed certificate in certificate chain" the root is self-signed, not the peer's certificate. */
    {"in certificate chain", D_TLS_UNKNOWN_CA},
    {"self-signed certificate", D_TLS_SELF_SIGNED},
    {"self signed certificate", D_TLS_SELF_SIGNED},
    {"unable to get local issuer certificate", D_TLS_UNKNOWN_CA},
    {"unable to get issuer certificate", D_TLS_UNKNOWN_CA},
    {"unable to verify the first certificate", D_TLS_UNKNOWN_CA},
    {"error setting certificate verify locations", D_TLS_CA_UNREADABLE},
    {"error setting certificate file", D_TLS_CA_UNREADABLE},
    {"could not load PEM client certificate", D_TLS_CA_UNREADABLE},
    {"unable to set private key file", D_TLS_CA_UNREADABLE},
};

/* What each error of verification means (openssl-verify(1), X509_STORE_CTX_get_error(3)). One that is not here is
 * tls-certificate, and final: a weak key, a wrong purpose, a broken extension, a name constraint. */
static const struct {
	int error;
	enum diag_code code;
} verify_errors[] = {
    /* Not about a certificate: memory, a bug, a look-up that failed. */
    {X509_V_ERR_UNSPECIFIED, D_TLS_HANDSHAKE},
    {X509_V_ERR_OUT_OF_MEM, D_TLS_HANDSHAKE},
    {X509_V_ERR_INVALID_CALL, D_TLS_HANDSHAKE},
    {X509_V_ERR_STORE_LOOKUP, D_TLS_HANDSHAKE},
    /* Revocation lists are fetched and renewed. startguard asks for none; a library's configuration may. */
    {X509_V_ERR_UNABLE_TO_GET_CRL, D_TLS_HANDSHAKE},
    {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, D_TLS_HANDSHAKE},
    {X509_V_ERR_CRL_NOT_YET_VALID, D_TLS_HANDSHAKE},
    {X509_V_ERR_CRL_HAS_EXPIRED, D_TLS_HANDSHAKE},
    {X509_V_ERR_OCSP_VERIFY_NEEDED, D_TLS_HANDSHAKE},
    {X509_V_ERR_OCSP_VERIFY_FAILED, D_TLS_HANDSHAKE},
    {X509_V_ERR_CERT_NOT_YET_VALID, D_TLS_NOT_YET_VALID},
    {X509_V_ERR_CERT_HAS_EXPIRED, D_TLS_EXPIRED},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, D_TLS_SELF_SIGNED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_CERT_UNTRUSTED, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_HOSTNAME_MISMATCH, D_TLS_WRONG_NAME},
    {X509_V_ERR_EMAIL_MISMATCH, D_TLS_WRONG_NAME},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, D_TLS_WRONG_NAME},
};

enum diag_code tls_verify_code(long x509_error)
{
	for (size_t i = 0; i < ARRAY_LEN(verify_errors); i++)
		if (verify_errors[i].error == x509_error)
			return verify_errors[i].code;
	return D_TLS_CERTIFICATE;
}

/* Returns the meaning of the longest message of OpenSSL about a certificate in the text: some messages are the beginning of
 * others. D_NONE: the text has none. */
static enum diag_code find_verify_error(const char *text)
{
	enum diag_code code = D_NONE;
	size_t longest = 0;

	for (int error = X509_V_OK + 1; error <= TLS_VERIFY_ERROR_MAX; error++) {
		const char *message = X509_verify_cert_error_string(error);

		if (str_starts(message, "unknown certificate verification error") ||
		    error == X509_V_ERR_OUT_OF_MEM || strlen(message) <= longest ||
		    !strcasestr(text, message))
			continue;
		longest = strlen(message);
		code = tls_verify_code(error);
	}
	return code;
}

enum result tls_fail_text(struct diag *out, const char *text, const char *subject)
{
	enum diag_code code;

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (strcasestr(text, phrases[i].phrase))
			return check_fail(out, phrases[i].code, subject, "%s", text);
	code = find_verify_error(text);
	return check_fail(out, code ? code : D_TLS_HANDSHAKE, subject, "%s", text);
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */
static void add_time(struct str *s, const ASN1_TIME *t, const char *what)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm))
		str_addf(s, ", %s %04d-%02d-%02d", what, tm.tm_year + 1900, tm.tm_mon + 1,
			 tm.tm_mday);
}

static void add_name(struct str *s, const char *what, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!bio)
		return;
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(bio, &text);
	str_addf(s, "%s", what);
	str_addn(s, text, n > 80 ? 80 : (size_t)n);
	BIO_free(bio);
}

/* A peer may put an address of any length into its certificate, so the length is checked. */
static void add_address(struct str *s, const ASN1_OCTET_STRING *address)
{
	int len = ASN1_STRING_length(address);
	char ip[INET6_ADDRSTRLEN];

	if (len != 4 && len != 16)
		str_addf(s, "(address of %d bytes)", len);
	else if (inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), ip,
			   sizeof ip))
		str_add(s, ip);
}

static void add_alternatives(struct str *s, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;

	for (int i = 0; i < n && i < 6; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		str_add(s, i ? " " : ", names ");
		if (g->type == GEN_DNS)
			str_addn(s, (const char *)ASN1_STRING_get0_data(g->d.dNSName),
				 (size_t)ASN1_STRING_length(g->d.dNSName));
		else if (g->type == GEN_IPADD)
			add_address(s, g->d.iPAddress);
	}
	if (n > 6)
		str_addf(s, " and %d more", n - 6);
	GENERAL_NAMES_free(names);
}

void tls_certificate_text(X509 *cert, char *buf, size_t size)
{
	struct str s;

	str_init(&s, 2048);
	add_name(&s, "certificate of ", X509_get_subject_name(cert));
	add_alternatives(&s, cert);
	add_name(&s, ", issued by ", X509_get_issuer_name(cert));
	add_time(&s, X509_get0_notBefore(cert), "from");
	add_time(&s, X509_get0_notAfter(cert), "until");
	text_clean(buf, size, s.s);
	str_free(&s);
}

void tls_tell_own(struct diag *out, X509 *own)
{
	char text[256], cause[sizeof out->cause], subject[sizeof out->subject];

	if (out->code != D_TLS_CLIENT_CERT_REFUSED || !own || strstr(out->cause, "; sent is the "))
		return;
	tls_certificate_text(own, text, sizeof text);
	snprintf(cause, sizeof cause, "%s", out->cause);
	snprintf(subject, sizeof subject, "%s", out->subject);
	check_fail(out, D_TLS_CLIENT_CERT_REFUSED, subject, "%.240s; sent is the %s", cause, text);
	if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
		diag_hint(out, "renew the client certificate: it has expired");
}

void tls_tell_own_file(struct diag *out, const char *file)
{
	FILE *f = out->code == D_TLS_CLIENT_CERT_REFUSED && file ? fopen(file, "re") : NULL;
	X509 *own = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	tls_tell_own(out, own);
	X509_free(own);
	if (f)
		fclose(f);
}

/* ---- refused certificates ------------------------------------------------------------------------------------------ */
static bool has_alternative(X509 *cert, int type)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++)
		found |= sk_GENERAL_NAME_value(names, i)->type == type;
	GENERAL_NAMES_free(names);
	return found;
}

void tls_refusal_set(struct tls_refusal *r, long error, int depth, X509 *cert)
{
	struct str s;

	*r = (struct tls_refusal){.error = error, .depth = depth};
	if (!cert)
		return;
	tls_certificate_text(cert, r->text, sizeof r->text);
	r->has_names = has_alternative(cert, GEN_DNS);
	r->has_addresses = has_alternative(cert, GEN_IPADD);
	str_init(&s, 512);
	add_name(&s, "", X509_get_issuer_name(cert));
	text_clean(r->issuer, sizeof r->issuer, s.s);
	str_free(&s);
}

/* What a cause says behind the certificate: how many came, or what was asked for. */
static void add_circumstances(struct str *s, const struct tls_refusal *r, enum diag_code code,
			      const char *name)
{
	if (code == D_TLS_WRONG_NAME && name)
		str_addf(s, "; asked for is %s", name);
	else if (code == D_TLS_UNKNOWN_CA && r->sent == 1)
		str_add(s, "; the server sent 1 certificate, its own, and no intermediate");
	else if (code == D_TLS_UNKNOWN_CA && r->sent > 1)
		str_addf(s, "; the server sent %d certificates%s", r->sent,
			 r->depth ? "" : ", none of which issued its own");
}

/* Who has to act: the server, which must send its intermediates, or the client, which must trust the root. */
static void hint_issuer(struct diag *out, const struct tls_refusal *r)
{
	if (r->error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT)
		diag_hint(out,
			  "add the certificate of %s to ca_file (Kafka: ssl.ca.location): the file "
			  "has a CA that it issued, and not the root itself",
			  r->issuer);
	else if (r->depth == 0)
		diag_hint(out,
			  "if %s is an intermediate CA, the server must send its certificate too: "
			  "put the whole chain into the server's certificate file; if it is a "
			  "root, give it as ca_file (Kafka: ssl.ca.location)",
			  r->issuer);
	else
		diag_hint(out,
			  "give ca_file (Kafka: ssl.ca.location) of %s, which issued the last "
			  "certificate of the server's chain",
			  r->issuer);
}

/* A CA's certificate is out of its time: to renew the server's own would not help. */
static void hint_ca_dates(struct diag *out, const struct tls_refusal *r)
{
	static const char *const places[] = {
	    [TLS_ORIGIN_UNKNOWN] = "in the server's chain, or in ca_file (Kafka: ssl.ca.location)",
	    [TLS_ORIGIN_PEER] = "in the chain that the server sends",
	    [TLS_ORIGIN_OURS] = "in ca_file, or where the system's CAs are",
	};

	diag_hint(out,
		  "it is the certificate of a CA, not the server's own: replace it %s, and look at "
		  "this machine's clock",
		  places[r->origin]);
}

static void hint_names(struct diag *out, const struct tls_refusal *r, const char *name)
{
	if (resolve_is_literal(name) && !r->has_addresses)
		diag_hint(out,
			  "%s is an address, and the certificate has names alone: ask for one of "
			  "them, in place of the address, or as server_name where the kind has it; "
			  "a server with several certificates chooses by that name (SNI)",
			  name);
	else if (!resolve_is_literal(name) && r->has_addresses && !r->has_names)
		diag_hint(out,
			  "the certificate has addresses alone: ask for one of them, or add the "
			  "name %s to it as a subject alternative name",
			  name);
	else if (!resolve_is_literal(name))
		tls_hint_name(out, name);
}

enum result tls_fail_verify(struct diag *out, const struct tls_refusal *r, const char *name,
			    const char *subject)
{
	enum diag_code code = tls_verify_code(r->error);
	struct str s;

	str_init(&s, 1024);
	str_addf(&s, "%s%s%s", X509_verify_cert_error_string(r->error), *r->text ? ": " : "",
		 r->text);
	add_circumstances(&s, r, code, name);
	check_fail(out, code, subject, "%s", s.s);
	str_free(&s);
	if (code == D_TLS_UNKNOWN_CA && *r->issuer)
		hint_issuer(out, r);
	else if ((code == D_TLS_EXPIRED || code == D_TLS_NOT_YET_VALID) && r->depth > 0)
		hint_ca_dates(out, r);
	else if (code == D_TLS_WRONG_NAME && name)
		hint_names(out, r, name);
	return RESULT_FAIL;
}

/* ---- handshakes ---------------------------------------------------------------------------------------------------- */
enum result tls_fail_closed(struct diag *out, const char *detail, const char *subject)
{
	return check_fail(out, D_TLS_HANDSHAKE, subject,
			  "the peer closed the connection during the handshake%s%s",
			  *detail ? ": " : "", detail);
}

void tls_hint_name(struct diag *out, const char *name)
{
	if (*out->hint || (out->code != D_TLS_HANDSHAKE && out->code != D_TLS_WRONG_NAME))
		return;
	if (resolve_is_literal(name))
		diag_hint(out,
			  "%s is an address, so that no server name (SNI) was sent; if the server "
			  "needs one, ask for its name, in place of the address, or as server_name "
			  "where the kind has it",
			  name);
	else if (out->code == D_TLS_WRONG_NAME && str_ends(name, "."))
		diag_hint(out, "drop the dot at the end of %s: no certificate has it", name);
}

#define BARE_ALERT "alert handshake failure" /* of the peer, and all that it says */

bool tls_may_lack_common(const struct diag *d)
{
	return d->code == D_TLS_PROTOCOL ||
	       (d->code == D_TLS_HANDSHAKE && strcasestr(d->cause, BARE_ALERT));
}

static void tell_version(struct diag *out, const char *name, const char *cause)
{
	check_fail(out, D_TLS_PROTOCOL, out->subject, "the peer speaks %s at most: %s", name,
		   cause);
	diag_hint(out, "let the server speak TLS 1.2 or 1.3: clients of today refuse %s (RFC 8996)",
		  name);
}

static void hint_alert(struct diag *out, const struct tls_answer *answer)
{
	if (!*out->hint)
		diag_hint(out,
			  "likely the server %s, or has no cipher, curve or signature algorithm "
			  "in common with this client: its log says which",
			  answer->asks_for_our_certificate ? "refuses the client certificate"
							   : "has no certificate for this name");
}

void tls_tell_common(struct diag *out, const struct tls_answer *answer, bool gave_ours)
{
	const char *old = answer->version == TLS1_1_VERSION ? "TLS 1.1"
			  : answer->version == TLS1_VERSION ? "TLS 1.0"
			  : answer->version == SSL3_VERSION ? "SSL 3.0"
							    : NULL;
	char cause[DIAG_CAUSE_MAX];

	if (!tls_may_lack_common(out))
		return;
	snprintf(cause, sizeof cause, "%s", out->cause);
	if (old)
		tell_version(out, old, cause);
	if (old || !strcasestr(cause, BARE_ALERT))
		return;
	if (answer->asks_for_our_certificate && !gave_ours)
		check_fail(out, D_TLS_CLIENT_CERT_REQUIRED, out->subject,
			   "the peer asks for a client certificate, and got none: %s", cause);
	else if (answer->asks_for_our_certificate || !answer->cipher)
		hint_alert(out, answer);
	else
		check_fail(out, D_TLS_PROTOCOL, out->subject,
			   "no cipher, curve or signature algorithm in common: a client that "
			   "offers more of them is answered with %s: %s",
			   answer->cipher, cause);
}
