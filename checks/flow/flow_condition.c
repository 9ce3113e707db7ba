#include "flow_condition.h"

#include <math.h>

#include "scrub.h"
#include "secret.h"

/* ---- items of the keys ------------------------------------------------------------------------------------------- */

static const char *const op_texts[] = {
    [FLOW_EQ] = "=",  [FLOW_NE] = "!=", [FLOW_GE] = ">=",
    [FLOW_LE] = "<=", [FLOW_GT] = ">",  [FLOW_LT] = "<",
};

static const char *place_problem(const char *place, size_t len)
{
	if (len == 0)
		return "has no place before its operator: write field=value";
	if (len >= FLOW_PLACE_MAX)
		return "has a place of more than 127 characters";
	for (size_t i = 0; i < len; i++)
		if (strchr(" \t{}", place[i]))
			return "has a place with blanks or braces: names with dots between them, "
			       "or a JSON pointer";
	if (*place != '/' &&
	    (*place == '.' || place[len - 1] == '.' || memmem(place, len, "..", 2)))
		return "has a dot without a name on both sides";
	return NULL;
}

static size_t length_without_blanks(const char *text, size_t len)
{
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return len;
}

static void copy_place(char place[FLOW_PLACE_MAX], const char *text, size_t len)
{
	size_t n = length_without_blanks(text, len);

	invariant(n < FLOW_PLACE_MAX);
	snprintf(place, FLOW_PLACE_MAX, "%.*s", (int)n, text);
}

/* Finds the operator at the beginning of the text, the longest that fits. */
static bool parse_op(const char *text, enum flow_op *op, size_t *len)
{
	for (size_t n = 2; n > 0; n--)
		for (size_t i = 0; i < ARRAY_LEN(op_texts); i++)
			if (strlen(op_texts[i]) == n && str_starts(text, op_texts[i])) {
				*op = (enum flow_op)i;
				*len = n;
				return true;
			}
	return false;
}

const char *flow_condition_problem(const char *text)
{
	size_t len = strcspn(text, "=!<>"), n;
	enum flow_op op;

	if (!text[len] || !parse_op(text + len, &op, &n))
		return "is not field=value (or one of != >= <= > <)";
	if (str_starts(text + len, "=="))
		return "has ==: write field=value";
	return place_problem(text, length_without_blanks(text, len));
}

void flow_condition_parse(struct flow_condition *c, const char *text)
{
	size_t len = strcspn(text, "=!<>"), n = 0;

	invariant(parse_op(text + len, &c->op, &n));
	copy_place(c->place, text, len);
	c->value = text + len + n + strspn(text + len + n, " \t");
}

const char *flow_capture_problem(const char *text)
{
	const char *equals = strchr(text, '='), *problem;

	if (!equals)
		return "is not name=place";
	problem = flow_name_problem(text, (size_t)(equals - text));
	return problem ? problem : place_problem(equals + 1, strlen(equals + 1));
}

