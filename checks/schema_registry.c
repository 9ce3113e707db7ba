/* schema_registry: checks that the registry answers, and that its subjects hold the schemas of this service.
 *
 * Uses the part of Confluent's API (Schema Registry API reference) that Karapace, Apicurio and Redpanda have too.
 * Never registers a schema. registry_error.h says what its error codes mean.
 */
#include <ctype.h>
#include <errno.h>

#include "avro_types.h"
#include "check.h"
#include "json.h"
#include "registry_error.h"
#include "web.h"

enum must { MUST_EXIST, MUST_BE_SAME, MUST_BE_COMPATIBLE };
static const char *const musts[] = {"exists", "same", "compatible", NULL};
enum type { TYPE_AVRO, TYPE_JSON, TYPE_PROTOBUF, TYPE_ANY };
static const char *const types[] = {"AVRO", "JSON", "PROTOBUF", "ANY", NULL};
static const char *const modes[] = {"READWRITE", "READONLY", "READONLY_OVERRIDE",
				    "IMPORT",    "ANY",      NULL};

static const char *const levels[] = {"NONE",
				     "BACKWARD",
				     "FORWARD",
				     "FULL",
				     "BACKWARD_TRANSITIVE",
				     "FORWARD_TRANSITIVE",
				     "FULL_TRANSITIVE",
				     NULL};
/* The guarantees of each level: bit 0 is backward and bit 1 forward compatibility with the last version, bits 2 and 3 are both with
 * all versions. A level is as strict as another when it has all bits of the other. */
static const unsigned level_bits[] = {0, 1, 2, 3, 1 | 4, 2 | 8, 3 | 12};

struct subject {
	const char *name, *version, *schema;
	struct strlist types;
	int must, type, compatibility;
};
struct registry_conf {
	struct urllist url;
	WEB_KEY_FIELDS
	int mode;
	struct grouplist subjects;
};

static const char *version_problem(const char *text)
{
	int64_t n;

	return str_eq(text, "latest") || !parse_i64(text, 1, INT32_MAX, &n)
		   ? NULL
		   : "is neither a version number nor latest";
}

static const struct key subject_keys[] = {
    KEY_STR(struct subject, name, .flags = K_REQUIRED,
	    .doc = "The subject, usually the topic with -value behind it.",
	    .example = "\"orders-value\""),
    KEY_STR(struct subject, version, .flags = K_NUMBERS, .def = "latest", .check = version_problem,
	    .doc = "Which version: a number, or latest."),
    KEY_PATH(struct subject, schema, .doc = "The schema file this service was built with.",
	     .example = "\"schemas/order.avsc\""),
    KEY_STRLIST(
	struct subject, types,
	.doc = "Schema files, as globs, that define types which schema uses. Without them those "
	       "of the registered references are used.",
	.example = "[\"schemas/customer.avsc\"]"),
    KEY_ENUM(
	struct subject, must, .choices = musts, .def = "exists",
	.doc = "exists; same as the file (docs apart); compatible with it by the subject's rule."),
    KEY_ENUM(struct subject, type, .choices = types, .def = "AVRO",
	     .doc = "The type the registered schema must have."),
    KEY_ENUM(struct subject, compatibility, .choices = levels,
	     .doc = "The subject's compatibility level must promise at least this.",
	     .example = "\"BACKWARD\""),
    KEY_END,
};
static const struct schema subject_schema = {.size = sizeof(struct subject), .keys = subject_keys};

static const struct key registry_keys[] = {
    KEY_URLLIST(struct registry_conf, url, .flags = K_REQUIRED, .schemes = web_schemes,
		.check = web_base_problem,
		.doc = "Where the registry's API begins; the first that answers is used.",
		.example = "[\"http://registry:8081\"]"),
    WEB_KEYS(struct registry_conf),
    KEY_ENUM(
	struct registry_conf, mode, .choices = modes, .def = "READWRITE",
	.doc =
	    "The mode the registry must be in; READONLY is content with READWRITE too. With ANY it "
	    "is not asked for: enough for a service that only reads."),
    KEY_GROUPLIST(
	struct registry_conf, subjects, .sub = &subject_schema,
	.doc = "Subjects that must be registered.",
	.example =
	    "( { name = \"orders-value\"; schema = \"schemas/order.avsc\"; must = \"same\"; } )"),
    KEY_END,
};

/* Returns the first url when all are plain http, so that TLS keys are useless; else NULL. */
static const struct url *plain_url(const struct urllist *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!str_eq(list->v[i].scheme, "http"))
			return NULL;
	return &list->v[0];
}

