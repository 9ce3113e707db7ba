#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca_bundle.h"
#include "key_file.h"
#include "neterr.h"
#include "resolve.h"
#include "system_ca.h"

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

enum result tls_fail_verify(struct diag *out, long x509_error, const char *subject,
			    const char *certificate)
{
	return check_fail(out, tls_verify_code(x509_error), subject, "%s%s%s",
			  X509_verify_cert_error_string(x509_error), *certificate ? ": " : "",
			  certificate);
}

enum result tls_fail_handshake(struct diag *out, const struct tls_seen *seen,
			       const struct tls_conf *tls, const char *text, const char *subject)
{
	if (seen->x509_error)
		return tls_fail_verify(out, seen->x509_error, subject, seen->certificate);
	tls_fail_text(out, text, subject);
	/* TLS 1.2 has no alert for a missing client certificate: the server sends handshake_failure (RFC 5246 7.4.6). */
	if (out->code == D_TLS_HANDSHAKE && seen->asked_for_ours && !tls->cert_file)
		return check_fail(out, D_TLS_CLIENT_CERT_REQUIRED, subject,
				  "the peer asked for a client certificate, got none: %s", text);
	return RESULT_FAIL;
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

struct queue_text {
	char text[400];
};
/* Returns the first error in OpenSSL's queue, which is the cause, and empties the queue. */
static struct queue_text queue_text(void)
{
	struct queue_text t = {"no reason given"};
	const char *data = NULL;
	int flags = 0;
	unsigned long e = ERR_peek_error_data(&data, &flags);
	char name[256];

	if (e) {
		ERR_error_string_n(e, name, sizeof name);
		snprintf(t.text, sizeof t.text, "%s%s%s", name, data && *data ? ": " : "",
			 data ? data : "");
	}
	ERR_clear_error();
	return t;
}

/* ---- configuration ----------------------------------------------------------------------------------------------- */
const char *tls_conf_problem(const struct tls_conf *tls, const char **key)
{
	*key = "key_file";
	return tls->key_file && !tls->cert_file
		   ? "needs cert_file, the certificate this key belongs to"
		   : NULL;
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

/* Without this callback OpenSSL prompts on the terminal for the passphrase of an encrypted key. */
static int no_passphrase(UNUSED char *buf, UNUSED int size, UNUSED int writing, UNUSED void *arg)
{
	return 0;
}

static enum result fail_folder(struct diag *out, const char *file, const char *what)
{
	return check_fail(out, D_TLS_CA_UNREADABLE, file, "%s: %s", what,
			  access(file, R_OK) ? strerror(errno) : queue_text().text);
}

static enum result fail_file(struct diag *out, const char *path, const char *what,
			     enum key_file_use use)
{
	struct queue_text error = queue_text();

	return key_file_diagnose(&(struct key_file){.path = path, .key = what, .use = use},
				 error.text, out);
}

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

/* Fills the store with the CAs that `tls` names, or makes it look for the system's. */
static enum result load_trust(X509_STORE *store, const struct tls_conf *tls, struct diag *out)
{
	if (tls->ca_file && !ca_bundle_add(store, tls->ca_file))
		return fail_file(out, tls->ca_file, "the CA file cannot be loaded",
				 KEY_FILE_CERTIFICATES);
	if (tls->ca_path &&
	    (access(tls->ca_path, R_OK | X_OK) || !X509_STORE_load_path(store, tls->ca_path)))
		return fail_folder(out, tls->ca_path, "the folder of CA files cannot be used");
	if (!tls->ca_file && !tls->ca_path)
		system_ca_add(store);
	return RESULT_PASS;
}

/* Returns NULL with *out filled when a file cannot be used. An attempt may make several connections, and asks for the store once more
 * before the first one: the child keeps the store that it has made last. */
static X509_STORE *trusted(const struct tls_conf *tls, struct diag *out)
{
	static X509_STORE *kept;
	static struct tls_conf of; /* the profile's texts, which live as long as the child */
	X509_STORE *store;

	if (kept && same(of.ca_file, tls->ca_file) && same(of.ca_path, tls->ca_path))
		return kept;
	store = X509_STORE_new();
	invariant(store);
	if (load_trust(store, tls, out)) {
		X509_STORE_free(store);
		return NULL;
	}
	X509_STORE_free(kept);
	kept = store;
	of = *tls;
	return kept;
}

enum result tls_trust(SSL_CTX *ctx, const struct tls_conf *tls, struct diag *out)
{
	X509_STORE *store = trusted(tls, out);

	if (!store)
		return RESULT_FAIL;
	X509_STORE_set1_param(store, X509_STORE_get0_param(SSL_CTX_get_cert_store(ctx)));
	invariant(X509_STORE_up_ref(store));
	SSL_CTX_set_cert_store(ctx, store); /* ctx owns the reference */
	return RESULT_PASS;
}

void tls_expect_name(X509_VERIFY_PARAM *param, const char *name)
{
	invariant(resolve_is_literal(name) ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
					   : X509_VERIFY_PARAM_set1_host(param, name, 0));
}

static enum result load_client_certificate(SSL_CTX *ctx, const struct tls_conf *tls,
					   struct diag *out)
{
	const char *key = tls->key_file ? tls->key_file : tls->cert_file;

	if (!tls->cert_file)
		return RESULT_PASS;
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) != 1)
		return fail_file(out, tls->cert_file, "the client certificate cannot be loaded",
				 KEY_FILE_CERTIFICATES);
	ERR_clear_error();
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1)
		return RESULT_PASS;
	if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH)
		return check_fail(out, D_TLS_KEY_MISMATCH, key, "%s", queue_text().text);
	return fail_file(out, key, "the private key cannot be loaded", KEY_FILE_KEY);
}

