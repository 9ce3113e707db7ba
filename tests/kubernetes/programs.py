"""The programs of Kubernetes and helm, built from their Go modules. `python programs.py` builds them, and the OPA of
a sidecar, and prints their folder.

programs/go.mod pins the versions and programs/go.sum the contents. The result is kept in the cache under a hash of both; the
build takes about six minutes on two processors.
"""

import hashlib
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from servers import common, opa  # noqa: E402

MODULE = HERE / "programs"
GO_NEEDED = (1, 24)  # its go.mod
FLAGS = ["-p", "2", "-trimpath", "-mod=readonly", "-gcflags=all=-dwarf=false"]
PACKAGES = re.findall(r'_ "(\S+)"', (MODULE / "tools.go").read_text("utf-8"))


def version(module):
    return re.search(rf"^\t{re.escape(module)} (v\S+)$", (MODULE / "go.mod").read_text("utf-8"), re.M)[1]


KUBERNETES = version("k8s.io/kubernetes")
HELM = version("helm.sh/helm/v3")
# As the projects' own makefiles set them: a node is refused by a server that does not know its own version.
VARIABLES = {
    "k8s.io/component-base/version.gitVersion": KUBERNETES,
    "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
    "helm.sh/helm/v3/internal/version.version": HELM,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": KUBERNETES[1:].split(".")[0],
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": KUBERNETES.split(".")[1],
}


def install():
    """The folder that has kubelet, kube-apiserver, kube-scheduler, kube-controller-manager, kubectl and helm."""
    inputs = [(MODULE / name).read_bytes() for name in ("go.mod", "go.sum", "tools.go")]
    digest = hashlib.sha256(b"\0".join([*inputs, repr((FLAGS, VARIABLES)).encode()])).hexdigest()[:12]
    return common.cached(f"kubernetes-{KUBERNETES}-{digest}", _build)


def _build(folder):
    variables = " ".join(f"-X {name}={value}" for name, value in VARIABLES.items())
    work = folder / "module"
    shutil.copytree(MODULE, work)
    common.run_tool(
        [opa.go(GO_NEEDED), "build", *FLAGS, f"-ldflags=-s -w {variables}", "-o", f"{folder}/", *PACKAGES],
        what=f"building Kubernetes {KUBERNETES}",
        env={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"},
        cwd=work,
    )
    common.remove_tree(work)


KYVERNO = "v1.14.4"
POLICIES = "config/crds/kyverno/kyverno.io_clusterpolicies.yaml"
POLICIES_SHA256 = "376cf482c6aa04b2c652b32756a0244f71627450f6f6e3ddbae1da74f6eb293e"


def install_kyverno():
    """The file with the schema of Kyverno's policies, from its Go module."""
    return common.cached(f"kyverno-{KYVERNO}", _fetch_kyverno) / "clusterpolicies.yaml"


def _fetch_kyverno(folder):
    words = ["mod", "download", "-json", f"github.com/kyverno/kyverno@{KYVERNO}"]
    environment = {"GOTOOLCHAIN": "local", "GOFLAGS": ""}
    said = common.run_tool([opa.go(GO_NEEDED), *words], what=f"fetching Kyverno {KYVERNO}", env=environment, cwd=folder)
    schema = (pathlib.Path(re.search(r'"Dir": "(.*)"', said)[1]) / POLICIES).read_bytes()
    if hashlib.sha256(schema).hexdigest() != POLICIES_SHA256:
        raise common.StartError(f"{POLICIES} of Kyverno {KYVERNO} is not the one that is pinned")
    (folder / "clusterpolicies.yaml").write_bytes(schema)


if __name__ == "__main__":
    print(install())
    opa.install()
    install_kyverno()
