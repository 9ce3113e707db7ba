#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "save.h"

#define SUMMARY_EACH SPAN_S(10)
#define ID_WIDTH_MAX 40
#define TERMINATION_MAX 4096 /* what a kubelet keeps of the file */
#define TERMINATION_DEFAULT "/dev/termination-log"

struct shown {
	enum diag_code code; /* of the last WAIT line */
	bool done;           /* its last line is out */
};

/* ---- lines -------------------------------------------------------------------------------------------------------- */
static void put_text(const struct str *b)
{
	if (fd_write_all(STDERR_FILENO, b->s, b->len) < 0) {
		/* Nobody listens: the verdict does not depend on it. */
	}
}

void say(const char *fmt, ...)
{
	char raw[4096], line[4096];
	struct str b;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	text_clean(line, sizeof line, raw);
	str_init(&b, sizeof line + 16);
	str_addf(&b, "startguard: %s\n", line);
	put_text(&b);
	str_free(&b);
}

enum look {
	LOOK_PASS,
	LOOK_WAIT,
	LOOK_FAIL,
	LOOK_DEGRADED,
	LOOK_BROKEN,
	LOOK_WAIVED,
	LOOK_SKIPPED,
	LOOK_PENDING
};
static const struct {
	const char *word, *color;
} looks[] = {
    [LOOK_PASS] = {"PASS", "\033[32m"},       [LOOK_WAIT] = {"WAIT", "\033[33m"},
    [LOOK_FAIL] = {"FAIL", "\033[31m"},       [LOOK_DEGRADED] = {"DEGRADED", "\033[33m"},
    [LOOK_BROKEN] = {"BROKEN", "\033[35m"},   [LOOK_WAIVED] = {"WAIVED", "\033[33m"},
    [LOOK_SKIPPED] = {"SKIPPED", "\033[33m"}, [LOOK_PENDING] = {"PENDING", "\033[33m"},
};
static const enum look look_of[O__COUNT] = {
    [O_PENDING] = LOOK_PENDING, [O_PASS] = LOOK_PASS,     [O_DEGRADED] = LOOK_DEGRADED,
    [O_FAIL] = LOOK_FAIL,       [O_BROKEN] = LOOK_BROKEN, [O_WAIVED] = LOOK_WAIVED,
    [O_SKIPPED] = LOOK_SKIPPED,
};

static void add_head(struct str *b, const struct report *r, enum look look, size_t i,
		     struct span elapsed)
{
	char span[32] = "";
	bool c = r->o->color;

	if (span_is_set(elapsed))
		span_text(elapsed, span, sizeof span);
	str_addf(b, "%s%-9s%s %-*s %8s  ", c ? looks[look].color : "", looks[look].word,
		 c ? "\033[0m" : "", r->id_width, r->run->profile->checks[i].id, span);
}

static void add_code(struct str *b, const struct result *res)
{
	if (res->diag.code == D_NONE)
		return;
	str_add(b, diag_info(res->diag.code)->code);
	if (res->diag.subject[0])
		str_addf(b, " %s", res->diag.subject);
}

static void add_detail(struct str *b, const char *label, const char *text)
{
	if (text && *text)
		str_addf(b, "          %-9s%s\n", label, text);
}

static void add_reached(struct str *b, const struct result *res)
{
	if (res->n_reached == 0)
		return;
	str_add(b, "          reached: ");
	for (size_t i = 0; i < res->n_reached; i++)
		str_addf(b, "%s%s", i ? ", " : "", res->reached[i]);
	str_addc(b, '\n');
}

/* "seen: 11 x connect-refused, 1 x redis-loading": only when it was not one and the same all along. */
static void add_history(struct str *b, const struct result *res)
{
	if (res->n_history < 2)
		return;
	str_add(b, "          seen:    ");
	for (size_t i = 0; i < res->n_history; i++)
		str_addf(b, "%s%d x %s", i ? ", " : "", res->history[i].count,
			 diag_info(res->history[i].code)->code);
	str_addc(b, '\n');
}

