/* cli_rows: the rows of commands and options, which cli.c defines, for the parser and for the commands that print them
 * (cmd_help.c, cmd_completion.c). */
#ifndef SG_CLI_ROWS_H
#define SG_CLI_ROWS_H

#include "cli.h"

struct cli_command {
	const char *name, *synopsis, *text;
	size_t min_words, max_words;
	/* For completion: lists what may follow the command; NULL: a file, or nothing. */
	const char *const *(*choices)(void);
};
extern const struct cli_command cli_commands[CMD__COUNT];

struct parse;
struct cli_option {
	const char *name;
	const char *value; /* the value's name in help; NULL: a switch without a value */
	const char *env;
	const char *text; /* for help; NULL: the option is not shown */
	/* For help: appends examples of the value that the kinds bring. NULL: it has no examples. */
	void (*more)(struct str *out);
	/* Puts the value (NULL: it is a switch) into the field of struct cli at `offset`. `given`: "--timeout" or the variable's
	 * name, for messages. Returns 0, or -1 with the parser's err. */
	int (*set)(struct parse *p, const struct cli_option *o, const char *given,
		   const char *value);
	size_t offset;
	const char *const *choices; /* the accepted values, NULL-terminated; NULL: any text */
	unsigned in;                /* commands that take it, as bits */
	enum print_as as;           /* the value that set_as stores */
	char letter;                /* short form; 0: none */
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
