"""What the service finds: the process as the container engine made it, and an environment that says how the start went.

The probe is started twice under the same conditions, directly and behind startguard; what it prints must be the same.
"""

import contextlib
import ctypes
import errno
import itertools
import json
import os
import pathlib
import re
import resource
import shlex
import signal
import subprocess

import pytest

from fakes.http import HttpServer, Reply
from fakes.probe import probe
from fakes.tcp import TcpServer, refused_port, silent
from harness import PID_1, unshare

OWN = ("STARTGUARD_STATUS", "STARTGUARD_MODE", "STARTGUARD_DEGRADED", "STARTGUARD_WAIVED", "STARTGUARD_REPORT_FILE")
ALL_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
# The sanitizer's own runtime sets the core limit to 0 in every program it is linked into.
SANE = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":disable_coredump=0"}


@pytest.fixture
def profile():
    """Checks of several kinds that all hold: their libraries and sockets must leave no trace."""
    with TcpServer(silent) as tcp, HttpServer({"*": Reply(body="fine")}) as http:
        yield f"""startguard = 1;
            file: {{ root: {{ path = "/"; }}; }};
            tcp: {{ a: {{ address = "{tcp.address}"; }}; b: {{ address = "{tcp.address}"; after = ["tcp.a"]; }}; }};
            http: {{ web: {{ url = "{http.url}/"; }}; }};
            exec: {{ shell: {{ command = ["/bin/sh", "-c", "sleep 60 & exit 0"]; }}; }};"""


def ignore(*signals):
    for one in signals:
        signal.signal(one, signal.SIG_IGN)


def block(*signals):
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)


LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_TIMERSLACK, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_SET_THP_DISABLE = 1, 29, 36, 38, 41
SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}[os.uname().machine]
ADDR_NO_RANDOMIZE = 0x0040000


def prctl(option, value):
    if LIBC.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def limits():
    """Each one lower than it is; addresses by little, since sanitizers want terabytes of them."""
    for name, low in (
        ("NOFILE", 200),
        ("CORE", 4096),
        ("STACK", 4 << 20),
        ("AS", 1 << 46),
        ("DATA", 1 << 45),
        ("FSIZE", 1 << 30),
        ("NPROC", 5000),
        ("MEMLOCK", 65536),
        ("CPU", 7200),
        ("MSGQUEUE", 4096),
        ("NICE", 0),
        ("RTPRIO", 0),
        ("SIGPENDING", 1000),
        ("RTTIME", 1 << 40),
    ):
        number = getattr(resource, f"RLIMIT_{name}", 15)
        soft, hard = resource.getrlimit(number)
        new = low if hard == resource.RLIM_INFINITY else min(low, hard)
        resource.setrlimit(number, (new, max(new, min(hard, new * 2) if hard != resource.RLIM_INFINITY else new * 2)))


def pend(*signals):
    block(*signals)
    for one in signals:
        os.kill(os.getpid(), one)


def write_own(name, value):
    with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
        file.write(value)


CONDITIONS = {
    "plain": lambda: None,
    "umask": lambda: os.umask(0o137),
    "cwd": lambda: os.chdir("/proc"),
    "limits": limits,
    "ignores-int": lambda: ignore(signal.SIGINT),
    "ignores-chld": lambda: ignore(signal.SIGCHLD),
    "ignores-what-ends": lambda: ignore(
        signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ
    ),
    "blocks-usr1": lambda: block(signal.SIGUSR1),
    "blocks-chld-pipe-term": lambda: block(signal.SIGCHLD, signal.SIGPIPE, signal.SIGTERM),
    "blocks-all": lambda: block(*ALL_SIGNALS),
    "usr1-and-term-wait": lambda: pend(signal.SIGUSR1, signal.SIGTERM),
    "chld-waits": lambda: pend(signal.SIGCHLD),
    "stdin-closed": lambda: os.close(0),
    "nice": lambda: os.nice(7),
    "batch": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    "one-cpu": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    "io-priority": lambda: LIBC.syscall(SYS_IOPRIO_SET, 1, 0, 3 << 13),
    "personality": lambda: LIBC.personality(ctypes.c_ulong(ADDR_NO_RANDOMIZE)),
    "subreaper": lambda: prctl(PR_SET_CHILD_SUBREAPER, 1),
    "death-signal": lambda: prctl(PR_SET_PDEATHSIG, signal.SIGUSR1),
    "no-new-privs": lambda: prctl(PR_SET_NO_NEW_PRIVS, 1),
    "timer-slack": lambda: prctl(PR_SET_TIMERSLACK, 70000),
    "no-huge-pages": lambda: prctl(PR_SET_THP_DISABLE, 1),
    "real-timer": lambda: signal.setitimer(signal.ITIMER_REAL, 5000),
    "oom-score": lambda: write_own("oom_score_adj", "321"),
    "core-filter": lambda: write_own("coredump_filter", "0x11"),
}


