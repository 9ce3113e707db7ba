#include "profile_load.h"
#include "url_check.h"

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

/* Called also when another key is wrong (`whole` is then false), so that all mistakes are reported at once. */
static void check_degraded(struct load *l, const struct node *at, const char *id,
			   const struct common_conf *c, bool whole)
{
	const struct node *required = node_child(at, "required");
	bool no = required && required->type == N_BOOL && !required->i;
	bool may_degrade = c->required_in.n > 0 || (!c->required && (whole || no));

	if (required && c->required_in.n > 0)
		ERROR_AT(l, at, id, "has both required and required_in; keep one");
	if (may_degrade && !node_child(at, "degraded"))
		ERROR_AT(l, at, id,
			 "may be missing, so it needs degraded: one sentence on what is lost "
			 "without it");
}

/* Validates the common keys against each other. */
static void check_common(struct load *l, const struct node *at, const char *id,
			 const struct common_conf *c)
{
	bool may_degrade = !c->required || c->required_in.n > 0;

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
	if (duration_is_set(c->timeout) && node_child(at, "attempt_timeout") &&
	    c->attempt_timeout.ns > c->timeout.ns)
		ERROR_AT(l, at, id, "attempt_timeout is longer than timeout");
}

/* Is this the `required` of every check? The kind env has a key of the same name, which is a list of variables. */
static bool is_required_flag(const struct node *v)
{
	return v->type == N_BOOL || (v->type == N_STR && v->loose &&
				     (str_eq(v->text, "true") || str_eq(v->text, "false")));
}

/* A copy of the group for the kind's own keys or for those of every check. A key that both have goes where its value fits. */
static const struct node *without_shared(struct load *l, const struct check_kind *kind,
					 const struct node *group, bool for_kind)
{
	struct node *copy = node_empty_copy(&l->p->arena, group, N_GROUP);

	for (const struct node *c = group->first; c; c = c->next) {
		bool shared =
		    schema_find(kind->schema, c->name) && schema_find(&common_schema, c->name);

		if (!shared || is_required_flag(c) != for_kind)
			node_append_copy(&l->p->arena, copy, c);
	}
	return copy;
}

/* Returns the node of a path such as "steps[2].request.url"; the nearest above it when there is none. */
static const struct node *node_at(const struct node *node, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, ".[");
		const struct node *child = node->first;
		char name[64];

		if (*path == '[') {
			for (long n = strtol(path + 1, NULL, 10); child && n > 1; n--)
				child = child->next;
			path += strcspn(path, "]") + 1;
		} else {
			snprintf(name, sizeof name, "%.*s", (int)len, path);
			child = node_child(node, name);
			path += len;
		}
		if (!child)
			return node;
		node = child;
		path += *path == '.';
	}
	return node;
}

/* For a kind whose keys say how long an attempt may take: that is its default attempt_timeout, of an optional check also the
 * default timeout, and the least that may be given. */
static void apply_needed_time(struct load *l, struct profile_check *c)
{
	static const char *const keys[] = {"attempt_timeout", "timeout"};
	struct duration need = c->kind->needed_time(c->conf);
	struct duration *const spans[] = {&c->common.attempt_timeout, &c->common.timeout};
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct node *given = node_child(c->node, keys[i]);

		if (!given && (i == 0 || duration_is_set(*spans[i])))
			*spans[i] = need;
		else if (given && spans[i]->ns < need.ns)
			ERROR_AT(l, given, c->id, "%s is shorter than its attempts may take: %s",
				 keys[i], duration_unparse(need, text, sizeof text));
	}
}

static void warn_of_doubt(struct load *l, const struct profile_check *c, const struct node *node)
{
	const char *key = NULL, *why = c->kind->doubt(c->conf, &key);
	const struct node *at = key ? node_at(node, key) : node;

	if (why)
		problem_add(l->problems, PROBLEM_WARNING, D_NONE, at->file, at->line,
			    key ? arena_printf(&l->p->arena, "%s.%s", c->id, key) : c->id, "%s",
			    why);
}

