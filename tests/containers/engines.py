"""Docker's engine and podman, each in a network and a mount namespace of its own, with all its files in a temporary folder.

with Docker(folder) as engine:
    engine.prepare()                                 # images are built here: the builder has the machine's network
    engine.enter()                                   # containers run from here on, away from it
    done = engine.run("startguard:1.0.0", "version") # done.code, done.out, done.err

The engines leave the machine as it was: no bridge, no rule of a firewall, no file in /etc or /var, no control group.
"""

import contextlib
import ctypes
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess

from servers.common import PR_SET_PDEATHSIG, StartError, find_program, wait_for

ROOT = pathlib.Path(__file__).parents[2]
TIME_SCALE = float(os.environ.get("STARTGUARD_TIME_SCALE") or 1)
CGROUPS = pathlib.Path("/sys/fs/cgroup")
STOP_SECONDS = 20

_number = itertools.count(1)


@dataclasses.dataclass
class Done:
    """How a command of an engine ended. .err has the report of startguard, unless the container has a terminal."""

    code: int
    out: str
    err: str

    @property
    def verdict(self):
        """The last line of startguard."""
        lines = [line for line in self.err.splitlines() if line.startswith("startguard: ")]
        return lines[-1] if lines else ""


def call(words, *, timeout=60, env=None, cwd=None):
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout * TIME_SCALE,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def end_with_parent():
    """Before an exec. A daemon that gets this signal stops its containers."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def system_first():
    """A PATH on which the distribution's client comes before others: it fits its engine."""
    return "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ["PATH"]


class Container:
    """A container that runs in the background."""

    def __init__(self, engine, name):
        self.engine, self.name = engine, name

    def inspect(self, path):
        """A value of `inspect`: inspect("State.ExitCode")."""
        value = self.engine.inspect(self.name)
        for word in path.split("."):
            value = value[word]
        return value

    def wait(self):
        """Its exit status."""
        return int(self.engine.must("wait", self.name).out)

    def logs(self):
        done = self.engine.must("logs", self.name)
        return done.out + done.err

    def until(self, text):
        """Waits for a text in the logs, and returns them."""
        return wait_for(
            lambda: text in (said := self.logs()) and said, what=f"{text!r} in the logs of {self.name}", seconds=30 * TIME_SCALE
        )

    def stop(self, seconds=10):
        self.engine.must("stop", "-t", seconds, self.name)


