/* cli_help: the command line explained: help, the manual page's part, completion for shells. From the rows. */
#include "cli_rows.h"
#include "kinds.h"
#include "url_check.h"

/* ---- help ------------------------------------------------------------------------------------------------------------------ */
static void add_wrapped(struct str *b, const char *text, size_t indent, size_t width)
{
	size_t column = indent;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > indent && column + 1 + n > width) {
			str_addf(b, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (column > indent) {
			str_addc(b, ' ');
			column++;
		}
		str_addn(b, text, n);
		column += n;
		text += n + (text[n] == ' ');
	}
	str_addc(b, '\n');
}

/* What its value may be, where the kinds decide that. */
static void add_forms(struct str *b, const struct cli_option *o)
{
	if (o->id != OPT_WAIT)
		return;
	str_add(b, ": ");
	url_check_examples(b);
}

static void add_option(struct str *b, const struct cli_option *o)
{
	cleanup_str struct str text;
	char left[64];

	str_init(&text, 2048);

	snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
	str_add(&text, o->text);
	add_forms(&text, o);
	if (o->env)
		str_addf(&text, " [%s]", o->env);
	str_addf(b, "  %-28s ", left);
	add_wrapped(b, text.s, 31, 100);
}

static void help_all(struct str *b)
{
	str_add(b, "startguard: verify what a service needs, then start it.\n\n");
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, "  startguard %s\n      %s\n", cli_commands[c].synopsis,
			 cli_commands[c].text);
	str_add(b, "\n");
}

void cli_help(struct str *b, enum command command)
{
	if (command == CMD_HELP || command == CMD_RUN)
		help_all(b);
	else
		str_addf(b, "startguard %s\n    %s\n\n", cli_commands[command].synopsis,
			 cli_commands[command].text);
	str_add(b, "Options:\n");
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_options[i].text &&
		    cli_options[i].in & 1u << (command == CMD_HELP ? CMD_RUN : command))
			add_option(b, &cli_options[i]);
	if (command != CMD_HELP && command != CMD_RUN)
		return;
	str_add(b, "\nExit codes: 0 ready or degraded; the service's own after exec; 64 bad "
		   "command line; 69 blocked, waiting\n"
		   "cannot help; 70 own trouble; 77 refused by policy; 78 bad profile; 124 "
		   "blocked, time is up; 126 and 127\n"
		   "the command cannot be run, was not found; 128+n ended by signal n.\n"
		   "\nThe reference: startguard explain; the diagnoses: startguard codes.\n");
}

/* ---- the manual page's part ------------------------------------------------------------------------------------------------- */
static void man_option(struct str *b, const struct cli_option *o)
{
	str_add(b, ".TP\n\\fB");
	if (o->letter)
		str_addf(b, "\\-%c\\fR, \\fB", o->letter);
	str_add_roff(b, "--");
	str_add_roff(b, o->name);
	str_addf(b, "\\fR%s%s%s\n", o->value ? " \\fI" : "", o->value ? o->value : "",
		 o->value ? "\\fR" : "");
	str_add_roff(b, o->text);
	add_forms(b, o);
	str_add(b, ".\n");
	if (o->env)
		str_addf(b, "Environment: \\fB%s\\fR.\n", o->env);
}

void cli_man(struct str *b)
{
	str_add(b, ".SH COMMANDS\n");
	for (enum command c = 0; c < CMD__COUNT; c++) {
		str_add(b, ".TP\n.B startguard ");
		str_add_roff(b, cli_commands[c].synopsis);
		str_addc(b, '\n');
		str_add_roff(b, cli_commands[c].text);
		str_add(b, ".\n");
	}
	str_add(b, ".SH OPTIONS\n"
		   "An option beats its variable, and that beats the profile. "
		   "Nothing secret can be given as an option.\n");
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_options[i].text)
			man_option(b, &cli_options[i]);
}

/* ---- completion ------------------------------------------------------------------------------------------------------------ */
static const char *const shells[] = {"bash", "zsh", "fish", NULL};

