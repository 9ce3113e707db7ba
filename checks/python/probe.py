"""What the python kind runs in the service's interpreter; probe.h says what goes in and out.

Python 2.7 must be able to read it, to answer that it is too old. Nothing is imported here but what every interpreter has loaded
already: the service's folder comes first in the path of modules, and a module there may have any name.
"""

import os
import sys

CHANNEL_LOST = 97  # PROBE_CHANNEL_LOST
VERSION = (
    r"v?(?:([0-9]+)!)?([0-9]+(?:[.][0-9]+)*)"
    r"(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?"
    r"(?:(-(?=[0-9])|[-_.]?(?:post|rev|r)[-_.]?)([0-9]*))?"
    r"(?:[-_.]?(dev)[-_.]?([0-9]*))?"
    r"(?:[+]([a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)


# ---- the channel ----


def one_line(value, length):
    try:
        return " ".join(str(value).replace("\0", "?").split())[:length]
    except BaseException:
        return "an error whose text cannot be made"


def open_channel(descriptor):
    global channel, pipe
    channel, pipe = descriptor, os.fstat(descriptor)[:3]


def emit(*fields):
    """Writes a line at once: what was told stays, whatever the next import does."""
    line = "\t".join([one_line(field, 900) for field in fields]).encode("utf-8", "replace")
    try:
        if os.fstat(channel)[:3] != pipe:
            raise OSError()
        os.write(channel, line[:4000] + b"\n")
    except OSError:
        os._exit(CHANNEL_LOST)


def reason(error):
    """The error that is being handled: its type, its text, and the last line of a file that it came through."""
    try:
        place, trace = "", sys.exc_info()[2]
        while trace:
            name = trace.tb_frame.f_code.co_filename
            if name[:1] != "<":
                place = " (%s:%d)" % (name[-140:], trace.tb_lineno)
            trace = trace.tb_next
        return type(error).__name__ + ": " + one_line(error, 200) + place
    except BaseException:
        return "an error that cannot be described"


# ---- versions (PEP 440) ----


def read_version(text):
    """(public version, local version, epoch, release); the first two compare as PEP 440 orders versions. None: not a version."""
    found = re.match(VERSION + r"\Z", text.strip().lower())
    if not found:
        return None
    epoch, release, pre, pre_n, post, post_n, dev, dev_n, local = found.groups()
    epoch, release = int(epoch or 0), [int(n) for n in release.split(".")]
    significant = release[:]
    while significant and not significant[-1]:
        del significant[-1]
    # 1.dev1 < 1a1 < 1b1 < 1rc1 < 1 < 1.post1, and each of them comes after its own .dev
    stage = {"a": "a", "b": "b", "r": "c", "c": "c", "p": "c"}[pre[0]] if pre else "" if dev and not post else "z"
    public = (
        epoch,
        significant,
        stage,
        int(pre_n or 0),
        int(post_n or 0) if post else -1,
        int(dev_n or 0) if dev else float("inf"),
    )
    parts = re.split("[-_.]", local) if local else []
    return public, [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts], epoch, release


def in_series(version, epoch, series):
    padded = version[3] + [0] * len(series)
    return version[2] == epoch and padded[: len(series)] == series


def holds(version, operator, text):
    """Does the version satisfy this one specifier? What is installed is a fact: pre-releases count like all others."""
    wanted = read_version(text[:-2] if text.endswith(".*") else text)
    wanted_public, wanted_local, epoch, release = wanted
    public, local = version[:2]
    if operator in ("==", "!="):
        if text.endswith(".*"):
            equal = in_series(version, epoch, release)
        else:
            equal = public == wanted_public and (not wanted_local or local == wanted_local)
        return equal == (operator == "==")
    if operator == "~=":
        return public >= wanted_public and in_series(version, epoch, release[:-1])
    if operator == "<=":
        return public <= wanted_public
    if operator == ">=":
        return public >= wanted_public
    stage, post, dev = wanted_public[2], wanted_public[4], wanted_public[5]
    is_final = stage == "z" and dev == float("inf")
    if operator == "<":  # its own pre-releases are not less than a release
        return public < (read_version(text + ".dev0")[0] if is_final else wanted_public)
    # its own post-releases are not greater than a release
    return public > wanted_public and not (
        post < 0 and dev == float("inf") and public[4] >= 0 and public[:4] == wanted_public[:4]
    )


def judge(version, specifiers):
    """Does the version satisfy ">= 2.3, < 3"? probe.h has the answers."""
    if not specifiers:
        return "met"
    version = read_version(version)
    if not version:
        return "unclear"
    for specifier in specifiers.split(","):
        operator, text = re.match(r"\s*([=!<>~]=?)\s*(\S+)", specifier).groups()
        if not holds(version, operator, text):
            return "not met"
    return "met"


# ---- distributions ----


def import_own_modules():
    """Imports modules of the standard library, whatever the service's folder has under the same names."""
    global metadata, re, path
    path, library = sys.path, os.path.dirname(os.__file__)
    sys.path = [
        p
        for p in path
        if p.startswith(library)
        and "-packages" not in p
        or p.endswith(".zip")
        and os.path.dirname(p) == os.path.dirname(library)
    ]
    import re
    from importlib import metadata


def version_of(distribution):
    try:
        return distribution.version or ""
    except Exception:
        return ""


def normalized(name):
    return re.sub("[-_.]+", "-", name).lower()


def installed_versions(name):
    for separator in "", "-", "_", ".":
        spelling = re.sub("[-_.]+", separator, name) if separator else name
        found = [version_of(d) for d in metadata.distributions(name=spelling, path=path)]
        if found:
            return found
    if sys.version_info >= (3, 10):
        return []
    # Older ones compare names as they are written.
    found = []
    for d in metadata.distributions(path=path):
        try:
            if normalized(d.metadata["Name"]) == normalized(name):
                found.append(version_of(d))
        except Exception:
            continue
    return found


def look_for(tag, requirement):
    name, specifiers = re.match(r"\s*([-.\w]+)\s*(.*)", requirement).groups()
    try:
        found = installed_versions(name)
        # The first one is what is imported; one that is forbidden must not be there at all.
        for version in found[:1] if tag[0] == "d" else sorted(set(found)):
            emit("distribution", tag, version, judge(version, specifiers))
        if not found:
            emit("no distribution", tag)
    except Exception as e:
        emit("unclear", tag, reason(e))


def look_for_distributions(wanted):
    """In a process of its own: the modules that this takes must not be loaded when the service's are imported."""
    pid = os.fork()
    if not pid:
        try:
            import_own_modules()
            for tag, requirement in wanted:
                look_for(tag, requirement)
        except BaseException as e:
            emit("unclear", wanted[0][0], reason(e))
        os._exit(0)
    os.waitpid(pid, 0)


# ---- modules ----


def import_module(name):
    """Imports it as the service does, and returns it; None when that fails."""
    emit("importing", name)
    try:
        module = __import__(name)
        emit("imported", name)
        return module
    except ModuleNotFoundError as e:
        own = isinstance(e.name, str) and (name + ".").startswith(e.name + ".")
        emit("missing" if own else "broken", name, reason(e))
    except BaseException as e:
        emit("broken", name, reason(e))
    return None


def ask_client(client):
    emit("asking")
    try:
        emit("librdkafka", *client.libversion()[:2])
    except BaseException as e:
        emit("no librdkafka", reason(e))


def main():
    open_channel(int(sys.argv[1]))
    wanted = [one.split("=", 1) for one in sys.argv[2:]]
    sys.argv = [""]
    if sys.path[:1] == [""]:  # an import may change the folder
        try:
            sys.path[0] = os.getcwd()
        except OSError:
            pass
    emit("python", ".".join([str(n) for n in sys.version_info[:3]]), sys.executable)
    if sys.version_info < (3, 8):
        emit("too old")
        os._exit(0)
    distributions = [pair for pair in wanted if pair[0][0] in "df"]
    if distributions:
        look_for_distributions(distributions)
    modules = {name: import_module(name) for name in dict.fromkeys(name for tag, name in wanted if tag[0] == "m")}
    client = modules.get("confluent_kafka") or sys.modules.get("confluent_kafka")
    if client:
        ask_client(client)
    emit("end")
    os._exit(0)  # without waiting for threads of the service's


if __name__ == "__main__":
    main()
