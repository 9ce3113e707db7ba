#include "ipc.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "scrub.h"
#include "str.h"

/* "SG01" distinguishes a record from bytes that a library wrote to the wrong descriptor. */
#define IPC_MAGIC 0x53473031u

struct header {
	uint32_t magic;
	uint8_t type, phase, result, pad;
	uint16_t code, length; /* length: of the payload, in bytes */
};

_Static_assert(IPC_RECORD_MAX <= PIPE_BUF, "a record must be written atomically");
_Static_assert(sizeof(struct header) + DIAG_SUBJECT_MAX + DIAG_CAUSE_MAX + DIAG_HINT_MAX +
		       2 * sizeof(int) <=
		   IPC_RECORD_MAX,
	       "a final record must fit");

static int write_record(int fd, struct header *h, const unsigned char *payload, size_t n)
{
	unsigned char record[IPC_RECORD_MAX];

	invariant(n <= sizeof record - sizeof *h);
	h->magic = IPC_MAGIC;
	h->length = (uint16_t)n;
	memcpy(record, h, sizeof *h);
	memcpy(record + sizeof *h, payload, n);
	return fd_write_all(fd, record, sizeof *h + n);
}

/* Appends a text, scrubbed, cleaned and cut to `max` bytes with its NUL. It is scrubbed again after cleaning, which may join the
 * pieces of a secret. */
static void add_text(unsigned char *payload, size_t *n, const char *text, size_t max)
{
	char raw[2048], clean[2048];

	snprintf(raw, sizeof raw, "%s", text);
	scrub(raw);
	text_clean(clean, max < sizeof clean ? max : sizeof clean, raw);
	scrub(clean);
	memcpy(payload + *n, clean, strlen(clean) + 1);
	*n += strlen(clean) + 1;
}

int ipc_put_text(int fd, enum ipc_type type, enum phase phase, const char *key, const char *text)
{
	struct header h = {.type = (uint8_t)type, .phase = (uint8_t)phase};
	unsigned char payload[IPC_RECORD_MAX - sizeof h];
	size_t n = 0;

	if (type == IPC_FACT)
		add_text(payload, &n, key, FACT_KEY_MAX);
	add_text(payload, &n, text, FACT_VALUE_MAX);
	return write_record(fd, &h, payload, n);
}

int ipc_put_final(int fd, enum result result, const struct diag *diag)
{
	struct header h = {.type = IPC_FINAL, .result = (uint8_t)result};
	unsigned char payload[IPC_RECORD_MAX - sizeof h];
	size_t n = 0;

	if (result != RESULT_PASS) {
		h.code = (uint16_t)diag->code;
		memcpy(payload, &diag->sys_errno, sizeof diag->sys_errno);
		n = sizeof diag->sys_errno;
		memcpy(payload + n, &diag->retry_after_s, sizeof diag->retry_after_s);
		n += sizeof diag->retry_after_s;
		add_text(payload, &n, diag->subject, DIAG_SUBJECT_MAX);
		add_text(payload, &n, diag->cause, DIAG_CAUSE_MAX);
		add_text(payload, &n, diag->hint, DIAG_HINT_MAX);
	}
	return write_record(fd, &h, payload, n);
}

int ipc_fill(struct ipc_in *in, int fd)
{
	ssize_t n;

	if (in->len == sizeof in->buf) /* any whole record fits, so this is not one */
		in->broken = true;
	if (in->broken)
		in->len = 0;
	do
		n = read(fd, in->buf + in->len, sizeof in->buf - in->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	in->len += (size_t)n;
	return n > 0;
}

/* Copies the next text of the payload and cleans the copy. Returns -1 when no text is left. */
static int take_text(const unsigned char **p, const unsigned char *end, char *dst, size_t size)
{
	const unsigned char *nul = memchr(*p, '\0', (size_t)(end - *p));

	if (!nul)
		return -1;
	text_clean_n(dst, size, (const char *)*p, (size_t)(nul - *p));
	*p = nul + 1;
	return 0;
}

static int decode_final(const struct header *h, const unsigned char *p, const unsigned char *end,
			struct ipc_record *out)
{
	if (h->result == RESULT_PASS) {
		out->result = RESULT_PASS;
		return p == end ? 0 : -1;
	}
	if ((h->result != RESULT_FAIL && h->result != RESULT_BROKEN) || h->code == D_NONE ||
	    h->code >= D__COUNT)
		return -1;
	out->result = (enum result)h->result;
	out->diag.code = (enum diag_code)h->code;
	/* The table decides what a code means: a child cannot pass a dependency's failure off as startguard's own. */
	if (diag_info(out->diag.code)->result != out->result ||
	    (size_t)(end - p) < sizeof out->diag.sys_errno + sizeof out->diag.retry_after_s)
		return -1;
	memcpy(&out->diag.sys_errno, p, sizeof out->diag.sys_errno);
	p += sizeof out->diag.sys_errno;
	memcpy(&out->diag.retry_after_s, p, sizeof out->diag.retry_after_s);
	p += sizeof out->diag.retry_after_s;
	if (out->diag.retry_after_s < 0 || out->diag.retry_after_s > DIAG_RETRY_AFTER_MAX)
		return -1;
	if (take_text(&p, end, out->diag.subject, sizeof out->diag.subject) < 0 ||
	    take_text(&p, end, out->diag.cause, sizeof out->diag.cause) < 0 ||
	    take_text(&p, end, out->diag.hint, sizeof out->diag.hint) < 0)
		return -1;
	return p == end ? 0 : -1;
}

static int decode(const struct header *h, const unsigned char *p, struct ipc_record *out)
{
	const unsigned char *end = p + h->length;

	*out = (struct ipc_record){.type = (enum ipc_type)h->type};
	switch (h->type) {
	case IPC_FACT:
		if (take_text(&p, end, out->key, sizeof out->key) < 0)
			return -1;
		break;
	case IPC_STEP:
		if (h->phase >= PH__COUNT)
			return -1;
		out->phase = (enum phase)h->phase;
		break;
	case IPC_REACHED:
	case IPC_SUMMARY:
	case IPC_NOTE:
	case IPC_ABORT:
		break;
	case IPC_FINAL:
		return decode_final(h, p, end, out);
	default:
		return -1;
	}
	if (take_text(&p, end, out->text, sizeof out->text) < 0)
		return -1;
	return p == end ? 0 : -1;
}

int ipc_next(struct ipc_in *in, struct ipc_record *out)
{
	struct header h;

	if (in->broken || in->len < sizeof h)
		return 0;
	memcpy(&h, in->buf, sizeof h);
	if (h.magic != IPC_MAGIC || h.length > IPC_RECORD_MAX - sizeof h) {
		in->broken = true;
		return 0;
	}
	if (in->len < sizeof h + h.length)
		return 0;
	if (decode(&h, in->buf + sizeof h, out) < 0) {
		in->broken = true;
		return 0;
	}
	in->len -= sizeof h + h.length;
	memmove(in->buf, in->buf + sizeof h + h.length, in->len);
	return 1;
}
