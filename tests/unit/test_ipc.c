/* Records of a child: they are decoded whole or not at all, and invalid ones are never believed. */
#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scrub.h"
#include "ipc.h"

static size_t write_all_kinds(unsigned char *buf, size_t size)
{
	struct diag d = {0};
	int p[2];
	ssize_t n;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	diag_set(&d, D_CONNECT_REFUSED, "cache:6379", "%s", "Connection refused");
	diag_hint(&d, "look");
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_CONNECT, NULL, "connecting"), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_REACHED, PH_NONE, NULL, "resolve"), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_FACT, PH_NONE, "brokers", "3"), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_SUMMARY, PH_NONE, NULL, "3 brokers"), 0);
	assert_int_equal(ipc_put_final(p[1], RESULT_FAIL, &d), 0);
	close(p[1]);
	n = read(p[0], buf, size);
	close(p[0]);
	assert_true(n > 0);
	return (size_t)n;
}

static int decode(const unsigned char *data, size_t len, struct ipc_record *last, bool *broken)
{
	struct ipc_in in = {0};
	int records = 0;

	for (size_t at = 0; at < len && !in.broken;) {
		size_t n = len - at < sizeof in.buf - in.len ? len - at : sizeof in.buf - in.len;

		memcpy(in.buf + in.len, data + at, n);
		in.len += n;
		at += n;
		while (ipc_next(&in, last) > 0)
			records++;
	}
	*broken = in.broken;
	return records;
}

static void round_trip(UNUSED void **state)
{
	unsigned char buf[8192];
	struct ipc_record r;
	bool broken;
	size_t n = write_all_kinds(buf, sizeof buf);

	assert_int_equal(decode(buf, n, &r, &broken), 5);
	assert_false(broken);
	assert_int_equal(r.type, IPC_FINAL);
	assert_int_equal(r.result, RESULT_FAIL);
	assert_int_equal(r.diag.code, D_CONNECT_REFUSED);
	assert_string_equal(r.diag.subject, "cache:6379");
	assert_string_equal(r.diag.cause, "Connection refused");
	assert_string_equal(r.diag.hint, "look");
}

static void cut_anywhere(UNUSED void **state)
{
	unsigned char buf[8192];
	struct ipc_record r;
	bool broken;
	size_t n = write_all_kinds(buf, sizeof buf);
	int before = 0;

	for (size_t len = 0; len < n; len++) {
		int records = decode(buf, len, &r, &broken);

		assert_true(records < 5 && records >= before && !broken);
		before = records;
	}
}

/* Any bytes: no crash, and texts that come out are terminated and clean. */
static void random_bytes(UNUSED void **state)
{
	unsigned char buf[8192];
	size_t whole = write_all_kinds(buf, sizeof buf);
	uint64_t seed = 42;

	for (int run = 0; run < 200000; run++) {
		unsigned char data[600] = {0};
		struct ipc_in in = {0};
		struct ipc_record r;
		size_t len = sizeof data;

		memcpy(data, buf, len < whole ? len : whole);
		for (int i = 0; i < 1 + run % 8; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			data[(seed >> 33) % 120] = (unsigned char)(seed >> 57);
		}
		memcpy(in.buf, data, len);
		in.len = len;
		while (ipc_next(&in, &r) > 0)
			for (const char *s = r.type == IPC_FINAL ? r.diag.cause : r.text; *s; s++)
				assert_true((unsigned char)*s >= 32 && *s != 127);
	}
}

static void long_texts_are_cut(UNUSED void **state)
{
	char text[5000];
	struct ipc_in in = {0};
	struct ipc_record r;
	int p[2];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_CONNECT, NULL, text), 0);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_true(strlen(r.text) < sizeof r.text);
	assert_int_equal(ipc_next(&in, &r), 0);
	close(p[0]);
	close(p[1]);
}

/* ---- records made by hand: what a broken or hostile child could send ------------------------------------------ */
struct raw { /* the header in ipc.c */
	uint32_t magic;
	uint8_t type, phase, result, pad;
	uint16_t code, length;
};
#define MAGIC 0x53473031u

