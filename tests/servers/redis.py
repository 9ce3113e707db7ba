"""A real redis-server, started and waited for: the tests' and the demo's one way to have one.

With or without a password, with TLS on a port of its own, LOADING for as long as wanted. Needs the program redis-server;
never touches the system's own one.
"""

import contextlib
import socket

from . import common

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
    """.url (TCP) .socket_url; with tls=True also .tls_url and .ca_file. options: more lines of redis.conf, "_" for "-"."""

    name = "redis"
    start_seconds = 30

    def __init__(self, *, password=None, tls=False, **options):
        super().__init__()
        self.password = password
        self.tls = tls
        self.options = options
        self._load_delay = 0

    def prepare(self):
        self.port = common.reserve_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._socket_file = self.folder / "redis.sock"
        self.socket_url = f"unix://{self._socket_file}"
        if self.tls:
            from fakes.certs import Authority  # needs a package from PyPI, and make demo has none

            authority = Authority(self.folder / "certs")
            self.ca_file = authority.ca_file
            self._cert = authority.issue()
            self._tls_port = common.reserve_port()
            self.tls_url = f"rediss://127.0.0.1:{self._tls_port}"

    def command(self):
        program = common.find_program("redis-server", package="test")
        file = self.folder / "redis.conf"
        file.write_text("".join(f"{key} {value}\n" for key, value in self._lines()))
        return [program, file]

    def _lines(self):
        lines = [
            ("bind", "127.0.0.1"),
            ("port", self.port),
            ("unixsocket", self._socket_file),
            ("dir", self.folder),
            ("save", '""'),
            ("rdbcompression", "no"),
        ]
        if self.password:
            lines.append(("requirepass", self.password))
        if self.tls:
            lines += [
                ("tls-port", self._tls_port),
                ("tls-cert-file", self._cert.cert_file),
                ("tls-key-file", self._cert.key_file),
                ("tls-ca-cert-file", self.ca_file),
                ("tls-auth-clients", "no"),
            ]
        if self._load_delay:
            lines.append(("key-load-delay", self._load_delay))
            lines.append(("loading-process-events-interval-bytes", 1024))
        return lines + [(name.replace("_", "-"), value) for name, value in self.options.items()]

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

    # --- clients ---

    @contextlib.contextmanager
    def connect(self):
        """A connection that has logged in."""
        with Connection(socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)) as connection:
            if self.password:
                connection.ask("AUTH", self.password)
            yield connection

    def ask(self, *words):
        """One command."""
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


class SentinelServer(RedisServer):
    """A real sentinel that watches `master`, a RedisServer, by the name "m"."""

    name = "sentinel"

    def __init__(self, master, **options):
        super().__init__(**options)
        self.master = master

    def command(self):
        return [*super().command(), "--sentinel"]

    def _lines(self):
        lines = [("bind", "127.0.0.1"), ("port", self.port), ("dir", self.folder)]
        if self.password:
            lines.append(("requirepass", self.password))
        lines.append(("sentinel", f"monitor m 127.0.0.1 {self.master.port} 1"))
        if self.master.password:
            lines.append(("sentinel", f"auth-pass m {self.master.password}"))
        return lines
