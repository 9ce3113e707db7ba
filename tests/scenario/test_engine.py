"""Waiting, giving up, degrading, ending: what the engine does with checks, whatever their kind."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from fakes.http import HttpServer, Reply
from fakes.tcp import TcpServer, full_backlog, refused_port, silent
from harness import PID_1, unshare

LONG = "60s"  # longer than any test waits: a run that ends before has ended early


def tcp(name, address, more=""):
    return f'tcp: {{ {name}: {{ address = "{address}"; {more} }}; }};'


def refused(name="gone", more=""):
    return tcp(name, f"127.0.0.1:{refused_port()}", more)


def profile(*parts):
    return "startguard = 1; " + " ".join(parts)


# A failure that waiting cannot help: the path is a folder, not a file.
WRONG = 'file: { wrong: { path = "/"; type = "file"; }; };'
FINE = 'file: { fine: { path = "/"; }; };'


# ---- waiting ----


@pytest.mark.produces("connect-refused")
def test_a_server_that_comes_up_later(guard):
    port = refused_port()
    with guard.spawn(profile(tcp("late", f"127.0.0.1:{port}")), command=["/bin/echo", "started"]) as process:
        process.wait_for("WAIT      tcp.late")
        with TcpServer(silent, port=port):
            result = process.result()
    assert (result.code, result.out, result.status) == (0, "started\n", "ready")
    check = result.passed()
    assert check["attempts"] == 1 + check["history"][0]["count"]
    assert [h["code"] for h in check["history"]] == ["connect-refused"]
    assert result.err.count("WAIT ") == 1  # a line when something changes, not one for each attempt
    assert "1 check passed" in result.err.splitlines()[-1]


def test_every_attempt_is_told_when_asked_for(guard):
    result = guard.run(profile(refused()), "-t", "2s", "-v")
    assert result.err.count("WAIT ") >= result.check()["attempts"] - 1 > 1


def test_a_change_of_the_cause_is_told(guard):
    with HttpServer({"/": [Reply(status=503), Reply(status=503), Reply(status=200)][0]}) as server:
        with guard.spawn(profile(f'http: {{ w: {{ url = "{server.url}/"; }}; }};')) as process:
            process.wait_for("http-status")
            server.routes["/"] = Reply(status=200)
            result = process.result()
    result.passed()
    assert result.check()["history"][0]["code"] == "http-status"


def test_time_is_up(guard):
    result = guard.run(profile(refused()), "-t", "2s", command=["/bin/echo", "started"])
    check = result.expect("connect-refused", exit=124, outcome="fail")
    assert check["attempts"] > 2
    assert (result.status, result.out) == ("blocked", "")
    assert check["elapsed_ms"] >= 250
    last = result.err.splitlines()[-1]
    assert last.startswith("startguard: BLOCKED (124): tcp.gone: connect-refused: 127.0.0.1:")
    assert last.endswith(": Connection refused"), last  # and no count: it is the only check


def test_timeout_of_the_profile_and_of_the_check(guard):
    result = guard.run(profile('timeout = "60s";', refused(more='timeout = "1s";')))
    assert result.expect("connect-refused", exit=124)["elapsed_ms"] < guard.scale(30000)
    result = guard.run(profile('timeout = "1s";', refused()))
    assert result.expect("connect-refused", exit=124)["elapsed_ms"] < guard.scale(30000)


def test_no_time_limit(guard):
    with guard.spawn(profile(refused()), "-t", "0") as process:
        process.wait_for("no time limit")
        process.wait_for("WAIT ")
        process.terminate()
        assert process.result().code == 143


def test_environment_gives_the_time(guard):
    assert guard.run(profile(refused()), env={"STARTGUARD_TIMEOUT": "200ms"}).code == 124


@pytest.mark.produces("connect-timeout")
def test_attempts_end_at_their_own_limit(guard):
    with full_backlog() as full:
        result = guard.run(profile(tcp("full", full.address, 'attempt_timeout = "500ms";')), "-t", "3s")
    check = result.check()
    # A loaded machine may let one of them miss its soft limit, and be killed.
    assert result.code == 124 and check["attempts"] > 1, result
    assert "connect-timeout" in [h["code"] for h in check["history"]], result


@pytest.mark.produces("http-status")
@pytest.mark.near_miss("answer-timeout")
def test_a_last_attempt_with_less_time_than_the_one_before_took(guard):
    """The previous finding is kept: how much time is left when the last attempt begins is chance."""
    with HttpServer({"/": [Reply(503, delay=1), Reply(503, delay=60)]}) as server:
        result = guard.run(
            profile(f'http: {{ w: {{ url = "{server.url}/"; timeout = "3s"; attempt_timeout = "2900ms"; }}; }};'), "-t", LONG
        )
    check = result.expect("http-status", exit=124)
    assert check["attempts"] > 1
    assert check["reached"] == ["connect", "http 503"]  # of the same attempt


@pytest.mark.produces("exec-status")
@pytest.mark.near_miss("guard-deadline")
def test_a_last_command_with_less_time_than_the_one_before_took(guard):
    script = "test -e seen && exec sleep 60; touch seen; sleep 1; exit 3"
    text = f'exec: {{ c: {{ command = ["/bin/sh", "-c", "{script}"]; timeout = "3s"; attempt_timeout = "2900ms"; }}; }};'
    assert guard.run(profile(text), "-t", LONG).expect("exec-status", exit=124)["attempts"] > 1


@pytest.mark.produces("exec-status")
@pytest.mark.near_miss("guard-deadline")
def test_a_guard_that_has_to_wait_for_a_processor(guard):
    """The last attempt was not given the whole of attempt_timeout. That it is killed late does not change that."""
    script = "test -e seen && touch again && kill -STOP $PPID && exec sleep 60; touch seen; exit 3"
    text = f'exec: {{ c: {{ command = ["/bin/sh", "-c", "{script}"]; timeout = "3s"; attempt_timeout = "3s"; }}; }};'
    with guard.spawn(profile(text), "-t", LONG) as process:
        while not (guard.tmp / "again").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        process.send_signal(signal.SIGCONT)
        process.result().expect("exec-status", exit=124)


def test_without_retry_there_is_one_attempt(guard):
    result = guard.run(profile(refused(more="retry = false;")), "-t", LONG)
    assert result.expect("connect-refused", exit=69, retryable=True)["attempts"] == 1


def test_what_comes_after_a_check_without_retry_is_blocked_for_good_too(guard):
    """The exit code says so whichever of them is required, also where degrading is not allowed."""
    lost = 'retry = false; required = false; degraded = "x";'
    after = 'file: { next: { path = "/"; after = ["tcp.gone"]; }; };'
    for text, options, code in [
        (profile(refused(more=lost), after), (), 69),
        (profile(refused(more=lost)), (), 0),
        (profile(refused(more=lost)), ("--fail-on-degraded",), 69),
        (profile(refused(more=lost.replace("retry", "#") + '\n timeout = "1s";')), ("--fail-on-degraded",), 124),
    ]:
        assert guard.run(text, "-t", LONG, *options).code == code
    assert guard.check(profile(refused(more="retry = false;"))).code == 69
    assert guard.check(profile(refused())).code == 124


@pytest.mark.produces("guard-crashed")
def test_a_crash_without_retry_stays_our_own_fault(guard):
    text = profile(
        'exec: { c: { command = ["/bin/sh", "-c", "kill -s SEGV $PPID; exec sleep 1000"]; retry = false; }; };',
        'file: { next: { path = "/"; after = ["exec.c"]; }; };',
    )
    assert guard.run(text, "-t", LONG).code == 70


def test_check_is_one_round(guard):
    result = guard.check(profile(refused()))
    assert result.expect("connect-refused", exit=124)["attempts"] == 1
    assert guard.check(profile(FINE)).code == 0
    assert guard.check(profile(WRONG)).code == 69


def test_one_at_a_time(guard):
    """Commands that exclude each other by a folder: with one place they never meet."""
    command = '["/bin/sh", "-c", "mkdir lock && sleep 0.02 && rmdir lock"]'
    checks = " ".join(f"c{i}: {{ command = {command}; retry = false; }};" for i in range(8))
    assert guard.run(profile(f"exec: {{ {checks} }};"), "--parallel", "1").status == "ready"


def test_hundreds_of_checks(guard):
    with TcpServer(silent, backlog=1024) as server:
        checks = " ".join(f'c{i}: {{ address = "{server.address}"; }};' for i in range(300))
        result = guard.run(profile(f"tcp: {{ {checks} }};"))
    assert result.status == "ready"
    assert len(result.checks) == 300
    assert result.err.splitlines()[-1].startswith("startguard: READY: 300 checks passed in ")


# ---- failures that waiting cannot help ----


@pytest.mark.produces("file-wrong-type")
@pytest.mark.near_miss("guard-deadline")
def test_a_permanent_failure_ends_the_run_and_the_others_finish_their_word(guard):
    with HttpServer({"/": Reply(body="slow", delay=0.4)}) as server:
        result = guard.run(profile(WRONG, f'http: {{ slow: {{ url = "{server.url}/"; }}; }};', refused()), "-t", LONG)
    result.expect("file-wrong-type", exit=69, id="file.wrong", retryable=False, outcome="fail")
    assert result.check("file.wrong")["attempts"] == 1
    result.passed("http.slow")
    assert result.check("tcp.gone")["code"] == "connect-refused"
    assert result.report["elapsed_ms"] < guard.scale(30000)


@pytest.mark.produces("file-wrong-type")
def test_who_does_not_finish_in_time_is_pending(guard):
    with TcpServer(silent) as server:
        result = guard.run(
            profile(WRONG, f'http: {{ never: {{ url = "http://{server.address}/"; attempt_timeout = "50s"; }}; }};'), "-t", LONG
        )
    assert result.code == 69
    check = result.check("http.never")
    assert (check["outcome"], check["code"]) == ("pending", None)
    assert "not decided when the run ended" in check["cause"]
    assert "1 still waiting" in result.report["summary"]
    assert result.report["elapsed_ms"] < guard.scale(30000)


def test_permanent_weighs_more_than_time_is_up(guard):
    result = guard.check(profile(refused(), WRONG))
    assert result.code == 69
    assert result.err.splitlines()[-1].startswith("startguard: BLOCKED (69): file.wrong: ")


@pytest.mark.produces("file-wrong-type")
def test_an_optional_permanent_failure_does_not_end_the_run(guard):
    port = refused_port()
    optional = 'file: { wrong: { path = "/"; type = "file"; required = false; degraded = "no file"; }; };'
    with guard.spawn(profile(optional, tcp("late", f"127.0.0.1:{port}"))) as process:
        process.wait_for("DEGRADED  file.wrong")
        process.wait_for("WAIT      tcp.late")
        with TcpServer(silent, port=port):
            result = process.result()
    assert (result.code, result.status) == (0, "degraded")


# ---- grace ----


@pytest.mark.produces("file-wrong-type")
def test_grace_for_what_a_job_still_creates(guard):
    path = guard.tmp / "made"
    path.mkdir()
    text = profile(f'file: {{ made: {{ path = "{path}"; type = "file"; grace = "60s"; }}; }};')
    with guard.spawn(text) as process:
        process.wait_for("WAIT      file.made")
        path.rmdir()
        path.write_text("now a file")
        result = process.result()
    assert result.passed()["attempts"] > 1


@pytest.mark.produces("file-wrong-type")
def test_grace_ends(guard):
    result = guard.run(profile('file: { wrong: { path = "/"; type = "file"; grace = "2s"; }; };'), "-t", LONG)
    check = result.expect("file-wrong-type", exit=69)
    assert check["attempts"] > 1
    assert 1900 <= check["elapsed_ms"] < guard.scale(30000)


# ---- degrading ----


def test_an_optional_check_degrades_and_does_not_hold_the_start(guard):
    text = profile(FINE, refused("cache", 'required = false; timeout = "1s"; degraded = "nothing is cached";'))
    result = guard.run(text, "-t", LONG, command=["/bin/sh", "-c", "echo $STARTGUARD_STATUS $STARTGUARD_DEGRADED"])
    assert (result.code, result.out, result.status) == (0, "degraded tcp.cache\n", "degraded")
    check = result.expect("connect-refused", id="tcp.cache", outcome="degraded")
    assert check["degraded"] == "nothing is cached"
    assert result.err.splitlines()[-1] == (
        "startguard: DEGRADED: tcp.cache: nothing is cached (connect-refused); 1 of 2 checks passed, 1 degraded"
    )
    assert "lost:    nothing is cached" in result.err


def test_required_in_some_modes(guard):
    text = profile(FINE, refused("cache", 'required_in = ["prod"]; timeout = "1s"; degraded = "nothing is cached";'))
    assert guard.run(text).code == 124
    assert guard.run(text, mode="dev").status == "degraded"


@pytest.mark.parametrize(
    "command, options, place",
    [("run", [], "run"), ("check", [], "check"), ("check", ["--health"], "health"), ("run", ["--health"], "health")],
)
def test_only_at_some_places(guard, command, options, place):
    checks = " ".join(f'{name}: {{ path = "/"; only_at = ["{name}"]; }};' for name in ("run", "check", "health"))
    two = 'two: { path = "/"; only_at = ["run", "health"]; }; both: { path = "/"; after = ["file.two"]; };'
    result = getattr(guard, command)(profile(f"file: {{ {checks} {two} }};"), *options)
    assert result.code == 0
    assert [c["name"] for c in result.checks] == [place, *(["two"] if place != "check" else []), "both"]


def test_a_service_that_starts_with_health_is_a_run(guard):
    text = profile('file: { a: { path = "/"; only_at = ["run"]; }; };')
    result = guard.run(text, "--health", command=["/bin/echo", "started"])
    assert (result.code, result.out) == (0, "started\n")


def test_nothing_at_this_place(guard):
    text = profile('file: { a: { path = "/"; only_at = ["health"]; }; };')
    guard.run(text).problem("there is nothing to check at this place: only_at", exit=78)
    file = guard.write("p.cfg", text)
    assert guard.cli("lint", file).code == 0
    assert 'only_at = ["health"]' in guard.cli("show", "-p", file).out
    guard.run(profile('file: { a: { path = "/"; only_at = ["start"]; }; };')).problem("only_at", exit=78)


def test_only_in_some_modes(guard):
    text = profile(FINE, refused("cache", 'only_in = ["prod"]; timeout = "1s";'))
    assert guard.run(text).code == 124
    result = guard.run(text, mode="dev")
    assert result.status == "ready"
    assert [c["id"] for c in result.checks] == ["file.fine"]


@pytest.mark.parametrize("options, env", [(["--fail-on-degraded"], {}), ([], {"STARTGUARD_FAIL_ON_DEGRADED": "1"})])
def test_degraded_may_be_refused(guard, options, env):
    text = profile(FINE, refused("cache", 'required = false; timeout = "1s"; degraded = "nothing is cached";'))
    result = guard.run(text, *options, env=env, command=["/bin/echo", "started"])
    assert (result.code, result.out, result.status) == (124, "", "blocked")
    assert "--fail-on-degraded" in result.report["summary"]


def test_nothing_to_check_is_never_ready(guard):
    assert guard.run("startguard = 1;").problem("nothing to check", exit=78)
    assert guard.run(None, mode=None).problem("nothing to check", exit=78)


# ---- after ----


def test_after_waits_for_the_other(guard):
    text = profile(
        'exec: { first: { command = ["/bin/sh", "-c", "sleep 0.1; touch made"]; };',
        'second: { command = ["/bin/sh", "-c", "test -e made"]; after = ["exec.first"]; retry = false; };',
        'third: { command = ["/bin/sh", "-c", "test -e made"]; after = ["exec.second", "exec.first"]; retry = false; }; };',
    )
    assert guard.run(text).status == "ready"


@pytest.mark.parametrize("before, code", [(WRONG, 69), ('tcp: { wrong: { address = "127.0.0.1:1"; timeout = "1s"; }; };', 124)])
def test_after_what_never_passes_is_not_tried(guard, before, code):
    kind = before.split(":")[0]
    with TcpServer(silent) as server:
        text = profile(before, f'http: {{ next: {{ url = "http://{server.address}/"; after = ["{kind}.wrong"]; }}; }};')
        result = guard.run(text, "-t", LONG)
        assert server.connections == 0
    assert result.code == code
    check = result.check("http.next")
    assert (check["outcome"], check["attempts"]) == ("pending", 0)
    assert check["cause"] == f"not tried: it comes after {kind}.wrong"


def test_the_time_of_a_check_begins_when_it_may_run(guard):
    text = profile(
        'exec: { first: { command = ["/bin/sleep", "3"]; };',
        'second: { command = ["/bin/true"]; after = ["exec.first"]; timeout = "2500ms"; }; };',
    )
    assert guard.run(text).status == "ready"


# ---- signals ----

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]


@pytest.mark.parametrize("number, code", SIGNALS)
def test_a_signal_ends_the_wait(guard, number, code):
    """A check hangs, another is between attempts. No process is left: the fixture looks."""
    with TcpServer(silent) as server:
        text = profile(
            f'http: {{ hangs: {{ url = "http://{server.address}/"; }}; }};',
            refused(),
            'exec: { sleeps: { command = ["/bin/sh", "-c", "sleep 1000 & sleep 1000"]; }; };',
        )
        with guard.spawn(
            text, command=["/bin/echo", "started"], preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)
        ) as process:
            process.wait_for("WAIT      tcp.gone")
            process.send_signal(number)
            result = process.result()
    assert (result.code, result.out, result.status) == (code, "", "blocked")
    assert result.err.splitlines()[-1].startswith(f"startguard: BLOCKED ({code}): ended by signal {int(number)} ")
    assert result.check("http.hangs")["outcome"] == "pending"


@pytest.mark.near_miss("guard-crashed")
def test_a_child_that_is_killed_between_two_attempts(guard):
    """The child of a tcp check waits for the next attempt. When it is gone, a fresh one makes that attempt."""
    port = refused_port()
    text = profile(f'tcp: {{ late: {{ address = "127.0.0.1:{port}"; interval = "1s"; }}; }};')
    with guard.spawn(text, command=["/bin/echo", "started"]) as process:
        process.wait_for("WAIT      tcp.late")
        killed = children_of(process.pid)
        os.kill(killed, signal.SIGKILL)
        with socket.create_server(("127.0.0.1", port)):
            result = process.result()
    assert (result.code, result.out, result.status) == (0, "started\n", "ready")
    assert "guard-crashed" not in result.err


def children_of(pid):
    """The only child of the process."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return int(children.read())


