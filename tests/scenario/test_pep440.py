"""The table of PEP 440: what pip's library says of it, and that the probe of the python kind says the same in every Python."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from harness import ROOT

ROWS = [
    line.split("\t") for line in (ROOT / "tests/unit/pep440.txt").read_text("utf-8").splitlines() if not line.startswith("#")
]
ANSWERS = {"yes": "met", "no": "not met", "unclear": "unclear"}
JUDGE = """
import sys, probe
probe.import_own_modules()
for line in sys.stdin:
    print(probe.judge(*line.rstrip("\\n").split("\\t")))
"""


def oldest_and_newest():
    """The interpreters of PATH that the kind can look into, and the tests' own. A name there may be a stand-in that does not run."""
    folders = [pathlib.Path(folder) for folder in os.environ["PATH"].split(":")]
    found = {sys.version_info[:2]: sys.executable}
    for python in [python for folder in folders for python in folder.glob("python3*[0-9]")]:
        run = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2], sys.executable)"], capture_output=True)
        if run.returncode == 0:
            major, minor, path = run.stdout.decode().split()
            found.setdefault((int(major), int(minor)), path)
    releases = [release for release in found if release >= (3, 8)]
    return sorted({found[min(releases)], found[max(releases)]})


def judged(version, demand):
    try:
        specifiers = SpecifierSet(demand)
    except InvalidSpecifier:
        return "wrong"
    try:
        Version(version)
    except InvalidVersion:
        return "unclear"
    return "yes" if specifiers.contains(version, prereleases=True) else "no"


def test_the_table_is_what_pip_says():
    assert len(ROWS) > 1700
    assert [row for row in ROWS if judged(*row[:2]) != row[2]] == []


@pytest.mark.parametrize("python", oldest_and_newest())
def test_the_probe_says_the_same(python):
    rows = [row for row in ROWS if row[2] != "wrong"]  # test_requirement: those are refused in a profile
    lines = "".join(f"{version}\t{demand}\n" for version, demand, _ in rows)
    run = subprocess.run(
        [python, "-B", "-c", JUDGE],
        input=lines,
        env={"PYTHONPATH": str(ROOT / "checks/python")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    answers = run.stdout.splitlines()
    assert len(answers) == len(rows), run.stderr
    assert [(row, answer) for row, answer in zip(rows, answers) if answer != ANSWERS[row[2]]] == []


def test_old_interpreters_can_read_the_probe():
    """To say that they are too old."""
    assert ast.parse((ROOT / "checks/python/probe.py").read_text("utf-8"), feature_version=(3, 4))


@pytest.mark.near_miss("python-version", "python-interpreter-missing")
@pytest.mark.parametrize("python", oldest_and_newest())
def test_the_whole_probe_runs(guard, python):
    guard.write("site/some_client-2.6.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: Some_Client\nVersion: 2.6.1\n")
    facts = guard.try_(
        "python",
        interpreter=python,
        modules=["json"],
        distributions=["some.client >= 2.3, < 3"],
        forbidden=["some-client < 2"],
        _env={"PYTHONPATH": guard.tmp / "site"},
        attempt_timeout=guard.span(20),
        _limit=guard.span(20),
    ).passed()["facts"]
    assert facts["distributions"] == "some.client 2.6.1" and facts["imported"] == 1
