"""The reports for programs, read by programs that such reports are made for.

JUnit by the schemas of tests/schemas, TAP by Perl's prove and by tap.py, Prometheus's text format by promtool and by its
Python client, JSON by docs/report.schema.json. Beyond their form: what such a reader concludes from the whole of it is
what the exit status says.
"""

import json
import os
import pathlib
import subprocess
import time

import jsonschema
import lxml.etree
import pytest
import tap.parser
from prometheus_client.parser import text_string_to_metric_families

from fakes.tcp import TcpServer, refused_port, silent

TESTS = pathlib.Path(__file__).parents[1]
SCHEMA = jsonschema.Draft202012Validator(json.loads((TESTS.parent / "docs" / "report.schema.json").read_text("utf-8")))
XSD = [lxml.etree.XMLSchema(file=str(TESTS / "schemas" / name)) for name in ("junit-jenkins.xsd", "junit-strict.xsd")]
OUTCOMES = {"pass", "degraded", "fail", "broken", "waived", "skipped", "pending"}
FORMATS = ["json", "junit", "tap", "prometheus"]


@pytest.fixture(scope="session")
def promtool():
    """promtool's path: it is downloaded once, and takes a while then."""
    return subprocess.run(
        [TESTS.parent / "packaging" / "promtool-path"], check=True, capture_output=True, text=True
    ).stdout.strip()


HARD = 'quotes \\"both\' back\\\\slash <&> {x=\\"y\\"} # ä 世界'  # as libconfig writes it
ALL = """startguard = 1; service = "%s";
    switches: { easy: { env = ["EASY"]; allowed_in = ["dev"]; waives = ["dns.*"]; degraded = "no names"; }; };
    file: { fine: { path = "/"; description = "%s"; };
            wrong: { path = "/"; type = "file"; };
            gone: { path = "/no/%s"; required = false; retry = false; degraded = "%s is lost"; }; };
    tcp: { broken: { address = "localhost:1"; required = false; retry = false; degraded = "nothing"; };
           later: { address = "127.0.0.1:1"; after = ["http.never"]; }; left: { address = "127.0.0.1:1"; }; };
    http: { never: { url = "http://%s/"; }; };
    dns: { name: { name = "nowhere.invalid"; }; };"""


def hard_profile(server):
    return ALL % (HARD, HARD, HARD, HARD, server.address)


@pytest.fixture
def everything(guard, faults):
    """Runs, in a given format, a profile in which every outcome occurs; what resolves localhost crashes."""
    env = faults(FAULT_RESOLVE="crash", EASY="1")
    with TcpServer(silent) as never:

        def run(format, **more):
            return guard.run(hard_profile(never), "--skip", "tcp.left", "--format", format, mode="dev", env=env, **more)

        yield run


# ---- readers: each gives what it counted, and whether it holds all of it for fine ----


def read_json(text, _):
    report = json.loads(text)
    assert [f"{list(e.absolute_path)}: {e.message}" for e in SCHEMA.iter_errors(report)] == []
    return len(report["checks"]) or len(report.get("problems", [])), report["exit_code"] == 0


def read_junit(text, _):
    document = lxml.etree.fromstring(text.encode())
    for schema in XSD:
        schema.assertValid(document)
    cases = document.findall("testcase")
    counts = {tag: len(document.findall(f"testcase/{tag}")) for tag in ("failure", "error", "skipped")}
    assert counts == {
        tag: int(document.get(name)) for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped"))
    }
    assert int(document.get("tests")) == len(cases)
    return len(cases), counts["failure"] + counts["error"] == 0


def read_tap(text, tmp):
    assert text.startswith("TAP version 14\n")
    # The older prove refuses the number 14, not what follows: 14 was made to be read by readers of 13.
    (tmp / "report.tap").write_text(text.replace("version 14", "version 13", 1), "utf-8")
    prove = subprocess.run(
        ["prove", "--exec", "cat", "--verbose", "--normalize", tmp / "report.tap"], capture_output=True, text=True
    )
    assert "Parse errors" not in prove.stdout + prove.stderr and "Unknown" not in prove.stdout, prove
    lines = list(tap.parser.Parser().parse_text(text))
    assert not [str(line) for line in lines if line.category == "unknown" and str(line).strip()]
    tests = [line for line in lines if line.category == "test"]
    fine = all(line.ok or line.todo or line.skip for line in tests) and not any(line.category == "bail" for line in lines)
    assert (prove.returncode == 0) == fine, prove
    return len(tests), fine


