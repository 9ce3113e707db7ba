#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* What one handshake learned, reachable from OpenSSL's callbacks. */
struct handshake {
	long x509_error;
	char certificate[256]; /* of the one that was not accepted */
	bool asked_for_ours;   /* the peer sent a CertificateRequest */
};

/* ---- texts ------------------------------------------------------------------------------------------------------ */
/* First match wins: the peer's alerts (RFC 8446 section 6) before words that also occur in other places. */
static const struct tls_words {
	const char *words;
	enum diag_code code;
} tls_words[] = {
    {"alert number 116", D_TLS_CLIENT_CERT_REQUIRED},
    {"alert certificate required", D_TLS_CLIENT_CERT_REQUIRED},
    {"alert number 42", D_TLS_CLIENT_CERT_REFUSED},
    {"alert number 43", D_TLS_CLIENT_CERT_REFUSED},
    {"alert number 44", D_TLS_CLIENT_CERT_REFUSED},
    {"alert number 45", D_TLS_CLIENT_CERT_REFUSED},
    {"alert number 46", D_TLS_CLIENT_CERT_REFUSED},
    {"alert number 48", D_TLS_CLIENT_CERT_REFUSED},
    {"alert bad certificate", D_TLS_CLIENT_CERT_REFUSED},
    {"alert unsupported certificate", D_TLS_CLIENT_CERT_REFUSED},
    {"alert certificate revoked", D_TLS_CLIENT_CERT_REFUSED},
    {"alert certificate expired", D_TLS_CLIENT_CERT_REFUSED},
    {"alert certificate unknown", D_TLS_CLIENT_CERT_REFUSED},
    {"alert unknown ca", D_TLS_CLIENT_CERT_REFUSED},
    {"alert number 70", D_TLS_PROTOCOL},
    {"alert number 71", D_TLS_PROTOCOL},
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
    {"in certificate chain",
     D_TLS_UNKNOWN_CA}, /* "self-signed certificate in certificate chain": the root */
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

static enum diag_code tls_code_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(tls_words); i++)
		if (strcasestr(text, tls_words[i].words))
			return tls_words[i].code;
	return D_TLS_HANDSHAKE;
}

enum result tls_fail_text(struct diag *out, const char *text, const char *subject)
{
	return check_fail(out, tls_code_of(text), subject, "%s", text);
}

enum result tls_fail_verify(struct diag *out, long x509_error, const char *subject,
			    const char *certificate)
{
	static const struct {
		long error;
		enum diag_code code;
	} map[] = {
	    {X509_V_ERR_CERT_NOT_YET_VALID, D_TLS_NOT_YET_VALID},
	    {X509_V_ERR_CERT_HAS_EXPIRED, D_TLS_EXPIRED},
	    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, D_TLS_SELF_SIGNED},
	    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, D_TLS_UNKNOWN_CA},
	    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, D_TLS_UNKNOWN_CA},
	    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, D_TLS_UNKNOWN_CA},
	    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, D_TLS_UNKNOWN_CA},
	    {X509_V_ERR_HOSTNAME_MISMATCH, D_TLS_WRONG_NAME},
	    {X509_V_ERR_IP_ADDRESS_MISMATCH, D_TLS_WRONG_NAME},
	};
	enum diag_code code = D_TLS_HANDSHAKE;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].error == x509_error)
			code = map[i].code;
	return check_fail(out, code, subject, "%s%s%s", X509_verify_cert_error_string(x509_error),
			  *certificate ? ": " : "", certificate);
}

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

/* A certificate may hold any number of bytes there. */
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

void tls_certificate_text(void *cert, char *buf, size_t size)
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

