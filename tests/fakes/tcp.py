"""A TCP or unix-socket server with one thread per connection, and the ways in which a server can misbehave.

    with TcpServer(silent) as server:
        ... server.address ...

A handler is called as handler(sock) and may return whenever it likes; the connection is then closed without a
reset. When the server ends, every open connection is shut down, so a handler that waits for its peer comes back.
"""

import contextlib
import os
import select
import socket
import ssl
import struct
import tempfile
import threading
import time

JOIN_SECONDS = 10
HANDSHAKE_SECONDS = 20


class TcpServer:
    """Accepts connections and hands each to `handler` in a thread of its own.

    unix: True for a socket in a temporary folder, or the path of the socket.
    tls:  an ssl.SSLContext; the handshake is done before the handler is called. A failed handshake is kept in
          .handshake_errors and the handler is not called.
    port: 0 for an ephemeral one; a number from refused_port() makes a server appear where nothing listened.

    .port .host .address ("127.0.0.1:PORT", or the path of the unix socket) .connections (accepted so far)
    .handshake_errors; wait_for_connections(n).
    An exception of the handler that is not an OSError is raised again when the server ends.
    """

    def __init__(self, handler, *, host="127.0.0.1", port=0, unix=None, tls=None, backlog=128):
        self.handler = handler
        self.host = host
        self.port = port
        self.tls = tls
        self.backlog = backlog
        self.unix = unix
        self.connections = 0
        self.handshake_errors = []
        self.stopping = threading.Event()
        self._errors = []
        self._changed = threading.Condition()
        self._open = {}
        self._threads = []
        self._listener = None
        self._folder = None

    @property
    def address(self):
        if self.unix:
            return str(self.unix)
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self):
        if self.unix:
            if self.unix is True:
                self._folder = tempfile.TemporaryDirectory(prefix="sock-")
                self.unix = os.path.join(self._folder.name, "s")
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(self.unix))
        else:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            self._listener = socket.socket(family, socket.SOCK_STREAM)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((self.host, self.port))
            self.port = self._listener.getsockname()[1]
        self._listener.listen(self.backlog)
        self._start_thread(self._accept)
        return self

    def stop(self):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        with self._changed:
            for sock in list(self._open.values()):
                _shutdown(sock, socket.SHUT_RDWR)
        deadline = time.monotonic() + JOIN_SECONDS
        for thread in list(self._threads):
            thread.join(max(0, deadline - time.monotonic()))
        self._listener.close()
        if self.unix and not self._folder:
            with contextlib.suppress(OSError):
                os.unlink(self.unix)
        if self._folder:
            self._folder.cleanup()
        alive = [t.name for t in self._threads if t.is_alive()]
        if alive:
            raise RuntimeError(f"{type(self).__name__}: handlers did not end within {JOIN_SECONDS} s: {alive}")

    def wait_for_connections(self, count=1, timeout=20):
        """Returns when `count` connections have been accepted; an error after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.connections >= count, timeout):
                raise TimeoutError(f"{self.connections} connections after {timeout} s, expected {count}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()
        if self._errors and kind is None:
            raise self._errors[0]

    def _start_thread(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True, name=f"{type(self).__name__}-{target.__name__}")
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:  # as servers do; without it a second write waits 40 ms for an ACK
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                if self.stopping.is_set():
                    sock.close()
                    return
                self.connections += 1
                key = self.connections
                self._open[key] = sock
                self._changed.notify_all()
            self._threads = [t for t in self._threads if t.is_alive()]
            self._start_thread(self._serve, key, sock)

    def _serve(self, key, sock):
        try:
            if self.tls:
                sock = self._handshake(key, sock)
            if sock:
                self.serve(sock)
                _finish(sock)
        except (OSError, ssl.SSLError):
            pass  # the peer went away, or the handler closed the socket itself
        except Exception as error:  # a bug in the test's own handler
            self._errors.append(error)
        finally:
            with self._changed:
                last = self._open.pop(key, None)
            for one in (sock, last):
                if one:
                    one.close()

    def serve(self, sock):
        """One connection. Subclasses speak their protocol here."""
        self.handler(sock)

    def _handshake(self, key, plain):
        sock = self.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._changed:
            self._open[key] = sock
            if self.stopping.is_set():
                _shutdown(sock, socket.SHUT_RDWR)
        sock.settimeout(HANDSHAKE_SECONDS)
        try:
            sock.do_handshake()
        except OSError as error:
            self.handshake_errors.append(error)
            # The alert must reach the peer: closing with unread bytes would reset the connection before it is read.
            _finish(sock)
            sock.close()
            return None
        sock.settimeout(None)
        return sock


def _shutdown(sock, how):
    # Not sock.shutdown(): on a TLS socket that drops the TLS state under the feet of the thread that reads from it.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, how)


def _finish(sock):
    """Ends our side, then reads what the peer still sends, so that the close is an end of file and never a reset."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(sock, ssl.SSLSocket):
            sock.settimeout(1)
            with contextlib.suppress(OSError, ValueError):
                sock.unwrap()  # close_notify
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(JOIN_SECONDS / 2)
        while sock.recv(65536):
            pass


