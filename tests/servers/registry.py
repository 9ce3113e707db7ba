"""A real schema registry with the Confluent REST interface: Apicurio Registry, in memory.

3.0.9 because it runs on Debian 12's Java 17; newer ones want 21. `url` is what a Confluent client
takes as schema.registry.url.
"""

import json
import tarfile
from urllib.parse import quote

from . import common

VERSION = "3.0.9"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
# The newer ones read the artifact's descriptor first, whose parent is not on Maven Central; this one takes the archive.
DEPENDENCY_PLUGIN = "2.8"
BASE_PATH = "/apis/ccompat/v7"
CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
JVM_FLAGS = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def install():
    """The folder with the program, unpacked."""
    return common.cached(f"apicurio-registry-{VERSION}", _fetch)


def _fetch(folder):
    maven = common.find_program("mvn", package="real")
    goal = f"org.apache.maven.plugins:maven-dependency-plugin:{DEPENDENCY_PLUGIN}:get"
    local = folder / "maven"
    common.run_tool(
        [maven, "-B", "-q", goal, f"-Dartifact={ARTIFACT}", "-Dtransitive=false", f"-Dmaven.repo.local={local}"],
        what=f"fetching Apicurio Registry {VERSION} with Maven",
        cwd=folder,
    )
    (archive,) = local.glob("**/apicurio-registry-app-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    common.remove_tree(local)


class RegistryServer(common.Server):
    name = "registry"

    def prepare(self):
        self.port = common.reserve_port()
        self.url = f"http://127.0.0.1:{self.port}{BASE_PATH}"

    def command(self):
        (jar,) = install().glob("**/apicurio-registry-app-*-runner.jar")
        java = common.find_program("java", package="real")
        return [
            java,
            *JVM_FLAGS,
            "-Dquarkus.http.host=127.0.0.1",
            f"-Dquarkus.http.port={self.port}",
            "-Dapicurio.rest.deletion.artifact.enabled=true",
            "-Dapicurio.rest.deletion.artifact-version.enabled=true",
            "-jar",
            jar,
        ]

    def is_ready(self):
        if not common.accepts(self.port):
            return False
        status, body = common.http("GET", f"{self.url}/subjects")
        return status == 200 and body.strip().startswith(b"[")

    def ask(self, method, path, content=None):
        """One call of the REST interface; StartError unless the answer is 200."""
        body = None if content is None else json.dumps(content)
        headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
        status, answer = common.http(method, self.url + path, body, headers=headers)
        if status != 200:
            raise common.StartError(f"{method} {path}: HTTP {status}: {answer.decode(errors='replace')[:500]}")
        return json.loads(answer)

    def subjects(self):
        return set(self.ask("GET", "/subjects"))

    def register(self, subject, schema_text, schema_type="AVRO", references=()):
        """Adds a version and returns the schema's id."""
        content = {"schema": schema_text, "schemaType": schema_type, "references": list(references)}
        return self.ask("POST", f"/subjects/{quote(subject, safe='')}/versions", content)["id"]

    def set_level(self, subject, level):
        self.ask("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": level})

    def delete_subject(self, subject):
        """Softly, then for good: the name is free for any schema afterwards."""
        path = f"/subjects/{quote(subject, safe='')}"
        self.ask("DELETE", path)
        if subject in set(self.ask("GET", "/subjects?deleted=true")):
            self.ask("DELETE", f"{path}?permanent=true")
        common.wait_for(lambda: subject not in self.subjects(), what=f"{subject} gone", seconds=10)