def direct(guard, command, **options):
    """What the probe says when nothing stands before it."""
    return json.loads(guard.command(command, SANE, check=True, **options).stdout)


def behind(guard, profile, command, **options):
    """What it says behind startguard, and the pid it must have."""
    process = guard.spawn(profile, command=command, env=SANE, **options)
    result = process.result()
    assert result.code == 0, result
    assert result.status == "ready", result
    return json.loads(result.out), process.pid


def comparable(seen):
    """Without what differs from one process to the next: its number and those of its pipes."""
    kept = {k: v for k, v in seen.items() if k not in ("pid", "pgid", "sid", "environ")}
    kept["fds"] = {n: target.split(":")[0] for n, target in seen["fds"].items()}
    return kept


@pytest.mark.parametrize("condition", CONDITIONS)
def test_process_is_as_the_engine_made_it(guard, profile, condition):
    command = [probe(), "one two", "--three", ""]
    expected = direct(guard, command, preexec_fn=CONDITIONS[condition])
    seen, pid = behind(guard, profile, command, preexec_fn=CONDITIONS[condition])
    assert comparable(seen) == comparable(expected)
    assert seen["pid"] == seen["pgid"] == seen["sid"] == pid
    assert seen["tasks"] == 1
    assert seen["children"] == []
    assert seen["SigCgt"] == "0" * 16
    assert not [t for t in seen["fds"].values() if t.startswith(("socket:", "anon_inode:"))]


def test_conditions_are_seen_by_the_probe(guard):
    """The comparison above would be worth nothing if the probe saw no difference."""
    plain = comparable(direct(guard, [probe()]))
    for name, condition in CONDITIONS.items():
        same = comparable(direct(guard, [probe()], preexec_fn=condition)) == plain
        assert same == (name == "plain"), name


def test_inherited_descriptors_stay(guard, profile):
    with open("/dev/zero", "rb") as one, TcpServer(silent) as server:
        other = server._listener.fileno()
        seen, _ = behind(guard, profile, [probe()], pass_fds=(one.fileno(), other))
        assert seen["fds"][str(one.fileno())] == "/dev/zero"
        assert seen["fds"][str(other)].startswith("socket:")
        assert set(seen["fds"]) == {"0", "1", "2", str(one.fileno()), str(other)}


def test_environment_is_as_before_and_says_how_the_start_went(guard, profile):
    before = direct(guard, [probe()])["environ"]
    after, _ = behind(guard, profile, [probe()])
    assert after["environ"][: len(before)] == before
    added = dict(one.split("=", 1) for one in after["environ"][len(before) :])
    assert sorted(added) == sorted(OWN)
    assert added["STARTGUARD_STATUS"] == "ready"
    assert added["STARTGUARD_MODE"] == "prod"
    assert added["STARTGUARD_DEGRADED"] == added["STARTGUARD_WAIVED"] == ""
    with open(added["STARTGUARD_REPORT_FILE"], encoding="utf-8") as report:
        assert json.load(report)["status"] == "ready"


