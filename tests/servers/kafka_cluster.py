"""Apache Kafka in several nodes, for what only a cluster shows: leaders that move, replicas that fall behind.

    with KafkaCluster(3) as cluster:
        cluster.create_topic("orders", assignment=[[3, 2, 1]], config={"min.insync.replicas": 2})
        cluster.kill(3)   # SIGKILL
        cluster.start(3)

Node 1 is also the only controller: as long as it lives, the loss of any other broker is seen and told by the rest.
Every node has one plaintext listener. A broker that is silent for SESSION_MS is out of the cluster.
"""

import shutil
import signal
import uuid
from base64 import urlsafe_b64encode

from confluent_kafka import KafkaException

from . import common
from .kafka import base_settings, formatted, small, text
from .kafka_admin import ADMIN_SECONDS, Admin
from .kafka_jars import VERSIONS, java

SESSION_MS = 3000


class Node(common.Server):
    def __init__(self, cluster, id):
        super().__init__()
        self.cluster, self.id = cluster, id
        self.name = f"kafka-{id}"
        self.port = common.reserve_port()
        self.address = f"127.0.0.1:{self.port}"

    def prepare(self):
        data = self.folder / "data"
        shutil.copytree(formatted(self.cluster.version), data)
        # What the folder was formatted for, but for the node.
        meta = data / "meta.properties"
        own = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        lines = [
            f"node.id={self.id}"
            if line.startswith("node.id=")
            else f"directory.id={own}"
            if line.startswith("directory.id=")
            else line
            for line in meta.read_text().splitlines()
        ]
        meta.write_text("\n".join(lines) + "\n")
        (self.folder / "server.properties").write_text(text(self._settings(data)))

    def _settings(self, data):
        controls = self.id == 1
        listeners = {"PLAIN": self.address}
        if controls:
            listeners["CONTROLLER"] = self.cluster.controller
        return {
            **base_settings(data, self.id, self.cluster.controller),
            "process.roles": "broker,controller" if controls else "broker",
            "listeners": ",".join(f"{n}://{a}" for n, a in listeners.items()),
            "advertised.listeners": f"PLAIN://{self.address}",
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAIN",
            "auto.create.topics.enable": "true",
            "controlled.shutdown.enable": "true",
            "broker.session.timeout.ms": SESSION_MS,
            "broker.heartbeat.interval.ms": SESSION_MS // 6,
            "replica.lag.time.max.ms": SESSION_MS,
            **small(copies=min(3, self.cluster.size)),
            **self.cluster.config,
        }

    def command(self):
        return java(self.cluster.version, "kafka.Kafka", self.folder / "server.properties")

    def is_ready(self):
        return common.accepts(self.port) and self.id in self.cluster.members()


class KafkaCluster(Admin):
    def __init__(self, size=3, *, version=None, config=None):
        self.size, self.version, self.config = size, version or VERSIONS[0], config or {}
        self._frozen = set()
        self.controller = f"127.0.0.1:{common.reserve_port()}"
        self.nodes = {id: Node(self, id) for id in range(1, size + 1)}

    @property
    def addresses(self):
        return [node.address for node in self.nodes.values()]

    @property
    def plaintext(self):
        """Of those that can answer."""
        return ",".join(n.address for n in self.nodes.values() if n.process and n.id not in self._frozen)

    def __enter__(self):
        try:
            for node in self.nodes.values():
                node.launch()
            for node in self.nodes.values():
                node.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._drop_clients()
        for node in self.nodes.values():
            # Nobody is there to hand leaderships to: a controlled shutdown would only wait.
            node.halt(signal.SIGKILL)
            node.stop()

    def members(self):
        """Ids of the brokers that the cluster lists."""
        try:
            return set(self.admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return set()

    def partition(self, topic, number=0):
        """Its .leader, .replicas, .isrs as the cluster tells them."""
        return self.admin.list_topics(timeout=ADMIN_SECONDS).topics[topic].partitions[number]

    def kill(self, id, *, seen=True):
        """SIGKILL; with `seen` waits until the others have noticed."""
        self.nodes[id].halt(signal.SIGKILL)
        self._frozen.discard(id)
        if seen:
            self.wait_gone(id)

    def terminate(self, id):
        """SIGTERM: a controlled shutdown."""
        self.nodes[id].halt(signal.SIGTERM)
        self.wait_gone(id)

    def pause(self, id):
        self.nodes[id].pause()
        self._frozen.add(id)
        self._drop_clients()

    def start(self, id, *, ready=True):
        self.nodes[id].launch()
        if ready:
            self.nodes[id].wait_ready()

    def wait_gone(self, id):
        def gone():
            # A client that has learnt of it would go on asking it.
            self._drop_clients()
            members = self.members()
            return members and id not in members

        common.wait_for(gone, what=f"broker {id} out of the cluster")

    def wait_in_sync(self, topic, count, number=0):
        common.wait_for(lambda: len(self.partition(topic, number).isrs) == count, what=f"{count} replicas of {topic} in sync")