/* Which check, which code, where, how often and how long, how far it got, what the other side said, what to do. */
static void show_block(struct report *r, enum look look, size_t i, struct span elapsed,
		       int attempts)
{
	const struct profile_check *c = &r->run->profile->checks[i];
	const struct result *res = &r->run->results[i];
	const char *hint = res->diag.hint;
	struct str b;

	if (!*hint && res->diag.code != D_NONE)
		hint = diag_info(res->diag.code)->hint;
	str_init(&b, 16 * 1024);
	add_head(&b, r, look, i, elapsed);
	add_code(&b, res);
	if (attempts > 1)
		str_addf(&b, " (%d attempts)", attempts);
	str_addc(&b, '\n');
	add_reached(&b, res);
	add_detail(&b, "cause:",
		   res->diag.cause[0] || res->diag.code == D_NONE
		       ? res->diag.cause
		       : diag_info(res->diag.code)->title);
	add_history(&b, res);
	if (look == LOOK_DEGRADED || look == LOOK_BROKEN)
		add_detail(&b, "lost:", c->common.degraded);
	add_detail(&b, "hint:", hint);
	put_text(&b);
	str_free(&b);
	r->shown[i].done = true;
}

static void show_line(struct report *r, enum look look, size_t i, struct span elapsed,
		      const char *text)
{
	struct str b;

	str_init(&b, 4096);
	add_head(&b, r, look, i, elapsed);
	str_addf(&b, "%s\n", text);
	put_text(&b);
	str_free(&b);
}

/* ---- while it runs --------------------------------------------------------------------------------------------------- */
static void add_span(struct str *b, struct span d)
{
	char text[32];

	str_add(b, d.ns == INT64_MAX ? "no time limit" : span_unparse(d, text, sizeof text));
}

void report_begin(struct report *r, const struct report_options *o, const struct run *run)
{
	const struct profile *p = run->profile;
	struct timespec ts;
	struct tm tm;
	char date[24];
	struct str b;

	*r = (struct report){
	    .o = o, .run = run, .next_summary = mono_after(run->started, SUMMARY_EACH)};
	r->shown = xcalloc(p->n + 1, sizeof *r->shown);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(r->started, sizeof r->started, "%s.%03uZ", date,
		 (unsigned)(ts.tv_nsec / 1000000) % 1000);
	for (size_t i = 0; i < p->n; i++) {
		int len = (int)strlen(p->checks[i].id);

		r->id_width = len > r->id_width && len <= ID_WIDTH_MAX ? len : r->id_width;
	}
	if (o->quiet)
		return;
	str_init(&b, 4096);
	str_addf(&b, "startguard %s · %s · mode %s · %zu check%s · ", STARTGUARD_VERSION,
		 p->service, mode_name(p->mode), p->n, p->n == 1 ? "" : "s");
	add_span(&b, p->timeout);
	str_addc(&b, '\n');
	put_text(&b);
	str_free(&b);
	for (size_t i = 0; i < p->n; i++) {
		const struct profile_switch *s = p->checks[i].waived_by;

		if (s || p->checks[i].skipped) {
			char text[256];

			snprintf(text, sizeof text, "%s%s", s ? s->set_by : "left out",
				 s ? " is on" : " by --only or --skip");
			show_line(r, s ? LOOK_WAIVED : LOOK_SKIPPED, i, SPAN_UNSET, text);
			r->shown[i].done = true;
		}
	}
}

static void show_wait(struct report *r, size_t i, struct span elapsed)
{
	const struct result *res = &r->run->results[i];
	struct str b;

	if (r->shown[i].code == res->diag.code && !r->o->verbose)
		return;
	r->shown[i].code = res->diag.code;
	str_init(&b, 2048);
	add_code(&b, res);
	if (res->diag.cause[0])
		str_addf(&b, ": %s", res->diag.cause);
	show_line(r, LOOK_WAIT, i, elapsed, b.s);
	str_free(&b);
}

static void show_check(struct report *r, size_t i, struct mono now)
{
	const struct run *run = r->run;
	const struct plan_check *c = &run->plan.checks[run->check_to_plan[i]];
	const struct result *res = &run->results[i];
	struct span elapsed =
	    c->attempts ? mono_since(c->first_attempt, c->state == PS_READY ? now : c->ended)
			: SPAN_UNSET;

	if (r->shown[i].done || r->o->quiet)
		return;
	if (c->state == PS_PASSED) {
		show_line(r, LOOK_PASS, i, elapsed, res->summary);
		r->shown[i].done = true;
	} else if (c->state == PS_GAVE_UP && res->diag.code != D_NONE && !res->cut_off) {
		bool broken = diag_info(res->diag.code)->verdict == V_BROKEN;

		show_block(r,
			   broken        ? LOOK_BROKEN
			   : c->required ? LOOK_FAIL
					 : LOOK_DEGRADED,
			   i, elapsed, c->attempts);
	} else if (c->state == PS_READY && res->diag.code != D_NONE) {
		show_wait(r, i, elapsed);
	}
}

