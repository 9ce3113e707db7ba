#include "reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proctree.h"

#define CHILDREN_MAX 1024 /* looked at in one pass */

void kin_begin(struct kin *k, bool keep_dead)
{
	*k = (struct kin){.self = getpid(),
			  .keep_dead = keep_dead,
			  .had_some = tree_has_children(),
			  .before = xcalloc(CHILDREN_MAX, sizeof *k->before)};
	k->visible = tree_children(k->self, k->before, CHILDREN_MAX, &k->n_before);
	prctl(PR_GET_CHILD_SUBREAPER, &k->reaper);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void kin_free(struct kin *k)
{
	prctl(PR_SET_CHILD_SUBREAPER, k->reaper); /* it would be the service's, too */
	free(k->before);
	k->before = NULL;
}

void kin_attempt(struct kin *k, pid_t pid)
{
	if (!k->first_attempt)
		k->first_attempt = pid;
}

void kin_suspect(struct kin *k, pid_t pid)
{
	if (!k->suspected)
		k->since = tree_started(pid);
	k->suspected = true;
}

/* More than the list holds are told apart by their numbers, as all are without /proc. */
static bool was_before(const struct kin *k, pid_t pid)
{
	for (size_t i = 0; i < k->n_before; i++)
		if (k->before[i] == pid)
			return true;
	if (!k->had_some || (k->visible && k->n_before < CHILDREN_MAX))
		return false;
	return !k->first_attempt || tree_is_before(k->self, k->first_attempt, pid);
}

bool kin_is_the_services(const struct kin *k, pid_t pid)
{
	return k->keep_dead && was_before(k, pid);
}

void kin_reap(const struct kin *k, bool (*is_attempt)(const void *ctx, pid_t pid), const void *ctx)
{
	cleanup_free pid_t *list = xcalloc(CHILDREN_MAX, sizeof *list);
	size_t n;

	tree_children(k->self, list, CHILDREN_MAX, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_attempt(ctx, list[i]) && !kin_is_the_services(k, list[i]))
			waitpid(list[i], NULL, WNOHANG);
}

/* A stranger that PID 1 was handed and that began before any suspected attempt. Whose start is hidden (hidepid) is taken for
 * one that fled. */
static bool is_stranger(const struct kin *k, pid_t pid)
{
	uint64_t started = tree_started(pid);

	return started != 0 && started < k->since;
}

static bool kill_seen(const struct kin *k)
{
	cleanup_free pid_t *list = xcalloc(CHILDREN_MAX, sizeof *list);
	bool found = false;
	size_t n;

	tree_children(k->self, list, CHILDREN_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		if (was_before(k, list[i]) || is_stranger(k, list[i]))
			continue;
		found = true;
		kill(list[i], SIGSTOP);
		tree_kill_below(list[i]);
		kill(list[i], SIGKILL);
	}
	return found;
}

bool kin_kill_fled(struct kin *k, struct mono until)
{
	/* A child that nobody has seen, and that cannot be a stranger's. */
	if (!k->visible && !k->had_some && k->self != 1 && tree_has_children())
		k->suspected = true;
	if (!k->suspected || !k->first_attempt || !tree_has_children())
		return false;
	return k->visible ? kill_seen(k) : tree_kill_numbers(k->self, k->first_attempt, until);
}
