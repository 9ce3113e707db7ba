#include "registry_schema.h"

#include <errno.h>

#include "avro_types.h"
#include "file_fail.h"

char *registry_schema_read(const char *path, size_t *len, struct diag *out)
{
	char *text = file_read(path, AVRO_SCHEMA_MAX, len);
	const char *wrong, *nul;

	if (!text) {
		file_fail(out, errno, path, "schema");
		return NULL;
	}
	nul = text + strlen(text);
	wrong = utf8_find_wrong(text, nul);
	if (!wrong && nul == text + *len)
		return text;
	check_fail(out, D_FILE_CONTENT, path, "byte %zu is not text in UTF-8",
		   (size_t)((wrong ? wrong : nul) - text) + 1);
	return NULL;
}

struct avro_schema *registry_schema_load(const struct registry_found *found,
					 const struct registry_types *types, struct diag *out)
{
	const struct check_run *run = found->base->run;
	json_t *known = json_object();
	size_t count;

	if (avro_types_load(run, &found->sub->types, found->sub->schema, known, &count, out))
		return NULL;
	json_object_update_missing(known, types->known);
	return avro_schema_load_known(run, known, found->sub->schema, out);
}

char *registry_schema_body(const char *text, const char *type, const json_t *references)
{
	char *list = json_array_size(references) ? json_dumps(references, JSON_COMPACT) : NULL;
	struct str body;

	str_init(&body, 8 * AVRO_SCHEMA_MAX);
	str_add(&body, "{\"schema\":");
	str_add_json_string(&body, text);
	if (!str_eq(type, "AVRO")) { /* every registry takes a request without a type for Avro */
		str_add(&body, ",\"schemaType\":");
		str_add_json_string(&body, type);
	}
	if (list)
		str_addf(&body, ",\"references\":%s", list);
	str_addc(&body, '}');
	free(list);
	return body.s;
}
