#include "web.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "resolve.h"

struct transfer {
	const struct check_run *run;
	const struct web_request *req;
	struct web_response *resp;
	int fd; /* connected, not yet given to curl; else -1 */
	size_t max_body, cap, header_bytes;
	bool too_large, headers_too_large;
	long x509_error;
	char certificate[256];
	bool asked_for_ours;
};

const char *web_library(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "libcurl %s", curl_version_info(CURLVERSION_NOW)->version);
	return text;
}

const char *web_conf_problem(const struct web_conf *web, const char **key)
{
	if (secret_is_set(web->password) && !web->username) {
		*key = "password";
		return "needs username";
	}
	if (secret_is_set(web->token) && web->username) {
		*key = "token";
		return "and username exclude each other: one Authorization header is sent";
	}
	return tls_conf_problem(&web->tls, key);
}

/* ---- curl's callbacks ------------------------------------------------------------------------------------------- */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct transfer *t = arg;

	(void)purpose;
	if (t->fd >= 0)
		return steal_fd(&t->fd);
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

static int on_sockopt(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	(void)arg;
	(void)purpose;
	return getpeername(fd, (struct sockaddr *)&peer, &len) ? CURL_SOCKOPT_OK
							       : CURL_SOCKOPT_ALREADY_CONNECTED;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct web_response *r = t->resp;

	n *= size;
	if (r->len + n > t->max_body) {
		t->too_large = true;
		n = t->max_body - r->len; /* keep the beginning: it tells what this is */
	}
	if (r->len + n + 1 > t->cap) {
		t->cap = (r->len + n + 1) * 2;
		r->body = xrealloc(r->body, t->cap);
	}
	memcpy(r->body + r->len, data, n);
	r->len += n;
	r->body[r->len] = '\0';
	return t->too_large ? 0 : n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)data;
	n *= size;
	t->header_bytes += n;
	if (t->header_bytes > WEB_HEADERS_MAX) {
		t->headers_too_large = true;
		return 0;
	}
	return n;
}

static int ssl_index = -1; /* of the struct transfer in an SSL_CTX */

static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct transfer *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ssl_index);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (!t || t->x509_error)
		return ok;
	if (!ok)
		t->x509_error = X509_STORE_CTX_get_error(store);
	/* Also the good one: curl compares the name itself, afterwards. The server's own comes last. */
	if (cert)
		tls_certificate_text(cert, t->certificate, sizeof(t->certificate));
	return ok;
}

static int on_client_cert(SSL *ssl, void *arg)
{
	struct transfer *t = arg;

	(void)ssl;
	t->asked_for_ours = true;
	return 1;
}

static CURLcode on_ssl_ctx(CURL *curl, void *ctx, void *arg)
{
	struct transfer *t = arg;

	(void)curl;
	if (ssl_index < 0)
		ssl_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	SSL_CTX_set_ex_data(ctx, ssl_index, t);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_cert_cb(ctx, on_client_cert, t);
	return CURLE_OK;
}

/* ---- one request ------------------------------------------------------------------------------------------------ */
static bool is_https(const struct web_request *req)
{
	return str_eq(req->url->scheme, "https");
}

static int port_of(const struct web_request *req)
{
	return req->url->port ? req->url->port : is_https(req) ? 443 : 80;
}

/* The address as curl gets it. With server_name the URL names that host, because curl asks for the URL's host. */
static void make_url(const struct web_request *req, const char *host, struct str *url)
{
	const char *path = req->path ? req->path : req->url->path;

	str_addf(url, strchr(host, ':') ? "%s://[%s]" : "%s://%s", req->url->scheme, host);
	str_addf(url, ":%d%s", port_of(req), *path ? path : "/");
}

static void make_subject(const struct web_request *req, struct web_response *resp)
{
	struct str s;
	char *query;

	str_init(&s, URL_MAX);
	str_addf(&s, strchr(req->url->host, ':') ? "%s://[%s]" : "%s://%s", req->url->scheme,
		 req->url->host);
	if (req->url->port)
		str_addf(&s, ":%d", req->url->port);
	str_add(&s, req->path ? req->path : req->url->path);
	/* A query may hold a key; its name and value say nothing that the profile does not. */
	query = strchr(s.s, '?');
	if (query)
		*query = '\0';
	text_clean(resp->subject, sizeof(resp->subject), s.s);
	str_free(&s);
}

