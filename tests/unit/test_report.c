/* report: which lines come when, on a clock of the test's own; the termination message; the live view's widths. */
#include "report.h"

#include <sys/mman.h>
#include <unistd.h>

#include "folder.h"

#define CHECKS 3
#define LONG 600

struct world {
	struct profile profile;
	struct profile_check *checks;
	struct run run;
	struct report_options options;
	struct report report;
	int memory, saved; /* the file in place of stderr; the real stderr */
	struct instant now;
};

static struct check_kind some_kind = {.name = "kind"};

/* Descriptor 2 is a file while `w` lives, so that the lines can be read back. */
static void begin_with(struct world *w, size_t n, struct report_options options)
{
	*w = (struct world){.options = options, .now = {DURATION_S(1000).ns}};
	w->checks = xcalloc(n, sizeof *w->checks);
	for (size_t i = 0; i < n; i++) {
		struct profile_check *c = &w->checks[i];
		char *id = NULL;

		assert_true(asprintf(&id, "kind.c%03zu", i) > 0);
		*c = (struct profile_check){
		    .id = id, .name = id + 5, .kind = &some_kind, .required = true};
		c->common.attempt_timeout = DURATION_S(5);
		c->common.timeout = DURATION_UNSET;
		c->common.retry = true;
	}
	w->profile = (struct profile){.service = "s",
				      .mode = MODE_PROD,
				      .timeout = DURATION_FOREVER,
				      .parallel = 8,
				      .checks = w->checks,
				      .n = n};
	run_init(&w->run, &w->profile, w->now, false, 7);
	for (size_t i = 0; i < n; i++) {
		w->run.plan.checks[i].state = PS_READY;
		w->run.plan.checks[i].first_attempt = w->now;
	}
	fflush(stderr);
	w->saved = dup(STDERR_FILENO);
	w->memory = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(w->saved >= 0 && w->memory >= 0);
	dup2(w->memory, STDERR_FILENO);
	report_begin(&w->report, &w->options, &w->run);
}

static void begin(struct world *w, bool verbose)
{
	begin_with(w, CHECKS, (struct report_options){.verbose = verbose});
}

static void end(struct world *w)
{
	report_free(&w->report);
	run_free(&w->run);
	dup2(w->saved, STDERR_FILENO);
	close(w->saved);
	close(w->memory);
	for (size_t i = 0; i < w->profile.n; i++)
		free((void *)w->checks[i].id);
	free(w->checks);
}

/* How many lines of stderr begin with `start`. */
static size_t lines_with(const struct world *w, const char *start)
{
	size_t len, n = 0;
	cleanup_free char *text = NULL;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", w->memory);
	text = file_read(path, 64 * 1024 * 1024, &len);
	assert_non_null(text);
	for (char *line = text; *line; line = strchr(line, '\n') + 1)
		n += str_starts(line, start);
	return n;
}

/* An attempt of check i with this finding, as the reactor records it. */
static void attempt(struct world *w, size_t i, enum diag_code code, const char *subject)
{
	struct check_outcome *res = &w->run.outcomes[i];
	size_t h = 0;

	w->run.plan.checks[i].attempts++;
	diag_set(&res->diag, code, subject, "why");
	while (h < res->n_history && res->history[h].code != code)
		h++;
	if (h == res->n_history) {
		assert_true(h < HISTORY_MAX);
		res->history[res->n_history++].code = code;
	}
	res->history[h].count++;
	report_changed(&w->report, i, w->now);
}

static void pass(struct world *w, struct duration d)
{
	w->now = instant_after(w->now, d);
}

