/* system_ca: finds the CA certificates that a system trusts, in the same places for every kind and every TLS library.
 *
 * Child only. The places are SSL_CERT_FILE and SSL_CERT_DIR, as for OpenSSL; without them the bundles and the folder that
 * Debian, Alpine, Fedora, RHEL and SUSE use. OpenSSL alone looks only where its builder's system keeps them.
 */
#ifndef SG_SYSTEM_CA_H
#define SG_SYSTEM_CA_H

#include <openssl/x509_vfy.h>

/* Makes the store trust the system's CAs. Reads no file yet: the folder is searched by the hash of the issuer's name, and the
 * bundle is read when the folder has no such certificate (ca_bundle.h). */
void system_ca_add(X509_STORE *store);
/* Makes client libraries that use OpenSSL's default places find the system's bundle: sets SSL_CERT_FILE in this process,
 * unless it is set or no bundle is there. */
void system_ca_export(void);

#endif
