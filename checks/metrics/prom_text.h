/* prom_text: reads a metrics page line by line: Prometheus text format 0.0.4 and OpenMetrics 1.0.
 *
 * Sources: prometheus.io "Exposition formats", OpenMetrics 1.0 specification. Nothing is stored: the caller sees one
 * line after the other. Foreign text: bounded by the caller's buffer, labels and names by the numbers below.
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

/* Calls `see` for each line that says something; `text` is changed while reading. 0, or -1 with why filled
 * ("line 7: ..."). A page in OpenMetrics must end with "# EOF" and nothing behind it. */
int prom_read(char *text, bool openmetrics, void (*see)(const struct prom_line *line, void *arg),
	      void *arg, char *why, size_t size);
/* The value of a label, or NULL. */
const char *prom_label_of(const struct prom_line *line, const char *name);

#endif
