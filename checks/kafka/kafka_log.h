/* kafka_log: what librdkafka's messages and error codes mean. Text in, diagnosis code out.
 *
 * The reason of a Kafka failure is found in log lines and error strings only: return codes say "transport" or "timed out"
 * whatever happened. This module knows those texts (as of librdkafka 2.0 to 2.15) and nothing else: it keeps no state, does
 * no I/O and is tested as a table. A text it does not know means D_NONE.
 */
#ifndef SG_KAFKA_LOG_H
#define SG_KAFKA_LOG_H

#include "check.h"

#define KAFKA_BOOTSTRAP (-1)         /* a broker whose id is not known yet */
#define KAFKA_SCRAM_FIXED 0x020601ff /* 2.6.1 corrects the first SCRAM nonce (change log) */

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
	char message[DIAG_CAUSE_MAX];   /* without thread, broker, and "(after 5ms in state X)" */
};
void kafka_line_parse(struct kafka_line *line, const char *text);
/* Takes apart "sasl_ssl://kafka-1:9092/1", librdkafka's name of a broker: address and id. */
void kafka_broker_name(const char *name, char *address, size_t size, int32_t *broker);

/* "broker 2 at kafka-2:9092", how a diagnosis names a broker. */
void kafka_broker_subject(int32_t id, const char *address, char *buf, size_t size);

struct kafka_meaning {
	enum diag_code code; /* D_NONE: nothing that explains a failure */
	bool guess; /* librdkafka only guesses: a connection may be closed for other reasons */
};
/* The meaning of a log line about one broker. */
struct kafka_meaning kafka_log_meaning(const char *message, const struct kafka_context *context);
/* Is the line about the token of a login by OAUTHBEARER, which concerns no broker? */
bool kafka_log_of_token(const char *message);
/* The code for an error text of rd_kafka_new or rd_kafka_conf_set: local trouble, before any connection. */
enum diag_code kafka_new_meaning(const char *error);
/* The code for a broker's error about a topic; D_NONE: no error, or one that has no code of its own. */
enum diag_code kafka_topic_meaning(int err);

/* The error whose text (rd_kafka_err2str) occurs in a log line; 0: none. */
int kafka_error_in(const char *message);
/* Does this error only say that no answer came (a lost connection, a timeout)? */
bool kafka_is_silence(int err);
/* Is this error a broker's answer, not the library's report that none came? */
bool kafka_is_answer(int err);
/* There is no coordinator (yet), or another broker is it. */
bool kafka_is_coordinator_trouble(int err);
/* The broker does not know the request, or not in a version that the library needs. */
bool kafka_is_unsupported(int err);

/* In "Invalid response size 1213486160" the number is not a size but the first four bytes of another protocol: stores them.
 * Returns false when the message has no such number. */
bool kafka_foreign_bytes(const char *message, char bytes[5]);
/* For a property of the Java client: the property of librdkafka that does the same, or "" when it is to be left out. NULL: not
 * a Java property. */
const char *kafka_java_property(const char *name);

#endif
