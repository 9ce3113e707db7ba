/* report: writes everything that startguard reports about a run: lines on stderr, the final report, the termination message.
 *
 * Lines go to stderr as checks change; on a terminal the live view shows the undecided checks. The final report is text, JSON,
 * JUnit, TAP or Prometheus's text format. Foreign text was cleaned and scrubbed when it was stored. An output that cannot be
 * written (a closed stderr, a full disk) changes neither verdict nor exit code. No other module reads the wall clock. Parent only.
 */
#ifndef SG_REPORT_H
#define SG_REPORT_H

#include "live.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JUNIT, FORMAT_TAP, FORMAT_PROMETHEUS };

#define TERMINATION_DEFAULT "/dev/termination-log"

struct report_options {
	enum format format;
	const char *output;          /* NULL: stdout */
	const char *report_file;     /* a JSON report; NULL: none */
	const char *env_file;        /* NULL: none */
	const char *termination_log; /* "none"; NULL: the default path where it exists */
	bool color, quiet, verbose;
};

struct report {
	const struct report_options *o;
	const struct run *run;
	char started[32]; /* date and time, as in the report */
	struct text_style style;
	struct live live;
	struct instant next_summary;
	struct shown *shown; /* state of the last line of each check */
	bool report_written, sandbox_shown;
};

/* Options and run must outlive the report. Prints the title line, and a line for each check that is waived or skipped. */
void report_begin(struct report *r, const struct report_options *o, const struct run *run);
/* Callbacks of the reactor's watcher; ctx is the struct report. */
void report_changed(void *ctx, size_t check, struct instant now);
struct instant report_tick(void *ctx, struct instant now);
/* After run_decide: writes the remaining lines, all files and, last, the verdict line. */
void report_end(struct report *r);
/* After report_end, when run_override has changed the verdict: writes files and verdict line again. */
void report_again(struct report *r);
/* Writes only the termination message, for a run that could not begin. */
void report_termination(const struct report_options *o, const struct run *run);
/* Erases the live view. Called instead of report_end when the process ends at once. ctx is the struct report. */
void report_abandon(void *ctx);
void report_free(struct report *r);

/* Writes one line to stderr, cleaned: "startguard: ...". */
void log_line(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* The most bytes of a list of ids in the environment: the kernel accepts 128 KiB for one entry, and little more in all on a small
 * stack. */
#define REPORT_ENV_MAX (32 * 1024)
#define REPORT_ENV_MIN 256
/* Calls `set` for each variable that the service gets. `report_file`: NULL when no report was written. A list of ids with more than
 * `list_max` bytes ends in "...". */
void report_environment(const struct run *run, const char *report_file, size_t list_max,
			void (*set)(void *ctx, const char *name, const char *value), void *ctx);

/* Append the final report in one format (report_json.c, report_formats.c). `started`: the date for the report. */
void report_json(struct str *out, const struct run *run, const char *started);
void report_junit(struct str *out, const struct run *run, const char *started);
void report_tap(struct str *out, const struct run *run);
void report_prometheus(struct str *out, const struct run *run);
#define REPORT_MAX (64 * 1024 * 1024)

#endif
