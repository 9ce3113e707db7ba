#include "cmd.h"
#include "console.h"

static void add_uses(struct str *out, const struct profile *p, bool needed, const char *sep)
{
	for (size_t i = 0; i < p->uses.n; i++) {
		const struct variable_use *v = &p->uses.v[i];

		if (v->needed != needed)
			continue;
		str_addf(out, "%s%s%s", sep, v->name, v->secret ? " (secret)" : "");
		sep = ", ";
	}
}

/* Writes "p.cfg: needs the variables A, B (secret); takes C" to stdout. */
static int print_uses(const struct profile *p)
{
	struct str out;
	const char *sep = ": needs the variables ";
	int code;

	if (p->uses.n == 0)
		return 0;
	str_init(&out, CMD_TEXT_MAX);
	str_add(&out, p->path);
	add_uses(&out, p, true, sep);
	add_uses(&out, p, false, strstr(out.s, sep) ? "; takes " : ": takes the variables ");
	str_addc(&out, '\n');
	code = cmd_print(&out);
	str_free(&out);
	return code;
}

int cmd_lint(const struct cli *cli)
{
	const char *are = cli->n_words == 1 ? " is" : "s are";
	int worst = 0;
	size_t bad = 0;

	for (size_t i = 0; i < cli->n_words; i++) {
		struct profile profile = {0};
		struct problems problems = {.arena = &profile.arena};
		struct profile_options o = cli->profile;
		int code;

		o.profile = cli->words[i];
		o.offline = true;
		profile_load(&profile, &o, &problems);
		cmd_print_problems(&problems, true, true);
		code = cmd_problems_exit(&problems);
		bad += code != 0;
		worst = code > worst ? code : worst;
		code = problems.errors ? 0 : print_uses(&profile);
		worst = code > worst ? code : worst;
		problems_free(&problems);
		arena_free(&profile.arena);
	}
	if (bad)
		log_line("lint: %zu of %zu profile%s wrong", bad, cli->n_words, are);
	else
		log_line("lint: %zu profile%s fine", cli->n_words, are);
	return worst;
}