void flow_capture_parse(const char *text, char name[FLOW_NAME_MAX], char place[FLOW_PLACE_MAX])
{
	size_t len = strcspn(text, "=");

	invariant(len < FLOW_NAME_MAX && text[len]);
	snprintf(name, FLOW_NAME_MAX, "%.*s", (int)len, text);
	copy_place(place, text + len + 1, strlen(text + len + 1));
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

struct value {
	enum {
		VALUE_NULL,
		VALUE_BOOLEAN,
		VALUE_INTEGER,
		VALUE_REAL,
		VALUE_TEXT,
		VALUE_OTHER /* an object, a list, bytes */
	} type;
	int64_t integer;
	double real;
	const char *text;
	size_t len;
};

static struct value value_of_json(const json_t *v)
{
	if (json_is_null(v))
		return (struct value){.type = VALUE_NULL};
	if (json_is_boolean(v))
		return (struct value){.type = VALUE_BOOLEAN, .integer = json_is_true(v)};
	if (json_is_integer(v))
		return (struct value){.type = VALUE_INTEGER, .integer = json_integer_value(v)};
	if (json_is_real(v))
		return (struct value){.type = VALUE_REAL, .real = json_real_value(v)};
	if (json_is_string(v))
		return (struct value){
		    .type = VALUE_TEXT, .text = json_string_value(v), .len = json_string_length(v)};
	return (struct value){.type = VALUE_OTHER};
}

static struct value value_of_scalar(const struct avro_scalar *s)
{
	static const int types[] = {
	    [AVRO_SCALAR_NULL] = VALUE_NULL,       [AVRO_SCALAR_BOOLEAN] = VALUE_BOOLEAN,
	    [AVRO_SCALAR_INTEGER] = VALUE_INTEGER, [AVRO_SCALAR_REAL] = VALUE_REAL,
	    [AVRO_SCALAR_TEXT] = VALUE_TEXT,       [AVRO_SCALAR_BYTES] = VALUE_OTHER,
	};
	struct value v = {.integer = s->integer, .real = s->real, .text = s->text, .len = s->len};

	v.type = types[s->type];
	return v;
}

static bool is_close(double value, double want, double tolerance)
{
	return fabs(value - want) <= tolerance * (want == 0 ? 1 : fabs(want));
}

static bool order_meets(int order, enum flow_op op)
{
	switch (op) {
	case FLOW_EQ:
		return order == 0;
	case FLOW_NE:
		return order != 0;
	case FLOW_GE:
		return order >= 0;
	case FLOW_LE:
		return order <= 0;
	case FLOW_GT:
		return order > 0;
	case FLOW_LT:
		return order < 0;
	}
	return false;
}

static bool number_meets(const struct value *v, enum flow_op op, const char *want, double tolerance)
{
	double number = v->type == VALUE_INTEGER ? (double)v->integer : v->real, wanted;
	int64_t whole;
	char *end;

	if (v->type == VALUE_INTEGER && !parse_i64(want, INT64_MIN, INT64_MAX, &whole))
		return order_meets(v->integer < whole ? -1 : v->integer > whole, op);
	wanted = strtod(want, &end);
	if (end == want || *end || !isfinite(wanted))
		return op == FLOW_NE;
	/* NaN meets nothing: no service can use it. */
	if (!isfinite(number))
		return false;
	if (is_close(number, wanted, tolerance))
		return order_meets(0, op);
	return order_meets(number < wanted ? -1 : 1, op);
}

static bool text_meets(const struct value *v, enum flow_op op, const char *want)
{
	size_t n = strlen(want), common = v->len < n ? v->len : n;
	int order = memcmp(v->text, want, common);

	if (!order)
		order = v->len < n ? -1 : v->len > n;
	return order_meets(order, op);
}

static bool word_meets(const char *word, enum flow_op op, const char *want)
{
	return (op == FLOW_EQ && str_eq(word, want)) || (op == FLOW_NE && !str_eq(word, want));
}

static bool value_meets(const struct value *v, enum flow_op op, const char *want, double tolerance)
{
	switch (v->type) {
	case VALUE_NULL:
		return word_meets("null", op, want);
	case VALUE_BOOLEAN:
		return word_meets(v->integer ? "true" : "false", op, want);
	case VALUE_INTEGER:
	case VALUE_REAL:
		return number_meets(v, op, want, tolerance);
	case VALUE_TEXT:
		return text_meets(v, op, want);
	case VALUE_OTHER:
		return false;
	}
	return false;
}

/* Returns the value as a text, which the caller frees; NULL when it has none. 17 digits keep a double. */
static char *value_text(const struct value *v)
{
	struct str out;

	if (v->type == VALUE_OTHER || (v->type == VALUE_REAL && !isfinite(v->real)) ||
	    (v->type == VALUE_TEXT && memchr(v->text, 0, v->len)))
		return NULL;
	if (v->type == VALUE_TEXT)
		return xstrndup(v->text, v->len < SECRET_VALUE_MAX ? v->len : SECRET_VALUE_MAX);
	str_init(&out, 64);
	if (v->type == VALUE_INTEGER)
		str_addf(&out, "%lld", (long long)v->integer);
	else if (v->type == VALUE_REAL)
		str_addf(&out, "%.17g", v->real);
	else
		str_add(&out, v->type == VALUE_NULL ? "null" : v->integer ? "true" : "false");
	return out.s;
}

static void show_value(const struct value *v, char seen[FLOW_SEEN_MAX])
{
	char text[2 * FLOW_SEEN_MAX];

	if (v->type == VALUE_TEXT)
		snprintf(text, sizeof text, "\"%.*s\"",
			 (int)(v->len < FLOW_SEEN_MAX ? v->len : FLOW_SEEN_MAX), v->text);
	else if (v->type == VALUE_REAL)
		snprintf(text, sizeof text, "%.10g", v->real);
	else if (v->type == VALUE_INTEGER)
		snprintf(text, sizeof text, "%lld", (long long)v->integer);
	else if (v->type == VALUE_OTHER)
		snprintf(text, sizeof text, "no scalar");
	else
		snprintf(text, sizeof text, "%s",
			 v->type == VALUE_NULL ? "null"
			 : v->integer          ? "true"
					       : "false");
	text_clean(seen, FLOW_SEEN_MAX, text);
}

/* ---- needs --------------------------------------------------------------------------------------------------------- */

void flow_needs_init(struct flow_needs *needs, size_t cap, double tolerance)
{
	*needs = (struct flow_needs){
	    .cap = cap, .v = xcalloc(cap ? cap : 1, sizeof *needs->v), .tolerance = tolerance};
}

/* Turns a JSON pointer into names with dots; "~0" and "~1" are what RFC 6901 says. */
static void set_path(struct flow_need *need)
{
	const char *s = need->place + (*need->place == '/');
	size_t n = 0;

	for (; *s; s++) {
		char c = *s;

		if (*need->place == '/' && c == '/')
			c = '.';
		else if (*need->place == '/' && c == '~' && (s[1] == '0' || s[1] == '1'))
			c = *++s == '0' ? '~' : '/';
		need->path[n++] = c;
	}
	need->path[n] = '\0';
}

static struct flow_need *add_need(struct flow_needs *needs)
{
	invariant(needs->n < needs->cap);
	return &needs->v[needs->n++];
}

void flow_needs_add_condition(struct flow_needs *needs, const char *item,
			      const struct flow_names *names)
{
	struct flow_need *need = add_need(needs);
	struct flow_condition c;

	flow_condition_parse(&c, item);
	need->op = c.op;
	need->want = flow_text_fill(c.value, names, FLOW_PLAIN);
	snprintf(need->place, sizeof need->place, "%s", c.place);
	set_path(need);
}

/* Is the capture, or the field that it takes, named as a secret is? */
static bool is_secret(const struct flow_need *need)
{
	const char *field = need->place;

	for (const char *p = field; *p; p++)
		if (strchr("/.", *p))
			field = p + 1;
	return secret_sensitive_variable(need->name) || secret_sensitive_variable(field);
}

void flow_needs_add_capture(struct flow_needs *needs, const char *item)
{
	struct flow_need *need = add_need(needs);

	flow_capture_parse(item, need->name, need->place);
	need->secret = is_secret(need);
	set_path(need);
}

void flow_needs_free(struct flow_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++) {
		free(needs->v[i].want);
		free(needs->v[i].value);
	}
	free(needs->v);
	*needs = (struct flow_needs){.n = 0};
}

