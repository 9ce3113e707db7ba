/* web: sends one HTTP request with libcurl, for the kinds http, opa, schema_registry and metrics.
 *
 * Child only. net.h resolves and connects, so that a failing name or connection has the same diagnosis in every kind;
 * curl gets the connected socket and does TLS and HTTP. A redirect is followed only when the request asks for it, and then
 * credentials and the profile's headers go only to the url's own scheme, host and port. Only the request
 * names a proxy; variables such as http_proxy are ignored. Headers and body are bounded. This module reads credentials
 * from their references. It keeps connections: a further request to the same host costs one round trip.
 */
#ifndef SG_WEB_H
#define SG_WEB_H

#include "check.h"
#include "json.h"
#include "tls_keys.h"

extern const char *const web_schemes[]; /* http and https, for key rows (.schemes) */

#define WEB_BODY_MAX (1024 * 1024)
#define WEB_HEADERS_MAX (256 * 1024) /* bytes of all headers of one answer */

/* The keys of credentials and TLS, which every kind on HTTP has. */
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
/* For a kind's validate. Returns NULL, or the problem of the combination of keys and in *key the name of one. `url` is
 * NULL when requests may use http and https (redirects, references), so that TLS keys are useful. */
const char *web_conf_problem(const struct web_conf *web, const struct url *url, const char **key);
/* For key rows (.check): the first refuses a URL with a query, since the kind adds a path; the second a malformed header. */
const char *web_base_problem(const char *url);
const char *web_header_problem(const char *text);
/* For key rows (.check): a method in capital letters; a status ("200") or a class of them ("2xx"). */
const char *web_method_problem(const char *text);
const char *web_status_problem(const char *text);
/* For a kind's validate: returns NULL, or why the method cannot be sent with this body (NULL: none). */
const char *web_body_problem(const char *method, const char *body);

struct web_request {
	const struct check_run *run;
	const struct url *url; /* with its secrets read (url_reveal) */
	const char *path;      /* begins with '/' and replaces the url's path; or NULL */
	const char *method;    /* NULL means GET, or POST with a body */
	const char *body;      /* NULL for a request without a body */
	const char *content_type;
	const char *accept;             /* NULL for any type */
	const struct pairlist *headers; /* may be NULL */
	const struct web_conf *web;
	const char *proxy;                       /* without a user part; see web_set_proxy */
	const char *proxy_user, *proxy_password; /* NULL: no login */
	const char *unix_socket;
	size_t max_body; /* bytes; 0 means WEB_BODY_MAX */
	int follow;      /* how many redirects may be followed */
	bool gzip;       /* ask for gzip */
};

struct web_response {
	long status;
	char *body; /* NUL-terminated; never NULL after success */
	size_t len;
	char content_type[128];        /* in lower case, without parameters */
	char content_type_header[512]; /* as it was sent, "" for none */
	char coding[32];               /* the content coding, "" for none */
	bool decoded;                  /* it is gzip, and was undone */
	char body_start[260];          /* of the body, cleaned, for causes: "it begins with: ..." */
	char location[512];            /* target of a redirect, without user part */
	char subject[DIAG_SUBJECT_MAX]; /* "http://opa:8181/v1/data/x", for diagnoses */
	const char *proxy;              /* through which the answer came, or NULL */
	bool had_proxy_login;
	char proxy_challenge
	    [200];           /* what Proxy-Authenticate asks for, cleaned; not known of CONNECT */
	int retry_after_s;   /* as in struct diag */
	const char *sent;    /* scheme of the credentials: "Basic", "Bearer"; or NULL */
	char challenge[200]; /* what WWW-Authenticate asks for, cleaned */
	bool had_credentials;
	/* A redirect led to another scheme, host or port, to which no credentials were sent. */
	bool elsewhere;
	double ms; /* duration of all requests of a chain of redirects */
};

/* Makes the request go through a proxy. Reads its URL and its login, which stands in the URL or is given as username and password. */
enum result web_set_proxy(struct web_request *req, const struct url *proxy, const char *username,
			  struct secret password, struct diag *out);
/* Returns RESULT_PASS for a whole HTTP answer of any status, else fills *out (dns-, connect-, tls-, answer-, http-). */
enum result web_request(const struct web_request *req, struct web_response *resp, struct diag *out);
/* Requests a path below the url's own and drops the query. Sends a GET without content type when `body` is NULL. */
enum result web_request_below(const struct web_request *base, const char *path, const char *body,
			      struct web_response *resp, struct diag *out);
/* Diagnoses a status that is not the wanted one ("2xx") by web_status.h; 401 to credentials is auth-failed. Quotes the start of
 * the body, and keeps the time that the peer asks to wait. */
enum result web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted);
/* Passes when the status is one of those, items that have no web_status_problem; else fails as web_fail_status. */
enum result web_check_status(const struct strlist *wanted, const struct web_response *resp,
			     struct diag *out);
/* Parses the body. Returns NULL with *out filled (http-html-page, http-json-invalid). */
json_t *web_json(const struct web_response *resp, struct diag *out);
/* Returns whether the content type, or the beginning of the body, is HTML. */
bool web_is_html(const struct web_response *resp);
/* Returns "libcurl 7.88.1", for `startguard version`. */
const char *web_library(void);

#endif
