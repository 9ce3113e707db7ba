#include "avro_frame.h"

static const struct {
	const char *mark; /* how it begins */
	size_t mark_len, id_len, len;
	const char *name; /* the id follows when there is one */
} frames[] = {
    {.name = ""},
    {.len = AVRO_FRAME_CONFLUENT,
     .mark = "\0",
     .mark_len = 1,
     .id_len = 4,
     .name = "a Confluent frame with schema id"},
    {.len = 9,
     .mark = "\0",
     .mark_len = 1,
     .id_len = 8,
     .name = "a frame of Apicurio's with the eight bytes of id"},
    {.len = 18, .mark = "\x03\x00", .mark_len = 2, .name = "a frame of the AWS Glue registry"},
    {.len = 10, .mark = "\xc3\x01", .mark_len = 2, .name = "Avro's single-object encoding"},
};

static uint64_t big_endian(const unsigned char *data, size_t len)
{
	uint64_t n = 0;

	while (len--)
		n = n << 8 | *data++;
	return n;
}

bool avro_frame_find(const struct avro_schema *s, const unsigned char *data, size_t len,
		     struct avro_frame *out)
{
	char why[AVRO_WHY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		size_t head = frames[i].len;
		uint64_t id;

		if (len < head ||
		    (frames[i].mark_len && memcmp(data, frames[i].mark, frames[i].mark_len) != 0))
			continue;
		id = big_endian(data + frames[i].mark_len, frames[i].id_len);
		/* Registries count from 1. */
		if ((frames[i].id_len && !id) ||
		    avro_decode(s, data + head, len - head, NULL, NULL, why, sizeof why) !=
			(ssize_t)(len - head))
			continue;
		out->len = head;
		if (frames[i].id_len)
			snprintf(out->text, sizeof out->text, "%s %llu", frames[i].name,
				 (unsigned long long)id);
		else
			snprintf(out->text, sizeof out->text, "%s", frames[i].name);
		return true;
	}
	return false;
}
