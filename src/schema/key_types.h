/* key_types: one row for each type of key, in schema.c, indexed by enum key_type: its name for people, how a value is read,
 * printed and scrubbed, and what the field holds when the key is not given.
 *
 * Private to src/schema: schema.c has the rows, groups and lists as such; key_value.c reads and prints single values, key_list.c
 * the items of lists, interpolate.c fills in ${NAME}, key_names.c finds keys by name. Each calls only later ones.
 */
#ifndef SG_KEY_TYPES_H
#define SG_KEY_TYPES_H

#include "schema.h"

struct slot;
struct key_type_row {
	const char *text; /* "a whole number" */
	/* With this flag of the key the type has another name. */
	unsigned flag;
	const char *flagged;
	/* The first `unset_size` bytes of a field whose key is not given; 0: such a key always has a default. */
	const void *unset;
	size_t unset_size;
	/* Reads into s->field. Returns 0, or -1: a problem was added, or the value is not known offline. */
	int (*read)(const struct slot *s);
	/* Prints the value as a profile has it. */
	void (*print)(const struct key *key, const void *field, struct str *out, int indent);
	/* Exempts plain texts from scrubbing, or (`secrets`) registers secrets with the scrubber. NULL: the type has neither. */
	void (*scrub)(const struct key *key, const void *field, bool secrets);
	/* The size of an item; not 0: a list. `read`, `print` and `scrub` are then called for each item; groups have the size of
	 * their schema. */
	size_t item_size;
};

static inline const char *type_text(const struct key_type_row *type, const struct key *key)
{
	return type->flag & key->flags ? type->flagged : type->text;
}

/* One value being read: a key's, or one item's of its list. */
struct slot {
	const struct key *key;
	const struct key_type_row *type;
	const struct node *node;
	const char *where; /* "kafka.events: topics[1].name" */
	void *field;       /* of the struct to fill; in a list: the item */
	struct fill *fill;
	bool filled_in; /* the node's text has no ${} to fill in any more */
};

/* Adds an error at the value's place; where the value came from variables, with what likely happened to them on the way. Always
 * returns -1. */
int slot_problem(const struct slot *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- names (key_names.c; schema_find and schema_nearest too) ---- */
/* Returns the end of a message about an unknown key: what it is called here, or the nearest name. `also` may be NULL. */
struct suggestion key_suggest(const struct schema *schema, const struct schema *also,
			      const char *name);

/* ---- for lists as for single values (key_value.c) ---- */
/* Adds the error "must be a number, not a list"; always returns -1. */
int slot_wrong_type(const struct slot *s);
/* Returns the text of a node that must be text, filled in. NULL: a problem was added, or the text is not known offline. */
const char *slot_text(const struct slot *s);
/* Runs the row's own check on the text. Returns 0, or -1 with a problem. */
int slot_check(const struct slot *s, const char *text);
/* Returns the index of the text in the row's choices, or -1 with a problem that names the nearest one. */
int slot_choice(const struct slot *s, const char *text);
/* Reports a secret that stands in the profile itself: an error in prod, elsewhere a warning. `how`: what to write instead. */
void slot_literal_secret(const struct slot *s, const char *where, const char *how);
/* Appends the text as a profile has it between quotes. */
void print_escaped(struct str *out, const char *text, bool raw);
/* Appends "env:NAME", "file:/path" or "[secret]". */
void print_reference(struct str *out, struct secret secret, bool raw);

#define DECLARE_SCRUB(name) void name(const struct key *key, const void *field, bool secrets)
#define DECLARE_PRINT(name) \
	void name(const struct key *key, const void *field, struct str *out, int indent)

int read_text(const struct slot *s);
int read_int(const struct slot *s);
int read_num(const struct slot *s);
int read_bool(const struct slot *s);
int read_duration(const struct slot *s);
int read_size(const struct slot *s);
int read_enum(const struct slot *s);
int read_url(const struct slot *s);
int read_secret(const struct slot *s);
int read_json(const struct slot *s);
DECLARE_PRINT(print_text);
DECLARE_PRINT(print_int);
DECLARE_PRINT(print_num);
DECLARE_PRINT(print_bool);
DECLARE_PRINT(print_duration);
DECLARE_PRINT(print_size);
DECLARE_PRINT(print_enum);
DECLARE_PRINT(print_secret);
DECLARE_SCRUB(scrub_text);
DECLARE_SCRUB(scrub_url);
DECLARE_SCRUB(scrub_secret);

/* ---- lists (key_list.c) ---- */
int read_text_item(const struct slot *s);
int read_pair_item(const struct slot *s);
DECLARE_PRINT(print_pair);
DECLARE_SCRUB(scrub_pair);
/* Refuses "env: NAME" and "env:$NAME". Returns 0, or -1 with a problem. */
int check_reference(const struct slot *s, struct secret ref);
/* Records the variable of a reference (note_variable). */
void note_reference(const struct slot *s, struct secret ref);
/* Returns the variable's name for "${REDIS_URL}", when the URL in it has a user part or a query, which may hold a secret:
 * platforms hand out such URLs in one variable. The URL is then read as env:REDIS_URL. Else NULL. */
const char *variable_with_secret(const struct slot *s);
/* Returns the items of the value as a list node. It may be written as a list, one text split at commas, or a number. *filled_in:
 * their texts have no ${} any more. NULL: a problem was added, or a text is not known offline. */
const struct node *list_items(const struct slot *s, bool *filled_in);

#endif
