/* sandbox_probe: what a check's child can still do. Runs one attempt of a check of its own making by child_start, as the
 * guard does, and prints as one JSON object what that attempt says it found.
 *
 *   sandbox_probe plain|programs   behind the sandbox, in one of its two rooms
 *   sandbox_probe none             the same calls in a child without a sandbox, for comparison
 *
 * Each call is made with arguments that do no harm where it is allowed: it fails then for another reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "child.h"
#include "ipc.h"

#define NOBODY 0x7ffffff0L /* no process has this number */
#define NO_FILE "/nonexistent-of-sandbox-probe/x"

struct probe {
	const char *name;
	long number, a[6];
};
#define P(call, ...)                \
	{                           \
#call, SYS_##call,  \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

static const long nowhere = 1; /* as a pointer: EFAULT */

static const struct probe for_all[] = {
    P(ptrace, 16, NOBODY),
    P(process_vm_readv, NOBODY, nowhere, 1, nowhere, 1),
    P(process_vm_writev, NOBODY, nowhere, 1, nowhere, 1),
    P(kcmp, NOBODY, NOBODY, 99),
    P(pidfd_getfd, -1, 0, 0),
    P(process_madvise, -1, nowhere, 1, 0, 0),
    P(process_mrelease, -1, 0),
    P(move_pages, NOBODY, 0, 0, 0, 0, 0),
    P(migrate_pages, NOBODY, 0, 0, 0),
    P(mount, nowhere, nowhere, nowhere, 0, nowhere),
    P(umount2, nowhere, 0),
    P(pivot_root, nowhere, nowhere),
    P(chroot, nowhere),
    P(open_tree, -1, nowhere, 0),
    P(move_mount, -1, nowhere, -1, nowhere, 0),
    P(fsopen, nowhere, 0),
    P(fsconfig, -1, 0, 0, 0, 0),
    P(fsmount, -1, 0, 0),
    P(fspick, -1, nowhere, 0),
    P(mount_setattr, -1, nowhere, 0, 0, 0),
    P(name_to_handle_at, -1, nowhere, nowhere, nowhere, 0),
    P(open_by_handle_at, -1, nowhere, 0),
    P(fanotify_init, -1, -1),
    P(quotactl, -1, nowhere, 0, 0),
    P(quotactl_fd, -1, -1, 0, 0),
    P(swapon, nowhere, 0),
    P(swapoff, nowhere),
    P(acct, nowhere),
    P(unshare, 0),
    P(setns, -1, 0),
    P(bpf, -1, nowhere, 0),
    P(perf_event_open, nowhere, 0, 0, 0, 0),
    P(userfaultfd, -1),
    P(io_uring_setup, 1, nowhere),
    P(io_uring_enter, -1, 0, 0, 0, 0, 0),
    P(io_uring_register, -1, 99, 0, 0),
    P(add_key, nowhere, nowhere, 0, 0, 0),
    P(request_key, nowhere, nowhere, 0, 0),
    P(keyctl, -1, 0, 0, 0, 0),
    P(init_module, nowhere, 0, nowhere),
    P(finit_module, -1, nowhere, 0),
    P(delete_module, nowhere, 0),
    P(kexec_load, 0, 0, 0, -1),
    P(reboot, 0, 0, 0, 0),
    P(syslog, 99, 0, 0),
    P(settimeofday, nowhere, 0),
    P(clock_settime, 99, 0),
    P(sethostname, nowhere, 1),
    P(setdomainname, nowhere, 1),
    {"open_tree_attr", 467, {-1, nowhere, 0, 0, 0}},
#ifdef __x86_64__
    P(iopl, 99),
    P(ioperm, -1, 1, 1),
    P(kexec_file_load, -1, -1, 0, 0, -1),
#endif
};

static const struct probe for_plain[] = {
    P(execve, (long)NO_FILE, 0, 0),
    P(execveat, -1, (long)NO_FILE, 0, 0, 0),
    P(setpgid, NOBODY, 0),
    P(kill, NOBODY, 0),
    P(rt_sigqueueinfo, NOBODY, 0, nowhere),
    P(rt_tgsigqueueinfo, NOBODY, NOBODY, 0, nowhere),
    P(pidfd_open, NOBODY, 0),
    P(pidfd_send_signal, -1, 0, 0, 0),
    P(setpriority, 99, 0, 0),
    P(ioprio_set, 99, 0, 0),
    P(sched_setaffinity, 0, 1, nowhere),
    P(sched_setattr, 0, nowhere, 0),
    P(sched_setparam, 0, nowhere),
    P(sched_setscheduler, 0, 99, nowhere),
    P(truncate, (long)NO_FILE, 0),
    P(linkat, AT_FDCWD, (long)NO_FILE, AT_FDCWD, (long)NO_FILE, 0),
    P(symlinkat, (long)NO_FILE, AT_FDCWD, (long)NO_FILE),
    P(renameat2, AT_FDCWD, (long)NO_FILE, AT_FDCWD, (long)NO_FILE, 0),
    P(unlinkat, AT_FDCWD, (long)NO_FILE, 0),
    P(mkdirat, AT_FDCWD, (long)NO_FILE, 0),
    P(mknodat, AT_FDCWD, (long)NO_FILE, S_IFIFO, 0),
    P(fchmod, -1, 0),
    P(fchmodat, AT_FDCWD, (long)NO_FILE, 0),
    {"fchmodat2", 452, {AT_FDCWD, (long)NO_FILE, 0, 0}},
    P(fchown, -1, -1, -1),
    P(fchownat, AT_FDCWD, (long)NO_FILE, -1, -1, 0),
    P(setxattr, (long)NO_FILE, (long)"user.x", (long)"", 0, 0),
    P(lsetxattr, (long)NO_FILE, (long)"user.x", (long)"", 0, 0),
    P(fsetxattr, -1, (long)"user.x", (long)"", 0, 0),
    P(removexattr, (long)NO_FILE, (long)"user.x"),
    P(lremovexattr, (long)NO_FILE, (long)"user.x"),
    P(fremovexattr, -1, (long)"user.x"),
    P(utimensat, AT_FDCWD, (long)NO_FILE, 0, 0),
    P(adjtimex, nowhere),
    P(clock_adjtime, 0, nowhere),
    P(personality, 0xffffffff),
    P(tkill, NOBODY, 0),
    P(shmget, -1, 0, 0),
    P(shmat, -1, 0, 0),
    P(shmctl, -1, 0, 0),
    P(semget, -1, 0, 0),
    P(semctl, -1, 0, 0, 0),
    P(semtimedop, -1, nowhere, 1, 0),
    P(msgget, -1, 0),
    P(msgctl, -1, 0, 0),
    P(msgsnd, -1, nowhere, 1, 0),
    P(msgrcv, -1, nowhere, 1, 0, 0),
    P(mq_open, nowhere, 0, 0, 0),
    P(mq_unlink, nowhere),
    P(mq_notify, -1, 0),
    P(mq_timedsend, -1, nowhere, 1, 0, 0),
    P(mq_timedreceive, -1, nowhere, 1, 0, 0),
    {"fcntl-setown", SYS_fcntl, {0, F_SETOWN, NOBODY}},
    {"fcntl-setsig", SYS_fcntl, {0, F_SETSIG, 999}},
    {"fcntl-setown-ex", SYS_fcntl, {0, F_SETOWN_EX, nowhere}},
    {"fcntl-async", SYS_fcntl, {-1, F_SETFL, O_ASYNC | O_NONBLOCK}},
    {"fiosetown", SYS_ioctl, {0, FIOSETOWN, nowhere}},
    {"siocspgrp", SYS_ioctl, {0, SIOCSPGRP, nowhere}},
    {"fioasync", SYS_ioctl, {-1, FIOASYNC, nowhere}},
    {"tiocspgrp", SYS_ioctl, {0, TIOCSPGRP, nowhere}},
    {"tgkill-other", SYS_tgkill, {NOBODY, NOBODY, 0}},
    {"mmap-shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0}},
    {"mmap-shared-validate", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED_VALIDATE, -1, 0}},
    {"mmap-growsdown",
     SYS_mmap,
     {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0}},
    {"prctl-death-signal", SYS_prctl, {PR_SET_PDEATHSIG, 999}},
    {"prctl-dumpable", SYS_prctl, {PR_SET_DUMPABLE, 99}},
    {"prctl-subreaper", SYS_prctl, {PR_SET_CHILD_SUBREAPER, 0}},
    {"setxattrat", 463, {-1, nowhere, 0, nowhere, 0, 0}},
    {"removexattrat", 466, {-1, nowhere, 0, nowhere}},
#ifdef __x86_64__
    P(creat, (long)NO_FILE, 0),
    P(link, (long)NO_FILE, (long)NO_FILE),
    P(symlink, (long)NO_FILE, (long)NO_FILE),
    P(rename, (long)NO_FILE, (long)NO_FILE),
    P(renameat, AT_FDCWD, (long)NO_FILE, AT_FDCWD, (long)NO_FILE),
    P(unlink, (long)NO_FILE),
    P(mkdir, (long)NO_FILE, 0),
    P(rmdir, (long)NO_FILE),
    P(mknod, (long)NO_FILE, S_IFIFO, 0),
    P(chmod, (long)NO_FILE, 0),
    P(chown, (long)NO_FILE, -1, -1),
    P(lchown, (long)NO_FILE, -1, -1),
    P(utime, (long)NO_FILE, 0),
    P(utimes, (long)NO_FILE, 0),
    P(futimesat, AT_FDCWD, (long)NO_FILE, 0),
#endif
};

static void say_result(const struct check_run *run, const char *name, long result)
{
	check_fact(run, name, "%s", result >= 0 ? "OK" : strerrorname_np(errno));
}

static void call_all(const struct check_run *run, const struct probe *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct probe *p = &list[i];

		say_result(
		    run, p->name,
		    syscall(p->number, p->a[0], p->a[1], p->a[2], p->a[3], p->a[4], p->a[5]));
	}
}

