/* web_transfer: what web.c and web_fail.c know of one request under way. Nobody else includes this. Child only. */
#ifndef SG_WEB_TRANSFER_H
#define SG_WEB_TRANSFER_H

#include <curl/curl.h>

#include "web.h"

struct transfer {
	const struct check_run *run;
	const struct web_request *req;
	struct web_response *resp;
	int fd;      /* connected, not yet given to curl; else -1 */
	char ip[64]; /* the address that was dialled; empty: none, or not by us */
	size_t max_body, cap, header_bytes;
	bool too_large, headers_too_large, headers_ended;
	long x509_error;
	char certificate[256];
	bool asked_for_ours;
};

static inline bool is_https(const struct web_request *req)
{
	return str_eq(req->url->scheme, "https");
}

static inline int port_of(const struct web_request *req)
{
	return req->url->port ? req->url->port : is_https(req) ? 443 : 80;
}

/* What a failed transfer means. `buffer` is curl's error text, empty if it gave none. Fills *out. */
enum result web_fail_curl(CURL *curl, const struct transfer *t, CURLcode code, const char *buffer,
			  struct diag *out);

#endif
