/* The reports of the end, from results made by hand: what a tool reads must be right for every outcome and every text. */
#include "report.h"

#include <unistd.h>

#include "cm.h"

#define CHECKS 7
#define ENOUGH 65536

struct world {
	struct profile profile;
	struct profile_check checks[CHECKS];
	struct profile_switch easy;
	struct run run;
};

static struct check_kind some_kind = {.name = "kind"};

/* One check for each outcome; check k has outcome k but where the table says otherwise. */
static void begin(struct world *w, size_t n)
{
	static const char *const ids[CHECKS] = {"kind.a", "kind.b", "kind.c", "kind.d",
						"kind.e", "kind.f", "kind.g"};

	*w = (struct world){0};
	w->easy =
	    (struct profile_switch){.name = "easy", .set_by = "EASY", .conf.degraded = "no names"};
	for (size_t i = 0; i < n; i++)
		w->checks[i] = (struct profile_check){.id = ids[i],
						      .name = ids[i] + 5,
						      .kind = &some_kind,
						      .required = true,
						      .common.timeout = DURATION_UNSET};
	w->profile = (struct profile){.service = "s",
				      .mode = MODE_PROD,
				      .timeout = DURATION_FOREVER,
				      .parallel = 8,
				      .checks = w->checks,
				      .n = n};
	run_init(&w->run, &w->profile, (struct instant){1}, false, 7);
	w->run.ended = (struct instant){DURATION_MS(100).ns + 1};
}

static void every_outcome(struct world *w)
{
	begin(w, CHECKS);
	for (size_t i = 0; i < CHECKS; i++)
		w->run.outcomes[i].outcome = (enum outcome)i;
	diag_set(&w->run.outcomes[OUTCOME_DEGRADED].diag, D_CONNECT_REFUSED, "b:1", "refused");
	diag_set(&w->run.outcomes[OUTCOME_FAIL].diag, D_AUTH_FAILED, "", "%s", "");
	diag_set(&w->run.outcomes[OUTCOME_BROKEN].diag, D_GUARD_BUG, "x", "broken <&>");
	diag_hint(&w->run.outcomes[OUTCOME_BROKEN].diag, "its own hint");
	w->checks[OUTCOME_DEGRADED].common.degraded = "no b";
	w->checks[OUTCOME_DEGRADED].required = false;
	w->checks[OUTCOME_PASS].common.degraded = "never said";
	w->checks[OUTCOME_WAIVED].waived_by = &w->easy;
	snprintf(w->run.outcomes[OUTCOME_PASS].summary,
		 sizeof w->run.outcomes[OUTCOME_PASS].summary, "fine");
	run_override(&w->run, 69, "because");
}

/* In this order. */
static void in_order(const struct str *b, const char *const *words)
{
	const char *p = b->s;

	for (; *words; words++) {
		const char *at = strstr(p, *words);

		if (!at)
			fail_msg("\"%s\" is missing, or at another place:\n%s", *words, b->s);
		p = at + strlen(*words);
	}
}

