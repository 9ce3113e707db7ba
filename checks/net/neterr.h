/* neterr: the diagnosis of an errno that connect, read or write gave, the same for every kind. Pure. */
#ifndef SG_NETERR_H
#define SG_NETERR_H

#include "check.h"

/* `doing` is the call: "connect", "read". Returns RESULT_FAIL with *out filled (connect-refused, connect-reset, ...). */
enum result net_fail_errno(struct diag *out, int err, const char *subject, const char *doing);
/* When the addresses of a host fail in different ways, the errno of the greatest weight got furthest and is reported. */
int net_errno_weight(int err);

#endif
