/* tls_keys: the profile keys of TLS, with the same names and texts in every kind. The kind's conf struct has members of
 * the same names. */
#ifndef SG_TLS_KEYS_H
#define SG_TLS_KEYS_H

#include "tls.h"

#define TLS_KEY_FIELDS const char *ca_file, *ca_path, *cert_file, *key_file, *server_name;
#define TLS_KEYS(T)                                                                                \
	KEY_PATH(T, ca_file, .doc = "CA certificates to trust instead of the system's, PEM.",      \
		 .example = "\"/etc/ssl/private-ca.pem\""),                                        \
	    KEY_PATH(T, ca_path,                                                                   \
		     .doc = "Folder of CA certificates with hashed names (openssl rehash).",       \
		     .example = "\"/etc/ssl/certs\""),                                             \
	    KEY_PATH(T, cert_file, .doc = "Client certificate with its chain, PEM.",               \
		     .example = "\"/tls/tls.crt\""),                                               \
	    KEY_PATH(                                                                              \
		T, key_file,                                                                       \
		.doc =                                                                             \
		    "Private key of cert_file, PEM without passphrase (default: in cert_file).",   \
		.example = "\"/tls/tls.key\""),                                                    \
	    KEY_STR(T, server_name,                                                                \
		    .doc = "Name to ask for (SNI) and to find in the certificate, instead of the " \
			   "host's.",                                                              \
		    .example = "\"cache.internal\"")
#define TLS_CONF(c)                                     \
	((struct tls_conf){.ca_file = (c)->ca_file,     \
			   .ca_path = (c)->ca_path,     \
			   .cert_file = (c)->cert_file, \
			   .key_file = (c)->key_file,   \
			   .server_name = (c)->server_name})

#endif
