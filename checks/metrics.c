/* metrics: checks that a page is metrics text and holds the families that dashboards and alerts need; or that the port on
 * which the service will serve its own page is free. */
#include <errno.h>
#include <math.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"
#include "json.h"
#include "prom_format.h"
#include "prom_text.h"
#include "resolve.h"
#include "web.h"

#define PAGE_MAX (16 * 1024 * 1024)

enum page_format { FORMAT_AUTO, FORMAT_PROMETHEUS, FORMAT_OPENMETRICS };
static const char *const formats[] = {"auto", "prometheus", "openmetrics", NULL};
static const char *const types[] = {"counter",  "gauge",          "histogram", "summary", "info",
				    "stateset", "gaugehistogram", "unknown",   NULL};

struct family {
	const char *name;
	int type;
	struct pairlist labels;
	double min, max;
	int64_t min_series;
};
struct metrics_conf {
	struct url url;
	WEB_KEY_FIELDS
	int format;
	struct grouplist families;
	struct pairlist max_age;
	const char *free_port;
};

static const struct key family_keys[] = {
    KEY_STR(struct family, name, .flags = K_REQUIRED, .doc = "Name of the family, as on the page.",
	    .example = "\"learner_events_total\""),
    KEY_ENUM(struct family, type, .choices = types, .doc = "The type the page must declare.",
	     .example = "\"counter\""),
    KEY_PAIRLIST(struct family, labels,
		 .doc = "Labels a series must have to count; values without the page's escapes.",
		 .example = "[\"job=\\\"learner\\\"\"]"),
    KEY_NUM(struct family, min,
	    .doc = "The smallest value a series may have (histograms and summaries: its count).",
	    .example = "1"),
    KEY_NUM(struct family, max, .doc = "The largest value a series may have.", .example = "1000"),
    KEY_INT(struct family, min_series, .def = "0", .min = "0", .max = "1000000",
	    .doc = "How many series there must be at least."),
    KEY_END,
};
static const struct schema family_schema = {.size = sizeof(struct family), .keys = family_keys};

static const struct key metrics_keys[] = {
    KEY_URL(struct metrics_conf, url, .schemes = web_schemes, .doc = "The page.",
	    .example = "\"http://learner:9100/metrics\""),
    WEB_KEYS(struct metrics_conf),
    KEY_ENUM(struct metrics_conf, format, .choices = formats, .def = "auto",
	     .doc = "Which format the page must have; auto: as its content type says. Where the "
		    "content type is none of Prometheus's, this format is read, as with "
		    "fallback_scrape_protocol."),
    KEY_GROUPLIST(struct metrics_conf, families, .sub = &family_schema,
		  .doc = "Families that must be on the page.",
		  .example = "( { name = \"learner_events_total\"; type = \"counter\"; } )"),
    KEY_PAIRLIST(struct metrics_conf, max_age,
		 .doc = "Metrics that hold a Unix time, and how old it may be.",
		 .example = "[\"job_last_success_timestamp_seconds=10m\"]"),
    KEY_HOSTPORT(struct metrics_conf, free_port,
		 .doc = "Address the service is going to listen on: it must be free. While the "
			"service runs it is not: give this check only_at = [\"run\"].",
		 .example = "\"0.0.0.0:9100\""),
    KEY_END,
};

static const char *metrics_validate(const void *conf, const char **key)
{
	const struct metrics_conf *c = conf;
	struct web_conf web = WEB_CONF(c);
	bool url = url_is_set(&c->url);

	if (!url && !c->free_port)
		return "give url or free_port";
	*key = c->families.n ? "families" : "max_age";
	if (!url && (c->families.n || c->max_age.n))
		return "needs url, the page to look at";
	for (size_t i = 0; i < c->families.n; i++) {
		const struct family *f = GROUP_AT(c->families, struct family, i);

		if (!isnan(f->min) && !isnan(f->max) && f->min > f->max)
			return "has a min above its max";
	}
	*key = "max_age";
	for (size_t i = 0; i < c->max_age.n; i++) {
		struct duration age;

		if (!c->max_age.v[i].value || duration_parse(&age, c->max_age.v[i].value))
			return "must be NAME=AGE with a unit, as in "
			       "job_last_success_timestamp_seconds=10m";
	}
	return web_conf_problem(&web, &c->url, key);
}