def start_raw(arguments, entries, **options):
    """Starts a program with an environment that no dict can hold: entries twice, without "=", not UTF-8."""

    def become():
        argv = (ctypes.c_char_p * (len(arguments) + 1))(*map(os.fsencode, arguments))
        envp = (ctypes.c_char_p * (len(entries) + 1))(*entries)
        LIBC.execve(argv[0], argv, envp)
        os._exit(99)

    return subprocess.run(
        ["/bin/false"],
        preexec_fn=become,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        start_new_session=True,
        **options,
    )


def test_environment_is_kept_byte_for_byte(guard, profile):
    odd = [
        b"PATH=/usr/bin:/bin",
        b"TWICE=1",
        b"no equals sign",
        b"=starts with it",
        b"",
        b"TWICE=2",
        b"BYTES=\xff\xfe\x01",
        b"EMPTY=",
        b"STARTGUARD_STATUSX=other",
        b"LONG=" + b"x" * 100000,
        b"X=a=b=c",
        *[f"{k}={v}".encode() for k, v in guard.environment(SANE).items() if k != "PATH"],
    ]
    stale = [b"STARTGUARD_STATUS=old", b"STARTGUARD_DEGRADED=old", b"STARTGUARD_STATUS=older"]
    expected = json.loads(start_raw([probe()], odd, cwd=guard.tmp).stdout)["environ"]
    done = start_raw(guard.words(profile, "--", probe()), odd[:3] + stale + odd[3:], cwd=guard.tmp)
    seen = json.loads(done.stdout)["environ"]
    ours = {one.partition("=")[0] for one in seen} & set(OWN)
    assert ours == set(OWN) - {"STARTGUARD_REPORT_FILE"}
    assert [one for one in seen if one.partition("=")[0] not in ours] == expected
    assert seen.count("STARTGUARD_STATUS=ready") == 1
    assert len([one for one in seen if one.partition("=")[0] in ours]) == len(ours)
    assert [one for one in seen if "old" in one] == []


def test_arguments_are_as_given(guard, profile):
    """argv[0] too: found through PATH, it stays the word that was given."""
    folder = os.path.dirname(probe())
    words = ["probe", "", "two words", "--", "-p", "\udcff"]
    process = guard.spawn(profile, command=words, env={**SANE, "PATH": f"/nowhere:{folder}:/usr/bin:/bin"})
    assert json.loads(process.result().out)["argv"] == ["probe", "", "two words", "--", "-p", "ÿ"]


@pytest.mark.parametrize("closed", [c for n in range(4) for c in itertools.combinations((0, 1, 2), n)], ids=str)
def test_standard_descriptors_closed_in_every_way(guard, profile, closed):
    def close():
        for fd in closed:
            os.close(fd)

    command = [probe(), "--out", "seen"]
    guard.command(command, SANE, check=True, preexec_fn=close)
    expected = comparable(json.loads((guard.tmp / "seen").read_text()))
    (guard.tmp / "seen").unlink()
    result = guard.run(profile, command=command, env=SANE, preexec_fn=close)
    assert (result.code, result.status) == (0, "ready")
    seen = comparable(json.loads((guard.tmp / "seen").read_text()))
    assert seen == expected
    assert set(seen["fds"]) == {"0", "1", "2"} - set(map(str, closed))


