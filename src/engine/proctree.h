/* proctree: finds and kills the processes below a given one, whatever process group or session they moved to.
 *
 * Reads /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN). Where /proc is not mounted, lacks that file or belongs to another
 * pid namespace, nothing is found and nothing is killed. The root should be a subreaper (or PID 1): otherwise a process whose
 * parent died is no longer below it. proctree_kill_below is async-signal-safe; nothing here allocates or uses stdio.
 */
#ifndef SG_PROCTREE_H
#define SG_PROCTREE_H

#include "util.h"

struct proctree_list {
	pid_t *v;
	size_t n, max;
};

/* Sends SIGKILL to every living process below `root`, not to `root` itself. Stops each one before its children are read, so that
 * it cannot fork in between. Returns true when there was one. Async-signal-safe. */
bool proctree_kill_below(pid_t root);
/* Stops the processes below `root` that have left its process group and appends them to `escaped`; kills those that the list
 * has no room for. The caller stops the group itself before, so that no further process can leave it. */
void proctree_stop_escaped(pid_t root, struct proctree_list *escaped);
/* Lists the children of `root`, zombies included, at most `max` of them. Returns how many; 0 without a usable /proc. */
size_t proctree_children(pid_t root, pid_t *out, size_t max);
/* Kills and reaps everything below this process; waits at most `ms` milliseconds. Returns false when some process is left. The
 * child of an attempt calls it before it ends. */
bool proctree_end(int ms);

#endif
