/* Spans and sizes: what is taken can be written so that it reads back, and nothing leaves its range. */
#include "fuzz.h"

struct conf {
	struct size size;
	struct duration span;
	int64_t number;
	double real;
};
static const struct key keys[] = {
    KEY_SIZE(struct conf, size, .doc = "A size.", .example = "\"1B\""),
    KEY_DURATION(struct conf, span, .max = "2562047h", .doc = "A time.", .example = "\"1s\""),
    KEY_INT(struct conf, number, .min = "-9223372036854775807", .max = "9223372036854775807",
	    .doc = "A number.", .example = "1"),
    KEY_NUM(struct conf, real, .doc = "A number.", .example = "1.5"),
    KEY_END,
};
static const struct schema schema = {.size = sizeof(struct conf), .keys = keys};

static const char *no_variable(const char *name)
{
	(void)name;
	return NULL;
}

static void span(const char *text)
{
	struct duration d = {-7}, again = {-7};
	char buf[64];

	if (duration_parse(&d, text) < 0) {
		FUZZ_CHECK(d.ns == -7);
		return;
	}
	FUZZ_CHECK(d.ns >= 0 && d.ns < INT64_MAX);
	FUZZ_CHECK(strlen(duration_text(d, buf, sizeof buf)) < sizeof buf - 1);
	FUZZ_CHECK(duration_parse(&again, duration_unparse(d, buf, sizeof buf)) == 0);
	FUZZ_CHECK(again.ns == d.ns);
	/* Nothing but a zero is zero: zero means "for ever" where it stands for a limit. */
	FUZZ_CHECK(d.ns > 0 || strspn(text, "0.mhs") == strlen(text));
	/* No deadline wraps around. */
	FUZZ_CHECK(instant_after((struct instant){INT64_MAX - 10}, d).ns >= INT64_MAX - 10);
	FUZZ_CHECK(instant_left_ms(instant_after((struct instant){1}, d), (struct instant){1}) >=
		   0);
}

/* The text where a profile has a value, and what is printed for it read once more. */
static void row(const struct key *k, const char *text)
{
	struct key one[2] = {*k, KEY_END};
	struct schema alone = {.size = sizeof(struct conf), .keys = one};
	struct arena a = {0};
	struct problems problems = {.arena = &a};
	struct fill fill = {.arena = &a, .problems = &problems, .getenv = no_variable};
	struct node group = {.type = N_GROUP};
	struct conf first, second;
	struct str b;

	node_append(&group, node_text(&a, k->name, text, true));
	if (schema_fill(&alone, &group, "fuzz", &first, &fill) == 0 && key_is_given(k, &first)) {
		str_init(&b, 256);
		key_print(k, &first, &b, 0);
		FUZZ_CHECK(!b.cut);
		if (b.s[0] == '"') {
			b.s[b.len - 1] = '\0';
			memmove(b.s, b.s + 1, b.len - 1);
		}
		group.first = NULL;
		node_append(&group, node_text(&a, k->name, b.s, true));
		FUZZ_CHECK(schema_fill(&alone, &group, "fuzz", &second, &fill) == 0);
		FUZZ_CHECK(!memcmp((char *)&first + k->offset, (char *)&second + k->offset, 8));
		str_free(&b);
	}
	for (size_t i = 0; i < problems.n; i++)
		FUZZ_CHECK(strlen(problems.v[i].text) < 1024);
	problems_free(&problems);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *text = fuzz_rest(&in, NULL);

	span(text);
	for (const struct key *k = schema.keys; k->name; k++)
		row(k, text);
	free(text);
	return 0;
}