/* ---- parsing of the page ----------------------------------------------------------------------------------------- */
/* The page's samples of one family, or of one metric of max_age. */
struct seen {
	bool there;
	char type[24];
	int64_t series;    /* count of those with the wanted labels */
	bool outside;      /* a series is outside min and max */
	double value;      /* of that series; of max_age: the oldest time, Unix seconds */
	double latest;     /* of max_age: the latest time; not a number if any is none */
	char example[160]; /* labels of one series, for causes */
};
struct page {
	const struct metrics_conf *conf;
	struct seen *families, *ages; /* in the order of conf->families and conf->max_age */
	const char *name, *type;      /* of the family that was declared last, "" before any */
	size_t lines, samples;
};

/* The suffixes of a type's samples (OpenMetrics 1.0, "Suffixes"; in the text format summaries and histograms have the same). The first
 * is that of the one sample that stands for a series: a counter's total, a histogram's count. */
static const struct {
	const char *type, *suffixes[6];
} samples_of[] = {{"counter", {"_total", "", "_created"}},
		  {"histogram", {"_count", "_sum", "_bucket", "_created", ""}},
		  {"gaugehistogram", {"_gcount", "_gsum", "_bucket"}},
		  {"summary", {"_count", "_sum", "_created", ""}},
		  {"info", {"_info", ""}}};

/* Returns what `name` has behind the family's name; NULL when it begins otherwise. */
static const char *suffix_of(const char *name, const char *family)
{
	size_t n = strlen(family);

	return strncmp(name, family, n) == 0 ? name + n : NULL;
}

/* Returns whether a sample with this suffix belongs to a family of the type, and in *counts whether it stands for its series. The
 * total of a counter has the suffix in OpenMetrics; in the text format its family's name often has it already. */
static bool is_of_type(const char *type, const char *suffix, bool *counts)
{
	for (size_t i = 0; i < ARRAY_LEN(samples_of); i++) {
		if (!str_eq(samples_of[i].type, type))
			continue;
		for (const char *const *s = samples_of[i].suffixes; *s; s++)
			if (str_eq(*s, suffix)) {
				*counts =
				    s == samples_of[i].suffixes ||
				    (!*suffix && (str_eq(type, "counter") || str_eq(type, "info")));
				return true;
			}
		return false;
	}
	*counts = true;
	return !*suffix;
}

/* Is a family that no TYPE line declares. Its samples are known by their suffixes alone. */
static bool is_of_undeclared(const char *suffix, bool *counts)
{
	static const char *const others[] = {"_sum", "_bucket", "_gsum", "_created"};
	static const char *const counted[] = {"", "_total", "_count", "_info", "_gcount"};

	*counts = true;
	for (size_t i = 0; i < ARRAY_LEN(counted); i++)
		if (str_eq(suffix, counted[i]))
			return true;
	*counts = false;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_eq(suffix, others[i]))
			return true;
	return false;
}

/* Returns the length of a name without `suffix`. */
static size_t base_len(const char *name, const char *suffix)
{
	return strlen(name) - (str_ends(name, suffix) ? strlen(suffix) : 0);
}

/* Returns whether the declared family is the one that the profile names. The same counter is x in OpenMetrics and x_total in the
 * text format, the same info x and x_info: profiles may name either. */
static bool is_family(const char *declared, const char *type, const struct family *f)
{
	bool info =
	    str_eq(type, "info") || (f->type != ENUM_UNSET && str_eq(types[f->type], "info"));
	const char *suffix = info ? "_info" : "_total";
	size_t n = base_len(declared, suffix);

	if (str_eq(declared, f->name))
		return true;
	return (info || str_eq(type, "counter")) && n == base_len(f->name, suffix) &&
	       !strncmp(declared, f->name, n);
}

static bool labels_match(const struct prom_line *line, const struct pairlist *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *want = wanted->v[i].value ? wanted->v[i].value : "",
			   *has = prom_label_of(line, wanted->v[i].name);
		size_t n = strlen(want);

		if (n >= 2 && want[0] == '"' && want[n - 1] == '"') {
			want++;
			n -= 2;
		}
		if (!has || strlen(has) != n || strncmp(has, want, n) != 0)
			return false;
	}
	return true;
}

