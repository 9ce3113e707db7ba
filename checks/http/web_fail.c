#include "web_transfer.h"

#include <ctype.h>
#include <errno.h>

#include "neterr.h"
#include "web_status.h"

/* ---- failed transfers -------------------------------------------------------------------------------------------- */
/* Does WWW-Authenticate, or Proxy-Authenticate, name this scheme? Schemes stand at its beginning, or after a comma (RFC 9110, section
 * 11.6.1). */
static bool asks_for(const char *challenge, const char *scheme)
{
	size_t n = strlen(scheme);

	for (const char *p = strcasestr(challenge, scheme); p; p = strcasestr(p + n, scheme))
		if ((p == challenge || p[-1] == ' ' || p[-1] == ',') &&
		    (!p[n] || p[n] == ' ' || p[n] == ','))
			return true;
	return false;
}

static void hint_proxy_login(const struct web_response *resp, struct diag *out)
{
	diag_hint(out, "%s",
		  resp->had_proxy_login
		      ? "look at proxy_username and proxy_password, or at the user part of proxy"
		      : "give proxy_username and proxy_password, or the proxy's URL with its login "
			"by reference: proxy = \"${HTTPS_PROXY}\"");
}

/* A server that speaks HTTP/2 alone (gRPC) begins with a frame of its settings, whatever was asked: RFC 9113, sections 4.1 and 6.5. */
static bool is_http2(const char *bytes, size_t n)
{
	static const char settings[] = {4, 0, 0, 0, 0, 0}; /* type, flags, stream */

	return n >= 9 && !memcmp(bytes + 3, settings, sizeof settings);
}

/* Called when curl reports an answer that is not HTTP. Sends one more request without curl, to quote the answer. */
static enum result fail_not_http(const struct transfer *t, const char *error, struct diag *out)
{
	static const char question[] = "GET / HTTP/1.0\r\n\r\n";
	const char *subject = t->resp->subject;
	struct diag ignored = {0};
	struct conn conn;
	char buf[64], start[160];
	size_t n = 0;

	if (!t->req->proxy && !t->req->unix_socket && !is_https(t->req) &&
	    !net_connect(t->req->run, t->req->url->host, port_of(t->req), &conn, &ignored) &&
	    !net_write(t->req->run, &conn, question, sizeof question - 1, &ignored) &&
	    net_read(t->req->run, &conn, buf, sizeof buf, &n, &ignored))
		n = 0;
	if (tls_is_alert(buf, n))
		return check_fail(out, D_TLS_REQUIRED, subject,
				  "the peer answers plain HTTP with a TLS alert");
	if (!n)
		return check_fail(out, D_HTTP_NOT_HTTP, subject, "%s", error);
	if (is_http2(buf, n)) {
		check_fail(out, D_HTTP_NOT_HTTP, subject,
			   "the answer is HTTP/2, to a request of HTTP/1.1");
		diag_hint(out, "give a port that speaks HTTP/1.1 too; for gRPC use the kind tcp, "
			       "which shows that the port accepts connections");
		return RESULT_FAIL;
	}
	text_clean_n(start, sizeof start, buf, n);
	return check_fail(out, D_HTTP_NOT_HTTP, subject,
			  "the answer is not HTTP; it begins with: %s", start);
}

static enum result fail_timeout(CURL *curl, const struct transfer *t, struct diag *out)
{
	const char *subject = t->resp->subject;
	long through_proxy = 0, connections = 0;
	double tls_s = 0;
	bool in_handshake;

	curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME, &tls_s);
	curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connections);
	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &through_proxy);
	/* A kept connection has completed its handshake. */
	in_handshake = is_https(t->req) && connections > 0 && tls_s <= 0 && !t->header_bytes;
	if (in_handshake && t->req->proxy && str_starts(t->req->proxy, "http") && !through_proxy)
		return check_fail(out, D_ANSWER_TIMEOUT, t->req->proxy,
				  "connected, but no answer of the proxy to CONNECT");
	if (in_handshake)
		return check_fail(out, D_ANSWER_TIMEOUT, subject,
				  "connected, but no answer to the TLS handshake");
	if (t->header_bytes)
		return check_fail(
		    out, D_ANSWER_TIMEOUT, subject,
		    "the answer began, but was not complete in time: %zu bytes of %s came",
		    t->resp->len ? t->resp->len : t->header_bytes,
		    t->resp->len ? "the body" : "headers");
	return check_fail(out, D_ANSWER_TIMEOUT, subject,
			  "connected and asked, but no answer came in time");
}

