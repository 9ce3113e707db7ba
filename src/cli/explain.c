#include "explain.h"

#include <ctype.h>

#include "config_file.h"
#include "sandbox.h"
#include "kinds.h"

/* ---- one row ------------------------------------------------------------------------------------------------------- */
/* "one of read, write", "default 5s", "10ms to 1h", joined. */
static void add_bounds(struct str *b, const struct key *k)
{
	if (k->choices) {
		str_add(b, k->type == K_STRLIST ? " of " : ": ");
		for (size_t i = 0; k->choices[i]; i++)
			str_addf(b, "%s%s", i ? ", " : "", k->choices[i]);
	}
	if (k->flags & K_REQUIRED)
		str_add(b, "; needed");
	if (k->def)
		str_addf(b, "; default %s", k->def);
	if (k->min && k->max)
		str_addf(b, "; %s to %s", k->min, k->max);
	else if (k->max)
		str_addf(b, "; at most %s", k->max);
}

static void text_row(struct str *b, const struct key *k, int depth)
{
	str_addf(b, "%*s%-22s %s", 2 + 4 * depth, "", k->name, key_type_text(k));
	add_bounds(b, k);
	str_addf(b, "\n%*s%s\n", 25 + 4 * depth, "", k->doc);
	if (k->example)
		str_addf(b, "%*s%s = %s;\n", 25 + 4 * depth, "", k->name, k->example);
}

static void text_rows(struct str *b, const struct schema *s, int depth)
{
	for (const struct key *k = s->keys; k->name; k++) {
		text_row(b, k, depth);
		if (k->sub)
			text_rows(b, k->sub, depth + 1);
	}
}

static void markdown_rows(struct str *b, const struct schema *s, const char *prefix)
{
	for (const struct key *k = s->keys; k->name; k++) {
		char deeper[128];

		str_addf(b, "| %s%s | %s", prefix, k->name, key_type_text(k));
		add_bounds(b, k);
		str_addf(b, " | %s%s%s%s |\n", k->doc, k->example ? " `" : "",
			 k->example ? k->example : "", k->example ? "`" : "");
		snprintf(deeper, sizeof deeper, "%s%s.", prefix, k->name);
		if (k->sub)
			markdown_rows(b, k->sub, deeper);
	}
}

static void man_rows(struct str *b, const struct schema *s)
{
	for (const struct key *k = s->keys; k->name; k++) {
		str_addf(b, ".TP\n.B %s\n", k->name);
		str_add_roff(b, key_type_text(k));
		add_bounds(b, k);
		str_add(b, ".\n");
		str_add_roff(b, k->doc);
		str_addc(b, '\n');
		if (k->example) {
			str_add(b, ".br\nExample: \\fB");
			str_add_roff(b, k->name);
			str_add(b, " = ");
			str_add_roff(b, k->example);
			str_add(b, "\\fR\n");
		}
		if (k->sub) {
			str_add(b, ".RS\n");
			man_rows(b, k->sub);
			str_add(b, ".RE\n");
		}
	}
}

static void json_rows(struct str *b, const struct schema *s)
{
	str_add(b, "[");
	for (const struct key *k = s->keys; k->name; k++) {
		str_add(b, k == s->keys ? "\n    {\"name\": " : ",\n    {\"name\": ");
		str_add_json_string(b, k->name);
		str_add(b, ", \"type\": ");
		str_add_json_string(b, key_type_text(k));
		str_addf(b, ", \"required\": %s", k->flags & K_REQUIRED ? "true" : "false");
		if (k->def) {
			str_add(b, ", \"default\": ");
			str_add_json_string(b, k->def);
		}
		if (k->choices) {
			str_add(b, ", \"choices\": [");
			for (size_t i = 0; k->choices[i]; i++) {
				str_add(b, i ? ", " : "");
				str_add_json_string(b, k->choices[i]);
			}
			str_add(b, "]");
		}
		str_add(b, ", \"doc\": ");
		str_add_json_string(b, k->doc);
		if (k->example) {
			str_add(b, ", \"example\": ");
			str_add_json_string(b, k->example);
		}
		if (k->sub) {
			str_add(b, ", \"keys\": ");
			json_rows(b, k->sub);
		}
		str_add(b, "}");
	}
	str_add(b, "]");
}

/* ---- the profile with every key ------------------------------------------------------------------------------------------ */
static struct node *example_node(struct arena *a, const struct key *k)
{
	const char *why;

