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
    KEY_STRLIST(struct json_expect, one_of, .check = json_problem,
		.doc = "It must be one of these, each as JSON text.",
		.example = "[\"\\\"green\\\"\", \"\\\"yellow\\\"\"]"),
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
	if (range + (e->equals.text != NULL) + (e->one_of.n > 0) > 1)
		return "has several of equals, one_of and a range: give one of them";
	if (range && e->type != ENUM_UNSET && e->type != JT_NUMBER)
		return "has a range, which only numbers have";
	return NULL;
}

/* Adds the values to `why`, as "1, 2 or 3". */
static bool is_one_of(json_t *v, const struct strlist *values, char *why, size_t size)
{
	bool same = false;

	for (size_t i = 0; i < values->n && !same; i++) {
		char err[160];
		json_t *want = json_read(values->v[i], strlen(values->v[i]), err, sizeof err);
		size_t len = strlen(why);

		same = want && json_same(v, want);
		snprintf(why + len, size - len, "%s%s",
			 i == 0              ? ""
			 : i + 1 < values->n ? ", "
					     : " or ",
			 json_short(want).text);
		json_decref(want);
	}
	return same;
}

static const char *article(const char *type)
{
	return *type == 'a' || *type == 'o' ? "an" : "a"; /* array, object */
}

bool json_expect_holds(const struct json_expect *e, json_t *root, char *why, size_t size,
		       bool *wrong_type)
{
	const char *at = e->at ? e->at : "";
	bool range = !isnan(e->min) || !isnan(e->max);
	const char *type = e->type != ENUM_UNSET ? json_kinds[e->type] : range ? "number" : NULL;
	json_t *v = json_at(root, at);
	struct json_excerpt found = json_short(v ? v : root);

	*wrong_type = false;
	if (!v) {
		snprintf(why, size, "there is nothing at %s; the whole is %s", at, found.text);
		return false;
	}
	if (!*at)
		at = "the top";
	if (type && !str_eq(json_type_name(v), type)) {
		*wrong_type = true;
		snprintf(why, size, "at %s is %s, %s %s, not %s %s", at, found.text,
			 article(json_type_name(v)), json_type_name(v), article(type), type);
		return false;
	}
	if (e->equals.text || e->one_of.n) {
		struct strlist equals = {.n = 1, .v = (const char *[]){e->equals.text}};

		snprintf(why, size, "at %s is %s, expected ", at, found.text);
		return is_one_of(v, e->equals.text ? &equals : &e->one_of, why, size);
	}
	snprintf(why, size, "at %s is %s, outside %g to %g", at, found.text,
		 isnan(e->min) ? -INFINITY : e->min, isnan(e->max) ? INFINITY : e->max);
	return !(json_number_value(v) < e->min) && !(json_number_value(v) > e->max);
}
