#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "save.h"
#include "console.h"

#define SUMMARY_EACH DURATION_S(10)
#define CONSOLE_EACH DURATION_MS(50) /* how often kept lines are offered to a slow stderr */
/* The time between two WAIT lines of one check: doubled each time, up to GAP_MAX. */
#define GAP_FIRST DURATION_S(1)
#define GAP_MAX DURATION_S(10)

struct shown {
	bool done;           /* its outcome is printed */
	enum diag_code code; /* of the last WAIT line */
	char subject[DIAG_SUBJECT_MAX];
	struct instant next; /* the next WAIT line is not earlier */
	struct duration gap;
};

/* ---- lines -------------------------------------------------------------------------------------------------------- */
/* Ends a text that was cut at its bound with "..." and a line end. */
static void end_line(struct str *b)
{
	static const char end[] = "...\n";
	size_t n = b->len - sizeof end;

	if (b->cut && b->len > sizeof end) {
		/* keep characters whole */
		while (n > 0 && ((unsigned char)b->s[n] & 0xc0) == 0x80)
			n--;
		memcpy(b->s + n, end, sizeof end);
		b->len = n + strlen(end);
	}
}

/* Ends the text, and breaks its lines between words when stderr is a terminal. */
static void make_fit(struct str *b)
{
	unsigned columns = live_size(STDERR_FILENO).columns;
	struct str wrapped;

	end_line(b);
	if (columns == 0)
		return;
	str_init(&wrapped, REPORT_MAX);
	columns_wrap(&wrapped, b->s, columns);
	str_free(b);
	*b = wrapped;
}

static void put_text(struct str *b)
{
	make_fit(b);
	console_write(b->s, b->len);
}

/* Writes the text, above the live view while there is one. */
static void put_above_view(struct report *r, struct str *b)
{
	make_fit(b);
	if (!live_keep(&r->live, b))
		console_write(b->s, b->len);
}

void log_line(const char *fmt, ...)
{
	char raw[4096], line[4096];
	cleanup_str struct str b;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	text_clean(line, sizeof line, raw);
	str_init(&b, sizeof line + 16);
	str_addf(&b, "startguard: %s\n", line);
	put_text(&b);
}

static void show_block(struct report *r, enum outcome label, size_t i, struct duration elapsed,
		       int attempts)
{
	cleanup_str struct str b;

	str_init(&b, 16 * 1024);
	text_block(&b, &r->style, label, r->run, i, elapsed, attempts);
	put_above_view(r, &b);
	r->shown[i].done = true;
}

static void show_line(struct report *r, enum outcome label, size_t i, struct duration elapsed,
		      const char *text)
{
	cleanup_str struct str b;

	str_init(&b, 8192);
	text_line(&b, &r->style, label, r->run->profile->checks[i].id, elapsed, text);
	put_above_view(r, &b);
}

/* With -v, prints a check's facts after its line or block. */
static void show_facts(struct report *r, size_t i)
{
	cleanup_str struct str b = {0};

	if (!r->o->verbose)
		return;
	str_init(&b, 16 * 1024);
	text_facts(&b, &r->run->outcomes[i]);
	put_above_view(r, &b);
}

/* ---- while it runs --------------------------------------------------------------------------------------------------- */
static void show_beginning(struct report *r)
{
	const struct profile *p = r->run->profile;
	cleanup_str struct str b;

	str_init(&b, 4096);
	text_title(&b, r->run);
	put_text(&b);
	for (size_t i = 0; i < p->n; i++) {
		const struct profile_switch *s = p->checks[i].waived_by;
		char text[256];

		if (!s && !p->checks[i].skipped)
			continue;
		snprintf(text, sizeof text, "%s%s", s ? s->set_by : "left out",
			 s ? " is on" : " by --only or --skip");
		show_line(r, s ? OUTCOME_WAIVED : OUTCOME_SKIPPED, i, DURATION_UNSET, text);
		r->shown[i].done = true;
	}
}

