"""Kafka for scenarios, in two ways.

KafkaMock: librdkafka's own mock cluster (kafka_mock.c). Good for what a healthy cluster does, and for brokers that go.

    with KafkaMock(brokers=3, topics={"orders": (3, 3)}) as kafka:
        guard.try_("kafka", bootstrap_servers=kafka.bootstrap, topics=["orders"])

FakeKafka: brokers of a few requests, written here, whose every answer can be bent: logins, TLS, advertised addresses,
in-sync replicas, errors per topic.

    with FakeKafka(brokers=3, topics={"orders": (3, 3)}) as kafka:
        kafka.topics["orders"].partitions[1].isr = [1]
        kafka.advertised[2] = ("127.0.0.1", refused_port())

Formats: Kafka protocol guide, https://kafka.apache.org/protocol (ApiVersions 0 to 3, Metadata 0 to 8, SaslHandshake 0
and 1, SaslAuthenticate 0 and 1; what else there is: kafka_apis.py); SCRAM: RFC 5802 and 7677.
"""

import base64
import contextlib
import hashlib
import hmac
import logging
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field

from fakes.kafka_apis import SERVED, UNKNOWN_TOPIC_OR_PARTITION, Apis
from fakes.kafka_bytes import Reader, array, data, int8, int16, int32, string
from fakes.tcp import TcpServer, read_until_closed

ROOT = pathlib.Path(__file__).resolve().parents[2]

METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 3, 17, 18, 36
VERSIONS = {METADATA: (0, 8), SASL_HANDSHAKE: (0, 1), API_VERSIONS: (0, 3), SASL_AUTHENTICATE: (0, 1)}
# librdkafka wants to see these offered before it believes a broker is of this century.
OFFERED = {9: (0, 5), 11: (0, 5), 12: (0, 3), 13: (0, 1), 14: (0, 3)} | SERVED | VERSIONS

LEADER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE = 5, 9
TOPIC_AUTHORIZATION_FAILED, UNSUPPORTED_SASL_MECHANISM, ILLEGAL_SASL_STATE = 29, 33, 34
UNSUPPORTED_VERSION, SASL_AUTHENTICATION_FAILED = 35, 58


# ---- the mock cluster --------------------------------------------------------------------------------------------


class KafkaMock:
    """.bootstrap "127.0.0.1:1,127.0.0.1:2"; .servers the same as a list. topics: name -> (partitions, replicas).

    The mock of librdkafka 2.0 creates every topic that is asked for, and shows no change when a broker is down."""

    def __init__(self, brokers=3, topics=None):
        self.brokers, self.topics = brokers, topics or {}
        self._process = self._producer = None

    def __enter__(self):
        program = _mock_program()
        topics = [f"{name}:{n}:{replicas}" for name, (n, replicas) in self.topics.items()]
        self._process = subprocess.Popen(
            [program, str(self.brokers), *topics], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        word, _, self.bootstrap = self._process.stdout.readline().strip().partition(" ")
        if word != "bootstrap":
            self.__exit__(None, None, None)
            raise RuntimeError(f"{program} did not start: exit {self._process.returncode}")
        self.servers = self.bootstrap.split(",")
        return self

    def __exit__(self, kind, value, trace):
        self._producer = None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def send(self, *words):
        """One command of kafka_mock.c; returns once it is done."""
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"kafka_mock: {words}: {answer or 'ended'}")

    def down(self, broker=-1):
        self.send("broker", broker, "down")

    def up(self, broker=-1):
        self.send("broker", broker, "up")

    def rtt(self, broker, milliseconds):
        self.send("broker", broker, "rtt", milliseconds)

    def create_topic(self, name, partitions=1, replicas=1):
        self.send("topic", name, partitions, replicas)

    def leader(self, topic, partition, broker):
        self.send("leader", topic, partition, broker)

    def errors(self, api, *codes):
        self.send("errors", api, *codes)

    def produce(self, topic, *values, partition=0, ago=0):
        """Records, None being a tombstone, with timestamps of `ago` seconds before now; returns once the mock holds them."""
        if self._producer is None:
            # Needed by few scenarios. The mock's sockets answer a client without Nagle's algorithm late.
            from confluent_kafka import Producer

            self._producer = Producer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "socket.nagle.disable": False,
                    "linger.ms": 0,
                    "message.max.bytes": 8 << 20,
                },
                logger=logging.getLogger("startguard.tests.kafka"),
            )
        failed = []
        for value in values:
            self._producer.produce(
                topic,
                value,
                key=b"key",
                partition=partition,
                timestamp=round((time.time() - ago) * 1000),
                on_delivery=lambda error, _: error and failed.append(error),
            )
        if self._producer.flush(20) or failed:
            raise RuntimeError(f"not all records came to {topic}: {failed}")


