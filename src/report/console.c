#include "console.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "str.h"
#include "write_nonblock.h"

#define KEPT_MAX (256 * 1024)
/* Both waits end after this time without progress. */
#define STALL_MAX DURATION_S(2)
/* The total wait for a slow reader: less than an orchestrator waits after SIGTERM. */
#define WAIT_MAX DURATION_S(8)
/* Pause after a write that took nothing: a terminal may poll writable with less room than a line end needs. */
#define AGAIN_MS 10

/* The output that stderr has not accepted yet. */
static struct {
	char *text; /* the bytes from `from` to `len` are not written */
	size_t from, len, cap;
	size_t lost;            /* lines dropped and not yet reported */
	bool in_line;           /* the last byte written was not a newline */
	struct duration waited; /* time spent in console_flush; WAIT_MAX after it gave up */
} kept;

/* Writes once, without blocking. Returns the number of bytes, 0 when nothing was written within `wait_ms`, -1 with errno. */
static ssize_t write_some(int fd, const char *text, size_t len, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int ready = poll(&p, 1, wait_ms);
	ssize_t n;

	if (ready == 0 || (ready < 0 && errno == EINTR))
		return 0;
	/* Write also when poll failed: it is better to wait perhaps than to lose the line. */
	n = write_nonblock(fd, text, len < PIPE_BUF ? len : PIPE_BUF);
	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		return n;
	if (wait_ms != 0)
		poll(NULL, 0, AGAIN_MS);
	return 0;
}

static void drop_kept(void)
{
	for (size_t i = kept.from; i < kept.len; i++)
		kept.lost += kept.text[i] == '\n';
	kept.from = kept.len = 0;
}

/* Writes once from the kept text. Returns how many bytes. */
static size_t write_kept(int wait_ms)
{
	ssize_t n = 0;

	if (kept.from < kept.len)
		n = write_some(STDERR_FILENO, kept.text + kept.from, kept.len - kept.from, wait_ms);
	if (n < 0) /* stderr is closed: the verdict does not depend on it */
		kept.from = kept.len;
	if (n > 0) {
		kept.from += (size_t)n;
		kept.in_line = kept.text[kept.from - 1] != '\n';
	}
	if (kept.from == kept.len)
		kept.from = kept.len = 0;
	return n > 0 ? (size_t)n : 0;
}

static void keep_unwritten(const char *text, size_t len)
{
	if (len == 0)
		return;
	if (kept.from > 0) {
		memmove(kept.text, kept.text + kept.from, kept.len - kept.from);
		kept.len -= kept.from;
		kept.from = 0;
	}
	if (kept.len + len > kept.cap) {
		kept.cap = kept.len + len;
		kept.text = xrealloc(kept.text, kept.cap);
	}
	memcpy(kept.text + kept.len, text, len);
	kept.len += len;
}

void console_write(const char *text, size_t len)
{
	char note[128];

	/* The newest lines are the ones that matter: the verdict is the last. */
	if (kept.len - kept.from + len > KEPT_MAX)
		drop_kept();
	if (kept.lost > 0 && kept.from == kept.len) {
		snprintf(note, sizeof note,
			 "%sstartguard: warning: %zu line%s lost: nobody read stderr\n",
			 kept.in_line ? "\n" : "", kept.lost, plural(kept.lost));
		kept.lost = 0;
		keep_unwritten(note, strlen(note));
	}
	keep_unwritten(text, len);
	console_retry();
}

bool console_retry(void)
{
	while (write_kept(0) >= PIPE_BUF) { /* after a shorter write stderr accepts no more now */
	}
	return kept.from < kept.len;
}

void console_flush(void)
{
	struct instant start = instant_now(), now = start;
	struct instant until = instant_after(now, (struct duration){WAIT_MAX.ns - kept.waited.ns});
	struct instant end = instant_earlier(until, instant_after(now, STALL_MAX));

	while (kept.from < kept.len && !instant_reached(end, now)) {
		bool moved = write_kept(instant_left_ms(end, now)) > 0;

		now = instant_now();
		if (moved)
			end = instant_earlier(until, instant_after(now, STALL_MAX));
	}
	kept.waited.ns =
	    instant_reached(end, now) ? WAIT_MAX.ns : kept.waited.ns + instant_since(start, now).ns;
	drop_kept();
}

int console_write_whole(int fd, const char *text, size_t len)
{
	struct instant now = instant_now(), until = instant_after(now, WAIT_MAX);
	struct instant end = instant_after(now, STALL_MAX);

	while (len > 0 && !instant_reached(end, now)) {
		ssize_t n = write_some(fd, text, len, instant_left_ms(end, now));

		if (n < 0)
			return -1;
		now = instant_now();
		if (n > 0)
			end = instant_earlier(until, instant_after(now, STALL_MAX));
		text += n;
		len -= (size_t)n;
	}
	if (len == 0)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}
