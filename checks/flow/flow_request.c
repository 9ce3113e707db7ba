#include "flow_request.h"

#include <math.h>
#include <poll.h>

#define PAUSE_FIRST DURATION_MS(10)
#define PAUSE_LAST DURATION_MS(500)

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

/* A host that a peer could choose would get the profile's credentials. */
static const char *url_problem(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return memchr(host, '{', strcspn(host, "/?#"))
		   ? "has a { in its host: names are filled in in path and query only"
		   : NULL;
}

/* Is it JSON once values stand in the place of the names? */
static const char *equals_problem(const char *text)
{
	cleanup_free char *plain = NULL;
	struct flow_names zeros = {.n = 0};
	const char *name, *problem;
	size_t len;

	while ((name = flow_text_unknown(text, &zeros, &len)) && len < FLOW_NAME_MAX) {
		char copy[FLOW_NAME_MAX];

		snprintf(copy, sizeof copy, "%.*s", (int)len, name);
		if (!flow_names_set(&zeros, copy, (char *)"0"))
			break;
	}
	plain = flow_text_fill(text, &zeros, FLOW_JSON);
	problem = json_problem(plain);
	return problem;
}

#define URL_ROW(T, example_)                                                                   \
	KEY_URL(T, url, .flags = K_REQUIRED, .schemes = web_schemes, .check = url_problem,     \
		.doc = "What to ask for. Names in braces are filled in in path and query; in " \
		       "a url by reference they are not.",                                     \
		.example = (example_))
#define HEADERS_ROW(T)                                                                          \
	KEY_PAIRLIST(T, headers, .flags = K_HEADERS | K_LATER, .check = web_header_problem,     \
		     .doc = "Request headers; secret values by reference. Names in braces are " \
			    "filled in in other values.",                                       \
		     .example = "[\"Content-Type: application/json\"]")

static const struct key request_keys[] = {
    URL_ROW(struct flow_request_conf, "\"http://rewards:8083/reward/{random}\""),
    KEY_STR(struct flow_request_conf, method, .check = web_method_problem,
	    .doc = "HTTP method. Not given: GET, or POST with a body. A method that is given is "
		   "sent, GET with a body too.",
	    .example = "\"PUT\""),
    HEADERS_ROW(struct flow_request_conf),
    WEB_KEYS(struct flow_request_conf),
    KEY_STR(struct flow_request_conf, body,
	    .doc = "Body to send, with names filled in. JSON is sent as application/json unless "
		   "headers say otherwise.",
	    .example = "\"{\\\"total\\\": 0.37}\""),
    KEY_STRLIST(struct flow_request_conf, status, .flags = K_NUMBERS, .def = "2xx",
		.check = web_status_problem, .doc = "Statuses that are right: numbers and classes.",
		.example = "(200, 202)"),
    KEY_STRLIST(struct flow_request_conf, holds, .check = flow_condition_problem,
		.doc = "What the JSON answer must hold: place=value, where the place is a JSON "
		       "pointer or names with dots. Also != >= <= > <.",
		.example = "[\"/status=ok\"]"),
    KEY_STRLIST(struct flow_request_conf, capture, .check = flow_capture_problem,
		.doc = "Values of the JSON answer that later steps may use: name=place.",
		.example = "[\"order=/id\"]"),
    KEY_DURATION(struct flow_request_conf, within, .def = "10s", .min = "10ms", .max = "30m",
		 .doc = "How long the answer may take."),
    KEY_END,
};
const struct schema flow_request_schema = {.size = sizeof(struct flow_request_conf),
					   .keys = request_keys};

