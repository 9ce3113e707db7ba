#include <zlib.h>

#include "web_transfer.h"

#define GZIP_WINDOW \
	(15 + 16) /* the largest window; 16: the format is gzip (zlib.h, inflateInit2) */

/* Makes room for more output. Returns false when `max` bytes are there already. */
static bool make_room(z_stream *z, char **text, size_t *cap, size_t max)
{
	size_t used = (size_t)((char *)z->next_out - *text);

	if (z->avail_out)
		return true;
	if (*cap == max)
		return false;
	*cap = *cap > max / 2 ? max : *cap * 2;
	*text = xrealloc(*text, *cap + 1);
	z->next_out = (unsigned char *)*text + used;
	z->avail_out = (uInt)(*cap - used);
	return true;
}

/* Inflates all members of the body (RFC 1952 section 2.2). Returns zlib's code: Z_STREAM_END for all, Z_BUF_ERROR for a body that is
 * cut off, Z_MEM_ERROR for one that is too large. */
static int inflate_body(z_stream *z, char **text, size_t *cap, size_t max)
{
	int code = Z_OK;

	for (;;) {
		if (code == Z_STREAM_END && !z->avail_in)
			return Z_STREAM_END;
		if (code == Z_STREAM_END)
			inflateReset(z);
		if (!make_room(z, text, cap, max))
			return Z_MEM_ERROR;
		if (!z->avail_in && code != Z_OK)
			return Z_BUF_ERROR;
		code = inflate(z, Z_NO_FLUSH);
		if (code == Z_BUF_ERROR && z->avail_out)
			return Z_BUF_ERROR;
		if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
			return code;
	}
}

/* x-gzip is the same (RFC 9110 section 8.4.1.3), and codings have no case. */
static bool is_gzip(const char *coding)
{
	return !strcasecmp(coding, "gzip") || !strcasecmp(coding, "x-gzip");
}

enum result web_gunzip(struct web_response *resp, size_t max, struct diag *out)
{
	z_stream z = {.next_in = (unsigned char *)resp->body, .avail_in = (uInt)resp->len};
	size_t cap = resp->len < max / 4 ? resp->len * 4 + 64 : max;
	char *text;
	int code;

	if (!is_gzip(resp->coding) || !resp->len)
		return RESULT_PASS;
	text = xmalloc(cap + 1);
	z.next_out = (unsigned char *)text;
	z.avail_out = (uInt)cap;
	invariant(inflateInit2(&z, GZIP_WINDOW) == Z_OK);
	code = inflate_body(&z, &text, &cap, max);
	inflateEnd(&z);
	if (code == Z_MEM_ERROR)
		return check_fail(out, D_ANSWER_TOO_LARGE, resp->subject,
				  "the body has more than %zu bytes without its gzip", max);
	if (code == Z_BUF_ERROR)
		return check_fail(out, D_ANSWER_TRUNCATED, resp->subject,
				  "the gzip of the body is cut off after %zu bytes", resp->len);
	if (code != Z_STREAM_END)
		return check_fail(out, D_HTTP_BODY, resp->subject,
				  "the body is not the gzip that Content-Encoding names");
	free(resp->body);
	resp->body = text;
	resp->decoded = true;
	resp->len = (size_t)((char *)z.next_out - text);
	text[resp->len] = '\0';
	return RESULT_PASS;
}
