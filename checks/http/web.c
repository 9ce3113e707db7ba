#include "web_transfer.h"

#include <ctype.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "flaw.h"
#include "web_status.h"

const char *const web_schemes[] = {"http", "https", NULL};

const char *web_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "libcurl %s", curl_version_info(CURLVERSION_NOW)->version);
	return text;
}

const char *web_conf_problem(const struct web_conf *web, const struct url *url, const char **key)
{
	*key = url && url->text && str_eq(url->scheme, "http") ? tls_key_given(&web->tls) : NULL;
	if (*key)
		return "is for TLS only, and the url begins with http://";
	*key = "password";
	if (secret_is_set(web->password) && !web->username)
		return "needs username";
	*key = "token";
	if (secret_is_set(web->token) && web->username)
		return "and username exclude each other: one Authorization header is sent";
	*key = web->username ? "username" : "token";
	if (url && secret_is_set(url->user) && (web->username || secret_is_set(web->token)))
		return "and a user in the url exclude each other";
	return tls_conf_problem(&web->tls, key);
}

const char *web_base_problem(const char *url)
{
	return strchr(url, '?')
		   ? "has a query, to which no path can be added; give the address alone"
		   : NULL;
}

/* Accepts the names and values of RFC 9110 sections 5.1 and 5.5. */
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

const char *web_method_problem(const char *text)
{
	for (const char *s = text; *s; s++)
		if (!isupper((unsigned char)*s))
			return "is not a method: capital letters, as in GET";
	return *text ? NULL : "is empty";
}

const char *web_body_problem(const char *method, const char *body)
{
	return method && body && str_eq(method, "HEAD")
		   ? "HEAD is sent without a body: leave body out, or give another method"
		   : NULL;
}

/* ---- curl's callbacks -------------------------------------------------------------------------------------------- */
static curl_socket_t on_open(void *arg, UNUSED curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct transfer *t = arg;

	if (t->fd >= 0)
		return steal_fd(&t->fd);
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

static int on_sockopt(UNUSED void *arg, curl_socket_t fd, UNUSED curlsocktype purpose)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;

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
		n = t->max_body - r->len; /* keep the beginning, for messages */
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
	/* A new status line (after "100 Continue") begins new headers; trailers after a body do not. */
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

static bool has_https_proxy(const struct web_request *req)
{
	return req->proxy && str_starts(req->proxy, "https://");
}

/* curl calls this once for each handshake: with an https proxy first, then with the peer. The keys of the profile are about the
 * peer; the proxy must be known to the system. */
static CURLcode on_ssl_ctx(UNUSED CURL *curl, void *ctx, void *arg)
{
	static const struct tls_conf system;
	struct transfer *t = arg;
	bool to_proxy = has_https_proxy(t->req) && !t->handshakes++;
	struct diag ignored = {0}; /* tls_files has diagnosed the files */

	tls_watch(ctx, &t->seen);
	if (!to_proxy)
		tls_expect_name(SSL_CTX_get0_param(ctx), web_peer_name(t->req));
	return tls_trust(ctx, to_proxy ? &system : &t->req->web->tls, &ignored)
		   ? CURLE_SSL_CACERT_BADFILE
		   : CURLE_OK;
}

/* ---- one request ------------------------------------------------------------------------------------------------- */
static void add_url(struct str *url, const char *scheme, const char *host, int port,
		    const char *path)
{
	char address[300];

	str_addf(url, "%s://%s%s", scheme, hostport_text(host, port, address, sizeof address),
		 path);
}

static void make_subject(const struct web_request *req, struct web_response *resp)
{
	struct str s;

	str_init(&s, URL_MAX);
	add_url(&s, req->url->scheme, req->url->host, req->url->port,
		req->path ? req->path : req->url->path);
	/* Drops the query, which may hold an API key; the profile shows the rest of it. */
	s.s[strcspn(s.s, "?")] = '\0';
	text_clean(resp->subject, sizeof resp->subject, s.s);
	str_free(&s);
}

/* Connects, and makes curl use the address that answered for `name`, the host of curl's URL. CURLOPT_RESOLVE refuses an
 * IPv6 literal, which curl does not resolve anyway. */
static enum result connect_and_pin(struct transfer *t, CURL *curl, const char *host, int port,
				   const char *name, struct diag *out)
{
	struct conn conn;
	char pin[700];

	if (net_connect(t->req->run, host, port, &conn, out))
		return RESULT_FAIL;
	t->fd = conn.fd;
	snprintf(t->ip, sizeof t->ip, "%s", conn.ip);
	if (strchr(name, ':'))
		return RESULT_PASS;
	snprintf(pin, sizeof pin, "%s:%d:%s", name, port, conn.ip);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, curl_slist_append(NULL, pin));
	return RESULT_PASS;
}

