#include "sandbox_filter.h"

#include <errno.h>
#include <linux/filter.h>

#ifdef WITH_SECCOMP

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Newer than the oldest libseccomp that we build with: its number, the same on every architecture. */
struct banned {
	const char *name;
	int number;
};

/* No check and no command of a check has business with these. */
static const struct banned for_all[] = {
    /* other processes' memory and descriptors */
    {"ptrace", 0},
    {"process_vm_readv", 0},
    {"process_vm_writev", 0},
    {"kcmp", 0},
    {"pidfd_getfd", 438},
    {"process_madvise", 440},
    {"process_mrelease", 448},
    {"move_pages", 0},
    {"migrate_pages", 0},
    /* another view of the file system */
    {"mount", 0},
    {"umount", 0},
    {"umount2", 0},
    {"pivot_root", 0},
    {"chroot", 0},
    {"open_tree", 428},
    {"move_mount", 429},
    {"fsopen", 430},
    {"fsconfig", 431},
    {"fsmount", 432},
    {"fspick", 433},
    {"mount_setattr", 442},
    {"open_tree_attr", 467},
    {"name_to_handle_at", 0},
    {"open_by_handle_at", 0},
    {"fanotify_init", 0},
    {"quotactl", 0},
    {"quotactl_fd", 443},
    {"swapon", 0},
    {"swapoff", 0},
    {"acct", 0},
    {"lookup_dcookie", 0},
    {"nfsservctl", 0},
    /* namespaces (clone: below) */
    {"unshare", 0},
    {"setns", 0},
    /* large and young attack surfaces of the kernel */
    {"bpf", 0},
    {"perf_event_open", 0},
    {"userfaultfd", 0},
    {"io_uring_setup", 425},
    {"io_uring_enter", 426},
    {"io_uring_register", 427},
    {"add_key", 0},
    {"request_key", 0},
    {"keyctl", 0},
    /* the machine */
    {"init_module", 0},
    {"finit_module", 0},
    {"delete_module", 0},
    {"kexec_load", 0},
    {"kexec_file_load", 0},
    {"reboot", 0},
    {"syslog", 0},
    {"settimeofday", 0},
    {"clock_settime", 0},
    {"stime", 0},
    {"sethostname", 0},
    {"setdomainname", 0},
    {"iopl", 0},
    {"ioperm", 0},
    {"vm86", 0},
    {"vm86old", 0},
    {"vhangup", 0},
};

/* A check that starts no program talks to its peer and reads files: no more. */
static const struct banned for_plain[] = {
    {"execve", 0},
    {"execveat", 0},
    {"fork", 0},
    {"vfork", 0},
    /* out of the group that the guard kills */
    {"setsid", 0},
    {"setpgid", 0},
    /* at others; tgkill stays, abort() needs it */
    {"kill", 0},
    {"rt_sigqueueinfo", 0},
    {"rt_tgsigqueueinfo", 0},
    {"pidfd_open", 434},
    {"pidfd_send_signal", 424},
    {"setpriority", 0},
    {"ioprio_set", 0},
    {"sched_setaffinity", 0},
    {"sched_setattr", 0},
    {"sched_setparam", 0},
    {"sched_setscheduler", 0},
    /* names and attributes of files; their content is Landlock's and RLIMIT_FSIZE's business */
    {"creat", 0},
    {"truncate", 0},
    {"truncate64", 0},
    {"link", 0},
    {"linkat", 0},
    {"symlink", 0},
    {"symlinkat", 0},
    {"rename", 0},
    {"renameat", 0},
    {"renameat2", 0},
    {"unlink", 0},
    {"unlinkat", 0},
    {"mkdir", 0},
    {"mkdirat", 0},
    {"rmdir", 0},
    {"mknod", 0},
    {"mknodat", 0},
    {"chmod", 0},
    {"fchmod", 0},
    {"fchmodat", 0},
    {"fchmodat2", 452},
    {"chown", 0},
    {"chown32", 0},
    {"fchown", 0},
    {"fchown32", 0},
    {"lchown", 0},
    {"lchown32", 0},
    {"fchownat", 0},
    {"setxattr", 0},
    {"lsetxattr", 0},
    {"fsetxattr", 0},
    {"setxattrat", 463},
    {"removexattr", 0},
    {"lremovexattr", 0},
    {"fremovexattr", 0},
    {"removexattrat", 466},
    {"file_setattr", 469},
    {"utime", 0},
    {"utimes", 0},
    {"futimesat", 0},
    {"utimensat", 0},
    {"utimensat_time64", 0},
    {"adjtimex", 0},
    {"clock_adjtime", 0},
    {"clock_adjtime64", 0},
    {"personality", 0},
    {"memfd_secret", 447},
};

/* In the order of clone's arguments on this architecture. */
#if defined __s390__ || defined __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

#define DENY SCMP_ACT_ERRNO(EPERM)

/* A filter being made. The first refusal of the library ends it: what comes after it does nothing. */
struct making {
	scmp_filter_ctx ctx;
	int rc;
};

