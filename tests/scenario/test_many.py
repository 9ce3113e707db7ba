"""Many checks at once, of which a third hang, a third crash and a third pass: the run ends at its deadline with the right
report, and nothing is left. STARTGUARD_SOAK=100 does it a hundred times (make soak)."""

import os

import pytest

REPETITIONS = int(os.environ.get("STARTGUARD_SOAK", "1"))
CHECKS = 200
LIMIT = 8 if REPETITIONS == 1 else 4  # seconds: on a loaded machine 200 shells take a few
LATE = 15  # seconds: see test_deadlines
# By number modulo 3. The crashing checks are optional, since a required one that gives up would end the run early. The hanging ones ignore
# signals and have a process in a session of its own; $PPID is the check's process.
COMMANDS = [
    ("guard-deadline", "trap '' TERM INT HUP; setsid sleep 1000 & exec sleep 1000", ""),
    ("guard-crashed", "kill -s SEGV $PPID; exec sleep 1000", 'required = false; retry = false; degraded = "x"; '),
    (None, "exit 0", ""),
]


def profile():
    checks = " ".join(
        f'c{i:03}: {{ command = ["/bin/sh", "-c", "{COMMANDS[i % 3][1]}"]; {COMMANDS[i % 3][2]}}};' for i in range(CHECKS)
    )
    return f"startguard = 1; exec: {{ {checks} }};"


@pytest.mark.timeout(120 * max(1, REPETITIONS // 8))
@pytest.mark.produces("guard-deadline", "guard-crashed")
def test_a_third_hangs_a_third_crashes_a_third_passes(guard):
    text, limit = profile(), guard.scale(LIMIT)
    for done in range(REPETITIONS):
        print(done, "done", flush=True)
        result = guard.run(
            text, "-t", guard.span(LIMIT), "--parallel", str(CHECKS), timeout=60, command=["/bin/echo", "started"]
        )
        assert (result.code, result.status, result.out) == (124, "blocked", "")
        assert limit * 900 <= result.report["elapsed_ms"] < (limit + guard.scale(LATE)) * 1000
        wrong = {
            c["id"]: (c["outcome"], c["code"])
            for i, c in enumerate(result.checks)
            if c["code"] != COMMANDS[i % 3][0] or c["outcome"] != ("fail", "broken", "pass")[i % 3]
        }
        assert len(result.checks) == CHECKS and not wrong
        assert result.err.splitlines()[-1].startswith("startguard: BLOCKED (124): exec.c000: guard-deadline: ")
        assert guard.processes() == []


def test_one_url_thousands_of_times(guard):
    """Each gets a name of its own, in a time that does not grow with the cube of their number: the harness stops at its limit."""
    count = 6000
    shown = guard.cli("show", "-w", ",".join(["a:1"] * count)).out
    names = [line.split()[3].rstrip(":") for line in shown.splitlines() if "# tcp." in line]
    assert names == ["tcp.a:1"] + [f"tcp.a:1-{i}" for i in range(2, count + 1)]
