"""What the tests of packages share: the packages, made once, and roots in which to install them.

The packages are those of build/static (make check-packages), and of other architectures that are built. Needs what
`packaging/deps static packages` installs.
"""

import os
import shutil
import types

import pytest
from packages.roots import run

from harness import ROOT
from servers.common import cached, find_program

RELEASES = ("bookworm", "trixie")


@pytest.fixture(scope="session")
def static():
    program = ROOT / "build/static/startguard"
    assert program.exists(), "no build/static/startguard: make static"
    return program


@pytest.fixture(scope="session")
def packages(static, tmp_path_factory):
    """The folder with the packages of all architectures that are built."""
    folder = tmp_path_factory.mktemp("packages")
    run(ROOT / "packaging/packages", "--output", folder)
    return folder


@pytest.fixture(scope="session")
def mine(packages):
    """The packages for this machine: .deb .rpm .apk .tarball."""
    arch = os.uname().machine
    names = {"deb": {"x86_64": "amd64.deb", "aarch64": "arm64.deb"}[arch], "rpm": f"{arch}.rpm"}
    names |= {"apk": f"{arch}.apk", "tarball": f"linux-{arch}.tar.gz"}
    found = {}
    for kind, end in names.items():
        (found[kind],) = packages.glob(f"*{end}")
    return types.SimpleNamespace(**found)


def debian(release):
    """The tarball of a small Debian with what looks for manual pages and completions."""
    find_program("mmdebstrap", package="packages")

    def build(folder):
        line = ["mmdebstrap", "--variant=essential", "--quiet", "--include=man-db,bash-completion", "--dpkgopt=force-unsafe-io"]
        sources = os.environ.get("STARTGUARD_DEBIAN_SOURCES")
        run(*line, '--aptopt=Acquire::Languages "none"', release, f"{folder}/root.tar", *([sources] if sources else []))

    return cached(f"packages-{release}-2", build) / "root.tar"


@pytest.fixture(params=RELEASES)
def debian_root(request, tmp_path):
    """A fresh Debian 12 or 13."""
    root = tmp_path / request.param
    root.mkdir()
    run("tar", "-C", root, "--exclude=./dev/*", "-xf", debian(request.param))
    yield root
    shutil.rmtree(root)