static void fill_kind(struct load *l, struct profile_check *c, const struct node *node, bool needed)
{
	struct fill fill = l->fill;
	void *conf = arena_alloc(&l->p->arena, c->kind->schema->size);
	const char *key = NULL, *why;
	int bad;

	/* A check that does not run in this mode needs none of its variables. */
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
		const struct node *at = key ? node_at(node, key) : node;

		ERROR_AT(l, at, key ? arena_printf(&l->p->arena, "%s.%s", c->id, key) : c->id, "%s",
			 why);
	} else if (c->kind->needed_time) {
		apply_needed_time(l, c);
	}
	if (!why && l->o->offline && c->kind->doubt)
		warn_of_doubt(l, c, node);
}

/* Left out by --only or --skip, which is refused for a required check in prod. */
static bool is_skipped(struct load *l, const struct profile_check *c)
{
	bool out =
	    (l->o->only.n > 0 && !any_match(&l->o->only, c->id)) || any_match(&l->o->skip, c->id);

	if (out && c->required && l->p->mode == MODE_PROD)
		problem_add(l->problems, PROBLEM_POLICY, D_SKIP_FORBIDDEN, c->node->file,
			    c->node->line, c->id,
			    "is required: --only and --skip cannot leave it out in mode prod");
	return out;
}

static bool only_at_allows(const struct load *l, const struct common_conf *c)
{
	for (size_t i = 0; i < c->only_at.n; i++)
		if (!l->o->place || str_eq(c->only_at.v[i], l->o->place))
			return true;
	return c->only_at.n == 0;
}

void load_check(struct load *l, const struct check_kind *kind, const char *name,
		const struct node *node)
{
	struct profile_check *c = &l->p->checks[l->p->n];
	const struct node *common;
	bool here;
	int bad;

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
	bad = schema_fill(&common_schema, common, c->id, &c->common, &l->fill);
	check_degraded(l, common, c->id, &c->common, !bad);
	if (!bad)
		check_common(l, common, c->id, &c->common);
	c->common.degraded = scrub_copy(&l->p->arena, c->common.degraded);
	c->common.description = scrub_copy(&l->p->arena, c->common.description);
	here = c->common.only_in.n == 0 || mode_in(l->fill.aliases, l->p->mode, &c->common.only_in);
	l->elsewhere |= here && !only_at_allows(l, &c->common);
	here = here && only_at_allows(l, &c->common);
	c->required = c->common.required_in.n
			  ? mode_in(l->fill.aliases, l->p->mode, &c->common.required_in)
			  : c->common.required;
	if (!c->required && !duration_is_set(c->common.timeout))
		c->common.timeout = DURATION_S(5);
	if (!node_child(node, "attempt_timeout") && kind->attempt_timeout.ns)
		c->common.attempt_timeout = kind->attempt_timeout;
	/* A default attempt_timeout is lowered to timeout: `show` prints a profile that can be read again. */
	if (duration_is_set(c->common.timeout) && !node_child(node, "attempt_timeout") &&
	    c->common.attempt_timeout.ns > c->common.timeout.ns)
		c->common.attempt_timeout = c->common.timeout;
	c->waived_by = waiver_of(l->p, c->id);
	c->skipped = here && !c->waived_by && is_skipped(l, c);
	fill_kind(l, c, node, here && !c->waived_by && !c->skipped);
	if (here)
		l->p->n++;
}

/* Is the child of a kind a key that belongs into a check? Then the name of the check was forgotten. */
static bool is_key_without_check(const struct check_kind *kind, const struct node *c)
{
	return kind->schema && c->type != N_GROUP &&
	       (schema_find(kind->schema, c->name) || schema_find(&common_schema, c->name));
}

/* Loads the checks of one kind. One message is enough for all keys that stand outside of a check. */
static void load_named_checks(struct load *l, const struct check_kind *kind, const struct node *k)
{
	const struct node *stray = NULL;

	for (const struct node *c = k->first; c; c = c->next) {
		if (!is_key_without_check(kind, c)) {
			load_check(l, kind, c->name, c);
			continue;
		}
		if (!stray)
			ERROR_AT(
			    l, c, kind->name,
			    "must be a group of named checks, and the key %s stands outside of "
			    "one: write %s: { NAME: { %s = ...; }; };",
			    c->name, kind->name, c->name);
		stray = c;
	}
}

void load_kinds(struct load *l, const struct node *root)
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
		load_named_checks(l, kind, k);
	}
}

static bool id_taken(const struct profile *p, const struct check_kind *kind, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->checks[i].kind == kind && str_eq(p->checks[i].name, name))
			return true;
	return false;
}

