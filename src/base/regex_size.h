/* regex_size: judges the regular expressions of a profile before the C library compiles them: how large they become, and whether
 * they are written in another dialect than POSIX extended ones.
 *
 * Pure. The C library copies what a repetition holds: ((a{1,200}){1,200}){1,200} takes gigabytes and seconds. Called by kinds before
 * regcomp, in the parent, which must stay small and hear signals.
 */
#ifndef SG_REGEX_SIZE_H
#define SG_REGEX_SIZE_H

#include "util.h"

/* Characters and classes of an expression with its repetitions written out, at most. */
#define REGEX_SIZE_MAX 20000

/* Returns the number of characters and classes with all repetitions written out; more than REGEX_SIZE_MAX for any larger one. The
 * expression may be invalid. */
unsigned regex_size(const char *expression);
/* Returns NULL, or what to write in place of a part that only other dialects know, as \d. The C library accepts most of them and matches
 * something else: \d is the letter d to it. */
const char *regex_dialect_problem(const char *expression);

#endif
