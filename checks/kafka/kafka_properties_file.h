/* kafka_properties_file: a file of settings, read as java.util.Properties reads it.
 *
 * name=value, name:value or name value; # and ! begin a comment; a backslash at the end of a line continues it, and before
 * another character it takes away its meaning (\t \n \f \r \uXXXX as in Java). Text is UTF-8, a byte order mark is skipped. Unlike Java's,
 * blanks at the end of a value do not count, unless a backslash stands before them. Pure: the text is changed in place.
 */
#ifndef SG_KAFKA_PROPERTIES_FILE_H
#define SG_KAFKA_PROPERTIES_FILE_H

#include <stddef.h>

struct kafka_properties_file {
	char *at, *end;
	int line;            /* the one read next */
	int begun;           /* the one the last setting began in */
	const char *problem; /* what is wrong with that line */
};

/* `text` has a zero byte at text[len] and lives as long as the names and values. */
void kafka_properties_file_begin(struct kafka_properties_file *f, char *text, size_t len);
/* 1 with the next setting; 0 at the end; -1 when ->problem tells what is wrong with line ->begun. */
int kafka_properties_file_next(struct kafka_properties_file *f, const char **name,
			       const char **value);

#endif
