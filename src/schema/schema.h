/* schema: reads profile keys by their rows, which also give defaults, help, manual and reference profile.
 *
 * A list of rows fills one C struct. A row whose type does not fit its field does not compile. Values come as nodes (node.h): this
 * module knows no file format. It reads the environment only through the given function, and the files of secrets only in
 * schema_register_secrets.
 */
#ifndef SG_SCHEMA_H
#define SG_SCHEMA_H

#include "instant.h"
#include "node.h"
#include "secret.h"
#include "str.h"
#include "url.h"

/* ---- field types -------------------------------------------------------------------------------------- */
#define INT_UNSET INT64_MIN /* a K_INT that has no default and was not given */
#define ENUM_UNSET (-1)

struct size {
	int64_t bytes; /* -1: not given */
};
struct json_text {
	const char *text; /* valid JSON; NULL: not given */
};
struct strlist {
	size_t n;
	const char **v;
};
bool strlist_has(const struct strlist *list, const char *text);
struct pair {
	const char *name;
	const char *value; /* NULL when it is a reference or a literal secret */
	/* Set when the value is a reference, or a literal under a sensitive name. */
	struct secret secret;
};
struct pairlist {
	size_t n;
	struct pair *v;
};
struct grouplist {
	size_t n;
	void *v; /* n elements of the sub-schema's size: use GROUP_AT */
};
#define GROUP_AT(list, T, i) (&((const T *)(list).v)[i])

enum key_type {
	K_STR,      /* const char *       NULL: not given */
	K_PATH,     /* const char * */
	K_HOSTPORT, /* const char *       host:port, or /path of a unix socket */
	K_INT,      /* int64_t            INT_UNSET */
	K_NUM,      /* double             NAN: not given */
	K_BOOL,     /* bool               always give a default */
	K_DURATION, /* struct duration    DURATION_UNSET */
	K_SIZE,     /* struct size */
	K_ENUM,     /* int                index into .choices; ENUM_UNSET */
	K_URL,      /* struct url         text NULL: not given */
	K_URLLIST,  /* struct urllist */
	K_SECRET,   /* struct secret */
	K_JSON,     /* struct json_text */
	K_STRLIST,  /* struct strlist     with .choices: each item one of them */
	K_PAIRLIST, /* struct pairlist    "name=value" (K_HEADERS: also "name: value") */
	K_GROUP,    /* pointer to the sub-schema's struct; NULL: not given */
	K_GROUPLIST /* struct grouplist   a plain string as element fills the sub-schema's first required key */
};

/* Flags of a row. */
#define K_REQUIRED 1u /* must be given */
/* K_SECRET: only a part of the value is secret (a connection string); the kind registers that part. */
#define K_PARTLY 2u
#define K_NUMBERS 4u /* K_STRLIST: takes numbers as items, or one alone; K_STR: whole ones */
#define K_HEADERS 8u /* K_PAIRLIST: "Name: value" */
#define K_MODES 32u  /* K_STRLIST: items are names or aliases of modes */
#define K_RAW 64u    /* no ${} is filled in (regular expressions keep their dollar) */
#define K_EMPTY 128u /* K_STR, and items of K_STRLIST: an empty text is a value */
/* K_STRLIST: each item is a group of words, "A|B" or a list; a list of single words is one group. */
#define K_WORDGROUPS 256u
/* K_PAIRLIST: "{name}", also after a word as in "Bearer {name}", stands for a value that is not known yet, so it is not a secret. */
#define K_LATER 512u
/* Lists whose items are names of variables, or begin with one ("NAME=value"): "${NAME}", which is a value, is refused. */
#define K_VARIABLES 1024u

struct schema;
struct modes_conf;
struct key {
	const char *name;
	enum key_type type;
	unsigned flags;
	size_t offset;
	/* Texts, which the parser of the user's value reads. A whole number needs both bounds, a duration the upper one, a size
	 * both or none; other types take none. */
	const char *def, *min, *max;
	const char *const *choices; /* NULL-terminated */
	const char *const
	    *schemes; /* K_URL: allowed schemes, the usual ones first, NULL-terminated */
	const struct schema *sub;
	/* Checks more than the type: returns NULL, or the problem ("is not JSON"). Called for each item of a list. */
	const char *(*check)(const char *text);
	const char *doc;     /* one or more sentences */
	const char *example; /* as it stands in a profile, right of the = */
};
struct schema {
	size_t size; /* bytes of the struct that the rows fill */
	const struct key *keys;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): `want` is a type */
#define KEY_AT(T, f, want) \
	(offsetof(T, f) + 0 * sizeof(char[_Generic(((T *)0)->f, want : 1, default : -1)]))
/* NOLINTEND(bugprone-macro-parentheses) */
#define KEY_ROW(T, f, kt, want, ...)                                              \
	{                                                                         \
		.name = #f, .type = kt, .offset = KEY_AT(T, f, want), __VA_ARGS__ \
	}