def test_as_pid_1_sigterm_ends_it(guard):
    file = guard.write("p.cfg", profile(refused()))
    with subprocess.Popen(
        [*unshare(*PID_1), guard.path, "-p", file, "--termination-log", "none"], env=guard.environment(), stderr=subprocess.PIPE
    ) as process:
        try:
            assert b"startguard" in process.stderr.readline()
            with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
                os.kill(int(children.read().split()[0]), signal.SIGTERM)
            assert process.wait(guard.scale(30)) == 143
            assert b"BLOCKED (143)" in process.stderr.read()
        finally:
            process.kill()


def test_an_ignored_signal_stays_ignored(guard):
    port = refused_port()
    with guard.spawn(
        profile(tcp("late", f"127.0.0.1:{port}")), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    ) as process:
        process.wait_for("WAIT ")
        process.send_signal(signal.SIGINT)
        with TcpServer(silent, port=port):
            assert process.result().status == "ready"


def test_killed_it_leaves_no_child(guard):
    with guard.spawn(profile('exec: { sleeps: { command = ["/bin/sleep", "1000"]; }; };'), last_line=False) as process:
        process.wait_for("1 check")
        process.kill()
        assert process.result().code == -signal.SIGKILL


# ---- outputs that cannot be written ----


@pytest.mark.parametrize("text, code", [(FINE, 0), (WRONG, 69)], ids=["ready", "blocked"])
def test_closed_stderr_changes_nothing(guard, text, code):
    """Nor does a file get its descriptor, and with it the lines for stderr."""
    status = "ready" if code == 0 else "blocked"
    result = guard.run(profile(text), preexec_fn=lambda: os.close(2), last_line=False)
    assert (result.code, result.status, result.err) == (code, status, "")
    result = guard.run(profile(text), preexec_fn=lambda: os.closerange(0, 3), last_line=False)
    assert (result.code, result.status) == (code, status)


