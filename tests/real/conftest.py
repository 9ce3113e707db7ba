"""The table of Kafka's faults, once per run, and the fixture `guard` of the scenarios."""

import pathlib
import sys

import pytest

pytest.register_assert_rewrite("harness")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from kafka_lab import Table  # noqa: E402

from harness import guard, pytest_runtest_call  # noqa: E402,F401


@pytest.fixture(scope="session")
def table():
    """Kafka's faults with what was given for them, written at the end of the run."""
    one = Table()
    yield one
    one.write()
