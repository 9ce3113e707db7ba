#include "key_file.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "path_problem.h"

#define KEY_FILE_MAX (1024 * 1024) /* bytes; a bundle of all public CAs has a quarter of it */

/* ---- formats ------------------------------------------------------------------------------------------------- */

static bool begins(const unsigned char *p, size_t n, const char *with, size_t len)
{
	return n >= len && memcmp(p, with, len) == 0;
}
#define BEGINS(p, n, with) begins(p, n, with, sizeof(with) - 1)

/* Returns the length of a tag and its length field (X.690 8.1), or 0 when the bytes begin no SEQUENCE. */
static size_t sequence_header(const unsigned char *p, size_t n)
{
	size_t len;

	if (n < 2 || p[0] != 0x30)
		return 0;
	len = p[1] & 0x80 ? 2 + (size_t)(p[1] & 0x7f) : 2;
	return len <= 6 && len < n ? len : 0;
}

/* PFX begins with version 3 (RFC 7292 4), BCFKS with three SEQUENCEs around the OID of its cipher, certificates and keys with others. */
static enum key_format der_format(const unsigned char *p, size_t n)
{
	size_t one = sequence_header(p, n), two = one ? sequence_header(p + one, n - one) : 0,
	       three = two ? sequence_header(p + one + two, n - one - two) : 0;

	if (!one)
		return KEY_FORMAT_UNKNOWN;
	if (BEGINS(p + one, n - one, "\x02\x01\x03"))
		return KEY_FORMAT_PKCS12;
	if (three && p[one + two + three] == 0x06)
		return KEY_FORMAT_BCFKS;
	return KEY_FORMAT_DER;
}

static bool is_base64(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (isalnum(p[i]) || strchr("+/=\r\n", p[i])))
		i++;
	return i == n && n >= 16;
}

enum key_format key_file_format(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	while (n > 0 && isspace(*p)) {
		p++;
		n--;
	}
	if (n == 0)
		return KEY_FORMAT_EMPTY;
	if (BEGINS(p, n, "\xfe\xed\xfe\xed"))
		return KEY_FORMAT_JKS;
	if (BEGINS(p, n, "\xce\xce\xce\xce"))
		return KEY_FORMAT_JCEKS;
	if (BEGINS(p, n, "\0\0\0\1\0\0") || BEGINS(p, n, "\0\0\0\2\0\0"))
		return KEY_FORMAT_BKS;
	if (memmem(p, n, "-----BEGIN ", 11))
		return KEY_FORMAT_PEM;
	if (BEGINS(p, n, "<"))
		return KEY_FORMAT_HTML;
	return is_base64(p, n) ? KEY_FORMAT_BASE64 : der_format(p, n);
}

/* ---- what is wrong --------------------------------------------------------------------------------------------- */

static const char *format_name(enum key_format format)
{
	static const char *const names[] = {
	    [KEY_FORMAT_UNKNOWN] = "neither PEM nor a keystore",
	    [KEY_FORMAT_EMPTY] = "empty",
	    [KEY_FORMAT_HTML] = "a page of HTML or XML",
	    [KEY_FORMAT_BASE64] = "base64 text without a PEM header",
	    [KEY_FORMAT_PEM] = "a PEM file",
	    [KEY_FORMAT_DER] = "DER, the binary form",
	    [KEY_FORMAT_PKCS12] = "a PKCS#12 keystore",
	    [KEY_FORMAT_JKS] = "a Java keystore (JKS)",
	    [KEY_FORMAT_JCEKS] = "a Java keystore (JCEKS)",
	    [KEY_FORMAT_BKS] = "a Bouncy Castle keystore (BKS)",
	    [KEY_FORMAT_BCFKS] = "a Bouncy Castle keystore (BCFKS)",
	};

	return names[format];
}

static const char *subject_of(const struct key_file *f)
{
	return f->text ? f->key : f->path;
}

static enum result fail_format(const struct key_file *f, enum key_format format, const char *hint,
			       struct diag *out)
{
	check_fail(out, D_TLS_FILE_FORMAT, subject_of(f), "%s: the %s is %s, and %s is read here",
		   f->key, f->text ? "value" : "file", format_name(format),
		   f->use == KEY_FILE_STORE ? "PKCS#12" : "PEM");
	diag_hint(out, "%s", hint);
	return RESULT_FAIL;
}

