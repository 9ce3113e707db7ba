"""Attempt, check and run end at their time, whatever a peer, a library or a program does; and the report says how far it got.

Bounds here are generous, for loaded machines: what would break a deadline takes a minute or for ever. Exact figures are
tests/bench/deadlines.py's.
"""

import pathlib
import re
import shlex
import signal
import time

import pytest

from fakes.dns import DnsServer
from fakes.fuse import DeadFileSystem
from fakes.tcp import TcpServer, drip, refused_port, silent
from harness import helper
from servers.redis import RedisServer

LATE = 15  # seconds after its time at which a run has certainly missed it: what hangs here hangs for 40 s and longer


def ends_in_time(guard, result, limit):
    """The run ended at its deadline: not much later by its own clock, and not by giving up long before."""
    assert limit * 900 <= result.report["elapsed_ms"] < (limit + guard.scale(LATE)) * 1000
    return result


@pytest.fixture
def no_names():
    """A name server that never answers, in the shape Kubernetes gives it: 3 search domains, 5 dots, no short time limit."""
    with DnsServer({"*": None}, search=["a.test", "svc.test", "test"], options="ndots:5 timeout:5 attempts:2") as dns:
        yield dns


@pytest.fixture
def stopped_redis():
    """A server that accepts (the kernel does) and never answers."""
    with RedisServer() as server:
        server.pause()
        yield server.socket_url


NAMED = {
    "tcp": 'tcp: { c: { address = "peer.name:80"; }; };',
    "tls": 'tcp: { c: { address = "peer.name:443"; tls = true; }; };',
    "http": 'http: { c: { url = "https://peer.name/"; }; };',
    "redis": 'redis: { c: { url = "redis://peer.name"; }; };',
    "dns": 'dns: { c: { name = "peer.name"; }; };',
    "opa": 'opa: { c: { url = "http://peer.name:8181"; }; };',
    "metrics": 'metrics: { c: { url = "http://peer.name:9090/metrics"; families = ( { name = "up"; } ); }; };',
    "schema_registry": 'schema_registry: { c: { url = "http://peer.name:8081"; }; };',
    "kafka": 'kafka: { c: { bootstrap_servers = "peer.name:9092,other.name:9092"; }; };',
}


@pytest.mark.produces("dns-timeout")
@pytest.mark.parametrize("kind", NAMED)
def test_silent_name_server(guard, no_names, kind):
    """getaddrinfo takes 20 s and more here, and so does rd_kafka_destroy behind it."""
    result = guard.run("startguard = 1; " + NAMED[kind], "-t", "2s", dns=no_names)
    check = ends_in_time(guard, result, 2).expect("dns-timeout", exit=124, phase="resolve")
    assert "peer.name" in check["subject"] + check["cause"] + check.get("last_step", "")


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("guard-deadline")
def test_slow_name_server_before_a_silent_peer(guard):
    """The time that resolving took is not added to that of the answer."""

    def late(kind):
        time.sleep(0.5)
        return ["127.0.0.1"]

    with DnsServer({"peer.name": late}, options="timeout:5 attempts:1") as dns, TcpServer(silent) as server:
        result = guard.try_("http", url=f"http://peer.name:{server.port}/", attempt_timeout=guard.span(3), _dns=dns)
    result.expect("answer-timeout", exit=124, cause="connected and asked")


SILENT = {
    "http": 'http: {{ c: {{ url = "http://{address}/"; }}; }};',
    "tls": 'tcp: {{ c: {{ address = "{address}"; tls = true; }}; }};',
    "https": 'http: {{ c: {{ url = "https://{address}/"; }}; }};',
    "redis": 'redis: {{ c: {{ url = "redis://{address}"; }}; }};',
    "rediss": 'redis: {{ c: {{ url = "rediss://{address}"; }}; }};',
    "opa": 'opa: {{ c: {{ url = "http://{address}"; }}; }};',
    "schema_registry": 'schema_registry: {{ c: {{ url = "http://{address}"; }}; }};',
    "metrics": 'metrics: {{ c: {{ url = "http://{address}/metrics"; families = ( {{ name = "up"; }} ); }}; }};',
    "kafka": 'kafka: {{ c: {{ bootstrap_servers = "{address}"; }}; }};',
    "kafka-tls": 'kafka: {{ c: {{ bootstrap_servers = "{address}"; properties = ["security.protocol=ssl"]; }}; }};',
}


