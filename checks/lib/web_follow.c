/* web_follow: redirects, one request after the other. Not left to libcurl, which would send every header of the profile to
 * whoever a server points at. */
#include <strings.h>

#include "web.h"

/* What the next request is made of. */
struct hop {
	struct web_request req;
	struct url url;
	struct web_conf web;
	struct pairlist headers;
};

static int port_of(const struct url *url)
{
	return url->port ? url->port : str_eq(url->scheme, "https") ? 443 : 80;
}

static bool same_server(const struct url *a, const struct url *b)
{
	return str_eq(a->scheme, b->scheme) && !strcasecmp(a->host, b->host) &&
	       port_of(a) == port_of(b);
}

static bool names_credentials(const char *header)
{
	return !strcasecmp(header, "authorization") || !strcasecmp(header, "cookie");
}

/* Another server gets neither credentials nor our certificate, nor the name that the profile gave the first one. */
static void drop_secrets(struct hop *hop)
{
	struct pairlist all = hop->headers;

	hop->web = (struct web_conf){
	    .tls = {.ca_file = hop->web.tls.ca_file, .ca_path = hop->web.tls.ca_path}};
	hop->headers = (struct pairlist){0, xcalloc(all.n + 1, sizeof *all.v)};
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].value && !names_credentials(all.v[i].name))
			hop->headers.v[hop->headers.n++] = all.v[i];
}

/* RFC 9110 section 15.4: only 307 and 308 repeat a POST. */
static void change_method(struct hop *hop, long status)
{
	bool head = hop->req.method && str_eq(hop->req.method, "HEAD");

	if (status == 307 || status == 308 || head)
		return;
	if (status == 303 || hop->req.body ||
	    (hop->req.method && str_eq(hop->req.method, "POST"))) {
		hop->req.method = NULL;
		hop->req.body = NULL;
		hop->req.content_type = NULL;
	}
}

static int next_hop(struct hop *hop, const struct web_response *resp, const char *to,
		    struct diag *out)
{
	struct arena arena = {0}; /* lives until the child's end, like the texts of the profile */
	const char *why = "";
	struct url url;

	if (url_split(&url, &arena, to, &why) < 0) {
		check_fail(out, D_HTTP_REDIRECT, resp->subject,
			   "HTTP status %ld, to %s, a URL that %s", resp->status, resp->location,
			   why);
		return -1;
	}
	if (!str_eq(url.scheme, "http") && !str_eq(url.scheme, "https")) {
		check_fail(out, D_HTTP_REDIRECT, resp->subject,
			   "HTTP status %ld, to %s, which is not HTTP and is not followed",
			   resp->status, resp->location);
		return -1;
	}
	/* A user the server brings is nobody's; that of the profile's own URL stays with its server. */
	url.user = url.password = (struct secret){SECRET_NONE, NULL};
	if (same_server(&hop->url, &url)) {
		url.user = hop->url.user;
		url.password = hop->url.password;
	} else {
		drop_secrets(hop);
	}
	hop->url = url;
	hop->req.path = NULL;
	change_method(hop, resp->status);
	return 0;
}

int web_request(const struct check_run *run, const struct web_request *req,
		struct web_response *resp, struct diag *out)
{
	struct hop hop = {.req = *req, .url = *req->url, .web = *req->web};
	const char *to;

	if (req->headers)
		hop.headers = *req->headers;
	hop.req.url = &hop.url;
	hop.req.web = &hop.web;
	hop.req.headers = &hop.headers;
	for (int i = 0;; i++) {
		if (web_request_once(run, &hop.req, resp, &to, out))
			return -1;
		if (!to || req->follow == 0)
			return 0;
		if (i == req->follow) {
			check_fail(out, D_HTTP_REDIRECT, resp->subject,
				   "redirected more than %d times (follow), at last to %s",
				   req->follow, resp->location);
			return -1;
		}
		if (next_hop(&hop, resp, to, out))
			return -1;
	}
}
