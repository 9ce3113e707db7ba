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
 *   fugitive  starts a process that flees from group and parent and ignores signals, then crashes
 * FAULT_METADATA  what rd_kafka_metadata does in librdkafka's place:
 *   assert  an assertion that fails               rd_assert  the same as librdkafka's own macro does it
 *   says    what FAULT_SAYS is, as rd_assert      heap    frees a block twice, which the C library notices
 *   harmless  only the words of an assertion, then works
 *   misled  only the words, then a write through a null pointer
 *   crash, abort  as above
 * FAULT_UNKILLABLE  kill() does nothing, in every process.
 * FAULT_CHILD_MEMORY  calloc fails in every process that was forked.
 * FAULT_CLOCK  what CLOCK_REALTIME says: seconds, or "jumps": an hour ahead and back at each look.
 * FAULT_REFUSE=CALL  poll, signalfd: fails in the first process.
 * FAULT_NO_THREADS  pthread_create fails with EAGAIN: getaddrinfo is then called where the check itself runs.
 * FAULT_FORK_SLOW=MS  each fork takes so long.
 * FAULT_FORK_FAILS=FROM-TO  those calls of fork in a process fail, counted from 1, with FAULT_FORK_ERRNO (EAGAIN).
 * FAULT_LANDLOCK=VERSION  this kernel's Landlock is of that version.
 * FAULT_THREAD  a thread runs from the beginning, as agents have it that watch a program's performance.
 * FAULT_PIPE=ERRNO  pipe2 fails with it in the first process.
 */
#include <assert.h>
#include <stdarg.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

static void start_fugitive(void)
{
	if (fork() != 0)
		return;
	setsid();
	if (fork() == 0)
		hang();
	_exit(0);
}

static void misbehave(const char *how)
{
	const struct timespec pause_for = {.tv_nsec = 300000000};

	if (strcmp(how, "fugitive") == 0) {
		start_fugitive();
		how = "crash";
	}
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

static void print_assertion(const char *what)
{
	fprintf(stderr, "*** rdkafka_faults.c:1:rd_kafka_metadata: assert: %s ***\n", what);
}

int rd_kafka_metadata(void *rk, int all_topics, void *topic, const void **metadata, int timeout_ms)
{
	static int (*real)(void *, int, void *, const void **, int);
	const char *how = getenv("FAULT_METADATA"), *says = getenv("FAULT_SAYS");

	how = how ? how : "";
	if (strcmp(how, "assert") == 0)
		assert(!"a broker may say that");
	if (strcmp(how, "rd_assert") == 0) {
		print_assertion("count >= 0");
		fprintf(stderr, "rd_kafka_t %p: and much more\n", rk);
		abort();
	}
	if (strcmp(how, "says") == 0) {
		print_assertion(says);
		abort();
	}
	if (strcmp(how, "heap") == 0) {
		void *volatile block = malloc(2000), *volatile again = block;

		free(block);
		free(again);
	}
	if (strcmp(how, "harmless") == 0 || strcmp(how, "misled") == 0)
		print_assertion("count >= 0");
	misbehave(strcmp(how, "misled") == 0 ? "crash" : how);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_metadata");
	return real(rk, all_topics, topic, metadata, timeout_ms);
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
	const char *fails = getenv("FAULT_FORK_FAILS"), *slow = getenv("FAULT_FORK_SLOW");
	int from, to;

	if (slow)
		usleep((useconds_t)atoi(slow) * 1000);
	calls++;
	if (fails && sscanf(fails, "%d-%d", &from, &to) == 2 && calls >= from && calls <= to) {
		errno = getenv("FAULT_FORK_ERRNO")
			    ? (int)strtol(getenv("FAULT_FORK_ERRNO"), NULL, 10)
			    : EAGAIN;
		return -1;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fork");
	return real();
}

int kill(pid_t pid, int sig)
{
	return getenv("FAULT_UNKILLABLE") ? 0 : (int)syscall(SYS_kill, pid, sig);
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	const char *version = getenv("FAULT_LANDLOCK");
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (version && number == 444 && a[2] == 1) /* landlock_create_ruleset, for the version */
		return strtol(version, NULL, 10);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static pid_t first;

static void *sleep_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t thread;

	first = getpid();
	if (getenv("FAULT_THREAD"))
		pthread_create(&thread, NULL, sleep_for_ever, NULL);
}

int pipe2(int fds[2], int flags)
{
	const char *fails = getenv("FAULT_PIPE");

	if (fails && getpid() == first) {
		errno = (int)strtol(fails, NULL, 10);
		return -1;
	}
	return (int)syscall(SYS_pipe2, fds, flags);
}

void *calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);
	static char early[4096]; /* dlsym itself allocates */
	static size_t used;
	static int looking;

	if (first && getpid() != first && getenv("FAULT_CHILD_MEMORY")) {
		errno = ENOMEM;
		return NULL;
	}
	if (!real && looking) {
		used += (n * size + 15) & ~(size_t)15;
		return early + used - ((n * size + 15) & ~(size_t)15);
	}
	if (!real) {
		looking = 1;
		*(void **)&real = dlsym(RTLD_NEXT, "calloc");
		looking = 0;
	}
	return real(n, size);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	const char *says = clock == CLOCK_REALTIME ? getenv("FAULT_CLOCK") : NULL;
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);
	static int looks;

	if (says && strcmp(says, "jumps") == 0)
		ts->tv_sec += ++looks % 2 ? 3600 : -3600;
	else if (says)
		ts->tv_sec = strtoll(says, NULL, 10);
	return rc;
}

static int refused(const char *call)
{
	const char *refuse = getenv("FAULT_REFUSE");

	errno = ENOSPC;
	return refuse && strcmp(refuse, call) == 0 && getpid() == first;
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	return refused("poll") ? -1 : ppoll(fds, n, ms < 0 ? NULL : &limit, NULL);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
	return refused("signalfd") ? -1 : (int)syscall(SYS_signalfd4, fd, mask, 8, flags);
}