@pytest.mark.near_miss("guard-deadline")
@pytest.mark.parametrize("kind", SILENT)
def test_peer_that_accepts_and_is_silent(guard, kind):
    """Each kind ends in time by itself, with a diagnosis of its own: none has to be killed."""
    with TcpServer(silent) as server:
        # Between the end of its time and that of its process lies a tenth of it, 200 ms at most.
        result = guard.run("startguard = 1; " + SILENT[kind].format(address=server.address), "-t", "2s")
    check = ends_in_time(guard, result, 2).check()
    assert (result.code, check["outcome"]) == (124, "fail")
    assert check["code"]


def test_stopped_server(guard, stopped_redis):
    result = guard.run(f'startguard = 1; redis: {{ c: {{ url = "{stopped_redis}"; }}; }};', "-t", "2s")
    ends_in_time(guard, result, 2).expect("answer-timeout", exit=124)


def test_slow_drip_body(guard):
    """A byte now and then does not extend the deadline."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with TcpServer(drip(head + b"x" * 100000, 0.02)) as server:
        result = guard.run(f'startguard = 1; http: {{ c: {{ url = "http://{server.address}/"; }}; }};', "-t", "2s")
    ends_in_time(guard, result, 2).expect("answer-timeout", exit=124)


def test_slow_drip_of_a_greeting(guard):
    with TcpServer(drip(b"+" + b"x" * 100000, 0.02)) as server:
        result = guard.run(f'startguard = 1; redis: {{ c: {{ url = "redis://{server.address}"; }}; }};', "-t", "1s")
    assert ends_in_time(guard, result, 1).code == 124


def deaf(guard, script):
    """A command that takes no signal which can be ignored."""
    return (
        guard.write("deaf.sh", f"#!/bin/sh\ntrap '' TERM INT HUP QUIT USR1 USR2 ALRM\n{script}\n").chmod(0o755) or "./deaf.sh"
    )


FLEE = {
    "in-the-group": "sleep 1000 & sleep 1000",
    "ignores-all": "while :; do sleep 1000; done",
    "new-session": "setsid sleep 1000 & sleep 1000",
    "twice-forked": "(setsid sh -c 'setsid sleep 1000 & exit 0' &) ; sleep 1000",
    "deep": "setsid sh -c \"setsid sh -c 'setsid sleep 1000 & sleep 1000' & sleep 1000\" & sleep 1000",
}


@pytest.mark.produces("guard-deadline")
@pytest.mark.parametrize("how", FLEE)
@pytest.mark.parametrize("limit", ["run", "check", "attempt"])
def test_command_that_hangs_takes_its_fugitives_along(guard, how, limit):
    """No process is left when startguard has ended: the fixture looks, in every session."""
    keys = {"run": "", "check": 'timeout = "1s";', "attempt": 'attempt_timeout = "1s"; retry = false;'}[limit]
    text = f'startguard = 1; exec: {{ c: {{ command = ["{deaf(guard, FLEE[how])}"]; {keys} }}; }};'
    result = guard.run(text, "-t", "1s" if limit == "run" else "60s")
    check = ends_in_time(guard, result, 1).expect("guard-deadline", exit=69 if limit == "attempt" else 124)
    assert "deaf.sh" in check["subject"] + check["cause"] + check.get("last_step", "")
    assert guard.processes() == []


@pytest.mark.produces("guard-deadline")
@pytest.mark.parametrize("how", FLEE)
def test_check_that_cannot_clean_up_itself(guard, how):
    """The check's own process is stopped: it is startguard that must find those below it."""
    text = f'startguard = 1; exec: {{ c: {{ command = ["{deaf(guard, "kill -STOP $PPID; " + FLEE[how])}"]; }}; }};'
    result = guard.run(text, "-t", "1s")
    ends_in_time(guard, result, 1).expect("guard-deadline", exit=124, cause="killed after")
    assert guard.processes() == []


