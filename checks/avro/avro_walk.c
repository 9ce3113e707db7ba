#include "avro_walk.h"

#include "avro_schema.h"

static const char *const primitives[] = {"null",   "boolean", "int",    "long", "float",
					 "double", "bytes",   "string", NULL};

bool avro_is_primitive(const char *name)
{
	for (size_t i = 0; primitives[i]; i++)
		if (str_eq(primitives[i], name))
			return true;
	return false;
}

const json_t *avro_definition(const struct avro_schema *s, const json_t *type)
{
	const json_t *named;

	if (json_is_object(type) && !json_str(type, "name") && json_object_get(type, "logicalType"))
		type = json_object_get(type, "type");
	named = json_is_string(type) ? json_object_get(s->names, json_string_value(type)) : NULL;
	return named ? named : type;
}

const char *avro_type(const json_t *type)
{
	if (json_is_array(type))
		return "union";
	return json_is_string(type) ? json_string_value(type) : json_str(type, "type");
}
