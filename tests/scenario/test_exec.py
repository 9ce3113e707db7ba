"""exec"""

import re
import shlex

import pytest

from harness import settings, unshare


@pytest.mark.near_miss("exec-not-found", "exec-not-executable", "exec-status", "exec-signal", "exec-output")
def test_pass(guard):
    guard.try_(
        "exec",
        command=["sh", "-c", "echo version 7.2; exit 3"],
        status=3,
        stdout_contains="7.2",
        stdout_matches="^version [4-9]",
    ).passed()
    check = guard.try_(
        "exec",
        command=["sh", "-c", "pwd; echo $A"],
        working_directory="/usr",
        stdout_matches="^/usr$",
        stdout_contains="from-env",
        _env={"A": "from-env"},
    ).passed()
    assert check["facts"]["status"] == 0


@pytest.mark.produces("exec-status")
def test_status(guard):
    guard.try_("exec", command=["sh", "-c", "echo first >&2; echo the real reason >&2; exit 2"]).expect(
        "exec-status", exit=124, cause="exit status 2, expected 0; last output: the real reason"
    )


TRACEBACK = 'Traceback (most recent call last):\n  File "/app/a.py", line 3, in <module>\n    run()\n'


@pytest.mark.produces("exec-status")
@pytest.mark.parametrize(
    "output, reason",
    [
        (TRACEBACK + "psycopg.Undefined: no relation\nLINE 1: select 1\n        ^\n", "psycopg.Undefined: no relation"),
        (TRACEBACK + "struct.error: not an integer\n\n" + TRACEBACK + "Late: 5 s\nbye\n", "Late: 5 s (before it: struct.error: not an integer)"),
        (TRACEBACK + "E: twice\n" + TRACEBACK + "E: twice\n", "E: twice"),
        (TRACEBACK, 'Traceback (most recent call last): File "/app/a.py", line 3, in <module> run()'),
        ("noise\npsql: Connection refused\n\tIs the server running on that host?\n", "psql: Connection refused Is the server running on that host?"),
        ("noise\nERROR: no table\nLINE 1: select\n     ^\n", "ERROR: no table LINE 1: select"),
        ("one\n two\n three\n four\n", "two three four"),
        ("first\nsecond\n=====\n", "second"),
        ("---\n42\n", "42"),
        ("fehlt: \u0444\n***\n", "fehlt: \u0444"),
        (" \n", "none"),
    ],
)  # fmt: skip
def test_what_was_said(guard, output, reason):
    """The line that matters stands in the cause, and the last lines are facts."""
    script = guard.write("said", output)
    check = guard.try_("exec", command=["sh", "-c", f"cat {script} >&2; echo unread; exit 2"]).expect("exec-status")
    assert check["cause"] == f"exit status 2, expected 0; last output: {reason}"
    told = [value for key, value in check["facts"].items() if key.startswith("output_")]
    assert [str(line) for line in told] == [line.strip() for line in output.split("\n") if line.strip()][-8:]


def test_the_tail_is_printed_with_v(guard):
    script = guard.write("said", "".join(f"line {n}\n" for n in range(30)) + "x" * 5000 + "\nat postgres://me:pa55word@db/\n")
    text = f'startguard = 1; exec: {{ c: {{ command = ["sh", "-c", "cat {script}; kill -9 $$$$"]; retry = false; }}; }};'
    done = guard.run(text, "-v")
    facts = done.expect("exec-signal", cause="last output: at postgres://***@db/")["facts"]
    assert facts["output_1"] == "line 24" and facts["output_8"] == "at postgres://***@db/" and "output_9" not in facts
    assert facts["output_7"].startswith("xxxx") and len(facts["output_7"]) < 160
    assert "\n          output_6: line 29\n" in done.err and "pa55word" not in done.err
    assert "output_6" not in guard.run(text).err


@pytest.mark.produces("exec-status")
@pytest.mark.near_miss("guard-deadline")
def test_status_before_the_time_of_the_run_was_up(guard):
    """The last attempt is cut short by what is left of the run: that it was still running says nothing."""
    command = 'command = ["sh", "-c", "mkdir first && exit 3; sleep 1000"]; attempt_timeout = "50s";'
    check = guard.run(f"startguard = 1; exec: {{ c: {{ {command} }}; }};", "-t", guard.span(2)).expect(
        "exec-status", exit=124, cause="exit status 3"
    )
    assert check["attempts"] > 1


@pytest.mark.near_miss("guard-deadline")
def test_status_that_is_looked_at_late(guard):
    """The check's process did not run when its time was up: the command had ended long before."""
    script = "(sleep 2; kill -CONT $$PPID) >/dev/null 2>&1 & kill -STOP $$PPID; echo the reason; exit 3"
    done = guard.cli(
        "try", "exec", "--in-process", "--termination-log", "none", f'command=["sh","-c","{script}"]', "attempt_timeout=1s"
    )
    assert done.code == 124 and "exec-status" in done.err and "the reason" in done.err, done


@pytest.mark.produces("exec-signal")
def test_signal(guard):
    guard.try_("exec", command=["sh", "-c", "kill -SEGV $$$$"]).expect("exec-signal", exit=124, cause="signal 11")


