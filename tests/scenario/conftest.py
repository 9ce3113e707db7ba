"""What every scenario has: the fixture `guard` and the rules that hold after each test. See harness.py."""

import pytest

pytest.register_assert_rewrite("harness")

from harness import guard, pytest_runtest_call  # noqa: E402,F401
