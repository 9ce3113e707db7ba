"""The shipped images: what is in them, and what they say of themselves."""

import json
import os
import pathlib
import re
import ssl
import subprocess
import tarfile

import pytest
from conftest import SOURCE, version
from engines import ROOT, call

SIZE_MAX = 7_000_000  # bytes
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
DOCUMENTS = "usr/share/doc/startguard"


@pytest.fixture(scope="session")
def scratch(engine, image):
    """The root of the scratch image, unpacked."""
    engine.must("create", "--name", "unpacked", image())
    engine.must("export", "-o", engine.folder / "scratch.tar", "unpacked")
    engine.must("rm", "unpacked")
    folder = engine.folder / "scratch"
    with tarfile.open(engine.folder / "scratch.tar") as tar:
        tar.extractall(folder, [member for member in tar if member.isfile()], filter="data")
    return folder


def test_version(engine, image):
    done = engine.run(image(), "version")
    assert done.code == 0, done.err
    assert done.out.startswith(f"startguard {version()}\n")


def test_size_of_scratch(engine, image):
    size = engine.inspect(image())["Size"]
    assert size <= SIZE_MAX, f"{size} bytes"
    told = re.search(r"target `scratch`, ([\d.]+) MB", (ROOT / "docs/containers.md").read_text())[1]
    assert abs(float(told) - size / 1e6) < 0.2, f"docs/containers.md says {told} MB, and it has {size} bytes"


def test_files_of_scratch(scratch):
    """Nothing but these; an engine adds files that it mounts over."""
    found = {str(path.relative_to(scratch)) for path in scratch.rglob("*") if path.is_file() and path.stat().st_size}
    assert found == {"startguard", BUNDLE, f"{DOCUMENTS}/LICENSE", f"{DOCUMENTS}/startguard.cdx.json"}


def test_program_is_the_released_file(scratch):
    assert (scratch / "startguard").read_bytes() == (ROOT / "build/static/startguard").read_bytes()
    assert os.access(scratch / "startguard", os.X_OK)


def test_bundle_is_a_store_of_certificates(scratch):
    store = ssl.create_default_context(cafile=scratch / BUNDLE)
    assert len(store.get_ca_certs()) > 100


def test_licences_are_those_of_the_bill_of_materials(engine, image, scratch):
    bill = json.loads((scratch / DOCUMENTS / "startguard.cdx.json").read_text())
    parts = [bill["metadata"]["component"], *bill["components"]]
    names = {one.get("expression") or one["license"]["id"] for part in parts for one in part["licenses"]}
    label = engine.inspect(image())["Config"]["Labels"]["org.opencontainers.image.licenses"]
    assert {name.strip("()") for name in label.split(" AND ")} == names | {"MPL-2.0"}


@pytest.mark.parametrize("target", ["", "debian", "dev"])
def test_configuration(engine, image, target):
    config = engine.inspect(image(target))["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert config["User"] == "65532:65532"
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert not config.get("Healthcheck")
    assert (config.get("Entrypoint") or []) == ([] if target == "dev" else ["/startguard"])
    assert (labels["title"], labels["version"], labels["source"]) == ("startguard", version(), SOURCE)
    assert labels["description"]
    assert re.fullmatch(r"[0-9a-f]{40}|", labels["revision"])


def test_debian_by_hand(engine, image):
    done = engine.run(image("debian"), "-w", "file:///etc/os-release", "--", "sh", "-c", "id -u; startguard version | head -1")
    assert (done.code, done.out) == (0, f"65532\nstartguard {version()}\n"), done.err


def test_tools_of_dev(engine, image):
    tools = ["startguard", "bash", "curl", "ip", "nc", "openssl", "ps"]
    done = engine.run(
        image("dev"), "sh", "-c", f"for tool in {' '.join(tools)}; do command -v $tool || exit 1; done; startguard version"
    )
    assert done.code == 0, done.err
    assert len(re.findall(r"^/.*bin/", done.out, re.M)) == len(tools)


@pytest.mark.parametrize("mounted", [True, False])
def test_bundle_is_used(engine, image, authority, mounted):
    """A server whose CA is in no bundle but ours, which takes the place of the image's."""
    cert = authority.issue("localhost")
    words = ["openssl", "s_server", "-accept", "8443", "-www", "-cert", cert.cert_file, "-key", cert.key_file]
    options = ["--network=host", *(["-v", f"{authority.ca_file}:/{BUNDLE}:ro"] if mounted else [])]
    pathlib.Path(authority.ca_file).parent.chmod(0o755)
    with engine.beside(*words, ready=lambda process: process.stdout.readline()):
        done = engine.run(image(), "-w", "https://localhost:8443/", "-t", "5s", options=options)
    if mounted:
        assert done.code == 0, done.err
    else:
        assert done.code == 69
        assert "tls-unknown-ca" in done.verdict or "tls-self-signed" in done.verdict, done.err


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_each_architecture_gets_its_program(engine, tmp_path, arch):
    """Nothing of another architecture has to run for it."""
    for name in ("amd64", "arm64"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "startguard").write_text(name)
        (tmp_path / name / "startguard.cdx.json").write_text("{}")
    (tmp_path / "LICENSE").write_text("")
    dockerfile = ROOT / "packaging/docker/Dockerfile"
    shared = dockerfile.read_text().replace("RUN apt-get", "RUN true || apt-get")
    shared = re.sub(r"COPY --from=ca /etc.*\n", "", shared)
    (tmp_path / "Dockerfile").write_text(shared)
    words = ["build", "--platform", f"linux/{arch}", "--target=scratch", "--network=none", "-t", f"for-{arch}", tmp_path]
    engine.must(*words, timeout=120)
    assert engine.inspect(f"for-{arch}")["Architecture"] == arch
    engine.must("create", "--platform", f"linux/{arch}", "--name", arch, f"for-{arch}")
    engine.must("cp", f"{arch}:/startguard", tmp_path / "out")
    assert (tmp_path / "out").read_text() == arch


def test_script_names_the_targets():
    done = subprocess.run(
        [ROOT / "packaging/images", "slim"],
        capture_output=True,
        text=True,
        env={"CONTAINER_ENGINE": "true", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1
    assert "there are scratch, debian and dev" in done.stderr


def test_source_label_has_no_password(tmp_path):
    """The remote of a checkout may hold one."""
    engine = tmp_path / "engine"
    engine.write_text('#!/bin/sh\necho "$@" >&2\n')
    engine.chmod(0o755)
    env = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "remote.origin.url",
        "GIT_CONFIG_VALUE_0": "https://me:hunter2@example.org/x.git",
    }
    done = call([ROOT / "packaging/images", "scratch"], env={"CONTAINER_ENGINE": str(engine), **env})
    assert "SOURCE=https://example.org/x.git" in done.err, done.err
    assert "hunter2" not in done.err
