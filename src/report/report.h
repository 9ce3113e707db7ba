/* report: everything startguard says. The only reader of the wall clock.
 *
 * Lines for people go to stderr as things change, or a view of those that still go when it is a terminal; the report of
 * the end is text, JSON, JUnit, TAP or Prometheus's text format. All foreign text was cleaned and scrubbed when it was stored. What cannot be written (a closed
 * stderr, a full disk) changes neither verdict nor exit code.
 */
#ifndef SG_REPORT_H
#define SG_REPORT_H

#include "live.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JUNIT, FORMAT_TAP, FORMAT_PROMETHEUS };

#define TERMINATION_DEFAULT "/dev/termination-log"

struct report_options {
	enum format format;
	const char *output;          /* NULL: stdout */
	const char *report_file;     /* NULL: none; JSON */
	const char *env_file;        /* NULL: none */
	const char *termination_log; /* NULL: the default where it exists; "none" */
	bool color, quiet, verbose;
};

struct report {
	const struct report_options *o;
	const struct run *run;
	char started[32]; /* wall clock */
	struct text_style style;
	struct live live;
	struct instant next_summary;
	struct shown *shown; /* what each check's last line said */
	bool report_written, sandbox_shown;
};

/* Copies nothing: options and run must outlive it. Prints the head line and what is settled before the start. */
void report_begin(struct report *r, const struct report_options *o, const struct run *run);
/* For the reactor's watcher; ctx is the struct report. */
void report_changed(void *ctx, const struct run *run, size_t check, struct instant now);
struct instant report_tick(void *ctx, const struct run *run, struct instant now);
/* After run_decide: the rest of the lines, all files, at last the verdict line. */
void report_end(struct report *r);
/* After report_end, when the run turned out otherwise: files and verdict line once more. */
void report_again(struct report *r);
/* The termination message alone, of a run that could not begin. */
void report_termination(const struct report_options *o, const struct run *run);
/* Instead of report_end, when the program must end without one: leaves the terminal in order. ctx: the report. */
void report_abandon(void *ctx);
void report_free(struct report *r);

/* One line on stderr, cleaned: "startguard: ...". */
void log_line(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* What the service is told, as NAME, VALUE pairs, one call each. `report_file`: NULL when none was written. `room`: how long a
 * list of ids may become; a longer one ends in "...". */
#define REPORT_ENV_MAX \
	(32 *          \
	 1024) /* the kernel takes 128 KiB for one entry, and little more for all on a small stack */
#define REPORT_ENV_MIN 256
void report_environment(const struct run *run, const char *report_file, size_t room,
			void (*set)(void *ctx, const char *name, const char *value), void *ctx);

/* The reports of the end (report_json.c, report_formats.c). */
void report_json(struct str *out, const struct run *run, const char *started);
void report_junit(struct str *out, const struct run *run, const char *started);
void report_tap(struct str *out, const struct run *run);
void report_prometheus(struct str *out, const struct run *run);
#define REPORT_MAX (64 * 1024 * 1024)

#endif