/* Connects to the proxy with net.h. If curl did, the diagnosis of an unreachable proxy would be a peer that does not answer,
 * and a name server that hangs would block the attempt until the parent kills it. */
static enum result connect_proxy(struct transfer *t, CURL *curl, struct diag *out)
{
	static struct arena arena; /* holds the parts of the URL until the child exits */
	struct url proxy;

	if (url_split(&proxy, &arena, t->req->proxy))
		return RESULT_PASS; /* curl will report the problem of this URL */
	/* These are curl's defaults. */
	if (!proxy.port)
		proxy.port = str_eq(proxy.scheme, "https") ? 443 : 1080;
	return connect_and_pin(t, curl, proxy.host, proxy.port, proxy.host, out);
}

/* Connects to the proxy, else to the unix socket, else to the url's host, which curl's URL names `host`. */
static enum result connect_peer(struct transfer *t, CURL *curl, const char *host, struct diag *out)
{
	const struct web_request *req = t->req;
	struct conn conn;

	if (req->proxy)
		return connect_proxy(t, curl, out);
	if (!req->unix_socket)
		return connect_and_pin(t, curl, req->url->host, port_of(req), host, out);
	/* Connects only to diagnose a failure: curl takes over connected sockets of TCP alone. */
	if (net_connect_unix(t->req->run, req->unix_socket, &conn, out))
		return RESULT_FAIL;
	close(conn.fd);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket);
	return RESULT_PASS;
}

/* Without ca_file or ca_path curl trusts a bundle of its builder's system, and some versions trust it beside ca_path. So curl is
 * given no CAs here, and on_ssl_ctx sets them. */
static void set_trust(CURL *curl, struct transfer *t)
{
	const struct tls_conf *tls = &t->req->web->tls;

	/* A trusted intermediate without its root is enough for curl, not for OpenSSL: one rule for all kinds. */
	curl_easy_setopt(curl, CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_NO_PARTIALCHAIN);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, t);
	if (curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx) == CURLE_OK) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
		/* on_ssl_ctx makes OpenSSL compare the peer's name, as in every other kind. */
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
		return;
	}
	/* This curl does not use OpenSSL; only its error texts are diagnosed. */
	if (tls->ca_file || tls->ca_path) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, tls->ca_path);
	}
}

static void set_client_certificate(CURL *curl, const struct tls_conf *tls)
{
	if (!tls->cert_file)
		return;
	curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert_file);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key_file ? tls->key_file : tls->cert_file);
	/* Keeps OpenSSL from prompting on the terminal for the passphrase of an encrypted key. */
	curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "");
}

/* Basic authentication sends "user:password" in base64, in which the scrubber cannot always find the password alone.
 * Registers the encoded pair without the padding; the user's name stays readable in diagnoses. */
static void register_basic_auth(const char *user, const char *password)
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

/* Returns NULL with *out filled when the token is not fit for a header: curl writes it there without a check. */
static const char *reveal_token(const struct web_conf *web, struct diag *out)
{
	const char *token = secret_reveal(web->token, out),
		   *name = web->token.kind == SECRET_LITERAL ? "token" : web->token.text;

	if (token && strncasecmp(token, "Bearer ", strlen("Bearer ")) == 0) {
		check_fail(out, D_SECRET_MALFORMED, "token",
			   "the value of %s begins with Bearer, which is sent before it anyway",
			   name);
		diag_hint(out, "write the token alone");
		return NULL;
	}
	if (!token || (*token && !strpbrk(token, "\r\n")))
		return token;
	if (!*token) {
		check_fail(out, web->token.kind == SECRET_ENV ? D_ENV_EMPTY : D_SECRET_MALFORMED,
			   name, "the token is empty");
		return NULL;
	}
	check_fail(out, D_SECRET_MALFORMED, "token", "the value of %s %s a line end", name,
		   strpbrk(token, "\r\n")[1] ? "holds" : "ends in");
	diag_hint(out, "%s",
		  "write it without the line end: echo adds one, echo -n and printf do not");
	return NULL;
}

enum result web_set_proxy(struct web_request *req, const struct url *proxy, const char *username,
			  struct secret password, struct diag *out)
{
	struct url url;

