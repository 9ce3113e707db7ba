"""The sandbox: what the process of a check can no longer do, wherever the guard runs.

The program sandbox_probe runs one attempt as the guard does and tells what that attempt found: each forbidden call is made
there, with arguments that do no harm, and in a child without a sandbox for comparison.
"""

import json
import os
import pathlib
import resource
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from fakes.http import HttpServer, Reply
from fakes.kafka import FakeKafka
from fakes.tcp import TcpServer, refused_port, silent
from harness import PID_1, helper, unshare

NOBODY = 65534
SANITIZED = "ASAN_OPTIONS" in os.environ

# Of every check, and of the commands that checks run.
FOR_ALL = [
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kcmp",
    "pidfd_getfd",
    "process_madvise",
    "process_mrelease",
    "move_pages",
    "migrate_pages",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "open_tree_attr",
    "name_to_handle_at",
    "open_by_handle_at",
    "fanotify_init",
    "quotactl",
    "quotactl_fd",
    "swapon",
    "swapoff",
    "acct",
    "unshare",
    "setns",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "add_key",
    "request_key",
    "keyctl",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "reboot",
    "syslog",
    "settimeofday",
    "clock_settime",
    "sethostname",
    "setdomainname",
    "clone-newns",
    "clone-newuts",
    "clone-newipc",
    "clone-newuser",
    "clone-newpid",
    "clone-newnet",
    "clone-newcgroup",
    "tiocsti",
    "tiocsti-high",
]
# Of checks that start no program.
FOR_PLAIN = [
    "execve",
    "execveat",
    "clone",
    "setpgid",
    "setsid",
    "kill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "pidfd_open",
    "pidfd_send_signal",
    "setpriority",
    "ioprio_set",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "truncate",
    "linkat",
    "symlinkat",
    "renameat2",
    "unlinkat",
    "mkdirat",
    "mknodat",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "setxattrat",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "removexattrat",
    "utimensat",
    "adjtimex",
    "clock_adjtime",
    "personality",
    "limit-of-parent",
    "socket-packet",
    "socket-vsock",
    "socket-alg",
    "tkill",
    "shmget",
    "shmat",
    "shmctl",
    "semget",
    "semctl",
    "semtimedop",
    "msgget",
    "msgctl",
    "msgsnd",
    "msgrcv",
    "mq_open",
    "mq_unlink",
    "mq_notify",
    "mq_timedsend",
    "mq_timedreceive",
    "fcntl-setown",
    "fcntl-setsig",
    "fcntl-setown-ex",
    "fcntl-async",
    "fiosetown",
    "siocspgrp",
    "fioasync",
    "tiocspgrp",
    "tgkill-other",
    "mmap-shared",
    "mmap-shared-validate",
    "mmap-growsdown",
    "prctl-death-signal",
    "prctl-dumpable",
    "prctl-subreaper",
    "socket-raw",
    "socket-raw6",
    "socket-packet-by-type",
    "socket-netlink-audit",
]
ALLOWED = [
    "open-read",
    "open-null",
    "access-write",
    "socket-inet",
    "socket-inet6",
    "socket-unix",
    "socket-netlink",
    "thread",
    "tgkill-self",
]


def probe(room, cwd, prefix=()):
    (pathlib.Path(cwd) / "existing").write_text("x")
    done = subprocess.run([*prefix, helper("sandbox_probe"), room], cwd=cwd, stdout=subprocess.PIPE, timeout=120, check=True)
    found = json.loads(done.stdout)
    assert found["final"] == "pass"
    return found


def but(found, names, expected):
    """The calls whose result was not the expected one."""
    return {name: found.get(name) for name in names if found.get(name) != expected}


# ---- what is forbidden ----


def test_a_check_that_talks_to_peers_can_do_no_more_than_that(tmp_path):
    found = probe("plain", tmp_path)
    assert but(found, FOR_ALL + FOR_PLAIN, "EPERM") == {}
    assert but(found, ALLOWED, "OK") == {}
    assert but(found, ["open-write", "open-create", "open-truncate", "parent-mem"], "EACCES") == {}
    assert found["clone3"] == "ENOSYS"  # the C library then takes clone
    assert found["grow-file"] == "EFBIG"
    assert found["tgkill-parent"] == "EPERM"
    assert found["capabilities"] in ("0:0", "0:2", "0:6", "0:406")  # of root's: to read files, to take a low port
    assert not (tmp_path / "created").exists()
    assert (tmp_path / "existing").read_text() == "x"
    assert "missing" not in found