static const struct key poll_keys[] = {
    URL_ROW(struct flow_poll_conf, "\"http://integrator:9010/tau\""),
    HEADERS_ROW(struct flow_poll_conf),
    WEB_KEYS(struct flow_poll_conf),
    KEY_STR(struct flow_poll_conf, at, .flags = K_EMPTY, .check = json_pointer_problem,
	    .doc = "Where in the JSON answer the value stands, as a JSON pointer; empty: the whole "
		   "answer.",
	    .example = "\"/tau\""),
    KEY_JSON(struct flow_poll_conf, equals, .check = equals_problem,
	     .doc = "What the value must become, as JSON text, with names filled in.",
	     .example = "\"{tau}\""),
    KEY_NUM(struct flow_poll_conf, min, .doc = "The smallest number that is right.",
	    .example = "0.1"),
    KEY_NUM(struct flow_poll_conf, max, .doc = "The largest number that is right.",
	    .example = "1.0"),
    KEY_BOOL(struct flow_poll_conf, changed, .def = "false",
	     .doc = "Whether the value must also differ from the one before the first step: "
		    "otherwise a value that was right already passes."),
    KEY_DURATION(struct flow_poll_conf, within, .def = "10s", .min = "10ms", .max = "30m",
		 .doc = "How long the value may take to become right. It is asked for again and "
			"again."),
    KEY_END,
};
const struct schema flow_poll_schema = {.size = sizeof(struct flow_poll_conf), .keys = poll_keys};

static struct json_expect range_of(const struct flow_poll_conf *c)
{
	return (struct json_expect){
	    .at = c->at, .equals = c->equals, .type = ENUM_UNSET, .min = c->min, .max = c->max};
}

const char *flow_request_problem(const struct flow_request_conf *c, const char **key)
{
	struct web_conf web = WEB_CONF(c);

	*key = "method";
	if (c->method && str_eq(c->method, "HEAD") && (c->holds.n || c->capture.n))
		return "HEAD gives no body, and holds or capture look at one";
	if (web_body_problem(c->method, c->body))
		return web_body_problem(c->method, c->body);
	return web_conf_problem(&web, &c->url, key);
}

