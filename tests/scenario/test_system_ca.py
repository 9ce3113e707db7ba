"""Which CAs are trusted: the system's, found in the same places by every kind, or those of ca_file and ca_path alone.

Each run has an /etc of its own, so that the machine's CAs play no part.
"""

import pathlib
import shlex
import shutil
import subprocess

import pytest

from fakes.certs import Authority, server_context
from fakes.http import HttpServer
from fakes.kafka import FakeKafka
from fakes.tcp import TcpServer, silent
from harness import unshare

BUNDLES = [
    "ssl/certs/ca-certificates.crt",
    "pki/tls/certs/ca-bundle.crt",
    "ssl/ca-bundle.pem",
    "ssl/cert.pem",
    "pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
]
KINDS = ["tcp", "http", "kafka"]  # their TLS is startguard's own, curl's and librdkafka's
NEEDED = ["hosts", "passwd", "group", "nsswitch.conf", "resolv.conf", "ld.so.cache"]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca", name="system CA")


class Etc:
    """An /etc for a run."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        for name in NEEDED:
            if pathlib.Path("/etc", name).exists():
                shutil.copy(f"/etc/{name}", folder / name)

    def add(self, place, file):
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, path)

    def before(self):
        return unshare("--mount", "sh", "-c", f'mount --bind {shlex.quote(str(self.folder))} /etc && exec "$@"', "sh")


@pytest.fixture
def etc(tmp_path):
    return Etc(tmp_path / "etc")


@pytest.fixture
def servers(authority):
    """The server of each kind, with a certificate of the authority."""
    cert = authority.issue()
    with (
        TcpServer(silent, tls=server_context(cert)) as tcp,
        HttpServer({"/": "fine"}, tls=server_context(cert)) as http,
        FakeKafka(tls=server_context(cert)) as kafka,
    ):
        yield {
            "tcp": f'address = "{tcp.address}"; tls = true;',
            "http": f'url = "{http.url}/";',
            "kafka": f'bootstrap_servers = "{kafka.bootstrap}"; properties = ["security.protocol=ssl"];',
        }


def check(guard, etc, servers, kind, keys="", env={}):
    return guard.check(
        f'startguard = 1; service = "s"; {kind}: {{ x: {{ {servers[kind]} {keys} }}; }};', before=etc.before(), env=env
    )


def hashed(file):
    done = subprocess.run(["openssl", "x509", "-noout", "-hash", "-in", file], capture_output=True, text=True, check=True)
    return f"{done.stdout.strip()}.0"


@pytest.mark.near_miss("tls-unknown-ca")
@pytest.mark.parametrize("place", BUNDLES)
@pytest.mark.parametrize("kind", KINDS)
def test_bundle_of_the_system(guard, etc, servers, authority, kind, place):
    etc.add(place, authority.ca_file)
    check(guard, etc, servers, kind).passed()


@pytest.mark.near_miss("tls-unknown-ca")
@pytest.mark.parametrize("kind", KINDS)
def test_folder_of_the_system(guard, etc, servers, authority, kind):
    etc.add(f"ssl/certs/{hashed(authority.ca_file)}", authority.ca_file)
    check(guard, etc, servers, kind).passed()


@pytest.mark.near_miss("tls-unknown-ca")
@pytest.mark.parametrize("kind", KINDS)
def test_bundle_beside_a_folder_without_it(guard, etc, servers, authority, tmp_path, kind):
    """A file that was mounted over the image's bundle, whose folder of hashed names is still the image's."""
    other = Authority(tmp_path / "other", name="other CA")
    etc.add(f"ssl/certs/{hashed(other.ca_file)}", other.ca_file)
    etc.add("ssl/certs/ca-certificates.crt", authority.ca_file)
    check(guard, etc, servers, kind).passed()


@pytest.mark.near_miss("tls-unknown-ca")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", KINDS)
def test_variables(guard, etc, servers, authority, tmp_path, kind, variable):
    folder = tmp_path / "mine"
    folder.mkdir()
    file = shutil.copy(authority.ca_file, folder / hashed(authority.ca_file))
    check(guard, etc, servers, kind, env={variable: file if variable == "SSL_CERT_FILE" else folder}).passed()


@pytest.mark.produces("tls-unknown-ca")
@pytest.mark.parametrize("kind", KINDS)
def test_no_certificates_at_all(guard, etc, servers, kind):
    check(guard, etc, servers, kind).expect("tls-unknown-ca")


@pytest.mark.produces("tls-unknown-ca")
@pytest.mark.parametrize("kind", KINDS)
def test_variable_instead_of_the_bundle(guard, etc, servers, authority, tmp_path, kind):
    other = Authority(tmp_path / "other", name="other CA")
    etc.add("ssl/certs/ca-certificates.crt", authority.ca_file)
    check(guard, etc, servers, kind, env={"SSL_CERT_FILE": other.ca_file}).expect("tls-unknown-ca")


@pytest.mark.near_miss("tls-unknown-ca")
@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_ca_path(guard, etc, servers, authority, tmp_path, kind):
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(authority.ca_file, folder / hashed(authority.ca_file))
    check(guard, etc, servers, kind, f'ca_path = "{folder}";').passed()


@pytest.mark.produces("tls-unknown-ca")
@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_ca_path_is_instead_of_the_system(guard, etc, servers, authority, tmp_path, kind):
    for place in [*BUNDLES, f"ssl/certs/{hashed(authority.ca_file)}"]:
        etc.add(place, authority.ca_file)
    (tmp_path / "empty").mkdir()
    check(guard, etc, servers, kind, f'ca_path = "{tmp_path}/empty";').expect("tls-unknown-ca")


@pytest.mark.produces("tls-unknown-ca")
@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_ca_file_is_instead_of_the_system(guard, etc, servers, authority, tmp_path, kind):
    other = Authority(tmp_path / "other", name="other CA")
    for place in [*BUNDLES, f"ssl/certs/{hashed(authority.ca_file)}"]:
        etc.add(place, authority.ca_file)
    check(guard, etc, servers, kind, f'ca_file = "{other.ca_file}";').expect("tls-unknown-ca")
