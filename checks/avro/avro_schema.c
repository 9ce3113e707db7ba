#include "avro_schema.h"

#include <avro.h>
#include <errno.h>

struct parser {
	json_t *names;
	const json_t *known; /* definitions of other files; or NULL */
	int expanding;       /* a known definition is being copied */
	bool used_known;
	char *why;
	size_t size;
};

static const char *const primitives[] = {"null",   "boolean", "int",    "long", "float",
					 "double", "bytes",   "string", NULL};

static bool is_primitive(const char *name)
{
	for (size_t i = 0; primitives[i]; i++)
		if (str_eq(primitives[i], name))
			return true;
	return false;
}

PRINTF_LIKE(2, 3) static json_t *fail(struct parser *r, const char *fmt, ...)
{
	va_list ap;

	if (!*r->why) {
		va_start(ap, fmt);
		vsnprintf(r->why, r->size, fmt, ap);
		va_end(ap);
	}
	return NULL;
}

/* ---- full names (the normal form of avro_schema.h) --------------------------------------------------------------- */
static void make_full_name(char *buf, size_t size, const char *name, const char *space)
{
	if (strchr(name, '.') || !*space)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s.%s", space, name);
}

static void namespace_of(char *buf, size_t size, const char *full)
{
	const char *dot = strrchr(full, '.');

	snprintf(buf, size, "%.*s", dot ? (int)(dot - full) : 0, full);
}

static json_t *normalize_type(struct parser *r, const json_t *v, const char *space);

/* Copies those of the keys (NULL-terminated) that exist. */
static void copy_members(json_t *out, const json_t *from, const char *const *keys)
{
	for (; *keys; keys++)
		if (json_object_get(from, *keys))
			json_object_set(out, *keys, json_object_get(from, *keys));
}

/* A definition in normal form has full names everywhere, so that it can be normalized again, in another schema. */
static json_t *normalize_name(struct parser *r, const char *name, const char *space)
{
	json_t *definition;
	char full[512];

	if (is_primitive(name))
		return json_string(name);
	make_full_name(full, sizeof full, name, space);
	if (json_object_get(r->names, full))
		return json_string(full);
	definition = json_object_get(r->known, full);
	if (!definition)
		return fail(r, "the type \"%s\" is not defined before it is used", full);
	r->used_known = true;
	r->expanding++;
	definition = normalize_type(r, definition, "");
	r->expanding--;
	return definition;
}

/* Returns what no two branches of a union may have in common: the name, or the type (specification, "Unions"). */
static const char *branch_key(const json_t *branch)
{
	if (json_is_string(branch))
		return json_string_value(branch);
	if (json_str(branch, "name"))
		return json_str(branch, "name");
	branch = json_object_get(branch, "type");
	return json_is_object(branch) ? branch_key(branch) : json_string_value(branch);
}

static json_t *normalize_union(struct parser *r, const json_t *v, const char *space)
{
	json_t *out = json_array(), *seen = json_object();
	const char *wrong = NULL;

	for (size_t i = 0; i < json_array_size(v) && !wrong; i++) {
		json_t *branch = normalize_type(r, json_array_get(v, i), space);

		if (!branch)
			wrong = "";
		else if (json_is_array(branch))
			wrong = "a union stands directly in a union";
		else if (json_object_get(seen, branch_key(branch)))
			wrong = "a union has two branches of one type";
		if (branch && !wrong)
			json_object_set_new(seen, branch_key(branch), json_true());
		json_array_append_new(out, branch);
	}
	json_decref(seen);
	if (!wrong)
		return out;
	json_decref(out);
	return *wrong ? fail(r, "%s", wrong) : NULL;
}

static json_t *normalize_field(struct parser *r, const json_t *f, const char *space)
{
	static const char *const kept[] = {"default", "aliases", "order", NULL};
	json_t *out = json_object(), *type = json_object_get(f, "type");
	const char *name = json_str(f, "name");

	if (!name || !type)
		return fail(r, "a field has no name or no type");
	type = normalize_type(r, type, space);
	if (!type)
		return NULL;
	json_object_set_new(out, "name", json_string(name));
	json_object_set_new(out, "type", type);
	copy_members(out, f, kept);
	return out;
}

