"""The admission policy, in force on a real API server."""

import copy

import programs
import pytest
import yaml
from conftest import MANIFESTS, made_namespace

POLICY = "policies/refuse-loosening.yaml"
MESSAGE = "a container has a flag that loosens something: "

POD = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "shop",
            "image": "registry.example/shop:1.4.2",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def pod_spec(*env, init=False):
    spec = copy.deepcopy(POD)
    if init:
        spec["initContainers"] = [{**spec["containers"][0], "name": "first"}]
    spec["initContainers" if init else "containers"][0]["env"] = list(env)
    return spec


def pod(*env, init=False):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": pod_spec(*env, init=init)}


def template(spec):
    return {"metadata": {"labels": {"app": "shop"}}, "spec": spec}


def workload(kind, spec):
    """An object of this kind that makes such pods."""
    selector = {"matchLabels": {"app": "shop"}}
    never = {**spec, "restartPolicy": "Never"}
    group, body = {
        "Deployment": ("apps/v1", {"selector": selector, "template": template(spec)}),
        "ReplicaSet": ("apps/v1", {"selector": selector, "template": template(spec)}),
        "StatefulSet": ("apps/v1", {"selector": selector, "serviceName": "shop", "template": template(spec)}),
        "DaemonSet": ("apps/v1", {"selector": selector, "template": template(spec)}),
        "ReplicationController": ("v1", {"selector": {"app": "shop"}, "template": template(spec)}),
        "Job": ("batch/v1", {"template": template(never)}),
        "CronJob": ("batch/v1", {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": template(never)}}}),
        "PodTemplate": ("v1", None),
    }[kind]
    whole = {"apiVersion": group, "kind": kind, "metadata": {"name": "shop"}}
    return {**whole, **({"template": template(spec)} if body is None else {"spec": body})}


def value(name, text):
    return {"name": name, "value": text}


LOOSE = pod(value("FORCE_JSON", "1"))


def ask(namespace, document):
    """The server's answer to a creation that does not happen."""
    text = yaml.safe_dump(document)
    return namespace.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", text=text, check=False)


@pytest.fixture(scope="module")
def policy(cluster):
    cluster.apply((MANIFESTS / POLICY).read_text("utf-8"))
    yield
    cluster.kubectl("delete", "-f", MANIFESTS / POLICY)


@pytest.fixture(scope="module")
def prod(cluster, names, policy):
    """A namespace with the label, once the policy is in force: the server reads both from caches that follow a moment later."""
    with made_namespace(cluster, names) as one:
        one.kubectl("label", "namespace", one.name, "startguard/mode=prod")
        one.cluster.wait_for(lambda: ask(one, LOOSE).returncode, "the policy is in force")
        yield one


def test_policy_compiles_without_a_warning(cluster, policy):
    """The server checks the types of the expressions for each kind."""
    name = "startguard-refuse-loosening"
    checked = cluster.wait_for(
        lambda: (
            cluster.get("validatingadmissionpolicy", name).get("status", {}).get("typeChecking") is not None
            and cluster.get("validatingadmissionpolicy", name)["status"]
        ),
        "the types are checked",
    )
    assert checked["typeChecking"].get("expressionWarnings", []) == []


@pytest.mark.parametrize(
    "env",
    [
        value("LEARNER_FORCE_JSON", "1"),
        value("FORCE_JSON", "true"),
        value("SHOP_FORCE_JSON", "YES"),
        value("SHOP_FORCE_JSON", "on"),
        value("SHOP_FORCE_JSON", "enabled"),
        {"name": "SHOP_FORCE_JSON", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "json"}}},
        value("STARTGUARD_MODE", "dev"),
        value("STARTGUARD_MODE", "staging"),
    ],
    ids=str,
)
def test_loosening_flag_is_refused(prod, env):
    for init in (False, True):
        answer = ask(prod, pod(env, init=init))
        assert answer.returncode != 0
        assert f"{MESSAGE}{'first' if init else 'shop'}: {env['name']}" in answer.stderr


@pytest.mark.parametrize(
    "env",
    [
        value("LEARNER_FORCE_JSON", "0"),
        value("LEARNER_FORCE_JSON", "False"),
        value("LEARNER_FORCE_JSON", ""),
        {"name": "LEARNER_FORCE_JSON"},
        value("FORCE_JSON_LIMIT", "1"),
        value("ENFORCE_JSON", "1"),
        value("STARTGUARD_MODE", "prod"),
        value("SHOP_MODE", "dev"),
    ],
    ids=str,
)
def test_others_are_taken(prod, env):
    answer = ask(prod, pod(env))
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob", "PodTemplate"]
)
def test_what_makes_pods_is_refused_too(prod, kind):
    """Else a Deployment would be taken, and its pods refused where nobody looks."""
    assert MESSAGE in ask(prod, workload(kind, pod_spec(value("SHOP_FORCE_JSON", "1")))).stderr
    answer = ask(prod, workload(kind, pod_spec(value("SHOP_FORCE_JSON", "0"))))
    assert answer.returncode == 0, answer.stderr


def test_every_flag_is_named(prod):
    answer = ask(prod, pod(value("A_FORCE_JSON", "1"), value("B_FORCE_JSON", "1")))
    assert f"{MESSAGE}shop: A_FORCE_JSON, shop: B_FORCE_JSON" in answer.stderr


def test_namespaces_without_the_label_are_left_alone(prod, namespace):
    """`prod` is here so that the policy is in force."""
    for label in ("startguard/mode-", "startguard/mode=dev"):
        namespace.kubectl("label", "namespace", namespace.name, label)
        answer = ask(namespace, LOOSE)
        assert answer.returncode == 0, answer.stderr


def test_the_patterns_are_taken_in_prod(prod):
    for path in sorted(MANIFESTS.glob("*.yaml")):
        prod.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", path)


def test_policy_of_kyverno_fits_its_schema(cluster):
    """What it does is tested by Kyverno's own command, by hand: tests/kubernetes/kyverno."""
    cluster.kubectl("create", "-f", programs.install_kyverno())
    path = MANIFESTS / "policies/kyverno-inject.yaml"
    cluster.wait_for(
        lambda: "clusterpolicies" in cluster.kubectl("api-resources", "--api-group=kyverno.io", check=False).stdout,
        "the kind is served",
    )
    cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", path)
    wrong = path.read_text("utf-8").replace("      mutate:", "      mutates:")
    refused = cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", text=wrong, check=False)
    assert refused.returncode != 0
    assert "mutates" in refused.stderr
