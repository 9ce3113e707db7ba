"""What a test does to a running Kafka, node or cluster, over its plaintext listener: topics, rules, records, a dump.

Every call returns once the broker's own answers show what was asked for.
"""

import logging

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions as GroupPartitions
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

from . import common
from .kafka_wire import Wire

ADMIN_SECONDS = 20
INSIST_SECONDS, INSIST_TIMES = 8, 3

# What librdkafka would print on stderr while nobody listens yet.
_quiet = logging.getLogger("startguard.tests.kafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def quiet_admin(properties):
    """An AdminClient that reconnects at once and prints nothing."""
    settings = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}
    return AdminClient(properties | settings, logger=_quiet)


class Admin:
    """Mixed into what has .plaintext, one address or several with commas."""

    plaintext = None
    _admin_client = None
    _producer_client = None

    def _drop_clients(self):
        self._admin_client = None
        self._producer_client = None

    @property
    def admin(self):
        if self._admin_client is None:
            self._admin_client = quiet_admin({"bootstrap.servers": self.plaintext})
        return self._admin_client

    @property
    def producer(self):
        if self._producer_client is None:
            settings = {"linger.ms": 0, "message.timeout.ms": ADMIN_SECONDS * 1000}
            self._producer_client = Producer({"bootstrap.servers": self.plaintext} | settings, logger=_quiet)
        return self._producer_client

    # --- topics ---

    def topic_names(self):
        return set(self.admin.list_topics(timeout=ADMIN_SECONDS).topics)

    def create_topic(self, name, partitions=1, config=None, replicas=1, assignment=None):
        """assignment: the replicas of each partition, the first one leads."""
        if assignment:
            topic = NewTopic(name, len(assignment), replica_assignment=assignment, config=config or {})
            partitions = len(assignment)
        else:
            topic = NewTopic(name, partitions, replicas, config=config or {})
        self._insist("create_topics", [topic], KafkaError.TOPIC_ALREADY_EXISTS)
        common.wait_for(lambda: self._leaders(name) == partitions, what=f"leaders of {name}")
        common.wait_for(lambda: self._serves(name, partitions), what=f"{name} in the brokers that lead it")

    def _serves(self, name, partitions):
        """Metadata names a leader before that broker itself has heard of it."""
        question = {TopicPartition(name, k): OffsetSpec.latest() for k in range(partitions)}
        answers = self.admin.list_offsets(question, request_timeout=ADMIN_SECONDS).values()
        return all(answer.exception() is None for answer in answers)

    def _insist(self, call, what, done_before):
        """Again with a new client when nothing was heard: brokers that come and go lose requests on the way to the
        controller. What a lost answer had done already is fine then."""
        for number in range(INSIST_TIMES):
            last = number + 1 == INSIST_TIMES
            try:
                _all(getattr(self.admin, call)(what), INSIST_SECONDS)
                return
            except TimeoutError:
                if last:
                    raise
            except KafkaException as error:
                code = error.args[0].code()
                if number and code == done_before:
                    return
                if last or not error.args[0].retriable() and code != KafkaError._TIMED_OUT:
                    raise
            self._drop_clients()

    def _leaders(self, name):
        topic = self.admin.list_topics(timeout=ADMIN_SECONDS).topics.get(name)
        return sum(part.leader >= 0 for part in topic.partitions.values()) if topic else 0

    def delete_topic(self, name):
        self._insist("delete_topics", [name], KafkaError.UNKNOWN_TOPIC_OR_PART)
        common.wait_for(lambda: name not in self.topic_names(), what=f"{name} gone")

    def set_topic_config(self, name, config):
        resource = ConfigResource(
            ConfigResource.Type.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, str(value), incremental_operation=AlterConfigOpType.SET) for key, value in config.items()
            ],
        )
        _all(self.admin.incremental_alter_configs([resource]))
        wanted = {key: str(value) for key, value in config.items()}
        common.wait_for(lambda: self._topic_configs([name])[name].items() >= wanted.items(), what=f"config of {name}")

    def _topic_configs(self, names):
        if not names:
            return {}
        asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        answers = self.admin.describe_configs(asked)
        return {
            resource.name: {k: v.value for k, v in answer.result(ADMIN_SECONDS).items()} for resource, answer in answers.items()
        }

    # --- rules and quotas ---

    def add_acl(self, user, operation, name, *, resource="topic", prefixed=False, permission="allow"):
        """add_acl("limited", "read", "orders"); resource is topic, group, transactional_id, broker."""
        rule = _acl(user, operation, name, resource, prefixed, permission)
        _all(self.admin.create_acls([rule]))
        common.wait_for(lambda: self._acl_count(rule) == 1, what=f"rule {rule}")

    def remove_acl(self, user, operation, name, *, resource="topic", prefixed=False, permission="allow"):
        rule = _acl(user, operation, name, resource, prefixed, permission)
        _all(self.admin.delete_acls([_as_filter(rule)]))
        common.wait_for(lambda: self._acl_count(rule) == 0, what=f"no rule {rule}")

    def _acl_count(self, rule):
        return len(self.admin.describe_acls(_as_filter(rule)).result(ADMIN_SECONDS))

    def set_quota(self, user, key, value):
        """producer_byte_rate, consumer_byte_rate or request_percentage of a user; None takes it away."""
        with Wire(self.plaintext.partition(",")[0]) as wire:
            wire.set_quota(user, key, value)

    # --- records ---

    def produce(self, topic, value, key=None, headers=None, timestamp=0):
        """Returns once the broker has acknowledged it; raises KafkaException with its refusal. timestamp: ms since 1970; 0 is now."""
        failures = []

        def delivered(error, _message):
            if error is not None:
                failures.append(error)

        self.producer.produce(topic, value, key=key, headers=headers, timestamp=timestamp, on_delivery=delivered)
        if self.producer.flush(ADMIN_SECONDS + 1):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"nothing delivered to {topic}"))
        if failures:
            raise KafkaException(failures[0])

    def commit(self, group, topic, offset, partition=0):
        """What a member of the group would have committed."""
        consumer = Consumer(
            {"bootstrap.servers": self.plaintext, "group.id": group, "enable.auto.commit": False}, logger=_quiet
        )
        place = TopicPartition(topic, partition, offset)

        def committed():
            # On a fresh broker the coordinator's own topic has to come into being first.
            try:
                consumer.commit(offsets=[place], asynchronous=False)
            except KafkaException:
                return False
            return True

        common.wait_for(committed, what=f"offset of {group}")
        consumer.close()

    def transact(self, transactional_id, topic, value):
        """One committed transaction of one record."""
        producer = Producer({"bootstrap.servers": self.plaintext, "transactional.id": transactional_id}, logger=_quiet)
        producer.init_transactions(ADMIN_SECONDS)
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.commit_transaction(ADMIN_SECONDS)
        # The coordinator writes the end of it after the answer.
        with Wire(self.plaintext.partition(",")[0]) as wire:
            common.wait_for(
                lambda: wire.transactions()[transactional_id][2] == "CompleteCommit",
                what=f"end of {transactional_id}'s transaction",
            )

    # --- everything that can be seen ---

    def dump(self):
        """All that a client could have changed: topics and their configs, ends of the logs, groups and their offsets,
        active producers, transactions, rules. Two dumps of one moment are equal."""
        topics = self.admin.list_topics(timeout=ADMIN_SECONDS).topics
        parts = {name: sorted(topic.partitions) for name, topic in topics.items()}
        with Wire(self.plaintext.partition(",")[0]) as wire:
            producers = {f"{t}-{p}": v for (t, p), v in wire.producers(parts).items() if v}
            transactions = wire.transactions()
        return {
            "topics": parts,
            "configs": self._topic_configs(sorted(topics)),
            "ends": self._ends(parts),
            "groups": self._groups(),
            "producers": producers,
            "transactions": transactions,
            "acls": sorted(map(str, self._all_acls())),
        }

    def _ends(self, parts):
        places = [TopicPartition(t, p) for t, ids in parts.items() for p in ids]
        if not places:
            return {}
        first = self.admin.list_offsets({p: OffsetSpec.earliest() for p in places})
        last = self.admin.list_offsets({p: OffsetSpec.latest() for p in places})
        return {
            f"{p.topic}-{p.partition}": (first[p].result(ADMIN_SECONDS).offset, last[p].result(ADMIN_SECONDS).offset)
            for p in places
        }

    def _groups(self):
        listed = self.admin.list_consumer_groups().result(ADMIN_SECONDS)
        if listed.errors:
            raise listed.errors[0]
        found = {}
        for group in listed.valid:
            id = group.group_id
            (answer,) = self.admin.list_consumer_group_offsets([GroupPartitions(id)]).values()
            offsets = answer.result(ADMIN_SECONDS).topic_partitions
            (described,) = self.admin.describe_consumer_groups([id]).values()
            found[id] = {
                "state": str(described.result(ADMIN_SECONDS).state),
                "members": len(described.result(ADMIN_SECONDS).members),
                "offsets": sorted((p.topic, p.partition, p.offset) for p in offsets),
            }
        return found

    def _all_acls(self):
        every = AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
        )
        return self.admin.describe_acls(every).result(ADMIN_SECONDS)


def differences(before, after, expected=lambda kind, name: False):
    """Of two dumps: a list of sentences. expected(kind, name) says which may differ."""
    found = []
    for part in before.keys() | after.keys():
        old, new = before.get(part), after.get(part)
        if old == new:
            continue
        if not isinstance(old, dict):
            found.append(f"{part}: {old} became {new}")
            continue
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name) and not expected(part, name):
                found.append(f"{part} {name}: {old.get(name)} became {new.get(name)}")
    return found


def _all(futures, seconds=ADMIN_SECONDS):
    for future in futures.values():
        future.result(seconds)


def _acl(user, operation, name, resource, prefixed, permission):
    return AclBinding(
        ResourceType[resource.upper()],
        name,
        ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType[permission.upper()],
    )


def _as_filter(rule):
    return AclBindingFilter(
        rule.restype, rule.name, rule.resource_pattern_type, rule.principal, rule.host, rule.operation, rule.permission_type
    )
