/* prom_text: parses a metrics page as Prometheus does: the text format 0.0.4 and 1.0.0, and OpenMetrics 1.0. Pure.
 *
 * Sources: model/textparse and scrape of Prometheus 3.16: what its scrape loop takes is well-formed, what makes it drop the page
 * is not. It stores no line: the caller's callback gets one line after the other. A peer wrote the page; every name
 * and label points into it.
 */
#ifndef SG_PROM_TEXT_H
#define SG_PROM_TEXT_H

#include "util.h"

enum prom_kind { PROM_SAMPLE, PROM_TYPE, PROM_HELP, PROM_UNIT };
/* Name and value end with a NUL, and may hold others: then their text is cut there. */
struct prom_label {
	char *name, *value;
	size_t name_len, value_len;
};
struct prom_line {
	enum prom_kind kind;
	const char *name; /* the sample's or the family's */
	const char *type; /* "counter", ...; of PROM_TYPE only */
	struct prom_label *labels;
	size_t n_labels;
	double value;    /* may be NaN or infinite */
	unsigned number; /* number of the line in the page, from 1 */
};

/* Calls `see` for each sample and each TYPE, HELP and UNIT line; changes `page`, which has room for one byte more than `len`.
 * Returns false with `why` filled ("line 7: ...") when Prometheus drops the page. */
bool prom_read(char *page, size_t len, bool openmetrics,
	       void (*see)(const struct prom_line *line, void *arg), void *arg, char *why,
	       size_t size);
/* Returns the value of the label `name`, NULL when the line lacks it. */
const char *prom_label_of(const struct prom_line *line, const char *name);

#endif
