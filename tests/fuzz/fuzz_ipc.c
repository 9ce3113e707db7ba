/* Records of a child: any bytes in, only clean and bounded records out; what is put comes out again. */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "ipc.h"

static void judge(const struct ipc_record *r)
{
	FUZZ_CHECK(r->type >= IPC_STEP && r->type <= IPC_ABORT);
	FUZZ_CHECK(r->phase < PH__COUNT);
	FUZZ_CHECK(memchr(r->text, '\0', sizeof r->text) && memchr(r->key, '\0', sizeof r->key));
	FUZZ_CHECK(fuzz_is_clean(r->text, strlen(r->text)));
	FUZZ_CHECK(fuzz_is_clean(r->key, strlen(r->key)));
	if (r->type != IPC_FINAL)
		return;
	FUZZ_CHECK(r->result == RESULT_PASS || r->result == RESULT_FAIL ||
		   r->result == RESULT_BROKEN);
	if (r->result == RESULT_PASS)
		return;
	fuzz_check_diag(&r->diag);
	FUZZ_CHECK(diag_info(r->diag.code)->result == r->result);
}

static void same(const struct ipc_record *a, const struct ipc_record *b)
{
	FUZZ_CHECK(a->type == b->type && a->phase == b->phase && a->result == b->result);
	FUZZ_CHECK(str_eq(a->text, b->text) && str_eq(a->key, b->key));
	FUZZ_CHECK(a->diag.code == b->diag.code && a->diag.sys_errno == b->diag.sys_errno);
	FUZZ_CHECK(str_eq(a->diag.subject, b->diag.subject));
	FUZZ_CHECK(str_eq(a->diag.cause, b->diag.cause) && str_eq(a->diag.hint, b->diag.hint));
}

/* What was read is written and read once more: the same record. */
static void again(const struct ipc_record *r, int p[2])
{
	struct ipc_in in = {.len = 0};
	struct ipc_record back;

	if (r->type == IPC_FINAL)
		FUZZ_CHECK(ipc_put_final(p[1], r->result, &r->diag) == 0);
	else
		FUZZ_CHECK(ipc_put_text(p[1], r->type, r->phase, r->key, r->text) == 0);
	FUZZ_CHECK(ipc_fill(&in, p[0]) == 1 && in.len <= IPC_RECORD_MAX);
	FUZZ_CHECK(ipc_next(&in, &back) == 1 && in.len == 0 && !in.broken);
	same(r, &back);
}

static void decode(const uint8_t *data, size_t size, int p[2])
{
	struct ipc_in in = {.len = 0};
	struct ipc_record r;
	size_t records = 0;

	/* In one piece, as a pipe would have it, until nonsense comes or nothing is left. */
	while (size > 0 && !in.broken) {
		size_t n = sizeof in.buf - in.len < size ? sizeof in.buf - in.len : size;

		memcpy(in.buf + in.len, data, n);
		in.len += n;
		data += n;
		size -= n;
		while (ipc_next(&in, &r)) {
			FUZZ_CHECK(in.len <= sizeof in.buf);
			judge(&r);
			if (records++ < 4)
				again(&r, p);
		}
		if (n == 0)
			break;
	}
	if (in.broken)
		FUZZ_CHECK(ipc_next(&in, &r) == 0);
}

/* Any texts at all, put by a child. */
static void encode(struct fuzz_in *in, int p[2])
{
	enum ipc_type type = (enum ipc_type)(IPC_STEP + fuzz_byte(in) % 5);
	enum diag_code code = (enum diag_code)(1 + fuzz_byte(in) % (D__COUNT - 1));
	char *a = fuzz_until(in, '\n', NULL), *b = fuzz_until(in, '\n', NULL);
	char *c = fuzz_rest(in, NULL);
	struct ipc_in from = {.len = 0};
	struct ipc_record r;
	struct diag d = {.code = code, .sys_errno = (int)fuzz_left(in)};

	snprintf(d.subject, sizeof d.subject, "%s", a);
	snprintf(d.cause, sizeof d.cause, "%s", b);
	snprintf(d.hint, sizeof d.hint, "%s", c);
	if (type == IPC_FINAL)
		FUZZ_CHECK(ipc_put_final(p[1], diag_info(code)->result, &d) == 0);
	else
		FUZZ_CHECK(ipc_put_text(p[1], type, PH_TLS, a, b) == 0);
	FUZZ_CHECK(ipc_fill(&from, p[0]) == 1);
	FUZZ_CHECK(ipc_next(&from, &r) == 1 && from.len == 0);
	FUZZ_CHECK(r.type == type);
	judge(&r);
	again(&r, p);
	free(a);
	free(b);
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int p[2] = {-1, -1};
	struct fuzz_in in = fuzz_open(data, size);

	if (p[0] < 0)
		FUZZ_CHECK(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	if (fuzz_byte(&in) == 'e')
		encode(&in, p);
	else if (size > 0)
		decode(data + 1, size - 1, p);
	return 0;
}
