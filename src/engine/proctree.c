#include "proctree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH_MAX 32 /* a deeper one is found in the next pass, when those above it are dead */
#define TASKS_MAX 4096
#define CLOCK_EACH 1024 /* numbers, a fraction of a millisecond */

struct visitor {
	bool (*visit)(struct visitor *v, pid_t pid); /* false: enough */
	int depth;
	bool known; /* a list of children could be read */
	size_t n;
	pid_t group;                /* those outside of it are meant */
	struct proctree_list *list; /* where to */
};

static char *put_number(char *p, pid_t x)
{
	char digits[12];
	int n = 0;

	do
		digits[n++] = (char)('0' + x % 10);
	while ((x /= 10) > 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

/* "/proc/ROOT/task/TID/children", or the folder when tid is 0. snprintf is not for signal handlers. */
static void make_path(char *path, pid_t root, pid_t tid)
{
	char *p = put_number(stpcpy(path, "/proc/"), root);

	p = stpcpy(p, "/task/");
	if (tid)
		p = stpcpy(put_number(p, tid), "/children");
	*p = '\0';
}

/* What is mounted there may belong to another namespace, whose numbers are other processes here: to go by them would kill whoever
 * has them. A child need not ask again. */
static bool is_own_proc(void)
{
	static enum { UNKNOWN, OWN, OTHER } proc;
	char own[16], self[16];
	ssize_t n;

	if (proc == UNKNOWN) {
		n = readlink("/proc/self", self, sizeof self);
		proc = put_number(own, getpid()) - own == n && memcmp(own, self, (size_t)n) == 0
			   ? OWN
			   : OTHER;
	}
	return proc == OWN;
}

/* Each number of a file of numbers. False: the visitor has enough. */
static bool each_number(const char *path, struct visitor *v)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool go_on = true;
	char buf[1024];
	pid_t pid = 0;
	ssize_t n;

	if (fd < 0)
		return true;
	v->known = true;
	while (go_on && (n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		for (ssize_t i = 0; i < n && go_on; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
			} else if (pid > 0) {
				go_on = v->visit(v, pid);
				pid = 0;
			}
		}
	}
	close(fd);
	return go_on;
}

struct entry { /* as the kernel writes it */
	uint64_t ino, off;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* Each child of each thread of `root`. The folder is read without opendir, which allocates. False: it cannot be read. */
static bool each_child(pid_t root, struct visitor *v)
{
	_Alignas(struct entry) char buf[2048];
	char path[64];
	bool go_on = true;
	int fd, tasks = 0;
	long n;

	if (!is_own_proc())
		return false;
	make_path(path, root, 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (go_on && tasks < TASKS_MAX && (n = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0)
		for (long at = 0; at < n && go_on; tasks++) {
			const struct entry *e = (const void *)(buf + at);
			pid_t tid = 0;

			at += e->len;
			for (const char *p = e->name; *p >= '0' && *p <= '9'; p++)
				tid = tid * 10 + (*p - '0');
			if (tid == 0)
				continue;
			make_path(path, root, tid);
			go_on = each_number(path, v);
		}
	close(fd);
	return v->known;
}

static bool visit_kill(struct visitor *v, pid_t pid)
{
	struct visitor below = {.visit = visit_kill, .depth = v->depth + 1};

	kill(pid, SIGSTOP);
	if (below.depth < DEPTH_MAX)
		each_child(pid, &below);
	kill(pid, SIGKILL);
	v->n++;
	return true;
}

bool proctree_kill_below(pid_t root)
{
	struct visitor v = {.visit = visit_kill};

	each_child(root, &v);
	return v.n > 0;
}

static bool visit_fled(struct visitor *v, pid_t pid)
{
	struct visitor below = {
	    .visit = visit_fled, .depth = v->depth + 1, .group = v->group, .list = v->list};
	bool fled = getpgid(pid) != v->group;

	if (fled)
		kill(pid, SIGSTOP);
	if (below.depth < DEPTH_MAX)
		each_child(pid, &below);
	if (fled && v->list->n < v->list->max)
		v->list->v[v->list->n++] = pid;
	else if (fled)
		kill(pid, SIGKILL);
	return true;
}

void proctree_stop_fled(pid_t root, struct proctree_list *fled)
{
	struct visitor v = {.visit = visit_fled, .group = root, .list = fled};

	each_child(root, &v);
}

static bool visit_collect(struct visitor *v, pid_t pid)
{
	struct proctree_list *list = v->list;

	if (list->n < list->max)
		list->v[list->n++] = pid;
	return list->n < list->max;
}

bool proctree_children(pid_t root, pid_t *out, size_t max, size_t *n)
{
	struct proctree_list list = {.v = out, .max = max};
	struct visitor v = {.visit = visit_collect, .list = &list};
	bool known = each_child(root, &v);

	*n = list.n;
	return known;
}

/* ---- without /proc --------------------------------------------------------------------------------------------------- */
bool proctree_has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* The kernel counts up and begins anew: so far a number lies behind the own one. */
static unsigned distance(pid_t own, pid_t pid)
{
	return (unsigned)(pid - own) % PROCTREE_PID_MAX;
}

bool proctree_is_before(pid_t own, pid_t first, pid_t pid)
{
	return distance(own, pid) < distance(own, first);
}

bool proctree_kill_numbers(pid_t own, pid_t first, struct instant until)
{
	bool found = false;

	for (unsigned i = distance(own, first); i < PROCTREE_PID_MAX; i++) {
		pid_t pid = (pid_t)(((unsigned)own + i) % PROCTREE_PID_MAX);
		siginfo_t info = {0};

		if (i % CLOCK_EACH == 0 && instant_reached(until, instant_now()))
			break;
		/* Not a child: the answer to nearly all. */
		if (pid == 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0)
			continue;
		if (info.si_pid == 0) {
			kill(pid, SIGKILL);
			found = true;
			while (waitpid(pid, NULL, WNOHANG) == 0 &&
			       !instant_reached(until, instant_now()))
				poll(NULL, 0, 1);
		}
		if (!proctree_has_children())
			break;
	}
	return found;
}

bool proctree_end(int ms)
{
	struct instant until = INSTANT_NEVER;

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno != EINTR)
			return true; /* there is none: the usual case, for the price of one call */
		if (pid != 0)
			continue;
		if (instant_is_never(until))
			until = instant_after(instant_now(), (struct duration){ms * 1000000LL});
		if (instant_reached(until, instant_now()))
			return false;
		if (!proctree_kill_below(getpid()))
			proctree_kill_numbers(getpid(), getpid(), until);
		poll(NULL, 0, 1);
	}
}

/* Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so it is counted from its end. */
uint64_t proctree_started(pid_t pid)
{
	char path[64], text[1024], *p;
	uint64_t ticks = 0;
	ssize_t n;
	int fd;

	if (!is_own_proc())
		return 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = fd_read_full(fd, text, sizeof text - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	while (p && *p >= '0' && *p <= '9')
		ticks = ticks * 10 + (uint64_t)(*p++ - '0');
	return ticks;
}
