"""What is linked into the static program: pinned, found in the build root, written as a bill of materials.

    linked.py packages ROOT NAME...   prints a line for each Debian package of the root, as they stand in pins
    linked.py compare ROOT [--locked] says where the root differs from pins; with --locked that is a failure
    linked.py sbom ROOT PROGRAM       prints the bill of materials of PROGRAM (CycloneDX 1.6, JSON)
    linked.py outdated                says which pins have newer versions; exit code 1 when one has

packaging/static calls it; the root's lines are in ROOT/packages.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import typing
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ME = "packaging/static"


class Crate(typing.NamedTuple):
    name: str
    version: str
    sha256: str
    library: str

    @property
    def library_version(self):
        """3.0.1+libpq-18.6, +curl-8.22.0, +zstd.1.5.7, +4.0.3: what stands after the plus is the library's."""
        return re.sub(r"^[a-z]*[-.]", "", self.version.partition("+")[2])


class Package(typing.NamedTuple):
    name: str
    arch: str
    version: str
    sha256: str


def lines_of(path, word, fields):
    rows = (line.split() for line in path.read_text().splitlines())
    return [fields(*row[1:]) for row in rows if row and row[0] == word]


def crates():
    return lines_of(HERE / "pins", "crate", Crate)


def root_packages(root):
    return lines_of(root / "packages", "deb", Package)


def say(text):
    print(f"{ME}: {text}", file=sys.stderr)


# ---- Debian's packages ------------------------------------------------------------------------------------------------
def paragraphs(text):
    """The paragraphs of a text in Debian's format, as dictionaries; continued lines are left out."""
    for block in text.split("\n\n"):
        fields = (line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != " ")
        yield dict(fields)


def packages(root, names):
    """One line for each of the names: the version that is installed, and its checksum in the lists that apt verified. A name may
    have an architecture (libc6-dev:arm64); a compiler's own library is of every architecture, as Debian has it."""
    status = paragraphs((root / "var/lib/dpkg/status").read_text())
    installed = {(p["Package"], p["Architecture"]): p["Version"] for p in status if "Package" in p}
    sums = {}
    for path in sorted((root / "var/lib/apt/lists").glob("*_Packages")):
        for p in paragraphs(path.read_text()):
            if installed.get((p.get("Package"), p.get("Architecture"))) == p.get("Version") is not None:
                sums[p["Package"], p["Architecture"]] = p["SHA256"]
    for name in names:
        package, _, arch = name.partition(":")
        (key,) = [k for k in installed if k[0] == package and arch in ("", k[1])]
        print("deb", *key, installed[key], sums[key])


def compare(root, locked):
    found = root_packages(root)
    pinned = set(lines_of(HERE / "pins", "deb", Package))
    differ = [p for p in found if p not in pinned]
    for p in differ:
        say(f"Debian has {p.name} {p.version}, which is not the one in static.d/pins")
    if differ and locked:
        sys.exit(f"{ME}: --locked: static.d/pins does not name these packages (docs/updating.md)")


# ---- the bill of materials --------------------------------------------------------------------------------------------
LICENSES = {
    "openssl": "Apache-2.0",
    "curl": "curl",
    "librdkafka": "BSD-2-Clause",
    "libpq": "PostgreSQL",
    "zstd": "BSD-3-Clause",
    "libc6-dev": "LGPL-2.1-or-later",
    "libgcc-14-dev": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgcc-14-dev-arm64-cross": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libconfig-dev": "LGPL-2.1-or-later",
    "libjansson-dev": "MIT",
    "libhiredis-dev": "BSD-3-Clause",
    "libavro-dev": "Apache-2.0",
    "zlib1g-dev": "Zlib",
    "liblzma-dev": "0BSD",
}
# The names by which advisories call them; a scanner finds no C library under the name of a crate.
CPE = {"openssl": "openssl:openssl", "curl": "haxx:libcurl", "libpq": "postgresql:postgresql", "zstd": "facebook:zstandard"}