class Engine:
    """What both have in common. A subclass knows how to start and how to be called."""

    name = ""
    client = ()
    env = {}

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cgroup = f"startguard-{self.name}-{os.getpid()}"
        self.holder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            left = self.cli("ps", "-aq").out.split()
            if left:
                self.cli(*self.remove, *left)
        self.end(self.holder)
        self.remove_cgroups()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def end(process):
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def remove_cgroups(self):
        """Engines leave theirs, empty."""
        for top in [f"*/{self.cgroup}", self.cgroup, "*/docker/buildkit", "docker/buildkit"]:
            for folder in (found for root in CGROUPS.glob(top) for found, _, _ in os.walk(root, topdown=False)):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)

    def cli(self, *words, timeout=60, cwd=None):
        return call([*self.client, *words], timeout=timeout, env=self.env, cwd=cwd)

    def must(self, *words, **how):
        done = self.cli(*words, **how)
        assert done.code == 0, f"{self.name} {' '.join(map(str, words))}: {done.code}\n{done.out}{done.err}"
        return done

    def inspect(self, what):
        return json.loads(self.must("inspect", what).out)[0]

    def import_root(self, tar, tag, *changes):
        self.must("import", *(word for change in changes for word in ("-c", change)), tar, tag, timeout=300)

    def build(self, tag, dockerfile, files={}, *words):
        """Builds an image from a Dockerfile's text. A file is a text, or a path to copy; both become executable."""
        context = self.folder / f"context-{next(_number)}"
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        for name, content in files.items():
            path = context / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read_bytes() if isinstance(content, pathlib.Path) else content.encode())
            path.chmod(0o755)
        return self.must("build", *self.build_words, *words, "-t", tag, context, timeout=300)

    def run(self, image, *command, options=(), timeout=60):
        """Runs a container to its end. It has no network unless the options say otherwise."""
        return self.cli("run", "--rm", *self.run_words(options), image, *command, timeout=timeout)

    def run_words(self, options):
        words = [str(word) for word in options]
        network = [] if any(word.startswith("--network") for word in words) else ["--network=none"]
        return [*network, *self.run_more, *words]

    @contextlib.contextmanager
    def start(self, image, *command, options=(), name=None):
        """A container in the background, removed at the end."""
        name = name or f"c{next(_number)}"
        self.must("run", "-d", "--name", name, *self.run_words(options), image, *command)
        try:
            yield Container(self, name)
        finally:
            self.cli(*self.remove, name)

    @contextlib.contextmanager
    def beside(self, *words, ready):
        """A program of this machine in the network of the engine: containers with --network=host reach it on 127.0.0.1."""
        process = subprocess.Popen(
            ["nsenter", "-n", "-t", str(self.holder.pid), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield ready(process)
        finally:
            process.stdin.close()
            self.end(process)


class Docker(Engine):
    name = "docker"
    build_words = ("--network=none", "-q")
    run_more = ()
    remove = ("rm", "-f")

    def __init__(self, folder):
        super().__init__(folder)
        self.socket = self.folder / "d.sock"
        path = system_first()
        client = shutil.which("docker", path=path)
        if not client:
            raise StartError("no docker on PATH (packaging/deps containers installs it)")
        self.client = (client, "-H", f"unix://{self.socket}")
        self.env = {
            "DOCKER_BUILDKIT": "1",
            "PATH": path,
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_CONFIG": str(self.folder),
        }

    def daemon(self, namespaces, *options):
        program = find_program("dockerd", package="containers")
        words = [
            program,
            "-H",
            f"unix://{self.socket}",
            "--data-root",
            self.folder / "data",
            "--exec-root",
            self.folder / "exec",
        ]
        words += ["-p", self.folder / "d.pid", "--cgroup-parent", f"/{self.cgroup}", "--ip6tables=false", *options]
        words += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
        # A file of keys would be written there.
        script = 'mount -t tmpfs tmpfs /etc/docker 2>/dev/null; ip link set lo up; exec "$@"'
        log = open(self.folder / "dockerd.log", "ab")  # noqa: SIM115 (the process keeps it)
        self.holder = subprocess.Popen(
            ["unshare", *namespaces, "sh", "-c", script, "sh", *map(str, words)], stdout=log, stderr=log
        )
        log.close()
        wait_for(lambda: self.cli("version").code == 0, what="dockerd ready", seconds=60 * TIME_SCALE, alive=self.alive)

    def alive(self):
        if self.holder.poll() is not None:
            tail = (self.folder / "dockerd.log").read_text(errors="replace").splitlines()[-20:]
            raise StartError("dockerd ended:\n" + "\n".join(tail))

    def prepare(self):
        self.daemon(["-m"], "--bridge=none", "--iptables=false", "--ip-forward=false")

    def enter(self):
        self.end(self.holder)
        self.daemon(["-n", "-m"])

    def builder(self):
        return " ".join(self.client)


class Podman(Engine):
    name = "podman"
    # An image in OCI's format cannot hold a HEALTHCHECK.
    build_words = ("--network=none", "--pull=never", "--format=docker", "-q")
    remove = ("rm", "-f", "-t", "0")  # which else waits ten seconds for an end
    # Within the hard limits of this process: it may not have the right to raise them.
    CONF = """[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
volume_path = "{folder}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""

    def __init__(self, folder):
        super().__init__(folder)
        conf = self.folder / "containers.conf"
        conf.write_text(self.CONF.format(folder=self.folder, nofile=4096, nproc=4096))
        self.env = {"CONTAINERS_CONF": str(conf), "PATH": system_first()}
        self.run_more = ("--pull=never", "--cgroup-parent", f"/{self.cgroup}")
        self.program = (
            find_program("podman", package="containers"),
            *("--root", self.folder / "root", "--runroot", self.folder / "run", "--tmpdir", self.folder / "tmp"),
        )

    def prepare(self):
        """The builder has the machine's network, and the mount namespace that containers will have."""
        script = "ip link set lo up; mount -t tmpfs tmpfs /run; echo ready; exec sleep infinity"
        line = ["unshare", "-n", "-m", "sh", "-c", script]
        self.holder = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        self.holder.stdout.readline()
        self.client = self.entering("-m")

    def enter(self):
        self.client = self.entering("-m", "-n")

    def entering(self, *namespaces):
        return ("nsenter", *namespaces, "-t", str(self.holder.pid), *map(str, self.program))

    def builder(self):
        return " ".join(self.client)
