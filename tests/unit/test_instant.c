/* instant: arithmetic at its ends, and spans as text. */
#include "instant.h"

#include <limits.h>
#include <string.h>

#include "cm.h"

static void test_arithmetic(UNUSED void **state)
{
	struct instant t = {1000}, past = {500};

	assert_int_equal(instant_after(t, DURATION_MS(1)).ns, 1001000);
	assert_true(instant_is_never(instant_after(t, DURATION_FOREVER)));
	assert_true(instant_is_never(instant_after(INSTANT_NEVER, DURATION_S(1))));
	assert_true(
	    instant_is_never(instant_after((struct instant){INT64_MAX - 5}, DURATION_S(1))));
	assert_int_equal(instant_earlier(t, past).ns, 500);
	assert_int_equal(instant_earlier(INSTANT_NEVER, past).ns, 500);
	assert_int_equal(instant_since(past, t).ns, 500);
	assert_int_equal(instant_since(t, past).ns, 0);
	assert_int_equal(instant_share(past, t, 1).ns, 1000);
	assert_int_equal(instant_share(past, t, 5).ns, 600);
	assert_int_equal(instant_share(t, past, 5).ns, 1000);
	assert_true(instant_is_never(instant_share(t, INSTANT_NEVER, 5)));
	assert_true(instant_reached(past, t));
	assert_true(instant_reached(t, t));
	assert_false(instant_reached(t, past));
	assert_false(instant_reached(INSTANT_NEVER, t));
	assert_false(duration_is_set(DURATION_UNSET));
	assert_true(duration_is_set((struct duration){0}));
}

static void test_what_is_left_for_poll(UNUSED void **state)
{
	struct instant now = {1000000000};

	assert_int_equal(instant_left_ms(INSTANT_NEVER, now), -1);
	assert_int_equal(instant_left_ms(now, now), 0);
	assert_int_equal(instant_left_ms((struct instant){0}, now), 0);
	/* Rounded up: a poll that wakes a little early would be asked again at once. */
	assert_int_equal(instant_left_ms((struct instant){now.ns + 1}, now), 1);
	assert_int_equal(instant_left_ms((struct instant){now.ns + 1000001}, now), 2);
	assert_int_equal(instant_left_ms((struct instant){INT64_MAX - 1}, now), INT_MAX);
	assert_true(instant_left_ms_now((struct instant){0}) >= 1);
	assert_true(instant_left_ms_now(INSTANT_NEVER) >= 1);
}

static void test_the_clock_runs(UNUSED void **state)
{
	struct instant a = instant_now(), b = instant_now();

	assert_true(b.ns >= a.ns);
}

static void test_parse(UNUSED void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {{"250ms", 250000000},
		    {"1.5s", 1500000000},
		    {"2m", 120000000000},
		    {"1h", 3600000000000},
		    {"0", 0},
		    {"0s", 0},
		    {"0.5ms", 500000},
		    {"0.29ms", 290000}, /* exact, and not one less */
		    {"1m30s", 90000000000},
		    {"1h0.5s", 3600500000000},
		    {"1h1m1s1ms", 3661001000000},
		    {"2562047h", 9223369200000000000}};
	static const char *const bad[] = {
	    "", "5", "s", "-1s", "1 s", "1x", "1sec", "1e3s", "0x10s", "1..5s", "1.s", "1.2.3s",
	    "2562048h", "1s ", " 1s", "+1s", "infs", "nans", "1s1m", "1s1s", "1m30", "01",
	    "2562047h48m", "1ms2", "ms", ".", "1d", "99999999999999999999h", "1,5s", "5S",
	    /* a little more than 64 bits hold */
	    "9223372036854775808ms", "92233720368547758070ms", "9223372036.854775807s",
	    "9223372036.9s", "0.0000001ms"};
	struct duration d;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(duration_parse(&d, good[i].text), 0);
		assert_int_equal(d.ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		d.ns = 77;
		if (duration_parse(&d, bad[i]) == 0)
			fail_msg("\"%s\" was taken as %lld ns", bad[i], (long long)d.ns);
		assert_int_equal(d.ns, 77); /* untouched on failure */
	}
}

