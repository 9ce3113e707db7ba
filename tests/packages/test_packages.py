"""Each package is installed in a root of its own, looked at, started there, and removed without a trace."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import zlib

import pytest
from packages.roots import inside, run, tree

from harness import ROOT

ZSH_OF_DEBIAN = "usr/share/zsh/vendor-completions/_startguard"
ZSH = "usr/share/zsh/site-functions/_startguard"
FILES = {
    "usr/share/man/man1/startguard.1.gz",
    "usr/share/man/man5/startguard-profile.5.gz",
    "usr/share/bash-completion/completions/startguard",
    "usr/share/fish/vendor_completions.d/startguard.fish",
    "usr/lib/systemd/system/startguard@.service",
    "usr/share/startguard/systemd/wrap.conf",
    "usr/share/startguard/profiles/reference.cfg",
    "usr/share/startguard/profiles/examples/redis-cache.cfg",
    "usr/share/doc/startguard/README.md",
    "usr/share/doc/startguard/startguard.cdx.json",
}
OF_DEB = (
    FILES
    | {ZSH_OF_DEBIAN}
    | {f"usr/share/doc/startguard/{n}" for n in ("NOTICES", "copyright", "changelog.gz", "changelog.Debian.gz")}
)
OF_RPM = FILES | {ZSH} | {f"usr/share/licenses/startguard/{n}" for n in ("LICENSE", "NOTICES")}
OF_APK = FILES | {ZSH} | {f"usr/share/doc/startguard/{n}" for n in ("LICENSE", "NOTICES", "CHANGELOG.md")}
FILE, PROGRAM, FOLDER = (0o100644, 0, 0), (0o100755, 0, 0), (0o40755, 0, 0)


def modes(paths):
    """As tree() says it: what every file and folder of a package must have."""
    return {path: (oct(mode), uid, gid) for path, (mode, uid, gid) in paths.items()}


def judge(root, before, wanted):
    """What came into the root is what a package must have, and the program starts there."""
    new = {path: what for path, what in tree(root).items() if path not in before}
    assert wanted <= set(new), wanted - set(new)
    strange = {
        p: w for p, w in new.items() if w not in (modes({p: FILE})[p], modes({p: FOLDER})[p]) and p != "usr/bin/startguard"
    }
    assert strange == {}
    assert new["usr/bin/startguard"] == modes({"": PROGRAM})[""]
    said = json.loads(inside(root, "/usr/bin/startguard", "version", "--json").stdout)
    assert said["startguard"] in (root / "usr/share/doc/startguard/startguard.cdx.json").read_text()
    assert inside(root, "/usr/bin/startguard", "explain", "redis").stdout


@pytest.mark.timeout(600)
def test_two_runs_give_the_same_bytes(packages, tmp_path):
    """In another folder, with another umask, time zone and language."""
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": str(tmp_path)}
    run(ROOT / "packaging/packages", "--output", tmp_path / "again", env=environment, umask=0o077)
    first = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in packages.iterdir()}
    again = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / "again").iterdir()}
    assert first == again


def test_a_program_that_is_not_the_one_of_its_bill_is_refused(static, tmp_path):
    shutil.copytree(static.parent, tmp_path / "static", ignore=shutil.ignore_patterns("src", "checks", "tests"))
    with (tmp_path / "static/startguard").open("ab") as program:
        program.write(b"x")
    line = [ROOT / "packaging/packages", "--built", tmp_path, "--output", tmp_path / "out"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not the one of its bill of materials" in done.stderr
    assert not list((tmp_path / "out").iterdir())


# ---- .deb ----


@pytest.mark.timeout(600)
def test_deb(debian_root, mine, static):
    shutil.copy(mine.deb, debian_root / "tmp/startguard.deb")
    before = tree(debian_root)
    inside(debian_root, "dpkg", "-i", "/tmp/startguard.deb")
    judge(debian_root, before, OF_DEB)
    assert (debian_root / "usr/bin/startguard").read_bytes() == static.read_bytes()
    assert inside(debian_root, "dpkg", "--verify", "startguard").stdout == ""
    for page, section in (("startguard", "1"), ("startguard-profile", "5")):
        assert inside(debian_root, "man", "-w", page).stdout == f"/usr/share/man/man{section}/{page}.{section}.gz\n"
    found = ". /usr/share/bash-completion/bash_completion; _completion_loader startguard; complete -p startguard"
    assert "_startguard" in inside(debian_root, "bash", "-c", found).stdout
    inside(debian_root, "dpkg", "--purge", "startguard")
    assert tree(debian_root) == before


def test_lintian_is_content(packages):
    """With overrides, each of which has its reason beside it and is needed."""
    line = ["lintian", "--fail-on", "none", "--show-overrides", *sorted(packages.glob("*.deb"))]
    said = run(*line).stdout.splitlines()
    assert [row for row in said if row[:2] not in ("O:", "N:", "")] == []
    assert {row.split()[2] for row in said if row[:2] == "O:"} == {
        "statically-linked-binary",
        "embedded-library",
        "initial-upload-closes-no-bugs",
    }


# ---- .rpm ----

# Those of Red Hat's package filesystem, as far as we put something below them.
BASE = ("usr/bin", "usr/lib", "usr/share/doc", "usr/share/licenses", "usr/share/man/man1", "usr/share/man/man5", "var/lib/rpm")


@pytest.fixture
def rpm_root(tmp_path):
    for name in BASE:
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def rpm(root, *words):
    return run("rpm", "--root", root, "--dbpath", "/var/lib/rpm", *words)


def without_database(root):
    return {path: what for path, what in tree(root).items() if not path.startswith("var/")}


def test_rpm(rpm_root, mine, static):
    rpm(rpm_root, "--initdb")
    before = without_database(rpm_root)
    rpm(rpm_root, "--install", "--nosignature", "--force-debian", mine.rpm)
    judge(rpm_root, {**before, **{p: 0 for p in tree(rpm_root) if p.startswith("var/")}}, OF_RPM)
    assert (rpm_root / "usr/bin/startguard").read_bytes() == static.read_bytes()
    rpm(rpm_root, "--verify", "startguard")
    rpm(rpm_root, "--erase", "--force-debian", "startguard")
    assert without_database(rpm_root) == before


# A static file has no symbols of the system to load at random addresses; who signs a package is who offers it; groups are
# of the past.
KNOWN = {"statically-linked-binary", "no-signature", "no-group-tag"}


def test_rpmlint(packages):
    said = subprocess.run(["rpmlint", *packages.glob("*.rpm")], capture_output=True, text=True)
    assert "packages and" in said.stdout, said.stderr
    errors = [row for row in said.stdout.splitlines() if ": E: " in row]
    assert [row for row in errors if row.split()[2] not in KNOWN] == []


# ---- .apk ----


def streams(data):
    """The gzip streams of an .apk, each as its bytes and what they hold."""
    while data:
        unpack = zlib.decompressobj(wbits=31)
        held = unpack.decompress(data) + unpack.flush()
        yield data[: len(data) - len(unpack.unused_data)], held
        data = unpack.unused_data


def test_apk(packages):
    """As apk-tools reads it: what it compares is right, and a stream that is followed by another has no end of archive."""
    for path in packages.glob("*.apk"):
        (_, control), (files, held) = streams(path.read_bytes())
        assert control[-1024:] != bytes(1024)
        with tarfile.open(fileobj=io.BytesIO(control + bytes(1024))) as tar:
            assert tar.getnames() == [".PKGINFO"]
            info = dict(line.split(" = ") for line in tar.extractfile(".PKGINFO").read().decode().splitlines())
        assert info["datahash"] == hashlib.sha256(files).hexdigest()
        assert f"{info['pkgname']}-{info['pkgver']}.{info['arch']}.apk" == path.name
        with tarfile.open(fileobj=io.BytesIO(held)) as tar:
            members = tar.getmembers()
            for m in members:
                assert (m.uid, m.gid) == (0, 0)
                assert (
                    m.isdir() or m.pax_headers["APK-TOOLS.checksum.SHA1"] == hashlib.sha1(tar.extractfile(m).read()).hexdigest()
                )
        assert sum(m.size for m in members) == int(info["size"])
        assert {m.name for m in members} >= OF_APK


def test_apk_unpacked(mine, static, tmp_path):
    """Where there is no apk, tar takes it."""
    before = tree(tmp_path)
    run("tar", "-C", tmp_path, "-xzf", mine.apk)
    (tmp_path / ".PKGINFO").unlink()
    judge(tmp_path, before, OF_APK)
    assert (tmp_path / "usr/bin/startguard").read_bytes() == static.read_bytes()


# ---- .tar.gz ----


def test_tarball(mine, static, tmp_path):
    with tarfile.open(mine.tarball) as tar:
        assert {(m.uid, m.gid, m.uname) for m in tar.getmembers()} == {(0, 0, "root")}
    run("tar", "-C", tmp_path, "-xzf", mine.tarball)
    top = tmp_path / mine.tarball.name.removesuffix(".tar.gz")
    assert (top / "bin/startguard").read_bytes() == static.read_bytes()
    run(top / "bin/startguard", "lint", top / "profiles/examples/redis-cache.cfg")
    wanted = "README.md CHANGELOG.md LICENSE NOTICES startguard.cdx.json docs/profile.md share/man/man1/startguard.1.gz"
    wanted += " share/zsh/site-functions/_startguard systemd/wrap.conf systemd/startguard@.service profiles/reference.cfg"
    assert [name for name in wanted.split() if not (top / name).is_file()] == []


# ---- what packages say of what is linked ----


def test_notices_name_every_library_that_is_linked(static):
    text = (ROOT / "packaging/static.d/notices").read_text()
    headings = [line for line in text.splitlines() if line.startswith("======== ")]
    short = {"libc6-dev": "glibc", "zlib1g-dev": "zlib", "libavro-dev": "avro-c", "libgcc-14-dev-arm64-cross": "libgcc"}
    for component in json.loads(static.with_name("startguard.cdx.json").read_text())["components"]:
        name = component["name"]
        name = short.get(name) or name.removesuffix("-dev").removesuffix("-14")
        assert [h for h in headings if name in h or name.removeprefix("lib") in h], name
