/* child: the child's side of the sandbox. One attempt of one check in a process of its own.
 *
 * The child has its own group, dies with the parent, has no descriptor but the pipe, leaves no core, and says what
 * it finds as records (ipc.h). It leaves by _exit: no library is torn down. Implements check.h's reporting calls.
 */
#ifndef SG_CHILD_H
#define SG_CHILD_H

#include <signal.h>

#include "sandbox.h"
#include "profile.h"

struct child {
	pid_t pid;
	int fd; /* the pipe's reading end, non-blocking */
};

/* How every child is started. */
struct child_setup {
	const struct sandbox *sandbox;
	const sigset_t *mask; /* the signal mask to give back */
};

/* The sandbox profile that the child of this check enters: SANDBOX_PROGRAMS if it may start programs. */
enum sandbox_profile child_profile(const struct profile_check *check);
/* All sandbox profiles that these checks may need: bit i for profile i. For sandbox_prepare. */
unsigned child_profiles(const struct profile *profile);
/* The memory an attempt of this kind may use, in bytes; 0: no limit of ours. */
uint64_t child_memory(const struct check_kind *kind);
/* Starts an attempt that must be over at `deadline`, when the parent kills it. 0; -1 with errno when no process is to
 * be had. */
int child_start(struct child *out, const struct profile_check *check, int attempt,
		struct instant now, struct instant deadline, const struct child_setup *setup);
/* The same in this process, for debuggers and sanitizers: returns the verdict; records go to a pipe that nobody
 * kills. */
enum result child_in_process(const struct profile_check *check, struct instant now,
			     struct instant deadline, int fd, struct diag *out);

#endif
