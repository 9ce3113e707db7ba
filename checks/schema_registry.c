/* schema_registry: checks that the registry answers, and that its subjects hold the schemas of this service.
 *
 * Uses the part of Confluent's API (Schema Registry API reference) that Karapace, Apicurio and Redpanda have too. Never registers a
 * schema. registry_request.h asks, registry_compatible.h judges.
 */
#include "registry_compatible.h"
#include "registry_error.h"
#include "registry_level.h"
#include "registry_schema.h"

enum must { MUST_EXIST, MUST_BE_SAME, MUST_BE_COMPATIBLE };
static const char *const musts[] = {"exists", "same", "compatible", NULL};
enum type { TYPE_AVRO, TYPE_JSON, TYPE_PROTOBUF, TYPE_ANY };
static const char *const schema_types[] = {"AVRO", "JSON", "PROTOBUF", "ANY", NULL};
static const char *const modes[] = {"READWRITE", "READONLY", "READONLY_OVERRIDE",
				    "IMPORT",    "ANY",      NULL};

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
    KEY_STR(struct registry_subject, name, .flags = K_REQUIRED,
	    .doc = "The subject, usually the topic with -value behind it.",
	    .example = "\"orders-value\""),
    KEY_STR(struct registry_subject, version, .flags = K_NUMBERS, .def = "latest",
	    .check = version_problem, .doc = "Which version: a number, or latest."),
    KEY_PATH(struct registry_subject, schema, .doc = "The schema file this service was built with.",
	     .example = "\"schemas/order.avsc\""),
    KEY_STRLIST(
	struct registry_subject, types,
	.doc = "Schema files, as globs, that define types which schema uses. Without them those "
	       "of the registered references are used.",
	.example = "[\"schemas/customer.avsc\"]"),
    KEY_ENUM(
	struct registry_subject, must, .choices = musts, .def = "exists",
	.doc = "exists; same as the file (docs apart); compatible with it by the subject's rule."),
    KEY_ENUM(struct registry_subject, type, .choices = schema_types, .def = "AVRO",
	     .doc = "The type the registered schema must have."),
    KEY_ENUM(struct registry_subject, compatibility, .choices = registry_levels,
	     .doc = "The subject's compatibility level must promise at least this.",
	     .example = "\"BACKWARD\""),
    KEY_END,
};
static const struct schema subject_schema = {.size = sizeof(struct registry_subject),
					     .keys = subject_keys};

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
		const struct registry_subject *s =
		    GROUP_AT(c->subjects, struct registry_subject, i);

		if (s->must != MUST_EXIST && !s->schema)
			return "has must = same or compatible, which needs schema, the file to "
			       "compare with";
		if (s->must == MUST_EXIST && s->schema)
			return "has schema but does not say what to compare: add must = \"same\" "
			       "or \"compatible\"";
		if (s->types.n && !s->schema)
			return "has types but no schema that could use them";
		if (s->types.n && (s->type == TYPE_JSON || s->type == TYPE_PROTOBUF))
			return "has types, which only Avro schemas use";
	}
	return web_conf_problem(&web, plain_url(&c->url), key);
}

/* A registry with rights of subjects may forbid the global ones. Its error code tells it from a proxy. */
static bool is_refused_by_registry(const struct web_response *resp)
{
	char message[300];
	long code = registry_parse_error(resp, message, sizeof message);

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
	root = registry_parse_answer(&resp, out);
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
	root = registry_parse_answer(&resp, out);
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

static enum result check_avro_same(const struct registry_found *found, const char *registered,
				   struct diag *out)
{
	struct avro_schema *theirs, *ours;
	struct registry_types types;
	char why[AVRO_WHY_MAX];

	if (registry_types_load(found->base, found->entry, &types, out))
		return RESULT_FAIL;
	ours = registry_schema_load(found, &types, out);
	if (!ours)
		return RESULT_FAIL;
	theirs =
	    avro_schema_parse_known(types.known, registered, strlen(registered), why, sizeof why);
	if (!theirs)
		return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, found->name,
				  "the registered schema cannot be read here: %s", why);
	if (avro_same(theirs, ours, why, sizeof why))
		return RESULT_PASS;
	return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, found->name,
			  "registered and %s differ (registered first): %s", found->sub->schema,
			  why);
}

/* Asks whether the subject has this text, whatever its form: registries write Protobuf anew, in forms of their own. */
static enum result look_up(const struct registry_found *found, const char *text, struct diag *out)
{
	const json_t *references = json_object_get(found->entry, "references");
	char *body = registry_schema_body(text, found->type, references), message[300];
	struct web_response resp;
	struct str path;
	json_t *root;

	str_init(&path, URL_MAX);
	str_addf(&path, "/subjects/%s?normalize=true", found->escaped);
	if (web_request_below(found->base, path.s, body, &resp, out))
		return RESULT_FAIL;
	if (resp.status == 404 && registry_parse_error(&resp, message, sizeof message))
		return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, found->name,
				  "registered and %s differ: %s", found->sub->schema, message);
	root = registry_parse_answer(&resp, out);
	if (!root)
		return RESULT_FAIL;
	if (json_equal(json_object_get(root, "version"), json_object_get(found->entry, "version")))
		return RESULT_PASS;
	return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, found->name,
			  "%s is version %s of the subject, demanded is version %s",
			  found->sub->schema, json_short(json_object_get(root, "version")).text,
			  json_short(json_object_get(found->entry, "version")).text);
}

static enum result check_schema_same(const struct registry_found *found, struct diag *out)
{
	const char *registered = json_str(found->entry, "schema");
	char why[200];
	json_t *a, *b;
	size_t len;
	char *text;

