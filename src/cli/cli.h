/* cli: the command line. One row per option: parsing, help, manual and completion are made from the rows.
 *
 * Flag beats environment. Unknown options and commands get the nearest known one. Reads argv and the environment;
 * prints nothing.
 */
#ifndef SG_CLI_H
#define SG_CLI_H

#include "err.h"
#include "profile.h"
#include "report.h"

enum command {
	CMD_RUN,
	CMD_CHECK,
	CMD_TRY,
	CMD_LINT,
	CMD_SHOW,
	CMD_EXPLAIN,
	CMD_CODES,
	CMD_INSTALL,
	CMD_VERSION,
	CMD_COMPLETION,
	CMD_HELP,
	CMD__COUNT
};
enum print_as { AS_TEXT, AS_MAN, AS_MARKDOWN, AS_JSON, AS_PROFILE };

struct cli {
	enum command command;
	struct profile_options profile;
	struct report_options report;
	const char *color; /* auto, always, never */
	bool fail_on_degraded, health, in_process;
	enum print_as as;
	char **words; /* what is neither option nor command: KIND KEY=VALUE, PROFILE..., PATH */
	size_t n_words;
	char **service; /* behind --; NULL: none */
};

/* 0; -1 with what is wrong: then *out has what came before it, and the file for the termination message, if one was named.
 * `a` holds what the environment's lists are split into. */
int cli_parse(struct cli *out, struct arena *a, char **argv, struct err *err);
/* The command of this name; -1: none. */
int cli_find(const char *word, enum command *out);
/* -1 with the nearest command, or all of them. */
int cli_unknown_command(const char *word, struct err *err);
void cli_help(struct str *out, enum command command);
/* Commands and options as manual page source. */
void cli_man(struct str *out);
/* Shell completion for "bash", "zsh" or "fish"; -1: another shell. */
int cli_completion(struct str *out, const char *shell);
bool cli_color(const struct cli *cli);
/* Does the command line ask for 0 or 1 only? Also of one that cannot be parsed. */
bool cli_asks_health(char **argv);

#endif