static void labels_text(const struct prom_line *line, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < line->n_labels && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s=\"%s\"", i ? "," : "",
				      line->labels[i].name, line->labels[i].value);
}

/* Returns whether a sample belongs to the family, and in *counts whether it stands for its series. */
static bool is_sample_of(const struct page *page, const struct family *f, const char *sample,
			 bool *counts)
{
	const char *suffix = suffix_of(sample, page->name);

	if (*page->name && is_family(page->name, page->type, f))
		return suffix && is_of_type(page->type, suffix, counts);
	/* A sample of the family declared last belongs to no other. */
	if (*page->name && suffix && is_of_type(page->type, suffix, counts))
		return false;
	suffix = suffix_of(sample, f->name);
	return suffix && is_of_undeclared(suffix, counts);
}

static void count_sample(const struct page *page, const struct family *f, struct seen *s,
			 const struct prom_line *line)
{
	bool counts;

	if (!is_sample_of(page, f, line->name, &counts))
		return;
	s->there = true;
	if (!s->example[0])
		labels_text(line, s->example, sizeof s->example);
	if (!counts || !labels_match(line, &f->labels))
		return;
	s->series++;
	if (!s->outside && (line->value < f->min || line->value > f->max ||
			    (isnan(line->value) && !(isnan(f->min) && isnan(f->max))))) {
		s->outside = true;
		s->value = line->value;
		labels_text(line, s->example, sizeof s->example);
	}
}

static void declare_family(struct page *page, const struct prom_line *line)
{
	page->name = line->name;
	page->type = line->type;
	for (size_t i = 0; i < page->conf->families.n; i++) {
		const struct family *f = GROUP_AT(page->conf->families, struct family, i);

		if (!is_family(line->name, line->type, f))
			continue;
		page->families[i].there = true;
		snprintf(page->families[i].type, sizeof(page->families[i].type), "%s", line->type);
	}
}

static void keep_time(struct seen *s, double value)
{
	if (!s->there || value < s->value)
		s->value = value;
	/* One that is not a number stays, whatever the order of the series. */
	if (!s->there || (!isnan(s->latest) && !(value <= s->latest)))
		s->latest = value;
	s->there = true;
}

static void handle_line(const struct prom_line *line, void *arg)
{
	struct page *page = arg;

	page->lines++;
	if (line->kind == PROM_TYPE)
		declare_family(page, line);
	if (line->kind != PROM_SAMPLE)
		return;
	page->samples++;
	for (size_t i = 0; i < page->conf->families.n; i++)
		count_sample(page, GROUP_AT(page->conf->families, struct family, i),
			     &page->families[i], line);
	for (size_t i = 0; i < page->conf->max_age.n; i++)
		if (str_eq(line->name, page->conf->max_age.v[i].name))
			keep_time(&page->ages[i], line->value);
}

/* ---- evaluation of the page -------------------------------------------------------------------------------------- */
/* The text format has fewer types; client libraries declare those of OpenMetrics by the nearest one there. */
static bool type_matches(const char *declared, int wanted, bool openmetrics)
{
	static const char *const nearest[][2] = {{"unknown", "untyped"},
						 {"info", "gauge"},
						 {"stateset", "gauge"},
						 {"gaugehistogram", "histogram"}};

	if (str_eq(declared, types[wanted]))
		return true;
	for (size_t i = 0; !openmetrics && i < ARRAY_LEN(nearest); i++)
		if (str_eq(nearest[i][0], types[wanted]) && str_eq(nearest[i][1], declared))
			return true;
	return false;
}

