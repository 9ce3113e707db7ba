/* cli: flag beats environment, a misspelt word is reported with the nearest one, and nothing is guessed. */
#include "cmd.h"

#include <stdlib.h>

#include "cm.h"

struct parsed {
	struct arena arena;
	struct cli cli;
	char why[512]; /* empty: it could be parsed */
};

static void parse(struct parsed *p, char **argv)
{
	struct err err;

	*p = (struct parsed){.why = ""};
	if (cli_parse(&p->cli, &p->arena, argv, &err) < 0)
		err_text(&err, p->why, sizeof p->why);
}

#define ARGV(...)                                       \
	(char *[])                                      \
	{                                               \
		(char *)"startguard", __VA_ARGS__, NULL \
	}
#define W(word) (char *)(word)

static void clear_environment(void)
{
	static const char *const names[] = {"STARTGUARD_PROFILE", "STARTGUARD_PROFILE_PATH",
					    "STARTGUARD_WAIT",    "STARTGUARD_MODE",
					    "STARTGUARD_TIMEOUT", "STARTGUARD_FAIL_ON_DEGRADED",
					    "STARTGUARD_FORMAT",  "STARTGUARD_PARALLEL",
					    "NO_COLOR",           "CLICOLOR_FORCE"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

static void mistakes_are_reported(UNUSED void **state)
{
	static const struct {
		const char *argv[6], *words;
	} rows[] = {
	    {{"rnu"}, "command \"rnu\" is not known; did you mean \"run\"?"},
	    {{"/bin/x"}, "to start it after the checks write: -- /bin/x ..."},
	    {{"run", "x"}, "unexpected word \"x\"; write -- before the command to start"},
	    {{"run", "x", "--", "y"}, "\"x\"; the command to start stands after --"},
	    {{"check", "x"}, "unexpected word \"x\""},
	    {{"http://api/health"}, "unexpected URL; write -w before each URL"},
	    {{"-w", "a:1", "http://b/", "--", "x"},
	     "write -w before each URL, or commas between them"},
	    {{"show", "http://b/"}, "write -w before each URL, or commas between them"},
	    {{"wait", "redis://a:1"}, "to wait for a URL write: startguard -w URL"},
	    {{"m.cfg"}, "unexpected word \"m.cfg\"; for a profile write -p m.cfg"},
	    {{"run", "m.cfg"}, "for a profile write -p m.cfg"},
	    {{"check", "m.cfg"}, "for a profile write -p m.cfg"},
	    {{"show", "m.cfg"}, "for a profile write -p m.cfg"},
	    {{"explain", "redis", "keys"},
	     "unexpected word \"keys\"; one key is written redis.keys"},
	    {{"check", "--", "x"}, "check starts no command; drop everything after --"},
	    {{"run", "--"}, "no command after --"},
	    {{"run", "-"}, "unexpected word \"-\""},
	    {{"lint"}, "usage: startguard lint PROFILE..."},
	    {{"codes", "a", "b"}, "unexpected word \"b\""},
	    {{"--porfile=x"}, "unknown option --porfile; did you mean --profile?"},
	    {{"--zebra"}, "unknown option --zebra; startguard run --help lists them"},
	    {{"codes", "--only=x"}, "--only is no option of codes"},
	    {{"--quiet=yes"}, "--quiet takes no value"},
	    {{"--timeout"}, "--timeout needs a value: SPAN"},
	    {{"--timeout=5"}, "--timeout: \"5\" is not a time such as 90s"},
	    {{"-t", "5"}, "-t: \"5\" is not a time"},
	    {{"-t5"}, "-t: \"5\" is not a time"},
	    {{"-qt"}, "-t needs a value: SPAN"},
	    {{"-x"}, "unknown option -x; startguard run --help lists them"},
	    {{"codes", "-q"}, "unknown option -q; startguard codes --help lists them"},
	    {{"--parallel=0"}, "--parallel: \"0\" is not a number from 1 to 1024"},
	    {{"--parallel", "1025"}, "\"1025\" is not a number from 1 to 1024"},
	    {{"--format=jsno"}, "--format \"jsno\" is not known; did you mean \"json\"?"},
	    {{"--format=zebra"}, "is not known; known: text, json, junit, tap, prometheus"},
	    {{"--color=red"}, "is not known; known: auto, always, never"},
	    {{"--output=x"}, "--output is for --format json, junit, tap or prometheus"},
	};

	clear_environment();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct parsed p;

		parse(&p, ARGV(W(rows[i].argv[0]), W(rows[i].argv[1]), W(rows[i].argv[2]),
			       W(rows[i].argv[3]), W(rows[i].argv[4])));
		if (!strstr(p.why, rows[i].words))
			fail_msg("%s %s: \"%s\" does not say \"%s\"", rows[i].argv[0],
				 rows[i].argv[1] ? rows[i].argv[1] : "", p.why, rows[i].words);
		arena_free(&p.arena);
	}
}

static void the_service_keeps_its_own_words(UNUSED void **state)
{
	struct parsed p;

	clear_environment();
	parse(&p, ARGV(W("-qv"), W("-pname"), W("-t"), W("1m"), W("--only"), W("a.*"),
		       W("--only=b"), W("--"), W("app"), W("--"), W("-q")));
	assert_string_equal(p.why, "");
	assert_int_equal(p.cli.command, CMD_RUN);
	assert_true(p.cli.report.quiet && p.cli.report.verbose);
	assert_string_equal(p.cli.profile.profile, "name");
	assert_int_equal(p.cli.profile.timeout.ns, DURATION_S(60).ns);
	assert_int_equal(p.cli.profile.only.n, 2);
	assert_string_equal(p.cli.profile.only.v[1], "b");
	assert_string_equal(p.cli.service[0], "app");
	assert_string_equal(p.cli.service[1], "--");
	assert_string_equal(p.cli.service[2], "-q");
	assert_string_equal(p.cli.profile.search_path, "/etc/startguard:profiles");
	arena_free(&p.arena);
}

/* Not even a name of its own, as execve allows. */
static void no_words_at_all(UNUSED void **state)
{
	char *none[] = {NULL}, *name[] = {W("startguard"), NULL};
	struct parsed p;

	clear_environment();
	parse(&p, none);
	assert_string_equal(p.why, "");
	assert_int_equal(p.cli.command, CMD_RUN);
	arena_free(&p.arena);
	parse(&p, name);
	assert_int_equal(p.cli.command, CMD_RUN);
	assert_null(p.cli.service);
	arena_free(&p.arena);
}

static void flag_beats_environment(UNUSED void **state)
{
	struct parsed p;

	clear_environment();
	setenv("STARTGUARD_PROFILE_PATH", "", 1); /* empty is not set */
	setenv("STARTGUARD_TIMEOUT", "", 1);
	setenv("STARTGUARD_WAIT", "  tcp://a:1\n\ttcp://b:2  ", 1);
	setenv("STARTGUARD_MODE", "dev", 1);
	setenv("STARTGUARD_FORMAT", "tap", 1);
	parse(&p, ARGV(W("check")));
	assert_string_equal(p.why, "");
	assert_string_equal(p.cli.profile.search_path, "/etc/startguard:profiles");
	assert_false(duration_is_set(p.cli.profile.timeout));
	assert_int_equal(p.cli.profile.waits.n, 2);
	assert_string_equal(p.cli.profile.waits.v[1], "tcp://b:2");
	assert_string_equal(p.cli.profile.mode_source, "STARTGUARD_MODE");
	assert_int_equal(p.cli.report.format, FORMAT_TAP);
	arena_free(&p.arena);
	parse(&p,
	      ARGV(W("check"), W("-w"), W("tcp://c:3"), W("-m"), W("prod"), W("--format=text")));
	assert_string_equal(p.why, "");
	assert_int_equal(p.cli.profile.waits.n, 1); /* the list is replaced, not made longer */
	assert_string_equal(p.cli.profile.waits.v[0], "tcp://c:3");
	assert_string_equal(p.cli.profile.mode, "prod");
	assert_string_equal(p.cli.profile.mode_source, "-m");
	assert_int_equal(p.cli.report.format, FORMAT_TEXT);
	arena_free(&p.arena);
	/* Of a command that has no such option it is no matter. */
	setenv("STARTGUARD_FORMAT", "zebra", 1);
	parse(&p, ARGV(W("codes")));
	assert_string_equal(p.why, "");
	arena_free(&p.arena);
	parse(&p, ARGV(W("check")));
	assert_non_null(strstr(p.why, "STARTGUARD_FORMAT \"zebra\" is not known"));
	arena_free(&p.arena);
	clear_environment();
	setenv("STARTGUARD_PROFILE_PATH", "/a:/b", 1);
	parse(&p, ARGV(W("check")));
	assert_string_equal(p.cli.profile.search_path, "/a:/b");
	arena_free(&p.arena);
	clear_environment();
}

static void switches_of_the_environment(UNUSED void **state)
{
	static const struct {
		const char *value;
		int on; /* -1: neither */
	} rows[] = {{"1", 1},  {"true", 1}, {"YES", 1}, {"on", 1},     {"0", 0},  {"false", 0},
		    {"No", 0}, {"OFF", 0},  {"2", -1},  {"maybe", -1}, {" 1", -1}};
	struct parsed p;

	clear_environment();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setenv("STARTGUARD_FAIL_ON_DEGRADED", rows[i].value, 1);
		parse(&p, ARGV(W("check")));
		assert_int_equal(p.why[0] != '\0', rows[i].on < 0);
		if (rows[i].on < 0)
			assert_non_null(strstr(p.why, "is neither on (1, true, yes, on) nor off"));
		else
			assert_int_equal(p.cli.fail_on_degraded, rows[i].on);
		arena_free(&p.arena);
	}
	clear_environment();
	parse(&p, ARGV(W("check"), W("--fail-on-degraded")));
	assert_true(p.cli.fail_on_degraded);
	arena_free(&p.arena);
}

