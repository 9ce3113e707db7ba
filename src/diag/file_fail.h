/* file_fail: turns the errno of a file that a profile names into a diagnosis, the same for every kind. */
#ifndef SG_FILE_FAIL_H
#define SG_FILE_FAIL_H

#include "diag.h"

/* `doing`: the call, or the key that names the file; NULL: nothing is said of it. A path that is missing is file-missing, a folder in
 * a file's place file-wrong-type, all else file-unreadable. Returns the code's result. */
enum result file_fail(struct diag *out, int error, const char *path, const char *doing);

#endif
