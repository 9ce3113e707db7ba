/* Pages of metrics: what is seen lies inside the page, and is what stands there. */
#include "fuzz.h"
#include "prom_format.h"
#include "prom_text.h"

struct seen {
	const char *from, *to;
	size_t lines, samples;
	unsigned last;
};

static void inside(const struct seen *s, const char *text, size_t len)
{
	FUZZ_CHECK(text >= s->from && text <= s->to);
	FUZZ_CHECK(len <= (size_t)(s->to - text));
	FUZZ_CHECK(text[len] == '\0');
}

static void see(const struct prom_line *line, void *arg)
{
	struct seen *s = arg;

	FUZZ_CHECK(line->number > s->last || s->lines);
	s->last = line->number;
	s->lines++;
	s->samples += line->kind == PROM_SAMPLE;
	FUZZ_CHECK(line->name && (*line->name || line->kind != PROM_SAMPLE));
	inside(s, line->name, strlen(line->name));
	for (size_t i = 0; i < line->n_labels; i++) {
		inside(s, line->labels[i].name, line->labels[i].name_len);
		inside(s, line->labels[i].value, line->labels[i].value_len);
		FUZZ_CHECK(prom_label_of(line, line->labels[i].name));
	}
	if (line->kind == PROM_TYPE)
		FUZZ_CHECK(line->type && *line->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned choice = fuzz_byte(&in);
	size_t len;
	char *page = fuzz_rest(&in, &len), why[200] = "";
	/* The room for one more byte that prom_read demands. */
	char *copy = xmalloc(len + 1);
	struct seen s = {.from = copy, .to = copy + len};
	size_t newlines = 1;

	memcpy(copy, page, len);
	copy[len] = '\0';
	if (choice & 2)
		FUZZ_CHECK(prom_format_of(page) <= PROM_FORMAT_PROTOBUF);
	for (size_t i = 0; i < len; i++)
		newlines += page[i] == '\n';
	if (prom_read(copy, len, choice & 1, see, &s, why, sizeof why))
		FUZZ_CHECK(!*why);
	else
		FUZZ_CHECK(strlen(why) > 5);
	FUZZ_CHECK(s.lines <= newlines && s.last <= newlines);
	free(copy);
	free(page);
	return 0;
}
