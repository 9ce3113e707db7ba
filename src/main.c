/* main: reads the command line and calls the command's function. */
#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <unistd.h>

#include "cmd.h"
#include "console.h"

/* Opens /dev/null for each standard descriptor that is closed: the next file would get its number, and startguard's lines
 * would go into that file. The placeholder is close-on-exec, so that the service finds the descriptor closed as it was. */
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

/* Keeps a static program from the modules that nsswitch.conf names: glibc would load them, and a module that belongs to another
 * glibc crashes. The dynamic build takes every module, as the service does. */
static void pin_name_service(void)
{
#ifdef STARTGUARD_STATIC
	__nss_configure_lookup("hosts", "files dns");
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
#endif
}

/* The functions of the commands: either `run`, or `print` for those that only fill a text. */
static const struct {
	int (*run)(const struct cli *cli);
	int (*print)(struct str *out, const struct cli *cli, struct err *err);
} commands[CMD__COUNT] = {
    [CMD_LINT] = {.run = cmd_lint},
    [CMD_SHOW] = {.run = cmd_show},
    [CMD_EXPLAIN] = {.print = cmd_explain},
    [CMD_CODES] = {.print = cmd_codes},
    [CMD_INSTALL] = {.run = cmd_install},
    [CMD_VERSION] = {.print = cmd_version},
    [CMD_COMPLETION] = {.print = cmd_completion},
    [CMD_HELP] = {.print = cmd_help},
};

static int run_command(const struct cli *cli)
{
	struct str text;
	struct err err;
	int code;

	if (commands[cli->command].run)
		return commands[cli->command].run(cli);
	str_init(&text, CMD_TEXT_MAX);
	if (commands[cli->command].print(&text, cli, &err) < 0)
		code = cmd_usage(cli, &err);
	else
		code = cmd_print(&text);
	str_free(&text);
	return code;
}

/* Blocks signals before anything else: the kernel discards those that PID 1 neither blocks nor handles, and a closed stderr must
 * not end the guard. Commands that neither wait nor start anything run with the original signal mask. */
int main(int argc UNUSED, char **argv)
{
	struct signals signals = {.fd = -1};
	struct arena arena = {0};
	struct cli cli;
	struct err err, refused;
	bool watched;
	int code;

	hold_standard_descriptors();
	watched = signals_open(&signals, &refused) == 0;
	if (cli_parse(&cli, &arena, argv, &err) < 0) {
		code = cmd_usage(&cli, &err);
	} else if (cmd_is_run(&cli)) {
		cli.report.color = cli_color(&cli);
		pin_name_service(); /* the children inherit it */
		code = cmd_run(&cli, &signals, watched ? NULL : &refused);
	} else {
		(void)signals_close(&signals);
		code = run_command(&cli);
	}
	arena_free(&arena);
	console_flush();
	return code && cli.health ? 1 : code;
}
