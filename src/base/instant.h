/* instant: points in time and durations, as different types so that the compiler keeps them apart.
 *
 * Only instant_now() reads CLOCK_MONOTONIC. A duration becomes a deadline once (instant_after); after that code compares deadlines and asks
 * what is left. INSTANT_NEVER is later than every other instant. The clock is the same in parent and child.
 */
#ifndef SG_INSTANT_H
#define SG_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct duration {
	int64_t ns;
};
struct instant {
	int64_t ns; /* CLOCK_MONOTONIC */
};

#define INSTANT_NEVER ((struct instant){INT64_MAX})
#define DURATION_UNSET ((struct duration){-1})
#define DURATION_FOREVER ((struct duration){INT64_MAX})
#define DURATION_MS(n) ((struct duration){(int64_t)(n)*1000000})
#define DURATION_S(n) ((struct duration){(int64_t)(n)*1000000000})

struct instant instant_now(void);
/* INSTANT_NEVER when the sum is too large. */
struct instant instant_after(struct instant t, struct duration d);
struct instant instant_earlier(struct instant a, struct instant b);
/* 0 when `to` is before `from`. */
struct duration instant_since(struct instant from, struct instant to);
/* Divides the time left into equal parts and returns the end of the first; INSTANT_NEVER stays so. */
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
/* Milliseconds from `now` to `until`, for poll(): rounded up, 0 when past, -1 for INSTANT_NEVER. */
int instant_left_ms(struct instant until, struct instant now);
/* The same from the present time, from 1 to INT_MAX: for the time-outs of library calls in a child. */
int instant_left_ms_now(struct instant until);
/* poll() for one descriptor until an instant: 1 ready, 0 at the instant, -1 with errno. EINTR does not end it. */
int instant_poll(int fd, short events, struct instant until);
double duration_ms(struct duration d);

/* Parses "250ms", "1.5s", "2m", "1h" or "0"; other numbers need a unit. 0, or -1. */
int duration_parse(struct duration *out, const char *text);
/* Short text for people: "41 ms", "3.1 s", "2 min". Returns buf. */
const char *duration_text(struct duration d, char *buf, size_t size);
/* A text that duration_parse reads back: "250ms", "90s". Returns buf. */
const char *duration_unparse(struct duration d, char *buf, size_t size);

#endif
