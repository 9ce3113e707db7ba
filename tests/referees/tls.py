"""Asks openssl s_client for its verdict on the chain of each row of certificates.py, and the host that the client wants."""

import contextlib
import ipaddress
import re
import ssl
import subprocess
import tempfile

from fakes.tcp import TcpServer
from referees import certificates, common


@contextlib.contextmanager
def server(chain, key):
    """A server with these files, whatever they hold."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(chain, key)
    with TcpServer(lambda connection: None, tls=context) as s:
        yield s


def is_address(host):
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def verdict(port, host, ca_file):
    """The number of the first verify error and its words; 0 for none."""
    wanted = ["-verify_ip", host] if is_address(host) else ["-verify_hostname", host, "-servername", host]
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca_file, "-no-CApath", "-no-CAstore"]
        + ["-verify_return_error", *wanted],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=30,
    )
    said = done.stdout + done.stderr
    error = re.search(r"verify error:num=(\d+):(.*)", said)
    if not error and "Verify return code: 0 (ok)" not in said:
        raise AssertionError(said)
    return (int(error[1]), error[2].strip()) if error else (0, "ok")


def rows():
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, (_, host, _)) in enumerate(certificates.ROWS.items()):
            chain, key, ca = certificates.write(name, f"{folder}/{i}")
            with server(chain, key) as s:
                number, words = verdict(s.port, host, ca)
            yield {"name": name, "host": host, "number": number, "openssl": words}


def main(arguments):
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split(" (")[0]
    return common.settle("tls", [version.strip()], list(rows()), "--write" in arguments)
