#include "cli.h"

#include <strings.h>
#include <unistd.h>

/* ---- rows ---------------------------------------------------------------------------------------------------------- */
#define IN(cmd) (1u << CMD_##cmd)
#define IN_RUNS (IN(RUN) | IN(CHECK) | IN(TRY))

static const struct {
	const char *name, *synopsis, *text;
} commands[CMD__COUNT] = {
    [CMD_RUN] = {"run", "[run] [-p PROFILE] [-w URL]... [options] [-- COMMAND [ARG...]]",
		 "check until all holds or time is up, then exec COMMAND"},
    [CMD_CHECK] = {"check", "check [-p PROFILE] [-w URL]... [options]",
		   "one round, no retry, never execs"},
    [CMD_TRY] = {"try", "try KIND KEY=VALUE... [options]",
		 "one check without a profile, with the same keys"},
    [CMD_LINT] = {"lint", "lint PROFILE...",
		  "validate profiles offline: every error with file and line"},
    [CMD_SHOW] = {"show", "show [-p PROFILE] [options]",
		  "the effective profile; secrets as references"},
    [CMD_EXPLAIN] = {"explain", "explain [KIND[.KEY]] [--man|--markdown|--json|--profile]",
		     "the reference of kinds and keys"},
    [CMD_CODES] = {"codes", "codes [CODE] [--markdown|--json]",
		   "every diagnosis: phase, retry or not, title, hint"},
    [CMD_INSTALL] = {"install", "install PATH", "copy this executable"},
    [CMD_VERSION] = {"version", "version [--json]", "own version and that of each linked library"},
    [CMD_COMPLETION] = {"completion", "completion bash|zsh|fish",
			"a completion script for the shell"},
    [CMD_HELP] = {"help", "help [COMMAND]", "this text, or that of one command"},
};

enum option_id {
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
struct option {
	enum option_id id;
	char letter;                           /* 0: none */
	const char *name, *value, *env, *text; /* value NULL: a flag; text NULL: not shown */
	unsigned in;                           /* commands that take it */
};
#define IN_PROFILES (IN(RUN) | IN(CHECK) | IN(SHOW))
static const struct option options[] = {
    {O_PROFILE, 'p', "profile", "NAME|FILE", "STARTGUARD_PROFILE",
     "file (has a slash or ends in .cfg), or NAME.cfg in STARTGUARD_PROFILE_PATH "
     "(/etc/startguard:profiles)",
     IN_PROFILES},
    {O_WAIT, 'w', "wait", "URL", "STARTGUARD_WAIT",
     "a check without a profile, repeatable: tcp://h:p, http(s)://, kafka://h:p/topic, "
     "redis(s)://, registry+http(s)://, opa+http(s)://h:p/v1/data/path, metrics+http(s)://, "
     "dns://name, file:///path",
     IN_PROFILES},
    {O_MODE, 'm', "mode", "MODE", "STARTGUARD_MODE",
     "dev, staging or prod; overrides the profile's", IN_PROFILES | IN(LINT) | IN(TRY)},
    {O_TIMEOUT, 't', "timeout", "SPAN", "STARTGUARD_TIMEOUT",
     "whole run, such as 90s (profile, else 60s; 0: for ever)", IN_RUNS | IN(SHOW)},
    {O_ONLY, 0, "only", "GLOB", NULL,
     "only checks with such an id, repeatable; makes the run degraded", IN_PROFILES},
    {O_SKIP, 0, "skip", "GLOB", NULL, "leave such checks out, repeatable; makes the run degraded",
     IN_PROFILES},
    {O_FAIL_ON_DEGRADED, 0, "fail-on-degraded", NULL, "STARTGUARD_FAIL_ON_DEGRADED",
     "degraded blocks too", IN_RUNS},
    {O_FORMAT, 0, "format", "FORMAT", "STARTGUARD_FORMAT",
     "final report: text, json, junit, tap, prometheus", IN_RUNS},
    {O_OUTPUT, 0, "output", "FILE", NULL, "where that report goes (stdout)", IN_RUNS},
    {O_REPORT, 0, "report", "FILE", "STARTGUARD_REPORT", "the JSON report as well", IN_RUNS},
    {O_ENV_FILE, 0, "env-file", "FILE", "STARTGUARD_ENV_FILE",
     "what the service would find in its environment, as NAME=VALUE lines", IN_RUNS},
    {O_TERMINATION_LOG, 0, "termination-log", "FILE", "STARTGUARD_TERMINATION_LOG",
     "short message for the orchestrator (/dev/termination-log where it exists; none)", IN_RUNS},
    {O_PARALLEL, 0, "parallel", "N", "STARTGUARD_PARALLEL", "attempts at once (32)",
     IN_RUNS | IN(SHOW)},
    {O_COLOR, 0, "color", "WHEN", NULL,
     "auto, always, never; NO_COLOR and CLICOLOR_FORCE are heeded", IN_RUNS},
    {O_QUIET, 'q', "quiet", NULL, NULL, "only the verdict", IN_RUNS},
    {O_VERBOSE, 'v', "verbose", NULL, NULL, "every attempt", IN_RUNS},
    {O_HEALTH, 0, "health", NULL, NULL, "exit 0 or 1 only, for Docker's HEALTHCHECK", IN_RUNS},
    {O_MAN, 0, "man", NULL, NULL, "as manual page source", IN(EXPLAIN)},
    {O_MARKDOWN, 0, "markdown", NULL, NULL, "as Markdown", IN(EXPLAIN) | IN(CODES)},
    {O_JSON, 0, "json", NULL, NULL, "as JSON", IN(EXPLAIN) | IN(CODES) | IN(VERSION)},
    {O_AS_PROFILE, 0, "profile", NULL, NULL, "as a profile with every key", IN(EXPLAIN)},
    {O_IN_PROCESS, 0, "in-process", NULL, NULL, NULL, IN(TRY)},
    {O_HELP, 'h', "help", NULL, NULL, "this text", ~0u},
    {O_VERSION, 'V', "version", NULL, NULL, "own version", ~0u},
};

static const char *const formats[] = {"text", "json", "junit", "tap", "prometheus", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};

/* ---- parsing ---------------------------------------------------------------------------------------------------------- */
struct parse {
	struct cli *cli;
	struct arena *arena;
	struct err *err;
	bool help, version;
};

static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (str_eq(words[i], word))
			return i;
	return -1;
}

