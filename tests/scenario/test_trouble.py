"""Trouble around startguard: no process, no memory, a full disk, outputs that are not read, a clock that jumps, large profiles.

Whatever it is: the right verdict, the right exit status, one clear line, and an end in time.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import threading
import time

import pytest

from fakes.http import HttpServer, Reply
from fakes.tcp import TcpServer, refused_port, silent
from harness import helper, unshare

FINE = 'startguard = 1; file: { fine: { path = "/"; }; };'
WRONG = 'startguard = 1; file: { wrong: { path = "/"; type = "file"; }; };'
LATE = 15  # seconds: see test_deadlines


def many(count, make):
    return " ".join(f"c{i}: {{ {make(i)} }};" for i in range(count))


# ---- outputs that are not read ----


class Stuck:
    """A pipe that nobody reads and that is full, or nearly. .free: bytes it still takes."""

    def __init__(self, free=0):
        self.read, self.write = os.pipe()
        size = fcntl.fcntl(self.write, fcntl.F_SETPIPE_SZ, 65536)
        os.set_blocking(self.write, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.write, b"x" * 4096)
        if free:
            os.read(self.read, free)
        os.set_blocking(self.write, True)
        assert size == 65536

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.read)
        os.close(self.write)

    def content(self):
        os.set_blocking(self.read, False)
        data = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.read, 65536):
                data += piece
        return data.replace(b"x", b"").decode()


def blocking(fd):
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


@pytest.mark.parametrize("text, code", [(FINE, 0), (WRONG, 69)], ids=["ready", "blocked"])
def test_stderr_that_nobody_reads(guard, text, code):
    with Stuck() as stuck:
        result = guard.run(text, "-v", stderr=stuck.write, command=["/bin/sh", "-c", "echo started"], last_line=False)
        assert blocking(stuck.write)
    assert result.code == code
    assert result.out == ("started\n" if code == 0 else "")
    assert result.report["exit_code"] == code
    assert result.elapsed < guard.scale(LATE)


def test_stderr_that_nobody_reads_does_not_move_a_deadline(guard):
    with Stuck() as stuck:
        result = guard.run(
            f'startguard = 1; tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};',
            "-t",
            "3s",
            "-v",
            stderr=stuck.write,
            last_line=False,
        )
    assert result.code == 124
    assert result.report["elapsed_ms"] < guard.scale(LATE) * 1000
    assert result.check()["attempts"] > 5  # nothing waited for stderr between two attempts


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_stderr_that_nobody_reads_does_not_hold_a_signal(guard, end):
    with Stuck() as stuck, TcpServer(silent) as server:
        with guard.spawn(
            f'startguard = 1; http: {{ never: {{ url = "http://{server.address}/"; }}; }};',
            "-v",
            stderr=stuck.write,
            last_line=False,
        ) as process:
            server.wait_for_connections(1)
            process.send_signal(end)
            result = process.result()
    assert result.code == 128 + end
    assert result.report["exit_code"] == 128 + end


def test_lines_that_were_lost_are_counted(guard):
    """More is written than is kept (256 KiB, and what the pipe holds) before the reader starts: a line counts what was lost."""
    lost = "x" * 14000
    with Stuck(free=8192) as stuck, HttpServer({"*": Reply(status=404)}) as server:
        checks = many(80, lambda i: f'url = "{server.url}/"; required = false; retry = false; degraded = "{lost}";')
        text = f'startguard = 1; http: {{ {checks} }}; tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};'
        with guard.spawn(text, stderr=stuck.write, last_line=False) as process:
            server.wait_for_requests(80)
            text = stuck.content()
            process.terminate()
            deadline = time.monotonic() + guard.scale(30)
            while process.poll() is None and time.monotonic() < deadline:
                text += stuck.content()
            result = process.result()
        text += stuck.content()
    assert result.code == 143
    assert "lines lost: nobody read stderr\n" in text
    assert text.splitlines()[-1].startswith("startguard: BLOCKED (143): ")


def test_slow_reader_gets_every_line(guard):
    """A reader that takes its time, but reads, loses nothing: 400 blocks, more than a pipe holds."""
    port = refused_port()
    text = f'startguard = 1; tcp: {{ {many(400, lambda i: f"""address = "127.0.0.1:{port}"; retry = false;""")} }};'
    read, write = os.pipe()
    lines = []

    def slowly():
        data = b""
        while piece := os.read(read, 2048):
            data += piece
            time.sleep(0.005)
        lines.extend(data.decode().splitlines())

    thread = threading.Thread(target=slowly)
    thread.start()
    process = guard.spawn(text, stderr=write, last_line=False)
    os.close(write)
    result = process.result()
    thread.join()
    os.close(read)
    assert result.code == 69
    # Once the first has failed the run is lost, and those that had no turn in the two seconds left are pending.
    assert sum(line.startswith(("FAIL ", "PENDING ")) for line in lines) == 400
    assert lines[-1].startswith("startguard: BLOCKED (69): ")
    assert not [line for line in lines if "lost" in line]


def test_terminal_that_is_stopped(guard):
    """Ctrl-S was pressed, or the terminal is a serial line without a peer."""
    master, slave = os.openpty()
    try:
        import termios

        termios.tcflow(slave, termios.TCOOFF)
        result = guard.run(WRONG, "-v", stderr=slave, last_line=False)
        assert blocking(slave)
    finally:
        os.close(slave)
        os.close(master)
    assert (result.code, result.status) == (69, "blocked")


def test_stdout_that_nobody_reads(guard):
    with Stuck() as stuck:
        result = guard.run(FINE, "--format", "json", stdout=stuck.write)
    assert (result.code, result.status) == (0, "ready")
    assert "warning: the report was not written: stdout: Connection timed out" in result.err


@pytest.mark.parametrize("option", ["--report", "--env-file", "--termination-log", "--output"])
def test_file_that_is_a_pipe_nobody_reads(guard, option):
    path = guard.tmp / "pipe"
    os.mkfifo(path)
    result = guard.run(FINE, option, str(path), *(["--format", "tap"] if option == "--output" else []), report=False)
    assert result.code == 0
    assert "was not written" in result.err
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        result = guard.run(FINE, option, str(path), *(["--format", "tap"] if option == "--output" else []), report=False)
        assert result.code == 0
        assert "was not written" not in result.err
        assert os.read(reader, 65536)
    finally:
        os.close(reader)


@pytest.mark.parametrize("text, code", [("startguard = 1; no_such_kind: {};", 78), (FINE, 127)], ids=["profile", "command"])
def test_closed_stderr_does_not_end_a_refusal(guard, text, code):
    read, write = os.pipe()
    os.close(read)
    try:
        result = guard.run(text, stderr=write, last_line=False, command=["no-such-command"] if code == 127 else None)
    finally:
        os.close(write)
    assert (result.code, result.report.get("exit_code")) == (code, code)


# ---- nothing can be written ----


def small_files(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize("text, code", [(FINE, 0), (WRONG, 69)], ids=["ready", "blocked"])
def test_files_may_not_be_as_large_as_a_report(guard, text, code, size):
    """SIGXFSZ ends a process that does not expect it."""
    (guard.tmp / "r").mkdir()
    old = guard.write("r/report.json", "{}")
    result = guard.run(
        text, "--report", str(old), "--termination-log", "r/term", "--env-file", "r/env", preexec_fn=small_files(size)
    )
    assert result.code == code
    assert "warning: the report was not written: " in result.err
    assert "File too large" in result.err
    assert old.read_text() == "{}"  # whole or not at all
    # Of the three only the variables of a service that starts are short enough, and only for the larger limit.
    assert sorted(os.listdir(guard.tmp / "r")) == [*(["env"] if size == 100 and code == 0 else []), "report.json", "term"]
    assert (guard.tmp / "r" / "term").read_text() in ("", *[f"{line}\n" for line in result.err.splitlines()])


def test_service_does_not_inherit_the_signal_of_a_file_too_large(guard):
    result = guard.run(
        FINE, "--report", "r.json", preexec_fn=small_files(0), command=["/bin/sh", "-c", "echo started"], last_line=False
    )
    assert (result.code, result.out) == (0, "started\n")


def test_full_disk(guard):
    """On a full file system no half of a report or message is written, and the old report stays."""
    disk = guard.tmp / "disk"
    disk.mkdir()
    file = guard.write("p.cfg", WRONG)
    script = f"""mount -t tmpfs -o size=16k,nr_inodes=16 tmpfs {disk} && cd {disk} && echo old > report.json && echo old > term &&
        dd if=/dev/zero of=fill bs=4k status=none 2>/dev/null; {guard.path} -p {file} -m prod --report report.json --termination-log term;
        echo code $?; cat report.json; ls; rm fill; {guard.path} -p {file} -m prod -q --report report.json --termination-log term 2>/dev/null;
        cat report.json; cat term"""
    done = guard.command(unshare("-m", "sh", "-c", script))
    lines = done.stdout.splitlines()
    assert lines[:5] == ["code 69", "old", "fill", "report.json", "term"], done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])["status"] == "blocked"
    assert lines[-2].startswith("startguard: BLOCKED (69): file.wrong: ")


def test_read_only_folder(guard):
    folder = guard.tmp / "ro"
    folder.mkdir()
    file = guard.write("p.cfg", FINE)
    script = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && exec {guard.path} -p {file} -m prod --report {folder}/r.json --termination-log {folder}/t -- /bin/echo started"
    done = guard.command(unshare("-m", "sh", "-c", script))
    assert (done.returncode, done.stdout) == (0, "started\n")
    assert done.stderr.count("Read-only file system") == 2


def test_termination_message_in_a_mounted_file(guard):
    """A kubelet mounts it, so it can be written and not replaced."""
    target = guard.write("term", "something longer that was there before, " * 200)
    result = guard.run(WRONG, "--termination-log", str(target))
    assert target.read_text().splitlines()[0] == result.err.splitlines()[-1]
    assert "before" not in target.read_text()


# ---- no process ----


@pytest.mark.parametrize("room", [2, 6, 16])
def test_few_processes(guard, room):
    """A pids limit: so many for all of it. Checks wait for each other instead of failing."""
    text = f'startguard = 1; exec: {{ {many(30, lambda i: """command = ["/bin/sleep", "0.05"];""")} }};'
    file = guard.write("p.cfg", text)
    for folder in (guard.tmp, *guard.tmp.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o011)
    guard.tmp.chmod(0o777)
    program = shutil.copy(guard.path, guard.tmp / "startguard")
    script = f"ulimit -u {room + 2}; exec {program} -p {file} -m prod -t {guard.span(60)} --termination-log none --report report.json"
    # Another user than root, whom no such limit binds, and one who has no other process.
    uid = random.randrange(100_000, 1 << 30)
    done = guard.command(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "bash", "-c", script], timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((guard.tmp / "report.json").read_text())
    assert report["status"] == "ready"
    assert {c["outcome"] for c in report["checks"]} == {"pass"}


# ---- no memory ----


@pytest.mark.produces("guard-no-memory")
@pytest.mark.near_miss("guard-crashed", "guard-bug")
def test_memory_runs_out_in_a_child(guard, faults):
    """The child reports it before it ends; the guard has memory."""
    text = 'startguard = 1; exec: { c: { command = ["/bin/true"]; retry = false; }; };'
    result = guard.run(text, env=faults(FAULT_CHILD_MEMORY="1"))
    check = result.expect("guard-no-memory", exit=70, outcome="broken", cause="out of memory")
    assert check["attempts"] == 1


# ---- clocks ----


@pytest.mark.parametrize("seconds", [0, -1, 253402300800, 2**62, -(2**62), 2**63 - 1])
def test_clock_that_is_wrong(guard, faults, seconds):
    result = guard.run(FINE, env=faults(FAULT_CLOCK=str(seconds)))
    assert result.status == "ready"
    started = result.report["started"]
    assert len(started) == 24 and started[4] == "-" and started[-1] == "Z"


def test_clock_that_jumps(guard, faults):
    """The wall clock jumps by an hour at each reading; the run uses the monotonic clock."""
    result = guard.run(
        f'startguard = 1; tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};',
        "-t",
        "1500ms",
        env=faults(FAULT_CLOCK="jumps"),
    )
    result.expect("connect-refused", exit=124)
    assert 1450 <= result.report["elapsed_ms"] < guard.scale(LATE) * 1000


# ---- profiles ----


def test_profile_changed_during_the_run(guard):
    """It was read once."""
    port = refused_port()
    path = guard.write("live.cfg", f'startguard = 1; tcp: {{ late: {{ address = "127.0.0.1:{port}"; }}; }};')
    with guard.spawn(path) as process:
        process.wait_for("WAIT      tcp.late")
        path.write_text("startguard = 1; nonsense")
        with TcpServer(silent, port=port):
            result = process.result()
    result.passed("tcp.late")
    assert result.status == "ready"


def test_a_thousand_checks(guard):
    result = guard.run(
        f'startguard = 1; file: {{ {many(999, lambda i: """path = "/";""")} wrong: {{ path = "/"; type = "file"; }}; }};',
        timeout=60,
    )
    result.expect("file-wrong-type", exit=69, id="file.wrong")
    assert len(result.checks) == 1000


@pytest.mark.parametrize("filler", ["comment", "value", "checks"])
def test_ten_megabytes_of_profile(guard, filler):
    body = {"comment": "# " + "x" * 97 + "\n", "value": "", "checks": ""}[filler] * 100000
    if filler == "value":
        text = f'startguard = 1; file: {{ fine: {{ path = "/"; description = "{"y" * 10_000_000}"; }}; }};'
    elif filler == "checks":
        text = f'startguard = 1; file: {{ {many(200, lambda i: f"""path = "/"; description = "{"y" * 50000}";""")} }};'
    else:
        text = body + FINE
    assert len(text) >= 10_000_000 - 100
    result = guard.run(text, timeout=90)
    assert (result.code, result.status) == (0, "ready")
    assert len(result.checks) == (200 if filler == "checks" else 1)


# ---- calls that are refused ----


@pytest.mark.parametrize("call", ["poll", "signalfd"])
def test_refused_for_good(guard, call, faults):
    result = guard.run(FINE, "--termination-log", "term", env=faults(FAULT_REFUSE=call), command=["/bin/echo", "started"])
    assert (result.code, result.out, result.status, result.report["exit_code"]) == (70, "", "blocked", 70)
    assert result.err.splitlines()[-1].startswith(f"startguard: BLOCKED (70): {call}: ")
    assert (guard.tmp / "term").read_text().startswith("startguard: BLOCKED (70): ")


# ---- small things that containers, names and sizes do ----


def test_a_container_that_refuses_sendto(guard):
    """Lines are then written by write: EPERM does not say that stderr is a socket."""
    result = guard.run(WRONG, before=[helper("refuse"), "EPERM", "sendto", "--"])
    assert result.code == 69
    assert result.err.splitlines()[-1].startswith("startguard: BLOCKED (69): ")


def test_a_report_with_a_line_end_in_its_name_adds_no_variable(guard):
    result = guard.run(FINE, "--report", "r\nSTARTGUARD_STATUS=degraded", "--env-file", "env", report=False)
    assert result.code == 0
    lines = (guard.tmp / "env").read_text().splitlines()
    assert [one for one in lines if one.startswith("STARTGUARD_STATUS=")] == ["STARTGUARD_STATUS=ready"]
    assert "the environment file lacks STARTGUARD_REPORT_FILE" in result.err


def test_a_startguard_that_the_service_starts_keeps_the_mode_of_its_profile(guard):
    """The outer one tells the service its mode by the variable that is also an option."""
    inner = guard.write(
        "inner.cfg",
        'startguard = 1; mode = "prod"; switches: { x: { env = ["FORCE_JSON"]; allowed_in = ["dev"]; degraded = "y"; }; }; file: { f: { path = "/"; }; };',
    )
    outer = 'startguard = 1; mode = "dev"; file: { f: { path = "/"; }; };'
    words = [guard.path, "-p", str(inner), "--termination-log", "none", "--", "/bin/echo", "started"]
    result = guard.run(outer, "-q", mode=None, command=words, env={"FORCE_JSON": "1"}, last_line=False, raw=True)
    assert (result.code, result.out) == (77, "")
    alone = guard.run(
        inner, "-q", mode=None, command=["/bin/echo", "started"], env={"FORCE_JSON": "1", "STARTGUARD_MODE": "dev"}, raw=True
    )
    assert (alone.code, alone.out) == (0, "started\n")  # said by somebody else, it comes before the profile's


def test_a_large_expression_is_refused_before_it_is_compiled(guard):
    """The C library would take gigabytes for it, in the process that must hear signals."""
    large = "((a{1,200}){1,200}){1,200}"
    for text in (
        f'exec: {{ x: {{ command = ["true"]; stdout_matches = "{large}"; }}; }};',
        f'env: {{ x: {{ match = ["A={large}"]; }}; }};',
    ):
        guard.run("startguard = 1; " + text).problem("too large with its repetitions written out", exit=78)


@pytest.mark.near_miss("guard-crashed", "guard-bug", "guard-deadline")
def test_a_command_that_sends_term_to_its_parent(guard):
    """Its status counts: the check's process ends by that signal only when startguard has died."""
    guard.run('startguard = 1; exec: { c: { command = ["/bin/sh", "-c", "kill -TERM $PPID; exit 0"]; }; };').passed()
    text = 'startguard = 1; exec: { c: { command = ["/bin/sh", "-c", "kill -TERM $PPID; exit 3"]; retry = false; }; };'
    guard.run(text).expect("exec-status", cause="3")