/* Connects (unless a kept connection will do) and pins the name to the address that answered. */
static int connect_first(struct transfer *t, CURL *curl, const char *host, struct curl_slist **pins,
			 struct diag *out)
{
	const struct web_request *req = t->req;
	struct conn conn;
	char pin[700];

	if (req->proxy)
		return 0; /* curl talks to the proxy, names are the proxy's business */
	if (req->unix_socket) {
		/* Dialled for the diagnosis only: curl takes a connected socket for TCP alone. */
		if (net_connect_unix(t->run, req->unix_socket, &conn, out))
			return -1;
		close(conn.fd);
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket);
		return 0;
	}
	if (net_connect(t->run, req->url->host, port_of(req), &conn, out))
		return -1;
	fcntl(conn.fd, F_SETFL, fcntl(conn.fd, F_GETFL) | O_NONBLOCK);
	t->fd = conn.fd;
	snprintf(pin, sizeof(pin), strchr(host, ':') ? "[%s]:%d:%s" : "%s:%d:%s", host,
		 port_of(req), conn.ip[0] ? conn.ip : "127.0.0.1");
	*pins = curl_slist_append(NULL, pin);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, *pins);
	return 0;
}

static void set_tls(CURL *curl, struct transfer *t)
{
	const struct tls_conf *tls = &t->req->web->tls;

	if (tls->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca_file);
	else if (tls->ca_path)
		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	if (tls->ca_path || tls->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAPATH, tls->ca_path);
	if (tls->cert_file) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert_file);
		curl_easy_setopt(curl, CURLOPT_SSLKEY,
				 tls->key_file ? tls->key_file : tls->cert_file);
		/* Never ask on a terminal for the passphrase of an encrypted key. */
		curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "");
	}
	/* Only with OpenSSL below curl; with another library its words have to do. */
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, t);
}

static int set_credentials(CURL *curl, const struct web_request *req, struct web_response *resp,
			   struct diag *out)
{
	const struct web_conf *web = req->web;
	const char *user = web->username, *password = "", *token;

	if (secret_is_set(web->token)) {
		token = secret_reveal(web->token, out);
		if (!token)
			return -1;
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
		resp->had_credentials = true;
		return 0;
	}
	if (user && secret_is_set(web->password))
		password = secret_reveal(web->password, out);
	else if (!user && secret_is_set(req->url->user)) {
		user = secret_read(req->url->user, out);
		if (secret_is_set(req->url->password))
			password = secret_reveal(req->url->password, out);
	}
	if (!password || (!user && secret_is_set(req->url->user)))
		return -1;
	if (user) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
		resp->had_credentials = true;
	}
	return 0;
}

static int add_header(struct curl_slist **list, const char *name, const char *value,
		      struct diag *out)
{
	struct str line;

	/* A value from a secret may hold anything: a line end in it would add headers. */
	if (strpbrk(value, "\r\n")) {
		check_fail(out, D_SECRET_UNREADABLE, name,
			   "the value of this header holds a line end");
		return -1;
	}
	str_init(&line, SECRET_VALUE_MAX + 1024);
	/* An empty value: curl wants "Name;" or it removes the header. */
	str_addf(&line, *value ? "%s: %s" : "%s;%s", name, value);
	*list = curl_slist_append(*list, line.s);
	str_free(&line);
	return 0;
}

static int make_headers(const struct web_request *req, struct web_response *resp,
			struct curl_slist **list, struct diag *out)
{
	char host[300];

	if (req->content_type)
		add_header(list, "Content-Type", req->content_type, out);
	if (req->accept)
		add_header(list, "Accept", req->accept, out);
	if (req->web->tls.server_name && is_https(req)) {
		snprintf(host, sizeof(host), req->url->port ? "%s:%d" : "%s", req->url->host,
			 req->url->port);
		add_header(list, "Host", host, out);
	}
	*list = curl_slist_append(*list, "Expect:"); /* no 100-continue dance */
	for (size_t i = 0; req->headers && i < req->headers->n; i++) {
		const struct pair *p = &req->headers->v[i];
		const char *value = p->value ? p->value : secret_reveal(p->secret, out);

		if (!value || add_header(list, p->name, value, out))
			return -1;
		if (!strcasecmp(p->name, "authorization"))
			resp->had_credentials = true;
	}
	return 0;
}

