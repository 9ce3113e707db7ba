/* config_file: what libconfig does not read as its author meant, or reads without end: includes, long numbers, open texts. */
#include "config_file.h"

#include "folder.h"

struct world {
	struct arena arena;
	struct problems problems;
	struct node *root;
};

static void text_file(const char *name, const char *text)
{
	file_of(name, text, strlen(text), 0600);
}

static void load(struct world *w, const char *path)
{
	*w = (struct world){.problems.arena = &w->arena};
	w->root = config_file_read(&w->arena, path, &w->problems);
	assert_true(w->problems.n > 0 || w->root);
}

static void end(struct world *w)
{
	problems_free(&w->problems);
	arena_free(&w->arena);
}

/* Its first problem, as FILE:LINE: TEXT. */
static void wrong(const char *path, const char *expected)
{
	struct world w;
	char text[600] = "(read)";

	load(&w, path);
	if (w.problems.n)
		snprintf(text, sizeof text, "%s:%d: %s", w.problems.v[0].file, w.problems.v[0].line,
			 w.problems.v[0].text);
	if (!strstr(text, expected))
		fail_msg("\"%s\" is not \"%s\"", text, expected);
	end(&w);
}

static int64_t number(const struct world *w, const char *name)
{
	const struct node *n = node_child(w->root, name);

	assert_non_null(n);
	assert_int_equal(n->type, N_INT);
	return n->i;
}

/* libconfig alone takes the lower 32 bits of a long number and says nothing. */
static void long_numbers(UNUSED void **state)
{
	struct world w;

	text_file("p.cfg",
		  "a = 2147483647; b = 2147483648; c = 10000000000;\n"
		  "d = 999999999999999999; e = -5; f = 0x7fffffff; g = \"2147483648\";\n"
		  "w2147483648 = 1; # 2147483648\nh = [2147483649,2147483650\n]; i = 5000000000");
	load(&w, "p.cfg");
	assert_int_equal(w.problems.n, 0);
	assert_true(number(&w, "a") == 2147483647);
	assert_true(number(&w, "b") == 2147483648);
	assert_true(number(&w, "c") == 10000000000);
	assert_true(number(&w, "d") == 999999999999999999);
	assert_true(number(&w, "e") == -5);
	assert_true(number(&w, "f") == 2147483647);
	assert_true(number(&w, "i") == 5000000000);
	assert_string_equal(node_child(w.root, "g")->text, "2147483648");
	assert_true(node_child(w.root, "h")->first->next->i == 2147483650);
	assert_true(number(&w, "w2147483648") == 1);
	end(&w);
	text_file("p.cfg", "a = 1;\nb = 9999999999999999999;\n");
	wrong("p.cfg", "p.cfg:2: a number of more than 18 digits is out of range");
	text_file("p.cfg",
		  "a = 0xFFFFFFFF; b = 0x1FFFFFFFF; c = 0xF; d = 0.5; e = 0; f = 0x80000000L;");
	load(&w, "p.cfg");
	assert_true(number(&w, "a") == 4294967295 && number(&w, "b") == 8589934591);
	assert_true(number(&w, "c") == 15 && number(&w, "e") == 0);
	assert_true(number(&w, "f") == 2147483648);
	end(&w);
	text_file("p.cfg", "a = 0xFFFFFFFFFFFFFFFFFF;");
	wrong("p.cfg", "p.cfg:1: a hexadecimal number of more than 15 digits is out of range");
}

/* For libconfig 0640 is six hundred and forty. */
static void numbers_that_begin_with_a_zero(UNUSED void **state)
{
	static const char *const texts[] = {"a = 0640;", "a = [ 1, 007 ];", "a = -010;", "a = 00;"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		text_file("p.cfg", texts[i]);
		wrong("p.cfg", "p.cfg:1: a number begins with 0");
	}
	text_file("p.cfg", "a = 0.5; b = \"0640\"; # 0640\nc0640 = 0;");
	wrong("p.cfg", "(read)");
}

