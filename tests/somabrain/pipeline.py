"""All containers of a commit, with startguard in them as profiles/somabrain/README.md puts it there."""

import contextlib
import json
import re
import shutil
import signal
import subprocess

from system import CONTAINERS, PORTS, PROFILES, PROGRAMS

from harness import Guard, program
from servers import common


def put_guard(image):
    """COPY startguard, COPY its profiles, and the line of the README that sets it before each program of supervisord.conf."""
    place = image.folder / "usr/local/bin/startguard"
    subprocess.run([program(), "install", place], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.copytree(PROFILES / image.commit, image.folder / "etc/startguard")
    image.environment |= {
        "STARTGUARD_PROFILE_PATH": str(image.folder / "etc/startguard"),
        "STARTGUARD_TERMINATION_LOG": "none",
        "SOMABRAIN_BIN_DIR": str(image.folder / "usr/local/bin"),
        "SOMABRAIN_SUPERVISORD": str(image.folder / "usr/bin/supervisord"),
    }
    conf = image.app / "ops/supervisor/supervisord.conf"
    guarded = "command=startguard -p %(program_name)s --report logs/%(program_name)s.json -- "
    conf.write_text(re.sub("^command=", guarded, conf.read_text(), flags=re.M))


class Pipeline:
    """.image; a context manager at whose end nothing of it runs."""

    def __init__(self, system, commit, folder):
        self.system, self.image = system, system.good_image(commit, edit=put_guard)
        self._guard = Guard(folder)
        self._processes = {}

    def __enter__(self):
        self._start("cog", ["supervisord", "-c", "ops/supervisor/supervisord.conf"])
        for service, command in CONTAINERS.items():
            self._start(service, ["startguard", "-p", service, "--report", f"logs/{service}.json", "--", *command])
        for service in [*PROGRAMS, *CONTAINERS]:
            common.wait_for(self._report(service).exists, what=f"a report of {service}", seconds=self._guard.scale(90))
        for service in [*PROGRAMS, *CONTAINERS]:
            if self.report(service)["status"] == "blocked":
                raise common.StartError(self.report(service)["summary"])
        for service in PORTS:
            self.system.wait_healthy(service)
        return self

    def __exit__(self, *_):
        for process in self._processes.values():
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._guard.scale(5))
        self._guard.close()
        for process in self._processes.values():
            process.wait()

    def _start(self, name, command):
        env = self._guard.environment(self.environment(name))
        with open(self.image.app / "logs" / f"{name}.log", "wb") as log:
            self._processes[name] = subprocess.Popen(command, cwd=self.image.app, env=env, stdout=log, stderr=log)

    def environment(self, service):
        return self.system.environment(self.image, service)

    def _report(self, service):
        return self.image.app / "logs" / f"{service}.json"

    def report(self, service):
        """Of its start."""
        return json.loads(self._report(service).read_text())

    def supervisorctl(self, *words):
        command = ["supervisorctl", "-c", "ops/supervisor/supervisord.conf", *words]
        env = self._guard.environment(self.environment("cog"))
        return subprocess.run(command, cwd=self.image.app, env=env, stdout=subprocess.PIPE, text=True).stdout

    def running(self, service):
        if service in PROGRAMS:
            return " RUNNING " in self.supervisorctl("status", service)
        return self._processes[service].poll() is None

    def spawn(self, guard, name, *args, word="check"):
        """startguard, of a container or a program that runs."""
        profile = PROFILES / self.image.commit / f"{name}.cfg"
        env = self.environment(name)
        return guard.spawn(profile, *args, word=word, mode="prod", env=env, cwd=self.image.app, raw=True)

    @contextlib.contextmanager
    def replaced(self, program, image, **more):
        """The same program of another image is in its place, and no guard before it. Later it is started again."""
        self.supervisorctl("stop", program)
        env = self._guard.environment(self.system.environment(image, program, **more))
        place = {"cwd": image.app, "env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(PROGRAMS[program], **place) as process:
            try:
                self.system.wait_healthy(program)
                yield
            finally:
                process.send_signal(signal.SIGINT)
        self.supervisorctl("start", program)
