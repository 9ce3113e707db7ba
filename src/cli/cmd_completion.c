#include "cli_rows.h"
#include "cmd.h"

/* Returns what may follow the command; NULL: a file, or nothing. */
static const char *const *choices_of(enum command c)
{
	return cli_commands[c].choices ? cli_commands[c].choices() : NULL;
}

static bool takes_file(const struct cli_option *o)
{
	return o->value && strstr(o->value, "FILE");
}

static void bash_words(struct str *b, enum command c)
{
	str_addf(b, "\t%s) words='", cli_commands[c].name);
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_option_is_shown(c, &cli_options[i]))
			str_addf(b, "--%s ", cli_options[i].name);
	str_add_joined(b, choices_of(c), " ");
	str_add(b, "' ;;\n");
}

static void complete_bash(struct str *b)
{
	str_add(b, "_startguard() {\n"
		   "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
		   "cmd=run words=\n\tcase ${COMP_WORDS[1]} in\n\t");
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, "%s%s", c ? "|" : "", cli_commands[c].name);
	str_add(b, ") cmd=${COMP_WORDS[1]} ;;\n\tesac\n\tcase $cmd in\n");
	for (enum command c = 0; c < CMD__COUNT; c++)
		bash_words(b, c);
	str_add(b, "\tesac\n\tcase $prev in\n");
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];

		if (!o->value)
			continue;
		if (o->letter)
			str_addf(b, "\t-%c|--%s) words='", o->letter, o->name);
		else
			str_addf(b, "\t--%s) words='", o->name);
		str_add_joined(b, o->choices, " ");
		str_add(b, "' ;;\n");
	}
	str_add(b, "\t*) if [ \"$COMP_CWORD\" = 1 ]; then words=\"$words ");
	str_add_joined(b, choices_of(CMD_HELP), " ");
	str_add(b, "\"; fi ;;\n\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		   "\t[ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
		   "complete -F _startguard startguard\n");
}

/* Appends text for a quoted string of a shell: `quote` stands for a quote, a backslash precedes `special` characters. */
static void add_quoted(struct str *b, const char *text, const char *quote, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			str_add(b, quote);
		else if (strchr(special, *text))
			str_addf(b, "\\%c", *text);
		else
			str_addc(b, *text);
	}
}

static void zsh_option(struct str *b, const struct cli_option *o)
{
	const char letter[] = {o->letter, '\0'};
	const char *const forms[] = {o->name, o->letter ? letter : NULL};

	for (size_t i = 0; i < 2 && forms[i]; i++) {
		str_addf(b, " \\\n\t\t'%s%s[", i ? "*-" : "*--", forms[i]);
		add_quoted(b, o->text, "'\\''", "[]");
		str_addc(b, ']');
		if (o->choices) {
			str_addf(b, ":%s:(", o->value);
			str_add_joined(b, o->choices, " ");
			str_addc(b, ')');
		} else if (o->value) {
			str_addf(b, ":%s:%s", o->value, takes_file(o) ? "_files" : " ");
		}
		str_addc(b, '\'');
	}
}

static void zsh_command(struct str *b, enum command c)
{
	str_addf(b, "\t%s) _arguments -s", cli_commands[c].name);
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_option_is_shown(c, &cli_options[i]))
			zsh_option(b, &cli_options[i]);
	str_add(b, " \\\n\t\t'*: :");
	if (choices_of(c)) {
		str_addc(b, '(');
		str_add_joined(b, choices_of(c), " ");
		str_addc(b, ')');
	} else {
		str_add(b, "_files");
	}
	str_add(b, "' ;;\n");
}

static void complete_zsh(struct str *b)
{
	str_add(b, "#compdef startguard\n_startguard() {\n\tlocal cmd=run\n"
		   "\tlocal -a commands=(\n");
	for (enum command c = 0; c < CMD__COUNT; c++) {
		str_addf(b, "\t\t'%s:", cli_commands[c].name);
		add_quoted(b, cli_commands[c].text, "'\\''", ":");
		str_add(b, "'\n");
	}
	str_add(b, "\t)\n\tif (( CURRENT == 2 )); then _describe command commands; fi\n"
		   "\tif [[ -n ${commands[(r)$words[2]:*]} ]]; then\n"
		   "\t\tcmd=$words[2]\n\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n"
		   "\tcase $cmd in\n");
	for (enum command c = 0; c < CMD__COUNT; c++)
		zsh_command(b, c);
	/* The last line calls the function when zsh autoloads the file from fpath, and registers it when the file is sourced. */
	str_add(b, "\tesac\n}\nif [[ ${funcstack[1]} == _startguard ]]; then _startguard \"$@\"; "
		   "else compdef _startguard startguard; fi\n");
}

static void fish_option(struct str *b, const struct cli_option *o)
{
	str_add(b, "complete -c startguard -n 'not __fish_use_subcommand; and "
		   "__fish_seen_subcommand_from");
	for (enum command c = 0; c < CMD__COUNT; c++)
		if (cli_option_is_shown(c, o))
			str_addf(b, " %s", cli_commands[c].name);
	if (cli_option_is_shown(CMD_RUN, o)) /* `run` may be left out */
		str_add(b, "; or __fish_use_subcommand");
	str_addf(b, "' -l %s", o->name);
	if (o->letter)
		str_addf(b, " -s %c", o->letter);
	if (o->choices) {
		str_add(b, " -x -a '");
		str_add_joined(b, o->choices, " ");
		str_addc(b, '\'');
	} else if (o->value) {
		str_add(b, takes_file(o) ? " -r -F" : " -x");
	}
	str_add(b, " -d '");
	add_quoted(b, o->text, "\\'", "\\");
	str_add(b, "'\n");
}

static void complete_fish(struct str *b)
{
	for (enum command c = 0; c < CMD__COUNT; c++) {
		str_addf(b, "complete -c startguard -n __fish_use_subcommand -f -a %s -d '",
			 cli_commands[c].name);
		add_quoted(b, cli_commands[c].text, "\\'", "\\");
		str_add(b, "'\n");
		if (!choices_of(c))
			continue;
		str_addf(b, "complete -c startguard -n '__fish_seen_subcommand_from %s' -f -a '",
			 cli_commands[c].name);
		str_add_joined(b, choices_of(c), " ");
		str_add(b, "'\n");
	}
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_options[i].text)
			fish_option(b, &cli_options[i]);
}

int cmd_completion(struct str *out, const struct cli *cli, struct err *err)
{
	static const struct {
		const char *shell;
		void (*print)(struct str *b);
	} scripts[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (str_eq(cli->words[0], scripts[i].shell)) {
			scripts[i].print(out);
			return 0;
		}
	return err_make(err, 0, "no completion for \"%s\"; known: bash, zsh, fish", cli->words[0]);
}