#define KEY_STR(T, f, ...) KEY_ROW(T, f, K_STR, const char *, __VA_ARGS__)
#define KEY_PATH(T, f, ...) KEY_ROW(T, f, K_PATH, const char *, __VA_ARGS__)
#define KEY_HOSTPORT(T, f, ...) KEY_ROW(T, f, K_HOSTPORT, const char *, __VA_ARGS__)
#define KEY_INT(T, f, ...) KEY_ROW(T, f, K_INT, int64_t, __VA_ARGS__)
#define KEY_NUM(T, f, ...) KEY_ROW(T, f, K_NUM, double, __VA_ARGS__)
#define KEY_BOOL(T, f, ...) KEY_ROW(T, f, K_BOOL, bool, __VA_ARGS__)
#define KEY_DURATION(T, f, ...) KEY_ROW(T, f, K_DURATION, struct duration, __VA_ARGS__)
#define KEY_SIZE(T, f, ...) KEY_ROW(T, f, K_SIZE, struct size, __VA_ARGS__)
#define KEY_ENUM(T, f, ...) KEY_ROW(T, f, K_ENUM, int, __VA_ARGS__)
#define KEY_URL(T, f, ...) KEY_ROW(T, f, K_URL, struct url, __VA_ARGS__)
#define KEY_URLLIST(T, f, ...) KEY_ROW(T, f, K_URLLIST, struct urllist, __VA_ARGS__)
#define KEY_SECRET(T, f, ...) KEY_ROW(T, f, K_SECRET, struct secret, __VA_ARGS__)
#define KEY_JSON(T, f, ...) KEY_ROW(T, f, K_JSON, struct json_text, __VA_ARGS__)
#define KEY_STRLIST(T, f, ...) KEY_ROW(T, f, K_STRLIST, struct strlist, __VA_ARGS__)
#define KEY_PAIRLIST(T, f, ...) KEY_ROW(T, f, K_PAIRLIST, struct pairlist, __VA_ARGS__)
#define KEY_GROUP(T, f, S, ...) KEY_ROW(T, f, K_GROUP, const S *, __VA_ARGS__)
#define KEY_GROUPLIST(T, f, ...) KEY_ROW(T, f, K_GROUPLIST, struct grouplist, __VA_ARGS__)
#define KEY_END              \
	{                    \
		.name = NULL \
	}

/* A variable that a profile reads. */
struct variable_use {
	const char *name;
	bool needed;   /* there is a place without a default */
	bool secret;   /* by reference: env:NAME */
	size_t number; /* in the order of the profile */
};
struct variable_uses {
	size_t n, cap;
	struct variable_use *v;
};

/* ---- filling a struct ------------------------------------------------------------------------------------ */
struct fill {
	struct arena *arena;
	struct problems *problems;
	const char *(*getenv)(const char *name); /* never NULL */
	/* For lint: a ${NAME} that is not set is not an error. Such a value is not checked. */
	bool offline;
	size_t unknown; /* the number of such values: the struct is then incomplete */
	bool prod;      /* a literal secret is a policy error instead of a warning */
	const struct modes_conf *aliases; /* K_MODES: further names of modes; NULL: none */
	struct variable_uses *uses;       /* NULL: nobody asks which variables are read */
};
/* Fills *out from `group` (NULL: only defaults). `where` begins the place in messages ("kafka.events"). Adds every problem it
 * finds, except unknown keys (schema_names); returns how many errors and policy errors it added. */
int schema_fill(const struct schema *schema, const struct node *group, const char *where, void *out,
		struct fill *fill);
/* Adds a problem for every key of `group` that neither schema has, with the nearest name, and returns their number. `also`
 * may be NULL. */
int schema_names(const struct schema *schema, const struct schema *also, const struct node *group,
		 const char *where, struct fill *fill);
/* Returns NULL, or why this text cannot be the name of a variable, with what was likely meant. Valid until the next call. */
const char *env_name_problem(const char *text);
/* Fills in ${NAME}, ${NAME:-default}, ${NAME:?message} and $$. NULL: a problem was added, or (offline) a variable is not
 * set. */
const char *interpolate(const struct node *at, const char *text, const char *where,
			struct fill *fill);

/* Makes one entry of all uses of a variable, in the order of the first ones. */
void merge_variables(struct variable_uses *uses);
/* Records the use of a variable in fill->uses. */
void note_variable(const struct fill *fill, const char *name, bool needed, bool secret);
/* Returns the name when the text is a variable and nothing else ("${NAME}", also with :?message; with :-default only where the
 * variable is set), so that the text may stand for env:NAME; else NULL. */
const char *interpolated_variable(const char *text, const struct fill *fill);
/* Do all bytes from p to `end` come out of variables ("${A}${B}"), none of them with a default, which would be plain text? */
bool is_from_variables(const char *p, const char *end);

/* ---- reading rows and fields --------------------------------------------------------------------------- */
const struct key *schema_find(const struct schema *schema, const char *name);
const char *schema_nearest(const struct schema *schema, const char *name);
const char *key_type_text(const struct key *key); /* "a list of text", "true or false" */
bool key_is_list(const struct key *key);
bool key_is_given(const struct key *key, const void *conf);
/* Appends the value of one row in a filled struct as a profile has it, secrets as references. */
void key_print(const struct key *key, const void *conf, struct str *out, int indent);

/* Child only, before the first byte from a peer, which may know the secrets from an earlier attempt: reveals and registers
 * every secret in the filled struct, and exempts its plain texts (the scrubber keeps pointers to them). A secret that
 * cannot be read is ignored here: the kind reports it. */
void schema_register_secrets(const struct schema *schema, const void *conf);

#endif
