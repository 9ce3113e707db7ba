"""The system on real servers: Kafka, OPA, Redis, PostgreSQL and a stand-in for the memory service, and its services behind startguard.

with system(folder) as one:
    image = one.image("849b24b")
    one.environment(image, "learner_online")        # what its container has, as docker-compose.yml sets it
"""

import configparser
import contextlib
import json
import os
import pathlib
import shlex
import subprocess

from image import HERE, ROOT, build

from fakes.http import HttpServer, Reply
from servers import common
from servers.kafka import KafkaServer
from servers.opa import OpaServer
from servers.postgres import PASSWORD, PostgresServer
from servers.redis import RedisServer

PROFILES = pathlib.Path(os.environ.get("SOMABRAIN_PROFILES", ROOT / "profiles/somabrain"))
ALLOW = "package soma.policy.integrator\n\ndefault allow := true\n\nleader := input.candidate.leader\n"
AUTH = "package somabrain.auth\n\ndefault allow := true\n\ndefault allow_dev := true\n"
DATABASE = "somabrain"
# What an image of the audited commit lacks; its producers must write acks=1 instead of acks="1", too.
REPAIRS = ("COPY libs /app/libs", "COPY proto /app/proto", "RUN pip install fastavro opentelemetry-exporter-otlp")
# docker-compose.yml of each commit, where the two differ.
COMPOSE = {
    "849b24b": {
        "SOMABRAIN_MODE": "full-local",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_SERVICE_NAME": "somabrain-cog",
    },
    "eb14dcb": {
        "SOMABRAIN_MODE": "dev",
        "ENABLE_COG_THREADS": "1",
        "SOMABRAIN_ENABLE_TEACH_FEEDBACK": "1",
        "SOMABRAIN_FF_REWARD_INGEST": "1",
        "SOMABRAIN_FF_LEARNER_ONLINE": "1",
    },
}
PORTS = {  # of the services; the variable that names each
    "reward_producer": "REWARD_PRODUCER_PORT",
    "learner_online": "LEARNER_ONLINE_PORT",
    "teach_feedback_processor": "TEACH_FEEDBACK_PROC_PORT",
    "integrator_hub": "HEALTH_PORT",
    "api": "SOMABRAIN_PORT",
}


# What the other containers start; nothing of the system starts wm_updates_cache.
CONTAINERS = {
    "outbox_publisher": ["python", "-m", "somabrain.workers.outbox_publisher"],
    "wm_updates_cache": ["python", "-m", "somabrain.workers.wm_updates_cache"],
    "api": ["docker-entrypoint.sh"],
}


def programs():
    """What supervisord.conf starts in one container: program -> command."""
    supervisor = configparser.ConfigParser(interpolation=None)
    supervisor.read(HERE / "source/ops/supervisor/supervisord.conf")
    sections = {name.partition(":")[2]: supervisor[name] for name in supervisor.sections() if name.startswith("program:")}
    return {name: shlex.split(section["command"]) for name, section in sections.items()}


PROGRAMS = programs()
SERVICES = [*PROGRAMS, *CONTAINERS]


