#include "ca_bundle.h"

#include <ctype.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "util.h"

#define FILE_MAX (1024 * 1024) /* bytes; a bundle of all public CAs has a quarter of it */
#define TEXT_LINE_MAX 200      /* bytes; OpenSSL reads a line of 254 as two */
#define LINE_DATA 64           /* characters of a full line of base64 (RFC 7468 section 2) */
#define OID_MAX 12             /* bytes; OpenSSL gives up on a text of 50 characters */

/* ---- the outline of a certificate (RFC 5280 section 4.1, DER) ---------------------------------------------------------------- */
struct der {
	const unsigned char *p, *end;
};

/* Takes one element with this tag; `body` gets its contents. */
static bool take(struct der *from, unsigned char tag, struct der *body)
{
	size_t left = (size_t)(from->end - from->p), len, head = 2;

	if (left < 2 || from->p[0] != tag)
		return false;
	len = from->p[1];
	if (len > 0x80 && len <= 0x83) { /* the length follows, in 1 to 3 bytes */
		head += len - 0x80;
		len = 0;
		for (size_t i = 2; i < head && i < left; i++)
			len = len << 8 | from->p[i];
		if (len < 0x80 || (head > 3 && len >> (8 * (head - 3)) == 0))
			return false; /* longer than it had to be */
	} else if (len >= 0x80) {
		return false;
	}
	if (left < head || left - head < len)
		return false;
	*body = (struct der){from->p + head, from->p + head + len};
	from->p = body->end;
	return true;
}

static bool at_end(const struct der *d)
{
	return d->p == d->end;
}

static bool take_oid(struct der *from)
{
	struct der oid;

	if (!take(from, 0x06, &oid) || at_end(&oid) || oid.end - oid.p > OID_MAX ||
	    oid.end[-1] & 0x80)
		return false;
	for (const unsigned char *p = oid.p; p < oid.end; p++)
		if (*p == 0x80 && (p == oid.p || !(p[-1] & 0x80)))
			return false;
	return true;
}

static bool take_integer(struct der *from)
{
	struct der n;

	if (!take(from, 0x02, &n) || at_end(&n))
		return false;
	return n.end - n.p == 1 ||
	       !((n.p[0] == 0 && !(n.p[1] & 0x80)) || (n.p[0] == 0xff && n.p[1] & 0x80));
}

static bool take_bits(struct der *from)
{
	struct der bits;

	return take(from, 0x03, &bits) && !at_end(&bits) && bits.p[0] == 0;
}

/* AlgorithmIdentifier: parameters are missing, NULL, a curve's name or a SEQUENCE. */
static bool take_algorithm(struct der *from)
{
	struct der body, rest;

	if (!take(from, 0x30, &body) || !take_oid(&body))
		return false;
	if (at_end(&body))
		return true;
	if (take(&body, 0x05, &rest))
		return at_end(&rest) && at_end(&body);
	return (*body.p == 0x06 ? take_oid(&body) : take(&body, 0x30, &rest)) && at_end(&body);
}

static bool take_time(struct der *from)
{
	struct der t;

	return take(from, 0x17, &t) ? t.end - t.p == 13 : take(from, 0x18, &t) && t.end - t.p == 15;
}

/* OpenSSL compares names without regard to case, to spaces and to the type of the string. `key` disregards them too. */
static bool take_string(struct der *from, unsigned *key)
{
	unsigned hash = 2166136261u; /* FNV-1a */
	struct der text;

	if (!take(from, 0x0c, &text) && !take(from, 0x13, &text) && !take(from, 0x16, &text))
		return false;
	for (; !at_end(&text); text.p++) {
		if (*text.p < ' ' || *text.p > '~')
			return false;
		if (*text.p != ' ')
			hash = (hash ^ (unsigned)tolower(*text.p)) * 16777619u;
	}
	*key += hash; /* a sum: OpenSSL sorts the parts of one RDN */
	return true;
}

static bool take_name(struct der *from, unsigned *key)
{
	struct der name, rdn, part;

	*key = 0;
	if (!take(from, 0x30, &name))
		return false;
	while (!at_end(&name)) {
		if (!take(&name, 0x31, &rdn) || at_end(&rdn))
			return false;
		while (!at_end(&rdn))
			if (!take(&rdn, 0x30, &part) || !take_oid(&part) ||
			    !take_string(&part, key) || !at_end(&part))
				return false;
	}
	return true;
}

static bool take_extensions(struct der *from)
{
	struct der outer, list, one, value;

	if (!take(from, 0xa3, &outer) || !take(&outer, 0x30, &list) || !at_end(&outer))
		return false;
	while (!at_end(&list)) {
		if (!take(&list, 0x30, &one) || !take_oid(&one))
			return false;
		if (take(&one, 0x01, &value) && value.end - value.p != 1)
			return false;
		if (!take(&one, 0x04, &value) || !at_end(&one))
			return false;
	}
	return true;
}

