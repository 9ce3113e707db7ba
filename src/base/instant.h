/* mono: time. A point in time and a length of time are different types, so that they cannot be mixed.
 *
 * Only mono_now() reads CLOCK_MONOTONIC. Relative becomes absolute once, at the edge (mono_after); after
 * that only "earlier of" and "left". `never` is a value that compares. Usable in parent and child: both
 * see the same clock across fork.
 */
#ifndef SG_MONO_H
#define SG_MONO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	int64_t ns;
};
struct mono {
	int64_t ns; /* CLOCK_MONOTONIC */
};

#define MONO_NEVER ((struct mono){INT64_MAX})
#define SPAN_UNSET ((struct span){-1})
#define SPAN_FOREVER ((struct span){INT64_MAX})
#define SPAN_MS(n) ((struct span){(int64_t)(n)*1000000})
#define SPAN_S(n) ((struct span){(int64_t)(n)*1000000000})

struct mono mono_now(void);
struct mono mono_after(struct mono t, struct span d); /* saturates at never */
struct mono mono_earlier(struct mono a, struct mono b);
struct span mono_since(struct mono from, struct mono to); /* 0 when `to` is before `from` */
/* The end of the first of so many equal parts of what is left; never of never. */
struct mono mono_share(struct mono now, struct mono deadline, size_t parts);
static inline bool mono_reached(struct mono t, struct mono now)
{
	return now.ns >= t.ns;
}
static inline bool mono_is_never(struct mono t)
{
	return t.ns == INT64_MAX;
}
static inline bool span_is_set(struct span d)
{
	return d.ns >= 0;
}
/* Milliseconds left until `until` as seen at `now`: rounded up; 0 when past; -1 for never. Fits poll(). */
int mono_left_ms(struct mono until, struct mono now);
/* The same with the clock read here: for children, which hand library calls what is left. Never more
 * than INT_MAX, at least 1. */
int mono_left_ms_now(struct mono until);
double span_ms(struct span d);

/* "250ms" "1.5s" "2m" "1h" "0": a bare number other than 0 is refused. 0, or -1. */
int span_parse(struct span *out, const char *text);
/* Short text for people: "41 ms", "3.1 s", "2 min". Returns buf. */
const char *span_text(struct span d, char *buf, size_t size);
/* Text that span_parse reads back: "250ms", "90s". */
const char *span_unparse(struct span d, char *buf, size_t size);

#endif
