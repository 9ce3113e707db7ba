/* neterr: turns the errno of connect, read or write into a diagnosis, the same for every kind. Pure. */
#ifndef SG_NETERR_H
#define SG_NETERR_H

#include "check.h"

/* `doing` names the call: "connect", "read". Returns RESULT_FAIL with *out filled (connect-refused, connect-reset, ...). */
enum result net_fail_errno(struct diag *out, int err, const char *subject, const char *doing);
/* When the addresses of a host fail in different ways, net_connect reports the errno of the greatest weight: it got furthest. */
int net_errno_weight(int err);

#endif
