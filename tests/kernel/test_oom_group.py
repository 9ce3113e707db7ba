"""A memory limit under which the kernel kills a control group as one unit, as a kubelet's containers have it since 1.28.

Debian's kernel boots in an emulator without hardware acceleration, with busybox, the static program and nothing else, since
memory.oom.group needs a control group of version 2 that one may write to.
"""

import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
PROGRAM = pathlib.Path(os.environ["STARTGUARD"])
BUSYBOX = pathlib.Path("/bin/busybox")

PROFILE = """startguard = 1; service = "small"; timeout = "60s";
metrics: { large: { url = "http://127.0.0.1:8080/metrics"; families = ( { name = "some_metric"; } ); timeout = "20s";
                    required = false; degraded = "nobody looks at the metrics"; }; };
"""
# The first command shows that the machine does what is feared: one process takes too much, and its whole group dies.
COMMANDS = [
    r'sh -c "(dd if=/dev/zero of=/dev/null bs=64M count=1); sleep 1; echo SURVIVED"',
    "env NO_COLOR=1 /startguard run -p /small.cfg --termination-log none -- /bin/echo THE SERVICE STARTED",
]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Debian's kernel for clouds, unpacked and not installed."""
    folder = tmp_path_factory.mktemp("kernel")
    depends = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], check=True, capture_output=True, text=True)
    package = re.search(r"Depends: (linux-image-\S+)", depends.stdout)[1]
    subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True, capture_output=True)
    subprocess.run(["dpkg-deb", "-x", *folder.glob("*.deb"), folder / "root"], check=True)
    return next((folder / "root/boot").glob("vmlinuz-*"))


@pytest.fixture(scope="module")
def console(kernel, tmp_path_factory):
    """What the machine printed while it ran the commands: [(text, exit status, groups killed)]."""
    root = tmp_path_factory.mktemp("initramfs")
    for name in ("bin", "proc", "sys", "dev", "www", "etc"):
        (root / name).mkdir()
    for source, target in [(BUSYBOX, "bin/busybox"), (PROGRAM, "startguard"), (HERE / "init", "init")]:
        (root / target).write_bytes(source.read_bytes())
        (root / target).chmod(0o755)
    (root / "small.cfg").write_text(PROFILE)
    (root / "commands").write_text("".join(line + "\n" for line in COMMANDS))
    (root / "www/metrics").write_text("".join(f'some_metric{{number="{i:06}"}} 1\n' for i in range(480_000)))
    archive = root.with_suffix(".cpio")
    with archive.open("wb") as out:
        subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=root, stdout=out, check=True)
    machine = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nographic", "-no-reboot", "-net", "none"]
    machine += ["-kernel", kernel, "-initrd", archive, "-append", "console=ttyS0 quiet loglevel=0 panic=-1"]
    out = subprocess.run(
        machine, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=300
    ).stdout
    runs = re.findall(r"== \d+\r?\n(.*?)== status (\d+) oom_group_kill (\d+)", out, re.S)
    assert len(runs) == len(COMMANDS), out
    return [(text.replace("\r", ""), int(status), int(killed)) for text, status, killed in runs]


def test_the_machine_kills_whole_groups(console):
    text, status, killed = console[0]
    assert "SURVIVED" not in text
    assert (status, killed) == (137, 1)


def test_a_check_that_needs_too_much_does_not_end_the_container(console):
    text, status, killed = console[1]
    assert (status, killed) == (0, 0), text
    assert "startguard: DEGRADED: metrics.large: nobody looks at the metrics" in text
    assert re.search(r"^BROKEN +metrics\.large .*guard-no-memory", text, re.M), text
    assert text.endswith("THE SERVICE STARTED\n")