/* ---- lines ----------------------------------------------------------------------------------------------------------- */
static void test_one_line_for_each_change(UNUSED void **state)
{
	struct world w;

	begin(&w, false);
	for (int k = 0; k < 500; k++, pass(&w, DURATION_MS(20)))
		attempt(&w, 0, D_CONNECT_REFUSED, "a:1");
	assert_int_equal(lines_with(&w, "WAIT "), 1);
	attempt(&w, 0, D_REDIS_LOADING, "a:1");
	assert_int_equal(lines_with(&w, "WAIT "), 2);
	attempt(&w, 1, D_REDIS_LOADING, "b:1"); /* another check has its own */
	assert_int_equal(lines_with(&w, "WAIT "), 3);
	pass(&w, DURATION_S(30));
	attempt(&w, 0, D_REDIS_LOADING, "a:2"); /* the same code with another subject is new */
	assert_int_equal(lines_with(&w, "WAIT "), 4);
	end(&w);
}

static void test_every_attempt_when_asked_for(UNUSED void **state)
{
	struct world w;

	begin(&w, true);
	for (int k = 0; k < 50; k++, pass(&w, DURATION_MS(20)))
		attempt(&w, 0, D_CONNECT_REFUSED, "a:1");
	assert_int_equal(lines_with(&w, "WAIT "), 50);
	end(&w);
}

static void test_quiet_says_nothing(UNUSED void **state)
{
	struct world w;

	begin_with(&w, CHECKS, (struct report_options){.quiet = true});
	attempt(&w, 0, D_CONNECT_REFUSED, "a:1");
	pass(&w, DURATION_S(30));
	assert_true(instant_is_never(report_tick(&w.report, w.now)));
	assert_int_equal(lines_with(&w, ""), 0);
	end(&w);
}

/* An hour of a check that swings between two codes, and two subjects, with every attempt. */
static void test_one_that_swings_does_not_flood(UNUSED void **state)
{
	struct world w;
	size_t first;

	begin(&w, false);
	for (int k = 0; k < 1000; k++, pass(&w, DURATION_MS(10)))
		attempt(&w, 0, k & 1 ? D_CONNECT_REFUSED : D_REDIS_LOADING, k & 2 ? "a:1" : "b:1");
	first = lines_with(&w, "WAIT ");
	assert_in_range(first, 4, 7); /* 10 s: at 0, 0.01, then after 1, 2, 4 s */
	for (int k = 0; k < 3600; k++, pass(&w, DURATION_S(1)))
		attempt(&w, 0, k & 1 ? D_CONNECT_REFUSED : D_REDIS_LOADING, k & 2 ? "a:1" : "b:1");
	assert_in_range(lines_with(&w, "WAIT ") - first, 300, 361); /* one in ten seconds */
	end(&w);
}

/* A new code is printed at once, however many lines came just before. */
static void test_news_is_not_held_back(UNUSED void **state)
{
	static const enum diag_code codes[] = {D_CONNECT_REFUSED, D_REDIS_LOADING, D_CONNECT_RESET,
					       D_CONNECT_CLOSED, D_ANSWER_TIMEOUT};
	struct world w;

	begin(&w, false);
	for (size_t k = 0; k < ARRAY_LEN(codes); k++)
		attempt(&w, 0, codes[k], "a:1");
	assert_int_equal(lines_with(&w, "WAIT "), ARRAY_LEN(codes));
	end(&w);
}

static void test_one_summary_in_ten_seconds(UNUSED void **state)
{
	struct world w;

	begin(&w, false);
	attempt(&w, 0, D_CONNECT_REFUSED, "a:1");
	/* Asked a thousand times a second, as in a run where much happens. */
	for (int k = 1; k <= 35 * 1000; k++) {
		struct instant wake;

		pass(&w, DURATION_MS(1));
		wake = report_tick(&w.report, w.now);
		assert_true(wake.ns > w.now.ns && wake.ns <= w.now.ns + DURATION_S(10).ns);
	}
	assert_int_equal(lines_with(&w, "startguard: waiting since"), 3);
	assert_int_equal(lines_with(&w, ""), 1 + 1 + 3); /* title, change, and these */
	/* Called only at the times it returned. */
	for (int k = 0; k < 6; k++)
		w.now = report_tick(&w.report, w.now);
	assert_int_equal(lines_with(&w, "startguard: waiting since"), 3 + 5);
	end(&w);
}

