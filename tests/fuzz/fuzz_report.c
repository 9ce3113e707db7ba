/* Reports: whatever peers said, every format stays what it is, nothing is lost or forged. */
#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "prom_text.h"
#include "report.h"
#include "ipc.h"

#define CHECKS 3

static const struct check_kind kind = {.name = "tcp", .summary = "x"};

/* A text as a child sends it and the parent keeps it. */
static void through_ipc(struct check_outcome *r, enum ipc_type type, enum diag_code code,
			const char *a, const char *b, const char *c)
{
	static int p[2] = {-1, -1};
	struct ipc_in in = {.len = 0};
	struct ipc_record rec;
	struct diag d;

	if (p[0] < 0)
		FUZZ_CHECK(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	if (type == IPC_FINAL) {
		diag_set(&d, code, a, "%s", b);
		if (*c)
			diag_hint(&d, "%s", c);
		FUZZ_CHECK(ipc_put_final(p[1], diag_info(code)->result, &d) == 0);
	} else {
		FUZZ_CHECK(ipc_put_text(p[1], type, PH_AUTH, a, b) == 0);
	}
	FUZZ_CHECK(ipc_fill(&in, p[0]) == 1 && ipc_next(&in, &rec) == 1);
	if (type == IPC_FINAL)
		r->diag = rec.diag;
	else if (type == IPC_SUMMARY)
		snprintf(r->summary, sizeof r->summary, "%s", rec.text);
	else if (type == IPC_STEP)
		snprintf(r->step, sizeof r->step, "%s", rec.text);
	else if (type == IPC_REACHED)
		text_clean(r->reached[r->n_reached++], sizeof r->reached[0], rec.text);
	else if (r->n_facts < FACTS_MAX) {
		snprintf(r->facts[r->n_facts].key, FACT_KEY_MAX, "%s", rec.key);
		snprintf(r->facts[r->n_facts++].value, FACT_VALUE_MAX, "%s", rec.text);
	}
}

static void fill(struct fuzz_in *in, struct run *run, size_t i)
{
	struct check_outcome *r = &run->outcomes[i];
	struct plan_check *c = &run->plan.checks[i];
	unsigned what = fuzz_byte(in);
	enum diag_code code = (enum diag_code)(1 + fuzz_byte(in) % (D__COUNT - 1));
	char *a = fuzz_until(in, '\x1e', NULL), *b = fuzz_until(in, '\x1e', NULL);
	char *d = fuzz_until(in, '\x1e', NULL);

	c->attempts = 1 + (int)(what >> 6);
	c->state = what & 1 ? PS_PASSED : PS_GAVE_UP;
	c->failed_for_good = what & 2;
	if (what & 4)
		through_ipc(r, IPC_FACT, D_NONE, a, b, NULL);
	if (what & 8)
		through_ipc(r, IPC_REACHED, D_NONE, NULL, d, NULL);
	if (what & 16)
		through_ipc(r, IPC_STEP, D_NONE, NULL, b, NULL);
	if (what & 1)
		through_ipc(r, IPC_SUMMARY, D_NONE, NULL, a, NULL);
	else if (!(what & 32))
		through_ipc(r, IPC_FINAL, code, a, b, d);
	free(a);
	free(b);
	free(d);
}

/* ---- what must hold for each format ------------------------------------------------------------------------------- */
static void lines_are_clean(const char *text, size_t len)
{
	for (const char *s = text; s < text + len;) {
		const char *nl = memchr(s, '\n', (size_t)(text + len - s));
		size_t n = nl ? (size_t)(nl - s) : (size_t)(text + len - s);

		FUZZ_CHECK(fuzz_is_clean(s, n));
		s += n + 1;
	}
}

static void judge_json(const struct run *run)
{
	json_t *root, *checks;
	struct str b;

	str_init(&b, REPORT_MAX);
	report_json(&b, run, "2026-01-01T00:00:00.000Z");
	lines_are_clean(b.s, b.len);
	root = json_loadb(b.s, b.len, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(root);
	checks = json_object_get(root, "checks");
	FUZZ_CHECK(json_array_size(checks) == CHECKS);
	FUZZ_CHECK(str_eq(json_string_value(json_object_get(root, "summary")), run->summary));
	for (size_t i = 0; i < CHECKS; i++) {
		json_t *c = json_array_get(checks, i);
		const struct check_outcome *r = &run->outcomes[i];
		const char *cause = json_string_value(json_object_get(c, "cause"));

		FUZZ_CHECK(str_eq(json_string_value(json_object_get(c, "outcome")),
				  outcome_name(r->outcome)));
		FUZZ_CHECK(!r->diag.cause[0] || (cause && str_eq(cause, r->diag.cause)));
		FUZZ_CHECK(json_object_size(json_object_get(c, "facts")) == r->n_facts);
	}
	json_decref(root);
	str_free(&b);
}

/* One attribute's value, its references resolved; returns what is behind the closing quote. */
static const char *attribute(const char *s, char *out, size_t size)
{
	static const char *const refs[][2] = {
	    {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};
	size_t n = 0;

	for (; *s != '"'; s++) {
		char c = *s;

		FUZZ_CHECK(c && c != '<' && c != '>');
		for (size_t i = 0; c == '&' && *s == '&' && i <= ARRAY_LEN(refs); i++) {
			FUZZ_CHECK(i < ARRAY_LEN(refs));
			if (str_starts(s, refs[i][0])) {
				c = refs[i][1][0];
				s += strlen(refs[i][0]) - 1;
				break;
			}
		}
		if (n + 1 < size)
			out[n++] = c;
	}
	out[n] = '\0';
	return s + 1;
}

/* Tags open and close in order, and each message is the cause that was kept. */
static void judge_junit(const struct run *run)
{
	const char *stack[8];
	size_t depth = 0, cases = 0;
	char value[2048];
	struct str b;

	str_init(&b, REPORT_MAX);
	report_junit(&b, run, "2026-01-01T00:00:00.000Z");
	lines_are_clean(b.s, b.len);
	FUZZ_CHECK(str_starts(b.s, "<?xml "));
	for (const char *s = strchr(b.s, '\n'); *s;) {
		const char *tag;

		s += strcspn(s, "<"); /* the text of an element: its '<' are escaped */
		if (!*s)
			break;
		tag = s + 1;
		if (*tag == '/') {
			FUZZ_CHECK(depth > 0 &&
				   !strncmp(tag + 1, stack[depth - 1], strcspn(tag + 1, ">")));
			depth--;
			s = strchr(s, '>') + 1;
			continue;
		}
		cases += str_starts(tag, "testcase");
		for (s = tag + strcspn(tag, " />"); *s == ' ';) {
			size_t name = strcspn(++s, "=");
			bool message = !strncmp(s, "message=", 8);

			s = attribute(s + name + 2, value, sizeof value);
			if (message && run->outcomes[cases - 1].diag.cause[0])
				FUZZ_CHECK(str_ends(value, run->outcomes[cases - 1].diag.cause));
		}
		if (str_starts(s, "/>")) {
			s += 2;
			continue;
		}
		FUZZ_CHECK(*s++ == '>' && depth < ARRAY_LEN(stack));
		stack[depth++] = tag;
	}
	FUZZ_CHECK(depth == 0 && cases == CHECKS);
	str_free(&b);
}

static void judge_tap(const struct run *run)
{
	size_t points = 0;
	struct str b;

	str_init(&b, REPORT_MAX);
	report_tap(&b, run);
	lines_are_clean(b.s, b.len);
	FUZZ_CHECK(str_starts(b.s, "TAP version 14\n1..3\n"));
	for (const char *s = b.s; *s; s += strcspn(s, "\n") + 1) {
		bool ok = str_starts(s, "ok ");

		FUZZ_CHECK(!str_starts(s, "Bail out"));
		if (!ok && !str_starts(s, "not ok "))
			continue;
		FUZZ_CHECK(ok == (run->outcomes[points].outcome == OUTCOME_PASS ||
				  run->outcomes[points].outcome == OUTCOME_WAIVED ||
				  run->outcomes[points].outcome == OUTCOME_SKIPPED));
		points++;
	}
	FUZZ_CHECK(points == CHECKS);
	str_free(&b);
}

struct page {
	const struct run *run;
	size_t passed;
};

static void see(const struct prom_line *line, void *arg)
{
	struct page *p = arg;

	if (line->kind == PROM_SAMPLE && str_eq(line->name, "startguard_check_passed"))
		p->passed++;
	if (line->kind == PROM_SAMPLE && str_eq(line->name, "startguard_status"))
		FUZZ_CHECK(str_eq(prom_label_of(line, "service"), p->run->profile->service));
}

static void judge_prometheus(const struct run *run)
{
	struct page page = {.run = run};
	char why[200];
	struct str b;

	str_init(&b, REPORT_MAX);
	report_prometheus(&b, run);
	lines_are_clean(b.s, b.len);
	FUZZ_CHECK(prom_read(b.s, b.len, false, see, &page, why, sizeof why));
	FUZZ_CHECK(page.passed == CHECKS);
	str_free(&b);
}

/* The lines for people: one verdict, the last, and it is ours. */
static void judge_lines(const struct run *run, bool quiet)
{
	static const struct report_options verbose = {.termination_log = "none"},
					   short_ones = {.termination_log = "none", .quiet = true};
	static int file = -1, saved = -1;
	struct report r;
	off_t len;
	char *text;
	size_t verdicts = 0;

	if (file < 0) {
		file = memfd_create("stderr", MFD_CLOEXEC);
		saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	}
	FUZZ_CHECK(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
	dup2(file, STDERR_FILENO);
	report_begin(&r, quiet ? &short_ones : &verbose, run);
	for (size_t i = 0; i < CHECKS; i++)
		report_changed(&r, i, run->ended);
	report_end(&r);
	report_free(&r);
	dup2(saved, STDERR_FILENO);
	len = lseek(file, 0, SEEK_END);
	text = xmalloc((size_t)len + 1);
	FUZZ_CHECK(pread(file, text, (size_t)len, 0) == len);
	text[len] = '\0';
	lines_are_clean(text, (size_t)len);
	FUZZ_CHECK(len > 0 && text[len - 1] == '\n');
	for (const char *s = text; *s; s += strcspn(s, "\n") + 1) {
		if (!str_starts(s, "startguard:"))
			continue;
		verdicts++;
		FUZZ_CHECK(!strncmp(s, run->summary, strlen(run->summary)));
		FUZZ_CHECK(s + strlen(run->summary) + 1 == text + len);
	}
	FUZZ_CHECK(verdicts == 1);
	free(text);
}

static void judge_verdict(const struct run *run)
{
	FUZZ_CHECK(fuzz_is_clean(run->summary, strlen(run->summary)));
	FUZZ_CHECK(str_starts(run->summary, run->verdict == RUN_READY ? "startguard: READY: "
					    : run->verdict == RUN_DEGRADED
						? "startguard: DEGRADED: "
						: "startguard: BLOCKED ("));
	FUZZ_CHECK((run->exit_code == 0) == (run->verdict != RUN_BLOCKED));
	for (size_t i = 0; i < CHECKS; i++)
		if (run->profile->checks[i].required && run->outcomes[i].outcome != OUTCOME_PASS)
			FUZZ_CHECK(run->verdict == RUN_BLOCKED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	bool quiet = fuzz_byte(&in) & 1;
	struct profile_check checks[CHECKS] = {
	    {.id = "tcp.a", .name = "a", .kind = &kind, .required = true},
	    {.id = "tcp.b", .name = "b", .kind = &kind, .common.degraded = "b is lost"},
	    {.id = "tcp.c", .name = "c", .kind = &kind, .required = true}};
	struct profile profile = {.service = "fuzz \"\\",
				  .checks = checks,
				  .n = CHECKS,
				  .timeout = DURATION_S(60),
				  .parallel = 3};
	struct run run;

	for (size_t i = 0; i < CHECKS; i++)
		checks[i].common.timeout = DURATION_UNSET;
	run_init(&run, &profile, (struct instant){1}, false, 1);
	run.ended = (struct instant){2000000000};
	for (size_t i = 0; i < CHECKS; i++)
		fill(&in, &run, i);
	run_decide(&run);
	judge_verdict(&run);
	judge_json(&run);
	judge_junit(&run);
	judge_tap(&run);
	judge_prometheus(&run);
	judge_lines(&run, quiet);
	run_free(&run);
	return 0;
}