static const char *hint_for_store(enum key_format format)
{
	switch (format) {
	case KEY_FORMAT_JKS:
	case KEY_FORMAT_JCEKS:
	case KEY_FORMAT_BKS:
	case KEY_FORMAT_BCFKS:
		return "convert it: keytool -importkeystore -srckeystore FILE -destkeystore "
		       "FILE.p12 "
		       "-deststoretype PKCS12 (Bouncy Castle's also with -srcstoretype and its "
		       "provider)";
	case KEY_FORMAT_PEM:
		return "give PEM files as ssl.certificate.location and ssl.key.location; a "
		       "keystore "
		       "is PKCS#12";
	case KEY_FORMAT_BASE64:
		return "decode it once more: base64 -d; likely it was encoded twice";
	case KEY_FORMAT_UNKNOWN:
	case KEY_FORMAT_EMPTY:
	case KEY_FORMAT_HTML:
	case KEY_FORMAT_DER:
	case KEY_FORMAT_PKCS12:
		break;
	}
	return "mount the keystore itself, a PKCS#12 file";
}

static const char *hint_for_pem(const struct key_file *f, enum key_format format)
{
	bool key = f->use == KEY_FILE_KEY;

	switch (format) {
	case KEY_FORMAT_JKS:
	case KEY_FORMAT_JCEKS:
	case KEY_FORMAT_BKS:
	case KEY_FORMAT_BCFKS:
		return key ? "convert it to PKCS#12 with keytool -importkeystore, then to PEM with "
			     "openssl pkcs12 -nocerts"
			   : "write its certificates as PEM: keytool -exportcert -rfc -keystore "
			     "FILE "
			     "-alias NAME";
	case KEY_FORMAT_PKCS12:
		return key ? "write its key as PEM: openssl pkcs12 -in FILE -nocerts"
			   : "write its certificates as PEM: openssl pkcs12 -in FILE -nokeys";
	case KEY_FORMAT_DER:
		return key ? "convert it to PEM: openssl pkey -inform DER -in FILE"
			   : "convert it to PEM: openssl x509 -inform DER -in FILE";
	case KEY_FORMAT_BASE64:
		return "decode it once more: base64 -d; likely it was encoded twice";
	case KEY_FORMAT_UNKNOWN:
	case KEY_FORMAT_EMPTY:
	case KEY_FORMAT_HTML:
	case KEY_FORMAT_PEM:
		break;
	}
	if (f->text && *f->text == '/')
		return "the value is likely a path: give it as ssl.key.location, "
		       "ssl.certificate.location or ssl.ca.location";
	return f->text ? "give the PEM text itself: it begins with -----BEGIN"
		       : "mount the PEM file itself: it begins with -----BEGIN";
}

static enum result fail_password(const struct key_file *f, struct diag *out)
{
	const char *what = f->use == KEY_FILE_STORE ? "keystore" : "private key";

	if (f->password_key && f->password) {
		check_fail(out, D_TLS_KEY_PASSWORD, subject_of(f),
			   "%s: the %s does not open with the password that %s gives", f->key, what,
			   f->password_key);
		diag_hint(out, "correct %s; openssl %s -in FILE tries a password", f->password_key,
			  f->use == KEY_FILE_STORE ? "pkcs12 -info" : "pkey");
		return RESULT_FAIL;
	}
	check_fail(out, D_TLS_KEY_PASSWORD, subject_of(f),
		   "%s: the %s is encrypted, and no password for it is given", f->key, what);
	if (f->password_key)
		diag_hint(out, "give %s", f->password_key);
	return RESULT_FAIL;
}

/* Is this how OpenSSL 3 ("unsupported") or 4 ("unknown cipher") says that it lacks the cipher of a file? */
static bool is_cipher_error(const char *error)
{
	return error && (strstr(error, "unsupported") || strstr(error, "unknown cipher"));
}

static enum result fail_cipher(const struct key_file *f, const char *error, struct diag *out)
{
	const char *name = strstr(error, "Algorithm (");

	if (!name)
		name = strstr(error, "unknown cipher: ");
	check_fail(out, D_TLS_FILE_FORMAT, subject_of(f),
		   "%s: the file is encrypted with a cipher that OpenSSL 3 and newer lack by "
		   "default%s%.60s",
		   f->key, name ? ": " : "", name ? name : "");
	diag_hint(
	    out, "%s",
	    f->use == KEY_FILE_STORE
		? "write the keystore anew: openssl pkcs12 -legacy -in OLD -nodes -out ALL.pem, "
		  "then openssl pkcs12 -export -in ALL.pem -out NEW"
		: "write the key anew: openssl pkey -provider legacy -provider default -in OLD "
		  "-aes256 -out NEW");
	return RESULT_FAIL;
}

enum key_opens { KEY_OPENS, KEY_LOCKED, KEY_CIPHER_MISSING };

static int give_password(char *buf, int size, int writing UNUSED, void *arg)
{
	const struct key_file *f = arg;

	return f->password ? snprintf(buf, (size_t)size, "%s", f->password) : -1;
}