static void test_a_check_is_settled_once(UNUSED void **state)
{
	struct world w;

	begin(&w, false);
	attempt(&w, 0, D_CONNECT_REFUSED, "a:1");
	w.run.plan.checks[0].state = PS_PASSED;
	w.run.plan.checks[1].state = PS_GAVE_UP;
	diag_set(&w.run.outcomes[1].diag, D_AUTH_FAILED, "b:1", "why");
	for (int k = 0; k < 5; k++, pass(&w, DURATION_MS(20))) {
		report_changed(&w.report, 0, w.now);
		report_tick(&w.report, w.now);
	}
	assert_int_equal(lines_with(&w, "PASS "), 1);
	assert_int_equal(lines_with(&w, "FAIL "), 1);
	end(&w);
}

/* A thirteenth code is not kept in the history, so it counts as printed before and waits. */
static void test_a_code_that_is_not_remembered(UNUSED void **state)
{
	struct world w;
	struct check_outcome *res;

	begin(&w, false);
	for (int k = 0; k < HISTORY_MAX; k++)
		attempt(&w, 0, (enum diag_code)(D_CONNECT_REFUSED + k), "a:1");
	assert_int_equal(lines_with(&w, "WAIT "), HISTORY_MAX);
	res = &w.run.outcomes[0];
	diag_set(&res->diag, D_REDIS_LOADING, "a:1", "why");
	report_changed(&w.report, 0, w.now);
	assert_int_equal(lines_with(&w, "WAIT "), HISTORY_MAX);
	pass(&w, DURATION_S(30));
	report_changed(&w.report, 0, w.now);
	assert_int_equal(lines_with(&w, "WAIT "), HISTORY_MAX + 1);
	end(&w);
}

/* Its attempt was still running when the run ended: the previous finding does not decide the check. */
static void test_one_that_was_interrupted_has_not_failed(UNUSED void **state)
{
	struct world w;

	begin(&w, false);
	diag_set(&w.run.outcomes[0].diag, D_CONNECT_REFUSED, "a:1", "why");
	w.run.outcomes[0].interrupted = true;
	w.run.plan.checks[0].state = PS_GAVE_UP;
	report_changed(&w.report, 0, w.now);
	assert_int_equal(lines_with(&w, "FAIL "), 0);
	run_decide(&w.run);
	report_end(&w.report);
	assert_int_equal(lines_with(&w, "PENDING "), 1 + 2);
	end(&w);
}

static bool holds(const char *path, const char *expected)
{
	size_t len;
	cleanup_free char *text = file_read(path, 1 << 20, &len);

	assert_non_null(text);
	return strstr(text, expected) != NULL;
}

/* The files were written for a start that then failed: they are corrected. */
static void test_a_service_that_could_not_be_started(UNUSED void **state)
{
	static const struct report_options options = {.format = FORMAT_JSON,
						      .output = "out",
						      .report_file = "report",
						      .env_file = "env",
						      .termination_log = "term"};

	for (int linked = 0; linked < 2; linked++) {
		struct world w;
		struct stat st;

		if (linked)
			assert_int_equal(symlink("/dev/null", "env"), 0);
		begin_with(&w, 1, options);
		w.run.plan.checks[0].state = PS_PASSED;
		run_decide(&w.run);
		report_end(&w.report);
		assert_true(w.report.report_written);
		assert_true(holds("out", "\"exit_code\": 0"));
		assert_true(holds("term", "startguard: READY"));
		assert_true(linked || holds("env", "STARTGUARD_STATUS=ready\n"));
		run_override(&w.run, EXIT_CANNOT_RUN, "cannot be run");
		report_again(&w.report);
		assert_true(holds("out", "\"exit_code\": 126"));
		assert_true(holds("report", "\"status\": \"blocked\""));
		assert_true(holds("term", "startguard: BLOCKED (126): cannot be run\n"));
		assert_int_equal(lines_with(&w, "startguard: READY"), 1);
		assert_int_equal(lines_with(&w, "startguard: BLOCKED (126): cannot be run"), 1);
		/* The environment file must not look like that of a start; other kinds of files stay. */
		assert_int_equal(lstat("env", &st), linked ? 0 : -1);
		end(&w);
	}
}

