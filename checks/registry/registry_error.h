/* registry_error: says what an error code of a schema registry means.
 *
 * Pure. The codes are those of Confluent's API reference ("Schema Registry API Reference", "Errors") and its sources, and those of
 * Karapace (442xx, 443xx). The first three digits are the HTTP status. Whether waiting can help follows from the diagnosis.
 */
#ifndef SG_REGISTRY_ERROR_H
#define SG_REGISTRY_ERROR_H

#include "diag.h"

/* Returns the diagnosis of an error code; D_NONE where the HTTP status says all that is known, and for codes of three digits, which
 * other services of Confluent's family give too. */
enum diag_code registry_error_code(long code);

#endif