static json_t *normalize_aliases(const json_t *v, const char *space)
{
	json_t *out = json_array(), *list = json_object_get(v, "aliases");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *alias = json_string_value(json_array_get(list, i));
		char full[512];

		make_full_name(full, sizeof full, alias ? alias : "", space);
		json_array_append_new(out, json_string(full));
	}
	return out;
}

/* Returns the problem of a named type that avro-c does not report, or NULL. */
static const char *named_problem(const json_t *v, const char *type)
{
	const json_t *list = json_object_get(v, str_eq(type, "enum") ? "symbols" : "fields");
	json_t *seen, *member;
	bool twice = false;
	size_t i;

	if (str_eq(type, "fixed"))
		return json_integer_value(json_object_get(v, "size")) > 0 ? NULL
									  : "has no size above 0";
	seen = json_object();
	json_array_foreach(list, i, member)
	{
		const char *name =
		    json_is_string(member) ? json_string_value(member) : json_str(member, "name");

		twice |= name && json_object_get(seen, name);
		if (name)
			json_object_set_new(seen, name, json_true());
	}
	json_decref(seen);
	return twice ? "has two members of one name" : NULL;
}

/* Normalizes a record, error, enum or fixed. */
static json_t *normalize_named(struct parser *r, const json_t *v, const char *type,
			       const char *space)
{
	const char *name = json_str(v, "name"), *own = json_str(v, "namespace");
	static const char *const kept[] = {"symbols",   "size",  "default", "logicalType",
					   "precision", "scale", NULL};
	json_t *out = json_object(), *fields = json_object_get(v, "fields"), *list;
	char full[512], inner[512];

	if (!name)
		return fail(r, "a %s has no name", type);
	make_full_name(full, sizeof full, name, own ? own : space);
	namespace_of(inner, sizeof inner, full);
	/* A known definition holds another one, which this schema has had already. */
	if (json_object_get(r->names, full) && r->expanding) {
		json_decref(out);
		return json_string(full);
	}
	if (json_object_get(r->names, full))
		return fail(r, "the name \"%s\" is defined twice", full);
	if (named_problem(v, type))
		return fail(r, "%s \"%s\" %s", type, full, named_problem(v, type));
	json_object_set_new(out, "name", json_string(full));
	json_object_set_new(out, "type", json_string(str_eq(type, "error") ? "record" : type));
	json_object_set(r->names, full, out); /* before its fields, which may refer to it */
	if (json_object_get(v, "aliases"))
		json_object_set_new(out, "aliases", normalize_aliases(v, inner));
	if (str_eq(type, "enum") || str_eq(type, "fixed")) {
		copy_members(out, v, kept);
		return out;
	}
	if (!json_is_array(fields))
		return fail(r, "the record \"%s\" has no fields", full);
	list = json_array();
	json_object_set_new(out, "fields", list);
	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *f = normalize_field(r, json_array_get(fields, i), inner);

		if (!f)
			return NULL;
		json_array_append_new(list, f);
	}
	return out;
}

static json_t *normalize_object(struct parser *r, const json_t *v, const char *space)
{
	static const char *const kept[] = {"logicalType", "precision", "scale", NULL};
	json_t *type = json_object_get(v, "type"), *inner, *out;
	const char *name = json_string_value(type);
	const char *of = name && str_eq(name, "array") ? "items" : "values";

	if (!name)
		return type ? normalize_type(r, type, space) : fail(r, "a schema without type");
	if (str_eq(name, "record") || str_eq(name, "error") || str_eq(name, "enum") ||
	    str_eq(name, "fixed"))
		return normalize_named(r, v, name, space);
	if (!str_eq(name, "array") && !str_eq(name, "map")) {
		out = normalize_name(r, name, space);
		if (!out || !json_object_get(v, "logicalType"))
			return out;
		inner = out;
		out = json_object();
		json_object_set_new(out, "type", inner);
		copy_members(out, v, kept);
		return out;
	}
	inner = json_object_get(v, of) ? normalize_type(r, json_object_get(v, of), space)
				       : fail(r, "%s without %s", name, of);
	if (!inner)
		return NULL;
	out = json_object();
	json_object_set_new(out, "type", json_string(name));
	json_object_set_new(out, of, inner);
	return out;
}

