#include "registry_types.h"

#define DEPTH_MAX 16
#define REFERENCES_MAX 200

static enum result add_references(const struct web_request *base, const json_t *entry, int depth,
				  struct registry_types *types, struct diag *out);

static enum result add_schema(const json_t *entry, const char *subject,
			      struct registry_types *types, struct diag *out)
{
	const char *text = json_str(entry, "schema");
	char why[AVRO_WHY_MAX];
	struct avro_schema *s = avro_schema_parse_known(types->known, text ? text : "",
							text ? strlen(text) : 0, why, sizeof why);

	if (!s)
		return check_fail(out, D_REGISTRY_SCHEMA_DIFFERS, subject,
				  "version %lld, a reference, cannot be read here: %s",
				  (long long)json_integer_value(json_object_get(entry, "version")),
				  why);
	json_object_update_missing(types->known, s->names);
	return RESULT_PASS;
}

/* Requests the schema that one reference names. */
static enum result add_reference(const struct web_request *base, const json_t *reference, int depth,
				 struct registry_types *types, struct diag *out)
{
	const char *subject = json_str(reference, "subject"), *type = json_str(reference, "name");
	json_int_t version = json_integer_value(json_object_get(reference, "version"));
	struct web_response resp;
	struct str path;
	json_t *entry;

	if (!subject || !type || json_object_get(types->known, type))
		return RESULT_PASS;
	str_init(&path, URL_MAX);
	str_add(&path, "/subjects/");
	url_add_escaped(&path, subject);
	if (version < 0) /* -1: whatever is the latest */
		str_add(&path, "/versions/latest");
	else
		str_addf(&path, "/versions/%lld", (long long)version);
	if (web_request_below(base, path.s, NULL, &resp, out))
		return RESULT_FAIL;
	if (resp.status == 404 || resp.status == 403) {
		types->incomplete = true;
		json_object_set_new(
		    types->known, type,
		    json_pack("{s:s, s:s, s:[]}", "name", type, "type", "record", "fields"));
		return RESULT_PASS;
	}
	entry = registry_parse_answer(&resp, out);
	if (!entry || add_references(base, entry, depth + 1, types, out))
		return RESULT_FAIL;
	return add_schema(entry, subject, types, out);
}

static enum result add_references(const struct web_request *base, const json_t *entry, int depth,
				  struct registry_types *types, struct diag *out)
{
	const json_t *list = json_object_get(entry, "references");

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (depth > DEPTH_MAX || ++types->n > REFERENCES_MAX)
			return check_fail(
			    out, D_REGISTRY_SCHEMA_DIFFERS, base->url->text,
			    "references of more than %d schemas, or more than %d deep",
			    REFERENCES_MAX, DEPTH_MAX);
		if (add_reference(base, json_array_get(list, i), depth, types, out))
			return RESULT_FAIL;
	}
	return RESULT_PASS;
}

enum result registry_types_load(const struct web_request *base, const json_t *entry,
				struct registry_types *types, struct diag *out)
{
	*types = (struct registry_types){.known = json_object()};
	return add_references(base, entry, 0, types, out);
}