static const char *registry_validate(const void *conf, const char **key)
{
	const struct registry_conf *c = conf;
	struct web_conf web = WEB_CONF(c);

	*key = "subjects";
	for (size_t i = 0; i < c->subjects.n; i++) {
		const struct subject *s = GROUP_AT(c->subjects, struct subject, i);

		if (s->must != MUST_EXIST && !s->schema)
			return "has must = same or compatible, which needs schema, the file to "
			       "compare with";
		if (s->must == MUST_EXIST && s->schema)
			return "has schema but does not say what to compare: add must = \"same\" "
			       "or \"compatible\"";
	}
	return web_conf_problem(&web, plain_url(&c->url), key);
}

/* Returns the registry's error code, 0 when the answer has none; copies the message. */
static long parse_error_code(const struct web_response *resp, char *message, size_t size)
{
	char err[160];
	json_t *root = json_read(resp->body, resp->len, err, sizeof err);
	const char *text = json_str(root, "message");

	snprintf(message, size, "%s", text ? text : "");
	return (long)json_integer_value(json_object_get(root, "error_code"));
}

/* Diagnoses the failures that every request may have. */
static enum result fail_answer(const struct web_response *resp, struct diag *out)
{
	char message[300];
	long code = parse_error_code(resp, message, sizeof message);

	if (registry_error_code(code)) {
		check_fail(out, registry_error_code(code), resp->subject, "error %ld: %s", code,
			   message);
		out->retry_after_s = resp->retry_after_s;
		return RESULT_FAIL;
	}
	/* Kafka Connect and the REST Proxy give error_code 404 for a path that they do not have. */
	if (resp->status == 404 || (resp->status == 405 && !code))
		return check_fail(out, D_REGISTRY_NOT_REGISTRY, resp->subject,
				  "HTTP status %ld without a registry's error code; the body: %s",
				  resp->status, resp->body_start);
	return web_fail_status(out, resp, "200");
}

/* Returns the JSON object of an answer with status 200; NULL with *out filled for any other answer. */
static json_t *parse_answer(const struct web_response *resp, struct diag *out)
{
	char why[200];
	json_t *root;

	if (resp->status != 200) {
		fail_answer(resp, out);
		return NULL;
	}
	root = json_read(resp->body, resp->len, why, sizeof why);
	if (json_is_object(root))
		return root;
	check_fail(out, web_is_html(resp) ? D_HTTP_HTML_PAGE : D_REGISTRY_NOT_REGISTRY,
		   resp->subject, "status 200, but not a JSON object; the body: %s",
		   resp->body_start);
	return NULL;
}

static json_t *request_object(const struct web_request *base, const char *path, const char *body,
			      struct web_response *resp, struct diag *out)
{
	return web_request_below(base, path, body, resp, out) ? NULL : parse_answer(resp, out);
}

/* A registry with rights of subjects may forbid the global ones. Its error code tells it from a proxy. */
static bool is_refused_by_registry(const struct web_response *resp)
{
	char message[300];
	long code = parse_error_code(resp, message, sizeof message);

	return (resp->status == 401 || resp->status == 403) && code / 100 == resp->status;
}

/* Requests /config: only a registry answers with a compatibility level. Where the level is forbidden to this client, the subjects
 * decide, if there are any. */
static enum result check_is_registry(const struct web_request *base, bool has_subjects,
				     struct diag *out)
{
	struct web_response resp;
	json_t *root;

	if (web_request_below(base, "/config", NULL, &resp, out))
		return RESULT_FAIL;
	if (has_subjects && is_refused_by_registry(&resp)) {
		check_reached(base->run, "registry");
		return RESULT_PASS;
	}
	root = parse_answer(&resp, out);
	if (!root)
		return RESULT_FAIL;
	if (!json_str(root, "compatibilityLevel"))
		return check_fail(out, D_REGISTRY_NOT_REGISTRY, resp.subject,
				  "no \"compatibilityLevel\" in the answer; the body: %s",
				  resp.body_start);
	check_reached(base->run, "registry");
	return RESULT_PASS;
}

static enum result check_mode(const struct web_request *base, int wanted, struct diag *out)
{
	struct web_response resp;
	const char *mode;
	json_t *root;

