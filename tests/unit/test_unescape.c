/* Escapes of all sorts, and what is none. */
#include "cm.h"

#include "unescape.h"

static void each(UNUSED void **state)
{
	static const struct {
		const char *text, *meant;
		size_t used;
	} cases[] = {
	    {"%5a!", "Z", 3},
	    {"%5", "", 0},
	    {"%zz", "", 0},
	    {"\\n", "\n", 2},
	    {"\\", "", 0},
	    {"\\q", "", 0},
	    {"\\x5A5", "Z", 4},
	    {"\\x5", "", 0},
	    {"\\x{5a}", "Z", 6},
	    {"\\132", "Z", 4},
	    {"\\1329", "Z", 4},
	    {"\\73x", ";", 3},
	    {"\\8", "", 0},
	    {"\\u005a", "Z", 6},
	    {"\\u005", "", 0},
	    {"\\u{5a}", "Z", 6},
	    {"\\u{1F511}", "\xf0\x9f\x94\x91", 9},
	    {"\\u{}", "", 0},
	    {"\\u{5a", "", 0},
	    {"\\u{110000}", "", 0},
	    {"\\u{ffffffffffff}", "", 0},
	    {"\\ud83d\\udd11", "\xf0\x9f\x94\x91", 12},
	    {"\\ud83dx", "\xed\xa0\xbd", 6},
	    {"\\ud83d\\u0041", "\xed\xa0\xbd", 6},
	    {"\\U0000005a", "Z", 10},
	    {"\\U0000005", "", 0},
	    {"\\Uffffffff", "", 0},
	    {"&amp;", "&", 5},
	    {"&amp", "", 0},
	    {"&lsqb;", "[", 6},
	    {"&nosuch;", "", 0},
	    {"&", "", 0},
	    {"&#90;", "Z", 5},
	    {"&#90", "Z", 4},
	    {"&#90x", "Z", 4},
	    {"&#x5a;", "Z", 6},
	    {"&#X5A", "Z", 5},
	    {"&#x000001F511;", "\xf0\x9f\x94\x91", UNESCAPE_LONG},
	    {"&#;", "", 0},
	    {"&#x;", "", 0},
	    {"&#9999999999;", "", 0},
	    {"&#233;", "\xc3\xa9", 6},
	    {"Z", "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[UNESCAPE_MEANT];
		size_t used = 0, n = unescape(cases[i].text, strlen(cases[i].text), out, &used);

		assert_int_equal(n, strlen(cases[i].meant));
		assert_memory_equal(out, cases[i].meant, n);
		if (n > 0)
			assert_int_equal(used, cases[i].used);
	}
}

/* Nothing behind the end is read (a sanitizer sees it), nothing grows, none is longer than it is said to be. */
static void random_bytes(UNUSED void **state)
{
	static const char letters[] = "\\%&#;xuU{}0157aAfFdD8\0";
	uint64_t seed = 11;

	for (int round = 0; round < 200000; round++) {
		size_t n = 1 + cm_random(&seed) % 20, used = 0, k;
		char *text = xmalloc(n), out[UNESCAPE_MEANT];

		for (size_t i = 0; i < n; i++)
			text[i] = letters[cm_random(&seed) % sizeof letters];
		k = unescape(text, n, out, &used);
		if (k > 0) {
			assert_true(k <= used && k <= sizeof out);
			assert_true(used <= n && used <= UNESCAPE_LONG);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each),
	    cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
