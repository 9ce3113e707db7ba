/* program: a program of the image is run as the service would find it, and listened to until it ends or its time is up.
 *
 * It runs in the process group of the attempt, which the guard kills as a whole when the attempt is over, however it
 * ends. Of its output the beginning is kept, of its errors the end, and the rest thrown away: a program that says too much
 * is not held up. A third stream may carry lines that the program was asked for. Only in the child of a kind that
 * needs_exec.
 */
#ifndef SG_PROGRAM_H
#define SG_PROGRAM_H

#include "check.h"

#define PROGRAM_OUTPUT_MAX (64 * 1024)
#define PROGRAM_ERRORS_MAX (8 * 1024)
#define PROGRAM_LINE_MAX (4 * 1024) /* PIPE_BUF: what one write brings in one piece */

/* What could not be done. */
enum program_trouble {
	PROGRAM_STARTED,
	PROGRAM_NO_PROCESS, /* a limit of ours */
	PROGRAM_NO_FOLDER,  /* working_directory */
	PROGRAM_NOT_FOUND,
	PROGRAM_NOT_RUN, /* it is there, but the kernel does not run it */
};

struct program {
	pid_t pid;
	int out, err, words; /* read ends; -1: closed */
	size_t n_out, n_err, n_line;
	char out_text[PROGRAM_OUTPUT_MAX + 1], err_text[PROGRAM_ERRORS_MAX];
	char line[PROGRAM_LINE_MAX];
	bool line_cut;    /* the rest of a line that is too long is on its way */
	int words_for_it; /* the write end of the third stream until it is started; -1: none */
};

void program_init(struct program *p);
/* Wants the third stream. The number that its descriptor will have in the program, for its arguments; -1 with errno. */
int program_words(struct program *p);
/* Runs argv (NULL-terminated) in `folder` (NULL: where we are). The environment is the service's; what the kernel does not
 * run is not given to a shell. PROGRAM_STARTED, or what went wrong with errno. */
enum program_trouble program_start(struct program *p, const char *const *argv, const char *folder);
/* What program_start met, with its errno: `program` and `folder` are what it was given; the codes are the kind's own for a
 * program or folder that is not there, and for one that cannot be run. RESULT_FAIL or RESULT_BROKEN with *out filled. */
enum result program_not_started(enum program_trouble trouble, const char *program,
				const char *folder, enum diag_code missing, enum diag_code not_run,
				struct diag *out);
/* Listens until the program has ended and its streams are empty, or to a little beyond the deadline: what had come by then
 * may be seen late. Lines of the third stream go to `heard`, without their end, terminated; what is beyond PROGRAM_LINE_MAX is cut.
 * Has it ended? Then *status is waitpid's; otherwise it still runs. */
bool program_listen(struct program *p, struct instant deadline, int *status,
		    void (*heard)(void *ctx, const char *line), void *ctx);
/* The last line that says something, of stderr if there is any: where programs put their reason. Cleaned; lives in buf, or
 * says that there is none. */
const char *program_last_words(const struct program *p, char *buf, size_t size);

#endif
