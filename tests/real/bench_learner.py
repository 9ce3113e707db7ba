"""How long the learner's profile takes from start to exec against the real servers: the median of 20, and the slowest check.

tests/real/bench_learner.py [RUNS]       (with the tests' Python; STARTGUARD names the program)
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "scenario")]

from world import PROFILE, ROOT, world  # noqa: E402


def main(runs):
    program = os.environ.get("STARTGUARD", str(ROOT / "build" / "startguard"))
    with tempfile.TemporaryDirectory() as folder, world(folder) as servers:
        report = pathlib.Path(folder) / "report.json"
        command = [
            program,
            "run",
            "-p",
            str(PROFILE),
            "--report",
            str(report),
            "--termination-log",
            "none",
            "--",
            "date",
            "+%s%N",
        ]
        walls, slowest = [], {}
        for _ in range(runs + 1):
            begun = time.time_ns()
            done = subprocess.run(command, env=dict(os.environ, **servers.environment()), capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(done.stderr)
            walls.append((int(done.stdout) - begun) / 1e6)
            for check in json.loads(report.read_text())["checks"]:
                slowest.setdefault(check["id"], []).append(check["elapsed_ms"])
    walls = walls[1:]  # the first one warms the servers up
    print(f"start to exec: median {statistics.median(walls):.1f} ms of {runs}, from {min(walls):.1f} to {max(walls):.1f}")
    for id, times in sorted(slowest.items(), key=lambda item: -statistics.median(item[1])):
        print(f"  {statistics.median(times[1:]):6.1f} ms  {id}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