/* OpenSSL's queue as one line; the first error is the cause. Empties the queue. */
static const char *queue_text(char *buf, size_t size)
{
	unsigned long e = ERR_peek_error();
	const char *data = NULL;
	int flags = 0;

	if (e) {
		char text[256];

		ERR_peek_error_data(&data, &flags);
		ERR_error_string_n(e, text, sizeof text);
		snprintf(buf, size, "%s%s%s", text, data && *data ? ": " : "", data ? data : "");
	} else {
		snprintf(buf, size, "no reason given");
	}
	ERR_clear_error();
	return buf;
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */
const char *tls_conf_problem(const struct tls_conf *tls, const char **key)
{
	if (tls->key_file && !tls->cert_file) {
		*key = "key_file";
		return "needs cert_file, the certificate this key belongs to";
	}
	return NULL;
}

const char *tls_key_given(const struct tls_conf *tls)
{
	return tls->ca_file       ? "ca_file"
	       : tls->ca_path     ? "ca_path"
	       : tls->cert_file   ? "cert_file"
	       : tls->key_file    ? "key_file"
	       : tls->server_name ? "server_name"
				  : NULL;
}

/* An encrypted key must not ask on a terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static int fail_file(struct diag *out, const char *file, const char *what)
{
	char text[320];

	if (access(file, R_OK))
		check_fail(out, D_TLS_CA_UNREADABLE, file, "%s: %s", what, strerror(errno));
	else
		check_fail(out, D_TLS_CA_UNREADABLE, file, "%s: %s", what,
			   queue_text(text, sizeof text));
	return -1;
}

static int load_trust(SSL_CTX *ctx, const struct tls_conf *tls, struct diag *out)
{
	if (tls->ca_file && !SSL_CTX_load_verify_file(ctx, tls->ca_file))
		return fail_file(out, tls->ca_file, "the CA file cannot be loaded");
	if (tls->ca_path &&
	    (access(tls->ca_path, R_OK | X_OK) || !SSL_CTX_load_verify_dir(ctx, tls->ca_path)))
		return fail_file(out, tls->ca_path, "the folder of CA files cannot be used");
	if (!tls->ca_file && !tls->ca_path)
		SSL_CTX_set_default_verify_paths(ctx);
	return 0;
}

static int load_own(SSL_CTX *ctx, const struct tls_conf *tls, struct diag *out)
{
	const char *key = tls->key_file ? tls->key_file : tls->cert_file;
	char text[320];

	if (!tls->cert_file)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) != 1)
		return fail_file(out, tls->cert_file, "the client certificate cannot be loaded");
	ERR_clear_error();
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH) {
		check_fail(out, D_TLS_KEY_MISMATCH, key, "%s", queue_text(text, sizeof text));
		return -1;
	}
	return fail_file(out, key, "the private key cannot be loaded");
}

int tls_files(const struct tls_conf *tls, struct diag *out)
{
	SSL_CTX *ctx;
	int r;

	if (!tls->ca_file && !tls->ca_path && !tls->cert_file)
		return 0;
	ctx = SSL_CTX_new(TLS_client_method());
	invariant(ctx);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	r = load_trust(ctx, tls, out) || load_own(ctx, tls, out) ? -1 : 0;
	SSL_CTX_free(ctx);
	return r;
}

/* ---- handshake -------------------------------------------------------------------------------------------------- */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct handshake *h = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (!ok && h && !h->x509_error) {
		h->x509_error = X509_STORE_CTX_get_error(store);
		if (cert)
			tls_certificate_text(cert, h->certificate, sizeof h->certificate);
	}
	return ok;
}

static int on_client_cert(SSL *ssl, void *arg)
{
	struct handshake *h = SSL_get_app_data(ssl);

	(void)arg;
	if (h)
		h->asked_for_ours = true;
	return 1; /* go on with what is configured, if anything */
}

