/* kafka_properties_file: a file of client properties, read as clients of librdkafka read theirs.
 *
 * One line is one property, split at its first "="; blanks around name and value do not count; an empty line, and one that
 * begins with "#", is skipped. Nothing is unescaped and no line is continued: a backslash is a backslash. Pure: the text is
 * changed in place.
 */
#ifndef SG_KAFKA_PROPERTIES_FILE_H
#define SG_KAFKA_PROPERTIES_FILE_H

#include <stddef.h>

/* Begins as { .next = text, .end = text + len }. The text has a zero byte at its end and lives as long as the names and
 * values. */
struct kafka_properties_file {
	char *next, *end;
	int line;            /* of the property that was read last */
	const char *problem; /* what is wrong with that line; NULL: nothing */
};

/* 1 with the next property; 0 at the end; -1 with f->problem. */
int kafka_properties_file_next(struct kafka_properties_file *f, const char **name,
			       const char **value);

#endif
