#include "tls.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <openssl/err.h>

#include "ca_bundle.h"
#include "key_file.h"
#include "neterr.h"
#include "resolve.h"
#include "system_ca.h"

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
	*key = "server_name";
	for (const char *s = tls->server_name; s && *s; s++)
		if (*s & 0x80)
			return "holds letters outside of ASCII, and certificates hold names as "
			       "xn--...: write it so";
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

static size_t length_without_dot(const char *name)
{
	size_t n = strlen(name);

	return n > 1 && name[n - 1] == '.' ? n - 1 : n;
}

void tls_expect_name(X509_VERIFY_PARAM *param, const char *name)
{
	invariant(resolve_is_literal(name)
		      ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
		      : X509_VERIFY_PARAM_set1_host(param, name, length_without_dot(name)));
}

/* Letters, digits, hyphens and underscores in labels of at most 63 bytes (RFC 1123 2.1; the underscore is common). */
static bool is_host_name(const char *name)
{
	static const char signs[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t len = length_without_dot(name);

	for (size_t at = 0, n; at < len; at += n + 1) {
		n = strspn(name + at, signs);
		if (n == 0 || n > 63 || name[at] == '-' || (at + n < len && name[at + n] != '.'))
			return false;
	}
	return len > 0 && name[len - 1] != '.';
}

enum result tls_check_name(const char *name, struct diag *out)
{
	/* A certificate has no zone of an address ("fe80::1%eth0"). */
	if (!strchr(name, '%') && (resolve_is_literal(name) || is_host_name(name)))
		return RESULT_PASS;
	return check_fail(out, D_TLS_WRONG_NAME, name,
			  "no certificate can be for this name: it is not a host name");
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
	struct tls_refusal *r = &seen->refusal;
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (ok || r->error)
		return ok;
	tls_refusal_set(r, X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_error_depth(store),
			cert);
	r->sent = sk_X509_num(X509_STORE_CTX_get0_untrusted(store));
	r->origin =
	    r->depth < X509_STORE_CTX_get_num_untrusted(store) ? TLS_ORIGIN_PEER : TLS_ORIGIN_OURS;
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

/* Names the server in the ClientHello. RFC 6066: SNI holds no addresses, and no dot at its end. */
static void send_name(SSL *ssl, const char *name)
{
	cleanup_free char *sent = xstrndup(name, length_without_dot(name));

	if (!resolve_is_literal(name))
		SSL_set_tlsext_host_name(ssl, sent);
}

static SSL *make_ssl(const struct tls_conf *tls, const char *host, struct tls_seen *seen,
		     struct diag *out)
{
	SSL_CTX *ctx = make_context(tls, out);
	const char *name = tls->server_name ? tls->server_name : host;
	bool compares = !tls->any_name && !tls->any_certificate;
	SSL *ssl;

	if (!ctx || (compares && tls_check_name(name, out)))
		return NULL;
	tls_watch(ctx, seen);
	if (tls->any_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	ssl = SSL_new(ctx);
	invariant(ssl);
	if (compares)
		tls_expect_name(SSL_get0_param(ssl), name);
	send_name(ssl, name);
	return ssl;
}

/* Returns the poll events to wait for after a call that returned `n`; 0 when that call failed. */
static short events_to_await(SSL *ssl, int n)
{
	int err = SSL_get_error(ssl, n);

	return err == SSL_ERROR_WANT_READ ? POLLIN : err == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

enum result tls_fail_handshake(struct diag *out, const struct tls_seen *seen,
			       const struct tls_conf *tls, const char *name, const char *text,
			       const char *subject)
{
	if (seen->refusal.error)
		return tls_fail_verify(out, &seen->refusal, name, subject);
	tls_fail_text(out, text, subject);
	/* TLS 1.2 has no alert for a missing client certificate: the server sends handshake_failure (RFC 5246 7.4.6). */
	if (out->code == D_TLS_HANDSHAKE && seen->asked_for_ours && !tls->cert_file)
		return check_fail(out, D_TLS_CLIENT_CERT_REQUIRED, subject,
				  "the peer asked for a client certificate, got none: %s", text);
	tls_tell_own_file(out, tls->cert_file);
	tls_hint_name(out, name);
	return RESULT_FAIL;
}

/* `err` is the errno of the failed call, which has a meaning only when OpenSSL's queue is empty. */
static enum result fail_handshake(const struct conn *conn, const struct tls_seen *seen,
				  const struct tls_conf *tls, const char *host, int err,
				  struct diag *out)
{
	const char *name = tls->server_name ? tls->server_name : host;

	if (seen->refusal.error || ERR_peek_error())
		return tls_fail_handshake(out, seen, tls, name, queue_text().text, conn->peer);
	if (err)
		return net_fail_errno(out, err, conn->peer, "TLS handshake");
	tls_fail_closed(out, "", conn->peer);
	tls_hint_name(out, name);
	return RESULT_FAIL;
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
		if (err == SSL_ERROR_SSL) {
			tls_fail_text(out, queue_text().text, conn->peer);
			tls_tell_own(out, SSL_get_certificate(ssl));
			return RESULT_FAIL;
		}
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
			return fail_handshake(conn, seen, tls, host, errno, out);
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
/* Offsets in a ServerHello, behind the header of the message (RFC 8446 4.1.3): of legacy_version, and of the length of the session's id,
 * which the cipher follows. */
#define SERVER_HELLO_VERSION 4
#define SERVER_HELLO_SESSION (SERVER_HELLO_VERSION + 2 + 32)

static void read_hello(SSL *ssl, const unsigned char *p, size_t len, struct tls_answer *answer)
{
	const SSL_CIPHER *cipher = NULL;
	size_t at = SERVER_HELLO_SESSION + 1;

	if (len <= SERVER_HELLO_VERSION + 1)
		return;
	answer->version = p[SERVER_HELLO_VERSION] << 8 | p[SERVER_HELLO_VERSION + 1];
	at += len > SERVER_HELLO_SESSION ? p[SERVER_HELLO_SESSION] : 0;
	if (at + 2 <= len)
		cipher = SSL_CIPHER_find(ssl, p + at);
	if (cipher)
		answer->cipher = SSL_CIPHER_get_name(cipher);
}

/* OpenSSL calls this for whole messages: a handshake message or an alert proves that the peer speaks TLS. */
static void on_message(int sent, UNUSED int version, int type, const void *buf, size_t len,
		       SSL *ssl, void *arg)
{
	struct tls_answer *answer = arg;
	const unsigned char *p = buf;

	if (sent || (type != SSL3_RT_HANDSHAKE && type != SSL3_RT_ALERT))
		return;
	answer->is_tls = true;
	if (type != SSL3_RT_HANDSHAKE || !len)
		return;
	if (p[0] == SSL3_MT_SERVER_HELLO)
		read_hello(ssl, p, len, answer);
	answer->asks_for_our_certificate |= p[0] == SSL3_MT_CERTIFICATE_REQUEST;
}

/* Offers every curve that OpenSSL is built with, its usual ones first. */
static void offer_all_curves(SSL_CTX *ctx)
{
	static const char *const curves[] = {"X25519",          "P-256",     "X448",
					     "P-521",           "P-384",     "P-224",
					     "P-192",           "secp256k1", "brainpoolP256r1",
					     "brainpoolP384r1", "sect283k1"};
	struct str all;

	str_init(&all, 256);
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (SSL_CTX_set1_groups_list(ctx, curves[i]))
			str_addf(&all, "%s%s", all.len ? ":" : "", curves[i]);
	if (all.len)
		SSL_CTX_set1_groups_list(ctx, all.s);
	str_free(&all);
}

/* Old versions and ciphers are offered, as far as OpenSSL is built with them: nothing is sent that they would have to protect. */
static SSL *make_permissive(SSL_CTX *ctx, int fd, struct tls_answer *answer)
{
	SSL *ssl;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, 0);
	SSL_CTX_set_cipher_list(ctx, "ALL:eNULL");
	offer_all_curves(ctx);
	ssl = SSL_new(ctx);
	invariant(ssl);
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, answer);
	SSL_set_fd(ssl, fd);
	return ssl;
}

struct tls_answer tls_ask(int fd, const char *name, struct instant until)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tls_answer answer = {.is_tls = false};
	SSL *ssl;

	invariant(ctx);
	ssl = make_permissive(ctx, fd, &answer);
	if (name)
		send_name(ssl, name);
	for (;;) {
		int n = SSL_connect(ssl);
		short events = n == 1 ? 0 : events_to_await(ssl, n);

		if (!events || instant_poll(fd, events, until) != 1)
			break;
	}
	answer.certificates = sk_X509_num(SSL_get_peer_cert_chain(ssl));
	if (answer.certificates < 0)
		answer.certificates = 0; /* there is no list */
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return answer;
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
	tls_tell_own(out, SSL_get_certificate(conn->ssl));
	return -1;
}

const char *tls_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	return text;
}