/* Once: it is the machine's doing, the same for all. */
static void show_fence(struct report *r, const struct run *run)
{
	if (!r->o->verbose || r->fence_shown || !run->fence_missing[0])
		return;
	say("the checks run behind a lower fence: %s", run->fence_missing);
	r->fence_shown = true;
}

void report_changed(void *ctx, const struct run *run, size_t check, struct mono now)
{
	show_fence(ctx, run);
	show_check(ctx, check, now);
}

static void show_summary(struct report *r, struct mono now)
{
	const struct run *run = r->run;
	size_t waiting = 0, named = 0;
	char span[32];
	struct str b;

	str_init(&b, 1024);
	for (size_t k = 0; k < run->plan.n; k++)
		waiting += run->plan.checks[k].state != PS_PASSED &&
			   run->plan.checks[k].state != PS_GAVE_UP;
	str_addf(&b, "startguard: waiting since %s for %zu of %zu checks:",
		 span_text(mono_since(run->started, now), span, sizeof span), waiting,
		 run->profile->n);
	for (size_t k = 0; k < run->plan.n && named < 5; k++) {
		const struct plan_check *c = &run->plan.checks[k];
		const struct result *res = &run->results[run->plan_to_check[k]];

		if (c->state == PS_PASSED || c->state == PS_GAVE_UP)
			continue;
		str_addf(&b, "%s %s", named++ ? "," : "",
			 run->profile->checks[run->plan_to_check[k]].id);
		if (res->diag.code != D_NONE)
			str_addf(&b, " (%s)", diag_info(res->diag.code)->code);
	}
	str_add(&b, waiting > named ? ", ...\n" : "\n");
	put_text(&b);
	str_free(&b);
}

struct mono report_tick(void *ctx, const struct run *run, struct mono now)
{
	struct report *r = ctx;

	if (r->o->quiet)
		return MONO_NEVER;
	/* Those whose time ran out between two attempts end without an event of their own. */
	for (size_t k = 0; k < run->plan.n; k++)
		if (run->plan.checks[k].state == PS_GAVE_UP &&
		    !r->shown[run->plan_to_check[k]].done)
			show_check(r, run->plan_to_check[k], now);
	if (mono_reached(r->next_summary, now)) {
		show_summary(r, now);
		r->next_summary = mono_after(now, SUMMARY_EACH);
	}
	return r->next_summary;
}

/* ---- the end -------------------------------------------------------------------------------------------------------------- */
void report_environment(const struct run *run, const char *report_file,
			void (*set)(void *ctx, const char *name, const char *value), void *ctx)
{
	const struct profile *p = run->profile;
	struct str degraded, waived;

	str_init(&degraded, 128 * 1024);
	str_init(&waived, 128 * 1024);
	for (size_t i = 0; i < p->n; i++) {
		enum outcome o = run->results[i].outcome;
		struct str *list = outcome_lost(o)                   ? &degraded
				   : o == O_WAIVED || o == O_SKIPPED ? &waived
								     : NULL;

		if (list)
			str_addf(list, "%s%s", list->len ? "," : "", p->checks[i].id);
		for (size_t k = 0; outcome_lost(o) && k < p->checks[i].common.degraded_env.n; k++)
			set(ctx, p->checks[i].common.degraded_env.v[k].name,
			    p->checks[i].common.degraded_env.v[k].value);
	}
	set(ctx, "STARTGUARD_STATUS", status_name(run->status));
	set(ctx, "STARTGUARD_MODE", mode_name(p->mode));
	set(ctx, "STARTGUARD_DEGRADED", degraded.s);
	set(ctx, "STARTGUARD_WAIVED", waived.s);
	if (report_file)
		set(ctx, "STARTGUARD_REPORT_FILE", report_file);
	str_free(&degraded);
	str_free(&waived);
}

