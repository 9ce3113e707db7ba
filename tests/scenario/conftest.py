"""What every scenario has: the fixture `guard` and the rules that hold after each test. See harness.py.

--each-once runs a subset that reaches nearly all the C that the whole suite reaches: each test with one set of its
parameters, and with further sets until each diagnosis code has been produced; with all of them where it is marked `every_row`.
`make check` runs the whole suite; what repeats it in another build (sanitizers, coverage) takes the subset.

--static leaves out what a static program cannot do: what needs LD_PRELOAD, and tests with the marker `dynamic`.
"""

import pytest

pytest.register_assert_rewrite("harness")

from kafka_help import kafka  # noqa: E402,F401

from harness import claims, faults, guard, preload, pytest_runtest_call  # noqa: E402,F401


def pytest_addoption(parser):
    parser.addoption("--each-once", action="store_true", help="each test with one set of its parameters")
    parser.addoption("--static", action="store_true", help="the program is static: leave out what needs a dynamic one")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--static"):
        keep(config, items, [item for item in items if not is_dynamic(item)])
    if config.getoption("--each-once"):
        keep(config, items, each_once(items))


def is_dynamic(item):
    return "preload" in item.fixturenames or item.get_closest_marker("dynamic")


def keep(config, items, chosen):
    chosen = set(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def each_once(items):
    """The items --each-once runs."""
    tests, codes, chosen = set(), set(), set()
    for item in items:
        test, produced = item.nodeid.partition("[")[0], claims(item, "produces")
        if test not in tests or produced - codes or item.get_closest_marker("every_row"):
            tests.add(test)
            codes |= produced
            chosen.add(item)
    return chosen
