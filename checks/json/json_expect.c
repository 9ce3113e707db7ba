#include "json_expect.h"

#include <math.h>

const char *const json_kinds[] = {"object", "array", "string", "number", "boolean", "null", NULL};

static const struct key expect_keys[] = {
    KEY_STR(struct json_expect, at, .flags = K_EMPTY, .check = json_pointer_problem,
	    .doc = "Where to look, as a JSON pointer (RFC 6901); empty: the whole answer.",
	    .example = "\"/status\""),
    KEY_JSON(struct json_expect, equals, .check = json_problem,
	     .doc =
		 "The value that must stand there, as JSON text. Integers of 64 bits are compared "
		 "exactly, larger ones as floating point.",
	     .example = "\"\\\"UP\\\"\""),
    KEY_ENUM(struct json_expect, type, .choices = json_kinds,
	     .doc = "The type the value must have.", .example = "\"object\""),
    KEY_NUM(struct json_expect, min, .doc = "The smallest number allowed there.", .example = "1"),
    KEY_NUM(struct json_expect, max, .doc = "The largest number allowed there.", .example = "100"),
    KEY_END,
};
const struct schema json_expect_schema = {.size = sizeof(struct json_expect), .keys = expect_keys};

const char *json_expect_problem(const struct json_expect *e)
{
	bool range = !isnan(e->min) || !isnan(e->max);

	if (!isnan(e->min) && !isnan(e->max) && e->min > e->max)
		return "has a min above its max";
	if (range && e->equals.text)
		return "has equals and a range: one of them";
	if (range && e->type != ENUM_UNSET && e->type != JT_NUMBER)
		return "has a range, which only numbers have";
	return NULL;
}

bool json_expect_holds(const struct json_expect *e, json_t *root, char *why, size_t size,
		       bool *wrong_type)
{
	const char *at = e->at ? e->at : "";
	bool range = !isnan(e->min) || !isnan(e->max);
	const char *type = e->type != ENUM_UNSET ? json_kinds[e->type] : range ? "number" : NULL;
	json_t *v = json_at(root, at), *want;
	struct json_excerpt found = json_short(v ? v : root);
	char err[160];
	bool same;

	*wrong_type = false;
	if (!v) {
		snprintf(why, size, "there is nothing at %s; the whole is %s", at, found.text);
		return false;
	}
	if (!*at)
		at = "the top";
	if (type && !str_eq(json_type_name(v), type)) {
		*wrong_type = true;
		snprintf(why, size, "at %s is %s, a %s, not a %s", at, found.text,
			 json_type_name(v), type);
		return false;
	}
	if (e->equals.text) {
		want = json_read(e->equals.text, strlen(e->equals.text), err, sizeof err);
		same = want && json_same(v, want);
		snprintf(why, size, "at %s is %s, expected %s", at, found.text,
			 json_short(want).text);
		json_decref(want);
		return same;
	}
	snprintf(why, size, "at %s is %s, outside %g to %g", at, found.text,
		 isnan(e->min) ? -INFINITY : e->min, isnan(e->max) ? INFINITY : e->max);
	return !(json_number_value(v) < e->min) && !(json_number_value(v) > e->max);
}