static enum result judge_family(const struct family *f, const struct seen *s, bool openmetrics,
				const char *url, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "family %s", f->name);
	if (!s->there)
		return check_fail(out, D_METRICS_FAMILY_MISSING, subject, "%s does not have it",
				  url);
	if (f->type != ENUM_UNSET && !type_matches(s->type, f->type, openmetrics))
		return check_fail(out, D_METRICS_TYPE, subject,
				  "the page declares %s, demanded is %s",
				  s->type[0] ? s->type : "no type", types[f->type]);
	if (f->labels.n && !s->series)
		return check_fail(out, D_METRICS_LABEL, subject,
				  s->example[0] ? "no series has the labels; one has {%s}"
						: "no series has labels at all%s",
				  s->example);
	if (s->series < f->min_series)
		return check_fail(out, D_METRICS_LABEL, subject,
				  "%lld series, demanded are at least %lld", (long long)s->series,
				  (long long)f->min_series);
	if ((!isnan(f->min) || !isnan(f->max)) && !s->series)
		return check_fail(out, D_METRICS_VALUE, subject,
				  "the family is declared but has no series yet");
	if (s->outside)
		return check_fail(out, D_METRICS_VALUE, subject, "{%s} is %g, outside %g to %g",
				  s->example, s->value, isnan(f->min) ? -INFINITY : f->min,
				  isnan(f->max) ? INFINITY : f->max);
	return RESULT_PASS;
}

/* Clocks of two machines may differ so much, in seconds. */
#define FUTURE_MAX 300.0
/* Unix seconds are not as large before the year 5138, milliseconds were since 1973. */
#define SECONDS_MAX 1e11

/* Is a time one at all? A time in milliseconds, or one that never comes, would be young for ever. */
static enum result judge_time(const char *name, double latest, double now, struct diag *out)
{
	if (!isfinite(latest))
		return check_fail(out, D_METRICS_VALUE, name, "it is %g, which is not a time",
				  latest);
	if (latest >= SECONDS_MAX)
		return check_fail(
		    out, D_METRICS_VALUE, name, "it is %.0f, which is not a time in seconds%s",
		    latest, latest / 1e3 < now + FUTURE_MAX ? "; in milliseconds it is one" : "");
	if (latest > now + FUTURE_MAX)
		return check_fail(out, D_METRICS_VALUE, name,
				  "it is %.0f s in the future, by this machine's clock",
				  latest - now);
	return RESULT_PASS;
}

static enum result judge_age(const struct pair *p, const struct seen *s, const char *url,
			     struct diag *out)
{
	struct timespec now;
	struct duration age;
	char allowed[32];
	double is;

	if (!s->there)
		return check_fail(out, D_METRICS_FAMILY_MISSING, p->name, "%s does not have it",
				  url);
	duration_parse(&age, p->value);
	clock_gettime(CLOCK_REALTIME, &now);
	if (judge_time(p->name, s->latest, (double)now.tv_sec, out))
		return RESULT_FAIL;
	is = (double)now.tv_sec - s->value;
	if (is <= duration_ms(age) / 1e3)
		return RESULT_PASS;
	return check_fail(out, D_METRICS_STALE, p->name, "it is %.0f s old, allowed are %s", is,
			  duration_text(age, allowed, sizeof allowed));
}

static const char json_hint[] =
    "the page is JSON: ask for the path with the text format (Spring: /actuator/prometheus, not "
    "/actuator/metrics), or put an exporter in front of it";

/* Is the body a JSON object or list? No page of metrics begins so. */
static bool is_json(const struct web_response *resp)
{
	char err[100];
	json_t *root = json_read(resp->body, resp->len, err, sizeof err);
	bool structure = json_is_object(root) || json_is_array(root);

	json_decref(root);
	return structure;
}

/* Says why Prometheus refuses a page by its content type. */
static enum result fail_content_type(const struct web_response *resp, enum prom_format is,
				     struct diag *out)
{
	const char *type = resp->content_type_header;

	if (is == PROM_FORMAT_PROTOBUF)
		return check_fail(out, D_METRICS_MALFORMED, resp->subject,
				  "the page is protobuf, which was not asked for: %s", type);
	if (is == PROM_FORMAT_OPENMETRICS_2)
		return check_fail(out, D_METRICS_MALFORMED, resp->subject,
				  "Prometheus refuses OpenMetrics 2.0 without the feature flag "
				  "openmetrics2: %s",
				  type);
	check_fail(out, D_METRICS_MALFORMED, resp->subject,
		   "Prometheus 3 refuses the content type %s without fallback_scrape_protocol; "
		   "with it, give format",
		   type[0] ? type : "\"\" (none was sent)");
	if (is_json(resp))
		diag_hint(out, "%s", json_hint);
	return RESULT_FAIL;
}

/* Says why the page cannot be read, with what its author likely did not mean. */
static enum result fail_page(const struct web_response *resp, const char *why, struct diag *out)
{
	const char *end = memchr(resp->body, '\n', resp->len);
	bool crlf = end && end > resp->body && end[-1] == '\r';

