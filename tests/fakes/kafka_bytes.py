"""The types of Kafka's protocol, as bytes: https://kafka.apache.org/protocol (without the compact ones)."""

import struct


def int8(n):
    return struct.pack(">b", n)


def int16(n):
    return struct.pack(">h", n)


def int32(n):
    return struct.pack(">i", n)


def int64(n):
    return struct.pack(">q", n)


def string(text):
    return int16(-1) if text is None else int16(len(text.encode())) + text.encode()


def data(value):
    return int32(len(value)) + value


def array(items):
    items = list(items)
    return int32(len(items)) + b"".join(items)


class Reader:
    def __init__(self, buffer):
        self.buffer, self.at = buffer, 0

    def take(self, n):
        piece = self.buffer[self.at : self.at + n]
        if len(piece) < n:
            raise ValueError("the request is shorter than it says")
        self.at += n
        return piece

    def number(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def int8(self):
        return self.number(">b")

    def int16(self):
        return self.number(">h")

    def int32(self):
        return self.number(">i")

    def int64(self):
        return self.number(">q")

    def string(self):
        n = self.int16()
        return None if n < 0 else self.take(n).decode()

    def data(self):
        return self.take(max(0, self.int32()))

    def array(self, read):
        return [read() for _ in range(max(0, self.int32()))]