void report_begin(struct report *r, const struct report_options *o, const struct run *run)
{
	struct timespec now = {0};

	*r = (struct report){
	    .o = o,
	    .run = run,
	    .style = text_style(run->profile, o->color, live_size(STDERR_FILENO).columns),
	    .next_summary = instant_after(run->started, SUMMARY_EACH)};
	r->shown = xcalloc(run->profile->n + 1, sizeof *r->shown);
	live_begin(&r->live, run, !o->quiet && !o->verbose && live_possible(STDERR_FILENO));
	clock_gettime(CLOCK_REALTIME, &now);
	utc_text(now, r->started);
	if (!o->quiet)
		show_beginning(r);
}

static bool first_time(const struct check_outcome *res)
{
	for (size_t i = 0; i < res->n_history; i++)
		if (res->history[i].code == res->diag.code)
			return res->history[i].count == 1;
	return false;
}

/* A code that is new for this check is printed at once. A code that comes again, as when a check swings between two states, is
 * printed at growing intervals. */
static bool worth_a_line(const struct report *r, const struct shown *shown,
			 const struct check_outcome *res, struct instant now)
{
	if (r->o->verbose)
		return true;
	if (r->live.on ||
	    (shown->code == res->diag.code && str_eq(shown->subject, res->diag.subject)))
		return false;
	return shown->code == D_NONE || (shown->code != res->diag.code && first_time(res)) ||
	       instant_reached(shown->next, now);
}

static void show_wait(struct report *r, size_t i, struct duration elapsed, struct instant now)
{
	const struct check_outcome *res = &r->run->outcomes[i];
	struct shown *shown = &r->shown[i];
	cleanup_str struct str b = {0};

	if (!worth_a_line(r, shown, res, now))
		return;
	if (instant_reached(shown->next, now)) {
		shown->gap.ns = shown->gap.ns ? shown->gap.ns * 2 : GAP_FIRST.ns;
		shown->gap.ns = shown->gap.ns < GAP_MAX.ns ? shown->gap.ns : GAP_MAX.ns;
		shown->next = instant_after(now, shown->gap);
	}
	shown->code = res->diag.code;
	memcpy(shown->subject, res->diag.subject, sizeof shown->subject);
	str_init(&b, 4096);
	text_finding(&b, res, r->o->verbose ? r->run->plan.checks[i].attempts : 1);
	show_line(r, LABEL_WAIT, i, elapsed, b.s);
	show_facts(r, i);
}

static void show_check(struct report *r, size_t i, struct instant now)
{
	const struct run *run = r->run;
	const struct plan_check *c = &run->plan.checks[i];
	const struct check_outcome *res = &run->outcomes[i];
	struct duration elapsed =
	    c->attempts ? instant_since(c->first_attempt, c->state == PS_READY ? now : c->ended)
			: DURATION_UNSET;

	if (r->shown[i].done || r->o->quiet)
		return;
	if (c->state == PS_PASSED) {
		show_line(r, OUTCOME_PASS, i, elapsed, res->summary);
		show_facts(r, i);
		r->shown[i].done = true;
	} else if (c->state == PS_GAVE_UP && res->diag.code != D_NONE && !res->interrupted) {
		enum outcome missed = c->required ? OUTCOME_FAIL : OUTCOME_DEGRADED;
		bool broken = diag_info(res->diag.code)->result == RESULT_BROKEN;

		show_block(r, broken ? OUTCOME_BROKEN : missed, i, elapsed, c->attempts);
		show_facts(r, i);
	} else if (c->state == PS_READY && res->diag.code != D_NONE) {
		show_wait(r, i, elapsed, now);
	}
}

/* Printed once, since it is the same for all checks: when the list is whole, or at the end. */
static void show_sandbox(struct report *r, bool at_the_end)
{
	const struct run *run = r->run;

	if (!r->o->verbose || r->sandbox_shown || !run->sandbox_missing[0] ||
	    !(run->sandbox_missing_is_whole || at_the_end))
		return;
	log_line("the sandbox of the checks is incomplete: %s", run->sandbox_missing);
	r->sandbox_shown = true;
}

void report_changed(void *ctx, size_t check, struct instant now)
{
	show_sandbox(ctx, false);
	show_check(ctx, check, now);
}

