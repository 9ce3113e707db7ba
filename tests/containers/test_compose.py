"""packaging/compose/compose.yaml, by the distribution's compose on Docker."""

import pytest
from engines import ROOT, TIME_SCALE

from servers.common import wait_for

pytestmark = pytest.mark.docker
EXAMPLE = ROOT / "packaging" / "compose"
# What a test cannot wait for, and a server that is not there.
SOON = """services:
  shop: { healthcheck: { interval: 1s, timeout: 10s, retries: 1 } }
"""
NO_CACHE = """services:
  cache: { image: battery, entrypoint: ["/bin/sh", "-c", "sleep 600"] }
"""


def health(one, wanted):
    return wait_for(lambda: one.inspect("State.Health.Status") == wanted, what=wanted, seconds=30 * TIME_SCALE)


def test_example(compose):
    with compose(EXAMPLE / "compose.yaml", SOON) as project:
        project.up()
        assert project.container("ready").wait() == 0
        assert project.container("install").wait() == 0
        assert project.container("report").wait() == 0
        assert "redis_version" in project.container("report").logs()
        assert "startguard: READY: 1 check passed" in project.container("worker").logs()
        shop = project.container("shop")
        health(shop, "healthy")
        project.container("cache").stop(1)
        health(shop, "unhealthy")


def test_one_shot_that_fails(compose, engine):
    """What waits for it is never made, let alone started."""
    with compose(EXAMPLE / "compose.yaml", NO_CACHE, env={"START_TIMEOUT": "1s"}) as project:
        assert project.call("up", "-d").code != 0
        assert project.container("ready").wait() == 124
        assert "startguard: BLOCKED (124): redis.cache" in project.container("ready").logs()
        report = project.find("report")
        assert not report or not report.logs()


def test_wrapped_service_that_is_blocked_is_started_again(compose):
    with compose(EXAMPLE / "compose.yaml", NO_CACHE, env={"START_TIMEOUT": "200ms"}) as project:
        project.call("up", "-d", "cache", "shop")
        shop = project.container("shop")
        wait_for(lambda: shop.inspect("RestartCount") >= 2, what="restarts", seconds=30 * TIME_SCALE)
        assert "startguard: BLOCKED (124): redis.cache" in shop.logs()
