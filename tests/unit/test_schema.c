/* Rows and values: what is printed reads back as the same, what is wrong is said, and rows that are wrong are found. */
#include "cm.h"

#include <math.h>
#include <stdlib.h>

#include "config_file.h"
#include "mode.h"
#include "schema_selftest.h"

#define ENOUGH 8192

static const char *const colours[] = {"red", "green", NULL};
static const char *const web[] = {"http", "https", NULL};

struct inner {
	const char *name;
	int64_t size;
};
static const struct key inner_keys[] = {
    KEY_STR(struct inner, name, .flags = K_REQUIRED, .doc = "What it is called.",
	    .example = "\"x\""),
    KEY_INT(struct inner, size, .min = "1", .max = "10", .doc = "How large it is.", .example = "3"),
    KEY_END};
static const struct schema inner_schema = {.size = sizeof(struct inner), .keys = inner_keys};

struct all {
	const char *str, *path, *address, *raw;
	int64_t number;
	double share;
	bool yes;
	struct duration wait, pause;
	struct size room, any_room;
	int colour;
	struct url url;
	struct urllist urls;
	struct secret password;
	struct json_text json;
	struct strlist words, digits;
	struct pairlist pairs, headers;
	const struct inner *one;
	struct grouplist many;
};
static const struct key all_keys[] = {
    KEY_STR(struct all, str, .flags = K_EMPTY, .doc = "A text."),
    KEY_PATH(struct all, path, .doc = "A path."),
    KEY_HOSTPORT(struct all, address, .doc = "An address."),
    KEY_STR(struct all, raw, .flags = K_RAW, .doc = "A regular expression."),
    KEY_INT(struct all, number, .min = "-5", .max = "10000", .doc = "A number."),
    KEY_NUM(struct all, share, .doc = "A share."),
    KEY_BOOL(struct all, yes, .def = "false", .doc = "Whether."),
    KEY_DURATION(struct all, wait, .min = "10ms", .max = "1h", .doc = "A span."),
    KEY_DURATION(struct all, pause, .max = "1h", .doc = "A span."),
    KEY_SIZE(struct all, room, .min = "10B", .max = "1GiB", .doc = "A size."),
    KEY_SIZE(struct all, any_room, .doc = "A size."),
    KEY_ENUM(struct all, colour, .choices = colours, .doc = "A colour."),
    KEY_URL(struct all, url, .schemes = web, .doc = "A URL."),
    KEY_URLLIST(struct all, urls, .schemes = web, .doc = "URLs."),
    KEY_SECRET(struct all, password, .doc = "A secret."),
    KEY_JSON(struct all, json, .doc = "JSON."),
    KEY_STRLIST(struct all, words, .doc = "Words."),
    KEY_STRLIST(struct all, digits, .flags = K_NUMBERS, .doc = "Numbers."),
    KEY_PAIRLIST(struct all, pairs, .doc = "Pairs."),
    KEY_PAIRLIST(struct all, headers, .flags = K_HEADERS, .doc = "Headers."),
    KEY_GROUP(struct all, one, struct inner, .sub = &inner_schema, .doc = "A group."),
    KEY_GROUPLIST(struct all, many, .sub = &inner_schema, .doc = "Groups."),
    KEY_END};
static const struct schema all_schema = {.size = sizeof(struct all), .keys = all_keys};

static const char *environment(const char *name)
{
	static char big[1024 * 1024 + 2];

	if (strcmp(name, "NOTANUMBER") == 0)
		return "nan";
	if (strcmp(name, "BIG") == 0)
		return memset(big, 'x', sizeof big - 1);
	return strcmp(name, "ODD") == 0     ? "a${b}$c\"\\"
	       : strcmp(name, "SEVEN") == 0 ? "7"
	       : strcmp(name, "_a9Z") == 0  ? "nine"
	       : strcmp(name, "EMPTY") == 0 ? ""
	       : strcmp(name, "YES") == 0   ? "true"
	       : strcmp(name, "SHARE") == 0 ? "0.25"
					    : NULL;
}

struct world {
	struct arena arena;
	struct problems problems;
	struct fill fill;
	struct all all;
};

