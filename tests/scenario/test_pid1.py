"""As PID 1 of a pid namespace, which a container is: signals that would be lost, orphans that nobody else reaps, exit
statuses and signals of the service. The rest of what PID 1 must do is the same as everywhere: test_launch, test_deadlines.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time

import pytest

from fakes.probe import probe
from fakes.tcp import refused_port
from harness import PID_1, unshare

FINE = 'startguard = 1; file: { fine: { path = "/"; }; };'
ENDING = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
CATCHABLE = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class Container:
    """startguard as PID 1 of a namespace of its own. .pid: its pid outside of it."""

    def __init__(self, guard, *words, profile=FINE, env={}):
        self.report = guard.tmp / "report.json"
        self.process = subprocess.Popen(
            [*unshare(*PID_1), *guard.words(profile, "--report", str(self.report), *words)],
            env=guard.environment(env),
            cwd=guard.tmp,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s, _ in ENDING],
        )
        self.limit = guard.scale(60)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()  # takes the namespace along: --kill-child
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def pid(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            return int(children.read().split()[0])

    def wait_for(self, text, stream=None):
        for line in stream or self.process.stderr:
            if text in line:
                return line
        pytest.fail(f"ended without {text!r}")

    def wait_for_all(self, *texts):
        """In whatever order their lines come."""
        left = set(texts)
        while left:
            line = next(self.process.stderr, None)
            assert line, f"ended without {left}"
            left = {text for text in left if text not in line}

    def end(self):
        code = self.process.wait(self.limit)
        report = json.loads(self.report.read_text()) if self.report.exists() else {}
        return code, self.process.stdout.read(), self.process.stderr.read(), report


def waiting(script="sleep 1000 & setsid sleep 1000 & sleep 1000"):
    return f"""startguard = 1; tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};
        exec: {{ sleeps: {{ command = ["/bin/sh", "-c", "trap '' TERM INT HUP QUIT; {script}"]; }}; }};"""


@pytest.mark.parametrize("number, code", ENDING)
def test_signal_while_waiting(guard, number, code):
    with Container(guard, "--", "/bin/echo", "started", profile=waiting()) as container:
        container.wait_for("WAIT      tcp.gone")
        os.kill(container.pid, number)
        status, out, err, report = container.end()
    assert (status, out) == (code, "")
    assert err.splitlines()[-1].startswith(f"startguard: BLOCKED ({code}): ended by signal {int(number)} ")
    assert (report["status"], report["exit_code"], [c["outcome"] for c in report["checks"]]) == (
        "blocked",
        code,
        ["pending", "pending"],
    )
    assert any(c["code"] == "connect-refused" for c in report["checks"])  # what was known


@pytest.mark.parametrize("number, code", ENDING)
def test_signal_while_a_library_has_a_thread(guard, faults, number, code):
    """Only the main thread blocks the signal: the kernel gives it to the other one, and PID 1 has no default action."""
    preloaded = faults(FAULT_THREAD="1")
    profile = waiting().replace("tcp: {", 'file: { fine: { path = "/"; }; }; tcp: {')
    with Container(guard, "-t", "1h", "--", "/bin/echo", "started", profile=profile, env=preloaded) as container:
        container.wait_for_all("WAIT      tcp.gone", "PASS      file.fine")
        os.kill(container.pid, number)
        status, out, err, report = container.end()
    assert (status, out) == (code, "")
    assert "ended by signal" in err.splitlines()[-1]
    assert next(c for c in report["checks"] if c["id"] == "file.fine")["outcome"] == "pass"  # dead children are noticed, too


def test_nothing_lies_between_the_last_look_for_a_signal_and_the_service(guard):
    """What asks startguard to end from then on is lost for PID 1, so the environment is built before."""
    trace = ["strace", "-o", "calls", "-e", "trace=read,rt_sigprocmask,rt_sigaction,brk,mmap,execve,close"]
    words = guard.words(FINE, "-q", "--", "/bin/true")
    done = guard.command([*trace, *words], {f"VARIABLE_{i}": "x" * 1000 for i in range(500)})
    assert done.returncode == 0
    calls = (guard.tmp / "calls").read_text().splitlines()
    exec_at = max(i for i, one in enumerate(calls) if one.startswith("execve("))
    unblock = max(i for i, one in enumerate(calls[:exec_at]) if one.startswith("rt_sigprocmask(SIG_SETMASK"))
    look = max(i for i, one in enumerate(calls[:unblock]) if one.startswith("read(") and "EAGAIN" in one)
    assert exec_at == unblock + 1
    assert [one for one in calls[look + 1 : unblock] if not one.startswith("close(")] == []


def of_status(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(line.split()[1] for line in status if line.startswith(f"{name}:"))


def expects_signals(guard, pid):
    """Startguard, with its signals blocked: neither unshare before it nor the service behind it."""
    return (
        os.readlink(f"/proc/{pid}/exe") == os.path.realpath(guard.path)
        and int(of_status(pid, "SigBlk"), 16) >> (signal.SIGTERM - 1) & 1
    )


def stopped_early(guard, container):
    """The pid of startguard, stopped between its first steps and the service; None: it was faster."""
    deadline = time.monotonic() + guard.scale(20)
    while container.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, IndexError):
            pid = container.pid
            if expects_signals(guard, pid):
                os.kill(pid, signal.SIGSTOP)
                while of_status(pid, "State") != "T":
                    time.sleep(0.001)
                return pid if expects_signals(guard, pid) else None
    return None


def test_a_signal_before_the_first_check(guard):
    """The kernel discards a signal that PID 1 neither blocks nor handles. startguard blocks them before it reads its profile, which
    takes a while here."""
    profile = f'startguard = 1; file: {{ big: {{ path = "/"; description = "{"y" * 12_000_000}"; }}; }};'
    for _ in range(10):
        with Container(guard, "--", "/bin/echo", "started", profile=profile) as container:
            pid = stopped_early(guard, container)
            if pid is None:
                continue
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
            status, out, _, _ = container.end()
        assert (status, out) == (143, "")
        return
    pytest.fail("it was never met before the service started")


def test_signals_are_blocked_before_anything_else(guard):
    """A signal to PID 1 is lost while libraries are loaded (docs/security.md). Blocking signals is the first thing that startguard does
    itself, before it reads its command line."""
    words = [word for i in range(5000) for word in ("-w", f"file:///{i:020}")]
    trace = ["strace", "-o", "calls", "-e", "trace=fcntl,rt_sigprocmask,brk,mmap,openat"]
    guard.command([*trace, guard.path, "--termination-log", "none", *words, "--only", "x"])
    calls = (guard.tmp / "calls").read_text().splitlines()
    begin = max(i for i, one in enumerate(calls) if one.startswith("fcntl(2, F_GETFD"))
    block = next(i for i, one in enumerate(calls) if one.startswith("rt_sigprocmask(SIG_BLOCK, [") and "TERM" in one)
    assert all(one.startswith("rt_sigprocmask(") for one in calls[begin + 1 : block]), calls[begin : block + 1]
    assert len(calls) > block + 10  # the rest of the run is there to be seen


def test_orphans_are_reaped_while_it_waits(guard):
    """Also the orphans of a shell that an operator opened in the container."""
    with Container(guard, profile=waiting()) as container:
        container.wait_for("WAIT      tcp.gone")
        pid = container.pid
        enter = ["nsenter", "--target", str(pid), "--pid", "--mount"]
        subprocess.run(
            [*enter, "sh", "-c", "for i in 1 2 3 4 5; do (sh -c 'sleep 0.05' &) ; done; (setsid sleep 999 >/dev/null 2>&1 &)"],
            check=True,
            timeout=60,
        )
        deadline = time.monotonic() + guard.scale(30)
        while (
            "Z" in (states := subprocess.run([*enter, "ps", "-eo", "stat="], capture_output=True, text=True, check=True).stdout)
            or states.count("S") < 3
        ):
            assert time.monotonic() < deadline, states
            time.sleep(0.05)
        lines = subprocess.run([*enter, "ps", "-eo", "ppid=,args="], capture_output=True, text=True, check=True).stdout
        assert "1 sleep 999" in " ".join(lines.split())  # the stranger that lives was handed over, and is left alone
        os.kill(pid, signal.SIGTERM)
        assert container.end()[0] == 143


def test_orphans_are_ended_before_the_service_starts(guard):
    profile = """startguard = 1; exec: {
        one: { command = ["/bin/sh", "-c", "(setsid sh -c 'setsid sleep 1000 & sleep 1000' &); sleep 0.05"]; };
        hangs: { command = ["/bin/sh", "-c", "(setsid sleep 1000 &); sleep 1000"]; required = false; timeout = "300ms"; degraded = "x"; }; };"""
    with Container(guard, "--", probe(), profile=profile) as container:
        status, out, err, _ = container.end()
    assert status == 0, err
    assert json.loads(out)["children"] == []


def test_every_exit_status_is_the_services(guard):
    """256 containers, one after the other."""
    words = shlex.join([*unshare("--pid", "--fork"), *guard.words(FINE, "-q", "--")])
    done = guard.command(
        ["/bin/sh", "-c", f'for i in $(seq 0 255); do {words} /bin/sh -c "exit $i"; echo $i $?; done'], timeout=110
    )
    assert done.stdout.split() == [str(n) for i in range(256) for n in (i, i)]
    assert done.stderr.count("startguard: READY: ") == len(done.stderr.splitlines()) == 256


def test_every_signal_reaches_the_service(guard):
    """No signal is blocked, ignored or lost: the probe gets each exactly once."""
    with Container(guard, "-q", "--", probe(), "--signals") as container:
        container.wait_for("ready", container.process.stdout)
        pid = container.pid
        for number in [*(n for n in CATCHABLE if n != signal.SIGUSR2), signal.SIGUSR2]:
            os.kill(pid, number)  # one at a time: CONT takes waiting TSTP, TTIN and TTOU away
            assert container.process.stdout.readline() == f"{int(number)}\n"
        status, out, err, _ = container.end()
    assert (status, out) == (0, ""), err


def test_the_service_has_the_dispositions_of_a_fresh_process(guard):
    names = ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "pid", "subreaper", "death_signal", "children", "tasks")
    direct = json.loads(guard.command([*unshare(*PID_1), probe()], check=True).stdout)
    with Container(guard, "-q", "--", probe()) as container:
        seen = json.loads(container.end()[1])
    assert {n: seen[n] for n in names} == {n: direct[n] for n in names}
    assert (seen["SigBlk"], seen["SigCgt"], seen["subreaper"], seen["tasks"]) == ("0" * 16, "0" * 16, 0, 1)
