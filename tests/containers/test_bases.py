"""The two ways into an image, COPY --from and `startguard install`, on the bases that services are built on."""

import bases
import pytest
from conftest import version

SCRATCH = "scratch"
DISTROLESS = "gcr.io/distroless/base-debian13:nonroot"
TRIXIE = "debian:trixie-slim"
BOOKWORM = "debian:bookworm-slim"
PYTHON = "python:3.13-slim"
ALPINE = "alpine:3"
ONLY_DOCKER = [pytest.param(name, marks=pytest.mark.docker) for name in (BOOKWORM, PYTHON)]
BASES = [SCRATCH, DISTROLESS, ALPINE, TRIXIE, *ONLY_DOCKER]

DOCKERFILE = """FROM {base}
COPY --from=startguard:{version} /startguard /startguard
COPY server /server
ENTRYPOINT ["/startguard", "run", "-w", "redis://cache:6379", "--"]
CMD ["/server", "once"]
"""
PLAIN = """FROM {base}
COPY server /server
"""


def tag(base, way):
    return f"{way}-" + base.rpartition("/")[2].replace(":", "-")


def service(base, server, musl_server):
    return musl_server if base == ALPINE else server


@pytest.mark.parametrize("base", BASES)
def test_copied(engine, network, server, musl_server, base):
    """As README.md puts it into an image."""
    engine.build(
        tag(base, "copied"), DOCKERFILE.format(base=base, version=version()), {"server": service(base, server, musl_server)}
    )
    done = engine.run(tag(base, "copied"), options=[network])
    assert done.code == 0, done.err
    assert done.out.startswith("server: pid 1 ")
    assert "STARTGUARD_STATUS=ready" in done.out
    assert done.verdict.startswith("startguard: READY: 1 check passed")


@pytest.mark.parametrize("base", BASES)
def test_installed_into_a_volume(engine, network, image, server, musl_server, tmp_path, base):
    """The way of an init container with an emptyDir, which anybody may write: the image of the service knows nothing of it."""
    engine.build(tag(base, "plain"), PLAIN.format(base=base), {"server": service(base, server, musl_server)})
    volume = engine.folder / tag(base, "volume")
    volume.mkdir()
    volume.chmod(0o777)
    done = engine.run(image(), "install", "/guard", options=["-v", f"{volume}:/guard"])
    assert done.code == 0, done.err
    options = [network, "-v", f"{volume}:/guard:ro", "--read-only", "--cap-drop=ALL", "--user=65532:65532"]
    words = ["-w", "redis://cache:6379", "--", "/server", "once"]
    done = engine.run(tag(base, "plain"), *words, options=[*options, "--entrypoint=/guard/startguard"])
    assert done.code == 0, done.err
    assert done.out.startswith("server: pid 1 uid 65532 STARTGUARD_STATUS=ready")


def test_bundle_of_alpine(engine, authority):
    """Alpine has its bundle in a place of its own."""
    cert = authority.issue("localhost")
    engine.build("alpine-guarded", f"FROM {ALPINE}\nCOPY --from=startguard:{version()} /startguard /startguard\n")
    words = ["openssl", "s_server", "-accept", "8444", "-www", "-cert", cert.cert_file, "-key", cert.key_file]
    with engine.beside(*words, ready=lambda process: process.stdout.readline()):
        done = engine.run(
            "alpine-guarded", "/startguard", "-w", "https://localhost:8444/", "-t", "5s", options=["--network=host"]
        )
    assert done.code == 0, done.err


@pytest.mark.docker
def test_python_image_runs_python(engine, network):
    """The service is a script; the check of its modules needs the image's interpreter."""
    profile = 'startguard = 1;\npython: { app: { interpreter = "python3"; modules = ["json", "ssl"]; }; };\n'
    text = f"FROM {PYTHON}\nCOPY --from=startguard:{version()} /startguard /startguard\nCOPY app.cfg /etc/startguard/\n"
    engine.build("python-guarded", text, {"app.cfg": profile})
    done = engine.run("python-guarded", "/startguard", "-p", "app", "--", "python3", "-c", "import os; print(os.getpid())")
    assert (done.code, done.out) == (0, "1\n"), done.err


def test_every_base_is_tried():
    assert {name.removeprefix("docker.io/library/") for name in [*bases.DEBIAN, bases.ALPINE]} - {"redis:7"} <= {
        getattr(base, "values", [base])[0] for base in BASES
    }
