/* kafka_log: what librdkafka's words mean. Text in, diagnosis code out.
 *
 * The reason of a Kafka failure stands in log lines and error strings only: return codes say "transport" or
 * "timed out" whatever happened. This module knows those texts (as of librdkafka 2.0 to 2.15) and nothing
 * else: it keeps no state, does no I/O and is tested as a table. A text it does not know means D_NONE.
 */
#ifndef SG_KAFKA_LOG_H
#define SG_KAFKA_LOG_H

#include "check.h"

#define KAFKA_BOOTSTRAP (-1)         /* a broker whose id is not known yet */
#define KAFKA_SCRAM_FIXED 0x020601ff /* 2.6.1: nonce of the first SCRAM message (its change log) */

/* The settings that change what a text means. */
struct kafka_context {
	bool scram;       /* sasl.mechanism is one of SCRAM-* */
	bool client_cert; /* one is configured */
	int library;      /* rd_kafka_version() */
};

/* One log line taken apart. */
struct kafka_line {
	char address[DIAG_SUBJECT_MAX]; /* "kafka-1:9092"; empty: the line is about no broker */
	int32_t broker;                 /* KAFKA_BOOTSTRAP when the line names none */
	char words[DIAG_CAUSE_MAX];     /* without thread, broker, and "(after 5ms in state X)" */
};
void kafka_line_parse(struct kafka_line *line, const char *text);
/* "sasl_ssl://kafka-1:9092/1" as librdkafka names a broker: address and id. */
void kafka_broker_name(const char *name, char *address, size_t size, int32_t *broker);

struct kafka_meaning {
	enum diag_code code; /* D_NONE: nothing that explains a failure */
	bool guess;          /* librdkafka only supposes: a closing peer may have other reasons */
};
/* Of the words of a log line or of an error event about one broker. */
struct kafka_meaning kafka_log_meaning(const char *words, const struct kafka_context *context);
/* Is it about the token of a login by OAUTHBEARER, which concerns no broker? */
bool kafka_log_of_token(const char *words);
/* Of the error text of rd_kafka_new: local trouble, before anything was connected. */
enum diag_code kafka_new_meaning(const char *words);
/* Of an error code in a broker's answer, for a topic: D_NONE for no error and for those that say nothing. */
enum diag_code kafka_topic_meaning(int err);

/* The error whose words (rd_kafka_err2str) stand in a log line; 0: none. */
int kafka_error_in(const char *words);
/* Does this error only say that no answer came (a lost connection, a timeout)? */
bool kafka_is_silence(int err);
/* Did a broker say this, and not the library that none did? */
bool kafka_is_answer(int err);
/* No coordinator, or it is not the one, or not yet. */
bool kafka_is_coordinator_trouble(int err);

/* "Invalid response size 1213486160" is no size but the first bytes of another protocol: shows them. Returns
 * false when the words hold no such number. */
bool kafka_foreign_bytes(const char *words, char bytes[5]);
/* The property of librdkafka that does what this Java property does, or words about it; NULL: not known. */
const char *kafka_java_property(const char *name);

#endif