/* ---- termination message --------------------------------------------------------------------------------------------- */
static bool is_utf8(const char *s)
{
	char clean[2 * TERMINATION_MAX];

	/* Cleaning turns invalid UTF-8 into question marks, of which the texts here have none. */
	text_clean(clean, sizeof clean, s);
	return !strchr(clean, '?');
}

static void termination(struct world *w, struct str *b)
{
	run_decide(&w->run);
	str_init(b, TERMINATION_MAX);
	text_termination(b, &w->run);
	assert_true(b->len <= TERMINATION_MAX && !b->cut);
	assert_true(str_ends(b->s, "\n"));
	assert_true(str_starts(b->s, "startguard: "));
	assert_true(is_utf8(b->s));
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Every number of checks and every length of cause, in letters of one, two, three and four bytes. */
static void test_termination_message_fits(UNUSED void **state)
{
	static const char *const letters[] = {"x", "ä", "世", "🎉"};

	for (size_t n = 1; n < 60; n += n < 12 ? 1 : 7)
		for (size_t len = 0; len <= LONG; len += 23)
			for (size_t l = 0; l < ARRAY_LEN(letters); l++) {
				struct world w;
				struct str cause, b;

				begin_with(&w, n, (struct report_options){0});
				str_init(&cause, LONG);
				while (cause.len < len && !cause.cut)
					str_add(&cause, letters[l]);
				for (size_t i = 0; i < n; i++) {
					w.run.plan.checks[i].state = PS_GAVE_UP;
					diag_set(&w.run.outcomes[i].diag, D_CONNECT_REFUSED, "a:1",
						 "%s", cause.s);
				}
				termination(&w, &b);
				/* Lines are cut short before one is left out: 20 checks always have theirs. */
				if (n <= 20)
					assert_int_equal(lines(b.s), n + 1);
				else
					assert_true(lines(b.s) > 20);
				if (lines(b.s) < n + 1)
					assert_non_null(strstr(b.s, "\n... and "));
				str_free(&b);
				str_free(&cause);
				end(&w);
			}
}

static void test_termination_message_counts_what_it_leaves_out(UNUSED void **state)
{
	struct world w;
	struct str b;
	size_t more;

	begin_with(&w, 500, (struct report_options){0});
	for (size_t i = 0; i < 500; i++) {
		w.run.plan.checks[i].state = PS_GAVE_UP;
		diag_set(&w.run.outcomes[i].diag, D_CONNECT_REFUSED, "a:1", "refused");
	}
	termination(&w, &b);
	assert_int_equal(sscanf(strstr(b.s, "\n... and ") + 1, "... and %zu more", &more), 1);
	assert_int_equal(lines(b.s) - 2 + more, 500);
	str_free(&b);
	end(&w);
}

/* A verdict line that fills the message alone, cut in the middle of a letter. */
static void test_termination_message_of_a_long_verdict(UNUSED void **state)
{
	for (size_t len = TERMINATION_MAX - 50; len < TERMINATION_MAX + 50; len++) {
		struct world w;
		struct str b, text;

		begin(&w, false);
		run_decide(&w.run);
		str_init(&text, len);
		str_add(&text, "startguard: ");
		while (!text.cut)
			str_add(&text, "世");
		free(w.run.summary);
		w.run.summary = xstrdup(text.s);
		str_init(&b, TERMINATION_MAX);
		text_termination(&b, &w.run);
		assert_true(b.len <= TERMINATION_MAX && !b.cut && str_ends(b.s, "\n"));
		str_free(&text);
		str_free(&b);
		end(&w);
	}
}

/* ---- the live view --------------------------------------------------------------------------------------------------- */
static void test_fit(UNUSED void **state)
{
	static const struct {
		const char *text;
		size_t columns, bytes;
	} cases[] = {
	    {"", 5, 0},         {"abc", 5, 3},  {"abc", 3, 3},  {"abc", 2, 2},  {"abc", 0, 0},
	    {"äöü", 2, 4},      {"世界", 4, 6}, {"世界", 3, 3}, {"世界", 1, 0}, {"a世", 2, 1},
	    {"🎉🎉", 3, 4},       {"한국", 2, 3}, {"Ａ", 1, 0},   {"ｱ", 1, 3},    {"·", 1, 2},
	    {"\xe4\xb8", 5, 0}, /* half a letter ends the text */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(columns_fit(cases[i].text, cases[i].columns), cases[i].bytes);
}

static void test_wrapped_between_words(UNUSED void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *wrapped;
	} cases[] = {
	    {"one line\nand another\n", 20, "one line\nand another\n"},
	    {"one line and another\n", 0, "one line and another\n"},
	    {"startguard: READY: seven checks passed\n", 20,
	     "startguard: READY:\n          seven\n          checks\n          passed\n"},
	    {"startguard: READY: 1\n", 19, "startguard: READY:\n  1\n"},
	    /* A word that ends with the line, and a blank that is the first too many. */
	    {"12345 67890 abc", 11, "12345 67890\n  abc"},
	    {"12345 67890 abc ", 11, "12345 67890\n  abc "},
	    /* Words that are longer than a line stay whole. */
	    {"https://a.very.long/address of it", 10, "https://a.very.long/address\n  of it"},
	    {"          cause:   eins zwei drei vier fuenf\n", 40,
	     "          cause:   eins zwei drei vier\n                   fuenf\n"},
	    /* Colours take no cell, characters of two cells two. */
	    {"\033[1mWAIT\033[0m abcde f", 10, "\033[1mWAIT\033[0m abcde\n  f"},
	    {"世界世 界 f", 9, "世界世 界\n  f"},
	    {"", 10, ""},
	    {"\n\n", 10, "\n\n"},
	    {"               ", 10, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_str struct str b;

		str_init(&b, 4096);
		columns_wrap(&b, cases[i].text, cases[i].columns);
		assert_string_equal(b.s, cases[i].wrapped);
	}
}

struct view {
	struct world w;
	struct live live;
	struct text_style style;
	struct str out;
};
static const struct live_size screen = {.rows = 24, .columns = 80};

static void open_view(struct view *v)
{
	begin(&v->w, false);
	v->style = text_style(&v->w.profile, false, 0);
	live_begin(&v->live, &v->w.run, true);
	str_init(&v->out, 65536);
}

static bool draws(struct view *v, struct live_size size)
{
	str_reset(&v->out);
	if (live_due(&v->live, v->w.now))
		live_draw(&v->live, &v->w.run, &v->style, size, v->w.now, &v->out);
	return v->out.len > 0;
}

static void close_view(struct view *v)
{
	live_free(&v->live);
	str_free(&v->out);
	end(&v->w);
}

static void test_view_keeps_its_times(UNUSED void **state)
{
	struct view v;
	int drawn = 0;

	open_view(&v);
	pass(&v.w, DURATION_MS(99));
	assert_false(draws(&v, screen));
	pass(&v.w, DURATION_MS(1));
	assert_true(draws(&v, screen));
	/* Something changes each millisecond for ten seconds. */
	for (int k = 0; k < 10000; k++, pass(&v.w, DURATION_MS(1))) {
		v.w.run.plan.checks[0].attempts++;
		attempt(&v.w, 1, D_CONNECT_REFUSED, "a:1");
		drawn += draws(&v, screen);
	}
	assert_in_range(drawn, 99, 100);
	/* Nothing changes for ten seconds: the clock alone, once a second. */
	for (drawn = 0; drawn < 10; drawn++) {
		struct instant wake = live_wake(&v.live, v.w.now);

		assert_true(wake.ns > v.w.now.ns);
		v.w.now = wake;
		if (!draws(&v, screen)) { /* the digest was the same */
			assert_int_equal(wake.ns, v.live.not_before.ns);
			v.w.now = live_wake(&v.live, v.w.now);
			assert_true(draws(&v, screen));
		}
	}
	close_view(&v);
}

/* The head has the time that is left, the ids their own width, and a line that is cut says so. */
static void test_view_of_few_columns(UNUSED void **state)
{
	static const struct live_size narrow = {.rows = 24, .columns = 24};
	struct view v;

	open_view(&v);
	attempt(&v.w, 0, D_CONNECT_REFUSED, "a.name.that.is.long:1");
	v.w.run.plan.deadline = instant_after(v.w.run.started, DURATION_S(30));
	pass(&v.w, DURATION_MS(100));
	assert_true(draws(&v, narrow));
	assert_true(str_starts(v.out.s, "\rwaiting: 0 of "));
	assert_non_null(strstr(v.out.s, "…\033[K\nWAIT "));
	pass(&v.w, DURATION_MS(900));
	assert_true(draws(&v, screen));
	assert_non_null(strstr(v.out.s, " passed · 1.0 s, 29.0 s left\033[K\nWAIT "));
	close_view(&v);
}

static void test_view_that_does_not_fit(UNUSED void **state)
{
	static const struct live_size small[] = {{0, 0}, {0, 80}, {24, 0}, {CHECKS, 80}};

	for (size_t i = 0; i < ARRAY_LEN(small); i++) {
		struct view v;

		open_view(&v);
		pass(&v.w, DURATION_MS(100));
		assert_false(draws(&v, small[i]));
		assert_false(v.live.on);
		assert_false(live_keep(&v.live, &v.out));
		close_view(&v);
	}
}

/* Settled text comes with the next drawing, above the view, and at the end even without one. */
static void test_view_and_settled_text(UNUSED void **state)
{
	struct view v;
	struct str text;

	open_view(&v);
	str_init(&text, 64);
	str_add(&text, "PASS a\n");
	assert_false(live_keep(&v.live, &text)); /* not drawn yet: the caller writes it */
	pass(&v.w, DURATION_MS(100));
	assert_true(draws(&v, screen));
	assert_true(live_keep(&v.live, &text));
	pass(&v.w, DURATION_MS(99));
	assert_false(draws(&v, screen));
	pass(&v.w, DURATION_MS(1));
	assert_true(draws(&v, screen));
	assert_true(str_starts(v.out.s, "\rPASS a\033[K\nwaiting: 0 of "));
	assert_true(live_keep(&v.live, &text));
	str_reset(&v.out);
	live_end(&v.live, &v.out);
	assert_string_equal(v.out.s, "\r \033[J\r\033[KPASS a\n");
	str_reset(&v.out);
	live_end(&v.live, &v.out);
	assert_string_equal(v.out.s, "");
	str_free(&text);
	close_view(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_line_for_each_change),
	    cmocka_unit_test(test_every_attempt_when_asked_for),
	    cmocka_unit_test(test_quiet_says_nothing),
	    cmocka_unit_test(test_one_that_swings_does_not_flood),
	    cmocka_unit_test(test_news_is_not_held_back),
	    cmocka_unit_test(test_one_summary_in_ten_seconds),
	    cmocka_unit_test(test_a_check_is_settled_once),
	    cmocka_unit_test(test_a_code_that_is_not_remembered),
	    cmocka_unit_test(test_one_that_was_interrupted_has_not_failed),
	    IN_A_FOLDER(test_a_service_that_could_not_be_started),
	    cmocka_unit_test(test_termination_message_fits),
	    cmocka_unit_test(test_termination_message_counts_what_it_leaves_out),
	    cmocka_unit_test(test_termination_message_of_a_long_verdict),
	    cmocka_unit_test(test_fit),
	    cmocka_unit_test(test_wrapped_between_words),
	    cmocka_unit_test(test_view_keeps_its_times),
	    cmocka_unit_test(test_view_of_few_columns),
	    cmocka_unit_test(test_view_that_does_not_fit),
	    cmocka_unit_test(test_view_and_settled_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