/* A text of another encoding, or with other line ends, has no lines that a message could name. */
static void what_is_no_text_of_lines(UNUSED void **state)
{
	static const char utf16[] = "\xFF\xFE"
				    "a\0=\0001\0;\0";

	file_of("p.cfg", utf16, sizeof utf16 - 1, 0600);
	wrong("p.cfg", "is UTF-16; save it as UTF-8");
	file_of("p.cfg", utf16 + 2, sizeof utf16 - 3, 0600);
	wrong("p.cfg", "is UTF-16, and lacks its mark too");
	text_file("p.cfg", "a = 1;\r# b\rc = 2;\r");
	wrong("p.cfg", "end with a carriage return alone");
	text_file("p.cfg", "a = 1;\r\n# b\r\nc = 2;\r\n");
	wrong("p.cfg", "(read)");
	text_file("p.cfg", "a = 1;\r");
	wrong("p.cfg", "(read)");
}

/* libconfig compares all names of a group with each other, so a large one is read in pieces; nothing of that is seen. */
static void large_groups(UNUSED void **state)
{
	const struct node *k;
	struct world w;
	struct str text;
	int i = 0;

	str_init(&text, 1024 * 1024);
	str_add(&text, "a = 1;\nk: {\n");
	for (i = 0; i < 2000; i++)
		str_addf(&text, "%s%d: { t = true; x: { y = %d; }; l = ( { q = 1; } ) } %s # }\n",
			 i == 99 ? "*x*" : "c", i, i,
			 i % 3   ? ""
			 : i % 2 ? ";"
				 : ",");
	str_add(&text, "/* } */ s = \"}\"; };\nz: { a = 1; }");
	text_file("p.cfg", text.s);
	load(&w, "p.cfg");
	assert_int_equal(w.problems.n, 0);
	assert_int_equal(node_count(w.root), 3);
	k = node_child(w.root, "k");
	assert_int_equal(node_count(k), 2001);
	assert_non_null(node_child(k, "*x*99"));
	i = 0;
	for (const struct node *c = k->first; c && c->type == N_GROUP; c = c->next, i++) {
		assert_int_equal(c->line, i + 3);
		assert_int_equal(node_child(node_child(c, "x"), "y")->i, i);
	}
	assert_string_equal(k->last->name, "s");
	end(&w);
	/* A name in two pieces, and a mistake behind many. */
	str_add(&text, "\nb = 'x';");
	text_file("p.cfg", text.s);
	wrong("p.cfg", "p.cfg:2005: syntax error at column 5: a text stands in double quotes");
	text.len = (size_t)(strstr(text.s, "/* }") - text.s);
	str_add(&text, "c5 = 1; };");
	text_file("p.cfg", text.s);
	wrong("p.cfg",
	      "p.cfg:2003: duplicate setting name: c5 is set twice in one group (the first "
	      "one stands on line 8)");
	str_free(&text);
}

static void includes(UNUSED void **state)
{
	struct world w;
	char text[200];

	folder("in");
	text_file("in/one.inc", "a = 1;\n \t@include\t \"two.inc\"\n");
	text_file("in/two.inc", "b = 2;\n");
	text_file("in/three.inc", "c = 3;");
	snprintf(text, sizeof text, "@include \"in/one.inc\"\n@include \"%s/in/three.inc\"\nd = 4;",
		 folder_root);
	text_file("p.cfg", text);
	load(&w, "p.cfg");
	assert_int_equal(w.problems.n, 0);
	assert_true(number(&w, "a") == 1 && number(&w, "b") == 2 && number(&w, "c") == 3);
	assert_string_equal(node_child(w.root, "b")->file, "in/two.inc");
	assert_int_equal(node_child(w.root, "b")->line, 1);
	assert_string_equal(node_child(w.root, "d")->file, "p.cfg");
	assert_int_equal(node_child(w.root, "d")->line, 3);
	end(&w);
	/* A line that only looks like one. */
	text_file("p.cfg",
		  "a = \"x\\\"\n@include \\\"none\\\"\"; /* \n@include \"none\" */ b = 2;\n");
	load(&w, "p.cfg");
	assert_int_equal(w.problems.n, 0);
	assert_true(number(&w, "b") == 2);
	end(&w);
}

