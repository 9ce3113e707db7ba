/* version: compares versions of one to three numbers with dots between them, such as "7.0" and "2.6.1". Pure.
 *
 * Kinds use it for their min_version keys. Versions of Python distributions have rules of their own (checks/python/probe.py).
 */
#ifndef SG_VERSION_H
#define SG_VERSION_H

#include "util.h"

/* For key rows (.check). Returns NULL when text is a version, else the problem. */
const char *version_problem(const char *text);
/* Returns a number below, equal to or above 0 when a is older than b, equal or newer. A missing number counts as 0;
 * a suffix of the numbers ("-RC1") is ignored. */
int version_compare(const char *a, const char *b);

#endif
