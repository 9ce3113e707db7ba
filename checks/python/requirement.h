/* requirement: the form of a requirement for a Python distribution, such as "confluent-kafka >= 2.3, < 3".
 *
 * A name and version specifiers (PEP 440; PEP 508 without extras, markers and URLs). The profile is checked with it, in the
 * parent; whether an installed version satisfies a requirement is judged by the probe, in the service's own Python. Pure.
 */
#ifndef SG_REQUIREMENT_H
#define SG_REQUIREMENT_H

#include "util.h"

#define REQUIREMENT_NAME_MAX 128

/* For rows (.check): NULL when the requirement is well formed, else what is wrong with it. */
const char *requirement_problem(const char *requirement);
/* Copies the name out of a well-formed requirement. */
void requirement_name(const char *requirement, char name[REQUIREMENT_NAME_MAX]);
/* The part of a well-formed requirement after its name (">= 2.3, < 3"); empty when any version will do. */
const char *requirement_specifiers(const char *requirement);

#endif
