"""How late attempt, check and run end, for peers and programs that would never end, by startguard's own clock.

For attempts it is the latest of them, each counted from its own start. The kernel needs about 0.1 ms of a processor to end a
process: with hundreds at once that is what is left.
"""

import json
import pathlib
import socket
import statistics
import subprocess
import tempfile

from measure import table

KEYS = {"run": "", "check": 'timeout = "%dms";', "attempt": 'attempt_timeout = "%dms"; retry = false;'}
DEAF = """trap '' TERM INT HUP; setsid sleep 1000 & exec sleep 1000"""
STOP = "kill -STOP $PPID; "  # the check's own process, which would otherwise end them a little before the deadline


def shells(n, script):
    return "exec: { " + " ".join(f'c{i}: {{ command = ["/bin/sh", "-c", "{script}"]; KEYS }};' for i in range(n)) + " };"


def rows(address):
    """name, limit in ms, profile. Hundreds take longer to start than 300 ms: one row for the deadline that comes meanwhile, one for the
    deadline at which all of them are there."""
    return [
        ("exec, deaf, fled", 300, shells(1, DEAF)),
        ("http, silent", 300, f'http: {{ c: {{ url = "http://{address}/"; KEYS }}; }};'),
        ("TLS, silent", 300, f'tcp: {{ c: {{ address = "{address}"; tls = true; KEYS }}; }};'),
        ("redis, silent", 300, f'redis: {{ c: {{ url = "redis://{address}"; KEYS }}; }};'),
        ("kafka, silent", 300, f'kafka: {{ c: {{ bootstrap_servers = "{address}"; KEYS }}; }};'),
        ("200 x exec, starting", 300, shells(200, DEAF)),
        ("200 x exec, deaf", 4000, shells(200, DEAF)),
        ("200 x exec, stopped", 4000, shells(200, STOP + DEAF)),
    ]


def late(program, folder, text, ms, limit):
    profile, report = folder / "p.cfg", folder / "report.json"
    keys = KEYS[limit] % ms if KEYS[limit] else ""
    profile.write_text("startguard = 1; " + text.replace("KEYS", keys))
    subprocess.run(
        [
            program,
            "-q",
            "-p",
            profile,
            "-m",
            "prod",
            "--parallel",
            "250",
            "-t",
            f"{ms}ms" if limit == "run" else "60s",
            "--report",
            report,
            "--termination-log",
            "none",
        ],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    told = json.loads(report.read_text())
    return (max(c["elapsed_ms"] for c in told["checks"]) if limit == "attempt" else told["elapsed_ms"]) - ms


def section(program, repetitions):
    """Markdown."""
    lines = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server, tempfile.TemporaryDirectory() as folder:
        for name, ms, text in rows(f"127.0.0.1:{server.getsockname()[1]}"):
            cells = []
            for limit in KEYS:
                times = [late(program, pathlib.Path(folder), text, ms, limit) for _ in range(repetitions)]
                cells.append(f"{statistics.median(times):.1f}, {max(times):.1f}")
            lines.append([name, *cells])
    return table(["at the deadline", *KEYS], lines)
