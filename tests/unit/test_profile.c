/* profile: what is wrong is said where it stands, once; what is right is decided for one mode; show prints it so that it
 * can be read again. */
#include "folder.h"

#include "cmd.h"
#include "kinds.h"
#include "profile.h"

#define LONG 4096

struct world {
	struct profile profile;
	struct problems problems;
};

static void load(struct world *w, const char *text, const struct profile_options *o)
{
	struct profile_options all = *o;

	file_of("p.cfg", text, strlen(text), 0600);
	*w = (struct world){.problems.arena = &w->profile.arena};
	all.profile = "p.cfg";
	profile_load(&w->profile, &all, &w->problems);
}

static void end(struct world *w)
{
	problems_free(&w->problems);
	arena_free(&w->profile.arena);
}

/* "LINE: WHERE: TEXT" */
static const char *problem_line(const struct problem *p, char *buf, size_t size)
{
	snprintf(buf, size, "%d: %s: %s", p->line, p->where, p->text);
	return buf;
}

static bool has_problem(const struct world *w, const char *words)
{
	char line[LONG];

	for (size_t i = 0; i < w->problems.n; i++)
		if (strstr(problem_line(&w->problems.v[i], line, sizeof line), words))
			return true;
	return false;
}

/* The counters are what exit codes are made of: they must be those of the list. */
static void counts_agree(const struct problems *p)
{
	size_t n[4] = {0};

	for (size_t i = 0; i < p->n; i++)
		n[p->v[i].kind]++;
	assert_int_equal(p->warnings, n[PROBLEM_WARNING]);
	assert_int_equal(p->policies, n[PROBLEM_POLICY]);
	assert_int_equal(p->errors, n[PROBLEM_ERROR] + n[PROBLEM_USAGE]);
}

static const struct profile_options plain = {.timeout = DURATION_UNSET},
				    dev = {.timeout = DURATION_UNSET,
					   .mode = "dev",
					   .mode_source = "-m"};

#define HEAD "startguard = 1;\n"
#define TCP "tcp: { a: { address = \"db:1\"; }; };\n"

static void each_problem_is_reported_once(UNUSED void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
	    {HEAD "mode = \"${NONE_SUCH}\"; " TCP, "2: mode: variable NONE_SUCH is not set"},
	    {HEAD "mode = 5; " TCP, "2: mode: must be text, not a number"},
	    {HEAD "mode = \"prd\"; " TCP, "2: mode: unknown mode \"prd\"; known: dev, staging"},
	    {HEAD "modes = 5; " TCP, "2: modes: must be a group { ... }, not a number"},
	    {HEAD "modes: { dev = [1]; };" TCP, "2: modes: dev: must be text, not a number"},
	    {HEAD "switches = 5; " TCP, "2: switches: must be a group of named groups"},
	    {HEAD "switches: { s = 5; }; " TCP, "2: switches.s: must be a group { ... }"},
	    {HEAD "switches: { s: { env = [\"9X\"]; degraded = \"x\"; }; }; " TCP,
	     "2: switches.s: env: \"9X\" is not the name of a variable"},
	    {HEAD
	     "switches: { s: { env = [\"X\"]; degraded = \"x\"; waives = [\"zebra.*\"]; }; }; " TCP,
	     "2: switches.s: waives \"zebra.*\": no kind is called so"},
	    {HEAD "tcp: { a: { address = \"db:1\"; required = false; degraded = \"x\"; "
		  "degraded_env = [\"A_PASSWORD=file:/x\"]; }; };",
	     "2: tcp.a: degraded_env: A_PASSWORD must have a plain value, not a secret"},
	    {HEAD "tcp: { a: { address = \"db:1\"; required = false; degraded = \"x\"; "
		  "degraded_env = [\"A=x\\ny\"]; }; };",
	     "2: tcp.a: degraded_env: A holds a line break"},
	    {HEAD
	     "tcp: { a: { address = \"db:1\"; timeout = \"1s\"; attempt_timeout = \"2s\"; }; };",
	     "2: tcp.a: attempt_timeout is longer than timeout"},
	    {HEAD "tcp: { a: { address = \"db:1\"; descripton = \"x\"; }; };",
	     "2: tcp.a: unknown key \"descripton\"; did you mean \"description\"?"},
	    {HEAD "tcp: { a: { address = \"db:1\"; after = [\"zebra\"]; }; };",
	     "2: tcp.a: after: no check is called \"zebra\""},
	    {HEAD "tcp: { a: { address = \"db:1\"; after = [\"file.b\"]; }; };\nfile = (1);",
	     "2: tcp.a: after: no check is called \"file.b\""},
	    {HEAD "tcp: { };\n" TCP, "duplicate setting name"},
	    {HEAD "env: { a: { required = true; }; };", "2: env.a: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		size_t n = 0;
		char line[LONG];

		load(&w, rows[i].text, &plain);
		for (size_t k = 0; k < w.problems.n; k++)
			n += strstr(problem_line(&w.problems.v[k], line, sizeof line),
				    rows[i].words) != NULL;
		if (n != 1)
			fail_msg("%s: \"%s\" is said %zu times; the first problem: %s",
				 rows[i].text, rows[i].words, n,
				 w.problems.n ? problem_line(w.problems.v, line, sizeof line)
					      : "none");
		assert_true(w.problems.errors > 0);
		counts_agree(&w.problems);
		end(&w);
	}
}

