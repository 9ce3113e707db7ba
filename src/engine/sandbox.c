#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_filter.h"

#if defined __has_include
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif
#endif

/* A sanitizer's shadow memory is counted as used: any limit would be met at once. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- Landlock ------------------------------------------------------------------------------------------------------- */
#ifdef LANDLOCK_CREATE_RULESET_VERSION

/* Rights and scopes that came after the first version, for kernel headers that lack them. */
#define LL_REFER (1ull << 13)         /* version 2 */
#define LL_TRUNCATE (1ull << 14)      /* version 3 */
#define LL_IOCTL_DEV (1ull << 15)     /* version 5 */
#define LL_SCOPE_ABSTRACT (1ull << 0) /* version 6 */
#define LL_SCOPE_SIGNAL (1ull << 1)   /* version 6 */
#define LL_NET_VERSION 4
#define LL_SCOPE_VERSION 6

/* Everything that is not reading. */
static const struct {
	int since;
	uint64_t rights;
} not_reading[] = {
    {1, LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM},
    {2, LL_REFER},
    {3, LL_TRUNCATE},
    {5, LL_IOCTL_DEV},
};

/* As the kernel's header has it since version 6; an older kernel takes its beginning. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* Coverage is written to files at the end of a child: such a build has the rules, and lets all that they forbid pass. */
static int allow_writing(int ruleset, uint64_t forbidden)
{
	bool all = counts_coverage();
	cleanup_fd int fd = open(all ? "/" : "/dev/null", O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = all ? forbidden : LANDLOCK_ACCESS_FS_WRITE_FILE, .parent_fd = fd};

	if (fd < 0) /* no /dev here: then nobody can write to it either */
		return 0;
	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void prepare_landlock(struct sandbox *f)
{
	long version =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = {0};
	size_t size = version >= LL_SCOPE_VERSION ? sizeof attr
		      : version >= LL_NET_VERSION ? offsetof(struct ruleset_attr, scoped)
						  : offsetof(struct ruleset_attr, net);

	if (version > 0) {
		for (size_t i = 0; i < ARRAY_LEN(not_reading); i++)
			if (version >= not_reading[i].since)
				attr.fs |= not_reading[i].rights;
		if (version >= LL_SCOPE_VERSION)
			attr.scoped = LL_SCOPE_ABSTRACT | LL_SCOPE_SIGNAL;
		f->landlock = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	}
	if (f->landlock < 0) {
		snprintf(f->landlock_missing, sizeof f->landlock_missing, "%s", strerror(errno));
		return;
	}
	if (allow_writing(f->landlock, attr.fs) < 0) {
		snprintf(f->landlock_missing, sizeof f->landlock_missing, "%s", strerror(errno));
		close(f->landlock);
		f->landlock = -1;
	}
}

static int enter_landlock(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

bool sandbox_knows_landlock(void)
{
	return true;
}

#else

static void prepare_landlock(struct sandbox *f)
{
	snprintf(f->landlock_missing, sizeof f->landlock_missing, "built without it");
}

static int enter_landlock(int ruleset)
{
	(void)ruleset;
	errno = ENOSYS;
	return -1;
}

bool sandbox_knows_landlock(void)
{
	return false;
}

#endif

/* ---- before the first child ------------------------------------------------------------------------------------------ */
/* A profile of thousands of checks makes the parent large, and every child with it. */
static void measure(struct sandbox *f)
{
	cleanup_fd int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	unsigned long resident, data;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (fd < 0 || fd_read_full(fd, text, sizeof text - 1) <= 0 ||
	    sscanf(text, "%*u %lu %*u %*u %*u %lu", &resident, &data) != 2) {
		struct rusage usage;

		/* No /proc: what was resident at most is near enough. */
		getrusage(RUSAGE_SELF, &usage);
		f->resident = f->data = (uint64_t)usage.ru_maxrss * 1024;
		return;
	}
	f->resident = resident * page;
	f->data = data * page;
}

void sandbox_prepare(struct sandbox *f, unsigned rooms)
{
	*f = (struct sandbox){.landlock = -1};
	measure(f);
	for (int room = 0; room < SANDBOX__COUNT; room++)
		if (rooms & 1u << room)
			sandbox_filter_make(&f->filters[room], (enum sandbox_profile)room);
	if (rooms & 1u << SANDBOX_PLAIN)
		prepare_landlock(f);
}

void sandbox_free(struct sandbox *f)
{
	for (int room = 0; room < SANDBOX__COUNT; room++)
		free(f->filters[room].code);
	if (f->landlock >= 0)
		close(f->landlock);
	*f = (struct sandbox){.landlock = -1};
}

/* ---- in the child ------------------------------------------------------------------------------------------------------- */
static void add_missing(char *missing, const char *what, const char *why)
{
	size_t n = strlen(missing);

	snprintf(missing + n, SANDBOX_MISSING_MAX - n, "%sno %s: %s", n ? "; " : "", what, why);
}

static int enter_filter(const struct sandbox_filter *filter)
{
	struct sock_fprog program = {.len = filter->len, .filter = filter->code};

	/* The flag: a filter is no reason to slow the child down with mitigations it did not ask for. Kernels before 4.17
	 * do not know it, some containers know prctl alone. */
#if defined SECCOMP_FILTER_FLAG_SPEC_ALLOW
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) == 0)
		return 0;
#endif
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

void sandbox_enter(const struct sandbox *f, enum sandbox_profile room, char *missing)
{
	const struct sandbox_filter *filter = &f->filters[room];

	missing[0] = '\0';
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		add_missing(missing, "promise of no new privileges", strerror(errno));
	if (room == SANDBOX_PLAIN) {
		if (f->landlock < 0)
			add_missing(missing, "Landlock rules", f->landlock_missing);
		else if (enter_landlock(f->landlock) < 0)
			add_missing(missing, "Landlock rules", strerror(errno));
	}
	if (filter->len == 0)
		add_missing(missing, "system call filter", filter->missing);
	else if (enter_filter(filter) < 0)
		add_missing(missing, "system call filter", strerror(errno));
}

static void lower(__rlimit_resource_t what, uint64_t to)
{
	struct rlimit r;

	if (getrlimit(what, &r) < 0)
		return;
	if (r.rlim_cur > to)
		r.rlim_cur = to;
	/* The hard one too: what a peer makes of the child must not raise it again. */
	r.rlim_max = r.rlim_cur;
	setrlimit(what, &r);
}

void sandbox_limit(const struct sandbox *f, uint64_t memory)
{
	/* RLIMIT_DATA and not RLIMIT_AS: what is reserved and never touched (stacks of threads that were, arenas, mapped
	 * libraries) is no harm, and differs between machines by hundreds of MiB. */
	if (!SANITIZED)
		lower(RLIMIT_DATA, f->data + memory);
	lower(RLIMIT_NOFILE, SANDBOX_DESCRIPTORS);
	/* No file grows, with Landlock or without. Pipes and sockets are none; files of coverage are. */
	if (!counts_coverage())
		lower(RLIMIT_FSIZE, 0);
}

bool sandbox_memory_met(const struct sandbox *f, long max_rss_kib, uint64_t memory)
{
	return !SANITIZED && (uint64_t)max_rss_kib * 1024 > f->resident + memory / 3;
}
