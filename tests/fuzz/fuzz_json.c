/* JSON of others: depth, pointers, comparisons, expectations. */
#include <math.h>

#include "fuzz.h"
#include "json.h"
#include "json_expect.h"

static int depth_of(const json_t *v)
{
	int most = 0;
	const char *name;
	json_t *c;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach((json_t *)v, name, c)
		{
			int d = depth_of(c);

			most = d > most ? d : most;
		}
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, c)
		{
			int d = depth_of(c);

			most = d > most ? d : most;
		}
	} else {
		return 0;
	}
	return most + 1;
}

/* A value, written and read again, is the same to us. */
static void same_again(const json_t *v)
{
	char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT), err[200];
	json_t *back = json_read(text, strlen(text), err, sizeof err);

	FUZZ_CHECK(back && json_same(v, back) && json_same(back, v));
	json_decref(back);
	free(text);
}

static void expect(json_t *root, const char *at, const char *equals, unsigned flags)
{
	struct json_expect e = {
	    .at = at,
	    .equals = {equals && *equals && !json_problem(equals) ? equals : NULL},
	    .type = (int)(flags % 8) - 1,
	    .min = flags & 8 ? -1e3 : NAN,
	    .max = flags & 16 ? 1e3 : NAN};
	char why[400] = "";
	bool wrong_type = false;

	if (e.type >= 6)
		e.type = ENUM_UNSET;
	if (json_pointer_problem(at))
		return;
	if (!json_expect_holds(&e, root, why, sizeof why, &wrong_type))
		FUZZ_CHECK(*why);
	else if (e.equals.text)
		FUZZ_CHECK(json_at(root, at) && !wrong_type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned flags = fuzz_byte(&in);
	char *at = fuzz_until(&in, '\n', NULL), *equals = fuzz_until(&in, '\n', NULL);
	char err[200] = "", *text;
	struct json_excerpt shown;
	size_t len;
	json_t *root, *v;

	text = fuzz_rest(&in, &len);
	root = json_read(text, len, err, sizeof err);
	if (!root) {
		FUZZ_CHECK(*err);
	} else {
		FUZZ_CHECK(depth_of(root) <= JSON_DEPTH_MAX);
		FUZZ_CHECK(json_same(root, root));
		same_again(root);
		v = json_at(root, at);
		FUZZ_CHECK(*at ? true : v == root);
		shown = json_short(v);
		FUZZ_CHECK(fuzz_is_clean(shown.text, strlen(shown.text)));
		FUZZ_CHECK(*json_type_name(v));
		expect(root, at, equals, flags);
		json_decref(root);
	}
	free(text);
	free(at);
	free(equals);
	return 0;
}
