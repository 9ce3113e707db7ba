#include "avro_text.h"

/* Gives a type whose name has no namespace an empty one: without it, a parser puts the type into the namespace around it. */
static void add_namespaces(json_t *type)
{
	static const char *const parts[] = {"type", "items", "values", NULL};
	const char *name = json_str(type, "name");
	json_t *member;
	size_t i;

	json_array_foreach(type, i, member) add_namespaces(member);
	for (i = 0; parts[i]; i++)
		if (json_object_get(type, parts[i]))
			add_namespaces(json_object_get(type, parts[i]));
	json_array_foreach(json_object_get(type, "fields"), i, member)
	    add_namespaces(json_object_get(member, "type"));
	if (name && !strchr(name, '.'))
		json_object_set_new(type, "namespace", json_string(""));
}

char *avro_schema_text(const struct avro_schema *s)
{
	json_t *copy = json_deep_copy(s->normal);
	char *text;

	add_namespaces(copy);
	text = json_dumps(copy, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(copy);
	return text;
}