static void forget(struct flow_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++) {
		struct flow_need *need = &needs->v[i];

		need->found = need->met = false;
		need->seen[0] = '\0';
		free(need->value);
		need->value = NULL;
	}
}

/* Compares or captures a value. In a list one that meets the condition is enough, and the first is captured. */
static void take_value(const struct flow_needs *needs, struct flow_need *need,
		       const struct value *v)
{
	bool first = !need->found;
	char *text = *need->name ? value_text(v) : NULL;

	if (first)
		show_value(v, need->seen);
	if (text && need->secret && needs->shown)
		scrub_register(text);
	if (*need->name && first) {
		need->value = text;
		text = NULL;
		need->met = need->value && strlen(need->value) <= FLOW_VALUE_MAX;
	}
	free(text);
	if (need->want)
		need->met = need->met || value_meets(v, need->op, need->want, needs->tolerance);
	need->found = true;
}

/* Looks for names with dots between them; the values of a list count as their field. */
static void read_json_path(const struct flow_needs *needs, struct flow_need *need, json_t *v,
			   const char *path)
{
	size_t len = strcspn(path, "."), i;
	struct value value;
	json_t *item;

	if (json_is_array(v)) {
		json_array_foreach(v, i, item) read_json_path(needs, need, item, path);
	} else if (*path) {
		item = json_object_getn(v, path, len);
		if (item)
			read_json_path(needs, need, item, path + len + (path[len] == '.'));
	} else {
		value = value_of_json(v);
		take_value(needs, need, &value);
	}
}

