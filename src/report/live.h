/* live: the view of a run on a terminal: one line for each check that still goes, redrawn in place.
 *
 * What is settled is ordinary text above the view and scrolls away like any other; when the view ends, nothing of it
 * is left, and the screen holds what a pipe would have got. Between two drawings the cursor rests at the view's
 * first cell and everything below it is the view's: whether a terminal wraps its lines anew when it is resized or
 * cuts them, one erasing from the cursor on finds all of it. The cursor is never hidden, so that nothing is left to
 * be put right when the process is killed.
 *
 * Draws nothing in the first 100 ms, then at most ten times a second, and only when something has changed or the
 * clock has moved on by a second. Fills texts; the caller writes them.
 */
#ifndef SG_LIVE_H
#define SG_LIVE_H

#include "report_text.h"

struct live_size {
	unsigned rows, columns; /* 0: not known */
};
struct live {
	bool on;
	bool drawn;                /* it is on the screen */
	struct instant not_before; /* of the next drawing */
	struct instant clock;      /* when the next is due though nothing has changed */
	uint64_t shown;            /* digest of what the last one said */
	struct str settled;        /* text for above the view, written with the next drawing */
};

/* Is descriptor `fd` a terminal that can move its cursor? */
bool live_possible(int fd);
struct live_size live_size(int fd);

void live_begin(struct live *l, const struct run *run, bool on);
/* Takes text for above the view; false: the view is not on the screen, the caller writes it. */
bool live_keep(struct live *l, const struct str *text);
/* Is a drawing possible at `now`? Only then the size of the screen need be asked for. */
static inline bool live_due(const struct live *l, struct instant now)
{
	return l->on && instant_reached(l->not_before, now);
}
/* Call when live_due. Fills `out` when there is something to draw. Turns itself off (l->on) before the first drawing
 * when the screen is too small for this run. */
void live_draw(struct live *l, const struct run *run, const struct text_style *s,
	       struct live_size size, struct instant now, struct str *out);
/* When it wants to be asked again. */
struct instant live_wake(const struct live *l, struct instant now);
/* Takes the view off the screen; `out` gets what removes it, and what was kept. */
void live_end(struct live *l, struct str *out);
void live_free(struct live *l);

/* How many bytes of `text` fit into `columns` cells. */
size_t live_fit(const char *text, size_t columns);

#endif
