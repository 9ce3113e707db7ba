/* Avro schemas from outside are read, compared and resolved against each other. */
#include "avro_resolution.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	size_t len, len2;
	char *text = fuzz_until(&in, '\0', &len), *text2 = fuzz_rest(&in, &len2), *form, *form2;
	char why[AVRO_WHY_MAX] = "";
	struct avro_schema *s = avro_schema_parse(text, len, why, sizeof why), *t;

	FUZZ_CHECK(s || *why);
	if (s) {
		/* The canonical form is a schema too, and is its own canonical form. */
		form = avro_canonical(s);
		t = avro_schema_parse(form, strlen(form), why, sizeof why);
		FUZZ_CHECK(t);
		form2 = avro_canonical(t);
		FUZZ_CHECK(str_eq(form, form2) && s->fingerprint == t->fingerprint);
		FUZZ_CHECK(str_eq(s->full_name, t->full_name));
		/* A schema is the same as itself and can read what it wrote. */
		*why = '\0';
		FUZZ_CHECK(avro_same(s, s, why, sizeof why));
		FUZZ_CHECK(avro_can_read(s, s, why, sizeof why) || strstr(why, "too "));
		t = avro_schema_parse(text2, len2, why, sizeof why);
		if (t) {
			*why = '\0';
			if (!avro_same(s, t, why, sizeof why))
				FUZZ_CHECK(*why);
			FUZZ_CHECK(avro_same(s, t, why, sizeof why) ==
				   avro_same(t, s, why, sizeof why));
			*why = '\0';
			if (!avro_can_read(s, t, why, sizeof why))
				FUZZ_CHECK(*why);
		}
	}
	free(text);
	free(text2);
	fuzz_pool_reset();
	return 0;
}
