"""The command line: options, environment, help, and the commands that print."""

import json
import os
import pathlib
import re
import socket
import stat
import subprocess

import pytest

from fakes.http import HttpServer, Reply
from fakes.tcp import TcpServer, refused_port, silent
from harness import kinds, unshare

FINE = 'startguard = 1; file: { a: { path = "/"; }; };'
COMMANDS = ["run", "check", "try", "lint", "show", "explain", "codes", "install", "version", "completion", "help"]
KINDS = kinds()


def usage(guard, *args, env={}):
    """Asserts exit 64 and one line; gives it."""
    result = guard.cli(*args, env=env)
    assert (result.code, result.out) == (64, ""), result
    assert result.err.startswith("startguard: ")
    assert result.err.count("\n") == 1
    return result.err


# ---- mistakes ----


@pytest.mark.parametrize(
    "args, words",
    [
        (["chekc"], 'did you mean "check"?'),
        (["python3", "-m", "service"], "write: -- python3"),
        (["--proflie", "x"], "did you mean --profile?"),
        (["--zzzzzz"], "unknown option --zzzzzz"),
        (["-Z"], "unknown option -Z"),
        (["run", "service"], "write -- before the command"),
        (["--"], "no command after --"),
        (["check", "--", "x"], "check starts no command"),
        (["check", "-p"], "-p needs a value"),
        (["check", "--profile"], "--profile needs a value"),
        (["run", "-p", "a", "-p", "b"], "-p is given twice"),
        (["-p", "a", "./server", "--port", "80"], 'unexpected word "./server"; write -- before the command to start'),
        (["-p", "a", "./server", "-x"], 'unexpected word "./server"; write -- before the command to start'),
        (["check", "--quiet=1"], "--quiet takes no value"),
        (["check", "-t", "90"], '"90" is not a time'),
        (["check", "--timeout=soon"], '"soon" is not a time'),
        (["check", "--parallel", "0"], "is not a number from 1 to 1024"),
        (["check", "--format", "jsn"], 'did you mean "json"?'),
        (["check", "--format", "zzzzzz"], "known: text, json, junit, tap, prometheus"),
        (["check", "--color=sometimes"], "known: auto, always, never"),
        (["lint"], "usage: startguard lint PROFILE..."),
        (["lint", "--report", "x", "y"], "--report is no option of lint"),
        (["try"], "usage: startguard try"),
        (["install"], "usage: startguard install"),
        (["version", "x"], 'unexpected word "x"'),
        (["explain", "kafak"], 'did you mean "kafka"?'),
        (["explain", "kafka.topcs"], 'did you mean "topics"?'),
        (["explain", "timeout"], 'no kind "timeout"; keys of this name: '),
        (["explain", "timeout"], "common.timeout"),
        (["explain", "bootstrap_servers"], "kafka.bootstrap_servers"),
        (["codes", "refused"], 'no code "refused"; with this word: '),
        (["codes", "refused"], "connect-refused"),
        (["codes", "connect-refusd"], 'did you mean "connect-refused"?'),
        (["completion", "csh"], "known: bash, zsh, fish"),
        (["help", "nothing"], 'command "nothing" is not known; known: run, check'),
        (["help", "chek"], 'did you mean "check"?'),
        (["check", "--output", "x", "-w", "file:///"], "--output is for --format"),
    ],
)
def test_mistakes_are_told_with_the_nearest_word(guard, args, words):
    assert words in usage(guard, *args)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("STARTGUARD_TIMEOUT", "90", "STARTGUARD_TIMEOUT"),
        ("STARTGUARD_FORMAT", "xml", "STARTGUARD_FORMAT"),
        ("STARTGUARD_PARALLEL", "many", "STARTGUARD_PARALLEL"),
        ("STARTGUARD_FAIL_ON_DEGRADED", "perhaps", "neither on"),
    ],
)
def test_mistakes_in_the_environment_are_told_by_name(guard, name, value, words):
    assert words in usage(guard, "check", env={name: value})


