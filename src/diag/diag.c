#include "diag.h"

#include <errno.h>

#include "flaw.h"
#include "scrub.h"
#include "str.h"

static const struct diag_info table[D__COUNT] = {
#define DIAG(id, code, phase, result, retry, title, hint) \
	[D_##id] = {code, phase, result, (retry) != WAIT_NO, (retry) == WAIT_SLOWLY, title, hint},
#include "diag.def"
#undef DIAG
};

static const char *const phases[PH__COUNT] = {
    [PH_NONE] = "none",       [PH_CONFIG] = "config",     [PH_POLICY] = "policy",
    [PH_RESOLVE] = "resolve", [PH_CONNECT] = "connect",   [PH_TLS] = "tls",
    [PH_AUTH] = "auth",       [PH_PROTOCOL] = "protocol", [PH_ASSERT] = "assert",
};

bool diag_is_timeout(enum diag_code code)
{
	/* The three of Kafka are what a request that had too little time ends with as well. */
	return code == D_DNS_TIMEOUT || code == D_CONNECT_TIMEOUT || code == D_ANSWER_TIMEOUT ||
	       code == D_GUARD_DEADLINE || code == D_KAFKA_NO_BROKERS ||
	       code == D_KAFKA_COORDINATOR || code == D_KAFKA_CANARY_FAILED;
}

const struct diag_info *diag_info(enum diag_code code)
{
	invariant(code > D_NONE && code < D__COUNT);
	return &table[code];
}

enum diag_code diag_find(const char *code)
{
	for (enum diag_code c = D_NONE + 1; c < D__COUNT; c++)
		if (str_eq(table[c].code, code))
			return c;
	return D_NONE;
}

const char *phase_name(enum phase p)
{
	return phases[p];
}

enum result diag_vset(struct diag *out, enum diag_code code, const char *subject, const char *fmt,
		      va_list ap)
{
	char text[2048], about[512];

	vsnprintf(text, sizeof text, fmt, ap);
	snprintf(about, sizeof about, "%s", subject ? subject : "");
	/* Scrubs before text_clean cuts the texts: scrub cannot find every secret that was cut. */
	scrub(text);
	scrub(about);
	out->code = code;
	out->sys_errno = 0;
	out->retry_after_s = 0;
	out->hint[0] = '\0';
	text_clean(out->subject, sizeof out->subject, about);
	text_clean(out->cause, sizeof out->cause, text);
	flaw_tell(out);
	return diag_info(code)->result;
}

enum result diag_set(struct diag *out, enum diag_code code, const char *subject, const char *fmt,
		     ...)
{
	va_list ap;
	enum result v;

	va_start(ap, fmt);
	v = diag_vset(out, code, subject, fmt, ap);
	va_end(ap);
	return v;
}

const char *diag_cause(const struct diag *d)
{
	return d->cause[0] || d->code == D_NONE ? d->cause : diag_info(d->code)->title;
}

void diag_hint(struct diag *out, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	scrub(text);
	text_clean(out->hint, sizeof out->hint, text);
}

void diag_hint_no_process(struct diag *out, int error)
{
	/* Other errors are mostly a limit on processes, which the hint of diag.def names. */
	static const struct {
		int error;
		const char *hint;
	} hints[] = {
	    {EMFILE, "raise the limit on open files (ulimit -n), or lower --parallel"},
	    {ENFILE, "the machine has as many files open as it may (fs.file-max): raise that, or "
		     "find who holds them"},
	    {ENOMEM, "raise the memory limit of the container, or lower --parallel"},
	};

	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (hints[i].error == error)
			diag_hint(out, "%s", hints[i].hint);
}

void diag_keep_latest(struct diag *out, const struct diag *next)
{
	if (!out->code || diag_info(next->code)->phase >= diag_info(out->code)->phase)
		*out = *next;
}