@pytest.mark.uninstrumented
def test_a_core_of_startguard_itself_is_not_written(guard):
    """It would hold the environment. The service gets the limit that startguard found."""
    with guard.spawn(
        f'startguard = 1; tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};', preexec_fn=_any_core
    ) as process:
        process.wait_for("WAIT ")
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        process.terminate()
        process.result()
    soft = next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4]
    assert int(soft) <= 1
    result = guard.run(FINE, "-q", command=["/bin/sh", "-c", "ulimit -S -c"], preexec_fn=_any_core, last_line=False)
    assert result.out == f"{_of_shell(resource.getrlimit(resource.RLIMIT_CORE)[1])}\n"


def _any_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def _of_shell(limit):
    return "unlimited" if limit == resource.RLIM_INFINITY else limit // 512


def test_a_report_that_is_too_large_is_not_written(guard):
    """Cut it would be no JSON: whole or not at all."""
    old = guard.write("report.json", "{}")
    sentence = "${PART}" * 8
    one = f'path = "/"; type = "file"; required = false; retry = false; degraded = "{sentence}";'
    text = f"startguard = 1; file: {{ {many(70, lambda i: one)} }};"
    env = {"PART": "x" * 120_000}
    result = guard.run(text, "-q", "--report", str(old), env=env, report=False, raw=True, timeout=90)
    assert result.code == 0
    assert "warning: the report was not written: larger than 64 MiB" in result.err
    assert old.read_text() == "{}"


def test_a_host_name_of_control_characters(guard):
    """JUnit's report has it."""
    script = "printf 'a\\033[31mb' > /proc/sys/kernel/hostname && exec \"$@\""
    done = guard.run(FINE, "--format", "junit", before=unshare("--uts", "sh", "-c", script, "sh"))
    assert 'hostname="a?[31mb"' in done.out


def test_a_regular_file_is_replaced_by_its_own_name(guard):
    """A link that somebody puts there in the meantime is not followed."""
    (guard.tmp / "r.json").write_text("{}")
    trace = ["strace", "-o", "calls", "-e", "trace=readlink,rename"]
    guard.command([*trace, *guard.words(FINE, "-q", "--report", "r.json")])
    calls = [one for one in (guard.tmp / "calls").read_text().splitlines() if "r.json" in one]
    assert [one.partition("(")[0] for one in calls] == ["rename"]
    assert '"r.json")' in calls[0]
