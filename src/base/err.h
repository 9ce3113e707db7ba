/* err: describes a failure of startguard itself. A struct diag describes a dependency that is not ready.
 *
 * Fallible functions return int, take `struct err *` last and touch it only on failure.
 */
#ifndef SG_ERR_H
#define SG_ERR_H

#include "util.h"

struct err {
	int sys_errno; /* errno of the failed call, 0 if no call failed */
	char text[768];
};

/* Returns -1, so that a function can end with `return err_make(err, errno, "open %s", path);`. */
int err_make(struct err *err, int sys_errno, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Writes "open x: No such file or directory" into buf, which it returns. */
const char *err_text(const struct err *err, char *buf, size_t size);

#endif
