#include "cli_rows.h"
#include "cmd.h"

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

static void add_more(struct str *b, const struct cli_option *o)
{
	if (!o->more)
		return;
	str_add(b, ": ");
	o->more(b);
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
	add_more(&text, o);
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

static void help_text(struct str *b, enum command command)
{
	bool all = command == CMD_HELP || command == CMD_RUN;

	if (all)
		help_all(b);
	else
		str_addf(b, "startguard %s\n    %s\n\n", cli_commands[command].synopsis,
			 cli_commands[command].text);
	str_add(b, "Options:\n");
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_option_is_shown(all ? CMD_RUN : command, &cli_options[i]))
			add_option(b, &cli_options[i]);
	if (!all)
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
	add_more(b, o);
	str_add(b, ".\n");
	if (o->env)
		str_addf(b, "Environment: \\fB%s\\fR.\n", o->env);
}

static void man_text(struct str *b)
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

int cmd_help(struct str *out, const struct cli *cli, struct err *err)
{
	enum command command = CMD_HELP;

	if (cli->n_words && check_kind_find(cli->words[0]))
		return err_make(err, 0, "\"%s\" is a kind of check: startguard explain %s",
				cli->words[0], cli->words[0]);
	if (cli->n_words && cli_find(cli->words[0], &command, err) < 0)
		return -1;
	if (cli->as == AS_MAN)
		man_text(out);
	else
		help_text(out, command);
	return 0;
}
