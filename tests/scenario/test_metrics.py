"""metrics"""

import socket
import time

import pytest

from fakes.http import HttpServer, Reply

PAGE = """# HELP events_total Events seen.
# TYPE events_total counter
events_total{job="learner",path="C:\\\\DIR \\"x\\"\\n"} 3
events_total{job="other"} 0
# TYPE temperature gauge
temperature 21.5 1395066363000
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.1"} 1
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_sum 0.3
latency_seconds_count 2
# TYPE declared gauge
nothing_special NaN
"""


def page(text=PAGE, content_type="text/plain; version=0.0.4"):
    return HttpServer({"/metrics": Reply(200, text, content_type=content_type)})


@pytest.mark.near_miss(
    "metrics-malformed",
    "metrics-empty",
    "metrics-family-missing",
    "metrics-type",
    "metrics-label",
    "metrics-value",
    "metrics-stale",
)
@pytest.mark.parametrize(
    "family",
    [
        'name = "events_total"; type = "counter"; labels = ["job=\\"learner\\""]; min = 1; max = 3; min_series = 1;',
        'name = "temperature"; min = 20; max = 22;',
        'name = "latency_seconds"; type = "histogram"; min = 1;',
        'name = "declared"; type = "gauge";',
        'name = "events_total"; min_series = 2;',
    ],
)
def test_pass(guard, family):
    with page() as s:
        guard.try_("metrics", url=s.url + "/metrics", families=f"( {{ {family} }} )").passed()


ESCAPED = r"""
# TYPE files gauge
files{path="C:\\DIR",text="line\nof \"two\"",quoted="\"x\""} 1
"""


@pytest.mark.near_miss("metrics-label")
@pytest.mark.parametrize(
    "label", [r"path=C:\DIR", r'path="C:\DIR"', 'text=line\nof "two"', 'text="line\nof "two""', 'quoted=""x""']
)
def test_values_of_labels_are_as_prometheus_stores_them(guard, label):
    """The page's escapes are undone; one pair of quotes around a value of the profile does not belong to it."""
    with page(ESCAPED) as s:
        guard.try_("metrics", url=s.url + "/metrics", families=[{"name": "files", "labels": [label]}]).passed()


@pytest.mark.produces("metrics-label")
@pytest.mark.parametrize("label", [r"path=C:\\DIR", r"text=line\nof \"two\"", 'quoted="x"'])
def test_values_of_labels_have_no_escapes(guard, label):
    with page(ESCAPED) as s:
        check = guard.try_("metrics", url=s.url + "/metrics", families=[{"name": "files", "labels": [label]}])
        check.expect("metrics-label", exit=124)


@pytest.mark.parametrize(
    "code,family,words",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in [
            ("metrics-family-missing", 'name = "nope_total";', "does not have it"),
            ("metrics-family-missing", 'name = "events";', ""),
            ("metrics-type", 'name = "events_total"; type = "gauge";', "counter"),
            ("metrics-type", 'name = "nothing_special"; type = "gauge";', "no type"),
            ("metrics-label", 'name = "events_total"; labels = ["job=\\"none\\""];', "learner"),
            ("metrics-label", 'name = "events_total"; min_series = 3;', "2 series"),
            ("metrics-value", 'name = "events_total"; min = 1;', "other"),
            ("metrics-value", 'name = "temperature"; max = 20;', "21.5"),
            ("metrics-value", 'name = "nothing_special"; min = 0;', "nan"),
            ("metrics-value", 'name = "declared"; min = 0;', "no series"),
        ]
        if row[1] != 'name = "events";'
    ],
)
def test_families(guard, code, family, words):
    with page() as s:
        guard.try_("metrics", url=s.url + "/metrics", families=f"( {{ {family} }} )").expect(code, cause=words)


@pytest.mark.near_miss("metrics-malformed", "metrics-family-missing")
def test_openmetrics(guard):
    text = (
        '# TYPE events counter\n# UNIT events_x x\nevents_total{a="b"} 3 # {trace_id="x"} 1.0 1.1\nevents_created 1.5\n# EOF\n'
    )
    with page(text, "application/openmetrics-text; version=1.0.0; charset=utf-8") as s:
        guard.try_(
            "metrics",
            url=s.url + "/metrics",
            format="openmetrics",
            families='( { name = "events_total"; type = "counter"; }, { name = "events"; min = 3; } )',
        ).passed()
        assert "openmetrics" in s.requests[0].headers["accept"]


