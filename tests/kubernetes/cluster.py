"""A cluster of one node: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, containerd and a kubelet.

It is to run in namespaces of its own (network, mount, process ids: make check-kubernetes), where port numbers are free and
what is mounted belongs to it. A kubelet's control groups are visible to the whole machine: they stand below one folder,
which close() removes. There is no kube-proxy; names are answered by the tests' own name server.
"""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import ssl
import subprocess

import images

from servers import common

NODE = "10.99.0.1"  # the node, and whatever the tests serve
CLOSED = "10.99.0.3"  # nothing listens there
PODS = "10.99.1.0/24"
API = 6443
CGROUPS = pathlib.Path("/sys/fs/cgroup")

CONTAINERD = """version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""

NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods0",
            "isGateway": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
        },
        {"type": "loopback"},
    ],
}

KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    "address": NODE,
    "cgroupDriver": "cgroupfs",
    "enforceNodeAllocatable": [],
    "failSwapOn": False,
    "failCgroupV1": False,
    "oomScoreAdj": 0,
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "resolvConf": "",
    "clusterDNS": [NODE],
    "clusterDomain": "cluster.local",
    "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    "nodeStatusUpdateFrequency": "1s",
    "syncFrequency": "2s",
    "imageGCHighThresholdPercent": 100,
    "localStorageCapacityIsolation": False,
}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, **more)


class Daemon(common.Server):
    """One program of the cluster. ready() answers whether it has started."""

    start_seconds = 120

    def __init__(self, name, command, ready):
        super().__init__()
        self.name, self._command, self._ready = name, command, ready

    def command(self):
        return self._command

    def is_ready(self):
        return self._ready()


def set_up_namespaces():
    """The node's network and mounts. Refuses where they are not the test's own."""
    links = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout)
    if any(link["link_type"] == "ether" for link in links):
        raise common.StartError("this network namespace has interfaces: run make check-kubernetes, which makes one of its own")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node1")
    for address in (NODE, CLOSED):
        run("ip", "addr", "add", f"{address}/24", "dev", "node0")
    run("ip", "link", "set", "node0", "up")
    run("ip", "link", "set", "node1", "up")
    run("ip", "route", "add", "default", "via", "10.99.0.2")  # the kubelet asks for a default route
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    # Mounts of the runtime must be seen by kubelet and runc alike; nothing reaches the machine's own folders.
    run("mount", "--make-rshared", "/")
    for folder in ("/run", "/var/log", "/var/lib/cni", "/var/lib/kubelet"):
        if os.path.isdir(folder):
            run("mount", "-t", "tmpfs", "tmpfs", folder)


def cgroup_folders(name):
    """The folder `name` of each hierarchy."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / name]
    return [folder / name for folder in CGROUPS.iterdir() if folder.is_dir() and not folder.is_symlink()]


def make_cgroups(name):
    for folder in cgroup_folders(name):
        folder.mkdir()
        cpus, nodes = (folder / f"cpuset.{what}" for what in ("cpus", "mems"))
        for file in (cpus, nodes):
            if file.exists() and not (CGROUPS / "cgroup.controllers").exists():
                file.write_text((folder.parent / file.name).read_text())
    if (CGROUPS / "cgroup.controllers").exists():
        for folder in (CGROUPS, CGROUPS / name):
            words = (folder / "cgroup.controllers").read_text().split()
            (folder / "cgroup.subtree_control").write_text(" ".join(f"+{word}" for word in words))


def remove_cgroups(name):
    """A group whose last process has just ended is busy for a moment."""

    def removed():
        for top in cgroup_folders(name):
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        return not any(top.exists() for top in cgroup_folders(name))

    common.wait_for(removed, what="the control groups are removed", seconds=20)


