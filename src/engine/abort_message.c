#include "abort_message.h"

#include <errno.h>
#include <sys/prctl.h>

#include "ipc.h"

/* librdkafka: "*** FILE:LINE:FUNCTION: assert: EXPRESSION ***". */
#define STARS "***"

static void cut_blanks(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = '\0';
}

/* Does the text begin with "FILE:LINE:", as the messages of glibc, librdkafka and OpenSSL do? */
static bool begins_with_place(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

	return digits > 0 && colon > text && colon[1 + digits] == ':';
}

char *abort_message_find(char *line)
{
	size_t name = strlen(program_invocation_short_name);

	cut_blanks(line);
	if (str_starts(line, STARS) && str_ends(line, STARS) && strlen(line) > 2 * strlen(STARS)) {
		line[strlen(line) - strlen(STARS)] = '\0';
		line += strlen(STARS) + strspn(line + strlen(STARS), " ");
		cut_blanks(line);
		return begins_with_place(line) && strstr(line, ": assert: ") ? line : NULL;
	}
	/* assert(): "PROGRAM: FILE:LINE: FUNCTION: Assertion `EXPRESSION' failed." */
	if (strncmp(line, program_invocation_short_name, name) == 0 &&
	    str_starts(line + name, ": "))
		line += name + 2;
	if (!begins_with_place(line))
		return NULL;
	if (strstr(line, ": Assertion `") && str_ends(line, "' failed.")) {
		line[strlen(line) - 1] = '\0';
		return line;
	}
	return strstr(line, ": OpenSSL internal error: ") ? line : NULL;
}

/* Runs in the thread that aborts, inside its write to stderr and not in a signal handler, so it may call any function. */
static void send_message(const struct abort_message *m, const char *message)
{
	char thread[ABORT_THREAD_MAX] = "", text[ABORT_LINE_MAX + 128];

	prctl(PR_GET_NAME, thread);
	if (str_eq(thread, m->main_thread))
		snprintf(text, sizeof text, "%s aborted: %s", m->library(), message);
	else /* librdkafka names each thread after its broker */
		snprintf(text, sizeof text, "%s aborted in thread %s: %s", m->library(), thread,
			 message);
	ipc_put_text(m->fd, IPC_ABORT, PH_NONE, NULL, text);
}

static ssize_t on_write(void *cookie, const char *buf, size_t size)
{
	struct abort_message *m = cookie;
	int saved = errno;

	for (size_t i = 0; i < size; i++) {
		char *message;

		if (buf[i] != '\n') {
			/* A longer line loses its end, so it matches none of the forms. */
			if (m->len < sizeof m->line - 1)
				m->line[m->len++] = buf[i] ? buf[i] : ' ';
			continue;
		}
		m->line[m->len] = '\0';
		m->len = 0;
		message = abort_message_find(m->line);
		if (message)
			send_message(m, message);
	}
	errno = saved;
	return (ssize_t)size;
}

void abort_message_watch(struct abort_message *m, int fd, const char *(*library)(void))
{
	FILE *stream;

	*m = (struct abort_message){.fd = fd, .library = library};
	prctl(PR_GET_NAME, m->main_thread);
	stream = fopencookie(m, "w", (cookie_io_functions_t){.write = on_write});
	if (!stream)
		return;
	setvbuf(stream, NULL, _IONBF, 0);
	stderr = stream; /* glibc's stderr is a variable, which assert() reads */
}