/* How many errors there are in `KEY = VALUE;...`. */
static int read_all(struct world *w, const char *text)
{
	char group[ENOUGH];
	struct node *node;
	int errors;

	*w = (struct world){.problems.arena = &w->arena};
	w->fill =
	    (struct fill){.arena = &w->arena, .problems = &w->problems, .getenv = environment};
	snprintf(group, sizeof group, "{ %s }", text);
	node = config_file_read_value(&w->arena, "all", group);
	if (!node)
		fail_msg("%s", group);
	errors = schema_names(&all_schema, NULL, node, "all", &w->fill);
	return errors + schema_fill(&all_schema, node, "all", &w->all, &w->fill);
}

static void end(struct world *w)
{
	problems_free(&w->problems);
	arena_free(&w->arena);
}

static void print_all(const struct all *all, char *text, size_t size)
{
	struct str out;

	str_init(&out, size - 1);
	for (const struct key *k = all_keys; k->name; k++) {
		if (!key_is_given(k, all))
			continue;
		str_addf(&out, "%s = ", k->name);
		key_print(k, all, &out, 0);
		str_add(&out, ";");
	}
	snprintf(text, size, "%s", out.s);
	str_free(&out);
}

/* `text` prints as `expected`, and that reads and prints as itself. */
static void prints(const char *text, const char *expected)
{
	const char *words = text;

	for (int i = 0; i < 2; i++) {
		char printed[ENOUGH];
		struct world w;

		if (read_all(&w, words) != 0)
			fail_msg("%s: %s", words, w.problems.v[0].text);
		print_all(&w.all, printed, sizeof printed);
		assert_string_equal(printed, expected);
		end(&w);
		words = expected;
	}
}

