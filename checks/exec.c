/* exec: a command of the image ends as it should. It serves whatever no other kind knows: nvidia-smi, pg_isready, a script. */
#include <regex.h>
#include <signal.h>
#include <sys/wait.h>

#include "program.h"
#include "regex_size.h"

struct exec_conf {
	struct strlist command;
	int64_t status;
	const char *stdout_contains, *stdout_matches, *working_directory;
};

static const char *regex_problem(const char *text)
{
	const char *dialect = regex_dialect_problem(text);
	regex_t re;

	if (dialect)
		return dialect;
	if (regex_size(text) > REGEX_SIZE_MAX)
		return "is too large with its repetitions written out";
	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
		return "is not a POSIX extended regular expression";
	regfree(&re);
	return NULL;
}

static const struct key exec_keys[] = {
    KEY_STRLIST(
	struct exec_conf, command, .flags = K_REQUIRED | K_EMPTY,
	.doc = "Program and arguments; no shell in between, so a script needs its #! line. The "
	       "environment is the service's; set-uid programs gain nothing. After "
	       "attempt_timeout, here "
	       "30s unless given, it is killed.",
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

/* Is the program a shell, or one that gives its arguments to one? */
static bool is_shell(const char *program)
{
	static const char *const shells[] = {"sh",      "bash", "dash", "ash", "zsh",  "ksh",
					     "busybox", "env",  "su",   "ssh", "xargs"};
	const char *slash = strrchr(program, '/');

	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (str_eq(slash ? slash + 1 : program, shells[i]))
			return true;
	return false;
}

/* Words that only a shell understands. */
static const char *exec_doubt(const void *conf, const char **key)
{
	static const char *const signs[] = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"};
	const struct exec_conf *c = conf;
	static char why[200];

	*key = "command";
	for (size_t i = 1; i < c->command.n && !is_shell(c->command.v[0]); i++) {
		const char *word = c->command.v[i];

		if (*word == '$' && env_name_length(word + 1) > 0 &&
		    env_name_length(word + 1) == strlen(word + 1)) {
			snprintf(why, sizeof why,
				 "holds %.80s, and no shell fills it in; write ${%.80s}", word,
				 word + 1);
			return why;
		}
		for (size_t k = 0; k < ARRAY_LEN(signs); k++)
			if (str_eq(word, signs[k])) {
				snprintf(why, sizeof why,
					 "\"%s\" is for a shell, and none is used; write [\"sh\", "
					 "\"-c\", \"...\"]",
					 word);
				return why;
			}
	}
	return NULL;
}

static enum result judge_output(const struct check_run *run, const struct exec_conf *c,
				const struct program *p, struct diag *out)
{
	char output[200];
	regex_t re;
	int r;

	text_clean_n(output, sizeof output, p->out_text, p->n_out);
	if (c->stdout_contains &&
	    !memmem(p->out_text, p->n_out, c->stdout_contains, strlen(c->stdout_contains)))
		return check_fail(out, D_EXEC_OUTPUT, c->command.v[0],
				  "the output does not hold \"%s\"; it is: %s", c->stdout_contains,
				  output);
	if (!c->stdout_matches)
		return RESULT_PASS;
	/* Back-references can take for ever, and then the expression is to blame and not the command. */
	check_step(run, PH_ASSERT, "matching the output of %s with stdout_matches",
		   c->command.v[0]);
	invariant(!regcomp(&re, c->stdout_matches, REG_EXTENDED | REG_NOSUB | REG_NEWLINE));
	r = regexec(&re, p->out_text, 0, NULL, 0);
	return r ? check_fail(out, D_EXEC_OUTPUT, c->command.v[0],
			      "the output does not match %s; it is: %s", c->stdout_matches, output)
		 : RESULT_PASS;
}

/* The statuses that shells and env end with when they could not run a program. */
static void hint_status(int status, struct diag *out)
{
	if (status == 127)
		diag_hint(out, "127 is what shells and env say when a program that they start is "
			       "not found in the image");
	else if (status == 126)
		diag_hint(out, "126 is what shells and env say when a program that they start "
			       "cannot be run: look at its mode");
}

static enum result exec_run(const struct check_run *run, struct diag *out)
{
	const struct exec_conf *c = run->conf;
	struct program *p = xcalloc(1, sizeof *p);
	const char **argv = xcalloc(c->command.n + 1, sizeof *argv);
	int status = 0;

	check_step(run, PH_ASSERT, "running %s", c->command.v[0]);
	for (size_t i = 0; i < c->command.n; i++)
		argv[i] = c->command.v[i];
	program_init(p);
	if (program_start(p, argv, c->working_directory, D_EXEC_NOT_FOUND, D_EXEC_NOT_EXECUTABLE,
			  out))
		return RESULT_FAIL;
	if (!program_wait(p, run->deadline, &status, NULL, NULL)) {
		kill(p->pid, SIGKILL);
		program_tell_output(p, run);
		return check_fail(out, D_GUARD_DEADLINE, c->command.v[0],
				  "the command was still running at its deadline; last output: %s",
				  program_reason(p).text);
	}
	check_reached(run, "ended");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != c->status)
		program_tell_output(p, run);
	if (WIFSIGNALED(status))
		return check_fail(out, D_EXEC_SIGNAL, c->command.v[0], "%s; last output: %s",
				  program_ending(status).text, program_reason(p).text);
	check_fact(run, "status", "%d", WEXITSTATUS(status));
	if (WEXITSTATUS(status) != c->status) {
		check_fail(out, D_EXEC_STATUS, c->command.v[0],
			   "exit status %d, expected %lld; last output: %s", WEXITSTATUS(status),
			   (long long)c->status, program_reason(p).text);
		hint_status(WEXITSTATUS(status), out);
		return RESULT_FAIL;
	}
	check_summary(run, "%s", c->command.v[0]);
	return judge_output(run, c, p, out);
}

/* "python manage.py check" as one text would be searched for as one file. */
static const char *exec_validate(const void *conf, const char **key)
{
	const struct exec_conf *c = conf;
	const char *word = c->command.v[0], *blank = strchr(word, ' ');

	*key = "command";
	if (!*word)
		return "is empty in its first word, which names the program";
	if (c->command.n == 1 && blank && !memchr(word, '/', (size_t)(blank - word)))
		return "is one word with blanks; give the words as a list: [\"python\", "
		       "\"manage.py\"], or a "
		       "shell: [\"sh\", \"-c\", \"...\"]";
	return NULL;
}

const struct check_kind check_exec = {
    .name = "exec",
    .summary = "a command ends with the right status and output",
    .schema = &(const struct schema){.size = sizeof(struct exec_conf), .keys = exec_keys},
    .needs_exec = true,
    .attempt_timeout = DURATION_S(30),
    .validate = exec_validate,
    .doubt = exec_doubt,
    .run = exec_run,
};
