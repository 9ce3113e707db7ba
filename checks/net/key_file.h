/* key_file: finds out why a file of certificates, a private key or a keystore cannot be used.
 *
 * TLS libraries say little about such files ("PEM lib", "header too long"). This module looks at the first bytes and, for a private key,
 * tries to open it. tls and the Kafka kinds call it after a library has refused the file. Sources: RFC 7468 (PEM), RFC 7292 (PKCS#12),
 * Java's and Bouncy Castle's keystore classes. Child only; it prints no part of the file.
 */
#ifndef SG_KEY_FILE_H
#define SG_KEY_FILE_H

#include "check.h"

enum key_format {
	KEY_FORMAT_UNKNOWN,
	KEY_FORMAT_EMPTY,
	KEY_FORMAT_HTML,
	KEY_FORMAT_BASE64, /* a keystore or DER, encoded once too often */
	KEY_FORMAT_PEM,
	KEY_FORMAT_DER,
	KEY_FORMAT_PKCS12,
	KEY_FORMAT_JKS,
	KEY_FORMAT_JCEKS,
	KEY_FORMAT_BKS,
	KEY_FORMAT_BCFKS,
};
/* Returns the format of a file that begins with these bytes. Pure. */
enum key_format key_file_format(const void *bytes, size_t n);

enum key_file_use { KEY_FILE_CERTIFICATES, KEY_FILE_KEY, KEY_FILE_STORE };
/* What is known about a file, or a text in its place ("ssl.key.pem"), that a library has refused. */
struct key_file {
	const char *path; /* NULL: the property holds the text itself */
	const char *text;
	const char
	    *key; /* the property that names it ("ssl.key.location"), or words in its place */
	enum key_file_use use;
	const char *password_key; /* the key or property of its password; NULL: there is none */
	const char *password;     /* the value; NULL: not given */
};
/* Fills *out with the reason: tls-file-format, tls-key-password, or tls-ca-unreadable with the library's text `error`. */
enum result key_file_diagnose(const struct key_file *file, const char *error, struct diag *out);

#endif
