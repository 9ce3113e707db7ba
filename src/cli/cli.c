#include "cli.h"

#include <unistd.h>

#include "cli_rows.h"
#include "cli_words.h"
#include "kinds.h"
#include "likely.h"
#include "save.h"
#include "url.h"
#include "url_check.h"

/* ---- commands ---------------------------------------------------------------------------------------------------------- */
static const char *const *command_names(void)
{
	static const char *names[CMD__COUNT + 1];

	for (enum command c = 0; c < CMD__COUNT; c++)
		names[c] = cli_commands[c].name;
	return names;
}

static const char *const *shell_names(void)
{
	static const char *const shells[] = {"bash", "zsh", "fish", NULL};

	return shells;
}

#define ANY_NUMBER SIZE_MAX

#define COMMAND(name_, synopsis_, text_, ...)                                    \
	{                                                                        \
		.name = name_, .synopsis = synopsis_, .text = text_, __VA_ARGS__ \
	}

const struct cli_command cli_commands[CMD__COUNT] = {
    [CMD_RUN] = COMMAND("run", "[run] [-p PROFILE] [-w URL]... [options] [-- COMMAND [ARG...]]",
			"check until all holds or time is up, then exec COMMAND"),
    [CMD_CHECK] = COMMAND("check", "check [-p PROFILE] [-w URL]... [options]",
			  "one round, no retry, never execs"),
    [CMD_TRY] = COMMAND("try", "try KIND KEY=VALUE... [options]",
			"one check without a profile, with the same keys", .min_words = 1,
			.max_words = ANY_NUMBER, .choices = kind_names),
    [CMD_LINT] = COMMAND(
	"lint", "lint PROFILE...",
	"validate profiles offline: every error with file and line, and the variables they read",
	.min_words = 1, .max_words = ANY_NUMBER),
    [CMD_SHOW] = COMMAND("show", "show [-p PROFILE] [options]",
			 "the effective profile; secrets as references"),
    [CMD_EXPLAIN] =
	COMMAND("explain", "explain [KIND[.KEY]] [--man|--markdown|--json|--profile]",
		"the reference of kinds and keys", .max_words = 1, .choices = kind_names),
    [CMD_CODES] = COMMAND("codes", "codes [CODE] [--markdown|--json]",
			  "every diagnosis: phase, retry or not, title, hint", .max_words = 1),
    [CMD_INSTALL] =
	COMMAND("install", "install PATH", "copy this executable", .min_words = 1, .max_words = 1),
    [CMD_VERSION] =
	COMMAND("version", "version [--json]", "own version and that of each linked library"),
    [CMD_COMPLETION] =
	COMMAND("completion", "completion bash|zsh|fish", "a completion script for the shell",
		.min_words = 1, .max_words = 1, .choices = shell_names),
    [CMD_HELP] = COMMAND("help", "help [COMMAND]", "this text, or that of one command",
			 .max_words = 1, .choices = command_names),
};

/* ---- setters ----------------------------------------------------------------------------------------------------------- */
struct parse {
	struct cli *cli;
	struct arena *arena;
	struct err *err;
	/* For each option how it was given: "-t", "--timeout" or its variable; NULL: it was not given. */
	const char **given;
};

static void *field_of(struct parse *p, const struct cli_option *o)
{
	return (char *)p->cli + o->offset;
}

/* Returns -1; err names the nearest of the known words, or all of them. */
static int refuse_word(struct err *err, const char *what, const char *word,
		       const char *const *known)
{
	const char *near = nearest_word(word, known);
	cleanup_str struct str list = {.s = NULL};

	if (near)
		return err_make(err, 0, "%s \"%s\" is not known; did you mean \"%s\"?", what, word,
				near);
	str_init(&list, 512);
	str_add_joined(&list, known, ", ");
	return err_make(err, 0, "%s \"%s\" is not known; known: %s", what, word, list.s);
}

