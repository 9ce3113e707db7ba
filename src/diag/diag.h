/* diag: the closed list of faults of a dependency, and struct diag, one diagnosis from that list.
 *
 * A diagnosis is data, not an error. Its code implies the phase, the result, whether waiting can help, the title and the
 * default hint (diag.def is the only list). A check fills one struct diag. Subject and cause quote the peer or the library;
 * they are scrubbed, cleaned and cut when they are stored.
 */
#ifndef SG_DIAG_H
#define SG_DIAG_H

#include <stdarg.h>

#include "util.h"

enum phase {
	PH_NONE,
	PH_CONFIG,
	PH_POLICY,
	PH_RESOLVE,
	PH_CONNECT,
	PH_TLS,
	PH_AUTH,
	PH_PROTOCOL,
	PH_ASSERT,
	PH__COUNT
};
enum result {
	RESULT_PASS,
	RESULT_FAIL,
	RESULT_BROKEN /* a bug or crash of startguard, never a fault of the dependency */
};
/* Can waiting help? A column of diag.def. */
enum waiting {
	WAIT_NO,
	WAIT_YES,
	WAIT_SLOWLY /* yes, and the peer has too much to do: it is asked at a slower pace */
};
enum diag_code {
	D_NONE,
#define DIAG(id, code, phase, result, retry, title, hint) D_##id,
#include "diag.def"
#undef DIAG
	D__COUNT
};

#define DIAG_SUBJECT_MAX 128
#define DIAG_CAUSE_MAX 640
#define DIAG_HINT_MAX 320
/* A peer that names a longer time is not believed. */
#define DIAG_RETRY_AFTER_MAX 86400 /* s */

struct diag {
	enum diag_code code;
	int sys_errno;     /* errno of the failed call; 0: none failed */
	int retry_after_s; /* seconds that the peer asks to wait before the next attempt; 0: none */
	char subject[DIAG_SUBJECT_MAX]; /* "kafka-2.kafka:9093", "topic orders" */
	char cause[DIAG_CAUSE_MAX];     /* the message of the library or the peer */
	char hint[DIAG_HINT_MAX];       /* empty when the hint of diag.def applies */
};

struct diag_info {
	const char *code; /* "dns-no-such-name" */
	enum phase phase;
	enum result result;
	bool retryable;
	bool slow;         /* WAIT_SLOWLY */
	const char *title; /* what the code means, without a full stop */
	const char *hint;  /* what to look at or change, as an imperative sentence */
};

const struct diag_info *diag_info(enum diag_code code);
/* Does the code say, or may it say, that the time was up before the peer, or the attempt, was done? */
bool diag_is_timeout(enum diag_code code);
enum diag_code diag_find(const char *code); /* D_NONE for an unknown code */
const char *phase_name(enum phase p);       /* "connect" */

/* Fills *out with scrubbed, cleaned and cut texts, and drops an earlier hint and retry_after_s. Returns the code's result, so that
 * a check can end with `return diag_set(out, D_REDIS_LOADING, addr, "%s", reply);`. */
enum result diag_set(struct diag *out, enum diag_code code, const char *subject, const char *fmt,
		     ...) PRINTF_LIKE(4, 5);
enum result diag_vset(struct diag *out, enum diag_code code, const char *subject, const char *fmt,
		      va_list ap) PRINTF_LIKE(4, 0);
/* Returns the cause, or the title of the code when the cause is empty; "" when *d holds no diagnosis. */
const char *diag_cause(const struct diag *d);
/* Replaces the hint of diag.def for this diagnosis. Call it after diag_set, which drops the hint. */
void diag_hint(struct diag *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Sets the hint of guard-no-process: it names the limit that `error`, the errno of pipe or fork, reports. */
void diag_hint_no_process(struct diag *out, int error);

/* Of several peers that failed, keeps the failure of the latest phase in *out: *next replaces it unless it ended earlier. */
void diag_keep_latest(struct diag *out, const struct diag *next);

#endif