@pytest.mark.parametrize("text, code", [(FINE, 0), (WRONG, 69)], ids=["ready", "blocked"])
def test_full_disk_behind_stderr_changes_nothing(guard, text, code):
    with open("/dev/full", "wb") as full:
        assert guard.run(profile(text), stderr=full).code == code


def test_reader_of_stderr_has_gone(guard):
    read, write = os.pipe()
    os.close(read)
    try:
        assert guard.run(profile(FINE), stderr=write, command=["/bin/sh", "-c", "echo started"]).out == "started\n"
    finally:
        os.close(write)


def test_report_that_cannot_be_written_is_a_warning(guard):
    result = guard.run(
        profile(FINE),
        "--report",
        "/proc/nowhere/report.json",
        command=["/bin/sh", "-c", "echo ${STARTGUARD_REPORT_FILE-unset}"],
        last_line=False,
    )
    assert (result.code, result.out) == (0, "unset\n")
    assert "startguard: warning: the report was not written: " in result.err


def test_report_is_whole_or_not_there(guard):
    """An old report is replaced in one step, and no other file is left beside it."""
    (guard.tmp / "r").mkdir()
    file = guard.write("r/report.json", "old")
    guard.run(profile(FINE), "--report", str(file))
    assert json.loads(file.read_text())["status"] == "ready"
    assert os.listdir(file.parent) == ["report.json"]


