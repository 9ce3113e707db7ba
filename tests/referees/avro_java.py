"""Asks Java's Avro and fastavro for their verdicts on each schema and pair. Java decides: Kafka's clients and the registries use it."""

import copy
import hashlib
import json
import os
import subprocess

import fastavro

from referees import common, schemas
from servers import common as servers
from servers import kafka_jars

VERSION = "1.12.1"
SLF4J = "2.0.17"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>startguard.tests</groupId><artifactId>avro</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.avro</groupId><artifactId>avro</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>{SLF4J}</version></dependency>
  </dependencies>
</project>
"""


REFEREE = common.HERE / "avro" / "Referee.java"


def build(folder):
    (folder / "pom.xml").write_text(POM)
    goal = f"org.apache.maven.plugins:maven-dependency-plugin:{kafka_jars.DEPENDENCY_PLUGIN}:copy-dependencies"
    maven = servers.find_program("mvn", package="real")
    servers.run_tool(
        [maven, "-B", "-q", "-f", folder / "pom.xml", goal, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"],
        what=f"fetching Avro {VERSION} with Maven",
    )
    javac = servers.find_program("javac", package="referees")
    servers.run_tool([javac, "-cp", f"{folder}/*", "-d", folder, REFEREE], what="javac")


def ask_java(questions):
    source = hashlib.sha256(REFEREE.read_bytes()).hexdigest()[:12]
    folder = servers.cached(f"avro-referee-{VERSION}-{source}", build)
    environment = {name: value for name, value in os.environ.items() if name != "JAVA_TOOL_OPTIONS"}
    done = subprocess.run(
        ["java", "-Dfile.encoding=UTF-8", "-cp", f"{folder}:{folder}/*", "Referee"],
        input=json.dumps(questions).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=True,
    )
    return json.loads(done.stdout)


def fastavro_takes(text):
    try:
        fastavro.parse_schema(copy.deepcopy(json.loads(text)))
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take the schema
        return False
    return True


def schema_rows():
    rows = list(schemas.schemas())
    for (name, text), java in zip(rows, ask_java([text for _, text in rows]), strict=True):
        row = {"name": name, "java": java is not False, "fastavro": fastavro_takes(text), "schema": text}
        if java:
            row["fingerprint"] = java
        yield row


def pair_rows():
    rows = list(schemas.pairs())
    for (name, reader, writer), java in zip(rows, ask_java([row[1:] for row in rows]), strict=True):
        yield {"name": name, "java": java, "reader": reader, "writer": writer}


def main(arguments):
    write = "--write" in arguments
    java, python = f"Apache Avro {VERSION} for Java (decides)", f"fastavro {fastavro.__version__}"
    bad = common.settle("avro", [java, python], list(schema_rows()), write)
    return bad + common.settle("avro_pairs", [java], list(pair_rows()), write)