	if (url_reveal(proxy, &url, out))
		return RESULT_FAIL;
	req->proxy = url.text;
	if (!username && !secret_is_set(url.user))
		return RESULT_PASS;
	req->proxy_user = username ? username : secret_read(url.user, out);
	password = username ? password : url.password;
	req->proxy_password = secret_is_set(password) ? secret_reveal(password, out) : "";
	if (!req->proxy_user || !req->proxy_password)
		return RESULT_FAIL;
	register_basic_auth(req->proxy_user, req->proxy_password);
	return RESULT_PASS;
}

/* curl sends this to the proxy alone: with CONNECT, or with each request of plain HTTP. */
static void set_proxy(CURL *curl, const struct web_request *req)
{
	curl_easy_setopt(curl, CURLOPT_PROXY, req->proxy ? req->proxy : "");
	if (!req->proxy_user)
		return;
	curl_easy_setopt(curl, CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, req->proxy_user);
	curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, req->proxy_password);
}

static enum result set_credentials(CURL *curl, const struct web_request *req,
				   struct web_response *resp, struct diag *out)
{
	const struct web_conf *web = req->web;
	const char *user = web->username, *password = "", *token;

	if (secret_is_set(web->token)) {
		token = reveal_token(web, out);
		if (!token)
			return RESULT_FAIL;
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
		resp->had_credentials = true;
		resp->sent = "Bearer";
		return RESULT_PASS;
	}
	if (user && secret_is_set(web->password))
		password = secret_reveal(web->password, out);
	else if (!user && secret_is_set(req->url->user)) {
		user = secret_read(req->url->user, out);
		if (secret_is_set(req->url->password))
			password = secret_reveal(req->url->password, out);
	}
	if (!password || (!user && secret_is_set(req->url->user)))
		return RESULT_FAIL;
	if (user) {
		flaw_note("username", user);
		if (*password)
			register_basic_auth(user, password);
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
		resp->had_credentials = true;
		resp->sent = "Basic";
	}
	return RESULT_PASS;
}

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct str line;

	str_init(&line, strlen(name) + strlen(value) + sizeof ": ");
	/* curl sends a header with an empty value only for "Name;"; for "Name:" it removes the header. */
	str_addf(&line, *value ? "%s: %s" : "%s;%s", name, value);
	*list = curl_slist_append(*list, line.s);
	str_free(&line);
}

static enum result make_headers(const struct web_request *req, struct web_response *resp,
				struct curl_slist **list, struct diag *out)
{
	char host[300];

	if (req->content_type)
		add_header(list, "Content-Type", req->content_type);
	if (req->accept)
		add_header(list, "Accept", req->accept);
	if (req->web->tls.server_name && is_https(req))
		add_header(list, "Host",
			   hostport_text(req->url->host, req->url->port, host, sizeof host));
	if (req->gzip)
		add_header(list, "Accept-Encoding", "gzip");
	*list = curl_slist_append(*list, "Expect:"); /* keeps curl from "100-continue" */
	for (size_t i = 0; req->headers && i < req->headers->n; i++) {
		const struct pair *p = &req->headers->v[i];
		const char *value = p->value ? p->value : secret_reveal(p->secret, out);

		if (!value)
			return RESULT_FAIL;
		/* A secret may hold a line end, which would add headers. */
		if (strpbrk(value, "\r\n"))
			return check_fail(out, D_SECRET_MALFORMED, p->name,
					  "the value of this header %s a line end",
					  strpbrk(value, "\r\n")[1] ? "holds" : "ends in");
		add_header(list, p->name, value);
		if (!strcasecmp(p->name, "authorization"))
			resp->had_credentials = true;
	}
	return RESULT_PASS;
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
	set_proxy(curl, req);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_sockopt);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	/* web_request follows redirects itself, since it decides for each whether credentials may be sent. */
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "startguard/" STARTGUARD_VERSION);
}

