#include "avro_schema.h"

#include <errno.h>

#include "avro_rules.h"
#include "file_fail.h"

#define IDL "it is Avro IDL (.avdl): avro-tools idl2schemata makes schemas of it"

struct parser {
	json_t *names;
	json_t *props;       /* maps the full name of a type defined here to its avro_props() */
	json_t *later;       /* full names that were used and not yet defined */
	const json_t *known; /* definitions of other files; or NULL */
	int expanding;       /* a known definition is being copied */
	char *why;
	size_t size;
};

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
	/* ".R" is R without a namespace, whatever stands around it. */
	if (name[0] == '.' && !strchr(name + 1, '.')) {
		snprintf(buf, size, "%s", name + 1);
		return;
	}
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

/* Puts the definition of another file in the place of its name. It is in normal form, with full names everywhere, so that it can be
 * normalized again, in this schema, and no namespace is added to a name. */
static json_t *expand_known(struct parser *r, const json_t *definition)
{
	json_t *out;

	r->expanding++;
	out = normalize_type(r, definition, "");
	r->expanding--;
	return out;
}

static json_t *normalize_name(struct parser *r, const char *name, const char *space)
{
	char full[AVRO_NAME_MAX];

	if (avro_is_primitive(name))
		return json_string(name);
	if (*name == '.') /* may stand where a type gets its name, not where it is used */
		return fail(r, "the type \"%s\" is not defined", name);
	make_full_name(full, sizeof full, name, space);
	/* A type of the namespace comes before one without a namespace. */
	for (const char *n = full; n; n = n == full ? name : NULL) {
		if (json_object_get(r->names, n))
			return json_string(n);
		if (json_object_get(r->known, n))
			return expand_known(r, json_object_get(r->known, n));
	}
	json_object_set_new(r->later, full, json_true());
	return json_string(full);
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

/* Returns the problem of a field's order or of a list of aliases, or NULL. */
static const char *order_problem(const json_t *field)
{
	static const char *const orders[] = {"ascending", "descending", "ignore"};
	const json_t *order = json_object_get(field, "order");

	for (size_t i = 0; json_is_string(order) && i < ARRAY_LEN(orders); i++)
		if (!strcasecmp(json_string_value(order), orders[i]))
			return NULL;
	return order ? "has an order that is none of ascending, descending and ignore" : NULL;
}

static const char *aliases_problem(const json_t *v)
{
	const json_t *list = json_object_get(v, "aliases");

	if (list && !json_is_array(list))
		return "has aliases that are not a list";
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return "has an alias that is not a text";
	return NULL;
}

static json_t *normalize_field(struct parser *r, const json_t *f, const char *space)
{
	static const char *const kept[] = {"default", "aliases", "order", NULL};
	json_t *out, *type = json_object_get(f, "type"), *value = json_object_get(f, "default");
	const char *name = json_str(f, "name"), *problem;

	if (!name || !type)
		return fail(r, "a field has no name or no type");
	if (!avro_is_name(name))
		return fail(r, "\"%s\" cannot be the name of a field", name);
	problem = order_problem(f);
	if (!problem)
		problem = aliases_problem(f);
	if (problem)
		return fail(r, "the field \"%s\" %s", name, problem);
	type = normalize_type(r, type, space);
	if (!type)
		return NULL;
	if (value && !avro_default_fits(r->names, type, value)) {
		json_decref(type);
		return fail(r, "the default of the field \"%s\" does not fit its type: %s", name,
			    json_short(value).text);
	}
	out = json_object();
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
		char full[AVRO_NAME_MAX];

		make_full_name(full, sizeof full, alias, space);
		/* Java finds nobody by an alias like ".R". */
		json_array_append_new(out, json_string(*alias == '.' ? alias : full));
	}
	return out;
}

/* Returns the problem of the aliases of a named type, or NULL. */
static const char *type_aliases_problem(const json_t *v)
{
	const json_t *list = json_object_get(v, "aliases");
	const char *problem = aliases_problem(v);

	for (size_t i = 0; !problem && i < json_array_size(list); i++) {
		const char *alias = json_string_value(json_array_get(list, i)),
			   *dot = strrchr(alias, '.');

		if (!avro_is_name(dot ? dot + 1 : alias))
			problem = "has an alias that cannot be a name";
	}
	return problem;
}