/* At most one condition. SCMP_CMP leaves its second value out, which some compilers take for a mistake. */
static void ban(struct making *m, int number, int error, unsigned conditions,
		struct scmp_arg_cmp cmp)
{
	int rc = m->rc < 0 ? m->rc
			   : seccomp_rule_add_array(m->ctx, SCMP_ACT_ERRNO((unsigned)error), number,
						    conditions, &cmp);

	/* A pseudo number (the call does not exist here) may be refused: then there is nothing to forbid. */
	m->rc = conditions == 0 && (rc == -EDOM || rc == -EINVAL) ? m->rc : rc;
}

static void ban_call(struct making *m, int number, int error)
{
	ban(m, number, error, 0, (struct scmp_arg_cmp){0});
}

static void ban_if(struct making *m, int number, unsigned arg, enum scmp_compare op, uint64_t a,
		   uint64_t b)
{
	ban(m, number, EPERM, 1,
	    (struct scmp_arg_cmp){.arg = arg, .op = op, .datum_a = a, .datum_b = b});
}

/* By name, or else by number: what the library does not know by name it takes for the machine's own architecture
 * only. */
static void ban_list(struct making *m, const struct banned *list, size_t n, bool by_name)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(list[i].name);

		if (by_name && number != __NR_SCMP_ERROR)
			ban_call(m, number, EPERM);
		else if (!by_name && number == __NR_SCMP_ERROR && list[i].number)
			ban_call(m, list[i].number, EPERM);
	}
}

/* New namespaces by clone, and by clone3, whose flags lie in memory where no filter sees them: "no such call", which
 * the C library answers with clone. */
static void ban_namespaces(struct making *m)
{
	static const unsigned flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
					 CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	int clone3 = seccomp_syscall_resolve_name("clone3");

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		ban_if(m, SCMP_SYS(clone), CLONE_FLAGS, SCMP_CMP_MASKED_EQ, flags[i], flags[i]);
	ban_call(m, clone3 == __NR_SCMP_ERROR ? 435 : clone3, ENOSYS);
}

/* Typing into the terminal the guard was started from. The kernel looks at 32 bits of the request: so must we. */
static void ban_terminal_input(struct making *m)
{
	static const unsigned requests[] = {TIOCSTI, 0x541c /* TIOCLINUX */};

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		ban_if(m, SCMP_SYS(ioctl), 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, requests[i]);
}

/* Only threads, only sockets of the four families that checks use, only own limits. */
static void ban_more_for_plain(struct making *m)
{
	ban_list(m, for_plain, ARRAY_LEN(for_plain), false);
	ban_list(m, for_plain, ARRAY_LEN(for_plain), true);
	ban_if(m, SCMP_SYS(clone), CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	for (unsigned family = 1; family < AF_NETLINK; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			ban_if(m, SCMP_SYS(socket), 0, SCMP_CMP_EQ, family, 0);
	ban_if(m, SCMP_SYS(socket), 0, SCMP_CMP_GT, AF_NETLINK, 0);
	ban_if(m, SCMP_SYS(prlimit64), 0, SCMP_CMP_NE, 0, 0);
}

/* Programs of the image may be of the machine's elder brother. */
static void add_compat(scmp_filter_ctx ctx)
{
#if defined __x86_64__
	seccomp_arch_add(ctx, SCMP_ARCH_X86);
#elif defined __aarch64__
	seccomp_arch_add(ctx, SCMP_ARCH_ARM);
#else
	(void)ctx;
#endif
}

/* libseccomp before 2.6 writes to descriptors only. A filter has 2 KiB; the smallest pipe holds 4. */
static int export(scmp_filter_ctx ctx, struct sandbox_filter *out)
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

void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile room)
{
	struct making m = {.ctx = seccomp_init(SCMP_ACT_ALLOW)};

	m.rc = m.ctx ? 0 : -ENOMEM;
	/* Another architecture's calls have other numbers: none at all. */
	if (m.rc == 0)
		m.rc = seccomp_attr_set(m.ctx, SCMP_FLTATR_ACT_BADARCH, DENY);
#if SCMP_VER_MAJOR > 2 || (SCMP_VER_MAJOR == 2 && SCMP_VER_MINOR >= 5)
	if (m.rc == 0)
		seccomp_attr_set(m.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
#endif
	ban_list(&m, for_all, ARRAY_LEN(for_all), false);
	if (m.rc == 0 && room == SANDBOX_PROGRAMS)
		add_compat(m.ctx);
	ban_list(&m, for_all, ARRAY_LEN(for_all), true);
	ban_namespaces(&m);
	ban_terminal_input(&m);
	if (room == SANDBOX_PLAIN)
		ban_more_for_plain(&m);
	if (m.rc == 0)
		m.rc = export(m.ctx, out);
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

void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile room)
{
	(void)room;
	snprintf(out->missing, sizeof out->missing, "built without libseccomp");
}

const char *sandbox_library(void)
{
	return NULL;
}

#endif