	return k->example ? config_file_read_value(a, k->name, k->example, &why) : NULL;
}

/* Which rows the reference profile sets: the needed ones, and then as many as make the kind content. */
static bool is_content(struct arena *a, const struct check_kind *kind, const bool *active)
{
	struct problems problems = {.arena = a};
	struct fill fill = {.arena = a,
			    .problems = &problems,
			    .getenv = (const char *(*)(const char *))getenv,
			    .offline = true};
	struct node *group = arena_alloc(a, sizeof *group);
	void *conf = arena_alloc(a, kind->schema->size);
	const char *key;
	bool content;

	group->type = N_GROUP;
	for (size_t i = 0; kind->schema->keys[i].name; i++) {
		struct node *n = active[i] ? example_node(a, &kind->schema->keys[i]) : NULL;

		if (n)
			node_append(group, n);
	}
	content = schema_fill(kind->schema, group, kind->name, conf, &fill) == 0;
	content = content && (!kind->validate || !kind->validate(conf, &key));
	problems_free(&problems);
	return content;
}

static void choose_active(struct arena *a, const struct check_kind *kind, bool *active, size_t n)
{
	for (size_t i = 0; i < n; i++)
		active[i] = kind->schema->keys[i].flags & K_REQUIRED;
	if (is_content(a, kind, active))
		return;
	for (size_t i = 0; i < n; i++) {
		if (active[i] || !kind->schema->keys[i].example)
			continue;
		active[i] = true;
		if (is_content(a, kind, active))
			return;
		active[i] = false;
	}
}

static void reference_row(struct str *b, const struct key *k, const char *indent, bool active)
{
	str_addf(b, "%s# %s (", indent, k->doc);
	str_add(b, key_type_text(k));
	add_bounds(b, k);
	str_addf(b, ")\n%s%s%s = ", indent, active ? "" : "# ", k->name);
	if (k->example)
		str_add(b, k->example);
	else if (k->def && (k->type == K_INT || k->type == K_BOOL || k->type == K_NUM))
		str_add(b, k->def);
	else if (k->def && k->type == K_STRLIST)
		str_addf(b, "[\"%s\"]", k->def);
	else
		str_addf(b, "\"%s\"", k->def ? k->def : "...");
	str_add(b, ";\n");
	for (const struct key *s = k->sub ? k->sub->keys : NULL; s && s->name; s++) {
		str_addf(b, "%s#   %s: %s", indent, s->name, key_type_text(s));
		add_bounds(b, s);
		str_addf(b, ". %s\n", s->doc);
	}
}

static void reference_kind(struct str *b, const struct check_kind *kind)
{
	struct arena a = {0};
	bool active[64] = {false};
	size_t n = 0;

	while (kind->schema->keys[n].name)
		n++;
	invariant(n <= ARRAY_LEN(active));
	choose_active(&a, kind, active, n);
	str_addf(b, "%s# %s: %s\n%s: {\n\texample: {\n", b->len ? "\n" : "", kind->name,
		 kind->summary, kind->name);
	for (size_t i = 0; i < n; i++)
		reference_row(b, &kind->schema->keys[i], "\t\t", active[i]);
	str_add(b, "\t};\n};\n");
	arena_free(&a);
}

static void reference_profile(struct str *b)
{
	str_add(b, "# Every key of every kind. Made by `startguard explain --profile`; what is "
		   "commented out may be left out.\n\n");
	for (const struct key *k = top_schema.keys; k->name; k++)
		reference_row(b, k, "", k->flags & K_REQUIRED);
	str_add(b, "\n# Variables that loosen something, and where they may be set.\nswitches: "
		   "{\n\texample: {\n");
	for (const struct key *k = switch_schema.keys; k->name; k++)
		reference_row(b, k, "\t\t", k->flags & K_REQUIRED);
	str_add(b, "\t};\n};\n\n# Keys of every check:\n");
	for (const struct key *k = common_schema.keys; k->name; k++)
		reference_row(b, k, "# ", false);
	for (size_t i = 0; check_kind_at(i); i++)
		if (!check_kind_at(i)->unsupported)
			reference_kind(b, check_kind_at(i));
}

/* ---- topics ---------------------------------------------------------------------------------------------------------------- */
struct topic {
	const char *name, *summary;
	const struct schema *schema;
};

static const struct topic others[] = {
    {"profile", "keys at the top of a profile", &top_schema},
    {"common", "keys of every check", &common_schema},
    {"switches", "keys of a switch", &switch_schema},
};

