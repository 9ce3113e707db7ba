/* pq_options: makes the options of a libpq connection from a check's keys, libpq's environment and its service file.
 *
 * postgres and pq call it. It registers every password it finds with scrub. Nothing is freed; the child's exit does. Child only.
 */
#ifndef SG_PQ_OPTIONS_H
#define SG_PQ_OPTIONS_H

#include "check.h"

#define PQ_OPTIONS_MAX 64 /* options; libpq 15 has 41 */

struct postgres_conf;

/* The choices of the key sslmode, in the order of its values. */
extern const char *const pq_sslmodes[];

/* The arguments of PQconnectStartParams. */
struct pq_options {
	const char *names[PQ_OPTIONS_MAX + 1], *values[PQ_OPTIONS_MAX + 1];
	size_t n;
};
/* Replaces or adds an option; keeps the pointers. */
void pq_set(struct pq_options *o, const char *name, const char *value);
/* Returns the value, or NULL when it is missing or empty. */
const char *pq_get(const struct pq_options *o, const char *name);
/* Fills *o with the options for all hosts. Fails with *out filled when a text or a secret is wrong, or no server is named. */
enum result pq_options_make(const struct postgres_conf *c, struct pq_options *o, struct diag *out);

#endif