#define SETTER(name)                                                        \
	static int name(UNUSED struct parse *p, const struct cli_option *o, \
			UNUSED const char *given, UNUSED const char *value)

SETTER(set_text)
{
	*(const char **)field_of(p, o) = value;
	return 0;
}

/* One run has one profile: the checks of another one would vanish. lint takes several. */
SETTER(set_profile)
{
	if (p->cli->command == CMD_LINT) {
		p->cli->words[p->cli->n_words++] = arena_strdup(p->arena, value);
		return 0;
	}
	if (p->cli->profile.profile)
		return err_make(p->err, 0,
				"%s is given twice, and a run has one profile; a profile takes in "
				"others with @include",
				given);
	return set_text(p, o, given, value);
}

SETTER(set_mode)
{
	p->cli->profile.mode_source = arena_strdup(p->arena, given);
	return set_text(p, o, given, value);
}

static const char *file_of(const char *value)
{
	return str_eq(value, "-") ? "/dev/stdout" : value;
}

SETTER(set_file)
{
	return set_text(p, o, given, file_of(value));
}

SETTER(add_text)
{
	struct strlist *list = field_of(p, o);
	const char **v = arena_alloc(p->arena, (list->n + 1) * sizeof *v);

	if (list->n > 0)
		memcpy(v, list->v, list->n * sizeof *v);
	v[list->n++] = value;
	list->v = v;
	return 0;
}

/* Adds one URL of the option, or several of its variable, separated by blanks. */
SETTER(add_urls)
{
	while (*value) {
		size_t skip = strspn(value, " \t\n"), n = strcspn(value + skip, " \t\n");

		if (n > 0)
			add_text(p, o, given, arena_strndup(p->arena, value + skip, n));
		value += skip + n;
	}
	return 0;
}

SETTER(set_duration)
{
	if (duration_parse(field_of(p, o), value) == 0)
		return 0;
	return err_make(p->err, 0, "%s: \"%s\" is not a time such as 90s, 500ms, 1m30s%s", given,
			value, likely_duration(value).text);
}

SETTER(set_parallel)
{
	int64_t number;

	if (parse_i64(value, 1, 1024, &number) < 0)
		return err_make(p->err, 0, "%s: \"%s\" is not a number from 1 to 1024", given,
				value);
	*(size_t *)field_of(p, o) = (size_t)number;
	return 0;
}

/* Stores the index of the choice in an enum. */
SETTER(set_choice)
{
	for (unsigned i = 0; o->choices[i]; i++)
		if (str_eq(o->choices[i], value)) {
			*(unsigned *)field_of(p, o) = i;
			return 0;
		}
	return refuse_word(p->err, given, value, o->choices);
}

SETTER(set_as)
{
	*(enum print_as *)field_of(p, o) = o->as;
	return 0;
}

SETTER(set_flag)
{
	int on = value ? parse_switch(value) : 1;

	if (on < 0)
		return err_make(
		    p->err, 0,
		    "%s: \"%s\" is neither on (1, true, yes, on) nor off (0, false, no, "
		    "off)",
		    given, value);
	*(bool *)field_of(p, o) = on;
	return 0;
}

/* ---- options ----------------------------------------------------------------------------------------------------------- */
#define IN(cmd) (1u << CMD_##cmd)
#define IN_RUNS (IN(RUN) | IN(CHECK) | IN(TRY))
#define IN_PROFILES (IN(RUN) | IN(CHECK) | IN(SHOW))

/* One macro for each type of field. A row over a field of another type does not compile. */
#define OPT(setter, f, T, ...)                                                 \
	{                                                                      \
		.set = setter, .offset = KEY_AT(struct cli, f, T), __VA_ARGS__ \
	}
#define OPT_TEXT(f, ...) OPT(set_text, f, const char *, __VA_ARGS__)
#define OPT_FILE(f, ...) OPT(set_file, f, const char *, __VA_ARGS__)
#define OPT_LIST(f, ...) OPT(add_text, f, struct strlist, __VA_ARGS__)
#define OPT_FLAG(f, ...) OPT(set_flag, f, bool, __VA_ARGS__)
#define OPT_AS(...) OPT(set_as, as, enum print_as, __VA_ARGS__)

