#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_filter.h"

/* The shadow memory of a sanitizer counts as used: every limit would be exceeded at once. */
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
/* Rights and scopes that the oldest supported kernel headers do not define. */
#define LL_REFER (1ull << 13)         /* version 2 */
#define LL_TRUNCATE (1ull << 14)      /* version 3 */
#define LL_IOCTL_DEV (1ull << 15)     /* version 5 */
#define LL_SCOPE_ABSTRACT (1ull << 0) /* version 6 */
#define LL_SCOPE_SIGNAL (1ull << 1)   /* version 6 */
#define LL_NET_VERSION 4
#define LL_SCOPE_VERSION 6

/* Every right but reading, with the version of Landlock that introduced it. */
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

/* struct landlock_ruleset_attr as of version 6; an older kernel gets only the first members. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* Allows writing to /dev/null, and everywhere in a build that collects coverage, whose children write files when they end. */
static int allow_writing(int ruleset, uint64_t forbidden)
{
	bool all = counts_coverage();
	cleanup_fd int fd = open(all ? "/" : "/dev/null", O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = all ? forbidden : LANDLOCK_ACCESS_FS_WRITE_FILE, .parent_fd = fd};

	if (fd < 0) /* there is no /dev/null to allow */
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
	f->unscoped = version > 0 && version < LL_SCOPE_VERSION;
	if (f->landlock >= 0 && allow_writing(f->landlock, attr.fs) == 0)
		return;
	snprintf(f->landlock_missing, sizeof f->landlock_missing, "%s", strerror(errno));
	if (f->landlock >= 0)
		close(steal_fd(&f->landlock));
}

/* ---- before the first child ------------------------------------------------------------------------------------------ */
/* Reads the memory of this process, bytes: all that is resident, the part of it that files back, private data. */
static bool read_memory(uint64_t *resident, uint64_t *file, uint64_t *data)
{
	cleanup_fd int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	unsigned long r, f, d;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (fd < 0 || fd_read_full(fd, text, sizeof text - 1) <= 0 ||
	    sscanf(text, "%*u %lu %lu %*u %*u %lu", &r, &f, &d) != 3)
		return false;
	*resident = r * page;
	*file = f * page;
	*data = d * page;
	return true;
}

/* Measures the memory that each child inherits from the parent: a profile of thousands of checks makes it large. */
static void measure_inherited(struct sandbox *f)
{
	struct rusage usage;
	uint64_t file;

	if (read_memory(&f->resident, &file, &f->data)) {
		f->anonymous = f->resident - file;
		return;
	}
	/* Without /proc the peak of resident memory is near enough. */
	getrusage(RUSAGE_SELF, &usage);
	f->resident = f->data = f->anonymous = (uint64_t)usage.ru_maxrss * 1024;
}

void sandbox_prepare(struct sandbox *f, unsigned profiles, const struct cgroup *group)
{
	*f = (struct sandbox){.landlock = -1, .memory_left = cgroup_memory_left(group)};
	measure_inherited(f);
	for (int i = 0; i < SANDBOX__COUNT; i++)
		if (profiles & 1u << i)
			sandbox_filter_make(&f->filters[i], (enum sandbox_profile)i);
	if (profiles & 1u << SANDBOX_PLAIN)
		prepare_landlock(f);
}

/* A quarter of what the container has left, since several attempts run at once; half of it for a kind that needs much. Stacks of
 * threads count as data although little of them is used, so a check of a healthy Kafka cluster needs 8 to 16 MiB. */
uint64_t sandbox_memory(const struct sandbox *f, uint64_t most)
{
	uint64_t left = (uint64_t)f->memory_left, share, enough;

	if (f->memory_left < 0)
		return most;
	share = most > SANDBOX_MEMORY ? left / 2 : left / 4;
	enough = left / 4 * 3 < SANDBOX_ENOUGH ? left / 4 * 3 : SANDBOX_ENOUGH;
	share = share > enough ? share : enough;
	share = share > SANDBOX_LEAST ? share : SANDBOX_LEAST;
	return share < most ? share : most;
}

