/* signals: reads the signals that ask startguard to end from a descriptor, and restores mask and dispositions for the service.
 *
 * The state belongs to the process, so only one exists. main opens and closes it, the reactor reads it. A library of LD_PRELOAD may
 * have started a thread, which does not block these signals: a handler forwards those that reach it to the main thread.
 */
#ifndef SG_SIGNALS_H
#define SG_SIGNALS_H

#include <signal.h>
#include <sys/resource.h>

#include "err.h"

struct signals {
	int fd;
	sigset_t original; /* the mask at the start, restored before exec and in children */
	sigset_t watched;  /* the signals that `fd` gives */
	sigset_t pending;  /* signals that were pending at the start: the service gets them */
	sigset_t
	    changed; /* signals that are not at their default: handled here, or found ignored or handled at the start */
	struct sigaction dispositions[NSIG]; /* of the watched signals, found at the start */
	struct rlimit core;                  /* the limit found at the start */
};

/* Blocks TERM, INT, HUP and QUIT, except those that were ignored or blocked at the start, and reads them by descriptor. Until
 * signals_close this process leaves no core, which would hold its environment. */
int signals_open(struct signals *s, struct err *err);
/* Returns the next signal that asks startguard to end; 0: none has come. */
int signals_ending(const struct signals *s);
/* Restores mask and dispositions. Discards pending signals that startguard caused (CHLD, PIPE, XFSZ); others stay pending. Returns a
 * signal that asks startguard to end and that came before the mask was restored; 0: none. */
int signals_close(struct signals *s);

#endif
