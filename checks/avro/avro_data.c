/* The two walks over schemas: can one read what the other wrote, and what do these bytes say. */
#include "avro_schema.h"

#include <endian.h>

#define DEPTH_MAX 128
/* Values of no bytes (null, a record of nulls, as many as a block's count claims) are bounded by these, the others by
 * the data: every one takes a byte, and at most that many records and unions stand around it. */
#define EMPTY_MAX 100000
#define VALUES_PER_BYTE 16
/* Two schemas of the size that is read at all are done with after a small part of this; a union of thousands of
 * branches against another one is not. */
#define STEPS_MAX 1000000

struct pair_of {
	const struct avro_schema *reader, *writer;
	/* "reader name\nwriter name": true while it is being compared and when it held; false when it did not. Names may
	 * mention each other in any pattern: without a memory the work would double with each level. */
	json_t *known;
	size_t steps;
	int depth;
	const char *given_up; /* not because of a difference */
	char *why;
	size_t size;
};

static bool refuse(struct pair_of *p, const char *where, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool refuse(struct pair_of *p, const char *where, const char *fmt, ...)
{
	int n = snprintf(p->why, p->size, "%s%s", where, *where ? ": " : "");
	va_list ap;

	if (n < 0 || (size_t)n >= p->size)
		return false;
	va_start(ap, fmt);
	vsnprintf(p->why + n, p->size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

/* A name stands for its definition; a logical type for its base. */
static const json_t *definition(const struct avro_schema *s, const json_t *v)
{
	const json_t *named;

	if (json_is_object(v) && !json_str(v, "name") && json_object_get(v, "logicalType"))
		v = json_object_get(v, "type");
	named = json_is_string(v) ? json_object_get(s->names, json_string_value(v)) : NULL;
	return named ? named : v;
}

static const char *type_of(const json_t *v)
{
	if (json_is_array(v))
		return "union";
	return json_is_string(v) ? json_string_value(v) : json_str(v, "type");
}

static const char *unqualified(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static bool names_match(const json_t *reader, const json_t *writer)
{
	const char *w = json_str(writer, "name");
	const json_t *aliases = json_object_get(reader, "aliases");

	if (str_eq(unqualified(json_str(reader, "name")), unqualified(w)))
		return true;
	for (size_t i = 0; i < json_array_size(aliases); i++)
		if (str_eq(json_string_value(json_array_get(aliases, i)), w))
			return true;
	return false;
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

static bool can_read(struct pair_of *p, const json_t *r, const json_t *w, const char *where);

/* `i`: its place in the reader's record, which is most often its place in the writer's. */
static const json_t *writer_field(struct pair_of *p, const json_t *fields, const json_t *reader,
				  size_t i)
{
	const json_t *aliases = json_object_get(reader, "aliases"), *beside;

	beside = json_array_get(fields, i);
	if (beside && str_eq(json_str(beside, "name"), json_str(reader, "name")))
		return beside;
	for (i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);
		const char *name = json_str(f, "name");

		p->steps += 1 + json_array_size(aliases);
		if (str_eq(name, json_str(reader, "name")))
			return f;
		for (size_t j = 0; j < json_array_size(aliases); j++)
			if (str_eq(name, json_string_value(json_array_get(aliases, j))))
				return f;
	}
	return NULL;
}

static bool can_read_fields(struct pair_of *p, const json_t *r, const json_t *w, const char *where)
{
	const json_t *fields = json_object_get(r, "fields");
	char inner[200];

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i),
			     *from = writer_field(p, json_object_get(w, "fields"), f, i);

		snprintf(inner, sizeof inner, "%s%s%s", where, *where ? "." : "",
			 json_str(f, "name"));
		if (!from && !json_object_get(f, "default"))
			return refuse(p, inner,
				      "the reader needs this field, the writer does not write it, "
				      "and it has no default");
		if (from &&
		    !can_read(p, json_object_get(f, "type"), json_object_get(from, "type"), inner))
			return false;
	}
	return true;
}

/* What was found to hold while a pair was being compared may rest on that pair. */
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

static bool can_read_record(struct pair_of *p, const json_t *r, const json_t *w, const char *where)
{
	size_t n = json_object_size(p->known);
	const json_t *before;
	char pair[1100];
	bool ok;

	snprintf(pair, sizeof pair, "%s\n%s", json_str(r, "name"), json_str(w, "name"));
	before = json_object_get(p->known, pair);
	if (json_is_true(before))
		return true; /* recursive types: decided further up */
	if (before)
		return refuse(p, where, "the reader's %s cannot read the writer's",
			      json_str(r, "name"));
	json_object_set_new(p->known, pair, json_true());
	ok = can_read_fields(p, r, w, where);
	if (!ok) {
		forget_since(p->known, n);
		json_object_set_new(p->known, pair, json_false());
	}
	return ok;
}

static bool can_read_enum(struct pair_of *p, const json_t *r, const json_t *w, const char *where)
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
	return !missing || refuse(p, where, "the reader does not know the symbol %s", missing);
}

static bool can_read_named(struct pair_of *p, const json_t *r, const json_t *w, const char *where)
{
	const char *type = type_of(r);

	if (!names_match(r, w))
		return refuse(p, where, "the reader has %s, the writer %s", json_str(r, "name"),
			      json_str(w, "name"));
	if (str_eq(type, "record"))
		return can_read_record(p, r, w, where);
	if (str_eq(type, "enum"))
		return can_read_enum(p, r, w, where);
	if (json_same(json_object_get(r, "size"), json_object_get(w, "size")))
		return true;
	return refuse(p, where, "the sizes of %s differ", json_str(r, "name"));
}

/* Worth a look? Without a word about it: a union may have thousands of branches. */
static bool may_read(struct pair_of *p, const json_t *r, const json_t *w)
{
	p->steps++;
	r = definition(p->reader, r);
	if (json_is_array(r))
		return true;
	if (str_eq(type_of(r), type_of(w)))
		return !json_str(r, "name") || names_match(r, w);
	return json_is_string(r) && json_is_string(w) && promotes(type_of(r), type_of(w));
}

/* Of two types that are both no name. */
static bool can_read_type(struct pair_of *p, const json_t *r, const json_t *w, const char *where)
{
	const char *tr, *tw;

	if (json_is_array(w)) {
		for (size_t i = 0; i < json_array_size(w); i++)
			if (!can_read(p, r, json_array_get(w, i), where))
				return false;
		return true;
	}
	tw = type_of(w);
	if (json_is_array(r)) {
		for (size_t i = 0; i < json_array_size(r); i++)
			if (may_read(p, json_array_get(r, i), w) &&
			    can_read(p, json_array_get(r, i), w, where))
				return true;
		return refuse(p, where, "the writer's %s fits no branch of the reader's union", tw);
	}
	tr = type_of(r);
	if (str_eq(tr, tw)) {
		if (json_str(r, "name"))
			return can_read_named(p, r, w, where);
		if (str_eq(tr, "array"))
			return can_read(p, json_object_get(r, "items"), json_object_get(w, "items"),
					where);
		if (str_eq(tr, "map"))
			return can_read(p, json_object_get(r, "values"),
					json_object_get(w, "values"), where);
		return true;
	}
	if (json_is_string(r) && json_is_string(w) && promotes(tr, tw))
		return true;
	return refuse(p, where, "the reader has %s, the writer %s", tr, tw);
}

static bool can_read(struct pair_of *p, const json_t *r, const json_t *w, const char *where)
{
	bool ok;

	if (p->depth == DEPTH_MAX)
		p->given_up = "they are nested too deeply to compare";
	if (++p->steps > STEPS_MAX)
		p->given_up = "they are too large to compare";
	if (p->given_up)
		return false;
	p->depth++;
	ok = can_read_type(p, definition(p->reader, r), definition(p->writer, w), where);
	p->depth--;
	return ok;
}

bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, char *why,
		   size_t size)
{
	struct pair_of p = {
	    .reader = reader, .writer = writer, .known = json_object(), .why = why, .size = size};
	bool ok = can_read(&p, reader->normal, writer->normal, "");

	if (p.given_up)
		snprintf(why, size, "%s", p.given_up);
	json_decref(p.known);
	return ok && !p.given_up;
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */
struct bytes {
	const struct avro_schema *schema;
	const unsigned char *data;
	size_t len, at;
	size_t values;
	avro_number_fn *see; /* may be NULL */
	void *arg;
	char *why;
	size_t size;
};

static int bad(struct bytes *b, const char *where, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int bad(struct bytes *b, const char *where, const char *fmt, ...)
{
	int n = snprintf(b->why, b->size, "byte %zu, %s: ", b->at, *where ? where : "the top");
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < b->size)
		vsnprintf(b->why + n, b->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static int take(struct bytes *b, int64_t n, const char *where, const char *what)
{
	if (n < 0 || (uint64_t)n > b->len - b->at)
		return bad(b, where, "%s of %lld bytes, %zu are left", what, (long long)n,
			   b->len - b->at);
	b->at += (size_t)n;
	return 0;
}

/* Variable-length zig-zag. */
static int take_long(struct bytes *b, int64_t *out, const char *where)
{
	uint64_t v = 0;
	unsigned shift = 0, byte;

	do {
		if (b->at >= b->len)
			return bad(b, where, "the data ends inside a number");
		if (shift > 63)
			return bad(b, where, "a number of more than 10 bytes");
		byte = b->data[b->at++];
		v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	*out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	return 0;
}

static int decode(struct bytes *b, const json_t *v, const char *where, int depth);

static void see(const struct bytes *b, const char *where, double value)
{
	if (b->see)
		b->see(b->arg, where, value);
}

/* Little-endian, IEEE 754. */
static int take_float(struct bytes *b, const char *where)
{
	const unsigned char *at = b->data + b->at;
	uint32_t bits;
	float value;

	if (take(b, 4, where, "a float"))
		return -1;
	memcpy(&bits, at, sizeof bits);
	bits = le32toh(bits);
	memcpy(&value, &bits, sizeof value);
	see(b, where, (double)value);
	return 0;
}

static int take_double(struct bytes *b, const char *where)
{
	const unsigned char *at = b->data + b->at;
	uint64_t bits;
	double value;

	if (take(b, 8, where, "a double"))
		return -1;
	memcpy(&bits, at, sizeof bits);
	bits = le64toh(bits);
	memcpy(&value, &bits, sizeof value);
	see(b, where, value);
	return 0;
}

static int decode_primitive(struct bytes *b, const char *type, const char *where)
{
	int64_t n = 0;

	if (str_eq(type, "null"))
		return 0;
	if (str_eq(type, "boolean")) {
		if (b->at < b->len && b->data[b->at] > 1)
			return bad(b, where, "a boolean of value %u", b->data[b->at]);
		return take(b, 1, where, "a boolean");
	}
	if (str_eq(type, "float"))
		return take_float(b, where);
	if (str_eq(type, "double"))
		return take_double(b, where);
	if (take_long(b, &n, where))
		return -1;
	if (str_eq(type, "int") && (n < INT32_MIN || n > INT32_MAX))
		return bad(b, where, "an int of value %lld", (long long)n);
	if (str_eq(type, "int") || str_eq(type, "long")) {
		see(b, where, (double)n);
		return 0;
	}
	return take(b, n, where, str_eq(type, "string") ? "a string" : "a bytes value");
}

static int decode_blocks(struct bytes *b, const json_t *item, bool map, const char *where,
			 int depth)
{
	for (;;) {
		int64_t n = 0, skip;

		if (take_long(b, &n, where))
			return -1;
		if (!n)
			return 0;
		if (n < 0 && (n == INT64_MIN || take_long(b, &skip, where)))
			return bad(b, where, "a broken block");
		for (int64_t i = n < 0 ? -n : n; i > 0; i--) {
			if ((map && decode_primitive(b, "string", where)) ||
			    decode(b, item, where, depth + 1))
				return -1;
		}
	}
}

static int decode_fields(struct bytes *b, const json_t *fields, const char *where, int depth)
{
	char inner[160];

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);

		snprintf(inner, sizeof inner, "%s%s%s", where, *where ? "." : "",
			 json_str(f, "name"));
		if (decode(b, json_object_get(f, "type"), inner, depth + 1))
			return -1;
	}
	return 0;
}

static int decode_choice(struct bytes *b, const json_t *list, const char *what, const char *where,
			 int64_t *n)
{
	if (take_long(b, n, where))
		return -1;
	if (*n < 0 || *n >= (int64_t)json_array_size(list))
		return bad(b, where, "%s number %lld of %zu", what, (long long)*n,
			   json_array_size(list));
	return 0;
}

static int decode(struct bytes *b, const json_t *v, const char *where, int depth)
{
	const char *type;
	int64_t n = 0;

	if (depth > DEPTH_MAX)
		return bad(b, where, "nested deeper than %d levels", DEPTH_MAX);
	if (++b->values > EMPTY_MAX + VALUES_PER_BYTE * b->len)
		return bad(b, where, "more than %zu values in %zu bytes", b->values - 1, b->len);
	v = definition(b->schema, v);
	if (json_is_array(v))
		return decode_choice(b, v, "branch", where, &n)
			   ? -1
			   : decode(b, json_array_get(v, (size_t)n), where, depth + 1);
	type = type_of(v);
	if (json_is_string(v))
		return decode_primitive(b, type, where);
	if (str_eq(type, "record"))
		return decode_fields(b, json_object_get(v, "fields"), where, depth);
	if (str_eq(type, "enum"))
		return decode_choice(b, json_object_get(v, "symbols"), "symbol", where, &n);
	if (str_eq(type, "fixed"))
		return take(b, json_integer_value(json_object_get(v, "size")), where,
			    "a fixed value");
	return decode_blocks(b, json_object_get(v, str_eq(type, "map") ? "values" : "items"),
			     str_eq(type, "map"), where, depth);
}

ssize_t avro_decode_numbers(const struct avro_schema *s, const unsigned char *data, size_t len,
			    avro_number_fn *fn, void *arg, char *why, size_t size)
{
	struct bytes b = {
	    .schema = s, .data = data, .len = len, .see = fn, .arg = arg, .why = why, .size = size};

	return decode(&b, s->normal, "", 0) ? -1 : (ssize_t)b.at;
}

ssize_t avro_decode(const struct avro_schema *s, const unsigned char *data, size_t len, char *why,
		    size_t size)
{
	return avro_decode_numbers(s, data, len, NULL, NULL, why, size);
}

/* ---- fields ----------------------------------------------------------------------------------------------------- */
static bool has_number(const struct avro_schema *s, const json_t *v, const char *path, int depth)
{
	const json_t *fields, *f;
	const char *type;
	size_t len = strcspn(path, "."), i;

	if (depth > DEPTH_MAX)
		return false;
	v = definition(s, v);
	if (json_is_array(v)) {
		for (i = 0; i < json_array_size(v); i++)
			if (has_number(s, json_array_get(v, i), path, depth + 1))
				return true;
		return false;
	}
	type = type_of(v);
	if (str_eq(type, "map") || str_eq(type, "array"))
		return has_number(s, json_object_get(v, str_eq(type, "map") ? "values" : "items"),
				  path, depth + 1);
	if (!str_eq(type, "record"))
		return !*path && (str_eq(type, "int") || str_eq(type, "long") ||
				  str_eq(type, "float") || str_eq(type, "double"));
	fields = json_object_get(v, "fields");
	for (i = 0; len && i < json_array_size(fields); i++) {
		f = json_array_get(fields, i);
		if (strlen(json_str(f, "name")) == len && !strncmp(json_str(f, "name"), path, len))
			return has_number(s, json_object_get(f, "type"),
					  path + len + (path[len] == '.'), depth + 1);
	}
	return false;
}

bool avro_has_number(const struct avro_schema *s, const char *field)
{
	return has_number(s, s->normal, field, 0);
}