def test_a_check_that_starts_programs_can_do_what_they_need(tmp_path):
    found = probe("programs", tmp_path)
    assert but(found, FOR_ALL, "EPERM") == {}
    assert but(found, ALLOWED + ["clone", "open-write", "open-create", "grow-file"], "OK") == {}
    assert but(found, ["execve", "execveat"], "ENOENT") == {}
    assert found["clone3"] == "ENOSYS"
    assert "missing" not in found


def test_without_the_sandbox_none_of_it_is_forbidden(tmp_path):
    """Otherwise the two tests above would prove nothing. As root: the kernel itself forbids some of it to others."""
    found = probe("none", tmp_path, unshare())
    mine = [n for n in FOR_ALL + FOR_PLAIN if os.geteuid() == 0 or n.startswith(("clone", "set", "exec", "un", "link"))]
    assert [n for n in mine if found[n] == "EPERM"] == []
    assert but(found, ALLOWED + ["clone", "open-write", "open-create", "grow-file"], "OK") == {}


def test_state_and_limits_of_a_child(tmp_path):
    for room in ("plain", "programs"):
        found = probe(room, tmp_path)
        # TERM where programs run: the check then ends them, those in other sessions too, before it ends itself.
        expected = {
            "oom-score": "1000",
            "death-signal": "9" if room == "plain" else "15",
            "dumpable": "0",
            "no-new-privs": "1",
            "seccomp": "2",
            "group": "own",
            "descriptors": "4",
            "limit-core": "1 1" if resource.getrlimit(resource.RLIMIT_CORE)[1] else "0 0",
        }
        assert {k: found[k] for k in expected} == expected
    bare = probe("none", tmp_path)
    # What the service's commands need is theirs to know.
    assert (
        but(found, ["limit-data", "limit-nofile", "limit-fsize"], None).items()
        >= {k: bare[k] for k in ("limit-data", "limit-nofile", "limit-fsize")}.items()
    )


def test_memory_and_descriptors_have_an_end(tmp_path):
    found = probe("plain", tmp_path)
    assert found["limit-nofile"] == "4096 4096" or int(found["limit-nofile"].split()[0]) < 4096
    assert int(found["dups"]) == int(found["limit-nofile"].split()[0]) - 4
    assert found["limit-fsize"] == "0 0"
    if not SANITIZED:  # shadow memory counts
        assert 400 <= int(found["mib"]) <= 512


def test_lower_limits_than_ours_stay(tmp_path):
    found = probe(
        "plain", tmp_path, ["prlimit", "--nofile=64:100", *([] if SANITIZED else ["--data=209715200:209715200"]), "--"]
    )
    assert found["limit-nofile"] == "64 64"
    if not SANITIZED:
        assert found["limit-data"] == "209715200 209715200"
        assert int(found["mib"]) <= 200


# ---- wherever it runs ----


@pytest.fixture
def contained(guard):
    """Words before a command: a container as Kubernetes' restricted profile has it. Own pids and mounts, a root that is
    read-only, another user, no capability, no new privileges."""
    for folder in (guard.tmp, *guard.tmp.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o011)
    guard.tmp.chmod(0o777)
    guard.path = shutil.copy(guard.path, guard.tmp / "startguard")
    for name in ("sandbox_probe", "refuse"):
        shutil.copy(helper(name), guard.tmp / name)
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    script = 'mount --make-rprivate / && mount -o remount,bind,ro / && cd "$1" && shift && exec setpriv "$@"'
    return [
        *unshare("-m", *PID_1, "sh", "-c", script, "sh", str(guard.tmp)),
        *user,
        "--no-new-privs",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--",
    ]