/* What the profile says of its mode is no mistake when the command line has the say. */
static void a_mode_on_the_command_line_counts(UNUSED void **state)
{
	static const char *const modes[] = {"mode = \"${NONE_SUCH}\";", "mode = 5;",
					    "mode = \"prd\";", ""};
	struct world w;
	char text[LONG];

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		snprintf(text, sizeof text, HEAD "%s\n" TCP, modes[i]);
		load(&w, text, &dev);
		assert_int_equal(w.profile.mode, MODE_DEV);
		assert_int_equal(w.profile.n, 1);
		assert_int_equal(w.problems.errors, 0);
		assert_int_equal(w.problems.warnings, i < 2);
		counts_agree(&w.problems);
		end(&w);
	}
}

static void an_unknown_mode_is_reported_with_its_source(UNUSED void **state)
{
	struct profile_options o = {
	    .timeout = DURATION_UNSET, .mode = "live", .mode_source = "STARTGUARD_MODE"};
	struct world w;

	load(&w, HEAD "mode = \"dev\"; modes: { prod = [\"live2\"]; };" TCP, &o);
	assert_true(has_problem(&w, "0: STARTGUARD_MODE: unknown mode \"live\"; known: "));
	assert_null(w.problems.v[0].file);
	assert_int_equal(w.problems.usages, 1);
	assert_int_equal(w.profile.mode, MODE_PROD);
	end(&w);
	o.mode = "live2";
	load(&w, HEAD "mode = \"dev\"; modes: { prod = [\"live2\"]; };" TCP, &o);
	assert_int_equal(w.problems.n, 0);
	assert_int_equal(w.profile.mode, MODE_PROD);
	end(&w);
}

static void a_profile_is_found_by_its_name(UNUSED void **state)
{
	struct arena a = {0};
	struct problems problems = {.arena = &a};

	folder("one");
	folder("two");
	file_of("two/learner.cfg", "", 0, 0600);
	file_of("two/lerner2.cfg", "", 0, 0600);
	file_of("two/leaner.txt", "", 0, 0600);
	assert_string_equal(profile_find(&a, "learner", ":one::two:", &problems),
			    "two/learner.cfg");
	assert_string_equal(profile_find(&a, "./x", "two", &problems), "./x");
	assert_string_equal(profile_find(&a, "x.cfg", "two", &problems), "x.cfg");
	assert_int_equal(problems.n, 0);
	assert_null(profile_find(&a, "lerner", "missing:one:two", &problems));
	assert_non_null(strstr(problems.v[0].text,
			       "no profile \"lerner\" in missing:one:two; did you "
			       "mean \"le"));
	assert_null(profile_find(&a, "zebra", "two", &problems));
	assert_string_equal(problems.v[1].text, "no profile \"zebra\" in two");
	problems_free(&problems);
	arena_free(&a);
}