/* A process by clone with these flags, which ends at once. */
static long new_process(unsigned long flags)
{
#ifdef __s390x__
	long pid = syscall(SYS_clone, 0, flags | SIGCHLD, 0, 0, 0);
#else
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
#endif
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static void processes(const struct check_run *run)
{
	char args[88] = "";

	say_result(run, "clone", new_process(0));
	say_result(run, "clone-newns", new_process(CLONE_NEWNS));
	say_result(run, "clone-newuts", new_process(CLONE_NEWUTS));
	say_result(run, "clone-newipc", new_process(CLONE_NEWIPC));
	say_result(run, "clone-newuser", new_process(CLONE_NEWUSER));
	say_result(run, "clone-newpid", new_process(CLONE_NEWPID));
	say_result(run, "clone-newnet", new_process(CLONE_NEWNET));
	say_result(run, "clone-newcgroup", new_process(CLONE_NEWCGROUP));
	say_result(run, "clone3", syscall(SYS_clone3, args, 1)); /* too small: EINVAL where known */
#ifdef SYS_fork
	{
		long pid = syscall(SYS_fork);

		if (pid == 0)
			_exit(0);
		if (pid > 0) /* later no descriptor is left to look for it in /proc */
			waitpid((pid_t)pid, NULL, 0);
		say_result(run, "fork", pid);
	}
#endif
	say_result(run, "setsid", syscall(SYS_setsid));
	say_result(run, "tgkill-parent", syscall(SYS_tgkill, getppid(), getppid(), SIGURG));
	say_result(run, "tgkill-self", syscall(SYS_tgkill, getpid(), gettid(), 0));
}

static long try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd;
}

