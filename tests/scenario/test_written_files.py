"""The files that startguard writes: those that can be written but not replaced, and one that two options name."""

import json
import os
import re
import shlex
import socket

import pytest

from harness import unshare

FINE = 'startguard = 1; file: { fine: { path = "/"; }; };'
WRONG = 'startguard = 1; file: { wrong: { path = "/"; type = "file"; }; };'
OLD = "old and longer than what comes, " * 400


def in_namespace(guard, script):
    """The script as root of a mount namespace of its own."""
    return guard.command(unshare("-m", "sh", "-c", script))


def line(guard, profile, *options):
    return shlex.join(guard.words(profile)) + " " + " ".join(options)


@pytest.mark.parametrize("folder", ["writable", "read-only"])
def test_a_file_that_is_mounted(guard, folder):
    """A mount point cannot be renamed over, whoever may write beside it."""
    for name in ("report", "env"):
        guard.write(f"volume/{name}", OLD)
        guard.write(f"dir/{name}", "")
    mounts = " && ".join(f"mount --bind volume/{name} dir/{name}" for name in ("report", "env"))
    read_only = "mount --bind dir dir && mount -o remount,bind,ro dir && " if folder == "read-only" else ""
    done = in_namespace(
        guard, f"{read_only}{mounts} && {line(guard, FINE, '--report dir/report --env-file dir/env')}; echo $?; ls dir"
    )
    assert done.stdout.split() == ["0", "env", "report"], done.stderr
    assert "warning" not in done.stderr
    assert json.loads((guard.tmp / "volume/report").read_text())["status"] == "ready"
    assert "STARTGUARD_STATUS=ready\n" in (guard.tmp / "volume/env").read_text()
    assert "old" not in (guard.tmp / "volume/env").read_text()


def test_a_mounted_file_without_room(guard):
    """No half of a report: the file is empty then, and that is said."""
    guard.write("dir/report", "")
    script = f"""mkdir disk && mount -t tmpfs -o size=4k tmpfs disk && echo old > disk/report && mount --bind disk/report dir/report &&
        {line(guard, "startguard = 1; file: { " + " ".join(f'c{i}: {{ path = "/"; }};' for i in range(60)) + " };", "--report dir/report")};
        echo $?; wc -c < dir/report"""
    done = in_namespace(guard, script)
    assert done.stdout.split() == ["0", "0"], done.stderr
    assert re.search(
        r"^startguard: warning: the report was not written: write \S*dir/report: No space left on device$", done.stderr, re.M
    )


def test_a_mounted_environment_file_of_a_service_that_cannot_be_run(guard):
    """No service uses the lines, and a file that cannot be removed is emptied."""
    guard.write("volume/env", OLD)
    guard.write("dir/env", "")
    service = guard.write("service", b"\0\0no program")
    service.chmod(0o755)
    done = in_namespace(
        guard,
        f"mount --bind volume/env dir/env; {line(guard, FINE, '--env-file dir/env')} -- ./service; echo $?; wc -c < dir/env",
    )
    assert done.stdout.split() == ["126", "0"], done.stderr
    assert "warning" not in done.stderr


@pytest.fixture
def unprivileged(guard):
    """Words before the program that make it another user's, who may enter the folders of the test."""
    if os.geteuid() != 0:
        return []
    for folder in (guard.tmp, *guard.tmp.parents):
        if str(folder) != "/" and folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    return ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]


def run_as(guard, words, profile, *options):
    return guard.command([*words, *guard.words(profile, *options)])


def test_a_folder_that_is_not_ours(guard, unprivileged):
    """The files may be written, what stands beside them may not."""
    files = [guard.write(f"dir/{name}", OLD) for name in ("report", "env", "out")]
    for file in files:
        file.chmod(0o666)
    (guard.tmp / "dir").chmod(0o555)
    try:
        done = run_as(
            guard,
            unprivileged,
            FINE,
            "--report",
            "dir/report",
            "--env-file",
            "dir/env",
            "--format",
            "tap",
            "--output",
            "dir/out",
        )
    finally:
        (guard.tmp / "dir").chmod(0o755)
    assert done.returncode == 0
    assert "warning" not in done.stderr
    assert json.loads(files[0].read_text())["status"] == "ready"
    assert files[1].read_text().startswith("STARTGUARD_")
    assert files[2].read_text().startswith("TAP version 14\n")
    assert sorted(os.listdir(guard.tmp / "dir")) == ["env", "out", "report"]


def test_a_file_that_is_not_ours_either(guard, unprivileged):
    file = guard.write("dir/report", "old")
    file.chmod(0o444)
    (guard.tmp / "dir").chmod(0o555)
    try:
        done = run_as(guard, unprivileged, FINE, "--report", "dir/report")
        new = run_as(guard, unprivileged, FINE, "--report", "dir/new")
    finally:
        (guard.tmp / "dir").chmod(0o755)
    assert done.returncode == new.returncode == 0
    assert re.search(
        r"^startguard: warning: the report was not written: open \S*dir/report: Permission denied$", done.stderr, re.M
    )
    assert "warning: the report was not written: create dir/new." in new.stderr
    assert file.read_text() == "old"


