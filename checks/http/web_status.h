/* web_status: what an HTTP status means that is not the wanted one, and how long the peer asks to wait.
 *
 * Pure. The meanings are those of RFC 9110 section 15 and of the specifications that the IANA registry of status codes names. A
 * status is final only where the same request must get the same answer; one that a server gives while it starts, is deployed
 * or has too much to do is not. diag.def says of each code whether waiting can help.
 */
#ifndef SG_WEB_STATUS_H
#define SG_WEB_STATUS_H

#include "diag.h"

/* Returns the diagnosis of a status from 100 to 599; http-status for one without a meaning of its own. Statuses 300 to 399 are
 * http-redirect, which needs a target. */
enum diag_code web_status_code(long status);
/* Returns where to look for the cause of a status that waits for more than the path and the server's log; NULL for any other. */
const char *web_status_hint(long status);
/* Parses Retry-After (RFC 9110 section 10.2.3): seconds, or a date, which counts from the answer's own `date`, so that the clocks
 * need not agree; without `date` it says nothing. Either text may be NULL. Returns seconds from 0 to DIAG_RETRY_AFTER_MAX; 0 when it names no time to come. */
int web_retry_after(const char *retry_after, const char *date);

#endif
