/* prom_format: decides by a page's content type in which format Prometheus reads it, or that it does not. Pure.
 *
 * Sources: mime.ParseMediaType of Go 1.26, model/textparse/interface.go of Prometheus 3.16.
 */
#ifndef SG_PROM_FORMAT_H
#define SG_PROM_FORMAT_H

#include "util.h"

enum prom_format {
	PROM_FORMAT_NONE, /* refused, unless the job has a fallback_scrape_protocol */
	PROM_FORMAT_TEXT,
	PROM_FORMAT_OPENMETRICS,
	PROM_FORMAT_OPENMETRICS_2, /* as PROM_FORMAT_NONE: it needs a feature flag */
	PROM_FORMAT_PROTOBUF
};
/* Judges the value of a Content-Type header, "" when there is none. */
enum prom_format prom_format_of(const char *content_type);

#endif