def test_a_name_with_no_room_beside_it(guard):
    name = "r" * 252
    guard.write(name, OLD)
    assert guard.run(FINE, "--report", name).status == "ready"
    assert os.listdir(guard.tmp).count(name) == 1


# ---- one file for two ----

SAME = {
    "path": (["--report", "x", "--env-file", "x"], "--report and --env-file", "x"),
    "another spelling": (["--report", "x", "--env-file", "./x"], "--report and --env-file", "x"),
    "folder": (["--report", "d/x", "--termination-log", "d/../d/x"], "--report and --termination-log", "d/x"),
    "link": (["--report", "there", "--env-file", "link"], "--report and --env-file", "there"),
    "hard link": (["--report", "there", "--output", "hard", "--format", "tap"], "--report and --output", "there"),
    "two reports": (["--report", "x", "--output", "x", "--format", "json"], "--report and --output", "x"),
    "environment": (["--env-file", "x"], "STARTGUARD_REPORT and --env-file", "x"),
    "default": (["--report", "/dev/termination-log"], "--report and --termination-log", "/dev/termination-log"),
    "stdout": (["--report", "-", "--env-file", "/dev/stdout"], "--report and --env-file", "/dev/stdout"),
    "stdout by format": (["--report", "-", "--format", "json"], "--report and --format", "/dev/stdout"),
    "stdout by output": (["--report", "-", "--format", "tap", "--output", "-"], "--report and --output", "/dev/stdout"),
}


def there(guard):
    (guard.tmp / "d").mkdir()
    guard.write("there", "old")
    (guard.tmp / "link").symlink_to("there")
    (guard.tmp / "hard").hardlink_to(guard.tmp / "there")


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("word", ["run", "check"])
def test_two_options_that_name_one_file(guard, how, word):
    options, names, path = SAME[how]
    there(guard)
    env = {"STARTGUARD_REPORT": "x"} if how == "environment" else {}
    result = guard.cli(word, "-w", "file:///", "-m", "prod", *options, env=env)
    assert (result.code, result.out) == (64, "")
    assert result.err == f"startguard: {names} write to the same file: {path}\n"
    assert (guard.tmp / "there").read_text() == "old"


def test_a_report_where_stdout_goes(guard):
    with open(guard.tmp / "all", "wb") as out:
        result = guard.cli("check", "-w", "file:///", "--format", "json", "--report", "all", stdout=out)
    assert (result.code, result.err) == (64, "startguard: --report and --format write to the same file: all\n")


@pytest.mark.parametrize(
    "options",
    [
        ["--report", "x", "--env-file", "y"],
        ["--report", "d/x", "--env-file", "x"],
        ["--report", "/dev/null", "--env-file", "/dev/null"],
        ["--report", "there", "--env-file", "x"],
        ["--report", "-", "--env-file", "x"],
        ["--report", "-", "--termination-log", "/dev/stderr"],
        ["--report", "x", "--termination-log", "none", "--env-file", "none"],
        ["--report", "no/such/x", "--env-file", "no/such/y"],
    ],
)
def test_two_options_that_do_not(guard, options):
    there(guard)
    result = guard.cli("check", "-w", "file:///", "-m", "prod", *options)
    assert result.code == 0
    assert "same file" not in result.err


def test_other_commands_write_nothing(guard):
    assert guard.cli("show", "-w", "file:///", env={"STARTGUARD_REPORT": "x", "STARTGUARD_ENV_FILE": "x"}).code == 0


def test_stdout_by_its_short_name(guard):
    result = guard.cli("check", "-w", "file:///", "-m", "prod", "--report", "-")
    assert json.loads(result.out)["status"] == "ready"
    assert not (guard.tmp / "-").exists()


@pytest.mark.parametrize("of", ["a socket", "a pipe of another user", "no /proc"])
def test_stdout_that_cannot_be_opened_once_more(guard, unprivileged, of):
    """It is open, that is enough: service managers give sockets, engines pipes that are root's, and bare images have no /proc."""
    # With a command: without /proc a sanitizer knows none of its options, and looks for leaks at the end.
    words = ["-w", "file:///", "-m", "prod", "--report", "-", "--termination-log", "/dev/stderr", "--", "/bin/true"]
    if of == "a socket":
        ours, theirs = socket.socketpair()
        with ours, theirs:
            result = guard.cli(*words, stdout=theirs)
            theirs.close()
            out = ours.makefile().read()
        code, err = result.code, result.err
    else:
        how = (
            unprivileged
            if of == "a pipe of another user"
            else unshare("-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
        )
        done = guard.command([*how, guard.path, *words])
        code, out, err = done.returncode, done.stdout, done.stderr
    assert code == 0, err
    assert json.loads(out)["status"] == "ready"
    assert "warning" not in err
    assert len([one for one in err.splitlines() if one.startswith("startguard: READY")]) == 2


def test_a_termination_message_where_stderr_goes(guard):
    """Into a file: it comes behind what stands there, and destroys nothing."""
    with open(guard.tmp / "err", "wb") as err:
        result = guard.run(WRONG, "--termination-log", "/dev/stderr", stderr=err, last_line=False)
    assert result.code == 69
    text = (guard.tmp / "err").read_text()
    assert text.startswith("startguard 1") and "\0" not in text
    assert len([one for one in text.splitlines() if one.startswith("startguard: BLOCKED (69): ")]) == 2