static const char *const formats[] = {"text", "json", "junit", "tap", "prometheus", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};
static const char *const modes[] = {"dev", "staging", "prod", NULL};

const struct cli_option cli_options[] = {
    OPT(set_profile, profile.profile, const char *, .letter = 'p', .name = "profile",
	.value = "NAME|FILE", .env = "STARTGUARD_PROFILE",
	.text = "file (has a slash or ends in .cfg), or NAME.cfg in STARTGUARD_PROFILE_PATH "
		"(/etc/startguard:profiles)",
	.in = IN_PROFILES | IN(LINT)),
    OPT(add_urls, profile.waits, struct strlist, .letter = 'w', .name = "wait", .value = "URL",
	.env = "STARTGUARD_WAIT",
	.text = "a check without a profile, repeatable: a URL, host:port or env:NAME, several by "
		"comma",
	.more = url_check_examples, .in = IN_PROFILES),
    OPT(set_mode, profile.mode, const char *, .letter = 'm', .name = "mode", .value = "MODE",
	.env = "STARTGUARD_MODE", .text = "dev, staging or prod; overrides the profile's",
	.choices = modes, .in = IN_PROFILES | IN(LINT) | IN(TRY)),
    OPT(set_duration, profile.timeout, struct duration, .letter = 't', .name = "timeout",
	.value = "SPAN", .env = "STARTGUARD_TIMEOUT",
	.text = "whole run, such as 90s (profile, else 60s; 0: for ever)",
	.in = IN_RUNS | IN(SHOW)),
    OPT_LIST(profile.only, .name = "only", .value = "GLOB",
	     .text = "only checks with such an id, repeatable; makes the run degraded",
	     .in = IN_PROFILES),
    OPT_LIST(profile.skip, .name = "skip", .value = "GLOB",
	     .text = "leave such checks out, repeatable; makes the run degraded",
	     .in = IN_PROFILES),
    OPT_FLAG(fail_on_degraded, .name = "fail-on-degraded", .env = "STARTGUARD_FAIL_ON_DEGRADED",
	     .text = "degraded blocks too", .in = IN_RUNS),
    OPT(set_choice, report.format, enum format, .name = "format", .value = "FORMAT",
	.env = "STARTGUARD_FORMAT", .text = "final report: text, json, junit, tap, prometheus",
	.choices = formats, .in = IN_RUNS),
    OPT_FILE(report.output, .name = "output", .value = "FILE",
	     .text = "where that report goes (stdout)", .in = IN_RUNS),
    OPT_FILE(report.report_file, .name = "report", .value = "FILE", .env = "STARTGUARD_REPORT",
	     .text = "the JSON report as well", .in = IN_RUNS),
    OPT_FILE(report.env_file, .name = "env-file", .value = "FILE", .env = "STARTGUARD_ENV_FILE",
	     .text = "what the service would find in its environment, as NAME=VALUE lines",
	     .in = IN_RUNS),
    OPT_FILE(report.termination_log, .name = "termination-log", .value = "FILE",
	     .env = "STARTGUARD_TERMINATION_LOG",
	     .text =
		 "short message for the orchestrator (/dev/termination-log where it exists; none)",
	     .in = IN_RUNS),
    OPT(set_parallel, profile.parallel, size_t, .name = "parallel", .value = "N",
	.env = "STARTGUARD_PARALLEL", .text = "attempts at once (32)", .in = IN_RUNS | IN(SHOW)),
    OPT(set_choice, color, enum color, .name = "color", .value = "WHEN",
	.text = "auto, always, never; NO_COLOR and CLICOLOR_FORCE are heeded", .choices = colors,
	.in = IN_RUNS),
    OPT_FLAG(report.quiet, .letter = 'q', .name = "quiet", .text = "only the verdict",
	     .in = IN_RUNS),
    OPT_FLAG(report.verbose, .letter = 'v', .name = "verbose", .text = "every attempt",
	     .in = IN_RUNS),
    OPT_FLAG(health, .name = "health", .text = "exit 0 or 1 only, for Docker's HEALTHCHECK",
	     .in = IN_RUNS),
    OPT_AS(.name = "man", .text = "as manual page source", .as = AS_MAN,
	   .in = IN(EXPLAIN) | IN(HELP)),
    OPT_AS(.name = "markdown", .text = "as Markdown", .as = AS_MARKDOWN,
	   .in = IN(EXPLAIN) | IN(CODES)),
    OPT_AS(.name = "json", .text = "as JSON", .as = AS_JSON,
	   .in = IN(EXPLAIN) | IN(CODES) | IN(VERSION)),
    OPT_AS(.name = "profile", .text = "as a profile with every key", .as = AS_PROFILE,
	   .in = IN(EXPLAIN)),
    OPT_FLAG(in_process, .name = "in-process", .in = IN(TRY)),
    OPT_FLAG(help, .letter = 'h', .name = "help", .text = "this text", .in = ~0u),
    OPT_FLAG(version, .letter = 'V', .name = "version", .text = "own version", .in = ~0u),
};
const size_t cli_n_options = ARRAY_LEN(cli_options);

