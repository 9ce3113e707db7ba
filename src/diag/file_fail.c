#include "file_fail.h"

#include <errno.h>

#include "path_problem.h"

static enum diag_code code_of(int error)
{
	if (errno_is_missing(error) || error == ELOOP)
		return D_FILE_MISSING;
	return error == EISDIR ? D_FILE_WRONG_TYPE : D_FILE_UNREADABLE;
}

enum result file_fail(struct diag *out, int error, const char *path, const char *doing)
{
	enum result r = diag_set(out, code_of(error), path, "%s%s%s", doing ? doing : "",
				 doing ? ": " : "", path_problem(path, error).text);

	if (error == EFBIG)
		diag_hint(out, "such files are small: look whether this is the right one");
	out->sys_errno = error;
	return r;
}