static long try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd;
}

static void files(const struct check_run *run)
{
	char path[64];

	say_result(run, "open-read", try_open("/proc/self/status", O_RDONLY));
	say_result(run, "open-null", try_open("/dev/null", O_WRONLY));
	say_result(run, "open-write", try_open("existing", O_WRONLY));
	say_result(run, "open-create", try_open("created", O_WRONLY | O_CREAT));
	say_result(run, "open-truncate", try_open("existing", O_RDONLY | O_TRUNC));
	say_result(run, "access-write", access("existing", W_OK));
	snprintf(path, sizeof path, "/proc/%d/environ", getppid());
	say_result(run, "parent-environ", try_open(path, O_RDONLY));
	snprintf(path, sizeof path, "/proc/%d/mem", getppid());
	say_result(run, "parent-mem", try_open(path, O_RDWR));
}

/* A file that is open already cannot grow either. */
static void growing(const struct check_run *run)
{
	cleanup_fd int fd = memfd_create("x", MFD_CLOEXEC);

	say_result(run, "grow-file", write(fd, "x", 1));
}

static void sockets(const struct check_run *run)
{
	say_result(run, "socket-inet", try_socket(AF_INET, SOCK_STREAM, 0));
	say_result(run, "socket-inet6", try_socket(AF_INET6, SOCK_DGRAM, 0));
	say_result(run, "socket-unix", try_socket(AF_UNIX, SOCK_STREAM, 0));
	say_result(run, "socket-netlink", try_socket(AF_NETLINK, SOCK_RAW, 0));
	say_result(run, "socket-packet", try_socket(AF_PACKET, SOCK_RAW, 0));
	say_result(run, "socket-vsock", try_socket(AF_VSOCK, SOCK_STREAM, 0));
	say_result(run, "socket-alg", try_socket(AF_ALG, SOCK_SEQPACKET, 0));
	say_result(run, "socket-raw", try_socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
	say_result(run, "socket-raw6", try_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	say_result(run, "socket-packet-by-type", try_socket(AF_INET, SOCK_PACKET, 0));
	say_result(run, "socket-netlink-audit", try_socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT));
	say_result(run, "tiocsti", ioctl(0, TIOCSTI, "x"));
	say_result(run, "tiocsti-high", syscall(SYS_ioctl, 0, TIOCSTI | 1ul << 32, "x"));
}

static void *in_thread(void *arg)
{
	return arg;
}

static void limits(const struct check_run *run)
{
	static const struct {
		const char *name;
		__rlimit_resource_t what;
	} list[] = {{"limit-data", RLIMIT_DATA},
		    {"limit-nofile", RLIMIT_NOFILE},
		    {"limit-core", RLIMIT_CORE},
		    {"limit-fsize", RLIMIT_FSIZE}};
	struct rlimit r;

	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		getrlimit(list[i].what, &r);
		check_fact(run, list[i].name, "%lld %lld", (long long)r.rlim_cur,
			   (long long)r.rlim_max);
	}
	r = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	say_result(run, "raise-limit", setrlimit(RLIMIT_CORE, &r));
	say_result(run, "limit-of-parent", prlimit(getppid(), RLIMIT_NOFILE, NULL, &r) ? -1 : 0);
}

