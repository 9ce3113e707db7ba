/* Which lines of stderr are the last words of a library that aborts, and what is made of them. */
#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "abort_message.h"
#include "ipc.h"

static void lines(UNUSED void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
	    {"guard: rd.h:141: rd_malloc: Assertion `p' failed.",
	     "rd.h:141: rd_malloc: Assertion `p' failed"},
	    {"/src/x/read.c:7: main: Assertion `a == ': Assertion `b' failed.",
	     "/src/x/read.c:7: main: Assertion `a == ': Assertion `b' failed"},
	    {"rd.h:141: Assertion `p' failed. \r", "rd.h:141: Assertion `p' failed"},
	    {"*** rdkafka_queue.c:494:rd_kafka_q_serve: assert: res != OP_RES_PASS ***",
	     "rdkafka_queue.c:494:rd_kafka_q_serve: assert: res != OP_RES_PASS"},
	    {"crypto/mem.c:12: OpenSSL internal error: refcount",
	     "crypto/mem.c:12: OpenSSL internal error: refcount"},
	    /* What only looks like them, and what the C library says of memory. */
	    {"", NULL},
	    {"other: rd.h:141: rd_malloc: Assertion `p' failed.", NULL},
	    {"guard: rd.h: rd_malloc: Assertion `p' failed.", NULL},
	    {"guard: rd.h:141 rd_malloc: Assertion `p' failed.", NULL},
	    {"guard: :141: rd_malloc: Assertion `p' failed.", NULL},
	    {"guard: rd.h:141: rd_malloc: Assertion `p' failed. Really.", NULL},
	    {"guard: rd.h:141: rd_malloc: `p' failed.", NULL},
	    {"guard: ", NULL},
	    {"guard", NULL},
	    {"***", NULL},
	    {"******", NULL},
	    {"*** ***", NULL},
	    {"*** rdkafka.c:1:main: no assertion ***", NULL},
	    {"*** main: assert: p ***", NULL},
	    {"*** rdkafka.c:1:main: assert: p", NULL},
	    {"*** stack smashing detected ***: terminated", NULL},
	    {"*** stack smashing detected ***", NULL},
	    {"free(): invalid pointer", NULL},
	    {"Fatal glibc error: malloc.c:2599 (sysmalloc): assertion failed: p", NULL},
	    {"crypto/mem.c:12: some other error: refcount", NULL},
	};
	char *name = program_invocation_short_name;

	program_invocation_short_name = (char[]){"guard"};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[200], *message;

		snprintf(line, sizeof line, "%s", cases[i].line);
		message = abort_message_find(line);
		if (cases[i].message)
			assert_string_equal(message ? message : "none", cases[i].message);
		else if (message)
			fail_msg("\"%s\" gave \"%s\"", cases[i].line, message);
	}
	program_invocation_short_name = name;
}

static const char *library(void)
{
	return "libx 1.2";
}

static void *say_in_a_thread(void *line)
{
	prctl(PR_SET_NAME, "x:broker7");
	fputs(line, stderr);
	return NULL;
}

/* Lines come in pieces, several at once, too long, with bytes that are no text. */
static void stream(UNUSED void **state)
{
	static const char *const wanted[] = {
	    "libx 1.2 aborted: a.c:1: f: Assertion `x' failed",
	    "libx 1.2 aborted: a.c:2:f: assert: y",
	    "libx 1.2 aborted: a.c:3: f: Assertion ` ' failed",
	    "libx 1.2 aborted in thread x:broker7: a.c:4:f: assert: z",
	};
	static struct abort_message m;
	FILE *before = stderr, *watched;
	struct ipc_in in = {0};
	struct ipc_record rec;
	pthread_t thread;
	size_t n = 0;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	abort_message_watch(&m, p[1], library);
	watched = stderr;
	assert_ptr_not_equal(watched, before);
	errno = 77;
	fprintf(watched, "a.c:%d: ", 1);
	fprintf(watched, "f: Assertion `x");
	fputs("' failed.\nnothing\n\n*** a.c:2:f: assert: y ***\nhalf", watched);
	fprintf(watched, "\n%0*d: Assertion `x' failed.\n", 2 * ABORT_LINE_MAX, 1);
	fwrite("a.c:3: f: Assertion `\0' failed.\n", 1, 32, watched);
	assert_int_equal(errno, 77);
	assert_int_equal(
	    pthread_create(&thread, NULL, say_in_a_thread, (void *)"*** a.c:4:f: assert: z ***\n"),
	    0);
	pthread_join(thread, NULL);
	stderr = before;
	fclose(watched);
	close(p[1]);
	while (ipc_fill(&in, p[0]) == 1)
		while (ipc_next(&in, &rec)) {
			assert_int_equal(rec.type, IPC_ABORT);
			assert_true(n < ARRAY_LEN(wanted));
			assert_string_equal(rec.text, wanted[n++]);
		}
	assert_int_equal(n, ARRAY_LEN(wanted));
	assert_false(in.broken);
	close(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines),
	    cmocka_unit_test(stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
