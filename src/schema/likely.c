#include "likely.h"

#include <ctype.h>

#include "instant.h"

static const char digits[] = "0123456789";

/* ---- numbers with a unit ----------------------------------------------------------------------------------------------- */
/* What others write for a unit, in small letters. A row whose `factor` is not 1 has no unit here. */
struct unit {
	const char *word, *unit;
	unsigned factor;
};

static const struct unit time_units[] = {
    {"ms", "ms", 1},
    {"msec", "ms", 1},
    {"msecs", "ms", 1},
    {"millis", "ms", 1},
    {"millisecond", "ms", 1},
    {"milliseconds", "ms", 1},
    {"s", "s", 1},
    {"sec", "s", 1},
    {"secs", "s", 1},
    {"second", "s", 1},
    {"seconds", "s", 1},
    {"m", "m", 1},
    {"min", "m", 1},
    {"mins", "m", 1},
    {"minute", "m", 1},
    {"minutes", "m", 1},
    {"h", "h", 1},
    {"hr", "h", 1},
    {"hrs", "h", 1},
    {"hour", "h", 1},
    {"hours", "h", 1},
    {"d", "h", 24},
    {"day", "h", 24},
    {"days", "h", 24},
};
static const struct unit size_units[] = {
    {"b", "B", 1},     {"byte", "B", 1}, {"bytes", "B", 1}, {"k", "KiB", 1},   {"ki", "KiB", 1},
    {"kib", "KiB", 1}, {"kb", "KB", 1},  {"m", "MiB", 1},   {"mi", "MiB", 1},  {"mib", "MiB", 1},
    {"mb", "MB", 1},   {"g", "GiB", 1},  {"gi", "GiB", 1},  {"gib", "GiB", 1}, {"gb", "GB", 1},
};

static const struct unit *find_unit(const struct unit *units, size_t count, const char *word,
				    size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(units[i].word) == n && strncasecmp(units[i].word, word, n) == 0)
			return &units[i];
	return NULL;
}

/* Takes one number with its unit off *text, blanks included, and appends it to `out` as it is written here. */
static bool take_quantity(const char **text, const struct unit *units, size_t count,
			  struct str *out)
{
	const char *p = *text + strspn(*text, " \t"), *word;
	size_t whole = strspn(p, digits), n;
	bool fraction =
	    whole && (p[whole] == '.' || p[whole] == ',') && isdigit((unsigned char)p[whole + 1]);
	size_t rest = fraction ? 1 + strspn(p + whole + 1, digits) : 0;
	const struct unit *unit;

	if (whole == 0 || whole > 9 || rest > 10)
		return false;
	word = p + whole + rest + strspn(p + whole + rest, " \t_");
	n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	unit = find_unit(units, count, word, n);
	if (!unit || (fraction && unit->factor != 1))
		return false;
	if (fraction)
		str_addf(out, "%.*s.%.*s%s", (int)whole, p, (int)rest - 1, p + whole + 1,
			 unit->unit);
	else
		str_addf(out, "%ld%s", strtol(p, NULL, 10) * (long)unit->factor, unit->unit);
	*text = word + n;
	return true;
}

static struct suggestion quantity(const char *text, const struct unit *units, size_t count)
{
	struct suggestion s = {""};
	struct str out;
	bool whole = true;

	str_init(&out, 100);
	for (const char *p = text; whole && p[strspn(p, " \t")];)
		whole = take_quantity(&p, units, count, &out);
	if (whole && out.len && !out.cut)
		snprintf(s.text, sizeof s.text, "; write \"%s\"", out.s);
	str_free(&out);
	return s;
}

struct suggestion likely_duration(const char *text)
{
	bool iso = strncasecmp(text, "PT", 2) == 0;
	struct suggestion s = quantity(iso ? text + 2 : text, time_units, ARRAY_LEN(time_units));

	if (*text && !text[strspn(text, digits)] && strlen(text) < 10)
		snprintf(s.text, sizeof s.text, "; write it with a unit: \"%ss\", \"%sms\"", text,
			 text);
	return s;
}

struct suggestion likely_size(const char *text)
{
	struct suggestion s = quantity(text, size_units, ARRAY_LEN(size_units));

	if (*text && !text[strspn(text, digits)] && strlen(text) < 19)
		snprintf(s.text, sizeof s.text, "; write it with a unit: \"%sB\", \"%sKiB\"", text,
			 text);
	return s;
}

