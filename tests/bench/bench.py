"""make bench: what startguard costs beside the programs that others use for the same thing.

    "$(packaging/venv-path)/bin/python" tests/bench/bench.py [--write] [--rounds N] [--only SECTION,...] [--other NAME=PROGRAM]

Prints Markdown; --write puts it into docs/benchmarks.md, between the two marks. STARTGUARD names the program (default
build/static/startguard, the file that is released); --other measures another build beside it. The other programs are those of
peers.py, from PATH or from variables. An idle machine is needed; the load is printed.
"""

import argparse
import contextlib
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:] = [str(ROOT / "tests"), str(ROOT / "tests" / "scenario"), *sys.path]

import deadlines  # noqa: E402
import fleet  # noqa: E402
import kafka  # noqa: E402
from dependencies import HELPERS, TOPIC, profile, served, six  # noqa: E402
from measure import (  # noqa: E402
    Command,
    Spawner,
    below,
    comparison,
    end_of,
    interleave,
    memory,
    number,
    p90,
    quota_group,
    serve_port,
    table,
    wait_for,
)
from peers import all_peers  # noqa: E402

from fakes.kafka import KafkaMock  # noqa: E402
from fakes.tcp import refused_port  # noqa: E402
from servers.redis import RedisServer  # noqa: E402

DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench: made by make bench BENCH_FLAGS=--write -->", "<!-- end of bench -->"
MANY = (10, 100, 1000)
LAG_TRIALS, LAG_FIRST_S, LAG_LAST_S = 12, 0.8, 5
TERM_TRIALS, TERM_AFTER_S, TERM_LIMIT_S = 3, 1.0, 3
MEMORY_S = 1.5
QUOTA_ROUNDS, QUOTA_IDLE_MS = 12, 200
FLEET_SAMPLES = 12


# ---- startguard ----


class Guard:
    """One build of startguard; its commands are those of a Peer."""

    waits = True
    missing = ""

    def __init__(self, name, path, folder, nothing):
        # A copy: how the kernel caches a file, in small or large pieces, depends on how it was written, and with it what is resident
        # of it: 3 MB of a copy, 6 MB of what strip wrote. The file of an image is a copy too.
        self.path = str(shutil.copy(path, folder / f"startguard-{name}"))
        self.name, self.folder, self.nothing = name, folder, str(nothing)
        self.profiles = 0

    def start(self):
        return Command([self.path, "version"])

    def version(self):
        done = subprocess.run([self.path, "version"], capture_output=True, text=True)
        return done.stdout.split("\n")[0].replace("startguard ", "")

    def size(self):
        return os.path.getsize(self.path)

    def checks(self, text):
        self.profiles += 1
        path = self.folder / f"profile{self.profiles}.cfg"
        path.write_text(profile(text))
        return Command([self.path, "-q", "-p", path, "--termination-log", "none", "--", self.nothing])

    def tcp(self, *addresses):
        return self.checks("tcp: { " + " ".join(f'c{i} = {{ address = "{a}"; }};' for i, a in enumerate(addresses)) + " };")

    def http(self, url):
        return self.checks(f'http: {{ c: {{ url = "{url}"; }}; }};')

    def redis(self, address):
        return self.checks(f'redis: {{ c: {{ url = "redis://{address}"; }}; }};')

    def file(self, path):
        return self.checks(f'file: {{ c: {{ path = "{path}"; }}; }};')


