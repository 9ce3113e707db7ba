/* Texts of a flow with names in braces, its conditions, and what it reads of a peer's records and answers. */
#include "flow_condition.h"
#include "fuzz.h"

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"score\",\"type\":[\"null\",\"double\",\"boolean\"]},{\"name\":\"n\",\"type\":"
    "{\"type\":\"array\",\"items\":\"long\"}},{\"name\":\"raw\",\"type\":\"bytes\"}]}";

/* What is filled in never ends a JSON string or leaves a part of a path. */
static void fill(const char *text, const char *value)
{
	struct flow_names names = {.n = 0};
	size_t len = 0;
	char *out, *path;

	FUZZ_CHECK(flow_names_set(&names, "x", xstrndup(value, FLOW_VALUE_MAX)));
	if (flow_text_unknown(text, &names, &len))
		FUZZ_CHECK(len > 0);
	out = flow_text_fill(text, &names, FLOW_PLAIN);
	FUZZ_CHECK(strchr(text, '{') || str_eq(out, text));
	free(out);
	out = flow_text_fill("\"{x}\"", &names, FLOW_JSON);
	for (size_t i = 1; i + 1 < strlen(out); i += out[i] == '\\' ? 2 : 1)
		FUZZ_CHECK(out[i] != '"' && (unsigned char)out[i] >= ' ');
	path = flow_text_fill("{x}", &names, FLOW_URL);
	FUZZ_CHECK(!strpbrk(path, "/?#&= \r\n"));
	free(path);
	free(out);
	free(names.v[0].value);
}

static void judge(const struct flow_needs *needs)
{
	const struct flow_need *unmet = flow_needs_unmet(needs, 0, needs->n);
	char text[300];

	for (size_t i = 0; i < needs->n; i++) {
		const struct flow_need *need = &needs->v[i];

		FUZZ_CHECK(need->found || (!need->met && !need->seen[0] && !need->value));
		FUZZ_CHECK(fuzz_is_clean(need->seen, strlen(need->seen)));
		FUZZ_CHECK(!need->value || strlen(need->value) <= FLOW_VALUE_MAX);
	}
	if (unmet) {
		flow_need_text(unmet, text, sizeof text);
		FUZZ_CHECK(*text);
	}
}

static void read_document(struct flow_needs *needs, const char *data, size_t len)
{
	char why[AVRO_WHY_MAX];
	struct avro_schema *schema =
	    avro_schema_parse(schema_text, strlen(schema_text), why, sizeof why);
	json_t *root = json_read(data, len, why, sizeof why);

	FUZZ_CHECK(schema);
	FUZZ_CHECK(flow_needs_read_avro(needs, schema, (const unsigned char *)data, len, why) <=
		   (ssize_t)len);
	judge(needs);
	if (root) {
		flow_needs_read_json(needs, root);
		judge(needs);
	}
	json_decref(root);
	avro_schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *item = fuzz_until(&in, 0x1e, NULL), *text = fuzz_until(&in, 0x1e, NULL), *document;
	struct flow_names names = {.n = 0};
	struct flow_needs needs;
	size_t len;

	document = fuzz_rest(&in, &len);
	fill(text, item);
	flow_needs_init(&needs, 4, 1e-6);
	flow_needs_add_condition(&needs, "id={x}", &names);
	flow_needs_add_condition(&needs, "n>=0.5", &names);
	if (!flow_condition_problem(item))
		flow_needs_add_condition(&needs, item, &names);
	if (!flow_capture_problem(item))
		flow_needs_add_capture(&needs, item);
	read_document(&needs, document, len);
	flow_needs_free(&needs);
	free(item);
	free(text);
	free(document);
	return 0;
}
