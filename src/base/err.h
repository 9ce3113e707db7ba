/* err: a failure of startguard itself as a value. A dependency that is not ready is a struct diag, never this.
 *
 * Fallible functions return int, take `struct err *` last and touch it only on failure.
 */
#ifndef SG_ERR_H
#define SG_ERR_H

#include "util.h"

struct err {
	int sys_errno; /* 0: none */
	char text[768];
};

/* Returns -1, so that `return err_make(err, errno, "open %s", path);` reads well. */
int err_make(struct err *err, int sys_errno, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "open x: No such file or directory" */
const char *err_text(const struct err *err, char *buf, size_t size);

#endif
