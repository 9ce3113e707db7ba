/* main: argv to a mode, wires the modules, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "explain.h"
#include "interpreter.h"
#include "launch.h"
#include "reactor.h"
#include "save.h"
#include "console.h"

#define TEXT_MAX_BYTES (64 * 1024 * 1024)

/* A descriptor below 3 that is closed would be given to the next file we open, and our lines would go there. The
 * placeholder is close-on-exec: the service finds it closed as it was. */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
			int got = open("/dev/null", O_RDWR | O_CLOEXEC);

			if (got >= 0 && got != fd) {
				dup3(got, fd, O_CLOEXEC);
				close(got);
			}
		}
}

static int usage(const struct err *err)
{
	char buf[1024];

	log_line("%s", err_text(err, buf, sizeof buf));
	return EXIT_USAGE;
}

static bool is_run(const struct cli *cli)
{
	return cli->command == CMD_RUN || cli->command == CMD_CHECK || cli->command == CMD_TRY;
}

static int print(const struct str *b)
{
	if (fd_write_all(STDOUT_FILENO, b->s, b->len) < 0) {
		log_line("stdout: %s", strerror(errno));
		return EXIT_OWN;
	}
	return 0;
}

/* ---- what is wrong with a profile ------------------------------------------------------------------------------------ */
static void add_problem(struct str *b, const struct problem *p)
{
	char clean[1200];

	text_clean(clean, sizeof clean, p->file ? p->file : "");
	if (p->file && p->line > 0)
		str_addf(b, "%s:%d: ", clean, p->line);
	else if (p->file)
		str_addf(b, "%s: ", clean);
	if (p->where[0])
		str_addf(b, "%s: ", p->where);
	text_clean(clean, sizeof clean, p->text);
	str_addf(b, "%s%s", p->kind == PROBLEM_WARNING ? "warning: " : "", clean);
	if (p->code != D_NONE)
		str_addf(b, " [%s]", diag_info(p->code)->code);
}

static void print_problems(const struct problems *problems, bool warnings)
{
	struct str b;

	str_init(&b, TEXT_MAX_BYTES);
	for (size_t i = 0; i < problems->n; i++) {
		if (problems->v[i].kind == PROBLEM_WARNING && !warnings)
			continue;
		add_problem(&b, &problems->v[i]);
		str_addc(&b, '\n');
	}
	console_write(b.s, b.len);
	console_flush(); /* may be long, and nothing runs yet that it could hold */
	str_free(&b);
}

static int problems_exit(const struct problems *p)
{
	if (p->errors)
		return p->errors > p->usages ? EXIT_PROFILE : EXIT_USAGE;
	return p->policies ? EXIT_POLICY : 0;
}

/* A run that could not begin: the report is the verdict alone, since no check has run. `problems` may be NULL. */
static void refuse(const struct cli *cli, const struct profile *profile,
		   const struct problems *problems, int code, const char *why)
{
	struct profile none = {.path = profile->path,
			       .service = profile->service ? profile->service : "-",
			       .mode = profile->mode};
	struct report_options options = cli->report;
	struct report report;
	struct run run;

	run_init(&run, &none, instant_now(), true, 1);
	run_override(&run, code, why);
	run.problems = problems;
	options.quiet = true;
	options.env_file = NULL;
	report_begin(&report, &options, &run);
	report_end(&report);
	report_free(&report);
	run_free(&run);
}

/* A command line that cannot be read: whoever looks at the pod is to hear of it, and no other file is sure to be meant. */
static int refuse_words(const struct cli *cli, const struct err *err)
{
	const struct profile none = {.service = "-", .mode = MODE_PROD};
	struct run run;
	char buf[1024];

	if (is_run(cli)) {
		run_init(&run, &none, instant_now(), true, 1);
		run_override(&run, EXIT_USAGE, err_text(err, buf, sizeof buf));
		report_termination(&cli->report, &run);
		run_free(&run);
	}
	return usage(err);
}

