/* console: writes to stderr and stdout without waiting for a slow reader.
 *
 * Lines that stderr does not take at once (a slow terminal, a pipe that nobody reads) are kept and tried again. At the end
 * console_flush waits a little; the next line that gets through counts what was dropped. The descriptors never become non-blocking,
 * since the service and the parent process share them. Parent only.
 */
#ifndef SG_CONSOLE_H
#define SG_CONSOLE_H

#include "instant.h"
#include "util.h"

/* Writes whole lines to stderr, and keeps what it does not take now. */
void console_write(const char *text, size_t len);
/* Writes what stderr takes now. True when something is left: call it again soon. */
bool console_retry(void);
/* Waits up to 8 s in all, 2 s without progress, for stderr to take what is left, then drops it. Before exit and exec. */
void console_flush(void);
/* Writes the whole text to a descriptor, as patiently as console_flush. 0; -1 with errno, ETIMEDOUT when nobody reads. */
int console_write_whole(int fd, const char *text, size_t len);

#endif