/* Returns whether two fields or symbols of the list have one name. */
static bool has_name_twice(const json_t *list)
{
	json_t *seen = json_object(), *member;
	bool twice = false;
	size_t i;

	json_array_foreach((json_t *)list, i, member)
	{
		const char *name =
		    json_is_string(member) ? json_string_value(member) : json_str(member, "name");

		twice |= name && json_object_get(seen, name);
		if (name)
			json_object_set_new(seen, name, json_true());
	}
	json_decref(seen);
	return twice;
}

static const char *enum_problem(const json_t *v)
{
	const json_t *symbols = json_object_get(v, "symbols");
	const char *value = json_str(v, "default");
	bool known = !value; /* a default that is not a text is ignored */

	if (!json_is_array(symbols))
		return "has no symbols";
	for (size_t i = 0; i < json_array_size(symbols); i++) {
		const char *symbol = json_string_value(json_array_get(symbols, i));

		if (!symbol || !avro_is_name(symbol))
			return "has a symbol that cannot be a name";
		known |= value && str_eq(symbol, value);
	}
	return known ? NULL : "has a default that is none of its symbols";
}

/* Returns the problem of a named type, or NULL. */
static const char *named_problem(const json_t *v, const char *type)
{
	const json_t *size = json_object_get(v, "size");
	const char *problem = type_aliases_problem(v);

	if (problem)
		return problem;
	if (str_eq(type, "fixed"))
		return json_is_integer(size) && json_integer_value(size) >= 0 &&
			       json_integer_value(size) <= INT32_MAX
			   ? NULL
			   : "has no size, an integer from 0";
	if (str_eq(type, "enum") && enum_problem(v))
		return enum_problem(v);
	if (!str_eq(type, "enum") && !json_is_array(json_object_get(v, "fields")))
		return "has no fields";
	return has_name_twice(json_object_get(v, str_eq(type, "enum") ? "symbols" : "fields"))
		   ? "has two members of one name"
		   : NULL;
}

/* Fills in what an enum, a fixed or a record has besides its names. Returns false with r->why filled. */
static bool normalize_parts(struct parser *r, const json_t *v, const char *type, const char *space,
			    json_t *out)
{
	static const char *const of_enum[] = {"symbols", "logicalType", "precision", "scale", NULL},
				 *const of_fixed[] = {"size", "logicalType", "precision", "scale",
						      NULL};
	const json_t *fields = json_object_get(v, "fields");
	json_t *list;

	if (str_eq(type, "enum") || str_eq(type, "fixed")) {
		copy_members(out, v, str_eq(type, "enum") ? of_enum : of_fixed);
		if (str_eq(type, "enum") && json_str(v, "default"))
			json_object_set(out, "default", json_object_get(v, "default"));
		return true;
	}
	list = json_array();
	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *f = normalize_field(r, json_array_get(fields, i), space);

		if (!f) {
			json_decref(list);
			return false;
		}
		json_array_append_new(list, f);
	}
	json_object_set_new(out, "fields", list);
	return true;
}

/* Removes from a definition what may differ when a name is defined again. */
static void strip(json_t *v)
{
	json_t *order = json_object_get(v, "order"), *member;
	const char *key;
	size_t i;

	json_object_del(v, "aliases");
	if (json_is_string(order) && !strcasecmp(json_string_value(order), "ascending"))
		json_object_del(v, "order");
	if (json_object_get(v, "symbols"))
		json_object_del(v, "default");
	json_array_foreach(v, i, member) strip(member);
	json_object_foreach(v, key, member) if (!str_eq(key, "default")) strip(member);
}

static bool same_definition(const json_t *a, const json_t *b)
{
	json_t *x = json_deep_copy(a), *y = json_deep_copy(b);
	bool same;

	strip(x);
	strip(y);
	same = json_equal(x, y);
	json_decref(x);
	json_decref(y);
	return same;
}

