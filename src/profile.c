#include "profile.h"

#include <dirent.h>
#include <unistd.h>

#include "cfg.h"
#include "kinds.h"
#include "wait.h"

/* ---- rows -------------------------------------------------------------------------------------------------------- */
static const struct key common_keys[] = {
    KEY_BOOL(struct common_conf, required, .def = "true",
	     .doc = "The service is not started unless this holds. false needs degraded."),
    KEY_STRLIST(
	struct common_conf, required_in, .flags = K_MODES,
	.doc = "The modes in which it must hold, instead of required; elsewhere it may degrade.",
	.example = "[\"prod\", \"staging\"]"),
    KEY_STRLIST(struct common_conf, only_in, .flags = K_MODES,
		.doc = "The modes in which this check exists at all.", .example = "[\"dev\"]"),
    KEY_STR(struct common_conf, degraded,
	    .doc = "One sentence: which capability is lost without it. Printed, reported, and put "
		   "into the service's "
		   "environment.",
	    .example = "\"working memory updates are not cached\""),
    KEY_PAIRLIST(
	struct common_conf, degraded_env,
	.doc =
	    "Set for the service when this check degrades: the flag that turns the code path off.",
	.example = "[\"CACHE_ENABLED=0\"]"),
    KEY_SPAN(struct common_conf, timeout, .min = "10ms", .max = "24h",
	     .doc = "How long it may take in all. Not given: the run's for a required check, 5s "
		    "for another."),
    KEY_SPAN(struct common_conf, attempt_timeout, .def = "5s", .min = "10ms", .max = "1h",
	     .doc = "How long one attempt may take; then it is killed."),
    KEY_BOOL(struct common_conf, retry, .def = "true",
	     .doc = "Whether failures that may pass are tried again."),
    KEY_SPAN(struct common_conf, grace, .def = "0s", .max = "24h",
	     .doc = "How long a failure that cannot pass by itself is retried all the same: for "
		    "users, ACLs and "
		    "schemas that a job is still creating."),
    KEY_STRLIST(struct common_conf, after,
		.doc = "Ids of checks that must have passed before the first attempt.",
		.example = "[\"kafka.events\"]"),
    KEY_STR(struct common_conf, description, .doc = "For readers of the report.",
	    .example = "\"reward events\""),
    KEY_END};
const struct schema common_schema = {
    .name = "every check", .size = sizeof(struct common_conf), .keys = common_keys};

static const char *env_name_problem(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	return text[n] || n == 0 || (text[0] >= '0' && text[0] <= '9')
		   ? "is not the name of a variable"
		   : NULL;
}

static const struct key switch_keys[] = {
    KEY_STRLIST(struct switch_conf, env, .flags = K_REQUIRED, .check = env_name_problem,
		.doc = "Variables that turn the switch on: 1, true, yes, on; 0, false, no, off or "
		       "empty are off.",
		.example = "[\"LEARNER_FORCE_JSON\"]"),
    KEY_STRLIST(struct switch_conf, allowed_in, .flags = K_MODES,
		.doc = "Modes in which it may be on; anywhere else the start is refused.",
		.example = "[\"dev\"]"),
    KEY_STRLIST(struct switch_conf, waives,
		.doc = "Checks that are waived while it is on: ids, * for any text.",
		.example = "[\"avro.*\", \"schema_registry.*\"]"),
    KEY_STR(struct switch_conf, degraded, .flags = K_REQUIRED,
	    .doc = "One sentence: what is lost while it is on.",
	    .example = "\"config updates are JSON\""),
    KEY_STR(struct switch_conf, description, .doc = "For readers of the profile.",
	    .example = "\"local work only\""),
    KEY_END};
const struct schema switch_schema = {
    .name = "switches", .size = sizeof(struct switch_conf), .keys = switch_keys};