	check_fail(out, D_METRICS_MALFORMED, resp->subject, "%s%s; the body: %s", why,
		   crlf ? " (the lines end with a carriage return, which the format does not have)"
			: "",
		   resp->body_start);
	if (is_json(resp))
		diag_hint(out, "%s", json_hint);
	else if (crlf)
		diag_hint(out, "write the lines with \\n alone: Prometheus takes a carriage return "
			       "for a part of the type or value before it");
	return RESULT_FAIL;
}

/* Decides in which format the page is read, as Prometheus does: by its content type, or by `format` where that has no format,
 * as by fallback_scrape_protocol. */
static enum result choose_format(const struct metrics_conf *c, const struct web_response *resp,
				 bool *openmetrics, struct diag *out)
{
	enum prom_format is = prom_format_of(resp->content_type_header);
	const char *type = resp->content_type_header;

	*openmetrics = is == PROM_FORMAT_OPENMETRICS;
	if (c->format == FORMAT_OPENMETRICS && is == PROM_FORMAT_TEXT)
		return check_fail(out, D_METRICS_MALFORMED, resp->subject,
				  "the content type is %s, not application/openmetrics-text", type);
	if (c->format == FORMAT_PROMETHEUS &&
	    (is == PROM_FORMAT_OPENMETRICS || is == PROM_FORMAT_OPENMETRICS_2))
		return check_fail(out, D_METRICS_MALFORMED, resp->subject,
				  "the content type is %s, not text/plain", type);
	if (is == PROM_FORMAT_TEXT || is == PROM_FORMAT_OPENMETRICS)
		return RESULT_PASS;
	if (c->format == FORMAT_AUTO || is == PROM_FORMAT_PROTOBUF)
		return fail_content_type(resp, is, out);
	*openmetrics = c->format == FORMAT_OPENMETRICS;
	return RESULT_PASS;
}

/* An HTML page for people has a cause of its own; an HTML content type before metrics has not. */
static bool is_page_for_people(const struct web_response *resp)
{
	return resp->body[strspn(resp->body, " \t\r\n")] == '<';
}

/* The page that exporters have at / links to their metrics. */
static enum result fail_page_for_people(const struct web_response *resp, struct diag *out)
{
	check_fail(out, D_HTTP_HTML_PAGE, resp->subject, "metrics were expected; the body: %s",
		   resp->body_start);
	if (strstr(resp->body, "=\"/metrics\"") && !str_ends(resp->subject, "/metrics"))
		diag_hint(out, "the page has a link to /metrics: give that path in url");
	return RESULT_FAIL;
}

/* Prometheus undoes gzip, which it asks for, and nothing else. */
static enum result check_coding(const struct web_response *resp, struct diag *out)
{
	if (!resp->coding[0] || str_eq(resp->coding, "gzip") || str_eq(resp->coding, "identity"))
		return RESULT_PASS;
	return check_fail(out, D_METRICS_MALFORMED, resp->subject,
			  "the page is compressed with %s, which Prometheus does not undo",
			  resp->coding);
}

static enum result read_page(const struct metrics_conf *c, struct web_response *resp,
			     struct page *page, bool *openmetrics, struct diag *out)
{
	char why[300];

	if (is_page_for_people(resp))
		return fail_page_for_people(resp, out);
	/* Prometheus takes an empty page whatever its content type; there is nothing to judge yet. */
	if (resp->len && (check_coding(resp, out) || choose_format(c, resp, openmetrics, out)))
		return RESULT_FAIL;
	if (resp->len &&
	    !prom_read(resp->body, resp->len, *openmetrics, handle_line, page, why, sizeof why))
		return fail_page(resp, why, out);
	if (!page->samples && !(page->lines && c->families.n))
		return check_fail(out, D_METRICS_EMPTY, resp->subject,
				  "%zu bytes, and no sample among them", resp->len);
	return RESULT_PASS;
}

static enum result judge_page(const struct check_run *run, struct web_response *resp,
			      struct page *page, struct diag *out)
{
	const struct metrics_conf *c = page->conf;
	bool openmetrics = false;

