"""The pages of docs/ say what the program does."""

import json
import os
import re
import subprocess
import sys

import examples
import jsonschema

from harness import ROOT, kinds

KINDS = ROOT / "docs" / "kinds"


def test_examples_that_are_run(guard):
    """The pages have what their commands print (make generated)."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "examples.py", guard.path],
        capture_output=True,
        text=True,
        timeout=guard.scale(60),
        env={**os.environ, **guard.environment()},
    )
    assert done.returncode == 0, done.stderr
    pages = [page.read_text("utf-8") for page in examples.PAGES]
    assert examples.normal(done.stdout) == examples.normal("".join(pages))
    assert [page.count("```console") for page in pages] == [page.count("\n```console\n$ ") for page in pages]
    assert all(page.count("```console") >= 2 for page in pages)


def test_profiles_of_the_pages_about_kinds(guard):
    """Each is one that startguard takes."""
    for page in KINDS.glob("*.md"):
        blocks = re.findall(r"^```\n(.*?)```", page.read_text("utf-8"), re.S | re.M)
        profiles = [block for block in blocks if re.search(r"^\w+: \{", block, re.M)]
        assert profiles, page
        for text in profiles:
            text = re.sub(r"\n *after = .*", "", text)  # checks of other pages
            version = "" if "startguard = 1" in text else "startguard = 1;\n"
            result = guard.cli("lint", guard.write("page.cfg", version + text))
            assert result.code == 0, (page, result.err)


def test_the_guide_shows_every_outcome_word_and_exit_status(guard):
    page = examples.PAGES[0].read_text("utf-8")
    for word in ("PASS", "WAIT", "FAIL", "DEGRADED", "BROKEN", "WAIVED", "SKIPPED", "PENDING"):
        assert f"| {word} |" in page
    for status in re.findall(r"\b\d{2,3}\b", guard.cli("help").out.rpartition("Exit codes:")[2]):
        assert re.search(rf"^\| [^|]*\b{status}\b", page, re.M), status


def test_the_guide_names_every_field_of_the_report():
    page = examples.PAGES[0].read_text("utf-8")
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    table = re.sub(r"```.*?```", "", page.partition("## JSON")[2].partition("## JUnit")[0], flags=re.S)
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", table)))) | set(re.findall(r'"(\w+)":', page))
    assert not (set(schema["properties"]) | set(schema["$defs"]["check"]["properties"])) - named


def test_the_readme_lists_every_kind():
    table = (ROOT / "README.md").read_text("utf-8").partition("| kind | contract |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| ([a-z_, ]+) \|", table, re.M)
    assert sorted(", ".join(named).split(", ")) == sorted(kinds())


def test_every_kind_that_the_readme_waits_for_is_there(guard):
    """Each URL of -w in README.md has a scheme of some kind."""
    schemes = set(re.findall(r"-w ([a-z+]+)://", (ROOT / "README.md").read_text("utf-8")))
    known = guard.cli("-w", "none-of-these://x").err.partition("known: ")[2]
    assert schemes and schemes <= set(re.findall(r"[a-z+]+", known))
