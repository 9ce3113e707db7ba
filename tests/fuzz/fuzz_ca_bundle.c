/* A CA file, judged by OpenSSL: it is refused when OpenSSL refuses it, and has a certificate for every subject that OpenSSL finds in
 * it. And the outline of a certificate: OpenSSL decodes what has one. */
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "ca_bundle.h"
#include "fuzz.h"

static void outline(const uint8_t *data, size_t size)
{
	const unsigned char *p = data, *name = NULL;
	unsigned key = 0, again = 0;
	size_t len = 0;
	X509 *cert;

	if (!ca_bundle_outline(data, size, &key))
		return;
	cert = d2i_X509(NULL, &p, (long)size);
	FUZZ_CHECK(cert && p == data + size);
	/* What OpenSSL writes of the certificate is the same one. */
	FUZZ_CHECK(X509_NAME_get0_der(X509_get_subject_name(cert), &name, &len) && len < size);
	FUZZ_CHECK(memmem(data, size, name, len));
	FUZZ_CHECK(ca_bundle_outline(data, size, &again) && again == key);
	X509_free(cert);
}

static bool has(X509_STORE *store, const X509_NAME *subject)
{
	X509_STORE_CTX *search = X509_STORE_CTX_new();
	X509_OBJECT *found = NULL;
	bool is_there;

	if (search && X509_STORE_CTX_init(search, store, NULL, NULL))
		found = X509_STORE_CTX_get_obj_by_subject(search, X509_LU_X509, subject);
	is_there =
	    found && !X509_NAME_cmp(X509_get_subject_name(X509_OBJECT_get0_X509(found)), subject);
	X509_OBJECT_free(found);
	X509_STORE_CTX_free(search);
	return is_there;
}

static int count(X509_STORE *store)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
	int n = sk_X509_num(all);

	sk_X509_pop_free(all, X509_free);
	return n;
}

static void file(const uint8_t *data, size_t size)
{
	cleanup_fd int fd = memfd_create("ca", MFD_CLOEXEC);
	X509_STORE *ours = X509_STORE_new(), *theirs = X509_STORE_new();
	STACK_OF(X509) * all;
	char path[40];
	bool loaded;

	FUZZ_CHECK(fd >= 0 && ours && theirs && fd_write_all(fd, data, size) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	loaded = X509_STORE_load_file(theirs, path) == 1;
	FUZZ_CHECK(ca_bundle_add(ours, path) == loaded);
	all = X509_STORE_get1_all_certs(theirs);
	for (int i = 0; loaded && i < sk_X509_num(all); i++)
		FUZZ_CHECK(has(ours, X509_get_subject_name(sk_X509_value(all, i))));
	FUZZ_CHECK(!loaded || count(ours) == count(theirs));
	sk_X509_pop_free(all, X509_free);
	X509_STORE_free(ours);
	X509_STORE_free(theirs);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 0x30)
		outline(data, size);
	else
		file(data, size);
	return 0;
}
