/* pep440: versions of Python distributions, and what may be demanded of them.
 *
 * Versions and version specifiers are those of PEP 440 (packaging.python.org, "Version specifiers"), read as pip and
 * the library `packaging` do; a demand is a name with specifiers, PEP 508 without extras, markers and addresses. What is
 * installed is a fact and no choice: a pre-release is judged like any other version. Pure, bounded, for any bytes: numbers of
 * up to 18 digits, 16 parts of a release and local parts of 63 characters; beyond that a version is none, or the largest.
 */
#ifndef SG_PEP440_H
#define SG_PEP440_H

#include "util.h"

#define DEMAND_NAME_MAX 128

enum demand_result {
	DEMAND_MET,
	DEMAND_NOT_MET,
	DEMAND_UNCLEAR, /* the version is not one of PEP 440 */
};

/* "confluent-kafka", "confluent-kafka >= 2.3, < 3": NULL, or what is wrong with it. */
const char *demand_problem(const char *demand);
/* The name in a demand without a problem. */
void demand_name(const char *demand, char name[DEMAND_NAME_MAX]);
/* What stands behind the name (">= 2.3, < 3"); empty: any version will do. */
const char *demand_specifiers(const char *demand);
enum demand_result demand_check(const char *demand, const char *version);

/* A version as a demand may name it: NULL, or what is wrong. */
const char *version_pep440_problem(const char *version);

#endif