	if (str_eq(modes[wanted], "ANY"))
		return RESULT_PASS;
	if (web_request_below(base, "/mode", NULL, &resp, out))
		return RESULT_FAIL;
	/* Older and other registries have no modes, so that every subject is writable. Others forbid the global one. */
	if (resp.status == 404 || resp.status == 405 || resp.status == 403 ||
	    is_refused_by_registry(&resp)) {
		check_fact(base->run, "mode", "unknown");
		return RESULT_PASS;
	}
	root = parse_answer(&resp, out);
	if (!root)
		return RESULT_FAIL;
	mode = json_str(root, "mode");
	check_fact(base->run, "mode", "%s", mode ? mode : "unknown");
	if (!mode || str_eq(mode, modes[wanted]) ||
	    (str_eq(modes[wanted], "READONLY") && str_eq(mode, "READWRITE")))
		return RESULT_PASS;
	return check_fail(out, D_REGISTRY_READONLY, resp.subject, "the mode is %s, demanded is %s",
			  mode, modes[wanted]);
}

static void add_escaped(struct str *out, const char *text)
{
	for (const char *s = text; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
			str_addc(out, *s);
		else
			str_addf(out, "%%%02X", (unsigned char)*s);
}

static char *read_schema(const char *path, size_t *len, struct diag *out)
{
	char *text = file_read(path, AVRO_SCHEMA_MAX, len);

	if (!text)
		check_fail(out, errno == ENOENT ? D_FILE_MISSING : D_FILE_UNREADABLE, path, "%s",
			   strerror(errno));
	return text;
}

#define REFERENCE_DEPTH_MAX 16
#define REFERENCES_MAX 200

/* The types of registered references. */
struct references {
	const struct web_request *base;
	json_t *known; /* as avro_schema_parse_known takes it */
	size_t n;
};

static enum result add_references(struct references *refs, const json_t *entry, int depth,
				  struct diag *out);

/* Adds the types of the schema that one reference names. One that this client cannot get stays a name: it is equal to itself. */
static enum result add_reference(struct references *refs, const json_t *reference, int depth,
				 struct diag *out)
{
	const char *subject = json_str(reference, "subject"), *type = json_str(reference, "name");
	json_int_t version = json_integer_value(json_object_get(reference, "version"));
	struct web_response resp;
	struct avro_schema *s;
	char why[AVRO_WHY_MAX];
	const char *text;
	struct str path;
	json_t *entry;

	if (!subject || !type || json_object_get(refs->known, type))
		return RESULT_PASS;
	str_init(&path, URL_MAX);
	str_add(&path, "/subjects/");
	add_escaped(&path, subject);
	str_addf(&path, "/versions/%lld", (long long)version);
	if (web_request_below(refs->base, path.s, NULL, &resp, out))
		return RESULT_FAIL;
	if (resp.status == 404 || resp.status == 403) {
		json_object_set_new(
		    refs->known, type,
		    json_pack("{s:s, s:s, s:[]}", "name", type, "type", "record", "fields"));
		return RESULT_PASS;
	}
	entry = parse_answer(&resp, out);
	if (!entry || add_references(refs, entry, depth + 1, out))
		return RESULT_FAIL;
	text = json_str(entry, "schema");
	s = avro_schema_parse_known(refs->known, text ? text : "", text ? strlen(text) : 0, why,
				    sizeof why);
	if (!s)
		return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, subject,
				  "version %lld, a reference, cannot be read here: %s",
				  (long long)version, why);
	json_object_update_missing(refs->known, s->names);
	return RESULT_PASS;
}

static enum result add_references(struct references *refs, const json_t *entry, int depth,
				  struct diag *out)
{
	const json_t *list = json_object_get(entry, "references");

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (depth > REFERENCE_DEPTH_MAX || ++refs->n > REFERENCES_MAX)
			return check_fail(
			    out, D_REGISTRY_SCHEMA_DIFFERS, refs->base->url->text,
			    "references of more than %d schemas, or more than %d deep",
			    REFERENCES_MAX, REFERENCE_DEPTH_MAX);
		if (add_reference(refs, json_array_get(list, i), depth, out))
			return RESULT_FAIL;
	}
	return RESULT_PASS;
}

static enum result check_avro_same(const struct web_request *base, const struct subject *sub,
				   const json_t *entry, const char *registered, const char *name,
				   struct diag *out)
{
	struct references refs = {.base = base, .known = json_object()};
	struct avro_schema *theirs, *ours;
	json_t *own = json_object();
	char why[AVRO_WHY_MAX];
	size_t count;

