/* ${NAME} and its kin: a value never becomes syntax, and what is printed reads back as the same value. */
#include "fuzz.h"

struct conf {
	const char *text;
};
static const struct key keys[] = {
    KEY_STR(struct conf, text, .doc = "A text.", .example = "\"x\""),
    KEY_END,
};
static const struct schema schema = {.size = sizeof(struct conf), .keys = keys};

static const char *variable(const char *name)
{
	static const char *const all[][2] = {{"A", "value"}, {"B", "${A}"}, {"C", "}"},
					     {"D", "$"},     {"E", ""},     {"F", "\"; x = 1;"}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_eq(all[i][0], name))
			return all[i][1];
	return NULL;
}

/* The inside of a quoted text as libconfig reads it. */
static char *unquote(const char *s, size_t len)
{
	char *out = xmalloc(len + 1), *p = out;

	for (size_t i = 1; i + 1 < len; i++) {
		if (s[i] != '\\') {
			*p++ = s[i];
			continue;
		}
		i++;
		if (s[i] == 'x') {
			char hex[3] = {s[i + 1], s[i + 2], '\0'};

			*p++ = (char)strtol(hex, NULL, 16);
			i += 2;
		} else {
			*p++ = (char)(s[i] == 'n'   ? '\n'
				      : s[i] == 't' ? '\t'
				      : s[i] == 'r' ? '\r'
						    : s[i]);
		}
	}
	*p = '\0';
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	bool offline = fuzz_byte(&in) & 1;
	char *text = fuzz_rest(&in, NULL), *back;
	struct arena a = {0};
	struct problems problems = {.arena = &a};
	struct fill fill = {
	    .arena = &a, .problems = &problems, .getenv = variable, .offline = offline};
	struct node *node = node_text(&a, "text", text, false);
	const char *out = interpolate(node, node->text, "fuzz", &fill), *again;
	struct conf conf;
	struct str b;

	if (!out) {
		FUZZ_CHECK(problems.errors > 0 || fill.unknown > 0);
		FUZZ_CHECK(offline || fill.unknown == 0);
	} else {
		FUZZ_CHECK(problems.n == 0);
		FUZZ_CHECK(strchr(text, '$') || str_eq(out, text));
		FUZZ_CHECK(strlen(out) <= 1024 * 1024);
		conf.text = out;
		str_init(&b, 8 * strlen(out) + 8);
		key_print(&schema.keys[0], &conf, &b, 0);
		FUZZ_CHECK(!b.cut && fuzz_is_clean(b.s, b.len));
		back = unquote(b.s, b.len);
		again = interpolate(node, back, "fuzz", &fill);
		FUZZ_CHECK(again && str_eq(again, out));
		free(back);
		str_free(&b);
	}
	problems_free(&problems);
	arena_free(&a);
	free(text);
	return 0;
}