/* ---- variables and templates ------------------------------------------------------------------------------------------- */
struct suggestion likely_variable(const char *inside, size_t n)
{
	struct suggestion s = {""};
	const char *end = inside + n, *p = inside, *more;

	while (p < end && *p == ' ')
		p++;
	if (end - p > 4 && (str_starts(p, "env:") || str_starts(p, "env.")))
		p += 4;
	more = p + env_name_length(p);
	while (end > more && end[-1] == ' ')
		end--;
	if (more == p || more > end || end - p > 100)
		return s;
	if (more == end)
		snprintf(s.text, sizeof s.text, "; write ${%.*s}", (int)(more - p), p);
	else if (*more == '-' || (*more == ':' && more + 1 < end && !strchr("+?-", more[1])))
		snprintf(s.text, sizeof s.text, "; write ${%.*s:-%.*s}", (int)(more - p), p,
			 (int)(end - more - 1 - (more[1] == '=')), more + 1 + (more[1] == '='));
	else if (*more == '?')
		snprintf(s.text, sizeof s.text, "; write ${%.*s:?%.*s}", (int)(more - p), p,
			 (int)(end - more - 1), more + 1);
	return s;
}

/* Is there a NAME between two signs ("%HOST%")? */
static bool has_name_between(const char *text, char sign)
{
	for (const char *p = strchr(text, sign); p; p = strchr(p + 1, sign)) {
		size_t n = env_name_length(p + 1);

		/* "%2F%2F" are two escapes; a user part with its @ does not stand between two. */
		if (n > 1 && p[1 + n] == sign)
			return true;
	}
	return false;
}

const char *likely_template(const char *text)
{
	if (strstr(text, "{{"))
		return "{{ }}";
	if (strstr(text, "{%"))
		return "{% %}";
	if (strstr(text, "<%"))
		return "<% %>";
	if (strstr(text, "$("))
		return "$( )";
	if (has_name_between(text, '%'))
		return "%NAME%";
	return has_name_between(text, '@') ? "@NAME@" : NULL;
}

/* "tcp://10.0.0.1:6379", which a kubelet sets as SERVICE_PORT for a Service that is called so. */
static bool is_service_link(const char *value)
{
	const char *p = str_starts(value, "tcp://") || str_starts(value, "udp://") ? value + 6 : "";
	size_t address = strspn(p, "0123456789.");
	size_t port = p[address] == ':' ? strspn(p + address + 1, digits) : 0;

	return address >= 7 && port > 0 && !p[address + 1 + port];
}

static bool has_variable(const char *value)
{
	for (const char *p = strchr(value, '$'); p; p = strchr(p + 1, '$'))
		if (env_name_length(p + 1) > 0 ||
		    ((p[1] == '{' || p[1] == '(') && env_name_length(p + 2) > 0))
			return true;
	return false;
}

const char *likely_mangled(const char *value)
{
	if (*value && text_flaw(value))
		return text_flaw(value);
	if (is_service_link(value))
		return "is tcp://ADDRESS:PORT, as Kubernetes sets it for a Service of that name: "
		       "set enableServiceLinks: false, or use another name";
	if (likely_template(value) && !strstr(value, "$("))
		return "holds the mark of a template that nothing has rendered";
	if (has_variable(value))
		return "holds a $ before a name, and nothing fills in a variable within a "
		       "variable's value";
	return str_starts(value, "~/") ? "begins with ~, which only a shell fills in" : NULL;
}

struct suggestion likely_not_meant(const char *value)
{
	struct suggestion s = {""};
	const char *why = likely_mangled(value);

	if (why)
		snprintf(s.text, sizeof s.text, "; likely it is not as meant: it %s", why);
	return s;
}

const char *likely_pasted(const char *text)
{
	for (size_t n; *text; text += n) {
		uint32_t cp = 0;

		n = strchr("\t\r\n", *text) ? 1 : text_printable_len(text);
		if (n == 0)
			return "holds an invisible character, as from a web page; type it anew";
		if (text_is_odd_blank(text))
			return "holds a blank that is not the common one; type it anew";
		utf8_decode((const unsigned char *)text, n, &cp);
		if (cp >= 0x2018 && cp <= 0x201f) /* the quotes that word processors make */
			return "holds a typographic quote";
	}
	return NULL;
}
