/* tree: the processes below one, whatever group or session they fled to.
 *
 * Reads /proc/PID/task/TID/children; without /proc nobody is found. No allocation and no stdio, so that it may be called in a
 * signal handler. What it is called for must be a subreaper (or PID 1): else those whose parent died are not below it.
 */
#ifndef SG_TREE_H
#define SG_TREE_H

#include "util.h"

/* SIGKILL to every living process below `root`, not to itself. They are stopped on the way down, so that none can
 * start another. True when there was one. */
bool tree_kill_below(pid_t root);
/* The children of `root`, dead ones too: at most `max`. */
size_t tree_children(pid_t root, pid_t *out, size_t max);
/* The same for a process that is to have none left: kills and reaps all below this one, for `ms` at most. */
void tree_end(int ms);
/* When a process started, in the kernel's ticks; 0 when it is gone. */
uint64_t tree_started(pid_t pid);

#endif
