#include "err.h"

#include <stdarg.h>

int err_make(struct err *err, int sys_errno, const char *fmt, ...)
{
	va_list ap;

	err->sys_errno = sys_errno;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return -1;
}

const char *err_text(const struct err *err, char *buf, size_t size)
{
	if (err->sys_errno)
		snprintf(buf, size, "%s: %s", err->text, strerror(err->sys_errno));
	else
		snprintf(buf, size, "%s", err->text);
	return buf;
}
