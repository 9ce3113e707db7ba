#include "web_transfer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "resolve.h"

const char *web_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "libcurl %s", curl_version_info(CURLVERSION_NOW)->version);
	return text;
}

const char *web_conf_problem(const struct web_conf *web, const struct url *url, const char **key)
{
	if (url && url->text && str_eq(url->scheme, "http")) {
		*key = tls_key_given(&web->tls);
		if (*key)
			return "is for TLS only, and the url begins with http://";
	}
	if (secret_is_set(web->password) && !web->username) {
		*key = "password";
		return "needs username";
	}
	if (secret_is_set(web->token) && web->username) {
		*key = "token";
		return "and username exclude each other: one Authorization header is sent";
	}
	if (url && secret_is_set(url->user) && (web->username || secret_is_set(web->token))) {
		*key = web->username ? "username" : "token";
		return "and a user in the url exclude each other";
	}
	return tls_conf_problem(&web->tls, key);
}

const char *web_base_problem(const char *url)
{
	return strchr(url, '?')
		   ? "has a query, to which no path can be added; give the address alone"
		   : NULL;
}

/* RFC 9110 sections 5.1 and 5.5. */
const char *web_header_problem(const char *text)
{
	size_t n = strcspn(text, ":=");

	while (n && text[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i]))
			return "has a name that no header can have";
	return strpbrk(text, "\r\n") ? "holds a line end; a header is one line" : NULL;
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
	socklen_t len = sizeof peer;

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

	n *= size;
	t->header_bytes += n;
	/* Set once: trailers behind a body are headers too. "100 Continue" is no answer yet. */
	if (n >= 5 && !memcmp(data, "HTTP/", 5))
		t->headers_ended = false;
	else if (n && (*data == '\r' || *data == '\n'))
		t->headers_ended = true;
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
		tls_certificate_text(cert, t->certificate, sizeof t->certificate);
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
/* The address as curl gets it. */
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
	text_clean(resp->subject, sizeof resp->subject, s.s);
	str_free(&s);
}

/* Connects, and pins the name that curl has for the host to the address that answered. An IPv6 literal needs no pin, and
 * CURLOPT_RESOLVE knows none. */
static int dial(struct transfer *t, CURL *curl, const char *host, int port, const char *name,
		struct conn *conn, struct curl_slist **pins, struct diag *out)
{
	char pin[700];

	if (net_connect(t->run, host, port, conn, out))
		return -1;
	fcntl(conn->fd, F_SETFL, fcntl(conn->fd, F_GETFL) | O_NONBLOCK);
	t->fd = conn->fd;
	if (strchr(name, ':'))
		return 0;
	snprintf(pin, sizeof pin, "%s:%d:%s", name, port, conn->ip[0] ? conn->ip : "127.0.0.1");
	*pins = curl_slist_append(NULL, pin);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, *pins);
	return 0;
}

/* By curl itself a proxy that cannot be reached would be a peer that does not answer, and one whose name server hangs
 * would hold the attempt until it is killed. */
static int dial_proxy(struct transfer *t, CURL *curl, struct curl_slist **pins, struct diag *out)
{
	static struct arena arena; /* the parts live until the child exits */
	const char *why = "";
	struct url proxy;
	struct conn conn;

	if (url_split(&proxy, &arena, t->req->proxy, &why))
		return 0; /* curl says what is wrong with it */
	/* curl's own defaults */
	if (!proxy.port)
		proxy.port = str_eq(proxy.scheme, "https") ? 443 : 1080;
	return dial(t, curl, proxy.host, proxy.port, proxy.host, &conn, pins, out);
}

/* Connects, unless a kept connection will do. */
static int connect_first(struct transfer *t, CURL *curl, const char *host, struct curl_slist **pins,
			 struct diag *out)
{
	const struct web_request *req = t->req;
	struct conn conn;

	if (req->proxy) /* the name in the url is the proxy's business */
		return dial_proxy(t, curl, pins, out);
	if (req->unix_socket) {
		/* Dialled for the diagnosis only: curl takes a connected socket for TCP alone. */
		if (net_connect_unix(t->run, req->unix_socket, &conn, out))
			return -1;
		close(conn.fd);
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket);
		return 0;
	}
	if (dial(t, curl, req->url->host, port_of(req), host, &conn, pins, out))
		return -1;
	snprintf(t->ip, sizeof t->ip, "%s", conn.ip);
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

/* Basic authentication sends base64 of both together, in which the password alone is not always to be found. The name
 * itself stays readable in diagnoses: what is registered is the encoded pair, without the padding. */
