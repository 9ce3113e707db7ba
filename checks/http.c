/* http: sends one request, and checks status, headers and body of the answer. */
#include "check.h"
#include "json.h"
#include "json_expect.h"
#include "web.h"

struct http_conf {
	struct url url;
	struct url proxy;
	struct secret proxy_password;
	const char *method, *body, *body_contains, *proxy_username, *unix_socket;
	struct pairlist headers;
	WEB_KEY_FIELDS
	struct strlist status;
	struct grouplist json;
	struct size max_body;
	int64_t follow;
};

static const char *const proxy_schemes[] = {"http", "https", "socks5h", NULL};

static const struct key http_keys[] = {
    KEY_URL(struct http_conf, url, .flags = K_REQUIRED, .schemes = web_schemes,
	    .doc = "What to ask for.", .example = "\"http://api:8080/health\""),
    KEY_STR(struct http_conf, method, .check = web_method_problem,
	    .doc = "HTTP method. Not given: GET, or POST with a body. A method that is given is "
		   "sent, GET with a body too.",
	    .example = "\"PUT\""),
    KEY_PAIRLIST(struct http_conf, headers, .flags = K_HEADERS, .check = web_header_problem,
		 .doc = "Request headers; secret values by reference.",
		 .example = "[\"X-Api-Key: env:API_KEY\", \"Accept: application/json\"]"),
    WEB_KEYS(struct http_conf),
    KEY_STR(struct http_conf, body,
	    .doc = "Body to send. What the answer must hold: json, body_contains.",
	    .example = "\"{}\""),
    KEY_STRLIST(struct http_conf, status, .flags = K_NUMBERS, .def = "2xx",
		.check = web_status_problem, .doc = "Statuses that are right: numbers and classes.",
		.example = "(200, 204, \"3xx\")"),
    KEY_GROUPLIST(
	struct http_conf, json, .sub = &json_expect_schema,
	.doc = "What the JSON body must hold; each group names a place and what stands there.",
	.example = "( { at = \"/status\"; equals = \"\\\"UP\\\"\"; } )"),
    KEY_STR(struct http_conf, body_contains, .doc = "Text that must stand in the body.",
	    .example = "\"ok\""),
    KEY_SIZE(struct http_conf, max_body, .def = "1MiB", .min = "1B", .max = "64MiB",
	     .doc = "How much body is read; more is an error."),
    KEY_INT(struct http_conf, follow, .def = "0", .min = "0", .max = "20",
	    .doc = "How many redirects are followed, to http and https only. Credentials, headers, "
		   "body and client certificate go to the url's own scheme, host and port only."),
    KEY_URL(struct http_conf, proxy, .schemes = proxy_schemes,
	    .doc = "Proxy to go through; without it none is used, whatever the environment says. "
		   "${HTTPS_PROXY} and env:HTTPS_PROXY take a login that stands in the variable.",
	    .example = "\"http://proxy:3128\""),
    KEY_STR(struct http_conf, proxy_username, .doc = "User at the proxy.", .example = "\"app\""),
    KEY_SECRET(struct http_conf, proxy_password, .doc = "Password at the proxy, by reference.",
	       .example = "\"env:PROXY_PASSWORD\""),
    KEY_PATH(struct http_conf, unix_socket,
	     .doc = "Unix socket to connect to, instead of the url's host.",
	     .example = "\"/var/run/docker.sock\""),
    KEY_END,
};

static const char *proxy_login_problem(const struct http_conf *c, const char **key)
{
	*key = c->proxy_username ? "proxy_username" : "proxy_password";
	if (!c->proxy_username && !secret_is_set(c->proxy_password))
		return NULL;
	if (!url_is_set(&c->proxy))
		return "needs proxy";
	if (!c->proxy_username)
		return "needs proxy_username";
	if (!secret_is_set(c->proxy_password))
		return "needs proxy_password: a proxy with a login asks for both";
	return secret_is_set(c->proxy.user) || secret_is_set(c->proxy.password)
		   ? "and a user in proxy exclude each other"
		   : NULL;
}