@pytest.mark.produces("exec-output")
@pytest.mark.parametrize("keys", [{"stdout_contains": "ready"}, {"stdout_matches": "^ready$"}])
def test_output(guard, keys):
    guard.try_("exec", command=["echo", "not \x1b[31m read"], **keys).expect("exec-output", cause="read")


def test_no_retry_and_too_little_time(guard):
    """The run's time ended the attempt, not the command: more time may help."""
    keys = settings(command=["sleep", "20"], retry=False)
    result = guard.run(f"startguard = 1; exec: {{ x: {{ {keys} }}; }};", "-t", "1s", mode="dev")
    result.expect("guard-deadline", id="exec.x", exit=124)


def test_a_first_word_beside_a_final_failure(guard):
    """The file is missing at once; the command needs longer than the 2 s that a peer would have."""
    keys = settings(command=["sh", "-c", "sleep 2.5; echo no libs >&2; exit 3"])
    text = f'startguard = 1; file: {{ f: {{ path = "none"; retry = false; }}; }}; exec: {{ x: {{ {keys} }}; }};'
    result = guard.run(text, mode="dev")
    result.expect("exec-status", id="exec.x", exit=69, cause="no libs")


@pytest.mark.near_miss("exec-status", "exec-not-found")
def test_empty_argument(guard):
    guard.try_("exec", command=["sh", "-c", '[ $# = 2 ] && [ -z "$1" ]', "sh", "", "x"]).passed()
    for command in (["", "x"], [""]):
        guard.try_("exec", command=command).problem("command", "is empty in its first word", exit=64)


def test_a_command_line_as_one_word(guard):
    guard.try_("exec", command="python manage.py check").problem("command", "give the words as a list", exit=64)


@pytest.mark.produces("exec-not-found")
@pytest.mark.near_miss("exec-not-executable")
def test_not_found(guard):
    guard.try_("exec", command=["no-such-program"]).expect("exec-not-found", exit=69, phase="config", subject="no-such-program")
    guard.try_("exec", command=["true"], working_directory="/nonexistent").expect("exec-not-found", subject="/nonexistent")


@pytest.mark.produces("exec-not-found")
@pytest.mark.parametrize(
    "first_line, words",
    [
        ("#!/nonexistent/python3", "is there, but /nonexistent/python3, which runs it, is not in this image"),
        ("#!/bin/sh\r", "is there, but its line 1 ends in a carriage return"),
    ],
)
def test_the_interpreter_of_a_script_is_not_there(guard, first_line, words):
    """The kernel says "No such file" for a script that is there."""
    script = guard.write("check.sh", f"{first_line}\necho fine\n")
    script.chmod(0o755)
    for keys in ({"command": [str(script)]}, {"command": ["./check.sh"], "working_directory": str(guard.tmp)}):
        guard.try_("exec", **keys).expect("exec-not-found", exit=69, cause=words, hint="line 1 of the file")
    guard.try_("exec", command=["check.sh"], _env={"PATH": str(guard.tmp)}).expect("exec-not-found", cause=words)


@pytest.mark.produces("exec-not-executable")
@pytest.mark.near_miss("exec-not-found")
def test_not_executable(guard):
    f = guard.write("script", "#!/bin/sh\n")
    f.chmod(0o644)
    guard.try_("exec", command=[str(f)]).expect("exec-not-executable", exit=69, cause="0644 lets nobody run it: chmod +x")
    guard.try_("exec", command=[str(guard.tmp)]).expect("exec-not-executable", exit=69, cause="it is a folder")


@pytest.mark.produces("exec-status")
def test_colours_of_the_output_are_dropped(guard):
    script = r"printf '\033[1;31merror:\033[0m no \033[38:5:1mtable\033[m \033[2K\n' >&2; exit 1"
    guard.try_("exec", command=["sh", "-c", script]).expect("exec-status", cause="last output: error: no table ?[2K")


@pytest.mark.produces("exec-status")
@pytest.mark.parametrize("status, word", [(127, "not found"), (126, "cannot be run")])
def test_what_a_shell_could_not_run(guard, status, word):
    check = guard.try_("exec", command=["sh", "-c", f"exit {status}"]).expect("exec-status", exit=124, hint=word)
    assert f"exit status {status}" in check["cause"]


def test_a_file_system_without_programs(guard):
    """As an emptyDir or /tmp that is mounted with noexec; the service's own command is told in the same words."""
    script = 'mkdir m && mount -t tmpfs -o noexec none m && cp /bin/true m/job && exec "$@"'
    words = "Permission denied: its file system is mounted with noexec"
    before = unshare("--mount", "sh", "-c", script, "sh", guard.path)
    done = guard.command([*before, "try", "exec", "command=m/job"])
    assert done.returncode == 69 and f"exec-not-executable: m/job: {words}" in done.stderr
    (guard.tmp / "m").rmdir()
    done = guard.command([*before, "-w", "file:///", "--", "m/job"])
    assert done.returncode == 126 and f'"m/job" cannot be run: {words}' in done.stderr


