"""What every scenario has: the fixture `guard` and the rules that hold after each test. See harness.py.

--each-once runs a subset that reaches nearly all the C that the whole suite reaches: each test with one set of its
parameters, and with further sets until each diagnosis code has been produced. `make check` runs the whole suite; what
repeats it in another build (sanitizers, coverage) takes the subset.
"""

import pytest

pytest.register_assert_rewrite("harness")

from kafka_help import kafka  # noqa: E402,F401

from harness import claims, faults, guard, pytest_runtest_call  # noqa: E402,F401


def pytest_addoption(parser):
    parser.addoption("--each-once", action="store_true", help="each test with one set of its parameters")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--each-once"):
        chosen = each_once(items)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


def each_once(items):
    """The items --each-once runs."""
    tests, codes, chosen = set(), set(), set()
    for item in items:
        test, produced = item.nodeid.partition("[")[0], claims(item, "produces")
        if test not in tests or produced - codes:
            tests.add(test)
            codes |= produced
            chosen.add(item)
    return chosen