/* Returns NULL with *out filled when a file cannot be used. */
static SSL_CTX *make_context(const struct tls_conf *tls, struct diag *out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	invariant(ctx);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* OpenSSL must report a close without close_notify as the end of the stream, not as an error. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (!tls_trust(ctx, tls, out) && !load_client_certificate(ctx, tls, out))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

enum result tls_files(const struct tls_conf *tls, struct diag *out)
{
	SSL_CTX *ctx;

	if ((tls->ca_file || tls->ca_path) && !trusted(tls, out))
		return RESULT_FAIL;
	if (!tls->cert_file)
		return RESULT_PASS;
	ctx = make_context(tls, out);
	SSL_CTX_free(ctx);
	return ctx ? RESULT_PASS : RESULT_FAIL;
}

/* ---- handshake --------------------------------------------------------------------------------------------------- */
static int seen_index = -1; /* index of the struct tls_seen in the data of an SSL_CTX */

static struct tls_seen *seen_of_ssl(SSL *ssl)
{
	return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), seen_index);
}

/* OpenSSL calls this for each certificate of the chain, for the server's own last. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	struct tls_seen *seen =
	    seen_of_ssl(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (seen->x509_error)
		return ok;
	if (!ok)
		seen->x509_error = X509_STORE_CTX_get_error(store);
	if (cert)
		tls_certificate_text(cert, seen->certificate, sizeof seen->certificate);
	return ok;
}

static int on_client_cert(SSL *ssl, UNUSED void *arg)
{
	seen_of_ssl(ssl)->asked_for_ours = true;
	return 1; /* use the configured certificate, or none */
}

void tls_watch(SSL_CTX *ctx, struct tls_seen *seen)
{
	if (seen_index < 0)
		seen_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	SSL_CTX_set_ex_data(ctx, seen_index, seen);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_cert_cb(ctx, on_client_cert, NULL);
}

static SSL *make_ssl(const struct tls_conf *tls, const char *host, struct tls_seen *seen,
		     struct diag *out)
{
	SSL_CTX *ctx = make_context(tls, out);
	const char *name = tls->server_name ? tls->server_name : host;
	SSL *ssl;