@pytest.mark.parametrize(
    "name, value, flag",
    [
        ("STARTGUARD_TIMEOUT", "90", ["-t", "5s"]),
        ("STARTGUARD_FORMAT", "xml", ["--format", "text"]),
        ("STARTGUARD_PARALLEL", "many", ["--parallel", "3"]),
        ("STARTGUARD_FAIL_ON_DEGRADED", "perhaps", ["--fail-on-degraded"]),
        ("STARTGUARD_MODE", "prd", ["-m", "dev"]),
        ("STARTGUARD_WAIT", "x://y", ["-w", "file:///"]),
        ("STARTGUARD_TIMEOUT", "90", ["--help"]),
        ("STARTGUARD_TIMEOUT", "90", ["--version"]),
    ],
)
def test_flags_beat_a_mistake_in_the_environment(guard, name, value, flag):
    result = guard.cli("check", "-w", "file:///", *flag, env={name: value})
    assert result.code == 0, result


def test_waits_of_other_tools(guard):
    """host:port as in wait-for-it.sh, several in one, and the variable that holds a URL with its password."""
    with TcpServer(silent) as server:
        env = {"DATABASE": f"tcp://{server.address}", "CACHE": "redis://:hunter2hunter2@127.0.0.1:1"}
        assert guard.cli("check", "-w", f"{server.address},env:DATABASE", "-w", "file:///", env=env).code == 0
        assert "--wait number 1: variable NONE is not set" in guard.cli("check", "-w", "env:NONE").err
        result = guard.cli("check", "-w", "env:CACHE", "-t", "1m30s", env=env)
        assert (result.code, "hunter2" in result.err) == (124, False)
        assert guard.cli("run", env={"STARTGUARD_WAIT": f"{server.address},file:///"}).code == 0


@pytest.mark.parametrize("by", ["flag", "flag behind", "flag with =", "variable"])
@pytest.mark.parametrize("args", [["--bogus"], ["check", "-t", "5"], ["run", "word"], ["check", "--"], ["try"]])
def test_mistakes_are_in_the_termination_message(guard, args, by):
    """Who looks at a pod that does not start sees why."""
    words = {
        "flag": ["--termination-log", "why"],
        "flag behind": ["--termination-log", "why"],
        "flag with =": ["--termination-log=why"],
    }.get(by, [])
    command = args[:1] if args[0] in ("run", "check", "try") else []
    rest = args[len(command) :]
    # What stands behind -- is the service's.
    args = [*command, *rest, *words] if by == "flag behind" and rest != ["--"] else [*command, *words, *rest]
    line = usage(guard, *args, env={"STARTGUARD_TERMINATION_LOG": "other" if words else "why"})
    assert (guard.tmp / "why").read_text() == line.replace("startguard: ", "startguard: BLOCKED (64): ")
    assert not (guard.tmp / "other").exists()


def test_nobody_asked_for_a_termination_message(guard):
    usage(guard, "check", "--bogus", "--termination-log", "none", env={"STARTGUARD_TERMINATION_LOG": "why"})
    usage(guard, "run", "--", env={"STARTGUARD_TERMINATION_LOG": "none"})
    assert os.listdir(guard.tmp) == []


@pytest.mark.parametrize("args", [["lint"], ["explain", "--bogus"], ["codes", "x", "y"]])
def test_no_termination_message_of_what_starts_nothing(guard, args):
    usage(guard, *args, env={"STARTGUARD_TERMINATION_LOG": "why"})
    assert not (guard.tmp / "why").exists()


@pytest.mark.parametrize(
    "mode, words",
    [
        ("prd", 'did you mean "prod"?'),
        ("enterprize", 'did you mean "enterprise"?'),
        ("xyz", "; the key modes gives them more names"),
    ],
)
def test_nearest_mode(guard, mode, words):
    text = 'startguard = 1; {} modes: {{ prod = ["enterprise"]; }}; file: {{ a: {{ path = "/"; }}; }};'
    guard.check(text.format(""), mode=mode).problem(words, exit=64)
    guard.check(text.format(f'mode = "{mode}";'), mode=None).problem(words, exit=78)