static void register_pair(const char *user, const char *password)
{
	cleanup_free char *coded = NULL;
	struct str pair;

	str_init(&pair, 2 * SECRET_VALUE_MAX);
	str_addf(&pair, "%s:%s", user, password);
	coded = xmalloc((pair.len + 2) / 3 * 4 + 1);
	EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)pair.s, (int)pair.len);
	coded[strcspn(coded, "=")] = '\0';
	scrub_register(coded);
	str_free(&pair);
}

/* curl writes it into a header as it is. NULL with *out filled when it cannot stand there. */
static const char *token_of(const struct web_conf *web, struct diag *out)
{
	const char *token = secret_reveal(web->token, out);

	if (token && !*token) {
		check_fail(out, web->token.kind == SECRET_ENV ? D_ENV_EMPTY : D_SECRET_MALFORMED,
			   web->token.kind == SECRET_LITERAL ? "token" : web->token.text,
			   "the token is empty");
		return NULL;
	}
	if (token && strpbrk(token, "\r\n")) {
		check_fail(out, D_SECRET_MALFORMED, "token", "the token holds a line end");
		return NULL;
	}
	return token;
}

static int set_credentials(CURL *curl, const struct web_request *req, struct web_response *resp,
			   struct diag *out)
{
	const struct web_conf *web = req->web;
	const char *user = web->username, *password = "", *token;

	if (secret_is_set(web->token)) {
		token = token_of(web, out);
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
		if (*password)
			register_pair(user, password);
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
		check_fail(out, D_SECRET_MALFORMED, name,
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
		snprintf(host, sizeof host, req->url->port ? "%s:%d" : "%s", req->url->host,
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
	/* Redirects are followed by web_request, which decides at each what may be sent there. */
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "startguard/" STARTGUARD_VERSION);
}

/* ---- the answer ------------------------------------------------------------------------------------------------- */
static void keep_content_type(CURL *curl, struct web_response *resp)
{
	char *type = NULL;
	size_t i = 0;

	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	for (; type && type[i] && type[i] != ';' && type[i] != ' ' &&
	       i + 1 < sizeof resp->content_type;
	     i++)
		resp->content_type[i] = (char)tolower((unsigned char)type[i]);
	resp->content_type[i] = '\0';
}

/* Where it redirects to: without user part and query, which may hold tickets. */
static void keep_location(CURL *curl, struct web_response *resp)
{
	char *to = NULL, *at, *end;

	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
	text_clean(resp->location, sizeof resp->location, to ? to : "");
	resp->location[strcspn(resp->location, "?#")] = '\0';
	at = strstr(resp->location, "://");
	end = at ? at + 3 + strcspn(at + 3, "/") : NULL;
	for (char *p = end; at && p > at + 3; p--)
		if (p[-1] == '@') {
			memmove(at + 3, p, strlen(p) + 1);
			break;
		}
}

/* One for the child's life: its kept connections serve the further requests. */
static CURL *the_handle(void)
{
	static CURL *curl;

	if (!curl) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		curl = curl_easy_init();
		invariant(curl);
	}
	return curl;
}

/* Will curl find a kept connection for this? Then nothing is dialled by us. */
static bool same_peer_as_before(const struct web_request *req)
{
	static char before[512];
	char now[512];
	bool same;

	/* Plain requests through an HTTP proxy share its connection, whatever host they are for. */
	if (req->proxy && str_starts(req->proxy, "http") && !is_https(req))
		snprintf(now, sizeof now, "by %s", req->proxy);
	else
		snprintf(now, sizeof now, "%s %s %d %s", req->url->scheme, req->url->host,
			 port_of(req), req->unix_socket ? req->unix_socket : "");
	same = str_eq(now, before);
	snprintf(before, sizeof before, "%s", now);
	return same;
}

/* With server_name the URL names that host, because curl asks for the URL's host. */
static const char *host_for_curl(const struct web_request *req)
{
	return is_https(req) && req->web->tls.server_name ? req->web->tls.server_name
							  : req->url->host;
}

static CURLcode perform(struct transfer *t, CURL *curl, struct str *url, char *words,
			struct diag *out, bool *filled)
{
	const struct web_request *req = t->req;
	const char *host = host_for_curl(req);
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
	/* Resolving and connecting took their part: what is left is known only here. */
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)instant_left_ms_now(t->run->deadline));
	code = curl_easy_perform(curl);
	*filled = false;
	return code;
}

static int one_request(const struct check_run *run, const struct web_request *req,
		       struct web_response *resp, struct diag *out)
{
	struct transfer t = {.run = run, .req = req, .resp = resp, .fd = -1};
	char words[CURL_ERROR_SIZE] = "";
	CURL *curl = the_handle();
	struct str url;
	CURLcode code;
	bool filled;