/* The first problem of the kind that decides, and how many there are. */
static int refuse_problems(const struct cli *cli, const struct profile *profile,
			   const struct problems *problems)
{
	size_t n = problems->errors ? problems->errors : problems->policies, i = 0;
	int code = problems_exit(problems);
	struct str b;

	while (problems->v[i].kind == PROBLEM_WARNING ||
	       (problems->errors && problems->v[i].kind == PROBLEM_POLICY))
		i++;
	str_init(&b, 4096);
	add_problem(&b, &problems->v[i]);
	if (n > 1)
		str_addf(&b, "; %zu problems in all", n);
	refuse(cli, profile, problems, code, b.s);
	str_free(&b);
	return code;
}

/* ---- run, check, try ----------------------------------------------------------------------------------------------------- */
static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = (uint64_t)instant_now().ns ^ (uint64_t)getpid() << 32;
	return seed;
}

/* The environment may be too large with what is added, or nearly so before: then the lists of ids are what can be short. */
static int exec_service(const struct cli *cli, const struct report *report, const char *file,
			size_t room, struct err *err)
{
	struct launch_env env;
	int code;

	launch_env_init(&env);
	/* One of another run says nothing about this one. */
	launch_env_set(&env, "STARTGUARD_REPORT_FILE", NULL);
	report_environment(report->run, report->report_written ? cli->report.report_file : NULL,
			   room, launch_env_set, &env);
	code = launch_exec(file, cli->service, &env, err);
	launch_env_free(&env);
	return err->sys_errno == E2BIG && room > REPORT_ENV_MIN
		   ? exec_service(cli, report, file, REPORT_ENV_MIN, err)
		   : code;
}

/* Does not return when the service has started. */
static int start_service(const struct cli *cli, struct run *run, struct report *report,
			 const char *file, struct signals *signals)
{
	char buf[1024];
	struct err err;
	int code, sig;

	if (run->orphan_left)
		log_line(
		    "a process that a check started could not be ended: the service will find it "
		    "among its "
		    "children");
	console_flush();
	sig = signals_ending(signals); /* what came during the last lines still counts for us */
	if (sig) {
		code = 128 + sig;
		snprintf(buf, sizeof buf, "ended by signal %d before the service was started", sig);
	} else {
		signals_close(signals);
		code = exec_service(cli, report, file, REPORT_ENV_MAX, &err);
		err_text(&err, buf, sizeof buf);
		if (signals_open(signals, &err) < 0) {
			/* Then a closed stderr may end it early: with no more than this line left to say. */
		}
	}
	run_override(run, code, buf);
	report_again(report);
	return code;
}

static int run_checks(const struct cli *cli, struct profile *profile, const char *file,
		      struct signals *signals)
{
	struct report report;
	struct watcher watcher = {.ctx = &report,
				  .changed = report_changed,
				  .tick = report_tick,
				  .abandon = report_abandon};
	struct run run;
	struct err err;
	char buf[1024];
	int code;

	run_init(&run, profile, instant_now(), cli->command != CMD_RUN, random_seed());
	run.fail_on_degraded = cli->fail_on_degraded;
	report_begin(&report, &cli->report, &run);
	code = reactor_run(&run, signals, &watcher, &err);
	run_decide(&run);
	if (code < 0)
		run_override(&run, EXIT_OWN, err_text(&err, buf, sizeof buf));
	report_end(&report);
	code = run.exit_code;
	if (code == 0 && run.verdict != RUN_BLOCKED && file)
		code = start_service(cli, &run, &report, file, signals);
	report_free(&report);
	run_free(&run);
	return code;
}

/* One attempt in this very process: what a debugger or a sanitizer wants to see. No deadline is enforced; the verdict is
 * that of any other run. */
