"""What the fake brokers answer beyond metadata and logins: settings, groups, producers, and records that come and go.

As Apache Kafka does it where that matters: rights are looked at first. Versions are the last ones without compact types.
"""

import struct
from dataclasses import dataclass, field

from fakes.kafka_bytes import array, data, int8, int16, int32, int64, string

PRODUCE, FETCH, LIST_OFFSETS, OFFSET_FETCH, FIND_COORDINATOR = 0, 1, 2, 9, 10
DESCRIBE_GROUPS, LIST_GROUPS, INIT_PRODUCER_ID, DESCRIBE_CONFIGS = 15, 16, 22, 32
SERVED = {
    PRODUCE: (0, 7),
    FETCH: (0, 11),
    LIST_OFFSETS: (0, 5),
    OFFSET_FETCH: (0, 5),
    FIND_COORDINATOR: (0, 2),
    DESCRIBE_GROUPS: (0, 4),
    LIST_GROUPS: (0, 2),
    INIT_PRODUCER_ID: (0, 1),
    DESCRIBE_CONFIGS: (0, 1),
}

UNKNOWN_TOPIC_OR_PARTITION, COORDINATOR_NOT_AVAILABLE, NOT_ENOUGH_REPLICAS = 3, 15, 19
TOPIC_AUTHORIZATION, GROUP_AUTHORIZATION, CLUSTER_AUTHORIZATION, TRANSACTIONAL_ID_AUTHORIZATION = 29, 30, 31, 53
INVALID_TRANSACTION_TIMEOUT = 50
EARLIEST = -2  # the first offset, as a time
MAX_TIMESTAMP = 35  # where a record batch (v2) has its largest timestamp

# org.apache.kafka.common.acl.AclOperation
READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS_RIGHT = 3, 4, 8, 10
_OPERATIONS = {"read": READ, "write": WRITE, "describe": DESCRIBE, "configs": DESCRIBE_CONFIGS_RIGHT}


@dataclass
class Group:
    """members: what each is assigned, {topic: [partition, ...]}; listed: whether ListGroups has it. A new group of the protocol of
    KIP-848 is listed, and "Dead" to DescribeGroups."""

    state: str = "Stable"
    members: list = field(default_factory=list)
    protocol_type: str = "consumer"
    listed: bool = True


def offset_at(log, time):
    """As ListOffsets answers: the first batch with a timestamp from `time` on, -1 when there is none."""
    if time < 0:
        return 0 if time == EARLIEST else len(log)
    youngest = (struct.unpack_from(">q", batch, MAX_TIMESTAMP)[0] for batch in log)
    return next((i for i, stamp in enumerate(youngest) if stamp >= time), -1)


