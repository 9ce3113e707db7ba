/* syntax_error: finds the place where a text leaves libconfig's grammar, and says what stands there and the likeliest remedy.
 *
 * libconfig decides whether a text is right; it names only the line. This module is asked after a refusal, for the words. It
 * never prints a value, which may be a secret that was left without quotes. Pure: reads the text, writes to the arena.
 * Grammar: libconfig manual, "Configuration File Grammar".
 */
#ifndef SG_SYNTAX_ERROR_H
#define SG_SYNTAX_ERROR_H

#include "arena.h"

#define SYNTAX_DEPTH_MAX 64 /* groups, lists and arrays open at one place */

struct syntax_error {
	int line, column; /* from 1; a column counts characters, not bytes */
	const char *text; /* what stands there, and what to write instead */
	const char *
	    about; /* what stands at `about_line`: "the group that is not closed begins"; NULL: nothing */
	int about_line;
};

/* Returns false when the text keeps the grammar as far as this module knows it. */
bool syntax_error_find(struct arena *a, const char *text, struct syntax_error *out);
/* Returns the line of the text (string) whose closing quote is likely missing, in a file that ends within a text. */
int syntax_error_open_text(const char *text);

#endif