@pytest.mark.parametrize("how", ["new-session", "twice-forked", "deep"])
@pytest.mark.parametrize("end", ["exit 0", "exit 3", "kill -9 $$"])
def test_command_that_ends_takes_its_fugitives_along(guard, how, end):
    script = f"{FLEE[how].rpartition(';' if ';' in FLEE[how] else '&')[0]}{'' if ';' in FLEE[how] else '&'}\nsleep 0.1; {end}"
    text = f'startguard = 1; exec: {{ c: {{ command = ["{deaf(guard, script)}"]; retry = false; }}; }};'
    result = guard.run(text, command=["/bin/sh", "-c", "ps -o pid= --ppid $$ | wc -l; echo started"])
    if end == "exit 0":
        # The one that ps sees is ps itself, and the pipe's other end.
        assert (result.code, result.out.splitlines()[-1]) == (0, "started")
    else:
        assert result.code == 69 and result.out == ""
    assert guard.processes() == []


@pytest.mark.produces("guard-crashed")
def test_fugitives_of_a_check_that_crashes(guard, faults):
    """Its process is dead and cannot clean up; startguard finds its orphans because it has adopted them."""
    with TcpServer(silent) as server:
        result = guard.try_(
            "tcp", address=f"localhost:{server.port}", _env=faults(FAULT_RESOLVE="fugitive", FAULT_NO_THREADS="1")
        )
    result.expect("guard-crashed", exit=70)
    assert guard.processes() == []


def test_what_was_there_before_is_left_alone(guard):
    """A helper that the entrypoint started stays the service's child, also when an attempt has to be killed."""
    text = f'startguard = 1; exec: {{ c: {{ command = ["{deaf(guard, FLEE["deep"])}"]; required = false; timeout = "300ms"; degraded = "x"; }}; }};'
    line = f"sleep 1000 & helper=$!; exec {shlex.join(guard.words(text))} -- /bin/sh -c 'kill -0 '$helper' && echo there; kill '$helper"
    done = guard.command(["/bin/sh", "-c", line])
    assert (done.returncode, done.stdout) == (0, "there\n"), done.stderr
    assert guard.processes() == []


@pytest.mark.produces("guard-deadline")
def test_a_process_that_cannot_be_killed_holds_nobody(guard, faults):
    """Such as a process that waits for a dead disk in the kernel. The report names it, and the run ends without waiting for it."""
    with TcpServer(silent) as server:
        result = guard.run(
            f"""startguard = 1; tcp: {{ stuck: {{ address = "localhost:{server.port}"; attempt_timeout = "300ms"; }}; }};
            file: {{ fine: {{ path = "/"; }}; }};""",
            "-t",
            "3s",
            env=faults(FAULT_RESOLVE="hang", FAULT_NO_THREADS="1", FAULT_UNKILLABLE="1"),
        )
    check = result.expect("guard-deadline", exit=124, id="tcp.stuck", cause="could not be killed")
    assert "localhost" in check["cause"]
    result.passed("file.fine")


# Where checks read files.
ON_A_DEAD_DISK = {
    "file": 'file: {{ c: {{ path = "{dead}"; {more} }}; }};',
    "avro": 'avro: {{ c: {{ schema = "{dead}"; {more} }}; }};',
    "secret": 'http: {{ c: {{ url = "http://127.0.0.1:1/"; token = "file:{dead}"; {more} }}; }};',
    "ca_file": 'tcp: {{ c: {{ address = "{peer}"; tls = true; ca_file = "{dead}"; {more} }}; }};',
    "exec": 'exec: {{ c: {{ command = ["/bin/cat", "{dead}"]; {more} }}; }};',
}