static void what_is_printed_reads_back(UNUSED void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
	    {"", "yes = false;"},
	    {"str = \"\";", "str = \"\";yes = false;"},
	    {"str = \"a\\\"b\\\\c\\nd\\x01\\xe9\"; yes = true;",
	     "str = \"a\\\"b\\\\c\\nd\\x01\\xe9\";yes = true;"},
	    {"str = \"$${A} costs $$5 and $ 6\"; yes = true;",
	     "str = \"$${A} costs $5 and $ 6\";yes = true;"},
	    {"str = \"${ODD}\"; yes = true;", "str = \"a$${b}$c\\\"\\\\\";yes = true;"},
	    {"str = \"${NONE:-x${SEVEN}}${NONE:-}\"; yes = true;", "str = \"x7\";yes = true;"},
	    {"str = \"${_a9Z}${EMPTY:-x$$}${SEVEN:-y}${SEVEN:?z}5$\"; yes = true;",
	     "str = \"ninex$775$\";yes = true;"},
	    {"str = \"${A1:-${B2:-${C3:-deep}}}${EMPTY}\"; yes = true;",
	     "str = \"deep\";yes = true;"},
	    {"raw = \"^${A}$\"; yes = true;", "raw = \"^${A}$\";yes = true;"},
	    {"path = \"/a b\"; address = \"h:80\"; yes = true;",
	     "path = \"/a b\";address = \"h:80\";yes = true;"},
	    {"number = -5; share = 1; yes = true;", "number = -5;share = 1;yes = true;"},
	    {"number = \"${SEVEN}\"; share = \"${SHARE}\"; yes = \"${YES}\";",
	     "number = 7;share = 0.25;yes = true;"},
	    {"wait = \"1500ms\"; room = \"2MiB\"; colour = \"green\"; yes = true;",
	     "yes = true;wait = \"1500ms\";room = \"2MiB\";colour = \"green\";"},
	    {"number = 10000; wait = \"1h\"; pause = \"0s\"; any_room = \"0B\"; yes = true;",
	     "number = 10000;yes = true;wait = \"1h\";pause = \"0\";any_room = \"0B\";"},
	    {"wait = \"10ms\"; pause = \"1h\"; room = \"10B\"; any_room = \"8GiB\"; yes = true;",
	     "yes = true;wait = \"10ms\";pause = \"1h\";room = \"10B\";any_room = \"8192MiB\";"},
	    {"room = \"1GiB\"; yes = true;", "yes = true;room = \"1024MiB\";"},
	    {"room = \"3KiB\"; yes = true;", "yes = true;room = \"3KiB\";"},
	    {"room = \"1000B\"; yes = true;", "yes = true;room = \"1000B\";"},
	    {"url = \"http://h/p\"; urls = [\"http://a\", \"https://b:1/\"]; yes = true;",
	     "yes = true;url = \"http://h/p\";urls = [\"http://a\", \"https://b:1/\"];"},
	    {"password = \"env:PW\"; yes = true;", "yes = true;password = \"env:PW\";"},
	    {"password = \"file:/a\"; yes = true;", "yes = true;password = \"file:/a\";"},
	    {"json = \"{\\\"a\\\": 1}\"; yes = true;", "yes = true;json = \"{\\\"a\\\": 1}\";"},
	    {"words = [\"a\", \"${ODD}\"]; digits = (1, \"2-3\"); yes = true;",
	     "yes = true;words = [\"a\", \"a$${b}$c\\\"\\\\\"];digits = [\"1\", \"2-3\"];"},
	    {"words = \" a , b c\t,, d\"; digits = (1.5, \"x\"); yes = true;",
	     "yes = true;words = [\"a\", \"b c\", \"d\"];digits = [\"1.5\", \"x\"];"},
	    {"json = true; yes = true;", "yes = true;json = \"true\";"},
	    {"json = false; yes = true;", "yes = true;json = \"false\";"},
	    {"json = -5; yes = true;", "yes = true;json = \"-5\";"},
	    {"json = 0.5; yes = true;", "yes = true;json = \"0.5\";"},
	    {"url = \"file:/a\"; yes = true;", "yes = true;url = \"file:/a\";"},
	    {"pairs = [\"a  = b\", \"password=file:/p\"]; yes = true;",
	     "yes = true;pairs = [\"a=b\", \"password=file:/p\"];"},
	    {"headers = [\"A=b\"]; yes = true;", "yes = true;headers = [\"A: b\"];"},
	    {"pairs = [\"a=b=c\", \"d=env:E\"]; headers = [\"A:  b\"]; yes = true;",
	     "yes = true;pairs = [\"a=b=c\", \"d=env:E\"];headers = [\"A: b\"];"},
	    {"one = { name = \"n\"; size = 2; }; yes = true;",
	     "yes = true;one = { name = \"n\"; size = 2; };"},
	    {"many = (\"short\", { name = \"n\"; }); yes = true;",
	     "yes = true;many = (\n    { name = \"short\"; }, \n    { name = \"n\"; });"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		prints(rows[i].text, rows[i].printed);
}

static void what_is_wrong_is_said(UNUSED void **state)
{
	static const struct {
		const char *text, *words; /* of the first problem, where and what */
	} rows[] = {
	    {"nmuber = 1;", "did you mean \"number\""},
	    {"str = 1;", "must be text"},
	    {"path = \"\";", "is empty"},
	    {"number = \"x\";", "must be"},
	    {"number = -6;", "-6 is not between -5 and 10000"},
	    {"number = 10001;", "10001 is not between -5 and 10000"},
	    {"number = \"${SEVEN}x\";", "must be a whole number, not \"7x\""},
	    {"number = 1.5;", "must be"},
	    {"number = \"${NONE}\";", "NONE"},
	    {"share = \"x\";", "must be"},
	    {"share = \"${ODD}\";", "must be a number"},
	    {"share = \"${NOTANUMBER}\";", "must be a number"},
	    {"share = true;", "must be a number"},
	    {"share = \"${SEVEN}x\";", "must be a number, not \"7x\""},
	    {"yes = \"${SEVEN}\";", "must be true or false"},
	    {"yes = 1;", "must be"},
	    {"wait = 5;", "\"5s\""},
	    {"wait = 1.5;", "\"1.5s\", \"1.5ms\""},
	    {"wait = true;", "must be a time"},
	    {"wait = \"9ms\";", "9ms is not between 10ms and 1h"},
	    {"pause = \"61m\";", "61m is not between 0 and 1h"},
	    {"room = \"9B\";", "9B is not between 10B and 1GiB"},
	    {"room = \"1025MiB\";", "1025MiB is not between 10B and 1GiB"},
	    {"room = true;", "must be a size"},
	    {"room = \"1.2.3KiB\";", "is not a size"},
	    {"wait = \"5\";", "5"},
	    {"wait = \"1ms\";", "10ms"},
	    {"wait = \"2h\";", "1h"},
	    {"room = 5;", "needs a unit"},
	    {"room = \"5 apples\";", "size"},
	    {"room = \"x\";", "size"},
	    {"room = \"99999999999GiB\";", "size"},
	    {"colour = \"gren\";", "did you mean \"green\""},
	    {"colour = 1;", "must be"},
	    {"colour = \"${SEVEN}\";", "red"},
	    {"url = 1;", "must be"},
	    {"url = \"ftp://h\";", "http"},
	    {"url = \"h\";", "URL"},
	    {"urls = [];", "empty list"},
	    {"urls = [1];", "must be a URL"},
	    {"password = 1;", "must be"},
	    {"password = \"\";", "empty"},
	    {"password = \"env:\";", "env"},
	    {"password = \"file:\";", "is empty"},
	    {"password = \"env:${SEVEN}\";", "a secret takes no ${}"},
	    {"url = \"env:${SEVEN}\";", "a reference (env:NAME, file:/path) takes no ${}"},
	    {"password = \"${SEVEN}x\";", "a secret takes no ${} within a text"},
	    {"password = \"${SEVEN:-x}\";", "a secret takes no ${} within a text"},
	    {"pairs = [\"password=${SEVEN}x\"];", "password takes no ${} within a text"},
	    {"pairs = [\"no-password\"];", "\"...\" is not name=value"},
	    {"address = \"u:p@h:80\";", "has a user part"},
	    {"json = { };", "must be"},
	    {"words = [1];", "must be text"},
	    {"words = { a = 1; };", "must be a list of text, not a group"},
	    {"words = \" , \";", "is an empty list"},
	    {"json = (1);", "must be JSON, not a list"},
	    {"words = [\"\"];", "is empty"},
	    {"words = [\"${NONE}\"];", "NONE"},
	    {"digits = (true);", "must be text"},
	    {"pairs = [\"a\"];", "="},
	    {"pairs = [\"=b\"];", "="},
	    {"headers = [\"a\"];", "\"a\" is not"},
	    {"one = 1;", "must be a group"},
	    {"one = { };", "name"},
	    {"one = { name = \"n\"; size = 11; };", "11 is not between 1 and 10"},
	    {"one = { name = \"n\"; sise = 1; };", "did you mean \"size\""},
	    {"many = { name = \"n\"; };", "list"},
	    {"many = 1;", "must be"},
	    {"many = (1);", "must be"},
	    {"str = \"${\";", "${"},
	    {"str = \"${1}\";", "${"},
	    {"str = \"${A!}\";", "${"},
	    {"str = \"${A:}\";", "is not ${NAME}"},
	    {"str = \"${A:x}\";", "is not ${NAME}"},
	    {"str = \"${A:-$\";", "without its"},
	    {"str = \"${\xc3\xa9}\";", "is not ${NAME}"},
	    {"str = \"${9}\";", "is not ${NAME}"},
	    {"str = \"${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-x}}}}}}}}}\";",
	     "nested more than 8 deep"},
	    {"str = \"${BIG}\";", "is longer than 1 MiB"},
	    {"str = \"${NONE:?is missing}\";", "is missing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		if (read_all(&w, rows[i].text) == 0)
			fail_msg("%s is taken for right", rows[i].text);
		if (!strstr(w.problems.v[0].text, rows[i].words))
			fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text,
				 w.problems.v[0].text, rows[i].words);
		end(&w);
	}
}

static const char *never(UNUSED const char *text)
{
	return "is never right";
}

#define FINE .doc = "A sentence.", .example = "\"x\""
#define WITHOUT_EXAMPLE .name = "a", .doc = "A sentence."

/* Every row of the product goes through schema_selftest, so it must see what is wrong with one. */
static void wrong_rows_are_found(UNUSED void **state)
{
	static const struct {
		struct key key;
		const char *problem; /* NULL: none */
	} rows[] = {
	    {{.name = "a_1", .type = K_STR, FINE}, NULL},
	    {{.name = "aB", .type = K_STR, FINE}, "lower_snake"},
	    {{.name = "a-b", .type = K_STR, FINE}, "lower_snake"},
	    {{.name = "a", .type = K_STR, .example = "x"}, "sentence"},
	    {{.name = "a", .type = K_STR, .doc = "No full stop", .example = "x"}, "sentence"},
	    {{.name = "a", .type = K_STR, .doc = " A sentence.", .example = "x"}, "sentence"},
	    {{.name = "a", .type = K_STR, .doc = "Short.", .example = "x"}, "sentence"},
	    {{WITHOUT_EXAMPLE, .type = K_STR}, "neither example nor default"},
	    {{WITHOUT_EXAMPLE, .type = K_STR, .def = "x"}, NULL},
	    {{WITHOUT_EXAMPLE, .type = K_STR, .def = "x", .flags = K_REQUIRED},
	     "required and yet with a default"},
	    {{.name = "password", .type = K_STR, FINE}, "sounds secret"},
	    {{.name = "password", .type = K_SECRET, FINE}, NULL},
	    {{.name = "a", .type = K_GROUP, FINE}, "sub-schema"},
	    {{.name = "a", .type = K_STR, .sub = &inner_schema, FINE}, "sub-schema"},
	    {{.name = "a", .type = K_ENUM, FINE}, "without choices"},
	    {{.name = "a", .type = K_ENUM, .choices = colours, FINE}, NULL},
	    {{.name = "a", .type = K_ENUM, .choices = colours, .def = "blue", FINE}, "blue"},
	    {{.name = "a", .type = K_BOOL, FINE}, "without default"},
	    {{.name = "a", .type = K_DURATION, FINE}, "without its largest value"},
	    {{.name = "a", .type = K_DURATION, .max = "1h", FINE}, NULL},
	    {{.name = "a", .type = K_DURATION, .max = "1h", .def = "5 weeks", FINE}, "5 weeks"},
	    {{.name = "a", .type = K_DURATION, .max = "1h", .min = "1 week", FINE}, "1 week"},
	    {{.name = "a", .type = K_DURATION, .max = "1h", .min = "2h", FINE},
	     "2h is not between 2h and 1h"},
	    {{.name = "a", .type = K_INT, .max = "10M", FINE}, "without its least value"},
	    {{.name = "a", .type = K_INT, .min = "1", .max = "10M", FINE}, "10M"},
	    {{.name = "a", .type = K_INT, .min = "1", .max = "10", FINE}, NULL},
	    {{.name = "a", .type = K_INT, .min = "1", FINE}, "without its largest value"},
	    {{.name = "a", .type = K_SIZE, .min = "1", FINE}, "size with one bound"},
	    {{.name = "a", .type = K_SIZE, .min = "1", .max = "1GiB", FINE}, "\"1\" is not a size"},
	    {{.name = "a", .type = K_SIZE, .min = "1B", .max = "1GiB", FINE}, NULL},
	    {{.name = "a", .type = K_STR, .max = "9", FINE}, "bounds of what has none"},
	    {{.name = "a", .type = K_STR, .min = "9", FINE}, "bounds of what has none"},
	    {{.name = "a", .type = K_STR, .def = "x", .check = never, FINE}, "never right"},
	};
	char buf[400];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct key keys[] = {rows[i].key, KEY_END};
		const struct schema schema = {.size = sizeof(struct all), .keys = keys};
		const char *problem = schema_selftest(&schema, buf, sizeof buf);

		if (!problem != !rows[i].problem ||
		    (problem &&
		     (!strstr(problem, rows[i].problem) || !str_starts(problem, rows[i].key.name))))
			fail_msg("row %zu: \"%s\" is not \"%s\"", i, problem, rows[i].problem);
	}
}

