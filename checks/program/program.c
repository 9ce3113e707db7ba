#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interpreter.h"

/* What the forked process writes to its parent when exec failed. */
struct start_failure {
	int chdir_error, exec_error; /* one of them is 0 */
};

void program_init(struct program *p)
{
	*p = (struct program){.out = -1, .err = -1, .channel = -1, .channel_write_end = -1};
}

int program_open_channel(struct program *p)
{
	int w[2];

	if (pipe2(w, O_CLOEXEC))
		return -1;
	p->channel = w[0];
	p->channel_write_end = w[1];
	return w[1];
}

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
		snprintf(full, sizeof full, "%.*s%s%s", (int)(end - path), path,
			 end > path ? "/" : "", argv[0]);
		execve(full, argv, environ);
		/* Another folder may have one that can be run. If none has, this error says more than ENOENT. */
		if (errno != ENOENT && errno != ENOTDIR)
			e = errno;
		if (!*end || (e != ENOENT && e != EACCES))
			break;
	}
	errno = e;
}

/* In the forked process: sets signals, descriptors and directory as for the service, then execs. write_ends: of stdout,
 * stderr and the pipe for a start_failure. */
static _Noreturn void exec_program(const struct program *p, const char *const *argv,
				   const char *directory, const int write_ends[3])
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	struct start_failure failure = {0};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends when startguard is killed */
	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		sigaction(s, &dfl, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	dup2(write_ends[0], 1);
	dup2(write_ends[1], 2);
	if (p->channel_write_end >= 0)
		fcntl(p->channel_write_end, F_SETFD, 0);
	if (directory && chdir(directory)) {
		failure.chdir_error = errno;
	} else {
		run_program((char **)argv); /* never written to */
		failure.exec_error = errno;
	}
	(void)fd_write_all(write_ends[2], &failure, sizeof failure);
	_exit(127);
}

enum result program_no_process(const char *program, struct diag *out)
{
	int error = errno;

	check_fail(out, D_GUARD_NO_PROCESS, program, "no process could be started: %s",
		   strerror(error));
	diag_hint_no_process(out, error);
	return RESULT_FAIL;
}

/* Returns the path of a command from here, for one that the program would find from its working directory. The child's exit frees it. */
static char *path_of(const char *name, const char *directory)
{
	bool below = directory && *name != '/' && strchr(name, '/');
	char *path;

	if (asprintf(&path, "%s%s%s", below ? directory : "", below ? "/" : "", name) < 0)
		die("out of memory");
	return path;
}

/* Fails with the interpreter that a command lacks which is there itself: execve says "No such file" for both. Returns false when the
 * command is not there. */
static bool fail_interpreter(const char *name, const char *path, enum diag_code missing,
			     struct diag *out)
{
	cleanup_free char *found = NULL;
	struct err err = {0};
	char text[800];
	int error;

	found = interpreter_find_file(path, &error);
	if (!found || interpreter_check(found, &err) == 0)
		return false;
	err_text(&err, text, sizeof text);
	check_fail(out, missing, name, "%s", text);
	diag_hint(out, "install its interpreter in the image, or correct line 1 of the file");
	return true;
}

static enum result fail_exec(const char *name, const char *directory, int error,
			     enum diag_code missing, enum diag_code not_run, struct diag *out)
{
	const char *path = path_of(name, directory), *file = path;
	char why[160] = "";
	int ignored;

	if (errno_is_missing(error) && fail_interpreter(name, path, missing, out))
		return RESULT_FAIL;
	if (!strchr(name, '/'))
		file = interpreter_find_file(name, &ignored);
	if (file)
		interpreter_obstacle(file, error, why, sizeof why);
	if (error == ENOEXEC && !*why)
		snprintf(why, sizeof why,
			 "neither a program of this architecture nor a script that "
			 "begins with #!");
	return check_fail(out, errno_is_missing(error) ? missing : not_run, name, "%s%s%s",
			  strerror(error), *why ? ": " : "", why);
}

enum result program_start(struct program *p, const char *const *argv, const char *directory,
			  enum diag_code missing, enum diag_code not_run, struct diag *out)
{
	int o[2], e[2], f[2];
	struct start_failure failure;

