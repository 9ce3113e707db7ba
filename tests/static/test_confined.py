"""The static program where it will live: four systems, from nothing to Debian, each as the user 65532 of a hardened pod.

The root is read-only, there are no capabilities, no new privileges, 16 processes and 16 MiB of memory. The limits are those of a control group
(version 1 or 2, whichever this machine lets us make); where none can be made, of the processes' own limit and of the data segment.
Needs root: it takes other users' rights away.
"""

import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import fastavro
import pytest

from fakes.http import HttpServer, Reply
from fakes.kafka import KafkaMock
from fakes.tcp import TcpServer, refused_port, silent
from harness import ROOT, program, settings
from servers.common import remove_tree
from servers.memcached import MemcachedServer
from servers.postgres import PASSWORD, PostgresServer
from servers.redis import RedisServer

sys.path.insert(0, str(ROOT / "tests" / "containers"))
from bases import debian_root  # noqa: E402

UID, MEMORY, PROCESSES = 65532, 16 << 20, 16
DEBIAN = {"debian12": "docker.io/library/debian:bookworm-slim", "debian13": "docker.io/library/debian:trixie-slim"}
SYSTEMS = ["scratch", "busybox", *DEBIAN]
SCHEMA = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "id", "type": "string"}]}
PAGE = "# TYPE heat gauge\nheat 21.5\n"
# As an engine runs it: mounts, then the limits' group, then another user in another root. unshare(1) changes root and user in one
# process: nothing of the host has to be in the root.
ENTER = """
for group in $GROUPS_OF_TEST; do echo $$ > $group/cgroup.procs; done
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -o remount,bind,ro "$1"
root=$1; shift
exec setpriv --no-new-privs --clear-groups prlimit $LIMITS_OF_TEST \\
	unshare --root="$root" --wd=/ --setgid=65532 --setuid=65532 "$@"
"""


# ---- limits ----


class Limits:
    """Control groups for one test module; words for the script ENTER."""

    def __init__(self):
        self.folders = []
        name = f"startguard-confined-{os.getpid()}"
        base = pathlib.Path("/sys/fs/cgroup")
        with contextlib.suppress(OSError):
            if (base / "memory").is_dir():
                self._make(base / "memory" / name, "memory.limit_in_bytes", MEMORY)
                self._make(base / "pids" / name, "pids.max", PROCESSES)
            else:
                self._make(base / name, "memory.max", MEMORY)
                (base / name / "pids.max").write_text(str(PROCESSES))

    def _make(self, folder, file, value):
        folder.mkdir()
        self.folders.append(folder)
        (folder / file).write_text(str(value))

    def environment(self):
        own = "" if self.folders else f"--nproc={PROCESSES} --data={MEMORY}"
        return {"GROUPS_OF_TEST": " ".join(map(str, self.folders)), "LIMITS_OF_TEST": own}

    def close(self):
        for folder in self.folders:
            for _ in range(50):  # what was in it may still be ending
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.1)


@pytest.fixture(scope="module")
def limits():
    one = Limits()
    yield one
    one.close()


# ---- systems ----


def make_root(name, folder):
    folder.mkdir()
    if name in DEBIAN:
        subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", debian_root(DEBIAN[name])], check=True)
    if name == "busybox":
        (folder / "bin").mkdir()
        for word in ("busybox", "sh", "echo", "cat"):
            shutil.copy("/bin/busybox", folder / "bin" / word)
    for one in ("proc", "dev", "etc", "data"):  # an engine makes them
        (folder / one).mkdir(exist_ok=True)
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (folder / "etc/resolv.conf").unlink(missing_ok=True)
    (folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    shutil.copy(program(), folder / "startguard")
    (folder / "data/order.avsc").write_text(json.dumps(SCHEMA))
    (folder / "data/order.bin").write_bytes(encoded({"id": "o-1"}))


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request, tmp_path_factory):
    assert os.geteuid() == 0, "run as root: these tests take other users' rights away"
    folder = tmp_path_factory.mktemp("system") / request.param
    make_root(request.param, folder)
    folder.parent.parent.chmod(0o755)  # pytest's own folders are closed to other users
    folder.parent.chmod(0o755)
    yield folder
    remove_tree(folder)


