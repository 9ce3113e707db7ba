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
PROGRAM = pathlib.Path(os.environ.get("STARTGUARD") or ROOT / "build" / "startguard")


def make(root, goal, *words):
    """make GOAL with DESTDIR=root, from the build in root/../build: nothing is compiled here."""
    line = ["make", "-s", "-C", ROOT, goal, f"DESTDIR={root}", "PREFIX=/usr", f"BUILD={root.parent}/build", *words]
    subprocess.run(line, check=True, env={**os.environ, "MAKEFLAGS": ""}, capture_output=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root, with the program that is tested in a build beside it."""
    folder = tmp_path_factory.mktemp("install")
    (folder / "build").mkdir()
    (folder / "build" / "startguard").symlink_to(PROGRAM.resolve())
    return folder / "root"


@pytest.fixture(scope="module")
def installed(root):
    """The tree of an installation with PREFIX=/usr."""
    make(root, "install", "STRIP=")
    return root / "usr"


@pytest.fixture
def other_root(root, tmp_path):
    (tmp_path / "build").symlink_to(root.parent / "build")
    return tmp_path / "root"


def tree(root):
    return {str(p.relative_to(root)): (p.lstat().st_mode, p.is_file() and p.read_bytes()) for p in root.rglob("*")}


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


def test_installs_the_program_that_is_there(installed):
    """Flags other than those of the build, as root's make or BUILD=build/static have them, do not build it anew."""
    assert (installed / "bin/startguard").read_bytes() == PROGRAM.read_bytes()


def sections(program):
    return subprocess.run(["readelf", "-SW", program], check=True, capture_output=True, text=True).stdout


def test_installs_without_symbols(other_root):
    make(other_root, "install")
    assert ".symtab" not in sections(other_root / "usr/bin/startguard")
    assert ".text" in sections(other_root / "usr/bin/startguard")


def test_modes_do_not_depend_on_the_umask(other_root):
    before = os.umask(0o077)
    try:
        make(other_root, "install")
    finally:
        os.umask(before)
    modes = {p.stat().st_mode & 0o777 for p in (other_root / "usr").rglob("*") if p.is_dir()}
    assert modes == {0o755}
    assert {p.stat().st_mode & 0o777 for p in (other_root / "usr/share").rglob("*") if p.is_file()} == {0o644}


OTHERS = {
    "an empty root": {},
    "folders of others": {"usr/bin/other": "x", "usr/share/man/man1/other.1": "x", "usr/share/fish/": None},
    "an empty folder": {"usr/bin/": None, "usr/share/man/man5/": None},
}


@pytest.mark.parametrize("others", OTHERS)
def test_uninstall_removes_what_install_made(other_root, others):
    other_root.mkdir()
    for name, text in OTHERS[others].items():
        path = other_root / name
        (path if text is None else path.parent).mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_text(text)
    before = tree(other_root)
    make(other_root, "install")
    assert tree(other_root) != before
    make(other_root, "uninstall")
    assert tree(other_root) == before


def test_uninstall_keeps_what_came_later_and_removes_what_is_older(other_root):
    """A user's file in a folder of ours stays; a file that the newer version no longer has goes."""
    other_root.mkdir()
    make(other_root, "install")
    (other_root / "usr/share/startguard/profiles/mine.cfg").write_text("startguard = 1;")
    older = other_root / "usr/share/doc/startguard/older.md"
    older.touch()
    with (other_root / "usr/share/startguard/installed").open("a") as record:
        record.write("/usr/share/doc/startguard/older.md\n")
    make(other_root, "install")
    make(other_root, "uninstall")
    assert [p.name for p in other_root.rglob("*") if p.is_file()] == ["mine.cfg"]


def test_uninstall_without_install(other_root):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        make(other_root, "uninstall")
    assert b"nothing is installed here" in failed.value.stderr


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