	if (pipe2(o, O_CLOEXEC) || pipe2(e, O_CLOEXEC) || pipe2(f, O_CLOEXEC))
		return program_no_process(argv[0], out);
	p->pid = fork();
	if (p->pid < 0)
		return program_no_process(argv[0], out);
	if (!p->pid)
		exec_program(p, argv, directory, (int[]){o[1], e[1], f[1]});
	close(o[1]);
	close(e[1]);
	close(f[1]);
	if (p->channel_write_end >= 0)
		close(p->channel_write_end);
	p->channel_write_end = -1;
	p->out = o[0];
	p->err = e[0];
	if (fd_read_full(f[0], &failure, sizeof failure) != sizeof failure)
		return RESULT_PASS;
	if (failure.chdir_error) {
		check_fail(out, missing, directory, "working_directory: %s",
			   strerror(failure.chdir_error));
		diag_hint(out, "correct working_directory, or make the folder in the image");
		return RESULT_FAIL;
	}
	return fail_exec(argv[0], directory, failure.exec_error, missing, not_run, out);
}

/* The drain functions read once, and return false at the end of the pipe. Of stdout the beginning is kept. */
static bool drain_output(struct program *p)
{
	char waste[16 * 1024];
	bool full = p->n_out >= PROGRAM_OUTPUT_MAX;
	ssize_t n = read(p->out, full ? waste : p->out_text + p->n_out,
			 full ? sizeof waste : PROGRAM_OUTPUT_MAX - p->n_out);

	if (n > 0 && !full)
		p->n_out += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Of stderr the end is kept: programs write their reason there. */
static bool drain_errors(struct program *p)
{
	char bytes[64 * 1024]; /* all that a pipe holds */
	ssize_t n = read(p->err, bytes, sizeof bytes);
	size_t max = sizeof p->err_text - 1, add, drop;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	add = (size_t)n < max ? (size_t)n : max;
	drop = p->n_err + add > max ? p->n_err + add - max : 0;
	memmove(p->err_text, p->err_text + drop, p->n_err - drop);
	memcpy(p->err_text + p->n_err - drop, bytes + (size_t)n - add, add);
	p->n_err += add - drop;
	return true;
}

static void split_lines(struct program *p, const char *bytes, size_t n, program_line_fn *on_line,
			void *arg)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			p->line[p->n_line] = '\0';
			on_line(arg, p->line);
			p->n_line = 0;
			p->line_cut = false;
		} else if (p->n_line < sizeof p->line - 1 && !p->line_cut) {
			p->line[p->n_line++] = bytes[i];
		} else {
			p->line_cut = true;
		}
	}
}

