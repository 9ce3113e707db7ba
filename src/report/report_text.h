/* report_text: the texts for people: lines and blocks of checks, the summary, the termination message.
 *
 * Pure: fills strings, writes nothing, reads no clock. Foreign text was cleaned when it was stored.
 */
#ifndef SG_REPORT_TEXT_H
#define SG_REPORT_TEXT_H

#include "columns.h"
#include "run.h"

/* A line begins with the check's outcome, or with WAIT while the check is not decided. */
#define LABEL_WAIT OUTCOME__COUNT

struct text_style {
	bool color;
	int id_width;
};

/* `columns`: those of the terminal; 0: none, or not known. */
struct text_style text_style(const struct profile *p, bool color, unsigned columns);
/* Returns the width of the column of ids when `id` is in it too, besides others that need `width`. An id that would take more than
 * a third of the terminal does not widen it: its own line is longer then. */
int text_id_width(int width, const char *id, unsigned columns);

/* "startguard 1.0.0 · service · mode prod · 5 checks · 90s", or "· one round, 90s" of the commands check and try. */
void text_title(struct str *b, const struct run *run);
/* Appends a line: "WAIT      redis.cache    0.3 s  ", then `text`. */
void text_line(struct str *b, const struct text_style *s, enum outcome label, const char *id,
	       struct duration elapsed, const char *text);
/* Appends code, subject, number of attempts and cause of the last finding. */
void text_finding(struct str *b, const struct check_outcome *res, int attempts);
/* Appends the lines of a check that did not pass: code, reached phases, cause, hint. */
void text_block(struct str *b, const struct text_style *s, enum outcome label,
		const struct run *run, size_t i, struct duration elapsed, int attempts);
/* Appends the facts of the last attempt, one line each. */
void text_facts(struct str *b, const struct check_outcome *res);
/* Returns the finding's own hint, else the hint of its code; "" without a finding. */
const char *text_hint(const struct check_outcome *res);
/* "4.2 s, 85 s left"; without a time limit "4.2 s". */
void text_times(struct str *b, const struct run *run, struct instant now);
/* "startguard: waiting since 10.0 s, 80 s left, for 2 of 5 checks: ..." */
void text_waiting(struct str *b, const struct run *run, struct instant now);
void text_verdict(struct str *b, const struct text_style *s, const struct run *run);

/* Fills `b` with the verdict and one line for each check that did not pass, in at most TERMINATION_MAX bytes. Causes are cut
 * before a check is left out. */
void text_termination(struct str *b, const struct run *run);
#define TERMINATION_MAX 4096 /* bytes that a kubelet keeps of the file */

#endif
