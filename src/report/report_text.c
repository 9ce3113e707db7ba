#include "report_text.h"

#define ID_WIDTH_MAX 40
#define NAMED_MAX 5 /* checks that the summary line names */

/* Yellow cannot be read on white, so the words that it would mark are bold. Red, green and magenta are those of the terminal's theme,
 * which fit its background. */
#define BOLD "\033[1m"

static const struct {
	const char *text, *color;
} labels[] = {
    [OUTCOME_PASS] = {"PASS", "\033[32m"},     [LABEL_WAIT] = {"WAIT", BOLD},
    [OUTCOME_FAIL] = {"FAIL", "\033[31m"},     [OUTCOME_DEGRADED] = {"DEGRADED", BOLD},
    [OUTCOME_BROKEN] = {"BROKEN", "\033[35m"}, [OUTCOME_WAIVED] = {"WAIVED", BOLD},
    [OUTCOME_SKIPPED] = {"SKIPPED", BOLD},     [OUTCOME_PENDING] = {"PENDING", BOLD},
};

int text_id_width(int width, const char *id, unsigned columns)
{
	int len = (int)strlen(id), max = columns ? (int)columns / 3 : ID_WIDTH_MAX;

	max = max < ID_WIDTH_MAX ? max : ID_WIDTH_MAX;
	return len > width && len <= max ? len : width;
}

struct text_style text_style(const struct profile *p, bool color, unsigned columns)
{
	struct text_style s = {.color = color};

	for (size_t i = 0; i < p->n; i++)
		s.id_width = text_id_width(s.id_width, p->checks[i].id, columns);
	return s;
}

/* ---- lines ----------------------------------------------------------------------------------------------------------- */
void text_title(struct str *b, const struct run *run)
{
	const struct profile *p = run->profile;
	char time[32];

	str_addf(b, "startguard %s", STARTGUARD_VERSION);
	if (!str_eq(p->service, "-")) /* checks of -w and of try belong to no service */
		str_addf(b, " · %s", p->service);
	str_addf(b, " · mode %s · %zu check%s · %s%s\n", mode_name(p->mode), p->n, plural(p->n),
		 run->plan.one_round ? "one round, " : "",
		 p->timeout.ns == INT64_MAX ? "no time limit"
					    : duration_unparse(p->timeout, time, sizeof time));
}

void text_line(struct str *b, const struct text_style *s, enum outcome label, const char *id,
	       struct duration elapsed, const char *text)
{
	char time[32] = "";

	if (duration_is_set(elapsed))
		duration_text(elapsed, time, sizeof time);
	str_addf(b, "%s%-9s%s %-*s %8s  %s", s->color ? labels[label].color : "",
		 labels[label].text, s->color ? "\033[0m" : "", s->id_width, id, time, text);
	while (b->s[b->len - 1] == ' ') /* no trailing blanks when `text` is empty */
		b->s[--b->len] = '\0';
	str_addc(b, '\n');
}

static void add_code(struct str *b, const struct check_outcome *res, int attempts)
{
	if (res->diag.code != D_NONE)
		str_addf(b, "%s%s%s", diag_info(res->diag.code)->code,
			 res->diag.subject[0] ? " " : "", res->diag.subject);
	if (attempts > 1)
		str_addf(b, " (%d attempts)", attempts);
}

