/* orphans: adopts and kills the processes that an attempt left running.
 *
 * While the run lasts this process is a subreaper, so it becomes the parent of all processes that an attempt's child leaves
 * when it crashes. It also becomes the parent of other orphans below it: helpers that an entrypoint started before startguard and
 * that daemonise during the run. Those belong to the service and are not killed. An orphan of an attempt is recognised by what
 * sandbox_enter gave the attempt and no process can drop: no_new_privs, and one more seccomp filter than this process has. Where
 * attempts get no filter or the kernel does not count them, no_new_privs must do. Without /proc no orphan is found. Called by the
 * reactor, which reaps the orphans.
 */
#ifndef SG_ORPHANS_H
#define SG_ORPHANS_H

#include "util.h"

struct orphans {
	bool expected; /* set by the reactor: an attempt may have left a process */
	pid_t *before; /* the children at the start: never killed */
	size_t n_before;
	int64_t no_new_privs,
	    filters; /* of this process; filters: how many, -1: the kernel does not count them */
	bool unfiltered;   /* set by the reactor: an attempt got no filter */
	int was_subreaper; /* the setting found at the start */
};

/* Makes this process a subreaper. */
void orphans_begin(struct orphans *o);
/* Kills the orphans of attempts, with everything below them. Returns true when there was one, which may take a moment to die. Call
 * it when no attempt runs. */
bool orphans_kill(const struct orphans *o);
/* Restores the subreaper setting, which exec would pass on to the service. Frees the members of `o`. */
void orphans_end(struct orphans *o);

#endif