/* One record into a fresh buffer; what ipc_next says of it: 1, 0, or -1 for broken. */
static int feed(struct ipc_record *r, struct raw h, const void *payload, size_t n)
{
	struct ipc_in in = {0};
	int got;

	h.magic = h.magic ? h.magic : MAGIC;
	h.length = h.length ? h.length : (uint16_t)n;
	memcpy(in.buf, &h, sizeof h);
	memcpy(in.buf + sizeof h, payload, n);
	in.len = sizeof h + n;
	got = ipc_next(&in, r);
	/* A whole record is taken, or nothing. */
	assert_int_equal(in.len, got == 1 ? 0 : sizeof h + n);
	if (in.broken) {
		assert_int_equal(got, 0);
		assert_int_equal(ipc_next(&in, r), 0);
		return -1;
	}
	return got;
}

#define FINAL(r, c)                                           \
	{                                                     \
		.type = IPC_FINAL, .result = (r), .code = (c) \
	}
#define TEXTS "\0\0\0\0\0\0\0\0s\0c\0h" /* errno, seconds, subject, cause, hint */

static void only_what_is_known_is_believed(UNUSED void **state)
{
	const struct {
		struct raw h;
		const char *payload;
		size_t n;
		int expected;
	} rows[] = {
	    {{.type = IPC_STEP, .phase = PH_CONNECT}, "text", 5, 1},
	    {{.type = IPC_STEP, .phase = PH__COUNT - 1}, "text", 5, 1},
	    {{.type = IPC_STEP, .phase = PH__COUNT}, "text", 5, -1},
	    {{.type = IPC_STEP}, "", 1, 1},
	    {{.type = IPC_STEP}, "text", 4, -1},        /* no end */
	    {{.type = IPC_STEP}, "text\0more", 10, -1}, /* more than one text */
	    {{.type = IPC_REACHED}, "text", 5, 1},
	    {{.type = IPC_REACHED}, "text", 4, -1},
	    {{.type = IPC_SUMMARY}, "text", 5, 1},
	    {{.type = IPC_FACT}, "key\0value", 10, 1},
	    {{.type = IPC_FACT}, "key", 4, -1}, /* no value */
	    {{.type = IPC_FACT}, "key", 3, -1},
	    {{.type = 0}, "text", 5, -1},
	    {{.type = 99}, "text", 5, -1},
	    {{.type = IPC_STEP, .magic = MAGIC + 1}, "text", 5, -1},
	    {{.type = IPC_STEP, .length = 6}, "text", 5, 0}, /* the rest is still to come */
	    {{.type = IPC_STEP, .length = 4}, "text", 5, -1},
	    {{.type = IPC_STEP, .length = IPC_RECORD_MAX - sizeof(struct raw)}, "text", 5, 0},
	    {{.type = IPC_STEP, .length = IPC_RECORD_MAX - sizeof(struct raw) + 1}, "text", 5, -1},
	    {{.type = IPC_FINAL, .result = RESULT_PASS}, "", 0, 1},
	    {{.type = IPC_FINAL, .result = RESULT_PASS}, "x", 1, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\1\0\0\0\5\0\0\0s\0c\0h", 14, 1},
	    {FINAL(RESULT_BROKEN, D_GUARD_BUG), TEXTS, 14, 1},
	    {FINAL(RESULT_FAIL, D__COUNT - 1), TEXTS, 14, -1}, /* is broken */
	    {FINAL(RESULT_FAIL, D__COUNT), TEXTS, 14, -1},
	    {FINAL(RESULT_FAIL, D_NONE), TEXTS, 14, -1},
	    /* A child cannot pass a dependency's failure off as startguard's own, nor the other way round. */
	    {FINAL(RESULT_BROKEN, D_CONNECT_REFUSED), TEXTS, 14, -1},
	    {FINAL(RESULT_FAIL, D_GUARD_BUG), TEXTS, 14, -1},
	    {FINAL(200, D_CONNECT_REFUSED), TEXTS, 14, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\0\0\0", 7, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\0\0\0\0", 8, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\0\0\0\0s", 10, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\0\0\0\0s\0c", 12, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), TEXTS, 13, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\0\0\0\0s\0c\0h\0", 15, -1},
	    /* A time to wait that no peer can name. */
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\377\377\377\377s\0c\0h", 14, -1},
	    {FINAL(RESULT_FAIL, D_CONNECT_REFUSED), "\0\0\0\0\377\377\377\177s\0c\0h", 14, -1},
	};
	struct ipc_record r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (feed(&r, rows[i].h, rows[i].payload, rows[i].n) != rows[i].expected)
			fail_msg("row %zu", i);
	assert_int_equal(feed(&r, (struct raw){.type = IPC_FACT}, "key\0value", 10), 1);
	assert_string_equal(r.key, "key");
	assert_string_equal(r.text, "value");
	assert_int_equal(feed(&r, (struct raw){.type = IPC_STEP, .phase = PH_TLS}, "te\nxt", 6), 1);
	assert_int_equal(r.phase, PH_TLS);
	assert_string_equal(r.text, "te xt"); /* cleaned on this side too */
	assert_int_equal(feed(&r, (struct raw){.type = IPC_FINAL, .result = RESULT_PASS}, "", 0),
			 1);
	assert_int_equal(r.result, RESULT_PASS);
	assert_int_equal(r.diag.code, D_NONE);
	assert_int_equal(feed(&r, rows[21].h, rows[21].payload, rows[21].n), 1);
	assert_int_equal(r.diag.sys_errno, 1);
	assert_int_equal(r.diag.retry_after_s, 5);
	assert_string_equal(r.diag.subject, "s");
	assert_string_equal(r.diag.cause, "c");
	assert_string_equal(r.diag.hint, "h");
	assert_int_equal(r.result, RESULT_FAIL);
}

/* ipc_fill: reads what is there, goes on after EINTR, reports the end of file, and keeps nothing after an invalid record. */
static void filling(UNUSED void **state)
{
	struct ipc_in in = {0};
	struct ipc_record r;
	char much[sizeof in.buf + 100];
	int p[2];

	memset(much, 'x', sizeof much);
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ipc_fill(&in, p[0]), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(p[1], "S", 1), 1);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_int_equal(in.len, 1);
	assert_int_equal(write(p[1], "G", 1), 1);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_int_equal(in.len, 2);
	assert_memory_equal(in.buf, "SG", 2);
	assert_int_equal(write(p[1], much, sizeof much), sizeof much);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_int_equal(in.len, sizeof in.buf); /* never more */
	assert_int_equal(ipc_next(&in, &r), 0);
	assert_true(in.broken);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	/* the buffer was emptied, so that a flood cannot fill it */
	assert_in_range(in.len, 1, 200);
	assert_int_equal(ipc_next(&in, &r), 0);
	/* The buffer is full of bytes that are no record: more bytes are neither an end of file nor a record. */
	in = (struct ipc_in){0};
	in.len = sizeof in.buf;
	assert_int_equal(write(p[1], "S", 1), 1);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_true(in.broken);
	close(p[1]);
	errno = EINTR; /* left over from an earlier call */
	assert_int_equal(ipc_fill(&in, p[0]), 0);
	close(p[0]);
}

