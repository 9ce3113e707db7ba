/* ipc: what a check's child says to the parent, as records of at most PIPE_BUF bytes over a pipe.
 *
 * Records are written whole (a pipe write up to PIPE_BUF is atomic, POSIX), so a child that is killed leaves only
 * whole records behind. The decoder trusts nothing: a child may have been corrupted by what a peer sent it. Texts
 * come out cleaned and bounded again. Layout: magic, type, phase or verdict, code, payload length, payload of
 * NUL-terminated texts.
 */
#ifndef SG_IPC_H
#define SG_IPC_H

#include "diag.h"

#define IPC_RECORD_MAX 2048
#define IPC_TEXT_MAX 700
#define FACT_KEY_MAX 32
#define FACT_VALUE_MAX 160

enum ipc_type { IPC_STEP = 1, IPC_REACHED, IPC_FACT, IPC_SUMMARY, IPC_FINAL, IPC_NOTE };

struct ipc_record {
	enum ipc_type type;
	enum phase phase;          /* STEP */
	enum result result;        /* FINAL */
	char text[FACT_VALUE_MAX]; /* STEP, REACHED, SUMMARY, NOTE; FACT: the value */
	char key[FACT_KEY_MAX];    /* FACT */
	struct diag diag;          /* FINAL that did not pass */
};

/* Child. 0, or -1 when the parent is gone. */
int ipc_put_text(int fd, enum ipc_type type, enum phase phase, const char *key, const char *text);
int ipc_put_final(int fd, enum result result, const struct diag *diag);

/* Parent. A buffer that fills from the pipe. */
struct ipc_in {
	unsigned char buf[2 * IPC_RECORD_MAX];
	size_t len;
	bool broken; /* nonsense came: nothing after it is believed */
};
/* Reads what is there (the descriptor is non-blocking). 1 something came, 0 end of file, -1 nothing more now. */
int ipc_fill(struct ipc_in *in, int fd);
/* 1 and *out filled; 0 no whole record there. Sets in->broken on nonsense. */
int ipc_next(struct ipc_in *in, struct ipc_record *out);

#endif
