"""OCI archives without an engine: `ctr images import` takes them.

Each has one layer. startguard's looks like the target `scratch` of the released image: /startguard, user 65532, nothing to run
it with. The shop's is what README.md tells people to make: the service, /startguard, a profile in /etc/startguard. OPA is the real one.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

from harness import ROOT
from servers import opa

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
USER = "65532:65532"
PAUSE = "localhost/pause:1"
STARTGUARD = "registry.example/startguard:1.0.0"
SHOP = "registry.example/shop:1.4.2"
OPA = f"docker.io/openpolicyagent/opa:{opa.VERSION}-static"
APPLETS = ["sh", "env", "sort", "mkdir", "httpd", "sleep", "cat", "wget", "tail"]

PAUSE_C = """#include <signal.h>
#include <unistd.h>
int main(void) { sigset_t set; int sig; sigemptyset(&set); sigaddset(&set, SIGTERM); sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, 0); sigwait(&set, &sig); return 0; }
"""
# A service that shows what it was started with, and serves it; it has no need of startguard.
SERVER = """#!/bin/sh
env | sort
mkdir -p /tmp/www && echo fine > /tmp/www/health
exec httpd -f -p 8080 -h /tmp/www
"""


def write_archive(path, name, files, **config):
    """files: path to bytes, or to the target of a link; those below bin/ and without a dot are executable. config: as in an OCI image's config."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in sorted({str(p) for f in files for p in pathlib.PurePosixPath(f).parents if str(p) != "."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for file, data in files.items():
            entry = tarfile.TarInfo(file)
            if isinstance(data, str):
                entry.type, entry.linkname, data = tarfile.SYMTYPE, data, b""
            entry.size, entry.mode = len(data), 0o644 if "." in file else 0o755
            tar.addfile(entry, io.BytesIO(data))
    plain = layer.getvalue()
    packed = gzip.compress(plain, 1, mtime=0)
    diff = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]}
    config = {"architecture": ARCH, "os": "linux", "config": config, "rootfs": diff}
    blobs = {}

    def blob(data, kind, **more):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data), **more}

    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": [blob(packed, "layer.v1.tar+gzip")],
    }
    named = {"annotations": {"io.containerd.image.name": name}}
    index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json", **named)]}
    with tarfile.open(path, "w") as tar:
        for file, data in [
            ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
            ("index.json", json.dumps(index).encode()),
            *((f"blobs/sha256/{digest}", data) for digest, data in blobs.items()),
        ]:
            entry = tarfile.TarInfo(file)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def write_all(folder, program):
    """The archives of the pause image, of startguard, of an OPA and of the shop."""
    source = folder / "pause.c"
    source.write_text(PAUSE_C)
    subprocess.run(["gcc", "-static", "-Os", "-o", folder / "pause", source], check=True)
    static = pathlib.Path(program).read_bytes()
    profile = (ROOT / "tests/kubernetes/shop.cfg").read_bytes()
    busybox = pathlib.Path(shutil.which("busybox")).read_bytes()
    shop = {
        "bin/busybox": busybox,
        **{f"bin/{applet}": "busybox" for applet in APPLETS},
        "server": SERVER.encode(),
        "startguard": static,
        "etc/startguard/shop.cfg": profile,
        "tmp/keep.txt": b"",
    }
    agent = pathlib.Path(opa.install()).read_bytes()
    path = ["PATH=/bin"]
    return [
        write_archive(folder / "pause.tar", PAUSE, {"pause": (folder / "pause").read_bytes()}, Entrypoint=["/pause"]),
        write_archive(folder / "startguard.tar", STARTGUARD, {"startguard": static}, Entrypoint=["/startguard"], User=USER),
        write_archive(folder / "opa.tar", OPA, {"opa": agent}, Entrypoint=["/opa"], User="1000:1000"),
        write_archive(folder / "shop.tar", SHOP, shop, Cmd=["/server"], Env=path, User=USER, WorkingDir="/"),
    ]
