#include "registry_request.h"

#include "registry_error.h"

long registry_parse_error(const struct web_response *resp, char *message, size_t size)
{
	char err[160];
	json_t *root = json_read(resp->body, resp->len, err, sizeof err);
	const char *text = json_str(root, "message");

	snprintf(message, size, "%s", text ? text : "");
	return (long)json_integer_value(json_object_get(root, "error_code"));
}

enum result registry_fail_answer(const struct web_response *resp, struct diag *out)
{
	char message[300];
	long code = registry_parse_error(resp, message, sizeof message);

	if (registry_error_code(code)) {
		check_fail(out, registry_error_code(code), resp->subject, "error %ld: %s", code,
			   message);
		out->retry_after_s = resp->retry_after_s;
		return RESULT_FAIL;
	}
	/* Kafka Connect and the REST Proxy give error_code 404 for a path that they do not have. */
	if (resp->status == 404 || (resp->status == 405 && !code))
		return check_fail(out, D_REGISTRY_NOT_REGISTRY, resp->subject,
				  "HTTP status %ld without a registry's error code; the body: %s",
				  resp->status, resp->body_start);
	return web_fail_status(out, resp, "200");
}

json_t *registry_parse_answer(const struct web_response *resp, struct diag *out)
{
	char why[200];
	json_t *root;

	if (resp->status != 200) {
		registry_fail_answer(resp, out);
		return NULL;
	}
	root = json_read(resp->body, resp->len, why, sizeof why);
	if (json_is_object(root))
		return root;
	check_fail(out, web_is_html(resp) ? D_HTTP_HTML_PAGE : D_REGISTRY_NOT_REGISTRY,
		   resp->subject, "status 200, but not a JSON object; the body: %s",
		   resp->body_start);
	return NULL;
}

json_t *registry_request(const struct web_request *base, const char *path, const char *body,
			 struct web_response *resp, struct diag *out)
{
	return web_request_below(base, path, body, resp, out) ? NULL
							      : registry_parse_answer(resp, out);
}