/* What may follow the command itself; NULL: a file, if anything. */
static const char *const *words_of(enum command c)
{
	return c == CMD_TRY || c == CMD_EXPLAIN ? kind_names()
	       : c == CMD_COMPLETION            ? shells
						: NULL;
}

static bool takes_file(const struct cli_option *o)
{
	return o->value && strstr(o->value, "FILE");
}

static void add_words(struct str *b, const char *const *words)
{
	for (size_t i = 0; words && words[i]; i++)
		str_addf(b, "%s%s", i ? " " : "", words[i]);
}

static void add_command_names(struct str *b)
{
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, "%s%s", c ? " " : "", cli_commands[c].name);
}

static void bash_words(struct str *b, enum command c)
{
	str_addf(b, "\t%s) words='", cli_commands[c].name);
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_option_in(&cli_options[i], c))
			str_addf(b, "--%s ", cli_options[i].name);
	if (c == CMD_HELP)
		add_command_names(b);
	add_words(b, words_of(c));
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
		add_words(b, cli_choices(o));
		str_add(b, "' ;;\n");
	}
	str_add(b, "\t*) if [ \"$COMP_CWORD\" = 1 ]; then words=\"$words ");
	add_command_names(b);
	str_add(b, "\"; fi ;;\n\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		   "\t[ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
		   "complete -F _startguard startguard\n");
}

/* Inside quotes of a shell, without what `special` lists. */
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
	const char *forms[] = {o->name, NULL};
	char letter[2] = {o->letter, '\0'};

	if (o->letter)
		forms[1] = letter;
	for (size_t i = 0; i < 2 && forms[i]; i++) {
		str_addf(b, " \\\n\t\t'%s%s[", i ? "*-" : "*--", forms[i]);
		add_quoted(b, o->text, "'\\''", "[]");
		str_addc(b, ']');
		if (cli_choices(o)) {
			str_addf(b, ":%s:(", o->value);
			add_words(b, cli_choices(o));
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
		if (cli_option_in(&cli_options[i], c))
			zsh_option(b, &cli_options[i]);
	str_add(b, " \\\n\t\t'*: :");
	if (words_of(c) || c == CMD_HELP) {
		str_addc(b, '(');
		if (c == CMD_HELP)
			add_command_names(b);
		add_words(b, words_of(c));
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
	/* As a file of fpath it is the function's body at the first call; sourced, it is registered. */
	str_add(b, "\tesac\n}\nif [[ ${funcstack[1]} == _startguard ]]; then _startguard \"$@\"; "
		   "else compdef _startguard startguard; fi\n");
}

static void fish_option(struct str *b, const struct cli_option *o)
{
	str_add(b, "complete -c startguard -n 'not __fish_use_subcommand; and "
		   "__fish_seen_subcommand_from");
	for (enum command c = 0; c < CMD__COUNT; c++)
		if (cli_option_in(o, c))
			str_addf(b, " %s", cli_commands[c].name);
	if (cli_option_in(o, CMD_RUN)) /* which may be left out */
		str_add(b, "; or __fish_use_subcommand");
	str_addf(b, "' -l %s", o->name);
	if (o->letter)
		str_addf(b, " -s %c", o->letter);
	if (cli_choices(o)) {
		str_add(b, " -x -a '");
		add_words(b, cli_choices(o));
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
		if (!words_of(c) && c != CMD_HELP)
			continue;
		str_addf(b, "complete -c startguard -n '__fish_seen_subcommand_from %s' -f -a '",
			 cli_commands[c].name);
		if (c == CMD_HELP)
			add_command_names(b);
		add_words(b, words_of(c));
		str_add(b, "'\n");
	}
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_options[i].text)
			fish_option(b, &cli_options[i]);
}

int cli_completion(struct str *b, const char *shell)
{
	static void (*const print[])(struct str *) = {complete_bash, complete_zsh, complete_fish};

	for (size_t i = 0; shells[i]; i++)
		if (str_eq(shell, shells[i])) {
			print[i](b);
			return 0;
		}
	return -1;
}
