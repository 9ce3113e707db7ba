/* sandbox: what the child of a check is no longer able to do, whatever a peer makes of it.
 *
 * sandbox_prepare runs once, in the parent, before the first fork: it compiles the system call filters (libseccomp) and
 * opens the Landlock rules; nothing of it binds the parent. sandbox_enter runs in each child: no new privileges, limits
 * on memory, descriptors and files, Landlock (nothing is written, made, removed or executed), the filter. What the
 * kernel, the container or the build refuses is left out and said: `missing` gets it in words, never a failure.
 * Parent room: libc, and libseccomp where the build has it. What is forbidden and why: docs/security.md.
 *
 * A forbidden call fails with EPERM and does not kill: libraries try things they can do without (a keyring, io_uring)
 * and must hear "no" as in any locked down container; killed, a healthy dependency would look like a crash of ours.
 *
 * Cost: 0.4 ms once, about 45 us for each attempt (docs/security.md, "What it costs").
 */
#ifndef SG_SANDBOX_H
#define SG_SANDBOX_H

#include "util.h"

/* PLAIN: talks to peers and reads files. PROGRAMS: the same, and may start programs, which live as the service would:
 * its limits are not lowered and it may write. */
enum sandbox_profile { SANDBOX_PLAIN, SANDBOX_PROGRAMS, SANDBOX__COUNT };

#define SANDBOX_MISSING_MAX 160

struct sock_filter;
struct sandbox {
	struct sandbox_filter {
		struct sock_filter *code;
		unsigned short len;
		char missing[SANDBOX_MISSING_MAX / 2]; /* why there is none; empty when there is */
	} filters[SANDBOX__COUNT];
	int landlock; /* a ruleset, close-on-exec; -1: none */
	char landlock_missing[SANDBOX_MISSING_MAX / 2];
	uint64_t data, resident; /* bytes: what children inherit, and is not counted as theirs */
};

#define SANDBOX_MEMORY \
	(512ull << 20)           /* the largest body or file a check may hold, four times over */
#define SANDBOX_DESCRIPTORS 4096 /* 1,024 brokers with a socket and a wake-up pipe each */

/* `rooms` says which filters will be needed, a bit for each. */
void sandbox_prepare(struct sandbox *f, unsigned rooms);
void sandbox_free(struct sandbox *f);
/* Child only, with one thread. `missing` (SANDBOX_MISSING_MAX bytes) gets what could not be had, empty when all is. */
void sandbox_enter(const struct sandbox *f, enum sandbox_profile room, char *missing);
/* Child only. `memory` is in bytes of private writable memory. Lowers what is inherited, never raises it. */
void sandbox_limit(const struct sandbox *f, uint64_t memory);
/* Did memory run out for a child that held this much at most (getrusage, in KiB)? A buffer that doubles is refused when
 * it holds between a third and a half of what may be had. */
bool sandbox_memory_met(const struct sandbox *f, long max_rss_kib, uint64_t memory);

/* "libseccomp 2.5.4", or NULL: this build has no filter. */
const char *sandbox_library(void);
/* Whether this build knows Landlock. */
bool sandbox_knows_landlock(void);

#endif
