/* probe: the guarded service of the tests. Prints as one JSON object what a started process finds: its place among
 * processes, signal state, descriptors, timers, attributes, limits, arguments and environment. It looks before it
 * changes anything.
 *
 *   probe [--exit N] [--out FILE] [WORD...]
 *   probe --signals    says "ready", then the number of each signal that comes, and "blocked" with one that
 *                      was blocked at the start; ends when USR2 has come and no other waits
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static void put_string(const char *text)
{
	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (*p < 32 || *p >= 127)
			printf("\\u%04x", *p);
		else
			putchar(*p);
	}
	putchar('"');
}

/* Names and values are bytes: those that are not ASCII are written as \u00XX, so that none is lost. */
static void put_list(const char *name, char *const *list)
{
	printf(", \"%s\": [", name);
	for (size_t i = 0; list[i]; i++) {
		fputs(i ? ", " : "", stdout);
		put_string(list[i]);
	}
	putchar(']');
}

/* The descriptor that reads the folder is left out. */
static void put_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	const char *sep = "";

	fputs(", \"fds\": {", stdout);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[64], target[PATH_MAX];
		ssize_t n;

		if (!isdigit((unsigned char)e->d_name[0]) || atoll(e->d_name) == dirfd(d))
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%.16s", e->d_name);
		n = readlink(path, target, sizeof target - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("%s\"%s\": ", sep, e->d_name);
		put_string(target);
		sep = ", ";
	}
	putchar('}');
	if (d)
		closedir(d);
}

/* The flags of the shared description: one that startguard set and left would be seen by others too. */
static void put_descriptor_flags(void)
{
	const char *sep = "";

	fputs(", \"fd_flags\": {", stdout);
	for (int fd = 0; fd < 1024; fd++) {
		int status = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);

		if (status < 0)
			continue;
		printf("%s\"%d\": [%d, %d]", sep, fd, status, own);
		sep = ", ";
	}
	putchar('}');
}

static void put_timers(void)
{
	const int which[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
	FILE *f = fopen("/proc/self/timers", "re");
	int posix = 0;
	char line[256];

	while (f && fgets(line, sizeof line, f))
		posix += strncmp(line, "ID:", 3) == 0;
	if (f)
		fclose(f);
	printf(", \"posix_timers\": %d, \"itimers\": [", posix);
	for (int i = 0; i < 3; i++) {
		struct itimerval t = {0};

		getitimer(which[i], &t);
		printf("%s%d", i ? ", " : "",
		       t.it_value.tv_sec || t.it_value.tv_usec || t.it_interval.tv_sec ||
			   t.it_interval.tv_usec);
	}
	printf("], \"alarm\": %d", alarm(0) > 0);
}

/* Attributes that a process keeps across exec. */
static void put_attributes(void)
{
	struct sched_param sched = {0};
	int subreaper = -1, death_signal = -1;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	prctl(PR_GET_PDEATHSIG, &death_signal);
	sched_getparam(0, &sched);
	sched_getaffinity(0, sizeof cpus, &cpus);
	printf(", \"subreaper\": %d, \"death_signal\": %d, \"dumpable\": %d, \"no_new_privs\": %d, "
	       "\"keepcaps\": %d, "
	       "\"securebits\": %d, \"timerslack\": %ld, \"thp_disable\": %d, \"timing\": %d",
	       subreaper, death_signal, prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS),
	       prctl(PR_GET_SECUREBITS), syscall(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0),
	       prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), prctl(PR_GET_TIMING));
	printf(", \"personality\": %d, \"nice\": %d, \"policy\": %d, \"priority\": %d, \"cpus\": "
	       "%d, \"io_priority\": %ld, "
	       "\"foreground\": %d",
	       personality(0xffffffff), getpriority(PRIO_PROCESS, 0), sched_getscheduler(0),
	       sched.sched_priority, CPU_COUNT(&cpus), syscall(SYS_ioprio_get, 1, 0),
	       (int)tcgetpgrp(0));
}

static int count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += isdigit((unsigned char)e->d_name[0]) != 0;
	if (d)
		closedir(d);
	return n;
}

