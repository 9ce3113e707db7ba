/* instant: points in time and durations have different types, so that the compiler refuses to mix them.
 *
 * Only instant_now() reads CLOCK_MONOTONIC. instant_after turns a duration into a deadline once; later code compares the deadline
 * with the present time. INSTANT_NEVER is later than every other instant. Parent and child read the same clock.
 */
#ifndef SG_INSTANT_H
#define SG_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct duration {
	int64_t ns;
};
struct instant {
	int64_t ns; /* nanoseconds of CLOCK_MONOTONIC */
};

#define INSTANT_NEVER ((struct instant){INT64_MAX})
#define DURATION_UNSET ((struct duration){-1})
#define DURATION_FOREVER ((struct duration){INT64_MAX})
#define DURATION_MS(n) ((struct duration){(int64_t)(n)*1000000})
#define DURATION_S(n) ((struct duration){(int64_t)(n)*1000000000})

struct instant instant_now(void);
/* Returns t + d; INSTANT_NEVER when the sum overflows. */
struct instant instant_after(struct instant t, struct duration d);
struct instant instant_earlier(struct instant a, struct instant b);
/* Returns to - from; 0 when `to` is before `from`. */
struct duration instant_since(struct instant from, struct instant to);
/* Divides the time left into equal parts and returns the end of the first part; returns INSTANT_NEVER for INSTANT_NEVER. */
struct instant instant_share(struct instant now, struct instant deadline, size_t parts);
static inline bool instant_reached(struct instant t, struct instant now)
{
	return now.ns >= t.ns;
}
static inline bool instant_is_never(struct instant t)
{
	return t.ns == INT64_MAX;
}
static inline bool duration_is_set(struct duration d)
{
	return d.ns >= 0;
}
/* Returns the milliseconds from `now` to `until` for poll(): rounded up, 0 when `until` is past, -1 for INSTANT_NEVER. */
int instant_left_ms(struct instant until, struct instant now);
/* Returns the milliseconds until then, from 1 to INT_MAX, since libraries take 0 or -1 for "no time-out". Called in a child. */
int instant_left_ms_now(struct instant until);
/* Polls one descriptor until an instant. Returns 1 when it is ready, 0 at the instant, -1 with errno; repeats after EINTR. */
int instant_poll(int fd, short events, struct instant until);
double duration_ms(struct duration d);

#define UTC_TEXT_SIZE 32
/* Writes a point of wall clock time in UTC, "2026-01-31T12:00:00.000Z", into UTC_TEXT_SIZE bytes. A clock that is far off (its year
 * has not four digits) gives 1970. Unlike strftime it does not make the C library read /etc/localtime. Returns buf. */
const char *utc_text(struct timespec t, char *buf);

/* Parses "250ms", "1.5s", "2m", "1h", "1m30s" or "0"; other numbers need a unit. Returns 0, or -1 for another text. */
int duration_parse(struct duration *out, const char *text);
/* Writes a short text for people: "41 ms", "3.1 s", "2.0 min", "2.0 h", "2.0 days". Returns buf. */
const char *duration_text(struct duration d, char *buf, size_t size);
/* Writes a text that duration_parse parses to the same duration: "250ms", "90s". Returns buf. */
const char *duration_unparse(struct duration d, char *buf, size_t size);

#endif