def component(name, version, purl, sha256):
    license = LICENSES[name]
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "licenses": [{"expression": license} if " " in license else {"license": {"id": license}}],
        "purl": purl,
    }


def of_crate(c):
    version = urllib.parse.quote(c.version, safe="")
    entry = component(c.library, c.library_version, f"pkg:cargo/{c.name}@{version}", c.sha256)
    if c.library in CPE:
        entry["cpe"] = f"cpe:2.3:a:{CPE[c.library]}:{c.library_version}:*:*:*:*:*:*:*"
    return entry


def of_package(p):
    version = urllib.parse.quote(p.version, safe="")
    purl = f"pkg:deb/debian/{p.name}@{version}?arch={p.arch}&distro=debian-13"
    return component(p.name, p.version, purl, p.sha256)


def sbom(root, program):
    version = re.search(r"^VERSION := (\S+)", (HERE.parent.parent / "Makefile").read_text(), re.M)[1]
    parts = [of_crate(c) for c in crates()] + [of_package(p) for p in root_packages(root)]
    me = f"pkg:generic/startguard@{version}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": me,
                "name": "startguard",
                "version": version,
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(program.read_bytes()).hexdigest()}],
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": me,
            }
        },
        "components": parts,
        "dependencies": [{"ref": me, "dependsOn": [p["bom-ref"] for p in parts]}] + [{"ref": p["bom-ref"]} for p in parts],
    }
    print(json.dumps(document, indent=2))


# ---- newer versions ---------------------------------------------------------------------------------------------------
def newest_crates(names):
    """Asks cargo, which has the index: the lock file of a project that takes any version names the newest."""
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder)
        (project / "src").mkdir()
        (project / "src/lib.rs").touch()
        wants = "".join(f'{n} = {{ version = "*", default-features = false }}\n' for n in names)
        package = '[package]\nname = "newest"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n'
        (project / "Cargo.toml").write_text(package + wants)
        subprocess.run(["cargo", "generate-lockfile", "--quiet"], cwd=project, check=True)
        locked = tomllib.loads((project / "Cargo.lock").read_text())["package"]
    return {p["name"]: p["version"] for p in locked}


def is_newer(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b]).returncode == 0


def package_lists():
    """The lists that apt reads for a root, out of the smallest root that mmdebstrap makes."""
    with tempfile.TemporaryDirectory() as folder:
        tarball = f"{folder}/root.tar"
        command = ["mmdebstrap", "--variant=extract", "--quiet", "--include=base-files", "--skip=cleanup/apt/lists"]
        subprocess.run([*command, "trixie", tarball], check=True)
        with tarfile.open(tarball) as tar:
            for member in tar:
                if member.name.endswith("_Packages"):
                    yield tar.extractfile(member).read().decode()


def newest_packages(names):
    newest = {}
    for text in package_lists():
        for p in paragraphs(text):
            name = p.get("Package")
            if name in names and (name not in newest or is_newer(p["Version"], newest[name])):
                newest[name] = p["Version"]
    return newest


def outdated():
    mine = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    debs = {p.name: p.version for p in lines_of(HERE / "pins", "deb", Package) if p.arch in (mine, "all")}
    pinned = {c.name: c.version for c in crates()} | debs
    newest = newest_crates([c.name for c in crates()]) | newest_packages(debs)
    behind = [name for name in pinned if newest[name] != pinned[name]]
    for name in behind:
        print(f"{name} {pinned[name]}: the newest is {newest[name]}")
    print(f"{len(behind)} of {len(pinned)} pins are behind")
    sys.exit(1 if behind else 0)


def main():
    command, *rest = sys.argv[1:]
    if command == "outdated":
        outdated()
    root = pathlib.Path(rest[0])
    if command == "packages":
        packages(root, rest[1:])
    elif command == "compare":
        compare(root, "--locked" in rest)
    elif command == "sbom":
        sbom(root, pathlib.Path(rest[1]))


main()
