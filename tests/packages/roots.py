"""Commands, commands inside a root, and what is in a root."""

import os
import subprocess

from harness import unshare


def run(*line, **options):
    """A command that must end with 0; what it says comes back."""
    done = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{line}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def inside(root, *line, **options):
    """Runs a command in a root, as root there, without network."""
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    return run(*unshare("--mount", "--net", f"--root={root}", "--wd=/"), *line, env=environment, **options)


NOT_OURS = ("dev", "var/lib/dpkg", "var/log", "var/cache", "run", "tmp")


def tree(root):
    """Everything in a root but the records of package managers, with modes and owners."""
    found = {}
    for folder, folders, names in os.walk(root):
        here = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if os.path.normpath(os.path.join(here, name)) not in NOT_OURS]
        for name in [*names, *folders]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[os.path.normpath(os.path.join(here, name))] = (oct(status.st_mode), status.st_uid, status.st_gid)
    return found