/* ---- parsing ----------------------------------------------------------------------------------------------------------- */
/* Returns the option of this name or letter that the command takes, or NULL. */
static const struct cli_option *find_option(const struct parse *p, const char *name, char letter)
{
	for (const struct cli_option *o = cli_options; o < cli_options + cli_n_options; o++)
		if (cli_takes(p->cli->command, o) &&
		    (name ? str_eq(o->name, name) : o->letter == letter))
			return o;
	return NULL;
}

static int set_option(struct parse *p, const struct cli_option *o, const char *given,
		      const char *value)
{
	/* `-w "$URL"` of a variable that is not set: what was to be waited for would go missing silently. */
	if (value && !*value)
		return err_make(p->err, 0, "%s is empty; likely a variable that is not set", given);
	p->given[o - cli_options] = arena_strdup(p->arena, given);
	return o->set(p, o, given, value);
}

/* Refuses a word that is likely the value of -w or -p, and returns -1; 0: it is likely neither. The message does not quote a URL,
 * which may hold a password. */
static int refuse_bare_value(const struct parse *p, const char *word)
{
	if (strstr(word, "://"))
		return err_make(p->err, 0,
				"unexpected URL; write -w before each URL, or commas between them");
	if (str_ends(word, ".cfg"))
		return err_make(p->err, 0, "unexpected word \"%s\"; for a profile write -p %s",
				word, word);
	return 0;
}

static int refuse_words(const struct parse *p)
{
	const struct cli *c = p->cli;
	const char *word = c->words[cli_commands[c->command].max_words], *remedy = "";

	if (IN_PROFILES & 1u << c->command && refuse_bare_value(p, word) < 0)
		return -1;
	if (c->command == CMD_EXPLAIN)
		return err_make(p->err, 0, "unexpected word \"%s\"; one key is written %s.%s", word,
				c->words[0], word);
	if (c->command == CMD_RUN)
		remedy = c->service ? "; the command to start stands after --"
				    : "; write -- before the command to start";
	return err_make(p->err, 0, "unexpected word \"%s\"%s", word, remedy);
}

/* Is the word an option that the command takes, or the mark before the service's command? */
static bool is_option(struct parse *p, const char *word)
{
	const char *eq = strchr(word, '=');

	if (word[0] != '-' || !word[1])
		return false;
	if (word[1] != '-')
		return !word[2] && find_option(p, NULL, word[1]);
	return !word[2] ||
	       find_option(p,
			   arena_strndup(p->arena, word + 2,
					 eq ? (size_t)(eq - word) - 2 : strlen(word) - 2),
			   0);
}