static const char *http_validate(const void *conf, const char **key)
{
	const struct http_conf *c = conf;
	struct web_conf web = WEB_CONF(c);

	*key = "json";
	for (size_t i = 0; i < c->json.n; i++) {
		const struct json_expect *e = GROUP_AT(c->json, struct json_expect, i);

		if (json_expect_problem(e))
			return json_expect_problem(e);
	}
	*key = "proxy";
	if (url_is_set(&c->proxy) && c->unix_socket)
		return "and unix_socket exclude each other";
	if (proxy_login_problem(c, key))
		return proxy_login_problem(c, key);
	*key = "method";
	if (c->method && str_eq(c->method, "HEAD") && (c->json.n || c->body_contains))
		return "HEAD gives no body, and the check looks at one";
	if (web_body_problem(c->method, c->body))
		return web_body_problem(c->method, c->body);
	return web_conf_problem(&web, c->follow ? NULL : &c->url, key);
}

/* In other tools a bare `body` is what the answer must be. Here such a check passes with any answer. */
static const char *http_doubt(const void *conf, const char **key)
{
	const struct http_conf *c = conf;

	*key = "body";
	return c->body && !c->method && !c->headers.n ? "is sent, as a POST; what the answer must "
							"hold is body_contains. If it is to be "
							"sent, write method = \"POST\""
						      : NULL;
}

static enum result check_json(const struct check_run *run, const struct http_conf *c,
			      const struct web_response *resp, struct diag *out)
{
	json_t *root = web_json(resp, out);
	char why[480];

	if (!root)
		return RESULT_FAIL;
	for (size_t i = 0; i < c->json.n; i++) {
		bool wrong_type;

		if (!json_expect_holds(GROUP_AT(c->json, struct json_expect, i), root, why,
				       sizeof why, &wrong_type))
			return check_fail(out, D_HTTP_JSON_MISMATCH, resp->subject, "%s", why);
	}
	check_reached(run, "json");
	return RESULT_PASS;
}

static enum result http_run(const struct check_run *run, struct diag *out)
{
	const struct http_conf *c = run->conf;
	struct web_conf web = WEB_CONF(c);
	/* for the summary: a GET goes without saying */
	const char *method = !c->method                 ? c->body ? "POST" : ""
			     : str_eq(c->method, "GET") ? ""
							: c->method;
	struct web_response resp;
	struct url url;
	struct web_request req = {.run = run,
				  .url = &url,
				  .method = c->method,
				  .body = c->body,
				  .headers = &c->headers,
				  .web = &web,
				  .unix_socket = c->unix_socket,
				  .follow = (int)c->follow,
				  .max_body = (size_t)c->max_body.bytes};

	if (url_reveal(&c->url, &url, out) ||
	    (url_is_set(&c->proxy) &&
	     web_set_proxy(&req, &c->proxy, c->proxy_username, c->proxy_password, out)) ||
	    web_request(&req, &resp, out))
		return RESULT_FAIL;
	check_fact(run, "status", "%ld", resp.status);
	check_fact(run, "ms", "%.1f", resp.ms);
	if (web_check_status(&c->status, &resp, out) ||
	    (c->json.n && check_json(run, c, &resp, out)))
		return RESULT_FAIL;
	if (c->body_contains &&
	    !memmem(resp.body, resp.len, c->body_contains, strlen(c->body_contains)))
		return check_fail(out, D_HTTP_BODY, resp.subject,
				  "the body does not hold \"%s\"; %s", c->body_contains,
				  resp.body_start);
	check_summary(run, "%s%s%s %ld", method, *method ? " " : "", resp.subject, resp.status);
	return RESULT_PASS;
}

const struct check_kind check_http = {
    .name = "http",
    .summary = "an HTTP answer has the right status, JSON values or text",
    .schema = &(const struct schema){.size = sizeof(struct http_conf), .keys = http_keys},
    .urls = {{.scheme = "http", .example = "http://host/path", .key = "url", .as = "http"},
	     {.scheme = "https", .example = "https://host/path", .key = "url", .as = "https"},
	     {.scheme = "http+unix",
	      .example = "http+unix://%2Frun%2Fapp.sock/path",
	      .key = "url",
	      .as = "http",
	      .socket_key = "unix_socket"}},
    .library = web_library,
    .validate = http_validate,
    .doubt = http_doubt,
    .run = http_run,
};
