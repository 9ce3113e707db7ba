/* pq_text: says what is wrong with a connection string that libpq does not understand, or takes for another one than was meant.
 *
 * Pure but for libpq's list of names. A connection string may hold a password anywhere, so nothing of it is quoted but a scheme, and
 * the name of a parameter where no password can stand. pq_options calls it.
 */
#ifndef SG_PQ_TEXT_H
#define SG_PQ_TEXT_H

#include "check.h"

/* Does a password with / or @ make libpq find the host in the wrong place? It reads such a URL without an error. */
bool pq_text_is_split_wrongly(const char *text);
/* Writes why libpq does not understand the text; "" when it is none of the mistakes known here. */
void pq_text_problem(const char *text, char *buf, size_t size);

#endif
