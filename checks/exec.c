/* exec: a command of the image does what it must. For what no other kind knows: nvidia-smi, pg_isready, a script. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define OUTPUT_MAX (64 * 1024)

struct exec_conf {
	struct strlist command;
	int64_t status;
	const char *stdout_contains, *stdout_matches, *working_directory;
};

static const char *regex_problem(const char *text)
{
	regex_t re;

	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
		return "is not a POSIX extended regular expression";
	regfree(&re);
	return NULL;
}

static const struct key exec_keys[] = {
    KEY_STRLIST(
	struct exec_conf, command, .flags = K_REQUIRED,
	.doc = "Program and arguments; no shell in between, so a script needs its #! line. The "
	       "environment is the service's; set-uid programs gain nothing.",
	.example = "[\"pg_isready\", \"-h\", \"db\"]"),
    KEY_INT(struct exec_conf, status, .def = "0", .min = "0", .max = "255",
	    .doc = "The exit status it must end with."),
    KEY_STR(struct exec_conf, stdout_contains,
	    .doc = "Text that must stand in the first 64 KiB of its output.", .example = "\"ok\""),
    KEY_STR(struct exec_conf, stdout_matches, .flags = K_RAW, .check = regex_problem,
	    .doc = "POSIX extended regular expression its output must match.",
	    .example = "\"^version [4-9]\""),
    KEY_PATH(struct exec_conf, working_directory,
	     .doc = "Where it runs (default: where startguard does).", .example = "\"/app\""),
    KEY_END,
};
static const struct schema exec_schema = {
    .name = "exec", .size = sizeof(struct exec_conf), .keys = exec_keys};

struct started {
	pid_t pid;
	int out, err, failed; /* read ends; `failed` brings the errno of chdir or exec */
	char stdout_text[OUTPUT_MAX + 1], stderr_text[4096];
	size_t n_out, n_err;
};

/* As execvp, but what the kernel cannot run is not handed to a shell: that would "run" an empty file with success, and
 * a binary of another architecture with a syntax error. Returns on failure only, with errno. */
static void run_program(char **argv)
{
	const char *path = getenv("PATH"), *end;
	char full[PATH_MAX];
	int e = ENOENT;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, environ);
		return;
	}
	for (path = path ? path : "/bin:/usr/bin"; *argv[0]; path = end + 1) {
		end = strchrnul(path, ':');
		snprintf(full, sizeof(full), "%.*s%s%s", (int)(end - path), path,
			 end > path ? "/" : "", argv[0]);
		execve(full, argv, environ);
		/* Another folder may have one that can be run; what was seen before is told in the end. */
		if (errno != ENOENT && errno != ENOTDIR)
			e = errno;
		if (!*end || (e != ENOENT && e != EACCES))
			break;
	}
	errno = e;
}

/* In the program to be: as the service will find it, but in the process group of the attempt, which the guard kills as a
 * whole when the attempt is over, however it ends. */
static _Noreturn void become(const struct exec_conf *c, int out, int err, int failed)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	char **argv = xcalloc(c->command.n + 1, sizeof(*argv));
	int e, null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nor does it outlive a guard that was killed */
	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		sigaction(s, &dfl, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	for (size_t i = 0; i < c->command.n; i++)
		argv[i] = xstrdup(c->command.v[i]);
	if (!c->working_directory || !chdir(c->working_directory))
		run_program(argv);
	e = errno;
	(void)fd_write_all(failed, &e, sizeof(e));
	_exit(127);
}

static int start(const struct exec_conf *c, struct started *s, struct diag *out)
{
	int o[2], e[2], f[2], err = 0;

	if (pipe2(o, O_CLOEXEC) || pipe2(e, O_CLOEXEC) || pipe2(f, O_CLOEXEC))
		goto no_process;
	s->pid = fork();
	if (s->pid < 0)
		goto no_process;
	if (!s->pid)
		become(c, o[1], e[1], f[1]);
	close(o[1]);
	close(e[1]);
	close(f[1]);
	s->out = o[0];
	s->err = e[0];
	if (fd_read_full(f[0], &err, sizeof(err)) != sizeof(err))
		return 0;
	if (errno_is_missing(err))
		check_fail(out, D_EXEC_NOT_FOUND, c->command.v[0], "%s", strerror(err));
	else if (err == ENOEXEC)
		check_fail(out, D_EXEC_NOT_EXECUTABLE, c->command.v[0],
			   "%s: neither a program of this architecture nor a script that begins "
			   "with #!",
			   strerror(err));
	else
		check_fail(out, D_EXEC_NOT_EXECUTABLE, c->command.v[0], "%s", strerror(err));
	if (c->working_directory && access(c->working_directory, X_OK))
		check_fail(out, D_EXEC_NOT_FOUND, c->working_directory, "working_directory: %s",
			   strerror(errno));
	return -1;

no_process:
	err = errno;
	check_fail(out, D_GUARD_NO_PROCESS, c->command.v[0], "no process could be started: %s",
		   strerror(err));
	diag_hint_no_process(out, err);
	return -1;
}

