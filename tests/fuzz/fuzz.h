/* fuzz: what the fuzz targets share. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput; libFuzzer drives it
 * (make fuzz-NAME), and replay.c runs it over tests/fuzz/corpus/NAME with any compiler (make fuzz-replay).
 *
 * A target checks what must hold for every input, not only that nothing crashes: FUZZ_CHECK is never compiled out.
 */
#ifndef SG_FUZZ_H
#define SG_FUZZ_H

#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* optional */

#define FUZZ_CHECK(cond) ((cond) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #cond))
_Noreturn void fuzz_broken(const char *file, int line, const char *what);

/* The input, taken apart from the front. What is missing is zero or empty. */
struct fuzz_in {
	const uint8_t *p, *end;
};
static inline struct fuzz_in fuzz_open(const uint8_t *data, size_t size)
{
	return (struct fuzz_in){data, data + size};
}
static inline size_t fuzz_left(const struct fuzz_in *in)
{
	return (size_t)(in->end - in->p);
}
unsigned fuzz_byte(struct fuzz_in *in);
/* Up to the next byte of value `sep`, which is dropped; or all that is left. NUL-terminated in a block of exactly its
 * size, so that a sanitizer sees a step beyond it. The caller frees it. A NUL inside ends the text, not the block. */
char *fuzz_until(struct fuzz_in *in, int sep, size_t *len);
char *fuzz_rest(struct fuzz_in *in, size_t *len);

/* Printable for people: valid UTF-8 (RFC 3629) without control, bidirectional or line-breaking characters. Written
 * again here on purpose: it judges text_clean. */
bool fuzz_is_clean(const char *text, size_t len);
void fuzz_check_diag(const struct diag *d);

/* ---- the peer: a socket pair in place of a connection (for targets linked with --wrap=net_connect) ---- */
/* Every connection of the attempt gets these bytes, up to the next `sep`, then the end of the stream. */
void fuzz_peer_says(const uint8_t *data, size_t size, int sep);
void fuzz_peer_done(void);
#define FUZZ_MARKER "marker-of-the-fuzzer"
/* One attempt of the check over that peer, in this process; its records are read back and judged. The verdict.
 * `secret`: the check uses a secret of the value FUZZ_MARKER, which must be in no record. */
struct profile_check;
enum result fuzz_attempt(const struct profile_check *check, bool secret, struct diag *out);
/* A check as `startguard try KIND WORD...` makes it; ends the program when the words are wrong. */
const struct profile_check *fuzz_check(const char *kind, const char *const *words);

/* ---- the pool: memory of code that leaves freeing to the child's end (targets linked with the pool) ---- */
/* From here to the next call everything allocated through xmalloc and jansson is freed by that call. */
void fuzz_pool_reset(void);

#endif
