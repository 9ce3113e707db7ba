#!/usr/bin/env python3
"""Static analysis: gcc -fanalyzer, clang-tidy (.clang-tidy) and cppcheck (cppcheck.txt, cppcheck.cfg here).

    tests/analysis/run.py [--jobs N] FILE.c... -- FLAGS...     FLAGS: what the build gives the compiler

Any word of theirs is a failure. What they are not to say has its reason: in .clang-tidy and cppcheck.txt for the whole
tree, beside the line (NOLINT, cppcheck-suppress) for one place. A PASS or FAIL line for each tool.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = "tests/analysis"


def run(words):
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return said if done.returncode or said.strip() else ""


def gcc_analyzer(file, flags):
    # -O1 inlines the small helpers that the analyzer would otherwise know nothing of.
    return run(["gcc", *flags, "-O1", "-fanalyzer", "-c", "-o", os.devnull, file])


def clang_tidy(file, flags):
    if file.startswith("tests/"):  # text with misleading characters, null pointers and odd layouts are what tests are made of
        return ""
    said = run(["clang-tidy", "--quiet", file, "--", *flags])
    return "" if not re.search(r"(warning|error): ", said) and "Error" not in said else said


def cppcheck(file, flags):
    own = [f for f in flags if f.startswith(("-D", "-Isrc", "-Ichecks"))]
    return run(
        [
            "cppcheck",
            "--quiet",
            "--std=c11",
            "--language=c",
            "--enable=warning,performance,portability,style",
            "--inline-suppr",
            "--error-exitcode=1",
            "--template={file}:{line}: {severity}: {message} [{id}]",
            f"--library={HERE}/cppcheck.cfg",
            f"--suppressions-list={HERE}/cppcheck.txt",
            *own,
            file,
        ]
    )


def main():
    words = sys.argv[1:]
    jobs = 2
    if words[:1] == ["--jobs"]:
        jobs, words = int(words[1]), words[2:]
    at = words.index("--")
    files, flags = words[:at], words[at + 1 :]
    failed = 0
    for name, tool in (("gcc -fanalyzer", gcc_analyzer), ("clang-tidy", clang_tidy), ("cppcheck", cppcheck)):
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            said = [text for text in pool.map(tool, files, [flags] * len(files)) if text]
        good = files and not said
        failed += not good
        print(f"{'PASS' if good else 'FAIL'}  {name} ({len(files)} files, {time.monotonic() - begun:.0f} s)", flush=True)
        for text in said:
            print("      " + text.strip().replace("\n", "\n      "))
    print(f"analyse: {3 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