static json_t *normalize_type(struct parser *r, const json_t *v, const char *space)
{
	if (json_is_string(v))
		return normalize_name(r, json_string_value(v), space);
	if (json_is_array(v))
		return normalize_union(r, v, space);
	if (json_is_object(v))
		return normalize_object(r, v, space);
	return fail(r, "a schema is %s, not a name, a list or an object", json_type_name(v));
}

/* ---- canonical form ---------------------------------------------------------------------------------------------- */
/* Appends the canonical form of a type or of a field, which is an object with name and type as well. Copies names and symbols
 * without escapes, as rule [STRINGS] demands. */
static void write_canonical(struct str *s, const json_t *v)
{
	static const char *const parts[] = {"fields", "symbols", "items", "values"};
	const json_t *type = json_object_get(v, "type"), *size = json_object_get(v, "size");
	const char *name = json_str(v, "name");

	if (json_is_string(v)) {
		str_addf(s, "\"%s\"", json_string_value(v));
		return;
	}
	if (json_is_array(v)) {
		str_addc(s, '[');
		for (size_t i = 0; i < json_array_size(v); i++) {
			str_add(s, i ? "," : "");
			write_canonical(s, json_array_get(v, i));
		}
		str_addc(s, ']');
		return;
	}
	if (json_object_get(v, "logicalType") && !name) {
		write_canonical(s, type);
		return;
	}
	str_addc(s, '{');
	if (name)
		str_addf(s, "\"name\":\"%s\",", name);
	str_add(s, "\"type\":");
	write_canonical(s, type);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (json_object_get(v, parts[i])) {
			str_addf(s, ",\"%s\":", parts[i]);
			write_canonical(s, json_object_get(v, parts[i]));
		}
	if (size)
		str_addf(s, ",\"size\":%lld", (long long)json_integer_value(size));
	str_addc(s, '}');
}

char *avro_canonical(const struct avro_schema *schema)
{
	struct str s;

	str_init(&s, 4 * AVRO_SCHEMA_MAX);
	write_canonical(&s, schema->normal);
	return s.s;
}