/* ---- answer ------------------------------------------------------------------------------------------------------ */
static void keep_content_type(CURL *curl, struct web_response *resp)
{
	char *type = NULL;

	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	snprintf(resp->content_type, sizeof resp->content_type, "%s", type ? type : "");
	text_clean(resp->content_type_header, sizeof resp->content_type_header, type ? type : "");
	resp->content_type[strcspn(resp->content_type, "; ")] = '\0';
	for (char *c = resp->content_type; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

static void keep_coding(CURL *curl, struct web_response *resp)
{
	struct curl_header *h;

	if (curl_easy_header(curl, "Content-Encoding", 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
		text_clean(resp->coding, sizeof resp->coding, h->value);
}

/* Stores the target of a redirect without user part and query, which may hold credentials. */
static void keep_location(CURL *curl, struct web_response *resp)
{
	char *to = NULL, *host, *at;

	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
	text_clean(resp->location, sizeof resp->location, to ? to : "");
	resp->location[strcspn(resp->location, "?#")] = '\0';
	host = strstr(resp->location, "://");
	if (!host)
		return;
	host += 3;
	at = memrchr(host, '@', strcspn(host, "/"));
	if (at)
		memmove(host, at + 1, strlen(at + 1) + 1);
}

/* A server may ask for several schemes, in one header or in several. The values may echo credentials: scrub before cutting. */
static void keep_challenge(CURL *curl, const char *name, char *buf, size_t size)
{
	struct curl_header *h;
	struct str all;

	str_init(&all, 8 * 1024);
	for (size_t i = 0, n = 1; i < n && all.len < 4 * 1024; i++) {
		if (curl_easy_header(curl, name, i, CURLH_HEADER, -1, &h))
			break;
		n = h->amount;
		str_addf(&all, "%s%.*s", i ? ", " : "", 2048, h->value);
	}
	scrub(all.s);
	text_clean(buf, size, all.s);
	str_free(&all);
}

static void keep_retry_after(CURL *curl, struct web_response *resp)
{
	struct curl_header *header;
	char after[64];

	if (curl_easy_header(curl, "Retry-After", 0, CURLH_HEADER, -1, &header))
		return;
	/* curl has one struct for all answers of this call. */
	snprintf(after, sizeof after, "%s", header->value);
	if (curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &header))
		header = NULL;
	resp->retry_after_s = web_retry_after(after, header ? header->value : NULL);
}

/* Returns the one handle of the child: further requests use the connections that it keeps. */
static CURL *shared_handle(void)
{
	static CURL *curl;

	if (!curl) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		curl = curl_easy_init();
		invariant(curl);
	}
	return curl;
}

/* Returns whether curl has kept a connection for this request, so that web_request opens none; remembers the peer. */
static bool has_kept_connection(const struct web_request *req)
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

/* Connects, unless curl has kept a connection, and sets all options of the handle. */
static enum result set_up_transfer(struct transfer *t, CURL *curl, struct diag *out)
{
	const struct web_request *req = t->req;
	const char *host = web_peer_name(req), *path = req->path ? req->path : req->url->path;
	struct curl_slist *headers = NULL;
	struct str url;

	set_options(curl, t);
	set_method(curl, req);
	if (is_https(req)) {
		if (tls_files(&req->web->tls, out) || tls_check_name(host, out))
			return RESULT_FAIL;
		set_client_certificate(curl, &req->web->tls);
	}
	if (is_https(req) || has_https_proxy(req))
		set_trust(curl, t);
	if (set_credentials(curl, req, t->resp, out) || make_headers(req, t->resp, &headers, out) ||
	    (!has_kept_connection(req) && connect_peer(t, curl, host, out)))
		return RESULT_FAIL;
	str_init(&url, URL_MAX + strlen(path)); /* flow fills in captured values */
	add_url(&url, req->url->scheme, host, port_of(req), *path ? path : "/");
	curl_easy_setopt(curl, CURLOPT_URL, url.s);
	str_free(&url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->error);
	check_step(t->req->run, PH_PROTOCOL, "%s %s",
		   req->method ? req->method
		   : req->body ? "POST"
			       : "GET",
		   t->resp->subject);
	/* The time-out is set last: resolving and connecting have taken a part of the time. */
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
			 (long)instant_left_ms_now(t->req->run->deadline));
	return RESULT_PASS;
}

static enum result send_request(const struct web_request *req, struct web_response *resp,
				struct diag *out)
{
	struct transfer t = {.req = req, .resp = resp, .fd = -1};
	CURL *curl = shared_handle();
	CURLcode code;
	enum result r;

	curl_easy_reset(curl);
	*resp = (struct web_response){
	    .body = xcalloc(1, 1), .proxy = req->proxy, .had_proxy_login = req->proxy_user != NULL};
	t.max_body = req->max_body ? req->max_body : WEB_BODY_MAX;
	make_subject(req, resp);
	r = set_up_transfer(&t, curl, out);
	code = r ? CURLE_OK : curl_easy_perform(curl);
	cleanup_fd_fn(&t.fd); /* still open when curl used a kept connection */
	if (r)
		return r;
	if (code != CURLE_OK && !(t.too_large && req->method && str_eq(req->method, "HEAD")))
		return web_fail_curl(curl, &t, code, out);
	/* curl takes headers without an end for an answer without a body. */
	if (!t.headers_ended)
		return check_fail(
		    out, D_ANSWER_TRUNCATED, resp->subject,
		    "the peer closed the connection in the middle of the headers, after %zu bytes",
		    t.header_bytes);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &resp->status);
	keep_content_type(curl, resp);
	keep_coding(curl, resp);
	keep_location(curl, resp);
	keep_retry_after(curl, resp);
	keep_challenge(curl, "WWW-Authenticate", resp->challenge, sizeof resp->challenge);
	keep_challenge(curl, "Proxy-Authenticate", resp->proxy_challenge,
		       sizeof resp->proxy_challenge);
	if (web_gunzip(resp, t.max_body, out))
		return RESULT_FAIL;
	web_keep_body_start(resp);
	check_reached(req->run, "http %ld", resp->status);
	return RESULT_PASS;
}

