/* prom_text: pages that are well-formed, pages that are not, and random ones that must not break the parser. */
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
	static const char *const kinds[] = {"sample", "type", "help", "unit"};
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

static bool read_page(const char *page, bool openmetrics, struct seen *s, char *why, size_t size)
{
	size_t len = strlen(page);
	char *copy = xmalloc(len + 1);
	bool good;

	*s = (struct seen){0};
	*why = '\0';
	memcpy(copy, page, len);
	good = prom_read(copy, len, openmetrics, see, s, why, size);
	free(copy);
	return good;
}

static void test_pages(UNUSED void **state)
{
	static const struct {
		const char *page;
		bool openmetrics;
		const char *said;  /* NULL: the page is malformed, */
		const char *wrong; /* and the reason begins with this */
	} pages[] = {
	    {"", false, "", NULL},
	    {"\n\n", false, "", NULL},
	    {"# a comment\n", false, "", NULL},
	    {"a 1\n", false, "sample a 1\n", NULL},
	    {"a 1", false, "sample a 1\n", NULL},
	    {"a 1.5e3 1700000000000\n", false, "sample a 1500\n", NULL},
	    {"a{} 1\n", false, "sample a 1\n", NULL},
	    {"a{x=\"1\"} 2\n", false, "sample a[x=1] 2\n", NULL},
	    {"a{x=\"1\",} 2\n", false, "sample a[x=1] 2\n", NULL},
	    {"a{x=\"1\n2\"} 2\nb{y} 1\n", false, NULL, "line 3: "},
	    {"a { x = \"1\" , y = \"2\" } 2\n", false, "sample a[x=1][y=2] 2\n", NULL},
	    {"a{x=\"q\\\"b\\\\c\"} 2\n", false, "sample a[x=q\"b\\c] 2\n", NULL},
	    {"a{x=\"},{ 1\"} 2\n", false, "sample a[x=},{ 1] 2\n", NULL},
	    {"{\"a.b\",x=\"1\"} 2\n", false, "sample a.b[x=1] 2\n", NULL},
	    {"a +Inf\nb -Inf\n", false, "sample a inf\nsample b -inf\n", NULL},
	    {"# TYPE a counter\na 1\n", false, "type a counter\nsample a 1\n", NULL},
	    {"# HELP a some words\n", false, "help a\n", NULL},
	    {"a_total 1 # {trace=\"x\"} 1 1.5\n# EOF\n", true, "sample a_total 1\n", NULL},
	    {"a 1 1.5\n# EOF\n", true, "sample a 1\n", NULL},
	    {"<html>\n", false, NULL, "line 1: "},
	    {"a 1\n{\"error\": 1}\n", false, NULL, "line 2: "},
	    {"a\n", false, NULL, "line 1: "},
	    {"a one\n", false, NULL, "line 1: "},
	    {"a 0x10\n", false, NULL, "line 1: "},
	    {"a 1 soon\n", false, NULL, "line 1: "},
	    {"a 1 2 3\n", false, NULL, "line 1: "},
	    {"a{x=1} 2\n", false, NULL, "line 1: "},
	    {"a{x=\"1} 2\n", false, NULL, "line 1: "},
	    {"a{x=\"1\" 2\n", false, NULL, "line 1: "},
	    {"a{x} 2\n", false, NULL, "line 1: "},
	    {"a{\"x\"} 2\n", false, NULL, "line 1: "},
	    {"a{=\"x\"} 2\n", false, NULL, "line 1: "},
	    {"1a 2\n", false, NULL, "line 1: "},
	    {"{x=\"1\"} 2\n", false, NULL, "line 1: "},
	    {"# TYPE a\n", false, NULL, "line 1: "},
	    {"# TYPE\n", false, "", NULL},
	    {"a 1\n", true, NULL, "an OpenMetrics page must end with # EOF"},
	    {"# EOF\na 1\n", true, NULL, "line 2: "},
	};
	struct seen s;
	char why[200];

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (read_page(pages[i].page, pages[i].openmetrics, &s, why, sizeof why) !=
		    !pages[i].wrong)
			fail_msg("%s: \"%s\"", pages[i].page, why);
		if (pages[i].wrong && !str_starts(why, pages[i].wrong))
			fail_msg("\"%s\" does not begin with \"%s\"", why, pages[i].wrong);
		if (pages[i].said)
			assert_string_equal(s.text, pages[i].said);
	}
}

static void test_nan_and_labels(UNUSED void **state)
{
	char many[8192] = "a{", why[200];
	size_t n = 2;
	struct seen s;

	assert_true(read_page("a NaN\n", false, &s, why, sizeof why));
	assert_int_equal(s.n, 1);
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "l%d=\"x\",", i);
	snprintf(many + n, sizeof many - n, "} 1\n");
	assert_true(read_page(many, false, &s, why, sizeof why));
	snprintf(many + n, sizeof many - n, "l7=\"y\"} 1\n");
	assert_false(read_page(many, false, &s, why, sizeof why));
	assert_non_null(strstr(why, "l7 twice"));
}

/* Pieces of pages in any order: a sanitizer reports every access outside the text. */
static void test_random_pages(UNUSED void **state)
{
	static const char *const pieces[] = {
	    "a",   "{",      "}",  "\"",    "\\",  "=",    ",",    " ", "\n",     "# ", "1", "e",
	    "NaN", "# TYPE", "\t", "# EOF", "{\"", "\\\"", "\xff", "x", "=\"y\"", "\r", "0x"};
	uint64_t seed = 20240607;
	struct seen s;
	char why[16], page[256];

	for (int run = 0; run < 100000; run++) {
		size_t len = 0;

		page[0] = '\0';
		for (uint64_t left = cm_random(&seed) % 24; left > 0; left--)
			len += (size_t)snprintf(page + len, sizeof page - len, "%s",
						pieces[cm_random(&seed) % ARRAY_LEN(pieces)]);
		if (read_page(page, run & 1, &s, why, sizeof why))
			assert_string_equal(why, "");
		else
			assert_true(*why);
		assert_true(strlen(why) < sizeof why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_nan_and_labels),
	    cmocka_unit_test(test_random_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