static bool drain_channel(struct program *p, program_line_fn *on_line, void *arg)
{
	char bytes[64 * 1024]; /* all that a pipe holds */
	ssize_t n = read(p->channel, bytes, sizeof bytes);

	if (n > 0)
		split_lines(p, bytes, (size_t)n, on_line, arg);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* The smaller of both; left is -1 when there is no deadline. */
static int at_most(int left, int ms)
{
	return left < 0 || left > ms ? ms : left;
}

bool program_wait(struct program *p, struct instant deadline, int *status, program_line_fn *on_line,
		  void *arg)
{
	bool ended = false, last = false;

	/* Read once more after the deadline: what came just before it may be seen late. */
	while (!last) {
		struct pollfd fds[] = {{.fd = p->out, .events = POLLIN},
				       {.fd = p->err, .events = POLLIN},
				       {.fd = p->channel, .events = POLLIN}};
		int left = instant_left_ms(deadline, instant_now());

		last = left == 0;
		if (!ended)
			ended = waitpid(p->pid, status, WNOHANG) == p->pid;
		if (p->out < 0 && p->err < 0 && p->channel < 0) {
			if (ended)
				return true;
			poll(NULL, 0, at_most(left, 5));
			continue;
		}
		/* Wake every 20 ms: children of the program may keep its pipes open after its end. */
		if (poll(fds, ARRAY_LEN(fds), ended ? 0 : at_most(left, 20)) == 0 && ended)
			return true;
		if (fds[0].revents && !drain_output(p))
			p->out = -1;
		if (fds[1].revents && !drain_errors(p))
			p->err = -1;
		if (fds[2].revents && !drain_channel(p, on_line, arg))
			p->channel = -1;
	}
	return ended;
}

struct program_text program_ending(int status)
{
	struct program_text t;

	if (WIFSIGNALED(status))
		snprintf(t.text, sizeof t.text, "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(t.text, sizeof t.text, "ended with status %d", WEXITSTATUS(status));
	return t;
}

/* ---- what the program said ---------------------------------------------------------------------------------------------- */
static bool has_letter(const char *line)
{
	for (; *line; line++)
		if (((unsigned char)(*line | 0x20) >= 'a' &&
		     (unsigned char)(*line | 0x20) <= 'z') ||
		    (unsigned char)*line >= 0x80)
			return true;
	return false;
}

/* The last lines of the output that are not blank, oldest first. `text` holds them. */
struct lines {
	char text[PROGRAM_ERRORS_MAX];
	size_t n;
	const char *v[PROGRAM_ERRORS_MAX / 2];
};

/* Drops the colours of a terminal (ECMA-48, SGR), which many programs print whatever their output is. */
static void drop_colours(char *text)
{
	char *to = text;

	for (const char *s = text; *s; s++) {
		size_t n = s[0] == '\033' && s[1] == '[' ? strspn(s + 2, "0123456789;:") + 2 : 0;

		if (n && s[n] == 'm')
			s += n;
		else
			*to++ = *s;
	}
	*to = '\0';
}

/* The whole text is scrubbed before it is divided: a line or a cut may part a secret. */
static struct lines *output_lines(const struct program *p)
{
	struct lines *lines = xcalloc(1, sizeof *lines); /* freed with the child */
	const char *text = p->n_err ? p->err_text : p->out_text;
	size_t n = p->n_err ? p->n_err : p->n_out;
	size_t skip = n < sizeof lines->text ? 0 : n - sizeof lines->text + 1;
	char *rest = lines->text, *line;

	memcpy(lines->text, text + skip, n - skip);
	for (size_t i = 0; i < n - skip; i++)
		if (!lines->text[i])
			lines->text[i] = '?';
	drop_colours(lines->text);
	scrub(lines->text);
	scrub_user_parts(lines->text);
	while ((line = strsep(&rest, "\r\n")))
		if (line[strspn(line, " \t")])
			lines->v[lines->n++] = line;
	return lines;
}

static bool is_indented(const char *line)
{
	return *line == ' ' || *line == '\t';
}

/* The line behind the traceback that begins at line i: the frames between them are indented. NULL: it was cut off. */
static const char *exception_of(const struct lines *lines, size_t i)
{
	for (i++; i < lines->n; i++)
		if (!is_indented(lines->v[i]))
			return lines->v[i];
	return NULL;
}

/* The exception of the last traceback, and that of the first one, which is its cause or came from another thread. */
static bool python_exception(const struct lines *lines, struct program_text *t)
{
	const char *first = NULL, *last = NULL, *found;
	char text[sizeof t->text];

	for (size_t i = 0; i < lines->n; i++) {
		if (!str_starts(lines->v[i], "Traceback (most recent call last):"))
			continue;
		found = exception_of(lines, i);
		last = found ? found : last;
		first = first ? first : found;
	}
	if (!last)
		return false;
	text_clean(text, first == last ? sizeof text : sizeof text / 2, last);
	snprintf(t->text, sizeof t->text, "%s", text);
	if (!str_eq(first, last)) {
		text_clean(text, sizeof text / 2 - 16, first);
		snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text),
			 " (before it: %s)", text);
	}
	return true;
}

/* Does the line go on with what the line before it says, as those of psql do? */
static bool is_continuation(const char *line)
{
	return is_indented(line) || str_starts(line, "LINE ") || str_starts(line, "DETAIL:") ||
	       str_starts(line, "HINT:");
}

struct program_text program_reason(const struct program *p)
{
	const struct lines *lines = output_lines(p);
	struct program_text t = {"none"};
	size_t end = lines->n, begin;
	struct str joined;

	if (python_exception(lines, &t) || !lines->n)
		return t;
	while (end && !has_letter(lines->v[end - 1]))
		end--;
	end = end ? end : lines->n; /* no letters at all: the last line, as it is */
	begin = end - 1;
	while (begin && end - begin < PROGRAM_REASON_LINES && is_continuation(lines->v[begin]))
		begin--;
	str_init(&joined, sizeof lines->text + PROGRAM_REASON_LINES);
	for (size_t i = begin; i < end; i++)
		str_addf(&joined, "%s ", lines->v[i]);
	text_clean_n(t.text, sizeof t.text, joined.s, joined.len - 1);
	return t;
}

void program_tell_output(const struct program *p, const struct check_run *run)
{
	const struct lines *lines = output_lines(p);
	size_t begin = lines->n > PROGRAM_TAIL_LINES ? lines->n - PROGRAM_TAIL_LINES : 0;

	for (size_t i = begin; i < lines->n; i++) {
		char key[16];

		snprintf(key, sizeof key, "output_%zu", i - begin + 1);
		check_fact(run, key, "%s", lines->v[i]);
	}
}
