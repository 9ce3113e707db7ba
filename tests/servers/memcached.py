"""A real memcached, started and waited for. Needs the program memcached; never touches the system's own one."""

import contextlib
import os
import socket

from . import common


class MemcachedServer(common.Server):
    """.url .address; login: ("user", "password") for an authentication file (-Y); options: further words of its command line."""

    name = "memcached"
    start_seconds = 30

    def __init__(self, *options, login=None):
        super().__init__()
        self.options = options
        self.login = login

    def prepare(self):
        self.port = common.reserve_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"memcached://{self.address}"
        if self.login:
            (self.folder / "users").write_text(":".join(self.login) + "\n")
            (self.folder / "users").chmod(0o644)
            self.folder.chmod(0o755)

    def command(self):
        words = [common.find_program("memcached", package="test"), "-l", "127.0.0.1", "-p", self.port, *self.options]
        if os.geteuid() == 0:
            words += ["-u", "nobody"]
        return words + (["-Y", self.folder / "users"] if self.login else [])

    def ask(self, *commands):
        """The first line of each answer, over one connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock, sock.makefile("rb") as stream:
            for command in commands:
                sock.sendall(command.encode())
                yield stream.readline().decode().rstrip("\r\n")

    def is_ready(self):
        with contextlib.suppress(OSError):
            return any(self.ask("version\r\n"))
        return False