static const struct key top_keys[] = {
    KEY_INT(struct top_conf, startguard, .flags = K_REQUIRED, .min = "1", .max = "1",
	    .doc = "Format of this file.", .example = "1"),
    KEY_STR(struct top_conf, service,
	    .doc = "Name of the service, for the report (default: the file's name without .cfg).",
	    .example = "\"learner_online\""),
    KEY_STR(struct top_conf, mode, .def = "prod",
	    .doc = "dev, staging or prod, or a name from modes.",
	    .example = "\"${APP_MODE:-prod}\""),
    KEY_GROUP(struct top_conf, modes, struct modes_conf, .sub = &modes_schema,
	      .doc = "Further names this system uses for a mode.",
	      .example = "{ prod = [\"enterprise\"]; }"),
    KEY_SPAN(struct top_conf, timeout, .def = "60s", .max = "24h",
	     .doc = "The whole run; 0 is for ever."),
    KEY_INT(struct top_conf, parallel, .def = "32", .min = "1", .max = "1024",
	    .doc = "Attempts at once."),
    KEY_STR(struct top_conf, description, .doc = "For readers of the profile.",
	    .example = "\"learns from rewards\""),
    KEY_END};
const struct schema top_schema = {
    .name = "startguard", .size = sizeof(struct top_conf), .keys = top_keys};

/* ---- helpers ------------------------------------------------------------------------------------------------------- */
struct load {
	struct profile *p;
	const struct profile_options *o;
	struct problems *problems;
	struct fill fill;
	const struct modes_conf *aliases;
	size_t cap;
};

static const char *get_env(const char *name)
{
	return getenv(name);
}

static bool is_mode(const void *ctx, const char *word)
{
	const struct load *l = ctx;
	enum mode unused;

	return mode_find(l->aliases, word, &unused) == 0;
}

#define ERROR_AT(l, node, where, ...)                                                   \
	problem_add((l)->problems, PROBLEM_ERROR, D_NONE, (node) ? (node)->file : NULL, \
		    (node) ? (node)->line : 0, where, __VA_ARGS__)

/* Texts of the profile that are printed: a variable's value may have brought control characters in. */
static const char *clean(struct load *l, const char *text)
{
	char *out;

	if (!text)
		return NULL;
	out = arena_alloc(&l->p->arena, strlen(text) + 4);
	text_clean(out, strlen(text) + 4, text);
	return out;
}

/* ---- finding the file ------------------------------------------------------------------------------------------------ */
static void suggest_file(struct arena *a, const char *name, const char *search_path,
			 struct problems *problems)
{
	const char *near = NULL, *words[2] = {NULL, NULL};

