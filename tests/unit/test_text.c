/* Texts: cleaning, URLs, suggestions, versions, the rows of every kind, the table of codes. */
#include "cm.h"

#include <ctype.h>

#include "check.h"
#include "version.h"
#include "schema_selftest.h"

static void clean(UNUSED void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"plain", "plain"},
	    {"  two\n\nlines\t x  ", "two lines x"},
	    {"\x1b[31mred\x07", "?[31mred?"},
	    {"bad \xff\xc3 utf", "bad ?? utf"},
	    {"h\xc3\xa9", "h\xc3\xa9"},
	    {"a\xe2\x80\xae"
	     "b",
	     NULL}, /* right-to-left override: gone */
	};
	char buf[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_clean(buf, sizeof buf, rows[i].in);
		if (rows[i].out)
			assert_string_equal(buf, rows[i].out);
		else
			assert_null(strstr(buf, "\xe2\x80\xae"));
	}
	text_clean(buf, 8, "0123456789");
	assert_string_equal(buf, "0123...");
	/* Cut at a character, never inside one. */
	for (size_t size = 5; size < 20; size++) {
		text_clean(buf, size,
			   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
			   "\xa9\xc3\xa9");
		assert_true(strlen(buf) < size);
		for (char *s = buf; *s && *s != '.'; s += 2)
			assert_true((unsigned char)s[0] == 0xc3 && (unsigned char)s[1] == 0xa9);
	}
}

/* Each byte that is not part of a character (RFC 3629) becomes a question mark. */
static void what_is_no_utf8(UNUSED void **state)
{
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xc3",
					  "\xe0\x80\x80",
					  "\xe2\x82",
					  "\xed\xa0\x80",
					  "\xed\xbf\xbf",
					  "\xf0\x80\x80\x80",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xf8\x88\x80\x80\x80",
					  "\xff",
					  "\xfe"};
	static const char *const good[] = {"\xc2\xa0",     "\xe0\xa0\x80",     "\xed\x9f\xbf",
					   "\xef\xa4\x80", "\xf0\x90\x80\x80", "\xf0\xaf\xa8\x9d"};
	char text[32], buf[64];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t n = strlen(bad[i]);

		snprintf(text, sizeof text, "a%sb", bad[i]);
		text_clean(buf, sizeof buf, text);
		assert_int_equal(strlen(buf), n + 2);
		assert_int_equal(strspn(buf + 1, "?"), n);
		assert_int_equal(text_printable_len(bad[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof text, "a%sb", good[i]);
		text_clean(buf, sizeof buf, text);
		assert_string_equal(buf, text);
		assert_int_equal(text_printable_len(good[i]), strlen(good[i]));
	}
}

/* A buffer of any size: the text ends with a NUL, fits, and ends in "..." where that fits. */
static void put_marks(char *text, size_t n)
{
	*text++ = 'a';
	while (n-- > 0)
		text += utf8_put(0x0301, text);
	*text++ = 'b';
	*text = '\0';
}

/* What nobody sees, or what covers other lines, can disguise a text. */
static void what_is_not_seen(UNUSED void **state)
{
	static const unsigned hidden[] = {0xad,    0x34f,   0x115f,  0x1160,  0x3164,  0xffa0,
					  0x17b4,  0x180b,  0x180f,  0x2800,  0xfe00,  0xfe0f,
					  0xe0100, 0xe01ef, 0x1d173, 0x600,   0x6dd,   0x70f,
					  0x110bd, 0xe000,  0xf8ff,  0xf0000, 0x10fffd};
	static const unsigned seen[] = {0xe9, 0x3b1, 0x4e2d, 0x1f600, 0x301, 0x661};
	char text[600], buf[600];

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		snprintf(text, sizeof text, "a%.*sb", (int)utf8_put(hidden[i], buf), buf);
		text_clean(buf, sizeof buf, text);
		if (!str_eq(buf, "a?b"))
			fail_msg("U+%04X: \"%s\"", hidden[i], buf);
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		snprintf(text, sizeof text, "a%.*sb", (int)utf8_put(seen[i], buf), buf);
		text_clean(buf, sizeof buf, text);
		assert_string_equal(buf, text);
	}
	/* sixty marks on one letter */
	put_marks(text, 60);
	text_clean(buf, sizeof buf, text);
	assert_int_equal(strlen(buf), strlen("a") + 4 * 2 + strlen("b"));
}

static void small_buffers(UNUSED void **state)
{
	char buf[8];

	memset(buf, 'x', sizeof buf);
	text_clean(buf, 0, "abc");
	assert_int_equal(buf[0], 'x');
	text_clean(buf, 1, "abc");
	assert_string_equal(buf, "");
	text_clean(buf, 3, "abc");
	assert_string_equal(buf, "ab");
	text_clean(buf, 4, "abcd");
	assert_string_equal(buf, "abc");
	text_clean(buf, 5, "abcdef");
	assert_string_equal(buf, "a...");
}

