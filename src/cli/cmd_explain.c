#include "cmd.h"
#include "config_file.h"
#include "kinds.h"

/* ---- one row ------------------------------------------------------------------------------------------------------- */
/* Appends ": read, write; needed; default 5s; 10ms to 1h", as far as the row has them. */
static void add_bounds(struct str *b, const struct key *k)
{
	if (k->choices) {
		str_add(b, k->type == K_STRLIST ? " of " : ": ");
		str_add_joined(b, k->choices, ", ");
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

static void json_choices(struct str *b, const char *const *choices)
{
	str_add(b, "[");
	for (size_t i = 0; choices[i]; i++) {
		str_add(b, i ? ", " : "");
		str_add_json_string(b, choices[i]);
	}
	str_add(b, "]");
}

static void json_rows(struct str *b, const struct schema *s)
{
	str_add(b, "[");
	for (const struct key *k = s->keys; k->name; k++) {
		const char *sep = k == s->keys ? "\n    {" : ",\n    {";

		str_add_json_field(b, "name", k->name, &sep);
		str_add_json_field(b, "type", key_type_text(k), &sep);
		str_addf(b, ", \"required\": %s", k->flags & K_REQUIRED ? "true" : "false");
		if (k->def)
			str_add_json_field(b, "default", k->def, &sep);
		if (k->choices) {
			str_add_json_key(b, "choices", &sep);
			json_choices(b, k->choices);
		}
		str_add_json_field(b, "doc", k->doc, &sep);
		if (k->example)
			str_add_json_field(b, "example", k->example, &sep);
		if (k->sub) {
			str_add_json_key(b, "keys", &sep);
			json_rows(b, k->sub);
		}
		str_add(b, "}");
	}
	str_add(b, "]");
}

/* ---- the profile with every key ------------------------------------------------------------------------------------------ */
/* Does the kind's validate accept the examples of these rows? */
static bool accepts_examples(struct arena *a, const struct check_kind *kind, const bool *active)
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
		const struct key *k = &kind->schema->keys[i];

		if (active[i] && k->example)
			node_append(group, config_file_read_value(a, k->name, k->example));
	}
	content = schema_fill(kind->schema, group, kind->name, conf, &fill) == 0;
	content = content && (!kind->validate || !kind->validate(conf, &key));
	problems_free(&problems);
	return content;
}

/* Chooses the rows that the reference profile sets: the required ones, then others until the kind accepts them. */
static void choose_active(struct arena *a, const struct check_kind *kind, bool *active, size_t n)
{
	for (size_t i = 0; i < n; i++)
		active[i] = kind->schema->keys[i].flags & K_REQUIRED;
	if (accepts_examples(a, kind, active))
		return;
	for (size_t i = 0; i < n; i++) {
		if (active[i] || !kind->schema->keys[i].example)
			continue;
		active[i] = true;
		if (accepts_examples(a, kind, active))
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
	/* The first row, env, is one of two places where the flag may stand: the example needs one of them. */
	for (const struct key *k = switch_schema.keys; k->name; k++)
		reference_row(b, k, "\t\t", k->flags & K_REQUIRED || k == switch_schema.keys);
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
	const char *sep = "{";

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
		str_add_json_field(b, "name", t->name, &sep);
		str_add_json_field(b, "summary", t->summary, &sep);
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
	size_t i = 0;

	if (as == AS_JSON)
		str_add(b, "[\n  ");
	for (struct topic t; (t = topic_at(i)).name; i++) {
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

static int print_key(struct str *b, const struct topic *t, const char *path, enum print_as as,
		     struct err *err)
{
	char name[64];
	size_t n = (size_t)snprintf(name, sizeof name, "%.*s", (int)strcspn(path, "."), path);
	const struct key *k = t->schema ? schema_find(t->schema, name) : NULL;
	struct key one[2] = {{.name = NULL}, {.name = NULL}};
	struct schema alone = {.keys = one};
	const char *near = t->schema ? schema_nearest(t->schema, name) : NULL;

	if (!k && t->schema != &common_schema && schema_find(&common_schema, name))
		return print_key(b, &others[1], path, as, err);
	if (k && path[n] == '.' && k->sub)
		return print_key(b, &(struct topic){t->name, t->summary, k->sub}, path + n + 1, as,
				 err);
	if (!k || path[n])
		return err_make(err, 0, "%s has no key \"%s\"%s", t->name, path,
				did_you_mean(near).text);
	/* cppcheck-suppress unreadVariable ; `alone` has it */
	one[0] = *k;
	print_topic(b, &(struct topic){t->name, t->summary, &alone}, as);
	return 0;
}

/* Appends "redis.url, http.url": the places of a key that is given without its kind. */
static void add_places(struct str *b, const char *name)
{
	size_t i = 0;

	for (struct topic t; (t = topic_at(i)).name; i++)
		if (t.schema && schema_find(t.schema, name))
			str_addf(b, "%s%s.%s", b->len ? ", " : "", t.name, name);
}

static int refuse_topic(const char *topic, const char *const *names, struct err *err)
{
	cleanup_str struct str places = {.s = NULL};

	str_init(&places, 512);
	add_places(&places, topic);
	if (places.len)
		return err_make(err, 0, "no kind \"%s\"; keys of this name: %s", topic, places.s);
	if (diag_find(topic) != D_NONE)
		return err_make(err, 0, "no kind \"%s\"; it is a diagnosis: startguard codes %s",
				topic, topic);
	return err_make(err, 0, "no kind \"%s\"%s", topic,
			did_you_mean(nearest_word(topic, names)).text);
}

int cmd_explain(struct str *b, const struct cli *cli, struct err *err)
{
	const char *topic = cli->n_words ? cli->words[0] : NULL;
	enum print_as as = cli->as;
	const char *dot = topic ? strchr(topic, '.') : NULL, *names[64] = {NULL};
	size_t len = topic ? strcspn(topic, ".") : 0, i = 0;
	const struct check_kind *kind;

	if (!topic && as == AS_PROFILE) {
		reference_profile(b);
		return 0;
	}
	if (!topic) {
		print_all(b, as);
		return 0;
	}
	for (struct topic t; (t = topic_at(i)).name; i++) {
		names[i] = t.name;
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
	return refuse_topic(topic, names, err);
}