	for (const char *p = search_path; *p;) {
		size_t n = strcspn(p, ":");
		DIR *d = opendir(arena_strndup(a, p, n));

		for (struct dirent *e; d && (e = readdir(d));) {
			if (!str_ends(e->d_name, ".cfg"))
				continue;
			words[0] = arena_strndup(a, e->d_name, strlen(e->d_name) - 4);
			near = near ? near : nearest_word(name, words);
		}
		if (d)
			closedir(d);
		p += n + (p[n] == ':');
	}
	problem_add(problems, PROBLEM_ERROR, D_NONE, NULL, 0, "", "no profile \"%s\" in %s%s%s%s",
		    name, search_path, near ? "; did you mean \"" : "", near ? near : "",
		    near ? "\"?" : "");
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
/* The mode comes first: it decides how the rest is read. */
static void load_mode(struct load *l, const struct node *root)
{
	struct modes_conf *aliases = arena_alloc(&l->p->arena, sizeof *aliases);
	const struct node *modes = node_child(root, "modes"), *mode = node_child(root, "mode");
	const char *word = l->o->mode, *conflict;
	char list[512];

	l->p->mode = MODE_PROD;
	if (modes && modes->type == N_GROUP) {
		struct problems unused = {
		    .arena =
			&l->p->arena}; /* said again, once, when the whole top level is filled */
		struct fill fill = l->fill;

		fill.problems = &unused;
		schema_fill(&modes_schema, modes, "modes", aliases, &fill);
		problems_free(&unused);
		l->aliases = aliases;
		conflict = mode_conflict(aliases);
		if (conflict)
			ERROR_AT(l, modes, "modes", "\"%s\" stands for two modes", conflict);
	}
	if (!word && mode && mode->type == N_STR)
		word = interpolate(mode, mode->text, "mode", &l->fill);
	if (word && mode_find(l->aliases, word, &l->p->mode) < 0)
		problem_add(l->problems, l->o->mode ? PROBLEM_USAGE : PROBLEM_ERROR, D_NONE,
			    l->o->mode || !mode ? NULL : mode->file, mode ? mode->line : 0,
			    l->o->mode ? l->o->mode_source : "mode",
			    "unknown mode \"%s\"; known: %s", word,
			    mode_list(l->aliases, list, sizeof list));
	l->fill.prod = l->p->mode == MODE_PROD;
}

static const char *nearest_top(const char *name)
{
	const char *near = schema_nearest(&top_schema, name), *one[2] = {"switches", NULL};

	near = near ? near : nearest_word(name, kind_names());
	return near ? near : nearest_word(name, one);
}

static void check_top_names(struct load *l, const struct node *root)
{
	for (const struct node *c = root->first; c; c = c->next) {
		const char *near;

		if (schema_find(&top_schema, c->name) || str_eq(c->name, "switches") ||
		    check_kind_find(c->name))
			continue;
		near = nearest_top(c->name);
		ERROR_AT(l, c, "", "unknown %s \"%s\"%s%s%s", c->type == N_GROUP ? "kind" : "key",
			 c->name, near ? "; did you mean \"" : "", near ? near : "",
			 near ? "\"?" : "");
	}
}

static const char *name_of_file(struct profile *p)
{
	const char *slash = p->path ? strrchr(p->path, '/') : NULL, *name = slash     ? slash + 1
									    : p->path ? p->path
										      : "-";

	return arena_strndup(&p->arena, name,
			     str_ends(name, ".cfg") ? strlen(name) - 4 : strlen(name));
}

static void load_top(struct load *l, const struct node *root)
{
	struct top_conf *top = arena_alloc(&l->p->arena, sizeof *top);
	size_t before = l->problems->n;

	schema_fill(&top_schema, root, "", top, &l->fill);
	/* `mode` was read and complained about already. */
	for (size_t i = before; l->o->mode && i < l->problems->n; i++)
		if (str_eq(l->problems->v[i].where, "mode"))
			l->problems->v[i].kind = PROBLEM_WARNING;
	l->p->top = top;
	l->p->service = top->service ? clean(l, top->service) : name_of_file(l->p);
	l->p->timeout = top->timeout.ns == 0 ? SPAN_FOREVER : top->timeout;
	l->p->parallel = top->parallel > 0 ? (size_t)top->parallel : 1;
}

/* ---- switches ------------------------------------------------------------------------------------------------------------ */
enum tri { T_OFF, T_ON, T_UNCLEAR };

static enum tri switch_value(const char *value)
{
	static const char *const on[] = {"1", "true", "yes", "on", NULL}, *const off[] = {
									      "",   "0",   "false",
									      "no", "off", NULL};

