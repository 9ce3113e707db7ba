#include "live.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_AFTER DURATION_MS(100) /* a shorter run needs no view */
#define BETWEEN DURATION_MS(100)
#define REDRAW_EACH DURATION_S(1) /* updates the shown times */
#define ABOVE_MAX (4 * 1024 * 1024)
#define ERASE_LINE "\033[K"   /* from the cursor to the end of the row */
#define ERASE_SCREEN "\033[J" /* from the cursor to the end of the screen */
/* Erases the whole view. It never erases from the screen's first cell on: tmux keeps what stood there, in its scrollback. */
#define ERASE_VIEW "\r " ERASE_SCREEN "\r" ERASE_LINE

bool live_possible(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) == 1 && term && *term && !str_eq(term, "dumb");
}

struct live_size live_size(int fd)
{
	struct winsize w = {0};

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return (struct live_size){0};
	return (struct live_size){.rows = w.ws_row, .columns = w.ws_col};
}

void live_begin(struct live *l, const struct run *run, bool on)
{
	*l = (struct live){.on = on, .not_before = instant_after(run->started, FIRST_AFTER)};
	l->redraw = l->not_before;
	str_init(&l->above, ABOVE_MAX);
}

void live_free(struct live *l)
{
	str_free(&l->above);
}

bool live_keep(struct live *l, const struct str *text)
{
	if (!l->drawn)
		return false;
	str_addn(&l->above, text->s, text->len);
	return true;
}

/* ---- one check ------------------------------------------------------------------------------------------------------- */
static size_t count_undecided(const struct run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->plan.n; i++)
		n += plan_undecided(&run->plan.checks[i]);
	return n;
}

/* Returns the first check that `c` comes after and that has not passed yet. */
static const char *awaited_check(const struct run *run, const struct plan_check *c)
{
	for (size_t i = 0; i < c->n_after; i++)
		if (run->plan.checks[c->after[i]].state != PS_PASSED)
			return run->profile->checks[c->after[i]].id;
	return "";
}

static void add_state(struct str *b, const struct run *run, size_t k)
{
	const struct plan_check *c = &run->plan.checks[k];
	const struct check_outcome *res = &run->outcomes[k];

	if (res->diag.code != D_NONE)
		text_finding(b, res, c->attempts);
	else if (c->state == PS_WAITING)
		str_addf(b, "comes after %s", awaited_check(run, c));
	else if (c->attempts == 0)
		str_add(b, "waits for its turn");
	else
		str_add(b, res->step[0] ? res->step : "started");
}

/* Returns the width of the column of ids: that of the longest one shown which leaves room for the rest. */
static int shown_id_width(const struct run *run, unsigned columns)
{
	int width = 0;

	for (size_t k = 0; k < run->plan.n; k++)
		if (plan_undecided(&run->plan.checks[k]))
			width = text_id_width(width, run->profile->checks[k].id, columns);
	return width;
}

/* FNV-1a. Two drawings with the same digest by chance would only delay an update by a second. */
static uint64_t digest_of(const struct run *run, struct live_size size)
{
	uint64_t d = 14695981039346656037u;
	cleanup_str struct str b;

	str_init(&b, ABOVE_MAX);
	str_addf(&b, "%u %u", size.rows, size.columns);
	for (size_t k = 0; k < run->plan.n; k++)
		if (plan_undecided(&run->plan.checks[k])) {
			str_addf(&b, "\n%zu ", k);
			add_state(&b, run, k);
		}
	for (const char *p = b.s; *p; p++)
		d = (d ^ (unsigned char)*p) * 1099511628211u;
	return d;
}

/* Adds lines that are written over others. */
static void add_over(struct str *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			str_add(out, ERASE_LINE);
		str_addc(out, *text);
	}
}

/* ---- the drawing ----------------------------------------------------------------------------------------------------- */
/* Adds an uncoloured line, cut with "…" where it does not fit, and its first word in bold. */
static void add_cut(struct str *out, bool color, const char *line, size_t columns)
{
	size_t n = columns_fit(line, columns), word = strcspn(line, " ");
	bool cut = line[n] != '\0';

	if (cut && columns > 1)
		n = columns_fit(line, columns - 1);
	word = word < n ? word : n;
	str_addf(out, "%s%.*s%s", color ? "\033[1m" : "", (int)word, line, color ? "\033[0m" : "");
	str_addn(out, line + word, n - word);
	if (cut && columns > 1)
		str_add(out, "…");
}

