/* console: writes to stderr and stdout without waiting for a slow reader.
 *
 * Lines that stderr does not take at once (a slow terminal, a pipe that nobody reads) are kept and tried again. At the end
 * console_flush waits a little; the next line that is written reports how many were dropped. The descriptors never become
 * non-blocking, since the service and the parent process share them. Parent only.
 */
#ifndef SG_CONSOLE_H
#define SG_CONSOLE_H

#include "instant.h"
#include "util.h"

/* Writes whole lines to stderr, and keeps the text that stderr does not accept now. */
void console_write(const char *text, size_t len);
/* Writes the kept text that stderr accepts now. Returns true when some is left: call it again soon. */
bool console_retry(void);
/* Waits up to 8 s in all, 2 s without progress, for stderr to accept the kept text, then drops it. Call it before exit and exec. */
void console_flush(void);
/* Writes the whole text to a descriptor, within the time limits of console_flush. Returns 0, or -1 with errno (perhaps ETIMEDOUT).
 * */
int console_write_whole(int fd, const char *text, size_t len);

#endif
