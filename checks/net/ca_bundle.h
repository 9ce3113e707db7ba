/* ca_bundle: makes OpenSSL trust the certificates of a PEM file, and decodes only those that a verification asks for.
 *
 * OpenSSL decodes every certificate of a file, its public key too: 13 ms of processor time for the CAs that a system trusts, in each
 * attempt, of which a verification needs one or two. This module looks at the outline of each certificate, and keeps its bytes
 * until an issuer of that name is searched. Whatever is unusual about a file it leaves to OpenSSL, so that a file is refused
 * when OpenSSL refuses it, and for the same reason. Child only.
 */
#ifndef SG_CA_BUNDLE_H
#define SG_CA_BUNDLE_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stddef.h>

/* Does what X509_STORE_load_file does. Returns false, with the reason in OpenSSL's queue, when OpenSSL refuses the
 * file. Once for a store. */
bool ca_bundle_add(X509_STORE *store, const char *path);
/* The same when the first issuer is searched that neither the store nor an earlier lookup has. A file that OpenSSL refuses then
 * counts as one without certificates. */
void ca_bundle_add_late(X509_STORE *store, const char *path);

/* For the fuzz target. Returns whether the bytes are one certificate that d2i_X509 decodes for certain; `key` is then equal for
 * subjects that are equal to OpenSSL. False means nothing. Pure. */
bool ca_bundle_outline(const unsigned char *der, size_t len, unsigned *key);

#endif
