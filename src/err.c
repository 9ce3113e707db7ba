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

int err_wrap(struct err *err, const char *fmt, ...)
{
	char front[sizeof err->text];
	size_t n, keep;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(front, sizeof front, fmt, ap);
	va_end(ap);
	/* The inner text is the cause: when both do not fit, the front is what is cut. */
	keep = strlen(err->text);
	n = strlen(front);
	if (n + 2 + keep >= sizeof err->text)
		n = sizeof err->text > keep + 3 ? sizeof err->text - keep - 3 : 0;
	if (n > 0) {
		memmove(err->text + n + 2, err->text, keep + 1);
		memcpy(err->text, front, n);
		memcpy(err->text + n, ": ", 2);
	}
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