static int bad_word(struct err *err, const char *what, const char *word, const char *const *words)
{
	const char *near = nearest_word(word, words);
	struct str list;
	int rc;

	if (near)
		return err_make(err, 0, "%s \"%s\" is not known; did you mean \"%s\"?", what, word,
				near);
	str_init(&list, 512);
	for (size_t i = 0; words[i]; i++)
		str_addf(&list, "%s%s", i ? ", " : "", words[i]);
	rc = err_make(err, 0, "%s \"%s\" is not known; known: %s", what, word, list.s);
	str_free(&list);
	return rc;
}

static void push(struct arena *a, struct strlist *list, const char *text)
{
	const char **v = arena_alloc(a, (list->n + 1) * sizeof *v);

	if (list->n > 0)
		memcpy(v, list->v, list->n * sizeof *v);
	v[list->n++] = text;
	list->v = v;
}

static int set_flag(const char *value, bool *out)
{
	static const char *const on[] = {"1", "true", "yes", "on", NULL}, *const off[] = {
									      "0", "false", "no",
									      "off", NULL};

	for (size_t i = 0; on[i]; i++)
		if (strcasecmp(value, on[i]) == 0 || strcasecmp(value, off[i]) == 0) {
			*out = strcasecmp(value, on[i]) == 0;
			return 0;
		}
	return -1;
}

static void add_waits(struct parse *p, const char *text)
{
	while (*text) {
		size_t skip = strspn(text, " \t\n"), n = strcspn(text + skip, " \t\n");

		if (n > 0)
			push(p->arena, &p->cli->profile.waits,
			     arena_strndup(p->arena, text + skip, n));
		text += skip + n;
	}
}

