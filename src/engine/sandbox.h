/* fence: what the child of a check is no longer able to do, whatever a peer makes of it.
 *
 * fence_prepare runs once, in the parent, before the first fork: it compiles the system call filters (libseccomp) and
 * opens the Landlock rules; nothing of it binds the parent. fence_enter runs in each child: no new privileges, limits
 * on memory, descriptors and files, Landlock (nothing is written, made, removed or executed), the filter. What the
 * kernel, the container or the build refuses is left out and said: `missing` gets it in words, never a failure.
 * Parent room: libc, and libseccomp where the build has it. What is forbidden and why: docs/security.md.
 *
 * A forbidden call fails with EPERM and does not kill: libraries try things they can do without (a keyring, io_uring)
 * and must hear "no" as in any locked down container; killed, a healthy dependency would look like a crash of ours.
 *
 * Cost: 0.4 ms once, about 45 us for each attempt (docs/security.md, "What it costs").
 */
#ifndef SG_FENCE_H
#define SG_FENCE_H

#include "util.h"

/* PLAIN: talks to peers and reads files. PROGRAMS: the same, and may start programs, which live as the service would:
 * its limits are not lowered and it may write. */
enum fence_room { FENCE_PLAIN, FENCE_PROGRAMS, FENCE__COUNT };

#define FENCE_MISSING_MAX 160

struct sock_filter;
struct fence {
	struct fence_filter {
		struct sock_filter *code;
		unsigned short len;
		char missing[FENCE_MISSING_MAX / 2]; /* why there is none; empty when there is */
	} filters[FENCE__COUNT];
	int landlock; /* a ruleset, close-on-exec; -1: none */
	char landlock_missing[FENCE_MISSING_MAX / 2];
	uint64_t data, resident; /* bytes: what children inherit, and is not counted as theirs */
};

#define FENCE_MEMORY (512ull << 20) /* the largest body or file a check may hold, four times over */
#define FENCE_DESCRIPTORS 4096      /* 1,024 brokers with a socket and a wake-up pipe each */

/* `rooms` says which filters will be needed, a bit for each. */
void fence_prepare(struct fence *f, unsigned rooms);
void fence_free(struct fence *f);
/* Child only, with one thread. `missing` (FENCE_MISSING_MAX bytes) gets what could not be had, empty when all is. */
void fence_enter(const struct fence *f, enum fence_room room, char *missing);
/* Child only. `memory` is in bytes of private writable memory. Lowers what is inherited, never raises it. */
void fence_limit(const struct fence *f, uint64_t memory);
/* Did memory run out for a child that held this much at most (getrusage, in KiB)? A buffer that doubles is refused when
 * it holds between a third and a half of what may be had. */
bool fence_memory_met(const struct fence *f, long max_rss_kib, uint64_t memory);

/* "libseccomp 2.5.4", or NULL: this build has no filter. */
const char *fence_library(void);
/* Whether this build knows Landlock. */
bool fence_knows_landlock(void);

#endif