	if (read_page(c, resp, page, &openmetrics, out))
		return RESULT_FAIL;
	check_reached(run, "page");
	check_fact(run, "samples", "%zu", page->samples);
	for (size_t i = 0; i < c->families.n; i++)
		if (judge_family(GROUP_AT(c->families, struct family, i), &page->families[i],
				 openmetrics, resp->subject, out))
			return RESULT_FAIL;
	for (size_t i = 0; i < c->max_age.n; i++)
		if (judge_age(&c->max_age.v[i], &page->ages[i], resp->subject, out))
			return RESULT_FAIL;
	return RESULT_PASS;
}

/* What Prometheus 3.16 asks for, and less where `format` says which format it must be. */
static const char *const accepted[] = {
    [FORMAT_AUTO] = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,"
		    "application/openmetrics-text;version=0.0.1;q=0.6,"
		    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		    "text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
    [FORMAT_PROMETHEUS] = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.7,"
			  "text/plain;version=0.0.4;q=0.6,*/*;q=0.3",
    [FORMAT_OPENMETRICS] = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,"
			   "application/openmetrics-text;version=0.0.1;q=0.6,*/*;q=0.3",
};

static enum result check_page(const struct check_run *run, const struct metrics_conf *c,
			      struct diag *out)
{
	struct web_conf web = WEB_CONF(c);
	struct page page = {.conf = c, .name = "", .type = ""};
	struct web_response resp;
	struct url url;
	struct web_request req = {.run = run, .url = &url, .web = &web, .max_body = PAGE_MAX};

	req.accept = accepted[c->format];
	req.gzip = true;
	if (url_reveal(&c->url, &url, out) || web_request(&req, &resp, out))
		return RESULT_FAIL;
	if (resp.status != 200)
		return web_fail_status(out, &resp, "200");
	page.families = xcalloc(c->families.n + 1, sizeof *page.families);
	page.ages = xcalloc(c->max_age.n + 1, sizeof *page.ages);
	if (judge_page(run, &resp, &page, out))
		return RESULT_FAIL;
	check_summary(run, "%s, %zu samples, %zu famil%s as demanded", resp.subject, page.samples,
		      c->families.n, c->families.n == 1 ? "y" : "ies");
	return RESULT_PASS;
}

/* Binds the port as a server does, but never listens. SO_REUSEADDR ignores connections in TIME_WAIT. */
static enum result check_port_free(const struct check_run *run, const struct metrics_conf *c,
				   struct diag *out)
{
	struct addrinfo *list;
	char host[256];
	int port, one = 1;
	cleanup_fd int fd = -1;

	invariant(!hostport_split(c->free_port, host, sizeof host, &port));
	check_step(run, PH_ASSERT, "binding %s", c->free_port);
	if (resolve_host(run, host, port, AF_UNSPEC, &list, out))
		return RESULT_FAIL;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return check_fail(out, D_METRICS_PORT_UNUSABLE, c->free_port, "socket: %s",
				  strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, list->ai_addr, list->ai_addrlen))
		return check_fail(
		    out, errno == EADDRINUSE ? D_METRICS_PORT_TAKEN : D_METRICS_PORT_UNUSABLE,
		    c->free_port, "bind: %s", strerror(errno));
	check_reached(run, "port free");
	if (!url_is_set(&c->url))
		check_summary(run, "%s is free", c->free_port);
	return RESULT_PASS;
}

static enum result metrics_run(const struct check_run *run, struct diag *out)
{
	const struct metrics_conf *c = run->conf;

	if (c->free_port && check_port_free(run, c, out))
		return RESULT_FAIL;
	return url_is_set(&c->url) ? check_page(run, c, out) : RESULT_PASS;
}

const struct check_kind check_metrics = {
    .name = "metrics",
    .summary = "a metrics page is well-formed and holds its families, or the port for one is free",
    .schema = &(const struct schema){.size = sizeof(struct metrics_conf), .keys = metrics_keys},
    .urls = {{.scheme = "metrics+http",
	      .example = "metrics+http://host:9090/metrics",
	      .key = "url",
	      .as = "http"},
	     {.scheme = "metrics+https",
	      .example = "metrics+https://host:9090/metrics",
	      .key = "url",
	      .as = "https"}},
    .library = web_library,
    .validate = metrics_validate,
    .run = metrics_run,
};