static void put_status(void)
{
	static const char *const names[] = {
	    "SigBlk",  "SigIgn",          "SigCgt", "SigPnd", "ShdPnd", "NoNewPrivs",
	    "Seccomp", "Seccomp_filters", "Uid",    "Gid",    "Groups", "CapInh",
	    "CapPrm",  "CapEff",          "CapBnd", "CapAmb", "Threads"};
	FILE *f = fopen("/proc/self/status", "re");
	char line[512];

	while (f && fgets(line, sizeof line, f))
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			size_t n = strlen(names[i]);

			if (strncmp(line, names[i], n) != 0 || line[n] != ':')
				continue;
			line[strcspn(line, "\n")] = '\0';
			printf(", \"%s\": ", names[i]);
			put_string(line + n + 1 + strspn(line + n + 1, " \t"));
		}
	if (f)
		fclose(f);
}

/* Pids of the children, zombies included. */
static void put_children(void)
{
	DIR *d = opendir("/proc");
	const char *sep = "";

	fputs(", \"children\": [", stdout);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[64], text[1024], *end;
		int parent = 0;
		FILE *f;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%.16s/stat", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(text, sizeof text, f) && (end = strrchr(text, ')')) &&
		    sscanf(end + 1, " %*c %d", &parent) == 1 && parent == getpid()) {
			printf("%s%s", sep, e->d_name);
			sep = ", ";
		}
		if (f)
			fclose(f);
	}
	putchar(']');
	if (d)
		closedir(d);
}

static void put_limits(void)
{
	fputs(", \"limits\": [", stdout);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit r = {0, 0};

		getrlimit((__rlimit_resource_t)i, &r);
		printf("%s[%lld, %lld]", i ? ", " : "", (long long)r.rlim_cur,
		       (long long)r.rlim_max);
	}
	putchar(']');
}

static void put_file(const char *name, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	if (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		printf(", \"%s\": ", name);
		put_string(line);
	}
	if (f)
		fclose(f);
}

static int report_signals(void)
{
	sigset_t all, before;
	siginfo_t info;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	puts("ready");
	fflush(stdout);
	for (bool last = false;;) {
		const struct timespec at_once = {0};
		int sig = last ? sigtimedwait(&all, &info, &at_once) : sigwaitinfo(&all, &info);

		if (sig < 0 && last)
			return 0;
		if (sig < 0)
			continue;
		printf("%d%s\n", sig, sigismember(&before, sig) ? " blocked" : "");
		fflush(stdout);
		last |= sig == SIGUSR2;
	}
}

int main(int argc, char **argv)
{
	const char *out = NULL;
	mode_t mask = umask(0);
	char cwd[PATH_MAX] = "?";
	int code = 0;

	umask(mask);
	if (!getcwd(cwd, sizeof cwd))
		strcpy(cwd, "?");
	if (argc > 1 && strcmp(argv[1], "--signals") == 0)
		return report_signals();
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--exit") == 0)
			code = (int)strtol(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--out") == 0)
			out = argv[i + 1];
	}
	/* writing must not happen before everything is read */
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	printf("{\"pid\": %d, \"ppid\": %d, \"pgid\": %d, \"sid\": %d, \"tasks\": %d, \"umask\": "
	       "\"%04o\", \"cwd\": ",
	       (int)getpid(), (int)getppid(), (int)getpgrp(), (int)getsid(0), count_tasks(),
	       (unsigned)mask);
	put_string(cwd);
	put_descriptors();
	put_descriptor_flags();
	put_children();
	put_status();
	put_timers();
	put_attributes();
	put_limits();
	put_file("oom_score_adj", "/proc/self/oom_score_adj");
	put_file("coredump_filter", "/proc/self/coredump_filter");
	put_file("cgroup", "/proc/self/cgroup");
	put_list("argv", argv);
	put_list("environ", environ);
	puts("}");
	if (out) { /* where stdout may be closed */
		int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			return 1;
	}
	return fflush(stdout) == 0 ? code : 1;
}