@pytest.fixture
def confined(system, limits):
    """confined(*words, **env): runs words of the system, confined; gives a CompletedProcess."""

    def run(*words, **env):
        line = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", ENTER, "sh", system, *words]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **limits.environment(), **env}
        return subprocess.run([*map(str, line)], env=environment, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def check(system, confined):
    """check(profile text, *options, **env): `startguard check` of it."""

    def run(text, *options, **env):
        (system / "data/profile.cfg").write_text(f'startguard = 1; service = "confined"; {text}')
        return confined("/startguard", "check", "-p", "/data/profile.cfg", "-m", "prod", "-t", "30s", *options, **env)

    return run


# ---- what is checked ----


def encoded(record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(dict(SCHEMA)), record)
    return out.getvalue()


def http_routes(kafka):
    return {
        "/": Reply(200, "hello"),
        "/health": Reply(body={}),
        "POST /v1/data/authz/allow": Reply(body={"result": True}),
        "/config": Reply(body={"compatibilityLevel": "BACKWARD"}),
        "/mode": Reply(body={"mode": "READWRITE"}),
        "/subjects/orders-value/versions/latest": Reply(
            body={"subject": "orders-value", "version": 3, "id": 7, "schema": json.dumps(SCHEMA)}
        ),
        "/metrics": Reply(200, PAGE, content_type="text/plain; version=0.0.4"),
        "POST /order": lambda _: kafka.produce("orders", encoded({"id": "o-2"})) or Reply(body={"id": "o-2"}),
    }


@pytest.fixture(scope="module")
def groups():
    """{kind: keys of a check that passes}, against servers of this machine; scratch has no program for exec."""
    with contextlib.ExitStack() as stack:
        kafka = stack.enter_context(KafkaMock(brokers=2, topics={"orders": (1, 1)}))
        kafka.produce("orders", *[encoded({"id": "o-1"})] * 5, partition=0)
        http = stack.enter_context(HttpServer({}))
        http.routes.update(http_routes(kafka))
        redis = stack.enter_context(RedisServer())
        memcached = stack.enter_context(MemcachedServer())
        postgres = stack.enter_context(PostgresServer())
        tcp = stack.enter_context(TcpServer(silent))
        record = {"bootstrap_servers": kafka.bootstrap, "topic": "orders", "format": "avro_bare", "schema": "/data/order.avsc"}
        yield {
            "tcp": {"address": tcp.address},
            "http": {"url": f"{http.url}/", "body_contains": "hello"},
            "dns": {"name": "localhost"},
            "env": {"required": ["URL"]},
            "file": {"path": "/data/order.avsc", "contains": "Order"},
            "redis": {"url": f"redis://127.0.0.1:{redis.port}", "role": "master"},
            "memcached": {"url": memcached.url},
            "postgres": {"url": "env:URL"},
            "opa": {"url": http.url, "decisions": [{"path": "authz/allow", "equals": "true"}]},
            "schema_registry": {
                "url": http.url,
                "subjects": [{"name": "orders-value", "must": "same", "schema": "/data/order.avsc"}],
            },
            "metrics": {"url": f"{http.url}/metrics", "families": [{"name": "heat", "type": "gauge"}]},
            "avro": {"schema": "/data/order.avsc", "sample": "/data/order.bin"},
            "kafka": {"bootstrap_servers": kafka.bootstrap, "topics": [{"name": "orders"}], "every_broker": True},
            "wire_format": {
                "bootstrap_servers": kafka.bootstrap,
                "topic": "orders",
                "expect": "avro_bare",
                "schema": "/data/order.avsc",
            },
            "flow": {
                "steps": [
                    {"request": {"url": f"{http.url}/order", "method": "POST", "body": "{}"}},
                    {"expect_record": {**record, "where": ["id=o-2"]}},
                ]
            },
            "env_of_postgres": {"URL": f"postgresql://app:{PASSWORD}@127.0.0.1:{postgres.port}/service"},
        }


KINDS = ["tcp", "http", "dns", "env", "file", "redis", "memcached", "postgres", "opa", "schema_registry", "metrics", "avro"]
KINDS += ["kafka", "wire_format", "flow"]


def profile(groups, *kinds):
    return " ".join(f"{kind}: {{ c: {{ {settings(**groups[kind])} }}; }};" for kind in kinds)


@pytest.mark.parametrize("kind", KINDS)
def test_kind(check, groups, kind):
    said = check(profile(groups, kind), **groups["env_of_postgres"])
    assert said.returncode == 0, said.stderr
    assert "startguard: READY: 1 check passed" in said.stderr


def test_all_kinds_in_one_run(check, groups):
    """Kafka's client starts a thread for each broker: 16 tasks are enough for two such checks at once, not for three."""
    said = check(profile(groups, *KINDS), "--parallel", "2", **groups["env_of_postgres"])
    assert said.returncode == 0, said.stderr
    assert f"startguard: READY: {len(KINDS)} checks passed" in said.stderr


def test_hundred_checks(check, groups):
    """More children than there may be at once: a fork that is refused is tried again when a child has ended."""
    checks = " ".join(f"c{i}: {{ {settings(**groups['tcp'])} }};" for i in range(100))
    said = check(f"tcp: {{ {checks} }};")
    assert said.returncode == 0, said.stderr


def test_failure_is_told(check):
    said = check(f'tcp: {{ c: {{ address = "127.0.0.1:{refused_port()}"; }}; }};')
    assert said.returncode == 124, said.stderr
    assert "connect-refused" in said.stderr


def test_a_program_is_run(system, check):
    if not (system / "bin/echo").exists():
        said = check('exec: { c: { command = ["/bin/echo", "7"]; }; };')
        assert "exec-" in said.stderr  # scratch has none: that is told
        return
    said = check('exec: { c: { command = ["/bin/echo", "7"]; stdout_matches = "^7"; }; };')
    assert said.returncode == 0, said.stderr


def test_the_service_is_started(system, confined, groups):
    """The service is the program itself, which every one of these systems has."""
    said = confined("/startguard", "run", "-w", f"tcp://{groups['tcp']['address']}", "--", "/startguard", "version")
    assert said.returncode == 0, said.stderr
    assert "OpenSSL" in said.stdout


def test_it_is_confined(system, confined, limits):
    """Without this the other tests would prove nothing."""
    if not (system / "bin/cat").exists():
        shutil.copy("/bin/busybox", system / "cat")
    told = confined("/cat" if (system / "cat").exists() else "/bin/cat", "/proc/self/status").stdout
    status = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    assert status["Uid"].split() == [str(UID)] * 4
    assert status["Gid"].split() == [str(UID)] * 4
    assert not status["Groups"].strip()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    said = confined("/startguard", "try", "env", "--report", "/data/report.json", 'required=["PATH"]')
    assert "Read-only file system" in said.stderr or "Permission denied" in said.stderr
    for folder in limits.folders:
        assert any((folder / name).exists() for name in ("memory.limit_in_bytes", "memory.max", "pids.max"))