class Apis:
    """May be changed at any time:

    .denied       what this client may not do: ("read" or "write" or "configs", topic), ("read" or "describe", "group ID"),
                  ("idempotent", ""), ("write", "transaction ID")
    .config       topic -> {setting: value}; what a topic has besides is cleanup.policy and min.insync.replicas; None takes one away
    .coordinator  id of the broker that coordinates everything; .coordinator_error a code instead
    .produce_error .fetch_error .list_error .producer_id_error .groups_error .configs_error a code for every such
                  request of those who may make it; .throttle milliseconds that answers to
                  Produce, Fetch and Metadata ask to wait; .delay_reads how often a fetch finds nothing; .tamper changes the bytes
                  of a record; .no_offset: what ListOffsets has of no partition, "number" or "partition"; "time": no partition
                  where a time is asked
    .groups       name -> Group; others are Dead. .committed {(group, topic, partition): offset}; .committed_error a code for the
                  whole answer about them; .no_commits: the answer has no partition
    .offered      versions offered other than usual: {api: (low, high)}; None: the request is not offered

    What came: .log {(topic, partition): [record batch, ...]}, .producer_ids [transactional id]
    """

    unasked = -(2**31)  # operations nobody asked for

    def __init__(self):
        self.denied, self.config, self.offered = set(), {}, {}
        self.coordinator, self.coordinator_error = 1, 0
        self.produce_error = self.fetch_error = self.list_error = self.producer_id_error = self.throttle = self.delay_reads = 0
        self.groups_error = self.configs_error = self.committed_error = 0
        self.groups, self.committed, self.no_commits = {}, {}, False
        self.tamper = self.no_offset = None
        self.log, self.producer_ids = {}, []

    def may(self, operation, resource):
        return (operation, resource) not in self.denied

    def topic_operations(self, name):
        return sum(1 << number for word, number in _OPERATIONS.items() if self.may(word, name))

    def serve(self, request, reader):
        return _SERVE[request.api](self, request.version, reader)

    # -- records --

    def _produce(self, v, r):
        if v >= 3:
            r.string()
        r.int16(), r.int32()
        topics = r.array(lambda: (r.string(), r.array(lambda: (r.int32(), r.data()))))
        out = array(string(name) + array(self._append(v, name, part, batch) for part, batch in parts) for name, parts in topics)
        return out + (int32(self.throttle) if v >= 1 else b"")

    def _append(self, v, name, part, batch):
        error, offset = self._append_error(name), -1
        if not error:
            log = self.log.setdefault((name, part), [])
            offset = len(log)
            log.append(int64(offset) + batch[8:])
        return int32(part) + int16(error) + int64(offset) + (int64(-1) if v >= 2 else b"") + (int64(0) if v >= 5 else b"")

    def _append_error(self, name):
        if not self.may("write", name):
            return TOPIC_AUTHORIZATION
        if name not in self.topics:
            return UNKNOWN_TOPIC_OR_PARTITION
        return self.produce_error

    def _fetch(self, v, r):
        for _ in range(3):
            r.int32()
        if v >= 3:
            r.int32()
        if v >= 4:
            r.int8()
        if v >= 7:
            r.int32(), r.int32()
        topics = r.array(lambda: (r.string(), r.array(lambda: self._wish(v, r))))
        out = (int32(self.throttle) if v >= 1 else b"") + (int16(0) + int32(0) if v >= 7 else b"")
        return out + array(string(name) + array(self._records(v, name, *one) for one in parts) for name, parts in topics)

    @staticmethod
    def _wish(v, r):
        part = r.int32()
        if v >= 9:
            r.int32()
        offset = r.int64()
        if v >= 5:
            r.int64()
        r.int32()
        return part, offset

    def _records(self, v, name, part, offset):
        error = self.fetch_error if self.may("read", name) else TOPIC_AUTHORIZATION
        log = self.log.get((name, part), [])
        found = b"".join(log[offset:])
        if found and self.delay_reads:
            self.delay_reads, found, log = self.delay_reads - 1, b"", log[:offset]
        if found and self.tamper:
            found = self.tamper(found)
        end = -1 if error else len(log)
        out = int32(part) + int16(error) + int64(end)
        out += (int64(end) if v >= 4 else b"") + (int64(0) if v >= 5 else b"") + (int32(-1) if v >= 4 else b"")
        return out + (int32(-1) if v >= 11 else b"") + data(b"" if error else found)

    def _list_offsets(self, v, r):
        r.int32()
        if v >= 2:
            r.int8()

        def part():
            number = r.int32()
            if v >= 4:
                r.int32()
            return number, r.int64()

        topics = r.array(lambda: (r.string(), r.array(part)))

        def left_out(time):
            return self.no_offset == "partition" or (self.no_offset == "time" and time >= 0)

        def one(name, number, time):
            missing = self.list_error or self.no_offset == "number"
            offset = -1 if missing else offset_at(self.log.get((name, number), []), time)
            return int32(number) + int16(self.list_error) + int64(-1) + int64(offset) + (int32(-1) if v >= 4 else b"")

        out = array(string(name) + array(one(name, *each) for each in parts if not left_out(each[1])) for name, parts in topics)
        return (int32(0) if v >= 2 else b"") + out

    # -- groups --

    def _find_coordinator(self, v, r):
        key, error = r.string(), self.coordinator_error
        transaction = v >= 1 and r.int8() == 1
        if transaction and not self.may("write", f"transaction {key}"):
            error = TRANSACTIONAL_ID_AUTHORIZATION
        if not transaction and not self.may("describe", f"group {key}"):
            error = GROUP_AUTHORIZATION
        host, port = self._address(self.coordinator) if not error else ("", -1)
        out = (int32(0) if v >= 1 else b"") + int16(error) + (string(None) if v >= 1 else b"")
        return out + int32(-1 if error else self.coordinator) + string(host) + int32(port)

    def _describe_groups(self, v, r):
        groups = r.array(r.string)

        def member(i, topics):
            assigned = array(string(name) + array(map(int32, parts)) for name, parts in topics.items())
            return (
                string(f"member-{i}")
                + (string(None) if v >= 4 else b"")
                + string("client")
                + string("/127.0.0.1")
                + data(b"")
                + data(int16(0) + assigned + int32(0))
            )

        def one(group):
            known = self.groups.get(group, Group("Dead", protocol_type=""))
            rights = sum(1 << _OPERATIONS[word] for word in ("read", "describe") if self.may(word, f"group {group}"))
            return (
                int16(self.groups_error)
                + string(group)
                + string(known.state)
                + string(known.protocol_type)
                + string("range")
                + array(member(i, topics) for i, topics in enumerate(known.members))
                + (int32(rights) if v >= 3 else b"")
            )

        return (int32(0) if v >= 1 else b"") + array(map(one, groups))

    def _list_groups(self, v, r):
        listed = [string(name) + string(one.protocol_type) for name, one in self.groups.items() if one.listed]
        return (int32(0) if v >= 1 else b"") + int16(0) + array(listed)

    def _offset_fetch(self, v, r):
        group, topics = r.string(), r.array(lambda: (r.string(), r.array(r.int32)))

        def one(name, part):
            error = 0 if self.may("describe", name) else TOPIC_AUTHORIZATION
            offset = -1 if error else self.committed.get((group, name, part), -1)
            return int32(part) + int64(offset) + (int32(-1) if v >= 5 else b"") + string("") + int16(error)

        out = (int32(0) if v >= 3 else b"") + array(
            string(name) + array(one(name, part) for part in parts if not self.no_commits) for name, parts in topics
        )
        return out + (int16(self.committed_error) if v >= 2 else b"")

    # -- producers, settings --

    def _init_producer_id(self, v, r):
        transaction = r.string()
        error = self.producer_id_error
        if transaction is None and not self.may("idempotent", ""):
            error = CLUSTER_AUTHORIZATION
        if not error:
            self.producer_ids.append(transaction)
        return int32(0) + int16(error) + int64(-1 if error else 1000 + len(self.producer_ids)) + int16(-1 if error else 0)

    def _describe_configs(self, v, r):
        def resource():
            kind, name = r.int8(), r.string()
            r.array(r.string)
            return kind, name

        def one(kind, name):
            allowed = self.may("configs", name)
            settings = {"cleanup.policy": "delete", "min.insync.replicas": "1"} | self.config.get(name, {})
            settings = {key: value for key, value in settings.items() if value is not None}
            rows = [
                string(key)
                + string(str(value))
                + int8(0)
                + (int8(5) if v >= 1 else int8(1))
                + int8(0)
                + (array([]) if v >= 1 else b"")
                for key, value in settings.items()
            ]
            error = self.configs_error if allowed else TOPIC_AUTHORIZATION
            return (
                int16(error)
                + string(None if allowed else "Topic authorization failed.")
                + int8(kind)
                + string(name)
                + array([] if error else rows)
            )

        return int32(0) + array(one(*each) for each in r.array(resource))


_SERVE = {
    PRODUCE: Apis._produce,
    FETCH: Apis._fetch,
    LIST_OFFSETS: Apis._list_offsets,
    FIND_COORDINATOR: Apis._find_coordinator,
    OFFSET_FETCH: Apis._offset_fetch,
    LIST_GROUPS: Apis._list_groups,
    DESCRIBE_GROUPS: Apis._describe_groups,
    INIT_PRODUCER_ID: Apis._init_producer_id,
    DESCRIBE_CONFIGS: Apis._describe_configs,
}
