/* web_status: the diagnosis of every HTTP status, whether waiting can help against it, and Retry-After. */
#include "cm.h"
#include "web_status.h"

/* The statuses after which an attempt is not repeated. Whatever is not here is retried. */
static const struct {
	int status;
	enum diag_code code;
} final[] = {
    {401, D_AUTH_REQUIRED},
    {402, D_HTTP_REFUSED},
    {403, D_AUTH_FORBIDDEN},
    {405, D_HTTP_REFUSED},
    {406, D_HTTP_REFUSED},
    {407, D_AUTH_REQUIRED},
    {410, D_HTTP_REFUSED},
    {411, D_HTTP_REFUSED},
    {413, D_HTTP_REFUSED},
    {414, D_HTTP_REFUSED},
    {415, D_HTTP_REFUSED},
    {422, D_HTTP_REFUSED},
    {426, D_HTTP_REFUSED},
    {428, D_HTTP_REFUSED},
    {431, D_HTTP_REFUSED},
    {451, D_HTTP_REFUSED},
    {495, D_TLS_CLIENT_CERT_REFUSED},
    {496, D_TLS_CLIENT_CERT_REQUIRED},
    {497, D_TLS_REQUIRED},
    {505, D_HTTP_REFUSED},
    {510, D_HTTP_REFUSED},
    {511, D_AUTH_REQUIRED},
};

static enum diag_code expected_code(int status)
{
	if (status >= 300 && status < 400)
		return D_HTTP_REDIRECT; /* final, where it names a target */
	if (status == 429)
		return D_HTTP_TOO_MANY;
	for (size_t i = 0; i < ARRAY_LEN(final); i++)
		if (final[i].status == status)
			return final[i].code;
	return D_HTTP_STATUS;
}

static void every_status(UNUSED void **state)
{
	for (int status = 100; status < 600; status++) {
		enum diag_code code = web_status_code(status);

		if (code != expected_code(status))
			fail_msg("%d is %s", status, diag_info(code)->code);
	}
	for (size_t i = 0; i < ARRAY_LEN(final); i++)
		assert_false(diag_info(final[i].code)->retryable);
	assert_false(diag_info(D_HTTP_REDIRECT)->retryable);
	assert_true(diag_info(D_HTTP_STATUS)->retryable && !diag_info(D_HTTP_STATUS)->slow);
	assert_true(diag_info(D_HTTP_TOO_MANY)->retryable && diag_info(D_HTTP_TOO_MANY)->slow);
}

static void too_much_to_do_is_asked_slowly(UNUSED void **state)
{
	static const enum diag_code slow[] = {D_HTTP_TOO_MANY, D_KAFKA_THROTTLED,
					      D_POSTGRES_MAX_CONNECTIONS, D_REDIS_MAX_CLIENTS};
	size_t n = 0;

	for (enum diag_code c = D_NONE + 1; c < D__COUNT; c++)
		n += diag_info(c)->slow;
	assert_int_equal(n, ARRAY_LEN(slow));
	for (size_t i = 0; i < n; i++)
		assert_true(diag_info(slow[i])->slow && diag_info(slow[i])->retryable);
}

static void retry_after(UNUSED void **state)
{
	static const struct {
		const char *after, *date;
		int seconds;
	} rows[] = {
	    {NULL, NULL, 0},
	    {"", NULL, 0},
	    {"0", NULL, 0},
	    {"5", NULL, 5},
	    {"120", "Mon, 30 Nov 2026 06:00:00 GMT", 120},
	    {"99999999999999999999999", NULL, DIAG_RETRY_AFTER_MAX},
	    {"-5", NULL, 0},
	    {"soon", NULL, 0},
	    {"1.5", "Mon, 30 Nov 2026 06:00:00 GMT", 0},
	    /* The three forms of HTTP dates, against the peer's clock, whatever the time is here. */
	    {"Mon, 30 Nov 2026 06:00:30 GMT", "Mon, 30 Nov 2026 06:00:00 GMT", 30},
	    {"Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:27 GMT", 10},
	    {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:27 GMT", 10},
	    {"Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:27 GMT", 10},
	    {"Mon, 30 Nov 2026 06:00:00 GMT", "Mon, 30 Nov 2026 06:00:30 GMT", 0},
	    {"Mon, 30 Nov 2037 06:00:00 GMT", "Mon, 30 Nov 2026 06:00:30 GMT",
	     DIAG_RETRY_AFTER_MAX},
	    {"Mon, 30 Nov 2026 06:00:30 GMT", "yesterday", 0},
	    /* This machine's clock may be wrong, so without a date of the answer there is nothing to compare with. */
	    {"Mon, 30 Nov 2037 06:00:00 GMT", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (web_retry_after(rows[i].after, rows[i].date) != rows[i].seconds)
			fail_msg("%s at %s is %d", rows[i].after, rows[i].date,
				 web_retry_after(rows[i].after, rows[i].date));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_status),
	    cmocka_unit_test(too_much_to_do_is_asked_slowly),
	    cmocka_unit_test(retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
