"""Pods under a real kubelet: the four patterns as they are shipped, and what a status says when a start is refused."""

import copy
import re

import pytest
import yaml
from conftest import MANIFESTS, ended_state, is_ready, status_of

from harness import ROOT

PASSED = re.compile(r"startguard: READY: 2 checks passed in [\d.]+ m?s\n?")


def manifest(name):
    return yaml.safe_load((MANIFESTS / name).read_text("utf-8"))


def with_env(deployment, container, **values):
    """The deployment with variables for one of its containers."""
    changed = copy.deepcopy(deployment)
    spec = changed["spec"]["template"]["spec"]
    (found,) = [c for c in spec["initContainers"] + spec["containers"] if c["name"] == container]
    found["env"] = [*found.get("env", []), *({"name": k, "value": v} for k, v in values.items())]
    return changed


def environment(namespace):
    """What the service found in its environment."""
    return dict(line.split("=", 1) for line in namespace.logs("shop").splitlines() if "=" in line)


def test_init_container_passes(namespace):
    namespace.make_secret()
    namespace.apply("profile.yaml", "init-container.yaml")
    pod = namespace.wait_ready()
    state = ended_state(pod, "startguard")
    assert (state["exitCode"], state["reason"]) == (0, "Completed")
    assert PASSED.fullmatch(state["message"])
    found = environment(namespace)
    assert (found["STARTGUARD_STATUS"], found["STARTGUARD_MODE"]) == ("ready", "prod")


def test_init_container_degraded_hands_the_environment_on(namespace):
    namespace.has(cache=False)
    namespace.make_secret()
    namespace.apply("profile.yaml", "init-container.yaml")
    state = ended_state(namespace.wait_ready(), "startguard")
    assert state["exitCode"] == 0
    assert state["message"].startswith("startguard: DEGRADED: redis.cache: pages are rendered without cache (connect-refused)")
    found = environment(namespace)
    assert (found["STARTGUARD_STATUS"], found["STARTGUARD_DEGRADED"], found["CACHE_ENABLED"]) == (
        "degraded",
        "redis.cache",
        "0",
    )


def test_init_container_times_out_backs_off_and_recovers(namespace):
    """The message stands in the status while the kubelet waits; when the catalogue is there, the pod starts by itself."""
    namespace.has(catalogue=False)
    namespace.make_secret()
    namespace.apply("profile.yaml", with_env(manifest("init-container.yaml"), "startguard", STARTGUARD_TIMEOUT="1s"))
    state = namespace.wait_ended("startguard", 124)
    assert state["reason"] == "Error"
    assert state["message"].startswith("startguard: BLOCKED (124): http.catalogue: connect-refused: ")

    def backs_off(pod):
        return status_of(pod, "startguard").get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"

    pod = namespace.wait_pod(backs_off, "the kubelet backs off")
    assert ended_state(pod, "startguard")["exitCode"] == 124
    assert status_of(pod, "shop")["state"]["waiting"]["reason"] == "PodInitializing"
    described = namespace.kubectl("describe", "pod", pod["metadata"]["name"]).stdout
    assert "startguard: BLOCKED (124): http.catalogue: connect-refused" in described
    namespace.has(catalogue=True)
    assert status_of(namespace.wait_ready(), "startguard")["restartCount"] >= 1


def test_init_container_is_blocked(namespace):
    """A wrong password where the cache is required: waiting cannot help, and the whole two minutes are not waited."""
    profile = manifest("profile.yaml")
    text = profile["data"]["shop.cfg"]
    profile["data"]["shop.cfg"] = re.sub(
        r" *(required|degraded|degraded_env|timeout) = .*;\n(?=.*\n?)", "", text[text.index("redis:") :]
    )
    profile["data"]["shop.cfg"] = 'startguard = 1;\nservice = "shop";\n' + profile["data"]["shop.cfg"]
    namespace.make_secret("wrong-horse")
    namespace.apply(profile, "init-container.yaml")
    state = namespace.wait_ended("startguard", 69)
    assert state["message"].startswith("startguard: BLOCKED (69): redis.cache: auth-failed: ")
    assert "wrong-horse" not in str(namespace.pod()["status"])


def test_wrapped_entrypoint(namespace):
    namespace.has(cache=False)
    namespace.make_secret()
    namespace.apply("profile.yaml", "wrapped-entrypoint.yaml")
    namespace.wait_ready()
    found = environment(namespace)
    assert (found["STARTGUARD_STATUS"], found["CACHE_ENABLED"]) == ("degraded", "0")
    inside = namespace.kubectl("exec", "deployment/shop", "-c", "shop", "--", "cat", "/proc/1/cmdline").stdout
    assert inside.startswith("httpd\0")  # what /server becomes


