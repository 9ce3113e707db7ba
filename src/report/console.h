/* console: what startguard writes to stderr and stdout, without ever being held by who reads it.
 *
 * Lines that stderr does not take at once (a slow terminal, a pipe nobody reads) are kept and offered again. At the
 * end they get a little time; what is dropped then is named in the next line that gets through. The descriptors are
 * never made non-blocking: they are shared with the service and with whoever started us.
 */
#ifndef SG_CONSOLE_H
#define SG_CONSOLE_H

#include "instant.h"
#include "util.h"

/* Whole lines for stderr; what does not go out now is kept. */
void console_write(const char *text, size_t len);
/* Writes what goes out now. True when something is left: call again soon. */
bool console_retry(void);
/* Before the process ends or becomes another: waits a little for what is left, then drops it. */
void console_flush(void);
/* All of it to a descriptor that may be slow. 0; -1 with errno, ETIMEDOUT when nobody reads. */
int console_write_whole(int fd, const char *text, size_t len);

#endif
