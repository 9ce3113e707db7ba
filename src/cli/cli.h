/* cli: parses the command line. Each command and option has one row, for parsing, help, manual and completion.
 *
 * An option beats its variable. An unknown option or command is reported with the nearest known one. Reads argv and the
 * environment; prints nothing and runs nothing.
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
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct cli {
	enum command command;
	struct profile_options profile;
	struct report_options report;
	enum color color;
	bool fail_on_degraded, health, in_process, help, version;
	enum print_as as;
	char **words; /* arguments that are not options: KIND KEY=VALUE, PROFILE..., PATH */
	size_t n_words;
	char **service; /* the arguments after --; NULL: none */
};

/* Returns 0, or -1 with the mistake in *err: *out then has the options before it, and --termination-log and --health wherever they
 * are. `a` holds copies of texts. */
int cli_parse(struct cli *out, struct arena *a, char **argv, struct err *err);
/* Finds the command of this name. Returns 0, or -1 when there is none: err names the nearest one, or all. */
int cli_find(const char *word, enum command *out, struct err *err);
bool cli_color(const struct cli *cli);

#endif