def read_prometheus(text, _, promtool=None):
    families = list(text_string_to_metric_families(text))
    samples = [s for f in families for s in f.samples]
    assert len({(s.name, tuple(sorted(s.labels.items()))) for s in samples}) == len(samples)
    assert len({f.name for f in families}) == len(families)
    assert all(f.documentation and f.type == "gauge" for f in families)
    assert all(f.name.startswith("startguard_") and s.labels["service"] for f in families for s in f.samples)
    status = {s.labels["status"]: s.value for s in samples if s.name == "startguard_status"}
    assert sorted(status.values()) == [0, 0, 1]
    assert [s.value == 0 for s in samples if s.name == "startguard_exit_code"] == [not status["blocked"]]
    return len([s for s in samples if s.name == "startguard_check_passed"]), not status["blocked"]


READERS = {"json": read_json, "junit": read_junit, "tap": read_tap, "prometheus": read_prometheus}


def lint_metrics(promtool, text):
    done = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# ---- every outcome in every format ----


@pytest.mark.produces("guard-crashed", "file-wrong-type", "file-missing")
@pytest.mark.parametrize("format", FORMATS)
def test_every_outcome(guard, everything, format):
    result = everything(format)
    assert {c["outcome"] for c in result.checks} == OUTCOMES
    assert READERS[format](result.out, guard.tmp) == (8, False)
    assert result.report["service"] == 'quotes "both\' back\\slash <&> {x="y"} # ä 世界'


@pytest.mark.parametrize("format", ["junit", "tap"])
def test_what_each_outcome_becomes(guard, everything, format):
    result = everything(format)
    if format == "junit":
        document = lxml.etree.fromstring(result.out.encode())
        became = {
            f"{c.get('classname')}.{c.get('name')}": c[0].tag if len(c) else "passed" for c in document.findall("testcase")
        }
        table = {
            "pass": "passed",
            "fail": "failure",
            "pending": "failure",
            "broken": "error",
            "degraded": "skipped",
            "waived": "skipped",
            "skipped": "skipped",
        }
        message = document.find("testcase[@name='gone']/skipped").text
        assert message.startswith("file-missing: /no/quotes \"both' back\\slash <&>")
        assert document.find("system-err").text == result.report["summary"]
    else:
        became = {
            line.description.removeprefix("- "): "todo" if line.todo else "skip" if line.skip else "ok" if line.ok else "not ok"
            for line in tap.parser.Parser().parse_text(result.out)
            if line.category == "test"
        }
        table = {
            "pass": "ok",
            "fail": "not ok",
            "pending": "not ok",
            "broken": "todo",
            "degraded": "todo",
            "waived": "skip",
            "skipped": "skip",
        }
    assert became == {c["id"]: table[c["outcome"]] for c in result.checks}


def test_yaml_of_tap(guard, everything):
    """Each point that is not ok explains itself; the strings are JSON, and so are YAML."""
    lines = everything("tap").out.splitlines()
    explained = {}
    for i, line in enumerate(lines):
        if line.startswith("not ok"):
            assert lines[i + 1] == "  ---"
            block = lines[i + 2 : lines.index("  ...", i)]
            explained[line.split()[4]] = {k: json.loads(v) for k, v in (one.strip().split(": ", 1) for one in block)}
    assert set(explained) == {"file.wrong", "file.gone", "tcp.broken", "tcp.later", "http.never"}
    assert json.loads(f'"{HARD}"') in explained["file.gone"]["subject"]


def test_labels_of_prometheus(everything):
    result = everything("prometheus")
    samples = [s for f in text_string_to_metric_families(result.out) for s in f.samples]
    assert {s.labels["service"] for s in samples} == {result.report["service"]}
    for check in result.checks:
        of = {s.name: s for s in samples if s.labels.get("id") == check["id"]}
        assert of["startguard_check_passed"].value == (check["outcome"] == "pass")
        assert of["startguard_check_passed"].labels["outcome"] == check["outcome"]
        assert of["startguard_check_passed"].labels["required"] == str(check["required"]).lower()
        assert of["startguard_check_passed"].labels["code"] == (check["code"] or "")
        assert of["startguard_check_attempts"].value == check["attempts"]
        assert of["startguard_check_seconds"].value == pytest.approx(check["elapsed_ms"] / 1000, abs=0.0001)


def test_promtool(guard, everything, promtool):
    lint_metrics(promtool, everything("prometheus").out)
    lint_metrics(promtool, guard.run("startguard = 1; tpc: { };", "--format", "prometheus").out)


def test_promtool_is_not_content_with_everything(promtool):
    with pytest.raises(AssertionError):
        lint_metrics(promtool, 'startguard_status{status="a"} 1\n')


def test_files_of_several_services_in_one_folder(guard):
    """A textfile collector reads all files of a folder as one page: no series may occur twice."""
    seen = set()
    for service in ("one", "two", "three"):
        out = guard.run(
            f'startguard = 1; service = "{service}"; file: {{ a: {{ path = "/"; }}; }};', "--format", "prometheus"
        ).out
        series = {(s.name, tuple(sorted(s.labels.items()))) for f in text_string_to_metric_families(out) for s in f.samples}
        assert series and not seen & series
        seen |= series


