#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "child.h"
#include "cmd.h"
#include "console.h"
#include "interpreter.h"
#include "launch.h"
#include "reactor.h"

/* ---- refusing ---------------------------------------------------------------------------------------------------------- */
/* Reports a run that could not begin: the verdict alone, since no check has run. `problems` may be NULL. */
static void refuse_run(const struct cli *cli, const struct profile *profile,
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

/* Writes the termination message, which the pod's description shows, but no other file: their options may be misread. */
int cmd_usage(const struct cli *cli, const struct err *err)
{
	const struct profile none = {.service = "-", .mode = MODE_PROD};
	struct run run;
	char buf[1024];

	if (cmd_is_run(cli)) {
		run_init(&run, &none, instant_now(), true, 1);
		run_override(&run, EXIT_USAGE, err_text(err, buf, sizeof buf));
		report_termination(&cli->report, &run);
		run_free(&run);
	}
	log_line("%s", err_text(err, buf, sizeof buf));
	return EXIT_USAGE;
}

/* Quotes the first problem of the kind that decides the exit code, and gives their number. */
static int refuse_problems(const struct cli *cli, const struct profile *profile,
			   const struct problems *problems)
{
	size_t n = problems->errors ? problems->errors : problems->policies, i = 0;
	int code = cmd_problems_exit(problems);
	struct str b;

	while (problems->v[i].kind == PROBLEM_WARNING ||
	       (problems->errors && problems->v[i].kind == PROBLEM_POLICY))
		i++;
	str_init(&b, 4096);
	cmd_problem_text(&b, &problems->v[i]);
	if (n > 1)
		str_addf(&b, "; %zu problems in all", n);
	refuse_run(cli, profile, problems, code, b.s);
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

static void build_environment(struct launch_env *env, const struct cli *cli,
			      const struct report *report, size_t room)
{
	launch_env_init(env);
	/* An outer startguard may have set this variable. */
	launch_env_set(env, "STARTGUARD_REPORT_FILE", NULL);
	report_environment(report->run, report->report_written ? cli->report.report_file : NULL,
			   room, launch_env_set, env);
}

/* Gives the signals back and replaces this process. Everything is built before: a signal to PID 1 is lost from the moment that it
 * is no longer blocked until the service handles it. Returns the signal that came at the last moment, or 0 when exec failed: then
 * *code and err say why. */
static int exec_service(const struct cli *cli, const struct report *report, const char *file,
			struct signals *signals, int *code, struct err *err)
{
	static const size_t rooms[] = {REPORT_ENV_MAX, REPORT_ENV_MIN};
	int sig = 0;

	err->sys_errno = E2BIG;
	/* When the kernel finds the environment too large, tries once more with short lists of ids. */
	for (size_t i = 0; i < ARRAY_LEN(rooms) && !sig && err->sys_errno == E2BIG; i++) {
		struct launch_env env;

		build_environment(&env, cli, report, rooms[i]);
		sig = i == 0 ? signals_close(signals) : 0;
		if (!sig)
			*code = launch_exec(file, cli->service, &env, err);
		launch_env_free(&env);
	}
	return sig;
}

/* Does not return when the service has started. */
static int start_service(const struct cli *cli, struct run *run, struct report *report,
			 const char *file, struct signals *signals)
{
	char buf[1024];
	struct err err;
	int code = 0, sig;

	if (run->orphan_left)
		log_line("a process of a check could not be ended: the service will find it "
			 "among its children");
	console_flush();
	sig = exec_service(cli, report, file, signals, &code, &err);
	/* Unless signals are blocked, a closed stderr ends startguard before its last line. */
	(void)signals_open(signals, &(struct err){0});
	if (sig) {
		code = 128 + sig;
		snprintf(buf, sizeof buf, "ended by signal %d before the service was started", sig);
	} else {
		err_text(&err, buf, sizeof buf);
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

/* Makes one attempt in this process, for debuggers and sanitizers. Enforces no deadline, but decides as any other run. */
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

/* For only_at. --health without a service to start is a HEALTHCHECK, whatever the command. */
static const char *place_of(const struct cli *cli)
{
	if (cli->health && !cli->service)
		return PLACE_HEALTH;
	return cli->command == CMD_RUN ? PLACE_RUN : PLACE_CHECK;
}

static int load_and_run(const struct cli *cli, const char *file, struct signals *signals)
{
	struct profile profile = {0};
	struct problems problems = {.arena = &profile.arena};
	struct profile_options options = cli->profile;
	int code;

	options.place = place_of(cli);
	if (cli->command == CMD_TRY)
		profile_try(&profile, &cli->profile, cli->words[0], cli->words + 1, &problems);
	else
		profile_load(&profile, &options, &problems);
	/* The verdict has the only one in full. */
	cmd_print_problems(&problems, !cli->report.quiet, problems.errors + problems.policies > 1);
	if (cmd_problems_exit(&problems))
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
int cmd_run(const struct cli *cli, struct signals *signals, const struct err *refused)
{
	const struct profile none = {.mode = profile_mode(&cli->profile)};
	cleanup_free char *file = NULL;
	struct err err;
	char buf[1024];
	int code = 0;

	if (cli->in_process) {
		(void)signals_close(signals);
	} else if (refused) {
		err = *refused;
		code = EXIT_OWN;
	}
	/* Find the command before the checks: a mistyped one must not cost a minute of waiting. */
	if (!code && cli->service)
		file = interpreter_find_command(cli->service[0], &code, &err);
	if (file && interpreter_other_machine(file, buf, sizeof buf))
		log_line("warning: command \"%s\" is %s: it runs only if the kernel has an "
			 "emulator for it",
			 cli->service[0], buf);
	if (code)
		refuse_run(cli, &none, NULL, code, err_text(&err, buf, sizeof buf));
	else
		code = load_and_run(cli, file, signals);
	return code;
}
