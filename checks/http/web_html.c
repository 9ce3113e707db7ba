#include "web_transfer.h"

/* Returns the end of what nobody reads, a comment or the content of the element that begins at p: the end itself is a tag. NULL for any
 * other tag. */
static const char *end_of_hidden(const char *p)
{
	static const struct {
		const char *begin, *end;
	} hidden[] = {{"<!--", "-->"}, {"<script", "</script"}, {"<style", "</style"}};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		const char *end;

		if (strncasecmp(p, hidden[i].begin, strlen(hidden[i].begin)) != 0)
			continue;
		end = strcasestr(p, hidden[i].end);
		return end ? end : p + strlen(p);
	}
	return NULL;
}

/* Returns what follows the tag that begins at p. A page that was cut may end within it. */
static const char *after_tag(const char *p)
{
	const char *end = strchr(p, '>');

	return end ? end + 1 : p + strlen(p);
}

static bool begins_tag(const char *p)
{
	return *p == '<' && (p[1] == '/' || p[1] == '!' || p[1] == '?' ||
			     ((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z'));
}

/* Returns where the text of the page begins: behind the title where the body says it again, as most pages of errors do. */
static const char *begin_of_text(const char *html)
{
	const char *body = strcasestr(html, "<body"), *title = strcasestr(html, "<title>");
	char said[120];

	if (!body || !title || title > body)
		return html;
	title += strlen("<title>");
	snprintf(said, sizeof said, "%.*s", (int)strcspn(title, "<"), title);
	return *said && strstr(body, said) ? body : html;
}

void web_html_text(char *html)
{
	char *to = html;

	for (const char *p = begin_of_text(html); *p;) {
		const char *hidden;

		if (!begins_tag(p)) {
			*to++ = *p++;
			continue;
		}
		hidden = end_of_hidden(p);
		p = after_tag(hidden ? hidden : p);
		*to++ = ' ';
	}
	*to = '\0';
}