/* Ends the second definition of a name. Consumes `out`, its normal form, and `props`. */
static json_t *compare_again(struct parser *r, const char *full, json_t *out, json_t *props)
{
	const json_t *before = json_object_get(r->props, full);
	bool same = same_definition(json_object_get(r->names, full), out),
	     same_props = !before || json_equal(before, props);

	json_decref(out);
	json_decref(props);
	if (same && same_props)
		return json_string(full);
	return fail(r, "the name \"%s\" is defined twice%s", full,
		    same ? ", with other properties of its own" : "");
}

/* Normalizes a record, error, enum or fixed. A second definition of a name must be the same as the first, and becomes the name. */
static json_t *normalize_named(struct parser *r, const json_t *v, const char *type,
			       const char *space)
{
	const char *name = json_str(v, "name"), *own = json_str(v, "namespace");
	json_t *out, *before;
	char full[AVRO_NAME_MAX], inner[AVRO_NAME_MAX];

	if (!name)
		return fail(r, "a %s has no name", type);
	make_full_name(full, sizeof full, name, own ? own : space);
	namespace_of(inner, sizeof inner, r->expanding ? "" : full); /* as in expand_known */
	if (!avro_is_full_name(full) || avro_is_primitive(full))
		return fail(r, "\"%s\" cannot be the name of a type", full);
	if (named_problem(v, type))
		return fail(r, "%s \"%s\" %s", type, full, named_problem(v, type));
	before = json_object_get(r->names, full);
	if (before && r->expanding)
		return json_string(
		    full); /* a known definition holds another one, which this schema has had */
	out = json_object();
	json_object_set_new(out, "name", json_string(full));
	json_object_set_new(out, "type", json_string(str_eq(type, "error") ? "record" : type));
	if (!before) {
		json_object_set(r->names, full, out); /* before its fields, which may refer to it */
		if (!r->expanding)                    /* a normal form has lost them */
			json_object_set_new(r->props, full, avro_props(v));
	}
	if (json_object_get(v, "aliases"))
		json_object_set_new(out, "aliases", normalize_aliases(v, inner));
	if (!normalize_parts(r, v, type, inner, out)) {
		json_decref(out);
		return NULL;
	}
	return before ? compare_again(r, full, out, avro_props(v)) : out;
}

static json_t *normalize_object(struct parser *r, const json_t *v, const char *space)
{
	static const char *const kept[] = {"logicalType", "precision", "scale", NULL};
	json_t *type = json_object_get(v, "type"), *inner, *out;
	const char *name = json_string_value(type);
	const char *of = name && str_eq(name, "array") ? "items" : "values";

	if (!type && json_object_get(v, "protocol"))
		return fail(r, "it is a protocol (.avpr): its schemas stand in \"types\"");
	if (json_object_get(v, "$schema") && (!type || (name && str_eq(name, "object"))))
		return fail(r, "it is JSON Schema");
	if (!type && json_is_string(json_object_get(v, "schema")))
		return fail(r, "it has no type, but a \"schema\" as a registry's answer has: the "
			       "schema is the text in there");
	if (!name)
		return fail(r, "a schema without type, or whose type is %s where a name must stand",
			    json_type_name(type));
	if (str_eq(name, "record") || str_eq(name, "error") || str_eq(name, "enum") ||
	    str_eq(name, "fixed"))
		return normalize_named(r, v, name, space);
	if (!str_eq(name, "array") && !str_eq(name, "map")) {
		out = normalize_name(r, name, space);
		/* A named type keeps its own logical type: Java ignores one beside its name. */
		if (!out || !avro_is_primitive(name) || !json_object_get(v, "logicalType"))
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
struct canonical {
	struct str s;
	json_t *names;
	json_t *
	    written; /* the names whose definitions were written: each is written where it is used first */
};

static void write_canonical(struct canonical *c, const json_t *v);

static void write_list(struct canonical *c, const json_t *list)
{
	str_addc(&c->s, '[');
	for (size_t i = 0; i < json_array_size(list); i++) {
		str_add(&c->s, i ? "," : "");
		write_canonical(c, json_array_get(list, i));
	}
	str_addc(&c->s, ']');
}

static void write_fields(struct canonical *c, const json_t *fields)
{
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);

		str_addf(&c->s, "%s{\"name\":\"%s\",\"type\":", i ? "," : "", json_str(f, "name"));
		write_canonical(c, json_object_get(f, "type"));
		str_addc(&c->s, '}');
	}
}