/* `name` stands in messages: "--timeout" or "STARTGUARD_TIMEOUT". */
static int set_value(struct parse *p, enum option_id id, const char *name, const char *value)
{
	struct cli *c = p->cli;
	int64_t number;
	int i;

	switch (id) {
	case O_PROFILE:
		c->profile.profile = value;
		return 0;
	case O_WAIT:
		add_waits(p, value);
		return 0;
	case O_MODE:
		c->profile.mode = value;
		c->profile.mode_source = arena_strdup(p->arena, name);
		return 0;
	case O_TIMEOUT:
		if (span_parse(&c->profile.timeout, value) < 0)
			return err_make(p->err, 0,
					"%s: \"%s\" is not a time such as 90s, 500ms, 2m", name,
					value);
		return 0;
	case O_ONLY:
		push(p->arena, &c->profile.only, value);
		return 0;
	case O_SKIP:
		push(p->arena, &c->profile.skip, value);
		return 0;
	case O_FORMAT:
		i = word_index(value, formats);
		if (i < 0)
			return bad_word(p->err, name, value, formats);
		c->report.format = (enum format)i;
		return 0;
	case O_OUTPUT:
		c->report.output = value;
		return 0;
	case O_REPORT:
		c->report.report_file = value;
		return 0;
	case O_ENV_FILE:
		c->report.env_file = value;
		return 0;
	case O_TERMINATION_LOG:
		c->report.termination_log = value;
		return 0;
	case O_PARALLEL:
		if (parse_i64(value, 1, 1024, &number) < 0)
			return err_make(p->err, 0, "%s: \"%s\" is not a number from 1 to 1024",
					name, value);
		c->profile.parallel = (size_t)number;
		return 0;
	case O_COLOR:
		if (word_index(value, colors) < 0)
			return bad_word(p->err, name, value, colors);
		c->color = value;
		return 0;
	case O_FAIL_ON_DEGRADED:
		if (set_flag(value, &c->fail_on_degraded) < 0)
			return err_make(p->err, 0,
					"%s: \"%s\" is neither on (1, true, yes, on) nor off (0, "
					"false, no, off)",
					name, value);
		return 0;
	case O_QUIET:
	case O_VERBOSE:
	case O_HEALTH:
	case O_MAN:
	case O_MARKDOWN:
	case O_JSON:
	case O_AS_PROFILE:
	case O_IN_PROCESS:
	case O_HELP:
	case O_VERSION:
		break;
	}
	return err_make(p->err, 0, "%s takes no value", name);
}

static void set_switch(struct parse *p, enum option_id id)
{
	struct cli *c = p->cli;

	if (id == O_FAIL_ON_DEGRADED)
		c->fail_on_degraded = true;
	else if (id == O_QUIET)
		c->report.quiet = true;
	else if (id == O_VERBOSE)
		c->report.verbose = true;
	else if (id == O_HEALTH)
		c->health = true;
	else if (id == O_IN_PROCESS)
		c->in_process = true;
	else if (id == O_HELP)
		p->help = true;
	else if (id == O_VERSION)
		p->version = true;
	else
		c->as = id == O_MAN        ? AS_MAN
			: id == O_MARKDOWN ? AS_MARKDOWN
			: id == O_JSON     ? AS_JSON
					   : AS_PROFILE;
}

static int unknown_option(struct parse *p, const char *name)
{
	const char *words[ARRAY_LEN(options) + 1] = {NULL}, *near;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].text && options[i].in & 1u << p->cli->command)
			words[n++] = options[i].name;
	near = nearest_word(name, words);
	if (near)
		return err_make(p->err, 0, "unknown option --%s; did you mean --%s?", name, near);
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (str_eq(options[i].name, name))
			return err_make(p->err, 0, "--%s is no option of %s", name,
					commands[p->cli->command].name);
	return err_make(p->err, 0, "unknown option --%s; startguard %s --help lists them", name,
			commands[p->cli->command].name);
}

/* One argument that begins with "--". Returns how many were used, or -1. */
static int long_option(struct parse *p, char **argv)
{
	const char *eq = strchr(argv[0], '='),
		   *name = arena_strndup(p->arena, argv[0] + 2,
					 eq ? (size_t)(eq - argv[0] - 2) : strlen(argv[0]) - 2);
	const char *shown = arena_printf(p->arena, "--%s", name);
	const struct option *o = NULL;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (str_eq(options[i].name, name) && options[i].in & 1u << p->cli->command)
			o = &options[i];
	if (!o)
		return unknown_option(p, name);
	if (!o->value) {
		if (eq)
			return err_make(p->err, 0, "%s takes no value", shown);
		set_switch(p, o->id);
		return 1;
	}
	if (!eq && !argv[1])
		return err_make(p->err, 0, "%s needs a value: %s", shown, o->value);
	if (set_value(p, o->id, shown, eq ? eq + 1 : argv[1]) < 0)
		return -1;
	return eq ? 1 : 2;
}

/* One argument such as -q, -qv, -p x, -px. Returns how many were used, or -1. */
static int short_options(struct parse *p, char **argv)
{
	for (const char *letter = argv[0] + 1; *letter; letter++) {
		const struct option *o = NULL;
		char shown[3] = {'-', *letter, '\0'};

		for (size_t i = 0; i < ARRAY_LEN(options); i++)
			if (options[i].letter == *letter && options[i].in & 1u << p->cli->command)
				o = &options[i];
		if (!o)
			return err_make(p->err, 0,
					"unknown option -%c; startguard %s --help lists them",
					*letter, commands[p->cli->command].name);
		if (!o->value) {
			set_switch(p, o->id);
			continue;
		}
		if (letter[1])
			return set_value(p, o->id, shown, letter + 1) < 0 ? -1 : 1;
		if (!argv[1])
			return err_make(p->err, 0, "%s needs a value: %s", shown, o->value);
		return set_value(p, o->id, shown, argv[1]) < 0 ? -1 : 2;
	}
	return 1;
}

