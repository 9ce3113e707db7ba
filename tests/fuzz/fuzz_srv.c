/* Answers of a name server for SRV records: bytes of any kind, and messages whose records are known, which must be read as they were
 * written. */
#include <arpa/nameser.h>

#include "fuzz.h"
#include "resolve_srv.h"

#define RECORDS_MAX 80 /* more than are kept */

static void judge(const struct srv_targets *t, size_t records)
{
	FUZZ_CHECK(t->n <= SRV_TARGETS_MAX && t->n <= records);
	for (size_t i = 0; i < t->n; i++) {
		FUZZ_CHECK(memchr(t->v[i].host, '\0', sizeof t->v[i].host));
		FUZZ_CHECK(t->v[i].port >= 0 && t->v[i].port <= 65535);
	}
}

static void any_bytes(const uint8_t *data, size_t size)
{
	static struct srv_targets t;
	/* A copy of its exact size: a sanitizer sees a step beyond it. */
	unsigned char *answer = malloc(size ? size : 1);

	FUZZ_CHECK(answer);
	memcpy(answer, data, size);
	srv_read_answer(answer, size, &t);
	judge(&t, size > 7 ? (size_t)(data[6] << 8 | data[7]) : 0);
	free(answer);
}

struct message {
	unsigned char bytes[RECORDS_MAX * 100];
	size_t len;
};

static void put(struct message *m, const void *data, size_t n)
{
	FUZZ_CHECK(m->len + n <= sizeof m->bytes);
	memcpy(m->bytes + m->len, data, n);
	m->len += n;
}

/* One record of the root's, with a target of up to three labels; `host` becomes its text. */
static void put_record(struct message *m, struct fuzz_in *in, int port, char *host)
{
	unsigned labels = fuzz_byte(in) % 4;
	unsigned char head[] = {0, 0, ns_t_srv, 0, ns_c_in, 0, 0, 0, 1, 0, 0};
	unsigned char data[80] = {0, 1, 0, 2, (unsigned char)(port >> 8), (unsigned char)port};
	size_t n = 6;

	*host = '\0';
	for (unsigned i = 0; i < labels; i++) {
		unsigned len = 1 + fuzz_byte(in) % 20;

		data[n++] = (unsigned char)len;
		for (unsigned k = 0; k < len; k++)
			data[n++] = (unsigned char)('a' + fuzz_byte(in) % 26);
		snprintf(host + strlen(host), 80 - strlen(host), "%s%.*s", i ? "." : "", (int)len,
			 (const char *)data + n - len);
	}
	data[n++] = 0;
	head[sizeof head - 1] = (unsigned char)n;
	put(m, head, sizeof head);
	put(m, data, n);
}

static void known_records(struct fuzz_in *in)
{
	static struct message m;
	static struct srv_targets t;
	static char hosts[RECORDS_MAX][80];
	int ports[RECORDS_MAX];
	size_t n = fuzz_byte(in) % RECORDS_MAX;
	unsigned char head[NS_HFIXEDSZ] = {0, 0, 0x81, 0x80, 0, 0, 0, (unsigned char)n};

	m.len = 0;
	put(&m, head, sizeof head);
	for (size_t i = 0; i < n; i++) {
		ports[i] = (int)(fuzz_byte(in) << 8 | fuzz_byte(in));
		put_record(&m, in, ports[i], hosts[i]);
	}
	srv_read_answer(m.bytes, m.len, &t);
	FUZZ_CHECK(t.n == (n < SRV_TARGETS_MAX ? n : SRV_TARGETS_MAX));
	for (size_t i = 0; i < t.n; i++)
		FUZZ_CHECK(str_eq(t.v[i].host, hosts[i]) && t.v[i].port == ports[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);

	if (fuzz_byte(&in) & 1)
		known_records(&in);
	else
		any_bytes(in.p, fuzz_left(&in));
	return 0;
}