static void nothing_to_check(UNUSED void **state)
{
	static const struct {
		const char *text, *words;
		bool offline, error;
	} rows[] = {
	    {HEAD, "no service and no check: a file for @include only", true, false},
	    {HEAD, "there is nothing to check in this mode", false, true},
	    {HEAD "service = \"x\";", "there is nothing to check in this mode", true, true},
	    {HEAD "tcp: { a: { address = \"h:1\"; only_in = [\"dev\"]; }; };",
	     "there is nothing to check in mode prod", true, false},
	    {HEAD "tcp: { a: { address = \"h:1\"; only_in = [\"dev\"]; }; };",
	     "there is nothing to check in this mode", false, true},
	};
	struct world w;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct profile_options o = {.timeout = DURATION_UNSET,
						  .offline = rows[i].offline};

		load(&w, rows[i].text, &o);
		assert_int_equal(w.problems.n, 1);
		assert_string_equal(w.problems.v[0].text, rows[i].words);
		assert_int_equal(w.problems.errors, rows[i].error);
		end(&w);
	}
	w = (struct world){.problems.arena = &w.profile.arena};
	profile_load(&w.profile, &plain, &w.problems);
	assert_int_equal(w.problems.errors, 1);
	assert_non_null(strstr(w.problems.v[0].text, "give a profile (-p) or a URL (-w)"));
	end(&w);
}

/* Beside a mistake it would be no news. */
static void a_mistake_is_enough(UNUSED void **state)
{
	struct world w;

	load(&w, HEAD "tpc: { a: { }; };", &plain);
	assert_int_equal(w.problems.n, 1);
	assert_string_equal(w.problems.v[0].text, "unknown kind \"tpc\"; did you mean \"tcp\"?");
	end(&w);
	load(&w, HEAD "zebra = 1;", &plain);
	assert_int_equal(w.problems.n, 1);
	assert_string_equal(w.problems.v[0].text, "unknown key \"zebra\"");
	end(&w);
}

static void times_of_the_run(UNUSED void **state)
{
	struct profile_options o = plain;
	struct world w;

	load(&w, HEAD "timeout = \"0\"; parallel = 7;" TCP, &o);
	assert_true(w.profile.timeout.ns == INT64_MAX);
	assert_int_equal(w.profile.parallel, 7);
	assert_string_equal(w.profile.service, "p");
	end(&w);
	o.timeout = DURATION_S(9);
	o.parallel = 3;
	load(&w, HEAD "service = \"s\"; parallel = 7;" TCP, &o);
	assert_int_equal(w.profile.timeout.ns, DURATION_S(9).ns);
	assert_int_equal(w.profile.parallel, 3);
	assert_string_equal(w.profile.service, "s");
	end(&w);
	o.timeout = (struct duration){0};
	load(&w, HEAD TCP, &o);
	assert_true(w.profile.timeout.ns == INT64_MAX);
	end(&w);
	/* Where nobody asked for either, a short time for all makes attempts short. */
	load(&w, HEAD "tcp: { a: { address = \"h:1\"; timeout = \"2s\"; }; };", &plain);
	assert_int_equal(w.profile.checks[0].common.attempt_timeout.ns, DURATION_S(2).ns);
	end(&w);
}

#define SWITCHED                                                                                   \
	HEAD "modes: { dev = [\"lab\"]; };\n"                                                      \
	     "switches: {\n"                                                                       \
	     "easy: { env = [\"EASY_1\", \"EASY_2\"]; allowed_in = [\"lab\"]; waives = "           \
	     "[\"tcp.a\"]; "                                                                       \
	     "degraded = \"no tcp\"; };\n"                                                         \
	     "idle: { env = [\"IDLE\"]; waives = [\"tcp.gone\", \"tcp.*\"]; degraded = \"none\"; " \
	     "}; };\n"                                                                             \
	     "tcp: { a: { address = \"h:1\"; };\n"                                                 \
	     "b: { address = \"h:2\"; required = false; degraded = \"no b\"; degraded_env = "      \
	     "[\"B=0\"]; after = [\"tcp.a\"]; };\n"                                                \
	     "c: { address = \"h:3\"; required_in = [\"prod\"]; degraded = \"no c\"; };\n"         \
	     "d: { address = \"h:4\"; timeout = \"1s\"; }; };"                                     \
	     "env: { e: { required = [\"HOME\"]; }; f: { required = false; degraded = \"x\"; "     \
	     "forbidden = [\"X\"]; }; };"

