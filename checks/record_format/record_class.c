#include "record_class.h"

#include <endian.h>
#include <float.h>
#include <math.h>

#include "avro_frame.h"

#define FRAME_ID_MAX 0xffffff /* registries count ids from 1, so a larger id is no frame */
#define HEAD_BYTES 4          /* bytes of an unknown format that a text shows */

const char *const record_format_keys[] = {
    [RECORD_AVRO_BARE] = "avro_bare",
    [RECORD_AVRO_CONFLUENT] = "avro_confluent",
    [RECORD_JSON] = "json",
    NULL,
};
_Static_assert(ARRAY_LEN(record_format_keys) == RECORD_OTHER + 1,
	       "every format that can be expected has a name");

/* ---- ranges ---------------------------------------------------------------------------------------------- */

static bool parse_range(struct record_range *range, const char *text)
{
	char field[RECORD_FIELD_MAX], low[64], high[64], *end;
	int used = 0;

	if (sscanf(text, "%127s %63s %63s %n", field, low, high, &used) != 3 || text[used])
		return false;
	snprintf(range->field, sizeof range->field, "%s", field);
	range->min = strtod(low, &end);
	if (*end)
		return false;
	range->max = strtod(high, &end);
	return !*end && range->min <= range->max;
}

const char *record_range_problem(const char *text)
{
	struct record_range range;

	return parse_range(&range, text)
		   ? NULL
		   : "is not \"field min max\" with numbers min <= max (inf and -inf for none)";
}

void record_range_parse(struct record_range *range, const char *text)
{
	invariant(parse_range(range, text));
}

/* State of comparing the numbers of one record with the ranges. */
struct numbers {
	const struct record_demand *want;
	uint32_t seen;     /* bit i: ranges[i] found a number or null */
	bool broken;       /* a number is outside of its range */
	const char *field; /* field of the first such number */
	double value;      /* the first such number */
	char why[RECORD_TEXT_MAX];
};

/* Returns whether the value is the bound stored as a float: 0.7 then reads as 0.699999988, which is in range. */
static bool is_float_of(double value, double bound)
{
	return fabs(bound) <= FLT_MAX && value == (double)(float)bound;
}

static bool in_range(double value, const struct record_range *range)
{
	/* NaN and the infinities are never in range, even with an infinite bound: no service can use them. */
	return isfinite(value) && (value >= range->min || is_float_of(value, range->min)) &&
	       (value <= range->max || is_float_of(value, range->max));
}

static void judge_number(struct numbers *n, size_t i, double value)
{
	const struct record_range *range = &n->want->ranges[i];

	n->seen |= (uint32_t)1 << i;
	if (n->broken || in_range(value, range))
		return;
	n->broken = true;
	n->field = range->field;
	n->value = value;
	snprintf(n->why, sizeof n->why, "%s is %.6g, the profile allows %.6g to %.6g", range->field,
		 value, range->min, range->max);
}

static void judge_field(void *arg, const char *field, double value)
{
	struct numbers *n = arg;

	for (size_t i = 0; i < n->want->n_ranges; i++)
		if (str_eq(n->want->ranges[i].field, field))
			judge_number(n, i, value);
}

/* Judges the numbers at a path of JSON. Values in lists, and in an object at the end of the path, count as the field. */
static void judge_json_numbers(struct numbers *n, size_t i, json_t *v, const char *path)
{
	size_t len = strcspn(path, "."), at;
	const char *name;
	json_t *item;

	if (json_is_array(v)) {
		json_array_foreach(v, at, item) judge_json_numbers(n, i, item, path);
	} else if (*path) {
		item = json_object_getn(v, path, len);
		if (item)
			judge_json_numbers(n, i, item, path + len + (path[len] == '.'));
	} else if (json_is_object(v)) {
		json_object_foreach(v, name, item) judge_json_numbers(n, i, item, path);
	} else if (json_is_number(v)) {
		judge_number(n, i, json_number_value(v));
	} else {
		n->seen |= (uint32_t)1 << i;
		if (json_is_null(v) || n->broken)
			return;
		n->broken = true;
		snprintf(n->why, sizeof n->why, "%s is a %s, the profile has a range for it",
			 n->want->ranges[i].field, json_type_name(v));
	}
}

/* ---- one record ------------------------------------------------------------------------------------------- */

struct reading {
	const struct record_demand *want;
	const unsigned char *data;
	size_t len;
	struct record_class *out;
	char why[AVRO_WHY_MAX];
	char almost[AVRO_WHY_MAX]; /* why a value that begins like JSON is not JSON; else empty */
};

static uint32_t frame_id(const struct reading *r)
{
	uint32_t id;

	if (r->len < RECORD_FRAME || r->data[0] != 0)
		return 0;
	memcpy(&id, r->data + 1, sizeof id);
	return be32toh(id);
}

