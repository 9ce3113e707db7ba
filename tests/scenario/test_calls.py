"""Every function of the C library that startguard itself calls is made to fail, at each of its calls, with each errno that it
may have: no crash, no hang, no wrong READY, an exit status of the table, a line that says why, no process left.

A first run counts the calls; a preloaded library (tests/preload/calls.c) makes one of them fail. make check looks at a sample,
STARTGUARD_ALL_CALLS=1 at all of them.
"""

import errno
import json
import os
import pathlib
import random
import subprocess
import time

import pytest

from fakes.tcp import TcpServer, refused_port, silent

SOURCE = pathlib.Path(__file__).parents[1] / "preload" / "calls.c"
ALL = os.environ.get("STARTGUARD_ALL_CALLS") == "1"
SAMPLE = 6  # calls of each function and run
MEMORY = ("malloc", "calloc", "realloc")
E = errno
ERRNOS = {
    "open": [E.EACCES, E.EMFILE, E.ENOENT, E.EINTR],
    "read": [E.EINTR, E.EIO],
    "write": [E.EINTR, 0, E.ENOSPC, E.EAGAIN, E.EIO],
    "close": [E.EIO, E.EINTR],
    "stat": [E.EACCES, E.ENOMEM],
    "lstat": [E.ENOENT],
    "fstat": [E.EIO],
    "access": [E.EACCES],
    "pipe2": [E.EMFILE, E.ENFILE],
    "fork": [E.EAGAIN, E.ENOMEM],
    "setpgid": [E.EACCES],
    "kill": [E.EPERM, E.ESRCH],
    "waitid": [E.EINTR, E.ECHILD],
    "waitpid": [E.EINTR, E.ECHILD],
    "signalfd": [E.EMFILE, E.ENODEV],
    "poll": [E.EINTR, E.ENOMEM],
    "mkostemp": [E.EROFS, E.EACCES],
    "fchmod": [E.EPERM],
    "rename": [E.EBUSY, E.ENOSPC],
    "unlink": [E.EPERM],
    "ftruncate": [E.EIO],
    "getrandom": [E.EAGAIN, E.ENOSYS],
    "dup3": [E.EBADF],
    "isatty": [E.ENOTTY],
    "clock_gettime": [E.EPERM],
    "sigpending": [E.EINVAL],
    "sigtimedwait": [E.EINTR, E.EAGAIN],
    "fcntl": [E.EINVAL],
    "prctl": [E.EINVAL, E.EPERM],
    "execve": [E.E2BIG, E.EACCES, E.ENOENT, E.ENOMEM],
    **{name: [E.ENOMEM] for name in MEMORY},
}
# What a fault may turn each run into, besides what it is without one.
OWN = {69, 70, 78, 124, 126, 127}
FAULT = ("startguard: internal error: ", "startguard: BLOCKED (")


@pytest.fixture(scope="session")
def library(preload, tmp_path_factory):
    program = pathlib.Path(os.environ.get("STARTGUARD") or pathlib.Path(__file__).parents[2] / "build" / "startguard")
    sanitized = b"__asan_init" in program.read_bytes()
    return preload(tmp_path_factory.mktemp("calls"), "calls.c", *(["-DNO_MEMORY"] if sanitized else []))


