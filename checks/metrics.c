/* metrics: checks that a page is metrics text and holds the families that dashboards and alerts need; or that the port on
 * which the service will serve its own page is free. */
#include <errno.h>
#include <math.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"
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
    KEY_PAIRLIST(struct family, labels, .doc = "Labels a series must have to count.",
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
	     .doc = "Which format the page must have; auto: as its content type says."),
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
	double latest;     /* of max_age: the latest time; not a number if one is none */
	char example[160]; /* labels of one series, for causes */
};
struct page {
	const struct metrics_conf *conf;
	struct seen *families, *ages; /* in the order of conf->families and conf->max_age */
	size_t lines, samples;
};

/* A sample has its family's name, perhaps with a suffix of the type (OpenMetrics 1.0, "Suffixes"). Returns that suffix, ""
 * without one; NULL when the sample is of another family. */
static const char *suffix_of(const char *sample, const char *family)
{
	static const char *const suffixes[] = {"",        "_total", "_count", "_sum",
					       "_bucket", "_info",  "_gsum",  "_gcount"};
	size_t n = strlen(family);

	if (strncmp(sample, family, n) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (str_eq(sample + n, suffixes[i]))
			return suffixes[i];
	return NULL;
}

/* In OpenMetrics the family of the sample x_total is x; profiles may name either. */
static bool type_is_for(const char *declared, const char *family)
{
	size_t n = strlen(declared);

	return str_eq(declared, family) ||
	       (!strncmp(declared, family, n) && str_eq(family + n, "_total"));
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

static void count_sample(const struct family *f, struct seen *s, const struct prom_line *line)
{
	const char *suffix = suffix_of(line->name, f->name);

	if (!suffix)
		return;
	s->there = true;
	if (!s->example[0])
		labels_text(line, s->example, sizeof s->example);
	/* Only one sample of each series counts: the value, a counter's total, a histogram's count. */
	if (str_eq(suffix, "_bucket") || str_eq(suffix, "_sum") || str_eq(suffix, "_gsum") ||
	    !labels_match(line, &f->labels))
		return;
	s->series++;
	if (!s->outside && (line->value < f->min || line->value > f->max ||
			    (isnan(line->value) && !(isnan(f->min) && isnan(f->max))))) {
		s->outside = true;
		s->value = line->value;
		labels_text(line, s->example, sizeof s->example);
	}
}

static void handle_line(const struct prom_line *line, void *arg)
{
	struct page *page = arg;

	page->lines++;
	page->samples += line->kind == PROM_SAMPLE;
	for (size_t i = 0; i < page->conf->families.n; i++) {
		const struct family *f = GROUP_AT(page->conf->families, struct family, i);

		if (line->kind == PROM_SAMPLE) {
			count_sample(f, &page->families[i], line);
		} else if (line->kind == PROM_TYPE && type_is_for(line->name, f->name)) {
			page->families[i].there = true;
			snprintf(page->families[i].type, sizeof(page->families[i].type), "%s",
				 line->type);
		}
	}
	for (size_t i = 0; line->kind == PROM_SAMPLE && i < page->conf->max_age.n; i++)
		if (str_eq(line->name, page->conf->max_age.v[i].name)) {
			struct seen *s = &page->ages[i];

			if (!s->there || line->value < s->value)
				s->value = line->value;
			if (!s->there || !(line->value <= s->latest))
				s->latest = line->value;
			s->there = true;
		}
}

/* ---- evaluation of the page -------------------------------------------------------------------------------------- */
/* The text format says "untyped" where OpenMetrics says "unknown". */
static bool type_matches(const char *declared, int wanted)
{
	return str_eq(declared, types[wanted]) ||
	       (str_eq(types[wanted], "unknown") && str_eq(declared, "untyped"));
}

static enum result judge_family(const struct family *f, const struct seen *s, const char *url,
				struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "family %s", f->name);
	if (!s->there)
		return check_fail(out, D_METRICS_FAMILY_MISSING, subject, "%s does not have it",
				  url);
	if (f->type != ENUM_UNSET && !type_matches(s->type, f->type))
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

static enum result judge_page(const struct check_run *run, struct web_response *resp,
			      struct page *page, struct diag *out)
{
	const struct metrics_conf *c = page->conf;
	bool openmetrics = str_eq(resp->content_type, "application/openmetrics-text");
	char why[300];

	if (c->format == FORMAT_OPENMETRICS && !openmetrics)
		return check_fail(out, D_METRICS_MALFORMED, resp->subject,
				  "the content type is %s, not application/openmetrics-text",
				  resp->content_type[0] ? resp->content_type : "not given");
	if (web_is_html(resp))
		return check_fail(out, D_HTTP_HTML_PAGE, resp->subject,
				  "metrics were expected; the body: %s", resp->body_start);
	if (strlen(resp->body) != resp->len)
		return check_fail(out, D_METRICS_MALFORMED, resp->subject,
				  "the page holds a zero byte");
	if (!prom_read(resp->body, openmetrics, handle_line, page, why, sizeof why))
		return check_fail(out, D_METRICS_MALFORMED, resp->subject, "%s; the body: %s", why,
				  resp->body_start);
	if (!page->samples && !(page->lines && c->families.n))
		return check_fail(out, D_METRICS_EMPTY, resp->subject,
				  "%zu bytes, and no sample among them", resp->len);
	check_reached(run, "page");
	check_fact(run, "samples", "%zu", page->samples);
	for (size_t i = 0; i < c->families.n; i++)
		if (judge_family(GROUP_AT(c->families, struct family, i), &page->families[i],
				 resp->subject, out))
			return RESULT_FAIL;
	for (size_t i = 0; i < c->max_age.n; i++)
		if (judge_age(&c->max_age.v[i], &page->ages[i], resp->subject, out))
			return RESULT_FAIL;
	return RESULT_PASS;
}

static enum result check_page(const struct check_run *run, const struct metrics_conf *c,
			      struct diag *out)
{
	struct web_conf web = WEB_CONF(c);
	struct page page = {.conf = c};
	struct web_response resp;
	struct url url;
	struct web_request req = {.run = run, .url = &url, .web = &web, .max_body = PAGE_MAX};

	req.accept = c->format == FORMAT_OPENMETRICS
			 ? "application/openmetrics-text;version=1.0.0"
			 : "text/plain;version=0.0.4;q=1,application/"
			   "openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";
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