/* How many checks have this name, or it with a number behind. To try all numbers is slow where one URL comes a thousand times. */
static int count_alike(const struct profile *p, const struct check_kind *kind, const char *name)
{
	size_t n = strlen(name);
	int count = 0;

	for (size_t i = 0; i < p->n; i++)
		count += p->checks[i].kind == kind && str_starts(p->checks[i].name, name) &&
			 strchr("-", p->checks[i].name[n]);
	return count;
}

static void load_wait(struct load *l, size_t number, const char *url)
{
	struct arena *a = &l->p->arena;
	size_t before = l->problems->errors;
	struct url_check w;
	const char *problem = url_check_parse(&w, a, url, l->fill.getenv), *name;

	if (problem) {
		/* The message does not quote the URL, which may hold a password. */
		problem_usage(l->problems, arena_printf(a, "--wait number %zu", number), "%s",
			      problem);
		return;
	}
	w.name = arena_strdup_clean(a, w.name);
	name = w.name;
	for (int k = 1 + count_alike(l->p, w.kind, name); id_taken(l->p, w.kind, name); k++)
		name = arena_printf(a, "%s-%d", w.name, k);
	load_check(l, w.kind, name, w.node);
	/* What the rows find in the URL is a mistake of the command line. */
	if (!w.kind->unsupported)
		l->problems->usages += l->problems->errors - before;
}

void load_waits(struct load *l)
{
	struct strlist urls;

	for (size_t i = 0; i < l->o->waits.n; i++) {
		url_check_split(&l->p->arena, l->o->waits.v[i], &urls);
		for (size_t k = 0; k < urls.n; k++)
			load_wait(l, i + 1, urls.v[k]);
	}
}

/* ---- after -------------------------------------------------------------------------------------------------------------------- */
/* "db" is likely tcp.db. */
static const char *nearest_id(const struct profile *p, const struct profile_check *of,
			      const char *word, const char *const *ids)
{
	const char *found = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->checks[i].name, word) && (!found || p->checks[i].kind == of->kind))
			found = p->checks[i].id;
	return found ? found : nearest_word(word, ids);
}

/* The ids of all checks, sorted, for the search of one; made once, since a list for each check with `after` is gigabytes. */
struct id_index {
	const char **ids; /* NULL-terminated, in the order of the profile */
	const struct profile_check **sorted;
	size_t n;
	const char *
	    *named; /* all of the profile, in whatever mode, sorted; NULL: not asked for yet */
	size_t n_named;
	size_t unknown; /* that were asked for */
};

#define SUGGESTIONS_MAX 20 /* each takes a comparison with every id */

