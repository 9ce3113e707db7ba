"""The engines with the images in them: the shipped ones, built by packaging/images, and bases for images of users."""

import contextlib
import itertools
import pathlib
import re
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
pytest.register_assert_rewrite("engines")

import bases  # noqa: E402
from engines import ROOT, Container, Docker, Podman, call  # noqa: E402

from fakes.certs import Authority  # noqa: E402
from servers.common import find_program  # noqa: E402

ENGINES = {"docker": Docker, "podman": Podman}
_number = itertools.count(1)

SOURCE = "https://example.org/startguard"
BATTERY = """FROM scratch
COPY --from=startguard:{version} /startguard /startguard
COPY busybox /bin/busybox
COPY sh /bin/
"""


def version():
    return re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.M)[1]


def pytest_addoption(parser):
    parser.addoption("--engine", choices=ENGINES, help="only the tests with this engine; those without any go with docker")


def pytest_collection_modifyitems(config, items):
    """Leaves out the other engine, and what podman does not have to repeat (the marker docker)."""
    wanted = config.getoption("--engine")
    left, out = [], []
    for item in items:
        engine = item.callspec.params.get("engine", "docker") if hasattr(item, "callspec") else "docker"
        fits = wanted in (None, engine) and not (engine == "podman" and item.get_closest_marker("docker"))
        (left if fits else out).append(item)
    items[:] = left
    config.hook.pytest_deselected(items=out)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The CA that the look-alikes trust which have a bundle of their own."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The service of these tests, linked statically."""
    return compile_server(tmp_path_factory, "gcc", "-static")


@pytest.fixture(scope="session")
def musl_server(tmp_path_factory):
    """The same for musl, which loads it."""
    return compile_server(tmp_path_factory, "musl-gcc")


def compile_server(tmp_path_factory, *compiler):
    out = tmp_path_factory.mktemp("server") / "server"
    done = call([*compiler, "-O1", "-Wall", "-Werror", "-o", out, pathlib.Path(__file__).with_name("server.c")])
    assert done.code == 0, done.err
    return out


@pytest.fixture(scope="session", params=ENGINES)
def engine(request, authority):
    # podman wants a short path.
    with ENGINES[request.param](tempfile.mkdtemp(prefix="startguard-")) as one:
        one.prepare()
        import_bases(one, authority)
        build_shipped(one)
        one.enter()
        build_battery(one)
        yield one


def import_bases(engine, authority):
    for name in bases.DEBIAN if engine.name == "docker" else bases.SECOND_ENGINE:
        engine.import_root(bases.debian_root(name), name, *bases.CHANGES.get(name, []))
    engine.import_root(bases.alpine_root(engine.folder, authority), bases.ALPINE, 'CMD ["/bin/sh"]')


def build_shipped(engine):
    """As `make images` does, with this engine and the network of this machine."""
    env = {"CONTAINER_ENGINE": engine.builder(), "IMAGE_FLAGS": "--network=host", "IMAGE_SOURCE": SOURCE, **engine.env}
    done = call([ROOT / "packaging" / "images"], env=env, timeout=300)
    assert done.code == 0, done.err


def build_battery(engine):
    """Busybox beside the guard: commands to start."""
    busybox = pathlib.Path("/bin/busybox")
    engine.build("battery", BATTERY.format(version=version()), {"busybox": busybox, "sh": busybox})


@pytest.fixture(scope="session")
def network(engine):
    """A network in which containers find each other by name, with a Redis called cache."""
    engine.must("network", "create", "shop")
    with engine.start("redis:7", options=["--network=shop"], name="cache") as cache:
        cache.until("Ready to accept connections")
        yield "--network=shop"


@pytest.fixture(scope="session")
def image():
    """image("debian") is the name of the image of that target; image() that of scratch."""
    return lambda target="": f"startguard:{version()}" + (f"-{target}" if target else "")


class Project:
    """A project of compose on Docker. Its files are texts or paths; paths stay where they are."""

    def __init__(self, engine, folder, files, env):
        self.engine, self.folder, self.env = engine, folder, env
        self.name = f"project{next(_number)}"
        self.files = [self.place(one) for one in files]

    def place(self, one):
        if isinstance(one, pathlib.Path):
            return one
        path = self.folder / f"{self.name}-{next(_number)}.yaml"
        path.write_text(one)
        return path

    def call(self, *words):
        program = find_program("docker-compose", package="containers")
        files = [word for path in self.files for word in ("-f", path)]
        env = {**self.engine.env, "COMPOSE_DOCKER_CLI_BUILD": "1", **self.env}
        return call([program, "-p", self.name, *files, *words], env=env, timeout=120)

    def up(self):
        done = self.call("up", "-d")
        assert done.code == 0, done.out + done.err

    def find(self, service):
        ids = self.call("ps", "-q", service).out.split()
        return Container(self.engine, ids[0]) if ids else None

    def container(self, service):
        one = self.find(service)
        assert one, f"compose made no container for {service}"
        return one


@pytest.fixture
def compose(engine, tmp_path):
    """compose(FILE...) is a project; it is taken down at the end."""

    @contextlib.contextmanager
    def start(*files, env={}):
        project = Project(engine, tmp_path, files, env)
        try:
            yield project
        finally:
            project.call("down", "-v", "-t", "1")

    return start