static void a_wrong_row_of_a_group_is_found(UNUSED void **state)
{
	static const struct key bad[] = {{.name = "b", .type = K_STR, .doc = "x", .example = "x"},
					 KEY_END};
	static const struct schema sub = {.size = 8, .keys = bad};
	const struct key k = {
	    .name = "g", .type = K_GROUP, .doc = "A sentence.", .example = "{ }", .sub = &sub};
	const struct key keys[] = {k, KEY_END};
	const struct schema schema = {.size = sizeof(struct all), .keys = keys};
	char buf[400];

	assert_string_equal(schema_selftest(&schema, buf, sizeof buf),
			    "b: doc is not a sentence with a full stop");
}

/* startguard lint: a value of an environment that is not there is unknown, and no mistake. */
static void offline_the_unknown_is_no_mistake(UNUSED void **state)
{
	struct world w = {.problems.arena = &w.arena};
	struct node *node;

	w.fill = (struct fill){
	    .arena = &w.arena, .problems = &w.problems, .getenv = environment, .offline = true};
	node = config_file_read_value(
	    &w.arena, "all",
	    "{ str = \"${NONE}\"; number = \"${NONE}\"; share = \"${NONE}\";"
	    " yes = \"${NONE}\"; wait = \"${NONE}\"; room = \"${NONE}\"; colour = \"${NONE}\";"
	    " url = \"${NONE}\"; words = [\"${NONE}\"]; pairs = [\"a=${NONE}\"];"
	    " path = \"${NONE}\"; address = \"${NONE}\"; json = \"${NONE}\";"
	    " digits = \"${NONE:?give numbers}\"; }");
	assert_non_null(node);
	assert_int_equal(schema_fill(&all_schema, node, "all", &w.all, &w.fill), 0);
	assert_int_equal(w.problems.n, 0);
	assert_true(w.fill.unknown > 0);
	end(&w);
}