/* Opens a PEM key that is encrypted, as the library did; its own text has only the last of OpenSSL's errors. */
static enum key_opens open_key(const struct key_file *f, const char *text, size_t len)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *key;
	unsigned long e;

	ERR_clear_error();
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)f) : NULL;
	if (key)
		return KEY_OPENS;
	while ((e = ERR_get_error()) != 0)
		if (ERR_GET_LIB(e) == ERR_LIB_EVP && is_cipher_error(ERR_reason_error_string(e)))
			return KEY_CIPHER_MISSING;
	return KEY_LOCKED;
}

static bool is_password_error(const char *error)
{
	return strstr(error, "mac verify failure") || strstr(error, "bad decrypt");
}

static enum result fail_otherwise(const struct key_file *f, enum key_format format,
				  const char *error, struct diag *out)
{
	check_fail(out, f->text ? D_TLS_FILE_FORMAT : D_TLS_CA_UNREADABLE, subject_of(f),
		   "%s: %.400s", f->key, error);
	if (f->text)
		diag_hint(out, "the value is %s: read the cause", format_name(format));
	else
		diag_hint(out, "the file is there and is %s: read the cause", format_name(format));
	return RESULT_FAIL;
}

static enum result diagnose_store(const struct key_file *f, enum key_format format,
				  const char *error, struct diag *out)
{
	if (format != KEY_FORMAT_PKCS12 && format != KEY_FORMAT_UNKNOWN)
		return fail_format(f, format, hint_for_store(format), out);
	if (!f->password || is_password_error(error))
		return fail_password(f, out);
	if (format == KEY_FORMAT_PKCS12 && is_cipher_error(error))
		return fail_cipher(f, error, out);
	return fail_otherwise(f, format, error, out);
}

/* Certificate and key are easily exchanged, or the request is mounted in place of the certificate. */
static bool lacks_block(const struct key_file *f, const char *text, size_t len)
{
	if (f->use == KEY_FILE_KEY)
		return !memmem(text, len, "PRIVATE KEY-----", 16);
	return !memmem(text, len, "CERTIFICATE-----", 16) &&
	       !memmem(text, len, "X509 CRL-----", 13);
}

static enum result fail_block(const struct key_file *f, const char *text, size_t len,
			      struct diag *out)
{
	const char *label = (const char *)memmem(text, len, "-----BEGIN ", 11) + 11;
	size_t n = strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ");

	check_fail(out, D_TLS_FILE_FORMAT, subject_of(f),
		   "%s: the %s holds no %s; its first PEM block is %.*s", f->key,
		   f->text ? "value" : "file",
		   f->use == KEY_FILE_KEY ? "private key" : "certificate", n < 40 ? (int)n : 40,
		   label);
	diag_hint(out, "look whether the files of certificate and key are exchanged");
	return RESULT_FAIL;
}

/* A PEM text of one line: a variable has lost its line ends, or has them as \n of two characters. */
static enum result fail_one_line(const struct key_file *f, struct diag *out)
{
	check_fail(out, D_TLS_FILE_FORMAT, subject_of(f),
		   "%s: the value is a PEM text on one line%s, and PEM has lines", f->key,
		   strstr(f->text, "\\n") ? ", with \\n written out" : "");
	diag_hint(out,
		  "keep its line ends: likely a variable, an .env file or a template took them "
		  "away; a file (file:/path, or the .location property) keeps them");
	return RESULT_FAIL;
}

static enum result diagnose_pem(const struct key_file *f, enum key_format format, const char *text,
				size_t len, const char *error, struct diag *out)
{
	if (f->text && format == KEY_FORMAT_PEM && !memchr(text, '\n', strlen(text)))
		return fail_one_line(f, out);
	if (format != KEY_FORMAT_PEM && (f->text || format != KEY_FORMAT_UNKNOWN))
		return fail_format(f, format, hint_for_pem(f, format), out);
	if (format == KEY_FORMAT_PEM && lacks_block(f, text, len))
		return fail_block(f, text, len, out);
	if (f->use != KEY_FILE_KEY || !memmem(text, len, "ENCRYPTED", 9))
		return fail_otherwise(f, format, error, out);
	switch (open_key(f, text, len)) {
	case KEY_LOCKED:
		return fail_password(f, out);
	case KEY_CIPHER_MISSING:
		return fail_cipher(f, error, out);
	case KEY_OPENS:
		break;
	}
	return fail_otherwise(f, format, error, out);
}

enum result key_file_diagnose(const struct key_file *f, const char *error, struct diag *out)
{
	size_t len = 0;
	cleanup_free char *text =
	    f->text ? xstrdup(f->text) : file_read(f->path, KEY_FILE_MAX, &len);
	enum key_format format;

	len = f->text ? strlen(f->text) : len;
	if (!text)
		return check_fail(out, D_TLS_CA_UNREADABLE, f->path, "%s: %s", f->key,
				  path_problem(f->path, errno).text);
	format = key_file_format(text, len);
	return f->use == KEY_FILE_STORE ? diagnose_store(f, format, error, out)
					: diagnose_pem(f, format, text, len, error, out);
}
