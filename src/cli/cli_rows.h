/* cli_rows: the rows of commands and options, for the parser (cli.c) and for who prints them (cli_help.c). */
#ifndef SG_CLI_ROWS_H
#define SG_CLI_ROWS_H

#include "cli.h"

struct cli_command {
	const char *name, *synopsis, *text;
};
extern const struct cli_command cli_commands[CMD__COUNT];

enum cli_option_id {
	OPT_PROFILE,
	OPT_WAIT,
	OPT_MODE,
	OPT_TIMEOUT,
	OPT_ONLY,
	OPT_SKIP,
	OPT_FAIL_ON_DEGRADED,
	OPT_FORMAT,
	OPT_OUTPUT,
	OPT_REPORT,
	OPT_ENV_FILE,
	OPT_TERMINATION_LOG,
	OPT_PARALLEL,
	OPT_COLOR,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_HEALTH,
	OPT_MAN,
	OPT_MARKDOWN,
	OPT_JSON,
	OPT_AS_PROFILE,
	OPT_IN_PROCESS,
	OPT_HELP,
	OPT_VERSION
};

struct cli_option {
	enum cli_option_id id;
	char letter;                           /* 0: none */
	const char *name, *value, *env, *text; /* value NULL: a flag; text NULL: not shown */
	unsigned in;                           /* commands that take it */
};
extern const struct cli_option cli_options[];
extern const size_t cli_n_options;
/* What its value may be; NULL: it is free, or there is none. */
const char *const *cli_choices(const struct cli_option *o);

static inline bool cli_option_in(const struct cli_option *o, enum command c)
{
	return o->text && o->in & 1u << c;
}

#endif
