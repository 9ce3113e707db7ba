"""Start to exec against one broker that is up, side by side with what others use: the median of many, interleaved rounds.

    packaging/deps build real bench && make
    "$(packaging/venv-path)/bin/python" tests/bench/kafka.py [ROUNDS]        (30)

startguard verifies four topics with partitions, leaders and replicas in sync, what the principal may do to each, and a
group; the others do what they can: kcat -L lists metadata, wait4x asks one broker for the list of brokers, kafka-ready (the
Java class of Confluent's images; here an equivalent loop, KafkaReady.java) describes the cluster. All of them then
exec `true`, as an entry point would start the service. Prints Markdown for docs/benchmarks.md.

Environment: STARTGUARD (program; default build/startguard), WAIT4X (program; else it is installed with go).
"""

import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:] = [str(ROOT / "tests"), str(ROOT / "tests" / "scenario")] + [p for p in sys.path if p != str(HERE)]

from harness import settings  # noqa: E402
from servers import common  # noqa: E402
from servers.kafka import KafkaServer  # noqa: E402
from servers.kafka_jars import install  # noqa: E402

WAIT4X_MODULE = "wait4x.dev/v3/cmd/wait4x@v3.7.1"
TOPICS = [f"open.bench-{n}" for n in range(4)]
USER = "limited"
WRONG_ROUNDS = 3
# What the others need to go on to the service: startguard and wait4x start it themselves.
THEN_TRUE = ["sh", "-c", '"$@" >/dev/null 2>&1 && exec true', "sh"]


def wait4x():
    if os.environ.get("WAIT4X"):
        return os.environ["WAIT4X"]
    found = shutil.which("wait4x")
    if found:
        return found

    def build(folder):
        go = common.find_program("go", package="bench")
        common.run_tool([go, "install", WAIT4X_MODULE], what=f"go install {WAIT4X_MODULE}", tries=1, env={"GOBIN": str(folder)})

    return str(common.cached("wait4x-3.7.1", build) / "wait4x")


def kafka_ready(version):
    """The command of the Java loop, compiled once."""
    javac = common.find_program("javac", package="bench")
    jars = f"{install(version)}/*"

    def build(folder):
        common.run_tool([javac, "-cp", jars, "-d", folder, HERE / "KafkaReady.java"], what="compiling KafkaReady.java", tries=1)

    classes = common.cached(f"kafka-ready-{version}", build)
    return [common.find_program("java", package="bench"), "-cp", f"{classes}:{jars}", "KafkaReady"]


