/* oom: finds out whether the kernel has killed a process because memory ran out. A SIGKILL does not reveal its sender.
 *
 * The kernel counts such kills: for the container in memory.events (cgroup v2) or memory.oom_control (v1), otherwise for the
 * machine in /proc/vmstat. The counter is read at the start and when a child was killed. Parent only.
 */
#ifndef SG_OOM_H
#define SG_OOM_H

#include "cgroup.h"

#define OOM_PATH_MAX (CGROUP_PATH_MAX + 32)

struct oom {
	char path[OOM_PATH_MAX]; /* the file with the counter; empty: none was found */
	int64_t count;           /* its value at the start, plus the kills reported since */
};

/* Finds the counter, of the group or of the machine, and remembers its value. */
void oom_watch(struct oom *o, const struct cgroup *group);
/* Has the counter grown? Returns true once for each kill since oom_watch. */
bool oom_happened(struct oom *o);

#endif