static void help_and_version_work_everywhere(UNUSED void **state)
{
	struct parsed p;

	clear_environment();
	parse(&p, ARGV(W("lint"), W("-h")));
	assert_string_equal(p.why, "");
	assert_int_equal(p.cli.command, CMD_HELP);
	assert_string_equal(p.cli.words[0], "lint");
	arena_free(&p.arena);
	parse(&p, ARGV(W("--help")));
	assert_int_equal(p.cli.command, CMD_HELP);
	assert_int_equal(p.cli.n_words, 0);
	arena_free(&p.arena);
	parse(&p, ARGV(W("install"), W("-V")));
	assert_int_equal(p.cli.command, CMD_VERSION);
	arena_free(&p.arena);
}

static void colours(UNUSED void **state)
{
	static const struct {
		enum color asked;
		const char *no, *force, *term;
		bool color;
	} rows[] = {
	    {COLOR_ALWAYS, "1", NULL, "dumb", true}, {COLOR_NEVER, NULL, "1", "xterm", false},
	    {COLOR_AUTO, "1", "1", "xterm", false},  {COLOR_AUTO, "", "1", "dumb", true},
	    {COLOR_AUTO, NULL, "0", "dumb", false},  {COLOR_AUTO, NULL, "", "dumb", false},
	    {COLOR_AUTO, NULL, NULL, "dumb", false},
	};

	clear_environment();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct cli cli = {.color = rows[i].asked};
		const char *const names[] = {"NO_COLOR", "CLICOLOR_FORCE", "TERM"},
				  *const values[] = {rows[i].no, rows[i].force, rows[i].term};

		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			unsetenv(names[k]);
			if (values[k])
				setenv(names[k], values[k], 1);
		}
		assert_int_equal(cli_color(&cli), rows[i].color);
	}
	clear_environment();
}