static int run_in_process(const struct cli *cli, const struct profile *p)
{
	struct instant now = instant_now();
	cleanup_fd int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct action action;
	struct run run;
	int code;

	run_init(&run, p, now, true, 1);
	run.fail_on_degraded = cli->fail_on_degraded;
	if (plan_step(&run.plan, now, &action) == 1) {
		struct diag *diag = &run.outcomes[0].diag;
		bool passed =
		    child_in_process(&p->checks[0], now, run.plan.checks[0].attempt_deadline, fd,
				     diag) == RESULT_PASS;

		now = instant_now();
		plan_result(&run.plan, 0, now, passed, passed || diag_info(diag->code)->retryable);
	}
	run.ended = now;
	run_decide(&run);
	code = run.exit_code;
	console_write(run.summary, strlen(run.summary));
	console_write("\n", 1);
	run_free(&run);
	return code;
}

static int load_and_run(const struct cli *cli, const char *file, struct signals *signals)
{
	struct profile profile = {0};
	struct problems problems = {.arena = &profile.arena};
	int code;

	if (cli->command == CMD_TRY)
		profile_try(&profile, &cli->profile, cli->words[0], cli->words + 1, &problems);
	else
		profile_load(&profile, &cli->profile, &problems);
	print_problems(&problems, !cli->report.quiet);
	if (problems_exit(&problems))
		code = refuse_problems(cli, &profile, &problems);
	else if (cli->in_process)
		code = run_in_process(cli, &profile);
	else
		code = run_checks(cli, &profile, file, signals);
	problems_free(&problems);
	arena_free(&profile.arena);
	return code;
}

/* `refused`: why signals cannot be waited for; NULL: they can. */
static int do_run(const struct cli *cli, struct signals *signals, const struct err *refused)
{
	const struct profile none = {.mode = profile_mode(&cli->profile)};
	cleanup_free char *file = NULL;
	struct err err;
	char buf[1024];
	int code = 0;

	if (cli->in_process) {
		signals_close(signals);
	} else if (refused) {
		err = *refused;
		code = EXIT_OWN;
	}
	/* Before the checks: a typing error must not cost a minute of waiting. */
	if (!code && cli->service)
		file = launch_find(cli->service[0], &code, &err);
	if (file && interpreter_other_machine(file, buf, sizeof buf))
		log_line("warning: command \"%s\" is %s: it runs only if the kernel has an "
			 "emulator for it",
			 cli->service[0], buf);
	if (cli->service && file)
		code = 0;
	if (code)
		refuse(cli, &none, NULL, code, err_text(&err, buf, sizeof buf));
	else
		code = load_and_run(cli, file, signals);
	return code;
}

/* ---- lint, show, install ---------------------------------------------------------------------------------------------------- */
static int do_lint(const struct cli *cli)
{
	int worst = 0;
	size_t bad = 0;

	for (size_t i = 0; i < cli->n_words; i++) {
		struct profile profile = {0};
		struct problems problems = {.arena = &profile.arena};
		struct profile_options o = cli->profile;
		int code;

		o.profile = cli->words[i];
		o.offline = true;
		profile_load(&profile, &o, &problems);
		print_problems(&problems, true);
		code = problems_exit(&problems);
		bad += code != 0;
		worst = code > worst ? code : worst;
		problems_free(&problems);
		arena_free(&profile.arena);
	}
	if (bad)
		log_line("lint: %zu of %zu profile%s wrong", bad, cli->n_words,
			 cli->n_words == 1 ? " is" : "s are");
	else
		log_line("lint: %zu profile%s fine", cli->n_words,
			 cli->n_words == 1 ? " is" : "s are");
	return worst;
}

static int do_show(const struct cli *cli)
{
	struct profile profile = {0};
	struct problems problems = {.arena = &profile.arena};
	struct str b;
	int code;

	profile_load(&profile, &cli->profile, &problems);
	print_problems(&problems, true);
	code = problems_exit(&problems);
	str_init(&b, TEXT_MAX_BYTES);
	if (!problems.errors) {
		explain_profile(&b, &profile);
		if (print(&b) != 0)
			code = EXIT_OWN;
		else if (code)
			log_line("show: mode %s refuses this profile: %zu problem%s",
				 mode_name(profile.mode), problems.policies,
				 plural(problems.policies));
	} else {
		log_line("show: %zu error%s in the profile", problems.errors,
			 plural(problems.errors));
	}
	str_free(&b);
	problems_free(&problems);
	arena_free(&profile.arena);
	return code;
}