static void set_method(CURL *curl, const struct web_request *req)
{
	if (req->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(req->body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body);
	}
	if (req->method && str_eq(req->method, "HEAD"))
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (req->method && !(str_eq(req->method, "GET") && !req->body))
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, req->method);
}

static void set_options(CURL *curl, struct transfer *t)
{
	const struct web_request *req = t->req;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_PROXY, req->proxy ? req->proxy : "");
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_sockopt);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)mono_left_ms_now(t->run->deadline));
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "startguard/" STARTGUARD_VERSION);
}

/* ---- what went wrong -------------------------------------------------------------------------------------------- */
/* Asks once more, by hand, to quote what the peer really says. Only after curl said that it is no HTTP. */
static enum verdict fail_not_http(const struct transfer *t, const char *curl_words,
				  struct diag *out)
{
	static const char question[] = "GET / HTTP/1.0\r\n\r\n";
	const char *subject = t->resp->subject;
	struct diag ignored = {0};
	struct conn conn;
	unsigned char buf[64];
	char words[160];
	ssize_t n = -1;

	if (!t->req->proxy && !t->req->unix_socket && !is_https(t->req) &&
	    !net_connect(t->run, t->req->url->host, port_of(t->req), &conn, &ignored) &&
	    !net_write(t->run, &conn, question, sizeof(question) - 1, &ignored))
		n = net_read(t->run, &conn, buf, sizeof(buf), &ignored);
	if (n >= 2 && buf[0] == 21 &&
	    buf[1] == 3) /* a TLS record of type alert, RFC 8446 section 5.1 */
		return check_fail(out, D_TLS_REQUIRED, subject,
				  "the peer answers plain HTTP with a TLS alert");
	if (n <= 0)
		return check_fail(out, D_HTTP_NOT_HTTP, subject, "%s", curl_words);
	text_clean_n(words, sizeof(words), (char *)buf, (size_t)n);
	return check_fail(out, D_HTTP_NOT_HTTP, subject,
			  "the answer is not HTTP; it begins with: %s", words);
}

static enum verdict fail_timeout(CURL *curl, const struct transfer *t, struct diag *out)
{
	const char *subject = t->resp->subject;
	double tls_s = 0;

	curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME, &tls_s);
	if (is_https(t->req) && tls_s <= 0 && !t->header_bytes)
		return check_fail(out, D_ANSWER_TIMEOUT, subject,
				  "connected, but no answer to the TLS handshake");
	if (t->resp->len)
		return check_fail(
		    out, D_ANSWER_TIMEOUT, subject,
		    "the answer began, but was not complete in time: %zu bytes of the body came",
		    t->resp->len);
	if (t->header_bytes)
		return check_fail(
		    out, D_ANSWER_TIMEOUT, subject,
		    "the answer began, but was not complete in time: %zu bytes of headers came",
		    t->header_bytes);
	return check_fail(
	    out, D_ANSWER_TIMEOUT, subject,
	    "connected and asked, but no answer came until the deadline of the attempt");
}

static enum verdict fail_tls(const struct transfer *t, CURLcode code, const char *words,
			     struct diag *out)
{
	const struct tls_conf *tls = &t->req->web->tls;
	const char *subject = t->resp->subject;

	if (t->x509_error)
		return tls_fail_verify(out, t->x509_error, subject, t->certificate);
	if (code == CURLE_SSL_CACERT_BADFILE)
		return check_fail(out, D_TLS_CA_UNREADABLE, tls->ca_file ? tls->ca_file : subject,
				  "%s", words);
	tls_fail_text(out, words, subject);
	if (out->code == D_TLS_WRONG_NAME)
		return check_fail(out, D_TLS_WRONG_NAME, subject, "%s: %s", words, t->certificate);
	if (code == CURLE_SSL_CERTPROBLEM && out->code == D_TLS_HANDSHAKE)
		return check_fail(out, D_TLS_CA_UNREADABLE,
				  tls->cert_file ? tls->cert_file : subject, "%s", words);
	if (out->code == D_TLS_HANDSHAKE && t->asked_for_ours && !tls->cert_file)
		return check_fail(out, D_TLS_CLIENT_CERT_REQUIRED, subject,
				  "the peer asked for a client certificate, got none: %s", words);
	return V_FAIL;
}

/* Errors of curl that are TLS whatever their number: alerts of TLS 1.3 arrive with the first read. */
static bool words_are_tls(const char *words)
{
	return strcasestr(words, "alert") || strcasestr(words, "SSL_") ||
	       strcasestr(words, "ssl routines");
}