def test_in_a_container_without_any_right(guard, contained):
    (guard.tmp / "existing").write_text("x")
    (guard.tmp / "existing").chmod(0o666)
    for room in ("plain", "programs"):
        done = subprocess.run(
            [*contained, guard.tmp / "sandbox_probe", room], cwd="/", stdout=subprocess.PIPE, timeout=120, check=True
        )
        found = json.loads(done.stdout)
        assert but(found, FOR_ALL + (FOR_PLAIN if room == "plain" else []), "EPERM") == {}
        assert found["oom-score"] == "1000"
        assert "missing" not in found


KINDS = """startguard = 1;
    tcp: {{ a: {{ address = "{tcp}"; }}; }};
    http: {{ w: {{ url = "{http}/"; }}; }};
    file: {{ f: {{ path = "/"; type = "dir"; }}; n: {{ path = "/dev/null"; writable = true; }}; }};
    dns: {{ d: {{ name = "localhost"; }}; }};
    kafka: {{ k: {{ bootstrap_servers = "{kafka}"; }}; }};
    exec: {{ e: {{ command = ["/bin/sh", "-c", "exec grep -q . /proc/self/status"]; }}; }};"""


@pytest.fixture
def peers():
    with TcpServer(silent) as tcp, HttpServer({"*": Reply(body="fine")}) as http, FakeKafka() as kafka:
        yield KINDS.format(tcp=tcp.address, http=http.url, kafka=kafka.bootstrap)


def run_behind(guard, prefix, text, *args):
    profile = guard.write("p.cfg", text)
    profile.chmod(0o644)
    options = ["-p", profile, "-t", "60s", "--termination-log", "none", *args]
    done = guard.command([*prefix, guard.path, "run", *options, "--", "/bin/echo", "started"], timeout=120)
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert "READY: 7 checks passed" in done.stderr.splitlines()[-1]
    return done.stderr


def test_every_sort_of_kind_works_in_a_container_without_any_right(guard, contained, peers):
    missing = [line for line in run_behind(guard, contained, peers, "-v").splitlines() if "incomplete" in line]
    assert [line for line in missing if "no Landlock scope of signals: Linux 6.12 has it" not in line] == []


REFUSED = [
    # A container that allows prctl alone has the filter.
    ("EPERM", ["seccomp"], []),
    ("ENOSYS", ["seccomp"], []),
    ("EPERM", ["seccomp", "prctl-seccomp"], ["no system call filter: Operation not permitted"]),
    ("ENOSYS", ["seccomp", "prctl-seccomp"], ["no system call filter: Function not implemented"]),
    ("EPERM", ["landlock"], ["no Landlock rules: Operation not permitted"]),
    ("ENOSYS", ["landlock"], ["no Landlock rules: Function not implemented"]),
    (
        "EPERM",
        ["seccomp", "prctl-seccomp", "landlock"],
        ["no Landlock rules: Operation not permitted", "no system call filter: Operation not permitted"],
    ),
    ("EPERM", ["prctl-no-new-privs"], ["no promise of no new privileges: Operation not permitted"]),
]


@pytest.mark.parametrize(
    "error, calls, words", REFUSED, ids=lambda v: "-".join(v) if isinstance(v, list) and v and " " not in v[0] else None
)
def test_what_the_container_refuses_is_said_once_and_only_when_asked(guard, peers, error, calls, words):
    prefix = [helper("refuse"), error, *calls, "--"]
    lines = [one for one in run_behind(guard, prefix, peers, "-v").splitlines() if "incomplete" in one]
    assert len(lines) == (1 if words else 0)
    assert all(one.startswith("startguard: the sandbox of the checks is incomplete: ") for one in lines)
    assert [w for w in words if w not in "".join(lines)] == []
    assert "incomplete" not in run_behind(guard, prefix, peers)


@pytest.mark.parametrize("version", [5, 6])
def test_a_kernel_without_a_scope_for_signals_is_named(guard, faults, version):
    """Landlock has it since version 6 (Linux 6.12)."""
    result = guard.run('startguard = 1; file: { f: { path = "/"; }; };', "-v", env=faults(FAULT_LANDLOCK=version))
    result.passed()
    said = "the sandbox of the checks is incomplete: no Landlock scope of signals: Linux 6.12 has it"
    assert (said in result.err) == (version < 6)


