"""The measuring itself: programs started in turn by spawn.c, and what their numbers become.

Promises: all programs of a comparison are measured in the same rounds, in an order that is rotated from round to round, so that
whatever else the machine does meets all of them alike. A program that fails is a row that says so, never an end of the run.
"""

import contextlib
import dataclasses
import os
import pathlib
import select
import socket
import statistics
import subprocess
import threading
import time

TIMEOUT_MS = 20000
SLOW_MS = 100  # a program that takes longer takes part in every SLOW_SHARE-th round only
SLOW_SHARE = 8


@dataclasses.dataclass
class Command:
    words: list
    env: dict = dataclasses.field(default_factory=dict)
    note: str = ""  # what it does not do that the others do

    def under(self, *words):
        return dataclasses.replace(self, words=[*words, *self.words])


@dataclasses.dataclass
class Sample:
    begin_ns: int
    end_ns: int
    cpu_ms: float
    rss_kb: int
    status: int

    @property
    def ms(self):
        return (self.end_ns - self.begin_ns) / 1e6


class Failure(Exception):
    """A program did not do what was asked of it; the text stands in its row."""


class Spawner:
    """spawn.c. start() begins and result() waits; with announce, start() gives the pid."""

    def __init__(self, helpers):
        self._process = subprocess.Popen([helpers / "spawn"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(self, command, timeout_ms=TIMEOUT_MS, group=None, idle_ms=0, announce=False):
        env = {"PATH": os.environ["PATH"], "HOME": "/", **command.env}
        words = [f"{name}={value}" for name, value in env.items()] + [str(word) for word in command.words]
        head = f"{timeout_ms} {len(env)} {len(command.words)} {idle_ms} {int(announce)} {group or '-'}\n"
        self._process.stdin.write(head.encode() + b"".join(word.encode() + b"\0" for word in words))
        self._process.stdin.flush()
        return int(self._process.stdout.readline()) if announce else None

    def result(self):
        begin, end, cpu, rss, status = map(int, self._process.stdout.readline().split())
        return Sample(begin, end, cpu / 1000, rss, status)

    def run(self, command, **options):
        self.start(command, **options)
        return self.result()

    def done(self, command, must_fail=False, **options):
        """run(), for a program that must succeed, or fail and end by itself."""
        sample = self.run(command, **options)
        if sample.status < 0 or (sample.status == 0) == must_fail:
            raise Failure(f"signal {-sample.status}" if sample.status < 0 else f"exit status {sample.status}")
        return sample


def rotated(names, number):
    names = list(names)
    at = number % len(names) if names else 0
    turned = names[at:] + names[:at]
    return turned if number // max(1, len(names)) % 2 == 0 else turned[::-1]


def interleave(spawner, commands, rounds, **options):
    """{name: [Sample]} or {name: "why it failed"}. One round before is not counted: it says who fails and who is slow."""
    found = {}
    for name, command in commands.items():
        try:
            first = spawner.done(command, **options)
            found[name] = [] if first.ms < SLOW_MS else [first]
        except Failure as failure:
            found[name] = str(failure)
    slow = {name for name, samples in found.items() if samples}
    for number in range(rounds):
        for name in rotated([n for n, samples in found.items() if isinstance(samples, list)], number):
            if name in slow and number % SLOW_SHARE:
                continue
            try:
                found[name].append(spawner.done(commands[name], **options))
            except Failure as failure:
                found[name] = f"{failure} in round {number + 1}"
    return found


def p90(values):
    values = sorted(values)
    return values[min(len(values) - 1, len(values) * 9 // 10)]


def number(value):
    """Three digits: 0.812, 1.44, 27.3, 533."""
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def comparison(found, commands, missing):
    """The table of interleave(): the first row is what the ratios are of."""
    ours = statistics.median(s.ms for s in next(iter(found.values()))) if isinstance(next(iter(found.values())), list) else None
    rows = []
    for name, samples in found.items():
        note = f" ({commands[name].note})" if commands[name].note else ""
        if isinstance(samples, str):
            rows.append([name + note, samples, "", "", "", "", ""])
            continue
        ms = statistics.median(s.ms for s in samples)
        ratio = number(ms / ours) if ours else ""
        cpu = number(statistics.median(s.cpu_ms for s in samples))
        rss = number(statistics.median(s.rss_kb for s in samples) / 1024)
        rows.append([name + note, number(ms), number(p90([s.ms for s in samples])), ratio, cpu, rss, len(samples)])
    rows += [[name, why, "", "", "", "", ""] for name, why in missing.items()]
    return table(["program", "ms", "p90", "ratio", "CPU ms", "max RSS MB", "rounds"], rows)


# ---- processes ----


def below(pid):
    """pid and the processes below it that are there now."""
    found, at = [pid], 0
    while at < len(found):
        try:
            for task in os.scandir(f"/proc/{found[at]}/task"):
                found += map(int, pathlib.Path(task.path, "children").read_text().split())
        except OSError:
            pass
        at += 1
    return found


def memory(pid):
    """(RSS, PSS, anonymous) in KB, summed over the process tree."""
    sums = [0, 0, 0]
    for one in below(pid):
        try:
            lines = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        values = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        for at, name in enumerate(("Rss", "Pss", "Anonymous")):
            sums[at] += values.get(name, 0)
    return sums


def end_of(pid, number, seconds):
    """Sends the signal; ms until the process has ended, or None after `seconds`."""
    fd = os.pidfd_open(pid)
    try:
        begun = time.monotonic_ns()
        os.kill(pid, number)
        return (time.monotonic_ns() - begun) / 1e6 if select.select([fd], [], [], seconds)[0] else None
    finally:
        os.close(fd)


def wait_for(fd, seconds):
    """Whether a pidfd's process ends in time."""
    return bool(select.select([fd], [], [], max(0, seconds))[0])


# ---- what programs wait for ----


@contextlib.contextmanager
def serve_port(port):
    """Opens a port; gives the instant, ns."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        opened = time.monotonic_ns()
        stop = threading.Event()

        def accept():
            server.settimeout(0.2)
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    server.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield opened
        finally:
            stop.set()
            thread.join()


# ---- a control group with a tenth of a processor ----


@contextlib.contextmanager
def quota_group():
    """(its cgroup.procs, 1 or 2)."""
    own = next(
        (p for p in (pathlib.Path("/sys/fs/cgroup/cpu"), pathlib.Path("/sys/fs/cgroup/cpu,cpuacct")) if p.is_dir()), None
    )
    folder = (own or pathlib.Path("/sys/fs/cgroup")) / f"startguard-bench-{os.getpid()}"
    folder.mkdir()
    try:
        if own:
            (folder / "cpu.cfs_period_us").write_text("100000")
            (folder / "cpu.cfs_quota_us").write_text("10000")
        else:
            (folder / "cpu.max").write_text("10000 100000")
        yield folder / "cgroup.procs", 1 if own else 2
    finally:
        remove_group(folder)


def remove_group(folder):
    for _ in range(20):  # what was in it may still be ending
        try:
            folder.rmdir()
            break
        except OSError:
            time.sleep(0.05)
