#include "kafka_tcp_race.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include "loopback.h"
#include "neterr.h"
#include "resolve.h"

#define ATTEMPTS_MAX 512 /* open descriptors, well below the usual limit of 1024 */

struct attempt {
	size_t entry;
	int fd;
	struct sockaddr_storage addr;
};
struct race {
	struct kafka_tcp_target *v;
	int family;
	struct attempt attempt[ATTEMPTS_MAX];
	size_t n;
};

static void set_connect_error(struct kafka_tcp_target *target, int err, const void *addr)
{
	char subject[DIAG_SUBJECT_MAX];

	hostport_text(target->host, target->port, subject, sizeof subject);
	net_fail_errno(&target->diag, err, subject, "connect");
	loopback_hint(&target->diag, addr);
}

static void start_address(struct race *race, size_t entry, const struct addrinfo *ai)
{
	struct kafka_tcp_target *target = &race->v[entry];
	cleanup_fd int fd = -1;

	if (race->n == ATTEMPTS_MAX || target->connected)
		return;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS)) {
		set_connect_error(target, errno, ai->ai_addr);
		return;
	}
	race->attempt[race->n] = (struct attempt){.entry = entry, .fd = steal_fd(&fd)};
	memcpy(&race->attempt[race->n++].addr, ai->ai_addr, ai->ai_addrlen);
}

static void start_target(const struct check_run *run, struct race *race, size_t entry, size_t n,
			 struct instant deadline)
{
	struct kafka_tcp_target *target = &race->v[entry];
	struct addrinfo *list = NULL;
	struct check_run shorter = *run;

	/* Give each name an equal share of time, and connecting one share, so that a name server that does not answer
	 * for one name leaves time for the others. */
	shorter.deadline =
	    n == 1 ? deadline : instant_share(instant_now(), deadline, n - entry + 1);
	if (resolve_host(&shorter, target->host, target->port, race->family, &list, &target->diag))
		return;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		start_address(race, entry, ai);
	freeaddrinfo(list);
}

static void drop_attempt(struct race *race, size_t i)
{
	cleanup_fd_fn(&race->attempt[i].fd);
	race->attempt[i] = race->attempt[--race->n];
}

/* Finishes the connects that poll() reports. Goes from last to first, because drop_attempt moves the last one down. */
static size_t finish_connects(struct race *race, const struct pollfd *polled)
{
	size_t connected = 0;

	for (size_t i = race->n; i-- > 0;) {
		struct kafka_tcp_target *target = &race->v[race->attempt[i].entry];
		int err = 0;
		socklen_t len = sizeof err;

		if (!polled[i].revents)
			continue;
		if (getsockopt(race->attempt[i].fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
			err = errno;
		if (err) {
			set_connect_error(target, err, &race->attempt[i].addr);
		} else if (!target->connected) {
			target->connected = true;
			connected++;
		}
		drop_attempt(race, i);
	}
	return connected;
}

/* Drops the attempts at other addresses of a target that is connected. */
static void drop_connected(struct race *race)
{
	for (size_t i = race->n; i-- > 0;)
		if (race->v[race->attempt[i].entry].connected)
			drop_attempt(race, i);
}

static size_t run_race(struct race *race, bool any, struct instant deadline)
{
	struct pollfd polled[ATTEMPTS_MAX];
	size_t connected = 0;

	while (race->n > 0 && !(any && connected > 0)) {
		int left = instant_left_ms(deadline, instant_now()), ready;

		if (left == 0)
			break;
		for (size_t i = 0; i < race->n; i++)
			polled[i] = (struct pollfd){.fd = race->attempt[i].fd, .events = POLLOUT};
		ready = poll(polled, race->n, left);
		if (ready < 0 && errno != EINTR)
			break;
		if (ready > 0)
			connected += finish_connects(race, polled);
		drop_connected(race);
	}
	return connected;
}

size_t kafka_tcp_race(const struct check_run *run, struct kafka_tcp_target *v, size_t n, int family,
		      bool any, struct instant deadline)
{
	struct race race = {.v = v, .family = family};
	size_t connected;

	for (size_t i = 0; i < n; i++)
		start_target(run, &race, i, n, deadline);
	check_step(run, PH_CONNECT,
		   n == 1 ? "connecting to %s:%d" : "connecting to %s:%d and others",
		   n ? v[0].host : "", n ? v[0].port : 0);
	connected = run_race(&race, any, deadline);
	for (size_t i = race.n; i-- > 0;) {
		struct kafka_tcp_target *target = &v[race.attempt[i].entry];

		if (!target->connected && !(any && connected > 0))
			set_connect_error(target, ETIMEDOUT, &race.attempt[i].addr);
		drop_attempt(&race, i);
	}
	return connected;
}
