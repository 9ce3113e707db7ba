#include "avro_decode.h"

#include <endian.h>

#define DEPTH_MAX 128
/* These limits bound the work. A block's count alone says how many values without bytes (null, a record of nulls) follow, so
 * EMPTY_MAX bounds them. Any other value takes a byte or more, and lies in at most VALUES_PER_BYTE records and unions. */
#define EMPTY_MAX 100000
#define VALUES_PER_BYTE 16

struct decoder {
	const struct avro_schema *schema;
	const unsigned char *data;
	size_t len, at;
	size_t values;
	avro_scalar_fn *on_scalar; /* may be NULL */
	void *arg;
	char *why;
	size_t size;
};

PRINTF_LIKE(3, 4) static bool fail(struct decoder *d, const char *where, const char *fmt, ...)
{
	int n = snprintf(d->why, d->size, "byte %zu, %s: ", d->at, *where ? where : "the top");
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < d->size)
		vsnprintf(d->why + n, d->size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static bool take_bytes(struct decoder *d, int64_t n, const char *where, const char *what)
{
	if (n < 0 || (uint64_t)n > d->len - d->at)
		return fail(d, where, "%s of %lld bytes, %zu are left", what, (long long)n,
			    d->len - d->at);
	d->at += (size_t)n;
	return true;
}

/* Reads a variable-length number in zig-zag coding. */
static bool take_long(struct decoder *d, int64_t *out, const char *where)
{
	uint64_t v = 0;
	unsigned shift = 0, byte;

	do {
		if (d->at >= d->len)
			return fail(d, where, "the data ends inside a number");
		if (shift > 63)
			return fail(d, where, "a number of more than 10 bytes");
		byte = d->data[d->at++];
		v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	*out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	return true;
}

static bool decode_value(struct decoder *d, const json_t *v, const char *where, int depth);

static void report(const struct decoder *d, const char *where, struct avro_scalar scalar)
{
	if (d->on_scalar)
		d->on_scalar(d->arg, where, &scalar);
}

/* Takes n bytes and reports them as a text or as bytes. */
static bool take_text(struct decoder *d, int64_t n, enum avro_scalar_type type, const char *where,
		      const char *what)
{
	const char *text = (const char *)d->data + d->at;

	if (!take_bytes(d, n, where, what))
		return false;
	report(d, where, (struct avro_scalar){.type = type, .text = text, .len = (size_t)n});
	return true;
}

/* Reads a float or a double: IEEE 754, little-endian. */
static bool take_real(struct decoder *d, bool is_float, const char *where)
{
	const unsigned char *at = d->data + d->at;
	uint64_t bits = 0;
	uint32_t half;
	double value;
	float single;

	if (!take_bytes(d, is_float ? 4 : 8, where, is_float ? "a float" : "a double"))
		return false;
	memcpy(&bits, at, is_float ? 4 : 8);
	bits = le64toh(bits);
	half = (uint32_t)bits;
	memcpy(&value, &bits, sizeof value);
	memcpy(&single, &half, sizeof single);
	report(d, where,
	       (struct avro_scalar){.type = AVRO_SCALAR_REAL,
				    .real = is_float ? (double)single : value});
	return true;
}

static bool take_boolean(struct decoder *d, const char *where)
{
	unsigned value = d->at < d->len ? d->data[d->at] : 0;

	if (value > 1)
		return fail(d, where, "a boolean of value %u", value);
	if (!take_bytes(d, 1, where, "a boolean"))
		return false;
	report(d, where, (struct avro_scalar){.type = AVRO_SCALAR_BOOLEAN, .integer = value});
	return true;
}

static bool decode_primitive(struct decoder *d, const char *type, const char *where)
{
	int64_t n = 0;

	if (str_eq(type, "null")) {
		report(d, where, (struct avro_scalar){.type = AVRO_SCALAR_NULL});
		return true;
	}
	if (str_eq(type, "boolean"))
		return take_boolean(d, where);
	if (str_eq(type, "float") || str_eq(type, "double"))
		return take_real(d, str_eq(type, "float"), where);
	if (!take_long(d, &n, where))
		return false;
	if (str_eq(type, "int") && (n < INT32_MIN || n > INT32_MAX))
		return fail(d, where, "an int of value %lld", (long long)n);
	if (str_eq(type, "int") || str_eq(type, "long")) {
		report(d, where, (struct avro_scalar){.type = AVRO_SCALAR_INTEGER, .integer = n});
		return true;
	}
	if (str_eq(type, "string"))
		return take_text(d, n, AVRO_SCALAR_TEXT, where, "a string");
	return take_text(d, n, AVRO_SCALAR_BYTES, where, "a bytes value");
}

/* Takes the key of a map's item, which is a string and no value of the datum. */
static bool skip_key(struct decoder *d, const char *where)
{
	int64_t n = 0;

	return take_long(d, &n, where) && take_bytes(d, n, where, "a string");
}

static bool decode_blocks(struct decoder *d, const json_t *item, bool map, const char *where,
			  int depth)
{
	for (;;) {
		int64_t n = 0, skip;

		if (!take_long(d, &n, where))
			return false;
		if (!n)
			return true;
		if (n < 0 && (n == INT64_MIN || !take_long(d, &skip, where)))
			return fail(d, where, "a broken block");
		for (int64_t i = n < 0 ? -n : n; i > 0; i--) {
			if ((map && !skip_key(d, where)) ||
			    !decode_value(d, item, where, depth + 1))
				return false;
		}
	}
}

static bool decode_fields(struct decoder *d, const json_t *fields, const char *where, int depth)
{
	char inner[160];

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);

		snprintf(inner, sizeof inner, "%s%s%s", where, *where ? "." : "",
			 json_str(f, "name"));
		if (!decode_value(d, json_object_get(f, "type"), inner, depth + 1))
			return false;
	}
	return true;
}