/* Decided for a mode, printed by show, read again: the same. */
static void what_is_shown_can_be_read_again(UNUSED void **state)
{
	struct profile_options o = {.timeout = DURATION_UNSET, .mode = "lab", .mode_source = "-m"};
	const char *skip[] = {"tcp.d"};
	struct world w;
	struct str shown, again;

	setenv("EASY_1", "off", 1);
	setenv("EASY_2", "Yes", 1);
	unsetenv("IDLE");
	o.skip = (struct strlist){1, skip};
	load(&w, SWITCHED, &o);
	assert_int_equal(w.problems.errors + w.problems.policies, 0);
	assert_int_equal(w.problems.warnings, 0);
	assert_string_equal(w.profile.checks[0].waived_by->set_by, "EASY_2");
	assert_false(w.profile.checks[1].required);
	assert_int_equal(w.profile.checks[1].after[0], 0);
	assert_false(w.profile.checks[2].required);
	assert_true(w.profile.checks[3].skipped);
	assert_false(w.profile.checks[5].required);
	str_init(&shown, 65536);
	show_profile(&shown, &w.profile);
	assert_non_null(strstr(shown.s, "a: { # tcp.a: required, waived by EASY_2\n"));
	assert_non_null(strstr(shown.s, "b: { # tcp.b: may degrade\n"));
	assert_non_null(strstr(shown.s, "d: { # tcp.d: required, left out\n"));
	assert_non_null(strstr(shown.s, "easy: { # on by EASY_2\n"));
	assert_non_null(strstr(shown.s, "idle: { # off\n"));
	assert_non_null(strstr(shown.s, "mode = \"dev\";\n"));
	assert_non_null(strstr(shown.s, "modes: {\n"));
	end(&w);
	load(&w, shown.s, &o);
	assert_int_equal(w.problems.errors + w.problems.policies, 0);
	assert_int_equal(w.profile.n, 6);
	str_init(&again, 65536);
	show_profile(&again, &w.profile);
	assert_string_equal(again.s, shown.s);
	str_free(&again);
	str_free(&shown);
	end(&w);
	unsetenv("EASY_1");
	unsetenv("EASY_2");
}

static void switches_that_are_not_allowed(UNUSED void **state)
{
	struct world w;

	setenv("EASY_1", "1", 1);
	setenv("EASY_2", "maybe", 1);
	setenv("IDLE", "on", 1);
	load(&w, SWITCHED, &plain);
	assert_int_equal(w.problems.policies, 3);
	assert_int_equal(w.problems.errors, 0);
	assert_true(has_problem(
	    &w, "4: switches.easy: EASY_1 is on in mode prod, allowed only in lab: no tcp"));
	assert_true(
	    has_problem(&w, "4: switches.easy: EASY_2 is set to something that is neither on"));
	assert_true(has_problem(
	    &w, "5: switches.idle: IDLE is on in mode prod, allowed only in no mode: none"));
	assert_null(w.profile.checks[0].waived_by);
	counts_agree(&w.problems);
	end(&w);
	unsetenv("EASY_1");
	unsetenv("EASY_2");
	unsetenv("IDLE");
}

/* ---- -w ---------------------------------------------------------------------------------------------------------------- */
static void checks_from_urls(UNUSED void **state)
{
	const char *urls[] = {"tcp://h:1", "tcp://h:1", "tcp://h:1", "dns://n", "htpt://x"};
	struct profile_options o = plain;
	struct world w = {.problems.arena = &w.profile.arena};
	struct str shown;

	o.waits = (struct strlist){ARRAY_LEN(urls), urls};
	profile_load(&w.profile, &o, &w.problems);
	assert_int_equal(w.profile.n, 4);
	assert_string_equal(w.profile.checks[0].id, "tcp.h:1");
	assert_string_equal(w.profile.checks[1].id, "tcp.h:1-2");
	assert_string_equal(w.profile.checks[2].id, "tcp.h:1-3");
	assert_string_equal(w.profile.service, "-");
	assert_true(
	    has_problem(&w, "--wait number 5: unknown scheme \"htpt\"; did you mean \"http\"?"));
	assert_int_equal(w.problems.usages, 1);
	str_init(&shown, 65536);
	show_profile(&shown, &w.profile);
	assert_non_null(strstr(shown.s, "tcp: {\n  h_1: { # tcp.h:1: required\n"));
	assert_non_null(strstr(shown.s, "};\ndns: {\n"));
	str_free(&shown);
	end(&w);
}

