/* instant: time. A point in time and a length of time are different types, so that they cannot be mixed.
 *
 * Only instant_now() reads CLOCK_MONOTONIC. Relative becomes absolute once, at the edge (instant_after); after
 * that only "earlier of" and "left". `never` is a value that compares. Usable in parent and child: both
 * see the same clock across fork.
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
struct instant instant_after(struct instant t, struct duration d); /* saturates at never */
struct instant instant_earlier(struct instant a, struct instant b);
struct duration instant_since(struct instant from,
			      struct instant to); /* 0 when `to` is before `from` */
/* The end of the first of so many equal parts of what is left; never of never. */
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
/* Milliseconds left until `until` as seen at `now`: rounded up; 0 when past; -1 for never. Fits poll(). */
int instant_left_ms(struct instant until, struct instant now);
/* The same with the clock read here: for children, which hand library calls what is left. Never more
 * than INT_MAX, at least 1. */
int instant_left_ms_now(struct instant until);
/* poll() for one descriptor until an instant: 1 ready, 0 at the instant, -1 with errno. EINTR does not end it. */
int instant_poll(int fd, short events, struct instant until);
double duration_ms(struct duration d);

/* "250ms" "1.5s" "2m" "1h" "0": a bare number other than 0 is refused. 0, or -1. */
int duration_parse(struct duration *out, const char *text);
/* Short text for people: "41 ms", "3.1 s", "2 min". Returns buf. */
const char *duration_text(struct duration d, char *buf, size_t size);
/* Text that duration_parse reads back: "250ms", "90s". */
const char *duration_unparse(struct duration d, char *buf, size_t size);

#endif