static struct topic topic_at(size_t i)
{
	const struct check_kind *k;

	if (i < ARRAY_LEN(others))
		return others[i];
	k = check_kind_at(i - ARRAY_LEN(others));
	return k ? (struct topic){k->name, k->unsupported ? k->unsupported : k->summary, k->schema}
		 : (struct topic){0};
}

static void print_topic(struct str *b, const struct topic *t, enum print_as as)
{
	switch (as) {
	case AS_TEXT:
		str_addf(b, "%s: %s\n\n", t->name, t->summary);
		if (t->schema)
			text_rows(b, t->schema, 0);
		break;
	case AS_MAN:
		str_addf(b, ".SS %s\n", t->name);
		str_add_roff(b, t->summary);
		str_add(b, ".\n");
		if (t->schema)
			man_rows(b, t->schema);
		break;
	case AS_MARKDOWN:
		str_addf(b, "## %s\n\n%s\n\n", t->name, t->summary);
		if (t->schema) {
			str_add(b, "| key | value | meaning |\n| --- | --- | --- |\n");
			markdown_rows(b, t->schema, "");
			str_addc(b, '\n');
		}
		break;
	case AS_JSON:
		str_add(b, "{\"name\": ");
		str_add_json_string(b, t->name);
		str_add(b, ", \"summary\": ");
		str_add_json_string(b, t->summary);
		str_add(b, ", \"keys\": ");
		if (t->schema)
			json_rows(b, t->schema);
		else
			str_add(b, "null");
		str_add(b, "}");
		break;
	case AS_PROFILE:
		for (const struct key *k = t->schema ? t->schema->keys : NULL; k && k->name; k++)
			reference_row(b, k, "", k->flags & K_REQUIRED);
		break;
	}
}

static void print_all(struct str *b, enum print_as as)
{
	if (as == AS_JSON)
		str_add(b, "[\n  ");
	for (size_t i = 0; topic_at(i).name; i++) {
		struct topic t = topic_at(i);

		if (as == AS_TEXT) {
			str_addf(b, "  %-16s %s\n", t.name, t.summary);
			continue;
		}
		if (as == AS_JSON && i)
			str_add(b, ",\n  ");
		print_topic(b, &t, as);
	}
	if (as == AS_JSON)
		str_add(b, "\n]\n");
	if (as == AS_TEXT)
		str_add(b, "\nstartguard explain NAME shows the keys, NAME.KEY one of them.\n");
}

static int unknown(struct err *err, const char *what, const char *word, const char *const *words)
{
	return err_make(err, 0, "no %s \"%s\"%s", what, word,
			did_you_mean(nearest_word(word, words)).text);
}

static int print_key(struct str *b, const struct topic *t, const char *name, enum print_as as,
		     struct err *err)
{
	const struct key *k = t->schema ? schema_find(t->schema, name) : NULL;
	struct key one[2] = {{.name = NULL}, {.name = NULL}};
	struct schema alone = {.name = t->name, .keys = one};
	const char *near = t->schema ? schema_nearest(t->schema, name) : NULL;

	if (!k && schema_find(&common_schema, name))
		return print_key(b, &others[1], name, as, err);
	if (!k)
		return err_make(err, 0, "%s has no key \"%s\"%s", t->name, name,
				did_you_mean(near).text);
	/* cppcheck-suppress unreadVariable ; `alone` has it */
	one[0] = *k;
	print_topic(b, &(struct topic){t->name, t->summary, &alone}, as);
	return 0;
}

int explain(struct str *b, const char *topic, enum print_as as, struct err *err)
{
	const char *dot = topic ? strchr(topic, '.') : NULL, *words[64] = {NULL};
	size_t len = dot ? (size_t)(dot - topic) : topic ? strlen(topic) : 0;
	const struct check_kind *kind;

	if (!topic && as == AS_PROFILE) {
		reference_profile(b);
		return 0;
	}
	if (!topic) {
		print_all(b, as);
		return 0;
	}
	for (size_t i = 0; topic_at(i).name; i++) {
		struct topic t = topic_at(i);

		words[i] = t.name;
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): topic_at(i) is the same as in the loop's head */
		if (strlen(t.name) != len || strncmp(t.name, topic, len) != 0)
			continue;
		if (dot && print_key(b, &t, dot + 1, as, err) < 0)
			return -1;
		kind = as == AS_PROFILE ? check_kind_find(t.name) : NULL;
		if (!dot && kind && !kind->schema)
			str_addf(b, "# %s: %s\n", t.name, t.summary);
		else if (!dot && kind)
			reference_kind(b, kind);
		else if (!dot)
			print_topic(b, &t, as);
		if (as == AS_JSON)
			str_addc(b, '\n');
		return 0;
	}
	return unknown(err, "kind", topic, words);
}

