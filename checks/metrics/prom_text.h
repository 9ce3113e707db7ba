/* prom_text: parses a metrics page line by line: Prometheus text format 0.0.4 and OpenMetrics 1.0. Pure.
 *
 * Sources: prometheus.io "Exposition formats", OpenMetrics 1.0 specification. It stores no line: the caller's
 * callback gets one line after the other. A peer wrote the page; every name and label points into it.
 */
#ifndef SG_PROM_TEXT_H
#define SG_PROM_TEXT_H

#include "util.h"

#define PROM_LABELS_MAX 64

enum prom_kind { PROM_SAMPLE, PROM_TYPE, PROM_HELP, PROM_UNIT, PROM_EOF };
struct prom_label {
	const char *name, *value;
};
struct prom_line {
	enum prom_kind kind;
	const char *name; /* the sample's or the family's; NULL for PROM_EOF */
	const char *type; /* "counter", ...; of PROM_TYPE only */
	struct prom_label labels[PROM_LABELS_MAX];
	size_t n_labels;
	double value;    /* may be NaN or infinite */
	unsigned number; /* number of the line in the page, from 1 */
};

/* Calls `see` for each sample and each TYPE, HELP, UNIT and EOF line; changes `text`. Returns false with `why` filled
 * ("line 7: ...") when the page is malformed. A page in OpenMetrics must end with "# EOF". */
bool prom_read(char *text, bool openmetrics, void (*see)(const struct prom_line *line, void *arg),
	       void *arg, char *why, size_t size);
/* Returns the value of the label `name`, NULL when the line lacks it. */
const char *prom_label_of(const struct prom_line *line, const char *name);

#endif