@pytest.mark.parametrize("mode", ["dev", "staging", None])
@pytest.mark.parametrize("args", [["-p", "none.cfg"], ["-p", "broken.cfg"], ["-w", "file:///", "--", "no-such-command"]])
def test_mode_of_a_run_that_could_not_begin(guard, mode, args):
    guard.write("broken.cfg", "startguard = ")
    named = ["-m", mode] if mode else []
    result = guard.cli("run", "--report", "r.json", *named, *args)
    assert result.code in (78, 127)
    assert json.loads((guard.tmp / "r.json").read_text())["mode"] == (mode or "prod")


def test_show_of_a_profile_that_is_refused(guard):
    file = guard.write("p.cfg", FINE)
    result = guard.cli("show", "-p", file, "-m", "prod", "--skip", "file.a")
    assert result.code == 77 and "file" in result.out
    assert result.err.splitlines()[-1] == "startguard: show: mode prod refuses this profile: 1 problem"


@pytest.mark.every_row
@pytest.mark.parametrize(
    "args, words",
    [
        (["tcq"], 'unknown kind "tcq"; did you mean "tcp"?'),
        (["grpc"], 'unknown kind "grpc"; the kind tcp (-w tcp://host:50051) shows that the port accepts'),
        (["mysql"], 'unknown kind "mysql"; the kind tcp (-w tcp://host:3306) shows that the port accepts'),
        (["tcp", "address"], "is not KEY=VALUE"),
        (["tcp", "adress=x:1"], 'did you mean "address"?'),
        (["tcp", "address=a:1", "address=b:1"], "is given twice"),
        (["http", "url=http://x/", "headers=[1,"], "headers"),
        (["tcp"], '"address" is missing'),
    ],
)
def test_mistakes_of_try(guard, args, words):
    result = guard.cli("try", *args)
    assert result.code == 64
    assert words in result.err


@pytest.mark.every_row
@pytest.mark.parametrize(
    "url, words",
    [
        ("tcp:/x", "is neither a URL"),
        ("tpc://x:1", 'did you mean "tcp"?'),
        ("tcp://", "names nothing"),
        ("opa://x:1", 'did you mean "opa+http"?'),
        ("mysql://u:p@x:1", "the kind tcp (-w tcp://host:3306) shows that the port accepts connections, no more"),
        ("elasticsearch://x", "the kind http (-w http://host:9200/_cluster/health) shows what this address answers"),
    ],
)
def test_mistakes_of_wait(guard, url, words):
    result = guard.cli("-w", "file:///", "-w", url)
    assert result.code == 64
    assert "--wait number 2" in result.err
    assert words in result.err


def test_a_password_in_a_wrong_wait_url_is_not_told(guard):
    result = guard.cli("-w", "htttp://user:hunter2hunter2@x/")
    assert result.code == 64
    assert "hunter2" not in result.err


# ---- what wins ----


def test_flag_beats_environment_beats_profile(guard):
    text = f'startguard = 1; timeout = "60s"; tcp: {{ a: {{ address = "127.0.0.1:{refused_port()}"; }}; }};'
    for options, env, shown in [
        ([], {}, "1m"),
        ([], {"STARTGUARD_TIMEOUT": "150ms"}, "150ms"),
        (["-t", "100ms"], {"STARTGUARD_TIMEOUT": "60s"}, "100ms"),
    ]:
        if shown != "1m":
            result = guard.run(text, *options, env=env)
            assert result.err.splitlines()[0].endswith(f" · {shown}")
    file = guard.write("p.cfg", text)
    assert 'timeout = "1m"' in guard.cli("show", "-p", file).out
    assert 'timeout = "2m"' in guard.cli("show", "-p", file, "-t", "2m").out


