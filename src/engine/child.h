/* child: runs the attempts of checks in processes of their own, inside the sandbox.
 *
 * The child has its own process group, dies with the parent, inherits no descriptor but the pipe and leaves no core. It writes
 * its findings as records (ipc.h) and ends by _exit, without shutting libraries down. Implements the reporting calls of check.h.
 * The reactor calls the other functions, in the parent.
 *
 * A child makes one attempt. Where the kind allows it (may_share_child), a child whose attempt passed or could not connect
 * waits for the next job instead of ending: it makes one attempt at a time, each with its own deadline and its own records. It
 * closes every descriptor that an attempt left open before the next one.
 */
#ifndef SG_CHILD_H
#define SG_CHILD_H

#include <signal.h>

#include "sandbox.h"
#include "profile.h"

struct child {
	pid_t pid;
	int fd;       /* the pipe's reading end, non-blocking */
	int attempts; /* that it was given */
	int jobs; /* the writing end of the pipe of further jobs; -1: the child ends after its attempt */
};

/* Settings that all children share. */
struct child_setup {
	const struct sandbox *sandbox;
	const sigset_t *mask; /* the signal mask that startguard was started with */
	const sigset_t
	    *changed; /* the signals that are not at their default here, for the child to reset */
};

/* Can a check of this kind start programs? Then its child may enter SANDBOX_PROGRAMS; all others enter SANDBOX_PLAIN. */
bool child_may_start_programs(const struct check_kind *kind);
/* Returns all sandbox profiles that these checks may need, for sandbox_prepare: bit i for profile i. */
unsigned child_sandbox_profiles(const struct profile *profile);
/* Returns the memory that an attempt of this kind may use, in bytes; 0: startguard sets no limit. */
uint64_t child_memory(const struct check_kind *kind, const struct sandbox *sandbox);
/* Starts an attempt, which the caller kills at `deadline`. Returns 0, or -1 with errno when no process or pipe can be created. */
int child_start(struct child *out, const struct profile_check *check, int attempt,
		struct instant now, struct instant deadline, const struct child_setup *setup);
/* May attempts of both checks be made by one child? */
bool child_may_share(const struct profile_check *a, const struct profile_check *b);
/* Does a child with a pipe of jobs wait for the next one after this result, in the child's and in the parent's view? */
bool child_stays(enum result result, const struct diag *diag);
/* A child ends after so many attempts: the memory that they leave behind stays small. */
#define CHILD_ATTEMPTS_MAX 256
/* Gives a waiting child its next attempt, of a check that may share the child. Returns 0, or -1 when the child is gone. */
int child_give(struct child *child, const struct profile_check *check, int attempt,
	       struct instant now, struct instant deadline);
/* Runs the attempt in this process, without the sandbox, for debuggers and sanitizers. Records go to `fd`. */
enum result child_in_process(const struct profile_check *check, struct instant now,
			     struct instant deadline, int fd, struct diag *out);

#endif
