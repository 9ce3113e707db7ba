"""The last line of the image's Dockerfile as profiles/somabrain/README.md has it, RUN startguard check -p image: without a network, as
the image's user. The times that it took are in FOLDER_OF_THE_PROGRAM/somabrain-image.txt, for people: nothing asserts them."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from findings import Row
from image import build
from pipeline import put_guard
from system import REPAIRS

from harness import Result, program, unshare

G, A = "849b24b", "eb14dcb"
SERVICES, MISSING = "python.services", "python-module-missing"
PLANTS = [
    Row(1, "libs not copied", G, "image", SERVICES, MISSING, "No module named 'libs'", leave_out=["COPY libs /app/libs"]),
    Row(2, "fastavro not installed", G, "image", SERVICES, MISSING, "No module named 'fastavro'", leave_out=["fastavro"]),
    Row(
        3,
        "proto not copied",
        G,
        "image",
        "avro.reward_event",
        "file-missing",
        "reward_event",
        leave_out=["COPY proto /app/proto"],
    ),
    Row(5, "confluent-kafka not installed", G, "image", SERVICES, MISSING, "'confluent_kafka'", leave_out=["confluent-kafka"]),
]


@pytest.fixture
def folder():
    """The image's user may enter it."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="startguard-image-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def check(guard, image):
    put_guard(image)
    user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"] if os.geteuid() == 0 else []
    words = [*unshare("--net"), *user, "startguard", "check", "-p", "image", "--format", "json"]
    env = guard.environment(image.environment)
    done = subprocess.run(words, cwd=image.app, env=env, capture_output=True, text=True, timeout=guard.scale(60))
    report = json.loads(done.stdout)
    with open(pathlib.Path(program()).parent / "somabrain-image.txt", "a") as file:
        file.write(f"{image.commit} {report['status']}: {report['elapsed_ms']:.0f} ms\n")
    return Result(words, done.returncode, "", done.stderr, report)


def test_audited_image_fails(guard, folder):
    """libs, proto and fastavro are missing at once, and one look tells all three."""
    result = check(guard, build(folder / "audited", A))
    result.expect(MISSING, id=SERVICES, exit=69, subject="fastavro", cause="No module named 'libs'")
    result.expect("file-missing", id="avro.config_update", subject="config_update.avsc")
    tracing = result.expect(MISSING, id="python.tracing", outcome="degraded")
    assert "opentelemetry-exporter-otlp" in tracing["subject"]


def test_repaired_image_passes(guard, folder):
    result = check(guard, build(folder / "repaired", A, add=REPAIRS))
    assert result.code == 0 and result.status == "ready", result


def test_later_image_passes(guard, folder):
    """It still has the client that nothing but scripts should use."""
    result = check(guard, build(folder / "later", G))
    assert result.code == 0 and result.status == "degraded", result
    assert result.codes() == ["python-forbidden"], result


@pytest.mark.parametrize("row", PLANTS, ids=lambda row: row.planted)
def test_plant(guard, folder, table, row):
    result = check(guard, build(folder / "planted", row.commit, row.leave_out))
    found = result.expect(row.code, id=row.check, exit=row.exit)
    assert row.words in f"{found['subject']} {found['cause']}", result
    table.add(row)