# ---- the sections ----


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.nothing = folder / "nothing"
        self.nothing.write_bytes((HELPERS / "nothing").read_bytes())
        self.nothing.chmod(0o755)
        self.guards = [Guard(name, path, folder, self.nothing) for name, path in options.programs.items()]
        self.peers = all_peers(self.nothing)
        self.all = self.guards + self.peers
        self.spawner = Spawner(HELPERS)

    def commands(self, ask, *what):
        """({name: Command}, {name: why it is not there}) of all that know how to be asked."""
        found, missing = {}, {}
        for one in self.all:
            method = getattr(one, ask, None)
            if not method:
                continue
            if one.missing:
                missing[one.name] = one.missing
                continue
            command = method(*what)
            if command:
                found[one.name] = command
        return found, missing

    def compare(self, ask, *what, rounds=None, bare=False, **options):
        commands, missing = self.commands(ask, *what)
        if bare:
            commands["no guard"] = Command([self.nothing])
        return comparison(interleave(self.spawner, commands, rounds or self.options.rounds, **options), commands, missing)

    def guards_only(self, text):
        commands = {guard.name: guard.checks(text) for guard in self.guards}
        return comparison(interleave(self.spawner, commands, self.options.rounds), commands, {})

    def waiting(self):
        return [one for one in self.all if not one.missing and getattr(one, "waits", True) and hasattr(one, "tcp")]

    # -- sections; each gives Markdown --

    def programs(self):
        rows = [
            [one.name, one.missing, ""] if one.missing else [one.name, one.version(), f"{one.size():,}"] for one in self.all
        ]
        return table(["program", "version", "bytes of its file"], rows)

    def start(self):
        return self.compare("start", bare=True)

    def tcp(self):
        return self.compare("tcp", f"127.0.0.1:{self.ports[0]}", bare=True)

    def http(self):
        return self.compare("http", f"http://127.0.0.1:{self.ports[1]}/")

    def redis(self):
        return self.compare("redis", f"127.0.0.1:{self.redis_port}")

    def file(self):
        return self.compare("file", self.nothing)

    def six(self):
        return self.guards_only(six(self.ports, self.redis_port))

    def six_kafka(self):
        with KafkaMock(topics={TOPIC: (3, 3)}) as mock:
            return self.guards_only(six(self.ports, self.redis_port, mock.servers))

    def many(self):
        text = []
        for count in MANY:
            addresses = [f"127.0.{1 + i // 250}.{1 + i % 250}:{self.ports[0]}" for i in range(count)]
            rounds = max(5, self.options.rounds // (1 if count < 1000 else 4))
            text.append(f"{count:,} TCP checks:\n\n{self.compare('tcp', *addresses, rounds=rounds)}")
        return "\n".join(text)

    def quota(self):
        with contextlib.ExitStack() as stack:
            try:
                group, version = stack.enter_context(quota_group())
            except OSError as error:
                return f"Not measured: no control group with a quota can be made here ({error}).\n"
            tables = []
            for title, commands, missing in (
                ("One TCP check", *self.commands("tcp", f"127.0.0.1:{self.ports[0]}")),
                ("Six checks", {g.name: g.checks(six(self.ports, self.redis_port)) for g in self.guards}, {}),
            ):
                commands["no guard"] = Command([self.nothing])
                # Programs with a pause of their own say nothing about the quota.
                commands = {name: c for name, c in commands.items() if name not in ("wait4it", "wait-on", "wait-port")}
                rounds = min(QUOTA_ROUNDS, self.options.rounds)
                found = interleave(self.spawner, commands, rounds, group=group, idle_ms=QUOTA_IDLE_MS)
                tables.append(f"{title}:\n\n{comparison(found, commands, missing)}")
            return f"Control group version {version}.\n\n" + "\n".join(tables)

    def memory(self):
        rows = []
        for one in self.waiting():
            address = f"127.0.0.1:{refused_port()}"
            peak = [0, 0, 0]
            pid = self.spawner.start(one.tcp(address), announce=True)
            until = time.monotonic() + MEMORY_S
            while time.monotonic() < until:
                peak = [max(pair) for pair in zip(peak, memory(pid))]
                time.sleep(0.01)
            processes = len(below(pid))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            self.spawner.result()
            rows.append([one.name, *(f"{kb:,}" for kb in peak), processes])
        return table(["program", "RSS KB", "PSS KB", "anonymous KB", "processes"], rows)

    def lag(self):
        waiting = self.waiting()
        lags, cpu = {one.name: [] for one in waiting}, {one.name: [] for one in waiting}
        failed = {}
        with contextlib.ExitStack() as stack:
            spawners = {one.name: stack.enter_context(Spawner(HELPERS)) for one in waiting}
            for trial in range(LAG_TRIALS):
                port = refused_port()
                for one in waiting:
                    spawners[one.name].start(one.tcp(f"127.0.0.1:{port}"))
                # Stratified: the instants cover the span evenly, whatever chance does.
                step = (LAG_LAST_S - LAG_FIRST_S) / LAG_TRIALS
                time.sleep(LAG_FIRST_S + step * (trial + random.random()))
                with serve_port(port) as opened:
                    for one in waiting:
                        sample = spawners[one.name].result()
                        if sample.status != 0:
                            failed[one.name] = f"exit status {sample.status}"
                        lags[one.name].append((sample.end_ns - opened) / 1e6)
                        cpu[one.name].append(sample.cpu_ms)
        rows = []
        for name, values in lags.items():
            if name in failed:
                rows.append([name, failed[name], "", "", ""])
                continue
            rows.append(
                [
                    name,
                    number(statistics.median(values)),
                    number(p90(values)),
                    number(max(values)),
                    number(statistics.median(cpu[name])),
                ]
            )
        return table(["program", "lag ms", "p90", "max", "CPU ms until the end"], rows)

    def term(self):
        plain = self._term(lambda command: command)
        first = self._term(
            lambda command: command.under("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"), first=True
        )
        rows = [[name, *plain[name], *first[name]] for name in plain]
        return table(["program", "ms", "exit status", "ms as PID 1", "exit status as PID 1"], rows)

    def _term(self, wrap, first=False):
        """{name: (ms, status)} of SIGTERM to a program that waits for a closed port."""
        waiting = self.waiting()
        times, status = {one.name: [] for one in waiting}, {}
        with contextlib.ExitStack() as stack:
            spawners = {one.name: stack.enter_context(Spawner(HELPERS)) for one in waiting}
            for _ in range(TERM_TRIALS):
                pids = {}
                for one in waiting:
                    command = wrap(one.tcp(f"127.0.0.1:{refused_port()}"))
                    pids[one.name] = spawners[one.name].start(command, announce=True)
                time.sleep(TERM_AFTER_S)
                stubborn = []
                for one in waiting:
                    target = below(pids[one.name])[1 if first else 0]
                    took = end_of(target, signal.SIGTERM, 0.2)
                    if took is None:
                        stubborn.append((one, time.monotonic(), target))
                    else:
                        times[one.name].append(took)
                for one, begun, target in stubborn:
                    fd = os.pidfd_open(target) if pathlib.Path(f"/proc/{target}").exists() else None
                    left = TERM_LIMIT_S - (time.monotonic() - begun)
                    gone = fd is None or wait_for(fd, left)
                    times[one.name].append((time.monotonic() - begun) * 1000 if gone else None)
                    if fd is not None:
                        os.close(fd)
                for one in waiting:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(pids[one.name], signal.SIGKILL)
                    status[one.name] = spawners[one.name].result().status
        found = {}
        for name, values in times.items():
            if None in values:
                found[name] = f"still there after {TERM_LIMIT_S} s", ""
            else:
                found[name] = number(statistics.median(values)), f"signal {-status[name]}" if status[name] < 0 else status[name]
        return found

    def fleet(self):
        waiting = [one for one in self.waiting() if one.name not in ("wait-on", "wait-port")]
        attempts = {}
        with fleet.Attempts() as seen, contextlib.ExitStack() as stack:
            running = []
            for one in waiting:
                for _ in range(FLEET_SAMPLES if one in self.guards else FLEET_SAMPLES // 4):
                    port = refused_port()
                    spawner = stack.enter_context(Spawner(HELPERS))
                    running.append((spawner, spawner.start(one.tcp(f"127.0.0.1:{port}"), announce=True)))
                    attempts.setdefault(one.name, []).append(port)
            time.sleep(fleet.SECONDS)
            for spawner, pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                spawner.result()
        rows = []
        for name, ports in attempts.items():
            rows.append([name, *fleet.row([seen.at(port) for port in ports])])
        return table(["program", "attempts a second", "peak in 10 ms", "if spread evenly", "peak to even"], rows)

    def kafka(self):
        wait4x = next(peer for peer in self.peers if peer.name == "wait4x")
        return kafka.section(self.spawner, self.guards[0].path, wait4x, self.nothing, max(5, self.options.rounds // 4))

    def deadlines(self):
        return deadlines.section(self.guards[0].path, 2)


# ---- the document ----

SECTIONS = {
    "programs": (
        "Programs",
        "Peers are whatever was found on PATH or named by a variable; a program that is not there is not measured.",
    ),
    "start": (
        "Starting alone",
        'Each program prints its version. "No guard" is a program without a C library that ends at once.',
    ),
    "tcp": ("One TCP check that passes, until the service is executed", "The service is the program that ends at once."),
    "http": ("One HTTP check", "A server in C answers from memory."),
    "redis": ("One Redis check", "redis-server on the loopback; startguard asks for more than PING."),
    "file": ("One file check", ""),
    "six": ("Six checks without Kafka", "redis, opa, schema_registry, metrics, avro and tcp."),
    "six_kafka": (
        "Six checks with Kafka",
        "kafka (librdkafka's mock cluster of three brokers, one topic) in place of metrics.",
    ),
    "many": ("Many TCP checks", "The same port at as many addresses."),
    "quota": (
        "100 millicores",
        f"A control group with 10 ms of a processor in each 100 ms. Before each start it is idle for {QUOTA_IDLE_MS} ms, and the program "
        "is in the group before the clock starts.",
    ),
    "memory": ("Memory while waiting", f"The peak during {MEMORY_S} s of waiting for a closed port, over the process tree."),
    "lag": (
        "Readiness lag",
        f"A port opens {LAG_FIRST_S} to {LAG_LAST_S} s after the start; all programs wait for the same one. {LAG_TRIALS} trials.",
    ),
    "term": ("SIGTERM while waiting", f"{TERM_TRIALS} trials, {TERM_AFTER_S:g} s after the start."),
    "fleet": (
        "A fleet that waits",
        f"{fleet.PODS:,} pods that start in one instant and wait for the same closed port, from the third to the tenth second. Simulated: "
        "each pod takes its pauses from those of programs that really waited on this machine.",
    ),
    "kafka": ("Kafka: start to exec against a real broker", ""),
    "deadlines": ("Deadlines with many processes", "How late a run, a check or an attempt ends, ms: median and maximum."),
}


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), os.uname().machine)
    return f"{os.cpu_count()} cores, {model}, Linux {os.uname().release}"


def load():
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def run(options):
    wanted = options.only.split(",") if options.only else list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        sys.exit(f"bench.py: no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    before, begun, parts = load(), time.monotonic(), []
    with tempfile.TemporaryDirectory() as name, RedisServer() as redis:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        with served(folder) as ports:
            bench = Bench(options, folder)
            bench.ports, bench.redis_port = ports, redis.port
            for section in wanted:
                title, text = SECTIONS[section]
                at = time.monotonic()
                try:
                    body = getattr(bench, section)()
                except Exception as error:  # one section must not cost the others
                    body = f"Not measured: {type(error).__name__}: {error}\n"
                print(f"bench: {section}: {time.monotonic() - at:.0f} s", file=sys.stderr, flush=True)
                parts.append(f"## {title}\n\n{text + chr(10) * 2 if text else ''}{body}")
    head = (
        f"Measured {time.strftime('%-d %B %Y', time.gmtime())}: {machine()}. Load {before} before, {load()} after, which is mostly the "
        f"benchmark's own; {time.monotonic() - begun:.0f} s. Medians of {options.rounds} rounds, in which all programs take turns in an "
        'order that is rotated; fewer for a program that takes longer than 100 ms. "Ratio" is to the first row.\n'
    )
    return head + "\n" + "\n".join(parts)


def write(text):
    document = DOCUMENT.read_text()
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", help="sections, with commas")
    parser.add_argument("--other", action="append", default=[], metavar="NAME=PROGRAM", help="another build of startguard")
    options = parser.parse_args()
    program = pathlib.Path(os.environ.get("STARTGUARD", ROOT / "build/static/startguard")).resolve()
    options.programs = {"startguard": program, **dict(one.split("=", 1) for one in options.other)}
    return options


if __name__ == "__main__":
    chosen = parse()
    made = run(chosen)
    print(made)
    if chosen.write:
        write(made)
