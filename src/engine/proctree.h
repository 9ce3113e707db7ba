/* proctree: the processes below one, whatever group or session they fled to.
 *
 * Reads /proc/PID/task/TID/children. Without /proc, or with that of another namespace, only a process's own children can be
 * found, by asking the kernel about one number after the other. What it is called for must be a subreaper (or PID 1): else
 * those whose parent died are not below it. No allocation and no stdio in what a signal handler calls.
 */
#ifndef SG_PROCTREE_H
#define SG_PROCTREE_H

#include "instant.h"
#include "util.h"

#define PROCTREE_PID_MAX (1 << 22) /* no kernel counts further (PID_MAX_LIMIT) */

struct proctree_list {
	pid_t *v;
	size_t n, max;
};

/* SIGKILL to every living process below `root`, not to itself. They are stopped on the way down, so that none can
 * start another. True when there was one. For signal handlers. */
bool proctree_kill_below(pid_t root);
/* Stops those below `root` that have left its process group, and adds them to `fled`. Those it has no room for are killed. The
 * group itself is the caller's to stop before, so that nobody flees meanwhile. */
void proctree_stop_fled(pid_t root, struct proctree_list *fled);
/* The children of `root`, dead ones too: at most `max`. False: nobody can tell, there is no /proc. */
bool proctree_children(pid_t root, pid_t *out, size_t max, size_t *n);
/* Has this process a child, alive or dead? Needs no /proc. */
bool proctree_has_children(void);
/* Without /proc: kills and reaps own children whose number is not before `first`, in the order in which the kernel gives
 * numbers, beginning with `own`. Ends when there are no more children, or at `until`. True when it has found one that lived. */
bool proctree_kill_numbers(pid_t own, pid_t first, struct instant until);
/* Was the number `pid` given before `first` was, since `own` was given? Wrong once the kernel has used up all its numbers. */
bool proctree_is_before(pid_t own, pid_t first, pid_t pid);
/* For a process that is to have no children left: kills and reaps all below this one, for `ms` at most. False when some are
 * left. */
bool proctree_end(int ms);
/* When a process started, in the kernel's ticks; 0 when it is gone, or hidden. */
uint64_t proctree_started(pid_t pid);

#endif
