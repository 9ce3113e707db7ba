#include "flow_text.h"

#include <ctype.h>

#include "url.h"

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

const char *flow_name_problem(const char *name, size_t len)
{
	if (len == 0 || !isalpha((unsigned char)*name))
		return "has a name that does not begin with a letter";
	if (len >= FLOW_NAME_MAX)
		return "has a name of more than 31 characters";
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(name[i]))
			return "has a name with other characters than letters, digits and _";
	return NULL;
}

static const struct flow_name *find(const struct flow_names *names, const char *name, size_t len)
{
	for (size_t i = 0; i < names->n; i++)
		if (strlen(names->v[i].name) == len && !strncmp(names->v[i].name, name, len))
			return &names->v[i];
	return NULL;
}

bool flow_names_has(const struct flow_names *names, const char *name, size_t len)
{
	return find(names, name, len) != NULL;
}

bool flow_names_set(struct flow_names *names, const char *name, char *value)
{
	struct flow_name *at = (struct flow_name *)find(names, name, strlen(name));

	if (!at && names->n == FLOW_NAMES_MAX)
		return false;
	if (!at) {
		at = &names->v[names->n++];
		snprintf(at->name, sizeof at->name, "%s", name);
	} else {
		free(at->value);
	}
	at->value = value;
	return true;
}

/* Returns the length of the name in braces that begins at the brace; 0: none does. */
static size_t name_length(const char *brace)
{
	size_t n = 0;

	while (is_name_char(brace[1 + n]))
		n++;
	return brace[1 + n] == '}' ? n : 0;
}

const char *flow_text_unknown(const char *text, const struct flow_names *names, size_t *len)
{
	for (const char *s = strchr(text, '{'); s; s = strchr(s + 1, '{')) {
		if (s[1] == '{') {
			s++;
			continue;
		}
		*len = name_length(s);
		if (*len && !find(names, s + 1, *len))
			return s + 1;
	}
	return NULL;
}

static void add_escaped(struct str *out, const char *value, enum flow_escape how)
{
	if (how == FLOW_URL) {
		url_add_escaped(out, value);
		return;
	}
	for (const char *s = value; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (how == FLOW_JSON && c < ' ')
			str_addf(out, "\\u%04x", c);
		else if (how == FLOW_JSON && (c == '"' || c == '\\'))
			str_addf(out, "\\%c", c);
		else
			str_addc(out, (char)c);
	}
}

/* Returns the greatest length that the filled text can have. */
static size_t most_bytes(const char *text)
{
	size_t n = strlen(text) + 1;

	for (const char *s = text; *s; s++)
		if (*s == '{')
			n += sizeof "\\u0000" * FLOW_VALUE_MAX;
	return n;
}

char *flow_text_fill(const char *text, const struct flow_names *names, enum flow_escape how)
{
	struct str out;

	str_init(&out, most_bytes(text));
	for (const char *s = text; *s; s++) {
		size_t len = *s == '{' ? name_length(s) : 0;
		const struct flow_name *name = len ? find(names, s + 1, len) : NULL;

		if (name && name->value) {
			add_escaped(&out, name->value, how);
			s += len + 1;
		} else {
			str_addc(&out, *s);
			s += *s == '{' && s[1] == '{';
		}
	}
	invariant(!out.cut);
	return out.s;
}

bool flow_text_is_json(const char *text)
{
	text += strspn(text, " \t\r\n");
	return *text == '{' || *text == '[';
}
