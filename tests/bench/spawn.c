/* spawn: starts one program after the other, waits for each, and says what it cost. The benchmarks' stopwatch: it is small,
 * so that neither its own memory nor its own time shows in what it measures.
 *
 * A request on stdin is one line and then NUL-terminated words, variables of the environment first, then the command:
 *     TIMEOUT_MS VARIABLES WORDS IDLE_MS ANNOUNCE GROUP
 * GROUP is the file of a control group (cgroup.procs) that the program enters before it is executed, or "-". The program
 * then waits IDLE_MS, so that the group's quota is whole, before the clock starts. ANNOUNCE is 1 for a line "PID" at the start.
 * The answer is one line:
 *     BEGIN_NS END_NS CPU_US MAX_RSS_KB STATUS
 * Times are CLOCK_MONOTONIC. CPU and memory are those of the program and of what it waited for (wait4). STATUS is the exit
 * status, or a negative signal number; a program that is not done after TIMEOUT_MS is killed with its process group.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROUP_MAX 512
#define BLOCK_OF "511"

struct request {
	int timeout_ms, variables, words, idle_ms, announce;
	char group[GROUP_MAX];
	char **env, **argv;
};

static volatile pid_t running;
static int null_fd;

static void kill_running(int number)
{
	(void)number;
	if (running > 0)
		kill(-running, SIGKILL);
}

static void die(const char *what)
{
	fprintf(stderr, "spawn: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static char **read_words(int count)
{
	char **words = calloc((size_t)count + 1, sizeof *words);
	size_t size;

	if (!words)
		die("memory");
	for (int i = 0; i < count; i++) {
		size = 0;
		if (getdelim(&words[i], &size, '\0', stdin) < 1)
			die("request");
	}
	return words;
}

static void free_words(char **words)
{
	for (char **one = words; *one; one++)
		free(*one);
	free(words);
}

static int read_request(struct request *r)
{
	char line[GROUP_MAX + 64];

	if (!fgets(line, sizeof line, stdin))
		return 0;
	if (sscanf(line, "%d %d %d %d %d %" BLOCK_OF "s", &r->timeout_ms, &r->variables, &r->words,
		   &r->idle_ms, &r->announce, r->group) != 6)
		die("request");
	r->env = read_words(r->variables);
	r->argv = read_words(r->words);
	return 1;
}

/* Starts the program by vfork, which costs nothing that grows with this process. */
static pid_t start(const struct request *r)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	pid_t pid = -1;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	for (int fd = 0; fd <= 2; fd++)
		posix_spawn_file_actions_adddup2(&files, null_fd, fd);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
					   POSIX_SPAWN_SETSIGDEF);
	errno = posix_spawnp(&pid, r->argv[0], &files, &how, r->argv, r->env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return pid;
}

/* In the child: enters the group, says so, and waits for the word to go. */
static _Noreturn void enter_and_exec(const struct request *r, int said, int go)
{
	int fd = open(r->group, O_WRONLY | O_CLOEXEC);
	char byte = 0;

	setpgid(0, 0);
	if (fd < 0 || write(fd, "0", 1) != 1 || write(said, &byte, 1) != 1 ||
	    read(go, &byte, 1) != 1)
		_exit(125);
	for (int std = 0; std <= 2; std++)
		dup2(null_fd, std);
	environ = r->env;
	execvp(r->argv[0], r->argv);
	_exit(127);
}

/* The move into a group takes the kernel milliseconds: it must be over before the clock starts. */
static pid_t start_in_group(const struct request *r, long long *begin)
{
	int said[2], go[2];
	char byte = 0;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0)
		enter_and_exec(r, said[1], go[0]);
	close(said[1]);
	close(go[0]);
	if (pid > 0 && read(said[0], &byte, 1) == 1) {
		usleep((useconds_t)r->idle_ms * 1000);
		*begin = now_ns();
		if (write(go[1], &byte, 1) != 1)
			die("pipe");
	}
	close(said[0]);
	close(go[1]);
	return pid;
}

static void limit(int ms)
{
	struct itimerval timer = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void measure(const struct request *r)
{
	struct rusage used = {0};
	long long begin = now_ns(), end, cpu;
	int status = 127 << 8;
	pid_t pid = strcmp(r->group, "-") ? start_in_group(r, &begin) : start(r);

	running = pid;
	limit(r->timeout_ms);
	if (r->announce) {
		printf("%d\n", (int)pid);
		fflush(stdout);
	}
	while (pid > 0 && wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
		;
	end = now_ns();
	limit(0);
	kill_running(0); /* what it left behind */
	running = 0;
	cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec +
	      used.ru_stime.tv_usec;
	printf("%lld %lld %lld %ld %d\n", begin, end, cpu, used.ru_maxrss,
	       WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
	fflush(stdout);
}

int main(void)
{
	struct sigaction action = {.sa_handler = kill_running};
	struct request r;

	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		die("/dev/null");
	sigaction(SIGALRM, &action, NULL);
	while (read_request(&r)) {
		measure(&r);
		free_words(r.env);
		free_words(r.argv);
	}
	return 0;
}