static void add_env_line(void *ctx, const char *name, const char *value)
{
	str_addf(ctx, "%s=%s\n", name, value);
}

static void write_or_say(const char *what, const char *path, const struct str *text, mode_t mode,
			 bool *written)
{
	struct err err;
	char buf[1024];

	if (save_file(path, text->s, text->len, mode, &err) < 0)
		say("warning: the %s was not written: %s", what, err_text(&err, buf, sizeof buf));
	else if (written)
		*written = true;
}

static void write_termination_message(const struct report *r)
{
	const char *path = r->o->termination_log ? r->o->termination_log : TERMINATION_DEFAULT;
	bool by_default = r->o->termination_log == NULL;
	const struct run *run = r->run;
	struct err err;
	struct str b;
	char buf[1024];
	int fd;

	if (str_eq(path, "none"))
		return;
	str_init(&b, TERMINATION_MAX);
	str_addf(&b, "%s\n", run->summary);
	for (size_t i = 0; i < run->profile->n && !b.cut; i++) {
		const struct result *res = &run->results[i];

		if (res->outcome == O_PASS)
			continue;
		str_addf(&b, "%s %s ", looks[look_of[res->outcome]].word,
			 run->profile->checks[i].id);
		add_code(&b, res);
		str_addf(&b, "%s%s\n", res->diag.cause[0] ? ": " : "", res->diag.cause);
	}
	if (b.cut) { /* at the end of a line */
		char *nl = memrchr(b.s, '\n', b.len);

		b.len = nl ? (size_t)(nl - b.s) + 1 : b.len;
	}
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | (by_default ? 0 : O_CREAT),
		  0644);
	if (fd < 0 || fd_write_all(fd, b.s, b.len) < 0) {
		err_make(&err, errno, "%s", path);
		if (!by_default)
			say("warning: the termination message was not written: %s",
			    err_text(&err, buf, sizeof buf));
	}
	if (fd >= 0)
		close(fd);
	str_free(&b);
}

static void write_final(const struct report *r)
{
	struct str b;

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
		write_or_say("report", r->o->output, &b, 0644, NULL);
	else if (b.len > 0 && fd_write_all(STDOUT_FILENO, b.s, b.len) < 0)
		say("warning: the report was not written: stdout: %s", strerror(errno));
	str_free(&b);
}

static void write_files(struct report *r)
{
	struct str b;

	str_init(&b, REPORT_MAX);
	if (r->o->report_file) {
		report_json(&b, r->run, r->started);
		write_or_say("report", r->o->report_file, &b, 0644, &r->report_written);
	}
	if (r->o->env_file && r->run->status != S_BLOCKED) {
		str_reset(&b);
		report_environment(r->run, r->report_written ? r->o->report_file : NULL,
				   add_env_line, &b);
		write_or_say("environment file", r->o->env_file, &b, 0644, NULL);
	}
	str_free(&b);
	write_termination_message(r);
}

/* The word behind "startguard: " has the colour: the line begins with the same bytes everywhere. */
static void put_verdict(const struct report *r)
{
	const struct run *run = r->run;
	const char *color = run->status == S_READY     ? "\033[32m"
			    : run->status == S_BLOCKED ? "\033[31m"
						       : "\033[33m";
	size_t name = strcspn(run->summary, " ") + 1, word = strcspn(run->summary + name, " :");
	struct str line;

	str_init(&line, 4096);
	if (r->o->color)
		str_addf(&line, "%.*s%s%.*s\033[0m%s\n", (int)name, run->summary, color, (int)word,
			 run->summary + name, run->summary + name + word);
	else
		str_addf(&line, "%s\n", run->summary);
	put_text(&line);
	str_free(&line);
}

void report_again(struct report *r)
{
	if (r->o->output)
		write_final(r);
	write_files(r);
	put_verdict(r);
}

void report_end(struct report *r)
{
	const struct run *run = r->run;

	for (size_t i = 0; i < run->profile->n && !r->o->quiet; i++)
		if (!r->shown[i].done)
			show_block(r, look_of[run->results[i].outcome], i,
				   run->results[i].attempts ? run->results[i].elapsed : SPAN_UNSET,
				   run->results[i].attempts);
	write_final(r);
	write_files(r);
	put_verdict(r);
}

void report_free(struct report *r)
{
	free(r->shown);
	r->shown = NULL;
}
