/* faults: what a client library can do to its process, at will. Loaded with LD_PRELOAD into startguard.
 *
 * FAULT_RESOLVE  what getaddrinfo does, in the child of a check:
 *   crash   a write through a null pointer        abort   abort(), as an assertion does
 *   exit    _exit(0) without a word               hang    never comes back, whatever signal comes
 *   spin    the same, busy                        slow    takes 300 ms, then works
 *   garbage writes nonsense into every pipe, then ends
 *   flood   the same without end
 *   partial writes the beginning of a record, then ends
 *   closes  closes every descriptor, then hangs
 *   eats    takes all the memory it can get, gives it back, and says EAI_MEMORY
 *   eats-and-aborts  the same, but aborts, as libraries do that do not expect it
 *   killed  is killed, as by a kernel that is out of memory
 * FAULT_NO_THREADS  pthread_create fails with EAGAIN: getaddrinfo is then called where the check itself runs.
 * FAULT_FORK_FAILS=FROM-TO  those calls of fork in a process fail with EAGAIN, counted from 1.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void hang(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pause();
}

static void write_into_pipes(const char *data, size_t n)
{
	for (int fd = 3; fd < 256; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && write(fd, data, n) < 0 &&
		    errno == EPIPE)
			_exit(3);
	}
}

static _Noreturn void write_nonsense(int endless)
{
	char data[4096];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7919 >> 3);
	do
		write_into_pipes(data, sizeof data);
	while (endless);
	_exit(0);
}

static void eat(int then_abort)
{
	struct piece {
		struct piece *next;
		char bytes[1 << 20];
	} *list = NULL, *one;

	while ((one = malloc(sizeof *one)) != NULL) {
		memset(one->bytes, 1, sizeof one->bytes);
		one->next = list;
		list = one;
	}
	if (then_abort)
		abort();
	while (list) {
		one = list->next;
		free(list);
		list = one;
	}
}

static void misbehave(const char *how)
{
	const struct timespec pause_for = {.tv_nsec = 300000000};

	if (strcmp(how, "crash") == 0)
		*(volatile int *)NULL = 1;
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "exit") == 0)
		_exit(0);
	if (strcmp(how, "hang") == 0)
		hang();
	if (strcmp(how, "slow") == 0)
		nanosleep(&pause_for, NULL);
	if (strcmp(how, "garbage") == 0 || strcmp(how, "flood") == 0)
		write_nonsense(how[0] == 'f');
	if (strcmp(how, "partial") == 0) {
		write_into_pipes("10GS\5\0\0\0\0\0\377\1half a rec", 20);
		_exit(0);
	}
	if (strcmp(how, "killed") == 0)
		raise(SIGKILL);
	if (strncmp(how, "eats", 4) == 0)
		eat(how[4] != '\0');
	if (strcmp(how, "closes") == 0) {
		for (int fd = 0; fd < 256; fd++)
			close(fd);
		hang();
	}
	while (strcmp(how, "spin") == 0) {
	}
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *how = getenv("FAULT_RESOLVE");

	if (how)
		misbehave(how);
	if (how && strcmp(how, "eats") == 0)
		return EAI_MEMORY;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, res);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (getenv("FAULT_NO_THREADS"))
		return EAGAIN;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, run, arg);
}

pid_t fork(void)
{
	static pid_t (*real)(void);
	static int calls;
	const char *fails = getenv("FAULT_FORK_FAILS");
	int from, to;

	calls++;
	if (fails && sscanf(fails, "%d-%d", &from, &to) == 2 && calls >= from && calls <= to) {
		errno = EAGAIN;
		return -1;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fork");
	return real();
}
