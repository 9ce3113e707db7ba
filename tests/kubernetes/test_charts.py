"""The library chart, the chart of the example, and the Kustomize component: rendered, checked by the API server, installed."""

import re
import shutil

import pytest
import yaml
from conftest import MANIFESTS, ended_state

from harness import ROOT

RESTRICTED = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
LIMITS = {"cpu": "100m", "memory": "16Mi"}
VERSION = re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text("utf-8"), re.M)[1]


def pod_specs(documents):
    """The pods that these objects make."""
    for document in documents:
        spec = document.get("spec", {})
        spec = spec.get("template", {}).get("spec")
        if spec:
            yield spec


def check_guards(documents):
    """Each container of startguard's own image has the limits, and the rights, that the manual promises."""
    guards = 0
    for spec in pod_specs(documents):
        for container in spec["initContainers"]:
            if container["name"] == "startguard":
                guards += 1
                assert container["resources"]["limits"] == LIMITS
                assert RESTRICTED.items() <= container["securityContext"].items()
                whole = {**spec.get("securityContext", {}), **container["securityContext"]}
                assert (whole["runAsNonRoot"], whole["runAsUser"], whole["runAsGroup"]) == (True, 65532, 65532)
                assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
                assert "terminationMessagePath" not in container
    assert guards


@pytest.mark.parametrize("name", sorted(path.name for path in MANIFESTS.glob("*.yaml") if path.name != "profile.yaml"))
def test_manifest_has_limits_and_restricted_rights(name):
    check_guards(yaml.safe_load_all((MANIFESTS / name).read_text("utf-8")))


def test_versions_are_those_of_the_program():
    files = [path for path in MANIFESTS.rglob("*") if path.suffix in (".yaml", ".tpl")]
    tags = {tag for path in files for tag in re.findall(r"/startguard:([\w.-]+)", path.read_text("utf-8"))}
    assert tags == {VERSION}
    library = MANIFESTS / "helm/startguard"
    chart, values = (yaml.safe_load((library / name).read_text("utf-8")) for name in ("Chart.yaml", "values.yaml"))
    assert [chart["version"], chart["appVersion"], values["image"]["tag"]] == [VERSION] * 3


@pytest.fixture(scope="module")
def chart(cluster, tmp_path_factory):
    """The example with its library, as `helm dependency build` makes it."""
    folder = tmp_path_factory.mktemp("charts")
    for name in ("startguard", "example"):
        shutil.copytree(MANIFESTS / "helm" / name, folder / name)
    cluster.helm("dependency", "build", folder / "example")
    return folder / "example"


def write_values(folder, values):
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump({"startguard": values}))
    return path


VARIANTS = {
    "as it is": {},
    "init": {"pattern": "init", "envFile": True, "timeout": "1m30s", "mode": "staging"},
    "waits, no profile": {
        "pattern": "init",
        "profile": "",
        "secrets": [],
        "wait": ["tcp://cache:6379", "http://catalogue:8080/health"],
    },
    "a ConfigMap of one's own": {"profile": "", "profileConfigMap": "shop", "env": [{"name": "SHOP_REGION", "value": "eu"}]},
}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_chart_renders_what_the_server_takes(cluster, namespace, chart, tmp_path, values):
    file = write_values(tmp_path, values)
    cluster.helm("lint", "--strict", chart, "-f", file)
    text = cluster.helm("template", "shop", chart, "-f", file).stdout
    namespace.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
    check_guards([document for document in yaml.safe_load_all(text) if document])


MISTAKES = {
    "patern": ({"patern": "init"}, "patern"),
    "a pattern that is none": ({"pattern": "sidecar"}, "pattern"),
    "a mode that is none": ({"mode": "produktion"}, "mode"),
    "a time without unit": ({"timeout": "90"}, "timeout"),
    "a secret without a path": ({"secrets": [{"name": "shop"}]}, "mountPath"),
    "nothing to check": ({"profile": ""}, "nothing to check"),
    "two profiles": ({"profileConfigMap": "shop"}, "both set"),
}


@pytest.mark.parametrize("values, said", MISTAKES.values(), ids=MISTAKES)
def test_chart_refuses(cluster, chart, tmp_path, values, said):
    done = cluster.helm("template", "shop", chart, "-f", write_values(tmp_path, values), check=False)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize("values", [{}, {"pattern": "init", "envFile": True}], ids=["wrap", "init"])
def test_chart_is_installed(cluster, namespace, chart, tmp_path, values):
    namespace.make_secret()
    file = write_values(tmp_path, values)
    cluster.helm("install", "shop", chart, "-f", file, "-n", namespace.name, "--wait", "--timeout", "2m")
    namespace.wait_ready()
    if values:
        assert ended_state(namespace.pod(), "startguard")["message"].startswith("startguard: READY: 2 checks passed")
    else:
        assert "STARTGUARD_STATUS=ready" in namespace.logs("shop")


def test_chart_is_not_installed_while_a_dependency_is_missing(cluster, namespace, chart, tmp_path):
    """helm waits for pods that are ready, and these are not."""
    namespace.has(catalogue=False)
    namespace.make_secret()
    file = write_values(tmp_path, {"pattern": "init", "timeout": "1s"})
    install = ["install", "shop", chart, "-f", file, "-n", namespace.name, "--wait", "--timeout", "5s"]
    assert cluster.helm(*install, check=False).returncode != 0
    assert "http.catalogue: connect-refused" in namespace.wait_ended("startguard", 124)["message"]


def test_component(namespace):
    text = namespace.kubectl("kustomize", MANIFESTS / "kustomize/example").stdout
    check_guards(yaml.safe_load_all(text))
    namespace.kubectl("apply", "--validate=strict", "-k", MANIFESTS / "kustomize/example")
    pod = namespace.wait_ready()
    assert ended_state(pod, "startguard")["message"].startswith("startguard: READY: 1 check passed")


@pytest.mark.parametrize("kind", ["StatefulSet", "Job"])
@pytest.mark.parametrize("label", ["true", "false"])
def test_component_takes_what_is_labelled(namespace, tmp_path, kind, label):
    shutil.copytree(MANIFESTS / "kustomize", tmp_path / "kustomize")
    example = tmp_path / "kustomize/example"
    deployment = yaml.safe_load((example / "deployment.yaml").read_text("utf-8"))
    deployment["kind"] = kind
    deployment["metadata"]["labels"]["startguard/inject"] = label
    if kind == "Job":
        deployment["apiVersion"] = "batch/v1"
        del deployment["spec"]["selector"]
        deployment["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    (example / "deployment.yaml").write_text(yaml.safe_dump(deployment))
    text = namespace.kubectl("kustomize", example).stdout
    namespace.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
    (spec,) = pod_specs(yaml.safe_load_all(text))
    assert ("initContainers" in spec) == (label == "true")
