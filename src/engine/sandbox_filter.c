#include "sandbox_filter.h"

#include <errno.h>
#include <linux/filter.h>

#ifdef WITH_SECCOMP

#include <asm/ioctls.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Forbidden in every profile: no check and no command of a check needs them. */
static const char *const for_all[] = {
    /* other processes' memory and descriptors */
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "move_pages", "migrate_pages",
    /* another view of the file system */
    "mount", "umount", "umount2", "pivot_root", "chroot", "name_to_handle_at", "open_by_handle_at",
    "fanotify_init", "quotactl", "swapon", "swapoff", "acct", "lookup_dcookie", "nfsservctl",
    /* namespaces (clone: below) */
    "unshare", "setns",
    /* large and young attack surfaces of the kernel */
    "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl",
    /* the machine */
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "syslog", "settimeofday", "clock_settime", "stime", "sethostname", "setdomainname", "iopl",
    "ioperm", "vm86", "vm86old", "vhangup"};

/* Forbidden in the plain profile as well: such a check talks to its peer and reads files, no more. */
static const char *const for_plain[] = {
    "execve", "execveat", "fork", "vfork",
    /* leaving the process group that the guard kills */
    "setsid", "setpgid",
    /* signals and scheduling of other processes; abort() needs tgkill, which a filter of sandbox.c limits to the own process */
    "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setpriority", "ioprio_set",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
    /* names and attributes of files; Landlock and RLIMIT_FSIZE protect their content */
    "creat", "truncate", "truncate64", "link", "linkat", "symlink", "symlinkat", "rename",
    "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat",
    "chmod", "fchmod", "fchmodat", "chown", "chown32", "fchown", "fchown32", "lchown", "lchown32",
    "fchownat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
    "utime", "utimes", "futimesat", "utimensat", "utimensat_time64", "adjtimex", "clock_adjtime",
    "clock_adjtime64", "personality",
    /* memory and messages that stay when the process has ended, or that no limit of it counts */
    "ipc", "shmget", "shmat", "shmctl", "semget", "semctl", "semop", "semtimedop",
    "semtimedop_time64", "msgget", "msgctl", "msgsnd", "msgrcv", "mq_open", "mq_unlink",
    "mq_timedsend", "mq_timedsend_time64", "mq_timedreceive", "mq_timedreceive_time64", "mq_notify",
    "mq_getsetattr"};

/* Calls that an older libseccomp does not know by name, with their number, which is the same on every architecture. */
struct newer {
	const char *name;
	int number;
};
static const struct newer newer_for_all[] = {
    {"pidfd_getfd", 438},    {"process_madvise", 440}, {"process_mrelease", 448},
    {"open_tree", 428},      {"move_mount", 429},      {"fsopen", 430},
    {"fsconfig", 431},       {"fsmount", 432},         {"fspick", 433},
    {"mount_setattr", 442},  {"open_tree_attr", 467},  {"quotactl_fd", 443},
    {"io_uring_setup", 425}, {"io_uring_enter", 426},  {"io_uring_register", 427},
};
static const struct newer newer_for_plain[] = {
    {"pidfd_open", 434},    {"pidfd_send_signal", 424}, {"fchmodat2", 452},    {"setxattrat", 463},
    {"removexattrat", 466}, {"file_setattr", 469},      {"memfd_secret", 447},
};

/* The index of clone's flags among its arguments. */
#if defined __s390__ || defined __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

#define DENY SCMP_ACT_ERRNO(EPERM)

/* A filter under construction. After the first error of the library (rc < 0) the functions below do nothing. */
struct making {
	scmp_filter_ctx ctx;
	int rc;
};

/* Adds a rule that holds when all conditions do. The macro SCMP_CMP would leave datum_b out, about which some compilers warn. */
static void ban(struct making *m, int number, int error, unsigned conditions,
		const struct scmp_arg_cmp *cmp)
{
	int rc = m->rc < 0 ? m->rc
			   : seccomp_rule_add_array(m->ctx, SCMP_ACT_ERRNO((unsigned)error), number,
						    conditions, cmp);

	/* The library may refuse a pseudo number, which means that the call does not exist here: there is nothing to forbid. */
	m->rc = conditions == 0 && (rc == -EDOM || rc == -EINVAL) ? m->rc : rc;
}

static void ban_call(struct making *m, int number, int error)
{
	ban(m, number, error, 0, NULL);
}

static struct scmp_arg_cmp arg_is(unsigned arg, enum scmp_compare op, uint64_t a, uint64_t b)
{
	return (struct scmp_arg_cmp){.arg = arg, .op = op, .datum_a = a, .datum_b = b};
}

