"""An HTTP/1.1 server that answers by a table, and remembers what it was asked.

with HttpServer({"/health": Reply(body={"ok": True}), "POST /v1/data/*": [Reply(503), Reply(200, body="{}")]}) as s:
    ... s.url + "/health" ... s.requests[0].headers["authorization"] ...
"""

import json
from dataclasses import dataclass, field
from http import HTTPStatus

from .tcp import TcpServer

MAX_HEAD = 256 * 1024


class Headers(dict):
    """Header fields; looked up without regard to case. Of a repeated field the last one is kept."""

    def __setitem__(self, name, value):
        super().__setitem__(name.lower(), value)

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


@dataclass
class Request:
    """.path is without the query, .target as it was sent."""

    method: str
    path: str
    headers: Headers
    body: bytes = b""
    target: str = ""
    query: str = ""

    def json(self):
        return json.loads(self.body)


@dataclass
class Reply:
    """body: bytes as they are, str as UTF-8 text, anything else but None as JSON.

    delay:     seconds before the first byte.
    truncate:  send only so many bytes of the body although content-length promises all, then close.
    chunked:   transfer-encoding chunked instead of content-length.
    close:     end the connection after this answer; without content-length the end of the connection ends the body.
    raw:       exactly these bytes instead of an answer, then close.
    drip:      pause in seconds after each byte of the body.
    """

    status: int = 200
    body: object = b""
    headers: dict = field(default_factory=dict)
    content_type: str = None
    delay: float = 0
    truncate: int = None
    chunked: bool = False
    close: bool = False
    reason: str = None
    raw: bytes = None
    drip: float = 0

    def encoded(self):
        """(bytes, content type) of the body."""
        if self.body is None:
            return b"", self.content_type
        if isinstance(self.body, (bytes, bytearray)):
            return bytes(self.body), self.content_type or ("application/octet-stream" if self.body else None)
        if isinstance(self.body, str):
            return self.body.encode(), self.content_type or "text/plain; charset=utf-8"
        return json.dumps(self.body).encode(), self.content_type or "application/json"


def json_reply(value, status=200, **options):
    """Any value as JSON, also a str or None."""
    return Reply(status, json.dumps(value), content_type="application/json", **options)


class HttpServer(TcpServer):
    """routes: "METHOD /path", "/path", "METHOD /prefix/*", "/prefix/*" or "*" to a Reply, a callable(request) that
    gives one, or a list of these: one after the other, the last one again and again. The target with its query is
    looked up first, then the path, then prefixes from long to short, then "*" (404 "not found"). Anything else stands for Reply(body=it).

    .url (no slash at the end) .port .requests
    """

    def __init__(self, routes=None, tls=None, **options):
        super().__init__(None, tls=tls, **options)
        self.routes = dict(routes or {})
        self.requests = []
        self._turns = {}

    @property
    def url(self):
        if self.unix:
            return "http://localhost"
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def wait_for_requests(self, count=1, timeout=20):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} requests after {timeout} s, expected {count}")

    def serve(self, sock):
        stream = sock.makefile("rb")
        try:
            while (request := _read_request(stream, sock)) is not None:
                with self._changed:
                    reply = self._route(request)
                    self.requests.append(request)
                    self._changed.notify_all()
                if not isinstance(reply, Reply):
                    reply = reply(request) if callable(reply) else Reply(body=reply)
                if reply.delay and self.stopping.wait(reply.delay):
                    return
                if not self._send(sock, request, reply):
                    return
        finally:
            stream.close()

    def _route(self, request):
        key = self._key(request)
        if key is None:
            return Reply(404, "not found")
        value = self.routes[key]
        if not isinstance(value, list):
            return value
        turn = self._turns.get(key, 0)
        self._turns[key] = turn + 1
        return value[min(turn, len(value) - 1)]

    def _key(self, request):
        wanted = [request.target, request.path]
        parts = request.path.split("/")
        wanted += ["/".join(parts[:i]) + "/*" for i in range(len(parts) - 1, 0, -1)] + ["*"]
        for one in wanted:
            for key in (f"{request.method} {one}", one):
                if key in self.routes:
                    return key
        return None

    def _send(self, sock, request, reply):
        """True when the connection can be used again."""
        if reply.raw is not None:
            sock.sendall(reply.raw)
            return False
        body, content_type = reply.encoded()
        headers = Headers()
        if content_type:
            headers["content-type"] = content_type
        for name, value in reply.headers.items():
            headers[name] = str(value)
        empty = reply.status < 200 or reply.status in (204, 304)
        if reply.chunked:
            headers["transfer-encoding"] = "chunked"
        elif "content-length" not in headers and not reply.close and not empty:
            headers["content-length"] = str(len(body))
        close = reply.close or reply.truncate is not None or request.headers.get("connection", "").lower() == "close"
        if close:
            headers["connection"] = "close"
        sock.sendall(_head(reply, headers))
        if request.method != "HEAD" and not empty and not self._send_body(sock, reply, body):
            return False
        return not close

    def _send_body(self, sock, reply, body):
        if reply.chunked and body:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
        if reply.chunked:
            body += b"0\r\n\r\n"
        if reply.truncate is not None:
            body = body[: reply.truncate]
        if not reply.drip:
            sock.sendall(body)
            return True
        for i in range(len(body)):
            sock.sendall(body[i : i + 1])
            if self.stopping.wait(reply.drip):
                return False
        return True


def _head(reply, headers):
    reason = reply.reason
    if reason is None:
        reason = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus._value2member_map_ else "Status"
    lines = [f"HTTP/1.1 {reply.status} {reason}"] + [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _read_request(stream, sock):
    line = stream.readline(MAX_HEAD)
    if not line.strip():
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        return None
    headers = Headers()
    while (line := stream.readline(MAX_HEAD)).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    path, _, query = words[1].partition("?")
    return Request(words[0], path, headers, _read_body(stream, headers), words[1], query)


def _read_body(stream, headers):
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return stream.read(int(headers.get("content-length", 0)))
    body = b""
    while size := int(stream.readline(MAX_HEAD).split(b";")[0] or b"0", 16):
        body += stream.read(size)
        stream.readline(MAX_HEAD)
    while stream.readline(MAX_HEAD).strip():
        pass
    return body