static void on_alarm(UNUSED int unused)
{
}

/* A signal in the middle of a read, as a debugger or a stopped and continued process brings. */
static void an_interrupted_read_goes_on(UNUSED void **state)
{
	const struct sigaction act = {.sa_handler = on_alarm}; /* without SA_RESTART */
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	struct ipc_in in = {0};
	int p[2];
	pid_t child;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		usleep(100000);
		_exit(write(p[1], "S", 1) != 1);
	}
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_int_equal(in.len, 1);
	waitpid(child, NULL, 0);
	close(p[0]);
	close(p[1]);
}

/* Two records and a half in one read come out one by one, and the half waits for its other half. */
static void several_at_once(UNUSED void **state)
{
	unsigned char buf[8192];
	size_t n = write_all_kinds(buf, sizeof buf), half = n - 7;
	struct ipc_in in = {.len = half};
	struct ipc_record r;
	int records = 0;

	memcpy(in.buf, buf, half);
	while (ipc_next(&in, &r) == 1)
		records++;
	assert_int_equal(records, 4);
	assert_int_equal(r.type, IPC_SUMMARY);
	assert_string_equal(r.text, "3 brokers");
	memcpy(in.buf + in.len, buf + half, n - half);
	in.len += n - half;
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_int_equal(r.diag.code, D_CONNECT_REFUSED);
	assert_int_equal(r.diag.sys_errno, 0);
	assert_int_equal(in.len, 0);
	assert_false(in.broken);
}

