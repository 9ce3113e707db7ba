/* abort_message: the message with which a client library ends its own process.
 *
 * A library whose assertion fails prints it to the stream stderr and calls abort(). This module replaces the stream in the
 * child of a check: it sends a line of that form to the parent at once (IPC_ABORT), scrubbed like every text of a child, and drops
 * all other lines. The C library reports its own findings (a corrupted heap, a smashed stack) to descriptor 2, not to this stream:
 * nobody can know which code corrupted the memory.
 *
 * A handler for SIGABRT would not work: librdkafka's threads block all signals, and since glibc 2.41 abort() does not unblock
 * SIGABRT before it ends the process. Nothing of startguard itself calls abort() or assert().
 */
#ifndef SG_ABORT_MESSAGE_H
#define SG_ABORT_MESSAGE_H

#include "util.h"

#define ABORT_LINE_MAX 512
#define ABORT_THREAD_MAX 16 /* bytes that PR_GET_NAME fills */

struct abort_message {
	int fd; /* the child's end of the pipe */
	const char *(*library)(void);
	char main_thread[ABORT_THREAD_MAX];
	char line[ABORT_LINE_MAX]; /* the current line, as far as it was written */
	size_t len;
};

/* Child only. `m` must stay until the process ends. `library` returns the library's name and version. Without memory for the
 * stream, stderr stays as it was. */
void abort_message_watch(struct abort_message *m, int fd, const char *(*library)(void));

/* Returns the message in a line of stderr, without the name of the program before it, "***" around it and a full stop; NULL
 * when the line has none of the forms in which a library aborts. Writes into `line`. */
char *abort_message_find(char *line);

#endif