def test_waits_on_the_command_line_replace_those_of_the_environment(guard):
    result = guard.run(None, "-w", "file:///", mode=None, env={"STARTGUARD_WAIT": "tcp://127.0.0.1:1 tcp://127.0.0.1:2"})
    assert [c["kind"] for c in result.checks] == ["file"]


def test_an_empty_variable_is_none(guard):
    assert guard.run(FINE, env={"STARTGUARD_TIMEOUT": "", "STARTGUARD_FORMAT": "", "STARTGUARD_MODE": ""}).code == 0


def test_short_options_together(guard):
    file = guard.write("p.cfg", FINE)
    result = guard.cli("check", f"-qp{file}", "-mdev", "-t1s")
    assert result.code == 0
    assert result.err.startswith("startguard: READY")


def test_what_stands_behind_the_dashes_is_the_services(guard):
    result = guard.run(FINE, command=["/bin/echo", "--profile", "-h", "--"])
    assert result.out == "--profile -h --\n"


# ---- what prints ----


@pytest.mark.parametrize(
    "args", [["--help"], ["-h"], ["help"], *[[c, "--help"] for c in COMMANDS], *[["help", c] for c in COMMANDS]]
)
def test_help(guard, args):
    result = guard.cli(*args)
    assert (result.code, result.err) == (0, "")
    assert "startguard" in result.out
    assert max(map(len, result.out.splitlines())) <= 110


def test_help_names_every_command_and_option(guard):
    out = guard.cli("help").out
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", out), command
    for option in [
        "--profile",
        "--wait",
        "--mode",
        "--timeout",
        "--only",
        "--skip",
        "--fail-on-degraded",
        "--format",
        "--output",
        "--report",
        "--env-file",
        "--termination-log",
        "--parallel",
        "--color",
        "--quiet",
        "--verbose",
        "--health",
    ]:
        assert option in guard.cli("help", "run").out, option


@pytest.mark.parametrize("args", [["--version"], ["-V"], ["version"], ["run", "--version"]])
def test_version(guard, args):
    result = guard.cli(*args)
    assert result.code == 0
    assert re.match(r"startguard \d+\.\d+\.\d+\n", result.out)


def test_version_as_json(guard):
    version = json.loads(guard.cli("version", "--json").out)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version["startguard"] if "startguard" in version else version["version"])


def test_codes(guard):
    codes = json.loads(guard.cli("codes", "--json").out)
    for entry in codes:
        assert set(entry) >= {"code", "phase", "verdict", "retryable", "title", "hint"}
        assert not entry["title"].endswith(".")
    one = guard.cli("codes", "connect-refused").out
    assert "nothing listens at this address" in one
    assert guard.cli("codes", "--markdown").out.count("`connect-refused`") >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_explain_every_kind(guard, kind):
    result = guard.cli("explain", kind)
    assert result.code == 0
    assert kind in result.out


@pytest.mark.parametrize("form", ["--man", "--markdown", "--json", "--profile"])
def test_explain_in_every_form(guard, form):
    result = guard.cli("explain", form)
    assert result.code == 0
    for kind in KINDS:
        assert kind in result.out
    if form == "--json":
        json.loads(result.out)


@pytest.mark.parametrize("topic", [*KINDS, "tcp.address", "kafka.topics", "profile", "common", "switches", "http.timeout"])
def test_profile_of_one_topic(guard, topic):
    """What can be copied into a profile, and no more than was asked for."""
    out = guard.cli("explain", topic, "--profile").out
    kind, _, key = topic.partition(".")
    assert f"{key or ''} = " in out
    assert [k for k in KINDS if f"\n{k}: {{" in out] == ([kind] if kind in KINDS and not key else [])
    if kind in KINDS and not key:
        assert guard.cli("lint", guard.write("one.cfg", f"startguard = 1;\n{out}")).code == 0
    assert guard.cli("explain", "bogus", "--profile").code == 64