/* A folder gets startguard under its own name. */
static int do_install(const struct cli *cli)
{
	const char *path = cli->words[0];
	cleanup_free char *inside = NULL, *self = NULL;
	struct stat st;
	struct err err;
	size_t len;
	char buf[1024];

	if ((stat(path, &st) == 0 && S_ISDIR(st.st_mode)) || str_ends(path, "/")) {
		if (asprintf(&inside, "%s/startguard", path) < 0)
			die("out of memory");
		path = inside;
	}
	self = file_read("/proc/self/exe", 256 * 1024 * 1024, &len);
	if (!self)
		err_make(&err, errno, "read this executable");
	else if (save_file(path, self, len, 0755, &err) == 0)
		return 0;
	log_line("install: %s", err_text(&err, buf, sizeof buf));
	return EXIT_OWN;
}

static int do_print(const struct cli *cli)
{
	const char *word = cli->n_words ? cli->words[0] : NULL;
	enum command command = CMD_HELP;
	struct str b;
	struct err err;
	int rc = 0;

	str_init(&b, TEXT_MAX_BYTES);
	if (cli->command == CMD_EXPLAIN)
		rc = explain(&b, word, cli->as, &err);
	else if (cli->command == CMD_CODES)
		rc = explain_codes(&b, word, cli->as, &err);
	else if (cli->command == CMD_VERSION)
		explain_version(&b, cli->as);
	else if (cli->command == CMD_COMPLETION && cli_completion(&b, word) < 0)
		rc = err_make(&err, 0, "no completion for \"%s\"; known: bash, zsh, fish", word);
	else if (cli->command == CMD_HELP && word && cli_find(word, &command) < 0)
		rc = cli_unknown_command(word, &err);
	else if (cli->command == CMD_HELP && cli->as == AS_MAN)
		cli_man(&b);
	else if (cli->command == CMD_HELP)
		cli_help(&b, command);
	rc = rc < 0 ? usage(&err) : print(&b);
	str_free(&b);
	return rc;
}

/* Signals are blocked before anything else: what PID 1 neither blocks nor handles the kernel throws away, and what is written must
 * not end the guard when stderr is closed. Commands that neither wait nor start anything are ended by them as any program is. */
int main(int argc, char **argv)
{
	struct signals signals = {.fd = -1};
	struct arena arena = {0};
	struct cli cli;
	struct err err, refused;
	bool watched;
	int code = EXIT_OWN;

	hold_standard_descriptors();
	watched = signals_open(&signals, &refused) == 0;
	if (argc < 1 || cli_parse(&cli, &arena, argv, &err) < 0) {
		code = argc < 1 ? EXIT_USAGE : refuse_words(&cli, &err);
		console_flush();
		arena_free(&arena);
		return code && cli_asks_health(argv) ? 1 : code;
	}
	cli.report.color = cli_color(&cli);
	if (!is_run(&cli))
		signals_close(&signals);
	switch (cli.command) {
	case CMD_RUN:
	case CMD_CHECK:
	case CMD_TRY:
		code = do_run(&cli, &signals, watched ? NULL : &refused);
		break;
	case CMD_LINT:
		code = do_lint(&cli);
		break;
	case CMD_SHOW:
		code = do_show(&cli);
		break;
	case CMD_INSTALL:
		code = do_install(&cli);
		break;
	case CMD_EXPLAIN:
	case CMD_CODES:
	case CMD_VERSION:
	case CMD_COMPLETION:
	case CMD_HELP:
		code = do_print(&cli);
		break;
	case CMD__COUNT:
		break;
	}
	arena_free(&arena);
	console_flush();
	return code && cli.health ? 1 : code;
}
