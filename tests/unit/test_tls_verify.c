/* tls: the diagnosis of every error of verification that OpenSSL has, by number and by message, and whether waiting can help. */
#include "cm.h"
#include "tls.h"

#include <openssl/x509.h>

/* All others are tls-certificate, which is final. */
static const struct {
	int error;
	enum diag_code code;
} rows[] = {
    {X509_V_ERR_UNSPECIFIED, D_TLS_HANDSHAKE},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_CRL, D_TLS_HANDSHAKE},
    {X509_V_ERR_CERT_NOT_YET_VALID, D_TLS_NOT_YET_VALID},
    {X509_V_ERR_CERT_HAS_EXPIRED, D_TLS_EXPIRED},
    {X509_V_ERR_CRL_NOT_YET_VALID, D_TLS_HANDSHAKE},
    {X509_V_ERR_CRL_HAS_EXPIRED, D_TLS_HANDSHAKE},
    {X509_V_ERR_OUT_OF_MEM, D_TLS_HANDSHAKE},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, D_TLS_SELF_SIGNED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_CERT_UNTRUSTED, D_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, D_TLS_HANDSHAKE},
    {X509_V_ERR_HOSTNAME_MISMATCH, D_TLS_WRONG_NAME},
    {X509_V_ERR_EMAIL_MISMATCH, D_TLS_WRONG_NAME},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, D_TLS_WRONG_NAME},
    {X509_V_ERR_INVALID_CALL, D_TLS_HANDSHAKE},
    {X509_V_ERR_STORE_LOOKUP, D_TLS_HANDSHAKE},
    {X509_V_ERR_OCSP_VERIFY_NEEDED, D_TLS_HANDSHAKE},
    {X509_V_ERR_OCSP_VERIFY_FAILED, D_TLS_HANDSHAKE},
};

static enum diag_code expected_code(int error)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].error == error)
			return rows[i].code;
	return D_TLS_CERTIFICATE;
}

static bool is_known(int error)
{
	return strncmp(X509_verify_cert_error_string(error),
		       "unknown certificate verification error", 38) != 0;
}

static void every_number(UNUSED void **state)
{
	for (int error = 1; error <= TLS_VERIFY_ERROR_MAX; error++)
		if (tls_verify_code(error) != expected_code(error))
			fail_msg("%d is %s", error, diag_info(tls_verify_code(error))->code);
	for (int error = TLS_VERIFY_ERROR_MAX + 1; error < 1000; error++)
		assert_false(is_known(error));
}

/* A certificate that is not valid yet becomes valid; what else is wrong with a certificate stays wrong. */
static void only_time_mends(UNUSED void **state)
{
	static const enum diag_code final[] = {D_TLS_CERTIFICATE, D_TLS_EXPIRED, D_TLS_SELF_SIGNED,
					       D_TLS_UNKNOWN_CA, D_TLS_WRONG_NAME};

	for (size_t i = 0; i < ARRAY_LEN(final); i++)
		assert_false(diag_info(final[i])->retryable);
	assert_true(diag_info(D_TLS_NOT_YET_VALID)->retryable);
	assert_true(diag_info(D_TLS_HANDSHAKE)->retryable);
}

/* librdkafka and libpq give the message alone. */
static void every_message(UNUSED void **state)
{
	char text[300];

	for (int error = 1; error <= TLS_VERIFY_ERROR_MAX; error++) {
		enum diag_code expected = expected_code(error);
		struct diag d = {0};

		if (!is_known(error))
			continue;
		snprintf(text, sizeof text, "SSL handshake failed: certificate verify failed: %s",
			 X509_verify_cert_error_string(error));
		tls_fail_text(&d, text, "broker:9093");
		if (d.code != expected)
			fail_msg("%d (%s) is %s", error, text, diag_info(d.code)->code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_number),
	    cmocka_unit_test(only_time_mends),
	    cmocka_unit_test(every_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
