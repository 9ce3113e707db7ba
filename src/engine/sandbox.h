/* sandbox: limits what the child of a check can do, in case a peer takes it over.
 *
 * sandbox_prepare runs once, in the parent, before the first fork: it compiles the system call filters and opens
 * the Landlock rules; neither restricts the parent. sandbox_enter runs in each child: no new privileges, Landlock (no file is
 * written, made, removed or executed), the filters, and lowers root's capabilities. sandbox_limit_memory and sandbox_limit lower the child's limits. A layer that the
 * kernel, the container or the build refuses is left out; `missing` gets its name and the error text, and the run goes on. What is
 * forbidden and why: docs/security.md.
 *
 * A forbidden call fails with EPERM and does not kill: libraries try calls that they can do without (a keyring, io_uring), and
 * killing them would make a healthy dependency look like a crash of startguard.
 *
 * Cost: about 45 us for each attempt (docs/security.md, "What it costs").
 */
#ifndef SG_SANDBOX_H
#define SG_SANDBOX_H

#include "cgroup.h"

/* PLAIN: the check talks to peers and reads files. PROGRAMS: it may also start programs, which must find what the service finds:
 * limits are not lowered, and files may be written. */
enum sandbox_profile { SANDBOX_PLAIN, SANDBOX_PROGRAMS, SANDBOX__COUNT };

#define SANDBOX_MISSING_MAX 160
#define SANDBOX_FILTER_NAME "system call filter" /* in the list of missing layers */

struct sock_filter;
struct sandbox {
	struct sandbox_filter {
		struct sock_filter *code;
		unsigned short len;
		unsigned short
		    own_pid; /* the instruction whose constant is the child's pid; 0: none */
		/* why there is no filter; empty when there is one */
		char missing[SANDBOX_MISSING_MAX / 2];
	} filters[SANDBOX__COUNT];
	int landlock;  /* descriptor of the ruleset, close-on-exec; -1: none */
	bool unscoped; /* this kernel's Landlock cannot keep signals within the child */
	char landlock_missing[SANDBOX_MISSING_MAX / 2];
	/* Bytes that children inherit and that do not count as theirs; anonymous: the part of `resident` that no file backs. */
	uint64_t data, resident, anonymous;
	int64_t
	    memory_left; /* bytes that the container may still use at the start of the run; -1: no limit is known */
};

/* Bytes that an attempt may use: four times the largest body or file that a check may hold. */
#define SANDBOX_MEMORY (512ull << 20)
/* Bytes that an attempt gets in a small container, if three quarters of what is left are as much; and the least that it gets. */
#define SANDBOX_ENOUGH (16ull << 20)
#define SANDBOX_LEAST (4ull << 20)
/* Enough descriptors for 1,024 brokers with a socket and a wake-up pipe each. */
#define SANDBOX_DESCRIPTORS 4096

/* Prepares the profiles of the set: bit i for profile i. `group`: whose memory the children use. */
void sandbox_prepare(struct sandbox *f, unsigned profiles, const struct cgroup *group);
void sandbox_free(struct sandbox *f);
/* Child only, with one thread. `missing` (SANDBOX_MISSING_MAX bytes) names the layers that were refused; empty: none. */
void sandbox_enter(const struct sandbox *f, enum sandbox_profile profile, char *missing);
/* Returns the bytes that an attempt may use whose kind may use `most`: less in a small container, whose memory it must not use up.
 * The kernel may kill the whole container then (memory.oom.group), or the guard in place of the child. */
uint64_t sandbox_memory(const struct sandbox *f, uint64_t most);
/* Child only; each lowers limits and never raises one. `memory`: bytes of private writable memory beyond what is inherited. The
 * other lowers the number of descriptors and the size of files, for SANDBOX_PLAIN. */
void sandbox_limit_memory(const struct sandbox *f, uint64_t memory);
void sandbox_limit(void);
/* Did a child whose resident memory was at most `max_rss_kib` (getrusage) reach its limit? A buffer that doubles is refused when it
 * holds between a third and a half of the limit, so a third counts. `in_child`: the caller is that child, which can tell the pages
 * of files from its own. */
bool sandbox_limit_reached(const struct sandbox *f, long max_rss_kib, uint64_t memory,
			   bool in_child);

/* Has this build a system call filter? */
bool sandbox_has_filter(void);
/* The library that compiles it, "libseccomp 2.5.4"; NULL: none is needed. */
const char *sandbox_library(void);

#endif
