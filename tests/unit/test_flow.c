/* flow_text and flow_condition: names in braces, and what a document must hold. */
#include "flow_condition.h"

#include "cm.h"

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"K\",\"symbols\":[\"a\",\"b\"]}},"
    "{\"name\":\"inner\",\"type\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":"
    "\"n\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"}]}},"
    "{\"name\":\"maybe\",\"type\":[\"null\",\"boolean\"]},{\"name\":\"raw\",\"type\":\"bytes\"}]}";

/* id "x", kind b, inner.n 2^53 + 1, inner.f 0.865, maybe null, raw 1 byte */
static const unsigned char datum[] = {0x02, 'x',  0x02, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80,
				      0x80, 0x20, 0xa4, 0x70, 0x5d, 0x3f, 0x00, 0x02, 0xff};

static void fills(const char *text, enum flow_escape how, const char *expected)
{
	struct flow_names names = {.n = 0};
	char *out;

	assert_true(flow_names_set(&names, "x", xstrdup("a\"/ \\")));
	assert_true(flow_names_set(&names, "n_1", xstrdup("7")));
	assert_true(flow_names_set(&names, "none", NULL));
	out = flow_text_fill(text, &names, how);
	assert_string_equal(out, expected);
	free(out);
	free(names.v[0].value);
	free(names.v[1].value);
}

static void names_are_filled_in(UNUSED void **state)
{
	fills("/r/{n_1}?q={x}", FLOW_URL, "/r/7?q=a%22%2F%20%5C");
	fills("{\"a\": \"{x}\", \"b\": {n_1}}", FLOW_JSON, "{\"a\": \"a\\\"/ \\\\\", \"b\": 7}");
	fills("{x}{n_1}", FLOW_PLAIN, "a\"/ \\7");
	fills("{{x} {} { x} {y} {none} {x", FLOW_PLAIN, "{x} {} { x} {y} {none} {x");
	fills("{{{n_1}}}", FLOW_PLAIN, "{7}}");
}

static void unknown_names_are_found(UNUSED void **state)
{
	struct flow_names names = {.n = 0};
	size_t len = 0;

	flow_names_set(&names, "x", NULL);
	assert_null(flow_text_unknown("{x} {{y} {} {\"y\": {}} {x", &names, &len));
	assert_string_equal(flow_text_unknown("{x}{yy}", &names, &len), "yy}");
	assert_int_equal(len, 2);
}

static void items_that_are_none(UNUSED void **state)
{
	static const char *const bad[] = {"",     "a",    "=1",     "a b=1", "a!1",
					  "a==1", ".a=1", "a..b=1", "{x}=1", "a.=1"};
	static const char *const bad_captures[] = {"", "a", "=b", "1=b", "a-b=c", "a=", "a=b c"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!flow_condition_problem(bad[i]))
			fail_msg("%s is taken for a condition", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad_captures); i++)
		if (!flow_capture_problem(bad_captures[i]))
			fail_msg("%s is taken for a capture", bad_captures[i]);
	assert_null(flow_condition_problem("/a~1b/0 >= {x}"));
	assert_null(flow_condition_problem("a.b="));
	assert_null(flow_capture_problem("a=/b"));
}

struct demand {
	const char *item;
	bool met;
	const char *text; /* of one that is not met */
};

static void check_demand(const struct demand *d, struct flow_needs *needs)
{
	char text[300];

	if (needs->v[0].met != d->met)
		fail_msg("%s: met is %d; %s", d->item, needs->v[0].met, needs->v[0].seen);
	if (d->met)
		return;
	flow_need_text(&needs->v[0], text, sizeof text);
	assert_string_equal(text, d->text);
}

static struct flow_needs one_need(const char *item)
{
	struct flow_names none = {.n = 0};
	struct flow_needs needs;

	assert_null(flow_condition_problem(item));
	flow_needs_init(&needs, 1, 1e-6);
	flow_needs_add_condition(&needs, item, &none);
	return needs;
}