/* Draws the live view if it is due. Returns true when the screen is too small for it: from now on lines are printed. */
static bool draw_view(struct report *r, struct instant now)
{
	cleanup_str struct str b = {0};

	if (!live_due(&r->live, now))
		return false;
	str_init(&b, REPORT_MAX);
	live_draw(&r->live, r->run, &r->style, live_size(STDERR_FILENO), now, &b);
	console_write(b.s, b.len);
	return !r->live.on;
}

static struct instant summary_tick(struct report *r, struct instant now)
{
	cleanup_str struct str b = {0};

	if (instant_reached(r->next_summary, now)) {
		str_init(&b, 4096);
		text_waiting(&b, r->run, now);
		put_text(&b);
		r->next_summary = instant_after(now, SUMMARY_EACH);
	}
	return r->next_summary;
}

struct instant report_tick(void *ctx, struct instant now)
{
	struct report *r = ctx;
	const struct plan *plan = &r->run->plan;
	bool slow = console_retry();
	struct instant again = slow ? instant_after(now, CONSOLE_EACH) : INSTANT_NEVER;

	if (r->o->quiet)
		return again;
	/* Checks whose time ran out between two attempts end without a call of report_changed. */
	for (size_t i = 0; i < plan->n; i++)
		if (plan->checks[i].state == PS_GAVE_UP && !r->shown[i].done)
			show_check(r, i, now);
	/* A drawing after kept text would be out of date when it is written. */
	if (slow && r->live.on)
		return again;
	if (draw_view(r, now))
		for (size_t i = 0; i < plan->n; i++)
			show_check(r, i, now);
	return instant_earlier(again, r->live.on ? live_wake(&r->live, now) : summary_tick(r, now));
}

static void end_view(struct report *r)
{
	cleanup_str struct str b;

	str_init(&b, REPORT_MAX);
	live_end(&r->live, &b);
	console_write(b.s, b.len);
}

/* ---- the end -------------------------------------------------------------------------------------------------------------- */
/* Appends an id to a list for the environment. A list without room for it ends in "...". */
static void add_id(struct str *list, const char *id, size_t max)
{
	bool fits = list->len + strlen(id) + 1 + sizeof ",..." <= max;

	if (!str_ends(list->s, "..."))
		str_addf(list, "%s%s", list->len ? "," : "", fits ? id : "...");
}

void report_environment(const struct run *run, const char *report_file, size_t list_max,
			void (*set)(void *ctx, const char *name, const char *value), void *ctx)
{
	const struct profile *p = run->profile;
	cleanup_str struct str degraded, waived;

	str_init(&degraded, list_max);
	str_init(&waived, list_max);
	for (size_t i = 0; i < p->n; i++) {
		enum outcome o = run->outcomes[i].outcome;

		if (outcome_lost(o))
			add_id(&degraded, p->checks[i].id, list_max);
		else if (o == OUTCOME_WAIVED || o == OUTCOME_SKIPPED)
			add_id(&waived, p->checks[i].id, list_max);
		for (size_t k = 0; outcome_lost(o) && k < p->checks[i].common.degraded_env.n; k++)
			set(ctx, p->checks[i].common.degraded_env.v[k].name,
			    p->checks[i].common.degraded_env.v[k].value);
	}
	set(ctx, "STARTGUARD_STATUS", verdict_name(run->verdict));
	set(ctx, "STARTGUARD_MODE", mode_name(p->mode));
	set(ctx, "STARTGUARD_DEGRADED", degraded.s);
	set(ctx, "STARTGUARD_WAIVED", waived.s);
	if (report_file)
		set(ctx, "STARTGUARD_REPORT_FILE", report_file);
}

static void add_env_line(void *ctx, const char *name, const char *value)
{
	/* Such a value would be read as further variables. */
	if (strpbrk(value, "\n\r")) {
		log_line("warning: the environment file lacks %s, whose value holds a line end",
			 name);
		return;
	}
	str_addf(ctx, "%s=%s\n", name, value);
}

/* A report that is cut is no JSON and no XML: whole or not at all. */
static bool is_cut(const char *what, const struct str *text)
{
	if (text->cut)
		log_line("warning: the %s was not written: larger than %d MiB", what,
			 REPORT_MAX >> 20);
	return text->cut;
}

