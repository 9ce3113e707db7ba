"""What only the static program promises: it needs nothing of the system, is small, and is made the same way everywhere.

STARTGUARD names the program, with startguard.cdx.json beside it (make check-static).
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import pytest

from fakes.tcp import TcpServer, silent
from harness import ROOT, unshare
from harness import program as program_path

SIZE_MAX = 6_500_000
PINS = [line.split() for line in (ROOT / "packaging/static.d/pins").read_text().splitlines() if line and line[0] != "#"]
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
PT_DYNAMIC, PT_INTERP = 2, 3


def program():
    return pathlib.Path(program_path())


@pytest.fixture
def bill():
    return json.loads((program().parent / "startguard.cdx.json").read_text())


@pytest.fixture
def root(tmp_path):
    """A root that has the program and nothing else. root(*words, **files) runs the program in it."""
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(program(), folder / "startguard")
    return folder


def inside(root, *words, env={}):
    """Runs the program of a root with these words."""
    line = [*unshare("--mount", f"--root={root}", "--wd=/"), "/startguard", *map(str, words)]
    return subprocess.run(line, env=env, capture_output=True, text=True, timeout=60)


def segments(path):
    """The types of an ELF file's program headers (64 bits, little-endian)."""
    data = path.read_bytes()
    offset, size, count = struct.unpack_from("<32xQ14xHH", data)
    return {struct.unpack_from("<I", data, offset + i * size)[0] for i in range(count)}


def test_no_interpreter_and_no_shared_object():
    assert not segments(program()) & {PT_DYNAMIC, PT_INTERP}


def test_size():
    assert program().stat().st_size <= SIZE_MAX


def test_starts_in_an_empty_root(root):
    said = inside(root, "version")
    assert said.returncode == 0, said.stderr
    assert "OpenSSL" in said.stdout


def test_checks_in_an_empty_root(root):
    with TcpServer(silent) as server:
        said = inside(root, "try", "tcp", f"address=127.0.0.1:{server.port}")
    assert said.returncode == 0, said.stderr


def test_every_kind_and_library_is_in(root):
    said = json.loads(inside(root, "version", "--json").stdout)
    assert [kind for kind, there in said["kinds"].items() if not there] == []
    assert said["fence"] == {"seccomp": True, "landlock": True}


LIBRARIES = {
    "openssl-src": "OpenSSL",
    "curl-sys": "libcurl",
    "rdkafka-sys": "librdkafka",
    "pq-src": "libpq",
    "libavro-dev": "avro-c",
    "libjansson-dev": "jansson",
    "libhiredis-dev": "hiredis",
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_version_says_what_the_bill_of_materials_says(root, bill, name):
    """All but avro-c say their versions themselves: this compares what was linked."""
    (row,) = [c for c in bill["components"] if f"/{name}@" in c["purl"]]
    number = re.match(r"[\d.]+", row["version"])[0]
    assert f"  {LIBRARIES[name]} {number}\n" in inside(root, "version").stdout


TRAP = "__attribute__((constructor)) static void enter(void) { __builtin_trap(); }\n"


def test_no_module_of_the_name_service_is_loaded(root, tmp_path):
    """nsswitch.conf names a module, which would belong to the C library of the image."""
    for name, text in (("hosts", "127.0.0.1 here.test\n"), ("nsswitch.conf", "hosts: trap files dns\npasswd: trap files\n")):
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc" / name).write_text(text)
    libraries = root / "usr/lib" / f"{os.uname().machine}-linux-gnu"
    libraries.mkdir(parents=True)
    (tmp_path / "trap.c").write_text(TRAP)
    words = ["cc", "-shared", "-fPIC", "-nostdlib", "-o", libraries / "libnss_trap.so.2", tmp_path / "trap.c"]
    subprocess.run(words, check=True)
    with TcpServer(silent) as server:
        said = inside(root, "try", "tcp", f"address=here.test:{server.port}")
    assert said.returncode == 0, said.stderr


def test_bill_of_materials_is_of_this_file(bill):
    sums = bill["metadata"]["component"]["hashes"]
    assert sums == [{"alg": "SHA-256", "content": hashlib.sha256(program().read_bytes()).hexdigest()}]


def test_bill_of_materials_has_every_pin(bill):
    listed = {(c["purl"].split("@")[0].split("/")[-1], c["hashes"][0]["content"]) for c in bill["components"]}
    crates = {(name, sha256) for word, name, _, sha256, *_ in PINS if word == "crate"}
    packages = {row[1] for row in PINS if row[0] == "deb" and row[2] == ARCH}
    assert crates <= listed
    assert packages <= {name for name, _ in listed}


def test_labels_name_the_licences_of_the_bill_of_materials(bill):
    """Of the images, which hold a store of certificates besides (MPL-2.0), and of the .rpm."""
    parts = [bill["metadata"]["component"], *bill["components"]]
    names = {one.get("expression") or one["license"]["id"] for part in parts for one in part["licenses"]}
    dockerfile = (ROOT / "packaging/docker/Dockerfile").read_text()
    label = re.search(r'image\.licenses="(.*)"', dockerfile)[1]
    tag = re.search(r"^License: (.*)$", (ROOT / "packaging/packages.d/startguard.spec").read_text(), re.M)[1]
    assert {name.strip("()") for name in label.split(" AND ")} == names | {"MPL-2.0"}
    assert {name.strip("()") for name in tag.split(" AND ")} == names


@pytest.mark.timeout(600)
def test_another_folder_gives_the_same_bytes(tmp_path):
    """Made from a copy of the sources, in a folder of another name, with the same root."""
    copy = tmp_path / "elsewhere" / "source"
    leave = shutil.ignore_patterns("build", ".git", "__pycache__", ".mirror")
    shutil.copytree(ROOT, copy, ignore=leave, symlinks=True)
    made = subprocess.run([copy / "packaging/static", "out"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert (copy / "out/startguard").read_bytes() == program().read_bytes()
    assert (copy / "out/startguard.cdx.json").read_bytes() == (program().parent / "startguard.cdx.json").read_bytes()