	if (!registered)
		return check_fail(out, D_REGISTRY_NOT_REGISTRY, found->name,
				  "the answer holds no schema");
	if (str_eq(found->type, "AVRO"))
		return check_avro_same(found, registered, out);
	text = registry_schema_read(found->sub->schema, &len, out);
	if (!text)
		return RESULT_FAIL;
	a = json_read(text, len, why, sizeof why);
	b = json_read(registered, strlen(registered), why, sizeof why);
	if (str_eq(text, registered) || (a && b && json_same(a, b)))
		return RESULT_PASS;
	if (str_eq(found->type, "PROTOBUF"))
		return look_up(found, text, out);
	return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, found->name, "registered and %s differ",
			  found->sub->schema);
}

static enum result check_level(const struct registry_found *found, struct diag *out)
{
	unsigned wanted = registry_level_promises(found->sub->compatibility);
	struct registry_level level;
	struct web_response resp;

	if (registry_level_load(found->base, found->escaped, &resp, &level, out))
		return RESULT_FAIL;
	if (resp.status != 200)
		return registry_fail_answer(&resp, out);
	if ((level.promises & wanted) == wanted)
		return RESULT_PASS;
	return check_fail(
	    out, D_REGISTRY_LEVEL, found->name, "the level is %s, demanded is at least %s",
	    *level.name ? level.name : "unknown", registry_levels[found->sub->compatibility]);
}

/* Returns whether the registry has versions of this subject, with `deleted` those that were deleted softly as well. */
static bool has_versions(const struct web_request *base, const char *name, bool deleted)
{
	struct web_response resp;
	struct diag ignored = {0};
	struct str path;
	char err[160];

	str_init(&path, URL_MAX);
	str_add(&path, "/subjects/");
	url_add_escaped(&path, name);
	str_add(&path, deleted ? "/versions?deleted=true" : "/versions");
	return !web_request_below(base, path.s, NULL, &resp, &ignored) && resp.status == 200 &&
	       json_array_size(json_read(resp.body, resp.len, err, sizeof err)) > 0;
}

/* Adds what the registry has in place of the subject: the same in its deleted state, or the name that serialisers give to the
 * subject of a topic's values. */
static void look_for_subject(const struct web_request *base, const char *name, struct diag *out)
{
	char cause[sizeof out->cause], value[300];
	enum diag_code code = out->code;

	snprintf(cause, sizeof cause, "%s", out->cause);
	snprintf(value, sizeof value, "%s-value", name);
	if (has_versions(base, name, true)) {
		check_fail(out, code, out->subject, "it was deleted (softly): %s", cause);
		diag_hint(out, "register the schema again, which brings the subject back");
	} else if (!str_ends(name, "-value") && !str_ends(name, "-key") &&
		   has_versions(base, value, false)) {
		check_fail(out, code, out->subject, "%s; subject %s is there", cause, value);
		diag_hint(out,
			  "likely the subject is %s: serialisers add -value to the topic's name",
			  value);
	}
}

static enum result fail_subject_missing(const struct registry_subject *sub,
					const struct web_response *resp, const char *name,
					struct diag *out)
{
	char message[300];
	long code = registry_parse_error(resp, message, sizeof message);

	if (registry_error_code(code) == D_REGISTRY_SUBJECT_MISSING)
		return check_fail(out, D_REGISTRY_SUBJECT_MISSING, name, "error %ld: %s", code,
				  message);
	if (registry_error_code(code) == D_REGISTRY_VERSION_MISSING)
		return check_fail(out, D_REGISTRY_VERSION_MISSING, name,
				  "version %s: error %ld: %s", sub->version, code, message);
	return registry_fail_answer(resp, out);
}

static enum result check_subject(const struct web_request *base, const struct registry_subject *sub,
				 struct diag *out)
{
	struct registry_found found;
	struct web_response resp;
	struct str path, escaped;
	char name[160];
	const char *type;
	json_t *entry;

	snprintf(name, sizeof name, "subject %s", sub->name);
	str_init(&path, URL_MAX);
	str_init(&escaped, URL_MAX);
	url_add_escaped(&escaped, sub->name);
	str_addf(&path, "/subjects/%s/versions/%s", escaped.s, sub->version);
	if (web_request_below(base, path.s, NULL, &resp, out))
		return RESULT_FAIL;
	if (resp.status == 404) {
		fail_subject_missing(sub, &resp, name, out);
		if (out->code == D_REGISTRY_SUBJECT_MISSING)
			look_for_subject(base, sub->name, out);
		return RESULT_FAIL;
	}
	entry = registry_parse_answer(&resp, out);
	if (!entry)
		return RESULT_FAIL;
	type = json_str(entry, "schemaType");
	type = type ? type : "AVRO";
	if (sub->type != TYPE_ANY && !str_eq(type, schema_types[sub->type]))
		return check_fail(out, D_REGISTRY_SCHEMA_TYPE, name,
				  "the registered schema is of type %s, demanded is %s", type,
				  schema_types[sub->type]);
	found = (struct registry_found){.base = base,
					.sub = sub,
					.entry = entry,
					.type = type,
					.escaped = escaped.s,
					.name = name};
	if (sub->must == MUST_BE_SAME && check_schema_same(&found, out))
		return RESULT_FAIL;
	if (sub->must == MUST_BE_COMPATIBLE && registry_check_compatible(&found, out))
		return RESULT_FAIL;
	if (sub->compatibility != ENUM_UNSET && check_level(&found, out))
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
		if (check_subject(&base, GROUP_AT(c->subjects, struct registry_subject, i), out))
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