static void avro_values_are_compared(UNUSED void **state)
{
	static const struct demand demands[] = {
	    {"id=x", true, NULL},
	    {"id=", false, "id is \"x\", expected "},
	    {"kind=b", true, NULL},
	    {"inner.n=9007199254740993", true, NULL},
	    {"inner.n=9007199254740992", false,
	     "inner.n is 9007199254740993, expected 9007199254740992"},
	    {"/inner/f=0.865", true, NULL},
	    {"inner.f=0.86501", false, "inner.f is 0.8650000095, expected 0.86501"},
	    {"inner.f<=0.865", true, NULL},
	    {"inner.f>0.865", false, "inner.f is 0.8650000095, expected > 0.865"},
	    {"inner.f>x", false, "inner.f is 0.8650000095, expected > x"},
	    {"maybe=null", true, NULL},
	    {"raw!=1", false, "raw is no scalar, expected != 1"},
	    {"inner!=1", false, "there is no inner"},
	};
	char why[AVRO_WHY_MAX];
	struct avro_schema *schema =
	    avro_schema_parse(schema_text, strlen(schema_text), why, sizeof why);

	assert_non_null(schema);
	for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
		struct flow_needs needs = one_need(demands[i].item);

		assert_int_equal(flow_needs_read_avro(&needs, schema, datum, sizeof datum, why),
				 sizeof datum);
		check_demand(&demands[i], &needs);
		flow_needs_free(&needs);
	}
	assert_true(avro_has_scalar(schema, "kind") && avro_has_scalar(schema, "raw"));
	assert_false(avro_has_scalar(schema, "inner") || avro_has_scalar(schema, "inner.x"));
	assert_false(avro_has_number(schema, "kind"));
	avro_schema_free(schema);
}

static void json_values_are_compared(UNUSED void **state)
{
	static const struct demand demands[] = {
	    {"a.b=true", true, NULL},
	    {"/a/b=true", true, NULL},
	    {"/l/1=2.5", true, NULL},
	    {"l=2.5", true, NULL},
	    {"l=3", false, "l is 1, expected 3"},
	    {"t>=2026-01-01", true, NULL},
	    {"t=2026", false, "t is \"2026-01-02\", expected 2026"},
	    {"z=0", true, NULL},
	    {"z<0", false, "z is 1e-09, expected < 0"},
	    {"a=1", false, "a is no scalar, expected 1"},
	    {"x!=1", false, "there is no x"},
	};
	const char *text =
	    "{\"a\": {\"b\": true}, \"l\": [1, 2.5], \"t\": \"2026-01-02\", \"z\": 1e-9}";
	char err[200];
	json_t *root = json_read(text, strlen(text), err, sizeof err);

	assert_non_null(root);
	for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
		struct flow_needs needs = one_need(demands[i].item);

		flow_needs_read_json(&needs, root);
		check_demand(&demands[i], &needs);
		flow_needs_free(&needs);
	}
	json_decref(root);
}

static void captures_keep_all_digits(UNUSED void **state)
{
	const char *text = "{\"d\": 0.30000000000000004, \"i\": -9007199254740993, \"o\": {}}";
	char err[200];
	struct flow_needs needs;
	json_t *root = json_read(text, strlen(text), err, sizeof err);

	flow_needs_init(&needs, 3, 0);
	flow_needs_add_capture(&needs, "d=d");
	flow_needs_add_capture(&needs, "i=/i");
	flow_needs_add_capture(&needs, "o=o");
	flow_needs_read_json(&needs, root);
	assert_string_equal(needs.v[0].value, "0.30000000000000004");
	assert_string_equal(needs.v[1].value, "-9007199254740993");
	assert_ptr_equal(flow_needs_unmet(&needs, 0, 3), &needs.v[2]);
	assert_null(flow_needs_unmet(&needs, 0, 2));
	flow_needs_free(&needs);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_filled_in),      cmocka_unit_test(unknown_names_are_found),
	    cmocka_unit_test(items_that_are_none),      cmocka_unit_test(avro_values_are_compared),
	    cmocka_unit_test(json_values_are_compared), cmocka_unit_test(captures_keep_all_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