class Bench:
    def __init__(self, kafka, folder):
        self.kafka, self.folder = kafka, pathlib.Path(folder)
        self.program = os.environ.get("STARTGUARD", str(ROOT / "build" / "startguard"))
        self.env = dict(os.environ, KAFKA_PASSWORD=kafka.users[USER])
        for topic in TOPICS:
            kafka.create_topic(topic, 3)
        kafka.commit("open.bench", TOPICS[0], 0)
        kafka.transact("open.warm-up", TOPICS[0], b"a record")
        self.ready = kafka_ready(kafka.version)

    def startguard(self, name, listener, rights, password=None):
        properties = self.kafka.client_properties(listener, USER, password)
        servers = properties.pop("bootstrap.servers")
        secret = properties.pop("sasl.password", None)
        if secret:
            properties["sasl.password"] = "env:KAFKA_PASSWORD" if password is None else "env:WRONG_PASSWORD"
            self.env["WRONG_PASSWORD"] = password or ""
        demand = {"partitions": 3, "min_in_sync_replicas": 1} | ({"operations": ["read", "write"]} if rights else {})
        keys = {"bootstrap_servers": [servers], "topics": [{"name": t} | demand for t in TOPICS]}
        if properties:
            keys["properties"] = [f"{k}={v}" for k, v in properties.items()]
        if rights:
            keys["groups"] = ["open.bench"]
        profile = self.folder / f"{name}.cfg"
        profile.write_text(f'startguard = 1; service = "bench"; mode = "dev"; kafka: {{ bench: {{ {settings(**keys)} }}; }};')
        return [self.program, "run", "-q", "-p", str(profile), "--termination-log", "none", "--", "true"]

    def kcat(self, listener, password=None):
        properties = self.kafka.client_properties(listener, USER, password)
        servers = properties.pop("bootstrap.servers")
        more = [word for k, v in properties.items() for word in ("-X", f"{k}={v}")]
        return [*THEN_TRUE, common.find_program("kcat", package="bench"), "-L", "-b", servers, *more]

    def java(self, listener, password=None, timeout=60000):
        properties = self.kafka.client_properties(listener, USER, password)
        servers = properties.pop("bootstrap.servers")
        file = self.folder / f"{listener}-{password or 'right'}.properties"
        login = ""
        if listener == "sasl":
            login = (
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config="
                "org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'username="{USER}" password="{properties["sasl.password"]}";\n'
            )
        file.write_text(login)
        return [*THEN_TRUE, *self.ready, servers, "1", str(timeout), str(file)]

    def run(self, command, wanted=0):
        begun = time.perf_counter()
        done = subprocess.run(
            command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        took = (time.perf_counter() - begun) * 1000
        if (done.returncode == 0) != (wanted == 0):
            sys.exit(f"{command}: exit status {done.returncode}\n{done.stdout}")
        return took

    def compare(self, commands, rounds, wanted=0, warm=10):
        """{name: [ms]}; first `warm` rounds that are not counted: the broker compiles what it does often."""
        times = {name: [] for name in commands}
        for number in range(warm + rounds):
            for name in random.sample(list(commands), len(commands)):
                took = self.run(commands[name], wanted)
                if number >= warm:
                    times[name].append(took)
        return times


def show(title, times):
    ours = statistics.median(next(iter(times.values())))
    print(f"\n{title}\n\n| program | median ms | 10 % ms | 90 % ms | times the first row |\n| --- | --- | --- | --- | --- |")
    for name, values in times.items():
        values = sorted(values)
        low, high = values[len(values) // 10], values[-1 - len(values) // 10]
        print(f"| {name} | {statistics.median(values):.1f} | {low:.1f} | {high:.1f} | {statistics.median(values) / ours:.1f} |")


def main(rounds):
    with tempfile.TemporaryDirectory() as folder, KafkaServer() as kafka:
        bench = Bench(kafka, folder)
        full = "startguard, 4 topics, their rights, a group"
        shape = "startguard, 4 topics"
        show(
            f"Starting the programs alone, {rounds} rounds",
            bench.compare(
                {
                    "startguard version": [bench.program, "version"],
                    "kcat -V": [*THEN_TRUE, common.find_program("kcat", package="bench"), "-V"],
                    "wait4x version": [wait4x(), "version"],
                },
                rounds,
            ),
        )
        show(
            f"Kafka {kafka.version}, plaintext, {rounds} rounds",
            bench.compare(
                {
                    full: bench.startguard("plain-rights", "plaintext", True),
                    shape: bench.startguard("plain", "plaintext", False),
                    "kcat -L": bench.kcat("plaintext"),
                    "wait4x kafka": [wait4x(), "kafka", "-q", f"kafka://{kafka.plaintext}", "--", "true"],
                    "kafka-ready (Java)": bench.java("plaintext"),
                },
                rounds,
            ),
        )
        show(
            f"Kafka {kafka.version}, login by PLAIN, {rounds} rounds",
            bench.compare(
                {
                    full: bench.startguard("sasl-rights", "sasl", True),
                    shape: bench.startguard("sasl", "sasl", False),
                    "kcat -L": bench.kcat("sasl"),
                    "kafka-ready (Java)": bench.java("sasl"),
                },
                rounds,
            ),
        )
        show(
            f"Wrong password, until it is told, {WRONG_ROUNDS} rounds (kafka-ready with a timeout of 10 s)",
            bench.compare(
                {
                    "startguard": bench.startguard("wrong", "sasl", False, "wrong"),
                    "kcat -L": bench.kcat("sasl", "wrong"),
                    "kafka-ready (Java)": bench.java("sasl", "wrong", timeout=10000),
                },
                WRONG_ROUNDS,
                wanted=1,
                warm=0,
            ),
        )


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
    except common.StartError as error:
        sys.exit(f"{pathlib.Path(__file__).name}: {error}")
