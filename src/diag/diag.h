/* diag: the closed list of what can be wrong with a dependency, and one finding from it.
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
	RESULT_BROKEN /* a bug or crash of startguard: never blamed on the dependency */
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

struct diag {
	enum diag_code code;
	int sys_errno;                  /* 0: none */
	char subject[DIAG_SUBJECT_MAX]; /* "kafka-2.kafka:9093", "topic orders" */
	char cause[DIAG_CAUSE_MAX];     /* what the library or the peer said */
	char hint[DIAG_HINT_MAX];       /* empty: the table's hint */
};

struct diag_info {
	const char *code; /* "dns-no-such-name" */
	enum phase phase;
	enum result result;
	bool retryable;
	const char *title; /* what it means, no full stop */
	const char *hint;  /* what to look at or change, imperative */
};

const struct diag_info *diag_info(enum diag_code code);
enum diag_code diag_find(const char *code); /* D_NONE: unknown */
const char *phase_name(enum phase p);       /* "connect" */

/* Fills *out with scrubbed, cleaned and cut texts, and drops an earlier hint. Returns the code's result, so that
 * `return diag_set(out, D_REDIS_LOADING, addr, "%s", reply);` reads well. */
enum result diag_set(struct diag *out, enum diag_code code, const char *subject, const char *fmt,
		     ...) PRINTF_LIKE(4, 5);
enum result diag_vset(struct diag *out, enum diag_code code, const char *subject, const char *fmt,
		      va_list ap) PRINTF_LIKE(4, 0);
/* The cause, else the title of the code; "" when there is no finding. */
const char *diag_cause(const struct diag *d);
/* Replaces the table's hint for this finding. Call it after diag_set. */
void diag_hint(struct diag *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same for guard-no-process: names the limit that `error`, the errno of pipe or fork, is about. */
void diag_hint_no_process(struct diag *out, int error);

#endif
