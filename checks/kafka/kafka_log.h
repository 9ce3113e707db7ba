/* kafka_log: maps librdkafka's messages and error codes to diagnosis codes.
 *
 * Only log lines and error strings hold the reason of a Kafka failure: return codes are "transport" or "timed out" whatever
 * happened. The Kafka modules call it. It knows the texts of librdkafka 2.0 to 2.15, keeps no state and does no I/O. An unknown
 * text gives D_NONE.
 */
#ifndef SG_KAFKA_LOG_H
#define SG_KAFKA_LOG_H

#include "check.h"

#define KAFKA_BOOTSTRAP (-1)         /* id of a broker whose real id is not known yet */
#define KAFKA_SCRAM_FIXED 0x020601ff /* 2.6.1 corrects the first SCRAM nonce (change log) */

/* The settings that change the meaning of a text. */
struct kafka_context {
	bool scram;       /* sasl.mechanism is one of SCRAM-* */
	bool client_cert; /* a client certificate is configured */
	int library;      /* rd_kafka_version() */
};

/* The parts of one log line. */
struct kafka_line {
	char address[DIAG_SUBJECT_MAX]; /* "kafka-1:9092"; empty when the line names no broker */
	int32_t broker;                 /* KAFKA_BOOTSTRAP when the line names none */
	char message[DIAG_CAUSE_MAX];   /* without thread, broker, and "(after 5ms in state X)" */
};
void kafka_line_parse(struct kafka_line *line, const char *text);
/* Splits librdkafka's name of a broker, "sasl_ssl://kafka-1:9092/1", into address and id. */
void kafka_broker_name(const char *name, char *address, size_t size, int32_t *broker);

/* Writes the subject of a broker's diagnosis, "broker 2 at kafka-2:9092". */
void kafka_broker_subject(int32_t id, const char *address, char *buf, size_t size);

struct kafka_meaning {
	enum diag_code code; /* D_NONE: the text explains no failure */
	bool guess; /* librdkafka only guesses the reason, such as why a connection was closed */
};
/* Returns the meaning of a log line about one broker. */
struct kafka_meaning kafka_log_meaning(const char *message, const struct kafka_context *context);
/* Returns the code for an error text of rd_kafka_new or rd_kafka_conf_set, which fail before any connection. */
enum diag_code kafka_new_meaning(const char *error);
/* Returns the code for a broker's error about a topic; D_NONE for no error, and for one without a code. */
enum diag_code kafka_topic_meaning(int err);

/* Returns the error whose text (rd_kafka_err2str) occurs in a log line, or 0. */
int kafka_error_in(const char *message);
/* Returns whether this error only means that no answer came (a lost connection, a timeout). */
bool kafka_is_silence(int err);
/* Returns whether a broker sent this error in an answer. */
bool kafka_is_answer(int err);
/* Returns whether the error means that there is no coordinator yet, or that another broker is the coordinator. */
bool kafka_is_coordinator_trouble(int err);
/* Returns whether the error means that the broker does not know the request, or not in a version that librdkafka needs. */
bool kafka_is_unsupported(int err);

/* Stores the first four bytes of a foreign protocol, which librdkafka logs as a number: "Invalid response size 1213486160".
 * Returns false when the message has no such number. */
bool kafka_foreign_bytes(const char *message, char bytes[5]);

#endif
