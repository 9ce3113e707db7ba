/* web: one HTTP request through libcurl, for the kinds http, opa, schema_registry and metrics.
 *
 * Child only. net.h resolves and connects, so that a failing name or connection has the same diagnosis in every kind;
 * curl gets the connected socket and does TLS and HTTP. A redirect is followed only when the request asks for it, and then
 * credentials and the profile's headers go to the url's own scheme, host and port alone. The proxy is the
 * request's; variables such as http_proxy are ignored. Headers and body are bounded. Credentials come by reference and
 * are revealed here. Connections are kept: further requests to the same host cost one round trip.
 */
#ifndef SG_WEB_H
#define SG_WEB_H

#include "check.h"
#include "tls_keys.h"

extern const char *const web_schemes[]; /* for rows (.schemes): http and https */

#define WEB_BODY_MAX (1024 * 1024)
#define WEB_HEADERS_MAX (256 * 1024) /* all headers of one answer */

/* The keys that every kind on HTTP shares: credentials and TLS. */
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
/* For a kind's validate: NULL, or what is wrong with the combination; *key names the key. `url` NULL: requests may use
 * http and https (redirects, references), so that TLS keys have a use. */
const char *web_conf_problem(const struct web_conf *web, const struct url *url, const char **key);
/* For rows (.check): refuses an address with a query, since a path is added to it; refuses a malformed header. */
const char *web_base_problem(const char *url);
const char *web_header_problem(const char *text);

struct web_request {
	const struct check_run *run;
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
	char content_type[128]; /* lower case, without parameters */
	char body_start[160];   /* for causes, cleaned: "it begins with: ..." or "it is empty" */
	char location[512];     /* of a redirect; without user part */
	char subject[DIAG_SUBJECT_MAX]; /* "http://opa:8181/v1/data/x": for diagnoses */
	bool had_credentials;
	/* A redirect led to another scheme, host or port: credentials were not sent there. */
	bool elsewhere;
	double ms; /* of all requests of a chain of redirects */
};

/* RESULT_PASS: a whole HTTP answer came, whatever its status. Else *out is filled (dns-, connect-, tls-, answer-, http-). */
enum result web_request(const struct web_request *req, struct web_response *resp, struct diag *out);
/* The same for a path below the url's own, whose query is dropped. `body` NULL: a GET without content type. */
enum result web_request_below(const struct web_request *base, const char *path, const char *body,
			      struct web_response *resp, struct diag *out);
/* The status is not the wanted one ("2xx"): 401 auth-required or auth-failed, 403 auth-forbidden, 3xx http-redirect,
 * else http-status; quotes the start of the body. */
enum result web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted);
/* Is the content type, or the beginning of the body, HTML? */
bool web_is_html(const struct web_response *resp);
/* "libcurl 7.88.1", for `startguard version`. */
const char *web_library(void);

#endif