	if (!ctx)
		return NULL;
	tls_watch(ctx, seen);
	if (tls->any_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	ssl = SSL_new(ctx);
	invariant(ssl);
	tls_expect_name(SSL_get0_param(ssl), name);
	if (!resolve_is_literal(name))
		SSL_set_tlsext_host_name(ssl, name); /* RFC 6066: SNI holds no addresses */
	return ssl;
}

/* Returns the poll events to wait for after a call that returned `n`; 0 when that call failed. */
static short events_to_await(SSL *ssl, int n)
{
	int err = SSL_get_error(ssl, n);

	return err == SSL_ERROR_WANT_READ ? POLLIN : err == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

/* `err` is the errno of the failed call, which has a meaning only when OpenSSL's queue is empty. */
static enum result fail_handshake(const struct conn *conn, const struct tls_seen *seen,
				  const struct tls_conf *tls, int err, struct diag *out)
{
	if (seen->x509_error || ERR_peek_error())
		return tls_fail_handshake(out, seen, tls, queue_text().text, conn->peer);
	if (err)
		return net_fail_errno(out, err, conn->peer, "TLS handshake");
	return check_fail(out, D_TLS_HANDSHAKE, conn->peer,
			  "the peer closed the connection during the handshake");
}

#define CERT_REFUSAL_WAIT_MIN DURATION_S(1)
#define CERT_REFUSAL_WAIT_TIMES 3

/* In TLS 1.3 the client's handshake ends before the server has verified the client's certificate, and the alert of a
 * server that refuses it arrives later. A client whose certificate was requested therefore waits for the server's next
 * record: a session ticket, data, or the alert. Few servers send none of them and cost the whole wait; without the wait a
 * slow server would pass although it refuses. The wait grows with the duration of the handshake, which shows how slow
 * server and network are; it takes at most half of the time left. */
static enum result await_cert_refusal(const struct check_run *run, struct conn *conn,
				      const struct tls_seen *seen, struct duration took,
				      struct diag *out)
{
	SSL *ssl = conn->ssl;
	struct duration wait = {took.ns * CERT_REFUSAL_WAIT_TIMES};
	struct instant until;
	char byte;

	if (!seen->asked_for_ours || SSL_version(ssl) < TLS1_3_VERSION)
		return RESULT_PASS;
	wait = wait.ns < CERT_REFUSAL_WAIT_MIN.ns ? CERT_REFUSAL_WAIT_MIN : wait;
	until = instant_earlier(instant_share(instant_now(), run->deadline, 2),
				instant_after(instant_now(), wait));
	for (int records = 0; records < 4; records++) {
		int n, err;

		if (instant_poll(conn->fd, POLLIN, until) <= 0)
			break;
		ERR_clear_error();
		n = SSL_peek(ssl, &byte, 1);
		err = SSL_get_error(ssl, n);
		if (err == SSL_ERROR_SSL)
			return tls_fail_text(out, queue_text().text, conn->peer);
		/* The server sent data, a ticket or the end of the stream: it has accepted the certificate. */
		if (n > 0 || err == SSL_ERROR_ZERO_RETURN || err == SSL_ERROR_WANT_READ)
			break;
	}
	return RESULT_PASS;
}

enum result tls_handshake(const struct check_run *run, struct conn *conn, const char *host,
			  const struct tls_conf *tls, struct diag *out)
{
	/* The SSL object refers to it until the child exits. */
	struct tls_seen *seen = xcalloc(1, sizeof *seen);
	SSL *ssl = make_ssl(tls, host, seen, out);
	struct instant begin = instant_now();

	if (!ssl)
		return RESULT_FAIL;
	check_step(run, PH_TLS, "TLS handshake with %s", conn->peer);
	SSL_set_fd(ssl, conn->fd);
	for (;;) {
		short events;
		int n;

		ERR_clear_error();
		errno = 0;
		n = SSL_connect(ssl);
		if (n == 1)
			break;
		events = events_to_await(ssl, n);
		if (!events)
			return fail_handshake(conn, seen, tls, errno, out);
		if (instant_poll(conn->fd, events, run->deadline) <= 0) {
			check_fail(out, D_ANSWER_TIMEOUT, conn->peer,
				   "connected, but no answer to the TLS handshake");
			diag_hint(
			    out,
			    "look whether this port speaks TLS, and whether the server is stuck");
			return RESULT_FAIL;
		}
	}
	conn->ssl = ssl;
	if (await_cert_refusal(run, conn, seen, instant_since(begin, instant_now()), out))
		return RESULT_FAIL;
	check_reached(run, "tls");
	return RESULT_PASS;
}

/* ---- detection of TLS -------------------------------------------------------------------------------------------- */
/* OpenSSL calls this for whole messages: a handshake message or an alert proves that the peer speaks TLS. */
static void on_message(int sent, UNUSED int version, int type, UNUSED const void *buf,
		       UNUSED size_t len, UNUSED SSL *ssl, void *arg)
{
	bool *spoken = arg;

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
		short events = n == 1 ? 0 : events_to_await(ssl, n);

		if (!events || instant_poll(fd, events, until) != 1)
			break;
	}
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return spoken;
}

bool tls_is_alert(const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	return n >= 2 && b[0] == SSL3_RT_ALERT && b[1] == SSL3_VERSION_MAJOR;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */
ssize_t tls_try(struct conn *conn, void *buf, size_t size, bool write, short *events,
		struct diag *out)
{
	int len = size > INT32_MAX ? INT32_MAX : (int)size, n, err;

	ERR_clear_error();
	errno = 0;
	n = write ? SSL_write(conn->ssl, buf, len) : SSL_read(conn->ssl, buf, len);
	err = errno ? errno : ECONNRESET;
	if (n > 0)
		return n;
	if (!write && SSL_get_error(conn->ssl, n) == SSL_ERROR_ZERO_RETURN)
		return 0;
	*events = events_to_await(conn->ssl, n);
	if (*events)
		return -1;
	if (ERR_peek_error())
		tls_fail_text(out, queue_text().text, conn->peer);
	else
		net_fail_errno(out, err, conn->peer, write ? "write" : "read");
	return -1;
}

const char *tls_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	return text;
}