def test_socket_activation(guard, profile):
    """Listening sockets are handed down as descriptors 3 and 4, with LISTEN_PID naming the process that is to have them."""
    with TcpServer(silent) as one, TcpServer(silent) as other:

        def hand_over():
            high = [os.dup(s._listener.fileno()) + 0 for s in (one, other)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.environ["LISTEN_PID"] = str(os.getpid())

        # preexec_fn cannot change the environment that Popen gives: a shell does.
        line = shlex.join(guard.words(profile, "--", probe()))
        done = guard.command(
            ["/bin/sh", "-c", f"LISTEN_FDS=2 LISTEN_PID=$$ exec {line}"], SANE, preexec_fn=hand_over, close_fds=False
        )
    seen = json.loads(done.stdout)
    assert f"LISTEN_PID={seen['pid']}" in seen["environ"]
    assert "LISTEN_FDS=2" in seen["environ"]
    assert [seen["fds"][n].partition(":")[0] for n in ("3", "4")] == ["socket", "socket"]
    assert [seen["fd_flags"][n][1] for n in ("3", "4")] == [0, 0]


def lost_checks(count, name, more=""):
    port = refused_port()
    checks = " ".join(
        f'{name}{i}: {{ address = "127.0.0.1:{port}"; required = false; retry = false; timeout = "60s"; degraded = "x"; {more} }};'
        for i in range(count)
    )
    return f"startguard = 1; tcp: {{ {checks} }};"


def test_more_lost_checks_than_an_environment_has_room_for(guard):
    """The list is cut at a whole id and says so; the report has all of them. The kernel takes 128 KiB for one entry."""
    profile = lost_checks(1000, "n" * 150)
    result = guard.run(profile, command=[probe()], env=SANE, timeout=60)
    assert (result.code, result.status, len(result.codes())) == (0, "degraded", 1000)
    environ = dict(one.partition("=")[::2] for one in json.loads(result.out)["environ"])
    ids = environ["STARTGUARD_DEGRADED"].split(",")
    assert ids.pop() == "..."
    assert len(ids) > 100
    assert set(ids) <= {c["id"] for c in result.checks}


def small_stack():
    """Arguments and environment may have a quarter of the stack, 128 KiB at least."""
    resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10))


def test_an_environment_that_is_nearly_full(guard):
    profile = lost_checks(300, "n" * 90)
    result = guard.run(profile, command=[probe()], env={**SANE, "FULL": "x" * 110000}, preexec_fn=small_stack, timeout=60)
    assert (result.code, result.status) == (0, "degraded")
    environ = dict(one.partition("=")[::2] for one in json.loads(result.out)["environ"])
    assert environ["STARTGUARD_STATUS"] == "degraded"
    assert environ["STARTGUARD_DEGRADED"].endswith(",...")


def test_an_environment_that_is_too_large_is_a_verdict(guard):
    """64 KiB of flags do not fit: the service cannot be started, and every output says the same."""
    profile = lost_checks(1, "a", f'degraded_env = ["A={"x" * 40000}", "B={"y" * 40000}"];')
    result = guard.run(
        profile,
        "--termination-log",
        "term",
        "--env-file",
        "handed-over",
        command=[probe()],
        env={**SANE, "FULL": "x" * 100000},
        preexec_fn=small_stack,
    )
    assert (result.code, result.out, result.status) == (126, "", "blocked")
    last = result.err.splitlines()[-1]
    assert last.startswith("startguard: BLOCKED (126): exec ")
    assert "Argument list too long" in last
    assert result.report["summary"] == last
    assert (guard.tmp / "term").read_text().splitlines()[0] == last
    assert not (guard.tmp / "handed-over").exists()


def test_64_kib_of_words_for_what_is_lost(guard):
    profile = f"""startguard = 1; tcp: {{ a: {{ address = "127.0.0.1:{refused_port()}"; required = false; retry = false;
        degraded = "{"lost words " * 6000}"; }}; }};"""
    result = guard.run(profile, command=["/bin/sh", "-c", "echo $STARTGUARD_STATUS $STARTGUARD_DEGRADED"])
    assert (result.code, result.out, result.status) == (0, "degraded tcp.a\n", "degraded")
    assert result.err.splitlines()[-1].startswith("startguard: DEGRADED: tcp.a: lost words ")
    assert len(result.check()["degraded"]) > 60000


def test_no_report_no_name_of_one(guard, profile):
    out = json.loads(guard.run(profile, command=[probe()], report=False).out)
    assert not [one for one in out["environ"] if one.startswith("STARTGUARD_REPORT_FILE=")]


