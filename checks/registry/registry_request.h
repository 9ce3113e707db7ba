/* registry_request: asks a schema registry, and diagnoses the answers that every request may get.
 *
 * Uses web.h. Asks with GET, and with POST only where the API reads: compatibility and look-up. Child only.
 */
#ifndef SG_REGISTRY_REQUEST_H
#define SG_REGISTRY_REQUEST_H

#include "web.h"

/* Returns the registry's error code, 0 when the answer has none; copies the message. */
long registry_parse_error(const struct web_response *resp, char *message, size_t size);
/* Diagnoses an answer whose status is not 200. */
enum result registry_fail_answer(const struct web_response *resp, struct diag *out);
/* Returns the JSON object of an answer with status 200; NULL with *out filled for any other answer. */
json_t *registry_parse_answer(const struct web_response *resp, struct diag *out);
/* Sends a request below the registry's URL and returns the object of its answer, as registry_parse_answer. */
json_t *registry_request(const struct web_request *base, const char *path, const char *body,
			 struct web_response *resp, struct diag *out);

#endif
