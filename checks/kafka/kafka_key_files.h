/* kafka_key_files: explains why librdkafka refuses a certificate, a key or a keystore of the service's properties.
 *
 * rd_kafka_new says which property failed, mostly without the file, and OpenSSL's last error. kafka_client calls it. Child only.
 */
#ifndef SG_KAFKA_KEY_FILES_H
#define SG_KAFKA_KEY_FILES_H

#include "kafka_client_prop.h"

/* Fills *out with the reason for which rd_kafka_new failed with this text. */
enum result kafka_fail_new(const struct kafka_client_props *props, const char *error,
			   struct diag *out);

#endif
