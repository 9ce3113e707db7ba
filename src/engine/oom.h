/* oom: has the kernel ended a process for want of memory? A kill alone does not say who it was.
 *
 * The kernel counts what it ends: for the container (memory.events, with the first version of control groups
 * memory.oom_control), for the machine (/proc/vmstat) where no such count is to be had. Read at the start and when a child
 * was killed; the parent's only look at /sys.
 */
#ifndef SG_OOM_H
#define SG_OOM_H

#include "util.h"

#define OOM_PATH_MAX 512

struct oom {
	char path[OOM_PATH_MAX]; /* empty: nothing here counts */
	int64_t count;
};

void oom_watch(struct oom *o);
/* Since oom_watch; each of those that were ended accounts for one answer. */
bool oom_happened(struct oom *o);

#endif