/* CURLE_TOO_LARGE, which 7.88 does not know yet: newer versions have a bound of their own on the number of headers. */
#define CURL_SAYS_TOO_LARGE 100

static enum verdict fail_curl(CURL *curl, const struct transfer *t, CURLcode code,
			      const char *buffer, struct diag *out)
{
	const char *words = *buffer ? buffer : curl_easy_strerror(code),
		   *subject = t->resp->subject;
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (t->too_large)
		return check_fail(out, D_ANSWER_TOO_LARGE, subject,
				  "the body is larger than max_body, %zu bytes", t->max_body);
	if (t->headers_too_large)
		return check_fail(out, D_ANSWER_TOO_LARGE, subject,
				  "the headers are larger than %d KiB", WEB_HEADERS_MAX / 1024);
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return fail_timeout(curl, t, out);
	case CURLE_UNSUPPORTED_PROTOCOL: /* "Received HTTP/0.9 when not allowed" */
	case CURLE_WEIRD_SERVER_REPLY:
		return fail_not_http(t, words, out);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return fail_tls(t, code, words, out);
	case CURL_SAYS_TOO_LARGE:
		return check_fail(out, D_ANSWER_TOO_LARGE, subject, "%s", words);
	case CURLE_PARTIAL_FILE:
		return check_fail(out, D_ANSWER_TRUNCATED, subject, "%s", words);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return check_fail(out, D_DNS_NO_SUCH_NAME, subject, "%s", words);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_COULDNT_CONNECT:
		break;
	default:
		return check_fail(out, D_PROTOCOL_MISMATCH, subject, "%s", words);
	}
	if (words_are_tls(words) || t->x509_error)
		return fail_tls(t, code, words, out);
	if (t->header_bytes)
		return check_fail(out, D_ANSWER_TRUNCATED, subject, "%s", words);
	if (code == CURLE_GOT_NOTHING)
		return check_fail(out, D_CONNECT_CLOSED, subject,
				  "asked, and the peer closed the connection without an answer");
	if (os_error)
		return net_fail_errno(out, (int)os_error, subject, words);
	return check_fail(out, strcasestr(words, "reset") ? D_CONNECT_RESET : D_CONNECT_CLOSED,
			  subject, "%s", words);
}

/* ---- the answer ------------------------------------------------------------------------------------------------- */
static void keep_content_type(CURL *curl, struct web_response *resp)
{
	char *type = NULL;
	size_t i = 0;

	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	for (; type && type[i] && type[i] != ';' && type[i] != ' ' &&
	       i + 1 < sizeof(resp->content_type);
	     i++)
		resp->content_type[i] = (char)tolower((unsigned char)type[i]);
	resp->content_type[i] = '\0';
}

/* Where it redirects to: without user part and query, which may hold tickets. */
static void keep_location(struct web_response *resp, const char *to)
{
	char *at, *end;

	text_clean(resp->location, sizeof(resp->location), to ? to : "");
	resp->location[strcspn(resp->location, "?#")] = '\0';
	at = strstr(resp->location, "://");
	end = at ? at + 3 + strcspn(at + 3, "/") : NULL;
	for (char *p = end; at && p > at + 3; p--)
		if (p[-1] == '@') {
			memmove(at + 3, p, strlen(p) + 1);
			break;
		}
}

static CURL *the_handle(void)
{
	static CURL *curl; /* its kept connections serve the child's further requests */

	if (!curl) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		curl = curl_easy_init();
		invariant(curl);
	} else {
		curl_easy_reset(curl);
	}
	return curl;
}

/* Will curl find a kept connection for this? Then nothing is dialled by us. */
static bool same_peer_as_before(const struct web_request *req)
{
	static char before[512];
	char now[512];
	bool same;

	snprintf(now, sizeof(now), "%s %s %d %s", req->url->scheme, req->url->host, port_of(req),
		 req->unix_socket ? req->unix_socket : "");
	same = str_eq(now, before);
	snprintf(before, sizeof(before), "%s", now);
	return same;
}

static CURLcode perform(struct transfer *t, CURL *curl, struct str *url, char *words,
			struct diag *out, bool *filled)
{
	const struct web_request *req = t->req;
	const char *host =
	    is_https(req) && req->web->tls.server_name ? req->web->tls.server_name : req->url->host;
	struct curl_slist *headers = NULL, *pins = NULL;
	CURLcode code;