@pytest.mark.produces("guard-deadline")
@pytest.mark.parametrize("kind", ON_A_DEAD_DISK)
def test_a_dead_file_system_does_not_hold_the_service(guard, kind):
    """A process that waits for it in the kernel does not end by SIGKILL. Nothing is printed, so nothing else wakes startguard."""
    more = 'required = false; degraded = "x"; timeout = "1s"; retry = false;'
    with DeadFileSystem(guard.tmp) as dead, TcpServer(silent) as server:
        text = "startguard = 1; " + ON_A_DEAD_DISK[kind].format(dead=dead.path, peer=server.address, more=more)
        result = guard.run(text, "-q", "-t", "60s", before=dead.words, command=["/bin/echo", "started"])
    assert (result.code, result.out) == (0, "started\n")
    check = result.expect("guard-deadline", outcome="degraded")
    if kind != "exec":  # there the check itself lives, and reports that its command did not end
        assert "could not be killed" in check["cause"]
        assert "attempt_timeout does not help" in check["hint"]
    assert "could not be ended: the service will find it among its children" in result.err


@pytest.mark.produces("guard-deadline")
@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["lines", "quiet"])
def test_the_deadline_of_the_run_and_a_dead_file_system(guard, quiet):
    with DeadFileSystem(guard.tmp) as dead:
        text = f"startguard = 1; {ON_A_DEAD_DISK['file'].format(dead=dead.path, more='')}"
        result = guard.run(text, *quiet, "-t", "2s", before=dead.words)
    ends_in_time(guard, result, 2).expect("guard-deadline", exit=124, cause="could not be killed")


def test_a_signal_and_a_dead_file_system(guard):
    with DeadFileSystem(guard.tmp) as dead:
        text = "startguard = 1; " + ON_A_DEAD_DISK["file"].format(dead=dead.path, more='attempt_timeout = "1h";')
        with guard.spawn(text, "-q", "-t", "1h", before=dead.words) as process:
            dead.wait_until_asked()
            process.send_signal(signal.SIGTERM)
            result = process.result()
    assert result.code == 143
    assert result.check()["outcome"] == "pending"


@pytest.mark.parametrize("call", ["waitid", "wait4"])
def test_a_container_that_refuses_to_reap(guard, call):
    """No child would be seen to end, or the same one for ever."""
    before = [helper("refuse"), "EPERM", call, "--"]
    result = guard.run(
        'startguard = 1; file: { fine: { path = "/"; }; };', "-q", before=before, command=["/bin/echo", "started"]
    )
    assert (result.code, result.out, result.status) == (70, "", "blocked")
    assert "reap a child: Operation not permitted" in result.err


def is_pending(pid, number):
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return any(int(one, 16) >> (number - 1) & 1 for one in pending)


def test_a_second_signal_ends_it_at_once(guard, faults):
    """It comes while startguard waits for killed processes that do not end: it ends at once, without a report."""
    with TcpServer(silent) as server:
        text = f"""startguard = 1; tcp: {{ stuck: {{ address = "localhost:{server.port}"; attempt_timeout = "60s"; }};
            gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};"""
        process = guard.spawn(text, raw=True, env=faults(FAULT_RESOLVE="hang", FAULT_NO_THREADS="1", FAULT_UNKILLABLE="1"))
        process.wait_for("WAIT      tcp.gone")
        process.send_signal(signal.SIGTERM)
        while is_pending(process.pid, signal.SIGTERM):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        process.wait(guard.scale(30))
    assert process.returncode == 130
    assert "BLOCKED" not in process.err_so_far()


