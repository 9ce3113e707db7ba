/* opa: the policy server is healthy and decides as the service needs; an undefined decision is a failure. */
#include <ctype.h>
#include <errno.h>

#include "check.h"
#include "file_fail.h"
#include "json.h"
#include "json_expect.h"
#include "web.h"

#define INPUT_MAX (1024 * 1024)

struct decision {
	const char *path, *input_file, *at;
	struct json_text input, equals;
	struct strlist one_of;
	int type;
};
struct opa_conf {
	struct url url;
	WEB_KEY_FIELDS
	struct strlist health;
	struct grouplist decisions;
};

static const char *const healths[] = {"bundles", "plugins", NULL};

/* Is it a reference of Rego, "data.authz.allow" or "authz.allow"? A path with a slash is taken as it is. */
static bool is_dotted(const char *path)
{
	return strchr(path, '.') && !strchr(path, '/');
}

static const char *path_problem(const char *text)
{
	if (!*text || str_eq(text, "/"))
		return "is empty";
	if (is_dotted(text) && (*text == '.' || str_ends(text, ".") || strstr(text, "..")))
		return "has a dot without a name on both sides";
	for (const char *s = text; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/_-.~%", *s))
			return "is not a path of a rule: names separated by /, as in authz/allow";
	return NULL;
}

static const struct key decision_keys[] = {
    KEY_STR(struct decision, path, .flags = K_REQUIRED, .check = path_problem,
	    .doc = "Path of the rule below /v1/data: its package and name. In Rego's form too: "
		   "authz.allow or data.authz.allow. A package alone gives its document, for at.",
	    .example = "\"authz/allow\""),
    KEY_JSON(struct decision, input, .check = json_problem,
	     .doc = "The input document, as JSON text.",
	     .example = "\"{\\\"user\\\": \\\"probe\\\"}\""),
    KEY_PATH(struct decision, input_file, .doc = "File that holds the input document.",
	     .example = "\"policy/input.json\""),
    KEY_JSON(struct decision, equals, .check = json_problem,
	     .doc = "What the decision must be, as JSON text.", .example = "true"),
    KEY_STRLIST(struct decision, one_of, .check = json_problem,
		.doc = "Instead of equals: it must be one of these, each as JSON text.",
		.example = "[\"\\\"allow\\\"\", \"\\\"audit\\\"\"]"),
    KEY_STR(struct decision, at, .flags = K_EMPTY, .check = json_pointer_problem,
	    .doc = "Where in the decision to look, as a JSON pointer.", .example = "\"/allowed\""),
    KEY_ENUM(struct decision, type, .choices = json_kinds,
	     .doc = "The type the decision must have.", .example = "\"boolean\""),
    KEY_END,
};
static const struct schema decision_schema = {.size = sizeof(struct decision),
					      .keys = decision_keys};

static bool ends_with(const char *text, size_t n, const char *end)
{
	return n >= strlen(end) && memcmp(text + n - strlen(end), end, strlen(end)) == 0;
}

/* With /v1/data in the url, health would be asked of /v1/data/health: OPA answers {} to every unknown path there, as if it
 * were healthy. */
static const char *base_problem(const char *url)
{
	const char *path = strchr(strstr(url, "://") + 3, '/');
	size_t n = path ? strlen(path) : 0;

	while (n && path[n - 1] == '/')
		n--;
	if (path && (memmem(path, n, "/v1/data", 8) || ends_with(path, n, "/v1") ||
		     ends_with(path, n, "/health")))
		return "names a part of OPA's API; give the address alone, as in http://opa:8181, "
		       "and what is below /v1/data as path of decisions";
	return web_base_problem(url);
}

static const struct key opa_keys[] = {
    KEY_URL(struct opa_conf, url, .flags = K_REQUIRED, .schemes = web_schemes,
	    .check = base_problem, .doc = "Where OPA listens.", .example = "\"http://opa:8181\""),
    WEB_KEYS(struct opa_conf),
    KEY_STRLIST(struct opa_conf, health, .choices = healths,
		.doc = "What /health must vouch for besides itself: that bundles are activated, "
		       "that plugins are ready.",
		.example = "[\"bundles\", \"plugins\"]"),
    KEY_GROUPLIST(struct opa_conf, decisions, .sub = &decision_schema,
		  .doc = "Decisions that must be defined, and what they must be. They appear in "
			 "OPA's decision log.",
		  .example = "( { path = \"authz/allow\"; type = \"boolean\"; } )"),
    KEY_END,
};

static const char *opa_validate(const void *conf, const char **key)
{
	const struct opa_conf *c = conf;
	struct web_conf web = WEB_CONF(c);

	*key = "decisions";
	for (size_t i = 0; i < c->decisions.n; i++) {
		const struct decision *d = GROUP_AT(c->decisions, struct decision, i);

		if (d->input.text && d->input_file)
			return "has input and input_file: one of them";
		if (d->equals.text && d->one_of.n)
			return "has equals and one_of: one of them";
	}
	return web_conf_problem(&web, &c->url, key);
}

/* Whether the answer is an error of OPA, {"code": ..., "message": ..., "errors": [{"message": ...}]}, and not that of a proxy
 * in front of it. `text` gets its message, else the beginning of the body. */
static bool is_opa_error(const struct web_response *resp, char *text, size_t size)
{
	char err[160];
	json_t *root = json_read(resp->body, resp->len, err, sizeof err);
	const char *code = json_str(root, "code"), *message = json_str(root, "message");
	const char *detail =
	    json_str(json_array_get(json_object_get(root, "errors"), 0), "message");

	if (code || message)
		snprintf(text, size, "%s: %s%s%s", code ? code : "error", message ? message : "",
			 detail ? ": " : "", detail ? detail : "");
	else
		snprintf(text, size, "the body: %s", resp->body_start);
	return code != NULL;
}

/* The policy system.authz, which judges each request first, is not there yet, or decides nothing. */
static bool is_authz_missing(const struct web_response *resp)
{
	return resp->status == 500 && strcasestr(resp->body, "authorization policy missing");
}

static enum result fail_status(const struct web_response *resp, struct diag *out)
{
	char text[300];

	web_fail_status(out, resp, "200");
	if (resp->status == 401 && is_opa_error(resp, text, sizeof text))
		diag_hint(out,
			  "give a token that OPA's policy system.authz permits; where its data "
			  "comes later, set grace");
	return RESULT_FAIL;
}

/* `unhealthy`: what status 500 of this path means. */
static enum result opa_health(const struct web_request *base, const char *path,
			      enum diag_code unhealthy, struct diag *out)
{
	struct web_response resp;
	char text[300], err[160];
	json_t *root;

	if (web_request_below(base, path, NULL, &resp, out))
		return RESULT_FAIL;
	root = json_read(resp.body, resp.len, err, sizeof err);
	is_opa_error(&resp, text, sizeof text);
	if (is_authz_missing(&resp))
		return check_fail(out, D_OPA_UNDEFINED, resp.subject, "HTTP status 500: %s", text);
	if (resp.status == 500 && json_is_object(root))
		return check_fail(out, unhealthy, resp.subject, "%s answers HTTP status 500: %s",
				  path, text);
	if (resp.status == 404)
		return check_fail(out, D_OPA_NOT_OPA, resp.subject,
				  "HTTP status 404: no OPA without /health; %s", text);
	if (resp.status != 200)
		return fail_status(&resp, out);
	if (!json_is_object(root) || json_object_size(root))
		return check_fail(out, D_OPA_NOT_OPA, resp.subject,
				  "OPA answers {}, this peer something else; %s", text);
	return RESULT_PASS;
}

static enum result decision_input(const struct decision *d, struct str *body, struct diag *out)
{
	char err[200];
	size_t len;
	char *text;

	if (!d->input_file) {
		if (d->input.text)
			str_addf(body, "{\"input\":%s}", d->input.text);
		else
			str_add(body, "{}");
		return RESULT_PASS;
	}
	text = file_read(d->input_file, INPUT_MAX, &len);
	if (!text)
		return file_fail(out, errno, d->input_file, "input_file");
	if (!json_read(text, len, err, sizeof err))
		return check_fail(out, D_FILE_CONTENT, d->input_file, "the input is not JSON: %s",
				  err);
	str_addf(body, "{\"input\":%s}", text);
	return RESULT_PASS;
}

/* Below /v1/data/, with slashes: writes it into the buffer and returns that. */
static const char *decision_path(const struct decision *d, char buf[URL_MAX])
{
	const char *path = d->path;

	if (str_starts(path, "/v1/data/"))
		path += strlen("/v1/data/");
	else if (is_dotted(path) && str_starts(path, "data."))
		path += strlen("data.");
	snprintf(buf, URL_MAX, "%s", path + strspn(path, "/"));
	for (char *p = buf; is_dotted(d->path) && *p; p++)
		if (*p == '.')
			*p = '/';
	/* OPA answers a path with a slash at its end by a redirect. */
	for (size_t n = strlen(buf); n && buf[n - 1] == '/'; n--)
		buf[n - 1] = '\0';
	return buf;
}

/* A path that was copied with what stands before it: its rule is undefined, since it is looked for in a package of that name. */
static enum result fail_undefined(const struct decision *d, const struct web_response *resp,
				  struct diag *out)
{
	static const char *const below[] = {"v1/data/", "data/"};
	char path[URL_MAX];

	check_fail(out, D_OPA_UNDEFINED, resp->subject,
		   "the answer has no \"result\": no rule at %s applies, or none is loaded",
		   decision_path(d, path));
	for (size_t i = 0; i < ARRAY_LEN(below); i++)
		if (str_starts(path, below[i])) {
			diag_hint(out,
				  "likely the path is %.200s: it begins below /v1/data, without %s",
				  path + strlen(below[i]), below[i]);
			break;
		}
	return RESULT_FAIL;
}

/* OPA takes {"input": ...} as the body of a request, and the check makes that body: an input that has it already is one level too
 * deep for the policy. */
static void hint_envelope(const char *body, struct diag *out)
{
	char err[160];
	json_t *input = json_object_get(json_read(body, strlen(body), err, sizeof err), "input");

	if ((out->code == D_OPA_DECISION || out->code == D_OPA_UNDEFINED) &&
	    json_object_size(input) == 1 && json_object_get(input, "input"))
		diag_hint(out, "likely the input is what stands in its member \"input\": give that "
			       "alone, the check wraps it");
}

static enum result decision_judge(const struct decision *d, const struct web_response *resp,
				  struct diag *out)
{
	struct json_expect expect = {.at = d->at,
				     .equals = d->equals,
				     .one_of = d->one_of,
				     .type = d->type,
				     .min = __builtin_nan(""),
				     .max = __builtin_nan("")};
	char text[300], why[480];
	bool opa_error = is_opa_error(resp, text, sizeof text), wrong_type;
	json_t *root, *result;

	if (is_authz_missing(resp))
		return check_fail(out, D_OPA_UNDEFINED, resp->subject, "HTTP status 500: %s", text);
	if ((resp->status == 500 || resp->status == 400) && opa_error)
		return check_fail(out, D_OPA_EVALUATION_ERROR, resp->subject, "HTTP status %ld: %s",
				  resp->status, text);
	if (resp->status == 404)
		return check_fail(out, D_OPA_NOT_OPA, resp->subject,
				  "HTTP status 404: OPA answers 200 below /v1/data; %s", text);
	if (resp->status != 200)
		return fail_status(resp, out);
	root = json_read(resp->body, resp->len, why, sizeof why);
	if (!json_is_object(root))
		return check_fail(out, web_is_html(resp) ? D_HTTP_HTML_PAGE : D_OPA_NOT_OPA,
				  resp->subject, "the answer is not a JSON object; %s", text);
	result = json_object_get(root, "result");
	if (!result)
		return fail_undefined(d, resp, out);
	if (json_expect_holds(&expect, result, why, sizeof why, &wrong_type))
		return RESULT_PASS;
	return check_fail(out, wrong_type ? D_OPA_DECISION_TYPE : D_OPA_DECISION, resp->subject,
			  "%s", why);
}

/* A decision that is not as it must be says nothing while bundles are still to come. *out becomes opa-bundle-inactive then,
 * whatever the key health demands. */
static void look_for_bundles(const struct web_request *base, struct diag *out)
{
	static const enum diag_code explained[] = {D_OPA_UNDEFINED,     D_OPA_DECISION,
						   D_OPA_DECISION_TYPE, D_OPA_EVALUATION_ERROR,
						   D_AUTH_REQUIRED,     D_AUTH_FAILED};
	struct diag bundles = {0}, decision = *out;
	bool is_explained = false;

	for (size_t i = 0; i < ARRAY_LEN(explained); i++)
		is_explained |= out->code == explained[i];
	if (!is_explained)
		return;
	if (opa_health(base, "/health?bundles=true", D_OPA_BUNDLE_INACTIVE, &bundles) &&
	    bundles.code == D_OPA_BUNDLE_INACTIVE)
		check_fail(out, bundles.code, bundles.subject, "%s; %s: %s", bundles.cause,
			   decision.subject, decision.cause);
}

static enum result opa_decision(const struct web_request *base, const struct decision *d,
				struct diag *out)
{
	struct web_response resp;
	char path[URL_MAX];
	struct str body, below;

	str_init(&body, 2 * INPUT_MAX);
	str_init(&below, URL_MAX);
	str_addf(&below, "/v1/data/%s", decision_path(d, path));
	if (decision_input(d, &body, out) || web_request_below(base, below.s, body.s, &resp, out))
		return RESULT_FAIL;
	if (decision_judge(d, &resp, out)) {
		hint_envelope(body.s, out);
		look_for_bundles(base, out);
		return RESULT_FAIL;
	}
	check_reached(base->run, "decision %s", path);
	return RESULT_PASS;
}

/* Whether the profile says of every decision what it must be. */
static bool all_compared(const struct opa_conf *c)
{
	for (size_t i = 0; i < c->decisions.n; i++) {
		const struct decision *d = GROUP_AT(c->decisions, struct decision, i);

		if (!d->equals.text && !d->one_of.n)
			return false;
	}
	return c->decisions.n > 0;
}

/* *permitted: whether this client may ask for /health, which a policy may forbid it although its decisions are permitted. Without a
 * demand on health the decisions alone are judged then. */
static enum result check_health(const struct web_request *base, const struct opa_conf *c,
				bool *permitted, struct diag *out)
{
	*permitted = opa_health(base, "/health", D_OPA_UNHEALTHY, out) == RESULT_PASS;
	if (!*permitted && c->decisions.n && !c->health.n &&
	    (out->code == D_AUTH_REQUIRED || out->code == D_AUTH_FAILED ||
	     out->code == D_AUTH_FORBIDDEN)) {
		*out = (struct diag){0};
		return RESULT_PASS;
	}
	if (!*permitted)
		return RESULT_FAIL;
	for (size_t i = 0; i < c->health.n; i++)
		if (str_eq(c->health.v[i], "bundles")
			? opa_health(base, "/health?bundles=true", D_OPA_BUNDLE_INACTIVE, out)
			: opa_health(base, "/health?plugins=true", D_OPA_PLUGIN_NOT_READY, out))
			return RESULT_FAIL;
	return RESULT_PASS;
}

static enum result opa_run(const struct check_run *run, struct diag *out)
{
	const struct opa_conf *c = run->conf;
	struct web_conf web = WEB_CONF(c);
	struct url url;
	bool health_permitted;
	const struct web_request base = {.run = run,
					 .url = &url,
					 .web = &web,
					 .accept = "application/json",
					 .content_type = "application/json"};

	if (url_reveal(&c->url, &url, out) || check_health(&base, c, &health_permitted, out))
		return RESULT_FAIL;
	for (size_t i = 0; i < c->decisions.n; i++)
		if (opa_decision(&base, GROUP_AT(c->decisions, struct decision, i), out)) {
			if (health_permitted && out->code == D_OPA_NOT_OPA)
				diag_hint(out, "/health is an OPA's: give the address of its API, "
					       "not the one of --diagnostic-addr");
			return RESULT_FAIL;
		}
	check_fact(run, "decisions", "%zu", c->decisions.n);
	check_summary(run, "%s, %zu decision%s defined%s",
		      health_permitted ? "healthy" : "health is not permitted", c->decisions.n,
		      plural(c->decisions.n), all_compared(c) ? " and right" : "");
	return RESULT_PASS;
}

const struct check_kind check_opa = {
    .name = "opa",
    .summary = "Open Policy Agent is healthy and its decisions are defined and right",
    .schema = &(const struct schema){.size = sizeof(struct opa_conf), .keys = opa_keys},
    .urls = {{.scheme = "opa+http",
	      .example = "opa+http://host:8181/v1/data/path/of/decision",
	      .key = "url",
	      .as = "http",
	      .path_mark = "/v1/data/",
	      .path_key = "decisions"},
	     {.scheme = "opa+https",
	      .example = "opa+https://host:8181/v1/data/path/of/decision",
	      .key = "url",
	      .as = "https",
	      .path_mark = "/v1/data/",
	      .path_key = "decisions"}},
    .library = json_library,
    .validate = opa_validate,
    .run = opa_run,
};