class System:
    """.kafka .opa .redis .postgres .memory; .ports of the services."""

    def __init__(self, stack, folder):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self._stack, self._images, self._built = stack, {}, 0
        self.kafka = self._kafka()
        self.opa = OpaServer({"integrator": ALLOW, "auth": AUTH})
        self.redis, self.postgres = RedisServer(), PostgresServer()
        servers = [self.opa, self.redis, self.postgres]
        for server in servers:
            stack.callback(server.stop)
        for server in (self.kafka, *servers):
            server.launch()
        for server in (self.kafka, *servers):
            server.wait_ready()
        self.postgres.set_up()
        self.memory = stack.enter_context(HttpServer({"/health": Reply(body={"ok": True})}))
        self.ports = {service: common.reserve_port() for service in PORTS}
        self.supervisor_port = common.reserve_port()
        self._seed()
        self.postgres.sql(f"create database {DATABASE} owner app")
        self.tool(self.image("849b24b"), "python", "-m", "alembic", "upgrade", "heads")
        self.postgres.sql("grant select on all tables in schema public to reader", DATABASE)

    def new_kafka(self):
        """Without the topics and groups of what ran before: a member that was killed keeps its partitions for 45 s."""
        self.kafka.stop()
        self.kafka = self._kafka()
        self.kafka.start()
        self._seed()

    def _kafka(self):
        kafka = KafkaServer(auto_create=True)
        self._stack.callback(kafka.stop)
        return kafka

    def _seed(self):
        self.tool(self.image("849b24b"), "python", "scripts/seed_topics.py")
        self.kafka.create_topic("startguard.canary")
        self.kafka.commit("first-group", "soma.audit", 0)  # groups have a coordinator from now on

    def image(self, commit, leave_out=(), add=()):
        """As the commit's Dockerfile makes it. Made once for each recipe: nobody changes a file of it."""
        recipe = (commit, tuple(leave_out), tuple(add))
        if recipe not in self._images:
            self._images[recipe] = self._build(*recipe)
        return self._images[recipe]

    def _build(self, commit, leave_out, add):
        self._built += 1
        return build(self.folder / f"image{self._built}", commit, leave_out, add)

    def good_image(self, commit, leave_out=(), add=(), edit=None):
        """The same, with the repairs that the audited commit needs. edit: a function that changes the new image."""
        if not edit and commit != "eb14dcb":
            return self.image(commit, leave_out, add)
        recipe = ("good", commit, tuple(leave_out), tuple(add))
        if edit or recipe not in self._images:
            image = self._build(commit, leave_out, (*REPAIRS, *add) if commit == "eb14dcb" else add)
            for file in image.app.glob("s*/**/*.py"):
                if 'acks="1"' in file.read_text():
                    image.replace(file, 'acks="1"', "acks=1")
            if edit:
                edit(image)
                return image
            self._images[recipe] = image
        return self._images[recipe]

    def tool(self, image, *command):
        """Runs a command of the image to its end; what it printed."""
        env = self.environment(image, "api")
        done = subprocess.run(command, cwd=image.app, env=env, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise common.StartError(f"{shlex.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def dsn(self, user="app", password=PASSWORD, database=DATABASE):
        return f"postgresql://{user}:{password}@{self.postgres.address}/{database}"

    def url(self, service, path="/health"):
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def environment(self, image, service, **more):
        """docker-compose.yml's, with the addresses of the servers here, and what it leaves to whoever installs the system."""
        own = {variable: str(self.ports[name]) for name, variable in PORTS.items() if variable != "HEALTH_PORT"}
        if service == "integrator_hub":
            own["HEALTH_PORT"] = str(self.ports[service])
        return {
            **image.environment,
            "SUPERVISOR_PORT": str(self.supervisor_port),
            "INTEGRATOR_PORT": str(self.ports["integrator_hub"]),
            "SOMABRAIN_KAFKA_URL": f"kafka://{self.kafka.plaintext}",
            "SOMA_KAFKA_BOOTSTRAP": self.kafka.plaintext,
            "SOMABRAIN_REDIS_URL": f"{self.redis.url}/0",
            "SOMABRAIN_OPA_URL": self.opa.url,
            "SOMABRAIN_OPA_POLICY": "soma.policy.integrator",
            "SOMABRAIN_POSTGRES_DSN": self.dsn(),
            "SOMABRAIN_MEMORY_HTTP_ENDPOINT": self.memory.url,
            "SOMABRAIN_MEMORY_HTTP_TOKEN": "devtoken",
            "SOMABRAIN_DEFAULT_TENANT": "public",
            "SOMABRAIN_LEARNING_TENANTS_FILE": str(image.app / "config/learning.tenants.yaml"),
            "SOMABRAIN_STRICT_REAL": "1",
            "SOMABRAIN_FF_COG_ORCHESTRATOR": "1",
            "SOMABRAIN_FF_WM_UPDATES_CACHE": "1",
            "REWARD_PRODUCER_URL": self.url("reward_producer", ""),
            "LEARNER_URL": self.url("learner_online", ""),
            "INTEGRATOR_URL": self.url("integrator_hub", ""),
            **COMPOSE[image.commit],
            **own,
            **more,
        }

    # ---- services ----

    def wait_healthy(self, service):
        path = "/healthz" if service == "integrator_hub" else "/health"
        common.wait_for(lambda: common.http("GET", self.url(service, path))[0] == 200, what=f"{service} healthy")

    def post_reward(self, tenant, total):
        body = json.dumps({"total": total, "tenant": tenant})
        return common.http(
            "POST", self.url("reward_producer", "/reward/f-1"), body, headers={"Content-Type": "application/json"}
        )

    def tau(self):
        return json.loads(common.http("GET", self.url("integrator_hub", "/tau"))[1])["tau"]


@contextlib.contextmanager
def system(folder):
    with contextlib.ExitStack() as stack:
        yield System(stack, folder)