/* What a process of root could do to the network interfaces, if its user may at all. */
static void capabilities(const struct check_run *run)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {{0}};

	syscall(SYS_capget, &head, caps);
	check_fact(run, "capabilities", "%x:%x", caps[1].permitted, caps[0].permitted);
}

static void state(const struct check_run *run)
{
	char text[32] = "?";
	cleanup_fd int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	pthread_t thread;
	int signal = 0, open_fds = 0;

	if (fd >= 0 && fd_read_full(fd, text, sizeof text - 1) > 0)
		text[strcspn(text, "\n")] = '\0';
	prctl(PR_GET_PDEATHSIG, &signal);
	for (int i = 0; i < 256; i++)
		open_fds += i != fd && fcntl(i, F_GETFD) >= 0;
	check_fact(run, "oom-score", "%s", text);
	check_fact(run, "death-signal", "%d", signal);
	check_fact(run, "dumpable", "%d", prctl(PR_GET_DUMPABLE));
	check_fact(run, "no-new-privs", "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	check_fact(run, "seccomp", "%d", prctl(PR_GET_SECCOMP));
	check_fact(run, "group", "%s", getpgrp() == getpid() ? "own" : "shared");
	check_fact(run, "descriptors", "%d", open_fds);
	errno = pthread_create(&thread, NULL, in_thread, NULL);
	say_result(run, "thread", errno ? -1 : 0);
}

/* How much memory and how many descriptors can be had; last, for afterwards there is none. */
static void exhaust(const struct check_run *run)
{
	size_t mib = 0;
	int n = 0;

	while (dup(0) >= 0 && n < 100000)
		n++;
	check_fact(run, "dups", "%d", n);
	for (; mib < 16384; mib += 16)
		if (mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
			break;
	check_fact(run, "mib", "%zu", mib);
}

static enum result probe_run(const struct check_run *run, struct diag *out)
{
	const bool *plain = run->conf;

	(void)out;
	state(run);
	capabilities(run);
	limits(run);
	call_all(run, for_all, ARRAY_LEN(for_all));
	sockets(run);
	files(run);
	growing(run);
	call_all(run, for_plain, ARRAY_LEN(for_plain));
	processes(run);
	if (*plain)
		exhaust(run);
	return RESULT_PASS;
}

static const struct check_kind plain_kind = {.name = "plain", .run = probe_run};
static const struct check_kind programs_kind = {
    .name = "programs", .needs_exec = true, .run = probe_run};

static void print_record(const struct ipc_record *rec)
{
	static const char *sep = "";
	struct str b;

	str_init(&b, 4096);
	str_add(&b, sep);
	if (rec->type == IPC_FACT) {
		str_add_json_string(&b, rec->key);
		str_add(&b, ": ");
		str_add_json_string(&b, rec->text);
	} else if (rec->type == IPC_NOTE) {
		str_add(&b, "\"missing\": ");
		str_add_json_string(&b, rec->text);
	} else if (rec->type == IPC_FINAL) {
		str_addf(&b, "\"final\": \"%s\"", rec->result == RESULT_PASS ? "pass" : "fail");
	} else {
		return;
	}
	printf("%s", b.s);
	sep = ", ";
	str_free(&b);
}

static void read_records(int fd)
{
	struct ipc_in *in = xcalloc(1, sizeof *in);
	struct ipc_record rec;
	int got;

	do {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		poll(&p, 1, -1);
		got = ipc_fill(in, fd);
		while (ipc_next(in, &rec))
			print_record(&rec);
	} while (got == 1);
	free(in);
}

/* In a child all the same: the calls that succeed change their process. */
static int without_sandbox(const struct profile_check *check)
{
	struct diag diag;
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		close(p[0]);
		child_in_process(check, instant_now(), INSTANT_NEVER, p[1], &diag);
		_exit(0);
	}
	close(p[1]);
	read_records(p[0]);
	return waitpid(pid, NULL, 0) != pid;
}

int main(int argc, char **argv)
{
	bool plain = argc < 2 || str_eq(argv[1], "plain");
	struct profile_check check = {.id = "probe.x",
				      .name = "x",
				      .kind = plain ? &plain_kind : &programs_kind,
				      .conf = &plain};
	struct profile profile = {.checks = &check, .n = 1};
	struct sandbox sandbox;
	sigset_t none, all;
	struct child_setup setup = {.sandbox = &sandbox, .mask = &none, .changed = &all};
	struct child child;
	int status = 1;

	sigemptyset(&none);
	sigfillset(&all);
	signal(SIGURG, SIG_IGN);
	printf("{");
	if (argc > 1 && str_eq(argv[1], "none")) {
		status = without_sandbox(&check);
	} else {
		sandbox_prepare(&sandbox, child_sandbox_profiles(&profile), &(struct cgroup){0});
		if (child_start(&child, &check, 1, instant_now(), INSTANT_NEVER, &setup) < 0)
			return 1;
		read_records(child.fd);
		waitpid(child.pid, &status, 0);
		sandbox_free(&sandbox);
	}
	printf("}\n");
	return fflush(stdout) || status ? 1 : 0;
}
