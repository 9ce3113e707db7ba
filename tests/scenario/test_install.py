"""make install: what it puts where, and that manual pages and completions work from there."""

import os
import pathlib
import re
import subprocess
import time

import pytest
from terminal import Terminal

from harness import ROOT, TIME_SCALE
from servers.common import find_program

SHELLS = {
    "bash": "share/bash-completion/completions/startguard",
    "zsh": "share/zsh/site-functions/_startguard",
    "fish": "share/fish/vendor_completions.d/startguard.fish",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The tree of an installation with PREFIX=/usr, from the build that is tested."""
    root = tmp_path_factory.mktemp("root")
    program = pathlib.Path(os.environ.get("STARTGUARD") or ROOT / "build" / "startguard")
    # Made by the program that is tested, whatever it was built with: nothing is compiled here.
    (root / "build").mkdir()
    (root / "build" / "startguard").symlink_to(program.resolve())
    subprocess.run(
        [
            "make",
            "-s",
            "-C",
            ROOT,
            "install",
            f"DESTDIR={root}",
            "PREFIX=/usr",
            f"BUILD={root}/build",
            "-o",
            f"{root}/build/startguard",
        ],
        check=True,
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
    )
    return root / "usr"


def test_what_is_installed(installed):
    files = {str(p.relative_to(installed)) for p in installed.rglob("*") if p.is_file()}
    assert {
        "bin/startguard",
        "share/man/man1/startguard.1",
        "share/man/man5/startguard-profile.5",
        *SHELLS.values(),
        "share/startguard/profiles/reference.cfg",
        "share/doc/startguard/README.md",
        "share/doc/startguard/report.schema.json",
    } <= files
    assert not [f for f in files if f.startswith(("share/man", "bin")) and (installed / f).stat().st_size == 0]
    assert os.access(installed / "bin/startguard", os.X_OK)
    assert not os.access(installed / "share/man/man1/startguard.1", os.X_OK)


@pytest.mark.parametrize(
    "page, words",
    [
        ("man1/startguard.1", ["--termination-log", "STARTGUARD_REPORT", "fail-on-degraded", "128+n", "startguard try KIND"]),
        (
            "man5/startguard-profile.5",
            ["min_in_sync_replicas", "degraded_env", "schema_registry", "env:NAME", 'role = "master"'],
        ),
    ],
)
def test_manual_pages(installed, page, words):
    text = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-cbou", "-rLL=200n"],
        check=True,
        capture_output=True,
        text=True,
        input=(installed / "share" / "man" / page).read_text("utf-8"),
    ).stdout
    text = text.replace("\u2010", "-").replace("\u2212", "-")
    assert not [word for word in words if word not in text]
    assert "@" not in re.sub("@include", "", text)


def test_pages_name_every_option_and_key(guard, installed):
    text = (installed / "share/man/man1/startguard.1").read_text("utf-8").replace("\\-", "-")
    for option in re.findall(r"--[a-z-]+", guard.cli("help").out + guard.cli("explain", "--help").out):
        assert option in text, option


COMPLETE = {
    # What the shell itself would offer for a line.
    "bash": [
        "bash",
        "--norc",
        "-c",
        r'''. "$1"; read -ra COMP_WORDS <<< "$2"; case $2 in *' ') COMP_WORDS+=("") ;; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _startguard; printf '%s\n' "${COMPREPLY[@]}"''',
        "bash",
    ],
    "fish": ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]"],
}


@pytest.mark.parametrize(
    "line, word",
    [
        ("startguard che", "check"),
        ("startguard try kaf", "kafka"),
        ("startguard check --ti", "--timeout"),
        ("startguard run --format ju", "junit"),
        ("startguard check --mode st", "staging"),
        ("startguard explain op", "opa"),
        ("startguard completion fi", "fish"),
        ("startguard --fail", "--fail-on-degraded"),
        ("startguard help lin", "lint"),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_completion(installed, shell, line, word):
    file = installed / SHELLS[shell]
    find_program(shell, package="test")
    environment = {"PATH": os.environ["PATH"], "HOME": str(installed), "TERM": "xterm"}
    if shell == "zsh":
        complete_in_zsh(file.parent, environment, line, f"{line.rpartition(' ')[0]} {word}")
        return
    done = subprocess.run(
        [*COMPLETE[shell], str(file), line],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"(?:^|\s){word}\b", done.stdout, re.M), done


def complete_in_zsh(folder, environment, line, becomes):
    """In zsh completion works on a terminal only: TAB is pressed there."""
    with Terminal(columns=200) as terminal:
        zsh = subprocess.Popen(
            ["setsid", "-c", "zsh", "-f", "-i"],
            stdin=terminal.follower,
            stdout=terminal.follower,
            stderr=terminal.follower,
            env=environment,
        )
        try:
            terminal.type(f"fpath=({folder} $fpath); autoload -U compinit; compinit -D -u; print REA''DY\n")
            appears(terminal, "READY")
            terminal.type(f"{line}\t")
            appears(terminal, becomes)
        finally:
            zsh.kill()
            zsh.wait()


def appears(terminal, words):
    deadline = time.monotonic() + 60 * TIME_SCALE
    while words not in terminal.text():
        assert time.monotonic() < deadline, terminal.text()
        time.sleep(0.02)
