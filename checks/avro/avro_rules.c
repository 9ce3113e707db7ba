#include "avro_rules.h"

#include <ctype.h>

/* The defaults of a record's fields stand for what a default lacks: nested ones may be many, or have no end. */
#define DEPTH_MAX 64
#define STEPS_MAX 100000

/* Reads a character of valid UTF-8. */
static unsigned take_char(const unsigned char **s)
{
	uint32_t c;
	size_t len = utf8_decode(*s, strnlen((const char *)*s, 4), &c);

	if (len == 0) /* a JSON parser accepts no such text */
		c = **s;
	*s += len ? len : 1;
	return c;
}

/* Java's Character.isLetter, roughly: the blocks of Unicode that hold no letters. Beyond ffff Java sees two halves of a
 * character, neither of which is a letter. */
static bool is_letter(unsigned c)
{
	static const unsigned none[][2] = {
	    {0x80, 0xa9},     {0xab, 0xb4},        {0xb6, 0xb9},     {0xbb, 0xbf},
	    {0xd7, 0xd7},     {0xf7, 0xf7},        {0x300, 0x36f},   {0x2000, 0x2070},
	    {0x2072, 0x207e}, {0x20a0, 0x20ff},    {0x2190, 0x2bff}, {0x2e00, 0x2e2e},
	    {0x2e30, 0x3004}, {0x3008, 0x3030},    {0xd800, 0xf8ff}, {0xfe00, 0xfe6f},
	    {0xff00, 0xff20}, {0xfff0, UINT32_MAX}};

	if (c < 0x80)
		return isalpha((int)c);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (c >= none[i][0] && c <= none[i][1])
			return false;
	return c < 0x10000;
}

bool avro_is_name(const char *name)
{
	const unsigned char *s = (const unsigned char *)name;
	bool first = true;

	for (; *s; first = false) {
		unsigned c = take_char(&s);

		if (!is_letter(c) && c != '_' && (first || c < '0' || c > '9'))
			return false;
	}
	return !first;
}

bool avro_is_full_name(const char *full)
{
	char part[AVRO_NAME_MAX];

	for (;; full++) {
		size_t n = strcspn(full, ".");

		snprintf(part, sizeof part, "%.*s", (int)n, full);
		if (!avro_is_name(part))
			return false;
		full += n;
		if (!*full)
			return true;
	}
}

/* ---- defaults ---------------------------------------------------------------------------------------------------- */
struct fit {
	struct avro_schema schema; /* only its names */
	size_t steps;
	int depth;
	bool encoded;    /* must Java be able to write it too? */
	bool unfinished; /* a value was compared with a record whose fields are still being read */
};

static bool fits(struct fit *f, const json_t *type, const json_t *value);

static bool fits_primitive(const char *type, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (str_eq(type, "null"))
		return json_is_null(value);
	if (str_eq(type, "boolean"))
		return json_is_boolean(value);
	if (str_eq(type, "int"))
		return json_is_integer(value) && n >= INT32_MIN && n <= INT32_MAX;
	if (str_eq(type, "long"))
		return json_is_integer(value);
	if (str_eq(type, "float") || str_eq(type, "double"))
		return json_is_number(value);
	return json_is_string(
	    value); /* string, bytes, enum and fixed: the text itself is not looked at */
}

static bool fits_record(struct fit *f, const json_t *type, const json_t *value)
{
	const json_t *field, *fields = json_object_get(type, "fields");
	size_t i;

	if (!json_is_object(value))
		return false;
	f->unfinished |= !fields;
	json_array_foreach((json_t *)fields, i, field)
	{
		const json_t *own = json_object_get(value, json_str(field, "name"));

		if (!fits(f, json_object_get(field, "type"),
			  own ? own : json_object_get(field, "default")))
			return false;
	}
	return true;
}

/* Java writes the value as the first branch that it fits, whether or not a later one could be written. */
static bool fits_union(struct fit *f, const json_t *branches, const json_t *value)
{
	bool encoded = f->encoded;
	size_t i = 0;

	f->encoded = false;
	while (i < json_array_size(branches) && !fits(f, json_array_get(branches, i), value))
		i++;
	f->encoded = encoded;
	if (i == json_array_size(branches))
		return false;
	return !encoded || fits(f, json_array_get(branches, i), value);
}

static bool has_symbol(const json_t *type, const json_t *value)
{
	const json_t *symbol;
	size_t i;

	json_array_foreach((json_t *)json_object_get(type, "symbols"), i, symbol)
	{
		if (json_equal(symbol, value))
			return true;
	}
	return false;
}

static bool fits_all(struct fit *f, const json_t *item, const json_t *value)
{
	const char *key;
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)value, i, v) if (!fits(f, item, v)) return false;
	json_object_foreach((json_t *)value, key, v) if (!fits(f, item, v)) return false;
	return true;
}

