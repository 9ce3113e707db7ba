#include "kafka_key_files.h"

#include "key_file.h"

static const struct key_file texts[] = {
    {.key = "ssl.key.pem", .use = KEY_FILE_KEY, .password_key = "ssl.key.password"},
    {.key = "ssl.certificate.pem", .use = KEY_FILE_CERTIFICATES},
    {.key = "ssl.ca.pem", .use = KEY_FILE_CERTIFICATES},
};
static const struct key_file files[] = {
    {.key = "ssl.keystore.location",
     .use = KEY_FILE_STORE,
     .password_key = "ssl.keystore.password"},
    {.key = "ssl.key.location", .use = KEY_FILE_KEY, .password_key = "ssl.key.password"},
    {.key = "ssl.certificate.location", .use = KEY_FILE_CERTIFICATES},
    {.key = "ssl.ca.location", .use = KEY_FILE_CERTIFICATES},
    {.key = "ssl.crl.location", .use = KEY_FILE_CERTIFICATES},
};

/* Finds which of the n properties the error is about. Returns its value, with the row and its password in *file; NULL: it is about none
 * that is set. */
static const char *find(const struct kafka_client_props *props, const char *error,
			const struct key_file *rows, size_t n, struct key_file *file)
{
	for (size_t i = 0; i < n; i++) {
		if (!strstr(error, rows[i].key))
			continue;
		*file = rows[i];
		if (file->password_key)
			file->password = kafka_client_props_get(props, file->password_key);
		return kafka_client_props_get(props, file->key);
	}
	return NULL;
}

/* A login without sasl.mechanism is one by Kerberos, which few mean and many builds lack: librdkafka then speaks of Kerberos to
 * somebody who has given a password. */
static enum result fail_default_mechanism(const struct kafka_client_props *props, const char *error,
					  struct diag *out)
{
	if (!props->sasl || kafka_client_props_get(props, "sasl.mechanism") ||
	    !(strstr(error, "GSSAPI") || strstr(error, "kerberos")))
		return RESULT_PASS;
	check_fail(out, D_KAFKA_PROPERTY, "sasl.mechanism",
		   "it is not given, so it is GSSAPI (Kerberos): %s", error);
	diag_hint(out,
		  "set sasl.mechanism to the listener's: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or "
		  "OAUTHBEARER");
	return RESULT_FAIL;
}

enum result kafka_fail_new(const struct kafka_client_props *props, const char *error,
			   struct diag *out)
{
	enum diag_code code = kafka_new_meaning(error);
	struct key_file text, file;

	text.text = find(props, error, texts, ARRAY_LEN(texts), &text);
	if (text.text)
		return key_file_diagnose(&text, error, out);
	file.path =
	    code == D_TLS_CA_UNREADABLE ? find(props, error, files, ARRAY_LEN(files), &file) : NULL;
	if (file.path)
		return key_file_diagnose(&file, error, out);
	if (fail_default_mechanism(props, error, out) != RESULT_PASS)
		return RESULT_FAIL;
	check_fail(out, code, "librdkafka", "%s", error);
	if (strstr(error, "no certificate assigned"))
		diag_hint(out, "give ssl.certificate.location as well: a key without its "
			       "certificate is of no use");
	return RESULT_FAIL;
}