/* curl's words for a connection that ended without an alert of TLS, and for what OpenSSL 3 says by itself. */
static bool is_end_of_stream(const char *error)
{
	return strstr(error, "SSL_ERROR_SYSCALL") || strstr(error, "unexpected eof") ||
	       strstr(error, "error:00000000");
}

static enum result fail_tls(const struct transfer *t, CURLcode code, const char *error,
			    struct diag *out)
{
	const struct tls_conf *tls = &t->req->web->tls;
	const char *name = web_peer_name(t->req);
	/* The first handshake is that with an https proxy, and may be the only one. */
	bool of_proxy =
	    t->req->proxy && str_starts(t->req->proxy, "https://") && t->handshakes <= 1;
	const char *subject = of_proxy ? t->req->proxy : t->resp->subject;

	/* A reset is connect-reset at any time, as in tls.c. */
	if (!t->seen.refusal.error && strcasestr(error, strerror(ECONNRESET)))
		return net_fail_errno(out, ECONNRESET, subject, "TLS handshake");
	if (!t->seen.refusal.error && code == CURLE_SSL_CACERT_BADFILE)
		return check_fail(out, D_TLS_CA_UNREADABLE, tls->ca_file ? tls->ca_file : subject,
				  "%s", error);
	if (!t->seen.refusal.error && is_end_of_stream(error)) {
		tls_fail_closed(out, "", subject);
		tls_hint_name(out, name);
		return RESULT_FAIL;
	}
	tls_fail_handshake(out, &t->seen, tls, name, error, subject);
	if (code == CURLE_SSL_CERTPROBLEM && out->code == D_TLS_HANDSHAKE)
		return check_fail(out, D_TLS_CA_UNREADABLE,
				  tls->cert_file ? tls->cert_file : subject, "%s", error);
	/* Through a proxy the peer's port is not that of t->ip. */
	return t->req->proxy ? RESULT_FAIL
			     : net_fail_tls(t->req->run, t->ip, port_of(t->req), name, out);
}

static enum result fail_socks_login(const struct transfer *t, const char *error, struct diag *out)
{
	check_fail(out, t->req->proxy_user ? D_AUTH_FAILED : D_AUTH_REQUIRED, t->req->proxy, "%s",
		   error);
	hint_proxy_login(t->resp, out);
	return RESULT_FAIL;
}

/* Diagnoses a SOCKS proxy's reply code (RFC 1928 section 6): a fault of the proxy, or of the peer to which it connects and
 * which may start later. */
static enum result fail_proxy(CURL *curl, const struct transfer *t, const char *error,
			      struct diag *out)
{
	const char *proxy = t->req->proxy;
	long reply = 0;

	curl_easy_getinfo(curl, CURLINFO_PROXY_ERROR, &reply);
	if (reply == CURLPX_REPLY_NOT_ALLOWED)
		return check_fail(out, D_AUTH_FORBIDDEN, proxy, "%s", error);
	if (reply == CURLPX_NO_AUTH || reply == CURLPX_USER_REJECTED)
		return fail_socks_login(t, error, out);
	if (reply == CURLPX_BAD_VERSION || reply == CURLPX_BAD_ADDRESS_TYPE)
		return check_fail(out, D_PROTOCOL_MISMATCH, proxy, "%s", error);
	return check_fail(out,
			  reply == CURLPX_REPLY_CONNECTION_REFUSED ? D_CONNECT_REFUSED
								   : D_CONNECT_UNREACHABLE,
			  t->resp->subject, "by the proxy %s: %s", proxy, error);
}

/* curl reports some TLS errors under codes that are not TLS codes: an alert of TLS 1.3, for example, arrives with the first
 * read. So this looks at the text. A connection that ends after the handshake is not an error of TLS. */
static bool is_tls_error(const char *error)
{
	if (is_end_of_stream(error) || strcasestr(error, strerror(ECONNRESET)))
		return false;
	return strcasestr(error, "alert") || strcasestr(error, "SSL_") ||
	       strcasestr(error, "ssl routines");
}

