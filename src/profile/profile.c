#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_file.h"
#include "json.h"
#include "profile_load.h"
#include "url_check.h"

/* ---- helpers ------------------------------------------------------------------------------------------------------- */
static const char *get_env(const char *name)
{
	return getenv(name);
}

/* ---- finding the file ------------------------------------------------------------------------------------------------ */
static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void suggest_file(struct arena *a, const char *name, const char *search_path,
			 struct problems *problems)
{
	const char *near = NULL, *names[2] = {NULL, NULL}, *here;

	for (const char *p = search_path; *p;) {
		size_t n = strcspn(p, ":");
		DIR *d = opendir(arena_strndup(a, p, n));

		for (struct dirent *e; d && (e = readdir(d));) {
			if (!str_ends(e->d_name, ".cfg"))
				continue;
			names[0] = arena_strndup(a, e->d_name, strlen(e->d_name) - 4);
			near = near ? near : nearest_word(name, names);
		}
		if (d)
			closedir(d);
		p += n + (p[n] == ':');
	}
	here = is_file(name) ? name : arena_printf(a, "%s.cfg", name);
	if (is_file(here))
		problem_error(problems, NULL, 0, "",
			      "no profile \"%s\" in %s; for the file here write ./%s", name,
			      search_path, here);
	else
		problem_error(problems, NULL, 0, "", "no profile \"%s\" in %s%s", name, search_path,
			      did_you_mean(near).text);
}

const char *profile_find(struct arena *a, const char *name, const char *search_path,
			 struct problems *problems)
{
	if (strchr(name, '/') || str_ends(name, ".cfg"))
		return name;
	for (const char *p = search_path; *p;) {
		size_t n = strcspn(p, ":");
		const char *path = arena_printf(a, "%.*s/%s.cfg", (int)n, p, name);

		if (n > 0 && access(path, F_OK) == 0)
			return path;
		p += n + (p[n] == ':');
	}
	suggest_file(a, name, search_path, problems);
	return NULL;
}

/* ---- top level ---------------------------------------------------------------------------------------------------------- */
enum mode profile_mode(const struct profile_options *o)
{
	enum mode mode = MODE_PROD;

	if (o->mode)
		(void)mode_find(NULL, o->mode, &mode);
	return mode;
}

/* Read before the rest, since it decides how the rest is read. */
static void load_mode(struct load *l, const struct node *root)
{
	struct modes_conf *aliases = arena_alloc(&l->p->arena, sizeof *aliases);
	const struct node *modes = node_child(root, "modes"), *mode = node_child(root, "mode");
	const char *word = l->o->mode, *conflict;
	struct problems unused = {.arena = &l->p->arena}; /* load_top reports them */
	struct fill fill = l->fill;

	fill.problems = &unused;
	l->p->mode = MODE_PROD;
	if (modes && modes->type == N_GROUP) {
		schema_fill(&modes_schema, modes, "modes", aliases, &fill);
		l->fill.aliases = aliases;
		conflict = mode_conflict(aliases);
		if (conflict)
			ERROR_AT(l, modes, "modes", "\"%s\" stands for two modes", conflict);
	}
	/* An outer startguard has told its own mode to this one's process: the profile's comes first then. */
	if (word && mode && l->o->mode_source && str_eq(l->o->mode_source, "STARTGUARD_MODE") &&
	    getenv("STARTGUARD_STATUS"))
		word = NULL;
	if (!word && mode && mode->type == N_STR)
		word = interpolate(mode, mode->text, "mode", &fill);
	if (word && mode_find(l->fill.aliases, word, &l->p->mode) < 0) {
		const char *problem = mode_problem(l->fill.aliases, word, &l->p->arena);

		if (l->o->mode)
			problem_usage(l->problems, l->o->mode_source, "%s", problem);
		else
			ERROR_AT(l, mode, "mode", "%s", problem);
	}
	l->fill.prod = l->p->mode == MODE_PROD;
	problems_free(&unused);
}