/* TBSCertificate without the unique identifiers, which no CA of today has. */
static bool take_contents(struct der *from, unsigned *key)
{
	struct der tbs, part;
	unsigned issuer;

	if (!take(from, 0x30, &tbs))
		return false;
	if (take(&tbs, 0xa0, &part) && !(take_integer(&part) && at_end(&part)))
		return false;
	if (!take_integer(&tbs) || !take_algorithm(&tbs) || !take_name(&tbs, &issuer))
		return false;
	if (!take(&tbs, 0x30, &part) || !take_time(&part) || !take_time(&part) || !at_end(&part))
		return false;
	if (!take_name(&tbs, key))
		return false;
	if (!take(&tbs, 0x30, &part) || !take_algorithm(&part) || !take_bits(&part) ||
	    !at_end(&part))
		return false;
	return at_end(&tbs) || (take_extensions(&tbs) && at_end(&tbs));
}

bool ca_bundle_outline(const unsigned char *der, size_t len, unsigned *key)
{
	struct der all = {der, der + len}, cert;

	return take(&all, 0x30, &cert) && at_end(&all) && take_contents(&cert, key) &&
	       take_algorithm(&cert) && take_bits(&cert) && at_end(&cert);
}

/* ---- the file ------------------------------------------------------------------------------------------------------------------ */
struct anchor {
	const unsigned char *der; /* in the bundle's text */
	size_t len;
	unsigned key; /* of the subject; not set when the certificate was decoded with the file */
	X509 *cert;   /* NULL: not decoded yet */
	bool added;   /* to the store */
};
struct bundle {
	char *path, *text;
	bool read;
	struct anchor *v;
	size_t n, cap;
};

static void forget(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		X509_free(b->v[i].cert);
	free(b->v);
	free(b->text);
	b->v = NULL;
	b->text = NULL;
	b->n = b->cap = 0;
}

static X509 *decode(struct anchor *a)
{
	const unsigned char *p = a->der;

	if (!a->cert)
		a->cert = d2i_X509(NULL, &p, (long)a->len);
	return a->cert;
}

/* A line without its end and the white space before it. */
struct line {
	char *s;
	size_t len;
};

/* Returns the line at *text, and moves *text behind it. */
static struct line next_line(char **text)
{
	struct line line = {*text, strcspn(*text, "\n")};

	*text += line.len + (line.s[line.len] == '\n');
	while (line.len && (line.s[line.len - 1] == ' ' || line.s[line.len - 1] == '\r'))
		line.len--;
	return line;
}

static bool line_is(struct line line, const char *text)
{
	return line.len == strlen(text) && !memcmp(line.s, text, line.len);
}

/* Decodes base64 without line ends in its place. Returns the count of bytes; 0: this is not base64. */
static size_t decode_base64(char *text, size_t len)
{
	const char *padding = memchr(text, '=', len);
	size_t pads = padding ? len - (size_t)(padding - text) : 0;
	unsigned char *bytes = (unsigned char *)text;

	if (len == 0 || len % 4 || pads > 2 || (pads == 2 && text[len - 1] != '='))
		return 0;
	/* It skips white space at the beginning, and then returns less. */
	return EVP_DecodeBlock(bytes, bytes, (int)len) == (int)(len / 4 * 3) ? len / 4 * 3 - pads
									     : 0;
}

/* Reads what follows BEGIN. The base64 moves together where it stands, and so do the bytes that it means. */
static bool read_block(struct bundle *b, char **text)
{
	struct anchor a = {.der = (unsigned char *)*text};
	size_t coded = 0;

	for (bool last = false;; last = last || coded % LINE_DATA) {
		struct line line = next_line(text);

		if (line_is(line, "-----END CERTIFICATE-----"))
			break;
		if (line.len == 0 || line.len > LINE_DATA || last)
			return false;
		memmove((char *)a.der + coded, line.s, line.len);
		coded += line.len;
	}
	a.len = decode_base64((char *)a.der, coded);
	if (!a.len || (!ca_bundle_outline(a.der, a.len, &a.key) && !decode(&a)))
		return false;
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 8;
		b->v = xrealloc(b->v, b->cap * sizeof *b->v);
	}
	b->v[b->n++] = a;
	return true;
}

/* Reads a text of lines, of which some are blocks of certificates. False: it has something else, or none. */
static bool read_text(struct bundle *b)
{
	char *text = b->text;

	while (*text) {
		struct line line = next_line(&text);

		if (line.len > TEXT_LINE_MAX)
			return false;
		if (!line_is(line, "-----BEGIN CERTIFICATE-----")) {
			if (memmem(line.s, line.len, "-----BEGIN", 10))
				return false;
		} else if (!read_block(b, &text)) {
			return false;
		}
	}
	return b->n > 0;
}

