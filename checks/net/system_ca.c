#include "system_ca.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "util.h"

static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, distroless images */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* SUSE */
    "/etc/ssl/cert.pem",                  /* Alpine, OpenSSL's default */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};
static const char folder[] = "/etc/ssl/certs";

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Returns NULL when no bundle is there. */
static const char *system_bundle(void)
{
	const char *given = environment("SSL_CERT_FILE");

	for (size_t i = 0; !given && i < ARRAY_LEN(bundles); i++)
		if (!access(bundles[i], R_OK))
			given = bundles[i];
	return given;
}

/* OpenSSL calls this for an issuer that neither the store nor the folder has. Loads the bundle into the store, once. */
static int find_in_bundle(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
			  X509_OBJECT *found)
{
	X509_STORE *store = X509_LOOKUP_get_store(lookup);
	const char *bundle = system_bundle();
	X509_STORE_CTX *search;
	X509_OBJECT *object;

	if (!bundle || X509_LOOKUP_get_method_data(lookup))
		return 0;
	X509_LOOKUP_set_method_data(lookup, store); /* any value: the bundle has been read */
	ERR_set_mark();
	X509_STORE_load_file(store, bundle);
	ERR_pop_to_mark(); /* the handshake's error is that the issuer is unknown */
	search = X509_STORE_CTX_new();
	object = search && X509_STORE_CTX_init(search, store, NULL, NULL)
		     ? X509_STORE_CTX_get_obj_by_subject(search, type, name)
		     : NULL;
	X509_STORE_CTX_free(search);
	return object && X509_OBJECT_set1_X509(found, X509_OBJECT_get0_X509(object));
}

void system_ca_add(X509_STORE *store)
{
	static X509_LOOKUP_METHOD *method;
	const char *dir = environment("SSL_CERT_DIR");

	if (!method) {
		method = X509_LOOKUP_meth_new("system bundle");
		invariant(method);
		X509_LOOKUP_meth_set_get_by_subject(method, find_in_bundle);
	}
	X509_STORE_load_path(store, dir ? dir : folder);
	X509_STORE_add_lookup(store, method); /* OpenSSL asks the lookups in this order */
}

void system_ca_export(void)
{
	const char *bundle = system_bundle();

	if (bundle)
		setenv("SSL_CERT_FILE", bundle, 0);
}