const char *flow_poll_problem(const struct flow_poll_conf *c, const char **key)
{
	struct json_expect range = range_of(c);
	struct web_conf web = WEB_CONF(c);

	*key = "url";
	if (!c->equals.text && isnan(c->min) && isnan(c->max) && !c->changed)
		return "needs equals, min, max or changed beside it: any answer would do";
	*key = c->equals.text ? "equals" : "min";
	if (json_expect_problem(&range))
		return json_expect_problem(&range);
	return web_conf_problem(&web, &c->url, key);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

/* A request of the profile with names filled in. */
struct asking {
	struct web_request req;
	struct web_conf web;
	struct url url;
	struct pairlist headers;
};

static bool has_header(const struct pairlist *headers, const char *name)
{
	for (size_t i = 0; i < headers->n; i++)
		if (!strcasecmp(headers->v[i].name, name))
			return true;
	return false;
}

/* The copy and its values live until the child's end. */
static void fill_headers(const struct flow_run *f, const struct pairlist *from, struct pairlist *to)
{
	*to = (struct pairlist){.n = from->n, .v = xcalloc(from->n + 1, sizeof *to->v)};
	for (size_t i = 0; i < from->n; i++) {
		to->v[i] = from->v[i];
		if (from->v[i].value)
			to->v[i].value = flow_text_fill(from->v[i].value, &f->names, FLOW_PLAIN);
	}
}

static enum result prepare(struct flow_run *f, const struct url *url,
			   const struct pairlist *headers, struct asking *a, struct diag *out)
{
	if (url_reveal(url, &a->url, out))
		return RESULT_FAIL;
	fill_headers(f, headers, &a->headers);
	a->req.url = &a->url;
	a->req.web = &a->web;
	a->req.headers = &a->headers;
	if (!secret_is_set(url->ref))
		a->req.path = flow_text_fill(*a->url.path ? a->url.path : "/", &f->names, FLOW_URL);
	return RESULT_PASS;
}

/* ---- request ----------------------------------------------------------------------------------------------------------- */

static void fill_body(struct flow_run *f, const struct flow_request_conf *c, struct asking *a)
{
	bool json = c->body && flow_text_is_json(c->body);

	a->req.method = c->method;
	if (!c->body)
		return;
	a->req.body = flow_text_fill(c->body, &f->names, json ? FLOW_JSON : FLOW_PLAIN);
	if (json && !has_header(&c->headers, "content-type"))
		a->req.content_type = "application/json";
}

/* Registers the secrets that an answer has for captures, since the diagnosis of any failure may show the whole answer. */
static void hide_captures(const struct flow_request_conf *c, const struct web_response *resp)
{
	struct flow_needs needs;
	char unused[160];
	json_t *root = json_read(resp->body, resp->len, unused, sizeof unused);

	if (!root)
		return;
	flow_needs_init(&needs, c->capture.n, 0);
	needs.shown = true;
	for (size_t i = 0; i < c->capture.n; i++)
		flow_needs_add_capture(&needs, c->capture.v[i]);
	flow_needs_read_json(&needs, root);
	flow_needs_free(&needs);
	json_decref(root);
}

static enum result judge_answer(struct flow_run *f, const struct flow_request_conf *c,
				const struct web_response *resp, struct diag *out)
{
	const struct flow_need *unmet;
	struct flow_needs needs;
	char text[300];
	enum result r;
	json_t *root = web_json(resp, out);

	if (!root)
		return RESULT_FAIL;
	flow_needs_init(&needs, c->holds.n + c->capture.n, f->tolerance);
	for (size_t i = 0; i < c->holds.n; i++)
		flow_needs_add_condition(&needs, c->holds.v[i], &f->names);
	for (size_t i = 0; i < c->capture.n; i++)
		flow_needs_add_capture(&needs, c->capture.v[i]);
	flow_needs_read_json(&needs, root);
	unmet = flow_needs_unmet(&needs, 0, c->holds.n);
	if (unmet) {
		flow_need_text(unmet, text, sizeof text);
		r = check_fail(out, D_HTTP_JSON_MISMATCH, resp->subject, "%s; the whole is %s",
			       text, json_short(root).text);
	} else {
		r = flow_take_captures(f, &needs, c->holds.n, resp->subject, out);
	}
	flow_needs_free(&needs);
	json_decref(root);
	return r;
}

enum result flow_request(struct flow_run *f, const struct check_run *step,
			 const struct flow_request_conf *c, struct diag *out)
{
	struct asking a = {.req = {.run = step}, .web = WEB_CONF(c)};
	struct web_response resp;

	if (prepare(f, &c->url, &c->headers, &a, out))
		return RESULT_FAIL;
	fill_body(f, c, &a);
	if (web_request(&a.req, &resp, out))
		return RESULT_FAIL;
	hide_captures(c, &resp);
	if (web_check_status(&c->status, &resp, out))
		return RESULT_FAIL;
	return c->holds.n || c->capture.n ? judge_answer(f, c, &resp, out) : RESULT_PASS;
}

/* ---- poll -------------------------------------------------------------------------------------------------------------- */

struct polling {
	struct flow_run *f;
	const struct check_run *step;
	const struct flow_poll_conf *conf;
	struct asking ask;
	json_t *before, *want; /* NULL: none */
	char subject[DIAG_SUBJECT_MAX];
	char limit[80];
	size_t answers;
};

static enum result open_polling(struct polling *p, struct diag *out)
{
	p->ask = (struct asking){.req = {.run = p->step, .accept = "application/json"},
				 .web = WEB_CONF(p->conf)};
	return prepare(p->f, &p->conf->url, &p->conf->headers, &p->ask, out);
}

/* Asks once. Returns the whole answer, which the caller frees, or NULL with *out filled. With `may_lack` an answer of status 404
 * counts as null. */
static json_t *ask_once(struct polling *p, bool may_lack, struct diag *out)
{
	struct web_response resp;
	json_t *root = NULL;

	if (web_request(&p->ask.req, &resp, out))
		return NULL;
	snprintf(p->subject, sizeof p->subject, "%s", resp.subject);
	if (may_lack && resp.status == 404)
		root = json_null();
	else if (resp.status / 100 != 2)
		web_fail_status(out, &resp, "2xx");
	else
		root = web_json(&resp, out);
	free(resp.body);
	return root;
}

enum result flow_poll_before(struct flow_run *f, const struct check_run *step,
			     const struct flow_poll_conf *c, json_t **before, struct diag *out)
{
	struct polling p = {.f = f, .step = step, .conf = c};
	json_t *root;

	*before = NULL;
	if (open_polling(&p, out))
		return RESULT_FAIL;
	root = ask_once(&p, true, out);
	if (!root)
		return RESULT_FAIL;
	*before = json_incref(json_at(root, c->at ? c->at : ""));
	json_decref(root);
	return RESULT_PASS;
}

PRINTF_LIKE(4, 5)
static enum result mismatch(const struct polling *p, enum diag_code code, struct diag *out,
			    const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return check_fail(out, code, p->subject, "%s; %zu answer%s %s", text, p->answers,
			  plural(p->answers), p->limit);
}

static enum result judge_value(struct polling *p, json_t *root, struct diag *out)
{
	const struct flow_poll_conf *c = p->conf;
	const char *at = c->at ? c->at : "";
	struct json_expect range = range_of(c);
	json_t *v = json_at(root, at);
	char why[480], is[FLOW_SEEN_MAX], want[FLOW_SEEN_MAX];
	bool as_before, wrong_type;

	range.equals.text = NULL;
	if (!v || (!p->want && (!isnan(c->min) || !isnan(c->max)))) {
		if (!json_expect_holds(&range, root, why, sizeof why, &wrong_type))
			return mismatch(p, D_FLOW_POLL_MISMATCH, out, "%s", why);
	}
	as_before = c->changed && p->before && flow_json_same(v, p->before, p->f->tolerance);
	if (p->want && !flow_json_same(v, p->want, p->f->tolerance))
		return mismatch(p, D_FLOW_POLL_MISMATCH, out, "at %s is %s, expected %s%s",
				*at ? at : "the top", flow_json_text(v, is),
				flow_json_text(p->want, want),
				as_before ? "; it is as before the first step" : "");
	if (as_before)
		return mismatch(p, D_FLOW_POLL_UNCHANGED, out,
				"at %s is %s, as before the first step", *at ? at : "the top",
				flow_json_text(v, is));
	return RESULT_PASS;
}

static enum result poll_once(struct polling *p, struct diag *out)
{
	json_t *root = ask_once(p, false, out);
	enum result r;

	if (!root)
		return RESULT_FAIL;
	p->answers++;
	r = judge_value(p, root, out);
	json_decref(root);
	return r;
}

/* The last answer says more than a request that the deadline cut short. */
static void keep_answer(struct diag *out, const struct diag *before)
{
	if (before->code != D_NONE && out->code == D_ANSWER_TIMEOUT)
		*out = *before;
}

static enum result poll_until(struct polling *p, struct diag *out)
{
	struct duration pause = PAUSE_FIRST;

	for (;;) {
		struct diag before = *out;
		int left;

		if (!poll_once(p, out))
			return RESULT_PASS;
		keep_answer(out, &before);
		if (!diag_info(out->code)->retryable ||
		    instant_reached(p->step->deadline, instant_now()))
			return RESULT_FAIL;
		left = instant_left_ms_now(p->step->deadline);
		poll(NULL, 0, left < pause.ns / 1000000 ? left : (int)(pause.ns / 1000000));
		if (instant_reached(p->step->deadline, instant_now()))
			return RESULT_FAIL;
		pause.ns = pause.ns * 2 < PAUSE_LAST.ns ? pause.ns * 2 : PAUSE_LAST.ns;
	}
}

enum result flow_poll(struct flow_run *f, const struct check_run *step,
		      const struct flow_poll_conf *c, json_t *before, struct diag *out)
{
	struct polling p = {.f = f, .step = step, .conf = c, .before = before};
	cleanup_free char *equals = NULL;
	char err[160];

	flow_limit_text(f, step, c->within, p.limit, sizeof p.limit);
	if (open_polling(&p, out))
		return RESULT_FAIL;
	if (c->equals.text) {
		equals = flow_text_fill(c->equals.text, &f->names, FLOW_JSON);
		p.want = json_read(equals, strlen(equals), err, sizeof err);
		if (!p.want)
			return check_fail(out, D_FLOW_CAPTURE_MISSING, c->url.text,
					  "equals is not JSON with the captured values: %s", err);
	}
	*out = (struct diag){.code = D_NONE};
	return poll_until(&p, out);
}
