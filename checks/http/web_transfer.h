/* web_transfer: the state of a running request, for web.c and web_fail.c only. Child only. */
#ifndef SG_WEB_TRANSFER_H
#define SG_WEB_TRANSFER_H

#include <curl/curl.h>

#include "web.h"

struct transfer {
	const struct web_request *req;
	struct web_response *resp;
	int fd; /* a connected socket that curl has not taken over, else -1 */
	/* the address that net_connect reached; empty for a kept connection or a unix socket */
	char ip[64];
	size_t max_body, cap, header_bytes;
	bool too_large, headers_too_large, headers_ended;
	struct tls_seen seen;
	int handshakes;              /* begun with an https proxy or through it */
	char error[CURL_ERROR_SIZE]; /* curl's error text; may be empty */
};

static inline bool is_https(const struct web_request *req)
{
	return str_eq(req->url->scheme, "https");
}

static inline int port_of(const struct web_request *req)
{
	return req->url->port ? req->url->port : is_https(req) ? 443 : 80;
}

/* The name that curl's URL has for the host: server_name where it is given, because curl sends the URL's host as SNI. */
static inline const char *web_peer_name(const struct web_request *req)
{
	return is_https(req) && req->web->tls.server_name ? req->web->tls.server_name
							  : req->url->host;
}

/* Fills resp->body_start from the body. */
void web_keep_body_start(struct web_response *resp);
/* Replaces an HTML page by its text: without tags, comments, scripts and styles. Pure. */
void web_html_text(char *html);
/* Undoes gzip in resp->body where the answer names it: some servers compress whatever the request says (nginx's gzip_static always).
 * At most `max` bytes may come of it. Fails with answer-truncated, answer-too-large or http-body. */
enum result web_gunzip(struct web_response *resp, size_t max, struct diag *out);
/* Diagnoses a transfer that curl ended with `code`. Returns RESULT_FAIL with *out filled. */
enum result web_fail_curl(CURL *curl, const struct transfer *t, CURLcode code, struct diag *out);

#endif
