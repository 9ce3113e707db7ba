"""Orphans: what an attempt left behind is ended before the service starts; the helpers of an entrypoint are not."""

import json
import os
import pathlib
import shutil
import signal
import sys

import pytest

from fakes.tcp import TcpServer, refused_port, silent
from harness import PID_1, unshare

# The service: asks the kernel about its children, without /proc.
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
ESCAPE = "(setsid sh -c 'setsid sleep 1000 & sleep 1000' &); sleep 0.1; "
ENDS = {  # how the attempt ends: by itself, by failing, at its deadline, killed before it could clean up
    "passes": "exit 0",
    "fails": "exit 1",
    "hangs": "sleep 1000",
    "is-stopped": "kill -STOP $PPID; sleep 1000",
    "is-killed": "kill -KILL $PPID; sleep 1000",
}


def profile(script):
    return f"""startguard = 1; exec: {{ c: {{ command = ["/bin/sh", "-c", "{script}"]; retry = false; required = false; timeout = "2s";
        degraded = "x"; }}; }};"""


# The /proc of another pid namespace, where every process has a hundred children: most of these pids are strangers here.
ANOTHERS = """cd /proc; ln -s 4711 self; all=$(seq 100); mkdir -p $(for i in $all; do echo $i/task/$i; done)
    for i in $all; do echo $all > $i/task/$i/children; done; cd "$OLDPWD"; """


def without_proc(words, then=""):
    """As PID 1."""
    hide = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none /proc && {then} exec "$@"', "sh"]
    return [*unshare(*(w for w in PID_1 if w != "--mount-proc")), *hide, *words]


def line(guard, text):
    return guard.words(text, "--", sys.executable, "-S", "-c", SERVICE)


def start(guard, words, **env):
    return guard.command(words, env)


@pytest.mark.parametrize("how", ENDS)
def test_no_orphan_of_an_attempt_reaches_the_service(guard, how):
    done = start(guard, line(guard, profile(ESCAPE + ENDS[how])))
    assert (done.returncode, done.stdout) == (0, "none\n"), done.stderr
    assert "could not be ended" not in done.stderr
    assert guard.processes() == []


@pytest.mark.parametrize("how", ["passes", "is-killed"])
def test_without_proc_what_is_not_found_is_not_ended(guard, how):
    done = start(guard, without_proc(line(guard, profile(ESCAPE + ENDS[how]))))
    assert (done.returncode, done.stdout.split("\n")[-2]) == (0, "alive"), done.stderr


@pytest.mark.near_miss("guard-crashed")
def test_no_process_is_killed_by_the_pids_of_another_namespace(guard):
    """One attempt is killed at its deadline with the processes below it. The others are not, whatever that /proc says."""
    with TcpServer(silent) as server:
        others = " ".join(
            f'c{i}: {{ address = "{server.address}"; expect_banner = "x"; attempt_timeout = "{guard.span(2)}"; }};'
            for i in range(6)
        )
        text = f"""startguard = 1; exec: {{ stopped: {{ command = ["/bin/sh", "-c", "{ENDS["is-stopped"]}"]; attempt_timeout = "300ms"; }}; }};
            tcp: {{ {others} }};"""
        done = start(guard, without_proc(guard.words(text, "-t", guard.span(20), "--report", "report"), ANOTHERS))
    assert done.returncode == 124, done.stderr
    codes = {one["id"]: one["code"] for one in json.loads((guard.tmp / "report").read_text())["checks"]}
    assert codes == {"exec.stopped": "guard-deadline", **{f"tcp.c{i}": "answer-timeout" for i in range(6)}}


def test_an_orphan_that_cannot_be_ended_is_reported(guard, faults):
    """Such as a process that waits for a dead disk in the kernel. The service starts: the check is optional."""
    text = profile("(trap '' TERM; sleep 2 & sleep 2); exit 1")
    done = start(guard, line(guard, text.replace("2s", "500ms")), **faults(FAULT_UNKILLABLE="1"))
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
    assert "startguard: a process of a check could not be ended: the service will find it among its children" in done.stderr


# An entrypoint that starts a helper before it becomes startguard. The helper daemonises while startguard waits.
ENTRYPOINT = """
import os, sys
if os.fork() == 0:
    os.dup2(os.open("/dev/null", os.O_RDWR), 1)
    os.dup2(1, 2)
    os.execv("/bin/sh", ["/bin/sh", "-c", sys.argv[1]])
os.execv(sys.argv[2], sys.argv[2:])
"""
DAEMONISE = "sleep 0.5; setsid {} sleep 1001 & exit 0"


def start_beside_a_helper(guard, words, wrapper="", **env):
    done = start(guard, [sys.executable, "-S", "-c", ENTRYPOINT, DAEMONISE.format(wrapper), *words], **env)
    left = guard.processes()
    names = [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return done, names


@pytest.mark.parametrize("wrapper", [[], ["setpriv", "--no-new-privs"]], ids=["plain", "no-new-privs"])
def test_a_helper_that_daemonises_is_left_to_the_service(guard, wrapper):
    """Also while an attempt that starts programs leaves orphans, which are ended. The helper that has died is reaped."""
    text = f"""startguard = 1;
        tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; required = false; timeout = "1s"; degraded = "x"; }}; }};
        exec: {{ c: {{ command = ["/bin/sh", "-c", "{ESCAPE + ENDS["is-killed"]}"]; retry = false; required = false;
            degraded = "x"; }}; }};"""
    done, left = start_beside_a_helper(guard, [shutil.which("env"), *wrapper, *line(guard, text)])
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
    assert left == [b"sleep\0001001\0"]


def test_a_helper_with_restrictions_of_its_own_is_left_to_the_service(guard):
    """It has set no_new_privs itself, as an attempt has it; but it has not the attempt's filter."""
    text = f"""{profile(ESCAPE + ENDS["is-killed"])} tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; required = false;
        timeout = "1s"; degraded = "x"; }}; }};"""
    done, left = start_beside_a_helper(guard, line(guard, text), wrapper="setpriv --no-new-privs")
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
    assert left == [b"sleep\0001001\0"]


def test_a_kind_that_starts_no_program_has_no_orphans(guard, faults):
    """Its attempt is killed at the deadline. The helper has as many restrictions as an attempt, and is left alone all the same."""
    text = """startguard = 1; http: { hangs: { url = "http://name.invalid/"; required = false; timeout = "1s"; degraded = "x"; }; };"""
    done, left = start_beside_a_helper(
        guard, line(guard, text), wrapper="setpriv --no-new-privs", **faults(FAULT_RESOLVE="hang", FAULT_NO_THREADS="1")
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
    assert "guard-deadline" in done.stderr
    assert left == [b"sleep\0001001\0"]