/* ---- codes -------------------------------------------------------------------------------------------------------------------- */
static void print_code(struct str *b, const struct diag_info *d, enum print_as as)
{
	if (as == AS_MARKDOWN) {
		str_addf(b, "| `%s` | %s | %s | %s | %s |\n", d->code, phase_name(d->phase),
			 d->retryable ? "yes" : "no", d->title, d->hint);
	} else if (as == AS_JSON) {
		str_addf(b,
			 "  {\"code\": \"%s\", \"phase\": \"%s\", \"verdict\": \"%s\", "
			 "\"retryable\": %s, \"title\": ",
			 d->code, phase_name(d->phase),
			 d->result == RESULT_BROKEN ? "broken" : "fail",
			 d->retryable ? "true" : "false");
		str_add_json_string(b, d->title);
		str_add(b, ", \"hint\": ");
		str_add_json_string(b, d->hint);
		str_add(b, "}");
	} else {
		str_addf(b, "%-30s %-9s %-10s %s\n", d->code, phase_name(d->phase),
			 d->retryable ? "retried" : "final", d->title);
	}
}

static int print_one_code(struct str *b, const char *code, enum print_as as, struct err *err)
{
	const char *words[D__COUNT + 1] = {NULL};
	enum diag_code found = diag_find(code);
	const struct diag_info *d;

	for (enum diag_code c = D_NONE + 1; c < D__COUNT; c++)
		words[c - 1] = diag_info(c)->code;
	if (found == D_NONE)
		return unknown(err, "code", code, words);
	d = diag_info(found);
	print_code(b, d, as);
	if (as == AS_TEXT)
		str_addf(b, "  hint: %s\n", d->hint);
	if (as == AS_JSON)
		str_addc(b, '\n');
	return 0;
}

int explain_codes(struct str *b, const char *code, enum print_as as, struct err *err)
{
	if (code)
		return print_one_code(b, code, as, err);
	if (as == AS_MARKDOWN)
		str_add(b, "# Diagnoses\n\nMade by `startguard codes --markdown`. \"Retried\" says "
			   "whether waiting can help.\n\n"
			   "| code | phase | retried | meaning | what to do |\n| --- | --- | --- | "
			   "--- | --- |\n");
	if (as == AS_JSON)
		str_add(b, "[\n");
	for (enum diag_code c = D_NONE + 1; c < D__COUNT; c++) {
		print_code(b, diag_info(c), as);
		if (as == AS_JSON)
			str_add(b, c + 1 < D__COUNT ? ",\n" : "\n");
	}
	if (as == AS_JSON)
		str_add(b, "]\n");
	return 0;
}

/* ---- show ----------------------------------------------------------------------------------------------------------------------- */
static void show_row(struct str *b, const struct key *k, const void *conf, int indent)
{
	if (!key_is_given(k, conf))
		return;
	str_addf(b, "%*s%s = ", indent, "", k->name);
	key_print(k, conf, b, indent);
	str_add(b, ";\n");
}

static void show_rows(struct str *b, const struct schema *s, const void *conf, int indent)
{
	for (const struct key *k = s->keys; k->name; k++)
		show_row(b, k, conf, indent);
}

/* What is printed is a profile again: no name twice, no keys that exclude each other. */
static bool goes_without_saying(const struct profile_check *c, const char *key)
{
	const struct common_conf *common = &c->common;
	const struct key *own =
	    schema_find(c->kind->schema, key); /* the kind's, of the same name */

	if (own && key_is_given(own, c->conf))
		return true;
	if (str_eq(key, "required"))
		return common->required_in.n > 0;
	/* The default may be longer than timeout, and does not count then. */
	return str_eq(key, "attempt_timeout") && duration_is_set(common->timeout) &&
	       common->attempt_timeout.ns > common->timeout.ns;
}

static void show_common(struct str *b, const struct profile_check *c)
{
	for (const struct key *k = common_schema.keys; k->name; k++)
		if (!goes_without_saying(c, k->name))
			show_row(b, k, &c->common, 4);
}

