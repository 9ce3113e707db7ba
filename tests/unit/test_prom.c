/* prom_text: what is a metrics page, what is not, and that nothing breaks the reader. */
#include "prom_text.h"

#include <math.h>

#include "cm.h"

struct seen {
	size_t n;
	char text[4096];
};

/* One line for each: "kind name{label=value,...} value". */
static void see(const struct prom_line *line, void *arg)
{
	static const char *const kinds[] = {"sample", "type", "help", "unit", "eof"};
	struct seen *s = arg;
	size_t n = strlen(s->text), room = sizeof s->text - n;

	s->n++;
	if (room < 512)
		return;
	n += (size_t)snprintf(s->text + n, room, "%s %.99s", kinds[line->kind],
			      line->name ? line->name : "");
	for (size_t i = 0; i < line->n_labels && i < 3; i++)
		n += (size_t)snprintf(s->text + n, sizeof s->text - n, "[%.50s=%.50s]",
				      line->labels[i].name, line->labels[i].value);
	if (line->kind == PROM_SAMPLE)
		n += (size_t)snprintf(s->text + n, sizeof s->text - n, " %g", line->value);
	if (line->kind == PROM_TYPE)
		n += (size_t)snprintf(s->text + n, sizeof s->text - n, " %.20s", line->type);
	snprintf(s->text + n, sizeof s->text - n, "\n");
}

static int read_page(const char *page, bool openmetrics, struct seen *s, char *why, size_t size)
{
	char *copy = xstrdup(page);
	int rc;

	*s = (struct seen){0};
	*why = '\0';
	rc = prom_read(copy, openmetrics, see, s, why, size);
	free(copy);
	return rc;
}

static void test_good_pages(void **state)
{
	static const struct {
		const char *page;
		bool openmetrics;
		const char *said;
	} pages[] = {
	    {"", false, ""},
	    {"\n\n", false, ""},
	    {"# a comment\n", false, ""},
	    {"a 1\n", false, "sample a 1\n"},
	    {"a 1", false, "sample a 1\n"},
	    {"a 1.5e3 1700000000000\n", false, "sample a 1500\n"},
	    {"a{} 1\n", false, "sample a 1\n"},
	    {"a{x=\"1\"} 2\n", false, "sample a[x=1] 2\n"},
	    {"a{x=\"1\",} 2\n", false, "sample a[x=1] 2\n"},
	    {"a { x = \"1\" , y = \"2\" } 2\n", false, "sample a[x=1][y=2] 2\n"},
	    {"a{x=\"q\\\"b\\\\c\"} 2\n", false, "sample a[x=q\"b\\c] 2\n"},
	    {"a{x=\"},{ 1\"} 2\n", false, "sample a[x=},{ 1] 2\n"},
	    {"{\"a.b\",x=\"1\"} 2\n", false, "sample a.b[x=1] 2\n"},
	    {"a +Inf\nb -Inf\n", false, "sample a inf\nsample b -inf\n"},
	    {"# TYPE a counter\na 1\n", false, "type a counter\nsample a 1\n"},
	    {"# HELP a some words\n", false, "help a\n"},
	    {"a_total 1 # {trace=\"x\"} 1 1.5\n# EOF\n", true, "sample a_total 1\neof \n"},
	    {"a 1 1.5\n# EOF\n", true, "sample a 1\neof \n"},
	};
	struct seen s;
	char why[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (read_page(pages[i].page, pages[i].openmetrics, &s, why, sizeof why) < 0)
			fail_msg("refused: %s: %s", pages[i].page, why);
		assert_string_equal(s.text, pages[i].said);
	}
}

static void test_bad_pages(void **state)
{
	static const struct {
		const char *page;
		bool openmetrics;
		const char *line;
	} pages[] = {
	    {"<html>\n", false, "line 1: "},
	    {"a 1\n{\"error\": 1}\n", false, "line 2: "},
	    {"a\n", false, "line 1: "},
	    {"a one\n", false, "line 1: "},
	    {"a 0x10\n", false, "line 1: "},
	    {"a 1 soon\n", false, "line 1: "},
	    {"a 1 2 3\n", false, "line 1: "},
	    {"a{x=1} 2\n", false, "line 1: "},
	    {"a{x=\"1} 2\n", false, "line 1: "},
	    {"a{x=\"1\" 2\n", false, "line 1: "},
	    {"a{x} 2\n", false, "line 1: "},
	    {"a{\"x\"} 2\n", false, "line 1: "},
	    {"a{=\"x\"} 2\n", false, "line 1: "},
	    {"1a 2\n", false, "line 1: "},
	    {"{x=\"1\"} 2\n", false, "line 1: "},
	    {"# TYPE a\n", false, "line 1: "},
	    {"# TYPE\n", false, "line 1: "},
	    {"a 1\n", true, "an OpenMetrics page must end with # EOF"},
	    {"# EOF\na 1\n", true, "line 2: "},
	};
	struct seen s;
	char why[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (read_page(pages[i].page, pages[i].openmetrics, &s, why, sizeof why) == 0)
			fail_msg("taken: %s", pages[i].page);
		if (!str_starts(why, pages[i].line))
			fail_msg("\"%s\" does not begin with \"%s\"", why, pages[i].line);
	}
}

static void test_nan_and_labels(void **state)
{
	char many[8192] = "a{", why[200];
	size_t n = 2;
	struct seen s;

	(void)state;
	assert_int_equal(read_page("a NaN\n", false, &s, why, sizeof why), 0);
	assert_int_equal(s.n, 1);
	for (int i = 0; i <= PROM_LABELS_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "l%d=\"x\",", i);
	snprintf(many + n, sizeof many - n, "} 1\n");
	assert_int_equal(read_page(many, false, &s, why, sizeof why), -1);
	assert_non_null(strstr(why, "more than"));
}

/* Pieces of pages in any order: with a sanitizer every step outside of the text would be seen. */
static void test_random_pages(void **state)
{
	static const char *const pieces[] = {
	    "a",   "{",      "}",  "\"",    "\\",  "=",    ",",    " ", "\n",     "# ", "1", "e",
	    "NaN", "# TYPE", "\t", "# EOF", "{\"", "\\\"", "\xff", "x", "=\"y\"", "\r", "0x"};
	uint64_t seed = 20240607;
	struct seen s;
	char why[16], page[256];

	(void)state;
	for (int run = 0; run < 100000; run++) {
		size_t len = 0;

		page[0] = '\0';
		for (uint64_t left = cm_random(&seed) % 24; left > 0; left--)
			len += (size_t)snprintf(page + len, sizeof page - len, "%s",
						pieces[cm_random(&seed) % ARRAY_LEN(pieces)]);
		if (read_page(page, run & 1, &s, why, sizeof why) < 0)
			assert_true(strlen(why) > 0 && strlen(why) < sizeof why);
		else
			assert_string_equal(why, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_pages),
	    cmocka_unit_test(test_bad_pages),
	    cmocka_unit_test(test_nan_and_labels),
	    cmocka_unit_test(test_random_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
