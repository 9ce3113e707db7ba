/* likely: what a refused text was likely meant to be, for the end of a message.
 *
 * Guesses from the text alone, made after something is found to be wrong: nothing here decides whether a text is right. An answer
 * never quotes the value of a variable, which may hold a secret. No I/O.
 */
#ifndef SG_LIKELY_H
#define SG_LIKELY_H

#include "str.h"

/* `; write "5m"` for "5 min", `; write "1m30s"` for "PT1M30S"; an empty text when nothing comes to mind. */
struct suggestion likely_duration(const char *text);
/* `; write "1MiB"` for "1 Mi". */
struct suggestion likely_size(const char *text);
/* `; write ${DB:-db}` for the n bytes "DB-db" that stand in ${}. */
struct suggestion likely_variable(const char *inside, size_t n);

/* Returns the mark of a template that was not rendered ("{{ }}", "%NAME%"), or NULL. */
const char *likely_template(const char *text);
/* Returns what shows that a variable's value is not what its author meant ("stands in quotes"), with the likely origin; or NULL. */
const char *likely_mangled(const char *value);
/* `; likely it is not as meant: it stands in quotes` for a value that likely_mangled knows; else an empty text. */
struct suggestion likely_not_meant(const char *value);
/* Returns "holds an invisible character" or the like for a character that no name or address has, or NULL. */
const char *likely_pasted(const char *text);

#endif
