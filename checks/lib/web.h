/* web: one HTTP request through libcurl, for the kinds http, opa, schema_registry and metrics.
 *
 * Child only. Redirects are not followed unless asked for, no proxy is used unless given (environment variables
 * are ignored), the body is bounded, credentials come by reference and are revealed here.
 */
#ifndef SG_WEB_H
#define SG_WEB_H

#include "check.h"
#include "net.h"

/* The keys every web kind shares; the conf struct has a member `struct web_conf web;`... rows are made by
 * WEB_KEYS(T) where T has these members by name. */
struct web_auth {
	struct secret username, password, token; /* token: "Authorization: Bearer" */
};

#define WEB_BODY_MAX (1024 * 1024)

struct web_request {
	struct url url;        /* already revealed (url_reveal) */
	const char *path;      /* replaces url.path when not NULL */
	const char *method;    /* NULL: GET */
	const char *body;      /* NULL: none */
	const char *content_type;
	const char *accept;    /* NULL: any */
	const struct pairlist *headers; /* may be NULL */
	struct web_auth auth;  /* the url's user part is used when nothing is set here */
	struct tls_conf tls;
	const char *proxy, *unix_socket;
	size_t max_body;       /* 0: WEB_BODY_MAX */
	int follow;            /* redirects to follow */
};

struct web_response {
	long status;
	char *body;            /* NUL-terminated */
	size_t len;
	char content_type[128];
	char location[512];    /* of a redirect */
	char subject[DIAG_SUBJECT_MAX]; /* "http://opa:8181/v1/data/x": for diagnoses */
	bool had_credentials;
};

/* 0: an HTTP answer came, whatever its status. -1: none did; *out filled (dns-, connect-, tls-, answer-, http-). */
int web_request(const struct check_run *run, const struct web_request *req, struct web_response *resp, struct diag *out);
/* The status is not what was wanted: 401 auth-required or auth-failed, 403 auth-forbidden, 407, 3xx http-redirect,
 * an HTML page where an API was expected http-html-page, else http-status; quotes status and the start of the body.
 * A 4xx other than 404, 408, 425, 429 will not pass by waiting: the code says http-status all the same. */
enum verdict web_fail_status(struct diag *out, const struct web_response *resp, const char *wanted);
/* "the body begins with ...": cleaned, at most 120 bytes, for causes. */
const char *web_body_start(const struct web_response *resp, char *buf, size_t size);
/* Looks like HTML (content type or first bytes). */
bool web_is_html(const struct web_response *resp);

#endif
