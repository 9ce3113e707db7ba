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
	struct str out; /* the report */
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
	str_init(&w->out, ENOUGH);
}

static void end(struct world *w)
{
	str_free(&w->out);
	run_free(&w->run);
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

/* The report holds these texts in this order. */
#define IN_ORDER(w, ...) in_order((w)->out.s, (const char *const[]){__VA_ARGS__, NULL})
static void in_order(const char *report, const char *const *texts)
{
	const char *p = report;

	for (; *texts; texts++) {
		const char *at = strstr(p, *texts);

		if (!at)
			fail_msg("\"%s\" is missing, or at another place:\n%s", *texts, report);
		p = at + strlen(*texts);
	}
}

static size_t count(const struct str *b, const char *word)
{
	size_t n = 0;

	for (const char *p = b->s; (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

static void expect_fact(const char *value, const char *quote)
{
	struct world w;
	char expected[100];

	begin(&w, 1);
	snprintf(w.run.outcomes[0].facts[0].key, FACT_KEY_MAX, "n");
	snprintf(w.run.outcomes[0].facts[0].value, FACT_VALUE_MAX, "%s", value);
	w.run.outcomes[0].n_facts = 1;
	run_override(&w.run, 69, "because");
	report_json(&w.out, &w.run, "then");
	snprintf(expected, sizeof expected, "\"facts\": {\"n\": %s%s%s}", quote, value, quote);
	if (!strstr(w.out.s, expected))
		fail_msg("%s is missing in:\n%s", expected, w.out.s);
	end(&w);
}

static void numbers_of_json(UNUSED void **state)
{
	static const char *const numbers[] = {"0",   "-0",   "12",    "-12.50",
					      "0.5", "true", "false", "123456789012345"};
	static const char *const texts[] = {"007", "",    "-",   "1.",   ".5", "1.2.3",
					    "1e5", "0x1", "nan", "True", "1 ", "1234567890123456"};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		expect_fact(numbers[i], "");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		expect_fact(texts[i], "\"");
}

static void findings_of_json(UNUSED void **state)
{
	struct world w;

	every_outcome(&w);
	report_json(&w.out, &w.run, "then");
	IN_ORDER(&w, "\"id\": \"kind.a\"", "\"outcome\": \"pending\"", "\"code\": null",
		 "\"id\": \"kind.b\"", "\"outcome\": \"pass\"", "\"id\": \"kind.c\"",
		 "\"outcome\": \"degraded\"", "\"code\": \"connect-refused\"",
		 "\"retryable\": true", "\"subject\": \"b:1\"", "\"cause\": \"refused\"",
		 "\"degraded\": \"no b\"", "\"id\": \"kind.d\"", "\"code\": \"auth-failed\"",
		 "\"retryable\": false", "\"id\": \"kind.e\"", "\"hint\": \"its own hint\"",
		 "\"outcome\": \"waived\"", "\"degraded\": \"no names\"", "\"waived_by\": \"EASY\"",
		 "\"outcome\": \"skipped\"");
	assert_null(strstr(w.out.s, "never said"));
	/* The peer said nothing: the code's title is the cause. */
	assert_non_null(strstr(w.out.s, diag_info(D_AUTH_FAILED)->title));
	assert_non_null(strstr(w.out.s, diag_info(D_AUTH_FAILED)->hint));
	end(&w);
}

static void outcomes_of_junit(UNUSED void **state)
{
	struct world w;

	every_outcome(&w);
	report_junit(&w.out, &w.run, "2026-01-01T00:00:00.000Z");
	IN_ORDER(&w, "tests=\"7\" failures=\"2\" errors=\"1\" skipped=\"3\" time=\"0.100\"",
		 "name=\"a\"", "<failure type=\"pending\"", "name=\"b\"", "/>", "name=\"c\"",
		 "<skipped>connect-refused: b:1: refused</skipped>", "name=\"d\"",
		 "<failure type=\"auth-failed\"", "name=\"e\"",
		 "message=\"guard-bug: x: broken &lt;&amp;&gt;\">its own hint</error>",
		 "name=\"f\"", "<skipped>waived by switches.easy</skipped>", "name=\"g\"",
		 "<skipped>left out on request</skipped>");
	str_reset(&w.out);
	/* Where degraded is not allowed, what degraded has failed. */
	w.run.fail_on_degraded = true;
	report_junit(&w.out, &w.run, "2026-01-01T00:00:00.000Z");
	IN_ORDER(&w, "failures=\"5\" errors=\"1\" skipped=\"0\"",
		 "<failure type=\"connect-refused\"");
	end(&w);
}

static void points_of_tap(UNUSED void **state)
{
	struct world w;

	every_outcome(&w);
	report_tap(&w.out, &w.run);
	IN_ORDER(&w, "TAP version 14\n1..7\n", "not ok 1 - kind.a\n", "ok 2 - kind.b\n",
		 "not ok 3 - kind.c # TODO degraded\n", "not ok 4 - kind.d\n",
		 "  code: \"auth-failed\"\n  hint: ", "not ok 5 - kind.e\n",
		 "ok 6 - kind.f # SKIP waived\n", "ok 7 - kind.g # SKIP skipped\n");
	assert_null(strstr(w.out.s, "subject: \"\""));
	str_reset(&w.out);
	w.checks[OUTCOME_BROKEN].required = false; /* then it does not block */
	report_tap(&w.out, &w.run);
	IN_ORDER(&w, "not ok 5 - kind.e # TODO broken\n");
	str_reset(&w.out);
	w.run.fail_on_degraded = true;
	report_tap(&w.out, &w.run);
	IN_ORDER(&w, "not ok 3 - kind.c\n", "not ok 5 - kind.e\n", "not ok 6 - kind.f\n",
		 "not ok 7 - kind.g\n");
	end(&w);
}

/* All checks passed and the run is blocked all the same: a reader must see a failure. */
static void blocked_by_no_check(UNUSED void **state)
{
	struct world w;

	begin(&w, 1);
	w.run.outcomes[0].outcome = OUTCOME_PASS;
	run_override(&w.run, EXIT_CANNOT_RUN, "the command cannot be run");
	report_junit(&w.out, &w.run, "2026-01-01T00:00:00.000Z");
	IN_ORDER(&w, "tests=\"2\" failures=\"0\" errors=\"1\"",
		 "<testcase classname=\"startguard\" name=\"run\"",
		 "<error type=\"blocked\" message=\"startguard: BLOCKED (126): the command");
	str_reset(&w.out);
	report_tap(&w.out, &w.run);
	IN_ORDER(&w, "1..2\nok 1 - kind.a\nnot ok 2 - startguard\n", "  code: \"blocked\"\n");
	end(&w);
}

/* A run that could not begin: its errors are results, its warnings are not. */
static void problems_without_their_warnings(UNUSED void **state)
{
	struct arena a = {0};
	struct problems problems = {.arena = &a};
	struct world w;

	begin(&w, 0);
	problem_add(&problems, PROBLEM_WARNING, D_NONE, "p.cfg", 1, "x", "only a warning");
	problem_add(&problems, PROBLEM_ERROR, D_NONE, "p.cfg", 2, "tcp.a", "wrong");
	problem_add(&problems, PROBLEM_USAGE, D_NONE, NULL, 0, "--only", "no such check");
	problem_add(&problems, PROBLEM_POLICY, D_SWITCH_FORBIDDEN, "p.cfg", 3, "", "not here");
	w.run.problems = &problems;
	run_override(&w.run, EXIT_PROFILE, "wrong");
	report_junit(&w.out, &w.run, "2026-01-01T00:00:00.000Z");
	IN_ORDER(&w, "tests=\"3\" failures=\"0\" errors=\"3\"", "name=\"tcp.a profile\"",
		 "<error type=\"profile\" message=\"p.cfg:2: tcp.a: wrong\"",
		 "name=\"--only usage\"", "message=\"--only: no such check\"",
		 "name=\"switch-forbidden\"", "message=\"p.cfg:3: not here\"");
	assert_int_equal(count(&w.out, "<testcase"), 3);
	assert_null(strstr(w.out.s, "only a warning"));
	str_reset(&w.out);
	report_tap(&w.out, &w.run);
	IN_ORDER(&w, "1..3\nnot ok 1 - startguard\n", "\"profile\"", "not ok 2 - startguard\n",
		 "\"usage\"", "not ok 3 - startguard\n", "\"switch-forbidden\"");
	assert_null(strstr(w.out.s, "only a warning"));
	end(&w);
	problems_free(&problems);
	arena_free(&a);
}

/* Names are cleaned when they are read; each format must escape any text all the same. */
static void names_that_need_care(UNUSED void **state)
{
	struct world w;

	begin(&w, 1);
	w.profile.service = "a\"b\\c\nd<e>&'f'\xef\xbf\xbe\xef\xbf\xbf\x01g";
	run_override(&w.run, 69, "because");
	report_junit(&w.out, &w.run, "2026-01-01T00:00:00.000Z");
	IN_ORDER(&w, "name=\"a&quot;b\\c d&lt;e&gt;&amp;&apos;f&apos;?? g\"");
	str_reset(&w.out);
	report_prometheus(&w.out, &w.run);
	IN_ORDER(&w, "service=\"a\\\"b\\\\c\\nd<e>&'f'");
	end(&w);
}

static void series_of_prometheus(UNUSED void **state)
{
	struct world w;

	every_outcome(&w);
	report_prometheus(&w.out, &w.run);
	IN_ORDER(&w, "status=\"ready\"} 0\n", "status=\"degraded\"} 0\n", "status=\"blocked\"} 1\n",
		 "startguard_exit_code{service=\"s\",mode=\"prod\"} 69\n",
		 "id=\"kind.b\",required=\"true\",outcome=\"pass\",code=\"\"} 1\n",
		 "id=\"kind.c\",required=\"false\",outcome=\"degraded\",code=\"connect-"
		 "refused\"} 0\n");
	assert_int_equal(count(&w.out, "startguard_check_passed{"), CHECKS);
	end(&w);
	begin(&w, 0);
	run_override(&w.run, 78, "because");
	report_prometheus(&w.out, &w.run);
	assert_null(strstr(w.out.s, "startguard_check"));
	end(&w);
}

/* The variables of the service: degraded checks, and those that were waived or skipped. */
static void add_line(void *ctx, const char *name, const char *value)
{
	str_addf(ctx, "%s=%s\n", name, value);
}

static void environment_of_the_service(UNUSED void **state)
{
	struct world w;

	every_outcome(&w);
	report_environment(&w.run, NULL, 1000, add_line, &w.out);
	assert_string_equal(w.out.s, "STARTGUARD_STATUS=blocked\nSTARTGUARD_MODE=prod\n"
				     "STARTGUARD_DEGRADED=kind.c,kind.e\n"
				     "STARTGUARD_WAIVED=kind.f,kind.g\n");
	str_reset(&w.out);
	report_environment(&w.run, "/r", 16, add_line, &w.out);
	IN_ORDER(&w, "DEGRADED=kind.c,...\n", "WAIVED=kind.f,...\n", "STARTGUARD_REPORT_FILE=/r\n");
	end(&w);
}

/* ---- text ---------------------------------------------------------------------------------------------------------------- */
static void a_block_without_words_of_the_peer(UNUSED void **state)
{
	struct world w;
	struct text_style style;

	every_outcome(&w);
	style = text_style(&w.profile, false, 0);
	text_block(&w.out, &style, OUTCOME_FAIL, &w.run, OUTCOME_FAIL, DURATION_UNSET, 3);
	assert_true(str_starts(w.out.s, "FAIL      kind.d           auth-failed (3 attempts)\n"));
	IN_ORDER(&w, "          cause:   ", diag_info(D_AUTH_FAILED)->title, "          hint:    ");
	str_reset(&w.out);
	text_block(&w.out, &style, OUTCOME_PENDING, &w.run, OUTCOME_PENDING, DURATION_UNSET, 0);
	assert_string_equal(w.out.s, "PENDING   kind.a\n");
	str_reset(&w.out);
	text_finding(&w.out, &w.run.outcomes[OUTCOME_FAIL], 1);
	assert_string_equal(w.out.s, "auth-failed");
	str_reset(&w.out);
	text_line(&w.out, &style, OUTCOME_PASS, "kind.b", DURATION_UNSET, "");
	assert_string_equal(w.out.s, "PASS      kind.b\n");
	end(&w);
}

/* ---- the live view ------------------------------------------------------------------------------------------------------- */
static void a_view_on_odd_screens(UNUSED void **state)
{
	struct live_size screen = {.rows = 5, .columns = 30}, gone = {0};
	struct instant now = {DURATION_S(5).ns};
	struct world w;
	struct text_style style;
	struct live live;

	assert_int_equal(live_size(-1).columns, 0); /* no terminal, no size */
	begin(&w, 4);
	style = text_style(&w.profile, true, 0);
	live_begin(&live, &w.run, true);
	live_draw(&live, &w.run, &style, screen, now, &w.out);
	assert_int_equal(count(&w.out, "kind."), 4); /* they fit: none is left out */
	assert_null(strstr(w.out.s, "more"));
	/* The size cannot be read once: the view stays as it is. */
	str_reset(&w.out);
	w.run.plan.checks[0].attempts++;
	live_draw(&live, &w.run, &style, gone, instant_after(now, DURATION_S(2)), &w.out);
	assert_int_equal(w.out.len, 0);
	assert_true(live.on);
	assert_null(strstr(w.out.s, "passed")); /* no row is left for the head */
	/* One row less: the last row says how many checks are not shown. */
	screen.rows = 4;
	live_draw(&live, &w.run, &style, screen, instant_after(now, DURATION_S(3)), &w.out);
	assert_int_equal(count(&w.out, "kind."), 2);
	assert_non_null(strstr(w.out.s, "\n... and 2 more"));
	/* Four columns: what is left of the word is coloured, and the line says that it goes on. */
	str_reset(&w.out);
	screen.columns = 5;
	live_draw(&live, &w.run, &style, screen, instant_after(now, DURATION_S(4)), &w.out);
	assert_non_null(strstr(w.out.s, "\033[1mWAI\033[0m…\033[K\n"));
	live_end(&live, &w.out);
	assert_true(instant_is_never(live_wake(&live, now)));
	live_free(&live);
	end(&w);
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
