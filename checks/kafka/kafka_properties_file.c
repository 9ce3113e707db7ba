#include "kafka_properties_file.h"

#include <ctype.h>
#include <string.h>

static char *trim(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	for (n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
		;
	text[n] = '\0';
	return text;
}

/* Returns the next line, trimmed, or NULL at the end. */
static char *next_line(struct kafka_properties_file *f)
{
	char *line = f->next, *end;

	if (line >= f->end)
		return NULL;
	end = memchr(line, '\n', (size_t)(f->end - line));
	if (!end)
		end = f->end;
	*end = '\0';
	if (strlen(line) != (size_t)(end - line))
		f->problem = "has a zero byte: a text is expected";
	f->next = end + 1;
	f->line++;
	return trim(line);
}

/* Joins the lines of a value that Java reads as one, where each but the last ends with a backslash. */
static void join_lines(struct kafka_properties_file *f, char *value)
{
	size_t n = strlen(value);
	char *line;

	while (n > 0 && value[n - 1] == '\\' && (line = next_line(f))) {
		memset(value + n - 1, ' ', (size_t)(line - (value + n - 1)));
		n = strlen(value);
	}
}

int kafka_properties_file_next(struct kafka_properties_file *f, const char **name,
			       const char **value)
{
	char *line, *equals;

	do {
		line = next_line(f);
	} while (line && !f->problem && (!*line || *line == '#'));
	if (!line)
		return 0;
	equals = strchr(line, '=');
	if (!f->problem && !equals)
		f->problem = "is not name=value";
	if (!f->problem && equals == line)
		f->problem = "has no name before its value";
	if (f->problem)
		return -1;
	*equals = '\0';
	f->begin = f->line;
	*name = trim(line);
	*value = equals = trim(equals + 1);
	if (strcmp(*name, "sasl.jaas.config") == 0)
		join_lines(f, equals);
	return f->problem ? -1 : 1;
}