/* Diagnoses a connection that ended for a reason curl does not know. */
static enum result fail_ended(CURL *curl, const struct transfer *t, CURLcode code,
			      const char *error, const char *subject, struct diag *out)
{
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (t->seen.refusal.error || is_tls_error(error))
		return fail_tls(t, code, error, out);
	if (t->header_bytes)
		return check_fail(out, D_ANSWER_TRUNCATED, subject, "%s", error);
	if (code == CURLE_GOT_NOTHING || is_end_of_stream(error))
		check_fail(out, D_CONNECT_CLOSED, subject,
			   "asked, and the peer closed the connection without an answer");
	else if (os_error)
		net_fail_errno(out, (int)os_error, subject, error);
	else
		check_fail(out, strcasestr(error, "reset") ? D_CONNECT_RESET : D_CONNECT_CLOSED,
			   subject, "%s", error);
	if (is_https(t->req) || t->req->unix_socket || t->req->proxy)
		return RESULT_FAIL;
	return net_fail_closed(t->req->run, t->ip, port_of(t->req), out);
}

/* 407, to CONNECT or to a request of plain HTTP. */
static enum result fail_proxy_login(const struct web_response *resp, const char *body,
				    struct diag *out)
{
	const char *asks = resp->proxy_challenge;
	bool no_basic = *asks && !asks_for(asks, "Basic");

	check_fail(out,
		   !resp->had_proxy_login ? D_AUTH_REQUIRED
		   : no_basic             ? D_AUTH_MECHANISM
					  : D_AUTH_FAILED,
		   resp->proxy, "the proxy answers %swith HTTP status 407%s%s%s%s%s",
		   body ? "" : "CONNECT ", resp->had_proxy_login ? " to the login" : "",
		   *asks ? "; it asks for " : "", asks, body ? "; the body: " : "",
		   body ? body : "");
	if (no_basic)
		diag_hint(out, "proxy_username and proxy_password are Basic, for which this proxy "
			       "does not ask: go through one that takes it");
	else
		hint_proxy_login(resp, out);
	return RESULT_FAIL;
}

/* A proxy that does not make the connection to the peer says so with a status. */
static enum result fail_connect_request(const struct transfer *t, long status, struct diag *out)
{
	if (status == 407)
		return fail_proxy_login(t->resp, NULL, out);
	check_fail(out, status < 400 ? D_HTTP_STATUS : web_status_code(status), t->req->proxy,
		   "the proxy answers CONNECT with HTTP status %ld", status);
	if (status == 403)
		diag_hint(out, "the proxy does not let this client through to the host and port "
			       "of url: allow it there");
	else if (status == 400 || status == 404 || status == 405 || status == 501)
		diag_hint(out, "look whether a proxy listens at this address: a web server "
			       "answers CONNECT so");
	else if (status >= 500)
		diag_hint(out, "the proxy does not reach the host of url: look at the proxy's "
			       "log, and whether that name resolves there");
	return RESULT_FAIL;
}

/* CURLE_TOO_LARGE, which libcurl 7.88 lacks: newer versions bound the number of headers. */
#define CURL_TOO_LARGE 100

enum result web_fail_curl(CURL *curl, const struct transfer *t, CURLcode code, struct diag *out)
{
	const char *error = *t->error ? t->error : curl_easy_strerror(code);
	const char *subject = t->resp->subject;
	long proxy_status = 0;

	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (proxy_status >= 300)
		return fail_connect_request(t, proxy_status, out);
	/* With a proxy, curl connects only to the proxy. */
	if (t->req->proxy && (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_PROXY))
		subject = t->req->proxy;
	if (t->too_large)
		return check_fail(out, D_ANSWER_TOO_LARGE, subject,
				  "the body is larger than max_body, %zu bytes", t->max_body);
	if (t->headers_too_large)
		return check_fail(out, D_ANSWER_TOO_LARGE, subject,
				  "the headers are larger than %d KiB", WEB_HEADERS_MAX / 1024);
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return fail_timeout(curl, t, out);
	case CURLE_UNSUPPORTED_PROTOCOL: /* "Received HTTP/0.9 when not allowed", or a scheme */
		if (!strstr(error, "HTTP/0.9"))
			return check_fail(out, D_PROTOCOL_MISMATCH, subject, "%s", error);
		return fail_not_http(t, error, out);
	case CURLE_WEIRD_SERVER_REPLY:
		return fail_not_http(t, error, out);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return fail_tls(t, code, error, out);
	case CURLE_PROXY:
		return fail_proxy(curl, t, error, out);
	case CURL_TOO_LARGE:
		return check_fail(out, D_ANSWER_TOO_LARGE, subject, "%s", error);
	case CURLE_PARTIAL_FILE:
		return check_fail(out, D_ANSWER_TRUNCATED, subject, "%s", error);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return check_fail(out, D_DNS_NO_SUCH_NAME, subject, "%s", error);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_COULDNT_CONNECT:
		return fail_ended(curl, t, code, error, subject, out);
	default:
		return check_fail(out, D_PROTOCOL_MISMATCH, subject, "%s", error);
	}
}