static void test_what_is_printed_is_read_back(UNUSED void **state)
{
	static const int64_t ms[] = {0,    1,     10,    250,   999,     1000,
				     1500, 60000, 90000, 61001, 3600000, 86400000};
	char buf[32];

	for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
		struct duration d;

		assert_int_equal(
		    duration_parse(&d, duration_unparse(DURATION_MS(ms[i]), buf, sizeof buf)), 0);
		assert_int_equal(d.ns, DURATION_MS(ms[i]).ns);
	}
}

/* To the nanosecond, which no unit has. */
static void test_what_is_no_whole_millisecond(UNUSED void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {{1500000, "1.5ms"},
		    {1, "0.000001ms"},
		    {1000001, "1.000001ms"},
		    {120300, "0.1203ms"},
		    {INT64_MAX, "0"}};
	char buf[32];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct duration d;

		assert_string_equal(
		    duration_unparse((struct duration){rows[i].ns}, buf, sizeof buf), rows[i].text);
		assert_int_equal(duration_parse(&d, buf), 0);
		assert_int_equal(d.ns, rows[i].ns == INT64_MAX ? 0 : rows[i].ns);
	}
}

static void test_text_for_people(UNUSED void **state)
{
	char buf[32];

	assert_string_equal(duration_text(DURATION_MS(41), buf, sizeof buf), "41 ms");
	assert_string_equal(duration_text(DURATION_MS(3100), buf, sizeof buf), "3.1 s");
	assert_string_equal(duration_text((struct duration){2500000}, buf, sizeof buf), "2.5 ms");
	assert_string_equal(duration_text(DURATION_S(90), buf, sizeof buf), "1.5 min");
	assert_string_equal(duration_text(DURATION_S(7194), buf, sizeof buf), "119.9 min");
	assert_string_equal(duration_text(DURATION_S(7200), buf, sizeof buf), "2.0 h");
	assert_string_equal(duration_text(DURATION_S(172800), buf, sizeof buf), "2.0 days");
	assert_true(strlen(duration_text(DURATION_FOREVER, buf, sizeof buf)) < sizeof buf);
}

/* As strftime writes it, which knows the calendar from another source. */
static void test_utc(UNUSED void **state)
{
	uint64_t seed = 7;
	char buf[UTC_TEXT_SIZE], expected[64];
	struct tm tm;

	assert_string_equal(utc_text((struct timespec){0}, buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(utc_text((struct timespec){951782400, 7999999}, buf),
			    "2000-02-29T00:00:00.007Z");
	assert_string_equal(utc_text((struct timespec){1769860800, 999999999}, buf),
			    "2026-01-31T12:00:00.999Z");
	for (int i = 0; i < 100000; i++) {
		/* from the year 1 to 9999 */
		struct timespec t = {(time_t)(cm_random(&seed) % 315537897600u) - 62135596800, 0};

		assert_non_null(gmtime_r(&t.tv_sec, &tm));
		snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.000Z",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			 tm.tm_sec);
		assert_string_equal(utc_text(t, buf), expected);
	}
	for (int64_t end = INT64_MIN;; end = INT64_MAX) {
		utc_text((struct timespec){end, 0}, buf);
		assert_string_equal(buf, "1970-01-01T00:00:00.000Z");
		if (end == INT64_MAX)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_arithmetic),
	    cmocka_unit_test(test_what_is_left_for_poll),
	    cmocka_unit_test(test_the_clock_runs),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_what_is_printed_is_read_back),
	    cmocka_unit_test(test_what_is_no_whole_millisecond),
	    cmocka_unit_test(test_text_for_people),
	    cmocka_unit_test(test_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
