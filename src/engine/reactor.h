/* reactor: carries out the actions of the plan: starts and kills children, reads their records and reaps them.
 *
 * One thread and one poll loop; signals come by descriptor. Writes what the children found to run->outcomes. Also reaps children
 * that are not attempts: orphans, as PID 1 of any process. Prints nothing; the watcher (report) does. Parent only.
 */
#ifndef SG_REACTOR_H
#define SG_REACTOR_H

#include "err.h"
#include "run.h"
#include "signals.h"

struct watcher {
	void *ctx;
	/* Called when an attempt of this check is over. */
	void (*changed)(void *ctx, size_t check, struct instant now);
	/* Called in each turn of the loop. Returns when it must be called again. */
	struct instant (*tick)(void *ctx, struct instant now);
	/* Called before the process ends at once, without a report. */
	void (*abandon)(void *ctx);
};

/* Runs until the plan is over; no child is left then, except those that cannot be killed. Returns 0 (run->signal is set when a
 * signal ended the run), or -1 with err. */
int reactor_run(struct run *run, const struct signals *signals, const struct watcher *watcher,
		struct err *err);

#endif