/* Decodes the datum after `head` bytes. Returns the number of bytes left over, or -1 with the reason in r->why. */
static ssize_t decode_datum(struct reading *r, size_t head, struct numbers *n)
{
	ssize_t used;

	*n = (struct numbers){.want = r->want};
	if (!r->want->schema) {
		snprintf(r->why, sizeof r->why, "no schema is given");
		return -1;
	}
	used = avro_decode(r->want->schema, r->data + head, r->len - head, judge_field, n, r->why,
			   sizeof r->why);
	return used < 0 ? -1 : (ssize_t)(r->len - head) - used;
}

/* Stores the format, which fits to the last byte; a number out of range is a fault only in the expected format. */
static void set_format(struct reading *r, enum record_format format, const struct numbers *n)
{
	r->out->format = format;
	r->out->seen = n->seen;
	if (!n->broken || format != r->want->format)
		return;
	r->out->fault = RECORD_RANGE;
	snprintf(r->out->why, sizeof r->out->why, "%s", n->why);
}

static void set_text(struct reading *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void set_text(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->out->text, sizeof r->out->text, fmt, ap);
	va_end(ap);
}

/* Describes a JSON record, and whether it also decodes as Avro: then a reader that ignores left-over bytes sees no error. */
static void set_json_text(struct reading *r, const json_t *root)
{
	struct numbers n = {.want = r->want};
	ssize_t left = r->want->format == RECORD_JSON ? -1 : decode_datum(r, 0, &n);
	char wrong[RECORD_FIELD_MAX + 40] = "";

	if (n.broken)
		snprintf(wrong, sizeof wrong, ", %s = %.6g among them", n.field, n.value);
	if (left > 0)
		set_text(r,
			 "a JSON %s of %zu bytes, which decodes with the schema too: a reader that "
			 "ignores the %zd bytes left over gets wrong values%s",
			 json_type_name(root), r->len, left, wrong);
	else
		set_text(r, "a JSON %s of %zu bytes", json_type_name(root), r->len);
}

static bool classify_json(struct reading *r)
{
	size_t blank = 0;
	struct numbers n = {.want = r->want};
	json_t *root;

	while (blank < r->len && memchr(" \t\r\n", r->data[blank], 4))
		blank++;
	if (blank == r->len || (r->data[blank] != '{' && r->data[blank] != '['))
		return false;
	root = json_read_document((const char *)r->data, r->len, r->why, sizeof r->why);
	if (!root) {
		snprintf(r->almost, sizeof r->almost, "it begins like JSON, but: %.200s", r->why);
		return false;
	}
	for (size_t i = 0; r->want->format == RECORD_JSON && i < r->want->n_ranges; i++)
		judge_json_numbers(&n, i, root, r->want->ranges[i].field);
	set_json_text(r, root);
	set_format(r, RECORD_JSON, &n);
	json_decref(root);
	return true;
}

static bool classify_bare(struct reading *r)
{
	struct numbers n;

	if (decode_datum(r, 0, &n) != 0)
		return false;
	if (r->want->format == RECORD_JSON)
		set_text(r, "all its %zu bytes decode with the schema %.200s", r->len,
			 *r->want->schema->full_name ? r->want->schema->full_name : "given");
	else
		set_text(r, "bare Avro of %zu bytes", r->len);
	set_format(r, RECORD_AVRO_BARE, &n);
	return true;
}

static bool classify_framed(struct reading *r)
{
	uint32_t id = frame_id(r);
	struct numbers n = {.want = r->want};

	if (id == 0 || (!r->want->schema && id > FRAME_ID_MAX) ||
	    (r->want->schema && decode_datum(r, RECORD_FRAME, &n) != 0))
		return false;
	set_text(r, "a Confluent frame with schema id %u, %zu bytes", id, r->len);
	set_format(r, RECORD_AVRO_CONFLUENT, &n);
	return true;
}

/* Accepts JSON in a Confluent frame, which serialisers of JSON Schema use. */
static bool classify_framed_json(struct reading *r)
{
	uint32_t id = frame_id(r);
	json_t *root;

	if (id == 0 || id > FRAME_ID_MAX || r->len == RECORD_FRAME ||
	    (r->data[RECORD_FRAME] != '{' && r->data[RECORD_FRAME] != '['))
		return false;
	root = json_read_document((const char *)r->data + RECORD_FRAME, r->len - RECORD_FRAME,
				  r->why, sizeof r->why);
	if (!root)
		return false;
	json_decref(root);
	r->out->format = RECORD_OTHER;
	set_text(r, "a Confluent frame with schema id %u around JSON, %zu bytes", id, r->len);
	return true;
}

