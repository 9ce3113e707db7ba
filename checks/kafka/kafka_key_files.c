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

/* Finds the PEM text in a property that the error is about; false when it is about none. */
static bool find_text(const struct kafka_client_props *props, const char *error,
		      struct key_file *file)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!strstr(error, texts[i].key))
			continue;
		*file = texts[i];
		file->text = kafka_client_props_get(props, file->key);
		if (file->password_key)
			file->password = kafka_client_props_get(props, file->password_key);
		return file->text != NULL;
	}
	return false;
}

/* Finds the file that the error is about; false when it is about none. */
static bool find_file(const struct kafka_client_props *props, const char *error,
		      struct key_file *file)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (!strstr(error, files[i].key))
			continue;
		*file = files[i];
		file->path = kafka_client_props_get(props, file->key);
		if (file->password_key)
			file->password = kafka_client_props_get(props, file->password_key);
		return file->path != NULL;
	}
	return false;
}

enum result kafka_fail_new(const struct kafka_client_props *props, const char *error,
			   struct diag *out)
{
	enum diag_code code = kafka_new_meaning(error);
	struct key_file file;

	if (find_text(props, error, &file))
		return key_file_diagnose(&file, error, out);
	if (code == D_TLS_CA_UNREADABLE && find_file(props, error, &file))
		return key_file_diagnose(&file, error, out);
	return check_fail(out, code, "librdkafka", "%s", error);
}