class Run:
    """One kind of run, again and again."""

    def __init__(self, guard, library, profile, normal, options=()):
        self.guard, self.library, self.normal = guard, library, normal
        self.file = guard.write("p.cfg", profile)
        self.options = options
        self.faults = []

    def once(self, **variables):
        for name in ("report.json", "term", "env"):
            (self.guard.tmp / name).unlink(missing_ok=True)
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env = self.guard.environment({"LD_PRELOAD": self.library, "ASAN_OPTIONS": asan, **variables})
        try:
            return subprocess.run(
                [
                    self.guard.path,
                    "-p",
                    str(self.file),
                    "-m",
                    "prod",
                    *self.options,
                    "--report",
                    "report.json",
                    "--termination-log",
                    "term",
                    "--env-file",
                    "env",
                    "--",
                    "/bin/echo",
                    "started",
                ],
                env=env,
                cwd=self.guard.tmp,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.guard.scale(40),
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return None

    def count(self):
        file = self.guard.tmp / "counts"
        done = self.once(CALLS_COUNT=file)
        assert done.returncode == self.normal, done
        return {name: int(n) for name, n in (line.split() for line in file.read_text().splitlines())}

    def judge(self, name, n, error):
        done = self.once(CALLS_FAIL=f"{name}:{n}:{error}")
        wrong = self.what_is_wrong(name, done)
        deadline = time.monotonic() + self.guard.scale(10)
        while self.guard.processes() and time.monotonic() < deadline:
            time.sleep(0.005)
        wrong += [f"left behind: {one}" for one in self.guard.left_behind()]
        if wrong:
            self.faults.append(
                f"{name} call {n} fails with {errno.errorcode.get(error, error)}: {'; '.join(wrong)}\n"
                f"{done and (done.stdout + done.stderr)[-1500:]}"
            )

    def what_is_wrong(self, name, done):
        if done is None:
            return ["hangs"]
        started = done.stdout == "started\n"
        wrong = []
        if done.returncode not in OWN | {self.normal}:
            wrong.append(f"exit status {done.returncode}")
        if started != (done.returncode == 0):
            wrong.append(f"exit status {done.returncode}, and the service was {'' if started else 'not '}started")
        if done.returncode == 0 and self.normal != 0:
            wrong.append("a wrong READY")
        last = done.stderr.splitlines()[-1] if done.stderr else ""
        # A line that could not be written is the one thing that is not seen here.
        if not started and name not in ("write", "poll") and not last.startswith(FAULT):
            wrong.append(f"the last line is {last!r}")
        report = self.guard.tmp / "report.json"
        if report.exists():
            content = json.loads(report.read_text())
            if content["exit_code"] != done.returncode and done.returncode != 70:
                wrong.append(f"exit status {done.returncode}, and the report says {content['exit_code']}")
        if (
            [one for one in os.listdir(self.guard.tmp) if one.startswith(("report.json.", "env."))]
            and name != "unlink"
            and done.returncode != 70
        ):
            wrong.append("a temporary file is left")
        return wrong


RUNS = ["ready", "degraded", "blocked", "time-is-up"]


@pytest.fixture
def run(guard, library, request):
    with TcpServer(silent) as server:
        checks = f'tcp: {{ a: {{ address = "{server.address}"; }}; '
        gone = f'gone: {{ address = "127.0.0.1:{refused_port()}"; '
        rest = 'exec: { e: { command = ["/bin/true"]; }; }; '
        profile, normal, options = {
            "ready": (checks + "}; " + rest, 0, ["-t", "10s"]),
            "degraded": (
                checks + gone + 'required = false; timeout = "100ms"; degraded = "x"; degraded_env = ["A=b"]; }; }; ' + rest,
                0,
                ["-t", "10s"],
            ),
            "blocked": (checks + "}; " + 'file: { wrong: { path = "/"; type = "file"; }; }; ' + rest, 69, ["-t", "10s"]),
            "time-is-up": (checks + gone + "}; }; " + rest, 124, ["-t", "150ms"]),
        }[request.param]
        yield Run(guard, library, "startguard = 1; " + profile, normal, options)


def sample(count, seed):
    """The first and the last calls, and some between them; other ones in each run of the suite."""
    everyone = range(1, count + 1)
    if ALL or count <= SAMPLE:
        return everyone
    return sorted({1, 2, count, *random.Random(seed).sample(everyone, SAMPLE - 3)})


@pytest.mark.timeout(3600 if ALL else 300)
@pytest.mark.parametrize("run", RUNS, indirect=True)
@pytest.mark.parametrize(
    "group",
    [
        ["open", "read", "close", "stat", "lstat", "fstat", "access"],
        ["write", "poll", "fcntl", "isatty", "dup3"],
        ["fork", "pipe2", "setpgid", "kill", "waitid", "waitpid", "prctl"],
        list(MEMORY),
        ["signalfd", "sigpending", "sigtimedwait", "getrandom", "clock_gettime"],
        ["mkostemp", "fchmod", "rename", "unlink", "ftruncate", "execve"],
    ],
    ids=lambda g: g[0],
)
def test_a_call_that_fails(run, group, request):
    counts = run.count()
    called = [name for name in group if counts.get(name)]
    assert called or group == list(MEMORY), "nothing of this group is called: the library does not see startguard's calls"
    seed = random.randrange(1 << 30)
    tried = 0
    for name in called:
        for n in sample(counts[name], f"{seed}{name}"):
            for error in ERRNOS[name] if ALL else [random.Random(f"{seed}{name}{n}").choice(ERRNOS[name])]:
                run.judge(name, n, error)
                tried += 1
    print(f"{tried} faults, seed {seed}, of calls { ({name: counts[name] for name in called}) }")
    assert not run.faults, "\n".join(run.faults)


def test_every_call_is_known(guard, library):
    """Each function that the library counts has errnos here, and the other way round."""
    source = SOURCE.read_text()
    named = {line.split(", ")[1].rstrip(",") for line in source.splitlines() if line.startswith("FAULTY(")}
    named |= {line.split('"')[1] for line in source.splitlines() if 'counter = {"' in line}
    assert named == set(ERRNOS)
