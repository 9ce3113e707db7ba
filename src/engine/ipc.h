/* wire: what a check's child says to the parent, as records of at most PIPE_BUF bytes over a pipe.
 *
 * Records are written whole (a pipe write up to PIPE_BUF is atomic, POSIX), so a child that is killed leaves only
 * whole records behind. The decoder trusts nothing: a child may have been corrupted by what a peer sent it. Texts
 * come out cleaned and bounded again. Layout: magic, type, phase or verdict, code, payload length, payload of
 * NUL-terminated texts.
 */
#ifndef SG_WIRE_H
#define SG_WIRE_H

#include "diag.h"

#define WIRE_RECORD_MAX 2048
#define WIRE_TEXT_MAX 700
#define FACT_KEY_MAX 32
#define FACT_VALUE_MAX 160

enum wire_type { WIRE_STEP = 1, WIRE_REACHED, WIRE_FACT, WIRE_SUMMARY, WIRE_FINAL, WIRE_NOTE };

struct wire_record {
	enum wire_type type;
	enum phase phase;          /* STEP */
	enum verdict verdict;      /* FINAL */
	char text[FACT_VALUE_MAX]; /* STEP, REACHED, SUMMARY, NOTE; FACT: the value */
	char key[FACT_KEY_MAX];    /* FACT */
	struct diag diag;          /* FINAL that did not pass */
};

/* Child. 0, or -1 when the parent is gone. */
int wire_put_text(int fd, enum wire_type type, enum phase phase, const char *key, const char *text);
int wire_put_final(int fd, enum verdict verdict, const struct diag *diag);

/* Parent. A buffer that fills from the pipe. */
struct wire_in {
	unsigned char buf[2 * WIRE_RECORD_MAX];
	size_t len;
	bool broken; /* nonsense came: nothing after it is believed */
};
/* Reads what is there (the descriptor is non-blocking). 1 something came, 0 end of file, -1 nothing more now. */
int wire_fill(struct wire_in *in, int fd);
/* 1 and *out filled; 0 no whole record there. Sets in->broken on nonsense. */
int wire_next(struct wire_in *in, struct wire_record *out);

#endif