static void health_is_asked_for_before_the_dashes(UNUSED void **state)
{
	struct parsed p;

	parse(&p, ARGV(W("check"), W("--nonsense"), W("--health")));
	assert_true(p.why[0] && p.cli.health);
	arena_free(&p.arena);
	parse(&p, ARGV(W("check"), W("--"), W("--health")));
	assert_true(p.why[0] && !p.cli.health);
	arena_free(&p.arena);
}

static void completion_knows_three_shells(UNUSED void **state)
{
	char *shells[] = {W("bash"), W("zsh"), W("fish")}, *unknown = W("tcsh");
	struct str b;
	struct err err;

	str_init(&b, 1 << 20);
	assert_int_equal(cmd_completion(&b, &(struct cli){.words = &unknown}, &err), -1);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		str_reset(&b);
		assert_int_equal(cmd_completion(&b, &(struct cli){.words = &shells[i]}, &err), 0);
		assert_non_null(strstr(b.s, "fail-on-degraded"));
		assert_null(strstr(b.s, "in-process")); /* not for everybody */
	}
	str_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mistakes_are_reported),
	    cmocka_unit_test(the_service_keeps_its_own_words),
	    cmocka_unit_test(no_words_at_all),
	    cmocka_unit_test(flag_beats_environment),
	    cmocka_unit_test(switches_of_the_environment),
	    cmocka_unit_test(help_and_version_work_everywhere),
	    cmocka_unit_test(colours),
	    cmocka_unit_test(health_is_asked_for_before_the_dashes),
	    cmocka_unit_test(completion_knows_three_shells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