/* Returns 0 when the next argument can be the option's value, else -1. `-w $URL -t 5s` has none where URL is not set. */
static int check_next(struct parse *p, const struct cli_option *o, const char *given,
		      const char *next)
{
	if (!next)
		return err_make(p->err, 0, "%s needs a value: %s", given, o->value);
	if (is_option(p, next))
		return err_make(p->err, 0,
				"%s needs a value: %s; %s is an option, so likely a variable "
				"before it is not set",
				given, o->value, next);
	return 0;
}

/* Is it a key of the kind that `try` names ("try redis --url redis://cache")? */
static bool is_key_of_try(const struct parse *p, const char *name)
{
	const struct cli *c = p->cli;
	const struct check_kind *kind =
	    c->command == CMD_TRY && c->n_words ? check_kind_find(c->words[0]) : NULL;

	return kind && kind->schema && schema_find(kind->schema, name);
}

/* `given` is the option with its dashes, as it was written; `name` the one without. */
static int refuse_option(struct parse *p, const char *given, const char *name)
{
	const char *remedy = cli_option_remedy(name);
	bool letter = !name[1];
	const char *names[ARRAY_LEN(cli_options) + 1] = {NULL}, *near;
	size_t n = 0;

	/* "startguard -p web ./server --port 80": the option is the service's */
	if (p->cli->command == CMD_RUN && p->cli->n_words > 0)
		return refuse_words(p);
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_option_is_shown(p->cli->command, &cli_options[i]))
			names[n++] = cli_options[i].name;
	if (is_key_of_try(p, name))
		return err_make(p->err, 0,
				"unknown option %s; a key stands without dashes: %s=VALUE", given,
				name);
	if (remedy && IN_RUNS & 1u << p->cli->command)
		return err_make(p->err, 0, "unknown option %s; %s", given, remedy);
	near = cli_option_meant(name);
	near = near && find_option(p, near, 0) ? near : letter ? NULL : nearest_word(name, names);
	if (near)
		return err_make(p->err, 0, "unknown option %s; did you mean --%s?", given, near);
	for (size_t i = 0; i < cli_n_options; i++)
		if (str_eq(cli_options[i].name, name))
			return err_make(p->err, 0, "%s is no option of %s", given,
					cli_commands[p->cli->command].name);
	return err_make(p->err, 0, "unknown option %s; startguard %s --help lists them", given,
			cli_commands[p->cli->command].name);
}

/* Parses an argument that begins with "--", and its value. Returns how many arguments it used, or -1. */
static int parse_long_option(struct parse *p, char **argv)
{
	const char *eq = strchr(argv[0], '=');
	size_t len = eq ? (size_t)(eq - argv[0]) : strlen(argv[0]);
	const char *given = arena_strndup(p->arena, argv[0], len);
	const struct cli_option *o = find_option(p, given + 2, 0);

	if (!o)
		return refuse_option(p, given, given + 2);
	if (!o->value && eq)
		return err_make(p->err, 0, "%s takes no value", given);
	if (o->value && !eq && check_next(p, o, given, argv[1]) < 0)
		return -1;
	if (set_option(p, o, given, !o->value ? NULL : eq ? eq + 1 : argv[1]) < 0)
		return -1;
	return o->value && !eq ? 2 : 1;
}

/* Is it a long option with one dash, as Go's programs have them ("-wait-retry-interval 2s"), and not a letter with its value? */
static bool is_other_tools(struct parse *p, const char *name)
{
	const struct cli_option *o = find_option(p, NULL, *name);

	return name[1] && (!o || !o->value || strchr(name, '-')) &&
	       (cli_option_remedy(name) || cli_option_meant(name));
}

