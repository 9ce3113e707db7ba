/* regex_size: what the C library copies when it compiles an expression. */
#include "regex_size.h"

#include "cm.h"

static void sizes(UNUSED void **state)
{
	static const struct {
		const char *expression;
		unsigned size;
	} rows[] = {
	    {"", 0},
	    {"abc", 3},
	    {"a*b+c?", 3},
	    {"^(on|off)$", 9},
	    {"a{3}", 3},
	    {"a{3,}", 3},
	    {"a{,7}", 7},
	    {"a{2,5}b", 6},
	    {"(ab){10}", 30},
	    {"((a{2}){3}){4}", 40},
	    {"[^]a-z]{4}[[:alpha:]{]{2}", 6},
	    {"a\\{100}", 6},
	    {"a{10}{10}", 100},
	    {"(a", 1},
	    {"a)", 2},
	    {"[abc", 1},
	    {"a{5", 5},
	    {"((a{1,200}){1,200}){1,200}", REGEX_SIZE_MAX + 1},
	    {"(((((((((((x{1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){1,9}){9}",
	     REGEX_SIZE_MAX + 1},
	    {"a{99999999999999999999}", REGEX_SIZE_MAX + 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (regex_size(rows[i].expression) != rows[i].size)
			fail_msg("\"%s\": %u", rows[i].expression, regex_size(rows[i].expression));
}

static void dialects(UNUSED void **state)
{
	static const struct {
		const char *expression, *words; /* NULL: it is a POSIX expression */
	} rows[] = {
	    {"", NULL},
	    {"^(on|off)$", NULL},
	    {"\\w+\\.[a-z]\\/\\-\\(x\\)", NULL},
	    {"\\bx\\B(a)\\1", NULL},
	    {"[\\/a-z]+\\\\d", NULL},
	    {"[[:digit:]]+[]\\]", NULL},
	    {"a\\", NULL},
	    {"\\(?", NULL},
	    {"[(?]", NULL},
	    {"\\d+", "[0-9]"},
	    {"v\\D", "[^0-9]"},
	    {"x\\t", "no meaning"},
	    {"[\\d.]+", "[[:digit:]]"},
	    {"[^\\s]", "[[:space:]]"},
	    {"(?:a|b)", "plain ( )"},
	    {"(?i)on", "no flags"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *problem = regex_dialect_problem(rows[i].expression);

		if (problem && rows[i].words ? !strstr(problem, rows[i].words)
					     : problem != rows[i].words)
			fail_msg("\"%s\": %s", rows[i].expression, problem ? problem : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(dialects)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
