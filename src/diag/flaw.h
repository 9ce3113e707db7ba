/* flaw: remembers which secrets of this process look as if they were written down wrongly, for the diagnosis of a refused login.
 *
 * "echo pw | base64" encodes a line end, `docker --env-file` keeps quotes, a variable of a template stays empty: the login is refused,
 * and who reads of it takes the secret for a rotated one. secret notes what it reads; diag asks. It keeps no value. Child only.
 */
#ifndef SG_FLAW_H
#define SG_FLAW_H

#include "diag.h"

/* Notes the flaw of this value, if it has one. `what` names where it comes from: "variable PASSWORD". The first flaw counts. */
void flaw_note(const char *what, const char *value);
/* Adds the flaw to the cause and the hint of a diagnosis that says that a login was refused. */
void flaw_tell(struct diag *out);
void flaw_forget(void); /* for tests */

#endif