	for (size_t i = 0; on[i]; i++)
		if (strcasecmp(value, on[i]) == 0)
			return T_ON;
	for (size_t i = 0; off[i]; i++)
		if (strcasecmp(value, off[i]) == 0)
			return T_OFF;
	return T_UNCLEAR;
}

static void check_waives(struct load *l, const struct node *at, const char *where,
			 const struct strlist *globs)
{
	for (size_t i = 0; i < globs->n; i++) {
		size_t n = strcspn(globs->v[i], ".");
		const char *kind = arena_strndup(&l->p->arena, globs->v[i], n), *near;

		if (strpbrk(kind, "*?") || check_kind_find(kind))
			continue;
		near = nearest_word(kind, kind_names());
		ERROR_AT(l, at, where, "waives \"%s\": no kind is called so%s%s%s", globs->v[i],
			 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
}

/* "dev, staging" */
static const char *joined(struct load *l, const struct strlist *words)
{
	const char *text = words->v[0];

	for (size_t i = 1; i < words->n; i++)
		text = arena_printf(&l->p->arena, "%s, %s", text, words->v[i]);
	return text;
}

static void read_switch(struct load *l, struct profile_switch *s, const struct node *at,
			const char *where)
{
	bool allowed = mode_in(l->aliases, l->p->mode, &s->conf.allowed_in);

	for (size_t i = 0; i < s->conf.env.n; i++) {
		const char *name = s->conf.env.v[i], *value = getenv(name);
		enum tri v = value ? switch_value(value) : T_OFF;

		if (v == T_UNCLEAR)
			problem_add(l->problems, PROBLEM_POLICY, D_SWITCH_UNCLEAR, at->file,
				    at->line, where,
				    "%s is set to something that is neither on (1, true, yes, on) "
				    "nor off (0, false, no, off)",
				    name);
		if (v == T_ON && !allowed)
			problem_add(l->problems, PROBLEM_POLICY, D_SWITCH_FORBIDDEN, at->file,
				    at->line, where, "%s is on in mode %s, allowed only in %s: %s",
				    name, mode_name(l->p->mode),
				    s->conf.allowed_in.n ? joined(l, &s->conf.allowed_in)
							 : "no mode",
				    s->conf.degraded);
		if (v == T_ON && allowed && !s->set_by)
			s->set_by = name;
	}
}

static void load_switches(struct load *l, const struct node *group)
{
	struct profile *p = l->p;
	size_t n = 0;

	if (!group)
		return;
	if (group->type != N_GROUP) {
		ERROR_AT(l, group, "switches", "must be a group of named groups");
		return;
	}
	for (const struct node *c = group->first; c; c = c->next)
		n++;
	p->switches = arena_alloc(&p->arena, (n + 1) * sizeof *p->switches);
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
		s->conf.degraded = clean(l, s->conf.degraded);
		p->n_switches++;
		check_waives(l, c, where, &s->conf.waives);
		if (!bad && !l->o->offline)
			read_switch(l, s, c, where);
	}
}

/* ---- checks ---------------------------------------------------------------------------------------------------------------- */
static bool any_match(const struct strlist *globs, const char *id)
{
	for (size_t i = 0; i < globs->n; i++)
		if (glob_match(globs->v[i], id))
			return true;
	return false;
}

static const struct profile_switch *waiver_of(const struct profile *p, const char *id)
{
	for (size_t i = 0; i < p->n_switches; i++)
		if (p->switches[i].set_by && any_match(&p->switches[i].conf.waives, id))
			return &p->switches[i];
	return NULL;
}

/* What the common keys say together. */
static void check_common(struct load *l, const struct node *at, const char *id,
			 const struct common_conf *c)
{
	bool may_degrade = !c->required || c->required_in.n > 0;

	if (node_child(at, "required") && c->required_in.n > 0)
		ERROR_AT(l, at, id, "has both required and required_in; keep one");
	if (may_degrade && !c->degraded)
		ERROR_AT(l, at, id,
			 "may be missing, so it needs degraded: one sentence on what is lost "
			 "without it");
	if (!may_degrade && c->degraded_env.n > 0)
		ERROR_AT(
		    l, at, id,
		    "degraded_env without required = false or required_in: it would never be set");
	for (size_t i = 0; i < c->degraded_env.n; i++) {
		const struct pair *e = &c->degraded_env.v[i];

		if (env_name_problem(e->name))
			ERROR_AT(l, at, id, "degraded_env: \"%s\" %s", e->name,
				 env_name_problem(e->name));
		else if (str_starts(e->name, "STARTGUARD_"))
			ERROR_AT(l, at, id, "degraded_env: %s is startguard's own", e->name);
		else if (!e->value)
			ERROR_AT(l, at, id,
				 "degraded_env: %s must have a plain value, not a secret", e->name);
		else if (strchr(e->value, '\n'))
			ERROR_AT(l, at, id, "degraded_env: %s holds a line break", e->name);
	}
	if (span_is_set(c->timeout) && node_child(at, "attempt_timeout") &&
	    c->attempt_timeout.ns > c->timeout.ns)
		ERROR_AT(l, at, id, "attempt_timeout is longer than timeout");
}

static struct profile_check *new_check(struct load *l)
{
	struct profile *p = l->p;

	if (p->n == l->cap) {
		struct profile_check *v =
		    arena_alloc(&p->arena, (l->cap ? l->cap * 2 : 16) * sizeof *v);

		if (p->n > 0)
			memcpy(v, p->checks, p->n * sizeof *v);
		p->checks = v;
		l->cap = l->cap ? l->cap * 2 : 16;
	}
	p->checks[p->n] = (struct profile_check){0};
	return &p->checks[p->n];
}

/* Does this value say whether the check is required? The kind env has a key of the same name, a list of variables. */
static bool is_yes_or_no(const struct node *v)
{
	return v->type == N_BOOL || (v->type == N_STR && v->loose &&
				     (str_eq(v->text, "true") || str_eq(v->text, "false")));
}

/* The group without the keys that two lists of rows share and whose value belongs to the other one. */
static const struct node *without_shared(struct load *l, const struct check_kind *kind,
					 const struct node *group, bool for_kind)
{
	struct node *copy = arena_alloc(&l->p->arena, sizeof(*copy));

	*copy = *group;
	copy->first = NULL;
	for (const struct node *c = group->first; c; c = c->next) {
		struct node *child;

		if (c->name && schema_find(kind->schema, c->name) &&
		    schema_find(&common_schema, c->name) && is_yes_or_no(c) == for_kind)
			continue;
		child = arena_alloc(&l->p->arena, sizeof(*child));
		*child = *c;
		child->next = NULL;
		node_append(copy, child);
	}
	return copy;
}

static void fill_kind(struct load *l, struct profile_check *c, const struct node *node, bool needed)
{
	struct fill fill = l->fill;
	void *conf = arena_alloc(&l->p->arena, c->kind->schema->size);
	const char *key = NULL, *why;
	int bad;

	/* What does not run in this mode needs none of its variables. */
	fill.offline = l->o->offline || !needed;
	fill.unknown = 0;
	bad = schema_fill(c->kind->schema, without_shared(l, c->kind, node, true), c->id, conf,
			  &fill);
	bad += schema_names(c->kind->schema, &common_schema, node, c->id, &fill);
	c->conf = conf;
	c->incomplete = fill.unknown > 0;
	if (bad || c->incomplete || !c->kind->validate)
		return;
	why = c->kind->validate(conf, &key);
	if (why) {
		const struct node *at = key ? node_child(node, key) : NULL;

		ERROR_AT(l, at ? at : node,
			 key ? arena_printf(&l->p->arena, "%s.%s", c->id, key) : c->id, "%s", why);
	}
}

/* Left out on request. In prod a required check may not be. */
static bool is_skipped(struct load *l, const struct profile_check *c)
{
	bool out =
	    (l->o->only.n > 0 && !any_match(&l->o->only, c->id)) || any_match(&l->o->skip, c->id);

	if (out && c->required && l->p->mode == MODE_PROD)
		problem_add(l->problems, PROBLEM_POLICY, D_SKIP_FORBIDDEN, c->node->file,
			    c->node->line, c->id,
			    "is required and cannot be left out in mode prod");
	return out;
}

static void load_check(struct load *l, const struct check_kind *kind, const char *name,
		       const struct node *node)
{
	struct profile_check *c = new_check(l);
	const struct node *common;
	bool here;

	c->id = arena_printf(&l->p->arena, "%s.%s", kind->name, name);
	c->name = name;
	c->kind = kind;
	c->node = node;
	if (kind->unsupported) {
		ERROR_AT(l, node, c->id, "this build has no %s: %s", kind->name, kind->unsupported);
		return;
	}
	if (node->type != N_GROUP) {
		ERROR_AT(l, node, c->id, "must be a group { ... } of keys");
		return;
	}
	common = without_shared(l, kind, node, false);
	if (schema_fill(&common_schema, common, c->id, &c->common, &l->fill) == 0)
		check_common(l, common, c->id, &c->common);
	c->common.degraded = clean(l, c->common.degraded);
	c->common.description = clean(l, c->common.description);
	here = c->common.only_in.n == 0 || mode_in(l->aliases, l->p->mode, &c->common.only_in);
	c->required = c->common.required_in.n
			  ? mode_in(l->aliases, l->p->mode, &c->common.required_in)
			  : c->common.required;
	if (!c->required && !span_is_set(c->common.timeout))
		c->common.timeout = SPAN_S(5);
	/* What was not asked for gives way: show prints a profile that can be read again. */
	if (span_is_set(c->common.timeout) && !node_child(node, "attempt_timeout") &&
	    c->common.attempt_timeout.ns > c->common.timeout.ns)
		c->common.attempt_timeout = c->common.timeout;
	c->waived_by = waiver_of(l->p, c->id);
	c->skipped = here && !c->waived_by && is_skipped(l, c);
	fill_kind(l, c, node, here && !c->waived_by && !c->skipped);
	if (here)
		l->p->n++;
}

static void load_kinds(struct load *l, const struct node *root)
{
	for (const struct node *k = root->first; k; k = k->next) {
		const struct check_kind *kind = check_kind_find(k->name);

		if (!kind)
			continue;
		if (k->type != N_GROUP) {
			ERROR_AT(l, k, kind->name,
				 "must be a group of named checks: %s: { NAME: { ... }; };",
				 kind->name);
			continue;
		}
		if (!k->first)
			ERROR_AT(l, k, kind->name, "holds no check");
		for (const struct node *c = k->first; c; c = c->next)
			load_check(l, kind, c->name, c);
	}
}

static bool id_taken(const struct profile *p, const char *kind, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->checks[i].kind->name, kind) && str_eq(p->checks[i].name, name))
			return true;
	return false;
}

