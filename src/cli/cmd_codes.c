#include "cmd.h"

#define CODES_SHOWN 500 /* bytes of codes after which a message names no more */

static void print_code(struct str *b, const struct diag_info *d, enum print_as as)
{
	const char *sep = "  {";

	if (as == AS_MARKDOWN) {
		str_addf(b, "| `%s` | %s | %s | %s | %s |\n", d->code, phase_name(d->phase),
			 d->retryable ? "yes" : "no", d->title, d->hint);
	} else if (as == AS_JSON) {
		str_add_json_field(b, "code", d->code, &sep);
		str_add_json_field(b, "phase", phase_name(d->phase), &sep);
		str_add_json_field(b, "verdict", d->result == RESULT_BROKEN ? "broken" : "fail",
				   &sep);
		str_addf(b, ", \"retryable\": %s", d->retryable ? "true" : "false");
		str_add_json_field(b, "title", d->title, &sep);
		str_add_json_field(b, "hint", d->hint, &sep);
		str_add(b, "}");
	} else {
		str_addf(b, "%-30s %-9s %-10s %s\n", d->code, phase_name(d->phase),
			 d->retryable ? "retried" : "final", d->title);
	}
}

/* Appends "connect-refused, ...": the codes that hold the word, as many as the message has room for. */
static void add_codes_with(struct str *b, const char *word)
{
	for (enum diag_code c = D_NONE + 1; *word && c < D__COUNT; c++)
		if (strstr(diag_info(c)->code, word) && b->len < CODES_SHOWN)
			str_addf(b, "%s%s", b->len ? ", " : "", diag_info(c)->code);
}

static int refuse_code(const char *code, struct err *err)
{
	const char *codes[D__COUNT + 1] = {NULL};
	cleanup_str struct str found = {.s = NULL};

	for (enum diag_code c = D_NONE + 1; c < D__COUNT; c++)
		codes[c - 1] = diag_info(c)->code;
	str_init(&found, 1024);
	add_codes_with(&found, code);
	if (found.len)
		return err_make(err, 0, "no code \"%s\"; with this word: %s", code, found.s);
	if (!code[strspn(code, "0123456789")])
		return err_make(
		    err, 0, "no code \"%s\"; exit statuses are listed by: startguard help", code);
	if (check_kind_find(code))
		return err_make(err, 0, "no code \"%s\"; it is a kind: startguard explain %s", code,
				code);
	return err_make(err, 0, "no code \"%s\"%s", code,
			did_you_mean(nearest_word(code, codes)).text);
}

static int print_one_code(struct str *b, const char *code, enum print_as as, struct err *err)
{
	enum diag_code found = diag_find(code);
	const struct diag_info *d;

	if (found == D_NONE)
		return refuse_code(code, err);
	d = diag_info(found);
	print_code(b, d, as);
	if (as == AS_TEXT)
		str_addf(b, "  hint: %s\n", d->hint);
	if (as == AS_JSON)
		str_addc(b, '\n');
	return 0;
}

int cmd_codes(struct str *b, const struct cli *cli, struct err *err)
{
	enum print_as as = cli->as;

	if (cli->n_words)
		return print_one_code(b, cli->words[0], as, err);
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
