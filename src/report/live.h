/* live: the view of a run on a terminal: how many checks passed and the time left, then one line for each check that is not
 * decided yet, redrawn in place.
 *
 * Lines of decided checks are ordinary text above the view and scroll away. When the view ends it is erased, and the screen shows
 * the same text as a pipe would have got. Between two drawings the cursor rests at the view's first cell, and everything below
 * belongs to the view: whether a terminal wraps or cuts lines when it is resized, a drawing is written over it and the rest erased.
 * What a terminal scrolls off the screen when it wraps a larger view stays in its scrollback, once.
 * The cursor is never hidden, so nothing has to be restored when the process is killed.
 *
 * Draws nothing in the first 100 ms, then at most ten times a second, and only when something has changed or a second has passed.
 * Fills texts; the caller writes them.
 */
#ifndef SG_LIVE_H
#define SG_LIVE_H

#include "report_text.h"

struct live_size {
	unsigned rows, columns; /* 0: not known */
};
struct live {
	bool on;
	bool drawn;                /* the view is on the screen */
	struct instant not_before; /* no drawing before this time */
	struct instant redraw;     /* time of the next drawing when nothing changes */
	uint64_t shown;            /* digest of the last drawing, without its times */
	struct str above;          /* text for above the view, written with the next drawing */
};

/* Is descriptor `fd` a terminal that can move its cursor? */
bool live_possible(int fd);
struct live_size live_size(int fd);

void live_begin(struct live *l, const struct run *run, bool on);
/* Keeps text to be written above the view. Returns false when no view is on the screen: then the caller writes the text. */
bool live_keep(struct live *l, const struct str *text);
/* Is a drawing allowed at `now`? The caller reads the size of the screen only then. */
static inline bool live_due(const struct live *l, struct instant now)
{
	return l->on && instant_reached(l->not_before, now);
}
/* Call it when live_due is true. Fills `out` when there is something to draw. When the screen is too small for the first drawing
 * it turns the view off (l->on). */
void live_draw(struct live *l, const struct run *run, const struct text_style *s,
	       struct live_size size, struct instant now, struct str *out);
/* Returns when live_draw is due again. */
struct instant live_wake(const struct live *l, struct instant now);
/* Ends the view: appends the sequence that erases it and the kept text to `out`. */
void live_end(struct live *l, struct str *out);
void live_free(struct live *l);

#endif
