/* json_expect: a value that must stand at a place of a JSON document, as profiles of http and opa state it. Pure. */
#ifndef SG_JSON_EXPECT_H
#define SG_JSON_EXPECT_H

#include "check.h"
#include "json.h"

enum json_kind { JT_OBJECT, JT_ARRAY, JT_STRING, JT_NUMBER, JT_BOOLEAN, JT_NULL };
/* "object" ..., NULL-terminated, in the order of enum json_kind. */
extern const char *const json_kinds[];

struct json_expect {
	const char *at; /* NULL: the whole */
	struct json_text equals;
	int type;        /* enum json_kind or ENUM_UNSET */
	double min, max; /* NAN: not given */
};
extern const struct schema json_expect_schema; /* at, equals, type, min, max */

/* For a kind's validate: NULL, or what is wrong with one group. */
const char *json_expect_problem(const struct json_expect *e);
/* Whether `root` is as expected. If not, `why` says what was found instead, and *wrong_type whether the type differs. */
bool json_expect_holds(const struct json_expect *e, json_t *root, char *why, size_t size,
		       bool *wrong_type);

#endif
