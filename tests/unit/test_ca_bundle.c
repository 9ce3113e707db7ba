/* ca_bundle: OpenSSL decodes every certificate that has an outline, and names that are equal to OpenSSL have equal keys. */
#include "cm.h"
#include "ca_bundle.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct der {
	unsigned char *p;
	size_t len;
};

static void add(X509_NAME *name, const char *field, int type, const char *text)
{
	assert_int_equal(
	    X509_NAME_add_entry_by_txt(name, field, type, (const unsigned char *)text, -1, -1, 0),
	    1);
}

/* A certificate that signs itself, of this organisation and this common name. */
static struct der certificate(int type, const char *organisation, const char *cn)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509_NAME *name = X509_NAME_new();
	X509 *cert = X509_new();
	struct der der = {NULL, 0};

	assert_true(key && cert && name);
	add(name, "O", type, organisation);
	add(name, "CN", type, cn);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 200);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 1000);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	der.len = (size_t)i2d_X509(cert, &der.p);
	X509_NAME_free(name);
	X509_free(cert);
	EVP_PKEY_free(key);
	return der;
}

static bool decodes(const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	X509 *cert = d2i_X509(NULL, &p, (long)len);
	bool whole = cert && p == der + len;

	X509_free(cert);
	return whole;
}

static void no_change_of_a_byte_fools_it(UNUSED void **state)
{
	static const unsigned char values[] = {0x00, 0x03, 0x06, 0x13, 0x30, 0x80, 0x81, 0xff};
	struct der d = certificate(V_ASN1_UTF8STRING, "Test", "CA");
	size_t refused = 0;
	unsigned key;

	assert_true(ca_bundle_outline(d.p, d.len, &key));
	for (size_t i = 0; i < d.len; i++) {
		unsigned char was = d.p[i];

		assert_false(ca_bundle_outline(d.p, i, &key));
		for (size_t k = 0; k < sizeof values; k++) {
			d.p[i] = values[k];
			if (!ca_bundle_outline(d.p, d.len, &key))
				refused++;
			else
				assert_true(decodes(d.p, d.len));
		}
		d.p[i] = was;
	}
	assert_true(refused > 500);
	OPENSSL_free(d.p);
}

static void equal_names_have_equal_keys(UNUSED void **state)
{
	static const struct {
		int type;
		const char *organisation, *cn;
		bool equal;
	} rows[] = {
	    {V_ASN1_UTF8STRING, "Test Org", "Some CA", true},
	    {V_ASN1_PRINTABLESTRING, "Test Org", "Some CA", true},
	    {V_ASN1_IA5STRING, "  test   ORG ", "some  ca", true},
	    {V_ASN1_UTF8STRING, "Test Org", "Some CB", false},
	    {V_ASN1_UTF8STRING, "Test Or", "Some CA", false},
	};
	unsigned first = 0, key;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct der d = certificate(rows[i].type, rows[i].organisation, rows[i].cn);

		assert_true(ca_bundle_outline(d.p, d.len, &key));
		first = i ? first : key;
		assert_int_equal(key == first, rows[i].equal);
		OPENSSL_free(d.p);
	}
}

/* OpenSSL reads them; what it would compare is not told from the bytes. */
static void other_names_have_no_outline(UNUSED void **state)
{
	struct der umlaut = certificate(V_ASN1_UTF8STRING,
					"Pr\xc3\xbc"
					"fer",
					"CA"),
		   t61 = certificate(V_ASN1_T61STRING, "Test", "CA");
	unsigned key;

	assert_false(ca_bundle_outline(umlaut.p, umlaut.len, &key));
	assert_false(ca_bundle_outline(t61.p, t61.len, &key));
	OPENSSL_free(umlaut.p);
	OPENSSL_free(t61.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_change_of_a_byte_fools_it),
	    cmocka_unit_test(equal_names_have_equal_keys),
	    cmocka_unit_test(other_names_have_no_outline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