static bool fits_type(struct fit *f, const json_t *type, const json_t *value)
{
	const char *name;

	if (json_is_array(type))
		return fits_union(f, type, value);
	name = avro_type(type);
	if (f->encoded && str_eq(name, "enum"))
		return has_symbol(type, value);
	if (str_eq(name, "array"))
		return json_is_array(value) && fits_all(f, json_object_get(type, "items"), value);
	if (str_eq(name, "map"))
		return json_is_object(value) && fits_all(f, json_object_get(type, "values"), value);
	if (str_eq(name, "record"))
		return fits_record(f, type, value);
	if (json_is_string(type) && !avro_is_primitive(name))
		return json_is_object(value); /* defined later: Java takes it for a record */
	return fits_primitive(name, value);
}

static bool fits(struct fit *f, const json_t *type, const json_t *value)
{
	bool ok;

	if (!value || f->depth == DEPTH_MAX || ++f->steps > STEPS_MAX)
		return false;
	f->depth++;
	ok = fits_type(f, avro_definition(&f->schema, type), value);
	f->depth--;
	return ok;
}

/* Is this what Double.parseDouble reads? Java takes such a text as the default of a float or double. */
static bool is_double_text(const char *text)
{
	const char *number = text + strspn(text, " \t\r\n");
	const char *digits = number + (*number == '+' || *number == '-');
	char *end;

	if (str_starts(digits, "NaN") || str_starts(digits, "Infinity"))
		end = (char *)digits + (*digits == 'N' ? 3 : 8);
	else if (isdigit((unsigned char)*digits) || *digits == '.')
		(void)strtod(number, &end);
	else
		return false;
	if (end > digits && *end && strchr("dDfF", *end))
		end++;
	return end > digits && !end[strspn(end, " \t\r\n")];
}

static bool fits_field(struct fit *f, const json_t *type, const json_t *value)
{
	const char *name = json_string_value(avro_definition(&f->schema, type));

	if (name && json_is_string(value) && (str_eq(name, "float") || str_eq(name, "double")))
		return is_double_text(json_string_value(value));
	/* Java gives up at such a record, also where another branch of the union would do. */
	return fits(f, type, value) && !f->unfinished;
}

bool avro_default_fits(json_t *names, const json_t *type, const json_t *value)
{
	return fits_field(&(struct fit){.schema = {.names = names}}, type, value);
}

bool avro_default_encodes(json_t *names, const json_t *type, const json_t *value)
{
	return fits_field(&(struct fit){.schema = {.names = names}, .encoded = true}, type, value);
}

/* ---- properties that Avro does not know -------------------------------------------------------------------------- */
static const char *const of_schemas[] = {"doc",  "fields",  "items",  "name", "namespace",
					 "size", "symbols", "values", "type", "aliases"};
static const char *const of_fields[] = {"default", "doc", "name", "order", "type", "aliases"};

#define OWN ".own" /* no field has this name */

/* Stores the members of v that are not among the n names in *out, which stays NULL when there are none. */
static void keep_unknown(json_t **out, const json_t *v, const char *const *names, size_t n,
			 const char *also)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)v, key, member)
	{
		bool known = also && str_eq(key, also);

		for (size_t i = 0; i < n; i++)
			known |= str_eq(key, names[i]);
		if (known)
			continue;
		if (!*out)
			*out = json_object();
		json_object_set(*out, key, member);
	}
}

/* NULL where there is nothing to tell. */
static json_t *props_of_type(const json_t *v);

/* Adds a part under its name when there is something to tell of it. */
static void add_part(json_t **out, const char *name, json_t *part)
{
	if (!part)
		return;
	if (!*out)
		*out = json_object();
	json_object_set_new(*out, name, part);
}

static json_t *props_of_branches(const json_t *branches)
{
	json_t *out = NULL;
	char number[24];

	for (size_t i = 0; i < json_array_size(branches); i++) {
		snprintf(number, sizeof number, "%zu", i);
		add_part(&out, number, props_of_type(json_array_get(branches, i)));
	}
	return out;
}

static json_t *props_of_type(const json_t *v)
{
	const char *type = json_str(v, "type");
	json_t *out = NULL, *own = NULL;

	if (json_is_array(v))
		return props_of_branches(v);
	if (!type || (!avro_is_primitive(type) && !str_eq(type, "array") && !str_eq(type, "map")))
		return NULL;
	keep_unknown(&own, v, of_schemas, ARRAY_LEN(of_schemas), NULL);
	add_part(&out, OWN, own);
	add_part(&out, "of",
		 props_of_type(json_object_get(v, str_eq(type, "map") ? "values" : "items")));
	return out;
}

json_t *avro_props(const json_t *definition)
{
	const json_t *fields = json_object_get(definition, "fields");
	const char *type = json_str(definition, "type");
	json_t *out = json_object(), *own = NULL;

	keep_unknown(&own, definition, of_schemas, ARRAY_LEN(of_schemas),
		     str_eq(type, "enum") ? "default" : NULL);
	add_part(&out, OWN, own);
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);
		json_t *of_field = NULL, *field_own = NULL;

		keep_unknown(&field_own, f, of_fields, ARRAY_LEN(of_fields), NULL);
		add_part(&of_field, OWN, field_own);
		add_part(&of_field, "type", props_of_type(json_object_get(f, "type")));
		add_part(&out, json_str(f, "name"), of_field);
	}
	return out;
}