static void ban_if(struct making *m, int number, unsigned arg, enum scmp_compare op, uint64_t a,
		   uint64_t b)
{
	const struct scmp_arg_cmp cmp = arg_is(arg, op, a, b);

	ban(m, number, EPERM, 1, &cmp);
}

static void ban_if_both(struct making *m, int number, struct scmp_arg_cmp one,
			struct scmp_arg_cmp other)
{
	const struct scmp_arg_cmp both[] = {one, other};

	ban(m, number, EPERM, 2, both);
}

/* A name that the library does not know is left out: this machine has no such call. */
static void ban_names(struct making *m, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			ban_call(m, number, EPERM);
	}
}

/* Bans calls by name where the library knows it, otherwise by number. Numbers must come before the compat architecture is added,
 * since the library would apply them to it as well; names come after it. */
static void ban_newer(struct making *m, const struct newer *calls, size_t n, bool by_name)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(calls[i].name);

		if ((number != __NR_SCMP_ERROR) == by_name)
			ban_call(m, by_name ? number : calls[i].number, EPERM);
	}
}

/* clone must not make namespaces. clone3 has its flags in memory, where no filter sees them, so it gets ENOSYS; the C library then
 * uses clone. */
static void ban_namespaces(struct making *m)
{
	static const unsigned flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
					 CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	int clone3 = seccomp_syscall_resolve_name("clone3");

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		ban_if(m, SCMP_SYS(clone), CLONE_FLAGS, SCMP_CMP_MASKED_EQ, flags[i], flags[i]);
	ban_call(m, clone3 == __NR_SCMP_ERROR ? 435 : clone3, ENOSYS);
}

/* Bans requests of ioctl. The kernel reads 32 bits of it, and so must the filter. */
static void ban_requests(struct making *m, const unsigned *requests, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ban_if(m, SCMP_SYS(ioctl), 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, requests[i]);
}

/* Bans the requests that fake input for the terminal of the guard. */
static void ban_terminal_input(struct making *m)
{
	static const unsigned requests[] = {TIOCSTI, 0x541c /* TIOCLINUX */};

	ban_requests(m, requests, ARRAY_LEN(requests));
}

/* Bans what makes the kernel send signals of a descriptor to any process of this user. */
static void ban_signals_of_descriptors(struct making *m)
{
	static const int commands[] = {F_SETOWN, F_SETSIG, F_SETOWN_EX, F_NOTIFY, F_SETLEASE};
	static const unsigned requests[] = {FIOSETOWN, SIOCSPGRP, FIOASYNC, TIOCSPGRP, TIOCSIG};
	static const char *const names[] = {"fcntl", "fcntl64"};

	ban_requests(m, requests, ARRAY_LEN(requests));
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		int call = seccomp_syscall_resolve_name(names[k]);

		if (call < 0) /* not a call of this architecture */
			continue;
		for (size_t i = 0; i < ARRAY_LEN(commands); i++)
			ban_if(m, call, 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, (unsigned)commands[i]);
		ban_if_both(m, call, arg_is(1, SCMP_CMP_MASKED_EQ, 0xffffffffu, F_SETFL),
			    arg_is(2, SCMP_CMP_MASKED_EQ, O_ASYNC, O_ASYNC));
	}
}

/* Bans memory that RLIMIT_DATA does not count: shared memory, and mappings that grow downwards like a stack. */
static void ban_uncounted_memory(struct making *m)
{
	static const char *const names[] = {"mmap", "mmap2"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int call = seccomp_syscall_resolve_name(names[i]);

		if (call < 0)
			continue;
		ban_if(m, call, 3, SCMP_CMP_MASKED_EQ, MAP_SHARED, MAP_SHARED);
		ban_if(m, call, 3, SCMP_CMP_MASKED_EQ, MAP_GROWSDOWN, MAP_GROWSDOWN);
	}
}

/* Bans the attributes that the child has set and that a peer would undo: the death signal, the protection from inspection. */
static void ban_attributes(struct making *m)
{
	static const unsigned options[] = {PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_MM,
					   PR_SET_CHILD_SUBREAPER, PR_SET_PTRACER};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		ban_if(m, SCMP_SYS(prctl), 0, SCMP_CMP_MASKED_EQ, 0xffffffffu, options[i]);
}

