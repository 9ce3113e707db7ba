#include "cmd.h"
#include "console.h"

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
		cmd_print_problems(&problems, true);
		code = cmd_problems_exit(&problems);
		bad += code != 0;
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