def test_environment_of_a_degraded_start(guard):
    profile = f"""startguard = 1;
        switches: {{ easy: {{ env = ["EASY"]; allowed_in = ["dev"]; waives = ["dns.*"]; degraded = "no names"; }}; }};
        file: {{ root: {{ path = "/"; }}; }};
        dns: {{ names: {{ name = "nowhere.invalid"; }}; }};
        tcp: {{ cache: {{ address = "127.0.0.1:{refused_port()}"; required = false; timeout = "1s";
            degraded = "nothing is cached"; degraded_env = ["CACHE=0", "PATH_EXTRA=a=b", "HOME=/elsewhere"]; }}; }};"""
    result = guard.run(profile, mode="dev", env={"EASY": "yes", "CACHE": "1"}, command=[probe()])
    assert result.status == "degraded"
    environ = json.loads(result.out)["environ"]
    assert len({one.split("=", 1)[0] for one in environ}) == len(environ)
    found = dict(one.split("=", 1) for one in environ)
    assert found["STARTGUARD_STATUS"] == "degraded"
    assert found["STARTGUARD_MODE"] == "dev"
    assert found["STARTGUARD_DEGRADED"] == "tcp.cache"
    assert found["STARTGUARD_WAIVED"] == "dns.names"
    assert (found["CACHE"], found["PATH_EXTRA"], found["HOME"], found["EASY"]) == ("0", "a=b", "/elsewhere", "yes")


def test_environment_file_for_the_main_container(guard):
    profile = f"""startguard = 1; file: {{ root: {{ path = "/"; }}; }};
        tcp: {{ cache: {{ address = "127.0.0.1:{refused_port()}"; required = false; timeout = "1s";
            degraded = "nothing is cached"; degraded_env = ["CACHE=0"]; }}; }};"""
    result = guard.run(profile, "--env-file", "handed-over")
    assert result.code == 0
    lines = (guard.tmp / "handed-over").read_text().splitlines()
    assert "CACHE=0" in lines
    assert "STARTGUARD_STATUS=degraded" in lines
    assert "STARTGUARD_DEGRADED=tcp.cache" in lines


def test_nothing_is_handed_over_when_blocked(guard):
    result = guard.check(
        f"startguard = 1; tcp: {{ a: {{ address = '127.0.0.1:{refused_port()}'; }}; }};".replace("'", '"'),
        "--env-file",
        "handed-over",
    )
    assert result.status == "blocked"
    assert not (guard.tmp / "handed-over").exists()


def test_exit_status_is_the_services(guard, profile):
    assert guard.run(profile, command=[probe(), "--exit", "37"]).code == 37


def test_signals_reach_the_service(guard, profile):
    with guard.spawn(
        profile,
        command=["/bin/sh", "-c", "trap 'echo got it; exit 5' TERM; echo up; while :; do read x; done"],
        stdin=subprocess.PIPE,
    ) as process:
        process.wait_for("up", stream="out")
        process.send_signal(signal.SIGTERM)
        # Some shells run the trap when the read is interrupted, others after the line: both are fine.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"\n")
            process.stdin.flush()
        result = process.result()
    assert (result.code, result.out) == (5, "up\ngot it\n")


def as_pid_1(guard, *words, **options):
    return guard.command([*unshare(*PID_1), *words], SANE, **options)


def test_as_pid_1(guard, profile):
    file = guard.write("p.cfg", profile)
    expected = json.loads(as_pid_1(guard, probe(), "x").stdout)
    done = as_pid_1(guard, guard.path, "-p", str(file), "--termination-log", "none", "--", probe(), "x")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["pid"] == 1
    assert seen["children"] == []
    assert comparable(seen) == comparable(expected)
    assert "startguard: READY" in done.stderr


def test_as_pid_1_orphans_are_reaped(guard):
    """The command's children outlive it and are handed to PID 1; none may be left for the service, not even dead."""
    orphan = "setsid sh -c 'exit 3' & setsid sh -c 'exit 4' & wait; (setsid sh -c : &)"
    file = guard.write(
        "p.cfg",
        f"""startguard = 1;
        exec: {{ one: {{ command = ["/bin/sh", "-c", "{orphan}"]; }};
                 two: {{ command = ["/bin/sh", "-c", "{orphan}"]; after = ["exec.one"]; }}; }};""",
    )
    done = as_pid_1(guard, guard.path, "-p", str(file), "--termination-log", "none", "--", probe())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tasks"] == 1