def test_utf8_names(guard):
    with page('{"my.metric",a="b"} 1\n') as s:
        guard.try_("metrics", url=s.url + "/metrics", families='["my.metric"]').passed()


@pytest.mark.produces("metrics-malformed")
@pytest.mark.near_miss("metrics-empty")
@pytest.mark.parametrize(
    "text,words",
    [
        ('{"status": "UP"}', "line 1"),
        ("ok\n", "line 1"),
        ("a 1\nb{x=1} 2\n", "line 2"),
        ('a{x="1} 2\n', "does not end"),
        ("a one\n", "not a number"),
        ("a 1 2 3\n", "behind the value"),
        ("a 0x10\n", "not a number"),
        ("a\n", "line 1"),
    ],
)
def test_malformed(guard, text, words):
    with page(text) as s:
        guard.try_("metrics", url=s.url + "/metrics").expect("metrics-malformed", exit=69, cause=words)


@pytest.mark.produces("metrics-malformed")
def test_openmetrics_cut_off(guard):
    with page("# TYPE a gauge\na 1\n", "application/openmetrics-text; version=1.0.0") as s:
        guard.try_("metrics", url=s.url + "/metrics").expect("metrics-malformed", cause="# EOF")
    with page() as s:
        guard.try_("metrics", url=s.url + "/metrics", format="openmetrics").expect("metrics-malformed", cause="text/plain")


@pytest.mark.near_miss("metrics-malformed")
@pytest.mark.parametrize("name", ["requests", "requests_total"])
@pytest.mark.parametrize("family", ["requests", "requests_total"])
@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_counter_has_one_name_in_both_formats(guard, name, family, openmetrics):
    text = f"# TYPE {family} counter\nrequests_total 3\n" + "# EOF\n" * openmetrics
    with page(text, "application/openmetrics-text" if openmetrics else "text/plain") as s:
        guard.try_(
            "metrics",
            url=s.url + "/metrics",
            families=f'( {{ name = "{name}"; type = "counter"; min = 3; min_series = 1; max = 3; }} )',
        ).passed()


@pytest.mark.parametrize("name", ["build", "build_info"])
@pytest.mark.parametrize("openmetrics", [False, True])
def test_an_info_has_one_name_in_both_formats(guard, name, openmetrics):
    declared = "# TYPE build info\n" if openmetrics else "# TYPE build_info gauge\n"
    text = declared + 'build_info{v="1"} 1\n' + "# EOF\n" * openmetrics
    with page(text, "application/openmetrics-text" if openmetrics else "text/plain") as s:
        guard.try_(
            "metrics", url=s.url + "/metrics", families=f'( {{ name = "{name}"; type = "info"; min_series = 1; }} )'
        ).passed()


SUMMARY = """# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 0.02
rpc_seconds{quantile="0.99"} NaN
rpc_seconds_sum 33.1
rpc_seconds_count 1200
# TYPE rpc_seconds_sum_of_others gauge
rpc_seconds_sum_of_others 1
"""


@pytest.mark.near_miss("metrics-value")
def test_a_summary_is_judged_by_its_count(guard):
    with page(SUMMARY) as s:
        family = 'name = "rpc_seconds"; type = "summary"; min = 1; max = 1200;'
        guard.try_("metrics", url=s.url + "/metrics", families=f"( {{ {family} }} )").passed()
        guard.try_("metrics", url=s.url + "/metrics", families='( { name = "rpc_seconds"; min_series = 2; } )').expect(
            "metrics-label", cause="1 series"
        )


@pytest.mark.parametrize("first", ["NaN", "1.7e9"])
@pytest.mark.produces("metrics-value")
def test_a_time_that_is_none_fails_wherever_it_stands(guard, first):
    second = "1.7e9" if first == "NaN" else "NaN"
    with page(f't{{a="1"}} {first}\nt{{a="2"}} {second}\n') as s:
        guard.try_("metrics", url=s.url + "/metrics", max_age=["t=10m"]).expect("metrics-value", cause="not a time")