static void load_waits(struct load *l)
{
	struct arena *a = &l->p->arena;

	for (size_t i = 0; i < l->o->waits.n; i++) {
		size_t before = l->problems->errors;
		const char *why, *name;
		struct wait_check w;

		if (wait_parse(&w, a, l->o->waits.v[i], &why) < 0) {
			/* The URL itself is not quoted: it may hold a password. */
			problem_add(l->problems, PROBLEM_USAGE, D_NONE, NULL, 0,
				    arena_printf(a, "--wait number %zu", i + 1), "%s", why);
			continue;
		}
		w.name = clean(l, w.name);
		name = w.name;
		for (int k = 2; id_taken(l->p, w.kind, name); k++)
			name = arena_printf(a, "%s-%d", w.name, k);
		load_check(l, check_kind_find(w.kind), name, w.node);
		/* What the rows find in a URL is a mistake of the command line. */
		if (!check_kind_find(w.kind)->unsupported)
			l->problems->usages += l->problems->errors - before;
	}
}

/* ---- after -------------------------------------------------------------------------------------------------------------------- */
/* Is this the id of a check that the profile names, in whatever mode? */
static bool named_anywhere(const struct node *root, const char *id)
{
	const char *dot = strchr(id, '.');

	for (const struct node *k = root ? root->first : NULL; dot && k; k = k->next)
		if (strlen(k->name) == (size_t)(dot - id) &&
		    strncmp(k->name, id, (size_t)(dot - id)) == 0)
			return node_child(k, dot + 1) != NULL;
	return false;
}

