"""Apache Kafka's jars, by Maven, once per version.

VERSIONS are those that the tests know: the first is the one a server runs when nobody says another. STARTGUARD_KAFKA
names the one to run with instead ("3.9.1"), or several ("4.1.1 3.9.1") for the tests that go through all of them.
"""

import os

from . import common

KNOWN = ("4.1.1", "3.9.1")
VERSIONS = tuple(os.environ.get("STARTGUARD_KAFKA", " ".join(KNOWN)).split())
SCALA = "2.13"
SLF4J = "1.7.36"  # the API version that Kafka brings; without a back end it would log nothing
DEPENDENCY_PLUGIN = "3.8.1"

JVM_FLAGS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

POM = """<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>startguard.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{scala}</artifactId>
      <version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{slf4j}</version>
    </dependency>
  </dependencies>
</project>
"""


def install(version):
    """The folder with the jars."""
    return common.cached(f"kafka-{SCALA}-{version}", lambda folder: _fetch(folder, version))


def _fetch(folder, version):
    maven = common.find_program("mvn", package="real")
    (folder / "pom.xml").write_text(POM.format(scala=SCALA, version=version, slf4j=SLF4J))
    goal = f"org.apache.maven.plugins:maven-dependency-plugin:{DEPENDENCY_PLUGIN}:copy-dependencies"
    common.run_tool(
        [maven, "-B", "-q", "-f", folder / "pom.xml", goal] + ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"],
        what=f"fetching Apache Kafka {version} with Maven",
    )


def java(version, main_class, *arguments):
    """The command line of one of Kafka's programs."""
    program = common.find_program("java", package="real")
    return [program, *JVM_FLAGS, "-cp", f"{install(version)}/*", main_class, *arguments]
