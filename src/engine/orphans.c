#include "orphans.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proctree.h"

#define CHILDREN_MAX 1024 /* children that one pass examines */
#define STATUS_MAX (64 * 1024)

/* Returns the number behind a name in /proc/PID/status; -1: the line is not there. */
static int64_t status_field(const char *status, const char *name)
{
	const char *at = status ? strstr(status, name) : NULL;

	return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* Reads the restrictions of a process that it cannot drop (proc(5), "status"). Seccomp_filters came with Linux 5.9. Both are -1
 * when the process is gone or hidden. */
static void read_restrictions(pid_t pid, int64_t *no_new_privs, int64_t *filters)
{
	cleanup_free char *status = NULL;
	char path[32];

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = file_read(path, STATUS_MAX, NULL);
	*no_new_privs = status_field(status, "\nNoNewPrivs:");
	*filters = status_field(status, "\nSeccomp_filters:");
}

/* A helper of the service may have set no_new_privs for itself, so the filter decides where there is one. */
static bool is_of_attempt(const struct orphans *o, pid_t pid)
{
	int64_t no_new_privs, filters;

	read_restrictions(pid, &no_new_privs, &filters);
	if (filters >= 0 && !o->unfiltered)
		return no_new_privs > 0 && filters > o->filters;
	return no_new_privs > o->no_new_privs;
}

void orphans_begin(struct orphans *o)
{
	*o = (struct orphans){.before = xcalloc(CHILDREN_MAX, sizeof *o->before)};
	read_restrictions(getpid(), &o->no_new_privs, &o->filters);
	o->n_before = proctree_children(getpid(), o->before, CHILDREN_MAX);
	prctl(PR_GET_CHILD_SUBREAPER, &o->was_subreaper);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static bool existed_before(const struct orphans *o, pid_t pid)
{
	for (size_t i = 0; i < o->n_before; i++)
		if (o->before[i] == pid)
			return true;
	return false;
}

bool orphans_kill(const struct orphans *o)
{
	cleanup_free pid_t *list = xcalloc(CHILDREN_MAX, sizeof *list);
	size_t n = o->expected ? proctree_children(getpid(), list, CHILDREN_MAX) : 0;
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		if (existed_before(o, list[i]) || !is_of_attempt(o, list[i]))
			continue;
		found = true;
		kill(list[i], SIGSTOP);
		proctree_kill_below(list[i]);
		kill(list[i], SIGKILL);
	}
	return found;
}

void orphans_end(struct orphans *o)
{
	prctl(PR_SET_CHILD_SUBREAPER, o->was_subreaper);
	free(o->before);
	o->before = NULL;
}