static void resolve_after(struct load *l, struct profile_check *c, const struct node *root)
{
	struct profile *p = l->p;
	const char **ids = arena_alloc(&p->arena, (p->n + 1) * sizeof *ids);

	for (size_t k = 0; k < p->n; k++)
		ids[k] = p->checks[k].id;
	c->after = arena_alloc(&p->arena, (c->common.after.n + 1) * sizeof *c->after);
	for (size_t i = 0; i < c->common.after.n; i++) {
		const char *id = c->common.after.v[i], *near;
		size_t k = 0;

		while (k < p->n && !str_eq(ids[k], id))
			k++;
		if (k < p->n) {
			c->after[c->n_after++] = k;
		} else if (!named_anywhere(
			       root,
			       id)) { /* one that does not exist in this mode is not waited for */
			near = nearest_word(id, ids);
			ERROR_AT(l, c->node, c->id, "after: no check is called \"%s\"%s%s%s", id,
				 near ? "; did you mean \"" : "", near ? near : "",
				 near ? "\"?" : "");
		}
	}
}

/* Depth first; state: 0 not seen, 1 on the way, 2 done. */
static bool has_cycle(const struct profile *p, size_t i, char *state)
{
	if (state[i])
		return state[i] == 1;
	state[i] = 1;
	for (size_t k = 0; k < p->checks[i].n_after; k++)
		if (has_cycle(p, p->checks[i].after[k], state))
			return true;
	state[i] = 2;
	return false;
}

