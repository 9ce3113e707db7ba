#include "scrub_config.h"

#include "scrub.h"

typedef void visit_fn(const struct key *k, const void *field);

static void walk(const struct schema *schema, const void *conf, visit_fn *visit)
{
	for (const struct key *k = schema->keys; k->name; k++) {
		const void *field = (const char *)conf + k->offset;

		if (k->type == K_GROUP && *(const void *const *)field) {
			walk(k->sub, *(const void *const *)field, visit);
		} else if (k->type == K_GROUPLIST) {
			const struct grouplist *list = field;

			for (size_t i = 0; i < list->n; i++)
				walk(k->sub, (const char *)list->v + i * k->sub->size, visit);
		} else {
			visit(k, field);
		}
	}
}

static void register_url(const struct url *url)
{
	struct url revealed;
	struct diag ignored;

	if (url->text)
		url_reveal(url, &revealed, &ignored);
}

static void register_secrets(const struct key *k, const void *field)
{
	const struct urllist *urls = field;
	const struct pairlist *pairs = field;
	struct diag ignored;

	if (k->type == K_SECRET)
		secret_reveal(*(const struct secret *)field, &ignored);
	else if (k->type == K_URL)
		register_url(field);
	for (size_t i = 0; k->type == K_URLLIST && i < urls->n; i++)
		register_url(&urls->v[i]);
	for (size_t i = 0; k->type == K_PAIRLIST && i < pairs->n; i++)
		if (!pairs->v[i].value)
			secret_reveal(pairs->v[i].secret, &ignored);
}

static void register_plain_url(const struct url *url)
{
	if (!url->text || secret_is_set(url->ref))
		return;
	scrub_exempt(url->host);
	scrub_exempt(url->path);
}

static void register_plain(const struct key *k, const void *field)
{
	const struct strlist *texts = field;
	const struct urllist *urls = field;
	const struct pairlist *pairs = field;

	if (k->type == K_STR || k->type == K_PATH || k->type == K_HOSTPORT)
		scrub_exempt(*(const char *const *)field);
	else if (k->type == K_URL)
		register_plain_url(field);
	for (size_t i = 0; k->type == K_URLLIST && i < urls->n; i++)
		register_plain_url(&urls->v[i]);
	for (size_t i = 0; k->type == K_STRLIST && i < texts->n; i++)
		scrub_exempt(texts->v[i]);
	for (size_t i = 0; k->type == K_PAIRLIST && i < pairs->n; i++)
		scrub_exempt(pairs->v[i].value);
}

void scrub_config(const struct schema *schema, const void *conf)
{
	walk(schema, conf, register_plain); /* first: they decide how secrets are searched for */
	walk(schema, conf, register_secrets);
}
