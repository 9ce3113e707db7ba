#include "orphans.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proctree.h"

#define CHILDREN_MAX 1024 /* children that one pass examines */
#define STATUS_MAX (64 * 1024)

static int64_t status_field(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

/* Counts the restrictions of a process that it cannot drop (proc(5), "status"). Seccomp_filters came with Linux 5.9. Returns 0
 * when the process is gone or hidden, so that it is not taken for an orphan of an attempt. */
static int64_t count_restrictions(pid_t pid)
{
	cleanup_free char *status = NULL;
	char path[32];

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = file_read(path, STATUS_MAX, NULL);
	if (!status)
		return 0;
	return status_field(status, "\nNoNewPrivs:") + status_field(status, "\nSeccomp_filters:");
}

void orphans_begin(struct orphans *o)
{
	*o = (struct orphans){.before = xcalloc(CHILDREN_MAX, sizeof *o->before),
			      .restrictions = count_restrictions(getpid())};
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
		if (existed_before(o, list[i]) || count_restrictions(list[i]) <= o->restrictions)
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
