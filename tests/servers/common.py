"""What the servers share: the cache of downloads, ports, processes and waiting.

Promises: a download is made once, under a lock, and appears whole or not at all; a server that does
not get ready raises StartError with the end of its log; a stopped server leaves no process behind,
and one whose test run was killed dies with it.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

LOG_TAIL = 40  # lines of a server's log that a failure shows
STOP_SECONDS = 10  # a server that ignores SIGTERM for longer is killed
PR_SET_PDEATHSIG = 1  # prctl(2)

_libc = ctypes.CDLL(None, use_errno=True)


class StartError(Exception):
    """A server, or what it needs, did not get ready. The text says what and shows the log's end."""


# --- the cache -----------------------------------------------------------------------------------


def cache_dir():
    """The same place as packaging/lib.sh sg_cache()."""
    if os.environ.get("STARTGUARD_CACHE"):
        path = Path(os.environ["STARTGUARD_CACHE"])
    elif os.environ.get("XDG_CACHE_HOME"):
        path = Path(os.environ["XDG_CACHE_HOME"], "startguard")
    else:
        path = Path.home() / ".cache" / "startguard"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(name):
    """Between processes; the kernel lets go of it when the holder dies."""
    with open(cache_dir() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name, build):
    """The folder `name` of the cache, made by build(temporary_folder) when it is not there.

    The temporary folder is renamed at the end: what build() makes must not hold its own path.
    """
    final = cache_dir() / name
    if final.exists():
        return final
    with locked(name):
        if final.exists():
            return final
        for left_over in cache_dir().glob(f"{name}.making-*"):
            remove_tree(left_over)
        making = Path(tempfile.mkdtemp(prefix=f"{name}.making-", dir=cache_dir()))
        try:
            build(making)
            making.chmod(0o755)
            making.rename(final)
        except BaseException:
            remove_tree(making)
            raise
    return final


def remove_tree(path):
    """Also what Go leaves read-only."""
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o755)
    shutil.rmtree(path, ignore_errors=True)


def find_program(*names, package):
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise StartError(f"no {' or '.join(names)} on PATH (packaging/deps {package} installs it)")


def run_tool(command, *, what, tries=3, env=None, cwd=None):
    """Runs a tool that fetches things: again when it fails, since mirrors fail for a moment."""
    for attempt in range(tries):
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        if done.returncode == 0:
            return done.stdout
        if attempt + 1 < tries:
            time.sleep(2 + 3 * attempt)
    tail = "\n".join(done.stdout.splitlines()[-LOG_TAIL:])
    raise StartError(f"{what} failed {tries} times, exit code {done.returncode}:\n{tail}")


# --- ports ---------------------------------------------------------------------------------------


def reserve_port():
    """A port for a server that must be told one.

    The port is left in TIME_WAIT: the kernel gives it to nobody who asks for any port, yet a server
    that asks for this one gets it (all of ours set SO_REUSEADDR).
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = listener.accept()
            accepted.close()  # the side that closes first is the one in TIME_WAIT
            client.recv(1)
    return port


class DeadPort:
    """A port that refuses connections for as long as this object lives: bound, never listening."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def close(self):
        self._socket.close()


# --- waiting -------------------------------------------------------------------------------------


def wait_for(question, *, what, seconds=60, pause=0.02, alive=None):
    """Asks until the answer is true and returns it. alive() raises when asking has become futile."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if alive:
            alive()
        if time.monotonic() > deadline:
            raise StartError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def accepts(port):
    """Whether anybody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


# Straight to the server: a proxy named in the environment is for downloads.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method, url, body=None, *, headers=None, timeout=10):
    """(status, body) of an HTTP answer of any status; (0, reason) when there was none."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


# --- servers -------------------------------------------------------------------------------------


def _die_with_parent():
    # In the child between fork and exec. A test run that is killed cannot stop anything any more.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """One server process. A subclass says how: prepare(), command(), is_ready().

    launch() returns at once and wait_ready() waits, so that several can start side by side; start()
    and the context manager do both.
    """

    name = "server"
    start_seconds = 60

    def __init__(self):
        self.process = None
        self.folder = None

    # What a subclass provides.

    def prepare(self):
        """Ports and files, once, before the first launch; self.folder exists."""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def is_ready(self):
        """True once the server has answered in its own protocol."""
        raise NotImplementedError

    def close(self):
        """What the subclass holds besides the process."""

    # What everybody uses.

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def log_file(self):
        return self.folder / f"{self.name}.log"

    def log_tail(self):
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n".join(lines[-LOG_TAIL:]) or "(the log is empty)"

    def start(self):
        self.launch()
        return self.wait_ready()

    def launch(self):
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix=f"startguard-{self.name}-"))
            try:
                self.prepare()
            except BaseException:
                self.stop()
                raise
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return self

    def wait_ready(self):
        try:
            wait_for(self.is_ready, what=f"{self.name} ready", seconds=self.start_seconds, alive=self.assert_alive)
        except BaseException as error:
            tail = self.log_tail()
            self.stop()
            if isinstance(error, StartError):
                raise StartError(f"{error}\n--- end of {self.name}'s log ---\n{tail}") from None
            raise
        return self

    def assert_alive(self):
        if self.process is None or self.process.poll() is not None:
            code = None if self.process is None else self.process.returncode
            raise StartError(f"{self.name} ended by itself, exit code {code}")

    def halt(self, sig=signal.SIGTERM):
        """Ends the process group; files and ports stay, so launch() or start() goes on from there."""
        if self.process is None:
            return
        if self.process.returncode is None:
            self._signal_group(signal.SIGCONT)  # a paused process would not see the next one
            self._signal_group(sig)
            with contextlib.suppress(StartError):
                wait_for(self._has_ended, what=f"{self.name} ended", seconds=STOP_SECONDS)
            # Whatever of the group is left. Before the process is reaped: its number is still ours.
            self._signal_group(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def stop(self):
        """Ends the process group and removes the files (STARTGUARD_KEEP=1 keeps them)."""
        self.halt()
        self.close()
        if self.folder is not None and not os.environ.get("STARTGUARD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = None

    def pause(self):
        """Freezes it: connections are still accepted by the kernel, nothing is answered."""
        self._signal_group(signal.SIGSTOP)

    def resume(self):
        self._signal_group(signal.SIGCONT)

    def _has_ended(self):
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, look) is not None

    def _signal_group(self, sig):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sig)
