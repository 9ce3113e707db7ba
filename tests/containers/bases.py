"""Base images without a registry: roots of Debian's packages, kept in the cache, under the names of the images that they stand for.

They hold Debian's packages, not the bytes of the official images: what is proved is that a Dockerfile's steps work on such a system.
"""

import pathlib
import shutil
import subprocess
import tarfile

from servers.common import cached, run_tool

CACHE_VERSION = 1  # of what is written here

DEBIAN = {
    "docker.io/library/debian:trixie-slim": ("trixie", "minbase", ()),
    "docker.io/library/debian:bookworm-slim": ("bookworm", "minbase", ()),
    "docker.io/library/python:3.13-slim": ("trixie", "minbase", ("python3",)),
    "docker.io/library/redis:7": ("bookworm", "extract", ("redis-server",)),
    "gcr.io/distroless/base-debian13:nonroot": ("trixie", "extract", ("base-files", "libc6", "netbase", "tzdata")),
}
# What the second engine gets of them: importing takes seconds.
SECOND_ENGINE = ["docker.io/library/debian:trixie-slim", "docker.io/library/redis:7", "gcr.io/distroless/base-debian13:nonroot"]
ALPINE = "docker.io/library/alpine:3"
CHANGES = {
    "docker.io/library/redis:7": ['ENTRYPOINT ["redis-server", "--protected-mode", "no", "--save", ""]', "EXPOSE 6379"],
    "gcr.io/distroless/base-debian13:nonroot": ["USER 65532:65532"],
}


def debian_root(name):
    """The tar of a root, made once."""
    suite, variant, packages = DEBIAN[name]
    leave_out = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "locale", "doc", "zoneinfo")]
    words = [
        "mmdebstrap",
        f"--variant={variant}",
        "--quiet",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
    ]
    words += ["--dpkgopt=force-unsafe-io", *leave_out, *(f"--include={one}" for one in packages)]
    key = f"image-root-{name.rpartition('/')[2].replace(':', '-')}-{CACHE_VERSION}"

    def make(folder):
        run_tool([*words, suite, folder / "root.tar"], what=f"mmdebstrap for {name}")

    return cached(key, make) / "root.tar"


def alpine_root(folder, authority):
    """Busybox, musl with its loader, and the CA bundle where Alpine has it too; from packages of this machine."""
    root = pathlib.Path(folder) / "alpine"
    for name in ("bin", "lib", "etc/ssl", "tmp", "root"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    for word in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if word != "busybox":
            (root / "bin" / word).symlink_to("busybox")
    (loader,) = pathlib.Path("/lib").glob("ld-musl-*.so.1")
    shutil.copy(loader, root / "lib" / loader.name)
    (root / "etc/ssl/cert.pem").write_text(pathlib.Path(authority.ca_file).read_text())
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/alpine-release").write_text("3.0.0\n")
    tar = root.with_suffix(".tar")
    with tarfile.open(tar, "w") as out:
        out.add(root, ".", filter=owned_by_root)
    return tar


def owned_by_root(member):
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
