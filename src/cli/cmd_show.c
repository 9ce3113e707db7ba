#include <ctype.h>

#include "cmd.h"
#include "console.h"

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

/* Would this common key make the output an invalid profile, as a repeated name or by excluding another key? */
static bool is_left_out(const struct profile_check *c, const char *key)
{
	const struct common_conf *common = &c->common;
	/* The kind may have a key of the same name. */
	const struct key *own = schema_find(c->kind->schema, key);

	if (own && key_is_given(own, c->conf))
		return true;
	if (str_eq(key, "required"))
		return common->required_in.n > 0;
	/* A default that is longer than timeout has no effect. */
	return str_eq(key, "attempt_timeout") && duration_is_set(common->timeout) &&
	       common->attempt_timeout.ns > common->timeout.ns;
}

static void show_common(struct str *b, const struct profile_check *c)
{
	for (const struct key *k = common_schema.keys; k->name; k++)
		if (!is_left_out(c, k->name))
			show_row(b, k, &c->common, 4);
}

/* Appends the name in a form that libconfig accepts: a check from a URL may have any name. */
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

void show_profile(struct str *b, const struct profile *p)
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

static int print_profile(const struct profile *profile, const struct problems *problems)
{
	cleanup_str struct str b;
	int code;

	str_init(&b, CMD_TEXT_MAX);
	show_profile(&b, profile);
	scrub(b.s); /* what ${NAME} took from variables with a secret */
	b.len = strlen(b.s);
	code = cmd_print(&b);
	if (code == 0 && problems->policies)
		log_line("show: mode %s refuses this profile: %zu problem%s",
			 mode_name(profile->mode), problems->policies, plural(problems->policies));
	return code ? code : cmd_problems_exit(problems);
}

int cmd_show(const struct cli *cli)
{
	struct profile profile = {0};
	struct problems problems = {.arena = &profile.arena};
	int code;

	profile_load(&profile, &cli->profile, &problems);
	cmd_print_problems(&problems, true, true);
	if (problems.errors) {
		log_line("show: %zu error%s in the profile", problems.errors,
			 plural(problems.errors));
		code = cmd_problems_exit(&problems);
	} else {
		code = print_profile(&profile, &problems);
	}
	problems_free(&problems);
	arena_free(&profile.arena);
	return code;
}