	if (add_references(&refs, entry, 0, out) ||
	    (sub->types.n && avro_types_load(base->run, &sub->types, own, &count, out)))
		return RESULT_FAIL;
	json_object_update_missing(own, refs.known);
	ours = avro_schema_load_known(base->run, own, sub->schema, out);
	if (!ours)
		return RESULT_FAIL;
	theirs =
	    avro_schema_parse_known(refs.known, registered, strlen(registered), why, sizeof why);
	if (!theirs)
		return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, name,
				  "the registered schema cannot be read here: %s", why);
	if (avro_same(theirs, ours, why, sizeof why))
		return RESULT_PASS;
	return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, name,
			  "registered and %s differ (registered first): %s", sub->schema, why);
}

static enum result check_schema_same(const struct web_request *base, const struct subject *sub,
				     const json_t *entry, const char *name, struct diag *out)
{
	const char *registered = json_str(entry, "schema"), *type = json_str(entry, "schemaType");
	char why[200];
	json_t *a, *b;
	size_t len;
	char *text;

	if (!registered)
		return check_fail(out, D_REGISTRY_NOT_REGISTRY, name, "the answer holds no schema");
	if (!type || str_eq(type, "AVRO"))
		return check_avro_same(base, sub, entry, registered, name, out);
	text = read_schema(sub->schema, &len, out);
	if (!text)
		return RESULT_FAIL;
	a = json_read(text, len, why, sizeof why);
	b = json_read(registered, strlen(registered), why, sizeof why);
	if (str_eq(text, registered) || (a && b && json_same(a, b)))
		return RESULT_PASS;
	return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, name, "registered and %s differ",
			  sub->schema);
}

/* `type` is that of the registered schema. Every registry takes a request without a type for Avro. */
static enum result check_schema_compatible(const struct web_request *base,
					   const struct subject *sub, const json_t *entry,
					   const char *type, const char *escaped, const char *name,
					   struct diag *out)
{
	struct web_response resp;
	struct str path, body, reason;
	const json_t *messages;
	size_t len;
	char *text = read_schema(sub->schema, &len, out);
	json_t *root;

	if (!text)
		return RESULT_FAIL;
	str_init(&path, URL_MAX);
	str_init(&body, 4 * AVRO_SCHEMA_MAX);
	str_init(&reason, 400);
	str_addf(&path, "/compatibility/subjects/%s/versions/%s?verbose=true", escaped,
		 sub->version);
	str_add(&body, "{\"schema\":");
	str_add_json_string(&body, text);
	if (!str_eq(type, "AVRO")) {
		str_add(&body, ",\"schemaType\":");
		str_add_json_string(&body, type);
	}
	/* The types of other subjects that the registered schema refers to, and this one, too. */
	if (json_array_size(json_object_get(entry, "references"))) {
		char *references = json_dumps(json_object_get(entry, "references"), JSON_COMPACT);

		str_addf(&body, ",\"references\":%s", references ? references : "[]");
		free(references);
	}
	str_addc(&body, '}');
	root = request_object(base, path.s, body.s, &resp, out);
	if (!root)
		return RESULT_FAIL;
	if (json_is_true(json_object_get(root, "is_compatible")))
		return RESULT_PASS;
	messages = json_object_get(root, "messages");
	for (size_t i = 0; i < json_array_size(messages) && i < 3; i++)
		str_addf(&reason, "%s%s", i ? "; " : "",
			 json_string_value(json_array_get(messages, i)));
	return check_fail(out, D_REGISTRY_INCOMPATIBLE, name, "%s against version %s: %s",
			  sub->schema, sub->version,
			  reason.len ? reason.s : "not compatible; the registry gives no reason");
}

static enum result check_level(const struct web_request *base, const struct subject *sub,
			       const char *escaped, const char *name, struct diag *out)
{
	struct web_response resp;
	const char *level;
	struct str path;
	unsigned has = 0;
	json_t *root;

	str_init(&path, URL_MAX);
	str_addf(&path, "/config/%s?defaultToGlobal=true", escaped);
	root = request_object(base, path.s, NULL, &resp, out);
	level = json_str(root, "compatibilityLevel");
	if (!root)
		return RESULT_FAIL;
	for (size_t i = 0; levels[i] && level; i++)
		if (str_eq(levels[i], level))
			has = level_bits[i];
	if ((has & level_bits[sub->compatibility]) == level_bits[sub->compatibility])
		return RESULT_PASS;
	return check_fail(out, D_REGISTRY_LEVEL, name, "the level is %s, demanded is at least %s",
			  level ? level : "unknown", levels[sub->compatibility]);
}

