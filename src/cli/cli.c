#include "cli.h"

#include <strings.h>
#include <unistd.h>

#include "cli_rows.h"
#include "save.h"

/* ---- rows ---------------------------------------------------------------------------------------------------------- */
#define IN(cmd) (1u << CMD_##cmd)
#define IN_RUNS (IN(RUN) | IN(CHECK) | IN(TRY))

const struct cli_command cli_commands[CMD__COUNT] = {
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

#define IN_PROFILES (IN(RUN) | IN(CHECK) | IN(SHOW))
static const char *const formats[] = {"text", "json", "junit", "tap", "prometheus", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};
static const char *const modes[] = {"dev", "staging", "prod", NULL};

const struct cli_option cli_options[] = {
    {OPT_PROFILE, 'p', "profile", "NAME|FILE", "STARTGUARD_PROFILE",
     "file (has a slash or ends in .cfg), or NAME.cfg in STARTGUARD_PROFILE_PATH "
     "(/etc/startguard:profiles)",
     IN_PROFILES},
    {OPT_WAIT, 'w', "wait", "URL", "STARTGUARD_WAIT", "a check without a profile, repeatable",
     IN_PROFILES},
    {OPT_MODE, 'm', "mode", "MODE", "STARTGUARD_MODE",
     "dev, staging or prod; overrides the profile's", IN_PROFILES | IN(LINT) | IN(TRY)},
    {OPT_TIMEOUT, 't', "timeout", "SPAN", "STARTGUARD_TIMEOUT",
     "whole run, such as 90s (profile, else 60s; 0: for ever)", IN_RUNS | IN(SHOW)},
    {OPT_ONLY, 0, "only", "GLOB", NULL,
     "only checks with such an id, repeatable; makes the run degraded", IN_PROFILES},
    {OPT_SKIP, 0, "skip", "GLOB", NULL, "leave such checks out, repeatable; makes the run degraded",
     IN_PROFILES},
    {OPT_FAIL_ON_DEGRADED, 0, "fail-on-degraded", NULL, "STARTGUARD_FAIL_ON_DEGRADED",
     "degraded blocks too", IN_RUNS},
    {OPT_FORMAT, 0, "format", "FORMAT", "STARTGUARD_FORMAT",
     "final report: text, json, junit, tap, prometheus", IN_RUNS},
    {OPT_OUTPUT, 0, "output", "FILE", NULL, "where that report goes (stdout)", IN_RUNS},
    {OPT_REPORT, 0, "report", "FILE", "STARTGUARD_REPORT", "the JSON report as well", IN_RUNS},
    {OPT_ENV_FILE, 0, "env-file", "FILE", "STARTGUARD_ENV_FILE",
     "what the service would find in its environment, as NAME=VALUE lines", IN_RUNS},
    {OPT_TERMINATION_LOG, 0, "termination-log", "FILE", "STARTGUARD_TERMINATION_LOG",
     "short message for the orchestrator (/dev/termination-log where it exists; none)", IN_RUNS},
    {OPT_PARALLEL, 0, "parallel", "N", "STARTGUARD_PARALLEL", "attempts at once (32)",
     IN_RUNS | IN(SHOW)},
    {OPT_COLOR, 0, "color", "WHEN", NULL,
     "auto, always, never; NO_COLOR and CLICOLOR_FORCE are heeded", IN_RUNS},
    {OPT_QUIET, 'q', "quiet", NULL, NULL, "only the verdict", IN_RUNS},
    {OPT_VERBOSE, 'v', "verbose", NULL, NULL, "every attempt", IN_RUNS},
    {OPT_HEALTH, 0, "health", NULL, NULL, "exit 0 or 1 only, for Docker's HEALTHCHECK", IN_RUNS},
    {OPT_MAN, 0, "man", NULL, NULL, "as manual page source", IN(EXPLAIN) | IN(HELP)},
    {OPT_MARKDOWN, 0, "markdown", NULL, NULL, "as Markdown", IN(EXPLAIN) | IN(CODES)},
    {OPT_JSON, 0, "json", NULL, NULL, "as JSON", IN(EXPLAIN) | IN(CODES) | IN(VERSION)},
    {OPT_AS_PROFILE, 0, "profile", NULL, NULL, "as a profile with every key", IN(EXPLAIN)},
    {OPT_IN_PROCESS, 0, "in-process", NULL, NULL, NULL, IN(TRY)},
    {OPT_HELP, 'h', "help", NULL, NULL, "this text", ~0u},
    {OPT_VERSION, 'V', "version", NULL, NULL, "own version", ~0u},
};
const size_t cli_n_options = ARRAY_LEN(cli_options);

const char *const *cli_choices(const struct cli_option *o)
{
	return o->id == OPT_FORMAT  ? formats
	       : o->id == OPT_COLOR ? colors
	       : o->id == OPT_MODE  ? modes
				    : NULL;
}

/* ---- parsing ---------------------------------------------------------------------------------------------------------- */
struct parse {
	struct cli *cli;
	struct arena *arena;
	struct err *err;
	bool help, version;
	const char
	    *named[OPT_VERSION + 1]; /* by what each option was given: itself, or its variable */
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

static const char *file_of(const char *value)
{
	return str_eq(value, "-") ? "/dev/stdout" : value;
}

/* `name` stands in messages: "--timeout" or "STARTGUARD_TIMEOUT". */
static int set_value(struct parse *p, enum cli_option_id id, const char *name, const char *value)
{
	struct cli *c = p->cli;
	int64_t number;
	int i;

	p->named[id] = arena_strdup(p->arena, name);
	switch (id) {
	case OPT_PROFILE:
		c->profile.profile = value;
		return 0;
	case OPT_WAIT:
		add_waits(p, value);
		return 0;
	case OPT_MODE:
		c->profile.mode = value;
		c->profile.mode_source = p->named[id];
		return 0;
	case OPT_TIMEOUT:
		if (duration_parse(&c->profile.timeout, value) < 0)
			return err_make(p->err, 0,
					"%s: \"%s\" is not a time such as 90s, 500ms, 2m", name,
					value);
		return 0;
	case OPT_ONLY:
		push(p->arena, &c->profile.only, value);
		return 0;
	case OPT_SKIP:
		push(p->arena, &c->profile.skip, value);
		return 0;
	case OPT_FORMAT:
		i = word_index(value, formats);
		if (i < 0)
			return bad_word(p->err, name, value, formats);
		c->report.format = (enum format)i;
		return 0;
	case OPT_OUTPUT:
		c->report.output = file_of(value);
		return 0;
	case OPT_REPORT:
		c->report.report_file = file_of(value);
		return 0;
	case OPT_ENV_FILE:
		c->report.env_file = file_of(value);
		return 0;
	case OPT_TERMINATION_LOG:
		c->report.termination_log = file_of(value);
		return 0;
	case OPT_PARALLEL:
		if (parse_i64(value, 1, 1024, &number) < 0)
			return err_make(p->err, 0, "%s: \"%s\" is not a number from 1 to 1024",
					name, value);
		c->profile.parallel = (size_t)number;
		return 0;
	case OPT_COLOR:
		if (word_index(value, colors) < 0)
			return bad_word(p->err, name, value, colors);
		c->color = value;
		return 0;
	case OPT_FAIL_ON_DEGRADED:
		if (set_flag(value, &c->fail_on_degraded) < 0)
			return err_make(p->err, 0,
					"%s: \"%s\" is neither on (1, true, yes, on) nor off (0, "
					"false, no, off)",
					name, value);
		return 0;
	case OPT_QUIET:
	case OPT_VERBOSE:
	case OPT_HEALTH:
	case OPT_MAN:
	case OPT_MARKDOWN:
	case OPT_JSON:
	case OPT_AS_PROFILE:
	case OPT_IN_PROCESS:
	case OPT_HELP:
	case OPT_VERSION:
		break;
	}
	return err_make(p->err, 0, "%s takes no value", name);
}

static void set_switch(struct parse *p, const struct cli_option *o)
{
	enum cli_option_id id = o->id;
	struct cli *c = p->cli;

	p->named[id] = o->name;
	if (id == OPT_FAIL_ON_DEGRADED)
		c->fail_on_degraded = true;
	else if (id == OPT_QUIET)
		c->report.quiet = true;
	else if (id == OPT_VERBOSE)
		c->report.verbose = true;
	else if (id == OPT_HEALTH)
		c->health = true;
	else if (id == OPT_IN_PROCESS)
		c->in_process = true;
	else if (id == OPT_HELP)
		p->help = true;
	else if (id == OPT_VERSION)
		p->version = true;
	else
		c->as = id == OPT_MAN        ? AS_MAN
			: id == OPT_MARKDOWN ? AS_MARKDOWN
			: id == OPT_JSON     ? AS_JSON
					     : AS_PROFILE;
}

static int unknown_option(struct parse *p, const char *name)
{
	const char *words[ARRAY_LEN(cli_options) + 1] = {NULL}, *near;
	size_t n = 0;

	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_options[i].text && cli_options[i].in & 1u << p->cli->command)
			words[n++] = cli_options[i].name;
	near = nearest_word(name, words);
	if (near)
		return err_make(p->err, 0, "unknown option --%s; did you mean --%s?", name, near);
	for (size_t i = 0; i < cli_n_options; i++)
		if (str_eq(cli_options[i].name, name))
			return err_make(p->err, 0, "--%s is no option of %s", name,
					cli_commands[p->cli->command].name);
	return err_make(p->err, 0, "unknown option --%s; startguard %s --help lists them", name,
			cli_commands[p->cli->command].name);
}

/* One argument that begins with "--". Returns how many were used, or -1. */
static int long_option(struct parse *p, char **argv)
{
	const char *eq = strchr(argv[0], '='),
		   *name = arena_strndup(p->arena, argv[0] + 2,
					 eq ? (size_t)(eq - argv[0] - 2) : strlen(argv[0]) - 2);
	const char *shown = arena_printf(p->arena, "--%s", name);
	const struct cli_option *o = NULL;

	for (size_t i = 0; i < cli_n_options; i++)
		if (str_eq(cli_options[i].name, name) && cli_options[i].in & 1u << p->cli->command)
			o = &cli_options[i];
	if (!o)
		return unknown_option(p, name);
	if (!o->value) {
		if (eq)
			return err_make(p->err, 0, "%s takes no value", shown);
		set_switch(p, o);
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
		const struct cli_option *o = NULL;
		char shown[3] = {'-', *letter, '\0'};

		for (size_t i = 0; i < cli_n_options; i++)
			if (cli_options[i].letter == *letter &&
			    cli_options[i].in & 1u << p->cli->command)
				o = &cli_options[i];
		if (!o)
			return err_make(p->err, 0,
					"unknown option -%c; startguard %s --help lists them",
					*letter, cli_commands[p->cli->command].name);
		if (!o->value) {
			set_switch(p, o);
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
	for (size_t i = 0; i < cli_n_options; i++) {
		const char *value = cli_options[i].env ? getenv(cli_options[i].env) : NULL;

		/* What a flag says is not asked for here, wrong or right. */
		if (value && *value && !p->named[cli_options[i].id] &&
		    cli_options[i].in & 1u << p->cli->command &&
		    set_value(p, cli_options[i].id, cli_options[i].env, value) < 0)
			return -1;
	}
	return 0;
}

int cli_find(const char *word, enum command *out)
{
	for (enum command c = 0; c < CMD__COUNT; c++)
		if (str_eq(cli_commands[c].name, word)) {
			*out = c;
			return 0;
		}
	return -1;
}

int cli_unknown_command(const char *word, struct err *err)
{
	const char *words[CMD__COUNT + 1] = {NULL};

	for (enum command c = 0; c < CMD__COUNT; c++)
		words[c] = cli_commands[c].name;
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
		words[c] = cli_commands[c].name;
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
				cli_commands[c->command].name);
	if (c->n_words > words[c->command].max)
		return err_make(
		    p->err, 0, "unexpected word \"%s\"%s", c->words[words[c->command].max],
		    c->command == CMD_RUN ? "; write -- before the command to start" : "");
	if (c->n_words < words[c->command].min)
		return err_make(p->err, 0, "usage: startguard %s",
				cli_commands[c->command].synopsis);
	return 0;
}

/* Each file has one content: of two the reader would get the last, or both mixed. */
static int check_files(struct parse *p)
{
	const struct report_options *r = &p->cli->report;
	const char *log = r->termination_log ? r->termination_log : TERMINATION_DEFAULT;
	const struct {
		const char *name, *given, *path;
	} files[] = {
	    {"--report", p->named[OPT_REPORT], r->report_file},
	    {"--env-file", p->named[OPT_ENV_FILE], r->env_file},
	    {"--termination-log", p->named[OPT_TERMINATION_LOG], str_eq(log, "none") ? NULL : log},
	    {"--output", p->named[OPT_OUTPUT], r->output},
	    {"--format", p->named[OPT_FORMAT],
	     r->format != FORMAT_TEXT && !r->output ? "/dev/stdout" : NULL},
	};

	if (!(IN_RUNS & 1u << p->cli->command))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		for (size_t k = i + 1; k < ARRAY_LEN(files); k++)
			if (files[i].path && files[k].path &&
			    save_same(files[i].path, files[k].path))
				return err_make(p->err, 0, "%s and %s write to the same file: %s",
						files[i].given ? files[i].given : files[i].name,
						files[k].given ? files[k].given : files[k].name,
						files[i].path);
	return 0;
}

static int parse_words(struct parse *p, char **argv)
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
				return err_make(p->err, 0, "no command behind --");
			break;
		}
		if (str_starts(*argv, "--"))
			used = long_option(p, argv);
		else if ((*argv)[0] == '-' && (*argv)[1])
			used = short_options(p, argv);
		else
			out->words[out->n_words++] = *argv;
		if (used < 0)
			return -1;
		argv += used;
	}
	if (p->help) {
		out->words = arena_alloc(p->arena, 2 * sizeof *out->words);
		out->words[0] = (char *)cli_commands[out->command].name;
		out->n_words = out->command == CMD_RUN ? 0 : 1;
		out->command = CMD_HELP;
		return 0;
	}
	if (p->version) {
		out->command = CMD_VERSION;
		out->n_words = 0;
		return 0;
	}
	if (parse_environment(p) < 0)
		return -1;
	return check_words(p) < 0 ? -1 : check_files(p);
}

int cli_parse(struct cli *out, struct arena *a, char **argv, struct err *err)
{
	struct parse p = {.cli = out, .arena = a, .err = err};
	const char *log = getenv("STARTGUARD_TERMINATION_LOG");

	*out = (struct cli){.color = "auto", .profile.timeout = DURATION_UNSET};
	if (parse_words(&p, argv + (argv[0] != NULL)) == 0)
		return 0;
	/* Who asked for a termination message is to hear of this, too, wherever the words for it stand. */
	for (; *argv && !str_eq(*argv, "--"); argv++) {
		if (str_starts(*argv, "--termination-log="))
			log = strchr(*argv, '=') + 1;
		else if (str_eq(*argv, "--termination-log") && argv[1])
			log = argv[1];
	}
	out->report.termination_log = log && *log ? file_of(log) : NULL;
	return -1;
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