def test_the_reference_profile_is_a_profile(guard):
    file = guard.write("reference.cfg", guard.cli("explain", "--profile").out)
    result = guard.cli("lint", file)
    assert result.code == 0, result


def test_man_page_is_accepted_by_its_reader(guard):
    """Every line is text or a known request."""
    for line in guard.cli("explain", "--man").out.splitlines():
        if line.startswith("."):
            assert line.split()[0] in (
                ".TH",
                ".SH",
                ".SS",
                ".TP",
                ".PP",
                ".P",
                ".B",
                ".I",
                ".BR",
                ".RS",
                ".RE",
                ".nf",
                ".fi",
                ".br",
                ".IP",
                ".EX",
                ".EE",
                ".RB",
                ".IR",
                ".BI",
            ), line


def test_what_is_shown_can_be_run(guard):
    text = (
        'startguard = 1; service = "${NAME}"; file: { a: { path = "/"; }; };'
        'redis: { c: { url = "redis://127.0.0.1:1"; password = "env:CACHE_PASSWORD"; only_in = ["dev"]; }; };'
    )
    file = guard.write("p.cfg", text)
    result = guard.cli("show", "-p", file, "-m", "prod", env={"NAME": "shop", "CACHE_PASSWORD": "hunter2hunter2"})
    assert result.code == 0
    assert "shop" in result.out
    assert guard.run(result.out, mode=None).status == "ready"
    result = guard.cli("show", "-p", file, "-m", "dev", env={"NAME": "shop", "CACHE_PASSWORD": "hunter2hunter2"})
    assert "env:CACHE_PASSWORD" in result.out
    assert "hunter2" not in result.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(guard, shell):
    out = guard.cli("completion", shell).out
    assert "lint" in out
    assert "termination-log" in out


def test_completion_of_bash_is_bash(guard):
    script = guard.write("c.bash", guard.cli("completion", "bash").out)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


@pytest.mark.parametrize("words", [["codes"], ["show", "-w", "file:///"]])
def test_stdout_that_cannot_be_written(guard, words):
    with open("/dev/full", "wb") as full:
        result = guard.cli(*words, stdout=full)
    assert result.code == 70
    assert "stdout: " in result.err


# ---- install ----


def test_install(guard):
    (guard.tmp / "bin").mkdir()
    for target, file in [("bin", "bin/startguard"), ("bin/", "bin/startguard"), ("guard", "guard")]:
        assert guard.cli("install", target).code == 0
        path = guard.tmp / file
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o755
        assert path.read_bytes() == pathlib.Path(guard.path).read_bytes()
    assert guard.cli("install", "bin").code == 0  # over itself
    assert sorted(os.listdir(guard.tmp / "bin")) == ["startguard"]
    done = guard.command([guard.tmp / "guard", "--version"])
    assert done.returncode == 0