@pytest.mark.produces("metrics-malformed")
@pytest.mark.parametrize(
    "kind, key, cause",
    [
        ("application/openmetrics-text; version=1.0.0", "prometheus", "not text/plain"),
        ("text/plain", "openmetrics", "not application/openmetrics-text"),
        ("application/json", "auto", "fallback_scrape_protocol"),
        ("text/html", "auto", "refuses the content type text/html"),
        ("application/vnd.google.protobuf", "prometheus", "protobuf"),
        ("application/openmetrics-text; version=2.0.0", "auto", "openmetrics2"),
    ],
)
def test_a_content_type_that_is_refused(guard, kind, key, cause):
    with page("# TYPE a gauge\na 1\n# EOF\n", kind) as s:
        guard.try_("metrics", url=s.url + "/metrics", format=key).expect("metrics-malformed", exit=69, cause=cause)


@pytest.mark.near_miss("metrics-malformed", "http-html-page")
@pytest.mark.parametrize("key", ["prometheus", "openmetrics"])
def test_a_format_stands_for_a_content_type_that_says_none(guard, key):
    with page("# TYPE a gauge\na 1\n# EOF\n", "text/html") as s:
        guard.try_("metrics", url=s.url + "/metrics", format=key).passed()


@pytest.mark.produces("metrics-empty")
@pytest.mark.parametrize("text", ["", "# nothing here\n", "\n\n"])
def test_empty(guard, text):
    with page(text) as s:
        guard.try_("metrics", url=s.url + "/metrics").expect("metrics-empty", exit=124)


@pytest.mark.produces("http-html-page")
def test_html(guard):
    with page("<html>Grafana</html>", "text/html") as s:
        guard.try_("metrics", url=s.url + "/metrics").expect("http-html-page", exit=69)


@pytest.mark.produces("metrics-stale")
def test_stale(guard):
    with page(f"last_success {time.time() - 3600}\n") as s:
        guard.try_("metrics", url=s.url + "/metrics", max_age=["last_success=10m"]).expect(
            "metrics-stale", exit=124, cause="s old"
        )


@pytest.mark.near_miss("metrics-stale")
def test_fresh(guard):
    with page(f"last_success {time.time() - 60}\n") as s:
        guard.try_("metrics", url=s.url + "/metrics", max_age=["last_success=10m"]).passed()


@pytest.mark.produces("metrics-value")
@pytest.mark.near_miss("metrics-stale")
@pytest.mark.parametrize(
    "value, cause",
    [
        (lambda now: f"{now * 1000:.0f}", "in milliseconds it is one"),
        (lambda now: f"{now * 1e9:.0f}", "not a time in seconds"),
        (lambda now: f"{now + 86400:.0f}", "in the future"),
        (lambda now: "+Inf", "it is inf, which is not a time"),
        (lambda now: "NaN", "nan, which is not a time"),
    ],
    ids=["milliseconds", "nanoseconds", "future", "infinite", "none"],
)
@pytest.mark.parametrize("beside", [False, True])
def test_a_timestamp_that_would_be_young_for_ever(guard, value, cause, beside):
    """Also beside a series of the same name that is right."""
    now = time.time()
    good = f'last_success{{a="1"}} {now:.0f}\n' if beside else ""
    page_text = f'{good}last_success{{a="2"}} {value(now)}\n'
    with HttpServer({"/metrics": Reply(body=page_text, content_type="text/plain; version=0.0.4")}) as s:
        guard.try_("metrics", url=s.url + "/metrics", max_age=["last_success=10m"]).expect("metrics-value", cause=cause)


@pytest.mark.produces("metrics-family-missing")
def test_no_timestamp(guard):
    with page() as s:
        guard.try_("metrics", url=s.url + "/metrics", max_age=["last_success=10m"]).expect("metrics-family-missing")