/* ---- unexpected answers ------------------------------------------------------------------------------------------ */
bool web_is_html(const struct web_response *resp)
{
	const char *s = resp->body + strspn(resp->body, " \t\r\n");

	return str_eq(resp->content_type, "text/html") || !strncasecmp(s, "<!doctype html", 14) ||
	       !strncasecmp(s, "<html", 5);
}

void web_keep_body_start(struct web_response *resp)
{
	char raw[16 * 1024], start[221];
	size_t n = resp->len < sizeof raw - 1 ? resp->len : sizeof raw - 1;
	bool html = web_is_html(resp);
	bool coded = resp->coding[0] && !resp->decoded && strcasecmp(resp->coding, "identity") != 0;

	/* Scrub before cutting: scrub does not find every secret that was cut. */
	for (size_t i = 0; i < n; i++)
		raw[i] = resp->body[i] ? resp->body[i] : ' ';
	raw[n] = '\0';
	if (html)
		web_html_text(raw);
	scrub(raw);
	text_clean(start, html ? sizeof start : 121, raw);
	if (coded && *start)
		snprintf(resp->body_start, sizeof resp->body_start,
			 "it is compressed with %s, which was not asked for", resp->coding);
	else
		snprintf(resp->body_start, sizeof resp->body_start, "%s%s",
			 !*start && resp->len ? "it holds no text"
			 : !*start            ? "it is empty"
			 : html               ? "the page says: "
					      : "it begins with: ",
			 start);
}

/* What servers say with status 400 of the TLS connection: to plain HTTP on a TLS port (Go's net/http, nginx, Apache, Tomcat), and
 * of the client's certificate (nginx). */
static const struct {
	const char *text;
	enum diag_code code;
} tls_pages[] = {
    {"HTTP request to an HTTPS server", D_TLS_REQUIRED},
    {"plain HTTP request was sent to HTTPS port", D_TLS_REQUIRED},
    {"speaking plain HTTP to an SSL-enabled server port", D_TLS_REQUIRED},
    {"combination of host and port requires TLS", D_TLS_REQUIRED},
    {"No required SSL certificate was sent", D_TLS_CLIENT_CERT_REQUIRED},
    {"The SSL certificate error", D_TLS_CLIENT_CERT_REFUSED},
};

/* Was a user with a password sent to a server that lists its schemes without that one? Of tokens no more than that they were refused is
 * known: servers that take them often ask for Basic. */
static bool takes_no_basic(const struct web_response *resp)
{
	return resp->sent && str_eq(resp->sent, "Basic") && resp->challenge[0] &&
	       !asks_for(resp->challenge, "Basic") && !str_ends(resp->challenge, "...");
}

static enum diag_code code_of(const struct web_response *resp)
{
	enum diag_code code = web_status_code(resp->status);

	if (resp->status == 401 && resp->had_credentials)
		return takes_no_basic(resp) ? D_AUTH_MECHANISM : D_AUTH_FAILED;
	if (code == D_HTTP_REDIRECT && !resp->location[0])
		return D_HTTP_STATUS;
	for (size_t i = 0; resp->status == 400 && i < ARRAY_LEN(tls_pages); i++)
		if (strcasestr(resp->body, tls_pages[i].text))
			return tls_pages[i].code;
	return code;
}

/* A proxy that plain HTTP goes through may have answered itself. */
static const char *through_proxy(const struct web_response *resp)
{
	return resp->proxy && str_starts(resp->subject, "http://") ? resp->proxy : NULL;
}

/* For causes: what WWW-Authenticate says, which is schemes and realm, and of tokens often why they are refused (RFC 6750). */
static const char *asked_for(const struct web_response *resp, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", resp->challenge[0] ? "; the server asks for " : "",
		 resp->challenge);
	return buf;
}

static enum result fail_credentials(struct diag *out, enum diag_code code,
				    const struct web_response *resp)
{
	char asked[240];

	check_fail(out, code, resp->subject,
		   "HTTP status 401 to the credentials%s%s%s%s; the body: %s",
		   resp->sent ? " (" : "", resp->sent ? resp->sent : "", resp->sent ? ")" : "",
		   asked_for(resp, asked, sizeof asked), resp->body_start);
	if (code == D_AUTH_MECHANISM)
		diag_hint(out, "the server takes no user and password (Basic): give what it asks "
			       "for, as token or in headers");
	return RESULT_FAIL;
}