/* What other tools have at the top of their files, and what stands for it here. */
static const struct {
	const char *word, *remedy;
} elsewhere[] = {
#define UNDER_KINDS "a check stands under its kind: tcp: { NAME: { address = \"host:port\"; }; };"
    {"checks", UNDER_KINDS},
    {"check", UNDER_KINDS},
    {"services", UNDER_KINDS},
    {"dependencies", UNDER_KINDS},
    {"depends_on", UNDER_KINDS},
    {"wait_for", UNDER_KINDS},
    {"waitFor", UNDER_KINDS},
    {"resources", UNDER_KINDS},
    {"healthcheck", UNDER_KINDS},
    {"tcpSocket", UNDER_KINDS},
    {"port", UNDER_KINDS},
    {"addr", UNDER_KINDS},
#undef UNDER_KINDS
    {"httpGet", "write http: { NAME: { url = \"http://host:port/path\"; }; };"},
    {"livenessProbe", "write http: { NAME: { url = \"http://host:port/path\"; }; };"},
    {"readinessProbe", "write http: { NAME: { url = \"http://host:port/path\"; }; };"},
    {"startupProbe", "write http: { NAME: { url = \"http://host:port/path\"; }; };"},
    {"command",
     "a command is a check of the kind exec: exec: { NAME: { command = [\"...\"]; }; };"},
    {"environment", "variables are checked with env: { NAME: { required = [\"A\"]; }; };"},
    {"env_file", "variables are checked with env: { NAME: { required = [\"A\"]; }; };"},
    {"process", "a process cannot be checked; see startguard explain"},
    {"package", "a package cannot be checked; see startguard explain exec"},
    {"version", "the form's version is startguard = 1"},
    {"name", "write service = \"...\""},
    {"include", "another file is read with @include \"FILE\", on a line of its own"},
    {"imports", "another file is read with @include \"FILE\", on a line of its own"},
    {"extends", "another file is read with @include \"FILE\", on a line of its own"},
    {"environments", "names of your own for modes: modes: { staging = [\"NAME\"]; };"},
    {"profiles", "names of your own for modes: modes: { staging = [\"NAME\"]; };"},
    {"features", "flags that loosen something stand in switches: { NAME: { ... }; };"},
    {"flags", "flags that loosen something stand in switches: { NAME: { ... }; };"},
};

static const char *nearest_top(const char *name)
{
	const char *near = schema_nearest(&top_schema, name), *one[2] = {"switches", NULL};

	for (const char *const *kind = kind_names(); *kind; kind++)
		if (strcasecmp(*kind, name) == 0)
			return *kind;
	near = near ? near : nearest_word(name, kind_names());
	return near ? near : nearest_word(name, one);
}

/* Returns the end of a message about an unknown kind, or a key (not `group`) where kinds stand. */
static struct suggestion suggest_kind(const char *name, const char *near, bool group)
{
	struct suggestion instead = url_check_instead(name);

	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
		if (strcasecmp(elsewhere[i].word, name) == 0)
			snprintf(instead.text, sizeof instead.text, "; %s", elsewhere[i].remedy);
	if (!*instead.text && !near && group)
		snprintf(instead.text, sizeof instead.text, "; startguard explain lists them");
	return *instead.text ? instead : did_you_mean(near);
}

static void check_top_names(struct load *l, const struct node *root)
{
	for (const struct node *c = root->first; c; c = c->next) {
		if (schema_find(&top_schema, c->name) || str_eq(c->name, "switches") ||
		    check_kind_find(c->name))
			continue;
		ERROR_AT(l, c, "", "unknown %s \"%s\"%s", c->type == N_GROUP ? "kind" : "key",
			 c->name,
			 suggest_kind(c->name, nearest_top(c->name), c->type == N_GROUP).text);
		l->unknown = true;
	}
}

static const char *name_of_file(struct profile *p)
{
	const char *slash = strrchr(p->path, '/'), *name = slash ? slash + 1 : p->path;

	return arena_strndup(&p->arena, name,
			     str_ends(name, ".cfg") ? strlen(name) - 4 : strlen(name));
}

static void load_top(struct load *l, const struct node *root)
{
	struct top_conf *top = arena_alloc(&l->p->arena, sizeof *top);
	size_t before = l->problems->n;

	schema_fill(&top_schema, root, "", top, &l->fill);
	/* The command line's mode overrides the profile's, right or wrong. */
	for (size_t i = before; l->o->mode && i < l->problems->n; i++)
		if (str_eq(l->problems->v[i].where, "mode"))
			problem_lower(l->problems, i);
	l->p->top = top;
	l->p->service = top->service ? scrub_copy(&l->p->arena, top->service) : name_of_file(l->p);
	l->p->timeout = top->timeout.ns == 0 ? DURATION_FOREVER : top->timeout;
	l->p->parallel = top->parallel > 0 ? (size_t)top->parallel : 1;
}