def test_wrapped_entrypoint_times_out(namespace):
    namespace.has(catalogue=False)
    namespace.make_secret()
    namespace.apply("profile.yaml", with_env(manifest("wrapped-entrypoint.yaml"), "shop", STARTGUARD_TIMEOUT="1s"))
    state = namespace.wait_ended("shop", 124)
    assert state["message"].startswith("startguard: BLOCKED (124): http.catalogue: connect-refused: ")


def test_sidecar_is_there_before_the_guard(namespace):
    namespace.apply("sidecar.yaml")
    pod = namespace.wait_ready()
    assert ended_state(pod, "startguard")["message"].startswith("startguard: READY: 1 check passed in ")
    assert "running" in status_of(pod, "opa")["state"]


def test_sidecar_that_lacks_the_policy(namespace):
    """The policy may come later, as long as the time is not up."""
    first, deployment = yaml.safe_load_all((MANIFESTS / "sidecar.yaml").read_text("utf-8"))
    first["data"]["prices.rego"] = "package shop.other\nallow := true\n"
    namespace.apply(first, with_env(deployment, "startguard", STARTGUARD_TIMEOUT="2s"))
    message = namespace.wait_ended("startguard", 124)["message"]
    assert message.startswith("startguard: BLOCKED (124): opa.prices: opa-undefined: ")


def test_startup_probe(namespace):
    """Not started while the catalogue refuses; started once it is there. The service runs all the time."""
    namespace.has(catalogue=False)
    namespace.make_secret()
    namespace.apply("profile.yaml", "startup-probe.yaml")

    def probed(_):
        events = namespace.kubectl("get", "events", "-o", "jsonpath={.items[*].message}").stdout
        return "Startup probe failed" in events and events

    pod = namespace.wait_pod(probed, "the probe fails")
    assert "http.catalogue: connect-refused" in probed(pod)
    assert status_of(pod, "shop")["started"] is False and not is_ready(pod)
    namespace.has(catalogue=True)
    pod = namespace.wait_ready()
    assert status_of(pod, "shop")["started"] is True
    assert status_of(pod, "shop")["restartCount"] == 0


def test_service_out_of_memory(namespace):
    """The service has become startguard's process: the status shows its own end."""
    deployment = manifest("wrapped-entrypoint.yaml")
    deployment["spec"]["template"]["spec"]["containers"][0]["args"] = ["tail", "/dev/zero"]
    namespace.make_secret()
    namespace.apply("profile.yaml", deployment)
    assert namespace.wait_ended("shop", 137)["reason"] == "OOMKilled"


def test_check_out_of_memory(namespace):
    """An exec check whose program takes more than the container has. Where the kernel kills that program alone (control groups
    of version 1), startguard says that it was killed; where it kills the whole container, the reason is all there is."""
    profile = manifest("profile.yaml")
    profile["data"]["shop.cfg"] = 'startguard = 1;\nexec: { greedy: { command = ["tail", "/dev/zero"]; }; };\n'
    deployment = with_env(manifest("init-container.yaml"), "startguard", STARTGUARD_TIMEOUT="2s")
    deployment["spec"]["template"]["spec"]["initContainers"][0]["image"] = "registry.example/shop:1.4.2"
    deployment["spec"]["template"]["spec"]["initContainers"][0]["command"] = ["/startguard"]
    namespace.make_secret()
    namespace.apply(profile, deployment)

    def ended(pod):
        return ended_state(pod, "startguard")

    state = ended_state(namespace.wait_pod(ended, "the guard ends"), "startguard")
    assert state["reason"] == "OOMKilled"
    assert state["exitCode"] == 137 or "exec-signal tail: ended by signal 9" in state["message"], state


def snippet(page, first):
    """The fenced block of a page that begins with these words."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.S | re.M)
    (found,) = [block for block in blocks if block.startswith(first)]
    return yaml.safe_load(found)


@pytest.mark.parametrize(
    "there, code, message", [(True, 0, "startguard: READY: "), (False, 124, "startguard: BLOCKED (124): ")]
)
def test_snippet_of_the_readme(namespace, there, code, message):
    """As it is written, in a pod of the same image; a pod as small as that is not a restricted one."""
    namespace.kubectl("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce-")
    namespace.has(catalogue=there)
    spec = snippet("README.md", "initContainers:")
    container = {"name": "shop", "image": spec["initContainers"][0]["image"], "command": ["sleep", "300"]}
    spec = {**spec, "containers": [container], "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": spec})
    state = namespace.wait_ended("startguard", code)
    assert state["message"].startswith(message)