/* 403, and 401 without credentials. */
static enum result fail_access(struct diag *out, enum diag_code code,
			       const struct web_response *resp)
{
	const char *proxy = through_proxy(resp);
	char asked[240];

	check_fail(out, code, resp->subject, "HTTP status %ld%s%s%s; the body: %s", resp->status,
		   proxy ? " through the proxy " : "", proxy ? proxy : "",
		   asked_for(resp, asked, sizeof asked), resp->body_start);
	if (code == D_AUTH_FORBIDDEN && proxy)
		diag_hint(out, "look at the rules of the proxy first, then at those of the server");
	else if (code == D_AUTH_FORBIDDEN && !resp->had_credentials)
		diag_hint(out,
			  "no credentials were sent: give those of a user with this right, or let "
			  "the server permit it without a login");
	else if (code == D_AUTH_REQUIRED && resp->challenge[0] &&
		 !asks_for(resp->challenge, "Basic") && !asks_for(resp->challenge, "Bearer"))
		diag_hint(out, "give what the server asks for in headers, by reference: username "
			       "and password are Basic, token is Bearer");
	return RESULT_FAIL;
}

static enum result fail_login(struct diag *out, enum diag_code code,
			      const struct web_response *resp)
{
	if (code == D_AUTH_FAILED || code == D_AUTH_MECHANISM)
		return fail_credentials(out, code, resp);
	if (resp->status == 407 && resp->proxy)
		return fail_proxy_login(resp, resp->body_start, out);
	if (resp->status == 401 && resp->elsewhere) {
		check_fail(out, code, resp->subject,
			   "HTTP status 401 after a redirect to another address, to which no "
			   "credentials are sent; the body: %s",
			   resp->body_start);
		diag_hint(out, "give the address that is redirected to as url");
		return RESULT_FAIL;
	}
	return fail_access(out, code, resp);
}

static void fail_status(struct diag *out, enum diag_code code, const struct web_response *resp,
			const char *wanted)
{
	const char *proxy = through_proxy(resp), *hint = web_status_hint(resp->status);

	check_fail(out, code, resp->subject, "HTTP status %ld%s%s, expected %s; the body: %s",
		   resp->status, proxy ? " through the proxy " : "", proxy ? proxy : "", wanted,
		   resp->body_start);
	if (code == D_HTTP_STATUS && hint)
		diag_hint(out, "%s", hint);
}

enum result web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted)
{
	enum diag_code code = code_of(resp);

	if (code == D_HTTP_REDIRECT)
		check_fail(out, code, resp->subject, "HTTP status %ld, to %s", resp->status,
			   resp->location);
	else if (code == D_HTTP_STATUS || code == D_HTTP_REFUSED || code == D_HTTP_TOO_MANY)
		fail_status(out, code, resp, wanted);
	else
		fail_login(out, code, resp);
	out->retry_after_s = resp->retry_after_s;
	return RESULT_FAIL;
}

/* ---- the wanted status --------------------------------------------------------------------------------------------- */
const char *web_status_problem(const char *text)
{
	int64_t n;

	if (!parse_i64(text, 100, 599, &n))
		return NULL;
	if (strlen(text) == 3 && text[0] >= '1' && text[0] <= '5' && !strcasecmp(text + 1, "xx"))
		return NULL;
	return "is neither a status (200) nor a class of them (2xx)";
}

enum result web_check_status(const struct strlist *wanted, const struct web_response *resp,
			     struct diag *out)
{
	struct str all;

	str_init(&all, 200);
	for (size_t i = 0; i < wanted->n; i++) {
		const char *w = wanted->v[i];

		if (isdigit((unsigned char)w[1]) ? strtol(w, NULL, 10) == resp->status
						 : w[0] - '0' == resp->status / 100)
			return RESULT_PASS;
		str_addf(&all, "%s%s", i ? " or " : "", w);
	}
	return web_fail_status(out, resp, all.s);
}

json_t *web_json(const struct web_response *resp, struct diag *out)
{
	char why[480];
	json_t *root = json_read(resp->body, resp->len, why, sizeof why);

	if (!root)
		check_fail(out, web_is_html(resp) ? D_HTTP_HTML_PAGE : D_HTTP_JSON_INVALID,
			   resp->subject, "the body is not JSON (%s): %s", why, resp->body_start);
	return root;
}