# ---- the command itself ----


def test_command_not_found_is_told_before_any_check(guard):
    with TcpServer(silent) as server:
        result = guard.run(None, "-w", f"tcp://{server.address}", command=["no-such-command", "x"], mode=None)
        assert result.code == 127
        assert result.err == 'startguard: BLOCKED (127): command "no-such-command" not found in PATH\n'
        assert server.connections == 0


@pytest.mark.parametrize("words", [["./nowhere/x"], [""]], ids=["path", "empty"])
def test_command_that_is_not_there(guard, words):
    assert guard.run(None, "-w", "file:///", command=words, mode=None).code == 127


def test_command_that_is_not_executable(guard):
    guard.write("plain.txt", "words")
    with TcpServer(silent) as server:
        result = guard.run(None, "-w", f"tcp://{server.address}", command=["./plain.txt"], mode=None)
        assert result.code == 126
        assert "Permission denied" in result.err
        assert server.connections == 0


def test_command_that_is_a_folder(guard):
    result = guard.run(None, "-w", "file:///", command=["./"], mode=None)
    assert result.code == 126
    assert "Is a directory" in result.err


def test_command_found_in_path_beside_one_that_cannot_be_run(guard):
    guard.write("first/tool", "not executable")
    guard.write("second/tool", "#!/bin/sh\necho second\n").chmod(0o755)
    path = f"{guard.tmp}/first:{guard.tmp}/second:/usr/bin:/bin"
    result = guard.run(None, "-w", "file:///", command=["tool"], mode=None, env={"PATH": path})
    assert (result.code, result.out) == (0, "second\n")


def test_command_whose_interpreter_is_missing(guard):
    guard.write("script", "#!  /no/such/interpreter -x\n").chmod(0o755)
    with TcpServer(silent) as server:
        result = guard.run(None, "-w", f"tcp://{server.address}", command=["./script"], mode=None)
        assert (result.code, server.connections) == (127, 0)
    assert 'command "./script" is there, but /no/such/interpreter, which runs it, is not in this image' in result.err


@pytest.mark.parametrize(
    "content, code, words",
    [
        ("#!/bin/sh\r\necho started\r\n", 127, 'command "./script" is there, but its line 1 ends in a carriage return: '),
        (
            "#!/usr/bin/env sh\r\necho started\r\n",
            127,
            'command "./script" is there, but its line 1 ends in a carriage return: ',
        ),
        ("#!./crlf\n", 127, 'command "./script" is there, but line 1 of ./crlf, which runs it, ends in a carriage return: '),
        ("#!/etc\n", 126, 'command "./script" is there, but /etc, which runs it, cannot be run: Is a directory'),
        (
            "#!/etc/passwd\n",
            126,
            'command "./script" is there, but /etc/passwd, which runs it, cannot be run: Permission denied',
        ),
    ],
    ids=["carriage-return", "of-env", "of-what-runs-it", "folder", "not-executable"],
)
def test_script_that_cannot_be_run(guard, content, code, words):
    """Told before the first check, since waiting does not mend it; and the kernel says the same, if it is asked."""
    guard.write("crlf", "#!/bin/sh\r\n").chmod(0o755)
    guard.write("script", content.encode()).chmod(0o755)
    with TcpServer(silent) as server:
        result = guard.run(
            None, "-w", f"tcp://{server.address}", "--termination-log", "message", command=["./script"], mode=None
        )
        assert (result.code, result.checks, server.connections) == (code, [], 0)
    assert (guard.tmp / "message").read_text().startswith(f"startguard: BLOCKED ({code}): {words}")
    try:
        kernel = subprocess.run(["./script"], cwd=guard.tmp, stdin=subprocess.DEVNULL, capture_output=True).returncode
    except OSError as error:
        kernel = 127 if error.errno == errno.ENOENT else 126
    assert kernel == code


