"""A name server that answers by a table, over UDP and TCP.

    with DnsServer({"cache.test": ["10.0.0.1"], "gone.test": "NXDOMAIN", "slow.test": None}) as dns:
        guard.try_("dns", name="cache.test", _dns=dns)

resolv.conf has no port, so a resolver finds it only at port 53: it listens on a loopback address of its own,
127.0.53.N. That needs root, CAP_NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start <= 53.
Protocol: RFC 1035 (messages), RFC 3596 (AAAA).
"""

import contextlib
import ipaddress
import random
import socket
import struct
import threading

JOIN_SECONDS = 10
TYPES = {1: "A", 5: "CNAME", 28: "AAAA", 16: "TXT", 33: "SRV", 12: "PTR", 6: "SOA", 255: "ANY"}
RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
UDP_MAX = 512


class DnsServer:
    """zone: a name to
         a list of addresses (v4 are its A, v6 its AAAA records; an empty list: the name exists and has none),
         "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP",
         None: no answer at all,
         bytes: these, after the two bytes of the query's id, instead of an answer,
         a list of (port, target) as the value of "SRV": {"SRV": [(9092, "kafka-0.test")]},
         a dict of type to one of the above: {"A": ["10.0.0.1"], "AAAA": "SERVFAIL"}; {"CNAME": "other.test"},
         a list of lists or words, in turn: not supported on purpose; use a callable(type) that gives one of the above.
    Names without a row are NXDOMAIN; a row "*" catches them. The zone may be changed while the server runs.

    options and search go into the resolv.conf that guard makes; a resolver then waits 1 s and asks once.
    hosts: text that stands in the place of /etc/hosts; None: this machine's own.
    port: 0 for an ephemeral one, for clients that can be told a port.
    host: an address of its own; None: a free one of 127.0.53.0/24, or 127.0.0.1 with an ephemeral port.

    .host .port .address .queries (list of (name, type)) .resolv_conf; wait_for_query(name).
    """

    def __init__(self, zone=None, *, port=53, search=(), options="timeout:1 attempts:1", hosts=None, host=None):
        self.zone = zone if zone is not None else {}
        self.port = port
        self._own_host = host
        self.host = host or "127.0.0.1"
        self.search = list(search)
        self.options = options
        self.hosts = hosts
        self.queries = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads = []
        self._connections = []

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def resolv_conf(self):
        lines = [f"nameserver {self.host}"]
        if self.search:
            lines.append("search " + " ".join(self.search))
        if self.options:
            lines.append(f"options {self.options}")
        return "\n".join(lines) + "\n"

    def wait_for_query(self, name, timeout=20):
        wanted = name.rstrip(".").lower()
        with self._changed:
            if not self._changed.wait_for(lambda: any(n == wanted for n, _ in self.queries), timeout):
                raise TimeoutError(f"no query for {name} after {timeout} s; seen: {self.queries}")

    def __enter__(self):
        self._udp, self._tcp = self._sockets()
        self.port = self._udp.getsockname()[1]
        self._tcp.listen(32)
        for target in (self._serve_udp, self._serve_tcp):
            self._thread(target)
        return self

    def __exit__(self, kind, value, trace):
        self._stopping.set()
        # Shutting an unconnected UDP socket down wakes the reader although it reports an error.
        for sock in (self._udp, self._tcp, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        for sock in (self._udp, self._tcp, *self._connections):
            sock.close()
        if any(t.is_alive() for t in self._threads):
            raise RuntimeError("the name server's threads did not end")

    def _thread(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True, name="DnsServer")
        self._threads.append(thread)
        thread.start()

    def _sockets(self):
        if self._own_host or not self.port:
            hosts = [self.host] * (1 if self.port else 50)
        else:
            hosts = [f"127.0.53.{n}" for n in random.sample(range(1, 255), 254)]
        for host in hosts:
            udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            try:
                udp.bind((host, self.port))
                tcp.bind((host, udp.getsockname()[1]))
                self.host = host
                return udp, tcp
            except OSError as error:
                udp.close()
                tcp.close()
                if isinstance(error, PermissionError):
                    raise PermissionError(
                        "a name server needs port 53: run the tests as root, with CAP_NET_BIND_SERVICE, with "
                        "net.ipv4.ip_unprivileged_port_start=53, or in namespaces of their own: "
                        "unshare -r -n -m sh -c 'ip link set lo up && exec python3 -m pytest'"
                    ) from error
        raise OSError(f"port {self.port or 53} is in use at {self._own_host or 'every address of 127.0.53.0/24'}")

    def _serve_udp(self):
        while True:
            try:
                data, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if self._stopping.is_set():
                return
            reply = self._answer(data)
            if reply and len(reply) > UDP_MAX:
                # Cut before the first record, with TC set: the client asks again over TCP (RFC 1035 4.2.1).
                flags = struct.unpack_from("!H", reply, 2)[0] | 0x0200
                reply = reply[:2] + struct.pack("!HHHHH", flags, 1, 0, 0, 0) + reply[12 : _question_end(reply)]
            if reply:
                with contextlib.suppress(OSError):
                    self._udp.sendto(reply, peer)

    def _serve_tcp(self):
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            if self._stopping.is_set():
                sock.close()
                return
            self._connections.append(sock)
            self._thread(self._serve_connection, sock)

    def _serve_connection(self, sock):
        with contextlib.suppress(OSError, struct.error), sock.makefile("rb") as stream:
            while len(head := stream.read(2)) == 2:
                reply = self._answer(stream.read(struct.unpack("!H", head)[0]))
                if reply:
                    sock.sendall(struct.pack("!H", len(reply)) + reply)
            sock.shutdown(socket.SHUT_RDWR)

    def _answer(self, query):
        try:
            name, qtype, end = _question(query)
        except (IndexError, struct.error, UnicodeDecodeError):
            return None
        kind = TYPES.get(qtype, str(qtype))
        with self._changed:
            self.queries.append((name, kind))
            self._changed.notify_all()
        value, chain = self._look_up(name, kind)
        if value is None:
            return None
        if isinstance(value, bytes):
            return query[:2] + value
        flags = 0x8580 if query[2] & 1 else 0x8480  # answer, authoritative, recursion as asked
        if isinstance(value, str):
            return query[:2] + struct.pack("!HHHHH", flags | RCODES[value], 1, 0, 0, 0) + query[12:end]
        records = [_record(name if i == 0 else chain[i - 1], 5, _labels(target)) for i, target in enumerate(chain)]
        owner = chain[-1] if chain else name
        if kind == "SRV":
            servers = [one for one in value if isinstance(one, tuple)]
            records += [_record(owner, 33, struct.pack("!HHH", 0, 0, port) + _labels(target)) for port, target in servers]
        else:
            records += [_record(owner, 1 if a.version == 4 else 28, a.packed) for a in _addresses(value, kind)]
        head = struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return query[:2] + head + query[12:end] + b"".join(records)

    def _look_up(self, name, kind):
        """(what the zone says, the names of the CNAME chain)."""
        chain = []
        for _ in range(8):
            value = self.zone.get(name, self.zone.get("*", "NXDOMAIN"))
            if callable(value):
                value = value(kind)
            if isinstance(value, dict) and "CNAME" in value:
                name = value["CNAME"].rstrip(".").lower()
                chain.append(name)
                continue
            return (value.get(kind, []) if isinstance(value, dict) else value), chain
        return "SERVFAIL", []


def _question(query):
    """(name, type, end of the question) of a query."""
    labels, at = [], 12
    while size := query[at]:
        labels.append(query[at + 1 : at + 1 + size].decode("ascii"))
        at += 1 + size
    qtype, _ = struct.unpack_from("!HH", query, at + 1)
    return ".".join(labels).lower(), qtype, at + 5


def _question_end(message):
    return _question(message)[2]


def _addresses(texts, kind):
    version = {"A": 4, "AAAA": 6}.get(kind)
    return [a for a in map(ipaddress.ip_address, texts) if kind == "ANY" or a.version == version]


def _labels(name):
    return b"".join(bytes([len(one)]) + one.encode("ascii") for one in name.split(".") if one) + b"\0"


def _record(name, kind, data):
    return _labels(name) + struct.pack("!HHIH", kind, 1, 1, len(data)) + data
