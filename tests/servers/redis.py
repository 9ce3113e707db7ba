"""A real redis-server: password, ACL users, TLS, replica, and LOADING for as long as wanted.

Users: default (password DEFAULT_PASSWORD unless told otherwise) and limited (may PING and read keys
that begin with "open:"). Needs the program redis-server; never touches the system's own one.
"""

import contextlib
import socket
import ssl
import subprocess

from . import common
from .certs import Authority

DEFAULT_PASSWORD = "redis-secret"
LIMITED_PASSWORD = "limited-secret"
LOADING_KEYS = 2000  # of VALUE_SIZE each: the server looks at its sockets once every 1024 bytes read
VALUE_SIZE = 1000
TIMEOUT = 20


class RedisError(Exception):
    """An error reply; the text begins with the word that tells its kind, as in LOADING or NOAUTH."""


class Connection:
    """Just enough of RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""

    def __init__(self, sock):
        self._socket = sock
        self._stream = sock.makefile("rb")

    def close(self):
        self._stream.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        wire = b"*%d\r\n" % len(parts)
        self._socket.sendall(wire + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def receive(self):
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        raise ConnectionError(f"not RESP: {line!r}")

    def ask(self, *words):
        self.send(*words)
        return self.receive()


class RedisServer(common.Server):
    """password: of the user default, None for none. tls: a second port with TLS.

    replica_of: another RedisServer. config: more lines of redis.conf.
    """

    name = "redis"
    start_seconds = 30

    def __init__(self, *, password=DEFAULT_PASSWORD, tls=False, replica_of=None, config=None):
        super().__init__()
        self.password = password
        self.tls = tls
        self.replica_of = replica_of
        self.config = config or {}
        self.users = {"default": password, "limited": LIMITED_PASSWORD}
        self._load_delay = 0

    def prepare(self):
        self.port = common.reserve_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = self._url("redis", self.port)
        self.socket_file = self.folder / "redis.sock"
        if self.tls:
            self._authority = Authority(self.folder / "certs")
            self.ca_file = self._authority.ca_file
            self._cert = self._authority.issue("redis-server")
            self.tls_port = common.reserve_port()
            self.tls_url = self._url("rediss", self.tls_port)

    def _url(self, scheme, port):
        login = f":{self.password}@" if self.password else ""
        return f"{scheme}://{login}127.0.0.1:{port}/0"

    def command(self):
        program = common.find_program("redis-server", package="test")
        file = self.folder / "redis.conf"
        file.write_text("".join(f"{key} {value}\n" for key, value in self._lines()))
        return [program, file]

    def _lines(self):
        lines = [
            ("bind", "127.0.0.1"),
            ("port", self.port),
            ("unixsocket", self.socket_file),
            ("dir", self.folder),
            ("save", '""'),
            ("rdbcompression", "no"),
            ("daemonize", "no"),
            ("repl-diskless-sync-delay", "0"),
            ("user", f"limited on >{LIMITED_PASSWORD} ~open:* +ping +@read"),
        ]
        if self.password:
            lines.append(("requirepass", self.password))
        if self.tls:
            lines += [
                ("tls-port", self.tls_port),
                ("tls-cert-file", self._cert[0]),
                ("tls-key-file", self._cert[1]),
                ("tls-ca-cert-file", self.ca_file),
                ("tls-auth-clients", "no"),
            ]
        if self.replica_of:
            lines.append(("replicaof", f"127.0.0.1 {self.replica_of.port}"))
            if self.replica_of.password:
                lines.append(("masterauth", self.replica_of.password))
        if self._load_delay:
            lines.append(("key-load-delay", self._load_delay))
            lines.append(("loading-process-events-interval-bytes", 1024))
        return lines + list(self.config.items())

    def is_ready(self):
        """Any answer to PING will do while loading is what was asked for."""
        try:
            with self.connect() as connection:
                connection.ask("PING")
        except RedisError as error:
            return bool(self._load_delay) and str(error).startswith("LOADING")
        except OSError:
            return False
        # A fast start is done loading before a delay could be seen: not what was asked for.
        return not self._load_delay

    def addresses(self):
        return {"REDIS_URL": self.url, "REDIS_SOCKET": self.socket_file} | (
            {"REDIS_TLS_URL": self.tls_url, "REDIS_CA_FILE": self.ca_file} if self.tls else {}
        )

    # --- clients ---

    @contextlib.contextmanager
    def connect(self, user="default", password=None, *, tls=False):
        """A connection that has logged in; password None is the right one, "" does not log in."""
        sock = socket.create_connection(("127.0.0.1", self.tls_port if tls else self.port), timeout=TIMEOUT)
        if tls:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
        with Connection(sock) as connection:
            word = self.users[user] if password is None else password
            if word:
                connection.ask("AUTH", user, word)
            yield connection

    def ask(self, *words):
        """One command as the user default."""
        with self.connect() as connection:
            return connection.ask(*words)

    # --- states ---

    def start_loading(self, seconds=120):
        """Restarts it with so much data and so slow a reading that it says LOADING for `seconds`,
        or until finish_loading()."""
        self._fill()
        self.ask("SAVE")
        self.halt()
        self._load_delay = max(1, int(seconds * 1_000_000 / LOADING_KEYS))
        return self.start()

    def finish_loading(self):
        """Returns once it serves again."""
        self._load_delay = 0
        self.ask("CONFIG", "SET", "key-load-delay", "0")
        common.wait_for(self.is_ready, what="redis done loading", alive=self.assert_alive)

    def _fill(self):
        value = b"x" * VALUE_SIZE
        with self.connect() as connection:
            for number in range(LOADING_KEYS):
                connection.send("SET", f"loading:{number}", value)
            for _ in range(LOADING_KEYS):
                connection.receive()

    def wait_replica(self):
        """Of a replica: returns once its link to the master is up."""

        def link_is_up():
            return "master_link_status:up" in self.ask("INFO", "replication")

        common.wait_for(link_is_up, what="replica connected", alive=self.assert_alive)

    def wait_link_down(self):
        """Of a replica whose master was stopped: returns once it has noticed."""

        def link_is_down():
            return "master_link_status:down" in self.ask("INFO", "replication")

        common.wait_for(link_is_down, what="replica without master", alive=self.assert_alive)


def version():
    """(7, 0, 15)"""
    program = common.find_program("redis-server", package="test")
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    (word,) = [word for word in said.split() if word.startswith("v=")]
    return tuple(int(part) for part in word[2:].split("."))