def read_until_closed(sock):
    """Reads and forgets until the peer or the server ends the connection."""
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass


def peer_stays(sock, seconds):
    """Waits, reading and forgetting; False as soon as the connection has ended."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending()
        if pending or select.select([sock], [], [], left)[0]:
            if not sock.recv(65536):
                return False
    return True


# ---- ready handlers ----


def silent(sock):
    """Accepts, reads everything, never says a word."""
    read_until_closed(sock)


def close_at_once(sock):
    """An end of file right after the connection is made, without a reset."""


def reset(sock):
    """A reset right after the connection is made."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def reset_after_request(sock):
    """A reset as soon as the peer has said something."""
    sock.recv(1)
    reset(sock)


def tls_or(end, context):
    """A TLS listener that says nothing to whoever does not begin a handshake: then `end` (reset, close_at_once) is done."""

    def handler(sock):
        if sock.recv(1, socket.MSG_PEEK) != b"\x16":
            sock.recv(65536)
            return end(sock)
        with context.wrap_socket(sock, server_side=True) as inner:
            read_until_closed(inner)
        return None

    return handler


def garbage(data=b"\x00\xff\x13\x37 not a protocol \x1b[31m\r\n"):
    """Sends `data` at once, whatever the peer says, and ends the connection."""

    def handler(sock):
        sock.sendall(data)

    return handler


def banner(data):
    """Sends `data` at once and keeps the connection open."""

    def handler(sock):
        sock.sendall(data)
        read_until_closed(sock)

    return handler


def answer(data):
    """Waits for the first bytes of the peer, sends `data`, ends the connection."""

    def handler(sock):
        if sock.recv(65536):
            sock.sendall(data)

    return handler


def drip(data, seconds):
    """Sends `data` one byte at a time with a pause of `seconds` after each, then goes on silently."""

    def handler(sock):
        for i in range(len(data)):
            sock.sendall(data[i : i + 1])
            if not peer_stays(sock, seconds):
                return
        read_until_closed(sock)

    return handler


def forever(chunk, prefix=b""):
    """Sends `prefix`, then `chunk` again and again, as fast as the peer reads."""

    def handler(sock):
        sock.sendall(prefix)
        while True:
            sock.sendall(chunk)

    return handler


def with_proxy_line(port):
    """A load balancer in front of a real server at `port`, which begins each connection with a line of the PROXY protocol."""

    def handler(sock):
        with socket.create_connection(("127.0.0.1", port)) as server:
            server.sendall(b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 %d\r\n" % port)
            back = threading.Thread(target=copy, args=(server, sock), daemon=True)
            back.start()
            copy(sock, server)
            back.join(JOIN_SECONDS)

    return handler


def copy(source, target):
    """Sends to one socket what the other receives, up to its end."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


# ---- addresses that do not work ----

_held = []


def refused_port(host="127.0.0.1"):
    """A port at which connections are refused. It is kept bound, so that nobody else gets it, for the life of this
    process; TcpServer(port=...) can all the same listen there later."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, 0))
    _held.append(sock)
    return sock.getsockname()[1]


class _Full:
    def __init__(self, host, port):
        self.host, self.port, self.address = host, port, f"{host}:{port}"


@contextlib.contextmanager
def full_backlog():
    """A listener that accepts nothing and whose queue is full: the kernel drops further attempts, so they time out."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        where = listener.getsockname()
        for _ in range(64):
            one = stack.enter_context(socket.socket())
            one.settimeout(0.3)
            try:
                one.connect(where)
            except TimeoutError:
                break  # this one was dropped: the queue is full
        else:
            raise RuntimeError("the queue of a listener with backlog 0 does not fill on this kernel")
        yield _Full(*where)
