/* reaper: the children of this process that are no attempt, and what becomes of them.
 *
 * Those it had at the start (an entrypoint's helpers) are the service's to find, alive or dead: neither ended nor reaped. What
 * fled from an attempt is ended before the service starts. Strangers that PID 1 is handed are reaped once they are dead; those
 * that live are left alone. Knows nothing of attempts: the reactor reaps those. Works without /proc, too: then the order of the
 * numbers tells who came first.
 */
#ifndef SG_REAPER_H
#define SG_REAPER_H

#include "instant.h"
#include "util.h"

struct reaper {
	bool visible;  /* /proc tells who they are */
	bool had_some; /* at the start */
	bool
	    keep_dead; /* those of the start; not when the kernel was told to reap (SIGCHLD ignored) */
	pid_t self, first_attempt;
	pid_t *before; /* those of the start */
	size_t n_before;
	bool suspected;    /* an attempt may have left a process behind */
	uint64_t since;    /* the start of the first such attempt, in ticks */
	int was_subreaper; /* was this process one at the start? */
};

/* From here on this process is handed the orphans below it. */
void reaper_begin(struct reaper *k, bool keep_dead);
/* Takes that back, and frees what belongs to `k`. */
void reaper_free(struct reaper *k);
void reaper_attempt(struct reaper *k, pid_t pid);
/* An attempt ended otherwise than by its own last word, or could not end what it had started. Before it is reaped. */
void reaper_suspect(struct reaper *k, pid_t pid);
/* A dead child that is no attempt: is it for the service to reap? */
bool reaper_is_the_services(const struct reaper *k, pid_t pid);
/* Reaps dead strangers one by one: a dead one that is the service's hides them from whoever asks for any. */
void reaper_reap(const struct reaper *k, bool (*is_attempt)(const void *ctx, pid_t pid),
		 const void *ctx);
/* Kills those that fled. True when there was one, who may take a moment to be gone. To be called when no attempt runs. */
bool reaper_kill_fled(struct reaper *k, struct instant until);

#endif
