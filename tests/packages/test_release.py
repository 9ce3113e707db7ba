"""The files of a release, and that a changed one is noticed by the commands that docs/install.md gives."""

import os
import re
import shutil
import subprocess

import pytest
from packages.roots import run

from harness import ROOT


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A key for this test alone."""
    path = tmp_path_factory.mktemp("key") / "private.pem"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", path)
    return path


@pytest.fixture(scope="module")
def release(static, key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "files"
    done = run(ROOT / "packaging/release", folder, env={**os.environ, "RELEASE_KEY": str(key)})
    public = run("openssl", "pkey", "-in", key, "-pubout").stdout
    assert public in done.stderr
    return folder, public


@pytest.fixture
def download(release, tmp_path):
    """What a user has: some of the files, and the public key."""
    folder, public = release
    shutil.copytree(folder, tmp_path / "download", ignore=shutil.ignore_patterns("*.rpm"))
    (tmp_path / "download/startguard.pub").write_text(public)
    return tmp_path / "download"


def commands():
    """Those of "Verify what you have downloaded" in docs/install.md."""
    text = (ROOT / "docs/install.md").read_text()
    section = re.search(r"^## Verify[^\n]*\n(.*?)^## ", text, re.M | re.S)[1]
    return [line.strip().removeprefix("$ ") for line in section.splitlines() if line.startswith("    $ ")]


def verify(folder):
    return subprocess.run(["sh", "-ec", "\n".join(commands())], cwd=folder, capture_output=True, text=True)


def test_what_is_in_it(release):
    names = {p.name for p in release[0].iterdir()}
    version = re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.M)[1]
    arch = os.uname().machine
    top = f"startguard-{version}-linux-{arch}"
    assert {f"{top}.tar.gz", f"{top}.cdx.json", f"startguard-{version}-1.{arch}.rpm", "SHA256SUMS", "SHA256SUMS.sig"} <= names
    sums = {line.split()[1] for line in (release[0] / "SHA256SUMS").read_text().splitlines()}
    assert sums == names - {"SHA256SUMS", "SHA256SUMS.sig"}


def test_verifies(download):
    assert len(commands()) == 2
    done = verify(download)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    assert ".tar.gz: OK" in done.stdout


def change_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name, says", [("*.tar.gz", "FAILED"), ("SHA256SUMS", "Signature Verification Failure")])
def test_a_changed_byte_is_refused(download, name, says):
    change_a_byte(next(download.glob(name)))
    done = verify(download)
    assert done.returncode != 0
    assert says in done.stdout + done.stderr


def test_another_key_is_refused(download):
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", download / "other.pem")
    run("openssl", "pkey", "-in", download / "other.pem", "-pubout", "-out", download / "startguard.pub")
    assert verify(download).returncode != 0


@pytest.mark.parametrize("key, says", [("", "RELEASE_KEY names no file"), ("/dev/null", "cannot read a private key")])
def test_no_release_without_a_key(tmp_path, key, says):
    environment = {**os.environ, "RELEASE_KEY": key}
    done = subprocess.run([ROOT / "packaging/release", tmp_path / "out"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert says in done.stderr
    assert not (tmp_path / "out").exists()
