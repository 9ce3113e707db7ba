#include "idle.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

/* SIGKILL ends a child that waits in a read at once; one that a peer has taken over may wait for a dead disk. */
#define END_MAX DURATION_MS(100)

static void remove_at(struct idle *idle, size_t i)
{
	idle->n--;
	memmove(&idle->v[i], &idle->v[i + 1], (idle->n - i) * sizeof idle->v[0]);
}

void idle_add(struct idle *idle, const struct profile_check *check, const struct child *child)
{
	invariant(idle->n < IDLE_MAX);
	idle->v[idle->n++] = (struct idle_child){.child = *child, .check = check};
}

bool idle_take(struct idle *idle, const struct profile_check *check, struct child *out)
{
	size_t i = 0;

	while (i < idle->n && check && !child_may_share(idle->v[i].check, check))
		i++;
	if (i == idle->n)
		return false;
	*out = idle->v[i].child;
	remove_at(idle, i);
	return true;
}

bool idle_is_silent(const struct child *child)
{
	char byte;

	return read(child->fd, &byte, 1) < 0 && errno == EAGAIN;
}

/* Kills the group as well, as for every child, while the pid is still the child's. */
static void kill_child(const struct child *child)
{
	if (kill(-child->pid, SIGKILL) < 0)
		kill(child->pid, SIGKILL);
}

void idle_kill_all(const struct idle *idle)
{
	for (size_t i = 0; i < idle->n; i++)
		kill_child(&idle->v[i].child);
}

bool idle_end(struct child *child)
{
	struct instant until = instant_after(instant_now(), END_MAX);

	cleanup_fd_fn(&child->fd);
	cleanup_fd_fn(&child->jobs);
	kill_child(child);
	while (waitpid(child->pid, NULL, WNOHANG) == 0) {
		if (instant_reached(until, instant_now()))
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

void idle_remove(struct idle *idle, pid_t pid)
{
	for (size_t i = 0; i < idle->n; i++) {
		if (idle->v[i].child.pid != pid)
			continue;
		cleanup_fd_fn(&idle->v[i].child.fd);
		cleanup_fd_fn(&idle->v[i].child.jobs);
		remove_at(idle, i);
		return;
	}
}
