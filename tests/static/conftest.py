"""The fixture `guard` of the scenarios."""

import pytest

pytest.register_assert_rewrite("harness")

from harness import guard, pytest_runtest_call  # noqa: E402,F401