/* Returns false, with nothing in the bundle, when OpenSSL must judge the file. A pipe can be read only once: OpenSSL reads it. */
static bool read_bundle(struct bundle *b)
{
	struct stat st;
	size_t len;

	b->read = true;
	if (stat(b->path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	b->text = file_read(b->path, FILE_MAX, &len);
	ERR_set_mark();
	if (b->text && strlen(b->text) == len && read_text(b)) {
		ERR_pop_to_mark();
		return true;
	}
	ERR_pop_to_mark();
	forget(b);
	return false;
}

/* ---- OpenSSL's look-up ------------------------------------------------------------------------------------------------------ */
/* Returns the first certificate of the bundle with this subject. All of them go to the store, where OpenSSL looks for others of the
 * name: a CA that was renewed, or signed by another one, has several. */
static X509 *add_subject(struct bundle *b, X509_STORE *store, const X509_NAME *name)
{
	struct der der = {NULL, NULL};
	size_t len = 0;
	unsigned key;
	bool has_key = X509_NAME_get0_der(name, &der.p, &len) == 1;
	X509 *first = NULL;

	der.end = der.p + len;
	has_key = has_key && take_name(&der, &key);
	for (size_t i = 0; i < b->n; i++) {
		struct anchor *a = &b->v[i];

		if (a->added || (has_key && !a->cert && a->key != key) || !decode(a) ||
		    X509_NAME_cmp(X509_get_subject_name(a->cert), name) != 0)
			continue;
		a->added = X509_STORE_add_cert(store, a->cert) == 1;
		first = first ? first : a->cert;
	}
	return first;
}

/* Lets OpenSSL load the file into the store, and looks there. That asks this look-up again, which then has nothing. */
static X509_OBJECT *load_and_search(X509_STORE *store, const char *path, X509_LOOKUP_TYPE type,
				    const X509_NAME *name)
{
	X509_STORE_CTX *search = X509_STORE_CTX_new();
	X509_OBJECT *object;

	ERR_set_mark();
	X509_STORE_load_file(store, path);
	ERR_pop_to_mark(); /* the handshake's error is that the issuer is unknown */
	object = search && X509_STORE_CTX_init(search, store, NULL, NULL)
		     ? X509_STORE_CTX_get_obj_by_subject(search, type, name)
		     : NULL;
	X509_STORE_CTX_free(search);
	return object;
}

/* OpenSSL calls this for an issuer that neither the store nor an earlier look-up has. */
static int find(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
		X509_OBJECT *found)
{
	struct bundle *b = X509_LOOKUP_get_method_data(lookup);
	X509_STORE *store = X509_LOOKUP_get_store(lookup);
	X509 *cert;

	if (!b->read && !read_bundle(b)) {
		X509_OBJECT *object = load_and_search(store, b->path, type, name);

		cert = X509_OBJECT_get0_X509(object);
		X509_OBJECT_free(object); /* the store has it */
	} else {
		cert = type == X509_LU_X509 ? add_subject(b, store, name) : NULL;
	}
	if (!cert || !X509_OBJECT_set1_X509(found, cert))
		return 0;
	X509_free(cert); /* the caller takes its own reference to what is found */
	return 1;
}

static void free_bundle(X509_LOOKUP *lookup)
{
	struct bundle *b = X509_LOOKUP_get_method_data(lookup);

	forget(b);
	free(b->path);
	free(b);
}

static struct bundle *new_bundle(const char *path)
{
	struct bundle *b = xcalloc(1, sizeof *b);

	b->path = xstrdup(path);
	return b;
}

/* The store owns the bundle. */
static void add_lookup(X509_STORE *store, struct bundle *b)
{
	static X509_LOOKUP_METHOD *method;
	X509_LOOKUP *lookup;

	if (!method) {
		method = X509_LOOKUP_meth_new("CA bundle");
		invariant(method);
		X509_LOOKUP_meth_set_get_by_subject(method, find);
		X509_LOOKUP_meth_set_free(method, free_bundle);
	}
	lookup = X509_STORE_add_lookup(store, method);
	invariant(lookup && !X509_LOOKUP_get_method_data(lookup));
	X509_LOOKUP_set_method_data(lookup, b);
}

bool ca_bundle_add(X509_STORE *store, const char *path)
{
	struct bundle *b = new_bundle(path);

	if (read_bundle(b)) {
		add_lookup(store, b);
		return true;
	}
	free(b->path);
	free(b);
	return X509_STORE_load_file(store, path) == 1;
}

void ca_bundle_add_late(X509_STORE *store, const char *path)
{
	add_lookup(store, new_bundle(path));
}