@pytest.mark.produces("exec-not-executable")
@pytest.mark.near_miss("exec-status", "exec-output")
@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "it is empty"),
        (b"\x7fELF" + b"\xff" * 60, "neither a program of this architecture"),
        (b"\x7fELF\2\1\1" + b"\0" * 9 + b"\2\0\xf3\0" + b"\0" * 44, "it is a program for riscv"),
        (b"echo no interpreter line\n", "begins with #!"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "a byte order mark"),
        (b"\n#!/bin/sh\n", "first two characters"),
    ],
    ids=["empty", "broken", "architecture", "no-line", "mark", "second-line"],
)
@pytest.mark.parametrize("by", ["path", "name"])
def test_what_the_kernel_cannot_run_is_not_given_to_a_shell(guard, content, words, by):
    f = guard.write("bin/program", content)
    f.chmod(0o755)
    guard.try_("exec", command=[str(f) if by == "path" else "program"], _env={"PATH": f"{guard.tmp / 'bin'}:/usr/bin"}).expect(
        "exec-not-executable", exit=69, cause=words
    )


@pytest.mark.near_miss("exec-not-executable", "exec-not-found")
def test_search_goes_on_behind_a_folder_that_is_closed(guard):
    f = guard.write("first/program", "#!/bin/sh\nexit 1\n")
    f.chmod(0o644)
    g = guard.write("second/program", "#!/bin/sh\necho second\n")
    g.chmod(0o755)
    path = ":".join(map(str, [guard.tmp / "none", f.parent, g.parent, "/bin"]))
    guard.try_("exec", command=["program"], stdout_contains="second", _env={"PATH": path}).passed()


@pytest.mark.produces("guard-deadline")
@pytest.mark.near_miss("exec-signal")
def test_still_running_at_its_deadline(guard):
    guard.try_("exec", command=["sh", "-c", "echo waiting for godot >&2; sleep 100 & sleep 100"], attempt_timeout="2s").expect(
        "guard-deadline", cause="waiting for godot"
    )


def test_a_command_has_30_s(guard):
    """Unless less is left: a check that is not required has 5 s in all."""
    rest = 'command = ["true"]; required = false; degraded = "x";'
    text = f"""startguard = 1; exec: {{ a: {{ command = ["true"]; }}; b: {{ {rest} }}; c: {{ {rest} timeout = "9s"; }};
        d: {{ command = ["true"]; timeout = "40s"; attempt_timeout = "40s"; }}; }};
        python: {{ p: {{ modules = ["json"]; }}; }}; tcp: {{ t: {{ address = "db:1"; }}; }};"""
    shown = guard.cli("show", "-p", str(guard.write("times.cfg", text))).out
    assert re.findall(r'attempt_timeout = "(.*)"', shown) == ["30s", "5s", "9s", "40s", "30s", "5s"], shown


@pytest.mark.near_miss("guard-deadline")
def test_a_command_that_takes_longer_than_other_checks_may(guard):
    guard.try_("exec", command=["sh", "-c", "sleep 6; echo slow"], stdout_contains="slow", _limit=guard.span(30)).passed()


def test_what_it_leaves_behind_is_killed(guard):
    guard.try_(
        "exec",
        command=["sh", "-c", "sleep 1000 & echo $! > pid; echo done"],
        stdout_contains="done",
        working_directory=str(guard.tmp),
    ).passed()


def test_endless_output(guard):
    guard.try_(
        "exec",
        command=["sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' x"],
        attempt_timeout=guard.span(20),
        _limit=guard.span(20),
        stdout_contains="xxx",
    ).passed()


def test_signals_are_as_the_service_finds_them(guard):
    guard.try_(
        "exec", command=["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], stdout_contains="SigBlk:\t0000000000000000"
    ).passed()


@pytest.mark.produces("exec-status")
@pytest.mark.near_miss("exec-output")
def test_an_image_without_devices(guard):
    """Standard descriptors that cannot be /dev/null are something else, and not the next pipe that is made."""
    wrapper = guard.write(
        "bare",
        f"""#!/bin/sh
exec {shlex.join(unshare())} -m sh -c 'mount -t tmpfs none /dev && exec "$@"' sh {guard.path} "$@"
""",
    )
    wrapper.chmod(0o755)
    guard.path = str(wrapper)
    guard.try_("exec", command=["sh", "-c", "cat; echo out; ! echo x 2>&1 >&3"], stdout_contains="out").passed()
    guard.try_("exec", command=["sh", "-c", "echo why >&2; exit 3"]).expect("exec-status", exit=124, cause="last output: why")


@pytest.mark.produces("guard-deadline")
def test_an_expression_that_takes_for_ever(guard):
    """The command has long ended: the report names what did not come back."""
    slow = r"^(.*)(.*)(.*)(.*)(.*)\1\2\3\4\5x$"
    check = guard.try_(
        "exec",
        command=["/bin/sh", "-c", "head -c 20000 /dev/zero | tr '\\0' a"],
        stdout_matches=slow,
        attempt_timeout=guard.span(2),
        retry=False,
        _limit="60s",
    ).expect("guard-deadline")
    assert "matching the output of /bin/sh with stdout_matches" in check["cause"] + check["subject"]
