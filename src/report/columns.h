/* columns: texts on a terminal: how wide they are, and where their lines are broken.
 *
 * Texts are cleaned UTF-8, with or without the escape sequences of colours, which take no cell. Pure.
 */
#ifndef SG_COLUMNS_H
#define SG_COLUMNS_H

#include "str.h"

/* Returns how many bytes of `text` fit into `columns` cells. */
size_t columns_fit(const char *text, size_t columns);
/* Appends the lines of `text`, those that are longer than `columns` cells broken between words. What goes on is indented, so
 * that it cannot be taken for a line of its own. A word that is longer than a line stays whole: the terminal breaks it.
 * `columns` 0: the text as it is. */
void columns_wrap(struct str *out, const char *text, size_t columns);

#endif