def test_full_stdout_is_a_warning(guard):
    with open("/dev/full", "wb") as full:
        result = guard.run(profile(FINE), "--format", "tap", stdout=full)
    assert result.code == 0
    assert "warning: the report was not written: stdout: " in result.err


# ---- ways to run ----


def test_health_is_0_or_1(guard):
    assert guard.check(profile(FINE), "--health").code == 0
    for text in (profile(WRONG), profile(refused()), "startguard = 2;"):
        result = guard.check(text, "--health", report=False)
        assert result.code == 1


def test_waits_without_a_profile(guard):
    with TcpServer(silent) as server, HttpServer({"*": Reply(body="x")}) as web:
        result = guard.run(
            None, "-w", f"tcp://{server.address}", "-w", f"tcp://{server.address}", "-w", f"{web.url}/x", mode=None
        )
    assert result.status == "ready"
    assert [c["id"] for c in result.checks] == [
        f"tcp.{server.address}",
        f"tcp.{server.address}-2",
        f"http.127.0.0.1:{web.port}",
    ]


def test_waits_from_the_environment(guard):
    with TcpServer(silent) as server:
        result = guard.run(None, env={"STARTGUARD_WAIT": f"tcp://{server.address} file:///"}, mode=None)
    assert len(result.checks) == 2
    assert result.status == "ready"