	*filled = true;
	set_options(curl, t);
	set_method(curl, req);
	if (is_https(req)) {
		if (tls_files(&req->web->tls, out))
			return CURLE_OBSOLETE20;
		set_tls(curl, t);
	}
	if (set_credentials(curl, req, t->resp, out) || make_headers(req, t->resp, &headers, out))
		return CURLE_OBSOLETE20;
	if (!same_peer_as_before(req) && connect_first(t, curl, host, &pins, out))
		return CURLE_OBSOLETE20;
	make_url(req, host, url);
	curl_easy_setopt(curl, CURLOPT_URL, url->s);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
	check_step(t->run, PH_PROTOCOL, "%s %s",
		   req->method ? req->method
		   : req->body ? "POST"
			       : "GET",
		   t->resp->subject);
	code = curl_easy_perform(curl);
	*filled = false;
	return code;
}

int web_request_once(const struct check_run *run, const struct web_request *req,
		     struct web_response *resp, const char **redirect, struct diag *out)
{
	struct transfer t = {.run = run, .req = req, .resp = resp, .fd = -1};
	char words[CURL_ERROR_SIZE] = "";
	struct mono begin = mono_now();
	CURL *curl = the_handle();
	struct str url;
	CURLcode code;
	char *to = NULL;
	bool filled;

	*resp = (struct web_response){.body = xcalloc(1, 1)};
	t.max_body = req->max_body ? req->max_body : WEB_BODY_MAX;
	make_subject(req, resp);
	str_init(&url, 2 * URL_MAX);
	code = perform(&t, curl, &url, words, out, &filled);
	if (filled)
		return -1;
	if (code != CURLE_OK && !(t.too_large && req->method && str_eq(req->method, "HEAD"))) {
		fail_curl(curl, &t, code, words, out);
		return -1;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &resp->status);
	resp->ms = span_ms(mono_since(begin, mono_now()));
	keep_content_type(curl, resp);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
	*redirect = to ? xstrdup(to) : NULL;
	keep_location(resp, to);
	check_reached(run, "http %ld", resp->status);
	return 0;
}

bool web_is_html(const struct web_response *resp)
{
	const char *s = resp->body + strspn(resp->body, " \t\r\n");

	return str_eq(resp->content_type, "text/html") || !strncasecmp(s, "<!doctype html", 14) ||
	       !strncasecmp(s, "<html", 5);
}

const char *web_body_start(const struct web_response *resp, char *buf, size_t size)
{
	char raw[2048], start[121];
	size_t n = resp->len < sizeof(raw) - 1 ? resp->len : sizeof(raw) - 1;

	/* Scrubbed before it is cut. */
	for (size_t i = 0; i < n; i++)
		raw[i] = resp->body[i] ? resp->body[i] : ' ';
	raw[n] = '\0';
	scrub(raw);
	text_clean(start, sizeof(start), raw);
	if (*start)
		snprintf(buf, size, "it begins with: %s", start);
	else
		snprintf(buf, size, "it is empty");
	return buf;
}

enum verdict web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted)
{
	char start[160];
	const char *subject = resp->subject;

	web_body_start(resp, start, sizeof(start));
	if (resp->status == 401 && resp->had_credentials)
		return check_fail(out, D_AUTH_FAILED, subject,
				  "HTTP status 401 to the credentials; the body: %s", start);
	if (resp->status == 401)
		return check_fail(out, D_AUTH_REQUIRED, subject, "HTTP status 401; the body: %s",
				  start);
	if (resp->status == 403)
		return check_fail(out, D_AUTH_FORBIDDEN, subject, "HTTP status 403; the body: %s",
				  start);
	/* Go's net/http and nginx both say it with status 400 on a TLS port. */
	if (resp->status == 400 &&
	    (strcasestr(resp->body, "HTTP request to an HTTPS server") ||
	     strcasestr(resp->body, "plain HTTP request was sent to HTTPS port")))
		return check_fail(out, D_TLS_REQUIRED, subject, "HTTP status 400; the body: %s",
				  start);
	if (resp->status >= 300 && resp->status < 400 && resp->location[0])
		return check_fail(out, D_HTTP_REDIRECT, subject, "HTTP status %ld, to %s",
				  resp->status, resp->location);
	return check_fail(out, D_HTTP_STATUS, subject, "HTTP status %ld, expected %s; the body: %s",
			  resp->status, wanted, start);
}
