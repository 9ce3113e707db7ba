/* cmd: the commands, one file for each. A command returns an exit code; one that only prints fills a text for main.
 */
#ifndef SG_CMD_H
#define SG_CMD_H

#include "cli.h"
#include "signals.h"

#define CMD_TEXT_MAX (64 * 1024 * 1024) /* bytes that a command prints at most */

/* The commands run, check and try. `refused`: why signals cannot be waited for; NULL: they can. Does not return when the service
 * has started. */
int cmd_run(const struct cli *cli, struct signals *signals, const struct err *refused);
/* Ends a run whose command line cannot be parsed: prints the mistake, and writes the termination message but no other file. */
int cmd_usage(const struct cli *cli, const struct err *err);
int cmd_lint(const struct cli *cli);
int cmd_show(const struct cli *cli);
int cmd_install(const struct cli *cli);

/* Commands that only print. Return 0, or -1 with err for a wrong argument. */
int cmd_explain(struct str *out, const struct cli *cli, struct err *err);
int cmd_codes(struct str *out, const struct cli *cli, struct err *err);
int cmd_version(struct str *out, const struct cli *cli, struct err *err);
int cmd_completion(struct str *out, const struct cli *cli, struct err *err);
int cmd_help(struct str *out, const struct cli *cli, struct err *err);

/* Appends the effective profile of this mode and environment, in a form that can be read again. */
void show_profile(struct str *out, const struct profile *p);

/* ---- for several commands (cmd.c) ---- */
bool cmd_is_run(const struct cli *cli); /* is it run, check or try? */
/* Writes the text to stdout; returns the exit code. */
int cmd_print(const struct str *text);
/* Prints the problems of a profile to stderr: warnings, errors, or both. Waits for a slow reader: nothing runs yet. */
void cmd_print_problems(const struct problems *problems, bool warnings, bool errors);
/* Appends "file:line: where: text [code]". */
void cmd_problem_text(struct str *out, const struct problem *p);
/* Returns the exit code for these problems; 0: warnings at most. */
int cmd_problems_exit(const struct problems *p);

#endif
