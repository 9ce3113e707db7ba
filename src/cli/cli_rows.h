/* cli_rows: the rows of commands and options, for the parser (cli.c), which has them, and for the commands that print them
 * (cmd_help.c, cmd_completion.c). */
#ifndef SG_CLI_ROWS_H
#define SG_CLI_ROWS_H

#include "cli.h"

struct cli_command {
	const char *name, *synopsis, *text;
	size_t min_words, max_words;
	/* For completion: what may follow the command; NULL: a file, or nothing. */
	const char *const *(*choices)(void);
};
extern const struct cli_command cli_commands[CMD__COUNT];

struct parse;
struct cli_option {
	const char *name;
	const char *value; /* the value's name in help; NULL: a switch without a value */
	const char *env;
	const char *text; /* NULL: not shown */
	/* For help: appends examples of the value that the kinds bring. NULL: there are none. */
	void (*more)(struct str *out);
	/* Puts the value (NULL: it is a switch) into the field of struct cli at `offset`. `given`: "--timeout" or the
	 * variable's name, for messages. 0, or -1 with the parser's err. */
	int (*set)(struct parse *p, const struct cli_option *o, const char *given,
		   const char *value);
	size_t offset;
	const char *const *choices; /* what its value may be, NULL-terminated; NULL: anything */
	unsigned in;                /* commands that take it, as bits */
	enum print_as as;           /* set_as */
	char letter;                /* 0: none */
};
extern const struct cli_option cli_options[];
extern const size_t cli_n_options;

static inline bool cli_takes(enum command c, const struct cli_option *o)
{
	return o->in & 1u << c;
}
static inline bool cli_option_is_shown(enum command c, const struct cli_option *o)
{
	return o->text && cli_takes(c, o);
}

#endif