/* Parses an argument such as -q, -qv, -p x, -px, and its value. Returns how many arguments it used, or -1. */
static int parse_short_options(struct parse *p, char **argv)
{
	/* "-timeout 30s" would be -t with the value "imeout". */
	if (argv[0][2] && find_option(p, argv[0] + 1, 0))
		return err_make(p->err, 0, "unknown option %s; did you mean -%s?", argv[0],
				argv[0]);
	if (is_other_tools(p, argv[0] + 1))
		return refuse_option(p, argv[0], argv[0] + 1);
	for (const char *letter = argv[0] + 1; *letter; letter++) {
		const struct cli_option *o = find_option(p, NULL, *letter);
		const char given[] = {'-', *letter, '\0'};

		if (!o && letter == argv[0] + 1)
			return refuse_option(p, argv[0], letter);
		if (!o)
			return refuse_option(p, given, given + 1);
		if (!o->value)
			set_option(p, o, given, NULL);
		else if (letter[1])
			return set_option(p, o, given, letter + 1) < 0 ? -1 : 1;
		else if (check_next(p, o, given, argv[1]) < 0)
			return -1;
		else
			return set_option(p, o, given, argv[1]) < 0 ? -1 : 2;
	}
	return 1;
}

static int parse_environment(struct parse *p)
{
	const char *path = getenv("STARTGUARD_PROFILE_PATH");

	p->cli->profile.search_path = path && *path ? path : "/etc/startguard:profiles";
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];
		const char *value = o->env ? getenv(o->env) : NULL;

		/* What lint reads stands on its command line alone. */
		if (o->set == set_profile && p->cli->command == CMD_LINT)
			continue;
		/* An option on the command line wins: its variable is not even validated. */
		if (value && *value && !p->given[i] && cli_takes(p->cli->command, o) &&
		    set_option(p, o, o->env, value) < 0)
			return -1;
	}
	return 0;
}

int cli_find(const char *word, enum command *out, struct err *err)
{
	for (enum command c = 0; c < CMD__COUNT; c++)
		if (str_eq(cli_commands[c].name, word)) {
			*out = c;
			return 0;
		}
	return refuse_word(err, "command", word, command_names());
}

static int find_command(struct parse *p, char ***argv)
{
	const char *remedy;
	char host[300];
	int port;

	p->cli->command = CMD_RUN;
	if (!**argv || ***argv == '-')
		return 0;
	if (cli_find(**argv, &p->cli->command, p->err) == 0) {
		++*argv;
		return 0;
	}
	if (refuse_bare_value(p, **argv) < 0)
		return -1;
	remedy = cli_command_remedy(**argv);
	if (remedy)
		return err_make(p->err, 0, "unknown command \"%s\"; %s", **argv, remedy);
	if (check_kind_find(**argv))
		return err_make(p->err, 0,
				"unknown command \"%s\"; for one check write: try %s KEY=VALUE, to "
				"wait: -w URL, to start it after the checks: -- %s ...",
				**argv, **argv, **argv);
	if (url_check_begins(**argv))
		return err_make(p->err, 0,
				"unexpected word; to wait for it write a URL behind -w: %s",
				url_check_begins(**argv));
	if (hostport_split(**argv, host, sizeof host, &port) == 0 && ***argv != '/')
		return err_make(p->err, 0, "unknown command \"%s\"; to wait for it write: -w %s",
				**argv, **argv);
	if (nearest_word(**argv, command_names()))
		return -1;
	return err_make(p->err, 0,
			"unknown command \"%s\"; to start it after the checks write: -- %s ...",
			**argv, **argv);
}

static int check_usage(const struct parse *p)
{
	const struct cli *c = p->cli;
	const struct cli_command *command = &cli_commands[c->command];

	if (c->report.output && c->report.format == FORMAT_TEXT)
		return err_make(
		    p->err, 0,
		    "--output is for --format json, junit, tap or prometheus: text goes to stderr");
	if (c->service && c->command != CMD_RUN)
		return err_make(p->err, 0, "%s starts no command; drop everything after --",
				command->name);
	if (c->n_words > command->max_words)
		return refuse_words(p);
	if (c->n_words < command->min_words)
		return err_make(p->err, 0, "usage: startguard %s", command->synopsis);
	return 0;
}

