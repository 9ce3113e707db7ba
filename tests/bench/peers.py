"""The programs that startguard is measured against, and how each of them is asked for the same thing.

Each is taken from a variable of the environment, or found on PATH; nothing is fetched. One that is not there is a row that says so.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

from measure import Command

SECONDS = 20


def run_quietly(*words):
    """Its output, or nothing when it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else ""


class Peer:
    """A program of the comparison. What it can do is a method; what it cannot is not there."""

    name = variable = ""
    paths = ()
    asks_version = ("--version",)
    starts_nothing = False

    def __init__(self, nothing):
        self.nothing = str(nothing)
        self.path = os.environ.get(self.variable) or next(filter(None, map(shutil.which, self.paths)), None)
        self.missing = "" if self.path else f"not found: neither {self.variable} nor {' or '.join(self.paths)} on PATH"
        if self.path and not os.access(self.path, os.X_OK):
            self.missing = f"{self.variable}: {self.path} cannot be executed"

    def _command(self, *words, **env):
        return Command([self.path, *words], env, "starts nothing" if self.starts_nothing else "")

    def start(self):
        return self._command(*self.asks_version)

    def version(self):
        """What it says of itself, else what its package says (npm's, Debian's), else the beginning of its checksum."""
        if self.asks_version is not None:
            done = run_quietly(self.path, *self.asks_version)
            if found := re.search(r"v?\d+(\.\d+)+[-\w.+]*", done):
                return found[0]
        about = pathlib.Path(self.path).resolve().parents[1] / "package.json"
        if about.exists():
            return json.loads(about.read_text())["version"]
        if debian := run_quietly("dpkg-query", "-W", "-f", "${Version}", os.path.basename(self.path)):
            return debian
        return f"sha256 {hashlib.sha256(pathlib.Path(self.path).read_bytes()).hexdigest()[:12]}"

    def size(self):
        return os.path.getsize(os.path.realpath(self.path))


class Dockerize(Peer):
    name, variable, paths = "dockerize (jwilder)", "DOCKERIZE", ("dockerize", "dockerize-jwilder")
    more = ()

    def _wait(self, *urls):
        words = [word for url in urls for word in ("-wait", url)]
        return self._command(*words, "-timeout", f"{SECONDS}s", *self.more, self.nothing)

    def tcp(self, *addresses):
        return self._wait(*(f"tcp://{one}" for one in addresses))

    def http(self, url):
        return self._wait(url)

    def file(self, path):
        return self._wait(f"file://{path}")


class Powerman(Dockerize):
    name, variable, paths = "dockerize (powerman)", "DOCKERIZE_POWERMAN", ("dockerize-powerman",)
    more = ("-exec",)


class Wait4x(Peer):
    name, variable, paths, asks_version = "wait4x", "WAIT4X", ("wait4x",), ("version",)

    def _wait(self, kind, *what):
        return self._command(kind, "-q", "-t", f"{SECONDS}s", *what, "--", self.nothing)

    def tcp(self, *addresses):
        return self._wait("tcp", *addresses)

    def http(self, url):
        return self._wait("http", url, "--expect-status-code", "200")

    def redis(self, address):
        return self._wait("redis", f"redis://{address}")

    def kafka(self, address):
        return self._wait("kafka", f"kafka://{address}")


class Goss(Peer):
    name, variable, paths, starts_nothing = "goss", "GOSS", ("goss",), True

    def __init__(self, nothing):
        super().__init__(nothing)
        self.folder = os.path.dirname(self.nothing)
        self.files = 0

    def _validate(self, text):
        self.files += 1
        path = os.path.join(self.folder, f"goss{self.files}.yaml")
        with open(path, "w") as file:
            file.write(text)
        return self._command("-g", path, "validate", "-r", f"{SECONDS}s", "-s", "1s")

    def tcp(self, *addresses):
        return self._validate("addr:\n" + "".join(f"  tcp://{one}:\n    reachable: true\n" for one in addresses))

    def http(self, url):
        return self._validate(f"http:\n  {url}:\n    status: 200\n")

    def file(self, path):
        return self._validate(f"file:\n  {path}:\n    exists: true\n")


class DockerComposeWait(Peer):
    name, variable, paths, asks_version = "docker-compose-wait", "DOCKER_COMPOSE_WAIT", ("docker-compose-wait",), ()

    def _wait(self, **env):
        return self._command(WAIT_TIMEOUT=SECONDS, WAIT_COMMAND=self.nothing, **env)

    def tcp(self, *addresses):
        return self._wait(WAIT_HOSTS=",".join(addresses))

    def file(self, path):
        return self._wait(WAIT_PATHS=path)


class WaitForIt(Peer):
    name, variable, paths = "wait-for-it", "WAIT_FOR_IT", ("wait-for-it", "wait-for-it.sh")
    asks_version = start = None  # it has nothing to say of itself

    def tcp(self, *addresses):
        if len(addresses) > 1:
            return None
        return self._command("-q", "-t", SECONDS, addresses[0], "--", self.nothing)


class Preflight(Peer):
    name, variable, paths, starts_nothing = "preflight", "PREFLIGHT", ("preflight",), True
    waits = False

    def tcp(self, *addresses):
        return self._command("tcp", addresses[0]) if len(addresses) == 1 else None

    def http(self, url):
        return self._command("http", url)

    def file(self, path):
        return self._command("file", path)


class Wait4it(Peer):
    name, variable, paths, starts_nothing = "wait4it", "WAIT4IT", ("wait4it",), True
    asks_version = start = None  # it has no way to ask for its version

    def _wait(self, kind, address):
        host, port = address.split(":")
        return self._command("-type", kind, "-h", host, "-p", port, "-t", SECONDS)

    def tcp(self, *addresses):
        return self._wait("tcp", addresses[0]) if len(addresses) == 1 else None

    def redis(self, address):
        return self._wait("redis", address)


class WaitPort(Peer):
    name, variable, paths, starts_nothing = "wait-port", "WAIT_PORT", ("wait-port",), True

    def tcp(self, *addresses):
        return self._command("-t", SECONDS * 1000, addresses[0]) if len(addresses) == 1 else None


class WaitOn(Peer):
    name, variable, paths, starts_nothing = "wait-on", "WAIT_ON", ("wait-on",), True
    asks_version = start = None  # it has no option for its version

    def tcp(self, *addresses):
        return self._command(*(f"tcp:{one}" for one in addresses)) if len(addresses) == 1 else None

    def http(self, url):
        return self._command(url.replace("http://", "http-get://"))


def all_peers(nothing):
    kinds = (Dockerize, Powerman, Wait4x, Wait4it, Goss, DockerComposeWait, WaitForIt, Preflight, WaitPort, WaitOn)
    return [kind(nothing) for kind in kinds]
