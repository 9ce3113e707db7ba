"""The system, once per run, and the fixture `guard` of the scenarios."""

import pathlib
import sys

import pytest

pytest.register_assert_rewrite("harness")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from findings import Table  # noqa: E402
from system import system as start_system  # noqa: E402

from harness import guard, pytest_runtest_call  # noqa: E402,F401


@pytest.fixture(scope="session")
def system(tmp_path_factory):
    with start_system(tmp_path_factory.mktemp("system")) as one:
        yield one


@pytest.fixture(scope="session")
def table():
    return Table()


def pytest_addoption(parser):
    parser.addoption("--write", action="store_true", help="write the table of findings into profiles/somabrain/README.md")
