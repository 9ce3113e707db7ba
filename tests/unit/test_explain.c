/* explain: the reference in each of its forms, a topic or a key at a time; an unknown topic is reported with the nearest one. */
#include "cmd.h"

#include "cm.h"
#include "kinds.h"

#define ENOUGH (4 * 1024 * 1024)

/* What `startguard explain TOPIC` fills, and `startguard codes CODE`. */
static int explain(struct str *b, const char *topic, enum print_as as, struct err *err)
{
	char *words[] = {(char *)topic};

	return cmd_explain(b, &(struct cli){.words = words, .n_words = topic ? 1 : 0, .as = as},
			   err);
}

static int codes(struct str *b, const char *code, enum print_as as, struct err *err)
{
	char *words[] = {(char *)code};

	return cmd_codes(b, &(struct cli){.words = words, .n_words = code ? 1 : 0, .as = as}, err);
}

/* What `startguard explain TOPIC` prints; to be freed. */
static char *explained(const char *topic, enum print_as as)
{
	struct str b;
	struct err err;
	char buf[512];

	str_init(&b, ENOUGH);
	if (explain(&b, topic, as, &err) < 0)
		fail_msg("%s: %s", topic, err_text(&err, buf, sizeof buf));
	assert_false(b.cut);
	return b.s;
}

static void has(const char *topic, enum print_as as, const char *words)
{
	char *text = explained(topic, as);

	if (!strstr(text, words))
		fail_msg("%s lacks \"%s\":\n%s", topic ? topic : "(all)", words, text);
	free(text);
}

static void all_topics_are_listed(UNUSED void **state)
{
	char *text = explained(NULL, AS_TEXT);
	char line[64];

	for (size_t i = 0; kind_names()[i]; i++) {
		snprintf(line, sizeof line, "\n  %-16s ", kind_names()[i]);
		assert_non_null(strstr(text, line));
	}
	assert_true(str_starts(text, "  profile "));
	assert_non_null(strstr(text, "\nstartguard explain NAME shows the keys"));
	free(text);
}

static void a_topic_has_its_keys(UNUSED void **state)
{
	has("tcp", AS_TEXT, "tcp: ");
	has("tcp", AS_TEXT, "\n  address                host:port; needed\n");
	has("common", AS_TEXT,
	    "attempt_timeout        a time such as \"5s\"; default 5s; 10ms to 1h\n");
	has("common", AS_TEXT,
	    "grace                  a time such as \"5s\"; default 0s; at most 24h\n");
	has("switches", AS_MARKDOWN, "| degraded | text; needed | ");
	has("profile", AS_MAN, ".TP\n.B parallel\n");
	has("profile", AS_MAN, "a whole number; default 32; 1 to 1024.\n");
	has("kafka", AS_MARKDOWN, "| topics.name | ");
	has("kafka", AS_TEXT, "\n      name                   text; needed\n");
	has("kafka", AS_JSON, "\"keys\": [\n    {\"name\": \"name\", ");
	has("dns", AS_JSON,
	    "\"default\": \"any\", \"choices\": [\"A\", \"AAAA\", \"any\", \"SRV\"]");
	has("kafka", AS_TEXT, " of read, write");
}

static void a_key_alone(UNUSED void **state)
{
	char *text = explained("tcp.address", AS_TEXT);

	assert_non_null(strstr(text, "  address "));
	assert_null(strstr(text, "expect_banner"));
	free(text);
	/* Every check has it, whatever the kind: it is shown as a common key. */
	text = explained("tcp.grace", AS_TEXT);
	assert_true(str_starts(text, "common: keys of every check\n"));
	assert_non_null(strstr(text, "  grace "));
	assert_null(strstr(text, "  after "));
	free(text);
	text = explained("tcp.grace", AS_JSON);
	assert_true(str_starts(text, "{\"name\": \"common\""));
	assert_true(str_ends(text, "}]}\n"));
	free(text);
}

static void unknown_topics(UNUSED void **state)
{
	static const struct {
		const char *topic, *words;
	} rows[] = {
	    {"tpc", "no kind \"tpc\"; did you mean \"tcp\"?"},
	    {"zebra", "no kind \"zebra\""},
	    {"tc", "no kind \"tc\"; did you mean \"tcp\"?"},
	    {"tpc.address", "no kind \"tpc.address\""},
	    {"tcp.adress", "tcp has no key \"adress\"; did you mean \"address\"?"},
	    {"tcp.zebra", "tcp has no key \"zebra\""},
	    {"tcp.", "tcp has no key \"\""},
	};
	struct str b;
	struct err err;
	char buf[512];

	str_init(&b, ENOUGH);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(explain(&b, rows[i].topic, AS_TEXT, &err), -1);
		assert_string_equal(err_text(&err, buf, sizeof buf), rows[i].words);
		assert_int_equal(b.len, 0);
	}
	assert_int_equal(codes(&b, "connect-refusd", AS_TEXT, &err), -1);
	assert_string_equal(err_text(&err, buf, sizeof buf),
			    "no code \"connect-refusd\"; did you mean \"connect-refused\"?");
	str_free(&b);
}

static void codes_one_at_a_time(UNUSED void **state)
{
	const struct diag_info *d = diag_info(D_CONNECT_REFUSED);
	struct str b;
	struct err err;
	char line[1000];

	str_init(&b, ENOUGH);
	assert_int_equal(codes(&b, "connect-refused", AS_TEXT, &err), 0);
	snprintf(line, sizeof line, "%-30s connect   retried    %s\n  hint: %s\n", d->code,
		 d->title, d->hint);
	assert_string_equal(b.s, line);
	str_reset(&b);
	assert_int_equal(codes(&b, "guard-bug", AS_JSON, &err), 0);
	assert_non_null(strstr(b.s, "\"verdict\": \"broken\""));
	assert_true(str_ends(b.s, "\"}\n"));
	str_reset(&b);
	assert_int_equal(codes(&b, "auth-failed", AS_MARKDOWN, &err), 0);
	assert_true(str_starts(b.s, "| `auth-failed` | auth | no | "));
	str_free(&b);
}

/* As JSON it is an array with a comma between all and none behind the last. */
static void codes_all_together(UNUSED void **state)
{
	struct str b;
	struct err err;
	size_t n = 0;

	str_init(&b, ENOUGH);
	assert_int_equal(codes(&b, NULL, AS_JSON, &err), 0);
	for (const char *p = b.s; (p = strstr(p, "  {\"code\": \"")); p++)
		n++;
	assert_int_equal(n, D__COUNT - 1);
	assert_true(str_starts(b.s, "[\n  {"));
	assert_true(str_ends(b.s, "\"}\n]\n"));
	str_free(&b);
}

static void lines_of_a_manual_page(UNUSED void **state)
{
	static const struct {
		const char *text, *roff;
	} rows[] = {
	    {".TH is text", "\\&.TH is text"}, {"'tis", "\\&'tis"}, {"a.b 'c'", "a.b 'c'"},
	    {"--mode", "\\-\\-mode"},          {"\\n", "\\en"},     {"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str b;

		str_init(&b, 100);
		str_add_roff(&b, rows[i].text);
		assert_string_equal(b.s, rows[i].roff);
		str_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_topics_are_listed),
	    cmocka_unit_test(a_topic_has_its_keys),
	    cmocka_unit_test(a_key_alone),
	    cmocka_unit_test(unknown_topics),
	    cmocka_unit_test(codes_one_at_a_time),
	    cmocka_unit_test(codes_all_together),
	    cmocka_unit_test(lines_of_a_manual_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
