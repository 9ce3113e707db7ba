#!/usr/bin/env python3
"""How late attempt, check and run end, for peers and programs that would never end. Not a test: exact times belong to an idle machine.

    tests/bench/deadlines.py [PROGRAM] [REPETITIONS]

Prints milliseconds past the limit: median and maximum, by startguard's own clock.
"""

import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

LIMIT_MS = 300
KEYS = {"run": "", "check": f'timeout = "{LIMIT_MS}ms";', "attempt": f'attempt_timeout = "{LIMIT_MS}ms"; retry = false;'}
DEAF = """trap '' TERM INT HUP; setsid sleep 1000 & exec sleep 1000"""


def kinds(address):
    return {
        "exec, deaf, fled": f'exec: {{ c: {{ command = ["/bin/sh", "-c", "{DEAF}"]; %s }}; }};',
        "http, silent": f'http: {{ c: {{ url = "http://{address}/"; %s }}; }};',
        "TLS, silent": f'tcp: {{ c: {{ address = "{address}"; tls = true; %s }}; }};',
        "redis, silent": f'redis: {{ c: {{ url = "redis://{address}"; %s }}; }};',
        "kafka, silent": f'kafka: {{ c: {{ bootstrap_servers = "{address}"; %s }}; }};',
        "200 x exec, deaf": 'exec: { ' + " ".join(f'c{i}: {{ command = ["/bin/sh", "-c", "{DEAF}"]; %s }};' for i in range(200)) + " };",
    }


def late(program, folder, text, limit):
    profile, report = folder / "p.cfg", folder / "report.json"
    keys = KEYS[limit]
    profile.write_text("startguard = 1; " + text.replace("%s", keys))
    subprocess.run([program, "-q", "-p", profile, "-m", "prod", "--parallel", "250", "-t", f"{LIMIT_MS}ms" if limit == "run" else "60s",
                    "--report", report, "--termination-log", "none"], stderr=subprocess.DEVNULL, check=False)
    return json.loads(report.read_text())["elapsed_ms"] - LIMIT_MS


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/startguard"
    repetitions = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server, tempfile.TemporaryDirectory() as folder:
        print(f"{'':20} " + "".join(f"{limit:>20}" for limit in KEYS) + "   (median, maximum in ms)")
        for name, text in kinds("127.0.0.1:%d" % server.getsockname()[1]).items():
            cells = []
            for limit in KEYS:
                times = [late(program, pathlib.Path(folder), text, limit) for _ in range(repetitions)]
                cells.append(f"{statistics.median(times):9.1f} {max(times):9.1f} ")
            print(f"{name:20} " + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