static void add_check(struct str *out, const struct run *run, const struct text_style *s, size_t k,
		      size_t columns, struct instant now)
{
	const struct plan_check *c = &run->plan.checks[k];
	const struct text_style plain = {.id_width = s->id_width};
	cleanup_str struct str state, line;

	str_init(&state, 4096);
	str_init(&line, 8192);
	add_state(&state, run, k);
	text_line(&line, &plain, LABEL_WAIT, run->profile->checks[k].id,
		  c->attempts ? instant_since(c->first_attempt, now) : DURATION_UNSET, state.s);
	line.s[line.len - 1] = '\0'; /* without the line end */
	add_cut(out, s->color, line.s, columns);
}

/* Adds "2 of 6 passed, 1 failed · 4.2 s, 85 s left". */
static void add_head(struct str *out, const struct run *run, const struct text_style *s,
		     size_t columns, struct instant now)
{
	size_t passed = 0, gave_up = 0;
	cleanup_str struct str line;

	for (size_t i = 0; i < run->plan.n; i++) {
		passed += run->plan.checks[i].state == PS_PASSED;
		gave_up += run->plan.checks[i].state == PS_GAVE_UP;
	}
	str_init(&line, 256);
	str_addf(&line, "waiting: %zu of %zu passed", passed, run->profile->n);
	if (gave_up > 0)
		str_addf(&line, ", %zu failed", gave_up);
	str_add(&line, " · ");
	text_times(&line, run, now);
	add_cut(out, s->color, line.s, columns);
}

/* Returns how many lines it added. The last one has no line end, so that the screen does not scroll for it. */
static size_t add_lines(struct str *out, const struct run *run, const struct text_style *s,
			struct live_size size, struct instant now)
{
	/* The last column stays free, since some terminals wrap when it is written. So does one row, for the line above the view. */
	size_t columns = size.columns > 1 ? size.columns - 1 : 1;
	size_t rows = size.rows > 1 ? size.rows - 1 : 1, undecided = count_undecided(run), n = 0;
	struct text_style fitting = {.color = s->color,
				     .id_width = shown_id_width(run, size.columns)};

	if (undecided < rows) { /* where rows are short the checks have them */
		add_head(out, run, s, columns, now);
		n++;
		undecided++;
	}
	for (size_t k = 0; k < run->plan.n; k++) {
		if (!plan_undecided(&run->plan.checks[k]))
			continue;
		if (n > 0)
			add_over(out, "\n");
		if (++n == rows && undecided > rows) {
			char more[32];

			snprintf(more, sizeof more, "... and %zu more", undecided - n + 1);
			str_addn(out, more, columns_fit(more, columns));
			break;
		}
		add_check(out, run, &fitting, k, columns, now);
	}
	return n;
}

void live_draw(struct live *l, const struct run *run, const struct text_style *s,
	       struct live_size size, struct instant now, struct str *out)
{
	uint64_t digest;
	size_t n;

	if (!l->drawn && (size.columns == 0 || count_undecided(run) >= size.rows)) {
		l->on = false;
		return;
	}
	if (size.columns == 0) /* the size could not be read this time: leave the view as it is */
		return;
	digest = digest_of(run, size);
	if (digest == l->shown && l->above.len == 0 && !instant_reached(l->redraw, now))
		return;
	str_addc(out, '\r');
	add_over(out, l->above.s);
	str_reset(&l->above);
	n = add_lines(out, run, s, size, now);
	str_add(out, ERASE_SCREEN "\r");
	if (n > 1)
		str_addf(out, "\033[%zuA", n - 1);
	l->drawn = true;
	l->shown = digest;
	l->not_before = instant_after(now, BETWEEN);
	l->redraw = instant_after(now, REDRAW_EACH);
}

struct instant live_wake(const struct live *l, struct instant now)
{
	if (!l->on)
		return INSTANT_NEVER;
	/* live_draw is not called before not_before, even if something has changed. */
	return instant_reached(l->not_before, now) ? l->redraw : l->not_before;
}

void live_end(struct live *l, struct str *out)
{
	if (l->drawn) {
		str_add(out, ERASE_VIEW);
		str_addn(out, l->above.s, l->above.len);
	}
	str_reset(&l->above);
	l->on = l->drawn = false;
}