static int parse_environment(struct parse *p)
{
	const char *path = getenv("STARTGUARD_PROFILE_PATH");

	p->cli->profile.search_path = path && *path ? path : "/etc/startguard:profiles";
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *value = options[i].env ? getenv(options[i].env) : NULL;

		if (value && *value && options[i].in & 1u << p->cli->command &&
		    set_value(p, options[i].id, options[i].env, value) < 0)
			return -1;
	}
	return 0;
}

int cli_find(const char *word, enum command *out)
{
	for (enum command c = 0; c < CMD__COUNT; c++)
		if (str_eq(commands[c].name, word)) {
			*out = c;
			return 0;
		}
	return -1;
}

int cli_unknown_command(const char *word, struct err *err)
{
	const char *words[CMD__COUNT + 1] = {NULL};

	for (enum command c = 0; c < CMD__COUNT; c++)
		words[c] = commands[c].name;
	return bad_word(err, "command", word, words);
}

static int find_command(struct parse *p, char ***argv)
{
	const char *words[CMD__COUNT + 1] = {NULL};

	p->cli->command = CMD_RUN;
	if (!**argv || ***argv == '-')
		return 0;
	if (cli_find(**argv, &p->cli->command) == 0) {
		++*argv;
		return 0;
	}
	for (enum command c = 0; c < CMD__COUNT; c++)
		words[c] = commands[c].name;
	if (nearest_word(**argv, words))
		return bad_word(p->err, "command", **argv, words);
	return err_make(p->err, 0,
			"unknown command \"%s\"; to start it behind the checks write: -- %s ...",
			**argv, **argv);
}

/* How many words a command takes. */
static int check_words(struct parse *p)
{
	const struct cli *c = p->cli;
	static const struct {
		size_t min, max;
	} words[CMD__COUNT] = {
	    [CMD_RUN] = {0, 0},         [CMD_CHECK] = {0, 0},   [CMD_TRY] = {1, SIZE_MAX},
	    [CMD_LINT] = {1, SIZE_MAX}, [CMD_SHOW] = {0, 0},    [CMD_EXPLAIN] = {0, 1},
	    [CMD_CODES] = {0, 1},       [CMD_INSTALL] = {1, 1}, [CMD_VERSION] = {0, 0},
	    [CMD_COMPLETION] = {1, 1},  [CMD_HELP] = {0, 1},
	};

	if (c->report.output && c->report.format == FORMAT_TEXT)
		return err_make(
		    p->err, 0,
		    "--output is for --format json, junit, tap or prometheus: text goes to stderr");
	if (c->service && c->command != CMD_RUN)
		return err_make(p->err, 0, "%s starts no command; drop what is behind --",
				commands[c->command].name);
	if (c->n_words > words[c->command].max)
		return err_make(
		    p->err, 0, "unexpected word \"%s\"%s", c->words[words[c->command].max],
		    c->command == CMD_RUN ? "; write -- before the command to start" : "");
	if (c->n_words < words[c->command].min)
		return err_make(p->err, 0, "usage: startguard %s", commands[c->command].synopsis);
	return 0;
}

int cli_parse(struct cli *out, struct arena *a, char **argv, struct err *err)
{
	struct parse p = {.cli = out, .arena = a, .err = err};
	size_t n = 0, waits;

	*out = (struct cli){.color = "auto", .profile.timeout = SPAN_UNSET};
	argv += argv[0] != NULL;
	if (find_command(&p, &argv) < 0 || parse_environment(&p) < 0)
		return -1;
	while (argv[n])
		n++;
	out->words = arena_alloc(a, (n + 1) * sizeof *out->words);
	waits = out->profile.waits.n;
	while (*argv) {
		int used = 1;

		if (str_eq(*argv, "--")) {
			out->service = argv[1] ? argv + 1 : NULL;
			if (!out->service)
				return err_make(err, 0, "no command behind --");
			break;
		}
		if (str_starts(*argv, "--"))
			used = long_option(&p, argv);
		else if ((*argv)[0] == '-' && (*argv)[1])
			used = short_options(&p, argv);
		else
			out->words[out->n_words++] = *argv;
		if (used < 0)
			return -1;
		argv += used;
	}
	/* Flag beats environment, also for the list. */
	if (waits > 0 && out->profile.waits.n > waits) {
		out->profile.waits.v += waits;
		out->profile.waits.n -= waits;
	}
	if (p.help) {
		out->words = arena_alloc(a, 2 * sizeof *out->words);
		out->words[0] = (char *)commands[out->command].name;
		out->n_words = out->command == CMD_RUN ? 0 : 1;
		out->command = CMD_HELP;
		return 0;
	}
	if (p.version) {
		out->command = CMD_VERSION;
		out->n_words = 0;
		return 0;
	}
	return check_words(&p);
}