@pytest.mark.parametrize(
    "content",
    ["#!/bin/sh -e\necho started\n", "#!/usr/bin/env -S sh -e\r\necho started\n", "#! /usr/bin/env sh\necho started\n"],
)
def test_script_that_can(guard, content):
    guard.write("script", content.encode()).chmod(0o755)
    result = guard.run(None, "-w", "file:///", command=["./script"], mode=None)
    assert (result.code, result.out) == (0, "started\n")


def elf(guard, name, *changes):
    """A copy of a program of this machine, changed: (old, new) bytes of the same length, or (offset, new)."""
    data = bytearray(pathlib.Path("/bin/true").resolve().read_bytes())
    for old, new in changes:
        at = data.index(old) if isinstance(old, bytes) else old
        data[at : at + len(new)] = new
    path = guard.write(name, bytes(data))
    path.chmod(0o755)
    return path


def test_program_whose_loader_is_missing(guard):
    """What happens to a program of another distribution, such as glibc's on alpine."""
    program = elf(guard, "foreign", (b"/ld-linux", b"/xd-linux"))
    result = guard.run(None, "-w", "file:///", command=[program], mode=None)
    assert result.code == 127
    assert "xd-linux" in result.err and "is not in this image" in result.err
    assert guard.run(None, "-w", "file:///", command=[elf(guard, "whole")], mode=None).code == 0


def test_program_of_another_machine(guard):
    """Named before the first check, but only the kernel knows whether it has an emulator: it decides."""
    elf(guard, "p", (18, b"\x16\0"), (b"/ld-linux", b"/xd-linux"))
    result = guard.run(None, "-w", "file:///", command=["./p"], mode=None, last_line=False)
    assert result.code == 126 and result.check()["outcome"] == "pass"
    lines = result.err.splitlines()
    words = r"a program for s390x, and this machine is \S+: "
    assert re.match(
        rf'startguard: warning: command "\./p" is {words}it runs only if the kernel has an emulator for it$', lines[0]
    )
    assert re.search(rf"exec \./p: it is {words}Exec format error$", lines[-1])


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0 no program"], ids=["empty", "binary"])
def test_program_that_the_kernel_cannot_run(guard, content):
    """Never handed to the shell, which would try to read it as a script."""
    program = guard.write("p", content)
    program.chmod(0o755)
    result = guard.run(None, "-w", "file:///", "--termination-log", "message", command=[program], mode=None, last_line=False)
    assert result.code == 126, result
    assert "Exec format error" in result.err.splitlines()[-1]
    # What was written before says how it ended, not that all was well.
    assert (result.report["status"], result.report["exit_code"]) == ("blocked", 126)
    assert (guard.tmp / "message").read_text().startswith("startguard: BLOCKED (126): exec ")


def test_report_of_a_command_that_is_not_there(guard):
    result = guard.run(None, "-w", "file:///", "--termination-log", "message", command=["no-such-command"], mode=None)
    assert (result.report["status"], result.report["exit_code"], result.checks) == ("blocked", 127, [])
    assert (
        (guard.tmp / "message").read_text()
        == result.err
        == 'startguard: BLOCKED (127): command "no-such-command" not found in PATH\n'
    )


def test_the_report_of_another_run_is_not_handed_on(guard):
    result = guard.run(
        None, "-w", "file:///", command=[probe()], mode=None, report=False, env={"STARTGUARD_REPORT_FILE": "/old"}
    )
    assert not [one for one in json.loads(result.out)["environ"] if one.startswith("STARTGUARD_REPORT_FILE=")]


def test_script_without_interpreter_line(guard):
    guard.write("script", 'echo plain "$1"\n').chmod(0o755)
    result = guard.run(None, "-w", "file:///", command=["./script", "x y"], mode=None)
    assert (result.code, result.out) == (0, "plain x y\n")


def test_blocked_starts_nothing(guard):
    result = guard.run(
        None, "-w", f"tcp://127.0.0.1:{refused_port()}", "-t", "1s", mode=None, command=["/bin/sh", "-c", "echo started"]
    )
    assert (result.code, result.out) == (124, "")


def test_no_command_is_an_init_container(guard, profile):
    result = guard.run(profile)
    assert (result.code, result.out, result.status) == (0, "", "ready")