class Cluster:
    """kubectl(), helm(), get(), wait_for_pod(); .folder"""

    def __init__(self, folder, programs, startguard):
        self.folder, self.programs = folder, programs
        self.kubeconfig = folder / "kubeconfig"
        self.cgroup = f"startguard-test-{os.getpid()}-{secrets.token_hex(3)}"
        self._startguard = startguard
        self._token = secrets.token_hex(16)
        self._tls = ssl._create_unverified_context()
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            set_up_namespaces()
            make_cgroups(self.cgroup)
            stack.callback(remove_cgroups, self.cgroup)
            self._stack = stack
            stack.callback(self._end_containers)
            self._write_files()
            self._start_store_and_runtime()
            self._start_api()
            self._start_node()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    # ---- what tests use ----

    def kubectl(self, *words, text=None, check=True):
        """A finished kubectl. text: its standard input."""
        return self._run(self.programs / "kubectl", *words, text=text, check=check)

    def helm(self, *words, check=True):
        return self._run(self.programs / "helm", *words, check=check)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def apply(self, text, *words):
        return self.kubectl("apply", "--validate=strict", "-f", "-", *words, text=text)

    def wait_for(self, question, what, seconds=90):
        return common.wait_for(question, what=what, seconds=seconds, pause=0.2)

    def _run(self, *words, text=None, check=True):
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)}
        done = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True, env=environment, timeout=180)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, words))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    # ---- how it starts ----

    def _start(self, *daemons):
        for daemon in daemons:
            daemon.launch()
            self._stack.callback(daemon.stop)
        for daemon in daemons:
            daemon.wait_ready()

    def _write_files(self):
        (self.folder / "cni").mkdir()
        (self.folder / "cni/10-pods.conflist").write_text(json.dumps(NETWORK))
        (self.folder / "containerd.toml").write_text(CONTAINERD.format(folder=self.folder, pause=images.PAUSE))
        (self.folder / "kubelet.yaml").write_text(json.dumps({**KUBELET, "cgroupRoot": f"/{self.cgroup}"}))
        (self.folder / "tokens.csv").write_text(f'{self._token},admin,admin,"system:masters"\n')
        key = self.folder / "service-account.key"
        run("openssl", "genrsa", "-out", key, "2048", stderr=subprocess.DEVNULL)
        cluster = {"server": f"https://127.0.0.1:{API}", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config))

    def _start_store_and_runtime(self):
        etcd = ["etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "error"]
        if "unsafe-no-fsync" not in subprocess.run(["etcd", "--help"], capture_output=True, text=True).stdout:
            etcd.remove("--unsafe-no-fsync")
        containerd = shutil.which("containerd")
        self._start(
            Daemon("etcd", etcd, lambda: common.http("GET", "http://127.0.0.1:2379/health")[0] == 200),
            Daemon("containerd", [containerd, "-c", self.folder / "containerd.toml"], self._runtime_answers),
        )
        (self.folder / "images").mkdir()
        for archive in images.write_all(self.folder / "images", self._startguard):
            run("ctr", "-n", "k8s.io", "images", "import", archive, stdout=subprocess.DEVNULL)

    def _runtime_answers(self):
        return subprocess.run(["ctr", "version"], capture_output=True).returncode == 0

    def _start_api(self):
        key = self.folder / "service-account.key"
        server = [
            self.programs / "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=AlwaysAllow",
            "--service-cluster-ip-range=10.99.2.0/24",
            f"--cert-dir={self.folder}/certificates",
            "--disable-admission-plugins=ServiceAccount",
            "--bind-address=127.0.0.1",
            f"--secure-port={API}",
            f"--advertise-address={NODE}",
            "--kubelet-preferred-address-types=InternalIP",
        ]
        self._start(Daemon("kube-apiserver", server, lambda: self._ask("/readyz") == "ok"))

    def _ask(self, path):
        connection = http.client.HTTPSConnection("127.0.0.1", API, context=self._tls, timeout=5)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            return connection.getresponse().read().decode()
        except OSError:
            return None
        finally:
            connection.close()

    def _start_node(self):
        config = f"--kubeconfig={self.kubeconfig}"
        elect = "--leader-elect=false"
        kubelet = [
            self.programs / "kubelet",
            f"--config={self.folder}/kubelet.yaml",
            config,
            "--hostname-override=node",
            f"--node-ip={NODE}",
            f"--root-dir={self.folder}/kubelet",
        ]
        controllers = "--controllers=*,-serviceaccount-token-controller"
        self._start(
            Daemon("kubelet", kubelet, self._node_is_ready),
            Daemon("kube-scheduler", [self.programs / "kube-scheduler", config, elect], lambda: True),
            Daemon(
                "kube-controller-manager", [self.programs / "kube-controller-manager", config, elect, controllers], lambda: True
            ),
        )

    def _node_is_ready(self):
        said = self.kubectl("get", "node", "node", "-o", "json", check=False)
        if said.returncode:
            return False
        conditions = {c["type"]: c["status"] for c in json.loads(said.stdout)["status"].get("conditions", [])}
        return conditions.get("Ready") == "True"

    def _end_containers(self):
        """For what is left when kubelet and containerd have gone."""
        for top in cgroup_folders(self.cgroup):
            for file in top.rglob("cgroup.procs"):
                for pid in file.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