void sandbox_free(struct sandbox *f)
{
	for (int i = 0; i < SANDBOX__COUNT; i++)
		free(f->filters[i].code);
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

	if (filter->own_pid) /* in this process's copy of the parent's memory */
		filter->code[filter->own_pid].k = (uint32_t)getpid();
	/* The flag keeps the kernel from slowing the child down with mitigations. Kernels before 4.17 do not know it, and some
	 * containers allow prctl only. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) == 0)
		return 0;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Keeps of root's capabilities those by which the service reads its files and takes its port. */
static int drop_capabilities(void)
{
	static const uint32_t kept =
	    1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) < 0)
		return -1;
	caps[0].effective &= kept;
	caps[0].permitted &= kept;
	caps[0].inheritable = 0;
	caps[1] = (struct __user_cap_data_struct){0};
	return (int)syscall(SYS_capset, &head, caps);
}

static void enter_landlock(const struct sandbox *f, char *missing)
{
	if (f->landlock < 0)
		add_missing(missing, "Landlock rules", f->landlock_missing);
	else if (syscall(SYS_landlock_restrict_self, f->landlock, 0) < 0)
		add_missing(missing, "Landlock rules", strerror(errno));
	else if (f->unscoped)
		add_missing(missing, "Landlock scope of signals", "Linux 6.12 has it");
}

/* The capabilities go last: without no_new_privs a filter needs one. */
void sandbox_enter(const struct sandbox *f, enum sandbox_profile profile, char *missing)
{
	const struct sandbox_filter *filter = &f->filters[profile];
	bool plain = profile == SANDBOX_PLAIN;

	missing[0] = '\0';
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		add_missing(missing, "promise of no new privileges", strerror(errno));
	if (plain)
		enter_landlock(f, missing);
	if (filter->len == 0)
		add_missing(missing, SANDBOX_FILTER_NAME, filter->missing);
	else if (enter_filter(filter) < 0)
		add_missing(missing, SANDBOX_FILTER_NAME, strerror(errno));
	if (plain && drop_capabilities() < 0)
		add_missing(missing, "lowering of capabilities", strerror(errno));
}

static void lower_limit(__rlimit_resource_t what, uint64_t to)
{
	struct rlimit r;

	if (getrlimit(what, &r) < 0)
		return;
	if (r.rlim_cur > to)
		r.rlim_cur = to;
	/* Lower the hard limit too: a child that a peer has taken over must not raise it again. */
	r.rlim_max = r.rlim_cur;
	setrlimit(what, &r);
}

void sandbox_limit_memory(const struct sandbox *f, uint64_t memory)
{
	/* RLIMIT_DATA and not RLIMIT_AS: memory that is reserved and never touched (arenas, mapped libraries) does no harm and differs
	 * between machines by hundreds of MiB. */
	if (!SANITIZED)
		lower_limit(RLIMIT_DATA, f->data + memory);
}

void sandbox_limit(void)
{
	lower_limit(RLIMIT_NOFILE, SANDBOX_DESCRIPTORS);
	/* No file can grow, with or without Landlock. Pipes and sockets are not affected; the files of coverage would be. */
	if (!counts_coverage())
		lower_limit(RLIMIT_FSIZE, 0);
}

bool sandbox_limit_reached(const struct sandbox *f, long max_rss_kib, uint64_t memory,
			   bool in_child)
{
	uint64_t used = (uint64_t)max_rss_kib * 1024, resident, file, data;

	if (SANITIZED)
		return false;
	/* Libraries that a child loads are pages of files and do not count; in a small container they are more than a third. */
	if (in_child && read_memory(&resident, &file, &data))
		return used > file + f->anonymous + memory / 3;
	return used > f->resident + memory / 3;
}