static bool decode_choice(struct decoder *d, const json_t *list, const char *what,
			  const char *where, int64_t *n)
{
	if (!take_long(d, n, where))
		return false;
	if (*n < 0 || *n >= (int64_t)json_array_size(list))
		return fail(d, where, "%s number %lld of %zu", what, (long long)*n,
			    json_array_size(list));
	return true;
}

static bool decode_enum(struct decoder *d, const json_t *symbols, const char *where)
{
	int64_t n = 0;
	const json_t *symbol;

	if (!decode_choice(d, symbols, "symbol", where, &n))
		return false;
	symbol = json_array_get(symbols, (size_t)n);
	report(d, where,
	       (struct avro_scalar){.type = AVRO_SCALAR_TEXT,
				    .text = json_string_value(symbol),
				    .len = json_string_length(symbol)});
	return true;
}

static bool decode_value(struct decoder *d, const json_t *v, const char *where, int depth)
{
	const char *type;
	int64_t n = 0;

	if (depth > DEPTH_MAX)
		return fail(d, where, "nested deeper than %d levels", DEPTH_MAX);
	if (++d->values > EMPTY_MAX + VALUES_PER_BYTE * d->len)
		return fail(d, where, "more than %zu values in %zu bytes", d->values - 1, d->len);
	v = avro_definition(d->schema, v);
	if (json_is_array(v))
		return decode_choice(d, v, "branch", where, &n) &&
		       decode_value(d, json_array_get(v, (size_t)n), where, depth + 1);
	type = avro_type(v);
	if (json_is_string(v))
		return decode_primitive(d, type, where);
	if (str_eq(type, "record"))
		return decode_fields(d, json_object_get(v, "fields"), where, depth);
	if (str_eq(type, "enum"))
		return decode_enum(d, json_object_get(v, "symbols"), where);
	if (str_eq(type, "fixed"))
		return take_text(d, json_integer_value(json_object_get(v, "size")),
				 AVRO_SCALAR_BYTES, where, "a fixed value");
	return decode_blocks(d, json_object_get(v, str_eq(type, "map") ? "values" : "items"),
			     str_eq(type, "map"), where, depth);
}

ssize_t avro_decode_scalars(const struct avro_schema *s, const unsigned char *data, size_t len,
			    avro_scalar_fn *fn, void *arg, char *why, size_t size)
{
	struct decoder d = {.schema = s,
			    .data = data,
			    .len = len,
			    .on_scalar = fn,
			    .arg = arg,
			    .why = why,
			    .size = size};

	return decode_value(&d, s->normal, "", 0) ? (ssize_t)d.at : -1;
}

struct number_caller {
	avro_number_fn *fn;
	void *arg;
};

static void report_number(void *arg, const char *field, const struct avro_scalar *scalar)
{
	const struct number_caller *c = arg;

	if (scalar->type == AVRO_SCALAR_INTEGER)
		c->fn(c->arg, field, (double)scalar->integer);
	else if (scalar->type == AVRO_SCALAR_REAL)
		c->fn(c->arg, field, scalar->real);
}

ssize_t avro_decode(const struct avro_schema *s, const unsigned char *data, size_t len,
		    avro_number_fn *fn, void *arg, char *why, size_t size)
{
	struct number_caller c = {.fn = fn, .arg = arg};

	return avro_decode_scalars(s, data, len, fn ? report_number : NULL, &c, why, size);
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */
static bool is_number(const char *type)
{
	return str_eq(type, "int") || str_eq(type, "long") || str_eq(type, "float") ||
	       str_eq(type, "double");
}

static bool has_scalar(const struct avro_schema *s, const json_t *v, const char *path, bool number,
		       int depth)
{
	const json_t *fields, *f;
	const char *type;
	size_t len = strcspn(path, "."), i;

	if (depth > DEPTH_MAX)
		return false;
	v = avro_definition(s, v);
	if (json_is_array(v)) {
		for (i = 0; i < json_array_size(v); i++)
			if (has_scalar(s, json_array_get(v, i), path, number, depth + 1))
				return true;
		return false;
	}
	type = avro_type(v);
	if (str_eq(type, "map") || str_eq(type, "array"))
		return has_scalar(s, json_object_get(v, str_eq(type, "map") ? "values" : "items"),
				  path, number, depth + 1);
	if (!str_eq(type, "record"))
		return !*path && (!number || is_number(type));
	fields = json_object_get(v, "fields");
	for (i = 0; len && i < json_array_size(fields); i++) {
		f = json_array_get(fields, i);
		if (strlen(json_str(f, "name")) == len && !strncmp(json_str(f, "name"), path, len))
			return has_scalar(s, json_object_get(f, "type"),
					  path + len + (path[len] == '.'), number, depth + 1);
	}
	return false;
}

bool avro_has_number(const struct avro_schema *s, const char *field)
{
	return has_scalar(s, s->normal, field, true, 0);
}

bool avro_has_scalar(const struct avro_schema *s, const char *field)
{
	return has_scalar(s, s->normal, field, false, 0);
}
