/* json_expect: the keys by which profiles of http, opa and file demand a value of a JSON document, and their evaluation. Pure. */
#ifndef SG_JSON_EXPECT_H
#define SG_JSON_EXPECT_H

#include "check.h"
#include "json.h"

enum json_kind { JT_OBJECT, JT_ARRAY, JT_STRING, JT_NUMBER, JT_BOOLEAN, JT_NULL };
/* "object", ...: the names of enum json_kind in its order, NULL-terminated. */
extern const char *const json_kinds[];

struct json_expect {
	const char *at; /* JSON pointer; NULL for the whole document */
	struct json_text equals;
	struct strlist one_of; /* JSON texts */
	int type;              /* enum json_kind or ENUM_UNSET */
	double min, max;       /* NAN when not given */
};
extern const struct schema json_expect_schema; /* at, equals, one_of, type, min, max */

/* For a kind's validate. Returns NULL, or the problem of one group. */
const char *json_expect_problem(const struct json_expect *e);
/* Returns whether `root` is as expected. If not, `why` says what it has instead, and *wrong_type whether the type differs. */
bool json_expect_holds(const struct json_expect *e, json_t *root, char *why, size_t size,
		       bool *wrong_type);

#endif