/* A name that libconfig reads: one from a URL may be any text. */
static void show_name(struct str *b, const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '*')
		str_addc(b, 'w');
	for (; *name; name++)
		str_addc(b, isalnum((unsigned char)*name) || strchr("-_*", *name) ? *name : '_');
}

static void show_check(struct str *b, const struct profile_check *c)
{
	str_add(b, "  ");
	show_name(b, c->name);
	str_addf(b, ": { # %s: %s%s%s\n", c->id, c->required ? "required" : "may degrade",
		 c->waived_by ? ", waived by "
		 : c->skipped ? ", left out"
			      : "",
		 c->waived_by ? c->waived_by->set_by : "");
	show_rows(b, c->kind->schema, c->conf, 4);
	show_common(b, c);
	str_add(b, "  };\n");
}

void explain_profile(struct str *b, const struct profile *p)
{
	const struct top_conf top = {.service = p->service};
	const char *open = NULL;
	char span[32];

	str_add(b, "startguard = 1;\nservice = ");
	key_print(schema_find(&top_schema, "service"), &top, b, 0);
	str_addf(b, ";\nmode = \"%s\";\ntimeout = \"%s\";\nparallel = %zu;\n", mode_name(p->mode),
		 p->timeout.ns == INT64_MAX ? "0" : duration_unparse(p->timeout, span, sizeof span),
		 p->parallel);
	if (p->top && p->top->modes) {
		str_add(b, "modes: {\n");
		show_rows(b, &modes_schema, p->top->modes, 2);
		str_add(b, "};\n");
	}
	for (size_t i = 0; i < p->n_switches; i++) {
		str_addf(b, "%s  %s: { # %s%s\n", i ? "" : "switches: {\n", p->switches[i].name,
			 p->switches[i].set_by ? "on by " : "off",
			 p->switches[i].set_by ? p->switches[i].set_by : "");
		show_rows(b, &switch_schema, &p->switches[i].conf, 4);
		str_addf(b, "  };\n%s", i + 1 == p->n_switches ? "};\n" : "");
	}
	for (size_t i = 0; i < p->n; i++) {
		if (!open || !str_eq(open, p->checks[i].kind->name))
			str_addf(b, "%s%s: {\n", open ? "};\n" : "", p->checks[i].kind->name);
		open = p->checks[i].kind->name;
		show_check(b, &p->checks[i]);
	}
	str_add(b, open ? "};\n" : "");
}

/* ---- version ---------------------------------------------------------------------------------------------------------------------- */
/* How children are fenced is a fact of the build too; what the kernel at hand refuses, run -v says. */
static void add_sandbox(struct str *b, bool json)
{
	const char *library = sandbox_library();

	if (json) {
		str_add(b, "], \"fence\": {\"seccomp\": ");
		if (library)
			str_add_json_string(b, library);
		else
			str_add(b, "false");
		str_addf(b, ", \"landlock\": %s}", sandbox_knows_landlock() ? "true" : "false");
		return;
	}
	if (library)
		str_addf(b, "  %s\n", library);
	else
		str_add(b, "  without system call filter: built without libseccomp\n");
	if (!sandbox_knows_landlock())
		str_add(b, "  without Landlock: built with old kernel headers\n");
}

static void add_library(struct str *b, const char *library, bool json, const char **sep)
{
	if (strstr(b->s, library)) /* several kinds share one */
		return;
	if (json) {
		str_add(b, *sep);
		str_add_json_string(b, library);
		*sep = ", ";
	} else {
		str_addf(b, "  %s\n", library);
	}
}

void explain_version(struct str *b, enum print_as as)
{
	bool json = as == AS_JSON;
	const char *sep = "";

	str_addf(b, json ? "{\"startguard\": \"%s\", \"libraries\": [" : "startguard %s\n",
		 STARTGUARD_VERSION);
	add_library(b, config_file_library(), json, &sep);
	for (size_t i = 0; check_kind_at(i); i++)
		if (check_kind_at(i)->library)
			add_library(b, check_kind_at(i)->library(), json, &sep);
	add_sandbox(b, json);
	str_add(b, json ? ", \"kinds\": {" : "");
	sep = "";
	for (size_t i = 0; check_kind_at(i); i++) {
		const struct check_kind *k = check_kind_at(i);

		if (json)
			str_addf(b, "%s\"%s\": %s", sep, k->name,
				 k->unsupported ? "false" : "true");
		else if (k->unsupported)
			str_addf(b, "  without %s: %s\n", k->name, k->unsupported);
		sep = ", ";
	}
	str_add(b, json ? "}}\n" : "");
}