static int compare_ids(const void *a, const void *b)
{
	const struct profile_check *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

static struct id_index make_index(const struct profile *p)
{
	struct id_index index = {.ids = xcalloc(p->n + 1, sizeof *index.ids),
				 .sorted = xcalloc(p->n, sizeof *index.sorted),
				 .n = p->n};

	for (size_t i = 0; i < p->n; i++) {
		index.ids[i] = p->checks[i].id;
		index.sorted[i] = &p->checks[i];
	}
	qsort(index.sorted, p->n, sizeof *index.sorted, compare_ids);
	return index;
}

static const struct profile_check *find_id(const struct id_index *index, const char *id)
{
	const struct profile_check key = {.id = id}, *wanted = &key, *const * found;

	found = bsearch(&wanted, index->sorted, index->n, sizeof *index->sorted, compare_ids);
	return found ? *found : NULL;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void name_all(struct load *l, struct id_index *index, const struct node *root)
{
	size_t n = 1;

	for (const struct node *k = root->first; k; k = k->next)
		n += node_count(k);
	index->named = xcalloc(n, sizeof *index->named);
	for (const struct node *k = root->first; k; k = k->next)
		for (const struct node *c = k->first; c; c = c->next)
			if (c->name)
				index->named[index->n_named++] =
				    arena_printf(&l->p->arena, "%s.%s", k->name, c->name);
	qsort(index->named, index->n_named, sizeof *index->named, compare_texts);
}

/* Does the profile name a check of this id, in whatever mode? */
static bool is_named(struct load *l, struct id_index *index, const struct node *root,
		     const char *id)
{
	if (!index->named)
		name_all(l, index, root);
	return bsearch(&id, index->named, index->n_named, sizeof *index->named, compare_texts);
}

static void resolve_after_key(struct load *l, struct profile_check *c, const struct node *root,
			      struct id_index *index)
{
	struct profile *p = l->p;

	c->after = arena_alloc(&p->arena, (c->common.after.n + 1) * sizeof *c->after);
	for (size_t i = 0; i < c->common.after.n; i++) {
		const char *id = c->common.after.v[i];
		const struct profile_check *found = find_id(index, id);

		if (found) {
			c->after[c->n_after++] = (size_t)(found - p->checks);
		} else if (!is_named(l, index, root, id)) {
			/* A check that does not exist in this mode, or at this place, is not waited for. */
			ERROR_AT(l, c->node, c->id, "after: no check is called \"%s\"%s", id,
				 did_you_mean(index->unknown++ < SUGGESTIONS_MAX
						  ? nearest_id(p, c, id, index->ids)
						  : NULL)
				     .text);
		}
	}
}

/* Depth-first search; state: 0 not seen, 1 on the current path, 2 done. */
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

void warn_of_unused_waivers(struct load *l, const struct node *root)
{
	const struct node *group = node_child(root, "switches");
	struct id_index index = {0};
	struct profile *p = l->p;

	for (size_t i = 0; i < p->n_switches; i++) {
		const struct strlist *globs = &p->switches[i].conf.waives;

		for (size_t k = 0; k < globs->n; k++)
			if (!strpbrk(globs->v[k], "*?") && !is_named(l, &index, root, globs->v[k]))
				problem_add(
				    l->problems, PROBLEM_WARNING, D_NONE, group->file,
				    node_child(group, p->switches[i].name)->line,
				    arena_printf(&p->arena, "switches.%s", p->switches[i].name),
				    "waives \"%s\", and no check is called so", globs->v[k]);
	}
	free(index.named);
}

void warn_of_side_effects(struct load *l)
{
	for (size_t i = 0; i < l->p->n; i++) {
		const struct profile_check *c = &l->p->checks[i];

		if (l->p->mode == MODE_PROD && c->kind->has_side_effects && !c->common.only_in.n &&
		    !c->common.only_at.n)
			problem_add(
			    l->problems, PROBLEM_WARNING, D_NONE, c->node->file, c->node->line,
			    c->id,
			    "has side effects at every start in mode prod; give the profile "
			    "another mode, or say where it is meant with only_in or only_at");
	}
}

/* One key of a check, and how long it is allowed to be. */
static void warn_of_time(struct load *l, const struct profile_check *c, const char *key,
			 struct duration given, struct duration most, const char *whose)
{
	const struct node *node = node_child(c->node, key);
	char text[32];

	if (node && duration_is_set(given) && given.ns > most.ns)
		problem_add(l->problems, PROBLEM_WARNING, D_NONE, node->file, node->line, c->id,
			    "%s is longer than %s, which ends it after %s", key, whose,
			    duration_unparse(most, text, sizeof text));
}

void warn_of_times(struct load *l)
{
	static const char run[] = "the timeout of the whole run";

	for (size_t i = 0; i < l->p->n; i++) {
		const struct profile_check *c = &l->p->checks[i];
		bool own =
		    duration_is_set(c->common.timeout) && c->common.timeout.ns < l->p->timeout.ns;
		struct duration most = own ? c->common.timeout : l->p->timeout;
		const char *whose = own ? "the check's timeout" : run;

		warn_of_time(l, c, "timeout", c->common.timeout, l->p->timeout, run);
		if (!own) /* else it is an error */
			warn_of_time(l, c, "attempt_timeout", c->common.attempt_timeout, most,
				     whose);
		warn_of_time(l, c, "grace", c->common.grace, most, whose);
		warn_of_time(l, c, "interval", c->common.interval, most, whose);
	}
}

void load_after_keys(struct load *l, const struct node *root)
{
	struct profile *p = l->p;
	char *state = arena_alloc(&p->arena, p->n + 1);
	struct id_index index = make_index(p);

	for (size_t i = 0; i < p->n; i++)
		if (p->checks[i].common.after.n > 0)
			resolve_after_key(l, &p->checks[i], root, &index);
	free(index.ids);
	free(index.sorted);
	free(index.named);
	for (size_t i = 0; i < p->n; i++)
		if (has_cycle(p, i, state)) {
			ERROR_AT(l, p->checks[i].node, p->checks[i].id,
				 "after: waits for itself in a circle");
			return;
		}
}