static void without_a_group_there_are_defaults(UNUSED void **state)
{
	struct world w = {.problems.arena = &w.arena};
	struct inner inner;

	w.fill = (struct fill){.arena = &w.arena, .problems = &w.problems, .getenv = environment};
	assert_int_equal(schema_fill(&all_schema, NULL, "all", &w.all, &w.fill), 0);
	assert_false(w.all.yes);
	assert_null(w.all.str);
	assert_int_equal(schema_fill(&inner_schema, NULL, "inner", &inner, &w.fill), 1);
	assert_string_equal(w.problems.v[0].text, "\"name\" is missing: What it is called.");
	assert_null(w.problems.v[0].file);
	end(&w);
}

static void modes_are_known_to_whoever_asks(UNUSED void **state)
{
	static const struct key keys[] = {{.name = "in",
					   .type = K_STRLIST,
					   .flags = K_MODES,
					   .offset = offsetof(struct all, words)},
					  KEY_END};
	static const struct schema schema = {.size = sizeof(struct all), .keys = keys};
	const struct modes_conf aliases = {.dev = {1, (const char *[]){"red"}}};
	struct world w = {.problems.arena = &w.arena};
	struct node *node = config_file_read_value(&w.arena, "m", "{ in = [\"red\", \"prod\"]; }");

	w.fill = (struct fill){.arena = &w.arena, .problems = &w.problems, .getenv = environment};
	w.fill.aliases = &aliases;
	assert_int_equal(schema_fill(&schema, node, "m", &w.all, &w.fill), 0);
	assert_int_equal(w.all.words.n, 2);
	w.fill.aliases = NULL;
	assert_int_equal(schema_fill(&schema, node, "m", &w.all, &w.fill), 1);
	assert_non_null(strstr(w.problems.v[0].text, "\"red\" is not a mode"));
	assert_int_equal(w.all.words.n, 0); /* nobody may walk over what could not be read */
	end(&w);
}

