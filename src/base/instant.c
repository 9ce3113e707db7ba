#include "instant.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "util.h"

struct instant instant_now(void)
{
	struct timespec ts;

	invariant(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (struct instant){(int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

struct instant instant_after(struct instant t, struct duration d)
{
	if (instant_is_never(t) || d.ns >= INT64_MAX - t.ns)
		return INSTANT_NEVER;
	return (struct instant){t.ns + d.ns};
}

struct instant instant_earlier(struct instant a, struct instant b)
{
	return a.ns <= b.ns ? a : b;
}

struct duration instant_since(struct instant from, struct instant to)
{
	return (struct duration){to.ns > from.ns ? to.ns - from.ns : 0};
}

struct instant instant_share(struct instant now, struct instant deadline, size_t parts)
{
	if (instant_is_never(deadline))
		return deadline;
	return instant_after(now,
			     (struct duration){instant_since(now, deadline).ns / (int64_t)parts});
}

int instant_left_ms(struct instant until, struct instant now)
{
	int64_t left = until.ns - now.ns, ms;

	if (instant_is_never(until))
		return -1;
	if (left <= 0)
		return 0;
	/* Rounds up: with a time-out of 0 the caller would spin during the last millisecond. */
	ms = left / 1000000 + (left % 1000000 != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int instant_left_ms_now(struct instant until)
{
	int ms = instant_left_ms(until, instant_now());

	return ms < 0 ? INT_MAX : ms == 0 ? 1 : ms;
}

int instant_poll(int fd, short events, struct instant until)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&p, 1, instant_left_ms(until, instant_now()));
	while (n < 0 && errno == EINTR);
	return n;
}

double duration_ms(struct duration d)
{
	return (double)d.ns / 1e6;
}

static const struct {
	const char *unit;
	int64_t ns;
} units[] = {{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};

/* Parses a decimal number of units of `unit` ns; returns nanoseconds. Integer arithmetic keeps it exact: a printed duration parses to
 * the same value. Returns -1 when the text is not a number, is too large, or is positive and rounds to 0. */
static int64_t parse_scaled(const char *text, const char *end, int64_t unit)
{
	int64_t v = 0, place = unit;
	bool more = false;
	const char *p = text;

	for (; p < end && *p != '.'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return -1;
	if (p == text || __builtin_mul_overflow(v, unit, &v))
		return -1;
	if (p < end && ++p == end)
		return -1;
	for (; p < end; p++) {
		if (*p == '.')
			return -1;
		place /= 10; /* becomes 0 below a nanosecond: later digits add nothing */
		more |= *p != '0';
		if (__builtin_add_overflow(v, place * (*p - '0'), &v))
			return -1;
	}
	return v == INT64_MAX || (v == 0 && more) ? -1 : v;
}

/* Returns the nanoseconds of the unit that is the whole of the n bytes; 0: there is no such unit. */
static int64_t unit_ns(const char *text, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].unit) == n && memcmp(units[i].unit, text, n) == 0)
			return units[i].ns;
	return 0;
}

int duration_parse(struct duration *out, const char *text)
{
	static const char number[] = "0123456789.";
	int64_t sum = 0, above = INT64_MAX;

	if (!*text)
		return -1;
	for (const char *p = text; *p && !str_eq(text, "0");) {
		const char *end = p + strspn(p, number);
		size_t n = strcspn(end, number);
		int64_t unit = unit_ns(end, n), ns = unit ? parse_scaled(p, end, unit) : -1;

		/* "1m30s", each unit smaller than the one before it */
		if (ns < 0 || unit >= above || __builtin_add_overflow(sum, ns, &sum))
			return -1;
		above = unit;
		p = end + n;
	}
	if (sum == INT64_MAX)
		return -1;
	out->ns = sum;
	return 0;
}

const char *duration_text(struct duration d, char *buf, size_t size)
{
	double ms = duration_ms(d);

	if (ms < 100)
		snprintf(buf, size, ms < 10 && ms != (int)ms ? "%.1f ms" : "%.0f ms", ms);
	else if (ms < 60000)
		snprintf(buf, size, "%.1f s", ms / 1000);
	else if (ms < 120 * 60000.0)
		snprintf(buf, size, "%.1f min", ms / 60000);
	else if (ms < 48 * 3600000.0)
		snprintf(buf, size, "%.1f h", ms / 3600000);
	else
		snprintf(buf, size, "%.1f days", ms / 86400000);
	return buf;
}

const char *duration_unparse(struct duration d, char *buf, size_t size)
{
	size_t n;

	if (d.ns == 0 || d.ns == INT64_MAX) {
		snprintf(buf, size, "0");
		return buf;
	}
	for (size_t i = ARRAY_LEN(units); i-- > 0;) {
		if (d.ns % units[i].ns == 0) {
			snprintf(buf, size, "%lld%s", (long long)(d.ns / units[i].ns),
				 units[i].unit);
			return buf;
		}
	}
	n = (size_t)snprintf(buf, size, "%lld.%06lldms", (long long)(d.ns / 1000000),
			     (long long)(d.ns % 1000000));
	for (; n > 2 && n < size && buf[n - 3] == '0'; n--)
		memmove(buf + n - 3, "ms", sizeof "ms");
	return buf;
}

/* ---- the calendar ----------------------------------------------------------------------------------------------------- */
#define DAY 86400
#define YEAR_0_TO_1970 719468 /* days from 0000-03-01 to 1970-01-01 */
#define FOUR_CENTURIES 146097 /* days in which the calendar repeats itself */

struct date {
	int64_t year;
	int month, day;
};

/* Counts years from March, so that the leap day is the last day of a year. `days`: since 1970-01-01. */
static struct date date_of(int64_t days)
{
	int64_t since = days + YEAR_0_TO_1970;
	int64_t era = (since >= 0 ? since : since - FOUR_CENTURIES + 1) / FOUR_CENTURIES;
	int64_t day = since - era * FOUR_CENTURIES; /* of four centuries */
	int64_t year = (day - day / 1460 + day / 36524 - day / (FOUR_CENTURIES - 1)) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100);
	int month = (int)(5 * of_year + 2) / 153; /* 0: March */

	return (struct date){.year = era * 400 + year + (month >= 10),
			     .month = month < 10 ? month + 3 : month - 9,
			     .day = (int)of_year - (153 * month + 2) / 5 + 1};
}

const char *utc_text(struct timespec t, char *buf)
{
	int64_t days = t.tv_sec / DAY - (t.tv_sec % DAY < 0);
	int second = (int)(t.tv_sec - days * DAY);
	struct date d = date_of(days);

	if (d.year < 0 || d.year > 9999) {
		d = (struct date){1970, 1, 1};
		second = 0;
	}
	snprintf(buf, UTC_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)d.year, d.month,
		 d.day, second / 3600, second / 60 % 60, second % 60,
		 (int)(t.tv_nsec / 1000000) % 1000);
	return buf;
}
