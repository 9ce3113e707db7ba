"""All real servers of the learner, filled so that its profile finds everything it asks for."""

import contextlib
import pathlib
import re

import prometheus_client
from kafka_help import lists_operations

from fakes.http import HttpServer, Reply
from servers.kafka import KafkaServer
from servers.opa import OpaServer
from servers.redis import RedisServer
from servers.registry import RegistryServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROFILE = ROOT / "tests" / "real" / "learner.cfg"
SCHEMAS = ROOT / "profiles" / "somabrain" / "schemas" / "eb14dcb"
TOPICS = ("cog.reward.events", "cog.config.updates", "cog.next.events", "cog.global.frame")
SUBJECTS = {"cog.reward.events-value": "reward_event", "cog.config.updates-value": "config_update"}
POLICY = 'package soma.policy.integrator\n\ndefault allow := false\n\nallow if input.tenant == "acme"\n'
COUNTER = "somabrain_reward_events_published_total"


class RewardProducer(HttpServer):
    """The neighbour: its health, and a page written by prometheus_client. `registry` None: the page lacks the counter."""

    def __init__(self):
        self.registry = prometheus_client.CollectorRegistry()
        prometheus_client.Counter(COUNTER, "Reward events successfully published", registry=self.registry)
        self.other = prometheus_client.CollectorRegistry()
        prometheus_client.Gauge("process_other", "Something else", registry=self.other)
        self.complete = True
        super().__init__({"/health": Reply(body={"ok": True}), "/metrics": self._page})

    def _page(self, _request):
        text = prometheus_client.generate_latest(self.registry if self.complete else self.other)
        return Reply(200, text, content_type=prometheus_client.CONTENT_TYPE_LATEST)


class World:
    """.kafka .registry .opa .redis .producer; .environment() for startguard."""

    def __init__(self, stack, folder):
        self.folder = pathlib.Path(folder)
        self.kafka, self.registry, self.opa = KafkaServer(auto_create=True), RegistryServer(), OpaServer({"integrator": POLICY})
        self.redis = RedisServer()
        servers = [self.kafka, self.registry, self.opa, self.redis]
        for server in servers:
            stack.callback(server.stop)
            server.launch()
        for server in servers:
            server.wait_ready()
        self.producer = stack.enter_context(RewardProducer())
        for topic in TOPICS:
            self.kafka.create_topic(topic, 3)
        for subject, schema in SUBJECTS.items():
            self.registry.register(subject, (SCHEMAS / f"{schema}.avsc").read_text())
        self.properties()

    def profile(self, guard):
        """The profile; for a librdkafka that cannot ask for rights, a copy that does not demand any."""
        if lists_operations(guard):
            return PROFILE
        copy = self.folder / PROFILE.name
        copy.write_text(re.sub(r" *(operations|groups) = \[.*?\];", "", PROFILE.read_text()))
        return copy

    def properties(self, listener="sasl", user="admin", password=None, mechanism="PLAIN"):
        """Writes the service's properties file, as a mounted secret would be."""
        lines = self.kafka.client_properties(listener, user, password, mechanism)
        self._bootstrap = lines.pop("bootstrap.servers")
        self.properties_file = self.folder / "kafka.properties"
        self.properties_file.write_text("".join(f"{k}={v}\n" for k, v in lines.items()))

    def environment(self, **more):
        return {
            "SOMABRAIN_MODE": "prod",
            "SOMABRAIN_KAFKA_URL": f"kafka://{self._bootstrap}",
            "SOMABRAIN_KAFKA_PROPERTIES": str(self.properties_file),
            "SOMABRAIN_SCHEMAS": str(SCHEMAS),
            "SOMABRAIN_SCHEMA_REGISTRY_URL": self.registry.url,
            "SOMABRAIN_OPA_URL": self.opa.url,
            "SOMABRAIN_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "REWARD_PRODUCER_URL": self.producer.url,
            "LEARNER_ONLINE_PORT": str(_free_port()),
            "SOMABRAIN_FF_WM_UPDATES_CACHE": "1",
        } | more


def _free_port():
    from servers.common import reserve_port

    return reserve_port()


@contextlib.contextmanager
def world(folder):
    with contextlib.ExitStack() as stack:
        yield World(stack, folder)
