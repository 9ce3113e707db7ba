/* syntax_error: what is said to the mistakes that people make, and that it agrees with libconfig about every small change. */
#include "syntax_error.h"

#include <libconfig.h>

#include "config_file.h"
#include "folder.h"

/* libconfig loses the text that it was reading when it met a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\nleak:libconfig_yyparse\n";
}

struct mistake {
	const char *text;
	int line, column;
	const char *expected;
};
static const struct mistake mistakes[] = {
    {"startguard: 1\ntcp:\n  db:\n", 3, 3,
     "tcp has no value; a group stands in braces, unlike in YAML: tcp: { ... }"},
    {"a:\n  - x\n", 2, 3, "a list as in YAML"},
    {"---\na: 1\n", 1, 1, "the start of a YAML document"},
    {"{ \"a\": 1 }", 1, 1, "this looks like JSON"},
    {"\"a\": 1", 1, 1, "a name stands without quotes, unlike in JSON"},
    {"[tcp]\na=1", 1, 1, "a section as in INI or TOML"},
    {"\xEF\xBB\xBF"
     "a = 1;",
     1, 1, "byte order mark"},
    {"a: {\n  b: {\n    c = 1;\n  d: {\n  };\n};\n", 7, 1, "the file ends, and a } is missing"},
    {"a: { };\n};", 2, 1, "} closes nothing"},
    {"a = 'x';", 1, 5, "double quotes, not in single ones: a = \"...\""},
    {"a = \xE2\x80\x9Cx\xE2\x80\x9D;", 1, 5, "a typographic quote"},
    {"\xC3\xA4 = 1;", 1, 1, "a name must stand here"},
    {"b = \"\xC3\xA4\"; pr\xC3\xBC"
     "f = 1;",
     1, 12, "a name holds only letters"},
    {"a.b = 1;", 1, 2, "for a group write a: { ... }, in a name _ for the dot"},
    {"a = 30s;", 1, 5, "30s stands without quotes; write \"30s\""},
    {"a = no;", 1, 5, "no is not a value; write true or false"},
    {"a = null;", 1, 5, "null is not a value; leave the setting out"},
    {"b = 1;\na =\nc: { d = 1; };", 2, 1, "a has no value; write a = VALUE"},
    {"a:\n c: { d = 1; };", 2, 2, "a group stands in braces, unlike in YAML: a: { ... }"},
    {"a = ;", 1, 5, "a has no value"},
    {"a == 1;", 1, 4, "one = is enough"},
    {"a = 1;;", 1, 7, "a ; after nothing; remove it"},
    {"a { b = 1; };", 1, 3, "= or : is missing after a; a group is written a: { ... }"},
    {"export A = 1;", 1, 1, "a line of a shell"},
    {"tcp \"db\" { a = 1; }", 1, 5, "a block as in HCL is written tcp: { NAME: { ... } }"},
    {"tcp \"db\";", 1, 5, "= or : is missing after tcp"},
    {"a => 1;", 1, 4, "one = is enough"},
    {"a := 1;", 1, 4, "one = is enough"},
    {"a = 1_000;", 1, 5, "1_000 is not a number here; write it in decimal digits"},
    {"a = 0b11;", 1, 5, "0b11 is not a number here"},
    {"a = 0o640;", 1, 5, "0o640 is not a number here"},
    {"a = 5min;", 1, 5, "5min stands without quotes; write \"5min\""},
    {"a = `x`;", 1, 5, "plain double quotes: a = \"...\""},
    {"a = \xC2\xABx\xC2\xBB;", 1, 5, "plain double quotes"},
    {"a = $HOST;", 1, 5, "a text stands in quotes, a variable too: \"${NAME}\""},
    {"a = ${HOST};", 1, 5, "a text stands in quotes, a variable too"},
    {"a = <<EOF\nx\nEOF\n", 1, 5, "a text of several lines stands in quotes too"},
    {"a = \"x\" + \"y\";", 1, 9, "two texts in a row are one; remove the +"},
    {"a\xC2\xA0= 1;", 1, 2, "a blank that is not the common one"},
    {"a:\xC2\xA0\"x\";", 1, 3, "a blank that is not the common one"},
    {"a: {\xE2\x80\x8B b = 1; };", 1, 5, "an invisible character"},
    {"a = 1;\n\x1A", 2, 1, "a control character; remove it"},
    {"; a comment\na = 1;", 1, 1, "a comment begins with # or //"},
    {"-- a comment\na = 1;", 1, 1, "a comment begins with # or //"},
    {"<!-- a comment -->\na = 1;", 1, 1, "a comment begins with # or //"},
    {"<a/>", 1, 1, "this looks like XML"},
    {"<<<<<<< HEAD\na = 1;", 1, 1, "a conflict of a merge"},
    {"a = 1;\n=======\n", 2, 1, "a conflict of a merge"},
    {"{% if x %}\na = 1;", 1, 1, "a template that was not rendered"},
    {"{{ x }}\na = 1;", 1, 1, "a template that was not rendered"},
    {"a = {{ .Values.x }};", 1, 6, "a template that was not rendered"},
    {"a = <%= x %>;", 1, 5, "a text stands in quotes"},
    {"password = \"pa\" ss;", 1, 17, "a word behind the closing quote"},
    {"a = \"x\"\nb;", 2, 1, "b has no value"},
    {"include \"x.inc\"", 1, 1, "@include \"FILE\", on a line of its own"},
    {"a = 1; @include \"x.inc\"", 1, 8, "@include \"FILE\" must begin its line"},
    {"a = [ { b = 1; } ];", 1, 7, "a list of groups stands in ( )"},
    {"a = [ [ 1 ] ];", 1, 7, "an array [ ] holds simple values"},
    {"a = ( b = 1 );", 1, 7, "a group within a list stands in braces"},
    {"a = [ \"x\" y ];", 1, 11, "a comma is missing between two elements"},
#if LIBCONFIG_VER_MAJOR == 1 && LIBCONFIG_VER_MINOR < 7
    {"a = [ \"x\",, \"y\" ];", 1, 11, "a comma after a comma"},
#endif
    {"a = [ \"x\"; };", 1, 10, "the array needs a ] before this ;"},
    {"a = [ 1, \"x\" ];", 1, 10, "values of one type"},
    {"a = \"x\", \"y\";", 1, 10, "several texts stand in [ ]: a = [ \"a\", \"b\" ]"},
    {"a: {\n b = 1;\n b = 2;\n};", 3, 2, "duplicate setting name: b is set twice in one group"},
    {"true = 1;", 1, 1, "true and false cannot be names"},
    {"a", 1, 1, "a has no value"},
    {"a =", 1, 4, "the file ends before the value of a"},
};

static void mistakes_that_people_make(UNUSED void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		const struct mistake *m = &mistakes[i];
		struct arena arena = {0};
		struct syntax_error e;

		if (!syntax_error_find(&arena, m->text, &e))
			fail_msg("nothing found in: %s", m->text);
		if (e.line != m->line || e.column != m->column || !strstr(e.text, m->expected))
			fail_msg("%s\n%d:%d: %s", m->text, e.line, e.column, e.text);
		arena_free(&arena);
	}
}

static void no_value_is_printed(UNUSED void **state)
{
	static const char *const texts[] = {"password = hunter2;",
					    "a = [ hunter2 ];",
					    "a = ( 1 hunter2 );",
					    "url = http://u:hunter2@x/;",
					    "a = 'hunter2';",
					    "password = \"x\" hunter2;",
					    "password = \"x\"y hunter2\"z\";"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct arena arena = {0};
		struct syntax_error e;

		assert_true(syntax_error_find(&arena, texts[i], &e));
		assert_null(strstr(e.text, "hunter2"));
		arena_free(&arena);
	}
}

static void groups_and_texts_that_are_open(UNUSED void **state)
{
	struct arena arena = {0};
	struct syntax_error e;

	/* The } of line 6 stands under `a`, but closes `b`. */
	assert_true(syntax_error_find(&arena, "a: {\n  b: {\n    c = 1;\n  d: {\n  };\n};\n", &e));
	assert_string_equal(e.about, "the group that has no } begins");
	assert_int_equal(e.about_line, 2);
	assert_int_equal(syntax_error_open_text("a = \"x\ny\"; b = \"u\nv"), 2);
	assert_int_equal(syntax_error_open_text("a = 1;\nb = \"x;\nc = \"prod\";\nd = \"y\";\n"),
			 2);
	arena_free(&arena);
}

