/* postgres_demands: checks that a database has what the profile demands: version, extensions, tables, privileges, migrations, and
 * the value of a query.
 *
 * postgres calls it after the login. It looks at everything, so that one start shows all that is missing. Child only, except the
 * two functions that judge texts of the profile.
 */
#ifndef SG_POSTGRES_DEMANDS_H
#define SG_POSTGRES_DEMANDS_H

#include "postgres_conf.h"
#include "pq.h"

/* A savepoint of this name must be set in the transaction: an error of a statement goes back to it. */
#define POSTGRES_SAVEPOINT "startguard"

/* Return what is wrong with one item of the keys `privileges` and `extensions`, or NULL. */
const char *postgres_privilege_problem(const char *text);
const char *postgres_extension_problem(const char *text);

/* Checks all demands in the open transaction of *pq, on a server of the given version. Stops early where no further statement can
 * be answered: the connection or the time is gone. */
enum result postgres_check_demands(const struct check_run *run, struct pq *pq, const char *version,
				   struct diag *out);

#endif