/* A switch of a shared file names checks that only some profiles have: worth a warning, no more. */
static void warn_of_idle_waivers(struct load *l, const struct node *root)
{
	const struct node *group = node_child(root, "switches");
	struct profile *p = l->p;

	for (size_t i = 0; i < p->n_switches; i++) {
		const struct strlist *globs = &p->switches[i].conf.waives;

		for (size_t k = 0; k < globs->n; k++)
			if (!strpbrk(globs->v[k], "*?") && !named_anywhere(root, globs->v[k]))
				problem_add(
				    l->problems, PROBLEM_WARNING, D_NONE, group->file,
				    node_child(group, p->switches[i].name)->line,
				    arena_printf(&p->arena, "switches.%s", p->switches[i].name),
				    "waives \"%s\", and no check is called so", globs->v[k]);
	}
}

static void load_after(struct load *l, const struct node *root)
{
	struct profile *p = l->p;
	char *state = arena_alloc(&p->arena, p->n + 1);

	for (size_t i = 0; i < p->n; i++)
		if (p->checks[i].common.after.n > 0)
			resolve_after(l, &p->checks[i], root);
	for (size_t i = 0; i < p->n; i++)
		if (has_cycle(p, i, state)) {
			ERROR_AT(l, p->checks[i].node, p->checks[i].id,
				 "after: waits for itself in a circle");
			return;
		}
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------ */
static void check_globs(struct load *l, const struct strlist *globs, const char *option)
{
	for (size_t i = 0; i < globs->n; i++) {
		bool used = false;

		for (size_t k = 0; k < l->p->n; k++)
			used |= glob_match(globs->v[i], l->p->checks[k].id);
		if (!used)
			problem_add(l->problems, PROBLEM_USAGE, D_NONE, NULL, 0, option,
				    "\"%s\" matches no check", globs->v[i]);
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
	return (struct load){.p = out,
			     .o = o,
			     .problems = problems,
			     .fill = {.arena = &out->arena,
				      .problems = problems,
				      .getenv = get_env,
				      .offline = o->offline,
				      .prod = true,
				      .is_mode = is_mode}};
}

static void override(struct profile *p, const struct profile_options *o)
{
	if (span_is_set(o->timeout))
		p->timeout = o->timeout.ns == 0 ? SPAN_FOREVER : o->timeout;
	if (o->parallel > 0)
		p->parallel = o->parallel;
}

void profile_load(struct profile *out, const struct profile_options *o, struct problems *problems)
{
	struct load l = begin(out, o, problems);
	struct node empty = {.type = N_GROUP}, *root = NULL;
	size_t before = problems->errors;

	l.fill.mode_ctx = &l;
	if (o->profile) {
		out->path = profile_find(&out->arena, o->profile, o->search_path, problems);
		root = out->path ? cfg_read_file(&out->arena, out->path, problems) : NULL;
		if (!root)
			return;
	}
	load_mode(&l, root ? root : &empty);
	if (root) {
		check_top_names(&l, root);
		load_top(&l, root);
		load_switches(&l, node_child(root, "switches"));
		load_kinds(&l, root);
	} else {
		out->service = "-";
		out->timeout = SPAN_S(60);
		out->parallel = 32;
	}
	load_waits(&l);
	load_after(&l, root);
	if (root)
		warn_of_idle_waivers(&l, root);
	check_globs(&l, &o->only, "--only");
	check_globs(&l, &o->skip, "--skip");
	override(out, o);
	if (out->n == 0 && o->offline && root && names_a_kind(root))
		problem_add(problems, PROBLEM_WARNING, D_NONE, out->path, 0, "",
			    "there is nothing to check in mode %s", mode_name(out->mode));
	else if (out->n == 0 && o->offline && root && !node_child(root, "service"))
		problem_add(problems, PROBLEM_WARNING, D_NONE, out->path, 0, "",
			    "no service and no check: a file for @include only");
	else if (out->n == 0 && problems->errors == before)
		problem_add(problems, PROBLEM_ERROR, D_NONE, out->path, 0, "", "%s",
			    root ? "there is nothing to check in this mode"
				 : "there is nothing to check: give a profile (-p) or a URL (-w)");
	problems_sort(problems);
}

/* ---- try ------------------------------------------------------------------------------------------------------------------------ */
/* May the value of this key be a list or group? Elsewhere "[::1]:80" or "{...}" is a text. */
static bool takes_structure(const struct check_kind *kind, const char *name)
{
	const struct key *key = schema_find(kind->schema, name);

	if (!key)
		key = schema_find(&common_schema, name);
	return !key || key_is_list(key) || key->type == K_GROUP;
}

static void add_word(struct load *l, const struct check_kind *kind, struct node *group,
		     const char *word, size_t number)
{
	struct arena *a = &l->p->arena;
	const char *eq = strchr(word, '='), *name, *why = NULL;
	struct node *value;

	if (!eq || eq == word) {
		problem_add(l->problems, PROBLEM_USAGE, D_NONE, NULL, 0,
			    arena_printf(a, "word %zu", number), "is not KEY=VALUE");
		return;
	}
	name = arena_strndup(a, word, (size_t)(eq - word));
	if (node_child(group, name)) {
		problem_add(l->problems, PROBLEM_USAGE, D_NONE, NULL, 0, name, "is given twice");
		return;
	}
	value = node_make_text(a, name, eq + 1, true);
	if (eq[1] && strchr("([{", eq[1]) && takes_structure(kind, name)) {
		struct node *structure = cfg_read_value(a, name, eq + 1, &why);

		/* A list also takes one text, such as [::1]:9092. */
		if (structure || eq[1] != '[')
			value = structure;
	}
	if (!value)
		problem_add(l->problems, PROBLEM_USAGE, D_NONE, NULL, 0, name, "%s", why);
	else
		node_append(group, value);
}

void profile_try(struct profile *out, const struct profile_options *o, const char *kind,
		 char *const *words, struct problems *problems)
{
	struct load l = begin(out, o, problems);
	const struct check_kind *k = check_kind_find(kind);
	struct node *group = arena_alloc(&out->arena, sizeof *group);
	struct node empty = {.type = N_GROUP};
	const char *near = k ? NULL : nearest_word(kind, kind_names());

	l.fill.mode_ctx = &l;
	group->type = N_GROUP;
	out->service = "-";
	out->timeout = SPAN_S(60);
	out->parallel = 1;
	load_mode(&l, &empty);
	if (!k) {
		problem_add(problems, PROBLEM_USAGE, D_NONE, NULL, 0, "",
			    "unknown kind \"%s\"%s%s%s", kind, near ? "; did you mean \"" : "",
			    near ? near : "", near ? "\"?" : "");
		return;
	}
	for (size_t i = 0; words[i]; i++)
		add_word(&l, k, group, words[i], i + 1);
	load_check(&l, k, "try", group);
	/* What the rows find is a mistake of the command line here; a kind this build lacks is not. */
	if (!k->unsupported)
		problems->usages = problems->errors;
	override(out, o);
}
