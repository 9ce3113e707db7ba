#include "avro_resolution.h"

#include "avro_rules.h"

#define DEPTH_MAX 128
/* Schemas of real services need far fewer steps. Two unions of thousands of branches each need more: the comparison of such
 * schemas stops at this limit. */
#define STEPS_MAX 1000000

struct comparison {
	const struct avro_schema *reader, *writer;
	/* Key: "reader name\nwriter name" of two records; value: true during their comparison and when the reader can read the
	 * writer's, else false. Types may refer to each other in any pattern: without it the work doubles with each level. */
	json_t *known;
	size_t steps;
	int depth;
	const char *given_up; /* why the comparison stopped at a limit, or NULL */
	char *why;
	size_t size;
};

PRINTF_LIKE(3, 4) static bool refuse(struct comparison *c, const char *where, const char *fmt, ...)
{
	int n = snprintf(c->why, c->size, "%s%s", where, *where ? ": " : "");
	va_list ap;

	if (n < 0 || (size_t)n >= c->size)
		return false;
	va_start(ap, fmt);
	vsnprintf(c->why + n, c->size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static const char *unqualified(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static bool has_alias(const json_t *reader, const char *name)
{
	const json_t *aliases = json_object_get(reader, "aliases");

	for (size_t i = 0; i < json_array_size(aliases); i++)
		if (str_eq(json_string_value(json_array_get(aliases, i)), name))
			return true;
	return false;
}

static bool names_match(const json_t *reader, const json_t *writer)
{
	const char *w = json_str(writer, "name");

	return str_eq(unqualified(json_str(reader, "name")), unqualified(w)) ||
	       has_alias(reader, w);
}

static bool promotes(const char *reader, const char *writer)
{
	static const char *const pairs[][2] = {
	    {"int", "long"},    {"int", "float"},    {"int", "double"},   {"long", "float"},
	    {"long", "double"}, {"float", "double"}, {"string", "bytes"}, {"bytes", "string"}};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (str_eq(pairs[i][0], writer) && str_eq(pairs[i][1], reader))
			return true;
	return str_eq(reader, writer);
}

static bool can_read(struct comparison *c, const json_t *r, const json_t *w, const char *where);

/* Returns the writer's field that the reader's field `i` reads, by name or alias; NULL when none. Sets *several when there is
 * more than one, which Java refuses. Tries index `i` first. */
static const json_t *writer_field(struct comparison *c, const json_t *fields, const json_t *reader,
				  size_t i, bool *several)
{
	const json_t *beside = json_array_get(fields, i), *found = NULL;
	const char *wanted = json_str(reader, "name");

	*several = false;
	if (beside && str_eq(json_str(beside, "name"), wanted) &&
	    !json_object_get(reader, "aliases"))
		return beside;
	for (i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);
		const char *name = json_str(f, "name");

		c->steps += 1 + json_array_size(json_object_get(reader, "aliases"));
		if (!str_eq(name, wanted) && !has_alias(reader, name))
			continue;
		*several = found != NULL;
		if (*several)
			return found;
		found = f;
	}
	return found;
}

static bool can_read_fields(struct comparison *c, const json_t *r, const json_t *w,
			    const char *where)
{
	const json_t *fields = json_object_get(r, "fields");
	char inner[200];
	bool several;

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i),
			     *from = writer_field(c, json_object_get(w, "fields"), f, i, &several);

		snprintf(inner, sizeof inner, "%s%s%s", where, *where ? "." : "",
			 json_str(f, "name"));
		if (several)
			return refuse(c, inner,
				      "name and aliases match several of the writer's fields");
		if (!from && !json_object_get(f, "default"))
			return refuse(c, inner,
				      "the reader needs this field, the writer does not write it, "
				      "and it has no default");
		if (!from && !avro_default_encodes(c->reader->names, json_object_get(f, "type"),
						   json_object_get(f, "default")))
			return refuse(c, inner,
				      "the writer does not write this field, and its default is no "
				      "symbol of the enum");
		if (from &&
		    !can_read(c, json_object_get(f, "type"), json_object_get(from, "type"), inner))
			return false;
	}
	return true;
}

/* Removes the readable pairs after the first n: each may depend on a pair that has just proved unreadable. */
static void forget_since(json_t *known, size_t n)
{
	const char *name;
	json_t *v;
	void *next;
	size_t i = 0;

	/* cppcheck-suppress [unsignedLessThanZero, unreadVariable] ; it does not know the macro */
	json_object_foreach_safe(known, next, name, v) if (i++ >= n && json_is_true(v))
	    json_object_del(known, name);
}

