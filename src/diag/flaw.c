#include "flaw.h"

#include "str.h"

static char noted[256];
static bool is_empty;

void flaw_note(const char *what, const char *value)
{
	const char *flaw = text_flaw(value);

	if (!flaw || *noted)
		return;
	snprintf(noted, sizeof noted, "the value of %.200s %s", what, flaw);
	is_empty = !*value;
}

static bool is_refused_login(enum diag_code code)
{
	/* KAFKA_LIBRARY_OLD: an old library gets the same words for a right password and for a wrong one. KAFKA_PROPERTY: librdkafka
	 * takes no empty password. */
	return code == D_AUTH_FAILED || code == D_AUTH_REQUIRED || code == D_KAFKA_LIBRARY_OLD ||
	       (code == D_KAFKA_PROPERTY && is_empty);
}

void flaw_tell(struct diag *out)
{
	size_t n = strlen(out->cause), size = sizeof out->cause;

	if (!*noted || !is_refused_login(out->code) || strstr(out->cause, noted))
		return;
	/* The flaw is the likelier reason: a long text of the peer gives way to it. */
	if (n + strlen(noted) + sizeof "; " > size)
		n = size - strlen(noted) - sizeof "; ";
	snprintf(out->cause + n, size - n, "%s%s", n ? "; " : "", noted);
	snprintf(out->hint, sizeof out->hint, "%s",
		 is_empty ? "give the secret a value, or drop the reference to it"
			  : "write the secret without it: echo adds a line end, echo -n and printf "
			    "do not; an --env-file keeps quotes and blanks");
}

void flaw_forget(void)
{
	*noted = '\0';
}