void text_finding(struct str *b, const struct check_outcome *res, int attempts)
{
	add_code(b, res, attempts);
	if (res->diag.cause[0])
		str_addf(b, "%s%s", b->len ? ": " : "", res->diag.cause);
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------- */
static void add_detail(struct str *b, const char *label, const char *text)
{
	if (text && *text)
		str_addf(b, "          %-9s%s\n", label, text);
}

static void add_reached(struct str *b, const struct check_outcome *res)
{
	if (res->n_reached == 0)
		return;
	str_add(b, "          reached: ");
	for (size_t i = 0; i < res->n_reached; i++)
		str_addf(b, "%s%s", i ? ", " : "", res->reached[i]);
	str_addc(b, '\n');
}

/* "seen: 11 x connect-refused, 1 x redis-loading", when there was more than one code. */
static void add_history(struct str *b, const struct check_outcome *res)
{
	if (res->n_history < 2)
		return;
	str_add(b, "          seen:    ");
	for (size_t i = 0; i < res->n_history; i++)
		str_addf(b, "%s%d x %s", i ? ", " : "", res->history[i].count,
			 diag_info(res->history[i].code)->code);
	str_addc(b, '\n');
}

const char *text_hint(const struct check_outcome *res)
{
	return res->diag.hint[0] || res->diag.code == D_NONE ? res->diag.hint
							     : diag_info(res->diag.code)->hint;
}

void text_block(struct str *b, const struct text_style *s, enum outcome label,
		const struct run *run, size_t i, struct duration elapsed, int attempts)
{
	const struct profile_check *c = &run->profile->checks[i];
	const struct check_outcome *res = &run->outcomes[i];
	cleanup_str struct str code;

	str_init(&code, 4096);
	add_code(&code, res, attempts);
	text_line(b, s, label, c->id, elapsed, code.s);
	add_reached(b, res);
	add_detail(b, "cause:", diag_cause(&res->diag));
	add_history(b, res);
	if (outcome_lost(label))
		add_detail(b, "lost:", c->common.degraded);
	add_detail(b, "hint:", text_hint(res));
}

void text_facts(struct str *b, const struct check_outcome *res)
{
	for (size_t i = 0; i < res->n_facts; i++)
		str_addf(b, "          %s: %s\n", res->facts[i].key, res->facts[i].value);
}

/* ---- the run --------------------------------------------------------------------------------------------------------- */
void text_times(struct str *b, const struct run *run, struct instant now)
{
	char time[32];

	str_add(b, duration_text(instant_since(run->started, now), time, sizeof time));
	if (!instant_is_never(run->plan.deadline))
		str_addf(b, ", %s left",
			 duration_text(instant_since(now, run->plan.deadline), time, sizeof time));
}

void text_waiting(struct str *b, const struct run *run, struct instant now)
{
	size_t waiting = 0, named = 0;

	for (size_t i = 0; i < run->plan.n; i++)
		waiting += plan_undecided(&run->plan.checks[i]);
	str_add(b, "startguard: waiting since ");
	text_times(b, run, now);
	str_addf(b, ", for %zu of %zu checks:", waiting, run->profile->n);
	for (size_t i = 0; i < run->plan.n && named < NAMED_MAX; i++) {
		if (!plan_undecided(&run->plan.checks[i]))
			continue;
		str_addf(b, "%s %s", named++ ? "," : "", run->profile->checks[i].id);
		if (run->outcomes[i].diag.code != D_NONE)
			str_addf(b, " (%s)", diag_info(run->outcomes[i].diag.code)->code);
	}
	str_add(b, waiting > named ? ", ...\n" : "\n");
}

/* Only the word after "startguard: " is coloured, so that the line begins with the same bytes everywhere. */
void text_verdict(struct str *b, const struct text_style *s, const struct run *run)
{
	static const enum outcome like[] = {[RUN_READY] = OUTCOME_PASS,
					    [RUN_DEGRADED] = OUTCOME_DEGRADED,
					    [RUN_BLOCKED] = OUTCOME_FAIL};
	size_t name = strcspn(run->summary, " ") + 1, word = strcspn(run->summary + name, " :");

	if (s->color)
		str_addf(b, "%.*s%s%.*s\033[0m%s\n", (int)name, run->summary,
			 labels[like[run->verdict]].color, (int)word, run->summary + name,
			 run->summary + name + word);
	else
		str_addf(b, "%s\n", run->summary);
}

/* ---- termination message --------------------------------------------------------------------------------------------- */
#define MORE_MAX 32 /* "... and 12345678 more\n" */

/* Adds as many lines as fit, each cut at `width` bytes. Returns how many checks were left out. */
static size_t add_unpassed_checks(struct str *b, const struct run *run, size_t width)
{
	size_t left_out = 0;

	for (size_t i = 0; i < run->profile->n; i++) {
		const struct check_outcome *res = &run->outcomes[i];
		char line[TERMINATION_MAX];
		cleanup_str struct str whole = {0};

		if (res->outcome == OUTCOME_PASS)
			continue;
		str_init(&whole, sizeof line);
		str_addf(&whole, "%s %s ", labels[res->outcome].text, run->profile->checks[i].id);
		add_code(&whole, res, 0);
		str_addf(&whole, "%s%s", res->diag.cause[0] ? ": " : "", res->diag.cause);
		text_clean(line, width < sizeof line ? width : sizeof line, whole.s);
		if (left_out > 0 || b->len + strlen(line) + 1 > b->max - MORE_MAX)
			left_out++;
		else
			str_addf(b, "%s\n", line);
	}
	return left_out;
}

void text_termination(struct str *b, const struct run *run)
{
	static const size_t widths[] = {TERMINATION_MAX, 320, 160, 100};
	char verdict[TERMINATION_MAX - MORE_MAX - 1];
	size_t left_out = 0;

	text_clean(verdict, sizeof verdict, run->summary);
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		str_reset(b);
		str_addf(b, "%s\n", verdict);
		left_out = add_unpassed_checks(b, run, widths[i]);
		if (left_out == 0)
			return;
	}
	str_addf(b, "... and %zu more\n", left_out);
}