/* Allows sockets of the four families that checks use: no raw ones, and of netlink only what the resolver asks (routes). */
static void ban_sockets(struct making *m)
{
	static const unsigned raw[] = {AF_INET, AF_INET6};

	for (unsigned family = 1; family < AF_NETLINK; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			ban_if(m, SCMP_SYS(socket), 0, SCMP_CMP_EQ, family, 0);
	ban_if(m, SCMP_SYS(socket), 0, SCMP_CMP_GT, AF_NETLINK, 0);
	for (size_t i = 0; i < ARRAY_LEN(raw);
	     i++) /* the low bits are the type, the others flags */
		ban_if_both(m, SCMP_SYS(socket), arg_is(0, SCMP_CMP_EQ, raw[i], 0),
			    arg_is(1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
	ban_if_both(m, SCMP_SYS(socket), arg_is(0, SCMP_CMP_EQ, AF_NETLINK, 0),
		    arg_is(2, SCMP_CMP_NE, NETLINK_ROUTE, 0));
}

/* Allows clone for threads only, and prlimit for the process itself. */
static void ban_more_for_plain(struct making *m)
{
	ban_newer(m, newer_for_plain, ARRAY_LEN(newer_for_plain), false);
	ban_newer(m, newer_for_plain, ARRAY_LEN(newer_for_plain), true);
	ban_names(m, for_plain, ARRAY_LEN(for_plain));
	ban_if(m, SCMP_SYS(clone), CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	ban_sockets(m);
	ban_signals_of_descriptors(m);
	ban_uncounted_memory(m);
	ban_attributes(m);
	ban_if(m, SCMP_SYS(prlimit64), 0, SCMP_CMP_NE, 0, 0);
}

/* Adds the 32-bit architecture, since programs of the image may be 32-bit programs. */
static void add_compat(UNUSED scmp_filter_ctx ctx)
{
#if defined __x86_64__
	seccomp_arch_add(ctx, SCMP_ARCH_X86);
#elif defined __aarch64__
	seccomp_arch_add(ctx, SCMP_ARCH_ARM);
#endif
}

/* Exports through a pipe: libseccomp before 2.6 cannot export to memory. A filter has 2 KiB; the smallest pipe holds 4. */
static int export_filter(scmp_filter_ctx ctx, struct sandbox_filter *out)
{
	cleanup_fd int in = -1, to = -1;
	int p[2], rc;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	in = p[0];
	to = p[1];
	rc = seccomp_export_bpf(ctx, to);
	if (rc < 0)
		return rc;
	close(steal_fd(&to));
	out->code = xmalloc(PIPE_BUF);
	n = fd_read_full(in, out->code, PIPE_BUF);
	if (n <= 0 || n == PIPE_BUF || (size_t)n % sizeof *out->code)
		return -EIO;
	out->len = (unsigned short)((size_t)n / sizeof *out->code);
	return 0;
}

void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile profile)
{
	struct making m = {.ctx = seccomp_init(SCMP_ACT_ALLOW)};

	m.rc = m.ctx ? 0 : -ENOMEM;
	/* The calls of another architecture have other numbers: all of them are forbidden. */
	if (m.rc == 0)
		m.rc = seccomp_attr_set(m.ctx, SCMP_FLTATR_ACT_BADARCH, DENY);
	if (m.rc == 0)
		seccomp_attr_set(m.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	ban_newer(&m, newer_for_all, ARRAY_LEN(newer_for_all), false);
	if (m.rc == 0 && profile == SANDBOX_PROGRAMS)
		add_compat(m.ctx);
	ban_newer(&m, newer_for_all, ARRAY_LEN(newer_for_all), true);
	ban_names(&m, for_all, ARRAY_LEN(for_all));
	ban_namespaces(&m);
	ban_terminal_input(&m);
	if (profile == SANDBOX_PLAIN)
		ban_more_for_plain(&m);
	if (m.rc == 0)
		m.rc = export_filter(m.ctx, out);
	if (m.rc < 0)
		snprintf(out->missing, sizeof out->missing, "libseccomp: %s", strerror(-m.rc));
	seccomp_release(m.ctx);
}

const char *sandbox_library(void)
{
	static char text[32];
	const struct scmp_version *v = seccomp_version();

	snprintf(text, sizeof text, "libseccomp %u.%u.%u", v->major, v->minor, v->micro);
	return text;
}

#else

void sandbox_filter_make(struct sandbox_filter *out, UNUSED enum sandbox_profile profile)
{
	snprintf(out->missing, sizeof out->missing, "built without libseccomp");
}

const char *sandbox_library(void)
{
	return NULL;
}

#endif