/* Two lists of rows share a group: the nearest name of either is suggested. */
static void names_of_two_lists(UNUSED void **state)
{
	struct world w = {.problems.arena = &w.arena};
	struct node *node = config_file_read_value(
	    &w.arena, "x", "{ name = 1; pasword = 2; nmae = 3; zebra = 4; }");

	w.fill = (struct fill){.arena = &w.arena, .problems = &w.problems, .getenv = environment};
	assert_int_equal(schema_names(&inner_schema, &all_schema, node, "x", &w.fill), 3);
	assert_non_null(strstr(w.problems.v[0].text, "did you mean \"password\"?"));
	assert_non_null(strstr(w.problems.v[1].text, "did you mean \"name\"?"));
	assert_string_equal(w.problems.v[2].text, "unknown key \"zebra\"");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_group_there_are_defaults),
	    cmocka_unit_test(modes_are_known_to_whoever_asks),
	    cmocka_unit_test(names_of_two_lists),
	    cmocka_unit_test(what_is_printed_reads_back),
	    cmocka_unit_test(what_is_wrong_is_said),
	    cmocka_unit_test(wrong_rows_are_found),
	    cmocka_unit_test(a_wrong_row_of_a_group_is_found),
	    cmocka_unit_test(offline_the_unknown_is_no_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
