"""Makes a folder of a Dockerfile, as far as a start depends on it: what its COPY lines copy and its `RUN pip install` lines install.

    with tempfile.TemporaryDirectory() as folder:
        image = build(folder, "849b24b", leave_out=["COPY libs /app/libs", "fastavro"])
        image.app          # the folder that is /app there
        image.environment  # ENV lines and a PATH on which `python` is the image's own

A folder /X of the Dockerfile is FOLDER/X, in the values of ENV too. Distributions come from one folder that pip fills once with
the exact versions of requirements.txt; an image has hard links to the files of those its Dockerfile names, and of what they need.
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from servers import common

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
OLD_KAFKA = "kafka-python==2.0.2"  # pinned by the system for its developers; cannot be imported by Python 3.12


@dataclasses.dataclass
class Image:
    folder: pathlib.Path
    commit: str
    environment: dict

    @property
    def app(self):
        return self.folder / "app"

    @property
    def site(self):
        return self.folder / "usr/lib/site-packages"

    def replace(self, path, old, new):
        """Changes the text of a file of the image. Its other images keep theirs: the file is written anew."""
        file = self.folder / path
        text = file.read_text()
        if old not in text:
            raise ValueError(f"{path} has no {old!r}")
        file.unlink()
        file.write_text(text.replace(old, new))


def dockerfile(commit, leave_out=(), add=()):
    """The lines of a commit's Dockerfile. leave_out: whole lines, or names of distributions; add: lines at the end."""
    lines = [line for line in (HERE / f"Dockerfile.{commit}").read_text().splitlines() if line and line[0] != "#"]
    for what in leave_out:
        if what in lines:
            lines.remove(what)
            continue
        found = [i for i, line in enumerate(lines) if line.startswith("RUN pip install ") and what in line.split()]
        if len(found) != 1:
            raise ValueError(f"Dockerfile.{commit} does not name {what!r} once")
        lines[found[0]] = " ".join(word for word in lines[found[0]].split() if word != what)
    return lines + list(add)


def build(folder, commit, leave_out=(), add=()):
    """An image in a new folder."""
    image = Image(pathlib.Path(folder), commit, {})
    for line in dockerfile(commit, leave_out, add):
        word, _, rest = line.partition(" ")
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(commit, source, image.folder / target.lstrip("/"), target.endswith("/"))
        elif word == "ENV":
            name, _, value = rest.partition("=")
            image.environment[name] = re.sub(r"(?<![\w.])/(?=\w)", f"{image.folder}/", value)
        elif word == "RUN":
            _run(image, rest)
        elif word not in ("FROM", "WORKDIR", "USER", "ENTRYPOINT"):
            raise ValueError(f"Dockerfile.{commit}: {line}")
    _link_python(image)
    return image


def _copy(commit, source, target, into):
    """What the commit has of its own lies over the common tree."""
    if source == "proto":
        shutil.copytree(ROOT / "profiles/somabrain/schemas" / commit, target / "cog")
        return
    found = [HERE / tree / source for tree in ("source", commit) if (HERE / tree / source).exists()]
    if not found:
        raise ValueError(f"Dockerfile.{commit}: no {source} to copy")
    for path in found:
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place = target / path.name if into else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def _run(image, command):
    words = shlex.split(command.partition("||")[0])
    if words[:2] == ["mkdir", "-p"]:
        for path in words[2:]:
            (image.folder / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif words[:2] == ["chown", "-R"]:
        owner = words[2] if os.geteuid() == 0 else str(os.geteuid())
        subprocess.run(["chown", "-R", owner, *(image.folder / path.lstrip("/") for path in words[3:])], check=True)
    elif words[:2] == ["pip", "install"]:
        for word in words[2:]:
            _install(image, word)
    else:
        raise ValueError(f"RUN {command}")


def _install(image, word):
    if word == OLD_KAFKA:
        remove(image, "kafka-python")
        _link(image, _old_kafka(), _index(_old_kafka())["kafka-python"])
        return
    for name in _needs(canonicalize_name(word)):
        _link(image, _installed(), _index(_installed())[name])


def remove(image, name):
    """As `pip uninstall`."""
    for file in _index(_installed())[canonicalize_name(name)].files:
        (image.site / file).unlink(missing_ok=True)


def _link(image, source, distribution):
    for file in distribution.files:
        if ".." in file.parts:
            continue  # scripts: the services are started as modules
        place = image.site / file
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            continue
        try:
            os.link(source / file, place)
        except OSError:  # another file system
            shutil.copy2(source / file, place)


def _link_python(image):
    """`python` sees the image's distributions and nothing else: a virtual environment, made without ensurepip."""
    program = image.folder / "venv/bin/python"
    program.parent.mkdir(parents=True)
    base = pathlib.Path(_python())
    program.symlink_to(base)
    (image.folder / "venv/pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    library = image.folder / f"venv/lib/python{sys.version_info.major}.{sys.version_info.minor}"
    library.mkdir(parents=True)
    (library / "site-packages").symlink_to(image.site)
    image.environment["SOMABRAIN_APP_DIR"] = str(image.app)
    own = [program.parent, image.folder / "usr/local/bin", image.folder / "usr/bin"]
    image.environment["PATH"] = ":".join([*map(str, own), "/usr/local/bin", "/usr/bin", "/bin"])


def _python():
    """The system's, where it is of the version that the wheels are for: another user can run it."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = pathlib.Path("/usr/bin", name)
    return found if found.exists() else sys._base_executable


@functools.cache
def _python_version():
    words = [_python(), "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


# ---- distributions ----


@functools.cache
def _installed():
    return _pip(REQUIREMENTS.read_bytes(), "-r", REQUIREMENTS)


@functools.cache
def _old_kafka():
    return _pip(OLD_KAFKA.encode(), OLD_KAFKA)


def _pip(recipe, *what):
    hash = hashlib.sha256(sys.version.encode() + recipe).hexdigest()[:12]

    def fill(folder):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        words = [*pip, "--only-binary", ":all:", "--target", folder, *what]
        common.run_tool(words, what=f"pip install of {REQUIREMENTS.name}")

    return common.cached(f"somabrain-{hash}", fill)


@functools.cache
def _index(folder):
    found = importlib.metadata.distributions(path=[str(folder)])
    return {canonicalize_name(one.metadata["Name"]): one for one in found}


@functools.cache
def _needs(name):
    """The distribution and all that it needs. psycopg is taken with its library, as its users do."""
    names, new = set(), [name]
    while new:
        one = new.pop()
        if one in names:
            continue
        names.add(one)
        index = _index(_installed())
        if one not in index:
            raise ValueError(f"requirements.txt lacks {one}, which {name} needs")
        wanted = [Requirement(text) for text in index[one].requires or []]
        where = {"extra": "", "python_full_version": _python_version()}
        new += [canonicalize_name(want.name) for want in wanted if not want.marker or want.marker.evaluate(where)]
        if one == "psycopg":
            new.append("psycopg-binary")
    return sorted(names)