static SSL *make_ssl(const struct tls_conf *tls, const char *host, struct handshake *h,
		     struct diag *out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	const char *name = tls->server_name ? tls->server_name : host;
	unsigned char ip[16];
	SSL *ssl;

	invariant(ctx);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* A peer that closes without close_notify is an end of stream, not an error. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (tls->any_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	else
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_cert_cb(ctx, on_client_cert, NULL);
	if (load_trust(ctx, tls, out) || load_own(ctx, tls, out))
		return NULL;
	ssl = SSL_new(ctx);
	invariant(ssl);
	SSL_set_app_data(ssl, h);
	if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1) {
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	} else {
		SSL_set1_host(ssl, name);
		SSL_set_tlsext_host_name(ssl, name); /* RFC 6066: no literal addresses */
	}
	return ssl;
}

/* 1 ready, 0 deadline, -1 something else is wrong with the SSL object. */
static int tls_wait(SSL *ssl, int result, struct instant until)
{
	struct pollfd p = {.fd = SSL_get_fd(ssl)};
	int n;

	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		p.events = POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		p.events = POLLOUT;
		break;
	default:
		return -1;
	}
	do
		n = poll(&p, 1, instant_left_ms(until, instant_now()));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static int fail_handshake(const struct conn *conn, const struct handshake *h,
			  const struct tls_conf *tls, int err, struct diag *out)
{
	char text[400];

	if (h->x509_error) {
		tls_fail_verify(out, h->x509_error, conn->peer, h->certificate);
		return -1;
	}
	if (!ERR_peek_error()) {
		if (err)
			net_fail_errno(out, err, conn->peer, "TLS handshake");
		else
			check_fail(out, D_TLS_HANDSHAKE, conn->peer,
				   "the peer closed the connection during the handshake");
		return -1;
	}
	tls_fail_text(out, queue_text(text, sizeof text), conn->peer);
	/* Before TLS 1.3 there is no alert of its own for "you gave no certificate": RFC 5246 7.4.6 names handshake_failure. */
	if (out->code == D_TLS_HANDSHAKE && h->asked_for_ours && !tls->cert_file)
		check_fail(out, D_TLS_CLIENT_CERT_REQUIRED, conn->peer,
			   "the peer asked for a client certificate, got none: %s", text);
	return -1;
}

#define SECOND_THOUGHTS_MIN DURATION_S(1)
#define SECOND_THOUGHTS_TIMES 3

/* With TLS 1.3 the client is done before the server has looked at its certificate. Whoever was asked for one waits
 * for the server's next record: session tickets, data, or the alert. Few send none of them, and with those the time is
 * lost; but a busy one that is not waited for passes although it refuses. Longer where the handshake took long, as the
 * server or the way to it is slow then; at most half of what is left. */
static int tls_second_thoughts(const struct check_run *run, struct conn *conn,
			       const struct handshake *h, struct duration took, struct diag *out)
{
	SSL *ssl = conn->ssl;
	struct duration wait = {took.ns * SECOND_THOUGHTS_TIMES};
	struct instant until;
	char byte, text[400];

	if (!h->asked_for_ours || SSL_version(ssl) < TLS1_3_VERSION)
		return 0;
	wait = wait.ns < SECOND_THOUGHTS_MIN.ns ? SECOND_THOUGHTS_MIN : wait;
	until = instant_earlier(instant_share(instant_now(), run->deadline, 2),
				instant_after(instant_now(), wait));
	for (int records = 0; records < 4; records++) {
		struct pollfd p = {.fd = conn->fd, .events = POLLIN};
		int n, err;

		if (poll(&p, 1, instant_left_ms(until, instant_now())) <= 0)
			return 0;
		ERR_clear_error();
		n = SSL_peek(ssl, &byte, 1);
		err = SSL_get_error(ssl, n);
		if (n > 0 || err == SSL_ERROR_ZERO_RETURN)
			return 0;
		if (err == SSL_ERROR_WANT_READ)
			return 0; /* a ticket came: the server is content */
		if (err == SSL_ERROR_SSL) {
			tls_fail_text(out, queue_text(text, sizeof text), conn->peer);
			return -1;
		}
	}
	return 0;
}