/* ---- agreement with libconfig ---- */
static const char sample[] =
    "a = 1;\nb: { c = \"x\" \"y\"; d = [ 1, 2 ]; e = ( 1, \"z\", { f = true; g = 1.5e3 } ); };\n"
    "# comment\n/* another */ h = 0x1FL, j = -5L, i = [ ]\n";

/* libconfig takes a text or comment without an end; config_file refuses it before. */
static bool is_left_open(struct arena *a, const char *text)
{
	struct problems problems = {.arena = a};
	bool open = false;

	file_of("p.cfg", text, strlen(text), 0600);
	(void)config_file_read(a, "p.cfg", &problems);
	for (size_t i = 0; i < problems.n; i++)
		open |= strstr(problems.v[i].text, " that begins here has no ") != NULL;
	problems_free(&problems);
	return open;
}

static void compare(const char *text)
{
	struct arena arena = {0};
	struct syntax_error e;
	config_t config;
	bool good, found = syntax_error_find(&arena, text, &e);

	config_init(&config);
	good = config_read_string(&config, text) == CONFIG_TRUE;
	if (good == found && !is_left_open(&arena, text))
		fail_msg("libconfig takes it: %d; found: %s\n%s", good, found ? e.text : "nothing",
			 text);
	if (!good && found && e.line > config_error_line(&config))
		fail_msg("libconfig refuses line %d; found: line %d: %s\n%s",
			 config_error_line(&config), e.line, e.text, text);
	config_destroy(&config);
	arena_free(&arena);
}

/* Each character is left out, doubled, and replaced by each of those that matter. */
static void every_small_change(UNUSED void **state)
{
	static const char put[] = "=:;,{}[]()\"#/*-+.1aeEtL0 \n@'\\_";
	char text[sizeof sample + 1];

	compare(sample);
	for (size_t at = 0; at + 2 < sizeof sample; at++) { /* config_file ends each line */
		memcpy(text, sample, at);
		memcpy(text + at, sample + at + 1, sizeof sample - at - 1);
		compare(text);
		for (size_t i = 0; i + 1 < sizeof put; i++) {
			memcpy(text, sample, sizeof sample);
			text[at] = put[i];
			compare(text);
			text[at + 1] = '\0';
			memcpy(text + at + 1, sample + at, sizeof sample - at);
			compare(text);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mistakes_that_people_make),
	    cmocka_unit_test(no_value_is_printed),
	    cmocka_unit_test(groups_and_texts_that_are_open),
	    IN_A_FOLDER(every_small_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
