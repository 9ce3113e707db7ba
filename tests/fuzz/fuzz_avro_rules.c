/* The rules for names and defaults of Avro, and schema resolution: what must hold among the answers, whatever the schema. */
#include "avro_resolution.h"
#include "avro_rules.h"
#include "fuzz.h"

/* For names of ASCII, the specification's rule is the whole rule. */
static void judge_name(const char *name)
{
	bool good = *name && !(*name >= '0' && *name <= '9'), ascii = true;
	char full[64];

	for (const char *s = name; *s; s++) {
		ascii &= (unsigned char)*s < 0x80;
		good &= (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			(*s >= '0' && *s <= '9') || *s == '_';
	}
	FUZZ_CHECK(!ascii || avro_is_name(name) == good);
	if (strlen(name) > 40 || strchr(name, '.'))
		return;
	FUZZ_CHECK(avro_is_full_name(name) == avro_is_name(name));
	snprintf(full, sizeof full, "a.%s", name);
	FUZZ_CHECK(avro_is_full_name(full) == avro_is_name(name));
	snprintf(full, sizeof full, "%s..b", name);
	FUZZ_CHECK(!avro_is_full_name(full));
}

/* Wraps a type in another: "[%s,...". The parser refuses some (a union in a union): NULL. */
static struct avro_schema *wrap(const char *before, const char *text, const char *after)
{
	char why[AVRO_WHY_MAX];
	struct str s;

	str_init(&s, AVRO_SCHEMA_MAX);
	str_add(&s, before);
	str_add(&s, text);
	str_add(&s, after);
	return s.cut ? NULL : avro_schema_parse(s.s, strlen(s.s), why, sizeof why);
}

static void judge_default(const struct avro_schema *s, const char *text, const char *value_text)
{
	char err[200], *compact;
	json_t *value = json_read(value_text, strlen(value_text), err, sizeof err), *list;
	struct avro_schema *array = wrap("{\"type\":\"array\",\"items\":", text, "}"),
			   *map = wrap("{\"type\":\"map\",\"values\":", text, "}"), *field;
	const json_t *top = avro_definition(s, s->normal);
	bool fits, real;
	struct str behind;

	if (!value)
		return;
	fits = avro_default_fits(s->names, s->normal, value);
	/* A text is a number only as the default itself, not inside of one. */
	real =
	    json_is_string(value) && json_is_string(top) &&
	    (str_eq(json_string_value(top), "float") || str_eq(json_string_value(top), "double"));
	list = json_pack("[O]", value);
	if (array && !real && fits)
		FUZZ_CHECK(avro_default_fits(array->names, array->normal, list) ||
			   strlen(value_text) > 100);
	if (array && !fits)
		FUZZ_CHECK(!avro_default_fits(array->names, array->normal, list));
	if (map && !fits)
		FUZZ_CHECK(
		    !avro_default_fits(map->names, map->normal, json_pack("{s:O}", "k", value)));
	compact = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!compact)
		return;
	str_init(&behind, AVRO_SCHEMA_MAX);
	str_addf(&behind, ",\"default\":%s}]}", compact);
	free(compact);
	if (behind.cut || strstr(text, "Unlikely"))
		return;
	field =
	    wrap("{\"type\":\"record\",\"name\":\"Unlikely\",\"fields\":[{\"name\":\"f\",\"type\":",
		 text, behind.s);
	if (wrap("{\"type\":\"record\",\"name\":\"Unlikely\",\"fields\":[{\"name\":\"f\",\"type\":",
		 text, "}]}"))
		FUZZ_CHECK((field != NULL) == fits || strlen(text) > 400);
}

static void judge_resolution(const struct avro_schema *r, const char *reader,
			     const struct avro_schema *w, const char *writer)
{
	char why[AVRO_WHY_MAX] = "";
	bool reads = avro_can_read(r, w, why, sizeof why);
	bool given_up = strstr(why, "to compare") != NULL, inner;
	struct avro_schema *a, *b;

	FUZZ_CHECK(reads || *why);
	if (given_up)
		return;
	/* Lists and maps can be read as their items can. */
	a = wrap("{\"type\":\"array\",\"items\":", reader, "}");
	b = wrap("{\"type\":\"array\",\"items\":", writer, "}");
	if (a && b) {
		inner = avro_can_read(a, b, why, sizeof why);
		FUZZ_CHECK(inner == reads || strstr(why, "to compare"));
	}
	/* What writes one branch of a union writes less. */
	b = wrap("[", writer, "]");
	if (b && !json_is_array(w->normal)) {
		inner = avro_can_read(r, b, why, sizeof why);
		FUZZ_CHECK(inner == reads || strstr(why, "to compare"));
	}
	/* A union reads what one of its branches reads. */
	a = wrap("[\"null\",", reader, "]");
	if (a && !json_is_array(r->normal) && !json_is_array(w->normal) && reads) {
		inner = avro_can_read(a, w, why, sizeof why);
		FUZZ_CHECK(inner || strstr(why, "to compare"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	size_t len, len2, vlen;
	char *text = fuzz_until(&in, 0x1e, &len), *text2 = fuzz_until(&in, 0x1e, &len2),
	     *value = fuzz_rest(&in, &vlen), why[AVRO_WHY_MAX];
	struct avro_schema *s = avro_schema_parse(text, len, why, sizeof why),
			   *t = avro_schema_parse(text2, len2, why, sizeof why);

	if (fuzz_is_clean(value, strlen(value)))
		judge_name(value);
	if (strlen(text) == len && strlen(text2) == len2) {
		if (s)
			judge_default(s, text, value);
		if (s && t)
			judge_resolution(s, text, t, text2);
	}
	free(text);
	free(text2);
	free(value);
	fuzz_pool_reset();
	return 0;
}