/* The longest of everything fits into one record that a pipe takes whole. */
static void the_longest_fit(UNUSED void **state)
{
	char text[3000];
	struct diag d = {.sys_errno = 111};
	struct ipc_in in = {0};
	struct ipc_record r;
	int p[2];

	memset(text, 'y', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	diag_set(&d, D_CONNECT_REFUSED, text, "%s", text);
	diag_hint(&d, "%s", text);
	d.sys_errno = 111;
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ipc_put_final(p[1], RESULT_FAIL, &d), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_FACT, PH_NONE, text, text), 0);
	assert_int_equal(ipc_put_final(p[1], RESULT_PASS, &d), 0);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_true(in.len < IPC_RECORD_MAX + 400);
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_int_equal(r.diag.sys_errno, 111);
	assert_int_equal(strlen(r.diag.subject), DIAG_SUBJECT_MAX - 1);
	assert_int_equal(strlen(r.diag.cause), DIAG_CAUSE_MAX - 1);
	assert_int_equal(strlen(r.diag.hint), DIAG_HINT_MAX - 1);
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_int_equal(strlen(r.key), FACT_KEY_MAX - 1);
	assert_int_equal(strlen(r.text), FACT_VALUE_MAX - 1);
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_true(r.type == IPC_FINAL && r.result == RESULT_PASS);
	close(p[0]);
	close(p[1]);
}

/* Texts are scrubbed again after cleaning, which may join two halves: a control character must not hide a secret. */
static void secrets_do_not_pass(UNUSED void **state)
{
	char text[FACT_VALUE_MAX + 100] = "";
	struct ipc_in in = {0};
	struct ipc_record r;
	int p[2];

	scrub_register("hunter2 hunter2");
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_AUTH, NULL, "with hunter2 hunter2."), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_AUTH, NULL, "with hunter2\n\t hunter2."),
			 0);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ipc_next(&in, &r), 1);
		assert_null(strstr(r.text, "hunter"));
		assert_non_null(strstr(r.text, "***."));
		assert_memory_equal(r.text, "with", 4);
	}
	/* A secret that the cut would halve, and one that cleaning joins. */
	memset(text, '-', sizeof text - 1);
	memcpy(text + FACT_VALUE_MAX - 10, "hunter2 hunter2", 15);
	scrub_register("what?ever?it?is");
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_AUTH, NULL, text), 0);
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_AUTH, NULL, "what\1ever\2it\3is"), 0);
	assert_int_equal(ipc_fill(&in, p[0]), 1);
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_null(strstr(r.text, "hunt"));
	assert_int_equal(ipc_next(&in, &r), 1);
	assert_string_equal(r.text, "***");
	close(p[0]);
	close(p[1]);
	assert_int_equal(ipc_put_text(p[1], IPC_STEP, PH_AUTH, NULL, "x"), -1);
	assert_int_equal(ipc_put_final(p[1], RESULT_PASS, &(struct diag){0}), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(cut_anywhere),
	    cmocka_unit_test(random_bytes),
	    cmocka_unit_test(long_texts_are_cut),
	    cmocka_unit_test(only_what_is_known_is_believed),
	    cmocka_unit_test(filling),
	    cmocka_unit_test(an_interrupted_read_goes_on),
	    cmocka_unit_test(several_at_once),
	    cmocka_unit_test(the_longest_fit),
	    cmocka_unit_test(secrets_do_not_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