static void write_named(struct canonical *c, const json_t *v, const char *name)
{
	const json_t *symbols = json_object_get(v, "symbols"), *size = json_object_get(v, "size"),
		     *fields = json_object_get(v, "fields");

	json_object_set_new(c->written, name, json_true());
	str_addf(&c->s, "{\"name\":\"%s\",\"type\":\"%s\"", name, json_str(v, "type"));
	if (fields) {
		str_add(&c->s, ",\"fields\":[");
		write_fields(c, fields);
		str_addc(&c->s, ']');
	}
	for (size_t i = 0; i < json_array_size(symbols); i++)
		str_addf(&c->s, "%s\"%s\"", i ? "," : ",\"symbols\":[",
			 json_string_value(json_array_get(symbols, i)));
	if (symbols)
		str_add(&c->s, json_array_size(symbols) ? "]" : ",\"symbols\":[]");
	if (size)
		str_addf(&c->s, ",\"size\":%lld", (long long)json_integer_value(size));
	str_addc(&c->s, '}');
}

/* Appends the canonical form of a type. Copies names and symbols without escapes, as rule [STRINGS] demands. */
static void write_canonical(struct canonical *c, const json_t *v)
{
	const char *name = json_is_string(v) ? json_string_value(v) : json_str(v, "name");
	const char *of = json_object_get(v, "items") ? "items" : "values";
	const json_t *named = name ? json_object_get(c->names, name) : NULL;

	if (json_is_array(v))
		write_list(c, v);
	else if (named && !json_object_get(c->written, name))
		write_named(c, named, name);
	else if (name)
		str_addf(&c->s, "\"%s\"", name);
	else if (!json_object_get(v, of)) /* a primitive or a name with a logical type */
		write_canonical(c, json_object_get(v, "type"));
	else {
		str_addf(&c->s, "{\"type\":\"%s\",\"%s\":", json_str(v, "type"), of);
		write_canonical(c, json_object_get(v, of));
		str_addc(&c->s, '}');
	}
}

char *avro_canonical(const struct avro_schema *schema)
{
	struct canonical c = {.names = schema->names, .written = json_object()};

	str_init(&c.s, 4 * AVRO_SCHEMA_MAX);
	write_canonical(&c, schema->normal);
	json_decref(c.written);
	return c.s.s;
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
/* Returns a copy of the text in which comments, which Java's parser permits, are blanks. The caller frees it. */
static char *without_comments(const char *text, size_t len)
{
	char *copy = xmalloc(len + 1);
	bool quoted = false;

	memcpy(copy, text, len);
	copy[len] = '\0';
	for (size_t i = 0; i + 1 < len; i++) {
		bool line = copy[i] == '/' && copy[i + 1] == '/',
		     block = copy[i] == '/' && copy[i + 1] == '*';
		const char *end;

		if (copy[i] == '\\' && quoted)
			i++;
		else if (copy[i] == '"')
			quoted = !quoted;
		if (quoted || (!line && !block))
			continue;
		end = memmem(copy + i + 2, len - i - 2, line ? "\n" : "*/", line ? 1 : 2);
		if (!end && block)
			break; /* not a comment: the JSON parser refuses it */
		for (; i < len && copy + i < (end ? end + 2 * block : copy + len); i++)
			if (copy[i] != '\n')
				copy[i] = ' ';
		i--;
	}
	return copy;
}

/* Does a comment follow the schema? Java's parser permits comments elsewhere, not there. `plain` is the text without them. */
static bool ends_in_comment(const char *text, const char *plain, size_t len)
{
	while (len && strchr(" \t\r\n", plain[len - 1])) {
		len--;
		if (text[len] != plain[len])
			return true;
	}
	return false;
}

/* Returns the name of a type that has parts, and so has to stand in a group of its own, when the last part of `full` is one. */
static const char *type_with_parts(const char *full)
{
	static const char *const names[] = {"array", "map", "record", "error", "enum", "fixed"};
	const char *dot = strrchr(full, '.'), *name = dot ? dot + 1 : full;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(names[i], name))
			return names[i];
	return NULL;
}