int net_tls(const struct check_run *run, struct conn *conn, const char *host,
	    const struct tls_conf *tls, struct diag *out)
{
	struct handshake *h =
	    xcalloc(1, sizeof *h); /* lives as long as the SSL object: to the child's end */
	SSL *ssl = make_ssl(tls, host, h, out);
	struct instant begun = instant_now();

	if (!ssl)
		return -1;
	check_step(run, PH_TLS, "TLS handshake with %s", conn->peer);
	SSL_set_fd(ssl, conn->fd);
	for (;;) {
		int n, ready;

		ERR_clear_error();
		errno = 0;
		n = SSL_connect(ssl);
		if (n == 1)
			break;
		ready = tls_wait(ssl, n, run->deadline);
		if (ready < 0)
			return fail_handshake(conn, h, tls, errno, out);
		if (ready == 0) {
			check_fail(out, D_ANSWER_TIMEOUT, conn->peer,
				   "connected, but no answer to the TLS handshake");
			diag_hint(
			    out,
			    "look whether this port speaks TLS, and whether the server is stuck");
			return -1;
		}
	}
	conn->ssl = ssl;
	if (tls_second_thoughts(run, conn, h, instant_since(begun, instant_now()), out))
		return -1;
	check_reached(run, "tls");
	return 0;
}

/* ---- is it TLS at all ------------------------------------------------------------------------------------------- */
/* Called for whole messages only: a handshake message or an alert of the peer is proof enough, whatever it says. */
static void on_message(int sent, int version, int type, const void *buf, size_t len, SSL *ssl,
		       void *arg)
{
	bool *spoken = arg;

	(void)version;
	(void)buf;
	(void)len;
	(void)ssl;
	if (!sent && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT))
		*spoken = true;
}

bool tls_is_spoken(int fd, struct instant until)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool spoken = false;
	SSL *ssl;

	invariant(ctx);
	ssl = SSL_new(ctx);
	invariant(ssl);
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, &spoken);
	SSL_set_fd(ssl, fd);
	while (!spoken) {
		int n = SSL_connect(ssl);

		if (n == 1 || tls_wait(ssl, n, until) != 1)
			break;
	}
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return spoken;
}

/* ---- data ------------------------------------------------------------------------------------------------------- */
static int fail_data(struct conn *conn, int err, const char *doing, struct diag *out)
{
	char text[400];

	if (ERR_peek_error())
		tls_fail_text(out, queue_text(text, sizeof text), conn->peer);
	else
		net_fail_errno(out, err ? err : ECONNRESET, conn->peer, doing);
	return -1;
}

static int fail_silent(struct conn *conn, struct diag *out)
{
	check_fail(out, D_ANSWER_TIMEOUT, conn->peer, "connected, then nothing came in time");
	return -1;
}

ssize_t tls_read(struct conn *conn, void *buf, size_t size, struct instant until, bool *idle,
		 struct diag *out)
{
	for (;;) {
		int n, ready;

		ERR_clear_error();
		errno = 0;
		n = SSL_read(conn->ssl, buf, size > INT32_MAX ? INT32_MAX : (int)size);
		if (n > 0)
			return n;
		if (SSL_get_error(conn->ssl, n) == SSL_ERROR_ZERO_RETURN)
			return 0;
		ready = tls_wait(conn->ssl, n, until);
		if (ready < 0)
			return fail_data(conn, errno, "read", out);
		if (!ready) {
			if (!idle)
				return fail_silent(conn, out);
			*idle = true;
			return 0;
		}
	}
}

int tls_write(struct conn *conn, const void *buf, size_t len, struct instant until,
	      struct diag *out)
{
	const char *p = buf;

	while (len) {
		int n, ready;

		ERR_clear_error();
		errno = 0;
		n = SSL_write(conn->ssl, p, len > INT32_MAX ? INT32_MAX : (int)len);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		ready = tls_wait(conn->ssl, n, until);
		if (ready < 0)
			return fail_data(conn, errno, "write", out);
		if (!ready)
			return fail_silent(conn, out);
	}
	return 0;
}

const char *tls_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	return text;
}
