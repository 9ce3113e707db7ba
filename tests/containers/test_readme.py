"""The snippets of README.md and the commands of docs/containers.md, run as they are written."""

import contextlib

import pytest
from conftest import version
from engines import ROOT, TIME_SCALE, Container
from snippets import block, blocks, commands

from servers.common import wait_for

README = "README.md"
GUIDE = "docs/containers.md"
pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def shop(engine, server):
    """The image of README.md: its Dockerfile, its profile, and a server."""
    engine.build("shop", block(README, "FROM "), {"shop.cfg": block(README, "# shop.cfg"), "server": server})
    return "shop"


@contextlib.contextmanager
def kafka(engine):
    """The topic of the profile, on three brokers that advertise this machine's loopback."""
    mock = ROOT / "build/tests/kafka_mock"
    with engine.beside(mock, "3", "orders:3:3", ready=lambda process: process.stdout.readline().split()[1]) as address:
        yield address


@contextlib.contextmanager
def redis(engine):
    with engine.start("redis:7", options=["--network=host"]) as one:
        one.until("Ready to accept connections")
        yield "redis://127.0.0.1:6379"


def environment(kafka, redis="redis://127.0.0.1:6379"):
    return ["--network=host", "-e", f"KAFKA={kafka}", "-e", f"REDIS_URL={redis}"]


def health(one, wanted):
    return wait_for(lambda: one.inspect("State.Health.Status") == wanted, what=wanted, seconds=30 * TIME_SCALE)


def test_dockerfile(engine, shop):
    """Starts, is healthy, and becomes unhealthy when the brokers are gone."""
    options = ["--health-interval=1s", "--health-retries=1"]
    with redis(engine) as cache, contextlib.ExitStack() as stack:
        address = stack.enter_context(kafka(engine))
        with engine.start(shop, options=[*environment(address, cache), *options]) as one:
            said = one.until("server: pid 1 ")
            assert "startguard: READY: 2 checks passed" in said
            assert "STARTGUARD_STATUS=ready" in said
            health(one, "healthy")
            stack.close()
            health(one, "unhealthy")
            one.stop(20)
            assert one.wait() == 0


def test_dockerfile_degraded(engine, shop):
    with kafka(engine) as address:
        done = engine.run(shop, "./server", "once", options=environment(address, "redis://127.0.0.1:1"))
    assert done.code == 0, done.err
    assert "STARTGUARD_STATUS=degraded STARTGUARD_DEGRADED=redis.cache CACHE_ENABLED=0" in done.out


def test_dockerfile_blocked(engine, shop):
    done = engine.run(shop, options=[*environment("127.0.0.1:1"), "-e", "STARTGUARD_TIMEOUT=1s"])
    assert (done.code, done.out) == (124, "")
    assert done.verdict.startswith("startguard: BLOCKED (124): kafka.orders: ")


def test_compose(engine, compose):
    """The worker of the snippet, with an image of its name."""
    engine.build("worker:2.1", 'FROM battery\nCMD ["/bin/sh", "-c", "echo working; sleep 60"]\n')
    with compose(block(README, "services:")) as project:
        project.up()
        assert project.container("ready").wait() == 0
        assert "READY: 1 check passed" in project.container("ready").logs()
        project.container("worker").until("working")


def test_name_of_the_image_is_one(engine):
    """What is copied in README.md, docs and examples is what make images builds."""
    texts = [*blocks(README), *blocks(GUIDE), *(path.read_text() for path in (ROOT / "packaging/compose").iterdir())]
    words = {
        word
        for text in texts
        for word in text.replace('"', " ").replace("--from=", " ").split()
        if word.startswith("startguard:")
    }
    assert {f"startguard:{version()}"} <= words - {"startguard:"}
    assert words <= {"startguard:", *(f"startguard:{version()}{end}" for end in ("", "-debian", "-dev"))}


def test_examples_of_the_images(engine, network):
    """In the section about images: version, and one check by hand."""
    rows = [row for row in commands(GUIDE, "The images") if "startguard:" in " ".join(row)]
    assert len(rows) == 2
    for row in rows:
        done = engine.cli(*row)
        assert done.code == 0, (row, done.err)


@pytest.fixture
def running(engine, shop):
    """A container called shop, as the commands of the guide have it."""
    with redis(engine) as cache, kafka(engine) as address:
        with engine.start(shop, options=environment(address, cache), name="shop") as one:
            one.until("server: pid 1 ")
            yield one


def test_shell(engine, running):
    """Every command of the section about shells."""
    for row in commands(GUIDE, "Get a shell"):
        done = engine.cli(*row)
        assert done.code == 0, (row, done.err)
        assert row[0] != "run" or "startguard: " not in done.err.replace("startguard: lint", ""), row


def test_tools_see_the_files_of_the_service(engine, running):
    (row,) = [row for row in commands(GUIDE, "Get a shell") if "SYS_PTRACE" in row]
    done = engine.must(*row, "ls", "/proc/1/root/etc/startguard")
    assert done.out == "shop.cfg\n"


def test_emergency(engine, shop):
    """Neither Kafka nor Redis is there."""
    rows = {row[row.index("--name") + 1]: row for row in commands(GUIDE, "Start anyway in an emergency")}
    for name, row in rows.items():
        row[1:1] = environment("127.0.0.1:1", "redis://127.0.0.1:1")
        try:
            engine.must(*row)
            said = Container(engine, name).until("server: pid 1 ")
        finally:
            engine.cli(*engine.remove, name)
        assert ("startguard: DEGRADED" in said) == (name == "shop-degraded"), said


def test_a_check_is_not_left_out_in_prod(engine, shop):
    words = ["-p", "shop", "--skip", "kafka.orders", "--", "./server", "once"]
    done = engine.run(shop, *words, options=[*environment("127.0.0.1:1"), "--entrypoint=/startguard"])
    assert (done.code, done.out) == (77, ""), done.err