static void json_of_control_characters(UNUSED void **state)
{
	struct str b;

	str_init(&b, 200);
	str_add_json_string(&b, "a\"b\\c\nd\te\x01\x7f\xc3\xa9");
	assert_string_equal(b.s, "\"a\\\"b\\\\c\\nd\\u0009e\\u0001\\u007f\xc3\xa9\"");
	str_free(&b);
}

static void urls(UNUSED void **state)
{
	struct arena a = {0};
	struct url u;

	assert_null(url_split(&u, &a, "HTTPS://user:p%40ss@host.test:8443/a/b?c=d"));
	assert_string_equal(u.scheme, "https");
	assert_string_equal(u.host, "host.test");
	assert_int_equal(u.port, 8443);
	assert_string_equal(u.path, "/a/b?c=d");
	assert_null(strstr(u.text, "user"));
	assert_null(strstr(u.text, "ss@"));
	assert_int_equal(u.password.kind, SECRET_LITERAL);
	assert_string_equal(u.password.text, "p@ss");
	assert_null(url_split(&u, &a, "redis://[fd00::1]:6379"));
	assert_string_equal(u.host, "fd00::1");
	assert_null(url_split(&u, &a, "redis://[fe80::1%25eth0]:6379"));
	assert_string_equal(u.host, "fe80::1%eth0");
	assert_null(url_split(&u, &a, "redis://[fe80::1%eth0]:6379"));
	assert_string_equal(u.host, "fe80::1%eth0");
	arena_free(&a);
}

static void suggestions(UNUSED void **state)
{
	static const char *const words[] = {"topics", "timeout", "bootstrap_servers", NULL};
	char text[100];

	assert_string_equal(nearest_word("topcs", words), "topics");
	assert_string_equal(nearest_word("bootstrap_server", words), "bootstrap_servers");
	assert_null(nearest_word("zebra", words));
	assert_int_equal(edit_distance("abcd", "abdc", 3), 1);
	/* A shared beginning is near, whichever is the longer one; three letters share theirs with too much. */
	assert_string_equal(nearest_word("boot", words), "bootstrap_servers");
	assert_string_equal(nearest_word("timeout_of_everything", words), "timeout");
	assert_null(nearest_word("boo", words));
	/* A word of that length is not compared letter by letter. */
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(edit_distance(text, "x", 3), 4);
	assert_int_equal(edit_distance("x", text, 3), 4);
	assert_null(nearest_word(text, words));
	assert_string_equal(did_you_mean("x").text, "; did you mean \"x\"?");
	assert_string_equal(did_you_mean(NULL).text, "");
}

static void rows_of_every_kind(UNUSED void **state)
{
	char why[300];
	size_t n = 0;

	for (const struct check_kind *k; (k = check_kind_at(n)); n++) {
		const char *problem =
		    k->schema ? schema_selftest(k->schema, why, sizeof why) : NULL;

		if (problem)
			fail_msg("%s: %s", k->name, problem);
		assert_true(k->unsupported || (k->run && k->schema));
	}
	assert_true(n > 10);
}

static void codes(UNUSED void **state)
{
	for (enum diag_code c = D_NONE + 1; c < D__COUNT; c++) {
		const struct diag_info *i = diag_info(c);

		assert_int_equal(diag_find(i->code), c); /* unique */
		for (const char *s = i->code; *s; s++)
			assert_true(islower((unsigned char)*s) || *s == '-' ||
				    isdigit((unsigned char)*s));
		assert_false(str_ends(i->title, ".") || str_ends(i->hint, "."));
		assert_true(strlen(i->hint) > 5 && strlen(i->hint) < DIAG_HINT_MAX);
	}
	assert_int_equal(diag_find("no-such-code"), D_NONE);
}

static void versions(UNUSED void **state)
{
	char buf[64];

	assert_null(version_problem("7"));
	assert_null(version_problem("7.0.15"));
	assert_non_null(version_problem(""));
	assert_non_null(version_problem("2.6.x"));
	assert_non_null(version_problem("2.6."));
	assert_non_null(version_problem("1.2.3.4"));
	assert_true(version_compare("7.0.15", "7") > 0);
	assert_true(version_compare("7.0.0", "7") == 0);
	assert_true(version_compare("6.10", "6.9.9") > 0);
	assert_true(version_compare("2.6.0-RC1", "2.6.1") < 0);
	assert_string_equal(hostport_text("cache", 6379, buf, sizeof buf), "cache:6379");
	assert_string_equal(hostport_text("::1", 80, buf, sizeof buf), "[::1]:80");
	assert_string_equal(hostport_text("::1", 0, buf, sizeof buf), "[::1]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_no_utf8),
					   cmocka_unit_test(small_buffers),
					   cmocka_unit_test(what_is_not_seen),
					   cmocka_unit_test(json_of_control_characters),
					   cmocka_unit_test(clean),
					   cmocka_unit_test(urls),
					   cmocka_unit_test(suggestions),
					   cmocka_unit_test(rows_of_every_kind),
					   cmocka_unit_test(codes),
					   cmocka_unit_test(versions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
