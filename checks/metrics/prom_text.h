/* prom_text: parses a metrics page line by line: Prometheus text format 0.0.4 and OpenMetrics 1.0. Pure.
 *
 * Sources: prometheus.io "Exposition formats", OpenMetrics 1.0 specification. It stores nothing: the caller gets one line
 * after the other. The page is a peer's; every name and value points into it.
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
	const char *name; /* of the sample, or of the family; NULL for PROM_EOF */
	const char *type; /* PROM_TYPE: "counter" */
	struct prom_label labels[PROM_LABELS_MAX];
	size_t n_labels;
	double value;    /* NaN and infinities are values */
	unsigned number; /* of the line, from 1 */
};

/* Calls `see` for each sample and each TYPE, HELP, UNIT and EOF line; changes `text`. Returns false with `why` filled
 * ("line 7: ...") when the page is malformed. A page in OpenMetrics must end with "# EOF". */
bool prom_read(char *text, bool openmetrics, void (*see)(const struct prom_line *line, void *arg),
	       void *arg, char *why, size_t size);
/* The value of a label, or NULL. */
const char *prom_label_of(const struct prom_line *line, const char *name);

#endif
