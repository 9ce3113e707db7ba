"""schema_registry against a real one, Apicurio: the schema of the image is there, is missing, or is another."""

import json

import pytest

from harness import ROOT
from servers.registry import RegistryServer

pytestmark = pytest.mark.timeout(180)
SCHEMA = ROOT / "profiles/somabrain/schemas/849b24b/config_update.avsc"
SUBJECT = "cog.config.updates-value"


@pytest.fixture(scope="module")
def registry():
    with RegistryServer() as server:
        yield server


def look(guard, registry):
    subject = {"name": SUBJECT, "schema": str(SCHEMA), "must": "same"}
    return guard.try_("schema_registry", url=registry.url, subjects=[subject])


@pytest.mark.produces("registry-subject-missing")
def test_subject_missing(guard, registry):
    look(guard, registry).expect("registry-subject-missing", exit=69, subject=SUBJECT)


@pytest.mark.near_miss("registry-schema-differs")
def test_same_schema(guard, registry):
    registry.register(SUBJECT, SCHEMA.read_text())
    try:
        assert look(guard, registry).code == 0
    finally:
        registry.delete_subject(SUBJECT)


@pytest.mark.produces("registry-schema-differs")
def test_other_schema(guard, registry):
    other = json.loads(SCHEMA.read_text())
    other["fields"][0]["type"] = "double"
    registry.register(SUBJECT, json.dumps(other))
    try:
        look(guard, registry).expect("registry-schema-differs", exit=69, cause="learning_rate")
    finally:
        registry.delete_subject(SUBJECT)