static enum result fail_subject_missing(const struct subject *sub, const struct web_response *resp,
					const char *name, struct diag *out)
{
	char message[300];
	long code = parse_error_code(resp, message, sizeof message);

	if (registry_error_code(code) == D_REGISTRY_SUBJECT_MISSING)
		return check_fail(out, D_REGISTRY_SUBJECT_MISSING, name, "error %ld: %s", code,
				  message);
	if (registry_error_code(code) == D_REGISTRY_VERSION_MISSING)
		return check_fail(out, D_REGISTRY_VERSION_MISSING, name,
				  "version %s: error %ld: %s", sub->version, code, message);
	return fail_answer(resp, out);
}

static enum result check_subject(const struct web_request *base, const struct subject *sub,
				 struct diag *out)
{
	struct web_response resp;
	struct str path, escaped;
	char name[160];
	const char *type;
	json_t *entry;

	snprintf(name, sizeof name, "subject %s", sub->name);
	str_init(&path, URL_MAX);
	str_init(&escaped, URL_MAX);
	add_escaped(&escaped, sub->name);
	str_addf(&path, "/subjects/%s/versions/%s", escaped.s, sub->version);
	if (web_request_below(base, path.s, NULL, &resp, out))
		return RESULT_FAIL;
	if (resp.status == 404)
		return fail_subject_missing(sub, &resp, name, out);
	entry = parse_answer(&resp, out);
	if (!entry)
		return RESULT_FAIL;
	type = json_str(entry, "schemaType");
	type = type ? type : "AVRO";
	if (sub->type != TYPE_ANY && !str_eq(type, types[sub->type]))
		return check_fail(out, D_REGISTRY_SCHEMA_TYPE, name,
				  "the registered schema is of type %s, demanded is %s", type,
				  types[sub->type]);
	if (sub->must == MUST_BE_SAME && check_schema_same(base, sub, entry, name, out))
		return RESULT_FAIL;
	if (sub->must == MUST_BE_COMPATIBLE &&
	    check_schema_compatible(base, sub, entry, type, escaped.s, name, out))
		return RESULT_FAIL;
	if (sub->compatibility != ENUM_UNSET && check_level(base, sub, escaped.s, name, out))
		return RESULT_FAIL;
	check_reached(base->run, "%s", name);
	return RESULT_PASS;
}

static enum result registry_run(const struct check_run *run, struct diag *out)
{
	const struct registry_conf *c = run->conf;
	struct check_run shorter = *run;
	struct web_conf web = WEB_CONF(c);
	struct url url;
	struct web_request base = {.run = &shorter,
				   .url = &url,
				   .web = &web,
				   .max_body = 4 * WEB_BODY_MAX,
				   .content_type = "application/vnd.schemaregistry.v1+json",
				   .accept =
				       "application/vnd.schemaregistry.v1+json, application/json"};
	enum result r = RESULT_FAIL;

	for (size_t i = 0; i < c->url.n && r != RESULT_PASS; i++) {
		struct diag this = {0};

		/* A silent registry must not use up the time of the others. */
		shorter.deadline = instant_share(instant_now(), run->deadline, c->url.n - i);
		r = url_reveal(&c->url.v[i], &url, &this)
			? RESULT_FAIL
			: check_is_registry(&base, c->subjects.n > 0, &this);
		if (r && (i == 0 || diag_info(this.code)->phase > diag_info(out->code)->phase))
			*out = this; /* keep the failure of the latest phase */
	}
	base.run = run;
	if (r != RESULT_PASS)
		return r;
	*out = (struct diag){0};
	if (check_mode(&base, c->mode, out))
		return RESULT_FAIL;
	for (size_t i = 0; i < c->subjects.n; i++)
		if (check_subject(&base, GROUP_AT(c->subjects, struct subject, i), out))
			return RESULT_FAIL;
	check_fact(run, "subjects", "%zu", c->subjects.n);
	check_summary(run, "%s, %zu subject%s", url.text, c->subjects.n, plural(c->subjects.n));
	return RESULT_PASS;
}

const struct check_kind check_schema_registry = {
    .name = "schema_registry",
    .summary = "a schema registry holds the subjects and schemas the service was built with",
    .schema = &(const struct schema){.size = sizeof(struct registry_conf), .keys = registry_keys},
    .urls = {{.scheme = "registry+http",
	      .example = "registry+http://host:8081",
	      .key = "url",
	      .as = "http"},
	     {.scheme = "registry+https",
	      .example = "registry+https://host:8081",
	      .key = "url",
	      .as = "https"}},
    .library = web_library,
    .validate = registry_validate,
    .run = registry_run,
};