/* ---- switches ------------------------------------------------------------------------------------------------------------ */
static void check_waives(struct load *l, const struct node *at, const char *where,
			 const struct strlist *globs)
{
	for (size_t i = 0; i < globs->n; i++) {
		size_t n = strcspn(globs->v[i], ".");
		const char *kind = arena_strndup(&l->p->arena, globs->v[i], n);

		if (!strpbrk(kind, "*?") && !check_kind_find(kind))
			ERROR_AT(l, at, where, "waives \"%s\": no kind is called so%s", globs->v[i],
				 did_you_mean(nearest_word(kind, kind_names())).text);
	}
}

/* "dev, staging" */
static const char *joined(struct load *l, const struct strlist *texts)
{
	const char *text = texts->v[0];

	for (size_t i = 1; i < texts->n; i++)
		text = arena_printf(&l->p->arena, "%s, %s", text, texts->v[i]);
	return text;
}

/* One place where the switch is read, a variable or FILE#POINTER, and the text found there; NULL: none. */
static void judge_flag(struct load *l, struct profile_switch *s, const struct node *at,
		       const char *where, const char *name, const char *value)
{
	bool allowed = mode_in(l->fill.aliases, l->p->mode, &s->conf.allowed_in);
	int on = value ? parse_switch(value) : 0;

	/* What is not set never loosens, negated or not. */
	if (on >= 0 && s->conf.negated)
		on = value && *value && !on;
	if (on < 0)
		problem_add(l->problems, PROBLEM_POLICY, D_SWITCH_UNCLEAR, at->file, at->line,
			    where,
			    "%s is set to something that is neither on (1, true, yes, on) "
			    "nor off (0, false, no, off)",
			    name);
	else if (on && !allowed)
		problem_add(l->problems, PROBLEM_POLICY, D_SWITCH_FORBIDDEN, at->file, at->line,
			    where, "%s is %s in mode %s, allowed only in %s: %s", name,
			    s->conf.negated ? "off" : "on", mode_name(l->p->mode),
			    s->conf.allowed_in.n ? joined(l, &s->conf.allowed_in) : "no mode",
			    s->conf.degraded);
	else if (on && !s->set_by)
		s->set_by = name;
}

/* The flag as the text of a variable; NULL: none, or null. An object, list or fraction becomes a text that is unclear. */
static const char *flag_text(struct arena *a, const json_t *flag)
{
	if (!flag || json_is_null(flag))
		return NULL;
	if (json_is_boolean(flag))
		return json_is_true(flag) ? "1" : "0";
	if (json_is_number(flag))
		return arena_printf(a, "%g", json_number_value(flag));
	return json_is_string(flag) ? arena_strdup(a, json_string_value(flag)) : "?";
}