/* Returns the CRC-64-AVRO (specification, "Schema Fingerprints"). */
static uint64_t avro_crc64(const void *data, size_t len)
{
	static const uint64_t empty = 0xc15d213aa4d7a795u;
	static uint64_t table[256];
	const unsigned char *p = data;
	uint64_t fp = empty;

	if (!table[1])
		for (unsigned i = 0; i < 256; i++) {
			uint64_t t = i;

			for (int j = 0; j < 8; j++)
				t = (t >> 1) ^ (empty & -(t & 1));
			table[i] = t;
		}
	while (len--)
		fp = (fp >> 8) ^ table[(fp ^ *p++) & 0xff];
	return fp;
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */
/* avro-c checks names, symbols, duplicates and more. It parses only objects and lists; a lone name was checked before. */
static bool avro_c_agrees(const char *text, size_t len, const json_t *root, char *why, size_t size)
{
	avro_schema_t parsed = NULL;

	if (json_is_string(root))
		return true;
	if (avro_schema_from_json_length(text, len, &parsed)) {
		snprintf(why, size, "%s", avro_strerror());
		return false;
	}
	avro_schema_decref(parsed);
	return true;
}

struct avro_schema *avro_schema_parse(const char *text, size_t len, char *why, size_t size)
{
	return avro_schema_parse_known(NULL, text, len, why, size);
}

struct avro_schema *avro_schema_parse_known(const json_t *known, const char *text, size_t len,
					    char *why, size_t size)
{
	struct avro_schema *s = xcalloc(1, sizeof *s);
	struct parser r = {.names = json_object(), .known = known, .why = why, .size = size};
	const char *name;
	json_t *root;
	char *pcf;

	*why = '\0';
	s->names = r.names;
	root = json_read(text, len, why, size);
	s->normal = root ? normalize_type(&r, root, "") : NULL;
	/* avro-c knows no other files. */
	if (!s->normal || (!r.used_known && !avro_c_agrees(text, len, root, why, size))) {
		json_decref(root);
		avro_schema_free(s);
		return NULL;
	}
	json_decref(root);
	name = json_str(s->normal, "name");
	s->full_name = name ? name : "";
	pcf = avro_canonical(s);
	s->fingerprint = avro_crc64(pcf, strlen(pcf));
	free(pcf);
	return s;
}

void avro_schema_free(struct avro_schema *s)
{
	json_decref(s->normal);
	json_decref(s->names);
	free(s);
}

struct avro_schema *avro_schema_load(const struct check_run *run, const char *path,
				     struct diag *out)
{
	return avro_schema_load_known(run, NULL, path, out);
}

struct avro_schema *avro_schema_load_known(const struct check_run *run, const json_t *known,
					   const char *path, struct diag *out)
{
	struct avro_schema *s;
	char why[AVRO_WHY_MAX];
	size_t len;
	char *text;

	check_step(run, PH_ASSERT, "reading the schema %s", path);
	text = file_read(path, AVRO_SCHEMA_MAX, &len);
	if (!text) {
		enum diag_code code = errno_is_missing(errno) ? D_FILE_MISSING
				      : errno == EFBIG        ? D_AVRO_INVALID_SCHEMA
							      : D_FILE_UNREADABLE;
		check_fail(out, code, path, "%s", strerror(errno));
		return NULL;
	}
	s = avro_schema_parse_known(known, text, len, why, sizeof why);
	if (!s)
		check_fail(out, D_AVRO_INVALID_SCHEMA, path, "%s", why);
	free(text);
	return s;
}

/* ---- walks ------------------------------------------------------------------------------------------------------- */
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

/* ---- comparison -------------------------------------------------------------------------------------------------- */
struct place {
	char path[200];
	char *why;
	size_t size;
};

static bool report_difference(struct place *p, const json_t *a, const json_t *b)
{
	snprintf(p->why, p->size, "at %s one has %s, the other %s", *p->path ? p->path : "the top",
		 json_short(a).text, json_short(b).text);
	return false;
}

static struct place place_below(const struct place *from, const char *name)
{
	struct place p = *from;

	snprintf(p.path + strlen(p.path), sizeof p.path - strlen(p.path), "/%s", name);
	return p;
}

static bool compare_values(const json_t *a, const json_t *b, struct place *p)
{
	struct place inner;
	char number[24];
	const char *key;
	json_t *v;

	if (!a || !b || (!json_is_object(a) && !json_is_array(a)) ||
	    json_typeof(a) != json_typeof(b))
		return a && b && json_same(a, b) ? true : report_difference(p, a, b);
	for (size_t i = 0; i < json_array_size(a) || i < json_array_size(b); i++) {
		json_t *x = json_array_get(a, i), *y = json_array_get(b, i);

		snprintf(number, sizeof number, "%zu", i);
		key = json_str(x ? x : y, "name");
		inner = place_below(p, key ? key : number);
		if (!compare_values(x, y, &inner))
			return false;
	}
	json_object_foreach((json_t *)a, key, v)
	{
		inner = place_below(p, key);
		if (!compare_values(v, json_object_get(b, key), &inner))
			return false;
	}
	json_object_foreach((json_t *)b, key, v)
	{
		inner = place_below(p, key);
		if (!json_object_get(a, key))
			return report_difference(&inner, NULL, v);
	}
	return true;
}

bool avro_same(const struct avro_schema *a, const struct avro_schema *b, char *why, size_t size)
{
	struct place p = {.why = why, .size = size};

	return compare_values(a->normal, b->normal, &p);
}
