/* requirement: what a profile may demand of a Python distribution. What the probe makes of it: tests/scenario/test_pep440.py. */
#include "requirement.h"

#include "cm.h"

/* The table has "wrong" for what the library `packaging` refuses. */
static void test_table(void **state UNUSED)
{
	char *line = NULL, requirement[300];
	size_t size = 0, rows = 0, failed = 0;
	FILE *f = fopen("tests/unit/pep440.txt", "r");

	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		char *rest = line, *specifiers;
		bool wrong;

		if (*line == '#')
			continue;
		(void)strsep(&rest, "\t");
		specifiers = strsep(&rest, "\t");
		wrong = str_eq(strsep(&rest, "\n"), "wrong");
		rows++;
		snprintf(requirement, sizeof requirement, "client %s", specifiers);
		if ((requirement_problem(requirement) != NULL) == wrong)
			continue;
		failed++;
		print_message("%s: %s\n", requirement, requirement_problem(requirement));
	}
	free(line);
	fclose(f);
	assert_true(rows > 500);
	assert_int_equal(failed, 0);
}

static void test_names(void **state UNUSED)
{
	static const char *const good[] = {
	    "a", "A9", "confluent-kafka", "zope.interface >= 1", "a_b ==1.0", "  a  ", "9"};
	static const char *const bad[] = {
	    "",         " ",    "-a",    "a-",     ".",      ">= 1", "a b",        "a@1",
	    "a (>= 1)", "a >=", "a == ", "a >< 1", "a > 1,", "a =1", "a > 1,, < 2"};
	char name[REQUIREMENT_NAME_MAX], long_name[2 * REQUIREMENT_NAME_MAX];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_null(requirement_problem(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(requirement_problem(bad[i]));
	requirement_name(" zope.interface>=1", name);
	assert_string_equal(name, "zope.interface");
	assert_string_equal(requirement_specifiers("a  >= 1, < 2"), ">= 1, < 2");
	assert_string_equal(requirement_specifiers("a"), "");
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_non_null(requirement_problem(long_name));
	long_name[REQUIREMENT_NAME_MAX - 1] = '\0';
	assert_null(requirement_problem(long_name));
	requirement_name(long_name, name);
	assert_string_equal(name, long_name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