/* ---- redirects --------------------------------------------------------------------------------------------------- */
/* One request of a chain of redirects. The profile gives credentials and headers for the peer that it names; they must not
 * go to another scheme, host or port, which the answering peer could choose. */
struct hop {
	struct web_request req;
	struct web_conf web;
	struct url url;
	bool elsewhere; /* the chain has left the profile's peer */
};

/* RFC 9110 section 15.4: a 303 demands a GET; after 301 and 302 clients replace POST by GET. */
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

/* Returns whether `to`, whose host is as in curl's URL, is the peer of this request. */
static bool is_same_peer(const struct web_request *req, const struct url *to)
{
	struct web_request there = {.url = to};

	return str_eq(to->scheme, req->url->scheme) && !strcasecmp(to->host, web_peer_name(req)) &&
	       port_of(&there) == port_of(req);
}

static enum result follow_redirect(struct hop *h, const struct web_response *resp, struct diag *out)
{
	static struct arena arena; /* holds the parts of the URL until the child exits */
	char *text = NULL;
	const char *problem;
	struct url to;

	curl_easy_getinfo(shared_handle(), CURLINFO_REDIRECT_URL, &text);
	problem = url_split(&to, &arena, text ? text : "");
	if (problem)
		return check_fail(out, D_HTTP_REDIRECT, resp->subject,
				  "HTTP status %ld, to %s, which cannot be followed: it %s",
				  resp->status, resp->location, problem);
	if (!str_eq(to.scheme, "http") && !str_eq(to.scheme, "https"))
		return check_fail(out, D_HTTP_REDIRECT, resp->subject,
				  "HTTP status %ld, to %s; %s:// is not followed", resp->status,
				  resp->location, to.scheme);
	redirect_method(&h->req, resp->status);
	h->req.path = *to.path ? to.path : "/";
	if (is_same_peer(&h->req, &to))
		return RESULT_PASS;
	if (h->req.body)
		return check_fail(out, D_HTTP_REDIRECT, resp->subject,
				  "HTTP status %ld, to %s; the body is not sent to another address",
				  resp->status, resp->location);
	to.user = to.password = (struct secret){SECRET_NONE, NULL};
	h->url = to;
	h->web = (struct web_conf){
	    .tls = {.ca_file = h->web.tls.ca_file, .ca_path = h->web.tls.ca_path}};
	h->req.headers = NULL;
	h->elsewhere = true;
	return RESULT_PASS;
}

enum result web_request(const struct web_request *req, struct web_response *resp, struct diag *out)
{
	struct instant begin = instant_now();
	struct hop h = {.req = *req, .web = *req->web, .url = *req->url};

	h.req.url = &h.url;
	h.req.web = &h.web;
	for (int hops = 0;; hops++) {
		if (send_request(&h.req, resp, out))
			return RESULT_FAIL;
		resp->elsewhere = h.elsewhere;
		if (!req->follow || !resp->location[0])
			break;
		if (hops == req->follow)
			return check_fail(out, D_HTTP_REDIRECT, resp->subject,
					  "HTTP status %ld, to %s, after %d redirects, as many as "
					  "follow allows",
					  resp->status, resp->location, hops);
		if (follow_redirect(&h, resp, out))
			return RESULT_FAIL;
	}
	resp->ms = duration_ms(instant_since(begin, instant_now()));
	return RESULT_PASS;
}

enum result web_request_below(const struct web_request *base, const char *path, const char *body,
			      struct web_response *resp, struct diag *out)
{
	struct web_request req = *base;
	size_t n = strcspn(base->url->path, "?");
	enum result r;
	struct str full;

	while (n && base->url->path[n - 1] == '/')
		n--;
	str_init(&full, URL_MAX);
	str_addn(&full, base->url->path, n);
	str_add(&full, path);
	req.path = full.s;
	req.body = body;
	if (!body)
		req.content_type = NULL;
	r = web_request(&req, resp, out);
	str_free(&full);
	return r;
}
