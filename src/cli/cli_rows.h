/* cli_rows: the rows of commands and options, for the parser (cli.c) and for who prints them (cli_help.c). */
#ifndef SG_CLI_ROWS_H
#define SG_CLI_ROWS_H

#include "cli.h"

struct cli_command {
	const char *name, *synopsis, *text;
};
extern const struct cli_command cli_commands[CMD__COUNT];

enum cli_option_id {
	O_PROFILE,
	O_WAIT,
	O_MODE,
	O_TIMEOUT,
	O_ONLY,
	O_SKIP,
	O_FAIL_ON_DEGRADED,
	O_FORMAT,
	O_OUTPUT,
	O_REPORT,
	O_ENV_FILE,
	O_TERMINATION_LOG,
	O_PARALLEL,
	O_COLOR,
	O_QUIET,
	O_VERBOSE,
	O_HEALTH,
	O_MAN,
	O_MARKDOWN,
	O_JSON,
	O_AS_PROFILE,
	O_IN_PROCESS,
	O_HELP,
	O_VERSION
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