def test_what_is_refused_is_said_whole(guard):
    """Kinds that run programs have no Landlock rules, and may be the first, or the only ones, to name missing layers."""
    prefix = [helper("refuse"), "EPERM", "seccomp", "prctl-seccomp", "landlock", "--"]
    first = 'exec: { e: { command = ["true"]; }; };'
    for checks, words in (
        (first, "no system call filter: Operation not permitted"),
        (
            f'{first} file: {{ f: {{ path = "/"; after = ["exec.e"]; }}; }};',
            "no Landlock rules: Operation not permitted; no system call filter: Operation not permitted",
        ),
    ):
        profile = guard.write("p.cfg", f"startguard = 1; {checks}")
        done = guard.command([*prefix, guard.path, "check", "-p", profile, "--termination-log", "none", "-v"])
        assert done.returncode == 0, done.stderr
        assert [line for line in done.stderr.splitlines() if "incomplete" in line] == [
            f"startguard: the sandbox of the checks is incomplete: {words}"
        ]


def test_refused_in_a_container_without_any_right(guard, contained, peers):
    prefix = [*contained, guard.tmp / "refuse", "EPERM", "seccomp", "prctl-seccomp", "landlock", "--"]
    assert "no system call filter: Operation not permitted" in run_behind(guard, prefix, peers, "-v")


@pytest.mark.parametrize("refused", [["seccomp", "prctl-seccomp"], ["landlock"]])
def test_one_refusal_does_not_take_the_rest_down(guard, refused):
    found = probe("plain", guard.tmp, [helper("refuse"), "EPERM", *refused, "--"])
    assert found["no-new-privs"] == "1"
    assert found["grow-file"] == "EFBIG"
    if refused == ["landlock"]:
        assert but(found, FOR_ALL + FOR_PLAIN, "EPERM") == {}
        assert (
            not (guard.tmp / "created").stat().st_size
        )  # the filter is missing, so it was created; RLIMIT_FSIZE keeps it empty
    else:
        assert found["open-write"] == "EACCES"


def test_version_names_the_layers_of_the_build(guard):
    assert json.loads(guard.cli("version", "--json").out)["fence"] == {"seccomp": True, "landlock": True}
    assert "without system call filter" not in guard.cli("version").out


# ---- programs ----


def test_a_command_runs_with_the_limits_of_the_service(guard):
    limits = "ulimit -n; ulimit -d; ulimit -f; ulimit -v"
    expected = subprocess.run(["/bin/sh", "-c", limits], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    script = f'test "$({{ {limits}; }} | tr "\\n" " ")" = "{" ".join(expected)} " && echo x > made'
    guard.try_("exec", command=["/bin/sh", "-c", script]).passed()
    assert (guard.tmp / "made").read_text() == "x\n"


@pytest.mark.dynamic
def test_kerberos_needs_programs_and_gets_them(guard):
    """librdkafka runs kinit by a shell, wherever the mechanism is said; with another one it cannot."""
    with FakeKafka() as kafka:

        def made(**keys):
            guard.try_("kafka", bootstrap_servers=kafka.bootstrap, _limit="2s", _env={"KINIT": "touch made"}, **keys)
            return (guard.tmp / "made").exists()

        common = ["security.protocol=sasl_plaintext", "sasl.kerberos.kinit.cmd=env:KINIT", "sasl.username=u"]
        assert not made(properties=[*common, "sasl.mechanism=PLAIN", "sasl.password=file:/dev/null"])
        assert made(properties=[*common, "sasl.mechanism=GSSAPI"])
        (guard.tmp / "made").unlink()
        file = guard.write(
            "client.properties", "sasl.mechanisms=GSSAPI\n" + "\n".join(common).replace("env:KINIT", "touch made")
        )
        assert made(properties_file=file)


# ---- memory ----

if not SANITIZED:  # with shadow memory no limit can be set, and the whole machine would be eaten

    @pytest.mark.produces("guard-no-memory")
    @pytest.mark.near_miss("guard-crashed", "guard-bug", "dns-server-failed", "dns-no-such-name")
    @pytest.mark.parametrize("how, cause", [("eats", "may use 512 MiB"), ("eats-and-aborts", "may use 512")])
    def test_memory_that_runs_out_is_no_fault_of_the_dependency(guard, faults, how, cause):
        """Whatever the library makes of it: "no answer", an abort."""
        check = guard.try_(
            "tcp",
            address=f"localhost:{refused_port()}",
            retry=False,
            attempt_timeout="60s",
            _limit="60s",
            _env=faults(FAULT_RESOLVE=how),
        ).expect("guard-no-memory", exit=70, outcome="broken", cause=cause)
        assert check["retryable"] is True


@pytest.mark.near_miss("guard-no-memory")
def test_a_large_body_that_fits_is_read(guard):
    with HttpServer({"/": Reply(body="x" * (60 << 20))}) as server:
        guard.try_("http", url=f"{server.url}/", max_body="64MiB", attempt_timeout="60s", _limit="60s").passed()
        guard.try_(
            "http", url=f"{server.url}/", max_body="64MiB", body_contains="y", attempt_timeout="60s", _limit="60s", retry=False
        ).expect("http-body")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(one) for one in file.read().split()]


