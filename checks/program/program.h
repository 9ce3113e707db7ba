/* program: runs a program of the image as the service would find it, and reads its output until it ends or its time is up.
 *
 * The program runs in the process group of the attempt, which startguard kills as a whole when the attempt is over. Of its
 * stdout the beginning is kept, of its stderr the end; the rest is read and thrown away, so that no program waits for a full
 * pipe. A third pipe, the channel, carries lines that the program was asked to write. Only in the child of a kind with
 * .needs_exec.
 */
#ifndef SG_PROGRAM_H
#define SG_PROGRAM_H

#include "check.h"

#define PROGRAM_OUTPUT_MAX (64 * 1024)
#define PROGRAM_ERRORS_MAX (8 * 1024)
#define PROGRAM_TAIL_LINES 8
#define PROGRAM_REASON_LINES 3
#define PROGRAM_LINE_MAX \
	(4 * 1024) /* PIPE_BUF: the bytes that one write puts into a pipe in one piece */

struct program {
	pid_t pid;
	int out, err, channel; /* read ends; -1: closed */
	int channel_write_end; /* open until the program starts; else -1 */
	size_t n_out, n_err, n_line;
	char out_text[PROGRAM_OUTPUT_MAX + 1], err_text[PROGRAM_ERRORS_MAX];
	char line[PROGRAM_LINE_MAX];
	bool line_cut; /* the rest of a line that is too long is still to come */
};

typedef void program_line_fn(void *arg, const char *line);

void program_init(struct program *p);
/* Opens the channel. Returns the number that its write end will have in the program; -1 with errno. */
int program_open_channel(struct program *p);
/* Runs argv (NULL-terminated) in `directory` (NULL: the current one), with the service's environment. A file that the kernel
 * does not run is not given to a shell. `missing` and `not_run` are the kind's codes for a program or directory that is not
 * there, and for a file that cannot be run; without a process it is guard-no-process. */
enum result program_start(struct program *p, const char *const *argv, const char *directory,
			  enum diag_code missing, enum diag_code not_run, struct diag *out);
/* guard-no-process with errno: no process, or no pipe to one. */
enum result program_no_process(const char *program, struct diag *out);
/* Reads until the program has ended and its pipes are empty, or until the deadline. Calls on_line with each line of the
 * channel: without its newline, cut at PROGRAM_LINE_MAX. Returns whether the program has ended: then *status is that of
 * waitpid; otherwise it still runs. */
bool program_wait(struct program *p, struct instant deadline, int *status, program_line_fn *on_line,
		  void *arg);
struct program_text {
	char text[300];
};
/* "ended with status 3", "ended by signal 6 (Aborted)", from a status of waitpid. */
struct program_text program_ending(int status);
/* What matters of the output of stderr, when there is any, since programs put their reason there; else of stdout. Of Python's
 * tracebacks it is the exception's line of the last one, with that of the first. Otherwise it is the last line with a letter in
 * it, behind at most two before it that it continues (it is indented, or DETAIL of psql). Scrubbed and cleaned; "none" when the
 * program wrote nothing. */
struct program_text program_reason(const struct program *p);
/* Adds the last lines of the same output as facts, output_1 to output_8, oldest first, without blank ones. */
void program_tell_output(const struct program *p, const struct check_run *run);

#endif
