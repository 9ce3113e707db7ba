"""Children that are no attempt: those that fled from one must not reach the service, also where /proc does not show them; those
that were there before are the service's to find, alive or dead.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from test_faults import faults  # noqa: F401
from test_pid1 import namespace

from fakes.tcp import TcpServer, refused_port, silent

# The service: asks the kernel about its children, one after the other, without /proc.
SERVICE = """
import os
try:
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        print(f"dead: {os.WEXITSTATUS(status)}" if pid else "alive")
        if not pid:
            break
except ChildProcessError:
    print("none")
"""
FLEE = "(setsid sh -c 'setsid sleep 1000 & sleep 1000' &); sleep 0.1; "
ENDS = {  # how the attempt ends: by itself, by failing once, by its deadline, with nobody left who could clean up
    "passes": "exit 0",
    "fails": "exit 1",
    "hangs": "sleep 1000",
    "is-stopped": "kill -STOP $PPID; sleep 1000",
    "is-killed": "kill -KILL $PPID; sleep 1000",
}


def profile(script):
    return f"""startguard = 1; exec: {{ c: {{ command = ["/bin/sh", "-c", "{script}"]; retry = false; required = false; timeout = "2s";
        degraded = "x"; }}; }};"""


# As of a namespace that was unshared and whose /proc was not: there everyone has a hundred children, most of them others here.
ANOTHERS = """cd /proc; ln -s 4711 self; all=$(seq 100); mkdir -p $(for i in $all; do echo $i/task/$i; done)
    for i in $all; do echo $all > $i/task/$i/children; done; cd "$OLDPWD"; """


def hide_proc(words, then=""):
    root = [] if os.geteuid() == 0 else ["-r"]
    return ["unshare", *root, "-m", "sh", "-c", f'mount -t tmpfs none /proc && {then} exec "$@"', "sh", *words]


def without_proc(words, then=""):
    """As PID 1."""
    return [*[w for w in namespace() if w != "--mount-proc"], *hide_proc(words, then)]


def line(guard, text, *words):
    file = guard.write("p.cfg", text)
    return [
        guard.path,
        "-p",
        str(file),
        "-m",
        "prod",
        "--termination-log",
        "none",
        *words,
        "--",
        sys.executable,
        "-S",
        "-c",
        SERVICE,
    ]


def start(guard, words, **env):
    return subprocess.run(
        words,
        env=guard.environment(env),
        cwd=guard.tmp,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=guard.scale(60),
        start_new_session=True,
    )


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("where", ["with-proc", "without-proc", "pid-1-without-proc", "pid-1-with-anothers-proc"])
def test_nobody_who_fled_reaches_the_service(guard, where, how):
    words = line(guard, profile(FLEE + ENDS[how]))
    if where == "without-proc":
        words = hide_proc(words)
    elif where != "with-proc":
        words = without_proc(words, ANOTHERS if where == "pid-1-with-anothers-proc" else "")
    done = start(guard, words)
    assert (done.returncode, done.stdout) == (0, "none\n"), done.stderr
    assert "could not be ended" not in done.stderr
    assert guard.processes() == []


@pytest.mark.near_miss("guard-crashed")
def test_nobody_is_killed_by_the_numbers_of_another_namespace(guard):
    """One attempt is killed at its deadline, with whoever is below it: the others are not, whatever /proc says."""
    with TcpServer(silent) as server:
        others = " ".join(
            f'c{i}: {{ address = "{server.address}"; expect_banner = "x"; attempt_timeout = "{guard.span(2)}"; }};'
            for i in range(6)
        )
        text = f"""startguard = 1; exec: {{ stopped: {{ command = ["/bin/sh", "-c", "{ENDS["is-stopped"]}"]; attempt_timeout = "300ms"; }}; }};
            tcp: {{ {others} }};"""
        file = guard.write("p.cfg", text)
        done = start(
            guard,
            without_proc(
                [
                    guard.path,
                    "check",
                    "-p",
                    str(file),
                    "-m",
                    "prod",
                    "-t",
                    guard.span(20),
                    "--report",
                    "report",
                    "--termination-log",
                    "none",
                ],
                ANOTHERS,
            ),
        )
    assert done.returncode == 124, done.stderr
    codes = {one["id"]: one["code"] for one in json.loads((guard.tmp / "report").read_text())["checks"]}
    assert codes == {"exec.stopped": "guard-deadline", **{f"tcp.c{i}": "answer-timeout" for i in range(6)}}


def test_whoever_cannot_be_ended_is_told(guard, faults):  # noqa: F811
    """As one is that the kernel keeps in a dead disk's queue. The service starts: it can live without this check."""
    text = profile("(trap '' TERM; sleep 2 & sleep 2); exit 1")
    done = start(guard, line(guard, text.replace("2s", "500ms")), **faults(FAULT_UNKILLABLE="1"))
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
    assert (
        "startguard: a process that a check started could not be ended: the service will find it among its children"
        in done.stderr
    )


# An entrypoint that starts a helper before it becomes startguard. A shell would reap it.
ENTRYPOINT = """
import os, signal, sys
if sys.argv[1] == "ignore":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.dup2(os.open("/dev/null", os.O_RDWR), 1)
    os.dup2(1, 2)
    os.execv("/bin/sh", ["/bin/sh", "-c", sys.argv[2]])
if sys.argv[1] == "dead":
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
os.execv(sys.argv[3], sys.argv[3:])
"""


def helper(words, script, how="lives"):
    return [sys.executable, "-S", "-c", ENTRYPOINT, how, script, *words]


def some():
    return f"""startguard = 1; file: {{ fine: {{ path = "/"; }}; }};
        tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; required = false; timeout = "1s"; degraded = "x"; }}; }};
        exec: {{ flees: {{ command = ["/bin/sh", "-c", "{FLEE}"]; }}; }};"""


@pytest.mark.parametrize("hidden", [False, True], ids=["with-proc", "without-proc"])
@pytest.mark.parametrize(
    "script, how, found",
    [
        ("exit 7", "dead", "dead: 7\nnone\n"),
        ("sleep 0.7; exit 8", "dies", "dead: 8\nnone\n"),
        ("exec sleep 1000", "lives", "alive\n"),
    ],
    ids=["dead", "dies-meanwhile", "lives"],
)
def test_the_services_children_are_left_to_it(guard, script, how, found, hidden):
    """Also while attempts end, fail, and leave processes behind: those are reaped nonetheless."""
    words = helper(line(guard, some()), script, how)
    done = start(guard, hide_proc(words) if hidden else words)
    assert (done.returncode, done.stdout) == (0, found), done.stderr
    left = guard.processes()
    assert [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left] == (
        [b"sleep\0001000\0"] if how == "lives" else []
    )
    for pid in left:
        os.kill(pid, signal.SIGKILL)


def test_strangers_are_reaped_beside_a_dead_child_of_the_service(guard):
    """PID 1 with a dead child of its entrypoint: that one stands first with the kernel, and must not hide the others."""
    words = helper(line(guard, some()), "(sleep 0.5; exit 3) & sleep 0.3; exit 7")
    done = start(guard, [*namespace(), *words])
    assert (done.returncode, done.stdout) == (0, "dead: 7\nnone\n"), done.stderr


def test_nobody_is_kept_for_a_service_that_ignores_its_children(guard):
    """It was started with SIGCHLD ignored: then the kernel reaps, and so does startguard."""
    done = start(guard, helper(line(guard, some()), "sleep 0.7; exit 7", "ignore"))
    assert (done.returncode, done.stdout) == (0, "none\n"), done.stderr
