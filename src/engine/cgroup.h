/* cgroup: finds the control group whose memory limit holds for this process, and reads its files.
 *
 * Knows version 2 and version 1 (kernel: admin-guide/cgroup-v2, cgroup-v1/memory). Inside a container the group is often the
 * root of the mount, whatever its path on the host is; the limits of groups above the container cannot be seen. Reads files of
 * /proc and /sys only and keeps none open. Parent only.
 */
#ifndef SG_CGROUP_H
#define SG_CGROUP_H

#include "util.h"

#define CGROUP_PATH_MAX 512

struct cgroup {
	char folder[CGROUP_PATH_MAX]; /* of the group; empty: none was found */
	size_t mount_len; /* the first bytes of `folder` that are the mount's own path */
	bool second;      /* version 2 */
	int64_t
	    oom_kills; /* what the file of cgroup_oom_file said; -1: it has no count, or no group was found */
};

/* `root` stands before "/proc" and "/sys": "", or the folder of a test. */
void cgroup_find(struct cgroup *g, const char *root);
/* Returns the count of "oom_kill" in a file's text; -1: there is none. */
int64_t cgroup_oom_kills(const char *text);
/* Returns the path of the file that counts processes killed for want of memory ("oom_kill N"). *path is empty when there is no
 * group. */
void cgroup_oom_file(const struct cgroup *g, char *path, size_t size);
/* Returns how many bytes the group may still use until the kernel kills for want of memory, file pages that it can drop counted as
 * free: the least of the group and of those above it. -1: no limit is known. */
int64_t cgroup_memory_left(const struct cgroup *g);

#endif
