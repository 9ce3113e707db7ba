/* version: compares versions of one to three numbers with dots between them, such as "7.0" and "2.6.1". Pure.
 *
 * Kinds use it for their min_version keys. Versions of Python distributions have rules of their own (checks/python/probe.py).
 */
#ifndef SG_VERSION_H
#define SG_VERSION_H

#include "util.h"

/* For rows (.check): NULL when text is a version, else what is wrong with it. */
const char *version_problem(const char *text);
/* Less than, equal to or greater than 0, as a is older than b, the same or newer. A missing number is 0, and what
 * follows the numbers ("-RC1") does not count. */
int version_compare(const char *a, const char *b);

#endif
