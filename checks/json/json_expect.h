/* json_expect: "at this place of the JSON there is this value", as http and opa state it. Pure. */
#ifndef SG_JSON_EXPECT_H
#define SG_JSON_EXPECT_H

#include "check.h"
#include "json.h"

enum json_kind { JT_OBJECT, JT_ARRAY, JT_STRING, JT_NUMBER, JT_BOOLEAN, JT_NULL };
extern const char
    *const json_kinds[]; /* "object" ..., NULL-terminated, in the order of enum json_kind */

struct json_expect {
	const char *at; /* NULL: the whole */
	struct json_text equals;
	int type;        /* enum json_kind or ENUM_UNSET */
	double min, max; /* NAN: not given */
};
extern const struct schema json_expect_schema; /* at, equals, type, min, max */

/* Validation of one group: NULL, or what is wrong. */
const char *json_expect_problem(const struct json_expect *e);
/* Whether `root` is as expected; else what was found instead, in words, in why. *wrong_type: it is the type. */
bool json_expect_holds(const struct json_expect *e, json_t *root, char *why, size_t size,
		       bool *wrong_type);

#endif
