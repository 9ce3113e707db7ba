"""The few Kafka requests that librdkafka has no call for: client quotas, active producers, transactions.

    with Wire("127.0.0.1:9092") as wire:
        wire.set_quota("alice", "request_percentage", 0.01)
        wire.producers({"orders": [0]})  # {("orders", 0): [(producer id, epoch, last sequence), ...]}
        wire.transactions()              # {"orders-1": (producer id, epoch, "Ongoing"), ...}

Formats: Kafka protocol guide, https://kafka.apache.org/protocol, the lowest version of each. Plain connections only.
"""

import socket
import struct
import time

ALTER_QUOTAS, DESCRIBE_PRODUCERS, DESCRIBE_TRANSACTIONS, LIST_TRANSACTIONS = 49, 61, 65, 66
SECONDS = 20


class WireError(Exception):
    """A broker's error code, or no answer."""


class NotLeader(WireError):
    """The broker does not lead this partition yet: the topic was created a moment ago."""


def _varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def _compact(text):
    return _varint(len(text.encode()) + 1) + text.encode()


def _compact_array(items):
    items = list(items)
    return _varint(len(items) + 1) + b"".join(items)


def _string(text):
    return struct.pack(">h", len(text.encode())) + text.encode()


NO_TAGS = b"\0"


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self):
        """A compact string; None is one too."""
        n = self.varint() - 1
        if n < 0:
            return None
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def array(self, one):
        return [one() for _ in range(self.varint() - 1)]

    def tags(self):
        for _ in range(self.varint()):
            self.varint()
            self.at += self.varint()


class Wire:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _ask(self, api, body, flexible):
        head = struct.pack(">hhi", api, 0, 7) + _string("startguard-tests") + (NO_TAGS if flexible else b"")
        request = head + body
        self._socket.sendall(struct.pack(">i", len(request)) + request)
        reader = _Reader(self._read(struct.unpack(">i", self._read(4))[0]))
        reader.take("i")
        if flexible:
            reader.tags()
        return reader

    def _read(self, n):
        out = b""
        while len(out) < n:
            piece = self._socket.recv(n - len(out))
            if not piece:
                raise WireError("the broker closed the connection")
            out += piece
        return out

    def set_quota(self, user, key, value):
        """None takes it away."""
        entity = struct.pack(">i", 1) + _string("user") + _string(user)
        change = struct.pack(">i", 1) + _string(key) + struct.pack(">d?", value or 0, value is None)
        answer = self._ask(ALTER_QUOTAS, struct.pack(">i", 1) + entity + change + b"\0", flexible=False)
        answer.take("i")  # throttle time
        answer.take("i")  # one entry
        _raise(answer.take("h"))

    def producers(self, topics):
        """Waits for the leaders of partitions that are new."""
        until = time.monotonic() + SECONDS
        while True:
            try:
                return self._producers(topics)
            except NotLeader:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _producers(self, topics):
        body = _compact_array(
            _compact(name) + _compact_array(struct.pack(">i", p) for p in parts) + NO_TAGS for name, parts in topics.items()
        )
        answer = self._ask(DESCRIBE_PRODUCERS, body + NO_TAGS, flexible=True)
        answer.take("i")
        found = {}

        def producer():
            one = answer.take("q"), answer.take("i"), answer.take("i")
            answer.at += 8 + 4 + 8  # last timestamp, coordinator's epoch, start of the transaction
            answer.tags()
            return one

        def partition(name):
            id, error = answer.take("i"), answer.take("h")
            answer.text()
            _raise(error)
            found[name, id] = sorted(answer.array(producer))
            answer.tags()

        def topic():
            name = answer.text()
            answer.array(lambda: partition(name))
            answer.tags()

        answer.array(topic)
        return found

    def transactions(self):
        answer = self._ask(LIST_TRANSACTIONS, _compact_array([]) + _compact_array([]) + NO_TAGS, flexible=True)
        answer.take("i")
        _raise(answer.take("h"))
        answer.array(answer.text)

        def one():
            id = answer.text()
            answer.at += 8
            answer.text()
            answer.tags()
            return id

        return self._describe(answer.array(one))

    def _describe(self, ids):
        answer = self._ask(DESCRIBE_TRANSACTIONS, _compact_array(map(_compact, ids)) + NO_TAGS, flexible=True)
        answer.take("i")
        found = {}

        def topic():
            answer.text()
            answer.array(lambda: answer.take("i"))
            answer.tags()

        def one():
            _raise(answer.take("h"))
            id, state = answer.text(), answer.text()
            answer.at += 4 + 8  # timeout, start
            found[id] = answer.take("q"), answer.take("h"), state
            answer.array(topic)
            answer.tags()

        answer.array(one)
        return found


def _raise(error):
    if error == 6:
        raise NotLeader("error code 6")
    if error:
        raise WireError(f"error code {error}")
