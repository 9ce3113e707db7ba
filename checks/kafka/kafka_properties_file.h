/* kafka_properties_file: a file of client properties, read as clients of librdkafka read theirs.
 *
 * One line is one property, split at its first "="; blanks around name and value do not count; an empty line, and one that
 * begins with "#", is skipped. Nothing is unescaped and no line is continued: a backslash is a backslash. Pure: the text is
 * changed in place.
 */
#ifndef SG_KAFKA_PROPERTIES_FILE_H
#define SG_KAFKA_PROPERTIES_FILE_H

#include <stddef.h>

struct kafka_properties_file {
	char *next, *end;    /* of the text */
	int line;            /* of the property that was read last */
	const char *problem; /* what is wrong with that line; NULL: nothing */
};

/* `text` has a zero byte at text[len] and lives as long as the names and values. */
void kafka_properties_file_begin(struct kafka_properties_file *f, char *text, size_t len);
/* 1 with the next property; 0 at the end; -1 with f->problem. */
int kafka_properties_file_next(struct kafka_properties_file *f, const char **name,
			       const char **value);

#endif