@pytest.mark.uninstrumented
def test_install_without_proc(guard):
    """An empty file system over /proc, as where nobody has mounted it."""
    before = unshare("--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
    done = guard.command([*before, guard.path, "install", "guard"])
    assert (done.returncode, done.stderr) == (0, "")
    assert (guard.tmp / "guard").read_bytes() == pathlib.Path(guard.path).read_bytes()


def test_install_where_nothing_can_be_written(guard):
    result = guard.cli("install", "/proc/nowhere")
    assert result.code == 70
    assert result.err.startswith("startguard: install: ")
    result = guard.cli("install", "no-such-folder/")
    assert (result.code, result.err) == (70, f"{result.err.splitlines()[0]}\n")
    assert "no-such-folder/" in result.err and "No such file" in result.err


# ---- what is quoted, and what is not ----


@pytest.mark.parametrize(
    "words",
    [
        ["-w", "tcp://u:hunter2hunter2@127.0.0.1:1"],
        ["-w", "kafka://u:hunter2hunter2@h:1"],
        ["-m", "u:hunter2hunter2@h"],
        ["try", "tcp", "address=u:hunter2hunter2@h:1"],
        ["try", "file", "path=/", "min_size=u:hunter2hunter2@h"],
    ],
)
def test_user_parts_are_not_quoted(guard, words):
    result = guard.cli(*words, *([] if "try" in words or "-w" in words else ["-w", "file:///"]))
    assert result.code == 64, result
    assert "hunter2" not in result.err + result.out


@pytest.mark.parametrize("url", ["tcp://127.0.0.1", "tcp://h:70000", "kafka://u:x@h:1"])
def test_a_wrong_wait_url_is_a_mistake_of_the_command_line(guard, url):
    assert guard.cli("-w", url).code == 64


@pytest.mark.parametrize(
    "words",
    [
        ["check", "--health", "--bogus"],
        ["check", "--bogus", "--health"],
        ["check", "--health"],
        ["--health", "-w", "file:///", "--", "no-such-command"],
        ["check", "--health", "-w", "file:///none"],
    ],
)
def test_health_is_0_or_1(guard, words):
    assert guard.cli(*words).code == 1
    assert guard.cli("check", "--health", "-w", "file:///").code == 0


@pytest.mark.parametrize("word, code", [("address=[::1]:{port}", 0), ("address=[::1]", 64)])
def test_try_takes_what_begins_with_a_bracket(guard, word, code):
    with socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        one.listen()
        assert guard.cli("try", "tcp", word.format(port=one.getsockname()[1])).code == code


def test_try_takes_brackets_in_texts_and_lists(guard):
    with HttpServer({"POST /": lambda request: Reply(200 if request.body == b'{"a": 1}' else 400)}) as server:
        guard.try_("http", url=f"{server.url}/", method="POST", body='{"a": 1}').passed()
    result = guard.try_("kafka", bootstrap_servers="[::1]:1")
    result.expect("connect-refused", subject="[::1]:1")


@pytest.mark.parametrize("end", ["/v1/data/soma/allow", "/below/v1/data/soma/allow"])
def test_wait_for_a_decision_of_opa(guard, end):
    base = end.removesuffix("/v1/data/soma/allow")
    with HttpServer({f"{base}/health": Reply(body={}), f"POST {end}": Reply(body={"result": True})}) as server:
        result = guard.run(None, "-w", f"opa+{server.url}{end}", mode=None)
        assert result.status == "ready", result
        assert [r.path for r in server.requests if r.method == "POST"] == [end]


@pytest.mark.parametrize("end", ["/policy/x", "/v1/data/"])
def test_wait_for_opa_without_a_decision(guard, end):
    result = guard.cli("-w", f"opa+http://127.0.0.1:1{end}")
    assert result.code == 64
    assert "names no decision" in result.err


def test_show_can_be_read_again(guard):
    text = """startguard = 1; modes: { prod = ["enterprise"]; };
        env: { names: { required = ["HOME"]; required_in = ["enterprise"]; degraded = "nothing"; }; };
        tcp: { slow: { address = "127.0.0.1:1"; timeout = "2s"; }; };"""
    shown = guard.cli("show", "-p", guard.write("p.cfg", text), "-w", "tcp://127.0.0.1:1")
    assert shown.code == 0, shown
    again = guard.cli("lint", guard.write("again.cfg", shown.out))
    assert again.code == 0, (shown, again)
    assert 'prod = ["enterprise"];' in shown.out


@pytest.mark.every_row
@pytest.mark.parametrize(
    "words, told",
    [
        (["-timeout", "1s"], "unknown option -timeout; did you mean --timeout?"),
        (["-wait", "tcp://db:1"], "unknown option -wait; did you mean --wait?"),
        (["--config", "x.cfg"], "did you mean --profile?"),
        (["--max-wait", "5s"], "did you mean --timeout?"),
        (["--host", "db"], "write -w tcp://HOST:PORT"),
        (["db:5432"], "to wait for it write: -w db:5432"),
        (["validate", "x.cfg"], 'did you mean "lint"?'),
        (["healthcheck"], "check --health"),
        (["-t", "30", "-w", "db:1"], 'write it with a unit: "30s", "30ms"'),
        (["-w", "jdbc:postgresql://db/x"], "begins with jdbc:, which only Java's drivers take"),
        (["-w", "db"], "is neither a URL such as tcp://host:port nor host:port"),
        (["-w", "tcp://db"], "the port is missing"),
        (["-w", "{{db}}:1"], "nor host:port"),
        (["-w", "redis"], "nor host:port; the port is missing"),
        (["-w", "tcp:db:5432"], "write tcp://host:5432"),
        (["tcp:db:5432"], "to wait for it write a URL behind -w: tcp://host:5432"),
        (["-w", "http-get://db:80/"], 'did you mean "http"?'),
        (["-w", "file:/run/x"], "write file:///path"),
        (["-w", "socket:/run/x"], "write unix:///run/app.sock"),
        (["-w", "${URL}"], "a variable is read by env:NAME"),
        (["-w", "$(URL)"], "a variable is read by env:NAME"),
        (["-w", "HOME"], "a variable is read by env:HOME"),
        (["-w", "postgresql+asyncpg://db/x"], "+asyncpg is SQLAlchemy's name of a driver"),
        (["-w", "pyamqp://mq//"], "the kind tcp (-w tcp://host:5672)"),
        (["-w", "s3://bucket"], "the kind http (-w http://host:9000/minio/health/ready)"),
        (["-w", "prometheus://p:9090"], 'did you mean "metrics+http"?'),
        (["-w", ""], "-w is empty; likely a variable that is not set"),
        (["--report=", "-w", "db:1"], "--report is empty; likely a variable that is not set"),
        (["-p", "", "-w", "db:1"], "-p is empty"),
        (["-w", "-t", "2s"], "-w needs a value: URL; -t is an option, so likely a variable before it is not set"),
        (["-w", "--timeout=2s"], "--timeout=2s is an option"),
        (["--only", "--", "ls"], "-- is an option"),
        (["-w", "db:1", "-s", "--", "ls"], "unknown option -s; the command is never started when a required check fails"),
        (["-w", "db:1", "--strict"], "the command is never started"),
        (["-stdout", "log", "-w", "db:1"], "unknown option -stdout; startguard run --help lists them"),
        (["-wait-retry-interval", "2s"], "unknown option -wait-retry-interval; attempts are made until -t is over"),
        (["-w", "db:1", "--interval", "2s"], "attempts are made until -t is over"),
        (["-w", "http://db", "--insecure-skip-tls-verify"], "certificates are always verified"),
        (["-w", "http://db", "--expect-status-code", "200"], "it belongs to a check"),
        (["check", "-p", "x", "--json"], "unknown option --json; write --format json"),
        (["check", "-p", "x", "-o", "json"], "unknown option -o; write --format FORMAT"),
        (["check", "-c", "x.cfg"], "unknown option -c; did you mean --profile?"),
        (["try", "redis", "--url", "redis://c"], "unknown option --url; a key stands without dashes: url=VALUE"),
        (["try", "redis", "redis://c"], "word 1: is not KEY=VALUE; write url=VALUE"),
        (["try", "tcp", "db:1"], "word 1: is not KEY=VALUE; write address=VALUE"),
        (["try", "http", "url", "=", "http://c"], "a key, = and the value are one word"),
        (["try", "http", 'url="http://c"'], "it stands in quotes"),
        (["try", "zebra"], "startguard explain lists them"),
        (["try", "keycloak"], "/.well-known/openid-configuration"),
        (["redis", "redis://c"], "for one check write: try redis KEY=VALUE, to wait: -w URL"),
        (["python", "app.py"], "to start it after the checks: -- python ..."),
        (["kinds"], 'did you mean "explain"?'),
        (["init"], "explain --profile"),
        (["help", "redis"], '"redis" is a kind of check: startguard explain redis'),
        (["explain", "auth-failed"], "it is a diagnosis: startguard codes auth-failed"),
        (["codes", "69"], "exit statuses are listed by: startguard help"),
        (["codes", "tcp"], "it is a kind: startguard explain tcp"),
        (["check", "-w", "file:///", "--only", "file"], 'matches no check; did you mean "file.*"?'),
        (["check", "-m", "dev", "-w", "file:///", "--skip", "/"], 'matches no check; did you mean "file./"?'),
    ],
)
def test_words_of_other_tools(guard, words, told):
    result = guard.cli(*words)
    assert result.code == 64
    assert told in result.err


def test_a_scheme_in_capitals(guard):
    with TcpServer(silent) as server:
        assert guard.cli("-w", f"TCP://127.0.0.1:{server.port}").code == 0


def test_a_key_within_a_group_is_explained(guard):
    result = guard.cli("explain", "kafka.topics.min_partitions")
    assert result.code == 0 and "Lowest number of partitions." in result.out
    assert 'kafka has no key "topics.zebra"' not in result.out
    wrong = guard.cli("explain", "kafka.topics.min_partition")
    assert wrong.code == 64 and 'did you mean "min_partitions"?' in wrong.err
    assert guard.cli("explain", "kafka.min_brokers.x").code == 64


@pytest.mark.parametrize(
    "command, told",
    [
        (["ls -l /"], "it is one word with blanks"),
        (["cd", "/app"], "it is a part of the shell"),
        (["exec", "ls"], "it is a part of the shell"),
        (["LEVEL=1", "ls"], "for a variable before the command write: -- env NAME=VALUE COMMAND"),
        (["/bin/ls -l"], "it is one word with blanks"),
    ],
)
def test_a_command_for_a_shell(guard, command, told):
    result = guard.cli("-w", "file:///", "--", *command)
    assert result.code == 127
    assert told in result.err


def test_a_variable_with_another_scheme_is_told_in_a_sentence(guard):
    result = guard.cli("-w", "env:BROKER", env={"BROKER": "amqp://guest:hunter2hunter2@mq//"})
    assert result.code == 64 and "hunter2" not in result.err
    assert 'variable BROKER has an unknown scheme "amqp"; the kind tcp' in result.err


@pytest.mark.parametrize(
    "url, told",
    [
        ("postgresql+psycopg2://u:hunter2hunter2@db/x", "+psycopg2 is SQLAlchemy's name of a driver"),
        ("jdbc:postgresql://db/x", "begins with jdbc:, which only Java's drivers take; leave it out"),
    ],
)
def test_a_url_for_another_driver_is_told_as_such(guard, url, told):
    result = guard.cli("try", "postgres", "url=env:DATABASE_URL", env={"DATABASE_URL": url})
    assert result.code == 69 and told in result.err and "hunter2" not in result.err


@pytest.mark.every_row
@pytest.mark.parametrize(
    "url, told",
    [
        ("$(REDIS_URL)", "a variable is written ${NAME}"),
        ("{{ REDIS_URL }}", "a variable is written ${NAME}"),
        ("%REDIS_URL%", "a variable is written ${NAME}"),
        ("ENV:REDIS_URL", "a reference is written env:NAME"),
        ("env://REDIS_URL", "env: takes the name of a variable as it is"),
    ],
)
def test_how_other_tools_write_a_variable(guard, url, told):
    result = guard.cli("try", "redis", f"url={url}")
    assert result.code == 64 and told in result.err


@pytest.mark.parametrize("driver", ["psycopg2", "asyncpg", "pg8000"])
def test_a_dsn_for_another_driver_is_told_as_such(guard, driver):
    result = guard.cli("try", "postgres", "dsn=env:D", env={"D": f"postgresql+{driver}://u:hunter2hunter2@db/x"})
    assert result.code == 69 and "hunter2" not in result.err
    assert "its scheme names a driver, as SQLAlchemy has it: write postgresql://" in result.err
