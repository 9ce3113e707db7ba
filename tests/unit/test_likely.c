/* likely: what is proposed for a text that was refused; and that nothing is proposed for other texts. */
#include "cm.h"

#include "likely.h"

struct row {
	const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t n, struct suggestion (*likely)(const char *))
{
	for (size_t i = 0; i < n; i++) {
		struct suggestion s = likely(rows[i].text);

		if (!str_eq(s.text, rows[i].expected))
			fail_msg("%s: \"%s\" is not \"%s\"", rows[i].text, s.text,
				 rows[i].expected);
	}
}

static void times(UNUSED void **state)
{
	static const struct row rows[] = {
	    {"5 min", "; write \"5m\""},
	    {"5min", "; write \"5m\""},
	    {"30 Seconds", "; write \"30s\""},
	    {"PT1M30S", "; write \"1m30s\""},
	    {"1h 30min", "; write \"1h30m\""},
	    {"1,5s", "; write \"1.5s\""},
	    {"2d", "; write \"48h\""},
	    {"100msec", "; write \"100ms\""},
	    {"30", "; write it with a unit: \"30s\", \"30ms\""},
	    {"5 apples", ""},
	    {"-5s", ""},
	    {"1.5d", ""},
	    {"", ""},
	    {"never", ""},
	    {"00:30", ""},
	    {"99999999999s", ""},
	};

	check_rows(rows, ARRAY_LEN(rows), likely_duration);
}

static void sizes(UNUSED void **state)
{
	static const struct row rows[] = {
	    {"1 MiB", "; write \"1MiB\""},
	    {"1M", "; write \"1MiB\""},
	    {"64k", "; write \"64KiB\""},
	    {"1.5gb", "; write \"1.5GB\""},
	    {"5 bytes", "; write \"5B\""},
	    {"-1MB", ""},
	    {"1 apple", ""},
	    {"1024", "; write it with a unit: \"1024B\", \"1024KiB\""},
	};

	check_rows(rows, ARRAY_LEN(rows), likely_size);
}

static struct suggestion variable(const char *inside)
{
	return likely_variable(inside, strlen(inside));
}

static void variables(UNUSED void **state)
{
	static const struct row rows[] = {
	    {"DB-db", "; write ${DB:-db}"},
	    {"DB:=db", "; write ${DB:-db}"},
	    {"DB:db", "; write ${DB:-db}"},
	    {"env:DB", "; write ${DB}"},
	    {"env.DB", "; write ${DB}"},
	    {" DB ", "; write ${DB}"},
	    {"DB?lost", "; write ${DB:?lost}"},
	    {"DB:+x", ""},
	    {"db.host", ""},
	    {"", ""},
	    {"1A", ""},
	    {"DB%x", ""},
	};

	check_rows(rows, ARRAY_LEN(rows), variable);
}

static void templates(UNUSED void **state)
{
	static const struct row rows[] = {
	    {"{{ .Values.db }}:1", "{{ }}"},
	    {"<%= db %>", "<% %>"},
	    {"{% if x %}", "{% %}"},
	    {"$(DB_HOST)", "$( )"},
	    {"%DB_HOST%:1", "%NAME%"},
	    {"@DB_HOST@:1", "@NAME@"},
	    {"db:5432", NULL},
	    {"fe80::1%eth0", NULL},
	    {"user@db", NULL},
	    {"%2Frun%2Fpg", NULL},
	    {"{db}", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *mark = likely_template(rows[i].text);

		if (!mark || !rows[i].expected ? mark != rows[i].expected
					       : !str_eq(mark, rows[i].expected))
			fail_msg("%s: %s", rows[i].text, mark ? mark : "(none)");
	}
}

static void values_of_variables(UNUSED void **state)
{
	static const struct row rows[] = {
	    {"\"redis://x\"", "stands in quotes"},
	    {"'x'", "stands in quotes"},
	    {"x\r", "ends in a line end"},
	    {"x ", "ends in a blank"},
	    {" x", "begins with a blank"},
	    {"x\n", "ends in a line end"},
	    {"tcp://10.0.0.1:6379", "Kubernetes"},
	    {"{{ .Values.x }}", "template"},
	    {"$HOST:1", "before a name"},
	    {"redis://${HOST}:1", "before a name"},
	    {"$(HOST)", "before a name"},
	    {"~/ca.pem", "only a shell"},
	    {"", NULL},
	    {"redis://cache:6379", NULL},
	    {"tcp://cache:6379", NULL},
	    {"tcp://10.0.0.1:6379/0", NULL},
	    {"it's", NULL},
	    {"\"", NULL},
	    {"5$", NULL},
	    {"~", NULL},
	    {"a b", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = likely_mangled(rows[i].text);

		if (!why != !rows[i].expected || (why && !strstr(why, rows[i].expected)))
			fail_msg("%s: %s", rows[i].text, why ? why : "(nothing)");
	}
}

static void pasted(UNUSED void **state)
{
	static const struct row rows[] = {
	    {"db\xe2\x80\x8b:1", "invisible"},
	    {"db:1\xc2\xa0", "blank that is not the common"},
	    {"\xe2\x80\x9c"
	     "db:1",
	     "typographic quote"},
	    {"db:1", NULL},
	    {"d\xc3\xa4:1", NULL},
	    {"db:1\t", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = likely_pasted(rows[i].text);

		if (!why != !rows[i].expected || (why && !strstr(why, rows[i].expected)))
			fail_msg("%s: %s", rows[i].text, why ? why : "(nothing)");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(variables),
	    cmocka_unit_test(templates),
	    cmocka_unit_test(values_of_variables),
	    cmocka_unit_test(pasted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
