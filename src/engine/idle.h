/* idle: the children that have made an attempt and wait for another one.
 *
 * Called by the reactor, in the parent. An idle child waits in a read and has no other process below it, so SIGKILL ends it at once.
 * It ends as well when the guard dies.
 */
#ifndef SG_IDLE_H
#define SG_IDLE_H

#include "child.h"

/* Twice PLAN_BURST: while one step's attempts run, the next step finds children too and need not fork. More bring nothing, and each
 * holds a few hundred KiB. */
#define IDLE_MAX 8

struct idle {
	struct idle_child {
		struct child child;
		const struct profile_check *check; /* of its last attempt */
	} v[IDLE_MAX];
	size_t n;
};

/* Takes over the child and its descriptors. There must be room. */
void idle_add(struct idle *idle, const struct profile_check *check, const struct child *child);
/* Hands out a child that may make an attempt of this check, or (`check` is NULL) the one that has waited longest. Returns whether
 * there is one. */
bool idle_take(struct idle *idle, const struct profile_check *check, struct child *out);
/* Returns whether the child wrote nothing since its last attempt, as it must be. */
bool idle_is_silent(const struct child *child);
/* Kills all idle children, without waiting: idle_end reaps each. */
void idle_kill_all(const struct idle *idle);
/* Kills and reaps a child that was handed out, and closes its pipes. Waits at most 100 ms. Returns whether it ended. */
bool idle_end(struct child *child);
/* Forgets a child that has died, before it is reaped; does nothing if `pid` is not an idle child. */
void idle_remove(struct idle *idle, pid_t pid);

#endif