@pytest.mark.parametrize(
    "words, code",
    [
        (["path=/"], 0),
        (["path=/", "type=file"], 69),
        (["path=/no/such"], 124),
        (["path=/no/such", "grace=5s", "type=file"], 124),
        (["path=/no/such", "required=false", "degraded=less"], 0),
        (["path=/no/such", "required=false", "degraded=less", "--fail-on-degraded"], 124),
        (["path=/", "type=file", "required=false", "degraded=less", "--fail-on-degraded"], 69),
    ],
)
def test_one_attempt_in_this_very_process(guard, words, code):
    """Verdict, line and exit status are the same as in a child process."""
    here, apart = (guard.cli("try", "file", *words, "--termination-log", "none", *more) for more in (["--in-process"], ["-q"]))
    assert (here.code, apart.code) == (code, code)
    assert re.sub(r"in .*s$", "", here.err.strip()) == re.sub(r"in .*s$", "", apart.err.strip())


def test_two_ending_signals_at_once_ask_once(guard):
    """A closing session sends TERM and HUP together, which counts as one request: the report is written."""
    with guard.spawn(f'startguard = 1; tcp: {{ a: {{ address = "127.0.0.1:{refused_port()}"; }}; }};') as process:
        process.wait_for("WAIT")
        for one in (signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP, signal.SIGCONT):
            process.send_signal(one)
        result = process.result()
    assert result.code in (129, 143) and result.status == "blocked", result
    assert result.err.splitlines()[-1].startswith(f"startguard: BLOCKED ({result.code}): "), result
