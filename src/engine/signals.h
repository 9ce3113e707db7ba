/* signals: those that ask startguard to end, by descriptor; and everything about signals as it was found, put back before
 * the service starts. Belongs to the process, so there is one. Called by main; the reactor reads it.
 */
#ifndef SG_SIGNALS_H
#define SG_SIGNALS_H

#include <signal.h>

#include "err.h"

struct signals {
	int fd;
	sigset_t original; /* the mask at start, given back before exec and to children */
	sigset_t pending;  /* what waited at start: it waits for the service */
	struct sigaction original_chld;
};

/* From here on TERM, INT, HUP and QUIT wait to be read, unless they were ignored or blocked at start. */
int signals_open(struct signals *s, struct err *err);
/* A signal that asks to end, if one has come; else 0. */
int signals_ending(const struct signals *s);
/* Mask as at start; what startguard itself caused (CHLD, PIPE) is taken off the queue, what others sent stays. */
void signals_close(struct signals *s);

#endif
