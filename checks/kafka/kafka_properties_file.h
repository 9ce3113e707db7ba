/* kafka_properties_file: reads a file of client properties as clients of librdkafka do.
 *
 * One line is one property, split at its first "="; it trims blanks around name and value, and skips empty lines and those that
 * begin with "#". A backslash neither escapes nor continues a line, except in sasl.jaas.config, which only Java has. kafka_client_prop calls it. Pure; modifies the text.
 */
#ifndef SG_KAFKA_PROPERTIES_FILE_H
#define SG_KAFKA_PROPERTIES_FILE_H

#include <stddef.h>

/* Initialise it as { .next = text, .end = text + len }. The text ends with a zero byte; names and values point into it. */
struct kafka_properties_file {
	char *next, *end;
	int line;            /* number of the line that was read last */
	int begin;           /* number of the line on which the property begins */
	const char *problem; /* what is wrong with that line, or NULL */
};

/* Returns 1 with the next property, 0 at the end, -1 with f->problem set. */
int kafka_properties_file_next(struct kafka_properties_file *f, const char **name,
			       const char **value);

#endif
