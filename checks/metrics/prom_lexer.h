/* prom_lexer: cuts a metrics page into tokens as Prometheus does, for prom_text.c only. Pure.
 *
 * Source: the lexers of Prometheus 3.16 (model/textparse/promlex.l and openmetricslex.l), state by state. They accept more
 * than the specifications of the formats and less at once; a page is good when Prometheus takes it. Both lexers were generated
 * by golex, which never goes back to an earlier match.
 */
#ifndef SG_PROM_LEXER_H
#define SG_PROM_LEXER_H

#include "util.h"

enum prom_token {
	TOKEN_INVALID,
	TOKEN_END,
	TOKEN_LINE_END,
	TOKEN_SPACE,
	TOKEN_HELP,
	TOKEN_TYPE,
	TOKEN_UNIT,
	TOKEN_EOF_WORD, /* "# EOF" */
	TOKEN_TEXT,
	TOKEN_COMMENT, /* in OpenMetrics the beginning of an exemplar */
	TOKEN_NAME,
	TOKEN_QUOTED,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_LABEL,
	TOKEN_LABEL_VALUE,
	TOKEN_COMMA,
	TOKEN_EQUAL,
	TOKEN_TIMESTAMP,
	TOKEN_VALUE
};

enum prom_lexer_state {
	LEX_INIT,
	LEX_COMMENT,
	LEX_META_NAME,
	LEX_META_TEXT,
	LEX_LABELS,
	LEX_LABEL_VALUE,
	LEX_VALUE,
	LEX_TIMESTAMP,
	LEX_EXEMPLAR,
	LEX_EXEMPLAR_VALUE,
	LEX_EXEMPLAR_TIMESTAMP
};

struct prom_lexer {
	const char *page;
	size_t len;
	size_t start, at; /* the last token lies between them */
	enum prom_lexer_state state;
};

/* Returns the next token of the Prometheus text format, of OpenMetrics 1.0. */
enum prom_token prom_lex_text(struct prom_lexer *l);
enum prom_token prom_lex_openmetrics(struct prom_lexer *l);

#endif
