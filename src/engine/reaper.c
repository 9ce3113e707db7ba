#include "reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proctree.h"

#define CHILDREN_MAX 1024 /* looked at in one pass */

void reaper_begin(struct reaper *k, bool keep_dead)
{
	*k = (struct reaper){.self = getpid(),
			     .keep_dead = keep_dead,
			     .had_some = proctree_has_children(),
			     .before = xcalloc(CHILDREN_MAX, sizeof *k->before)};
	k->visible = proctree_children(k->self, k->before, CHILDREN_MAX, &k->n_before);
	prctl(PR_GET_CHILD_SUBREAPER, &k->was_subreaper);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void reaper_free(struct reaper *k)
{
	prctl(PR_SET_CHILD_SUBREAPER, k->was_subreaper); /* it would be the service's, too */
	free(k->before);
	k->before = NULL;
}

void reaper_attempt(struct reaper *k, pid_t pid)
{
	if (!k->first_attempt)
		k->first_attempt = pid;
}

void reaper_suspect(struct reaper *k, pid_t pid)
{
	if (!k->suspected)
		k->since = proctree_started(pid);
	k->suspected = true;
}

/* More than the list holds are told apart by their numbers, as all are without /proc. */
static bool was_before(const struct reaper *k, pid_t pid)
{
	for (size_t i = 0; i < k->n_before; i++)
		if (k->before[i] == pid)
			return true;
	if (!k->had_some || (k->visible && k->n_before < CHILDREN_MAX))
		return false;
	return !k->first_attempt || proctree_is_before(k->self, k->first_attempt, pid);
}

bool reaper_is_the_services(const struct reaper *k, pid_t pid)
{
	return k->keep_dead && was_before(k, pid);
}

void reaper_reap(const struct reaper *k, bool (*is_attempt)(const void *ctx, pid_t pid),
		 const void *ctx)
{
	cleanup_free pid_t *list = xcalloc(CHILDREN_MAX, sizeof *list);
	size_t n;

	proctree_children(k->self, list, CHILDREN_MAX, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_attempt(ctx, list[i]) && !reaper_is_the_services(k, list[i]))
			waitpid(list[i], NULL, WNOHANG);
}

/* A stranger that PID 1 was handed and that began before any suspected attempt. Whose start is hidden (hidepid) is taken for
 * one that fled. */
static bool is_stranger(const struct reaper *k, pid_t pid)
{
	uint64_t started = proctree_started(pid);

	return started != 0 && started < k->since;
}

static bool kill_seen(const struct reaper *k)
{
	cleanup_free pid_t *list = xcalloc(CHILDREN_MAX, sizeof *list);
	bool found = false;
	size_t n;

	proctree_children(k->self, list, CHILDREN_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		if (was_before(k, list[i]) || is_stranger(k, list[i]))
			continue;
		found = true;
		kill(list[i], SIGSTOP);
		proctree_kill_below(list[i]);
		kill(list[i], SIGKILL);
	}
	return found;
}

bool reaper_kill_fled(struct reaper *k, struct instant until)
{
	/* A child that nobody has seen, and that cannot be a stranger's. */
	if (!k->visible && !k->had_some && k->self != 1 && proctree_has_children())
		k->suspected = true;
	if (!k->suspected || !k->first_attempt || !proctree_has_children())
		return false;
	return k->visible ? kill_seen(k) : proctree_kill_numbers(k->self, k->first_attempt, until);
}
