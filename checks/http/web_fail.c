#include "web_transfer.h"

#include <errno.h>

#include "net.h"

/* ---- what went wrong -------------------------------------------------------------------------------------------- */
/* Asks once more, by hand, to quote what the peer really says. Only after curl said that it is no HTTP. */
static enum result fail_not_http(const struct transfer *t, const char *curl_words, struct diag *out)
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
	    !net_write(t->run, &conn, question, sizeof question - 1, &ignored))
		n = net_read(t->run, &conn, buf, sizeof buf, &ignored);
	if (n >= 2 && buf[0] == 21 &&
	    buf[1] == 3) /* a TLS record of type alert, RFC 8446 section 5.1 */
		return check_fail(out, D_TLS_REQUIRED, subject,
				  "the peer answers plain HTTP with a TLS alert");
	if (n <= 0)
		return check_fail(out, D_HTTP_NOT_HTTP, subject, "%s", curl_words);
	text_clean_n(words, sizeof words, (char *)buf, (size_t)n);
	return check_fail(out, D_HTTP_NOT_HTTP, subject,
			  "the answer is not HTTP; it begins with: %s", words);
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
	/* A kept connection has its handshakes behind it. */
	in_handshake = is_https(t->req) && connections > 0 && tls_s <= 0 && !t->header_bytes;
	if (in_handshake && t->req->proxy && str_starts(t->req->proxy, "http") && !through_proxy)
		return check_fail(out, D_ANSWER_TIMEOUT, t->req->proxy,
				  "connected, but no answer of the proxy to CONNECT");
	if (in_handshake)
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
	return check_fail(out, D_ANSWER_TIMEOUT, subject,
			  "connected and asked, but no answer came in time");
}

static enum result fail_tls(const struct transfer *t, CURLcode code, const char *words,
			    struct diag *out)
{
	const struct tls_conf *tls = &t->req->web->tls;
	const char *subject = t->resp->subject;

	/* The same words as where TLS is done by hand: a reset is a reset, whenever it comes. */
	if (!t->x509_error && strcasestr(words, strerror(ECONNRESET)))
		return net_fail_errno(out, ECONNRESET, subject, "TLS handshake");
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
	return RESULT_FAIL;
}

/* What a SOCKS proxy says (RFC 1928 section 6): of itself, or of the peer behind it, which may still come. */
static enum result fail_proxy(CURL *curl, const struct transfer *t, const char *words,
			      struct diag *out)
{
	long said = 0;

	curl_easy_getinfo(curl, CURLINFO_PROXY_ERROR, &said);
	if (said == CURLPX_REPLY_NOT_ALLOWED)
		return check_fail(out, D_AUTH_FORBIDDEN, t->req->proxy, "%s", words);
	if (said == CURLPX_NO_AUTH || said == CURLPX_USER_REJECTED)
		return check_fail(out, D_AUTH_REQUIRED, t->req->proxy, "%s", words);
	if (said == CURLPX_BAD_VERSION || said == CURLPX_BAD_ADDRESS_TYPE)
		return check_fail(out, D_PROTOCOL_MISMATCH, t->req->proxy, "%s", words);
	return check_fail(out,
			  said == CURLPX_REPLY_CONNECTION_REFUSED ? D_CONNECT_REFUSED
								  : D_CONNECT_UNREACHABLE,
			  t->resp->subject, "by the proxy %s: %s", t->req->proxy, words);
}

/* Errors of curl that are TLS whatever their number: alerts of TLS 1.3 arrive with the first read. */
static bool words_are_tls(const char *words)
{
	return strcasestr(words, "alert") || strcasestr(words, "SSL_") ||
	       strcasestr(words, "ssl routines");
}

/* CURLE_TOO_LARGE, which 7.88 does not know yet: newer versions have a bound of their own on the number of headers. */
#define CURL_SAYS_TOO_LARGE 100

