#include "cmd.h"

#include <errno.h>
#include <unistd.h>

#include "console.h"

bool cmd_is_run(const struct cli *cli)
{
	return cli->command == CMD_RUN || cli->command == CMD_CHECK || cli->command == CMD_TRY;
}

int cmd_print(const struct str *text)
{
	if (fd_write_all(STDOUT_FILENO, text->s, text->len) == 0)
		return 0;
	log_line("stdout: %s", strerror(errno));
	return EXIT_OWN;
}

void cmd_problem_text(struct str *out, const struct problem *p)
{
	problem_text(out, p);
	if (p->code != D_NONE)
		str_addf(out, " [%s]", diag_info(p->code)->code);
}

void cmd_print_problems(const struct problems *problems, bool warnings, bool errors)
{
	struct str b;

	str_init(&b, CMD_TEXT_MAX);
	for (size_t i = 0; i < problems->n; i++) {
		if (!(problems->v[i].kind == PROBLEM_WARNING ? warnings : errors))
			continue;
		cmd_problem_text(&b, &problems->v[i]);
		str_addc(&b, '\n');
	}
	console_write(b.s, b.len);
	console_flush();
	str_free(&b);
}

int cmd_problems_exit(const struct problems *p)
{
	if (p->errors)
		return p->errors > p->usages ? EXIT_PROFILE : EXIT_USAGE;
	return p->policies ? EXIT_POLICY : 0;
}
