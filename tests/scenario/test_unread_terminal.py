"""A terminal that nobody reads, or that was stopped: it polls writable while it takes one byte, and a write of more waits for
ever. Neither a deadline nor a signal nor the start of the service waits with it, and the service finds the terminal as it was.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from test_launch import SANE, comparable

from fakes.probe import probe
from fakes.tcp import TcpServer, refused_port, silent

FINE = 'startguard = 1; file: { fine: { path = "/"; }; };'
LATE = 15  # seconds: see test_deadlines


class Unread:
    """A pty whose leader is not read. It takes about `room` bytes more: a terminal frees space in larger pieces."""

    def __init__(self, room=None):
        self.leader, self.follower = os.openpty()
        self.name = os.ttyname(self.follower)
        os.fchmod(self.follower, 0o600)
        if room is not None:
            self.fill()
            taken = 0
            while taken < room:
                taken += len(os.read(self.leader, room - taken))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.follower)
        os.close(self.leader)

    def fill(self):
        """Until it is full to stay: what was written moves on to the leader's side by and by."""
        while self._fill_once() > 0:
            time.sleep(0.1)

    def _fill_once(self):
        done = 0
        fd = os.open(self.name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            with contextlib.suppress(BlockingIOError):
                while True:
                    done += os.write(fd, b"x" * 100)
        finally:
            os.close(fd)
        return done

    def content(self):
        os.set_blocking(self.leader, False)
        data = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.leader, 65536):
                data += piece
        return data.replace(b"x", b"").decode()


def flags(fd):
    return fcntl.fcntl(fd, fcntl.F_GETFL)


def refused():
    return f'startguard = 1; tcp: {{ gone: {{ address = "127.0.0.1:{refused_port()}"; }}; }};'


@pytest.mark.parametrize("room", [0, 4000])
def test_a_deadline_does_not_wait(guard, room):
    with Unread(room) as terminal:
        before = flags(terminal.follower)
        result = guard.run(refused(), "-t", "1s", "-v", stderr=terminal.follower, last_line=False)
        assert flags(terminal.follower) == before
    result.expect("connect-refused", exit=124)
    assert result.elapsed < guard.scale(LATE)
    assert result.check()["attempts"] > 5  # none waited for the terminal


def test_a_signal_does_not_wait(guard):
    with Unread(0) as terminal, TcpServer(silent) as server:
        text = f'startguard = 1; http: {{ never: {{ url = "http://{server.address}/"; }}; }};'
        with guard.spawn(text, "-v", stderr=terminal.follower, last_line=False) as process:
            server.wait_for_connections(1)
            process.send_signal(signal.SIGTERM)
            assert process.result(LATE).code == 143


def test_a_service_does_not_wait(guard):
    checks = " ".join(f'c{i}: {{ path = "/"; }};' for i in range(300))
    with Unread(4000) as terminal:
        result = guard.run(
            f"startguard = 1; file: {{ {checks} }};",
            stderr=terminal.follower,
            command=["/bin/echo", "started"],
            last_line=False,
        )
    assert (result.code, result.out) == (0, "started\n")
    assert result.elapsed < guard.scale(LATE)


def test_stopped_by_control_s_while_it_runs(guard):
    """What is said meanwhile is kept, and comes when the terminal goes on."""
    text = f'{refused()} file: {{ soon: {{ path = "soon"; }}; }};'
    with Unread() as terminal:
        with guard.spawn(text, "-v", "-t", "60s", "--color", "never", stderr=terminal.follower, raw=True) as process:
            seen = ""
            deadline = time.monotonic() + guard.scale(20)
            while "WAIT      file.soon" not in seen and time.monotonic() < deadline:
                seen += terminal.content()
            os.set_blocking(terminal.leader, True)
            os.write(terminal.leader, b"\x13")
            time.sleep(0.1)
            seen += terminal.content()
            guard.write("soon", "")
            time.sleep(guard.scale(1.2))
            assert "PASS      file.soon" not in seen + terminal.content()
            os.write(terminal.leader, b"\x11")
            while "PASS      file.soon" not in seen and time.monotonic() < deadline:
                seen += terminal.content()
            assert "PASS      file.soon" in seen
            os.write(terminal.leader, b"\x13")
            time.sleep(0.1)
            process.terminate()
            assert process.result(LATE).code == 143


def test_a_report_on_stdout_does_not_wait(guard):
    checks = " ".join(f'c{i}: {{ path = "/"; }};' for i in range(300))
    with Unread(4000) as terminal:
        result = guard.run(
            f"startguard = 1; file: {{ {checks} }};", "-q", "--format", "json", stdout=terminal.follower, raw=True
        )
    assert (result.code, result.status) == (0, "ready")
    assert "warning: the report was not written: stdout: Connection timed out" in result.err


def test_who_reads_slowly_gets_it_all(guard):
    """The reader takes less than a line at a time; a line end takes two bytes of the terminal."""
    checks = " ".join(f'c{i}: {{ path = "/nowhere/{i}"; retry = false; }};' for i in range(40))
    with Unread(10) as terminal:
        with guard.spawn(
            f"startguard = 1; file: {{ {checks} }};", "--color", "never", stderr=terminal.follower, raw=True
        ) as process:
            data = b""
            while process.poll() is None:
                os.set_blocking(terminal.leader, False)
                with contextlib.suppress(BlockingIOError):
                    data += os.read(terminal.leader, 700)
                time.sleep(0.005)
            process.result()
        lines = (data.decode() + terminal.content()).replace("x", "").splitlines()
    assert sum(line.startswith("FAIL ") for line in lines) == 40
    assert lines[-1].startswith("startguard: BLOCKED (69): ")
    assert not [line for line in lines if "lost" in line]


def test_a_socket_nobody_reads(guard):
    """stderr may be a socket of the journal. It polls writable with less space than a write needs."""
    one, other = socket.socketpair()
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                one.send(b"x")
        one.setblocking(True)
        result = guard.run(refused(), "-t", "1s", "-v", stderr=one.fileno(), last_line=False)
        assert one.getblocking()
    result.expect("connect-refused", exit=124)
    assert result.elapsed < guard.scale(LATE)


@pytest.mark.parametrize("own", [True, False], ids=["own-description", "other-user"])
def test_the_service_finds_the_terminal_as_it_was(guard, own):
    """No descriptor more, no flag. Another user than the terminal's may not open it, and writes to it as it is."""
    with tempfile.TemporaryDirectory() as folder, Unread() as terminal:
        os.chmod(folder, 0o755)
        program, service = shutil.copy(guard.path, folder), shutil.copy(probe(), folder)
        words = [program, "-w", "file:///", "-m", "prod", "--color", "never", "--termination-log", "none", "--", service]
        seen = []
        for command in ([service], words):
            done = subprocess.run(
                command,
                cwd=folder,
                env=guard.environment(SANE),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=guard.scale(60),
                stderr=terminal.follower,
                start_new_session=True,
                check=True,
                **({} if own else {"user": 54321, "group": 54321, "extra_groups": []}),
            )
            seen.append(comparable(json.loads(done.stdout)))
        assert "startguard: READY: 1 check passed" in terminal.content()
    assert seen[0] == seen[1]