bool cli_asks_health(char **argv)
{
	for (; *argv && !str_eq(*argv, "--"); argv++)
		if (str_eq(*argv, "--health"))
			return true;
	return false;
}

bool cli_color(const struct cli *cli)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
	const char *term = getenv("TERM");

	if (!str_eq(cli->color, "auto"))
		return str_eq(cli->color, "always");
	if (no && *no)
		return false;
	if (force && *force && !str_eq(force, "0"))
		return true;
	return isatty(STDERR_FILENO) == 1 && !(term && str_eq(term, "dumb"));
}

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

static void add_option(struct str *b, const struct option *o)
{
	char left[64], text[512];

	snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
	snprintf(text, sizeof text, "%s%s%s%s", o->text, o->env ? " [" : "", o->env ? o->env : "",
		 o->env ? "]" : "");
	str_addf(b, "  %-28s ", left);
	if (strlen(left) > 28)
		str_addf(b, "\n%31s", "");
	add_wrapped(b, text, 31, 100);
}

static void help_all(struct str *b)
{
	str_add(b, "startguard: verify what a service needs, then start it.\n\n");
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, "  startguard %s\n      %s\n", commands[c].synopsis, commands[c].text);
	str_add(b, "\n");
}

void cli_help(struct str *b, enum command command)
{
	if (command == CMD_HELP || command == CMD_RUN)
		help_all(b);
	else
		str_addf(b, "startguard %s\n    %s\n\n", commands[command].synopsis,
			 commands[command].text);
	str_add(b, "Options:\n");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].text &&
		    options[i].in & 1u << (command == CMD_HELP ? CMD_RUN : command))
			add_option(b, &options[i]);
	if (command != CMD_HELP && command != CMD_RUN)
		return;
	str_add(b, "\nExit codes: 0 ready or degraded; the service's own after exec; 64 bad "
		   "command line; 69 blocked, waiting\n"
		   "cannot help; 70 own trouble; 77 refused by policy; 78 bad profile; 124 "
		   "blocked, time is up; 126 and 127\n"
		   "the command cannot be run, was not found; 128+n ended by signal n.\n"
		   "\nThe reference: startguard explain; the diagnoses: startguard codes.\n");
}

/* ---- completion ------------------------------------------------------------------------------------------------------------ */
static void add_option_words(struct str *b, enum command c)
{
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].text && options[i].in & 1u << c) {
			str_addf(b, "%s--%s", sep, options[i].name);
			sep = " ";
		}
}

static void complete_bash(struct str *b)
{
	str_add(b, "_startguard() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd=run words=\n\tcase "
		   "${COMP_WORDS[1]} in\n");
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, "\t%s) cmd=%s ;;\n", commands[c].name, commands[c].name);
	str_add(b, "\tesac\n\tcase $cmd in\n");
	for (enum command c = 0; c < CMD__COUNT; c++) {
		str_addf(b, "\t%s) words='", commands[c].name);
		add_option_words(b, c);
		str_add(b, "' ;;\n");
	}
	str_add(b, "\tesac\n\tif [ \"$COMP_CWORD\" = 1 ]; then words=\"$words");
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, " %s", commands[c].name);
	str_add(b, "\"; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		   "\t[ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
		   "complete -F _startguard startguard\n");
}

static void complete_fish(struct str *b)
{
	for (enum command c = 0; c < CMD__COUNT; c++)
		str_addf(b, "complete -c startguard -n __fish_use_subcommand -a %s -d '%s'\n",
			 commands[c].name, commands[c].text);
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].text)
			str_addf(b, "complete -c startguard -l %s%s\n", options[i].name,
				 options[i].value ? " -r" : "");
}

int cli_completion(struct str *b, const char *shell)
{
	if (str_eq(shell, "zsh"))
		str_add(b, "autoload -U +X bashcompinit && bashcompinit\n");
	else if (!str_eq(shell, "bash") && !str_eq(shell, "fish"))
		return -1;
	if (str_eq(shell, "fish"))
		complete_fish(b);
	else
		complete_bash(b);
	return 0;
}
