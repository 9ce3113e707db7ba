/* Records of a child: they come through whole or not at all, and nonsense is never believed. */
#include "cm.h"

#include <fcntl.h>
#include <unistd.h>

#include "wire.h"

static size_t write_all_kinds(unsigned char *buf, size_t size)
{
	struct diag d = {0};
	int p[2];
	ssize_t n;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	diag_set(&d, D_CONNECT_REFUSED, "cache:6379", "%s", "Connection refused");
	diag_hint(&d, "look");
	assert_int_equal(wire_put_text(p[1], WIRE_STEP, PH_CONNECT, NULL, "connecting"), 0);
	assert_int_equal(wire_put_text(p[1], WIRE_REACHED, PH_NONE, NULL, "resolve"), 0);
	assert_int_equal(wire_put_text(p[1], WIRE_FACT, PH_NONE, "brokers", "3"), 0);
	assert_int_equal(wire_put_text(p[1], WIRE_SUMMARY, PH_NONE, NULL, "3 brokers"), 0);
	assert_int_equal(wire_put_final(p[1], V_FAIL, &d), 0);
	close(p[1]);
	n = read(p[0], buf, size);
	close(p[0]);
	assert_true(n > 0);
	return (size_t)n;
}

static int decode(const unsigned char *data, size_t len, struct wire_record *last, bool *broken)
{
	struct wire_in in = {0};
	int records = 0;

	for (size_t at = 0; at < len && !in.broken;) {
		size_t n = len - at < sizeof(in.buf) - in.len ? len - at : sizeof(in.buf) - in.len;

		memcpy(in.buf + in.len, data + at, n);
		in.len += n;
		at += n;
		while (wire_next(&in, last) > 0)
			records++;
	}
	*broken = in.broken;
	return records;
}

static void round_trip(void **state)
{
	unsigned char buf[8192];
	struct wire_record r;
	bool broken;
	size_t n = write_all_kinds(buf, sizeof(buf));

	(void)state;
	assert_int_equal(decode(buf, n, &r, &broken), 5);
	assert_false(broken);
	assert_int_equal(r.type, WIRE_FINAL);
	assert_int_equal(r.verdict, V_FAIL);
	assert_int_equal(r.diag.code, D_CONNECT_REFUSED);
	assert_string_equal(r.diag.subject, "cache:6379");
	assert_string_equal(r.diag.cause, "Connection refused");
	assert_string_equal(r.diag.hint, "look");
}

static void cut_anywhere(void **state)
{
	unsigned char buf[8192];
	struct wire_record r;
	bool broken;
	size_t n = write_all_kinds(buf, sizeof(buf));
	int before = 0;

	(void)state;
	for (size_t len = 0; len < n; len++) {
		int records = decode(buf, len, &r, &broken);

		assert_true(records < 5 && records >= before && !broken);
		before = records;
	}
}

/* Any bytes: no crash, and texts that come out are terminated and clean. */
static void random_bytes(void **state)
{
	unsigned char buf[8192];
	size_t whole = write_all_kinds(buf, sizeof(buf));
	uint64_t seed = 42;

	(void)state;
	for (int run = 0; run < 200000; run++) {
		unsigned char data[600];
		struct wire_in in = {0};
		struct wire_record r;
		size_t len = sizeof(data);

		memcpy(data, buf, len < whole ? len : whole);
		for (int i = 0; i < 1 + run % 8; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			data[(seed >> 33) % 120] = (unsigned char)(seed >> 57);
		}
		memcpy(in.buf, data, len);
		in.len = len;
		while (wire_next(&in, &r) > 0)
			for (const char *s = r.type == WIRE_FINAL ? r.diag.cause : r.text; *s; s++)
				assert_true((unsigned char)*s >= 32 && *s != 127);
	}
}

static void long_texts_are_cut(void **state)
{
	char text[5000];
	struct wire_in in = {0};
	struct wire_record r;
	int p[2];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(wire_put_text(p[1], WIRE_STEP, PH_CONNECT, NULL, text), 0);
	assert_int_equal(wire_fill(&in, p[0]), 1);
	assert_int_equal(wire_next(&in, &r), 1);
	assert_true(strlen(r.text) < sizeof(r.text));
	assert_int_equal(wire_next(&in, &r), 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip), cmocka_unit_test(cut_anywhere),
	    cmocka_unit_test(random_bytes), cmocka_unit_test(long_texts_are_cut)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
