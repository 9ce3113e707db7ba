/* Pages of metrics: what is seen lies inside the page, and is what stands there. */
#include "fuzz.h"
#include "prom_text.h"

struct seen {
	const char *from, *to;
	size_t lines, samples;
	unsigned last;
	bool ended;
};

static void inside(const struct seen *s, const char *text)
{
	FUZZ_CHECK(text >= s->from && text <= s->to);
	FUZZ_CHECK(strlen(text) <= (size_t)(s->to - text));
}

static void see(const struct prom_line *line, void *arg)
{
	struct seen *s = arg;

	FUZZ_CHECK(line->number > s->last);
	FUZZ_CHECK(!s->ended);
	s->last = line->number;
	s->lines++;
	s->samples += line->kind == PROM_SAMPLE;
	FUZZ_CHECK(line->n_labels <= PROM_LABELS_MAX);
	if (line->kind == PROM_EOF)
		return;
	FUZZ_CHECK(line->name && *line->name);
	inside(s, line->name);
	for (size_t i = 0; i < line->n_labels; i++) {
		const char *first;

		inside(s, line->labels[i].name);
		inside(s, line->labels[i].value);
		first = prom_label_of(line, line->labels[i].name);
		FUZZ_CHECK(first);
	}
	if (line->kind == PROM_TYPE)
		FUZZ_CHECK(line->type && *line->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	bool openmetrics = fuzz_byte(&in) & 1;
	size_t len;
	char *page = fuzz_rest(&in, &len), why[200] = "";
	struct seen s = {.from = page, .to = page + len};
	size_t newlines = 1;

	for (size_t i = 0; i < len; i++)
		newlines += page[i] == '\n';
	if (prom_read(page, openmetrics, see, &s, why, sizeof why))
		FUZZ_CHECK(!*why);
	else
		FUZZ_CHECK(strlen(why) > 5);
	FUZZ_CHECK(s.lines <= newlines && s.last <= newlines);
	free(page);
	return 0;
}