/* ---- try --------------------------------------------------------------------------------------------------------------- */
static void try_with(struct world *w, const char *kind, const char *const *words)
{
	*w = (struct world){.problems.arena = &w->profile.arena};
	profile_try(&w->profile, &plain, kind, (char *const *)words, &w->problems);
}

#define WORDS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void mistakes_of_try(UNUSED void **state)
{
	static const struct {
		const char *kind, *word, *words;
	} rows[] = {
	    {"tpc", "address=h:1", "unknown kind \"tpc\"; did you mean \"tcp\"?"},
	    {"zebra", "address=h:1", "unknown kind \"zebra\""},
	    {"tcp", "address", "word 1: is not KEY=VALUE"},
	    {"tcp", "=h:1", "word 1: is not KEY=VALUE"},
	    {"tcp", "adress=h:1", "unknown key \"adress\"; did you mean \"address\"?"},
	    {"http", "json=({", "json: is not a list or group as it would stand in a profile"},
	    {"tcp", "required_in=[\"nowhere\"]", "\"nowhere\" is not a mode"},
	    {"tcp", "address=(h:1)", "address: \"(h:1)\" is not host:port"},
	    {"tcp", "zebra={", "zebra: is not a list or group"},
	};
	struct world w;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		try_with(&w, rows[i].kind, WORDS(rows[i].word));
		if (!has_problem(&w, rows[i].words))
			fail_msg("%s %s does not give \"%s\"", rows[i].kind, rows[i].word,
				 rows[i].words);
		assert_int_equal(w.problems.usages, w.problems.errors);
		end(&w);
	}
	try_with(&w, "tcp", WORDS("address=h:1", "address=h:2"));
	assert_true(has_problem(&w, "address: is given twice"));
	end(&w);
}

static void values_of_try(UNUSED void **state)
{
	struct world w;
	struct str shown;

	try_with(&w, "http",
		 WORDS("url=http://h/", "headers=[\"A: b\"]", "status=2xx,404", "follow=3",
		       "required=false", "degraded=x", "json=({ at = \"/a\"; })"));
	assert_int_equal(w.problems.n, 0);
	str_init(&shown, 65536);
	show_profile(&shown, &w.profile);
	assert_non_null(strstr(shown.s, "headers = [\"A: b\"];"));
	assert_non_null(strstr(shown.s, "status = [\"2xx\", \"404\"];"));
	assert_non_null(strstr(shown.s, "follow = 3;"));
	assert_non_null(strstr(shown.s, "required = false;"));
	assert_non_null(strstr(shown.s, "json = ({ at = \"/a\"; });"));
	str_free(&shown);
	end(&w);
	try_with(&w, "env", WORDS("required=HOME,PATH"));
	assert_int_equal(w.problems.n, 0);
	/* a list of variables is not the check's own key */
	assert_true(w.profile.checks[0].required);
	end(&w);
	try_with(&w, "env", WORDS("required=false", "degraded=x", "forbidden=X"));
	assert_int_equal(w.problems.n, 0);
	assert_false(w.profile.checks[0].required);
	end(&w);
	try_with(&w, "tcp", WORDS("address=[::1]:80"));
	assert_int_equal(w.problems.n, 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_FOLDER(each_problem_is_reported_once),
	    IN_A_FOLDER(a_mode_on_the_command_line_counts),
	    IN_A_FOLDER(an_unknown_mode_is_reported_with_its_source),
	    IN_A_FOLDER(a_profile_is_found_by_its_name),
	    IN_A_FOLDER(nothing_to_check),
	    IN_A_FOLDER(a_mistake_is_enough),
	    IN_A_FOLDER(times_of_the_run),
	    IN_A_FOLDER(what_is_shown_can_be_read_again),
	    IN_A_FOLDER(switches_that_are_not_allowed),
	    IN_A_FOLDER(checks_from_urls),
	    IN_A_FOLDER(mistakes_of_try),
	    IN_A_FOLDER(values_of_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