static size_t count(const struct str *b, const char *word)
{
	size_t n = 0;

	for (const char *p = b->s; (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

static void numbers_of_json(void **state)
{
	static const struct {
		const char *value, *json;
	} rows[] = {
	    {"0", "0"},
	    {"-0", "-0"},
	    {"12", "12"},
	    {"-12.50", "-12.50"},
	    {"0.5", "0.5"},
	    {"true", "true"},
	    {"false", "false"},
	    {"007", "\"007\""},
	    {"", "\"\""},
	    {"-", "\"-\""},
	    {"1.", "\"1.\""},
	    {".5", "\".5\""},
	    {"1.2.3", "\"1.2.3\""},
	    {"1e5", "\"1e5\""},
	    {"0x1", "\"0x1\""},
	    {"True", "\"True\""},
	    {"1 ", "\"1 \""},
	    {"123456789012345", "123456789012345"},
	    {"1234567890123456", "\"1234567890123456\""},
	    {"nan", "\"nan\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;
		struct str b;
		char expected[100];

		begin(&w, 1);
		snprintf(w.run.outcomes[0].facts[0].key, FACT_KEY_MAX, "n");
		snprintf(w.run.outcomes[0].facts[0].value, FACT_VALUE_MAX, "%s", rows[i].value);
		w.run.outcomes[0].n_facts = 1;
		run_override(&w.run, 69, "because");
		str_init(&b, ENOUGH);
		report_json(&b, &w.run, "then");
		snprintf(expected, sizeof expected, "\"facts\": {\"n\": %s}", rows[i].json);
		if (!strstr(b.s, expected))
			fail_msg("%s is missing in:\n%s", expected, b.s);
		str_free(&b);
		run_free(&w.run);
	}
}

static void findings_of_json(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	every_outcome(&w);
	str_init(&b, ENOUGH);
	report_json(&b, &w.run, "then");
	in_order(&b, (const char *const[]){"\"id\": \"kind.a\"",
					   "\"outcome\": \"pending\"",
					   "\"code\": null",
					   "\"id\": \"kind.b\"",
					   "\"outcome\": \"pass\"",
					   "\"id\": \"kind.c\"",
					   "\"outcome\": \"degraded\"",
					   "\"code\": \"connect-refused\"",
					   "\"retryable\": true",
					   "\"subject\": \"b:1\"",
					   "\"cause\": \"refused\"",
					   "\"degraded\": \"no b\"",
					   "\"id\": \"kind.d\"",
					   "\"code\": \"auth-failed\"",
					   "\"retryable\": false",
					   "\"id\": \"kind.e\"",
					   "\"hint\": \"its own hint\"",
					   "\"outcome\": \"waived\"",
					   "\"degraded\": \"no names\"",
					   "\"waived_by\": \"EASY\"",
					   "\"outcome\": \"skipped\"",
					   NULL});
	assert_null(strstr(b.s, "never said"));
	/* The peer said nothing: the code's title is the cause. */
	assert_non_null(strstr(b.s, diag_info(D_AUTH_FAILED)->title));
	assert_non_null(strstr(b.s, diag_info(D_AUTH_FAILED)->hint));
	str_free(&b);
	run_free(&w.run);
}

static void outcomes_of_junit(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	every_outcome(&w);
	str_init(&b, ENOUGH);
	report_junit(&b, &w.run, "2026-01-01T00:00:00.000Z");
	in_order(&b, (const char *const[]){
			 "tests=\"7\" failures=\"2\" errors=\"1\" skipped=\"3\" time=\"0.100\"",
			 "name=\"a\"", "<failure type=\"pending\"", "name=\"b\"", "/>",
			 "name=\"c\"", "<skipped>connect-refused: b:1: refused</skipped>",
			 "name=\"d\"", "<failure type=\"auth-failed\"", "name=\"e\"",
			 "message=\"guard-bug: x: broken &lt;&amp;&gt;\">its own hint</error>",
			 "name=\"f\"", "<skipped>waived by switches.easy</skipped>", "name=\"g\"",
			 "<skipped>left out on request</skipped>", NULL});
	str_reset(&b);
	/* Where degraded is not allowed, what degraded has failed. */
	w.run.fail_on_degraded = true;
	report_junit(&b, &w.run, "2026-01-01T00:00:00.000Z");
	in_order(&b, (const char *const[]){"failures=\"5\" errors=\"1\" skipped=\"0\"",
					   "<failure type=\"connect-refused\"", NULL});
	str_free(&b);
	run_free(&w.run);
}

static void points_of_tap(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	every_outcome(&w);
	str_init(&b, ENOUGH);
	report_tap(&b, &w.run);
	in_order(&b, (const char *const[]){
			 "TAP version 14\n1..7\n", "not ok 1 - kind.a\n", "ok 2 - kind.b\n",
			 "not ok 3 - kind.c # TODO degraded\n", "not ok 4 - kind.d\n",
			 "  code: \"auth-failed\"\n  hint: ", "not ok 5 - kind.e\n",
			 "ok 6 - kind.f # SKIP waived\n", "ok 7 - kind.g # SKIP skipped\n", NULL});
	assert_null(strstr(b.s, "subject: \"\""));
	str_reset(&b);
	w.checks[OUTCOME_BROKEN].required = false; /* then it does not block */
	report_tap(&b, &w.run);
	in_order(&b, (const char *const[]){"not ok 5 - kind.e # TODO broken\n", NULL});
	str_reset(&b);
	w.run.fail_on_degraded = true;
	report_tap(&b, &w.run);
	in_order(&b, (const char *const[]){"not ok 3 - kind.c\n", "not ok 5 - kind.e\n",
					   "not ok 6 - kind.f\n", "not ok 7 - kind.g\n", NULL});
	str_free(&b);
	run_free(&w.run);
}

/* All checks passed and the run is blocked all the same: a reader must see a failure. */
static void blocked_by_no_check(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	begin(&w, 1);
	w.run.outcomes[0].outcome = OUTCOME_PASS;
	run_override(&w.run, EXIT_CANNOT_RUN, "the command cannot be run");
	str_init(&b, ENOUGH);
	report_junit(&b, &w.run, "2026-01-01T00:00:00.000Z");
	in_order(&b, (const char *const[]){
			 "tests=\"2\" failures=\"0\" errors=\"1\"",
			 "<testcase classname=\"startguard\" name=\"run\"",
			 "<error type=\"blocked\" message=\"startguard: BLOCKED (126): the command",
			 NULL});
	str_reset(&b);
	report_tap(&b, &w.run);
	in_order(&b, (const char *const[]){"1..2\nok 1 - kind.a\nnot ok 2 - startguard\n",
					   "  code: \"blocked\"\n", NULL});
	str_free(&b);
	run_free(&w.run);
}

/* A run that could not begin: its errors are results, its warnings are not. */
static void problems_without_their_warnings(void **state)
{
	struct arena a = {0};
	struct problems problems = {.arena = &a};
	struct world w;
	struct str b;

	(void)state;
	begin(&w, 0);
	problem_add(&problems, PROBLEM_WARNING, D_NONE, "p.cfg", 1, "x", "only a warning");
	problem_add(&problems, PROBLEM_ERROR, D_NONE, "p.cfg", 2, "tcp.a", "wrong");
	problem_add(&problems, PROBLEM_USAGE, D_NONE, NULL, 0, "--only", "no such check");
	problem_add(&problems, PROBLEM_POLICY, D_SWITCH_FORBIDDEN, "p.cfg", 3, "", "not here");
	w.run.problems = &problems;
	run_override(&w.run, EXIT_PROFILE, "wrong");
	str_init(&b, ENOUGH);
	report_junit(&b, &w.run, "2026-01-01T00:00:00.000Z");
	in_order(&b, (const char *const[]){
			 "tests=\"3\" failures=\"0\" errors=\"3\"", "name=\"tcp.a profile\"",
			 "<error type=\"profile\" message=\"p.cfg:2: tcp.a: wrong\"",
			 "name=\"--only usage\"", "message=\"--only: no such check\"",
			 "name=\"switch-forbidden\"", "message=\"p.cfg:3: not here\"", NULL});
	assert_int_equal(count(&b, "<testcase"), 3);
	assert_null(strstr(b.s, "only a warning"));
	str_reset(&b);
	report_tap(&b, &w.run);
	in_order(&b, (const char *const[]){
			 "1..3\nnot ok 1 - startguard\n", "\"profile\"", "not ok 2 - startguard\n",
			 "\"usage\"", "not ok 3 - startguard\n", "\"switch-forbidden\"", NULL});
	assert_null(strstr(b.s, "only a warning"));
	str_free(&b);
	run_free(&w.run);
	problems_free(&problems);
	arena_free(&a);
}

/* Names are cleaned when they are read; each format must escape any text all the same. */
static void names_that_need_care(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	begin(&w, 1);
	w.profile.service = "a\"b\\c\nd<e>&'f'\xef\xbf\xbe\xef\xbf\xbf\x01g";
	run_override(&w.run, 69, "because");
	str_init(&b, ENOUGH);
	report_junit(&b, &w.run, "2026-01-01T00:00:00.000Z");
	in_order(&b, (const char *const[]){"name=\"a&quot;b\\c d&lt;e&gt;&amp;&apos;f&apos;?? g\"",
					   NULL});
	str_reset(&b);
	report_prometheus(&b, &w.run);
	in_order(&b, (const char *const[]){"service=\"a\\\"b\\\\c\\nd<e>&'f'", NULL});
	str_free(&b);
	run_free(&w.run);
}

static void series_of_prometheus(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	every_outcome(&w);
	str_init(&b, ENOUGH);
	report_prometheus(&b, &w.run);
	in_order(&b,
		 (const char *const[]){
		     "status=\"ready\"} 0\n", "status=\"degraded\"} 0\n", "status=\"blocked\"} 1\n",
		     "startguard_exit_code{service=\"s\",mode=\"prod\"} 69\n",
		     "id=\"kind.b\",required=\"true\",outcome=\"pass\",code=\"\"} 1\n",
		     "id=\"kind.c\",required=\"false\",outcome=\"degraded\",code=\"connect-"
		     "refused\"} 0\n",
		     NULL});
	assert_int_equal(count(&b, "startguard_check_passed{"), CHECKS);
	run_free(&w.run);
	begin(&w, 0);
	run_override(&w.run, 78, "because");
	str_reset(&b);
	report_prometheus(&b, &w.run);
	assert_null(strstr(b.s, "startguard_check"));
	str_free(&b);
	run_free(&w.run);
}

/* The variables of the service: degraded checks, and those that were waived or skipped. */
static void add_line(void *ctx, const char *name, const char *value)
{
	str_addf(ctx, "%s=%s\n", name, value);
}

static void environment_of_the_service(void **state)
{
	struct world w;
	struct str b;

	(void)state;
	every_outcome(&w);
	str_init(&b, ENOUGH);
	report_environment(&w.run, NULL, 1000, add_line, &b);
	assert_string_equal(b.s, "STARTGUARD_STATUS=blocked\nSTARTGUARD_MODE=prod\n"
				 "STARTGUARD_DEGRADED=kind.c,kind.e\n"
				 "STARTGUARD_WAIVED=kind.f,kind.g\n");
	str_reset(&b);
	report_environment(&w.run, "/r", 16, add_line, &b);
	in_order(&b, (const char *const[]){"DEGRADED=kind.c,...\n", "WAIVED=kind.f,...\n",
					   "STARTGUARD_REPORT_FILE=/r\n", NULL});
	str_free(&b);
	run_free(&w.run);
}

/* ---- text ---------------------------------------------------------------------------------------------------------------- */
static void a_block_without_words_of_the_peer(void **state)
{
	struct world w;
	struct text_style style;
	struct str b;

	(void)state;
	every_outcome(&w);
	style = text_style(&w.profile, false);
	str_init(&b, ENOUGH);
	text_block(&b, &style, OUTCOME_FAIL, &w.run, OUTCOME_FAIL, DURATION_UNSET, 3);
	assert_true(str_starts(b.s, "FAIL      kind.d           auth-failed (3 attempts)\n"));
	in_order(&b, (const char *const[]){"          cause:   ", diag_info(D_AUTH_FAILED)->title,
					   "          hint:    ", NULL});
	str_reset(&b);
	text_block(&b, &style, OUTCOME_PENDING, &w.run, OUTCOME_PENDING, DURATION_UNSET, 0);
	assert_string_equal(b.s, "PENDING   kind.a\n");
	str_reset(&b);
	text_finding(&b, &w.run.outcomes[OUTCOME_FAIL], 1);
	assert_string_equal(b.s, "auth-failed");
	str_reset(&b);
	text_line(&b, &style, OUTCOME_PASS, "kind.b", DURATION_UNSET, "");
	assert_string_equal(b.s, "PASS      kind.b\n");
	str_free(&b);
	run_free(&w.run);
}

/* ---- the live view ------------------------------------------------------------------------------------------------------- */
static void a_view_on_odd_screens(void **state)
{
	struct live_size screen = {.rows = 5, .columns = 30}, gone = {0};
	struct instant now = {DURATION_S(5).ns};
	struct world w;
	struct text_style style;
	struct live live;
	struct str b;

	(void)state;
	assert_int_equal(live_size(-1).columns, 0); /* no terminal, no size */
	begin(&w, 4);
	style = text_style(&w.profile, true);
	live_begin(&live, &w.run, true);
	str_init(&b, ENOUGH);
	live_draw(&live, &w.run, &style, screen, now, &b);
	assert_int_equal(count(&b, "kind."), 4); /* they fit: none is left out */
	assert_null(strstr(b.s, "more"));
	/* The size cannot be read once: the view stays as it is. */
	str_reset(&b);
	w.run.plan.checks[0].attempts++;
	live_draw(&live, &w.run, &style, gone, instant_after(now, DURATION_S(2)), &b);
	assert_int_equal(b.len, 0);
	assert_true(live.on);
	/* One row less: the last row says how many checks are not shown. */
	screen.rows = 4;
	live_draw(&live, &w.run, &style, screen, instant_after(now, DURATION_S(3)), &b);
	assert_int_equal(count(&b, "kind."), 2);
	assert_non_null(strstr(b.s, "\n... and 2 more"));
	/* Four columns: the coloured word fits, and nothing else. */
	str_reset(&b);
	screen.columns = 5;
	live_draw(&live, &w.run, &style, screen, instant_after(now, DURATION_S(4)), &b);
	assert_non_null(strstr(b.s, "\033[33mWAIT\033[0m\n"));
	live_end(&live, &b);
	assert_true(instant_is_never(live_wake(&live, now)));
	live_free(&live);
	str_free(&b);
	run_free(&w.run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_of_json),
	    cmocka_unit_test(findings_of_json),
	    cmocka_unit_test(outcomes_of_junit),
	    cmocka_unit_test(points_of_tap),
	    cmocka_unit_test(blocked_by_no_check),
	    cmocka_unit_test(problems_without_their_warnings),
	    cmocka_unit_test(names_that_need_care),
	    cmocka_unit_test(series_of_prometheus),
	    cmocka_unit_test(environment_of_the_service),
	    cmocka_unit_test(a_block_without_words_of_the_peer),
	    cmocka_unit_test(a_view_on_odd_screens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
