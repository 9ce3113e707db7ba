"""The gate on speed: how many instructions fixed runs of the static program execute, compared with the numbers that are committed.

    STARTGUARD=build/static/startguard "$(packaging/venv-path)/bin/python" tests/bench/instructions.py [--write]

Time on a shared machine says little of a few percent; the number of instructions hardly varies. valgrind's callgrind counts them, in
the program and in every child it forks, and --zero-before makes a child's count begin where the child begins, since valgrind copies
the parent's count with the parent's memory. The symbols for that are in startguard.symbols, which is the released file before it was stripped.

The processor that valgrind emulates has the features of the one it runs on, and the C library and OpenSSL choose their code by
them; both are told to do without, so that the counts are the same on other machines. The kernel's work is not counted.

Each case is run RUNS times, and the median counts. More than LIMIT above the committed number is a failure. After a gain, or a loss that is
meant, `make check-instructions INSTRUCTIONS_FLAGS=--write` writes the numbers anew; the commit says why. They hold for the compiler and
the libraries that packaging/static pins: an update of those may change them too.
"""

import json
import os
import pathlib
import re
import ssl
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:] = [str(ROOT / "tests"), str(ROOT / "tests" / "scenario"), *sys.path]

import dependencies  # noqa: E402

from fakes.certs import Authority, server_context  # noqa: E402
from fakes.tcp import TcpServer, silent  # noqa: E402
from servers.redis import RedisServer  # noqa: E402

NUMBERS = HERE / "instructions.json"
RUNS, LIMIT = 5, 0.03
CHILD = "child_main"
OTHER_CAS = 100
PLAIN_PROCESSOR = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512BW,-AVX512VL,-AVX2,-AVX,-ERMS,-FSRM,-BMI2,-RTM,-SSE4_2,-SSSE3",
    "OPENSSL_ia32cap": "0x0",
}


def tls_server(authority):
    """With one way to shake hands, whatever the machine's OpenSSL likes best."""
    context = server_context(authority.issue(), max_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    context.set_ecdh_curve("prime256v1")
    return TcpServer(silent, tls=context)


def ca_file(folder, authority):
    """The authority behind others, as in a system's bundle."""
    path = folder / "bundle.pem"
    others = [Authority(folder, name=f"other CA {i}").ca_file for i in range(OTHER_CAS)]
    path.write_text("".join(pathlib.Path(one).read_text() for one in [*others, authority.ca_file]))
    return path


def cases(ports, redis, file, tls):
    """{name: profile, or None for `startguard version`}. No service is executed: the guard's count would be lost with it. tls: the
    address of a server, and the file of its CA. The large profile is only read, by lint: work that grows with the square of its size
    would show there."""
    tcp, http = ports
    return {
        "version": None,
        "tcp": f'tcp: {{ c: {{ address = "127.0.0.1:{tcp}"; }}; }};',
        "http": f'http: {{ c: {{ url = "http://127.0.0.1:{http}/"; }}; }};',
        "file": f'file: {{ c: {{ path = "{file}"; }}; }};',
        "tls": f'tcp: {{ c: {{ address = "{tls[0]}"; tls = true; ca_file = "{tls[1]}"; }}; }};',
        "six": dependencies.six(ports, redis),
        "large": large(2000),
    }


def large(n):
    """Checks of one kind, each with a variable of its own and one that waits for the check before it."""
    checks = (f'c{i}: {{ address = "${{HOST_{i}}}:5432"; after = ["tcp.c{max(i - 1, 1)}"]; }};' for i in range(2, n))
    return 'tcp: { c1: { address = "db:5432"; };\n' + "\n".join(checks) + "\n};"


def count(program, words):
    """Instructions of one run, a number for each of its processes."""
    read, write = os.pipe()
    line = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--zero-before={CHILD}", f"--log-fd={write}"]
    try:
        env = {"PATH": os.environ["PATH"], "HOME": "/", "TZ": "UTC", **PLAIN_PROCESSOR}
        done = subprocess.run([*line, program, *words], env=env, pass_fds=[write], capture_output=True, text=True)
    finally:
        os.close(write)
    with os.fdopen(read) as log:
        text = log.read()
    if done.returncode != 0:
        sys.exit(f"instructions.py: {words} ended with {done.returncode}:\n{done.stderr}{text}")
    return [int(number) for number in re.findall(r"Collected : (\d+)", text)]


def measure(program):
    """{name: instructions}."""
    found = {}
    with tempfile.TemporaryDirectory() as name, RedisServer() as redis:
        folder = pathlib.Path(name)
        authority = Authority(folder)
        with dependencies.served(folder) as ports, tls_server(authority) as tls:
            where = tls.address, ca_file(folder, authority)
            for case, text in cases(ports, redis.port, folder / "answers", where).items():
                words = ["version"]
                if text:
                    profile = folder / f"{case}.cfg"
                    profile.write_text(dependencies.profile(text))
                    words = ["run", "-q", "-p", str(profile), "--termination-log", "none"]
                if case == "large":
                    words = ["lint", str(profile)]
                found[case] = round(statistics.median(sum(count(program, words)) for _ in range(RUNS)))
    return found


def judge(found, committed):
    """Prints a line for each case; gives how many are too high."""
    high = 0
    for case, now in found.items():
        before = committed.get(case)
        change = now / before - 1 if before else None
        too_high = change is None or change > LIMIT
        high += too_high
        verdict = "FAIL" if too_high else "ok"
        told = f"{change:+.1%} against {before:,}" if before else f"no committed number in {NUMBERS.relative_to(ROOT)}"
        print(f"{verdict:5} {case:8} {now:>12,} instructions, {told}")
    if high:
        print(
            f"More than {LIMIT:.0%} above the committed number: the change costs every start. Find where (valgrind --tool=callgrind on\n"
            "build/static/startguard.symbols), or, if it is worth it, write the numbers anew and say why in the commit:\n"
            "make check-instructions INSTRUCTIONS_FLAGS=--write"
        )
    elif any(now < committed[case] * (1 - LIMIT) for case, now in found.items()):
        print("A gain: keep it, with make check-instructions INSTRUCTIONS_FLAGS=--write")
    return high


def main():
    program = pathlib.Path(os.environ.get("STARTGUARD", ROOT / "build/static/startguard")).resolve()
    symbols = program.with_name(program.name + ".symbols")
    if not symbols.exists():
        sys.exit(f"instructions.py: {symbols} is not there: make static makes it")
    found = measure(str(symbols))
    if "--write" in sys.argv:
        NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    high = judge(found, json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {})
    print(f"instructions: {len(found) - high} passed, {high} failed")
    return high


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
