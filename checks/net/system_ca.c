#include "system_ca.h"

#include <stdlib.h>
#include <unistd.h>

#include "ca_bundle.h"
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

void system_ca_add(X509_STORE *store)
{
	const char *dir = environment("SSL_CERT_DIR"), *bundle = system_bundle();

	X509_STORE_load_path(store, dir ? dir : folder);
	if (bundle)
		ca_bundle_add_late(store, bundle); /* OpenSSL asks the lookups in this order */
}

void system_ca_export(void)
{
	const char *bundle = system_bundle();

	if (bundle)
		setenv("SSL_CERT_FILE", bundle, 0);
}
