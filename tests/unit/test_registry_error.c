/* registry_error: the meaning of every error code of five digits, and whether waiting can help. */
#include "cm.h"
#include "registry_error.h"

#define FINAL false
#define RETRIED true

static const struct {
	long code;
	enum diag_code diag;
	bool retried;
} rows[] = {
    {40401, D_REGISTRY_SUBJECT_MISSING, FINAL}, {40402, D_REGISTRY_VERSION_MISSING, FINAL},
    {40403, D_REGISTRY_VERSION_MISSING, FINAL}, {40404, D_REGISTRY_SUBJECT_MISSING, FINAL},
    {40405, D_REGISTRY_REFUSED, FINAL},         {40406, D_REGISTRY_VERSION_MISSING, FINAL},
    {40407, D_REGISTRY_REFUSED, FINAL},         {40408, D_REGISTRY_REFUSED, FINAL},
    {40409, D_REGISTRY_REFUSED, FINAL},         {40901, D_REGISTRY_INCOMPATIBLE, FINAL},
    {42201, D_REGISTRY_REFUSED, FINAL},         {42202, D_REGISTRY_REFUSED, FINAL},
    {42203, D_REGISTRY_REFUSED, FINAL},         {42204, D_REGISTRY_REFUSED, FINAL},
    {42205, D_REGISTRY_REFUSED, FINAL},         {42206, D_REGISTRY_REFUSED, FINAL},
    {42207, D_REGISTRY_REFUSED, FINAL},         {42208, D_REGISTRY_REFUSED, FINAL},
    {42901, D_HTTP_TOO_MANY, RETRIED},          {44201, D_REGISTRY_REFUSED, FINAL},
    {44302, D_REGISTRY_REFUSED, FINAL},         {50001, D_REGISTRY_STORE, RETRIED},
    {50002, D_REGISTRY_STORE, RETRIED},         {50003, D_REGISTRY_LEADER, RETRIED},
    {50004, D_REGISTRY_LEADER, RETRIED},        {50005, D_REGISTRY_STORE, RETRIED},
};

static void known_codes(UNUSED void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum diag_code diag = registry_error_code(rows[i].code);

		if (diag != rows[i].diag || diag_info(diag)->retryable != rows[i].retried)
			fail_msg("%ld is %s", rows[i].code,
				 diag ? diag_info(diag)->code : "nothing");
	}
}

/* Every code, by its status: what does not exist or is invalid is final, what the registry cannot do now is retried. */
static void every_code(UNUSED void **state)
{
	for (long code = 0; code < 60000; code++) {
		enum diag_code diag = registry_error_code(code);
		long status = code / 100;
		bool is_final = status == 404 || status == 409 || status == 422 || status == 442 ||
				status == 443;
		bool is_retried = status == 429 || status / 10 == 50;

		if ((diag != D_NONE) != (is_final || is_retried) ||
		    (diag && diag_info(diag)->retryable != is_retried))
			fail_msg("%ld is %s", code, diag ? diag_info(diag)->code : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_codes),
	    cmocka_unit_test(every_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