MANY = "startguard = 1; file: { " + " ".join(f'c{i}: {{ path = "/"; }};' for i in range(400)) + " };"


def test_a_deadline_while_hundreds_are_started(guard, faults):
    """To start them all would take 40 s."""
    result = guard.run(MANY, "-t", "3s", "--parallel", "400", env=faults(FAULT_FORK_SLOW="100"))
    ends_in_time(guard, result, 3)
    assert (result.code, result.status) == (124, "blocked")
    assert result.checks[0]["outcome"] == "pass"
    assert len([c for c in result.checks if c["outcome"] == "pending" and c["attempts"] == 0]) > 300


def test_a_signal_while_hundreds_are_started(guard, faults):
    with guard.spawn(MANY, "--parallel", "400", env=faults(FAULT_FORK_SLOW="100")) as process:
        process.wait_for("PASS      file.c0")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.result().code == 143
        assert time.monotonic() - began < guard.scale(LATE)


def test_many_are_killed_in_one_go(guard):
    """Each kill wakes a process that then competes for a processor. So every process to kill is found before the first kill, also those
    that have left their group."""
    script = deaf(guard, "kill -STOP $PPID; setsid sleep 1000 & exec sleep 1000")
    text = (
        "startguard = 1; exec: { "
        + " ".join(f'c{i}: {{ command = ["{script}"]; attempt_timeout = "1m"; }};' for i in range(20))
        + " };"
    )
    trace = ["strace", "-o", "calls", "-e", "trace=kill,openat,wait4"]
    guard.command([*trace, *guard.words(text, "-q", "-t", guard.span(3))])
    calls = (guard.tmp / "calls").read_text().splitlines()
    kills = [i for i, one in enumerate(calls) if one.startswith("kill(") and "SIGKILL" in one]
    ends = [i for i, one in enumerate(calls) if one.startswith("wait4(")]
    before_first_end = [i for i in kills if i < ends[0]]
    assert len(before_first_end) >= 40  # of each check a group, and one process that left it
    assert not [one for one in calls[before_first_end[0] : before_first_end[39]] if "/proc/" in one]
    assert guard.processes() == []


@pytest.mark.parametrize("name, key", [("c", "timeout"), ("c", "attempt_timeout")])
def test_an_attempt_leaves_the_others_their_time(guard, name, key):
    """One hangs and is killed again and again; the other is noticed as soon as it is there."""
    port = refused_port()
    text = f"""startguard = 1;
        exec: {{ hangs: {{ command = ["{deaf(guard, FLEE["ignores-all"])}"]; {key} = "200ms"; required = false; degraded = "x"; timeout = "1s"; }}; }};
        tcp: {{ late: {{ address = "127.0.0.1:{port}"; }}; }};""".replace(
        'timeout = "200ms"; required = false; degraded = "x"; timeout = "1s";' if key == "timeout" else "\0",
        'timeout = "200ms"; required = false; degraded = "x";',
    )
    with guard.spawn(text) as process:
        process.wait_for("WAIT      tcp.late")
        with TcpServer(silent, port=port):
            result = process.result()
    result.passed("tcp.late")
    assert result.status == "degraded"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("how", FLEE)
def test_the_guard_itself_is_ended(guard, how, end):
    """By SIGKILL, too: the checks' processes notice, and take along what they have started."""
    text = f'startguard = 1; exec: {{ c: {{ command = ["{deaf(guard, "touch began; " + FLEE[how])}"]; }}; }};'
    with guard.spawn(text, last_line=False) as process:
        deadline = time.monotonic() + guard.scale(20)
        while not (guard.tmp / "began").exists() or len(guard.processes()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(end)
        assert process.result().code == (-9 if end == signal.SIGKILL else 143)
    deadline = time.monotonic() + guard.scale(20)
    while guard.processes():
        assert time.monotonic() < deadline, guard.left_behind()
        time.sleep(0.01)
