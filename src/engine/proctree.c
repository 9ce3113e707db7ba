#include "proctree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instant.h"

/* Bounds the recursion. Deeper processes become children of the root's subreaper once those above them are dead. */
#define DEPTH_MAX 32
#define TASKS_MAX 4096

struct visitor {
	bool (*visit)(struct visitor *v, pid_t pid); /* returns false to end the walk */
	int depth;
	size_t n_killed;
	pid_t group;                /* visit_escaped: processes of this group have not escaped */
	struct proctree_list *list; /* visit_escaped, visit_collect: where pids are appended */
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

/* "/proc/ROOT/task/TID/children", or "/proc/ROOT/task/" when tid is 0. snprintf is not async-signal-safe. */
static void make_path(char *path, pid_t root, pid_t tid)
{
	char *p = put_number(stpcpy(path, "/proc/"), root);

	p = stpcpy(p, "/task/");
	if (tid)
		p = stpcpy(put_number(p, tid), "/children");
	*p = '\0';
}

/* /proc may belong to another pid namespace, where the same pids are other processes: a kill would hit unrelated processes. The
 * answer is cached, since it also holds for forked children. */
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

/* Visits each pid in a "children" file. Returns false when the visitor ended the walk. */
static bool visit_pids(const char *path, struct visitor *v)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool go_on = true;
	char buf[1024];
	pid_t pid = 0;
	ssize_t n;

	if (fd < 0)
		return true;
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

/* struct linux_dirent64, which getdents64(2) fills. */
struct entry {
	uint64_t ino, off;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* Visits each child of each thread of `root`. opendir would allocate, which a signal handler must not. */
static void visit_children(pid_t root, struct visitor *v)
{
	_Alignas(struct entry) char buf[2048];
	char path[64];
	bool go_on = true;
	int fd, tasks = 0;
	long n;

	if (!is_own_proc())
		return;
	make_path(path, root, 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
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
			go_on = visit_pids(path, v);
		}
	close(fd);
}

static bool visit_kill(struct visitor *v, pid_t pid)
{
	struct visitor below = {.visit = visit_kill, .depth = v->depth + 1};

	kill(pid, SIGSTOP);
	if (below.depth < DEPTH_MAX)
		visit_children(pid, &below);
	kill(pid, SIGKILL);
	v->n_killed++;
	return true;
}

bool proctree_kill_below(pid_t root)
{
	struct visitor v = {.visit = visit_kill};

	visit_children(root, &v);
	return v.n_killed > 0;
}

static bool visit_escaped(struct visitor *v, pid_t pid)
{
	struct visitor below = {
	    .visit = visit_escaped, .depth = v->depth + 1, .group = v->group, .list = v->list};
	bool escaped = getpgid(pid) != v->group;

	if (escaped)
		kill(pid, SIGSTOP);
	if (below.depth < DEPTH_MAX)
		visit_children(pid, &below);
	if (escaped && v->list->n < v->list->max)
		v->list->v[v->list->n++] = pid;
	else if (escaped)
		kill(pid, SIGKILL);
	return true;
}

void proctree_stop_escaped(pid_t root, struct proctree_list *escaped)
{
	struct visitor v = {.visit = visit_escaped, .group = root, .list = escaped};

	visit_children(root, &v);
}

static bool visit_collect(struct visitor *v, pid_t pid)
{
	struct proctree_list *list = v->list;

	if (list->n < list->max)
		list->v[list->n++] = pid;
	return list->n < list->max;
}

size_t proctree_children(pid_t root, pid_t *out, size_t max)
{
	struct proctree_list list = {.v = out, .max = max};
	struct visitor v = {.visit = visit_collect, .list = &list};

	visit_children(root, &v);
	return list.n;
}

bool proctree_end(int ms)
{
	struct instant until = INSTANT_NEVER;

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno != EINTR)
			return true; /* no child: the usual case, which costs one call */
		if (pid != 0)
			continue;
		if (instant_is_never(until))
			until = instant_after(instant_now(), DURATION_MS(ms));
		/* A living child that /proc does not show cannot be found and killed. */
		if (instant_reached(until, instant_now()) || !proctree_kill_below(getpid()))
			return false;
		poll(NULL, 0, 1);
	}
}