# ---- every end in every format: a reader concludes what the exit status says ----


def end_ready(guard, format):
    return guard.run('startguard = 1; file: { a: { path = "/"; }; };', "--format", format)


def end_degraded(guard, format, *options):
    return guard.run(
        f"""startguard = 1; file: {{ a: {{ path = "/"; }}; }};
        tcp: {{ b: {{ address = "127.0.0.1:{refused_port()}"; required = false; timeout = "50ms"; degraded = "it"; }}; }};""",
        "--format",
        format,
        *options,
    )


def end_degraded_and_refused(guard, format):
    return end_degraded(guard, format, "--fail-on-degraded")


def end_waived_and_refused(guard, format):
    return guard.run(
        """startguard = 1; file: { a: { path = "/"; }; b: { path = "/"; }; };
        switches: { easy: { env = ["EASY"]; allowed_in = ["dev"]; waives = ["file.b"]; degraded = "it"; }; };""",
        "--fail-on-degraded",
        "--format",
        format,
        mode="dev",
        env={"EASY": "1"},
    )


def end_blocked(guard, format):
    return guard.run('startguard = 1; file: { a: { path = "/"; type = "file"; }; };', "--format", format)


def end_profile(guard, format):
    return guard.run('startguard = 1; service = "s"; tpc: { a: { }; }; tcp: { b: { adress = "<&>"; }; };', "--format", format)


def end_broken(guard, format):
    return guard.run(
        """startguard = 1; exec: { a: { command = ["/bin/sh", "-c", "kill -s SEGV $PPID; exec sleep 1000"]; retry = false; }; };""",
        "--format",
        format,
    )


def end_policy(guard, format):
    return guard.run(
        """startguard = 1; file: { a: { path = "/"; }; };
        switches: { easy: { env = ["EASY"]; allowed_in = ["dev"]; waives = ["file.a"]; degraded = "it"; }; };""",
        "--format",
        format,
        env={"EASY": "1"},
    )


def end_usage(guard, format):
    return guard.run(None, "-w", "tpc://x:1", "--format", format)


def end_signal(guard, format):
    with TcpServer(silent) as never:
        with guard.spawn(
            f'startguard = 1; http: {{ a: {{ url = "http://{never.address}/"; }}; }};', "--format", format
        ) as process:
            process.wait_for("mode prod")
            deadline = time.monotonic() + guard.scale(10)
            while not never.connections and time.monotonic() < deadline:
                time.sleep(0.01)
            process.terminate()
            return process.result()


ENDS = {
    0: [end_ready, end_degraded],
    124: [end_degraded_and_refused],
    69: [end_waived_and_refused, end_blocked],
    70: [end_broken],
    78: [end_profile],
    77: [end_policy],
    64: [end_usage],
    143: [end_signal],
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("end, code", [(end, code) for code, ends in ENDS.items() for end in ends])
def test_every_end(guard, end, code, format):
    result = end(guard, format)
    assert result.code == code
    counted, fine = READERS[format](result.out, guard.tmp)
    assert fine == (code == 0)
    assert counted > 0 or (format in ("tap", "prometheus") and code in (64, 77, 78))


def test_problems_of_a_refused_run(guard):
    """All of them, with their places."""
    report = end_profile(guard, "json").report
    assert (report["checks"], report["status"], report["exit_code"]) == ([], "blocked", 78)
    assert [(p["line"], p["code"]) for p in report["problems"]][:1] == [(1, None)]
    assert any('did you mean "address"?' in p["text"] for p in report["problems"])
    assert all(p["file"].endswith(".cfg") for p in report["problems"])
    policy = end_policy(guard, "json").report
    assert [p["code"] for p in policy["problems"]] == ["switch-forbidden"]
    assert "problems" not in end_ready(guard, "json").report
    document = lxml.etree.fromstring(end_policy(guard, "junit").out.encode())
    assert document.find("testcase/error").get("type") == "switch-forbidden"


def test_switches_that_are_on(everything):
    report = json.loads(everything("json").out)
    assert report["switches"] == [{"name": "easy", "set_by": "EASY", "degraded": "no names"}]
    assert [c["waived_by"] for c in report["checks"] if c["outcome"] == "waived"] == ["EASY"]


# ---- names that XML, JSON or UTF-8 cannot hold ----


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "name",
    [b"latin-1 caf\xe9", b"not a character \xef\xbf\xbe\xef\xbf\xbf", b"control \x01\x1b[31m\x7f\xc2\x9b", b"two\nlines"],
)
def test_names_that_no_format_can_hold(guard, name, format):
    file = guard.write(
        "p.cfg",
        b'startguard = 1; service = "${NAME}"; file: { a: { path = "${NAME}"; required = false; timeout = "20ms";'
        b' degraded = "${NAME}"; }; };',
    )
    environment = {**{k.encode(): v.encode() for k, v in guard.environment().items()}, b"NAME": name}
    done = subprocess.run(
        [guard.path, "-p", file, "--termination-log", "none", "--format", format], env=environment, capture_output=True
    )
    assert done.returncode == 0
    counted, fine = READERS[format](done.stdout.decode("utf-8"), guard.tmp)
    assert (counted, fine) == (1, True)