/* Accepts a Confluent frame whose datum does not fit this schema. */
static bool classify_other_frame(struct reading *r)
{
	uint32_t id = frame_id(r);
	struct numbers n;
	ssize_t left;

	if (!r->want->schema || id == 0 || id > FRAME_ID_MAX)
		return false;
	left = decode_datum(r, RECORD_FRAME, &n);
	r->out->format = RECORD_AVRO_CONFLUENT;
	r->out->fault = left > 0 ? RECORD_BYTES_LEFT : RECORD_UNDECODED;
	set_text(r, "a Confluent frame with schema id %u, %zu bytes", id, r->len);
	if (left > 0)
		snprintf(r->out->why, sizeof r->out->why,
			 "after the frame, %zd of %zu bytes are left over", left,
			 r->len - RECORD_FRAME);
	else
		snprintf(r->out->why, sizeof r->out->why, "after the frame: %.200s", r->why);
	return true;
}

/* ---- unknown formats -------------------------------------------------------------------------------------------- */

static const char *known_beginning(const struct reading *r)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *name;
	} table[] = {
	    {"Obj\1", 4, "an Avro object container"},
	    {"\xc3\x01", 2, "Avro's single-object encoding"},
	    {"\x03\x00", 2, "a frame of the AWS Glue registry"},
	    {"\x03\x05", 2, "a compressed frame of the AWS Glue registry"},
	    {"\x1f\x8b", 2, "gzip"},
	    {"\x28\xb5\x2f\xfd", 4, "zstd"},
	    {"\xff\x06\x00\x00", 4, "snappy"},
	    {"\x82SNAPPY", 7, "snappy"},
	    {"\x04\x22\x4d\x18", 4, "lz4"},
	    {"\xef\xbb\xbf{", 4, "JSON after a byte order mark"},
	    {"\xac\xed\x00\x05", 4, "a serialised Java object"},
	    {"\x80\x04\x95", 3, "a Python pickle"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (r->len >= table[i].n && memcmp(r->data, table[i].bytes, table[i].n) == 0)
			return table[i].name;
	return NULL;
}

/* Describes a record by its first control bytes (lengths, tags, marks); the text must not show the content after them. */
static void set_unknown_text(struct reading *r)
{
	const char *name = known_beginning(r);
	struct avro_frame frame = {.len = 0};
	char hex[3 * HEAD_BYTES + 4] = "";
	size_t i = 0, n = 0;

	if (r->len == 0) {
		set_text(r, "an empty value");
		return;
	}
	if (r->want->schema && avro_frame_find(r->want->schema, r->data, r->len, &frame) &&
	    frame.len)
		name = frame.text;
	do {
		n += (size_t)snprintf(hex + n, sizeof hex - n, " %02x", r->data[i++]);
	} while (i < r->len && i < HEAD_BYTES && r->data[i] < ' ');
	set_text(r, "%zu byte%s, beginning with%s%s%s%s%s", r->len, plural(r->len), hex,
		 i < r->len ? " .." : "", name ? " (" : "", name ? name : "", name ? ")" : "");
}

static void classify_unknown(struct reading *r)
{
	/* Where JSON is expected, what decoding says needs its context. */
	const char *how = r->want->format == RECORD_JSON ? "read with the schema: " : "";
	struct numbers n;
	ssize_t left;

	r->out->format = RECORD_OTHER;
	set_unknown_text(r);
	snprintf(r->out->why, sizeof r->out->why, "%.250s", r->almost);
	if (!r->want->schema)
		return;
	left = decode_datum(r, 0, &n);
	r->out->fault = left > 0 ? RECORD_BYTES_LEFT : RECORD_UNDECODED;
	if (left > 0)
		snprintf(r->out->why, sizeof r->out->why, "%s%zd of %zu bytes are left over", how,
			 left, r->len);
	else if (!*r->almost)
		snprintf(r->out->why, sizeof r->out->why, "%s%.250s", how, r->why);
}

void record_classify(const struct record_demand *want, const void *value, size_t len,
		     struct record_class *out)
{
	struct reading r = {.want = want, .data = value, .len = len, .out = out};
	bool plain = len > 0 && (r.data[0] == '{' || r.data[0] == '[');

	*out = (struct record_class){.format = RECORD_OTHER, .fault = RECORD_GOOD};
	if (len > RECORD_BYTES_MAX) {
		out->fault = RECORD_TOO_LARGE;
		set_text(&r, "a record of %zu bytes", len);
		return;
	}
	if (plain && classify_json(&r))
		return;
	/* Try the expected format first, then the others from the strictest on. */
	if ((want->format == RECORD_AVRO_BARE && classify_bare(&r)) ||
	    (want->format == RECORD_JSON && classify_json(&r)) || classify_framed_json(&r) ||
	    classify_framed(&r) || classify_bare(&r) || classify_json(&r) ||
	    classify_other_frame(&r))
		return;
	classify_unknown(&r);
}