static void includes_that_cannot_be(UNUSED void **state)
{
	text_file("p.cfg", "a = 1;\n@include\n");
	wrong("p.cfg", "p.cfg:2: @include needs a file name in quotes");
	text_file("p.cfg", "a = 1;\n@include \"x\n");
	wrong("p.cfg", "p.cfg:2: @include needs a file name in quotes");
	text_file("p.cfg", "a = 1;\n@include \"none.inc\"\n");
	wrong("p.cfg", "p.cfg:2: @include none.inc: No such file");
	text_file("p.cfg", "@include \"./p.cfg\"\n");
	wrong("p.cfg", "p.cfg:1: ./p.cfg includes itself");
	/* A pipe that nobody writes to would never end. */
	assert_int_equal(mkfifo("pipe", 0600), 0);
	wrong("pipe", "pipe:0: cannot read pipe: is not a file");
	text_file("p.cfg", "\n@include \"pipe\"\n");
	wrong("p.cfg", "p.cfg:2: @include pipe: is not a file");
	text_file("in.inc", "a = 1;\nb = = 2;\n");
	text_file("p.cfg", "\n\n@include \"in.inc\"\n");
	wrong("p.cfg", "in.inc:2: syntax error");
	file_of("p.cfg", "a = 1;\0b = 2;", 13, 0600);
	wrong("p.cfg", "p.cfg:0: is not text: it holds a NUL byte");
}

/* libconfig ends an open comment or text with the file and says nothing. */
static void what_is_left_open(UNUSED void **state)
{
	text_file("p.cfg", "a = 1;\nb = \"x\\");
	wrong("p.cfg", "p.cfg:2: the text that begins here has no closing quote");
	text_file("p.cfg", "a = 1;\n/* x\ny\n* /\nb = 2;");
	wrong("p.cfg", "p.cfg:2: the comment that begins here has no end");
	text_file("p.cfg", "a = \"x\ny\"; /* z\n*/ b = \"u\nv");
	wrong("p.cfg", "p.cfg:3: the text that begins here has no closing quote");
	text_file("p.cfg", "a = 1; /");
	wrong("p.cfg", "p.cfg:1: syntax error");
}

static void more_than_may_be_read(UNUSED void **state)
{
	static const char unit[] = "2147483648,";
	size_t n = CONFIG_FILE_TEXT_MAX + 1, used = 0;
	char *large = xmalloc(n);

	memset(large, '#', n);
	file_of("p.cfg", large, n, 0600);
	wrong("p.cfg", "p.cfg:0: more than 16 MiB with all it includes");
	file_of("half.inc", large, n / 2 + 100, 0600);
	text_file("p.cfg", "\n@include \"half.inc\"\n@include \"half.inc\"\n");
	wrong("p.cfg", "p.cfg:3: more than 16 MiB with all it includes");
	/* What must be added to each long number makes it too long. */
	while (used + sizeof unit < CONFIG_FILE_TEXT_MAX) {
		memcpy(large + used, unit, sizeof unit - 1);
		used += sizeof unit - 1;
	}
	file_of("p.cfg", large, used, 0600);
	wrong("p.cfg", "p.cfg:0: more than 16 MiB with all it includes");
	free(large);
}

static void one_value_of_the_command_line(UNUSED void **state)
{
	struct arena a = {0};
	struct node *n = config_file_read_value(&a, "key", "( { x = 1; }, \"y\" )");

	assert_string_equal(n->name, "key");
	assert_int_equal(n->type, N_LIST);
	assert_int_equal(n->first->type, N_GROUP);
	assert_string_equal(n->first->next->text, "y");
	assert_null(config_file_read_value(&a, "key", "( {"));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_FOLDER(long_numbers),
	    IN_A_FOLDER(numbers_that_begin_with_a_zero),
	    IN_A_FOLDER(what_is_no_text_of_lines),
	    IN_A_FOLDER(large_groups),
	    IN_A_FOLDER(includes),
	    IN_A_FOLDER(includes_that_cannot_be),
	    IN_A_FOLDER(what_is_left_open),
	    IN_A_FOLDER(more_than_may_be_read),
	    cmocka_unit_test(one_value_of_the_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