@pytest.mark.produces("metrics-port-taken")
def test_port_taken(guard):
    with socket.create_server(("127.0.0.1", 0)) as s:
        guard.try_("metrics", free_port=f"127.0.0.1:{s.getsockname()[1]}").expect(
            "metrics-port-taken", exit=124, cause="in use"
        )


@pytest.mark.produces("metrics-port-unusable")
@pytest.mark.near_miss("metrics-port-taken", "connect-unreachable", "connect-denied")
def test_port_of_somebody_else(guard):
    guard.try_("metrics", free_port="192.0.2.1:9100").expect("metrics-port-unusable", exit=69, phase="assert", cause="bind")


@pytest.mark.near_miss("metrics-port-taken", "metrics-port-unusable")
def test_port_free(guard):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        # A connection of a former server in TIME_WAIT does not keep the next one from listening.
        with socket.create_connection(("127.0.0.1", port)):
            s.accept()[0].close()
    guard.try_("metrics", free_port=f"127.0.0.1:{port}").passed()


def test_neither(guard):
    guard.try_("metrics", username="x").problem("give url or free_port", exit=64)


@pytest.mark.near_miss("metrics-port-taken")
def test_a_free_port_is_no_question_beside_the_running_service(guard):
    """What a HEALTHCHECK asks: the service holds its own port now."""
    with HttpServer({"/": Reply(200)}) as service:
        port = f'metrics: {{ port: {{ free_port = "127.0.0.1:{service.port}"; only_at = ["run"]; }}; }};'
        text = f'startguard = 1; {port} http: {{ own: {{ url = "{service.url}/"; after = ["metrics.port"]; }}; }};'
        result = guard.check(text, "--health")
        assert (result.code, [c["id"] for c in result.report["checks"]]) == (0, ["http.own"])


@pytest.mark.produces("metrics-port-taken")
def test_a_free_port_is_a_question_before_the_start(guard):
    with HttpServer({"/": Reply(200)}) as other:
        text = f'startguard = 1; metrics: {{ port: {{ free_port = "127.0.0.1:{other.port}"; only_at = ["run"]; timeout = "1s"; }}; }};'
        guard.run(text, "-t", "2s").expect("metrics-port-taken")
        guard.run(text.replace("only_at", "# only_at").replace("; timeout", ";\n timeout"), "-t", "2s").expect(
            "metrics-port-taken"
        )


@pytest.mark.produces("http-html-page")
def test_the_page_that_exporters_have_at_the_root(guard):
    page = '<html><head><title>Node Exporter</title></head><body><a href="/metrics">Metrics</a></body></html>'
    with HttpServer({"/": Reply(200, page, content_type="text/html")}) as s:
        guard.try_("metrics", url=s.url).expect(
            "http-html-page", exit=69, cause="the page says: Node Exporter Metrics", hint="link to /metrics"
        )


JSON_PAGE = '{"names": ["jvm.memory.used", "process.uptime"]}'


@pytest.mark.produces("metrics-malformed")
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/vnd.spring-boot.actuator.v3+json"])
def test_a_page_of_json(guard, content_type):
    with page(JSON_PAGE, content_type) as s:
        guard.try_("metrics", url=s.url + "/metrics").expect("metrics-malformed", exit=69, hint="the page is JSON")


@pytest.mark.produces("metrics-malformed")
@pytest.mark.parametrize("text", ["# TYPE a gauge\r\na 1\r\n", "a 1\r\nb 2\r\n"])
def test_line_ends_of_windows(guard, text):
    with page(text) as s:
        guard.try_("metrics", url=s.url + "/metrics").expect(
            "metrics-malformed", exit=69, cause="the lines end with a carriage return", hint=r"write the lines with \n alone"
        )


@pytest.mark.produces("metrics-malformed")
@pytest.mark.parametrize("text", ["a{b=1} 1\n", "{broken 1\n", "[a] 1\n"])
def test_a_page_that_is_wrong_otherwise(guard, text):
    with page(text) as s:
        result = guard.try_("metrics", url=s.url + "/metrics")
        result.expect("metrics-malformed", exit=69)
        assert "JSON" not in result.err and "carriage return" not in result.err