	curl_easy_reset(curl);
	*resp = (struct web_response){.body = xcalloc(1, 1)};
	t.max_body = req->max_body ? req->max_body : WEB_BODY_MAX;
	make_subject(req, resp);
	str_init(&url, 2 * URL_MAX);
	code = perform(&t, curl, &url, words, out, &filled);
	str_free(&url);
	cleanup_fd_fn(&t.fd); /* curl had a connection of its own */
	if (filled)
		return -1;
	if (code != CURLE_OK && !(t.too_large && req->method && str_eq(req->method, "HEAD"))) {
		web_fail_curl(curl, &t, code, words, out);
		return -1;
	}
	/* For curl that is an answer without a body. */
	if (!t.headers_ended) {
		check_fail(
		    out, D_ANSWER_TRUNCATED, resp->subject,
		    "the peer closed the connection in the middle of the headers, after %zu bytes",
		    t.header_bytes);
		return -1;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &resp->status);
	keep_content_type(curl, resp);
	keep_location(curl, resp);
	check_reached(run, "http %ld", resp->status);
	return 0;
}

/* ---- redirects -------------------------------------------------------------------------------------------------- */
/* One request of a chain. What the profile wrote is for the peer it names: credentials and the profile's headers do
 * not go to another scheme, host or port, which whoever answers could choose. */
struct hop {
	struct web_request req;
	struct web_conf web;
	struct url url;
	bool elsewhere; /* it has left the profile's peer: nothing of it is sent any more */
};

/* RFC 9110 section 15.4: 303 asks for a GET; POST becomes GET with 301 and 302, as every client does it. */
static void redirect_method(struct web_request *req, long status)
{
	bool head = req->method && str_eq(req->method, "HEAD");
	bool post = req->method ? str_eq(req->method, "POST") : req->body != NULL;

	if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
		req->method = NULL;
		req->body = NULL;
		req->content_type = NULL;
	}
}

/* Is `to` where this hop went? `to` has the name that curl was given. */
static bool same_peer(const struct web_request *req, const struct url *to)
{
	struct web_request there = {.url = to};

	return str_eq(to->scheme, req->url->scheme) && !strcasecmp(to->host, host_for_curl(req)) &&
	       port_of(&there) == port_of(req);
}

static int redirect(struct hop *h, const struct web_response *resp, struct diag *out)
{
	static struct arena arena; /* the parts live until the child exits */
	char *text = NULL;
	const char *why = "";
	struct url to;

	curl_easy_getinfo(the_handle(), CURLINFO_REDIRECT_URL, &text);
	if (url_split(&to, &arena, text ? text : "", &why)) {
		check_fail(out, D_HTTP_REDIRECT, resp->subject,
			   "HTTP status %ld, to %s, which cannot be followed: it %s", resp->status,
			   resp->location, why);
		return -1;
	}
	if (!str_eq(to.scheme, "http") && !str_eq(to.scheme, "https")) {
		check_fail(out, D_HTTP_REDIRECT, resp->subject,
			   "HTTP status %ld, to %s; %s:// is not followed", resp->status,
			   resp->location, to.scheme);
		return -1;
	}
	redirect_method(&h->req, resp->status);
	h->req.path = *to.path ? to.path : "/";
	if (same_peer(&h->req, &to))
		return 0;
	if (h->req.body) {
		check_fail(out, D_HTTP_REDIRECT, resp->subject,
			   "HTTP status %ld, to %s; the body is not sent to another address",
			   resp->status, resp->location);
		return -1;
	}
	to.user = to.password = (struct secret){SECRET_NONE, NULL};
	h->url = to;
	h->web = (struct web_conf){
	    .tls = {.ca_file = h->web.tls.ca_file, .ca_path = h->web.tls.ca_path}};
	h->req.headers = NULL;
	h->elsewhere = true;
	return 0;
}

int web_request(const struct check_run *run, const struct web_request *req,
		struct web_response *resp, struct diag *out)
{
	struct instant begin = instant_now();
	struct hop h = {.req = *req, .web = *req->web, .url = *req->url};

	h.req.url = &h.url;
	h.req.web = &h.web;
	for (int hops = 0;; hops++) {
		if (one_request(run, &h.req, resp, out))
			return -1;
		resp->elsewhere = h.elsewhere;
		if (!req->follow || !resp->location[0])
			break;
		if (hops == req->follow) {
			check_fail(out, D_HTTP_REDIRECT, resp->subject,
				   "HTTP status %ld, to %s, after %d redirects, as many as follow "
				   "allows",
				   resp->status, resp->location, hops);
			return -1;
		}
		if (redirect(&h, resp, out))
			return -1;
	}
	resp->ms = duration_ms(instant_since(begin, instant_now()));
	return 0;
}
