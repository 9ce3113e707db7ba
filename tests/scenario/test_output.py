"""What startguard prints: clean, bounded, whole, and readable by the programs it is meant for."""

import json
import os
import pathlib
import pty
import re
import xml.etree.ElementTree as ET

import jsonschema
import pytest

from fakes.http import HttpServer, Reply
from fakes.tcp import TcpServer, answer, refused_port, silent

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs" / "report.schema.json").read_text("utf-8"))
EVIL = "\x1b[31mred\x1b[0m \x07\x08 \u202egnp\u202c \x9b2J <b>&amp;\"'\\ \r\nPASS      forged.check 1 ms\r\n::error::x"


@pytest.fixture
def mixed(guard):
    """A profile in which every outcome occurs that a run can have at once."""
    with TcpServer(silent) as never:
        yield f"""startguard = 1; service = "mixed <\\"&'> service";
            switches: {{ easy: {{ env = ["EASY"]; allowed_in = ["dev"]; waives = ["dns.*"]; degraded = "no names"; }}; }};
            file: {{ fine: {{ path = "/"; description = "the root"; }}; wrong: {{ path = "/"; type = "file"; }}; }};
            tcp: {{ cache: {{ address = "127.0.0.1:{refused_port()}"; required = false; timeout = "1s"; degraded = "no cache"; }};
                    after: {{ address = "127.0.0.1:1"; after = ["file.wrong"]; }}; left: {{ address = "127.0.0.1:1"; }}; }};
            http: {{ never: {{ url = "http://{never.address}/"; }}; }};
            dns: {{ name: {{ name = "nowhere.invalid"; }}; }};"""


def run_mixed(guard, mixed, *options, **more):
    return guard.run(mixed, "--skip", "tcp.left", *options, mode="dev", env={"EASY": "1"}, **more)


def valid(report):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in jsonschema.Draft202012Validator(SCHEMA).iter_errors(report)]
    assert errors == []


# ---- foreign text ----


@pytest.mark.produces("http-body")
def test_what_a_peer_sends_cannot_forge_or_colour_a_line(guard):
    """The fixture judges that no control character is left; here: no line begins with what the peer wrote."""
    with HttpServer({"*": Reply(body=EVIL, content_type="text/plain")}) as server:
        result = guard.try_("http", url=f"{server.url}/", body_contains="good", _args=["--format", "junit"])
    result.expect("http-body")
    assert not [one for one in result.err.splitlines() if one.startswith(("PASS", "::"))]
    assert "\u202e" not in result.err + result.out + json.dumps(result.report, ensure_ascii=False)
    ET.fromstring(result.out.encode())


@pytest.mark.parametrize("format", ["text", "json", "junit", "tap", "prometheus"])
def test_names_from_outside_are_cleaned(guard, format):
    text = 'startguard = 1; service = "${NAME}"; file: { a: { path = "/"; description = "${NAME}"; }; };'
    result = guard.run(text, "--format", format, env={"NAME": EVIL})
    assert result.code == 0
    assert "\u202e" not in result.err + result.out


@pytest.mark.produces("tls-peer-is-plaintext")
def test_bytes_that_are_no_text(guard):
    with TcpServer(answer(bytes(range(256)) * 20)) as server:
        guard.try_("tcp", address=server.address, tls="true").expect("tls-peer-is-plaintext")


# ---- people ----


def on_terminal(guard, *options, env={}):
    """What is written to stderr when it is a terminal."""
    leader, follower = pty.openpty()
    try:
        result = guard.run('startguard = 1; file: { a: { path = "/"; }; };', *options, stderr=follower, raw=True, env=env)
        assert result.code == 0
        os.close(follower)
        follower = None
        data = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # no process has the terminal open any more
                piece = b""
            if not piece:
                return data.decode()
            data += piece
    finally:
        os.close(leader)
        if follower is not None:
            os.close(follower)