/* Are all types defined that are used? */
static bool all_defined(struct parser *r)
{
	const char *name;
	json_t *v;

	json_object_foreach(r->later, name, v)
	{
		if (json_object_get(r->names, name))
			continue;
		if (type_with_parts(name))
			fail(r,
			     "\"%s\" is no type by itself: write {\"type\": \"%s\", ...} where the "
			     "type stands",
			     type_with_parts(name), type_with_parts(name));
		else
			fail(r, "the type \"%s\" is not defined", name);
		return false;
	}
	return true;
}

struct avro_schema *avro_schema_parse(const char *text, size_t len, char *why, size_t size)
{
	return avro_schema_parse_known(NULL, text, len, why, size);
}

/* Names what a file is that is no JSON, where its first bytes tell; the parser would say that the first token is wrong. */
static const char *other_format(const char *text, size_t len)
{
	static const struct {
		const char *begin, *what;
	} table[] = {
	    {"\xef\xbb\xbf", "it begins with a byte order mark: save it as UTF-8 without one"},
	    {"version https://git-lfs",
	     "it is a pointer of Git LFS: the file itself was not fetched"},
	    {"syntax", "it is Protobuf"},
	    {"@namespace", IDL},
	    {"protocol ", IDL},
	    {"\x1f\x8b", "it is compressed (gzip)"},
	    {"<<<<<<<", "it holds the marks of a merge conflict"},
	    {"<", "it is HTML or XML"},
	};

	if (strspn(text, " \t\r\n") == len)
		return "it is empty";
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_starts(text, table[i].begin))
			return table[i].what;
	return NULL;
}

/* `open`: types may stay undefined. */
static struct avro_schema *parse(const json_t *known, bool open, const char *text, size_t len,
				 char *why, size_t size)
{
	struct avro_schema *s = xcalloc(1, sizeof *s);
	struct parser r = {.names = json_object(),
			   .props = json_object(),
			   .later = json_object(),
			   .known = known,
			   .why = why,
			   .size = size};
	cleanup_free char *plain = without_comments(text, len);
	const char *name;
	json_t *root;
	char *pcf;
	bool good;

	*why = '\0';
	s->names = r.names;
	name = other_format(text, len);
	if (name)
		fail(&r, "%s", name);
	root = *why ? NULL : json_read(plain, len, why, size);
	if (root && ends_in_comment(text, plain, len))
		fail(&r, "a comment stands behind the schema");
	s->normal = root && !*why ? normalize_type(&r, root, "") : NULL;
	good = s->normal && (open || all_defined(&r));
	json_decref(root);
	json_decref(r.later);
	json_decref(r.props);
	if (!good) {
		avro_schema_free(s);
		return NULL;
	}
	name = json_str(s->normal, "name");
	s->full_name = name ? name : "";
	pcf = avro_canonical(s);
	s->fingerprint = avro_crc64(pcf, strlen(pcf));
	free(pcf);
	return s;
}

struct avro_schema *avro_schema_parse_known(const json_t *known, const char *text, size_t len,
					    char *why, size_t size)
{
	return parse(known, false, text, len, why, size);
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

static struct avro_schema *load(const struct check_run *run, const json_t *known, bool open,
				const char *path, struct diag *out)
{
	struct avro_schema *s;
	char why[AVRO_WHY_MAX];
	size_t len;
	char *text;

	check_step(run, PH_ASSERT, "reading the schema %s", path);
	text = file_read(path, AVRO_SCHEMA_MAX, &len);
	if (!text) {
		file_fail(out, errno, path, "schema");
		return NULL;
	}
	s = parse(known, open, text, len, why, sizeof why);
	if (!s)
		check_fail(out, D_AVRO_INVALID_SCHEMA, path, "%s", why);
	free(text);
	return s;
}

struct avro_schema *avro_schema_load_known(const struct check_run *run, const json_t *known,
					   const char *path, struct diag *out)
{
	return load(run, known, false, path, out);
}

struct avro_schema *avro_schema_load_open(const struct check_run *run, const json_t *known,
					  const char *path, struct diag *out)
{
	return load(run, known, true, path, out);
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