enum result web_fail_curl(CURL *curl, const struct transfer *t, CURLcode code, const char *buffer,
			  struct diag *out)
{
	const char *words = *buffer ? buffer : curl_easy_strerror(code),
		   *subject = t->resp->subject;
	long os_error = 0, proxy_status = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (proxy_status >= 300)
		return check_fail(out,
				  proxy_status == 407   ? D_AUTH_REQUIRED
				  : proxy_status == 403 ? D_AUTH_FORBIDDEN
							: D_HTTP_STATUS,
				  t->req->proxy, "the proxy answers CONNECT with HTTP status %ld",
				  proxy_status);
	/* It was the proxy that could not be reached: nothing else is dialled. */
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
		if (!strstr(words, "HTTP/0.9"))
			return check_fail(out, D_PROTOCOL_MISMATCH, subject, "%s", words);
		return fail_not_http(t, words, out);
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
	case CURLE_PROXY:
		return fail_proxy(curl, t, words, out);
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
	if (!is_https(t->req) && !t->req->unix_socket && t->ip[0] &&
	    net_wants_tls(t->run, t->ip, port_of(t->req)))
		return check_fail(out, D_TLS_REQUIRED, subject,
				  "the peer ends a plain connection without an answer, and answers "
				  "a TLS handshake");
	if (code == CURLE_GOT_NOTHING)
		return check_fail(out, D_CONNECT_CLOSED, subject,
				  "asked, and the peer closed the connection without an answer");
	if (os_error)
		return net_fail_errno(out, (int)os_error, subject, words);
	return check_fail(out, strcasestr(words, "reset") ? D_CONNECT_RESET : D_CONNECT_CLOSED,
			  subject, "%s", words);
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
	size_t n = resp->len < sizeof raw - 1 ? resp->len : sizeof raw - 1;

	/* Scrubbed before it is cut. */
	for (size_t i = 0; i < n; i++)
		raw[i] = resp->body[i] ? resp->body[i] : ' ';
	raw[n] = '\0';
	scrub(raw);
	text_clean(start, sizeof start, raw);
	if (*start)
		snprintf(buf, size, "it begins with: %s", start);
	else
		snprintf(buf, size, "it is empty");
	return buf;
}

enum result web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted)
{
	char start[160];
	const char *subject = resp->subject;

	web_body_start(resp, start, sizeof start);
	if (resp->status == 401 && resp->had_credentials)
		return check_fail(out, D_AUTH_FAILED, subject,
				  "HTTP status 401 to the credentials; the body: %s", start);
	if (resp->status == 401 && resp->elsewhere) {
		check_fail(out, D_AUTH_REQUIRED, subject,
			   "HTTP status 401 after a redirect to another address, to which no "
			   "credentials are sent; the body: %s",
			   start);
		diag_hint(out, "give the address that is redirected to as url");
		return RESULT_FAIL;
	}
	if (resp->status == 401)
		return check_fail(out, D_AUTH_REQUIRED, subject, "HTTP status 401; the body: %s",
				  start);
	if (resp->status == 403)
		return check_fail(out, D_AUTH_FORBIDDEN, subject, "HTTP status 403; the body: %s",
				  start);
	/* Go's net/http, nginx, Apache and Tomcat say it with status 400 on a TLS port. */
	if (resp->status == 400 &&
	    (strcasestr(resp->body, "HTTP request to an HTTPS server") ||
	     strcasestr(resp->body, "plain HTTP request was sent to HTTPS port") ||
	     strcasestr(resp->body, "speaking plain HTTP to an SSL-enabled server port") ||
	     strcasestr(resp->body, "combination of host and port requires TLS")))
		return check_fail(out, D_TLS_REQUIRED, subject, "HTTP status 400; the body: %s",
				  start);
	if (resp->status >= 300 && resp->status < 400 && resp->location[0])
		return check_fail(out, D_HTTP_REDIRECT, subject, "HTTP status %ld, to %s",
				  resp->status, resp->location);
	return check_fail(out, D_HTTP_STATUS, subject, "HTTP status %ld, expected %s; the body: %s",
			  resp->status, wanted, start);
}
