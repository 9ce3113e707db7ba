#include "live.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_AFTER DURATION_MS(100) /* a shorter run needs no view */
#define BETWEEN DURATION_MS(100)
#define REDRAW_EACH DURATION_S(1) /* updates the shown times */
#define ABOVE_MAX (4 * 1024 * 1024)
#define ERASE "\r\033[J" /* from the cursor to the end of the screen */

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

/* ---- width ----------------------------------------------------------------------------------------------------------- */
/* Characters that may take two cells. The ranges include some that take one, and combining marks count as one cell: cutting a line
 * too early does no harm, a wrapped line does. */
static const struct {
	uint32_t from, to;
} wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x232a},   {0x23e9, 0x23f3},   {0x25fd, 0x27bf},
    {0x2b1b, 0x2b55},   {0x2e80, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x16fe0, 0x1b2ff}, {0x1d300, 0x1d376}, {0x1f000, 0x1faff}, {0x20000, 0x3fffd},
};

static size_t cell_width(uint32_t cp)
{
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (cp >= wide[i].from && cp <= wide[i].to)
			return 2;
	return 1;
}

size_t live_fit(const char *text, size_t columns)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0, i = 0;

	while (s[i]) {
		/* Cleaned text is valid UTF-8: the first byte gives the length. */
		size_t len = s[i] < 0xc0 ? 1 : s[i] < 0xe0 ? 2 : s[i] < 0xf0 ? 3 : 4;
		uint32_t cp = len == 1 ? s[i] : s[i] & (0xffu >> (len + 1));

		for (size_t k = 1; k < len; k++) {
			if ((s[i + k] & 0xc0) != 0x80)
				return i;
			cp = cp << 6 | (s[i + k] & 0x3fu);
		}
		if (used + cell_width(cp) > columns)
			return i;
		used += cell_width(cp);
		i += len;
	}
	return i;
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

/* ---- the drawing ----------------------------------------------------------------------------------------------------- */
/* Adds the part of an uncoloured line that fits, and colours its first word. */
static void add_cut(struct str *out, bool color, const char *line, size_t columns)
{
	size_t n = live_fit(line, columns), word = strcspn(line, " ");

	word = word < n ? word : n;
	str_addf(out, "%s%.*s%s", color ? "\033[33m" : "", (int)word, line, color ? "\033[0m" : "");
	str_addn(out, line + word, n - word);
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

/* Returns how many lines it added. The last one has no line end, so that the screen does not scroll for it. */
static size_t add_lines(struct str *out, const struct run *run, const struct text_style *s,
			struct live_size size, struct instant now)
{
	/* The last column stays free, since some terminals wrap when it is written. So does one row, for the line above the view. */
	size_t columns = size.columns > 1 ? size.columns - 1 : 1;
	size_t rows = size.rows > 1 ? size.rows - 1 : 1, undecided = count_undecided(run), n = 0;

	for (size_t k = 0; k < run->plan.n; k++) {
		if (!plan_undecided(&run->plan.checks[k]))
			continue;
		if (n > 0)
			str_addc(out, '\n');
		if (++n == rows && undecided > rows) {
			char more[32];

			snprintf(more, sizeof more, "... and %zu more", undecided - n + 1);
			str_addn(out, more, live_fit(more, columns));
			break;
		}
		add_check(out, run, s, k, columns, now);
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
	str_add(out, ERASE);
	str_addn(out, l->above.s, l->above.len);
	str_reset(&l->above);
	n = add_lines(out, run, s, size, now);
	str_addc(out, '\r');
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
		str_add(out, ERASE);
		str_addn(out, l->above.s, l->above.len);
	}
	str_reset(&l->above);
	l->on = l->drawn = false;
}
