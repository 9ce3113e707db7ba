"""A server that speaks the Redis protocol by a table, and remembers the commands.

    with RespServer({"INFO": bulk("redis_version:6.0.0\\r\\n"), "ACL DRYRUN": error("ERR unknown subcommand")}) as s:
        ... f"redis://{s.address}" ... s.commands == [["PING"]]

Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import threading

from .tcp import TcpServer, read_until_closed

MAX_LINE = 64 * 1024


def simple(text):
    return b"+" + _bytes(text) + b"\r\n"


def error(text):
    return b"-" + _bytes(text) + b"\r\n"


def integer(number):
    return b":%d\r\n" % number


def bulk(text):
    """A bulk string; None is the null one."""
    if text is None:
        return b"$-1\r\n"
    data = _bytes(text)
    return b"$%d\r\n" % len(data) + data + b"\r\n"


def array(items):
    """An array. str and None become bulk strings, int integers, list arrays; bytes are taken as already encoded."""
    if items is None:
        return b"*-1\r\n"
    return b"*%d\r\n" % len(items) + b"".join(_item(one) for one in items)


def mapping(pairs):
    """A RESP3 map, from a dict; values as in array()."""
    return b"%%%d\r\n" % len(pairs) + b"".join(_item(k) + _item(v) for k, v in pairs.items())


def _bytes(text):
    return text if isinstance(text, (bytes, bytearray)) else str(text).encode()


def _item(value):
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, (list, tuple)):
        return array(value)
    return bulk(value)


SILENT = object()  # as a script value: no answer, the connection stays open
CLOSE = object()  # as a script value: the connection ends without an answer

INFO = (
    "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nos:Linux\r\nprocess_id:1\r\ntcp_port:6379\r\n"
    "\r\n# Clients\r\nconnected_clients:1\r\nmaxclients:10000\r\n"
    "\r\n# Memory\r\nused_memory:1000000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n"
    "\r\n# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:ok\r\n"
    "\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n"
    "\r\n# Cluster\r\ncluster_enabled:0\r\n"
)


class RespServer(TcpServer):
    """script: "WORD" or "WORD WORD ..." in capitals to bytes, a callable(args) that gives bytes, SILENT, CLOSE, or a list of
    these (one after the other, the last one again and again). The longest key that begins a command wins; "*" is
    the fallback; "" is what is said when a connection is made, before any command (bytes, SILENT or CLOSE; after an
    error the connection ends, as Redis does for "max number of clients reached").
    Commands that are not in the script have the answer a healthy master gives; unknown ones an error.
    password: a str for the default user, or a dict of user to password.

    .commands: list of lists of str; .wait_for_command("PING").
    """

    def __init__(self, script=None, tls=None, password=None, **options):
        super().__init__(None, tls=tls, **options)
        self.script = {" ".join(key.upper().split()): value for key, value in (script or {}).items()}
        self.users = {"default": password} if isinstance(password, str) else dict(password or {})
        self.commands = []
        self._turns = {}
        self._lock = threading.Lock()

    @property
    def url(self):
        if self.unix:
            return f"unix://{self.unix}"
        return f"{'rediss' if self.tls else 'redis'}://{self.address}"

    def wait_for_command(self, *words, timeout=20):
        wanted = [w.upper() for w in words]

        def seen():
            return any([w.upper() for w in c[: len(wanted)]] == wanted for c in self.commands)

        with self._changed:
            if not self._changed.wait_for(seen, timeout):
                raise TimeoutError(f"no {' '.join(wanted)} after {timeout} s; seen: {self.commands}")

    def serve(self, sock):
        greeting = self._scripted("", []) if "" in self.script else b""
        if greeting is CLOSE:
            return
        if greeting is SILENT:
            read_until_closed(sock)
            return
        sock.sendall(greeting)
        if greeting.startswith(b"-"):
            return
        stream = sock.makefile("rb")
        connection = {"user": None if self.users else "default", "protocol": 2, "quit": False}
        try:
            while not connection["quit"] and (args := _read_command(stream)) is not None:
                if not args:
                    continue
                with self._changed:
                    self.commands.append(args)
                    self._changed.notify_all()
                reply = self._reply(args, connection)
                if reply is CLOSE:
                    return
                if reply is not SILENT:
                    sock.sendall(reply)
        finally:
            stream.close()

    def _reply(self, args, connection):
        words = [a.upper() for a in args]
        for length in range(len(words), 0, -1):
            key = " ".join(words[:length])
            if key in self.script:
                return self._scripted(key, args)
        name = words[0]
        if connection["user"] is None and name not in ("AUTH", "HELLO", "QUIT"):
            return error("NOAUTH Authentication required.")
        if "*" in self.script:
            return self._scripted("*", args)
        default = getattr(self, "_do_" + name.lower(), None)
        if default:
            return default(args, connection)
        tail = " ".join(f"'{a}'" for a in args[1:])
        return error(f"ERR unknown command '{args[0]}', with args beginning with: {tail}")

    def _scripted(self, key, args):
        value = self.script[key]
        if isinstance(value, list):
            with self._lock:
                turn = self._turns.get(key, 0)
                self._turns[key] = turn + 1
            value = value[min(turn, len(value) - 1)]
        return value(args) if callable(value) else value

    # ---- what a healthy master says ----

    def _login(self, user, password, connection):
        if user not in self.users or self.users[user] != password:
            return error("WRONGPASS invalid username-password pair or user is disabled.")
        connection["user"] = user
        return None

    def _do_auth(self, args, connection):
        if not self.users:
            return error(
                "ERR AUTH <password> called without any password configured for the default user. "
                "Are you sure your configuration is correct?"
            )
        if len(args) not in (2, 3):
            return error("ERR wrong number of arguments for 'auth' command")
        user = args[1] if len(args) == 3 else "default"
        return self._login(user, args[-1], connection) or simple("OK")

    def _do_hello(self, args, connection):
        if len(args) > 1 and args[1] not in ("2", "3"):
            return error("NOPROTO unsupported protocol version")
        words = [a.upper() for a in args]
        if "AUTH" in words[2:]:
            at = words.index("AUTH", 2)
            if len(args) < at + 3:
                return error("ERR Syntax error in HELLO option 'auth'")
            if self.users:
                refused = self._login(args[at + 1], args[at + 2], connection)
                if refused:
                    return refused
        if connection["user"] is None:
            return error(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
                "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
                "RESP protocol version at the same time"
            )
        if len(args) > 1:
            connection["protocol"] = int(args[1])
        about = {
            "server": "redis",
            "version": "7.0.15",
            "proto": connection["protocol"],
            "id": 1,
            "mode": "standalone",
            "role": "master",
            "modules": [],
        }
        if connection["protocol"] == 3:
            return mapping(about)
        return array([one for pair in about.items() for one in pair])

    def _do_ping(self, args, connection):
        return bulk(args[1]) if len(args) > 1 else simple("PONG")

    def _do_role(self, args, connection):
        return array(["master", 0, []])

    def _do_info(self, args, connection):
        return bulk(INFO)

    def _do_client(self, args, connection):
        return simple("OK")

    def _do_select(self, args, connection):
        if len(args) != 2 or not args[1].isdigit() or int(args[1]) > 15:
            return error("ERR DB index is out of range")
        return simple("OK")

    def _do_quit(self, args, connection):
        connection["quit"] = True
        return simple("OK")


def _read_command(stream):
    """One command as a list of str; None at the end of the connection; [] for an empty line."""
    line = stream.readline(MAX_LINE)
    if not line:
        return None
    if not line.startswith(b"*"):
        return line.decode("utf-8", "replace").split()  # an inline command
    args = []
    try:
        count = int(line[1:])
    except ValueError:
        return None
    for _ in range(count):
        size = int(stream.readline(MAX_LINE)[1:])
        args.append(stream.read(size).decode("utf-8", "replace"))
        stream.readline(MAX_LINE)
    return args