@pytest.mark.parametrize("format", FORMATS)
def test_a_path_that_is_no_text(guard, format):
    """The profile's own path goes into messages and reports."""
    folder = os.fsencode(guard.tmp) + b"/caf\xe9 \x1b[31m"
    os.mkdir(folder)
    for text, code in [(b'file: { a: { path = "/"; }; };', 0), (b"tpc: { };", 78)]:
        with open(folder + b"/p.cfg", "wb") as file:
            file.write(b"startguard = 1; " + text)
        done = subprocess.run(
            [guard.path.encode(), b"-p", folder + b"/p.cfg", b"--termination-log", b"none", b"--format", format.encode()],
            env=guard.environment(),
            capture_output=True,
        )
        assert done.returncode == code
        assert b"\x1b" not in done.stdout + done.stderr
        done.stderr.decode("utf-8")
        READERS[format](done.stdout.decode("utf-8"), guard.tmp)


# ---- where the report goes ----


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("word", ["run", "check", "try"])
def test_format_of_every_command(guard, word, format):
    options = ["--format", format, "--termination-log", "none"]
    file = guard.write("p.cfg", 'startguard = 1; file: { a: { path = "/"; }; };')
    line = {"run": ["run", "-p", file], "check": ["check", "-p", file], "try": ["try", "file", "path=/"]}[word]
    out = guard.cli(*line, *options).out
    assert READERS[format](out, guard.tmp) == (1, True)
    result = guard.cli(*line, *options, "--output", "report")
    assert result.out == "" and "startguard: READY" in result.err
    assert (guard.tmp / "report").read_text("utf-8").count("\n") == out.count("\n")
    by_variable = guard.cli(*line, "--termination-log", "none", env={"STARTGUARD_FORMAT": format})
    assert READERS[format](by_variable.out, guard.tmp) == (1, True)


@pytest.mark.parametrize(
    "word, options, code",
    [
        ("check", [], 0),
        ("check", ["--fail"], 1),
        ("try", [], 0),
        ("try", ["--fail"], 1),
        ("run", [], 0),
        ("run", ["--fail"], 1),
    ],
)
def test_health_is_0_or_1(guard, word, options, code):
    kind = "file" if options else "dir"
    file = guard.write("p.cfg", f'startguard = 1; file: {{ a: {{ path = "/"; type = "{kind}"; }}; }};')
    line = {"run": ["run", "-p", file], "check": ["check", "-p", file], "try": ["try", "file", "path=/", f"type={kind}"]}[word]
    result = guard.cli(*line, "--health", "--termination-log", "none")
    assert result.code == code
    assert result.err.splitlines()[-1].startswith("startguard: ")


@pytest.mark.parametrize(
    "args",
    [
        ["check", "-p", "nowhere"],
        ["check", "--health", "--formt", "x"],
        ["check", "--formt", "x", "--health"],
        ["check", "-w", "tpc://x"],
        ["try", "tcq"],
        ["run", "-w", "file:///", "--", "no-such-command"],
        ["check"],
    ],
)
def test_health_is_1_whatever_is_wrong(guard, args):
    at = args.index("--") if "--" in args else len(args)
    result = guard.cli(*args[:at], *([] if "--health" in args else ["--health"]), *args[at:])
    assert result.code == 1
    assert result.err.splitlines()[-1].startswith("startguard: ")


@pytest.mark.parametrize("word", ["run", "check", "try"])
def test_quiet_leaves_the_verdict_and_the_report(guard, word):
    file = guard.write("p.cfg", 'startguard = 1; file: { a: { path = "/"; type = "file"; }; };')
    line = {"run": ["run", "-p", file], "check": ["check", "-p", file], "try": ["try", "file", "path=/", "type=file"]}[word]
    result = guard.cli(*line, "-q", "--format", "json", "--termination-log", "message")
    assert result.code == 69
    assert result.err.count("\n") == 1 and result.err.startswith("startguard: BLOCKED (69): file.")
    assert read_json(result.out, None) == (1, False)
    assert (guard.tmp / "message").read_text("utf-8").startswith(result.err)
