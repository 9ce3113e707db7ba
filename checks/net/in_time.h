/* in_time: ends the wait for a call of the C library that has no deadline of its own. Child only.
 */
#ifndef SG_IN_TIME_H
#define SG_IN_TIME_H

#include "instant.h"

/* Runs work(arg) in a thread. Returns whether it returned before the deadline; only then may the caller look at what it wrote. If not, the
 * thread goes on until the child exits, and `arg` has to live as long. Without a thread the caller runs it: the parent kills the child at the
 * deadline. */
bool in_time(void (*work)(void *arg), void *arg, struct instant deadline);

#endif