def two_that_hang(guard, server):
    checks = " ".join(
        f'h{i}: {{ url = "http://{server.address}/"; attempt_timeout = "50s"; retry = false; }};' for i in range(2)
    )
    process = guard.spawn(f"startguard = 1; http: {{ {checks} }};")
    server.wait_for_connections(2)
    return process


def kill_all(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.produces("guard-crashed")
@pytest.mark.near_miss("guard-no-memory", "guard-deadline")
def test_killed_by_somebody_is_not_said_to_be_memory(guard):
    with TcpServer(silent) as server, two_that_hang(guard, server) as process:
        kill_all(children(process.pid))
        result = process.result()
    for name in ("h0", "h1"):
        result.expect(
            "guard-crashed",
            id=name,
            exit=70,
            outcome="broken",
            cause="killed by signal 9 from outside, perhaps for want of memory",
            hint="SIGKILL",
        )


COUNTS = {
    "second": ("cgroup/memory.events", "low 0\noom 1\noom_kill {}\noom_group_kill 0\n"),
    "first": ("cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
    "machine": ("vmstat", "nr_free_pages 17\noom_kill {}\nnuma_hit 4\n"),
}


@pytest.mark.produces("guard-no-memory")
@pytest.mark.near_miss("guard-deadline")
@pytest.mark.parametrize("where", COUNTS)
@pytest.mark.parametrize("before", [0, 7])
def test_killed_by_a_kernel_without_memory_is_told_as_such(guard, where, before):
    """The kernel counts its kills for a control group of either version or for the machine. Here the test counts, two at once."""
    name, text = COUNTS[where]
    (guard.tmp / "cgroup").mkdir()
    guard.write("vmstat", "nr_free_pages 17\n")
    count = guard.write(name, text.format(before))
    wrapper = guard.write(
        "wrapper",
        f"""#!/bin/sh
        exec {shlex.join(unshare())} -m sh -c 'mount --bind {guard.tmp}/cgroup /sys/fs/cgroup && mount --bind {guard.tmp}/vmstat /proc/vmstat && exec "$@"' sh {guard.path} "$@"
        """,
    )
    wrapper.chmod(0o755)
    guard.path = str(wrapper)
    with TcpServer(silent) as server, two_that_hang(guard, server) as process:
        count.write_text(text.format(before + 2))
        kill_all(children(process.pid))
        result = process.result()
    for check in ("h0", "h1"):
        result.expect(
            "guard-no-memory", id=check, exit=70, outcome="broken", cause="killed by the kernel, which was out of memory"
        )


# ---- the container's memory ----


class MemoryGroup:
    """A control group with a limit, of the version that this machine has. .words: before a command that is to run in it."""

    def __init__(self, limit):
        second = pathlib.Path("/sys/fs/cgroup/cgroup.controllers")
        old = pathlib.Path("/sys/fs/cgroup/memory")
        self.second = not old.is_dir()
        self.folder = (second.parent if self.second else old) / f"startguard-test-{os.getpid()}"
        self.limit = limit

    @property
    def words(self):
        return ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]

    def kills(self):
        file = self.folder / ("memory.events" if self.second else "memory.oom_control")
        return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith("oom_kill "))

    def __enter__(self):
        try:
            self.folder.mkdir()
            (self.folder / ("memory.max" if self.second else "memory.limit_in_bytes")).write_text(str(self.limit))
        except OSError as error:
            pytest.fail(f"no right to make a control group with a memory limit: {error}", pytrace=False)
        return self

    def __exit__(self, *_):
        deadline = time.monotonic() + 10
        while self.folder.exists():
            try:
                self.folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def large_pages(url, count):
    one = f'''{{ url = "{url}/"; max_body = "64MiB"; retry = false; required = false; attempt_timeout = "60s"; degraded = "x"; }};'''
    return "startguard = 1; http: { " + " ".join(f"large{i}: {one}" for i in range(count)) + " };"