@pytest.mark.parametrize(
    "options, env, coloured",
    [
        ([], {}, True),
        (["--color", "never"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color=always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_colours_on_a_terminal(guard, options, env, coloured):
    assert ("\x1b[32m" in on_terminal(guard, *options, env={"TERM": "xterm", **env})) == coloured


@pytest.mark.parametrize(
    "options, env, coloured",
    [([], {}, False), (["--color", "always"], {}, True), ([], {"CLICOLOR_FORCE": "1"}, True), (["--color", "auto"], {}, False)],
)
def test_colours_elsewhere(guard, options, env, coloured):
    result = guard.run('startguard = 1; file: { a: { path = "/"; }; };', *options, env={"TERM": "xterm", **env})
    assert ("\x1b[" in result.err) == coloured
    assert result.err.splitlines()[-1].startswith("startguard: \x1b[32mREADY\x1b[0m: " if coloured else "startguard: READY: ")


def test_a_failed_line_answers_every_question(guard):
    port = refused_port()
    result = guard.run(f'startguard = 1; tcp: {{ db: {{ address = "127.0.0.1:{port}"; }}; }};', "-t", "1s")
    assert re.search(rf"^FAIL +tcp\.db +[0-9.]+ m?s  connect-refused 127\.0\.0\.1:{port} \(\d+ attempts\)$", result.err, re.M)
    assert re.search(r"^ +cause: +127\.0\.0\.1: Connection refused$", result.err, re.M)
    assert re.search(r"^ +hint: +look whether the server runs", result.err, re.M)


def test_quiet_is_the_verdict_alone(guard, mixed):
    result = run_mixed(guard, mixed, "-q")
    assert result.err.count("\n") == 1
    assert result.err.startswith("startguard: BLOCKED (69): file.wrong: ")


def test_nothing_on_stdout_unless_asked_for(guard, mixed):
    assert run_mixed(guard, mixed).out == ""


# ---- termination message ----


def test_termination_message(guard, mixed):
    result = run_mixed(guard, mixed, "--termination-log", "message")
    lines = (guard.tmp / "message").read_text("utf-8").splitlines()
    assert lines[0] == result.err.splitlines()[-1] == result.report["summary"]
    assert [line.split()[:2] for line in lines[1:]] == [
        [
            {"fail": "FAIL", "degraded": "DEGRADED", "waived": "WAIVED", "skipped": "SKIPPED", "pending": "PENDING"}[
                c["outcome"]
            ],
            c["id"],
        ]
        for c in result.checks
        if c["outcome"] != "pass"
    ]


def test_termination_message_is_bounded(guard):
    checks = " ".join(f'"umlaut-ä-{i:03}": {{ }};' for i in range(1)) and " ".join(
        f'c{i:03}: {{ path = "/nowhere/äöü/{"x" * 60}/{i}"; required = false; timeout = "1s"; degraded = "nö {i}"; }};'
        for i in range(150)
    )
    guard.run(f"startguard = 1; file: {{ {checks} }};", "--termination-log", "message")
    data = (guard.tmp / "message").read_bytes()
    assert 2000 < len(data) <= 4096
    assert data.endswith(b"\n")
    assert data.decode("utf-8").startswith("startguard: DEGRADED")


def test_termination_message_of_a_run_that_could_not_begin(guard):
    guard.run("startguard = 1; tpc: { };", "--termination-log", "message")
    message = (guard.tmp / "message").read_text()
    assert message.startswith("startguard: BLOCKED (78): ")
    assert 'unknown kind "tpc"; did you mean "tcp"?' in message


def test_termination_message_into_an_existing_file(guard):
    guard.write("message", "old words " * 1000)
    guard.run('startguard = 1; file: { a: { path = "/"; }; };', env={"STARTGUARD_TERMINATION_LOG": "message"})
    assert (guard.tmp / "message").read_text().startswith("startguard: READY: 1 check passed")


# ---- programs (test_formats.py has the rest) ----


@pytest.mark.produces("file-wrong-type", "connect-refused")
def test_json(guard, mixed):
    result = run_mixed(guard, mixed, "--format", "json")
    printed = json.loads(result.out)
    assert printed == result.report
    valid(printed)
    assert {c["outcome"] for c in printed["checks"]} == {"pass", "fail", "degraded", "pending", "waived", "skipped"}
    assert printed["service"] == "mixed <\"&'> service"
    assert result.check("file.fine")["description"] == "the root"


def test_json_of_every_kind_of_end(guard):
    for text, code in [
        ('file: { a: { path = "/"; }; };', 0),
        ("tcp: { };", 78),
        ('tcp: { a: { address = "127.0.0.1:1"; }; };', 124),
        ('redis: { c: { url = "redis://u:hunter2hunter2@127.0.0.1:1"; }; };', 77),
    ]:
        result = guard.check("startguard = 1; " + text)
        assert result.code == code
        valid(result.report)


def test_schema_refuses_what_is_no_report():
    """The schema would be worth nothing if it took everything."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({"startguard": "1.0.0"})


def test_report_goes_into_a_file_and_text_stays(guard, mixed):
    result = run_mixed(guard, mixed, "--format", "tap", "--output", "out.tap")
    assert result.out == ""
    assert (guard.tmp / "out.tap").read_text().startswith("TAP version 14\n")
    assert "FAIL      file.wrong" in result.err


def test_prometheus_by_startguard_itself(guard, mixed):
    """Its own reader of such pages, the kind metrics, takes it."""
    page = run_mixed(guard, mixed, "--format", "prometheus").out
    with HttpServer({"*": Reply(body=page, content_type="text/plain; version=0.0.4")}) as server:
        guard.try_("metrics", url=f"{server.url}/metrics", families=[{"name": "startguard_status", "type": "gauge"}]).passed()


def test_names_without_end_do_not_swallow_the_verdict(guard):
    name = "n" * 20000
    result = guard.run(
        f'startguard = 1; service = "{"é" * 10000}"; file: {{ {name}: {{ path = "/"; }}; x{name}: {{ path = "/none"; }}; }};',
        "-t",
        "1s",
    )
    lines = result.err.splitlines()
    assert result.code == 124 and lines[-1].startswith("startguard: BLOCKED (124): file.xnnn")
    assert [line[:4] for line in lines if line.startswith(("PASS", "FAIL"))] == ["PASS", "FAIL"]


# ---- where a report is sent ----


def test_a_link_stays_a_link(guard):
    guard.write("vol/real.json", "old")
    (guard.tmp / "link.json").symlink_to("vol/real.json")
    (guard.tmp / "new.json").symlink_to("vol/made.json")
    for name, target in (("link.json", "real.json"), ("new.json", "made.json")):
        assert guard.cli("check", "-w", "file:///", "--termination-log", "none", "--report", name).code == 0
        assert (guard.tmp / name).is_symlink()
        assert json.loads((guard.tmp / "vol" / target).read_text())["status"] == "ready"


def test_a_report_to_the_file_that_is_stdout(guard):
    """What /dev/stdout leads to when it is redirected: what stands there already is kept, the link too."""
    (guard.tmp / "stdout").symlink_to("/proc/self/fd/1")
    with open(guard.tmp / "out", "w+") as out:
        out.write("before\n")
        out.flush()
        process = guard.spawn(None, "-q", "-w", "file:///", "--report", "stdout", mode=None, stdout=out, raw=True)
        assert process.wait(30) == 0
    begin, _, report = (guard.tmp / "out").read_text().partition("\n")
    assert begin == "before" and json.loads(report)["status"] == "ready"
    assert (guard.tmp / "stdout").is_symlink()