void flow_needs_read_json(struct flow_needs *needs, json_t *root)
{
	forget(needs);
	for (size_t i = 0; i < needs->n; i++) {
		struct flow_need *need = &needs->v[i];
		json_t *v = *need->place == '/' ? json_at(root, need->place) : root;

		if (v)
			read_json_path(needs, need, v, *need->place == '/' ? "" : need->place);
	}
}

static void take_scalar(void *arg, const char *field, const struct avro_scalar *scalar)
{
	struct flow_needs *needs = arg;
	struct value v = value_of_scalar(scalar);

	for (size_t i = 0; i < needs->n; i++)
		if (str_eq(needs->v[i].path, field))
			take_value(needs, &needs->v[i], &v);
}

ssize_t flow_needs_read_avro(struct flow_needs *needs, const struct avro_schema *schema,
			     const unsigned char *data, size_t len, char *why)
{
	forget(needs);
	return avro_decode_scalars(schema, data, len, take_scalar, needs, why, AVRO_WHY_MAX);
}

const struct flow_need *flow_needs_unmet(const struct flow_needs *needs, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!needs->v[i].met)
			return &needs->v[i];
	return NULL;
}

void flow_needs_hide(const struct flow_needs *needs, size_t from)
{
	for (size_t i = from; i < needs->n; i++)
		if (needs->v[i].secret && needs->v[i].value)
			scrub_register(needs->v[i].value);
}

void flow_need_text(const struct flow_need *need, char *buf, size_t size)
{
	char want[FLOW_SEEN_MAX];

	text_clean(want, sizeof want, need->want ? need->want : "");
	if (!need->found)
		snprintf(buf, size, "there is no %s", need->place);
	else if (need->want)
		snprintf(buf, size, "%s is %s, expected %s%s%s", need->place, need->seen,
			 need->op == FLOW_EQ ? "" : op_texts[need->op],
			 need->op == FLOW_EQ ? "" : " ", want);
	else
		snprintf(buf, size, "%s is %s, which cannot be captured", need->place, need->seen);
}

bool flow_json_same(const json_t *value, const json_t *want, double tolerance)
{
	if (!json_is_number(value) || !json_is_number(want) ||
	    (json_is_integer(value) && json_is_integer(want)))
		return json_same(value, want);
	return is_close(json_number_value(value), json_number_value(want), tolerance);
}

const char *flow_json_text(const json_t *value, char buf[FLOW_SEEN_MAX])
{
	if (json_is_real(value))
		snprintf(buf, FLOW_SEEN_MAX, "%.10g", json_real_value(value));
	else
		text_clean(buf, FLOW_SEEN_MAX, json_short(value).text);
	return buf;
}
