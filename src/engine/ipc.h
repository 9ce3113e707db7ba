/* ipc: the records that a check's child sends to the parent over a pipe, and their codec.
 *
 * A record has at most PIPE_BUF bytes, so a write is atomic (POSIX) and a child that is killed leaves whole records only. The
 * decoder trusts nothing, since a peer may have taken the child over: it checks every field, and cleans and bounds the texts
 * again. Layout: magic, type, phase, result, code, payload length, payload of NUL-terminated texts.
 */
#ifndef SG_IPC_H
#define SG_IPC_H

#include "diag.h"

#define IPC_RECORD_MAX 2048
#define IPC_TEXT_MAX 700
#define FACT_KEY_MAX 32
#define FACT_VALUE_MAX 160

enum ipc_type {
	IPC_STEP = 1,
	IPC_REACHED,
	IPC_FACT,
	IPC_SUMMARY,
	IPC_FINAL,
	IPC_NOTE,
	IPC_ABORT /* why a client library is about to end the process */
};

struct ipc_record {
	enum ipc_type type;
	enum phase phase;          /* STEP */
	enum result result;        /* FINAL */
	char text[FACT_VALUE_MAX]; /* STEP, REACHED, SUMMARY, NOTE, ABORT; FACT: the value */
	char key[FACT_KEY_MAX];    /* FACT */
	struct diag diag;          /* FINAL that did not pass */
};

/* Child. Scrubs the text of secrets, cleans and cuts it. Returns 0, or -1 when the parent is gone. */
int ipc_put_text(int fd, enum ipc_type type, enum phase phase, const char *key, const char *text);
int ipc_put_final(int fd, enum result result, const struct diag *diag);

/* Parent. The bytes read from one pipe that are not decoded yet. */
struct ipc_in {
	unsigned char buf[2 * IPC_RECORD_MAX];
	size_t len;
	bool broken; /* an invalid record came: all later bytes are ignored */
};
/* Reads once from the non-blocking descriptor. Returns 1 when bytes came, 0 at end of file, -1 with errno when none are there. */
int ipc_fill(struct ipc_in *in, int fd);
/* Decodes one record. Returns 1 with *out filled, or 0 when no whole record is there. Sets in->broken when a record is invalid. */
int ipc_next(struct ipc_in *in, struct ipc_record *out);

#endif
