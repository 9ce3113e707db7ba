/* web: one HTTP request through libcurl, for the kinds http, opa, schema_registry and metrics.
 *
 * Child only. net.h resolves and connects, so that name and connection diagnoses are the same as everywhere; curl
 * gets the connected socket and does TLS and HTTP. Redirects are not followed unless asked for; then
 * credentials and the profile's headers go to the url's own scheme, host and port alone. No proxy is used
 * unless given (environment variables are ignored), headers and body are bounded, credentials come by reference
 * and are revealed here. Connections are kept: further requests to the same host cost one round trip.
 */
#ifndef SG_WEB_H
#define SG_WEB_H

#include "check.h"
#include "tls_keys.h"

#define WEB_BODY_MAX (1024 * 1024)
#define WEB_HEADERS_MAX (256 * 1024) /* of one answer, all together */

/* The keys every web kind shares: who are we, and TLS. */
#define WEB_KEY_FIELDS                 \
	const char *username;          \
	struct secret password, token; \
	TLS_KEY_FIELDS
#define WEB_KEYS(T)                                                                                \
	KEY_STR(T, username, .doc = "User of HTTP basic authentication.", .example = "\"probe\""), \
	    KEY_SECRET(T, password, .doc = "Password of HTTP basic authentication, by reference.", \
		       .example = "\"env:HTTP_PASSWORD\""),                                        \
	    KEY_SECRET(T, token, .doc = "Bearer token, by reference.",                             \
		       .example = "\"file:/run/secrets/token\""),                                  \
	    TLS_KEYS(T)
#define WEB_CONF(c)                                   \
	((struct web_conf){.username = (c)->username, \
			   .password = (c)->password, \
			   .token = (c)->token,       \
			   .tls = TLS_CONF(c)})

struct web_conf {
	const char *username;
	struct secret password, token;
	struct tls_conf tls;
};
/* Rows' validation: NULL, or what is wrong with the combination. `url` NULL: it may be http and https (redirects,
 * references), so that TLS keys have a use. */
const char *web_conf_problem(const struct web_conf *web, const struct url *url, const char **key);
/* Rows' checks. An address that a path is added to: no query. A header: one line. */
const char *web_base_problem(const char *url);
const char *web_header_problem(const char *text);

struct web_request {
	const struct url *url; /* already revealed (url_reveal) */
	const char *path;      /* replaces the url's path when not NULL; begins with '/' */
	const char *method;    /* NULL: GET, or POST with a body */
	const char *body;      /* NULL: none */
	const char *content_type;
	const char *accept;             /* NULL: any */
	const struct pairlist *headers; /* may be NULL */
	const struct web_conf *web;
	const char *proxy, *unix_socket;
	size_t max_body; /* 0: WEB_BODY_MAX */
	int follow;      /* redirects to follow */
};

struct web_response {
	long status;
	char *body; /* NUL-terminated; never NULL after success */
	size_t len;
	char content_type[128];         /* lower case, without parameters */
	char location[512];             /* of a redirect; without user part */
	char subject[DIAG_SUBJECT_MAX]; /* "http://opa:8181/v1/data/x": for diagnoses */
	bool had_credentials;
	bool
	    elsewhere; /* a redirect led to another scheme, host or port: credentials were not sent there */
	double ms;
};

/* 0: a whole HTTP answer came, whatever its status. -1: none did; *out filled (dns-, connect-, tls-, answer-, http-). */
int web_request(const struct check_run *run, const struct web_request *req,
		struct web_response *resp, struct diag *out);
/* The status is not what was wanted ("2xx"): 401 auth-required or auth-failed, 403 auth-forbidden, 3xx http-redirect,
 * else http-status; quotes the start of the body. */
enum result web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted);
/* The body's beginning, cleaned, for causes: "it begins with: ..." or "it is empty". */
const char *web_body_start(const struct web_response *resp, char *buf, size_t size);
/* Looks like HTML (content type or first bytes). */
bool web_is_html(const struct web_response *resp);
/* "libcurl 7.88.1" */
const char *web_library(void);

#endif
