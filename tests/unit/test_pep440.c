/* pep440: versions and demands as pip reads them. The table is checked against the library `packaging` by
 * tests/scenario/test_python.py. */
#include "pep440.h"

#include "cm.h"

static const char *judged(const char *version, const char *specifiers)
{
	static const char *const words[] = {
	    [DEMAND_MET] = "yes", [DEMAND_NOT_MET] = "no", [DEMAND_UNCLEAR] = "unclear"};
	char demand[300];

	snprintf(demand, sizeof demand, "client %s", specifiers);
	return demand_problem(demand) ? "wrong" : words[demand_check(demand, version)];
}

static void test_table(void **state UNUSED)
{
	char *line = NULL;
	size_t size = 0, rows = 0, wrong = 0;
	FILE *f = fopen("tests/unit/pep440.txt", "r");

	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		char *rest = line, *version, *demand, *wanted;

		if (*line == '#')
			continue;
		version = strsep(&rest, "\t");
		demand = strsep(&rest, "\t");
		wanted = strsep(&rest, "\n");
		rows++;
		if (str_eq(judged(version, demand), wanted))
			continue;
		wrong++;
		print_message("%s %s: %s, wanted %s\n", version, demand, judged(version, demand),
			      wanted);
	}
	free(line);
	fclose(f);
	assert_true(rows > 500);
	assert_int_equal(wrong, 0);
}

static void test_names(void **state UNUSED)
{
	static const char *const good[] = {
	    "a", "A9", "confluent-kafka", "zope.interface >= 1", "a_b ==1.0", "  a  ", "9"};
	static const char *const bad[] = {"",     " ",   "-a",  "a-",      ".",
					  ">= 1", "a b", "a@1", "a (>= 1)"};
	char name[DEMAND_NAME_MAX], long_name[2 * DEMAND_NAME_MAX];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_null(demand_problem(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(demand_problem(bad[i]));
	demand_name(" zope.interface>=1", name);
	assert_string_equal(name, "zope.interface");
	assert_string_equal(demand_specifiers("a  >= 1, < 2"), ">= 1, < 2");
	assert_string_equal(demand_specifiers("a"), "");
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_non_null(demand_problem(long_name));
	long_name[DEMAND_NAME_MAX - 1] = '\0';
	assert_null(demand_problem(long_name));
	demand_name(long_name, name);
	assert_string_equal(name, long_name);
}

static void test_any_version_will_do(void **state UNUSED)
{
	assert_int_equal(demand_check("a", "whatever"), DEMAND_MET);
	assert_int_equal(demand_check("a", ""), DEMAND_MET);
}

/* Numbers beyond 64 bits, more parts than are kept, long local versions: judged or refused, never more. */
static void test_bounds(void **state UNUSED)
{
	char text[400];

	assert_int_equal(demand_check("a > 1", "99999999999999999999999999"), DEMAND_MET);
	assert_null(version_pep440_problem("1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"));
	assert_non_null(version_pep440_problem("1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"));
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memcpy(text, "1+", 2);
	assert_non_null(version_pep440_problem(text));
	assert_int_equal(demand_check("a > 1", text), DEMAND_UNCLEAR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_any_version_will_do),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
