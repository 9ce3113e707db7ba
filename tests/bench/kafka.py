"""Kafka: start to exec against one real broker that is up, and a wrong password until it is told.

startguard verifies four topics with partitions, leaders and replicas in sync, what the principal may do to each, and a
group; the others do what they can: kcat -L lists metadata, wait4x asks one broker for the list of brokers, kafka-ready (the
Java class of Confluent's images; here an equivalent loop, KafkaReady.java) describes the cluster.
"""

import contextlib
import pathlib
import shutil
import tempfile

from measure import Command, comparison, interleave

from harness import settings
from servers import common
from servers.kafka import KafkaServer
from servers.kafka_jars import install

HERE = pathlib.Path(__file__).resolve().parent
TOPICS = [f"open.bench-{n}" for n in range(4)]
USER = "limited"
WARM_ROUNDS, WRONG_ROUNDS = 6, 3  # the broker compiles what it does often; a wrong password costs seconds
JAVA_TIMEOUT_MS, WRONG_TIMEOUT_MS = 60000, 10000
FULL, SHAPE = "startguard, 4 topics, their rights, a group", "startguard, 4 topics"
KCAT, WAIT4X, JAVA = "kcat -L", "wait4x kafka", "kafka-ready (Java)"


def kafka_ready(version):
    """The command of the Java loop, compiled once; None without a JDK."""
    javac = shutil.which("javac")
    if not javac:
        return None
    jars = f"{install(version)}/*"

    def build(folder):
        common.run_tool([javac, "-cp", jars, "-d", folder, HERE / "KafkaReady.java"], what="compiling KafkaReady.java", tries=1)

    classes = common.cached(f"kafka-ready-{version}", build)
    return [common.find_program("java", package="bench"), "-cp", f"{classes}:{jars}", "KafkaReady"]


class Commands:
    """How each program is asked, for a listener ("plaintext", "sasl") and a password (None for the right one)."""

    def __init__(self, kafka, program, wait4x, nothing, folder):
        self.kafka, self.program, self.wait4x, self.nothing = kafka, program, wait4x, str(nothing)
        self.folder = pathlib.Path(folder)
        self.ready = kafka_ready(kafka.version)
        self.kcat_path = shutil.which("kcat")

    def prepare(self):
        for topic in TOPICS:
            self.kafka.create_topic(topic, 3)
        self.kafka.commit("open.bench", TOPICS[0], 0)
        self.kafka.transact("open.warm-up", TOPICS[0], b"a record")

    def missing(self):
        rows = {KCAT: "" if self.kcat_path else "not found: kcat", JAVA: "" if self.ready else "not found: javac"}
        return {name: why for name, why in {**rows, WAIT4X: self.wait4x.missing}.items() if why}

    def then(self, *words):
        """What the others need to go on to the service: startguard and wait4x start it themselves."""
        return ["sh", "-c", f'"$@" >/dev/null 2>&1 && exec {self.nothing}', "sh", *words]

    def startguard(self, listener, rights, password=None):
        properties = self.kafka.client_properties(listener, USER, password)
        servers = properties.pop("bootstrap.servers")
        env = {}
        if "sasl.password" in properties:
            env["KAFKA_PASSWORD"] = properties["sasl.password"]
            properties["sasl.password"] = "env:KAFKA_PASSWORD"
        demand = {"partitions": 3, "min_in_sync_replicas": 1} | ({"operations": ["read", "write"]} if rights else {})
        keys = {"bootstrap_servers": [servers], "topics": [{"name": t} | demand for t in TOPICS]}
        if properties:
            keys["properties"] = [f"{k}={v}" for k, v in properties.items()]
        if rights:
            keys["groups"] = ["open.bench"]
        profile = self.folder / f"{listener}-{rights}-{bool(password)}.cfg"
        profile.write_text(f'startguard = 1; service = "bench"; mode = "dev"; kafka: {{ bench: {{ {settings(**keys)} }}; }};')
        return Command([self.program, "run", "-q", "-p", profile, "--termination-log", "none", "--", self.nothing], env)

    def kcat(self, listener, password=None):
        properties = self.kafka.client_properties(listener, USER, password)
        servers = properties.pop("bootstrap.servers")
        more = [word for k, v in properties.items() for word in ("-X", f"{k}={v}")]
        return Command(self.then(self.kcat_path, "-L", "-b", servers, *more)) if self.kcat_path else None

    def java(self, listener, password=None, timeout=JAVA_TIMEOUT_MS):
        properties = self.kafka.client_properties(listener, USER, password)
        servers = properties.pop("bootstrap.servers")
        file = self.folder / f"{listener}-{bool(password)}.properties"
        login = ""
        if listener == "sasl":
            login = (
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config="
                "org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'username="{USER}" password="{properties["sasl.password"]}";\n'
            )
        file.write_text(login)
        return Command(self.then(*self.ready, servers, "1", str(timeout), file)) if self.ready else None

    def ready_rows(self, listener):
        rows = {FULL: self.startguard(listener, True), SHAPE: self.startguard(listener, False), KCAT: self.kcat(listener)}
        if listener == "plaintext" and not self.wait4x.missing:  # it knows no PLAIN
            rows[WAIT4X] = self.wait4x.kafka(self.kafka.plaintext)
        return {name: command for name, command in {**rows, JAVA: self.java(listener)}.items() if command}

    def wrong_rows(self):
        rows = {
            "startguard": self.startguard("sasl", False, "wrong"),
            KCAT: self.kcat("sasl", "wrong"),
            f"{JAVA}, with a timeout of {WRONG_TIMEOUT_MS // 1000} s": self.java("sasl", "wrong", WRONG_TIMEOUT_MS),
        }
        return {name: command for name, command in rows.items() if command}


def section(spawner, program, wait4x, nothing, rounds):
    """Markdown."""
    text = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        kafka = stack.enter_context(KafkaServer())
        commands = Commands(kafka, program, wait4x, nothing, folder)
        commands.prepare()
        for listener, title in (("plaintext", "plaintext"), ("sasl", "login by PLAIN")):
            rows = commands.ready_rows(listener)
            interleave(spawner, {name: c for name, c in rows.items() if name != JAVA}, WARM_ROUNDS)
            found = interleave(spawner, rows, rounds)
            text.append(f"Kafka {kafka.version}, {title}:\n\n{comparison(found, rows, commands.missing())}")
        rows = commands.wrong_rows()
        found = interleave(spawner, rows, WRONG_ROUNDS, must_fail=True)
        text.append(f"A wrong password, until it is told:\n\n{comparison(found, rows, {})}")
    return "\n".join(text)