/* The text of the switch's file. NULL: *problem says why, or is NULL when there is no such file. */
static char *read_flag_file(const char *path, size_t *len, const char **problem)
{
	struct stat st;
	char *text = NULL;

	*problem = NULL;
	/* A pipe without a writer would never end. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		*problem = "it is not a file";
	else
		text = file_read(path, JSON_TEXT_MAX, len);
	if (!text && !*problem && !errno_is_missing(errno))
		*problem = strerror(errno);
	return text;
}

static void read_switch_file(struct load *l, struct profile_switch *s, const struct node *at,
			     const char *where)
{
	struct arena *a = &l->p->arena;
	const char *problem, *name = arena_printf(a, "%s#%s", s->conf.file, s->conf.at);
	size_t len = 0;
	cleanup_free char *text = read_flag_file(s->conf.file, &len, &problem);
	char err[200];
	json_t *root = text ? json_read_document(text, len, err, sizeof err) : NULL;

	if (text && !root)
		problem = arena_printf(a, "it is not a JSON document: %s", err);
	if (problem)
		problem_add(l->problems, PROBLEM_POLICY, D_SWITCH_UNCLEAR, at->file, at->line,
			    where, "%s cannot be read: %s", s->conf.file, problem);
	else
		judge_flag(l, s, at, where, arena_strdup_clean(a, name),
			   flag_text(a, json_at(root, s->conf.at)));
	json_decref(root);
}

static void read_switch(struct load *l, struct profile_switch *s, const struct node *at,
			const char *where)
{
	for (size_t i = 0; i < s->conf.env.n; i++)
		judge_flag(l, s, at, where, s->conf.env.v[i], getenv(s->conf.env.v[i]));
	if (s->conf.file)
		read_switch_file(l, s, at, where);
}

/* 0, or how many problems were added. */
static int check_sources(struct load *l, const struct node *c, const char *where)
{
	if (!node_child(c, "env") && !node_child(c, "file"))
		return -ERROR_AT(l, c, where, "needs env, or file and at: where the flag stands");
	if (!node_child(c, "file") != !node_child(c, "at"))
		return -ERROR_AT(l, c, where, "file and at need each other");
	return 0;
}

static void load_switches(struct load *l, const struct node *group)
{
	struct profile *p = l->p;

	if (!group)
		return;
	if (group->type != N_GROUP) {
		ERROR_AT(l, group, "switches", "must be a group of named groups");
		return;
	}
	p->switches = arena_alloc(&p->arena, (node_count(group) + 1) * sizeof *p->switches);
	for (const struct node *c = group->first; c; c = c->next) {
		struct profile_switch *s = &p->switches[p->n_switches];
		const char *where = arena_printf(&p->arena, "switches.%s", c->name);
		int bad;

		if (c->type != N_GROUP) {
			ERROR_AT(l, c, where, "must be a group { ... }");
			continue;
		}
		s->name = c->name;
		bad = schema_fill(&switch_schema, c, where, &s->conf, &l->fill);
		bad += schema_names(&switch_schema, NULL, c, where, &l->fill);
		bad += check_sources(l, c, where);
		s->conf.degraded = scrub_copy(&l->p->arena, s->conf.degraded);
		p->n_switches++;
		check_waives(l, c, where, &s->conf.waives);
		if (!bad && !l->o->offline)
			read_switch(l, s, c, where);
	}
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------ */
/* Returns what the name or the kind of a check is as a glob of ids, or NULL. */
static const char *glob_for(struct profile *p, const char *word)
{
	for (size_t k = 0; k < p->n; k++)
		if (str_eq(p->checks[k].name, word))
			return p->checks[k].id;
	for (size_t k = 0; k < p->n; k++)
		if (str_eq(p->checks[k].kind->name, word))
			return arena_printf(&p->arena, "%s.*", word);
	return NULL;
}

static void check_globs(struct load *l, const struct strlist *globs, const char *option)
{
	for (size_t i = 0; i < globs->n; i++) {
		bool used = false;

		for (size_t k = 0; k < l->p->n; k++)
			used |= glob_match(globs->v[i], l->p->checks[k].id);
		if (!used)
			problem_usage(l->problems, option, "\"%s\" matches no check%s", globs->v[i],
				      did_you_mean(glob_for(l->p, globs->v[i])).text);
	}
}

static bool names_a_kind(const struct node *root)
{
	for (const struct node *c = root->first; c; c = c->next)
		if (check_kind_find(c->name))
			return true;
	return false;
}

static struct load begin(struct profile *out, const struct profile_options *o,
			 struct problems *problems)
{
	out->service = "-";
	out->timeout = DURATION_S(60);
	out->parallel = 32;
	return (struct load){.p = out,
			     .o = o,
			     .problems = problems,
			     .fill = {.arena = &out->arena,
				      .problems = problems,
				      .getenv = get_env,
				      .offline = o->offline,
				      .prod = true,
				      .uses = o->offline ? &out->uses : NULL}};
}

static void override(struct profile *p, const struct profile_options *o)
{
	if (duration_is_set(o->timeout))
		p->timeout = o->timeout.ns == 0 ? DURATION_FOREVER : o->timeout;
	if (o->parallel > 0)
		p->parallel = o->parallel;
}

/* An error; only a warning for lint, of a file for @include and of one whose checks belong to other modes. */
static void problem_nothing_to_check(struct load *l, const struct node *root)
{
	if (l->o->offline && root && names_a_kind(root) && l->problems->errors == 0)
		problem_add(l->problems, PROBLEM_WARNING, D_NONE, l->p->path, 0, "",
			    "there is nothing to check in mode %s", mode_name(l->p->mode));
	else if (l->o->offline && root && !root->first)
		problem_error(l->problems, l->p->path, 0, "", "is empty");
	else if (l->o->offline && root && !names_a_kind(root) && !l->unknown &&
		 !node_child(root, "service"))
		problem_add(l->problems, PROBLEM_WARNING, D_NONE, l->p->path, 0, "",
			    "no service and no check: a file for @include only");
	else if (l->problems->errors == 0)
		problem_error(l->problems, l->p->path, 0, "", "there is nothing to check%s",
			      l->elsewhere ? " at this place: only_at leaves every check out"
			      : root       ? " in this mode"
					   : ": give a profile (-p) or a URL (-w)");
}

/* How many checks there are at most, and one more: load_check uses the next place before it knows. */
static size_t most_checks(const struct node *root, const struct profile_options *o)
{
	size_t n = 1;

	for (size_t i = 0; i < o->waits.n; i++) {
		n++;
		for (const char *p = o->waits.v[i]; *p; p++)
			n += *p == ','; /* url_check_split splits there, if at all */
	}
	for (const struct node *c = root->first; c; c = c->next)
		n += node_count(c);
	return n;
}

void profile_load(struct profile *out, const struct profile_options *o, struct problems *problems)
{
	struct load l = begin(out, o, problems);
	struct node empty = {.type = N_GROUP}, *root = NULL;
	const struct node *top;

	if (o->profile) {
		out->path = profile_find(&out->arena, o->profile, o->search_path, problems);
		root = out->path ? config_file_read(&out->arena, out->path, problems) : NULL;
		if (!root) {
			out->mode = profile_mode(o);
			return;
		}
	}
	top = root ? root : &empty;
	out->checks = arena_alloc(&out->arena, most_checks(top, o) * sizeof *out->checks);
	load_mode(&l, top);
	if (root) {
		check_top_names(&l, root);
		load_top(&l, root);
		load_switches(&l, node_child(root, "switches"));
		load_kinds(&l, root);
	}
	load_waits(&l);
	load_after_keys(&l, top);
	/* Not at every start: a switch in a shared file names checks that not every profile has. */
	if (o->offline) {
		warn_of_unused_waivers(&l, top);
		warn_of_side_effects(&l);
		warn_of_times(&l);
	}
	check_globs(&l, &o->only, "--only");
	check_globs(&l, &o->skip, "--skip");
	override(out, o);
	if (out->n == 0)
		problem_nothing_to_check(&l, root);
	merge_variables(&out->uses);
	problems_sort(problems);
}

/* ---- try ------------------------------------------------------------------------------------------------------------------------ */
/* May the value of this key be a list or group? For other keys "[::1]:80" and "{...}" are texts. */
static bool takes_structure(const struct check_kind *kind, const char *name)
{
	const struct key *key = schema_find(kind->schema, name);

	if (!key)
		key = schema_find(&common_schema, name);
	return !key || key_is_list(key) || key->type == K_GROUP;
}

/* Returns the end of a message about a word of `try` that is not KEY=VALUE. The word is not quoted: it may hold a password. */
static const char *pair_hint(struct arena *a, const struct check_kind *kind, const char *word)
{
	static const char *const places[] = {"url", "address", "bootstrap_servers", "name", "path"};

	if (!kind->schema)
		return "";
	if (*word == '=' || schema_find(kind->schema, word))
		return "; a key, = and the value are one word, without blanks between them";
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (schema_find(kind->schema, places[i]))
			return arena_printf(a, "; write %s=VALUE", places[i]);
	return "";
}

static void add_key_value(struct load *l, const struct check_kind *kind, struct node *group,
			  const char *pair, size_t number)
{
	struct arena *a = &l->p->arena;
	const char *eq = strchr(pair, '='), *name;
	struct node *value;

	if (!eq || eq == pair) {
		problem_usage(l->problems, arena_printf(a, "word %zu", number),
			      "is not KEY=VALUE%s", pair_hint(a, kind, pair));
		return;
	}
	name = arena_strndup(a, pair, (size_t)(eq - pair));
	if (node_child(group, name)) {
		problem_usage(l->problems, name, "is given twice");
		return;
	}
	value = node_text(a, name, eq + 1, true);
	if (eq[1] && strchr("([{", eq[1]) && takes_structure(kind, name)) {
		struct node *structure = config_file_read_value(a, name, eq + 1);

		/* A list also takes one text, such as [::1]:9092. */
		if (structure || eq[1] != '[')
			value = structure;
	}
	if (!value)
		problem_usage(l->problems, name,
			      "is not a list or group as it would stand in a profile");
	else
		node_append(group, value);
}

void profile_try(struct profile *out, const struct profile_options *o, const char *kind,
		 char *const *pairs, struct problems *problems)
{
	struct load l = begin(out, o, problems);
	const struct check_kind *k = check_kind_find(kind);
	struct node *group = arena_alloc(&out->arena, sizeof *group);
	struct node empty = {.type = N_GROUP};

	group->type = N_GROUP;
	out->checks = arena_alloc(&out->arena, sizeof *out->checks);
	load_mode(&l, &empty);
	if (!k) {
		problem_usage(problems, "", "unknown kind \"%s\"%s", kind,
			      suggest_kind(kind, nearest_word(kind, kind_names()), true).text);
		return;
	}
	for (size_t i = 0; pairs[i]; i++)
		add_key_value(&l, k, group, pairs[i], i + 1);
	load_check(&l, k, "try", group);
	/* What the rows find is a mistake of the command line here; a kind that this build lacks is not. */
	if (!k->unsupported)
		problems->usages = problems->errors;
	override(out, o);
}