if not SANITIZED:

    @pytest.mark.produces("guard-no-memory")
    @pytest.mark.parametrize("count", [1, 2])
    def test_a_peer_does_not_use_up_the_memory_of_the_container(guard, count):
        """The kernel may kill the container as a whole when it does. The attempt runs into a limit of its own before."""
        with HttpServer({"/": Reply(body="x" * (60 << 20))}) as server, MemoryGroup(64 << 20) as group:
            result = guard.run(large_pages(server.url, count), before=group.words, command=["/bin/echo", "started"], timeout=60)
            kills = group.kills()
        assert (result.code, result.out, result.status, kills) == (0, "started\n", "degraded", 0)
        for check in result.checks:
            result.expect("guard-no-memory", id=check["id"], outcome="broken", cause="out of memory")

    def test_in_a_small_container_the_kernel_kills_attempts_and_not_the_guard(guard):
        """A hundred checks and 16 MiB: more than fits at once. What was killed is tried again."""
        checks = " ".join(f'c{i}: {{ path = "/"; }};' for i in range(100))
        with MemoryGroup(16 << 20) as group:
            result = guard.run(f"startguard = 1; file: {{ {checks} }};", "-q", before=group.words, timeout=60)
        assert (result.code, result.status) == (0, "ready")

    SMALL = {
        "first": {
            "memory/memory.limit_in_bytes": "67108864",
            "memory/memory.usage_in_bytes": "4194304",
            "memory/memory.oom_control": "",
        },
        "second": {"memory.max": "67108864", "memory.current": "4194304", "memory.events": ""},
        "unlimited": {"memory.max": "max", "memory.current": "4194304", "memory.events": ""},
    }

    @pytest.mark.produces("guard-no-memory")
    @pytest.mark.parametrize("files, said", [("first", 16), ("second", 16), ("unlimited", 512)])
    def test_the_limit_of_an_attempt_comes_from_the_container(guard, faults, files, said):
        for name, content in SMALL[files].items():
            guard.write(f"cgroup/{name}", content + "\n")
        script = f'mount --bind {guard.tmp}/cgroup /sys/fs/cgroup && exec "$@"'
        result = guard.run(
            f'startguard = 1; tcp: {{ c: {{ address = "localhost:{refused_port()}"; retry = false; attempt_timeout = "60s"; }}; }};',
            "-t",
            "60s",
            before=unshare("-m", "sh", "-c", script, "sh"),
            env=faults(FAULT_RESOLVE="eats", FAULT_NO_THREADS="1"),
        )
        result.expect("guard-no-memory", exit=70, outcome="broken", cause=f"may use {said} MiB")


# ---- cores ----


@pytest.mark.produces("guard-crashed")
@pytest.mark.near_miss("guard-no-memory")
def test_a_crash_leaves_no_core(guard, faults):
    folder = guard.tmp / "here"
    folder.mkdir()
    env = faults(FAULT_RESOLVE="crash")
    result = guard.run(
        f'startguard = 1; tcp: {{ a: {{ address = "localhost:{refused_port()}"; retry = false; }}; }};',
        env=env,
        cwd=folder,
        preexec_fn=_unlimited_core,
    )
    result.expect("guard-crashed", exit=70, cause="signal 11")
    assert os.listdir(folder) == []


def _unlimited_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