static const char *given_as(const struct parse *p, const char *name)
{
	const struct cli_option *o = find_option(p, name, 0);
	const char *given = p->given[o - cli_options];

	return given ? given : arena_printf(p->arena, "--%s", name);
}

/* Refuses two outputs into one file: the reader would get only the last, or a mixture. */
static int check_files(const struct parse *p)
{
	const struct report_options *r = &p->cli->report;
	const char *log = r->termination_log ? r->termination_log : TERMINATION_DEFAULT;
	const struct {
		const char *option, *path;
	} files[] = {
	    {"report", r->report_file},
	    {"env-file", r->env_file},
	    {"termination-log", str_eq(log, "none") ? NULL : log},
	    {"output", r->output},
	    {"format", r->format != FORMAT_TEXT && !r->output ? "/dev/stdout" : NULL},
	};

	if (!(IN_RUNS & 1u << p->cli->command))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		for (size_t k = i + 1; k < ARRAY_LEN(files); k++)
			if (files[i].path && files[k].path &&
			    save_same(files[i].path, files[k].path))
				return err_make(p->err, 0, "%s and %s write to the same file: %s",
						given_as(p, files[i].option),
						given_as(p, files[k].option), files[i].path);
	return 0;
}

static int parse_arguments(struct parse *p, char **argv)
{
	struct cli *out = p->cli;
	size_t n = 0;

	if (find_command(p, &argv) < 0)
		return -1;
	while (argv[n])
		n++;
	out->words = arena_alloc(p->arena, (n + 1) * sizeof *out->words);
	while (*argv) {
		int used = 1;

		if (str_eq(*argv, "--")) {
			out->service = argv[1] ? argv + 1 : NULL;
			if (!out->service)
				return err_make(p->err, 0, "no command after --");
			break;
		}
		if (str_starts(*argv, "--"))
			used = parse_long_option(p, argv);
		else if ((*argv)[0] == '-' && (*argv)[1])
			used = parse_short_options(p, argv);
		else
			out->words[out->n_words++] = *argv;
		if (used < 0)
			return -1;
		argv += used;
	}
	if (out->help) {
		out->words = arena_alloc(p->arena, 2 * sizeof *out->words);
		out->words[0] = (char *)cli_commands[out->command].name;
		out->n_words = out->command == CMD_RUN ? 0 : 1;
		out->command = CMD_HELP;
		return 0;
	}
	if (out->version) {
		out->command = CMD_VERSION;
		out->n_words = 0;
		return 0;
	}
	if (parse_environment(p) < 0)
		return -1;
	return check_usage(p) < 0 ? -1 : check_files(p);
}

int cli_parse(struct cli *out, struct arena *a, char **argv, struct err *err)
{
	const char *given[ARRAY_LEN(cli_options)] = {NULL};
	struct parse p = {.cli = out, .arena = a, .err = err, .given = given};
	const char *log = getenv("STARTGUARD_TERMINATION_LOG");

	*out = (struct cli){.profile.timeout = DURATION_UNSET};
	if (parse_arguments(&p, argv + (argv[0] != NULL)) == 0)
		return 0;
	/* These two options take effect even when they come after the mistake. */
	for (; *argv && !str_eq(*argv, "--"); argv++) {
		if (str_starts(*argv, "--termination-log="))
			log = strchr(*argv, '=') + 1;
		else if (str_eq(*argv, "--termination-log") && argv[1])
			log = argv[1];
		out->health |= str_eq(*argv, "--health");
	}
	out->report.termination_log = log && *log ? file_of(log) : NULL;
	return -1;
}

bool cli_color(const struct cli *cli)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
	const char *term = getenv("TERM");

	if (cli->color != COLOR_AUTO)
		return cli->color == COLOR_ALWAYS;
	if (no && *no)
		return false;
	if (force && *force && !str_eq(force, "0"))
		return true;
	return isatty(STDERR_FILENO) == 1 && !(term && str_eq(term, "dumb"));
}