static bool write_or_warn(const char *what, const char *path, const struct str *text)
{
	struct err err;
	char buf[1024];

	if (is_cut(what, text))
		return false;
	if (save_file(path, text->s, text->len, 0644, &err) == 0)
		return true;
	log_line("warning: the %s was not written: %s", what, err_text(&err, buf, sizeof buf));
	return false;
}

void report_termination(const struct report_options *o, const struct run *run)
{
	const char *path = o->termination_log ? o->termination_log : TERMINATION_DEFAULT;
	bool by_default = o->termination_log == NULL;
	struct err err;
	cleanup_str struct str b = {0};
	char buf[1024];

	if (str_eq(path, "none"))
		return;
	str_init(&b, TERMINATION_MAX);
	text_termination(&b, run);
	/* At the default path, which the user did not choose, a failure is not reported. */
	if (save_in_place(path, b.s, b.len, 0644, !by_default, &err) < 0 && !by_default)
		log_line("warning: the termination message was not written: %s",
			 err_text(&err, buf, sizeof buf));
}

static void write_final(const struct report *r)
{
	cleanup_str struct str b;

	str_init(&b, REPORT_MAX);
	switch (r->o->format) {
	case FORMAT_TEXT:
		break;
	case FORMAT_JSON:
		report_json(&b, r->run, r->started);
		break;
	case FORMAT_JUNIT:
		report_junit(&b, r->run, r->started);
		break;
	case FORMAT_TAP:
		report_tap(&b, r->run);
		break;
	case FORMAT_PROMETHEUS:
		report_prometheus(&b, r->run);
		break;
	}
	if (b.len > 0 && r->o->output)
		write_or_warn("report", r->o->output, &b);
	else if (b.len > 0 && !is_cut("report", &b) &&
		 console_write_whole(STDOUT_FILENO, b.s, b.len) < 0)
		log_line("warning: the report was not written: stdout: %s", strerror(errno));
}

static void write_files(struct report *r)
{
	cleanup_str struct str b;

	str_init(&b, REPORT_MAX);
	if (r->o->report_file) {
		report_json(&b, r->run, r->started);
		r->report_written |= write_or_warn("report", r->o->report_file, &b);
	}
	if (r->o->env_file && r->run->verdict != RUN_BLOCKED) {
		str_reset(&b);
		report_environment(r->run, r->report_written ? r->o->report_file : NULL,
				   REPORT_ENV_MAX, add_env_line, &b);
		write_or_warn("environment file", r->o->env_file, &b);
	}
	report_termination(r->o, r->run);
}

static void put_verdict(const struct report *r)
{
	cleanup_str struct str line;

	str_init(&line, 4096);
	text_verdict(&line, &r->style, r->run);
	put_text(&line);
}

void report_end(struct report *r)
{
	const struct run *run = r->run;

	end_view(r);
	show_sandbox(r, true);
	for (size_t i = 0; i < run->profile->n && !r->o->quiet; i++) {
		if (r->shown[i].done)
			continue;
		show_block(r, run->outcomes[i].outcome, i,
			   run->outcomes[i].attempts ? run->outcomes[i].elapsed : DURATION_UNSET,
			   run->outcomes[i].attempts);
		console_flush(); /* may wait: no attempt runs any more */
	}
	write_final(r);
	write_files(r);
	put_verdict(r);
}

void report_abandon(void *ctx)
{
	end_view(ctx);
}

/* A report on stdout cannot be replaced, so only files are written again. */
void report_again(struct report *r)
{
	struct stat st;

	if (r->o->output)
		write_final(r);
	write_files(r);
	/* A file that cannot be removed is emptied. */
	if (r->o->env_file && lstat(r->o->env_file, &st) == 0 && S_ISREG(st.st_mode) &&
	    unlink(r->o->env_file) < 0 && truncate(r->o->env_file, 0) < 0)
		log_line("warning: the environment file was not removed: %s: %s", r->o->env_file,
			 strerror(errno));
	put_verdict(r);
}

void report_free(struct report *r)
{
	live_free(&r->live);
	free(r->shown);
	r->shown = NULL;
}