/* Keeps the beginning, drains the rest. False at the end of the stream. */
static bool drain(int fd, char *buf, size_t max, size_t *len)
{
	char waste[16 * 1024];
	bool full = *len >= max;
	ssize_t n = read(fd, full ? waste : buf + *len, full ? sizeof(waste) : max - *len);

	if (n > 0 && !full)
		*len += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Reads both streams until they end or the program does; a child that keeps them open does not hold the check. At the deadline
 * it looks a last time: the program may have ended while this process had to wait for a processor. */
static bool listen_to(const struct check_run *run, struct started *s, int *status)
{
	struct pollfd p[2] = {{.fd = s->out, .events = POLLIN}, {.fd = s->err, .events = POLLIN}};
	bool ended = false, late = false;

	while (!late) {
		int left = mono_left_ms(run->deadline, mono_now());

		late = left == 0;
		if (!ended)
			ended = waitpid(s->pid, status, WNOHANG) == s->pid;
		if (p[0].fd < 0 && p[1].fd < 0) {
			if (ended)
				return true;
			poll(NULL, 0, left < 0 || left > 5 ? 5 : left);
			continue;
		}
		/* Wakes up now and then for the end of a program whose own children keep the pipes. */
		if (poll(p, 2, ended ? 0 : left < 0 || left > 20 ? 20 : left) == 0 && ended)
			return true;
		if (p[0].revents && !drain(s->out, s->stdout_text, OUTPUT_MAX, &s->n_out))
			p[0].fd = -1;
		if (p[1].revents &&
		    !drain(s->err, s->stderr_text, sizeof(s->stderr_text) - 1, &s->n_err))
			p[1].fd = -1;
	}
	return ended;
}

/* The last line that says something: where programs put their reason. */
static const char *last_words(const struct started *s, char *buf, size_t size)
{
	const char *text = s->n_err ? s->stderr_text : s->stdout_text;
	size_t n = s->n_err ? s->n_err : s->n_out, begin;

	while (n && strchr("\r\n \t", text[n - 1]))
		n--;
	for (begin = n; begin && text[begin - 1] != '\n'; begin--)
		;
	text_clean_n(buf, size, text + begin, n - begin);
	return *buf ? buf : "it said nothing";
}

static enum verdict judge_output(const struct exec_conf *c, const struct started *s,
				 struct diag *out)
{
	char words[200];
	regex_t re;
	int r;

	text_clean_n(words, sizeof(words), s->stdout_text, s->n_out);
	if (c->stdout_contains &&
	    !memmem(s->stdout_text, s->n_out, c->stdout_contains, strlen(c->stdout_contains)))
		return check_fail(out, D_EXEC_OUTPUT, c->command.v[0],
				  "the output does not hold \"%s\"; it is: %s", c->stdout_contains,
				  words);
	if (!c->stdout_matches)
		return V_PASS;
	invariant(!regcomp(&re, c->stdout_matches, REG_EXTENDED | REG_NOSUB | REG_NEWLINE));
	r = regexec(&re, s->stdout_text, 0, NULL, 0);
	return r ? check_fail(out, D_EXEC_OUTPUT, c->command.v[0],
			      "the output does not match %s; it is: %s", c->stdout_matches, words)
		 : V_PASS;
}

static enum verdict exec_run(const struct check_run *run, struct diag *out)
{
	const struct exec_conf *c = run->conf;
	struct started *s = xcalloc(1, sizeof(*s));
	char words[300];
	int status = 0;
	bool ended;

	check_step(run, PH_ASSERT, "running %s", c->command.v[0]);
	if (start(c, s, out))
		return V_FAIL;
	ended = listen_to(run, s, &status);
	if (!ended) {
		kill(s->pid, SIGKILL);
		return check_fail(out, D_GUARD_DEADLINE, c->command.v[0],
				  "the command was still running at its deadline; last words: %s",
				  last_words(s, words, sizeof(words)));
	}
	check_reached(run, "ended");
	if (WIFSIGNALED(status))
		return check_fail(out, D_EXEC_SIGNAL, c->command.v[0],
				  "ended by signal %d (%s); last words: %s", WTERMSIG(status),
				  strsignal(WTERMSIG(status)), last_words(s, words, sizeof(words)));
	check_fact(run, "status", "%d", WEXITSTATUS(status));
	if (WEXITSTATUS(status) != c->status)
		return check_fail(out, D_EXEC_STATUS, c->command.v[0],
				  "exit status %d, expected %lld; last words: %s",
				  WEXITSTATUS(status), (long long)c->status,
				  last_words(s, words, sizeof(words)));
	if (judge_output(c, s, out))
		return V_FAIL;
	check_summary(run, "%s", c->command.v[0]);
	return V_PASS;
}

extern const struct check_kind check_exec;
const struct check_kind check_exec = {
    .name = "exec",
    .summary = "a command ends with the right status and output",
    .schema = &exec_schema,
    .needs_exec = true,
    .run = exec_run,
};