static bool can_read_record(struct comparison *c, const json_t *r, const json_t *w,
			    const char *where)
{
	size_t n = json_object_size(c->known);
	const json_t *before;
	char pair[1100];
	bool ok;

	snprintf(pair, sizeof pair, "%s\n%s", json_str(r, "name"), json_str(w, "name"));
	before = json_object_get(c->known, pair);
	if (json_is_true(before))
		return true; /* recursive types: a caller is comparing this pair */
	if (before)
		return refuse(c, where, "the reader's %s cannot read the writer's",
			      json_str(r, "name"));
	json_object_set_new(c->known, pair, json_true());
	ok = can_read_fields(c, r, w, where);
	if (!ok) {
		forget_since(c->known, n);
		json_object_set_new(c->known, pair, json_false());
	}
	return ok;
}

static bool can_read_enum(struct comparison *c, const json_t *r, const json_t *w, const char *where)
{
	const json_t *written = json_object_get(w, "symbols");
	json_t *known = json_object();
	const char *missing = NULL, *symbol;
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(r, "symbols"), i, v)
	    json_object_set_new(known, json_string_value(v), json_true());
	for (i = 0; !json_object_get(r, "default") && !missing && i < json_array_size(written);
	     i++) {
		symbol = json_string_value(json_array_get(written, i));
		if (!json_object_get(known, symbol))
			missing = symbol;
	}
	json_decref(known);
	return !missing || refuse(c, where, "the reader does not know the symbol %s", missing);
}

static bool can_read_named(struct comparison *c, const json_t *r, const json_t *w,
			   const char *where)
{
	const char *type = avro_type(r);

	if (!names_match(r, w))
		return refuse(c, where, "the reader has %s, the writer %s", json_str(r, "name"),
			      json_str(w, "name"));
	if (str_eq(type, "record"))
		return can_read_record(c, r, w, where);
	if (str_eq(type, "enum"))
		return can_read_enum(c, r, w, where);
	if (json_same(json_object_get(r, "size"), json_object_get(w, "size")))
		return true;
	return refuse(c, where, "the sizes of %s differ", json_str(r, "name"));
}

/* Returns whether this branch of the reader's union may fit: a cheap test, since a union may have thousands of branches. */
static bool may_read(struct comparison *c, const json_t *r, const json_t *w)
{
	c->steps++;
	r = avro_definition(c->reader, r);
	if (json_is_array(r))
		return true;
	if (str_eq(avro_type(r), avro_type(w)))
		return !json_str(r, "name") || names_match(r, w);
	return json_is_string(r) && json_is_string(w) && promotes(avro_type(r), avro_type(w));
}

/* Compares two types that avro_definition has returned, so that neither is the name of a defined type. */
static bool can_read_type(struct comparison *c, const json_t *r, const json_t *w, const char *where)
{
	const char *tr, *tw;

	if (json_is_array(w)) {
		for (size_t i = 0; i < json_array_size(w); i++)
			if (!can_read(c, r, json_array_get(w, i), where))
				return false;
		return true;
	}
	tw = avro_type(w);
	if (json_is_array(r)) {
		for (size_t i = 0; i < json_array_size(r); i++)
			if (may_read(c, json_array_get(r, i), w) &&
			    can_read(c, json_array_get(r, i), w, where))
				return true;
		return refuse(c, where, "the writer's %s fits no branch of the reader's union", tw);
	}
	tr = avro_type(r);
	if (str_eq(tr, tw)) {
		if (json_str(r, "name"))
			return can_read_named(c, r, w, where);
		if (str_eq(tr, "array"))
			return can_read(c, json_object_get(r, "items"), json_object_get(w, "items"),
					where);
		if (str_eq(tr, "map"))
			return can_read(c, json_object_get(r, "values"),
					json_object_get(w, "values"), where);
		return true;
	}
	if (json_is_string(r) && json_is_string(w) && promotes(tr, tw))
		return true;
	return refuse(c, where, "the reader has %s, the writer %s", tr, tw);
}

static bool can_read(struct comparison *c, const json_t *r, const json_t *w, const char *where)
{
	bool ok;

	if (c->depth == DEPTH_MAX)
		c->given_up = "they are nested too deeply to compare";
	if (++c->steps > STEPS_MAX)
		c->given_up = "they are too large to compare";
	if (c->given_up)
		return false;
	c->depth++;
	ok = can_read_type(c, avro_definition(c->reader, r), avro_definition(c->writer, w), where);
	c->depth--;
	return ok;
}

bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, char *why,
		   size_t size)
{
	struct comparison c = {
	    .reader = reader, .writer = writer, .known = json_object(), .why = why, .size = size};
	bool ok = can_read(&c, reader->normal, writer->normal, "");

	if (c.given_up)
		snprintf(why, size, "%s", c.given_up);
	json_decref(c.known);
	return ok && !c.given_up;
}
