/* reactor: carries out what plan decides. One thread, one epoll loop, signals by descriptor.
 *
 * Starts and kills children, reads their records, reaps them (and, as PID 1, strangers), and keeps what they said
 * in run->outcomes. Prints nothing: the watcher is told.
 */
#ifndef SG_REACTOR_H
#define SG_REACTOR_H

#include "err.h"
#include "run.h"
#include "signals.h"

struct watcher {
	void *ctx;
	/* An attempt of check i is over, or the check has given up without one. */
	void (*changed)(void *ctx, const struct run *run, size_t check, struct instant now);
	/* Called each turn; returns when it wants to be called again at the latest. */
	struct instant (*tick)(void *ctx, const struct run *run, struct instant now);
	/* The program ends at once, without a report. */
	void (*abandon)(void *ctx);
};

/* Until the plan is over. 0 (run->signal says whether a signal ended it), or -1: own trouble. */
int reactor_run(struct run *run, const struct signals *signals, const struct watcher *watcher,
		struct err *err);

#endif