def _mock_program():
    """Built by the Makefile beside the program under test."""
    guard = pathlib.Path(os.environ.get("STARTGUARD") or ROOT / "build" / "startguard")
    program = guard.resolve().parent / "tests" / "kafka_mock"
    if not os.access(program, os.X_OK):
        raise RuntimeError(f"no {program}: make {program.relative_to(ROOT) if program.is_relative_to(ROOT) else program}")
    return str(program)


# ---- a cluster whose answers can be bent -----------------------------------------------------------------------------


@dataclass
class Partition:
    leader: int
    replicas: list
    isr: list
    error: int = 0


@dataclass
class Topic:
    partitions: list
    error: int = 0


@dataclass
class Request:
    broker: int
    api: int
    version: int
    client_id: str = None
    topics: list = None  # of Metadata: None is all
    may_create: bool = None  # of Metadata
    operations: bool = False  # of Metadata: with the list of those allowed on each topic


@dataclass
class Session:
    """One connection. A listener with mechanisms answers nothing but logins before one has succeeded."""

    mechanism: str = None
    user: str = None
    scram: dict = field(default_factory=dict)


class FakeKafka(Apis):
    """brokers: how many; their ids are 1, 2, ... topics: name -> (partitions, replicas).

    mechanisms: SASL mechanisms of the listener (PLAIN, SCRAM-SHA-256), users: name -> password. strict_nonce: as brokers
    since CVE-2024-56128. tls: an ssl.SSLContext of every broker. auto_create: as auto.create.topics.enable.

    May be changed at any time: .topics (name -> Topic) .cluster_id .advertised (id -> (host, port)) .listed (ids of
    Metadata) .mute (requests, by number or by a function of the Request, that are never answered) .closing (the same, the connection is closed)
    .losing (request: how many more, of those that name topics, get no answer, on a connection that goes on)
    .slow (request: seconds before its answer) .slow_once .leaving (requests on which the broker shuts down)
    .auth_text, and all of class Apis. What came: .requests. Of one broker: .broker[id] is its TcpServer, .mute_brokers ids that say nothing.
    """

    def __init__(
        self,
        brokers=1,
        topics=None,
        *,
        cluster_id="FakeClusterId000000001",
        mechanisms=(),
        users=None,
        strict_nonce=True,
        tls=None,
        auto_create=False,
        host="127.0.0.1",
    ):
        self.cluster_id, self.mechanisms, self.users = cluster_id, list(mechanisms), users or {}
        self.strict_nonce, self.auto_create = strict_nonce, auto_create
        self.auth_text = None
        self.ids = list(range(1, brokers + 1))
        self.listed = list(self.ids)
        self.advertised = {}
        self.mute, self.closing, self.mute_brokers = set(), set(), set()
        self.slow, self.slow_once, self.leaving, self.losing = {}, {}, set(), {}
        self.requests = []
        self.broker = {id: TcpServer(self._handler(id), host=host, tls=tls) for id in self.ids}
        self.topics = {name: self.make_topic(*shape) for name, shape in (topics or {}).items()}
        Apis.__init__(self)
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()

    def make_topic(self, partitions=1, replicas=1, error=0):
        """Leaders go round; the first replica leads, all are in sync."""
        n = len(self.ids)
        placed = [[self.ids[(p + r) % n] for r in range(replicas)] for p in range(partitions)]
        return Topic([Partition(one[0], one, list(one)) for one in placed], error)

    @property
    def servers(self):
        return [one.address for one in self.broker.values()]

    @property
    def bootstrap(self):
        return ",".join(self.servers)

    def __enter__(self):
        for server in self.broker.values():
            self._stack.enter_context(server)
        return self

    def __exit__(self, *args):
        return self._stack.__exit__(*args)

    def count(self, api):
        return sum(r.api == api for r in self.requests)

    # -- a connection --

    def _handler(self, id):
        def handler(sock):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session()
            while (frame := _read_frame(sock)) is not None:
                if not self._serve(sock, id, session, frame):
                    return

        return handler

    def _serve(self, sock, id, session, frame):
        """Answers one request; False ends the connection."""
        reader = Reader(frame)
        request = Request(id, reader.int16(), reader.int16())
        correlation = reader.int32()
        request.client_id = reader.string()
        if request.api == METADATA:
            _read_metadata(request, reader)
        with self._lock:
            self.requests.append(request)
        if id in self.mute_brokers or request.api in self.mute or any(callable(one) and one(request) for one in self.mute):
            read_until_closed(sock)
            return False
        if request.api in self.closing or any(callable(one) and one(request) for one in self.closing):
            return False
        if request.topics and self.losing.get(request.api, 0) > 0:
            self.losing[request.api] -= 1
            return True
        if request.api in self.leaving:
            # As in a shutdown: connections are closed, and no other is taken.
            with contextlib.suppress(OSError):
                self.broker[id]._listener.shutdown(socket.SHUT_RDWR)
            return False
        time.sleep(self.slow_once.pop(request.api, self.slow.get(request.api, 0)))
        body, goes_on = self._answer(request, session, reader)
        if body is None:
            return False
        sock.sendall(data(int32(correlation) + body))
        return goes_on

    def _answer(self, request, session, reader):
        if request.api == API_VERSIONS:
            return _api_versions(request.version, OFFERED | self.offered), True
        if request.api == SASL_HANDSHAKE:
            return self._handshake(session, reader.string()), True
        if request.api == SASL_AUTHENTICATE and self.mechanisms:
            return self._authenticate(request.version, session, reader.data())
        if request.api == METADATA and (session.user or not self.mechanisms):
            return self._metadata(request), True
        if request.api in SERVED and (session.user or not self.mechanisms):
            return self.serve(request, reader), True
        return None, False  # brokers close the connection on what they do not expect

    # -- login --

    def _handshake(self, session, mechanism):
        if not self.mechanisms:
            return int16(ILLEGAL_SASL_STATE) + array([])
        known = mechanism in self.mechanisms
        session.mechanism = mechanism if known else None
        return int16(0 if known else UNSUPPORTED_SASL_MECHANISM) + array(map(string, self.mechanisms))

    def _authenticate(self, version, session, token):
        try:
            done, answer = _LOGINS[session.mechanism](self, session, token)
        except (PermissionError, ValueError, KeyError):
            refusal = self.auth_text or _REFUSALS.get(session.mechanism, "Authentication failed")
            return _authenticated(version, SASL_AUTHENTICATION_FAILED, refusal, b""), False
        if done:
            session.user = done
        return _authenticated(version, 0, None, answer), True

    def _plain(self, session, token):
        """RFC 4616: authorization id, name, password, with a zero byte before the last two."""
        _, user, password = token.decode().split("\0")
        if self.users.get(user) != password:
            raise PermissionError
        return user, b""

    def _scram(self, session, token):
        fields = dict(one.split("=", 1) for one in token.decode().split(",") if one[1:2] == "=")
        if not session.scram:
            return None, _scram_first(session.scram, token.decode(), fields)
        return session.scram["user"], self._scram_final(session.scram, token.decode(), fields)

    def _scram_final(self, state, text, fields):
        good = fields["r"] == state["nonce"] if self.strict_nonce else fields["r"].endswith(state["nonce"])
        salted = hashlib.pbkdf2_hmac("sha256", self.users[state["user"]].encode(), state["salt"], SCRAM_ROUNDS)
        client_key = _hmac(salted, b"Client Key")
        message = ",".join([state["first"], state["server"], text.rpartition(",p=")[0]]).encode()
        signature = _hmac(hashlib.sha256(client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        if not good or base64.b64decode(fields["p"]) != proof:
            raise PermissionError
        return b"v=" + base64.b64encode(_hmac(_hmac(salted, b"Server Key"), message))

    # -- metadata --

    def _address(self, id):
        return self.advertised.get(id) or (self.broker[id].host, self.broker[id].port)

    def _metadata(self, request):
        v = request.version
        names = list(self.topics) if request.topics is None else request.topics
        if v == 0 and request.topics == []:
            names = list(self.topics)
        for name in names:
            if self.auto_create and request.may_create and name not in self.topics:
                self.topics[name] = self.make_topic()
        out = int32(self.throttle) if v >= 3 else b""
        out += array(
            int32(id) + string(self._address(id)[0]) + int32(self._address(id)[1]) + (string(None) if v >= 1 else b"")
            for id in self.listed
        )
        if v >= 2:
            out += string(self.cluster_id)
        if v >= 1:
            out += int32(self.listed[0] if self.listed else -1)
        out += array(self._topic(v, name) for name in names)
        return out + (int32(self.unasked) if v >= 8 else b"")

    def _topic(self, v, name):
        topic = self.topics.get(name) or Topic([], UNKNOWN_TOPIC_OR_PARTITION)
        partitions = [] if topic.error and topic.error != LEADER_NOT_AVAILABLE else enumerate(topic.partitions)
        return (
            int16(topic.error)
            + string(name)
            + (int8(0) if v >= 1 else b"")
            + array(
                int16(p.error or (LEADER_NOT_AVAILABLE if p.leader < 0 else 0))
                + int32(i)
                + int32(p.leader)
                + (int32(-1) if v >= 7 else b"")
                + array(map(int32, p.replicas))
                + array(map(int32, p.isr))
                + (array([]) if v >= 5 else b"")
                for i, p in partitions
            )
            + (int32(self.topic_operations(name)) if v >= 8 else b"")
        )


def _read_frame(sock):
    head = _read(sock, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">i", head)
    if not 8 <= size <= 1 << 20:
        return None  # not Kafka: a broker closes the connection
    return _read(sock, size)


def _read(sock, n):
    out = b""
    while len(out) < n:
        piece = sock.recv(n - len(out))
        if not piece:
            return None
        out += piece
    return out


def _read_metadata(request, reader):
    n = reader.int32()
    request.topics = None if n < 0 else [reader.string() for _ in range(n)]
    request.may_create = bool(reader.int8()) if request.version >= 4 else True
    if request.version >= 8:
        reader.int8()
        request.operations = bool(reader.int8())


def _api_versions(version, offered):
    low, high = VERSIONS[API_VERSIONS]
    if not low <= version <= high:
        # KIP-511: answered in version 0.
        return int16(UNSUPPORTED_VERSION) + array([int16(API_VERSIONS) + int16(low) + int16(high)])
    rows = [int16(api) + int16(versions[0]) + int16(versions[1]) for api, versions in sorted(offered.items()) if versions]
    if version < 3:
        return int16(0) + array(rows) + (int32(0) if version >= 1 else b"")
    return int16(0) + bytes([len(rows) + 1]) + b"".join(row + b"\0" for row in rows) + int32(0) + b"\0"


def _authenticated(version, error, text, answer):
    return int16(error) + string(text) + data(answer) + (struct.pack(">q", 0) if version >= 1 else b"")


SCRAM_ROUNDS = 4096


def _hmac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def _scram_first(state, text, fields):
    bare = text.split(",", 2)[2]
    state.update(user=fields["n"], salt=b"sixteen byte salt", first=bare)
    state["nonce"] = fields["r"] + base64.b64encode(os.urandom(18)).decode()
    salt = base64.b64encode(state["salt"]).decode()
    state["server"] = f"r={state['nonce']},s={salt},i={SCRAM_ROUNDS}"
    return state["server"].encode()


_LOGINS = {"PLAIN": FakeKafka._plain, "SCRAM-SHA-256": FakeKafka._scram}
# The words of Apache Kafka.
_REFUSALS = {
    "PLAIN": "Authentication failed: Invalid username or password",
    "SCRAM-SHA-256": "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256",
}
